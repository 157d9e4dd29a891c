//! Row groups from their rows to the files: any thread encodes columns of a job, and what is encoded is appended in the order of
//! the jobs' numbers; what is ready early waits.

use super::collector::Job;
use super::encode::{EncodedRowGroup, TableFormat, parquet_error};
use super::files::PartitionFiles;
use super::lock;
use super::row_group::{ColumnPieces, RowGroup};
use crate::batch::Dataset;
use crate::error::Error;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Encoded row groups that may wait for the disk, for each thread and at least.
const READY_PER_THREAD: usize = 2;
pub(super) const READY_AT_LEAST: usize = 4;

/// Bytes of rows from which on threads share the columns of a row group; in tests some have so many, and some have not.
const LEAST_SHARED: usize = if cfg!(test) { 40_000 } else { 1 << 20 };

/// Encodes and writes jobs.
pub(super) struct Writing {
    root: PathBuf,
    formats: BTreeMap<Dataset, TableFormat>,
    /// Jobs that wait for a thread.
    pub(super) jobs: Mutex<VecDeque<Job>>,
    /// Row groups of which columns wait for a thread, in the order of their numbers.
    under_way: Mutex<VecDeque<Arc<RowGroup>>>,
    pub(super) encoded: Mutex<Encoded>,
    /// A row group has been written, or the run ends early.
    written: Condvar,
    /// Encoded row groups that may wait for the disk.
    ready_limit: usize,
    pub(super) files: Mutex<PartitionFiles>,
}

/// Row groups that are ready; written in the order of their numbers by one thread at a time.
#[derive(Default)]
pub(super) struct Encoded {
    /// The number to be written next, or being written.
    pub(super) next: u64,
    pub(super) ready: BTreeMap<u64, EncodedRowGroup>,
    /// A thread is writing.
    writing: bool,
    /// The run ends early: nobody waits or writes any more.
    stopped: bool,
}

/// Calls when dropped, unless its job is done: after an error or a panic the number of the job is never written, and the
/// others would wait for it.
pub(super) struct Alarm<F: Fn()> {
    pub(super) stop: F,
    pub(super) done: bool,
}

impl<F: Fn()> Drop for Alarm<F> {
    fn drop(&mut self) {
        if !self.done {
            (self.stop)();
        }
    }
}

impl Writing {
    /// No jobs yet, for so many threads.
    pub(super) fn new(
        root: PathBuf,
        formats: BTreeMap<Dataset, TableFormat>,
        threads: usize,
        files: PartitionFiles,
    ) -> Writing {
        Writing {
            root,
            formats,
            jobs: Mutex::default(),
            under_way: Mutex::default(),
            encoded: Mutex::default(),
            written: Condvar::new(),
            ready_limit: threads.saturating_mul(READY_PER_THREAD).max(READY_AT_LEAST),
            files: Mutex::new(files),
        }
    }

    /// How the files of a dataset are written.
    pub(super) fn format(&self, dataset: Dataset) -> &TableFormat {
        &self.formats[&dataset]
    }

    /// Adds a job. Those who add hold the lock of what numbers them.
    pub(super) fn add(&self, job: Job) {
        lock(&self.jobs).push_back(job);
    }

    /// Encodes and writes until no more than `left` jobs wait; if that is none, also what others have begun.
    ///
    /// # Errors
    /// Output that failed.
    pub(super) fn work_off(&self, left: usize) -> Result<(), Error> {
        let mut helps = left == 0;
        while !lock(&self.encoded).stopped {
            let mut alarm = Alarm { stop: || self.stop(), done: false };
            let column = if helps { self.next_column() } else { None };
            let goes_on = match column {
                Some((group, column)) => self.encode(&group, column).map(|()| true),
                None => self.begin(left),
            }?;
            alarm.done = true;
            helps |= goes_on;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// The next column of the earliest row group that has one.
    fn next_column(&self) -> Option<(Arc<RowGroup>, ColumnPieces)> {
        let mut under_way = lock(&self.under_way);
        let group = Arc::clone(under_way.front()?);
        let (column, is_last) = group.next()?;
        if is_last {
            under_way.pop_front();
        }
        Some((group, column))
    }

    /// Begins the next job, if more than `left` wait. Small ones are done at once.
    fn begin(&self, left: usize) -> Result<bool, Error> {
        let job = {
            let mut jobs = lock(&self.jobs);
            if jobs.len() > left { jobs.pop_front() } else { None }
        };
        let Some(job) = job else { return Ok(false) };
        let group = self.format(job.partition.dataset).begin(job);
        if group.bytes < LEAST_SHARED {
            while let Some((column, _)) = group.next() {
                self.encode(&group, column)?;
            }
            return Ok(true);
        }
        let mut under_way = lock(&self.under_way);
        let place = under_way.partition_point(|other| other.number < group.number);
        under_way.insert(place, Arc::new(group));
        Ok(true)
    }

    /// Encodes a column, and writes the row group if it was the last.
    fn encode(&self, group: &RowGroup, column: ColumnPieces) -> Result<(), Error> {
        let (leaf, format) = (column.leaf, self.format(group.partition.dataset));
        let chunks =
            format.encode(column, group.order.as_ref()).map_err(|error| parquet_error(&self.root, error))?;
        match group.take(leaf, chunks) {
            Some(encoded) => self.write_in_turn(group.number, encoded),
            None => Ok(()),
        }
    }

    /// Leaves the row group to the thread that writes, or writes it and all that follow it without a gap.
    ///
    /// On a slow disk the threads wait here. The one with the next number never does, and columns are taken in the order
    /// of these numbers, so there is always one that gets on.
    fn write_in_turn(&self, number: u64, group: EncodedRowGroup) -> Result<(), Error> {
        let mut encoded = lock(&self.encoded);
        while encoded.ready.len() >= self.ready_limit && encoded.next != number && !encoded.stopped {
            encoded = self.written.wait(encoded).unwrap_or_else(PoisonError::into_inner);
        }
        encoded.ready.insert(number, group);
        if encoded.writing {
            return Ok(());
        }
        encoded.writing = true;
        while !encoded.stopped {
            let next = encoded.next;
            let Some(group) = encoded.ready.remove(&next) else { break };
            drop(encoded);
            lock(&self.files).append(self.format(group.partition.dataset), group)?;
            encoded = lock(&self.encoded);
            encoded.next += 1;
            self.written.notify_all();
        }
        encoded.writing = false;
        Ok(())
    }

    /// The run ends early: nobody waits any more.
    pub(super) fn stop(&self) {
        lock(&self.encoded).stopped = true;
        self.written.notify_all();
    }

    /// The files, if that many row groups are in them.
    ///
    /// # Errors
    /// Row groups that an earlier error left unwritten.
    pub(super) fn into_files(self, jobs: u64) -> Result<PartitionFiles, Error> {
        if lock(&self.encoded).next != jobs {
            let reason = "an earlier error left row groups unwritten".to_owned();
            return Err(Error::Encode { path: self.root, reason });
        }
        Ok(self.files.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
