//! The run: a reading thread, workers, and the order between them.

use super::dedup::Seen;
use super::first::First;
use super::origins::{self, Origins};
use super::refused::{Refused, RejectOutput};
use super::stage::{KnownEvents, Stage};
use super::tally::Tally;
use super::turn::Turn;
use crate::decode::{Block, BlockTaker, Limits, Unit, UnitReport, decode_unit, read_and_note};
use crate::error::Error;
use crate::ledger::{FileOutcome, FileStatus, Notice, Reject, RejectSink};
use crate::parse::time::DAY_MS;
use crate::parse::{FieldTable, LogType, Spare, cloudtrail, s3_access};
use crate::source::Inputs;
use rayon::ThreadPoolBuilder;
use rayon::iter::{ParallelBridge, ParallelIterator};
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use xxhash_rust::xxh3::xxh3_128;

/// Units that may wait for a worker, for each worker.
const QUEUED_UNITS: usize = 2;

/// Bytes of parsed records, with their fields' places, that a unit gathers before it waits for its turn to be compared with earlier records.
const GATHERED_BYTES: usize = 32 << 20;

/// Rejects, files and notices that are kept to be shown.
const SHOWN: usize = 1000;

/// How to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Worker threads; at least 1.
    pub threads: usize,
    /// Limits of decoding.
    pub limits: Limits,
    /// Bytes of fingerprints kept in memory for deduplication.
    pub dedup_bytes: usize,
    /// Rows before this instant (milliseconds) are filtered out; rows without a time are kept.
    pub since_ms: Option<i64>,
    /// Rows at or after this instant are filtered out.
    pub until_ms: Option<i64>,
    /// Keep CloudTrail records that were seen before.
    pub keep_duplicates: bool,
    /// Drop access-log lines that are identical as a whole to one seen before.
    pub dedup_lines: bool,
    /// Filter out the rows of the other log.
    pub only: Option<LogType>,
}

impl Default for Settings {
    /// One thread, default limits, 64 MiB of fingerprints, nothing filtered, CloudTrail repeats dropped.
    fn default() -> Settings {
        Settings {
            threads: 1,
            limits: Limits::default(),
            dedup_bytes: 64 << 20,
            since_ms: None,
            until_ms: None,
            keep_duplicates: false,
            dedup_lines: false,
            only: None,
        }
    }
}

/// What a run tells.
pub struct Report {
    /// The counts.
    pub tally: Tally,
    /// The first refused lines and records, in the order of the input, without their text.
    pub rejects: Vec<Reject>,
    /// The first files that should have been read whole and were not, in the order of the input.
    pub files: Vec<FileOutcome>,
    /// The first files that were ignored, in the order of the input.
    pub ignored: Vec<FileOutcome>,
    /// The first notices, in the order of the input.
    pub notices: Vec<Notice>,
}

/// Reads the inputs through the stage. Returns the merged state of the workers and what was read. `progress` is the
/// sum of the input bytes read so far, on disk; `reject_writer` takes every refused record in the order of the input.
///
/// # Errors
/// The first output that failed; everything else is counted and told.
pub fn run<'a, S: Stage>(
    inputs: &Inputs,
    settings: &'a Settings,
    stage: &'a S,
    progress: &'a AtomicU64,
    reject_writer: Option<&'a mut (dyn Write + Send + 'a)>,
) -> Result<(S::Worker, Report), Error> {
    let block_size = settings.limits.block_size.min(S::MOST_BLOCK);
    let run = Run {
        settings,
        limits: Limits { block_size, ..settings.limits.clone() },
        stage,
        progress,
        turn: Turn::default(),
        seen: Mutex::new(Remembered { seen: Seen::new(settings.dedup_bytes), days: HashSet::new() }),
        rejects: reject_writer.map(RejectOutput::new),
        stopped: AtomicBool::new(false),
        failure: Mutex::new(None),
    };
    let (sender, receiver) = sync_channel::<Unit>(settings.threads * QUEUED_UNITS);
    let read = || {
        let sender = sender;
        let mut emit = |unit| {
            if run.stopped.load(Ordering::Relaxed) || sender.send(unit).is_err() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let inventory = stage.inventory();
        let reading = AssertUnwindSafe(|| read_and_note(&inputs.files, &run.limits, inventory, &mut emit));
        if catch_unwind(reading).is_err() {
            run.fail(u64::MAX, Error::Bug("the reading of the input".to_owned()));
        }
    };
    let work = || {
        let units = receiver.into_iter().par_bridge();
        let workers = units.fold(|| run.worker(), |worker, unit| run.unit(worker, unit));
        workers.reduce(|| run.worker(), |left, right| run.merge(left, right))
    };
    let worker = std::thread::scope(|scope| {
        let reading = scope.spawn(read);
        let worker = on_threads(settings.threads, work);
        // Without threads there is nobody to take what is read: then the channel is gone, and reading ends.
        let _ = reading.join();
        worker
    })?;
    let doubled =
        LogType::ALL.into_iter().filter(|log| worker.origins.both(*log) && !run.drops_exported_copies(*log));
    let doubled: Vec<Notice> = doubled.map(origins::notice).collect();
    if let Some((_, error)) = run.failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut report = worker.report(inputs);
    report.notices.splice(0..0, doubled);
    report.tally.dedup_incomplete =
        run.seen.into_inner().unwrap_or_else(PoisonError::into_inner).seen.incomplete();
    Ok((worker.state, report))
}

/// Calls with that many threads at hand for what the call does in parallel. They have ended when it returns, to the last: the
/// allocator keeps memory by thread, and gives that of threads that have ended to the next ones.
///
/// # Errors
/// That the system does not give so many.
pub fn on_threads<T: Send>(threads: usize, call: impl FnOnce() -> T + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let mut handles = Vec::with_capacity(threads);
        let pool = ThreadPoolBuilder::new().num_threads(threads).spawn_handler(|thread| {
            let named = std::thread::Builder::new().name(format!("worker-{}", thread.index()));
            handles.push(named.spawn_scoped(scope, || thread.run())?);
            Ok(())
        });
        let pool =
            pool.build().map_err(|error| Error::Usage(format!("cannot start {threads} threads: {error}")))?;
        let result = pool.install(call);
        drop(pool);
        // That they have nothing more to do is not enough.
        let _panics_came_through_install: Vec<_> = handles.into_iter().map(ScopedJoinHandle::join).collect();
        Ok(result)
    })
}

struct Run<'a, S> {
    settings: &'a Settings,
    /// Those of the settings, with blocks that suit the stage.
    limits: Limits,
    stage: &'a S,
    progress: &'a AtomicU64,
    turn: Turn,
    seen: Mutex<Remembered>,
    rejects: Option<RejectOutput<'a>>,
    stopped: AtomicBool,
    /// The failure of the earliest unit that failed.
    failure: Mutex<Option<(u64, Error)>>,
}

/// The records so far.
struct Remembered {
    seen: Seen,
    /// Days of which the known events have been added.
    days: HashSet<i64>,
}

impl Remembered {
    /// Is this the first time? Events of that day that are known from before count.
    fn first_time(&mut self, day: i64, fingerprint: u128, known: Option<&dyn KnownEvents>) -> Result<bool, Error> {
        if let Some(known) = known
            && self.days.insert(day)
        {
            known.of_day(day, &mut |day, fingerprint| {
                self.seen.first_time(day, fingerprint);
            })?;
        }
        Ok(self.seen.first_time(day, fingerprint))
    }
}

/// State of one thread.
struct Worker<W> {
    state: W,
    tally: Tally,
    rejects: First<Reject>,
    files: First<FileOutcome>,
    ignored: First<FileOutcome>,
    notices: First<Notice>,
    /// The buffers of a table that is done with.
    spare: Spare,
    origins: Origins,
}

impl<W> Worker<W> {
    fn report(&self, inputs: &Inputs) -> Report {
        let mut tally = self.tally.clone();
        inputs.left_out.iter().for_each(|outcome| tally.file(outcome));
        let (mut ignored, mut files) = (Vec::new(), Vec::new());
        let outcomes = inputs.left_out.iter().chain(self.files.items()).chain(self.ignored.items());
        for outcome in outcomes.filter(|outcome| outcome.status != FileStatus::Read) {
            let list = if matches!(outcome.status, FileStatus::Ignored(_)) { &mut ignored } else { &mut files };
            if list.len() < SHOWN {
                list.push(outcome.clone());
            }
        }
        let rejects = self.rejects.items().cloned().collect();
        Report { tally, rejects, files, ignored, notices: self.notices.items().cloned().collect() }
    }
}

impl<S: Stage> Run<'_, S> {
    fn worker(&self) -> Worker<S::Worker> {
        let state = self.stage.worker();
        let tally = Tally::default();
        Worker {
            state,
            tally,
            rejects: First::new(SHOWN),
            files: First::new(SHOWN),
            ignored: First::new(SHOWN),
            notices: First::new(SHOWN),
            spare: Spare::default(),
            origins: Origins::default(),
        }
    }

    fn merge(&self, mut left: Worker<S::Worker>, right: Worker<S::Worker>) -> Worker<S::Worker> {
        left.tally.add(&right.tally);
        left.rejects.merge(right.rejects);
        left.files.merge(right.files);
        left.ignored.merge(right.ignored);
        left.notices.merge(right.notices);
        left.origins.merge(right.origins);
        Worker { state: self.stage.merge(left.state, right.state), ..left }
    }

    /// One unit from bytes to stage. A failure, also a panic, ends the run instead of leaving others waiting.
    fn unit(&self, mut worker: Worker<S::Worker>, unit: Unit) -> Worker<S::Worker> {
        let sequence = unit.sequence;
        if self.stopped.load(Ordering::Relaxed) {
            return worker;
        }
        self.progress.fetch_add(unit.input_bytes, Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.process(&mut worker, unit)));
        let failure = match outcome {
            Ok(Ok(())) => return worker,
            Ok(Err(error)) => error,
            Err(_) => Error::Bug(format!("unit {sequence} of the input")),
        };
        self.fail(sequence, failure);
        worker
    }

    /// Ends the run. Of several failures that of the earliest unit is told.
    fn fail(&self, sequence: u64, failure: Error) {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|(earlier, _)| *earlier > sequence) {
            *first = Some((sequence, failure));
        }
        self.stopped.store(true, Ordering::Relaxed);
        self.turn.stop();
        self.stage.stop();
        if let Some(output) = &self.rejects {
            output.stop();
        }
    }

    fn process(&self, worker: &mut Worker<S::Worker>, unit: Unit) -> Result<(), Error> {
        let sequence = unit.sequence;
        let refused = RefCell::new(Refused::new(sequence, SHOWN, self.rejects.as_ref()));
        let mut report = UnitReport { sink: Some(&refused), ..UnitReport::default() };
        let gathered = Gathered::default();
        let mut parsing = Parsing { run: self, worker, sequence, refused: &refused, gathered, failure: Ok(()) };
        let _ = decode_unit(unit, &self.limits, &mut parsing, &mut report);
        let Parsing { mut gathered, failure, .. } = parsing;
        failure?;
        self.compare(worker, sequence, &mut gathered)?;
        self.turn.pass(sequence);
        self.observe(worker, sequence, &mut gathered)?;
        worker.tally.lines += report.refused;
        let (files, notices) = (report.files, report.notices);
        self.tell(worker, sequence, files, notices);
        let mut refused = refused.into_inner();
        refused.finish()?;
        for (file, log, count) in &refused.by_file {
            worker.tally.rejects += count;
            self.stage.refused(&mut worker.state, file, *log, *count);
        }
        worker.rejects.extend(sequence, refused.first);
        self.stage.unit_done(&mut worker.state, sequence)
    }

    fn parse(&self, tally: &mut Tally, block: Block, spare: Spare, rejects: &mut dyn RejectSink) -> FieldTable {
        tally.lines += block.framed;
        match block.log {
            LogType::S3Access => {
                let (table, blanks) = s3_access::parse_block_into(block, rejects, spare);
                tally.blanks += blanks;
                table
            }
            LogType::CloudTrail => cloudtrail::parse_block_into(block, rejects, spare),
        }
    }

    fn flush(&self, worker: &mut Worker<S::Worker>, sequence: u64, gathered: &mut Gathered) -> Result<(), Error> {
        self.compare(worker, sequence, gathered)?;
        self.observe(worker, sequence, gathered)
    }

    /// Are records of this log compared with earlier ones?
    fn compares(&self, log: LogType) -> bool {
        match log {
            LogType::S3Access => self.settings.dedup_lines,
            LogType::CloudTrail => !self.settings.keep_duplicates,
        }
    }

    /// Is a record that stands both in a log and in its export taken once? Lines have no id, and an export does not hold
    /// them byte by byte.
    fn drops_exported_copies(&self, log: LogType) -> bool {
        log == LogType::CloudTrail && self.compares(log)
    }

    /// Drops the rows that repeat an earlier record, in the order of the input.
    fn compare(
        &self,
        worker: &mut Worker<S::Worker>,
        sequence: u64,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        let compared = || gathered.tables.iter().filter(|gathered| self.compares(gathered.table.log));
        if compared().next().is_none() {
            return Ok(());
        }
        // Before the wait, so that others wait less.
        let mut fingerprints = Vec::with_capacity(compared().map(|gathered| gathered.rows.len()).sum());
        for GatheredTable { table, rows, .. } in compared() {
            fingerprints.extend(rows.iter().map(|row| fingerprint(table, *row as usize)));
        }
        let mut fingerprints = fingerprints.into_iter();
        self.turn.wait(sequence);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failure = Ok(());
        let tables = gathered.tables.iter_mut().filter(|gathered| self.compares(gathered.table.log));
        for GatheredTable { table, rows, repeats } in tables {
            let known = self.stage.known_events().filter(|_| table.log == LogType::CloudTrail);
            rows.retain(|row| {
                let Some(fingerprint) = fingerprints.next().flatten() else { return true };
                let day =
                    table.rows[*row as usize].event_time_ms().map_or(i64::MIN, |time| time.div_euclid(DAY_MS));
                let first = seen.first_time(day, fingerprint, known).unwrap_or_else(|error| {
                    failure = Err(error);
                    true
                });
                if !first {
                    worker.tally.duplicates += 1;
                    repeats.push(*row);
                }
                first
            });
        }
        failure
    }

    /// Hands the rows that are asked for to the stage, and those that were dropped as repeats.
    fn observe(
        &self,
        worker: &mut Worker<S::Worker>,
        sequence: u64,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        gathered.bytes = 0;
        for GatheredTable { table, mut rows, mut repeats } in gathered.tables.drain(..) {
            worker.tally.rows(&table, &rows);
            let before = rows.len();
            self.filter(&table, &mut rows);
            self.filter(&table, &mut repeats);
            worker.tally.filtered += (before - rows.len()) as u64;
            rows.iter().for_each(|row| worker.tally.evidence.count(&table, *row as usize));
            if !repeats.is_empty() {
                self.stage.repeats(&mut worker.state, &table, &repeats);
            }
            if !rows.is_empty() {
                self.stage.observe(&mut worker.state, sequence, &table, &rows)?;
            }
            worker.spare = table.into_spare();
        }
        Ok(())
    }

    /// Leaves the rows that are asked for: of one log, and inside the time range.
    fn filter(&self, table: &FieldTable, rows: &mut Vec<u32>) {
        if self.settings.only.is_some_and(|only| only != table.log) {
            rows.clear();
        } else if self.settings.since_ms.is_some() || self.settings.until_ms.is_some() {
            rows.retain(|row| self.in_range(table.rows[*row as usize].event_time_ms()));
        }
    }

    /// A record that does not say when it was cannot be shown to be outside.
    fn in_range(&self, time_ms: Option<i64>) -> bool {
        time_ms.is_none_or(|time| {
            self.settings.since_ms.is_none_or(|since| time >= since)
                && self.settings.until_ms.is_none_or(|until| time < until)
        })
    }

    /// Counts files, and keeps the first of them that are to be told.
    fn tell(&self, worker: &mut Worker<S::Worker>, sequence: u64, files: Vec<FileOutcome>, notices: Vec<Notice>) {
        files.iter().for_each(|outcome| worker.tally.file(outcome));
        if let Some(inventory) = self.stage.inventory() {
            files.iter().for_each(|outcome| inventory.outcome(outcome));
        }
        let (ignored, files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| matches!(file.status, FileStatus::Ignored(_)));
        worker.files.extend(sequence, files.into_iter().filter(|file| file.status != FileStatus::Read));
        worker.ignored.extend(sequence, ignored);
        worker.notices.extend(sequence, notices);
    }
}

/// What makes a record the same one in every copy; `None` for one that no copy can be told from.
fn fingerprint(table: &FieldTable, row: usize) -> Option<u128> {
    match table.log {
        LogType::S3Access => Some(xxh3_128(table.record(row))),
        LogType::CloudTrail => cloudtrail::fingerprint(table, row),
    }
}

/// What becomes of the blocks of a unit.
struct Parsing<'a, 'r, S: Stage> {
    run: &'a Run<'r, S>,
    worker: &'a mut Worker<S::Worker>,
    sequence: u64,
    refused: &'a RefCell<dyn RejectSink + 'a>,
    gathered: Gathered,
    failure: Result<(), Error>,
}

impl<S: Stage> Parsing<'_, '_, S> {
    fn gather(&mut self, table: FieldTable) -> ControlFlow<()> {
        self.worker.tally.replaced_fields += table.replaced_fields;
        let compared = self.run.compares(table.log);
        let rows = (0..table.len() as u32).collect();
        self.gathered.bytes += table.text.len() + size_of_val(&table.spans[..]) + size_of_val(&table.rows[..]);
        self.gathered.tables.push(GatheredTable { table, rows, repeats: Vec::new() });
        // What is not compared need not wait, but must not overtake what does.
        let waits = compared || self.gathered.tables.len() > 1;
        if !waits || self.gathered.bytes >= GATHERED_BYTES {
            self.failure = self.run.flush(self.worker, self.sequence, &mut self.gathered);
        }
        if self.failure.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl<S: Stage> BlockTaker for Parsing<'_, '_, S> {
    fn take(&mut self, block: Block) -> ControlFlow<()> {
        let spare = std::mem::take(&mut self.worker.spare);
        self.worker.origins.logs[block.log as usize] = true;
        let table = self.run.parse(&mut self.worker.tally, block, spare, &mut *self.refused.borrow_mut());
        self.gather(table)
    }

    fn take_table(&mut self, table: FieldTable) -> ControlFlow<()> {
        self.worker.tally.lines += table.len() as u64;
        self.worker.origins.exports[table.log as usize] |= !table.is_empty();
        self.gather(table)
    }

    fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.worker.spare.text)
    }

    fn checks(&self) -> bool {
        true
    }

    fn check(&mut self, block: Block) -> Result<ControlFlow<()>, Block> {
        let framed = block.framed;
        let table = cloudtrail::parse_guessed(block, std::mem::take(&mut self.worker.spare))?;
        self.worker.tally.lines += framed;
        self.worker.origins.logs[table.log as usize] = true;
        Ok(self.gather(table))
    }
}

/// Parsed blocks of a unit that wait for its turn.
#[derive(Default)]
struct Gathered {
    tables: Vec<GatheredTable>,
    bytes: usize,
}

/// A parsed block, with the rows that are left and those that repeat an earlier record.
struct GatheredTable {
    table: FieldTable,
    rows: Vec<u32>,
    repeats: Vec<u32>,
}
