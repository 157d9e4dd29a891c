//! The parser of access-log lines against lines with a known meaning and against a second, slow implementation.

mod generator;
mod reference;

use generator::{Random, damage, written_by_s3};
use reference::{Reading, read_line};
use s3sleuth::parse::s3_access::{FIELDS, FLAGS, field, flag, parse_line};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Line `n` of the differential test is made from this number plus `n`.
const SEED: u64 = 0x5335_1e07;

/// Real and hard lines are not part of the crate; where they are not at hand their tests are skipped.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn shared_access_logs() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("S3SLEUTH_SHARED").map(PathBuf::from);
    let found = [Some(beside), named].into_iter().flatten().map(|root| root.join("data/access_log"));
    let found = found.into_iter().find(|folder| folder.is_dir());
    if found.is_none() {
        eprintln!("skipped: no shared data; S3SLEUTH_SHARED names its folder");
    }
    found
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let carriage_returns = line.iter().rev().take_while(|byte| **byte == b'\r').count();
    &line[..line.len() - carriage_returns]
}

/// What the parser makes of a line, in the words of the reference.
fn parsed(line: &[u8]) -> Result<Reading<'_>, String> {
    let parsed = parse_line(line).map_err(|error| error.to_string())?;
    assert_eq!(parsed.flags >> FLAGS.len(), 0, "a flag without a name in {}", line.escape_ascii());
    assert_eq!(parsed.flags & flag::EXTRA_FIELDS != 0, !parsed.extra.is_empty());
    let names = FLAGS.iter().enumerate().filter(|(bit, _)| parsed.flags & (1 << bit) != 0).map(|(_, name)| *name);
    let extra = parsed.extra.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    Ok(Reading { fields: parsed.fields, extra, flags: names.collect() })
}

/// A reading for a person to compare.
fn shown(reading: &Result<Reading<'_>, impl std::fmt::Display>) -> String {
    let reading = match reading {
        Ok(reading) => reading,
        Err(reason) => return format!("    refused: {reason}\n"),
    };
    let mut text = format!("    flags: {:?}\n", reading.flags);
    for (name, value) in FIELDS.iter().zip(reading.fields) {
        if let Some(value) = value {
            text += &format!("    {name}: {}\n", value.escape_ascii());
        }
    }
    for word in &reading.extra {
        text += &format!("    extra: {}\n", word.escape_ascii());
    }
    text
}

/// Both readings of a line, which must be one.
fn read_by_both<'a>(line: &'a [u8], origin: &str) -> Option<Reading<'a>> {
    let line = without_line_end(line);
    let (parsed, expected) = (parsed(line), read_line(line));
    let same = match (&parsed, &expected) {
        (Ok(parsed), Ok(expected)) => parsed == expected,
        (Err(_), Err(_)) => true,
        _ => false,
    };
    assert!(
        same,
        "{origin}\n  line: {}\n  parser:\n{}  reference:\n{}",
        line.escape_ascii(),
        shown(&parsed),
        shown(&expected)
    );
    parsed.ok()
}

/// Text of the list of hard lines to bytes: `\udcff` stands for a byte that is not UTF-8.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\udc");
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).expect("two hexadecimal digits"));
        bytes.extend(&piece.as_bytes()[2..]);
    }
    bytes
}

/// The names of fields in the list of hard lines where they are not ours.
fn name_in_list(number: usize) -> &'static str {
    match number {
        field::BUCKET_NAME => "bucket",
        field::EVENT_TIME => "time",
        field::OBJECT_KEY_RAW => "key",
        field::TOTAL_TIME_MS => "total_time",
        field::TURN_AROUND_TIME_MS => "turnaround_time",
        _ => FIELDS[number],
    }
}

#[test]
fn hard_lines_are_read_as_listed() {
    let Some(folder) = shared_access_logs() else { return };
    let list = std::fs::read_to_string(folder.join("quirks/quirks.jsonl")).unwrap();
    let lines = std::fs::read(folder.join("quirks/quirks.log")).unwrap();
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    let mut verdicts = BTreeMap::new();
    for (record, line) in list.lines().zip(lines) {
        let record: serde_json::Value = serde_json::from_str(record).unwrap();
        let id = record["id"].as_str().unwrap();
        let verdict = record["verdict"].as_str().unwrap();
        *verdicts.entry(verdict.to_owned()).or_insert(0) += 1;
        let reading = read_by_both(line, id);
        assert_eq!(reading.is_some(), verdict == "parse", "{id}");
        assert_eq!(line.trim_ascii().is_empty(), verdict == "skip", "{id}");
        let Some(reading) = reading else { continue };
        for (number, value) in reading.fields.iter().enumerate() {
            let expected = record["expect"][name_in_list(number)].as_str().filter(|text| *text != "-");
            assert_eq!(value.map(<[u8]>::to_vec), expected.map(bytes_of), "{id}: {}", FIELDS[number]);
        }
        let flags: Vec<String> = reading
            .flags
            .iter()
            .map(|name| match *name {
                "extra_fields" => format!("extra_fields={}", reading.extra.len()),
                name => name.to_owned(),
            })
            .collect();
        let mut expected: Vec<&str> =
            record["flags"].as_array().unwrap().iter().filter_map(|flag| flag.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(flags, expected, "{id}");
    }
    let counts = [("parse", 40), ("quarantine", 3), ("skip", 1)];
    assert_eq!(verdicts, counts.map(|(verdict, count)| (verdict.to_owned(), count)).into());
}

#[test]
fn every_real_line_is_read_and_as_the_reference_reads_it() {
    let Some(folder) = shared_access_logs() else { return };
    for (name, expected) in [("real_2021", 1069), ("aws_docs", 11), ("opensearch", 18)] {
        let mut count = 0;
        for file in std::fs::read_dir(folder.join(name)).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                continue;
            }
            let text = std::fs::read(&path).unwrap();
            for line in text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                let origin = path.display().to_string();
                assert!(read_by_both(line, &origin).is_some(), "refused, {origin}: {}", line.escape_ascii());
                count += 1;
            }
        }
        assert_eq!(count, expected, "lines in {name}");
    }
}

/// What was made of the lines of one thread: `read`, `refused` and the flags.
type Tally = BTreeMap<&'static str, u64>;

/// Line `number` is made, read by both and, where it is undamaged, compared with what was meant.
fn check_line(number: u64, tally: &mut Tally) {
    let mut random = Random::new(SEED + number);
    let mut written = written_by_s3(&mut random);
    let origin = format!("line {number} of seed {SEED:#x}");
    let damaged = !random.once_in(3);
    if damaged {
        damage(&mut random, &mut written.line);
    }
    let reading = read_by_both(&written.line, &origin);
    *tally.entry(if reading.is_some() { "read" } else { "refused" }).or_default() += 1;
    for flag in reading.iter().flat_map(|reading| &reading.flags) {
        *tally.entry(flag).or_default() += 1;
    }
    if damaged {
        return;
    }
    let line = written.line.escape_ascii();
    let Some(reading) = reading else { panic!("{origin}: refused: {line}") };
    let ambiguous = written.flags.contains("ambiguous_ref_ua");
    for (number, (value, meant)) in reading.fields.iter().zip(&written.fields).enumerate() {
        if !(ambiguous && matches!(number, field::REFERER | field::USER_AGENT)) {
            let (value, meant) = (value.map(<[u8]>::escape_ascii), meant.as_deref().map(<[u8]>::escape_ascii));
            let (value, meant) = (value.map(|text| text.to_string()), meant.map(|text| text.to_string()));
            assert_eq!(value, meant, "{origin}: {}: {line}", FIELDS[number]);
        }
    }
    assert_eq!(reading.extra, written.extra, "{origin}: {line}");
    assert_eq!(reading.flags, written.flags, "{origin}: {line}");
}

#[test]
fn crafted_and_damaged_lines_are_read_as_meant_and_as_the_reference_reads_them() {
    let count = std::env::var("S3SLEUTH_DIFFERENTIAL_LINES").ok().map_or(1_000_000, |text| text.parse().unwrap());
    let half = |first: u64| {
        let mut tally = Tally::new();
        (first..count).step_by(2).for_each(|number| check_line(number, &mut tally));
        tally
    };
    let tallies = std::thread::scope(|scope| {
        let threads = [0, 1].map(|first| scope.spawn(move || half(first)));
        threads.map(|thread| thread.join().expect("the lines of this half are read as meant"))
    });
    let seen = |name: &str| tallies.iter().filter_map(|tally| tally.get(name)).sum::<u64>();
    assert_eq!(seen("read") + seen("refused"), count);
    // The test is worth its time only if all of this occurs.
    if count >= 10_000 {
        // Values are not part of the parse: neither the calendar nor the size of numbers. Members are those of JSON.
        let of_lines =
            |name: &&str| !name.starts_with("bad_") && !["duplicate_member", "unexpected_type"].contains(name);
        for name in FLAGS.into_iter().filter(of_lines) {
            assert!(seen(name) > count / 1000, "{name}: {}", seen(name));
        }
        assert!(seen("refused") > count / 50, "refused: {}", seen("refused"));
    }
}

#[test]
fn every_beginning_of_a_line_is_read_as_the_reference_reads_it() {
    for number in 0..200 {
        let line = written_by_s3(&mut Random::new(number)).line;
        for end in 0..=line.len() {
            read_by_both(&line[..end], "a beginning");
        }
    }
}

#[test]
fn random_bytes_are_refused_without_a_panic() {
    let mut random = Random::new(SEED);
    for _ in 0..10_000 {
        let length = random.below(600);
        assert!(read_by_both(&random.bytes(length), "random bytes").is_none());
    }
}
