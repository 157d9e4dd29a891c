//! Sums of rows.

use crate::activity::operation::ActionClass;
use crate::activity::outcome::Outcome;
use crate::parse::LogType;

/// What was seen of some rows of one log. All members add up or are the first or the last, so that order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Rows.
    pub requests: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Objects read.
    pub reads: u64,
    /// Objects written.
    pub writes: u64,
    /// Objects, versions or buckets deleted.
    pub deletes: u64,
    /// Settings changed, and who may do what.
    pub changes: u64,
    /// Requests that were denied.
    pub denied: u64,
    /// The first event in milliseconds; `i64::MAX` if none has a time.
    pub first_ms: i64,
    /// The last event in milliseconds; `i64::MIN` if none has a time.
    pub last_ms: i64,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            requests: 0,
            bytes_out: 0,
            reads: 0,
            writes: 0,
            deletes: 0,
            changes: 0,
            denied: 0,
            first_ms: i64::MAX,
            last_ms: i64::MIN,
        }
    }
}

impl Counts {
    /// Of one row.
    pub fn of(class: ActionClass, outcome: Outcome, bytes_out: u64, time_ms: Option<i64>) -> Counts {
        let done = |classes: &[ActionClass]| u64::from(outcome == Outcome::Success && classes.contains(&class));
        Counts {
            requests: 1,
            bytes_out,
            reads: done(&[ActionClass::Read]),
            writes: done(&[ActionClass::Write]),
            deletes: done(&[ActionClass::Delete]),
            changes: done(&[ActionClass::Config, ActionClass::Permission]),
            denied: u64::from(outcome == Outcome::Denied),
            first_ms: time_ms.unwrap_or(i64::MAX),
            last_ms: time_ms.unwrap_or(i64::MIN),
        }
    }

    fn sums_mut(&mut self) -> [&mut u64; 7] {
        let Counts { requests, bytes_out, reads, writes, deletes, changes, denied, .. } = self;
        [requests, bytes_out, reads, writes, deletes, changes, denied]
    }

    /// Adds others.
    pub fn add(&mut self, other: &Counts) {
        let mut other = *other;
        self.sums_mut()
            .into_iter()
            .zip(other.sums_mut())
            .for_each(|(mine, their)| *mine = mine.saturating_add(*their));
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }

    /// An estimate of all rows, where one of so many was counted.
    pub fn scaled(mut self, one_in: u64) -> Counts {
        self.sums_mut().into_iter().for_each(|sum| *sum = sum.saturating_mul(one_in));
        self
    }
}

/// The rows of each log, in the order of [`LogType::ALL`]. A request may stand in both, so they are never added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerLog(pub [Counts; LogType::ALL.len()]);

impl PerLog {
    /// Lines of the access log.
    pub fn access(&self) -> &Counts {
        &self.0[LogType::S3Access as usize]
    }

    /// Events of CloudTrail.
    pub fn trail(&self) -> &Counts {
        &self.0[LogType::CloudTrail as usize]
    }

    /// A sum of each log, of which the larger is at least how many there were.
    pub fn most(&self, sum: impl Fn(&Counts) -> u64) -> u64 {
        self.0.iter().map(sum).max().unwrap_or(0)
    }

    /// The first and the last event in milliseconds.
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        let first = self.0.iter().map(|counts| counts.first_ms).min()?;
        let last = self.0.iter().map(|counts| counts.last_ms).max()?;
        (first <= last).then_some((first, last))
    }

    /// Adds others.
    pub fn add(&mut self, other: &PerLog) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, their)| mine.add(their));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_done_counts_as_read_or_written() {
        let read = Counts::of(ActionClass::Read, Outcome::Success, 7, Some(5));
        let denied = Counts::of(ActionClass::Read, Outcome::Denied, 3, None);
        let mut both = PerLog::default();
        both.0[0].add(&read);
        both.0[0].add(&denied);
        both.0[1].add(&read);
        let access = both.access();
        assert_eq!((access.requests, access.reads, access.denied, access.bytes_out), (2, 1, 1, 10));
        assert_eq!((both.most(|counts| counts.requests), both.span_ms()), (2, Some((5, 5))));
        assert_eq!((access.scaled(4).requests, access.scaled(4).first_ms), (8, 5));
        assert_eq!(PerLog::default().span_ms(), None);
    }
}
