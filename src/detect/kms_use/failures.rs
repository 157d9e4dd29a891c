//! The requests for a bucket that failed as they do when KMS refuses calls of S3.

use super::{DAY_MINUTES, QuotaOf};
use crate::activity::outcome;
use crate::detect::entities::State;
use crate::detect::evidence::{EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::hits::Joined;
use crate::detect::minutes::{EvidenceByTime, Stretch, Totals, log_index};
use crate::parse::LogType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fingerprints of requests remembered a minute; beyond it, and only where both logs show requests, an estimate. Halved
/// at each level.
const MOST: usize = 512;

/// Bytes of a minute, with what the table adds.
const MINUTE_BYTES: usize = size_of::<Minute>() + 32;

/// Codes of S3 for a server that cannot keep up
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const UNAVAILABLE: [&str; 2] = ["SlowDown", "ServiceUnavailable"];

/// What S3 says of KMS that is about the key or the permission, and not about too many calls.
const OF_THE_KEY: [&str; 4] = ["Disabled", "InvalidState", "NotFound", "AccessDenied"];

/// May KMS have caused a failure of S3, going by its code and status? `Some(true)` if S3 says that KMS did, `Some(false)`
/// if it only says that it cannot keep up, `None` if it is another failure.
pub fn is_failure_of_kms(code: Option<&str>, status: Option<i32>) -> Option<bool> {
    if let Some(code) = code.and_then(|code| code.strip_prefix("KMS.")) {
        return (!OF_THE_KEY.iter().any(|other| code.contains(other))).then_some(true);
    }
    let cannot_keep_up =
        code.is_some_and(|code| UNAVAILABLE.contains(&code) || outcome::is_throttling(code, false));
    (cannot_keep_up || status == Some(503)).then_some(false)
}

/// The failed requests for a bucket on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FailedDay {
    /// By minute of the day.
    minutes: BTreeMap<u16, Minute>,
    evidence: EvidenceByTime,
    facts: Facts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Minute {
    all: Joined,
    /// Those of which S3 says that KMS caused them.
    by_kms: Joined,
    in_log: [u64; 2],
}

fn evidence_level(level: u32) -> u32 {
    (level + 1).min(EvidenceByTime::LEVELS)
}

impl State for FailedDay {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let most = MOST >> level;
        let of = |minute: &Minute| MINUTE_BYTES + minute.all.weight(most) + minute.by_kms.weight(most);
        self.minutes.values().map(of).sum::<usize>() + self.evidence.weight() + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(evidence_level(level));
        for minute in self.minutes.values_mut() {
            minute.all.lower(MOST >> level);
            minute.by_kms.lower(MOST >> level);
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (number, minute) in other.minutes {
            let mine = self.minutes.entry(number).or_default();
            mine.all.merge(MOST >> level, &minute.all);
            mine.by_kms.merge(MOST >> level, &minute.by_kms);
            mine.in_log.iter_mut().zip(minute.in_log).for_each(|(mine, theirs)| *mine += theirs);
        }
        self.evidence.merge(other.evidence, evidence_level(level));
        self.facts.merge(&other.facts);
    }
}

impl FailedDay {
    /// Takes a row: its log, minute of the day, whether S3 says that KMS caused it, and which request it is.
    pub(super) fn observe(
        &mut self,
        level: u32,
        (log, minute, is_by_kms, what): (LogType, u32, bool, u64),
        columns: &EvidenceColumns<'_>,
        row: usize,
    ) {
        let minute = self.minutes.entry(minute as u16).or_default();
        minute.in_log[log_index(log)] += 1;
        minute.all.see(MOST >> level, log_index(log), what);
        if is_by_kms {
            minute.by_kms.see(MOST >> level, log_index(log), what);
        }
        self.evidence.observe(evidence_level(level), log, columns, row);
        self.facts.observe(columns, row);
    }
}

/// The failed requests for a bucket in a minute; what both logs show is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// All.
    pub requests: u64,
    /// Those of which S3 says that KMS caused them.
    pub by_kms: u64,
    /// Records of each log.
    pub in_log: [u64; 2],
    /// Halvings of the sample that the numbers rest on.
    pub halvings: u32,
}

impl Failed {
    /// Adds up.
    pub fn add(&mut self, other: &Failed) {
        self.requests += other.requests;
        self.by_kms += other.by_kms;
        self.in_log.iter_mut().zip(other.in_log).for_each(|(mine, theirs)| *mine += theirs);
        self.halvings = self.halvings.max(other.halvings);
    }
}

/// The failed requests for a bucket.
pub struct FailedBucket<'a> {
    /// Its name.
    pub bucket: &'a str,
    /// By minute since 1970.
    pub minutes: BTreeMap<i64, Failed>,
    /// What all records agree on.
    pub facts: Facts,
    days: BTreeMap<i64, &'a FailedDay>,
    level: u32,
}

impl<'a> FailedBucket<'a> {
    pub(super) fn of(bucket: &'a str, days: BTreeMap<i64, &'a FailedDay>, level: u32) -> FailedBucket<'a> {
        let mut facts = Facts::default();
        let mut minutes = BTreeMap::new();
        for (day, state) in &days {
            facts.merge(&state.facts);
            for (number, minute) in &state.minutes {
                let ((requests, all), (by_kms, of_kms)) = (minute.all.count(), minute.by_kms.count());
                let failed = Failed { requests, by_kms, in_log: minute.in_log, halvings: all.max(of_kms) };
                minutes.insert(day * DAY_MINUTES + i64::from(*number), failed);
            }
        }
        FailedBucket { bucket, minutes, facts, days, level }
    }

    /// May these be requests of that account in that region? What no record says does not speak against it.
    pub fn fits(&self, of: &QuotaOf<'_>) -> bool {
        let agrees = |known: Option<&str>, asked: Option<&str>| match (known, asked) {
            (Some(known), Some(asked)) => known == asked,
            _ => true,
        };
        agrees(self.facts.account_id(), of.account) && agrees(self.facts.region(), of.region)
    }

    /// The first records of a stretch by log, with so many in all.
    pub fn evidence(&self, stretch: &Stretch, totals: [u64; 2]) -> [EvidenceRows; 2] {
        let mut rows = EvidenceByTime::default();
        for (_, state) in self.days.range(super::days_of(&stretch.minutes)) {
            rows.merge(state.evidence.clone(), evidence_level(self.level));
        }
        let found = rows.over(stretch, evidence_level(self.level), &totals.map(|records| Totals { records }));
        let mut totals = totals.into_iter();
        found.map(|rows| rows.with_total(totals.next().unwrap_or(0)))
    }
}
