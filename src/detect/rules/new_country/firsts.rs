//! The earliest records of an entity in each log, and no others: so it does not matter which of the later ones were shown.

use crate::detect::alert::Alert;
use crate::detect::entities::State;
use crate::detect::evidence::{EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use serde::{Deserialize, Serialize};

/// In each log.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Firsts([First; 2]);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct First {
    rows: EvidenceRows,
    /// What these agree on.
    facts: Facts,
    /// Bytes of the largest record ever shown, rounded up: what is kept may be smaller, but the weight must never fall.
    largest: usize,
}

/// Bytes of a record to reckon with at least.
const LEAST_RECORD: usize = 512;

impl First {
    fn time_ms(&self) -> i64 {
        self.rows.first_seen_ms().unwrap_or(i64::MAX)
    }

    fn see(&mut self, (columns, row): (&EvidenceColumns<'_>, usize), time_ms: i64) {
        let facts: usize = columns.facts(row).iter().flatten().map(|text| text.len() + 16).sum();
        self.largest = self.largest.max((columns.bytes(row) + facts).next_power_of_two().max(LEAST_RECORD));
        if time_ms < self.time_ms() {
            (self.rows, self.facts) = Default::default();
        }
        if time_ms <= self.time_ms() {
            self.rows.observe(1, columns, row);
            self.facts.observe(columns, row);
        }
    }

    fn merge(&mut self, other: First) {
        self.largest = self.largest.max(other.largest);
        match self.time_ms().cmp(&other.time_ms()) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                self.rows.merge(1, other.rows);
                self.facts.merge(&other.facts);
            }
            std::cmp::Ordering::Greater => (self.rows, self.facts) = (other.rows, other.facts),
        }
    }
}

impl Firsts {
    /// Takes a row of a log at a time.
    pub fn see(&mut self, log: usize, row: (&EvidenceColumns<'_>, usize), time_ms: i64) {
        self.0[log].see(row, time_ms);
    }

    /// The time of the earliest in milliseconds.
    pub fn first_ms(&self) -> Option<i64> {
        self.0.iter().filter_map(|first| first.rows.first_seen_ms()).min()
    }

    /// Writes the records into an alert, and what they agree on.
    pub fn tell(&self, alert: &mut Alert) {
        let [left, right] = &self.0;
        alert.set_evidence([&left.rows, &right.rows]);
        let mut facts = left.facts.clone();
        facts.merge(&right.facts);
        facts.tell(alert);
    }
}

impl State for Firsts {
    const LEVELS: u32 = 0;

    fn weight(&self, _level: u32) -> usize {
        self.0.iter().map(|first| first.largest).sum()
    }

    fn cut(&mut self, _level: u32) {}

    fn merge(&mut self, other: Self, _level: u32) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}
