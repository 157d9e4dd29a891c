//! Files of small exports with small limits: how many there are, what they hold, and what is open meanwhile.

use super::collector::Limits;
use super::parts::FileLimits;
use super::{ParquetStage, Stage};
use crate::decode::{Block, Segment};
use crate::error::Error;
use crate::export::disk::Disk;
use crate::export::settings::ExportSettings;
use crate::parse::{FieldTable, LogType, s3_access};
use crate::source::Inputs;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line on each of those days since 2000-01-01, of months of 28 days.
fn unit(days: impl Iterator<Item = usize>) -> FieldTable {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let line = |day: usize| {
        let (year, month, day) = (2000 + day / 336, MONTHS[day / 28 % 12], day % 28 + 1);
        format!(
            "79a5 b [{day:02}/{month}/{year}:00:00:38 +0000] 192.0.2.1 - ID REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 2 3 \
             4 \"-\" \"curl\" -\n"
        )
    };
    let bytes = days.map(line).collect::<String>().into_bytes();
    let segments = vec![Segment { file: Arc::from("f"), start: 0, first_number: 1, first_offset: 0 }];
    let block = Block { log: LogType::S3Access, bytes, segments, records: Vec::new(), framed: 0 };
    s3_access::parse_block(block, &mut Vec::new()).0
}

/// Every row is a row group; `units` are lists of days. `between` is called after each unit.
fn export(
    (root, disk): (&Path, Disk),
    files: FileLimits,
    units: &[Vec<usize>],
    mut between: impl FnMut(),
) -> Result<Vec<(PathBuf, u64)>, Error> {
    let columns = ["event_time", "object_key", "request_id"].map(str::to_owned).to_vec();
    let settings = ExportSettings { disk, columns, threads: 2, ..ExportSettings::default() };
    let limits = Limits { row_group_bytes: 1, files, ..Limits::DEFAULT };
    let stage = ParquetStage::with_limits(&settings, root.to_path_buf(), Inputs::default(), limits)?.stage;
    for (number, days) in units.iter().enumerate() {
        let rows: Vec<u32> = (0..days.len() as u32).collect();
        stage.observe(&mut (), number as u64, &unit(days.iter().copied()), &rows)?;
        stage.unit_done(&mut (), number as u64)?;
        between();
    }
    Ok(stage.finish(())?.files.into_iter().map(|file| (file.path, file.bytes)).collect())
}

fn metadata(path: &Path) -> ParquetMetaData {
    let file = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = file.metadata().as_ref().clone();
    let rows: usize = file.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows as i64, metadata.file_metadata().num_rows());
    metadata
}

/// In memory where that can be.
fn quick_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Four and two row groups of [`unit`], a little less.
fn small_limits() -> FileLimits {
    let folder = quick_folder();
    let files = export((folder.path(), Disk::quick()), FileLimits::DEFAULT, &[vec![0]], || ()).unwrap();
    let metadata = metadata(&files[0].0);
    let row_group = metadata.row_group(0);
    let filters = row_group.columns().iter().filter_map(|column| column.bloom_filter_length());
    let row_group = (row_group.compressed_size() + filters.map(i64::from).sum::<i64>()) as u64;
    FileLimits { full_bytes: row_group * 4, least_bytes: row_group * 2, row_groups: 6, handles: 1 }
}

#[test]
fn files_end_when_full_and_none_is_too_small_beside_others() {
    let limits = small_limits();
    let whole = FileLimits { row_groups: 100, ..FileLimits::DEFAULT };
    // Row groups of a partition, and those of each of its files.
    let table: [(usize, &[usize]); 9] = [
        (1, &[1]),
        (3, &[3]),
        (4, &[4]),
        (5, &[5]),
        (6, &[4, 2]),
        (8, &[4, 4]),
        (9, &[4, 5]),
        (10, &[4, 4, 2]),
        (13, &[4, 4, 5]),
    ];
    for (row_groups, expected) in table {
        let folder = quick_folder();
        let files = export((folder.path(), Disk::quick()), limits, &vec![vec![0]; row_groups], || ()).unwrap();
        let counts: Vec<usize> = files.iter().map(|(path, _)| metadata(path).num_row_groups()).collect();
        assert_eq!(counts, expected, "{row_groups}");
        for (number, (path, bytes)) in files.iter().enumerate() {
            assert!(path.ends_with(format!("part-0000-{number:05}.parquet")), "{}", path.display());
            assert_eq!(std::fs::metadata(path).unwrap().len(), *bytes);
        }
        let in_folder = std::fs::read_dir(files[0].0.parent().unwrap()).unwrap().count();
        assert_eq!(in_folder, files.len(), "{row_groups}");
        if let [(path, _)] = &files[..] {
            // Taken over or not, it is the same file.
            let other = quick_folder();
            let others = export((other.path(), Disk::quick()), whole, &vec![vec![0]; row_groups], || ()).unwrap();
            assert!(std::fs::read(path).unwrap() == std::fs::read(&others[0].0).unwrap(), "{row_groups}");
        }
    }
}

#[test]
fn a_file_of_many_small_row_groups_ends_too_and_takes_over_no_more() {
    let limits = FileLimits { row_groups: 3, ..FileLimits::DEFAULT };
    let folder = quick_folder();
    let files = export((folder.path(), Disk::quick()), limits, &vec![vec![0]; 8], || ()).unwrap();
    let counts: Vec<usize> = files.iter().map(|(path, _)| metadata(path).num_row_groups()).collect();
    assert_eq!(counts, [3, 3, 2]);
}

/// Files below the folder that this process has open.
#[cfg(target_os = "linux")]
fn open_below(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.starts_with(folder) && link.to_string_lossy().contains(".parquet")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_interleaved_partitions_have_a_file_each_and_few_are_open() {
    let folder = quick_folder();
    // All days twice, 250 a unit.
    let units: Vec<Vec<usize>> = (0..80).map(|unit| (0..250).map(|day| unit % 40 * 250 + day).collect()).collect();
    let mut most = 0;
    let between = || most = most.max(open_below(folder.path()));
    let files = export((folder.path(), Disk::quick()), FileLimits::DEFAULT, &units, between).unwrap();
    assert!((50..=64).contains(&most), "{most} files were open");
    assert_eq!(files.len(), 10_000);
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for (path, _) in files.iter().step_by(97) {
        *counts.entry(metadata(path).num_row_groups()).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([(2, 104)]));
}

#[test]
fn no_file_is_left_when_a_call_of_the_file_system_fails() {
    let limits = small_limits();
    // Handles are given back, a full file waits, one file takes over another.
    let units: Vec<Vec<usize>> = vec![vec![0], vec![0], vec![1], vec![0], vec![0], vec![0], vec![1]];
    for number in 1.. {
        let folder = quick_folder();
        let (disk, faults) = Disk::failing(number, false);
        let done = export((folder.path(), disk), limits, &units, || ());
        let mut left = Vec::new();
        for entry in std::fs::read_dir(folder.path().join("s3_access")).into_iter().flatten() {
            let files = std::fs::read_dir(entry.unwrap().path()).unwrap();
            left.extend(files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()));
        }
        match done {
            // A hidden file that could not be removed is removed by the next who writes.
            Ok(_) => {
                assert_eq!(left.iter().filter(|name| !name.starts_with('.')).count(), 2, "call {number}: {left:?}")
            }
            Err(Error::Output { .. } | Error::Encode { .. }) => {
                assert!(left.is_empty(), "call {number}: {left:?}")
            }
            Err(error) => panic!("call {number}: {error}"),
        }
        if !faults.happened() {
            assert!(number > 30, "{number} calls");
            break;
        }
    }
}
