//! What a baseline says of the time before the logs.

use super::series::Load;
use crate::detect::baseline::{Count, Dimension, Entry, Known, Learned, hour_of};
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::DAY_MINUTES;

/// A baseline up to the day on which the logs begin: what was learned of the logs themselves is no past of theirs.
#[derive(Clone, Copy, Debug)]
pub struct LearnedPast<'a> {
    learned: &'a Learned,
    /// First hour that is no past any more.
    until: u32,
}

/// What a baseline says of one caller in one bucket.
pub enum LearnedCaller {
    /// It was seen.
    Seen(CallerPast),
    /// It was not.
    Never,
    /// It may have been: the baseline keeps only a part of the callers.
    Unsaid,
}

/// What a caller did in a bucket before the logs.
pub struct CallerPast {
    /// Minute since 1970 UTC of the hour in which it was first seen.
    pub first_minute: u32,
    /// Minutes that are counted as one.
    pub grain: u32,
    /// By the first minute of each stretch, in their order.
    pub stretches: Vec<(u32, Load)>,
}

impl<'a> LearnedPast<'a> {
    /// For logs that begin in a minute; `None` if the baseline does not begin on a day before.
    pub fn of(learned: &'a Learned, first_minute: u32) -> Option<LearnedPast<'a>> {
        let until = hour_of(i64::from(first_minute / DAY_MINUTES * DAY_MINUTES) * MINUTE_MS)?;
        let (first, _) = learned.hours()?;
        (first < until).then_some(LearnedPast { learned, until })
    }

    fn past_of<'e>(&self, known: Known<'e>) -> Known<'e> {
        match known {
            Known::Seen(entry) if entry.hours().0 >= self.until => Known::Never,
            known => known,
        }
    }

    /// Minute in which a bucket was first seen, and requests to it.
    pub fn bucket(&self, bucket: &str) -> Option<(u32, u64)> {
        match self.past_of(self.learned.entry(Dimension::Bucket, &[bucket])) {
            Known::Seen(entry) => Some((minute(entry.hours().0), entry.total_before(self.until).requests)),
            Known::Never | Known::Unsaid => None,
        }
    }

    /// Minute by which a bucket was read last.
    pub fn last_read(&self, bucket: &str) -> Option<u32> {
        let Known::Seen(entry) = self.past_of(self.learned.entry(Dimension::Bucket, &[bucket])) else {
            return None;
        };
        let grain = self.learned.grain_hours(Dimension::Bucket);
        let mut read = entry.stretches().into_iter().filter(|(hour, count)| *hour < self.until && count.reads > 0);
        let (hour, _) = read.next_back()?;
        let end = if grain == u32::MAX { entry.hours().1.saturating_add(1) } else { hour.saturating_add(grain) };
        Some(minute(end.min(self.until)))
    }

    /// What a caller did in a bucket.
    pub fn caller(&self, principal: &str, bucket: &str) -> LearnedCaller {
        match self.past_of(self.learned.entry(Dimension::PrincipalBucket, &[principal, bucket])) {
            Known::Seen(entry) => LearnedCaller::Seen(self.caller_past(entry)),
            Known::Never => LearnedCaller::Never,
            Known::Unsaid => LearnedCaller::Unsaid,
        }
    }

    fn caller_past(&self, entry: &Entry) -> CallerPast {
        let grain = self.learned.grain_hours(Dimension::PrincipalBucket);
        let before = entry.stretches().into_iter().filter(|(hour, _)| *hour < self.until);
        CallerPast {
            first_minute: minute(entry.hours().0),
            grain: minute(grain),
            stretches: before.map(|(hour, count)| (minute(hour), load(count))).collect(),
        }
    }

    /// First minute of the baseline.
    pub fn first_minute(&self) -> u32 {
        self.learned.hours().map_or(0, |(first, _)| minute(first))
    }
}

fn minute(hour: u32) -> u32 {
    hour.saturating_mul(60)
}

fn load(count: Count) -> Load {
    Load { requests: count.requests, reads: count.reads, bytes: count.bytes, ..Load::default() }
}
