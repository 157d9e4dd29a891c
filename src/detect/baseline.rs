//! What is usual: days on which callers, addresses, programs and actions were seen, learned from logs of the past.
//!
//! It is learned once ([`LearnStage`]), kept as a small file ([`Learned::save`]), and then stands for the past of logs that
//! are too short to have one. Two of them are joined in any order: counts are added by hour or day, nothing else is kept.

mod dimension;
mod entry;
mod families;
mod file;
mod stage;
mod texts;

pub use dimension::Dimension;
pub use entry::{Count, Entry};
pub use families::{Network, agent_family};
pub use file::{BaselineError, MOST_FILE_BYTES, seal};
pub use stage::{LearnStage, LearnWorker};
pub(super) use texts::Texts;

use super::entities::{Entities, EntityKey};
use super::key_sample::{KeySample, share};
use dimension::DIMENSIONS;

/// Records remembered, to tell whether two baselines hold the same ones.
const MOST_RECORDS: usize = 1 << 11;

/// Hours of a day.
pub const DAY_HOURS: u32 = 24;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// Hours since 1970 UTC of a time after it.
pub fn hour_of(time_ms: i64) -> Option<u32> {
    u32::try_from(time_ms.div_euclid(HOUR_MS)).ok()
}

/// A baseline.
#[derive(Clone, Debug)]
pub struct Learned {
    tables: [Entities<Entry>; DIMENSIONS],
    /// Records by log.
    records: [u64; 2],
    /// First and last hour since 1970 UTC.
    hours: Option<(u32, u32)>,
    sample: KeySample,
}

impl Default for Learned {
    fn default() -> Learned {
        Learned {
            tables: Dimension::ALL.map(|dimension| Entities::with_budget(dimension.budget())),
            records: [0; 2],
            hours: None,
            sample: KeySample::default(),
        }
    }
}

/// What a baseline says of an entry.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// It was seen.
    Seen(&'a Entry),
    /// It was never seen.
    Never,
    /// It may have been seen: the baseline keeps only a part of its kind.
    Unsaid,
}

impl Learned {
    /// What is known of an entry, given by the fields of its dimension.
    pub fn entry(&self, dimension: Dimension, fields: &[&str]) -> Known<'_> {
        let table = &self.tables[dimension as usize];
        let mut key = EntityKey::default();
        let fields: Vec<Option<&str>> = fields.iter().map(|field| Some(*field)).collect();
        let key = key.set(&fields);
        match table.get(key) {
            Some(entry) => Known::Seen(entry),
            None if table.holds(key) => Known::Never,
            None => Known::Unsaid,
        }
    }

    /// The entries of a dimension in the order of their fields.
    pub fn entries(&self, dimension: Dimension) -> Vec<(Vec<&str>, &Entry)> {
        let fields = |key| EntityKey::fields(key).into_iter().flatten().collect();
        self.tables[dimension as usize].sorted().into_iter().map(|(key, entry)| (fields(key), entry)).collect()
    }

    /// Are all entries of a dimension kept?
    pub fn is_whole(&self, dimension: Dimension) -> bool {
        self.tables[dimension as usize].halvings() == 0
    }

    /// Hours that are counted as one in a dimension.
    pub fn grain_hours(&self, dimension: Dimension) -> u32 {
        dimension.grain_hours().max(entry::grain_hours(self.tables[dimension as usize].state_level()))
    }

    /// Records by log: access log, CloudTrail.
    pub fn records(&self) -> [u64; 2] {
        self.records
    }

    /// First and last hour since 1970 UTC.
    pub fn hours(&self) -> Option<(u32, u32)> {
        self.hours
    }

    /// Joins two. Neither the order nor how parts were joined before shows in the result.
    pub fn merge(&mut self, other: Learned) {
        self.tables.iter_mut().zip(other.tables).for_each(|(mine, theirs)| mine.merge(theirs));
        self.records.iter_mut().zip(other.records).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self.sample.merge(MOST_RECORDS, &other.sample);
        self.hours = match (self.hours, other.hours) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// How many records both hold, about: joined they count twice.
    pub fn in_both(&self, other: &Learned) -> u64 {
        self.sample.distinct_in_both(&other.sample)
    }

    /// What was left out or is kept coarsely for want of room, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        Dimension::ALL.into_iter().filter_map(|dimension| self.note(dimension)).collect()
    }

    fn note(&self, dimension: Dimension) -> Option<String> {
        let table = &self.tables[dimension as usize];
        let name = dimension.name();
        if !self.is_whole(dimension) {
            let (share, dropped) = (share(table.halvings()), table.dropped_rows());
            return Some(format!("{name}: only {share} is kept; {dropped} records of the others are not"));
        }
        let grain = self.grain_hours(dimension);
        (grain > dimension.grain_hours()).then(|| match grain {
            u32::MAX => format!("{name}: only the first and the last day are kept"),
            _ => format!("{name}: counts are kept by {} days", grain.div_ceil(DAY_HOURS)),
        })
    }

    /// Bytes of the tables to reckon with.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(Entities::bytes).sum()
    }
}

#[cfg(test)]
mod tests;
