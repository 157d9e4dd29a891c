//! Parquet files for Athena: `DIR/<dataset>/event_date=YYYY-MM-DD/part-0000-00000.parquet`, or by other keys.
//!
//! Each thread makes pieces of columns from its rows. The pieces are put in the order of the input and collected into row
//! groups, each a numbered job. Any thread encodes columns of a job; the encoded row groups are appended to the files in the
//! order of the jobs, and one that is ready early waits. Where whole files are to be in the order of time, the rows first go the
//! way of `sorted`.
//!
//! Memory is bounded at each step: pieces that wait for their turn, rows pending in row groups, jobs that wait for a
//! thread, and encoded row groups that wait for the disk. What `sorted` holds grows slowly with the input.

mod change;
mod collector;
mod column;
mod early_sync;
mod encode;
mod event_times;
#[cfg(test)]
mod file_tests;
mod files;
mod footer;
mod key;
mod known_events;
mod log_path;
mod merge;
mod merge_sorted;
mod notes;
mod open_file;
mod order;
mod partition;
mod parts;
mod place;
mod row_group;
mod row_group_facts;
mod sorted;
mod writing;

pub(crate) use key::lake_date;
pub use key::{DATE_KEY, DEFAULT_PARTITION, LAKE_DATE_KEY, PartitionKey};
pub use log_path::LogPath;
pub(super) use merge::{MERGED_AT_A_TIME, Merge, is_sorted_by_file};

use super::lake::{Lake, META_FOLDER, OutputEntry, Plan, Request};
use super::selection::Selection;
use super::settings::{ExportSettings, SortScope};
use super::{ExportSummary, ExportedFile};
use crate::batch::{Dataset, TextLayout};
use crate::decode::Inventory;
use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::in_order::InOrder;
use crate::pipeline::on_threads;
use crate::pipeline::stage::{KnownEvents, Stage};
use crate::source::Inputs;
use change::{Change, job};
use collector::{Collector, Limits, Rows};
use column::PAGE_ROWS;
use encode::{TableFormat, parquet_error};
use files::PartitionFiles;
use known_events::EventsOfFiles;
use order::Part;
use partition::{Defaulted, Partition, PartitionLimit, PlacedRows, rows_by_day, rows_by_place};
use place::{Place, Places};
use sorted::{FileSort, RowBatch, StepRows, Steps, left_segments};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use writing::{Alarm, Writing};

/// Jobs that may wait for a thread before the one that adds to them must work them off itself.
const WAITING_JOBS: usize = 1;
/// Writes Parquet files.
pub struct ParquetStage {
    root: PathBuf,
    selection: Selection,
    keys: Vec<PartitionKey>,
    order: InOrder<Observed<Rows>>,
    /// Takes the rows before the collector does, where whole files are to be in order.
    file_sort: Option<FileSort>,
    places: Arc<Mutex<Places>>,
    partition_limit: Mutex<PartitionLimit>,
    defaulted: Mutex<BTreeMap<PartitionKey, Defaulted>>,
    collector: Mutex<Collector>,
    threads: usize,
    inventory: Arc<Inventory>,
    known_events: Option<EventsOfFiles>,
    // Dropped in this order: files that are not published go first.
    writing: Writing,
    change: Change,
}

/// An export that is ready, and what is left to be read for it.
pub(super) struct OpenedStage {
    pub(super) stage: ParquetStage,
    pub(super) inputs: Inputs,
    pub(super) done: usize,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// What one call gave: rows by partition, in their order.
struct Observed<R> {
    parts: Vec<ObservedRows<R>>,
    defaulted: BTreeMap<PartitionKey, Defaulted>,
}

/// Rows of one partition.
struct ObservedRows<R> {
    dataset: Dataset,
    /// `None`: only the date is a key.
    place: Option<Arc<Place>>,
    day: Option<i64>,
    rows: R,
}

impl ParquetStage {
    /// Checks the settings, takes the lock of the folder and holds the inputs against what it has. Nothing but the lock is
    /// created before the first row group is full.
    ///
    /// # Errors
    /// Settings that make no sense; a folder that cannot take these inputs ([`Lake::open`], `Lake::plan`).
    pub(super) fn open(settings: &ExportSettings, root: PathBuf, inputs: Inputs) -> Result<OpenedStage, Error> {
        let limits = Limits { pending_bytes: settings.pending_bytes, ..Limits::DEFAULT };
        ParquetStage::with_limits(settings, root, inputs, limits)
    }

    fn with_limits(
        settings: &ExportSettings,
        root: PathBuf,
        inputs: Inputs,
        limits: Limits,
    ) -> Result<OpenedStage, Error> {
        let keys = checked(&settings.partition_by)?;
        let names: Vec<&str> = keys.iter().map(|key| key.name()).collect();
        let selection = Selection::new(settings, TextLayout::Copied, &names)?;
        let job = job(settings, &selection);
        let lake = Lake::open(&root, settings.disk.clone())?;
        let ExportSettings { force, resume, append, .. } = *settings;
        let mut plan = lake.plan(&Request { job: &job, force, resume, append }, inputs)?;
        let known_events = if force { Ok(None) } else { EventsOfFiles::of(&root, lake.state(), &job) };
        let known_events = known_events.unwrap_or_else(|why| {
            plan.notes.push(why);
            None
        });
        let formats: Result<BTreeMap<_, _>, Error> = selection
            .projections()
            .map(|projection| {
                let format = TableFormat::new(projection, settings.compression, settings.encoding, &job);
                Ok((projection.dataset(), format.map_err(|error| parquet_error(&root, error))?))
            })
            .collect();
        let places = Arc::new(Mutex::new(Places::new(&keys, PartitionLimit::MOST)));
        let files =
            PartitionFiles::new((&root, lake.next_run()), &settings.disk, limits.files, Arc::clone(&places));
        let by_file = settings.sort == SortScope::File;
        let file_sort = by_file.then(|| FileSort::new(settings, root.join(META_FOLDER)));
        let threads = settings.threads.max(1);
        let stage = ParquetStage {
            file_sort,
            selection,
            order: InOrder::new(settings.waiting_bytes),
            defaulted: Mutex::default(),
            collector: Mutex::new(Collector::new(limits)),
            partition_limit: Mutex::new(PartitionLimit::new(PartitionLimit::MOST)),
            threads,
            inventory: Arc::new(Inventory::new(plan.inputs.files.len(), settings.blake3)),
            known_events,
            writing: Writing::new(root.clone(), formats?, threads, files),
            change: Change::new(lake, job, &mut plan),
            places,
            keys,
            root,
        };
        let Plan { inputs, done, notes, warnings, .. } = plan;
        Ok(OpenedStage { stage, inputs, done, notes, warnings })
    }

    /// Writes what is pending, closes the files and puts them under their names.
    ///
    /// # Errors
    /// Output that failed; then no file has been left under a final name.
    pub fn finish(self, (): ()) -> Result<ExportSummary, Error> {
        on_threads(self.threads, || self.finish_here())?
    }

    /// The same, on the threads at hand.
    fn finish_here(mut self) -> Result<ExportSummary, Error> {
        if let Some(file_sort) = self.file_sort.take() {
            let steps = file_sort.into_steps()?;
            rayon::broadcast(|_| self.take_steps(&steps)).into_iter().collect::<Result<(), Error>>()?;
        }
        let count = {
            let mut collector = lock(&self.collector);
            collector.flush().into_iter().for_each(|job| self.writing.add(job));
            collector.jobs()
        };
        // Every thread takes the next job of the queue: were the jobs dealt out, those of one thread could have to
        // wait for the whole share of another.
        rayon::broadcast(|_| self.writing.work_off(0)).into_iter().collect::<Result<(), Error>>()?;
        let files = self.writing.into_files(count)?;
        let notes = notes::of(&lock(&self.defaulted), lock(&self.partition_limit).diverted());
        let entries = self.change.commit(files.complete()?, &self.inventory)?;
        let file = |entry: OutputEntry| ExportedFile {
            path: self.root.join(entry.path),
            rows: entry.rows,
            bytes: entry.bytes,
        };
        let files: Vec<ExportedFile> = entries.into_iter().map(file).collect();
        Ok(ExportSummary { rows: files.iter().map(|file| file.rows).sum(), files, notes })
    }

    /// The columns of the rows of a table, by partition.
    fn observed(&self, table: &FieldTable, rows: &[u32]) -> Result<Observed<Rows>, Error> {
        self.by_partition(table, rows, |dataset, mut rows| {
            let parts = order::sorted_parts(table, &mut rows);
            parts.iter().map(|part| self.rows(dataset, table, part)).collect()
        })
    }

    /// The columns of some sorted rows.
    fn rows(&self, dataset: Dataset, table: &FieldTable, part: &Part<'_>) -> Result<Rows, Error> {
        self.writing.format(dataset).rows(table, part).map_err(|error| parquet_error(&self.root, error))
    }

    /// The rows of a table by partition, each as `make` makes them.
    fn by_partition<R>(
        &self,
        table: &FieldTable,
        rows: &[u32],
        make: impl Fn(Dataset, Vec<u32>) -> Result<Vec<R>, Error>,
    ) -> Result<Observed<R>, Error> {
        let mut observed = Observed { parts: Vec::new(), defaulted: BTreeMap::new() };
        let mut add = |dataset, place: Option<Arc<Place>>, day, rows: Vec<u32>| {
            let parts = make(dataset, rows)?.into_iter();
            let part = |rows| ObservedRows { dataset, place: place.clone(), day, rows };
            observed.parts.extend(parts.map(part));
            Ok::<(), Error>(())
        };
        for projection in self.selection.of(table.log).map_err(Error::Usage)? {
            let dataset = projection.dataset();
            if self.keys == [PartitionKey::EventDate] {
                for (day, rows) in rows_by_day(table, rows) {
                    add(dataset, None, day, rows)?;
                }
                continue;
            }
            let PlacedRows { rows, defaulted } = rows_by_place(&self.keys, dataset, table, rows);
            for ((place, day), rows) in rows {
                add(dataset, Some(place), day, rows)?;
            }
            for (key, defaulted) in defaulted {
                observed.defaulted.entry(key).or_default().add(defaulted);
            }
        }
        Ok(observed)
    }

    /// Rows in the order of the input; full row groups become jobs.
    fn collect(&self, observed: Observed<Rows>) {
        let mut collector = lock(&self.collector);
        for part in observed.parts {
            let count = part.rows.keys.len();
            let (partition, rows) = self.numbered(part, count);
            let is_edge = rows.is_edge;
            let overlaps = collector.append(partition, rows, |job| self.writing.add(job));
            if !is_edge {
                self.writing.format(partition.dataset).expect(overlaps);
            }
        }
        self.note_defaulted(observed.defaulted);
    }

    /// Rows in the order of the input, to be sorted.
    fn collect_to_sort(&self, file_sort: &FileSort, observed: Observed<RowBatch>) {
        for part in observed.parts {
            let count = part.rows.len();
            let (partition, rows) = self.numbered(part, count);
            file_sort.add(partition, rows);
        }
        self.note_defaulted(observed.defaulted);
    }

    /// Where so many rows go: places get their numbers, and partitions are counted, in the order of the input.
    fn numbered<R>(&self, part: ObservedRows<R>, count: usize) -> (Partition, R) {
        let ObservedRows { dataset, place, day, rows } = part;
        let place = place.map_or(Places::NOWHERE, |place| lock(&self.places).number(&place));
        (lock(&self.partition_limit).admit(Partition { dataset, place, day }, count), rows)
    }

    fn note_defaulted(&self, defaulted: BTreeMap<PartitionKey, Defaulted>) {
        if !defaulted.is_empty() {
            let mut all = lock(&self.defaulted);
            defaulted.into_iter().for_each(|(key, later)| all.entry(key).or_default().add(later));
        }
    }

    /// Takes sorted rows, step by step, until there are no more.
    fn take_steps(&self, steps: &Steps) -> Result<(), Error> {
        let stop = || {
            steps.stop();
            self.writing.stop();
        };
        let mut alarm = Alarm { stop, done: false };
        while let Some(step) = steps.next() {
            let mut rows = Vec::new();
            let tables = steps.read(&step)?;
            for sorted in &tables {
                let all: Vec<u32> = (0..sorted.table.len() as u32).collect();
                for (part, ranks) in all.chunks(PAGE_ROWS).zip(sorted.ranks.chunks(PAGE_ROWS)) {
                    // Rows of both logs stand between one another.
                    let part = Part { rows: part, is_edge: tables.len() > 1 };
                    let of_part = self.rows(step.partition.dataset, &sorted.table, &part)?;
                    rows.push(Rows { keys: ranks.to_vec(), ..of_part });
                }
            }
            drop(tables);
            let weight = rows.iter().map(|rows| rows.bytes).sum();
            let rows = StepRows { partition: step.partition, rows, is_last: step.is_last };
            let mut collect = |rows| {
                self.collect_sorted(rows);
                Ok::<(), Error>(())
            };
            steps.door.push(step.number, weight, rows, &mut collect)?;
            steps.door.finish(step.number, collect)?;
            self.writing.work_off(0)?;
        }
        alarm.done = true;
        Ok(())
    }

    /// The rows of a step go into one row group, as they can stand between one another; those of a partition into row
    /// groups and files of which each begins where the one before ends.
    fn collect_sorted(&self, step: StepRows) {
        let mut collector = lock(&self.collector);
        let job = |job| self.writing.add(job);
        for rows in step.rows {
            collector.add(step.partition, rows);
        }
        collector.end_full(step.partition, job);
        if step.is_last {
            collector.end(step.partition, job);
        }
    }
}

impl Stage for ParquetStage {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, (): &mut (), unit: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        if let Some(file_sort) = &self.file_sort {
            let left = left_segments(table, rows, file_sort.left_bytes);
            let observed =
                self.by_partition(table, rows, |_, rows| Ok(vec![RowBatch::new(table, &rows, &left)]))?;
            let weight = observed.parts.iter().map(|part| part.rows.memory()).sum();
            file_sort.door.push(unit, weight, observed, |observed| {
                self.collect_to_sort(file_sort, observed);
                Ok::<(), Error>(())
            })?;
            return file_sort.write();
        }
        let observed = self.observed(table, rows)?;
        let weight = observed.parts.iter().map(|part| part.rows.bytes).sum();
        self.order.push(unit, weight, observed, |observed| {
            self.collect(observed);
            Ok::<(), Error>(())
        })?;
        self.writing.work_off(WAITING_JOBS)
    }

    fn unit_done(&self, (): &mut (), unit: u64) -> Result<(), Error> {
        if let Some(file_sort) = &self.file_sort {
            file_sort.door.finish(unit, |observed| {
                self.collect_to_sort(file_sort, observed);
                Ok::<(), Error>(())
            })?;
            return file_sort.write();
        }
        // The turn is handed on first: while this thread encodes, the others go on collecting.
        self.order.finish(unit, |observed| {
            self.collect(observed);
            Ok::<(), Error>(())
        })?;
        self.writing.work_off(0)
    }

    fn merge(&self, (): (), (): ()) {}

    fn stop(&self) {
        self.order.stop();
        if let Some(file_sort) = &self.file_sort {
            file_sort.door.stop();
        }
        self.writing.stop();
    }

    fn inventory(&self) -> Option<&Arc<Inventory>> {
        Some(&self.inventory)
    }

    fn known_events(&self) -> Option<&dyn KnownEvents> {
        self.known_events.as_ref().map(|known| known as &dyn KnownEvents)
    }
}

/// At least one key, and none twice.
fn checked(keys: &[PartitionKey]) -> Result<Vec<PartitionKey>, Error> {
    if keys.is_empty() {
        return Err(Error::Usage("no partition key: name at least one, such as event_date".to_owned()));
    }
    match keys.iter().enumerate().find(|(index, key)| keys[..*index].contains(key)) {
        Some((_, twice)) => Err(Error::Usage(format!("the partition key {} stands twice", twice.name()))),
        None => Ok(keys.to_vec()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::parts::FileLimits;
    use super::writing::READY_AT_LEAST;
    use super::*;
    use crate::decode::{Block, Segment};
    use crate::parse::{LogType, s3_access};
    use std::path::Path;
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
        // Two handles for four dates, so that they are given back all the time.
        let limits = Limits {
            row_group_bytes: 40_000,
            pending_bytes: 90_000,
            files: FileLimits { full_bytes: 15_000, least_bytes: 6_000, handles: 2, ..FileLimits::DEFAULT },
        };
        let settings = ExportSettings::default();
        let opened = ParquetStage::with_limits(&settings, root.path().to_path_buf(), Inputs::default(), limits);
        let stage = opened.unwrap().stage;
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

    /// A stage whose row groups hold one unit each, and four threads that feed it 40 units while nothing can be written.
    fn with_a_disk_that_hangs(root: &Path, then: impl FnOnce(&ParquetStage)) -> ParquetStage {
        let limits = Limits { row_group_bytes: 1, ..Limits::DEFAULT };
        let settings = ExportSettings { threads: 1, ..ExportSettings::default() };
        let opened = ParquetStage::with_limits(&settings, root.to_path_buf(), Inputs::default(), limits);
        let stage = opened.unwrap().stage;
        let next = AtomicU64::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= 40 {
                    break;
                }
                stage.observe(&mut (), number, &unit(number as usize), &[0]).unwrap();
                stage.unit_done(&mut (), number).unwrap();
            }
        };
        std::thread::scope(|scope| {
            let disk = lock(&stage.writing.files);
            for _ in 0..4 {
                scope.spawn(work);
            }
            // Time for those that would not wait: without a bound all forty would be ready.
            for _ in 0..500 {
                std::thread::sleep(std::time::Duration::from_millis(1));
                assert!(lock(&stage.writing.encoded).ready.len() <= READY_AT_LEAST);
            }
            assert_eq!(lock(&stage.writing.encoded).next, 0);
            then(&stage);
            drop(disk);
        });
        stage
    }

    #[test]
    fn a_slow_disk_makes_the_threads_wait_and_all_rows_arrive() {
        let root = tempfile::tempdir().unwrap();
        let stage = with_a_disk_that_hangs(root.path(), |_| ());
        assert_eq!(lock(&stage.writing.encoded).next, 40);
        assert_eq!(stage.finish(()).unwrap().rows, 40);
    }

    #[test]
    fn who_waits_for_a_slow_disk_gives_up_when_the_run_ends() {
        let root = tempfile::tempdir().unwrap();
        let stage = with_a_disk_that_hangs(root.path(), ParquetStage::stop);
        assert!(matches!(stage.finish(()), Err(Error::Encode { .. })));
    }

    #[test]
    fn row_groups_and_parts_are_the_same_for_any_number_of_threads() {
        let (names, bytes) = files(1);
        assert!(names.iter().any(|(name, _)| name.ends_with("part-0000-00002.parquet")), "{names:?}");
        for threads in [2, 5] {
            let (other_names, other_bytes) = files(threads);
            assert_eq!(names, other_names, "{threads} threads");
            assert!(bytes == other_bytes, "{threads} threads");
        }
    }
}
