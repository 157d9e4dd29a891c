//! The pipeline as a whole: order, cuts, and how it ends when a stage fails.

mod support;

use s3sleuth::decode::Limits;
use s3sleuth::error::Error;
use s3sleuth::export::{self, ExportSettings, Format, Target};
use s3sleuth::parse::{FieldTable, LogType};
use s3sleuth::pipeline::{Settings, Stage, run};
use s3sleuth::source;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use support::{access_lines, gzip};

/// Both logs, mixed by name: small and large files, plain and compressed, one without a last line end.
fn mixed_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the test can run");
    let trail = folder.path().join("b-trail");
    let options =
        SynthOptions { log: SynthLog::CloudTrail, bytes: 1 << 20, duplicate_ppm: 50_000, ..Default::default() };
    write_files(&options, &trail).expect("the test can run");
    fs::write(folder.path().join("a.log"), access_lines(500).trim_end()).expect("the test can run");
    fs::write(folder.path().join("c.log.gz"), gzip(access_lines(3000).as_bytes())).expect("the test can run");
    fs::write(folder.path().join("d.json"), "{\"Records\":[]}\n").expect("the test can run");
    fs::write(folder.path().join("e.log"), format!("{}torn line\n\n{}", access_lines(3), access_lines(3)))
        .expect("the test can run");
    folder
}

fn jsonl(folder: &Path, threads: usize, limits: Limits) -> (String, s3sleuth::pipeline::Tally) {
    let out = tempfile::tempdir().expect("the test can run");
    let path = out.path().join("rows.jsonl");
    let settings = ExportSettings { format: Format::Jsonl, ..Default::default() };
    let stage = export::open(&settings, Target::Path(path.clone())).expect("the test can run");
    let inputs = source::collect(&[folder]).expect("the test can run");
    let settings = Settings { threads, limits, ..Default::default() };
    let ((), report) = run(&inputs, &settings, &stage, &AtomicU64::new(0), None).expect("the test can run");
    stage.finish(()).expect("the test can run");
    (fs::read_to_string(path).expect("the test can run"), report.tally)
}

#[test]
fn rows_do_not_depend_on_threads_or_on_where_the_input_is_cut() {
    let folder = mixed_folder();
    let (expected, tally) = jsonl(folder.path(), 1, Limits::default());
    assert!(tally.balances() && tally.duplicates > 0 && tally.rejects == 1 && tally.blanks == 1, "{tally:?}");
    for (threads, block_size, small_file) in
        [(2, 2 << 20, 1 << 20), (3, 1000, 1 << 20), (2, 5000, 0), (4, 700, 2000), (1, 1, 100_000), (2, 1 << 16, 0)]
    {
        let limits = Limits { block_size, small_file, ..Limits::default() };
        let (rows, found) = jsonl(folder.path(), threads, limits);
        assert_eq!(found, tally, "{threads} threads, blocks of {block_size}, small files to {small_file}");
        assert!(rows == expected, "{threads} threads, blocks of {block_size}, small files to {small_file}");
    }
}

/// Fails, or panics, at one unit.
struct Failing {
    at: u64,
    panics: bool,
}

impl Stage for Failing {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, _: &mut (), unit: u64, _: &FieldTable, _: &[u32]) -> Result<(), Error> {
        if unit < self.at {
            return Ok(());
        }
        assert!(!self.panics, "as asked");
        Err(Error::output("nowhere", std::io::Error::other("as asked")))
    }

    fn unit_done(&self, _: &mut (), _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, (): (), (): ()) {}
}

#[test]
fn a_stage_that_fails_or_panics_ends_the_run_without_leaving_threads_waiting() {
    let folder = mixed_folder();
    let inputs = source::collect(&[folder.path()]).expect("the test can run");
    let limits = Limits { block_size: 20_000, small_file: 0, ..Limits::default() };
    for threads in [1, 2, 4] {
        for at in [0, 7] {
            let settings = Settings { threads, limits: limits.clone(), ..Default::default() };
            let run = |panics| run(&inputs, &settings, &Failing { at, panics }, &AtomicU64::new(0), None);
            assert!(matches!(run(false), Err(Error::Output { .. })));
            assert!(matches!(run(true), Err(Error::Bug(_))));
        }
    }
}

/// 2026-02-06T00:05:00Z, in the midst of the access lines.
const SPLIT_MS: i64 = 1_770_336_300_000;

/// Counts rows and repeats by log.
struct Counting;

impl Stage for Counting {
    type Worker = [[u64; 2]; 2];

    fn worker(&self) -> [[u64; 2]; 2] {
        Default::default()
    }

    fn observe(&self, worker: &mut Self::Worker, _: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        worker[usize::from(table.log == LogType::CloudTrail)][0] += rows.len() as u64;
        Ok(())
    }

    fn repeats(&self, worker: &mut Self::Worker, table: &FieldTable, rows: &[u32]) {
        worker[usize::from(table.log == LogType::CloudTrail)][1] += rows.len() as u64;
    }

    fn unit_done(&self, _: &mut Self::Worker, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, left: Self::Worker, right: Self::Worker) -> Self::Worker {
        [0, 1].map(|log| [0, 1].map(|kind| left[log][kind] + right[log][kind]))
    }
}

#[test]
fn a_stage_is_told_of_the_repeats_that_its_filters_leave() {
    let folder = mixed_folder();
    let inputs = source::collect(&[folder.path()]).expect("the test can run");
    for threads in [1, 3] {
        let counts = |settings: Settings| {
            let settings = Settings { threads, dedup_lines: true, ..settings };
            let (counts, report) =
                run(&inputs, &settings, &Counting, &AtomicU64::new(0), None).expect("the test can run");
            (counts, report.tally)
        };
        let (all, tally) = counts(Settings::default());
        assert!(all.iter().flatten().all(|count| *count > 0), "{all:?}");
        assert_eq!(all[0][1] + all[1][1], tally.duplicates);
        for (log, only) in LogType::ALL.into_iter().enumerate() {
            let (counts, tally) = counts(Settings { only: Some(only), ..Settings::default() });
            assert_eq!((counts[log], counts[1 - log]), (all[log], [0, 0]));
            assert_eq!(tally.duplicates, all[0][1] + all[1][1]);
        }
        let (before, _) = counts(Settings { until_ms: Some(SPLIT_MS), ..Settings::default() });
        let (after, _) = counts(Settings { since_ms: Some(SPLIT_MS), ..Settings::default() });
        for log in [0, 1] {
            assert_eq!([0, 1].map(|kind| before[log][kind] + after[log][kind]), all[log]);
        }
        assert!(before[0][1] > 0 && after[0][1] > 0, "{before:?} {after:?}");
    }
}
