//! Counts by minute of event time, and the sliding windows that are read from them at the end.

use super::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use super::key_sample::is_sampled;
use crate::parse::LogType;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Fingerprints an entity remembers over all its minutes; beyond it a sample.
const MOST_FINGERPRINTS: usize = 16_384;

/// Up to so many minutes each keeps its first [`EVIDENCE_ROWS`] records, beyond it one.
const MINUTES_WITH_ALL_EVIDENCE: usize = 60;

/// What happened in one minute, in each log. One request may be in both, so they are never added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    logs: [OneLog; 2],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OneLog {
    keys: BTreeSet<u64>,
    evidence: EvidenceRows,
    /// Records whose keys the log does not name.
    unnamed: u64,
}

/// One entity's records by minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    minutes: BTreeMap<i64, Minute>,
    fingerprints: usize,
    halvings: u32,
}

/// What is counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Records.
    Records,
    /// Different fingerprints.
    Keys,
}

/// Overlapping windows that cross a threshold, as one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First and last minute, in minutes since 1970 UTC.
    pub minutes: RangeInclusive<i64>,
    /// The largest number in one window, in the log where it is larger.
    pub peak: u64,
}

/// What a stretch holds in one log.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// Different fingerprints; an estimate if [`Minutes::halvings`] is not 0.
    pub keys: u64,
    /// Records whose keys the log does not name.
    pub unnamed: u64,
    /// The first records.
    pub evidence: EvidenceRows,
}

/// Index of a log in arrays of two.
pub fn log_index(log: LogType) -> usize {
    match log {
        LogType::S3Access => 0,
        LogType::CloudTrail => 1,
    }
}

impl Minutes {
    /// Takes a record with the fingerprint of what is to be counted once; `is_named` is false if that stands for keys
    /// that the log does not name. A record without a time is in no window and is left out.
    pub fn observe(
        &mut self,
        log: LogType,
        columns: &EvidenceColumns<'_>,
        row: usize,
        fingerprint: Option<u64>,
        is_named: bool,
    ) {
        let Some(time_ms) = columns.event_time_ms(row) else { return };
        self.minutes.entry(time_ms.div_euclid(MINUTE_MS)).or_default();
        let limit = self.evidence_limit();
        let minute = self.minutes.entry(time_ms.div_euclid(MINUTE_MS)).or_default();
        let one_log = &mut minute.logs[log_index(log)];
        one_log.evidence.observe_at_most(limit, columns, row);
        one_log.unnamed += u64::from(!is_named);
        if let Some(hash) = fingerprint.filter(|hash| is_sampled(*hash, self.halvings))
            && one_log.keys.insert(hash)
        {
            self.fingerprints += 1;
        }
        self.shrink();
    }

    /// Joins two series.
    pub fn merge(&mut self, other: Minutes) {
        self.halvings = self.halvings.max(other.halvings);
        for (number, minute) in other.minutes {
            let mine = self.minutes.entry(number).or_default();
            for (mine, theirs) in mine.logs.iter_mut().zip(minute.logs) {
                mine.keys.extend(theirs.keys);
                mine.unnamed += theirs.unnamed;
                mine.evidence.merge(theirs.evidence);
            }
        }
        self.prune();
        self.shrink();
    }

    /// How many records a minute keeps; the evidence of all is cut when there are many minutes, so that what is kept
    /// depends on the final number of minutes alone.
    fn evidence_limit(&mut self) -> usize {
        if self.minutes.len() <= MINUTES_WITH_ALL_EVIDENCE {
            return EVIDENCE_ROWS;
        }
        if self.minutes.len() == MINUTES_WITH_ALL_EVIDENCE + 1 {
            self.cut_evidence();
        }
        1
    }

    fn cut_evidence(&mut self) {
        let logs = self.minutes.values_mut().flat_map(|minute| &mut minute.logs);
        logs.for_each(|one_log| one_log.evidence.keep_at_most(1));
    }

    fn shrink(&mut self) {
        while self.fingerprints > MOST_FINGERPRINTS {
            self.halvings += 1;
            self.prune();
        }
    }

    fn prune(&mut self) {
        let halvings = self.halvings;
        self.fingerprints = 0;
        for one_log in self.minutes.values_mut().flat_map(|minute| &mut minute.logs) {
            one_log.keys.retain(|hash| is_sampled(*hash, halvings));
            self.fingerprints += one_log.keys.len();
        }
        if self.minutes.len() > MINUTES_WITH_ALL_EVIDENCE {
            self.cut_evidence();
        }
    }

    /// How often the share of the fingerprints was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// The windows of `length` minutes in which at least `threshold` are counted in one log, overlapping ones joined,
    /// oldest first.
    pub fn stretches(&self, length: i64, threshold: u64, measure: Measure) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut window = Window::default();
        let mut oldest = self.minutes.iter().peekable();
        for (number, minute) in &self.minutes {
            window.add(minute);
            while let Some((start, first)) = oldest.next_if(|(start, _)| **start <= number - length) {
                debug_assert!(start < number, "a window is at least a minute long");
                window.remove(first);
            }
            let count = window.count(measure, self.halvings);
            let Some((start, _)) = oldest.peek().filter(|_| count >= threshold.max(1)) else { continue };
            match stretches.last_mut().filter(|last| last.minutes.end() >= *start) {
                Some(last) => {
                    last.minutes = *last.minutes.start()..=*number;
                    last.peak = last.peak.max(count);
                }
                None => stretches.push(Stretch { minutes: **start..=*number, peak: count }),
            }
        }
        stretches
    }

    /// What the minutes of a range hold, by log.
    pub fn totals(&self, minutes: RangeInclusive<i64>) -> [Totals; 2] {
        let mut totals = [Totals::default(), Totals::default()];
        for (index, total) in totals.iter_mut().enumerate() {
            let mut keys: hashbrown::HashSet<u64> = hashbrown::HashSet::new();
            for (_, minute) in self.minutes.range(minutes.clone()) {
                let one_log = &minute.logs[index];
                keys.extend(one_log.keys.iter().copied());
                total.unnamed += one_log.unnamed;
                total.evidence.merge(one_log.evidence.clone());
            }
            total.records = total.evidence.total();
            total.keys = (keys.len() as u64) << self.halvings;
        }
        totals
    }

    /// The longest run of minutes next to each other in a range that each hold at least `threshold` records in one log.
    pub fn longest_run(&self, minutes: RangeInclusive<i64>, threshold: u64) -> u64 {
        let (mut longest, mut run, mut last) = (0, 0, None);
        for (number, minute) in self.minutes.range(minutes) {
            let records = minute.logs.iter().map(|one_log| one_log.evidence.total()).max();
            if records < Some(threshold) {
                continue;
            }
            run = if last == Some(number - 1) { run + 1 } else { 1 };
            last = Some(*number);
            longest = longest.max(run);
        }
        longest
    }
}

/// The minutes between two pointers.
#[derive(Default)]
struct Window {
    records: [u64; 2],
    keys: [HashMap<u64, u32>; 2],
}

impl Window {
    fn add(&mut self, minute: &Minute) {
        for (index, one_log) in minute.logs.iter().enumerate() {
            self.records[index] += one_log.evidence.total();
            for hash in &one_log.keys {
                *self.keys[index].entry(*hash).or_default() += 1;
            }
        }
    }

    fn remove(&mut self, minute: &Minute) {
        for (index, one_log) in minute.logs.iter().enumerate() {
            self.records[index] -= one_log.evidence.total();
            for hash in &one_log.keys {
                if let Some(count) = self.keys[index].get_mut(hash) {
                    *count -= 1;
                    if *count == 0 {
                        self.keys[index].remove(hash);
                    }
                }
            }
        }
    }

    fn count(&self, measure: Measure, halvings: u32) -> u64 {
        let [left, right] = match measure {
            Measure::Records => self.records,
            Measure::Keys => [0, 1].map(|index: usize| (self.keys[index].len() as u64) << halvings),
        };
        left.max(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::key_sample::fingerprint;
    use crate::detect::testing::{Activity, shuffled};

    fn series(log: LogType, rows: &[(i64, u64)]) -> Minutes {
        let activity: Vec<Activity> = rows
            .iter()
            .map(|(minute, key)| Activity {
                time_ms: Some(minute * MINUTE_MS + 5),
                line: minute * 100_000 + *key as i64,
                ..Activity::default()
            })
            .collect();
        let mut minutes = Minutes::default();
        Activity::batch(log, &activity, |batch| {
            let columns = EvidenceColumns::of(batch);
            for (row, (_, key)) in rows.iter().enumerate() {
                minutes.observe(log, &columns, row, Some(fingerprint(&key.to_string())), true);
            }
        });
        minutes
    }

    #[test]
    fn windows_slide_and_overlapping_ones_are_joined() {
        for (rows, expected) in [
            (vec![(0, 1), (1, 2), (2, 3)], vec![(0..=2, 3)]),
            (vec![(0, 1), (1, 1), (2, 1)], vec![]),
            (vec![(0, 1), (4, 2), (9, 3)], vec![(0..=9, 3)]),
            (vec![(0, 1), (5, 2), (10, 3)], vec![]),
            (vec![(0, 1), (0, 2), (8, 3), (12, 4), (13, 5)], vec![(0..=13, 3)]),
            (vec![(0, 1), (0, 2), (0, 3), (50, 1), (50, 2), (51, 3), (52, 4)], vec![(0..=0, 3), (50..=52, 4)]),
        ] {
            let stretches = series(LogType::S3Access, &rows).stretches(10, 3, Measure::Keys);
            let found: Vec<_> = stretches.into_iter().map(|found| (found.minutes, found.peak)).collect();
            assert_eq!(found, expected, "{rows:?}");
        }
    }

    #[test]
    fn the_larger_of_both_logs_counts_and_not_the_sum() {
        let rows = [(0, 1), (1, 2)];
        let mut both = series(LogType::S3Access, &rows);
        both.merge(series(LogType::CloudTrail, &rows));
        assert!(both.stretches(10, 3, Measure::Records).is_empty());
        assert_eq!(both.stretches(10, 2, Measure::Records).len(), 1);
    }

    #[test]
    fn a_series_depends_neither_on_order_nor_on_merges() {
        for (keys, minutes) in [(100, 59), (100, 80), (40_000, 30)] {
            let rows: Vec<(i64, u64)> = (0..keys).map(|key| (key as i64 * 31 % minutes, key)).collect();
            let whole = series(LogType::S3Access, &rows);
            assert_eq!(whole.halvings() > 0, keys > MOST_FINGERPRINTS as u64);
            for (seed, cut) in [(1, 40_000), (2, 1999), (3, 17_000)] {
                let mut merged = Minutes::default();
                for part in shuffled(rows.clone(), seed).chunks(cut) {
                    merged.merge(series(LogType::S3Access, part));
                }
                assert!(merged == whole, "{keys} keys in {minutes} minutes, seed {seed}");
            }
        }
    }

    #[test]
    fn runs_are_of_minutes_next_to_each_other() {
        let minutes = series(LogType::S3Access, &[(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2)]);
        assert_eq!((minutes.longest_run(0..=9, 1), minutes.longest_run(0..=9, 2)), (3, 2));
    }
}
