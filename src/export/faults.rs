//! Every call of the file system fails in turn: the export says so, leaves no half file, and the next one succeeds.

use super::compact::{TARGET_BYTES, compact};
use super::disk::Disk;
use super::{ExportSettings, SortScope, Target, open_for};
use crate::error::Error;
use crate::pipeline::{Settings, run};
use crate::source::collect;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

/// Days in the logs: each is a file, so that there are many calls.
const DAYS: usize = 3;

/// In memory where that can be: there are a thousand exports.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn write_logs(folder: &Path, name: &str) {
    let line = |day: usize| {
        format!(
            "79a5 b [{day:02}/Mar/2026:00:00:38 +0000] 192.0.2.1 - ID{name}{day} REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 \
             2 3 4 \"-\" \"curl\" -\n"
        )
    };
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), (1..=DAYS).map(line).collect::<String>()).unwrap();
}

fn export(logs: &Path, out: &Path, settings: &ExportSettings) -> Result<(), Error> {
    let inputs = collect(&[logs]).unwrap();
    let opened = open_for(settings, Target::Path(out.to_path_buf()), inputs)?;
    let run_settings = Settings { threads: settings.threads, ..Settings::default() };
    run(&opened.inputs, &run_settings, &opened.stage, &AtomicU64::new(0), None)?;
    opened.stage.finish(()).map(drop)
}

/// Rows in the files that readers see, all of which must be whole.
fn visible_rows(out: &Path) -> usize {
    let (mut rows, mut folders) = (0, vec![out.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".parquet") && !name.starts_with('.') {
                let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build();
                rows += reader.unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
            }
        }
    }
    rows
}

/// What is done, and the rows afterwards.
struct Case {
    more: bool,
    settings: ExportSettings,
    rows: usize,
}

fn each_call_fails_in_turn(case: &Case, lasting: bool) -> u64 {
    let settings = |disk: Disk| ExportSettings { disk, threads: 1, resume: true, ..case.settings.clone() };
    for number in 1.. {
        let folder = quick_folder();
        let (logs, out): (PathBuf, PathBuf) = (folder.path().join("logs"), folder.path().join("out"));
        write_logs(&logs, "a");
        if case.more {
            let former = ExportSettings { force: false, append: false, ..settings(Disk::quick()) };
            export(&logs, &out, &former).unwrap();
            write_logs(&logs, "b");
        }
        let before = visible_rows(&out);
        let (disk, faults) = Disk::failing(number, lasting);
        let done = export(&logs, &out, &settings(disk));
        if !faults.happened() {
            done.unwrap();
            assert_eq!(visible_rows(&out), case.rows);
            return number - 1;
        }
        match done {
            Ok(()) => {}
            Err(Error::Output { .. } | Error::Encode { .. }) => {
                // Only files that could not be taken back may stand beside the former ones, and they are whole.
                let after = visible_rows(&out);
                assert!(
                    after == before || lasting || after == before + case.rows,
                    "call {number}: {before} {after}"
                );
            }
            Err(error) => panic!("call {number}: {error}"),
        }
        export(&logs, &out, &settings(Disk::quick())).unwrap_or_else(|error| panic!("call {number}: {error}"));
        assert_eq!(visible_rows(&out), case.rows, "call {number}, lasting: {lasting}");
    }
    0
}

#[test]
fn a_merge_survives_the_failure_of_any_call() {
    let settings = ExportSettings { disk: Disk::quick(), threads: 1, append: true, ..ExportSettings::default() };
    for lasting in [false, true] {
        for number in 1.. {
            let folder = quick_folder();
            let (logs, out): (PathBuf, PathBuf) = (folder.path().join("logs"), folder.path().join("out"));
            for name in ["a", "b", "c"] {
                write_logs(&logs, name);
                export(&logs, &out, &settings).unwrap();
            }
            let (disk, faults) = Disk::failing(number, lasting);
            let done = compact(&out, TARGET_BYTES, disk);
            let is_output = matches!(done, Ok(_) | Err(Error::Output { .. } | Error::Encode { .. }));
            assert!(is_output, "call {number}: {done:?}");
            compact(&out, TARGET_BYTES, Disk::quick()).unwrap();
            assert_eq!(visible_rows(&out), 3 * DAYS, "call {number}, lasting: {lasting}");
            if !faults.happened() {
                assert!(number > 30, "{number} calls");
                break;
            }
        }
    }
}

#[test]
fn an_export_survives_the_failure_of_any_call() {
    let plain = ExportSettings::default;
    let mut calls = 0;
    for case in [
        Case { more: false, settings: plain(), rows: DAYS },
        Case { more: true, settings: ExportSettings { append: true, ..plain() }, rows: 2 * DAYS },
        Case { more: true, settings: ExportSettings { force: true, ..plain() }, rows: 2 * DAYS },
        // A row a run.
        Case {
            more: false,
            settings: ExportSettings { sort: SortScope::File, sort_bytes: 1, ..plain() },
            rows: DAYS,
        },
    ] {
        for lasting in [false, true] {
            calls += each_call_fails_in_turn(&case, lasting);
        }
    }
    assert!(calls >= 200, "{calls} calls failed");
}
