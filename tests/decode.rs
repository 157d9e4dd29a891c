//! Files of every kind to records: what comes out, what is refused, and that nothing is lost or read twice.

#![allow(clippy::unwrap_used)] // a test fails by it

use flate2::{Compression, write::GzEncoder};
use s3sleuth::decode::{Block, Limits, Unit, UnitReport, decode_unit, read_inputs};
use s3sleuth::ledger::FileStatus;
use s3sleuth::parse::{LogType, s3_access};
use s3sleuth::source;
use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "decode/bombs.rs"]
mod bombs;
#[path = "decode/changed.rs"]
mod changed;
#[path = "decode/guess.rs"]
mod guess;

const LINE: &str = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a.txt \
                    \"GET /a.txt HTTP/1.1\" 200 - 10 10 5 4 \"-\" \"curl/8.0\" - s9lzHYrF= SigV4 - - - -";

/// File, number, offset and text of a record.
type Record = (String, u64, u64, String);

#[derive(Default)]
struct Decoded {
    records: Vec<Record>,
    report: UnitReport<'static>,
}

impl Decoded {
    fn texts(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.3.as_str()).collect()
    }

    fn status(&self) -> &FileStatus {
        assert_eq!(self.report.files.len(), 1, "{:?}", self.report.files);
        &self.report.files[0].status
    }

    fn reasons(&self) -> Vec<(u64, u64, &str)> {
        self.report.rejects.iter().map(|reject| (reject.number, reject.offset, reject.reason)).collect()
    }
}

fn decode(path: &Path, limits: &Limits) -> Decoded {
    let inputs = source::collect(&[path]).unwrap();
    let mut units = Vec::new();
    let _ = read_inputs(&inputs.files, limits, &mut |unit| {
        units.push(unit);
        ControlFlow::Continue(())
    });
    let mut decoded = Decoded::default();
    for (index, unit) in units.into_iter().enumerate() {
        assert_eq!(unit.sequence, index as u64);
        let records = &mut decoded.records;
        let mut each = |block: Block| {
            take_apart(&block, records);
            ControlFlow::Continue(())
        };
        let _ = decode_unit(unit, limits, &mut each, &mut decoded.report);
    }
    decoded
}

fn take_apart(block: &Block, records: &mut Vec<Record>) {
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&block.bytes[range]).into_owned();
    if block.log == LogType::CloudTrail {
        for frame in &block.records {
            let file = block.segments[frame.segment as usize].file.to_string();
            records.push((file, frame.number, frame.offset, text(frame.start as usize..frame.end as usize)));
        }
        return;
    }
    for (index, segment) in block.segments.iter().enumerate() {
        let end = block.segments.get(index + 1).map_or(block.bytes.len(), |next| next.start as usize);
        let mut start = segment.start as usize;
        let mut number = segment.first_number;
        while start < end {
            let rest = &block.bytes[start..end];
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let offset = segment.first_offset + (start - segment.start as usize) as u64;
            records.push((segment.file.to_string(), number, offset, text(start..start + length)));
            number += 1;
            start += length + 1;
        }
    }
}

fn decode_bytes(bytes: &[u8], limits: &Limits) -> Decoded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, bytes).unwrap();
    decode(&path, limits)
}

/// Small files on a worker, and the same as a stream on the reading thread.
fn both_ways(bytes: &[u8]) -> Decoded {
    let packed = decode_bytes(bytes, &Limits::default());
    let streamed = decode_bytes(bytes, &Limits { small_file: 0, ..Limits::default() });
    assert_eq!(packed.texts(), streamed.texts());
    assert_eq!(packed.reasons(), streamed.reasons());
    let outcomes = |decoded: &Decoded| -> Vec<_> {
        decoded.report.files.iter().map(|file| (file.status.clone(), file.limit_hit, file.bytes)).collect()
    };
    assert_eq!(outcomes(&packed), outcomes(&streamed));
    packed
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn lines(count: usize) -> String {
    (0..count).map(|number| LINE.replace("a.txt", &format!("{number}.txt")) + "\n").collect()
}

fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("S3SLEUTH_SHARED").map(PathBuf::from);
    let found = [Some(beside), named].into_iter().flatten().find(|path| path.join("data").is_dir());
    if found.is_none() {
        // Not a failure: the data is not part of the project.
        let _ = writeln!(std::io::stderr(), "skipped: no shared test data");
    }
    found
}

#[test]
fn lines_that_are_left_in_their_file_are_those_of_a_stream() {
    let lines = |count: usize| (0..count).map(|number| format!("{LINE} {number}\n")).collect::<String>();
    let long = |length: usize| format!("{}\n", LINE.replace("a.txt", &"x".repeat(length)));
    for text in [
        lines(1),
        lines(100),
        format!("\u{feff}{}{LINE}", lines(100)),
        format!("{}{}{}", lines(50), long(700_000), lines(50)),
        format!("{}{}{}{}", lines(50), long(1_500_000), lines(50), long(3_000_000)),
        format!("{}{}\n\n\r\n{LINE}", long(3_000_000), lines(3)),
    ] {
        let limits =
            |block_size, small_file| Limits { block_size, small_file, max_line: 2 << 20, ..Limits::default() };
        let whole = decode_bytes(text.as_bytes(), &limits(1 << 20, u64::MAX >> 1));
        for block_size in [1, 1000, 1 << 20] {
            let left = decode_bytes(text.as_bytes(), &limits(block_size, 0));
            let numbered =
                |decoded: &Decoded| decoded.records.iter().map(|record| (record.1, record.2)).collect::<Vec<_>>();
            assert_eq!(left.texts(), whole.texts());
            assert_eq!((numbered(&left), left.reasons()), (numbered(&whole), whole.reasons()));
            assert_eq!((left.status(), left.report.files[0].bytes), (&FileStatus::Read, text.len() as u64));
        }
    }
}

#[test]
fn no_line_beyond_the_limit_is_left_in_its_file() {
    let max_line = 1000 + (1 << 20);
    let limits = |small_file| Limits { block_size: 1000, small_file, max_line, ..Limits::default() };
    let mut refused = 0;
    for length in [max_line - 1, max_line, max_line + 1, max_line + 2000, max_line + 5000] {
        let line = LINE.replace("a.txt", &"x".repeat(length));
        let text = format!("{LINE}\n{}\n{LINE}\n", &line[line.len() - length..]);
        let [left, whole] =
            [0, u64::MAX >> 1].map(|small_file| decode_bytes(text.as_bytes(), &limits(small_file)));
        assert_eq!((left.texts(), left.reasons()), (whole.texts(), whole.reasons()), "{length}");
        refused += left.reasons().len();
    }
    assert_eq!(refused, 3);
}

#[test]
fn every_envelope_gives_the_records_inside() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("data/cloudtrail/wrappers");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let record = |name: &str| decode(&folder.join(name), &Limits::default());
    let plain = value(record("envelope.json").texts()[0]);
    for (name, count) in [
        ("bare_array.json", 1),
        ("cwlogs_firehose_concatenated.json.gz", 2),
        ("cwlogs_subscription.json", 1),
        ("envelope.json", 1),
        ("envelope.json.gz", 1),
        ("envelope_two_members.json.gz", 2),
        ("eventbridge.json", 1),
        ("lookup_events.json", 1),
        ("ndjson.json", 2),
        ("aggregated.json", 1),
        ("network_activity_denied.json", 1),
    ] {
        let decoded = record(name);
        assert_eq!(decoded.status(), &FileStatus::Read, "{name}");
        assert_eq!(decoded.records.len(), count, "{name}");
        assert!(decoded.report.rejects.is_empty(), "{name}");
        if !matches!(name, "aggregated.json" | "network_activity_denied.json") {
            let mut first = value(decoded.texts()[0]);
            first["eventID"] = plain["eventID"].clone();
            assert_eq!(first, plain, "{name}");
        }
    }
    for name in ["cwlogs_control_message.json", "envelope_empty.json"] {
        assert!(matches!(record(name).status(), FileStatus::Ignored(_)), "{name}");
    }
}

#[test]
fn broken_json_costs_the_broken_record_only() {
    let good = |number: u32| format!(r#"{{"eventVersion":"1","n":{number}}}"#);
    let (one, two, three) = (good(1), good(2), good(3));
    let cut = &two[..two.len() - 5];
    for (text, records, rejects, partial) in [
        (format!("{one}{two} \n{three}"), vec![&one, &two, &three], 0, false),
        (format!("{{\"x\":[1],\"Records\":[{one},{two}],\"y\":{{}}}}{three}"), vec![&one, &two, &three], 0, false),
        (format!("{{\"Records\":[{one},1,null,{three}]}}"), vec![&one, &three], 2, false),
        (format!("{{\"Records\":[{one},{cut},{three}]}}"), vec![&one, &three], 1, false),
        (format!("{{\"Records\":[{one}{two},{three}]}}"), vec![&one, &two, &three], 0, false),
        (format!("{one}\n{cut}\n{three}\n"), vec![&one, &three], 1, false),
        (format!("{one}\nhello\nworld\n{three}"), vec![&one, &three], 2, false),
        (format!("{{\"Records\":[{one},{cut}"), vec![&one], 1, true),
        (format!("{{\"Records\":[{one},"), vec![&one], 0, true),
        ("[".repeat(100_000), vec![], 1, true),
    ] {
        let decoded = both_ways(text.as_bytes());
        let shown = text.get(..100).unwrap_or(&text);
        assert_eq!(decoded.texts(), records, "{shown}");
        assert_eq!(decoded.report.rejects.len(), rejects, "{shown} {:?}", decoded.reasons());
        assert_eq!(matches!(decoded.status(), FileStatus::Partial(_)), partial, "{shown}");
    }
}

#[test]
fn json_of_something_else_is_skipped_with_the_reason() {
    let notification = r#"{"Records":[{"eventVersion":"2.1","eventSource": "aws:s3","eventTime":"x"}]}"#;
    for (text, expected) in [
        (r#"{"name":"app","dependencies":{}}"#, "JSON, but neither CloudTrail nor an access log of CloudWatch"),
        (r#"[{"a":1},{"a":2}]"#, "JSON, but neither CloudTrail nor an access log of CloudWatch"),
        ("{\"a\":1}\n{\"a\":2}\n", "JSON, but neither CloudTrail nor an access log of CloudWatch"),
        (notification, "S3 event notifications, not CloudTrail"),
    ] {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let decoded = both_ways(&bytes);
            assert_eq!(decoded.status(), &FileStatus::Skipped(expected.to_string()), "{text}");
            assert!(decoded.records.is_empty() && decoded.report.rejects.is_empty());
        }
    }
    let mixed = both_ways(b"{\"a\":1}\n{\"eventName\":\"GetObject\"}\n");
    assert_eq!((mixed.status(), mixed.records.len()), (&FileStatus::Read, 2));
}

#[test]
fn json_that_belongs_beside_logs_is_ignored_and_hides_no_record() {
    let metadata = r#"{"signature":"0a1b","signature-algorithm":"SHA256withRSA"}"#;
    let digest = "a CloudTrail digest file";
    let signature = "the signature of a CloudTrail digest file";
    let printed = format!(r#"{{"ETag":"\"x\"","Metadata":{metadata}}}"#);
    for (text, name) in [(r#"{"digestStartTime":"x"}"#, digest), (metadata, signature), (&printed, signature)] {
        let decoded = both_ways(text.as_bytes());
        assert_eq!(
            (decoded.status(), decoded.records.len()),
            (&FileStatus::Ignored(name.to_owned()), 0),
            "{text}"
        );
        let decoded = both_ways(format!("{text}\n{{\"eventVersion\":\"1.11\"}}").as_bytes());
        assert_eq!(decoded.records.len(), 1, "{text}");
    }
    let other = both_ways(br#"{"ETag":"x","Metadata":{"signature":"0a"}}"#);
    assert!(matches!(other.status(), FileStatus::Skipped(_)), "{:?}", other.status());
}

#[test]
fn json_that_breaks_at_each_line_is_given_up_in_time() {
    let good = r#"{"eventVersion":"1"}"#;
    let broken = "{\"a\":[\n".repeat((1 << 20) / 7);
    let text = format!("{good}\n{broken}");
    let begun = Instant::now();
    let decoded = both_ways(text.as_bytes());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?} for two", begun.elapsed());
    assert_eq!(decoded.texts(), [good]);
    assert!(matches!(decoded.status(), FileStatus::Partial(reason) if reason.starts_with("too much")));
    let (last, before) = decoded.report.rejects.split_last().unwrap();
    assert_eq!(last.offset + last.length, text.len() as u64);
    assert!(before.iter().all(|reject| reject.length == 7) && last.length > 100_000);
    // One break in a record costs far less than the file may cost.
    let rare = format!("{good}\n{}", format!("{{\"a\":[\n{}", format!("{good}\n").repeat(100)).repeat(100));
    assert_eq!(decode_bytes(rare.as_bytes(), &Limits::default()).records.len(), 1 + 100 * 100);
}

#[test]
fn blocks_cut_at_any_size_hold_the_same_records() {
    let access = format!("\u{feff}\n{}torn\r\n{}", lines(5), LINE);
    let json = r#"{"Records":[{"eventVersion":"1"},7,{"a":"}\"{"}],"b":1}{"eventVersion":[{}]}"#;
    for text in [access.as_str(), json] {
        let whole = decode_bytes(text.as_bytes(), &Limits::default());
        assert!(whole.records.len() >= 3);
        for record in &whole.records {
            let at = record.2 as usize;
            assert_eq!(&text[at..at + record.3.len()], record.3);
        }
        for block_size in 1..=300 {
            for small_file in [0, 1 << 20] {
                let cut = decode_bytes(text.as_bytes(), &Limits { block_size, small_file, ..Limits::default() });
                assert_eq!(cut.texts(), whole.texts(), "{block_size}");
                let places = |decoded: &Decoded| -> Vec<_> {
                    decoded.records.iter().map(|record| (record.1, record.2)).collect()
                };
                assert_eq!(places(&cut), places(&whole), "{block_size}");
                assert_eq!(cut.reasons(), whole.reasons(), "{block_size}");
            }
        }
    }
}

#[test]
fn a_cut_gzip_gives_its_whole_lines_and_is_never_called_read() {
    let text = lines(500);
    let all: Vec<&str> = text.lines().collect();
    let compressed = gzip(text.as_bytes());
    for step in 0..200 {
        let end = 1 + step * (compressed.len() - 1) / 200;
        let decoded = both_ways(&compressed[..end]);
        assert_eq!(decoded.texts(), all[..decoded.records.len()], "cut at {end}");
        let flagged = matches!(decoded.status(), FileStatus::Partial(_) | FileStatus::Skipped(_));
        assert!(flagged, "cut at {end}: {:?}", decoded.status());
    }
}

#[test]
fn compressed_layers_are_told_by_content() {
    let text = lines(3);
    let gz = gzip(text.as_bytes());
    let nested = |layers: usize| (0..layers).fold(text.clone().into_bytes(), |bytes, _| gzip(&bytes));
    let two = [gzip(&[]), gz.clone(), gzip(&[]), gz.clone()].concat();
    let frames =
        [zstd::encode_all(text.as_bytes(), 3).unwrap(), zstd::encode_all(text.as_bytes(), 3).unwrap()].concat();
    for (bytes, records, status) in [
        (gz.clone(), 3, "Read"),
        (two, 6, "Read"),
        ([&gz[..], &[0; 1000]].concat(), 3, "Read"),
        ([&gz[..], b"junk"].concat(), 3, "Partial"),
        (frames.clone(), 6, "Read"),
        (frames[..frames.len() - 3].to_vec(), 3, "Partial"),
        (gzip(&[]), 0, "Ignored"),
        (Vec::new(), 0, "Ignored"),
        (nested(4), 3, "Read"),
        (nested(5), 0, "Skipped"),
        (vec![0, 1, 2, 3, 10, 255], 0, "Skipped"),
        (text.encode_utf16().flat_map(u16::to_le_bytes).collect(), 0, "Skipped"),
        ([b"\xff\xfe".to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(), 0, "Skipped"),
    ] {
        let decoded = both_ways(&bytes);
        assert_eq!(decoded.records.len() / 3 * 3, records, "{:?}", decoded.status());
        assert!(format!("{:?}", decoded.status()).starts_with(status), "{status}: {:?}", decoded.status());
    }
}

#[test]
fn cloudtrail_of_several_gzip_members_is_told() {
    let member = gzip(br#"{"eventVersion":"1"}"#);
    let access = gzip(lines(1).as_bytes());
    for (bytes, told) in [
        (member.clone(), false),
        (gzip(&member), false),
        (member.repeat(3), true),
        (gzip(&member.repeat(3)), true),
        (access.repeat(3), false),
    ] {
        let decoded = both_ways(&bytes);
        let texts: Vec<&str> = decoded.report.notices.iter().map(|notice| notice.text.as_str()).collect();
        let expected = ["3 gzip members; AWS writes one: it may have been appended to"];
        assert_eq!(texts, expected[..usize::from(told)]);
    }
}

#[test]
fn archives_are_read_in_place() {
    let text = lines(2);
    let gz = gzip(text.as_bytes());
    let long = format!("{}/x.log", "n".repeat(200));
    let entries: Vec<(&str, &[u8])> = vec![("a/1.log", text.as_bytes()), (&long, &gz), ("3", b"")];
    let escaping = zip(&[("../x.log", text.as_bytes())]);
    for (bytes, names) in [
        (tar(&entries), vec!["a/1.log", &long]),
        (gzip(&tar(&entries)), vec!["a/1.log", &long]),
        (zip(&entries), vec!["a/1.log", &long]),
        (gzip(&zip(&entries)), vec!["a/1.log", &long]),
        (escaping.clone(), vec!["../x.log"]),
    ] {
        let decoded = both_ways(&bytes);
        let mut found: Vec<&str> = decoded.records.iter().map(|r| r.0.split_once("/input/").unwrap().1).collect();
        found.dedup();
        assert_eq!(found, names);
        assert_eq!(decoded.records.len(), 2 * names.len());
        let ignored =
            decoded.report.files.iter().filter(|file| matches!(file.status, FileStatus::Ignored(_))).count();
        assert_eq!(decoded.report.files.len() - ignored, names.len());
    }
    assert_eq!(both_ways(&escaping).report.notices.len(), 1);
    let cut = tar(&[("a", text.as_bytes())]);
    let decoded = both_ways(&cut[..512 + text.len() - 10]);
    assert_eq!((decoded.records.len(), decoded.report.rejects.len()), (1, 1));
    assert!(decoded.report.files.iter().all(|file| matches!(file.status, FileStatus::Partial(_))));
}

#[test]
fn long_names_in_archives_are_cut_and_stay_distinct() {
    let text = lines(1);
    let names = ["a", "b"].map(|end| format!("{}{end}", "é".repeat(30_000)));
    let fits = "n".repeat(4096);
    let entries: Vec<(&str, &[u8])> =
        [names[0].as_str(), &names[1], &fits].map(|name| (name, text.as_bytes())).into();
    for archive in [tar(&entries), zip(&entries)] {
        let decoded = both_ways(&archive);
        let found: Vec<&str> = decoded.records.iter().map(|r| r.0.split_once("/input/").unwrap().1).collect();
        assert_eq!(found.iter().map(|name| name.len()).collect::<Vec<_>>(), [4095, 4095, 4096]);
        assert!(found[0] != found[1] && found[0].starts_with("éé") && found[2] == fits);
        let notices = &decoded.report.notices;
        assert_eq!(notices.len(), 2);
        assert!(notices[0].text.contains("60001 bytes") && notices[0].name.len() < 5000);
    }
}

#[test]
fn a_zip_of_which_entries_are_lost_is_partial() {
    let (one, two) = (lines(1), lines(2));
    let mut bytes = zip(&[("x.log", one.as_bytes()), ("y.log", two.as_bytes())]);
    assert_eq!(both_ways(&bytes).records.len(), 3);
    for at in 0..bytes.len() - 5 {
        if &bytes[at..at + 5] == b"y.log" {
            bytes[at] = b'x';
        }
    }
    let decoded = both_ways(&bytes);
    assert_eq!(decoded.records.len(), 2);
    let partial: Vec<_> = decoded.report.files.iter().filter(|file| file.status != FileStatus::Read).collect();
    assert!(
        matches!(&partial[..], [file] if matches!(&file.status, FileStatus::Partial(why) if why.starts_with("1 of the 2"))),
        "{partial:?}"
    );
}

#[test]
fn a_line_beyond_the_limit_is_refused_and_the_next_is_read() {
    let long = "x".repeat(50 << 20);
    let text = format!("{LINE}\n{long}\n{LINE}\n");
    let decoded = decode_bytes(text.as_bytes(), &Limits::default());
    assert_eq!(decoded.records.iter().map(|record| record.1).collect::<Vec<_>>(), [1, 3]);
    let reject = &decoded.report.rejects[0];
    assert_eq!((reject.number, reject.offset, reject.length), (2, LINE.len() as u64 + 1, 50 << 20));
    assert_eq!(reject.raw.len(), 64 << 10);
    assert!(decoded.report.files[0].limit_hit);
    let small = Limits { max_line: LINE.len(), ..Limits::default() };
    let decoded = decode_bytes(format!("{LINE}\nx{LINE}\n{LINE}").as_bytes(), &small);
    assert_eq!((decoded.records.len(), decoded.reasons()[0].0), (2, 2));
    let record = format!(r#"{{"Records":[{{"a":"{}"}},{{"b":1}}]}}"#, "y".repeat(9 << 20));
    let decoded = decode_bytes(record.as_bytes(), &Limits::default());
    assert_eq!((decoded.texts(), decoded.reasons().len()), (vec![r#"{"b":1}"#], 1));
}

#[test]
fn bytes_of_neighbouring_files_never_join_into_one_character() {
    let folder = tempfile::tempdir().unwrap();
    let begin = LINE.split_once(" SigV4").unwrap().0.as_bytes();
    fs::write(folder.path().join("1"), [begin, b"\xC3"].concat()).unwrap();
    fs::write(folder.path().join("2"), [b"\xA9", begin, b"\n\n", begin].concat()).unwrap();
    fs::write(folder.path().join("3"), LINE).unwrap();
    let inputs = source::collect(&[folder.path()]).unwrap();
    let mut blocks = Vec::new();
    let limits = Limits::default();
    let _ = read_inputs(&inputs.files, &limits, &mut |unit| {
        let mut each = |block: Block| {
            blocks.push(block);
            ControlFlow::Continue(())
        };
        decode_unit(unit, &limits, &mut each, &mut UnitReport::default())
    });
    assert_eq!((blocks.len(), blocks[0].framed), (1, 5));
    let mut rejects = Vec::new();
    let (table, blanks) = s3_access::parse_block(blocks.remove(0), &mut rejects);
    assert_eq!((blanks, rejects.len(), table.replaced_fields), (1, 0, 2));
    assert_eq!(table.rows.iter().map(|row| row.number).collect::<Vec<_>>(), [1, 1, 3, 1]);
    assert!(table.text(0, s3_access::field::HOST_ID).unwrap().ends_with('\u{fffd}'));
    assert!(table.text(1, s3_access::field::BUCKET_OWNER).unwrap().starts_with('\u{fffd}'));
    for record in table.rows.iter().zip(0..).filter(|(row, _)| row.number == 1).map(|(_, row)| table.record(row)) {
        assert!(!record.contains(&b'\n'));
    }
}

#[test]
fn records_come_in_the_order_of_the_input_whatever_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let event = |number: usize| format!("{{\"eventVersion\":\"{number}\"}}");
    for number in 0..12 {
        let text = match number % 4 {
            0 => lines(2),
            1 => event(number),
            2 => format!("{LINE}\n\n{LINE}"),
            _ => event(number).repeat(5),
        };
        fs::write(folder.path().join(format!("{number:02}")), text).unwrap();
    }
    let order = |limits: &Limits| -> Vec<(String, u64)> {
        decode(folder.path(), limits).records.into_iter().map(|record| (record.0, record.1)).collect()
    };
    let expected = order(&Limits::default());
    assert!(expected.is_sorted());
    assert_eq!(expected.len(), 3 * (2 + 1 + 3 + 5));
    for small_file in [0, 64, 600, Limits::default().small_file] {
        for block_size in [1, 100, 1000, Limits::default().block_size] {
            let limits = Limits { small_file, block_size, ..Limits::default() };
            assert_eq!(order(&limits), expected, "{small_file} {block_size}");
        }
    }
}

#[test]
fn what_cannot_be_opened_is_skipped_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, LINE).unwrap();
    let inputs = source::collect(&[&path]).unwrap();
    for make in [|_: &Path| (), |path: &Path| fs::create_dir(path).unwrap()] {
        let _ = fs::remove_file(&path);
        make(&path);
        let mut report = UnitReport::default();
        let _ = read_inputs(&inputs.files, &Limits::default(), &mut |unit| {
            decode_unit(unit, &Limits::default(), &mut |_| ControlFlow::Continue(()), &mut report)
        });
        assert!(matches!(report.files[0].status, FileStatus::Skipped(_)));
    }
}
