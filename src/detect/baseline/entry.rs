//! What is kept of one entry: counts by stretch of time, first and last hour.

use super::DAY_HOURS;
use crate::detect::entities::State;
use crate::detect::history::slots::{Slot, Slots};

/// Hours of a week.
pub const WEEK_HOURS: u32 = 7 * DAY_HOURS;

/// Hours from the start of a week (Monday, 00:00 UTC) to the first hour of 1970, a Thursday.
const FIRST_HOUR_OF_WEEK: u32 = 3 * DAY_HOURS;

/// Hours that are counted as one, of each level.
const GRAINS: [u32; 4] = [1, DAY_HOURS, WEEK_HOURS, u32::MAX];

/// Hours that are counted as one at a level.
pub fn grain_hours(level: u32) -> u32 {
    GRAINS[(level as usize).min(GRAINS.len() - 1)]
}

/// The hour of the week, from Monday 00:00 UTC, of an hour since 1970.
pub fn hour_of_week(hour: u32) -> u8 {
    (hour.wrapping_add(FIRST_HOUR_OF_WEEK) % WEEK_HOURS) as u8
}

/// Bytes of a stretch and of an hour of the week to reckon with: a list is at worst a quarter larger than what it holds.
pub const SLOT_BYTES: usize = 48;
const HOUR_BYTES: usize = 20;

/// What a stretch of time holds, in one log or in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests that were not denied; of a caller in a bucket all of them.
    pub requests: u64,
    /// Reads of objects that were done.
    pub reads: u64,
    /// Bytes that these sent.
    pub bytes: u64,
}

impl Count {
    /// Adds.
    pub fn add(&mut self, other: &Count) {
        self.requests = self.requests.saturating_add(other.requests);
        self.reads = self.reads.saturating_add(other.reads);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// What both logs show counts once: one of them holds nearly all that the other does.
    fn once(&self, other: &Count) -> Count {
        Count {
            requests: self.requests.max(other.requests),
            reads: self.reads.max(other.reads),
            bytes: self.bytes.max(other.bytes),
        }
    }
}

/// What is kept of an entry.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// By the first hour of each stretch since 1970 UTC, and log.
    pub(super) counts: Slots<Count>,
    /// Requests by hour of the week, in their order.
    pub(super) week: Vec<(u8, u64)>,
    /// First and last hour since 1970 UTC.
    pub(super) hours: Option<(u32, u32)>,
}

impl Entry {
    /// Of one stretch.
    pub(super) fn of(hour: u32, grain: u32, log: u8, count: Count, with_week: bool) -> Entry {
        let mut entry = Entry { hours: Some((hour, hour)), ..Entry::default() };
        entry.counts.take_sorted([((hour / grain * grain, log), count)], |_, _| {});
        if with_week {
            entry.week.push((hour_of_week(hour), count.requests));
        }
        entry
    }

    /// First and last hour since 1970 UTC.
    pub fn hours(&self) -> (u32, u32) {
        self.hours.unwrap_or_default()
    }

    /// Counts by the first hour of each stretch in which there are any, in their order; what both logs show counts once.
    pub fn stretches(&self) -> Vec<(u32, Count)> {
        let mut found: Vec<(u32, Count)> = Vec::new();
        for ((hour, _), count) in self.counts.iter() {
            match found.last_mut().filter(|(last, _)| last == hour) {
                Some((_, mine)) => *mine = mine.once(count),
                None => found.push((*hour, *count)),
            }
        }
        found
    }

    /// On how many days there were any, at least.
    pub fn days(&self) -> u64 {
        let mut days: Vec<u32> = self.counts.iter().map(|((hour, _), _)| hour / DAY_HOURS).collect();
        days.dedup();
        days.len() as u64
    }

    /// All counts together, of the stretches that begin before an hour.
    pub fn total_before(&self, hour: u32) -> Count {
        let mut total = Count::default();
        let before = self.stretches().into_iter().filter(|(start, _)| *start < hour);
        before.for_each(|(_, count)| total.add(&count));
        total
    }

    /// All counts together.
    pub fn total(&self) -> Count {
        self.total_before(u32::MAX)
    }

    /// Requests by hour of the week from Monday 00:00 UTC, of hours in which there were any.
    pub fn week(&self) -> &[(u8, u64)] {
        &self.week
    }

    /// Records, as the table counts them.
    pub(super) fn records(&self) -> u64 {
        self.counts.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(count.requests))
    }

    fn take(&mut self, counts: impl Iterator<Item = (Slot, Count)>, level: u32) {
        let grain = grain_hours(level);
        let coarse = counts.map(|((hour, log), count)| ((hour / grain * grain, log), count));
        self.counts.take(coarse, |mine, theirs| mine.add(&theirs));
    }
}

impl State for Entry {
    const LEVELS: u32 = GRAINS.len() as u32 - 1;

    fn weight(&self, _level: u32) -> usize {
        self.counts.count() * SLOT_BYTES + self.week.len() * HOUR_BYTES
    }

    fn cut(&mut self, level: u32) {
        let fine = std::mem::take(&mut self.counts);
        self.take(fine.into_iter(), level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.take(other.counts.into_iter(), level);
        for (hour, requests) in other.week {
            match self.week.binary_search_by_key(&hour, |(hour, _)| *hour) {
                Ok(at) => self.week[at].1 = self.week[at].1.saturating_add(requests),
                Err(at) => self.week.insert(at, (hour, requests)),
            }
        }
        self.hours = match (self.hours, other.hours) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::time::iso_time;

    #[test]
    fn hours_of_the_week_begin_on_monday() {
        for (time, expected) in [
            ("1970-01-01T00:00:00Z", 72),
            ("2026-11-30T00:10:00Z", 0),
            ("2026-11-29T23:59:59Z", 167),
            ("2026-12-01T08:00:00Z", 32),
        ] {
            let hour = super::super::hour_of(iso_time(time.as_bytes()).unwrap()).unwrap();
            assert_eq!(hour_of_week(hour), expected, "{time}");
        }
    }

    #[test]
    fn what_both_logs_show_counts_once_by_stretch() {
        let count = |requests, reads| Count { requests, reads, bytes: 10 * reads };
        let mut entry = Entry::of(48, 24, 0, count(7, 3), true);
        entry.merge(Entry::of(50, 24, 1, count(5, 4), true), 1);
        entry.merge(Entry::of(80, 24, 1, count(2, 0), true), 1);
        assert_eq!(entry.stretches(), [(48, Count { requests: 7, reads: 4, bytes: 40 }), (72, count(2, 0))]);
        assert_eq!((entry.days(), entry.hours(), entry.total().requests), (2, (48, 80), 9));
        assert_eq!((entry.total_before(72).requests, entry.records()), (7, 14));
        assert_eq!(entry.week(), [(120, 7), (122, 5), (152, 2)]);
    }
}
