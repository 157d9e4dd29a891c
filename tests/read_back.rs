//! Exports are read like the logs that they hold: the same alerts, the same rows, whatever wrote the file and
//! wherever it stands; and no file, however it was damaged, ends the program.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use s3sleuth::decode::Limits;
use s3sleuth::export::{self, ExportSettings, Format, Target};
use s3sleuth::pipeline::{Settings, Tally};
use s3sleuth::source;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use support::{access_lines, gzip, run, run_with_input, shared, text};
use tempfile::TempDir;

/// Both logs with repeats and with what an attacker would send.
fn generated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (log, name) in [(SynthLog::S3Access, "access"), (SynthLog::CloudTrail, "trail")] {
        let options = SynthOptions {
            log,
            bytes: 1 << 20,
            hostile_ppm: 100_000,
            duplicate_ppm: 20_000,
            denied_ppm: 100_000,
            keys: 300,
            ..Default::default()
        };
        write_files(&options, &folder.path().join(name)).unwrap();
    }
    folder
}

fn folders() -> Vec<PathBuf> {
    let named = ["access_log/quirks", "access_log/real_2021", "cloudtrail/invictus", "cloudtrail/wrappers"];
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    named.iter().filter_map(|name| shared(name)).chain([samples]).collect()
}

fn exported(input: &Path, options: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let run = run(&[&["export", text(input), "-o", text(&output)], options].concat());
    assert!(matches!(run.code, 0 | 3), "{}", run.stderr);
    folder
}

fn alerts(input: &Path, options: &[&str]) -> String {
    run(&[&["detect", text(input)], options].concat()).stdout
}

fn rows(input: &Path, options: &[&str]) -> Vec<String> {
    let run = run(&[&["export", text(input), "--format", "jsonl", "-o", "-"], options].concat());
    let mut rows: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    // An export is in the order of days.
    rows.sort();
    rows
}

#[test]
fn alerts_and_rows_of_an_export_are_those_of_its_logs() {
    let generated = generated();
    for input in folders().iter().map(PathBuf::as_path).chain([generated.path()]) {
        let (expected, expected_rows) = (alerts(input, &[]), rows(input, &[]));
        for options in [&[][..], &["--encoding", "fast"], &["--compression", "snappy"], &["--compression", "gzip"]]
        {
            let export = exported(input, options);
            assert!(alerts(export.path(), &[]) == expected, "{} {options:?}", input.display());
        }
        let export = exported(input, &[]);
        assert!(rows(export.path(), &[]) == expected_rows, "{}", input.display());
        let again = exported(export.path(), &[]);
        assert!(rows(again.path(), &[]) == expected_rows, "{}", input.display());
        for threads in ["1", "2", "3", "4"] {
            assert!(alerts(export.path(), &["--threads", threads]) == expected, "{} {threads}", input.display());
        }
    }
    assert!(alerts(generated.path(), &[]).lines().count() > 3);
}

#[test]
fn filters_choose_the_same_rows_of_an_export() {
    let logs = generated();
    let export = exported(logs.path(), &["--keep-duplicates"]);
    for options in [
        &["--since", "2026-03-02"][..],
        &["--since", "2026-03-01T07:00:00Z", "--until", "2026-03-02T12:34:56Z"],
        &["--log", "cloudtrail"],
        &["--log", "s3_access", "--until", "2026-03-01T12:00:00Z"],
        &["--log", "activity"],
    ] {
        let expected = rows(logs.path(), options);
        assert!(!expected.is_empty() && rows(export.path(), options) == expected, "{options:?}");
    }
    let since = &["--since", "2026-03-02", "--until", "2026-03-03"];
    assert!(alerts(export.path(), since) == alerts(logs.path(), since));
}

/// A file of an export of so many lines.
fn parquet_file(lines: usize, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("a.log");
    fs::write(&logs, access_lines(lines)).unwrap();
    let export = exported(&logs, options);
    fs::read(export.path().join("out/s3_access/event_date=2026-02-06/part-0000-00000.parquet")).unwrap()
}

#[test]
fn an_export_is_read_wherever_a_log_is() {
    let file = parquet_file(100, &[]);
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(file.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "x/part.parquet", &file[..]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("named.log", file.clone()),
        ("part.parquet.gz", gzip(&file)),
        ("part.tar.gz", gzip(&archive.into_inner().unwrap())),
        ("part.parquet.zst", zstd::encode_all(&file[..], 1).unwrap()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let run = run(&["export", text(&path), "--format", "jsonl", "-o", "-"]);
        assert_eq!(
            (run.code, run.count("records"), run.json_lines().len()),
            (0, 100, 100),
            "{name}: {}",
            run.stderr
        );
        assert!(run.json_lines()[7]["source_file"].as_str().unwrap().ends_with("/a.log"));
    }
    let run = run_with_input(&["detect", "-"], &file);
    assert_eq!((run.code, run.count("lines")), (0, 100), "{}", run.stderr);
}

#[test]
fn what_is_no_rows_of_a_log_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("a.log");
    fs::write(&logs, access_lines(10)).unwrap();
    let activity = exported(&logs, &["--log", "activity"]);
    let run_of = |path: &Path| run(&["detect", text(path), "--verbose"]);
    let run = run_of(activity.path());
    // The rows, and what the export keeps beside them.
    assert_eq!((run.code, run.count("files_ignored"), run.count("lines")), (0, 2, 0), "{}", run.stderr);
    assert!(run.stderr.contains("ignored: rows in one vocabulary"), "{}", run.stderr);
    let ocsf = exported(&logs, &["--schema", "ocsf"]);
    assert_eq!(run_of(ocsf.path()).count("files_ignored"), 2);
    let again = exported(exported(&logs, &[]).path(), &["--schema", "ocsf", "--format", "jsonl"]);
    let again = fs::read_to_string(again.path().join("out")).unwrap();
    assert!(again.lines().count() == 10 && !again.contains("raw_data\":\""), "{again}");
    let columns = exported(&logs, &["--columns", "event_time,operation,bucket_name,source_file"]);
    let run = run_of(columns.path());
    assert_eq!((run.code, run.count("records")), (0, 10));
    assert!(run.stderr.contains("are taken as null: bucket_owner, remote_ip,"), "{}", run.stderr);
    let both = exported(&logs, &[]);
    fs::copy(&logs, both.path().join("a.log")).unwrap();
    let run = run_of(both.path());
    assert_eq!((run.code, run.count("records"), run.count("files_ignored")), (0, 20, 1), "{}", run.stderr);
    assert!(run.stderr.contains("both logs and exports of s3_access"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn where_all_is_ignored_it_is_said_why_without_being_asked() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("a.log");
    fs::write(&logs, access_lines(10)).unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let code_of_nothing = run(&["detect", text(&inside)]).code;
    for name in ["one", "two"] {
        std::os::unix::fs::symlink(&logs, inside.join(name)).unwrap();
    }
    let links = "nothing was read; ignored: 2 files (a symbolic link inside a folder is not followed";
    let told = run(&["detect", text(&inside)]);
    assert!(told.code == code_of_nothing && told.stderr.contains(links), "{}", told.stderr);
    let activity = exported(&logs, &["--log", "activity"]);
    let out = folder.path().join("out");
    let told = run(&["export", text(activity.path()), text(&inside), "-o", text(&out)]);
    let sorted =
        "ignored: 2 files (a symbolic link inside a folder is not followed; name it to read it); 1 file (beside";
    assert!(told.code == code_of_nothing && told.stderr.contains(sorted), "{}", told.stderr);
    assert!(told.stderr.contains("; 1 file (rows in one vocabulary for both logs"), "{}", told.stderr);
    // Where something was read, only --verbose names them.
    let told = run(&["detect", text(&inside), text(&logs)]);
    assert!(!told.stderr.contains("symbolic link"), "{}", told.stderr);
}

/// A file of columns that are those of an access log.
fn write_columns(path: &Path, columns: &[(&str, ArrayRef)]) {
    let batch =
        RecordBatch::try_from_iter(columns.iter().map(|(name, array)| (*name, Arc::clone(array)))).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn files_that_claim_or_become_too_much_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.parquet");
    let names = ["bucket_name", "operation", "object_key_raw", "host_header"];
    let nulls = |rows: usize| names.map(|name| (name, new_null_array(&DataType::Utf8, rows))).to_vec();
    let with = |rows: usize, name, array| [nulls(rows), vec![(name, array)]].concat();
    let long = DictionaryArray::new(
        Int32Array::from(vec![0; 3000]),
        Arc::new(StringArray::from(vec!["x".repeat(100_000)])) as ArrayRef,
    );
    let element = Arc::new(Field::new("element", DataType::Utf8, true));
    let offsets = OffsetBuffer::from_lengths([5_000_000]);
    let list = ListArray::new(element, offsets, new_null_array(&DataType::Utf8, 5_000_000), None);
    for (columns, rows, expected) in [
        (with(4_000_000, "request_uri", new_null_array(&DataType::Utf8, 4_000_000)), 0, "claims 4000000 rows in "),
        // 64 MiB in texts of 100 kB.
        (with(3000, "request_uri", Arc::new(long)), 671, "looks like a decompression bomb"),
        (with(1, "parse_flags", Arc::new(list)), 0, "the lists in column"),
    ] {
        write_columns(&path, &columns);
        let run = run(&["detect", text(&path)]);
        assert_eq!(run.code, 6, "{expected}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(run.count("records") <= rows, "{}", run.stderr);
    }
}

/// All rows as JSONL, and the counts.
fn jsonl(input: &Path, threads: usize, limits: Limits) -> (String, Tally) {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("rows.jsonl");
    let settings = ExportSettings { format: Format::Jsonl, ..Default::default() };
    let stage = export::open(&settings, Target::Path(path.clone())).unwrap();
    let inputs = source::collect(&[input]).unwrap();
    let settings = Settings { threads, limits, ..Default::default() };
    let ((), report) = s3sleuth::pipeline::run(&inputs, &settings, &stage, &AtomicU64::new(0), None).unwrap();
    stage.finish(()).unwrap();
    assert!(report.tally.balances());
    (fs::read_to_string(path).unwrap(), report.tally)
}

#[test]
fn rows_do_not_depend_on_threads_or_on_where_a_file_is_cut() {
    let logs = generated();
    let export = exported(logs.path(), &["--keep-duplicates"]);
    fs::write(export.path().join("a.log"), access_lines(50)).unwrap();
    let (expected, tally) = jsonl(export.path(), 1, Limits::default());
    assert!(tally.duplicates > 0, "{tally:?}");
    for (threads, block_size, small_file) in [(1, 2 << 20, 0), (3, 1000, 0), (2, 40_000, 1 << 20), (4, 1 << 16, 0)]
    {
        let limits = Limits { block_size, small_file, ..Limits::default() };
        let (rows, found) = jsonl(export.path(), threads, limits);
        assert_eq!(found, tally, "{threads} threads, blocks of {block_size}, small files to {small_file}");
        assert!(rows == expected, "{threads} threads, blocks of {block_size}, small files to {small_file}");
    }
}

#[test]
fn a_row_group_that_is_read_in_stretches_gives_each_row_once_and_in_its_place() {
    let logs = tempfile::tempdir().unwrap();
    let options = SynthOptions { log: SynthLog::S3Access, bytes: 3 << 20, days: 1, ..Default::default() };
    write_files(&options, logs.path()).unwrap();
    let (rows, tally) = jsonl(logs.path(), 1, Limits::default());
    // More than two of the shortest stretches there are.
    assert!(tally.records > 4000, "{tally:?}");
    let export = exported(logs.path(), &[]);
    // Sorted as the export is.
    let expected = jsonl(export.path(), 1, Limits::default()).0;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert!(sorted(&expected) == sorted(&rows));
    for threads in [1, 3] {
        let limits = Limits { block_size: 1000, small_file: 0, ..Limits::default() };
        assert!(jsonl(export.path(), threads, limits).0 == expected, "{threads} threads");
    }
}

#[test]
fn a_row_beyond_the_longest_line_is_refused_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (logs, file) = (folder.path().join("a.log"), folder.path().join("long.parquet"));
    fs::write(&logs, access_lines(20).replace("key-7 ", &format!("{} ", "k".repeat(5000)))).unwrap();
    let export = exported(&logs, &[]);
    fs::copy(export.path().join("out/s3_access/event_date=2026-02-06/part-0000-00000.parquet"), &file).unwrap();
    let run = run(&["detect", text(&file), "--max-line", "4KiB"]);
    assert_eq!((run.code, run.count("records"), run.count("rejects")), (6, 19, 1), "{}", run.stderr);
    assert!(run.stderr.contains("long.parquet:8: framing: longer than --max-line"), "{}", run.stderr);
}

#[test]
fn damaged_files_cost_themselves_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("b.parquet");
    fs::write(folder.path().join("a.log"), access_lines(3)).unwrap();
    fs::write(folder.path().join("c.log"), access_lines(4)).unwrap();
    let files = [parquet_file(60, &[]), parquet_file(60, &["--compression", "none", "--encoding", "fast"])];
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..300 {
        let mut bytes = files[round % 2].clone();
        match round % 5 {
            0 => bytes.truncate(random(bytes.len())),
            1 => {
                // The footer, where all claims stand.
                let at = bytes.len() - 1 - random(4000);
                bytes[at] = random(256) as u8;
            }
            2 => bytes.drain(4..4 + random(2000)).for_each(drop),
            _ => {
                for _ in 0..4 {
                    let at = 4 + random(bytes.len() - 4);
                    bytes[at] ^= 1 << random(8);
                }
            }
        }
        fs::write(&damaged, bytes).unwrap();
        let limits = Limits { small_file: if round % 3 == 0 { 0 } else { 1 << 20 }, ..Limits::default() };
        let (_, tally) = jsonl(folder.path(), 1, limits);
        assert!((7..=67).contains(&tally.records), "round {round}: {tally:?}");
        let whole = tally.files_skipped + tally.files_partial == 0;
        assert!(!whole || tally.records == 67, "round {round}: {tally:?}");
    }
    let cut = &files[0][..files[0].len() / 2];
    fs::write(&damaged, cut).unwrap();
    let run = run(&["detect", text(folder.path())]);
    assert_eq!((run.code, run.count("records"), run.count("files_skipped")), (3, 7, 1), "{}", run.stderr);
}
