//! Collects rows, in the order of the input, into row groups.
//!
//! Where they end depends on nothing but the order of the rows, and where files end on nothing but the row groups
//! ([`super::parts`]), so the same input gives the same files for any number of threads.

use super::column::Piece;
use super::partition::Partition;
use super::parts::FileLimits;
use std::collections::BTreeMap;

/// Sizes that decide where row groups and files end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of rows in memory that make a row group; about half of them take room, as large pages are compressed.
    pub(super) row_group_bytes: usize,
    /// Bytes of rows in memory that may be pending in all partitions together.
    pub(super) pending_bytes: usize,
    /// Where files end.
    pub(super) files: FileLimits,
}

impl Limits {
    /// Row groups of about 50,000 lines.
    pub(super) const DEFAULT: Limits =
        Limits { row_group_bytes: 20 << 20, pending_bytes: 48 << 20, files: FileLimits::DEFAULT };
}

/// A row group to encode and to append to its file. Jobs are written in the order of their numbers.
#[derive(Debug)]
pub(super) struct Job {
    /// From 0, without gaps.
    pub(super) number: u64,
    /// Whose files it is appended to.
    pub(super) partition: Partition,
    /// The rows.
    pub(super) rows: Vec<Rows>,
}

/// Some rows of a partition from one unit, sorted; no more than a page holds.
#[derive(Debug)]
pub(super) struct Rows {
    /// What each is sorted by, in order.
    pub(super) keys: Vec<i64>,
    /// Their cells, in the order of the columns.
    pub(super) pieces: Vec<Piece>,
    /// Bytes in memory while nothing is compressed.
    pub(super) bytes: usize,
    /// Are they to be mixed with others, as [`super::order::Part`] says?
    pub(super) is_edge: bool,
}

#[derive(Debug)]
pub(super) struct Collector {
    limits: Limits,
    pending: BTreeMap<Partition, Pending>,
    pending_bytes: usize,
    next_job: u64,
}

#[derive(Debug, Default)]
struct Pending {
    rows: Vec<Rows>,
    bytes: usize,
    /// The greatest key of the rows.
    latest: Option<i64>,
}

impl Collector {
    pub(super) fn new(limits: Limits) -> Collector {
        Collector { limits, pending: BTreeMap::new(), pending_bytes: 0, next_job: 0 }
    }

    /// Takes the next rows in the order of the input; row groups that are full go to `jobs`. Returns whether rows before
    /// them in the row group are later in time.
    pub(super) fn append(&mut self, partition: Partition, rows: Rows, jobs: impl FnMut(Job)) -> bool {
        let overlaps = self.add(partition, rows);
        self.end_full(partition, jobs);
        overlaps
    }

    /// Takes the next rows into the row group, full or not. Returns what [`Collector::append`] does.
    pub(super) fn add(&mut self, partition: Partition, rows: Rows) -> bool {
        let pending = self.pending.entry(partition).or_default();
        let bytes = rows.bytes;
        let overlaps = pending.latest.is_some_and(|latest| rows.keys.first().is_some_and(|first| *first < latest));
        pending.latest = pending.latest.max(rows.keys.last().copied());
        pending.rows.push(rows);
        pending.bytes += bytes;
        self.pending_bytes += bytes;
        overlaps
    }

    /// Gives the row group of a partition to `jobs` if it is full, and others if all are too much.
    pub(super) fn end_full(&mut self, partition: Partition, mut jobs: impl FnMut(Job)) {
        if self.pending.get(&partition).is_some_and(|pending| pending.bytes >= self.limits.row_group_bytes) {
            jobs(self.job(partition));
        }
        while self.pending_bytes > self.limits.pending_bytes {
            let largest = self.pending.iter().max_by_key(|(_, pending)| pending.bytes);
            let Some((partition, _)) = largest else { break };
            let partition = *partition;
            jobs(self.job(partition));
        }
    }

    /// No more rows of a partition will come.
    pub(super) fn end(&mut self, partition: Partition, mut jobs: impl FnMut(Job)) {
        if self.pending.contains_key(&partition) {
            jobs(self.job(partition));
        }
    }

    /// What is left, partition by partition; the largest first, so that threads that share the jobs end together.
    pub(super) fn flush(&mut self) -> Vec<Job> {
        let mut partitions: Vec<Partition> = self.pending.keys().copied().collect();
        partitions.sort_by_key(|partition| std::cmp::Reverse(self.pending[partition].bytes));
        partitions.into_iter().map(|partition| self.job(partition)).collect()
    }

    /// How many jobs there have been.
    pub(super) fn jobs(&self) -> u64 {
        self.next_job
    }

    fn job(&mut self, partition: Partition) -> Job {
        let Pending { rows, bytes, .. } = self.pending.remove(&partition).unwrap_or_default();
        self.pending_bytes -= bytes;
        let number = self.next_job;
        self.next_job += 1;
        Job { number, partition, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Dataset;

    /// Day, number of pieces.
    type Told = (Option<i64>, usize);

    /// Feeds (day, bytes) and tells each job.
    fn jobs(limits: Limits, input: &[(i64, usize)]) -> Vec<Told> {
        let mut collector = Collector::new(limits);
        let mut jobs = Vec::new();
        for (day, bytes) in input {
            let partition = Partition { dataset: Dataset::S3Access, place: 0, day: Some(*day) };
            let rows = Rows { keys: vec![0], pieces: Vec::new(), bytes: *bytes, is_edge: false };
            let _ = collector.append(partition, rows, |job| jobs.push(job));
        }
        jobs.extend(collector.flush());
        assert!(jobs.iter().enumerate().all(|(index, job)| job.number == index as u64));
        assert_eq!((collector.jobs(), collector.pending_bytes), (jobs.len() as u64, 0));
        jobs.into_iter().map(|job| (job.partition.day, job.rows.len())).collect()
    }

    const LIMITS: Limits = Limits { row_group_bytes: 10, pending_bytes: 15, ..Limits::DEFAULT };

    #[test]
    fn row_groups_end_when_full_and_the_largest_goes_when_all_are_too_much() {
        assert_eq!(jobs(LIMITS, &[(1, 6), (1, 6), (1, 1)]), [(Some(1), 2), (Some(1), 1)]);
        assert_eq!(jobs(LIMITS, &[(1, 4), (2, 8), (1, 1), (3, 3)]), [(Some(2), 1), (Some(1), 2), (Some(3), 1)]);
    }
}
