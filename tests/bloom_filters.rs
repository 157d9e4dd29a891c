//! Bloom filters of exported files: which columns have them, how large they are, and that they tell what is there.
#![allow(clippy::unwrap_used)]

mod support;

use arrow::array::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;
use s3sleuth::batch::{Cells, Column, Dataset};
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use support::tables::data_files;
use support::{program, quick_folder, run, text};

/// Values that are in no file.
const ABSENT: usize = 10_000;

/// Paths of the leaf columns in which single values are sought.
fn sought(prefix: &str, columns: &[Column]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for column in columns {
        let path = format!("{prefix}{}", column.name);
        if let Cells::Struct(members) = column.cells {
            paths.extend(sought(&format!("{path}."), members));
        }
        paths.extend(column.is_sought.then_some(path));
    }
    paths
}

/// The distinct texts of a leaf column of a row group.
fn values(path: &Path, group: usize, leaf: usize) -> BTreeSet<String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mask = ProjectionMask::leaves(builder.parquet_schema(), [leaf]);
    let reader = builder.with_row_groups(vec![group]).with_projection(mask).build().unwrap();
    let mut values = BTreeSet::new();
    for batch in reader.map(Result::unwrap) {
        let mut array = batch.column(0);
        while let Some(members) = array.as_struct_opt() {
            array = members.column(0);
        }
        values.extend(array.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    values
}

/// Bytes of a filter for that many values: the power of two from which on at most one of a hundred absent values is taken
/// for present (<https://parquet.apache.org/docs/file-format/bloomfilter/>).
fn size(distinct: usize) -> usize {
    let bits = -8.0 * distinct as f64 / (1.0 - 0.01f64.powf(1.0 / 8.0)).ln();
    ((bits / 8.0) as usize).max(32).next_power_of_two()
}

/// How many absent values the filter of a chunk lets pass; every present one is let pass.
fn false_positives(file: &File, chunk: &ColumnChunkMetaData, present: &BTreeSet<String>) -> usize {
    let filter = Sbbf::read_from_column_chunk(chunk, file).unwrap().unwrap();
    assert!(present.iter().all(|value| filter.check(value.as_str())), "{}", chunk.column_path());
    let (offset, length) = (chunk.bloom_filter_offset().unwrap(), chunk.bloom_filter_length().unwrap());
    assert!(offset > 0 && (offset + i64::from(length)) as u64 <= file.metadata().unwrap().len());
    // Folding judges by the bits that are set, which vary a little by chance.
    let (bytes, expected) = (filter.num_blocks() * 32, size(present.len()));
    assert!(bytes == expected || present.len() > 20 && bytes == expected / 2, "{bytes} for {}", present.len());
    assert!((1..40).contains(&(length as usize - bytes)), "{length} {bytes}");
    (0..ABSENT).filter(|number| filter.check(format!("absent/{number}").as_str())).count()
}

/// Checks the filters of all files. Returns the columns that have some.
fn checked(lake: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in data_files(lake) {
        let path = lake.join(path);
        let file = File::open(&path).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
        for (group, facts) in builder.metadata().row_groups().iter().enumerate() {
            for (leaf, chunk) in facts.columns().iter().enumerate() {
                if chunk.bloom_filter_offset().is_none() {
                    continue;
                }
                let present = values(&path, group, leaf);
                let passed = false_positives(&file, chunk, &present);
                assert!(passed * 50 <= ABSENT, "{passed} of {ABSENT}: {}", chunk.column_path());
                found.insert(chunk.column_path().string());
            }
        }
    }
    found
}

#[test]
fn columns_in_which_single_values_are_sought_have_filters_that_tell_what_is_there() {
    let folder = quick_folder();
    let logs = folder.path().join("logs");
    for (name, log) in [("a", SynthLog::S3Access), ("c", SynthLog::CloudTrail)] {
        let options = SynthOptions { log, bytes: 1 << 19, ..SynthOptions::default() };
        write_files(&options, &logs.join(name)).unwrap();
    }
    for (dataset, options) in [
        (Dataset::S3Access, &["--log", "s3_access"][..]),
        (Dataset::S3Access, &["--log", "s3_access", "--encoding", "fast", "--compression", "snappy"]),
        (Dataset::CloudTrail, &["--log", "cloudtrail"]),
        (Dataset::Activity, &["--log", "activity"]),
    ] {
        let out = folder.path().join(options.join("_"));
        assert_eq!(run(&[&["export", text(&logs), "-o", text(&out)], options].concat()).code, 0);
        let expected = sought("", dataset.columns());
        assert!(expected.len() >= 3);
        assert_eq!(checked(&out), expected, "{options:?}");
    }
}

#[test]
fn merged_files_have_filters_again_and_none_where_they_were_not_asked_for() {
    for (option, dataset) in [(None, Some(Dataset::CloudTrail)), (Some("--no-bloom-filters"), None)] {
        let folder = quick_folder();
        let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
        for seed in 0..2 {
            let options =
                SynthOptions { log: SynthLog::CloudTrail, bytes: 1 << 19, seed, ..SynthOptions::default() };
            write_files(&options, &logs.join(seed.to_string())).unwrap();
            let arguments = ["export", text(&logs), "-o", text(&out), "--append"];
            let done = run(&arguments.iter().copied().chain(option).collect::<Vec<_>>());
            assert_eq!(done.code, 0, "{}", done.stderr);
        }
        let before = data_files(&out).len();
        assert!(program().arg("compact").arg(&out).output().unwrap().status.success());
        assert!(data_files(&out).len() < before);
        let expected = dataset.map_or_else(BTreeSet::new, |dataset| sought("", dataset.columns()));
        assert_eq!(checked(&out), expected);
    }
}

#[test]
fn a_folder_without_filters_is_not_gone_on_with_filters() {
    let folder = quick_folder();
    let (log, out) = (folder.path().join("a.log"), folder.path().join("out"));
    std::fs::write(&log, support::access_lines(10)).unwrap();
    assert_eq!(run(&["export", text(&log), "-o", text(&out), "--no-bloom-filters"]).code, 0);
    let refused = run(&["export", text(&log), "-o", text(&out)]);
    assert!(refused.code == 2 && refused.stderr.contains("bloom_filters"), "{}", refused.stderr);
}
