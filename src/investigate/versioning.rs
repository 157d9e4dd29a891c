//! Whether a bucket kept versions at a time: what the logs show of it, with the place of each piece of evidence.
//!
//! Logs show the change of the setting, and many answers of S3 show its state: a version id, the id `null`, or none.

use super::event::Source;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Pieces of evidence that are kept of all buckets.
pub const MOST_MARKS: usize = 200_000;

const HOUR_MS: i64 = 3_600_000;

/// What a piece of evidence shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Shows {
    /// New versions are kept.
    On,
    /// They were, and what is written now has the version id `null`.
    Suspended,
    /// Versioning had never been turned on.
    Never,
    /// It had been turned on before; it may be suspended.
    OnOrSuspended,
    /// The setting was changed, the log does not say to what.
    Changed,
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When, in milliseconds.
    pub time_ms: i64,
    /// What it shows.
    pub shows: Shows,
    /// Is it the change of the setting, so that it says nothing of the time before?
    pub is_change: bool,
    /// Of which request, if it is a change.
    pub request_id: Option<String>,
    /// Where it stands.
    pub source: Source,
}

/// What is known of a bucket at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// On, suspended or never; on or suspended where no more is known. `None`: the logs do not show it.
    pub shows: Option<Shows>,
    /// What shows it.
    pub by: Vec<&'a Mark>,
}

/// What the logs show of all buckets, whatever the order in which it was seen.
#[derive(Debug, Default)]
pub struct Versioning {
    buckets: HashMap<String, Bucket>,
    marks: usize,
    /// There was more evidence than is kept.
    pub left_out: bool,
}

#[derive(Debug, Default)]
struct Bucket {
    changes: BTreeSet<Mark>,
    /// The first and the last of each hour.
    states: BTreeMap<(i64, Shows), (Mark, Mark)>,
    /// All in order of time, once all were seen.
    in_order: Vec<Mark>,
}

impl Versioning {
    /// Adds a piece of evidence.
    pub fn add(&mut self, bucket: &str, mark: Mark) {
        let is_full = self.marks >= MOST_MARKS;
        if is_full && !self.buckets.contains_key(bucket) {
            self.left_out = true;
            return;
        }
        let of = self.buckets.entry(bucket.to_owned()).or_default();
        if mark.is_change {
            self.left_out |= is_full;
            self.marks += usize::from(!is_full && of.changes.insert(mark));
            return;
        }
        match of.states.get_mut(&(mark.time_ms.div_euclid(HOUR_MS), mark.shows)) {
            Some((first, last)) => {
                if mark < *first {
                    *first = mark;
                } else if mark > *last {
                    *last = mark;
                }
            }
            None if is_full => self.left_out = true,
            None => {
                self.marks += 1;
                of.states.insert((mark.time_ms.div_euclid(HOUR_MS), mark.shows), (mark.clone(), mark));
            }
        }
    }

    /// Adds what another thread saw.
    pub fn merge(&mut self, other: Versioning) {
        self.left_out |= other.left_out;
        for (name, bucket) in other.buckets {
            let states = bucket.states.into_values().flat_map(|(first, last)| [first, last]);
            bucket.changes.into_iter().chain(states).for_each(|mark| self.add(&name, mark));
        }
    }

    /// Puts the evidence in order. A change that CloudTrail explains needs no line that does not.
    pub fn close(&mut self) {
        for bucket in self.buckets.values_mut() {
            let explained: BTreeSet<String> = bucket
                .changes
                .iter()
                .filter(|mark| mark.shows != Shows::Changed)
                .filter_map(|mark| mark.request_id.clone())
                .collect();
            let is_explained = |mark: &Mark| {
                mark.shows == Shows::Changed && mark.request_id.as_ref().is_some_and(|id| explained.contains(id))
            };
            let changes = std::mem::take(&mut bucket.changes).into_iter().filter(|mark| !is_explained(mark));
            let states = std::mem::take(&mut bucket.states).into_values().flat_map(|(first, last)| [first, last]);
            bucket.in_order = changes.chain(states).collect();
            bucket.in_order.sort();
            bucket.in_order.dedup();
        }
    }

    /// What is known of a bucket at a time: what the nearest evidence before and behind it shows, unless they contradict
    /// each other or the setting was changed between.
    pub fn at(&self, bucket: &str, time_ms: i64) -> Known<'_> {
        let marks = self.buckets.get(bucket).map(|bucket| bucket.in_order.as_slice()).unwrap_or_default();
        let here = marks.partition_point(|mark| mark.time_ms <= time_ms);
        let tells = |mark: &&Mark| mark.shows != Shows::OnOrSuspended;
        let before = marks[..here].iter().rev().find(tells).filter(|mark| mark.shows != Shows::Changed);
        let after = marks[here..].iter().find(tells).filter(|mark| !mark.is_change);
        match (before, after) {
            (Some(before), Some(after)) if before.shows == after.shows => known(before.shows, &[before, after]),
            (Some(one), None) | (None, Some(one)) => known(one.shows, &[one]),
            (Some(before), Some(after)) => {
                // Once on, it can only be suspended.
                let is_versioned = before.shows != Shows::Never;
                Known { shows: is_versioned.then_some(Shows::OnOrSuspended), by: vec![before, after] }
            }
            (None, None) => match marks[..here].iter().rev().find(|mark| mark.shows == Shows::OnOrSuspended) {
                Some(mark) => known(Shows::OnOrSuspended, &[mark]),
                None => Known { shows: None, by: Vec::new() },
            },
        }
    }
}

fn known<'a>(shows: Shows, by: &[&'a Mark]) -> Known<'a> {
    Known { shows: Some(shows), by: by.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::LogType;

    fn mark(time_ms: i64, shows: Shows, is_change: bool) -> Mark {
        let source = Source { log: LogType::CloudTrail, file: "f".to_owned(), line: time_ms };
        Mark { time_ms, shows, is_change, request_id: None, source }
    }

    #[test]
    fn the_nearest_evidence_tells_unless_it_is_contradicted() {
        use Shows::{Changed, Never, On, OnOrSuspended, Suspended};
        let (state, change) = (|time, shows| mark(time, shows, false), |time, shows| mark(time, shows, true));
        for (marks, expected) in [
            (vec![], None),
            (vec![state(1, On)], Some(On)),
            (vec![state(9, On)], Some(On)),
            (vec![change(9, On)], None),
            (vec![change(1, On), change(9, Suspended)], Some(On)),
            (vec![state(1, On), change(3, Suspended)], Some(Suspended)),
            (vec![state(1, On), change(3, Changed)], None),
            (vec![change(3, Changed), state(9, On)], Some(On)),
            (vec![state(1, Never), state(9, Never)], Some(Never)),
            (vec![state(1, Never), state(9, On)], None),
            (vec![state(1, On), state(9, Suspended)], Some(OnOrSuspended)),
            (vec![state(9, Never)], Some(Never)),
            (vec![state(9, Never), change(7, Changed)], None),
            (vec![state(1, OnOrSuspended)], Some(OnOrSuspended)),
            (vec![state(9, OnOrSuspended)], None),
        ] {
            let mut marks: Vec<Mark> = marks;
            for _ in 0..2 {
                let (mut versioning, mut other) = (Versioning::default(), Versioning::default());
                for (number, mark) in marks.iter().enumerate() {
                    if number % 2 == 0 { &mut versioning } else { &mut other }.add("b", mark.clone());
                }
                versioning.merge(other);
                versioning.close();
                assert_eq!(versioning.at("b", 5).shows, expected, "{marks:?}");
                assert_eq!(versioning.at("other", 5).shows, None);
                marks.reverse();
            }
        }
    }

    #[test]
    fn a_line_of_a_change_that_cloudtrail_explains_does_no_harm() {
        let with_id = |mark: Mark| Mark { request_id: Some("R1".to_owned()), ..mark };
        let mut versioning = Versioning::default();
        versioning.add("b", with_id(mark(3, Shows::On, true)));
        versioning.add("b", with_id(mark(4, Shows::Changed, true)));
        versioning.close();
        assert_eq!(versioning.at("b", 5).shows, Some(Shows::On));
    }
}
