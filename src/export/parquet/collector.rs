//! Collects rows, in the order of the input, into row groups, and says which file each goes to.
//!
//! Everything that shapes the output is decided here and depends on nothing but the order of the rows, so the
//! same input gives the same files for any number of threads.

use super::column::Piece;
use super::partition::Partition;
use super::place::Places;
use std::collections::BTreeMap;

/// Sizes that decide where row groups and files end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of rows in memory that make a row group; about half of them take room, as large pages are compressed.
    pub(super) row_group_bytes: usize,
    /// Bytes of rows in memory that may be pending in all partitions together.
    pub(super) pending_bytes: usize,
    /// Files open at a time.
    pub(super) open_files: usize,
    /// Bytes of rows in memory that make a file.
    pub(super) file_bytes: usize,
    /// Row groups that make a file; Parquet numbers them with 16 bits.
    pub(super) file_row_groups: usize,
    /// Partitions; rows of further ones go to the default partition.
    pub(super) partitions: usize,
}

impl Limits {
    /// Row groups of about 50,000 lines, files of about 400 MB. Partitions come from the log, so their number is
    /// bounded: this one is 27 years of dates, longer than S3 exists.
    pub(super) const DEFAULT: Limits = Limits {
        row_group_bytes: 20 << 20,
        pending_bytes: 48 << 20,
        open_files: 64,
        file_bytes: 704 << 20,
        file_row_groups: 4096,
        partitions: 10_000,
    };
}

/// A file of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    /// Where it lies.
    pub(super) partition: Partition,
    /// Its number in the partition.
    pub(super) part: u32,
}

/// A row group to encode and to append to its file. Jobs are written in the order of their numbers.
#[derive(Debug)]
pub(super) struct Job {
    /// From 0, without gaps.
    pub(super) number: u64,
    /// The file to append to.
    pub(super) file: FileId,
    /// Files that are complete before this job; closing them keeps the number of open files low.
    pub(super) close: Vec<FileId>,
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
    /// The open file of each partition that has one.
    open: BTreeMap<Partition, OpenFile>,
    /// Number of the next file of each partition seen.
    next_part: BTreeMap<Partition, u32>,
    next_job: u64,
    /// Rows of partitions beyond the limit.
    diverted: u64,
}

#[derive(Debug, Default)]
struct Pending {
    rows: Vec<Rows>,
    bytes: usize,
    /// The greatest key of the rows.
    latest: Option<i64>,
}

#[derive(Debug)]
struct OpenFile {
    part: u32,
    bytes: usize,
    row_groups: usize,
    /// Number of the last job that wrote to it.
    used: u64,
}

impl Collector {
    pub(super) fn new(limits: Limits) -> Collector {
        Collector {
            limits,
            pending: BTreeMap::new(),
            pending_bytes: 0,
            open: BTreeMap::new(),
            next_part: BTreeMap::new(),
            next_job: 0,
            diverted: 0,
        }
    }

    /// Takes the next rows in the order of the input; row groups that are full go to `jobs`. Returns whether rows before
    /// them in the row group are later in time.
    pub(super) fn append(&mut self, partition: Partition, rows: Rows, jobs: impl FnMut(Job)) -> bool {
        let (partition, overlaps) = self.add(partition, rows);
        self.end_full(partition, jobs);
        overlaps
    }

    /// Takes the next rows into the row group, full or not. Returns their partition, and what [`Collector::append`] does.
    pub(super) fn add(&mut self, partition: Partition, rows: Rows) -> (Partition, bool) {
        let mut partition = partition;
        if !self.next_part.contains_key(&partition) {
            if self.next_part.len() >= self.limits.partitions {
                partition = Partition { place: Places::NOWHERE, day: None, ..partition };
                self.diverted += rows.keys.len() as u64;
            }
            self.next_part.entry(partition).or_insert(0);
        }
        let pending = self.pending.entry(partition).or_default();
        let bytes = rows.bytes;
        let overlaps = pending.latest.is_some_and(|latest| rows.keys.first().is_some_and(|first| *first < latest));
        pending.latest = pending.latest.max(rows.keys.last().copied());
        pending.rows.push(rows);
        pending.bytes += bytes;
        self.pending_bytes += bytes;
        (partition, overlaps)
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

    /// Rows that went to the default partition because there are too many partitions.
    pub(super) fn diverted(&self) -> u64 {
        self.diverted
    }

    fn job(&mut self, partition: Partition) -> Job {
        let Pending { rows, bytes, .. } = self.pending.remove(&partition).unwrap_or_default();
        self.pending_bytes -= bytes;
        let number = self.next_job;
        self.next_job += 1;
        let mut close = Vec::new();
        let full = |file: &mut OpenFile| {
            file.bytes >= self.limits.file_bytes || file.row_groups >= self.limits.file_row_groups
        };
        if self.open.get_mut(&partition).is_some_and(full) {
            close.extend(self.close(partition));
        }
        if !self.open.contains_key(&partition) {
            while self.open.len() >= self.limits.open_files {
                let oldest = self.open.iter().min_by_key(|(_, file)| file.used).map(|(oldest, _)| *oldest);
                close.extend(oldest.and_then(|oldest| self.close(oldest)));
            }
            let next = self.next_part.entry(partition).or_insert(0);
            self.open.insert(partition, OpenFile { part: *next, bytes: 0, row_groups: 0, used: number });
            *next += 1;
        }
        let file = self.open.get_mut(&partition).expect("opened above");
        file.bytes += bytes;
        file.row_groups += 1;
        file.used = number;
        Job { number, file: FileId { partition, part: file.part }, close, rows }
    }

    fn close(&mut self, partition: Partition) -> Option<FileId> {
        self.open.remove(&partition).map(|file| FileId { partition, part: file.part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Dataset;

    /// Day, part, number of pieces, closed days.
    type Told = (Option<i64>, u32, usize, Vec<Option<i64>>);

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
        let tell = |job: Job| {
            let closed = job.close.iter().map(|file| file.partition.day).collect();
            (job.file.partition.day, job.file.part, job.rows.len(), closed)
        };
        jobs.into_iter().map(tell).collect()
    }

    const LIMITS: Limits = Limits {
        row_group_bytes: 10,
        pending_bytes: 15,
        open_files: 2,
        file_bytes: 1000,
        file_row_groups: 100,
        partitions: 100,
    };

    #[test]
    fn row_groups_end_when_full_and_the_largest_goes_when_all_are_too_much() {
        assert_eq!(jobs(LIMITS, &[(1, 6), (1, 6), (1, 1)]), [(Some(1), 0, 2, vec![]), (Some(1), 0, 1, vec![])]);
        assert_eq!(
            jobs(LIMITS, &[(1, 4), (2, 8), (1, 1), (3, 3)]),
            [(Some(2), 0, 1, vec![]), (Some(1), 0, 2, vec![]), (Some(3), 0, 1, vec![Some(2)])]
        );
    }

    #[test]
    fn the_least_recently_used_file_is_closed_and_a_later_row_opens_the_next_part() {
        assert_eq!(
            jobs(LIMITS, &[(1, 10), (2, 10), (1, 10), (3, 10), (2, 10)]),
            [
                (Some(1), 0, 1, vec![]),
                (Some(2), 0, 1, vec![]),
                (Some(1), 0, 1, vec![]),
                (Some(3), 0, 1, vec![Some(2)]),
                (Some(2), 1, 1, vec![Some(1)]),
            ]
        );
    }

    #[test]
    fn rows_of_partitions_beyond_the_limit_are_counted() {
        let mut collector = Collector::new(Limits { partitions: 2, ..LIMITS });
        for (place, day) in [(1, 1), (2, 1), (3, 1), (1, 1), (1, 2), (2, 1)] {
            let partition = Partition { dataset: Dataset::S3Access, place, day: Some(day) };
            let rows = Rows { keys: vec![0; 5], pieces: Vec::new(), bytes: 1, is_edge: false };
            collector.append(partition, rows, |_| ());
        }
        assert_eq!(collector.diverted(), 10);
        let default = Partition { dataset: Dataset::S3Access, place: Places::NOWHERE, day: None };
        assert_eq!(collector.pending[&default].rows.len(), 2);
    }

    #[test]
    fn full_files_are_closed_and_too_many_dates_go_to_the_default() {
        let limits = Limits { file_bytes: 20, partitions: 1, ..LIMITS };
        assert_eq!(
            jobs(limits, &[(1, 10), (1, 10), (1, 10), (2, 10)]),
            [
                (Some(1), 0, 1, vec![]),
                (Some(1), 0, 1, vec![]),
                (Some(1), 1, 1, vec![Some(1)]),
                (None, 0, 1, vec![]),
            ]
        );
    }
}
