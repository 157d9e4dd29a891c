//! `export --sort file`: rows of a partition are in the order of time from the first file to the last, those of one time in
//! the order of the input, and they are the rows that the export has otherwise.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s3sleuth::batch::Dataset;
use s3sleuth::export::{ExportSettings, PartitionKey, SortScope, Target, open_for};
use s3sleuth::pipeline::{Settings, run as run_pipeline};
use s3sleuth::source::collect;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use support::tables::{data_files, files, rows};
use support::{access_line, quick_folder, run, text};

/// Both logs, in files whose order by name is none by time. Files of the access log overlap: each takes every fourth
/// line, and has its stretches of lines shuffled.
fn shuffled_logs(folder: &Path) -> PathBuf {
    let logs = folder.join("logs");
    let plain = folder.join("plain");
    for (name, log, seed, bytes) in
        [("access", SynthLog::S3Access, 1, 3 << 20), ("trail", SynthLog::CloudTrail, 2, 2 << 20)]
    {
        let options = SynthOptions { log, bytes, seed, ..SynthOptions::default() };
        write_files(&options, &plain.join(name)).unwrap();
    }
    fs::create_dir_all(logs.join("trail")).unwrap();
    let mut lines = Vec::new();
    for (number, (path, bytes)) in files(&plain).into_iter().enumerate() {
        if path.starts_with("access") {
            lines.extend(String::from_utf8(bytes).unwrap().lines().map(str::to_owned));
        } else {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let shuffled = (number * 7919) % 1000;
            fs::write(logs.join("trail").join(format!("{shuffled:03}-{name}")), bytes).unwrap();
        }
    }
    for file in 0..4 {
        let mut stretches: Vec<&[String]> = lines.chunks(61).skip(file).step_by(4).collect();
        stretches.sort_by_key(|stretch| xxhash_rust::xxh3::xxh3_64(stretch[0].as_bytes()));
        let content: String = stretches.into_iter().flatten().map(|line| format!("{line}\n")).collect();
        fs::write(logs.join(format!("access-{file}")), content).unwrap();
    }
    logs
}

/// With memory for so little that there are many runs and steps.
fn tight(threads: usize) -> ExportSettings {
    ExportSettings { sort: SortScope::File, sort_bytes: 64 << 10, threads, ..ExportSettings::default() }
}

fn export(logs: &Path, out: &Path, settings: &ExportSettings) -> u64 {
    let opened = open_for(settings, Target::Path(out.to_path_buf()), collect(&[logs]).unwrap()).unwrap();
    let run_settings = Settings { threads: settings.threads, ..Settings::default() };
    run_pipeline(&opened.inputs, &run_settings, &opened.stage, &AtomicU64::new(0), None).unwrap();
    opened.stage.finish(()).unwrap().rows
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    builder.build().unwrap().map(Result::unwrap).collect()
}

/// Time (absent: last), file and number of each row of each partition, through its files in their order.
fn order(out: &Path) -> BTreeMap<PathBuf, Vec<(i64, String, i64)>> {
    let mut partitions: BTreeMap<PathBuf, Vec<(i64, String, i64)>> = BTreeMap::new();
    for path in data_files(out) {
        let partition = partitions.entry(path.parent().unwrap().to_path_buf()).or_default();
        for batch in batches(&out.join(&path)) {
            let times = batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMillisecondType>();
            let files = batch.column_by_name("source_file").unwrap().as_string::<i32>();
            let numbers = batch.columns().last().unwrap().as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let time = if times.is_null(row) { i64::MAX } else { times.value(row) };
                partition.push((time, files.value(row).to_owned(), numbers.value(row)));
            }
        }
    }
    partitions
}

/// Inputs are read in the order of their names.
fn assert_in_order(out: &Path) {
    for (partition, rows) in order(out) {
        let out_of_order = rows.windows(2).find(|rows| rows[0] > rows[1]);
        assert_eq!(out_of_order, None, "{}", partition.display());
    }
}

fn data(out: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = files(out);
    found.retain(|path, _| !path.starts_with("_toolmeta"));
    found
}

#[test]
fn files_are_in_order_of_time_with_the_same_rows_and_bytes_for_any_number_of_threads() {
    let folder = quick_folder();
    let logs = shuffled_logs(folder.path());
    for (name, settings) in [
        ("native", tight(1)),
        ("nothing left in its file", ExportSettings { sort_left_bytes: usize::MAX, ..tight(1) }),
        ("activity", ExportSettings { datasets: vec![Dataset::Activity], sort_raw_bytes: 1 << 20, ..tight(1) }),
        ("by bucket", ExportSettings { partition_by: vec![PartitionKey::Bucket], ..tight(1) }),
    ] {
        let out = |part: &str| folder.path().join(format!("{name}-{part}"));
        let by_default = ExportSettings { sort: SortScope::RowGroup, ..settings.clone() };
        let expected = export(&logs, &out("default"), &by_default);
        assert!(expected > 5000, "{expected} rows");
        assert_eq!(export(&logs, &out("1"), &settings), expected, "{name}");
        assert!(rows(&out("1")) == rows(&out("default")), "{name}");
        assert_in_order(&out("1"));
        let three = ExportSettings { threads: 3, ..settings.clone() };
        export(&logs, &out("3"), &three);
        assert!(data(&out("1")) == data(&out("3")), "{name}: other bytes with three threads");
        // How much is sorted at a time tells row groups apart, and never the order of rows.
        let roomy = ExportSettings { sort_bytes: 32 << 20, sort_left_bytes: 1, threads: 3, ..settings };
        export(&logs, &out("roomy"), &roomy);
        assert!(order(&out("roomy")) == order(&out("1")), "{name}");
    }
}

#[test]
fn rows_of_one_time_stand_in_the_order_of_the_input_and_those_without_one_last() {
    let folder = quick_folder();
    let logs = folder.path().join("logs");
    fs::create_dir_all(&logs).unwrap();
    let line = |time: &str, key: usize| access_line(time, "REST.GET.OBJECT", &format!("key-{key}"), 200);
    for file in 0..3 {
        let same = (0..2000).map(|key| line("06/Feb/2026:00:00:38 +0000", key));
        let odd = (0..3).map(|key| line("30/Feb/2026:00:00:38 +0000", key));
        let earlier = [line("06/Feb/2026:00:00:37 +0000", 9), line("06/Feb/2026:00:00:39 +0000", 9)];
        let content: String = odd.chain(same).chain(earlier).collect();
        fs::write(logs.join(format!("log-{file}")), content).unwrap();
    }
    let out = folder.path().join("out");
    // By bucket, so that rows without a time stand in a partition with others.
    let settings = ExportSettings { partition_by: vec![PartitionKey::Bucket], ..tight(2) };
    assert_eq!(export(&logs, &out, &settings), 3 * 2005);
    assert_in_order(&out);
    let (_, rows) = order(&out).pop_first().unwrap();
    let times: Vec<i64> = rows.iter().map(|(time, _, _)| *time).collect();
    let count = |wanted: fn(i64) -> bool| times.iter().filter(|time| wanted(**time)).count();
    assert_eq!((count(|time| time == i64::MAX), count(|time| time % 60_000 == 38_000)), (9, 6000));
    assert!(times[times.len() - 9..].iter().all(|time| *time == i64::MAX));
}

#[test]
fn the_option_is_noted_and_an_export_with_another_order_is_not_added_to() {
    let folder = quick_folder();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    for logs in [&first, &second] {
        fs::create_dir_all(logs).unwrap();
        fs::write(logs.join("log"), support::access_lines(50).replace("key-", text(logs))).unwrap();
    }
    let out = folder.path().join("out");
    let arguments = ["export", text(&first), "-o", text(&out), "--sort", "file", "--detect"];
    assert_eq!(run(&arguments).code, 0);
    assert_in_order(&out);
    let file = File::open(out.join(&data_files(&out)[0])).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let entries = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let told =
        entries.iter().find(|entry| entry.key == "s3sleuth.settings").and_then(|entry| entry.value.as_deref());
    assert!(told.is_some_and(|told| told.contains(r#""sort":"file""#)), "{told:?}");
    let before = files(&out);
    let refused = run(&["export", text(&second), "-o", text(&out), "--append"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains(r#"sort: "file" there, "row-group" here"#), "{}", refused.stderr);
    assert_eq!(data(&out), {
        let mut before = before;
        before.retain(|path, _| !path.starts_with("_toolmeta"));
        before
    });
    let added = run(&["export", text(&second), "-o", text(&out), "--append", "--sort", "file"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
}

#[test]
fn merged_files_are_in_order_too() {
    let folder = quick_folder();
    let out = folder.path().join("out");
    for part in 0..3 {
        let logs = folder.path().join(format!("logs-{part}"));
        fs::create_dir_all(&logs).unwrap();
        // Every third line, the last ones first: each part goes over all of the time.
        let all = support::access_lines(30_000);
        let mut lines: Vec<&str> = all.lines().skip(part).step_by(3).collect();
        lines.reverse();
        fs::write(logs.join("log"), lines.join("\n") + "\n").unwrap();
        let done = run(&["export", text(&logs), "-o", text(&out), "--sort", "file", "--append"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    let before = rows(&out);
    assert_eq!(data_files(&out).len(), 3);
    let done = support::program().args(["compact", text(&out)]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(data_files(&out).len(), 1);
    assert!(rows(&out) == before);
    let (_, rows) = order(&out).pop_first().unwrap();
    assert!(rows.len() == 30_000 && rows.is_sorted_by_key(|(time, _, _)| *time));
}

#[test]
fn a_log_that_changes_while_it_is_sorted_ends_the_run_and_leaves_nothing() {
    let folder = quick_folder();
    let (logs, out) = (shuffled_logs(folder.path()), folder.path().join("out"));
    let settings = tight(1);
    let opened = open_for(&settings, Target::Path(out.clone()), collect(&[&logs]).unwrap()).unwrap();
    run_pipeline(&opened.inputs, &Settings::default(), &opened.stage, &AtomicU64::new(0), None).unwrap();
    let log = logs.join("access-2");
    let changed = fs::read_to_string(&log).unwrap().replace("GET", "PUT");
    fs::write(&log, changed).unwrap();
    let error = opened.stage.finish(()).unwrap_err().to_string();
    assert!(error.contains("access-2") && error.contains("has changed"), "{error}");
    assert!(!out.join("s3_access").exists());
}
