//! Counts of a run that must add up.

use crate::activity::evidence::EvidenceCounts;
use crate::ledger::{FileOutcome, FileStatus};
use crate::parse::{FieldTable, LogType, s3_access};
use serde::{Deserialize, Serialize};

/// What was read and what became of it, over one run. Sums of the workers' counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Files, and entries of archives, that were read whole.
    pub files_read: u64,
    /// Files that hold no records and are expected beside logs.
    pub files_ignored: u64,
    /// Files that could not be read or are no logs.
    pub files_skipped: u64,
    /// Files of which only a part could be read.
    pub files_partial: u64,
    /// Files in which a resource limit was hit.
    pub limits_hit: u64,
    /// Lines of access logs and records of CloudTrail, counted before they were parsed.
    pub lines: u64,
    /// Lines and records that were parsed and are no repeats.
    pub records: u64,
    /// Of the records, those that a filter left out.
    pub filtered: u64,
    /// Lines and records that were refused.
    pub rejects: u64,
    /// Blank lines.
    pub blanks: u64,
    /// Repeats of a record.
    pub duplicates: u64,
    /// Records whose repeats could not all be told.
    pub dedup_incomplete: u64,
    /// Records with an ambiguous border between two fields.
    pub ambiguous: u64,
    /// Records without a usable event time.
    pub without_time: u64,
    /// Fields in which ill-formed UTF-8 was replaced.
    pub replaced_fields: u64,
    /// Records by kind, without those that a filter left out.
    pub evidence: EvidenceCounts,
    /// Earliest event time in milliseconds.
    pub first_event_ms: Option<i64>,
    /// Latest event time in milliseconds.
    pub last_event_ms: Option<i64>,
    /// Bytes of the files, uncompressed.
    pub bytes: u64,
}

impl Tally {
    /// Does every line have its place in the ledger?
    pub fn balances(&self) -> bool {
        self.lines == self.records + self.rejects + self.blanks + self.duplicates
    }

    /// Adds the counts of another worker.
    pub fn add(&mut self, other: &Tally) {
        self.files_read += other.files_read;
        self.files_ignored += other.files_ignored;
        self.files_skipped += other.files_skipped;
        self.files_partial += other.files_partial;
        self.limits_hit += other.limits_hit;
        self.lines += other.lines;
        self.records += other.records;
        self.filtered += other.filtered;
        self.rejects += other.rejects;
        self.blanks += other.blanks;
        self.duplicates += other.duplicates;
        self.dedup_incomplete += other.dedup_incomplete;
        self.ambiguous += other.ambiguous;
        self.without_time += other.without_time;
        self.replaced_fields += other.replaced_fields;
        self.evidence.add(&other.evidence);
        self.first_event_ms = self.first_event_ms.into_iter().chain(other.first_event_ms).min();
        self.last_event_ms = self.last_event_ms.into_iter().chain(other.last_event_ms).max();
        self.bytes += other.bytes;
    }

    /// A file came to its end.
    pub fn file(&mut self, outcome: &FileOutcome) {
        match outcome.status {
            FileStatus::Read => self.files_read += 1,
            FileStatus::Ignored(_) => self.files_ignored += 1,
            FileStatus::Skipped(_) => self.files_skipped += 1,
            FileStatus::Partial(_) => self.files_partial += 1,
        }
        self.limits_hit += u64::from(outcome.limit_hit);
        self.bytes += outcome.bytes;
    }

    /// The rows of a table that are no repeats.
    pub fn rows(&mut self, table: &FieldTable, rows: &[u32]) {
        self.records += rows.len() as u64;
        for row in rows {
            let row = *row as usize;
            let meta = &table.rows[row];
            match meta.event_time_ms() {
                Some(time) => {
                    self.first_event_ms = Some(self.first_event_ms.map_or(time, |first| first.min(time)));
                    self.last_event_ms = Some(self.last_event_ms.map_or(time, |last| last.max(time)));
                }
                None => self.without_time += 1,
            }
            let ambiguous = table.log == LogType::S3Access && meta.flags & s3_access::flag::AMBIGUOUS_REF_UA != 0;
            self.ambiguous += u64::from(ambiguous);
        }
    }
}
