//! The calls of one quota on one day.

use super::second_ms;
use super::tally::{Tally, Uses};
use crate::detect::entities::State;
use crate::detect::evidence::{EvidenceColumns, shortened};
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, fingerprint};
use crate::detect::minutes::EvidenceByTime;
use crate::parse::LogType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names and callers remembered an hour; beyond it a sample. Halved at each level.
const MOST: usize = 64;

/// The level at which only minutes are left of the seconds.
const WITHOUT_SECONDS: u32 = 4;

/// Bytes of a minute, of a second in it and of an hour, with what the tables add.
const MINUTE_BYTES: usize = 112;
const SECOND_BYTES: usize = 16;
const HOUR_BYTES: usize = size_of::<Hour>() + 64;

/// Bytes of a prefix, after the bucket's name.
const MOST_PREFIX: usize = 128;

/// A call that counts.
pub(super) struct Call<'a> {
    pub row: usize,
    /// Of the day.
    pub second: u32,
    pub is_refused: bool,
    /// ARN or id of the KMS key.
    pub key: Option<&'a str>,
    pub caller: Option<&'a str>,
    /// Bucket that S3 asks for, and the key of the object if it asks for one.
    pub data: Option<(String, Option<String>)>,
}

/// The calls of a quota on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct CallDay {
    /// By minute of the day.
    minutes: BTreeMap<u16, Minute>,
    /// By hour of the day.
    hours: BTreeMap<u8, Hour>,
    evidence: EvidenceByTime,
    facts: Facts,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Minute {
    uses: Uses,
    /// Requests by second, in its order; none once they were left out.
    seconds: Vec<(u8, u32)>,
}

/// Who called for what in an hour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hour {
    keys: Tally,
    callers: Tally,
    buckets: Tally,
    prefixes: Tally,
    all: Uses,
    /// Calls that named an object: with an S3 Bucket Key they would have named the bucket.
    for_objects: u64,
    /// Of callers and buckets of such calls.
    askers: KeySample,
}

/// The level of evidence: by hours at most.
pub(super) fn evidence_level(level: u32) -> u32 {
    (level + 1).min(EvidenceByTime::LEVELS)
}

impl State for CallDay {
    const LEVELS: u32 = WITHOUT_SECONDS;

    fn weight(&self, level: u32) -> usize {
        let seconds: usize = self.minutes.values().map(|minute| minute.seconds.len()).sum();
        let hours: usize = self.hours.values().map(|hour| HOUR_BYTES + hour.weight(MOST >> level)).sum();
        self.minutes.len() * MINUTE_BYTES
            + seconds * SECOND_BYTES
            + hours
            + self.evidence.weight()
            + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(evidence_level(level));
        self.hours.values_mut().for_each(|hour| hour.lower(MOST >> level));
        if level >= WITHOUT_SECONDS {
            self.minutes.values_mut().for_each(|minute| minute.seconds = Vec::new());
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (number, minute) in other.minutes {
            let mine = self.minutes.entry(number).or_default();
            mine.uses.add(minute.uses);
            minute.seconds.iter().for_each(|(second, requests)| mine.count(*second, *requests));
        }
        for (number, hour) in other.hours {
            self.hours.entry(number).or_default().merge(MOST >> level, &hour);
        }
        self.evidence.merge(other.evidence, evidence_level(level));
        self.facts.merge(&other.facts);
    }
}

impl Minute {
    fn count(&mut self, second: u8, requests: u32) {
        match self.seconds.binary_search_by_key(&second, |(second, _)| *second) {
            Ok(at) => self.seconds[at].1 = self.seconds[at].1.saturating_add(requests),
            Err(at) => self.seconds.insert(at, (second, requests)),
        }
    }
}

impl Hour {
    fn tallies(&mut self) -> [&mut Tally; 4] {
        [&mut self.keys, &mut self.callers, &mut self.buckets, &mut self.prefixes]
    }

    fn weight(&self, cap: usize) -> usize {
        let tallies = [&self.keys, &self.callers, &self.buckets, &self.prefixes];
        tallies.into_iter().map(|tally| tally.weight(cap)).sum::<usize>() + self.askers.weight(cap)
    }

    fn lower(&mut self, cap: usize) {
        self.tallies().into_iter().for_each(|tally| tally.lower(cap));
        self.askers.lower(cap);
    }

    fn merge(&mut self, cap: usize, other: &Hour) {
        let theirs = [&other.keys, &other.callers, &other.buckets, &other.prefixes];
        self.tallies().into_iter().zip(theirs).for_each(|(mine, theirs)| mine.merge(cap, theirs));
        self.all.add(other.all);
        self.for_objects = self.for_objects.saturating_add(other.for_objects);
        self.askers.merge(cap, &other.askers);
    }

    fn observe(&mut self, cap: usize, call: &Call<'_>) {
        let uses = Uses::one(call.is_refused);
        self.all.add(uses);
        for (tally, name) in [(&mut self.keys, call.key), (&mut self.callers, call.caller)] {
            if let Some(name) = name {
                tally.see(cap, name, uses);
            }
        }
        let Some((bucket, key)) = &call.data else { return };
        self.buckets.see(cap, bucket, uses);
        let Some(key) = key else { return };
        let folder = key.find('/').map_or("", |end| &key[..=end]);
        self.prefixes.see(cap, &format!("{bucket}/{}", shortened(folder, MOST_PREFIX)), uses);
        self.for_objects += 1;
        let caller = fingerprint(call.caller.unwrap_or_default());
        self.askers.insert(cap, fingerprint(bucket) ^ caller.rotate_left(32));
    }
}

impl CallDay {
    pub(super) fn observe(&mut self, level: u32, call: &Call<'_>, columns: &EvidenceColumns<'_>) {
        let minute = self.minutes.entry((call.second / 60) as u16).or_default();
        minute.uses.add(Uses::one(call.is_refused));
        if level < WITHOUT_SECONDS {
            minute.count((call.second % 60) as u8, 1);
        }
        self.hours.entry((call.second / 3600) as u8).or_default().observe(MOST >> level, call);
        self.evidence.observe(evidence_level(level), LogType::CloudTrail, columns, call.row);
        self.facts.observe(columns, call.row);
    }

    /// By minute of the day, in order.
    pub(super) fn loads(&self) -> impl Iterator<Item = (u16, Load)> + '_ {
        self.minutes.iter().map(|(number, minute)| (*number, Load::of(minute)))
    }

    pub(super) fn add_drivers(&self, all: &mut Drivers, is_within: impl Fn(u8) -> bool) {
        for (_, hour) in self.hours.iter().filter(|(number, _)| is_within(**number)) {
            all.hour.merge(usize::MAX, hour);
            all.left += hour.askers.distinct();
            all.left_halvings = all.left_halvings.max(hour.askers.halvings());
        }
    }

    pub(super) fn add_evidence(&self, level: u32, rows: &mut EvidenceByTime, facts: &mut Facts) {
        rows.merge(self.evidence.clone(), evidence_level(level));
        facts.merge(&self.facts);
    }
}

/// The calls of a minute, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests.
    pub requests: u64,
    /// Those that KMS refused because there were too many.
    pub refused: u64,
    /// The most requests in one second; at least so many if `is_average`.
    pub peak: u64,
    /// The second of the peak: of a minute that of the minute, once [`Load::add`]ed milliseconds since 1970.
    pub peak_at: i64,
    /// Is the peak that of a minute's average, as its seconds are no longer known?
    pub is_average: bool,
}

impl Load {
    fn of(minute: &Minute) -> Load {
        let Uses { requests, refused } = minute.uses;
        // Of equal seconds the first.
        let most = minute.seconds.iter().max_by_key(|(second, requests)| (*requests, std::cmp::Reverse(*second)));
        match most {
            Some((second, most)) => {
                let (peak, peak_at) = (u64::from(*most), i64::from(*second));
                Load { requests, refused, peak, peak_at, is_average: false }
            }
            None => Load { requests, refused, peak: requests.div_ceil(60), peak_at: 0, is_average: true },
        }
    }

    /// Adds a minute, given by its number since 1970; later ones after earlier ones.
    pub fn add(&mut self, minute: i64, load: &Load) {
        self.requests += load.requests;
        self.refused += load.refused;
        if load.peak > self.peak {
            (self.peak, self.is_average) = (load.peak, load.is_average);
            self.peak_at = second_ms(minute, load.peak_at as u8);
        }
    }
}

/// Who called for what.
#[derive(Clone, Debug, Default)]
pub struct Drivers {
    hour: Hour,
    /// Callers and buckets of each hour, added up.
    left: u64,
    left_halvings: u32,
}

/// Share of the calls that S3 Bucket Keys spare at most, in percent
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>).
pub const SPARED_PERCENT: u64 = 99;

/// What S3 Bucket Keys would have saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Calls for single objects.
    pub for_objects: u64,
    /// Calls that would have been made for them, about.
    pub left: u64,
    /// How many fewer calls of all, in percent.
    pub spared_percent: u64,
}

impl Drivers {
    /// The kinds of names with their tallies: `keys`, `callers`, `buckets` and `prefixes`.
    pub fn by_kind(&self) -> [(&'static str, &Tally); 4] {
        let Hour { keys, callers, buckets, prefixes, .. } = &self.hour;
        [("keys", keys), ("callers", callers), ("buckets", buckets), ("prefixes", prefixes)]
    }

    /// How often KMS was called for a bucket.
    pub fn of_bucket(&self, bucket: &str) -> Option<Uses> {
        self.hour.buckets.get(bucket)
    }

    /// What S3 Bucket Keys would have saved, if S3 called for single objects: one call a caller, bucket and hour would
    /// be left, and not less than AWS's promise.
    pub fn saving(&self) -> Option<Saving> {
        let (for_objects, all) = (self.hour.for_objects, self.hour.all.requests);
        if for_objects == 0 {
            return None;
        }
        let promised = (for_objects * (100 - SPARED_PERCENT)).div_ceil(100);
        let left = self.left.max(promised).min(for_objects);
        let spared_percent = (for_objects - left) * 100 / all.max(1);
        Some(Saving { for_objects, left, spared_percent })
    }
}
