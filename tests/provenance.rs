//! What the columns that name the source of each row cost.
#![allow(clippy::unwrap_used)]

mod support;

use s3sleuth::batch::Dataset;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::fs;
use std::path::Path;
use support::tables::data_files;
use support::{quick_folder, run, text};

const SOURCE: [&str; 3] = ["source_file", "source_line", "source_record"];

fn bytes(lake: &Path) -> u64 {
    data_files(lake).iter().map(|file| fs::metadata(lake.join(file)).unwrap().len()).sum()
}

#[test]
fn source_file_and_source_line_take_at_most_three_hundredths_of_an_export() {
    for (dataset, log) in [(Dataset::S3Access, SynthLog::S3Access), (Dataset::CloudTrail, SynthLog::CloudTrail)] {
        // One file, and files of 100 KB.
        for files in [1, 80] {
            let folder = quick_folder();
            let logs = folder.path().join("logs");
            let options = SynthOptions { log, files, bytes: 8_000_000, ..SynthOptions::default() };
            write_files(&options, &logs).unwrap();
            let others: Vec<&str> = (dataset.columns().iter().map(|column| column.name))
                .filter(|name| !SOURCE.contains(name))
                .collect();
            let sizes = [None, Some(others.join(","))].map(|columns| {
                let out = folder.path().join(if columns.is_some() { "without" } else { "with" });
                let mut arguments = vec!["export", text(&logs), "-o", text(&out)];
                arguments.extend(columns.iter().flat_map(|columns| ["--columns", columns]));
                assert_eq!(run(&arguments).code, 0);
                bytes(&out)
            });
            let [with, without] = sizes;
            assert!(with > without && with * 100 <= without * 103, "{dataset:?} {files}: {with} {without}");
        }
    }
}
