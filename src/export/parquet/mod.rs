//! Parquet files for Athena: `DIR/<dataset>/event_date=YYYY-MM-DD/part-00000.parquet`.
//!
//! Each thread builds batches from its rows. The batches are put in the order of the input and collected into row
//! groups, each a numbered job. Any thread encodes a job; the encoded row groups are appended to the files in the order
//! of the jobs, and one that is ready early waits.

mod collector;
mod encode;
mod files;
mod former;
mod partition;

use super::ExportSummary;
use super::selection::Selection;
use super::settings::ExportSettings;
use crate::batch::{Dataset, TextLayout};
use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::in_order::InOrder;
use crate::pipeline::stage::Stage;
use arrow::array::RecordBatch;
use collector::{Collector, Job, Limits};
use encode::{EncodedRowGroup, TableFormat, parquet_error};
use files::PartitionFiles;
use partition::{Partition, rows_by_day};
use rayon::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of batches that may wait for an earlier unit.
const WAITING_BYTES: usize = 64 << 20;
/// Jobs that may wait for a thread before the one that adds to them must work them off itself.
const WAITING_JOBS: usize = 2;

/// Writes Parquet files.
pub struct ParquetStage {
    root: PathBuf,
    force: bool,
    selection: Selection,
    formats: BTreeMap<Dataset, TableFormat>,
    order: InOrder<Vec<PartitionBatch>>,
    collector: Mutex<Collector>,
    jobs: Mutex<VecDeque<Job>>,
    encoded: Mutex<Encoded>,
    files: Mutex<PartitionFiles>,
}

struct PartitionBatch {
    partition: Partition,
    batch: RecordBatch,
    bytes: usize,
}

/// Row groups that are ready; written in the order of their numbers by one thread at a time.
#[derive(Default)]
struct Encoded {
    next: u64,
    ready: BTreeMap<u64, EncodedRowGroup>,
    /// A thread is writing. Stays set when writing has failed, so that nobody goes on.
    writing: bool,
}

impl ParquetStage {
    /// Checks the settings and that the folder is free. Nothing is created before the first row group is full.
    ///
    /// # Errors
    /// Columns that do not exist; a folder that holds an export already, without `force`.
    pub fn new(settings: &ExportSettings, root: PathBuf) -> Result<ParquetStage, Error> {
        ParquetStage::with_limits(settings, root, Limits::DEFAULT)
    }

    fn with_limits(settings: &ExportSettings, root: PathBuf, limits: Limits) -> Result<ParquetStage, Error> {
        let selection = Selection::new(settings, TextLayout::Copied)?;
        former::check_free(&root, selection.datasets(), settings.force)?;
        let formats = selection.projections().map(|projection| {
            let format = TableFormat::new(projection, settings.compression);
            Ok((projection.dataset(), format.map_err(|error| parquet_error(&root, error))?))
        });
        Ok(ParquetStage {
            formats: formats.collect::<Result<_, Error>>()?,
            force: settings.force,
            selection,
            order: InOrder::new(WAITING_BYTES),
            collector: Mutex::new(Collector::new(limits)),
            jobs: Mutex::default(),
            encoded: Mutex::default(),
            files: Mutex::new(PartitionFiles::new(root.clone())),
            root,
        })
    }

    /// Writes what is pending, closes the files and puts them under their names.
    ///
    /// # Errors
    /// Output that failed; then no file has been left under a final name.
    pub fn finish(self, (): ()) -> Result<ExportSummary, Error> {
        self.work_off(0)?;
        let (pending, count) = {
            let mut collector = lock(&self.collector);
            (collector.flush(), collector.jobs())
        };
        pending.into_par_iter().try_for_each(|job| self.run(job))?;
        if lock(&self.encoded).next != count {
            let reason = "an earlier error left row groups unwritten".to_owned();
            return Err(Error::Encode { path: self.root, reason });
        }
        let datasets: Vec<Dataset> = self.selection.datasets().collect();
        self.files.into_inner().unwrap_or_else(PoisonError::into_inner).publish(&datasets, self.force)
    }

    /// Batches in the order of the input; full row groups become jobs.
    fn collect(&self, batches: Vec<PartitionBatch>) {
        let mut collector = lock(&self.collector);
        for PartitionBatch { partition, batch, bytes } in batches {
            collector.append(partition, batch, bytes, |job| lock(&self.jobs).push_back(job));
        }
    }

    /// Encodes and writes jobs until no more than `left` wait.
    fn work_off(&self, left: usize) -> Result<(), Error> {
        loop {
            let job = {
                let mut jobs = lock(&self.jobs);
                if jobs.len() <= left {
                    return Ok(());
                }
                jobs.pop_front()
            };
            if let Some(job) = job {
                self.run(job)?;
            }
        }
    }

    fn run(&self, job: Job) -> Result<(), Error> {
        let number = job.number;
        let group =
            self.format(job.file.partition).encode(job).map_err(|error| parquet_error(&self.root, error))?;
        let mut encoded = lock(&self.encoded);
        encoded.ready.insert(number, group);
        if encoded.writing {
            return Ok(());
        }
        encoded.writing = true;
        loop {
            let next = encoded.next;
            let Some(group) = encoded.ready.remove(&next) else { break };
            drop(encoded);
            lock(&self.files).append(self.format(group.file.partition), group)?;
            encoded = lock(&self.encoded);
            encoded.next += 1;
        }
        encoded.writing = false;
        Ok(())
    }

    fn format(&self, partition: Partition) -> &TableFormat {
        &self.formats[&partition.dataset]
    }
}

impl Stage for ParquetStage {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, (): &mut (), unit: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        let mut batches = Vec::new();
        for projection in self.selection.of(table.log)? {
            for (day, rows) in rows_by_day(table, rows) {
                let batch = projection.batch(table, &rows);
                let bytes = batch.get_array_memory_size();
                let partition = Partition { dataset: projection.dataset(), day };
                batches.push(PartitionBatch { partition, batch, bytes });
            }
        }
        let weight = batches.iter().map(|batch| batch.bytes).sum();
        self.order.push(unit, weight, batches, |batches| {
            self.collect(batches);
            Ok::<(), Error>(())
        })?;
        self.work_off(WAITING_JOBS)
    }

    fn unit_done(&self, (): &mut (), unit: u64) -> Result<(), Error> {
        // The turn is handed on first: while this thread encodes, the others go on collecting.
        self.order.finish(unit, |batches| {
            self.collect(batches);
            Ok::<(), Error>(())
        })?;
        self.work_off(0)
    }

    fn merge(&self, (): (), (): ()) {}

    fn stop(&self) {
        self.order.stop();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Block, Segment};
    use crate::parse::{LogType, s3_access};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn unit(unit: usize) -> FieldTable {
        let line = |row: usize| {
            let day = (unit + row / 3) % 4 + 1;
            format!(
                "79a5 b [0{day}/Mar/2026:00:00:38 +0000] 192.0.2.1 - ID{unit} REST.GET.OBJECT {row} \"GET /{row} \
                 HTTP/1.1\" 200 - 1 2 3 4 \"-\" \"curl\" -\n"
            )
        };
        let bytes = (0..10).map(line).collect::<String>().into_bytes();
        let segments = vec![Segment { file: Arc::from("f"), start: 0, first_number: 1, first_offset: 0 }];
        let block = Block { log: LogType::S3Access, bytes, segments, records: Vec::new(), framed: 0 };
        s3_access::parse_block(block, &mut Vec::new()).0
    }

    fn files(threads: usize) -> (Vec<(String, u64)>, Vec<Vec<u8>>) {
        let root = tempfile::tempdir().unwrap();
        // Two open files for four dates, so that files are closed and begun again all the time.
        let limits = Limits {
            row_group_bytes: 40_000,
            pending_bytes: 90_000,
            open_files: 2,
            file_bytes: 150_000,
            ..Limits::DEFAULT
        };
        let settings = ExportSettings::default();
        let stage = ParquetStage::with_limits(&settings, root.path().to_path_buf(), limits).unwrap();
        let next = AtomicU64::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= 80 {
                    break;
                }
                let rows: Vec<u32> = (0..10).collect();
                stage.observe(&mut (), number, &unit(number as usize), &rows).unwrap();
                stage.unit_done(&mut (), number).unwrap();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let summary = stage.finish(()).unwrap();
        assert_eq!(summary.rows, 800);
        let name = |file: &super::super::ExportedFile| {
            let path = file.path.strip_prefix(root.path()).unwrap();
            (path.to_string_lossy().into_owned(), file.rows)
        };
        let bytes = summary.files.iter().map(|file| std::fs::read(&file.path).unwrap()).collect();
        (summary.files.iter().map(name).collect(), bytes)
    }

    #[test]
    fn row_groups_and_parts_are_the_same_for_any_number_of_threads() {
        let (names, bytes) = files(1);
        assert!(names.iter().any(|(name, _)| name.ends_with("part-00002.parquet")), "{names:?}");
        for threads in [2, 5] {
            let (other_names, other_bytes) = files(threads);
            assert_eq!(names, other_names, "{threads} threads");
            assert!(bytes == other_bytes, "{threads} threads");
        }
    }
}
