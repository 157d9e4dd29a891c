//! The earliest records of something in each log, and no others: so it does not matter which of the later ones were shown.

use crate::detect::alert::Alert;
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
}

impl First {
    fn time_ms(&self) -> i64 {
        self.rows.first_seen_ms().unwrap_or(i64::MAX)
    }

    fn see(&mut self, (columns, row): (&EvidenceColumns<'_>, usize), time_ms: i64) {
        if time_ms < self.time_ms() {
            *self = First::default();
        }
        if time_ms <= self.time_ms() {
            self.rows.observe(1, columns, row);
            self.facts.observe(columns, row);
        }
    }

    fn merge(&mut self, other: First) {
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

    /// Joins two.
    pub fn merge(&mut self, other: Firsts) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}
