//! The records of one entity over time, and what they agree on.

use super::entities::State;
use super::evidence::EvidenceColumns;
use super::facts::Facts;
use super::minutes::EvidenceByTime;
use crate::parse::LogType;
use serde::{Deserialize, Serialize};

/// Records of an entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Records {
    /// The first of each stretch of time.
    pub evidence: EvidenceByTime,
    /// What all agree on.
    pub facts: Facts,
}

impl Records {
    /// Takes a row of a batch.
    pub fn observe(&mut self, level: u32, log: LogType, columns: &EvidenceColumns<'_>, row: usize) {
        self.evidence.observe(level, log, columns, row);
        self.facts.observe(columns, row);
    }
}

impl State for Records {
    const LEVELS: u32 = EvidenceByTime::LEVELS;

    fn weight(&self, _level: u32) -> usize {
        self.evidence.weight() + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.evidence.merge(other.evidence, level);
        self.facts.merge(&other.facts);
    }
}
