//! Small files become large ones, and nothing else changes.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMillisecondType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::fs::{self, File};
use std::path::Path;
use std::process::Output;
use support::tables::{data_files, rows};
use support::{access_lines, program, quick_folder, run, text};

fn compact(folder: &Path, more: &[&str]) -> (i32, String) {
    let Output { status, stderr, .. } = program().arg("compact").arg(folder).args(more).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_files_of_many_runs_become_one_a_partition_with_the_same_rows_in_the_order_of_time() {
    let folder = quick_folder();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    for seed in 0..3 {
        for (name, log) in [("a", SynthLog::S3Access), ("c", SynthLog::CloudTrail)] {
            let options = SynthOptions { log, bytes: 1 << 18, seed, ..SynthOptions::default() };
            write_files(&options, &logs.join(format!("{seed}/{name}"))).unwrap();
        }
        let keys = ["--append", "--partition-by", "region,event_date", "--encoding", "fast"];
        let done = run(&[&["export", text(&logs), "-o", text(&out)], &keys[..]].concat());
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    let before = (rows(&out), data_files(&out).len());
    let (code, told) = compact(&out, &[]);
    assert!(code == 0 && told.starts_with("merged "), "{told}");
    assert!(rows(&out) == before.0, "{told}");
    let files = data_files(&out);
    let partitions: std::collections::BTreeSet<_> = files.iter().map(|file| file.parent().unwrap()).collect();
    assert_eq!(partitions.len(), files.len());
    assert!(files.len() < before.1, "{} of {}", files.len(), before.1);
    for path in &files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(out.join(path)).unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 1);
        let batches = reader.with_batch_size(1 << 20).build().unwrap();
        for batch in batches.map(Result::unwrap) {
            let times = batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMillisecondType>();
            assert!(times.values().is_sorted(), "{}", path.display());
        }
    }
    let (code, told) = compact(&out, &[]);
    assert!(code == 0 && told.contains("nothing to merge"), "{told}");
    let keys = ["--partition-by", "region,event_date", "--encoding", "fast"];
    let again = run(&[&["export", text(&logs), "-o", text(&out)], &keys[..]].concat());
    assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
    let ddl = program().args(["ddl", text(&out), "--engine", "duckdb"]).output().unwrap();
    assert!(ddl.status.success(), "{}", String::from_utf8_lossy(&ddl.stderr));
}

#[test]
fn what_cannot_be_merged_is_left_as_it_is() {
    let folder = quick_folder();
    let (log, out) = (folder.path().join("a.log"), folder.path().join("out"));
    for (path, expected) in [(&out, "no export"), (&log, "no export")] {
        fs::write(&log, access_lines(10)).unwrap();
        let (code, told) = compact(path, &[]);
        assert!(code == 2 && told.contains(expected), "{told}");
    }
    run(&["export", text(&log), "-o", text(&out)]);
    let more = folder.path().join("b.log");
    fs::write(&more, access_lines(20).lines().skip(10).collect::<Vec<_>>().join("\n")).unwrap();
    run(&["export", text(&log), text(&more), "-o", text(&out), "--append"]);
    let files = data_files(&out);
    assert_eq!(files.len(), 2);
    let (code, told) = compact(&out, &["--target", "1KB"]);
    assert!(code == 0 && told.contains("nothing to merge"), "{told}");
    let bytes = fs::read(out.join(&files[0])).unwrap();
    fs::write(out.join(&files[0]), &bytes[..bytes.len() / 2]).unwrap();
    let (code, told) = compact(&out, &[]);
    assert!(code == 3 && told.contains(text(&files[0])) && told.contains("nothing to merge"), "{told}");
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2..].fill(0);
    fs::write(out.join(&files[0]), damaged).unwrap();
    let (code, told) = compact(&out, &[]);
    assert!(code == 2 && told.contains(text(&files[0])) && told.contains("nothing was changed"), "{told}");
    fs::write(out.join(&files[0]), bytes).unwrap();
    assert_eq!(data_files(&out), files);
    assert_eq!((compact(&out, &["-q"]), rows(&out)["s3_access"].count), ((0, String::new()), 20));
}

#[test]
fn pages_have_no_more_than_a_megabyte_before_and_after() {
    let folder = quick_folder();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    fs::create_dir(&logs).unwrap();
    // Page for page as many rows as a page may have, each with a key of two hundred bytes.
    let lines = access_lines(30_000).replace("key-", &"k".repeat(200));
    for (name, from, until) in [("a", 0, 10_000), ("b", 10_000, 30_000)] {
        let part: Vec<&str> = lines.lines().skip(from).take(until - from).collect();
        fs::write(logs.join(name), part.join("\n")).unwrap();
        let done = run(&["export", text(&logs), "-o", text(&out), "--append"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
    }
    let lint = || {
        let told = program().args(["athena-lint", text(&out), "--strict"]).output().unwrap();
        (told.status.code(), String::from_utf8(told.stdout).unwrap())
    };
    let (code, told) = lint();
    assert!(told.contains("page-size              passed"), "{code:?}: {told}");
    assert_eq!(compact(&out, &[]).0, 0);
    let (code, told) = lint();
    assert!(code == Some(0) && told.contains("page-size              passed"), "{told}");
}
