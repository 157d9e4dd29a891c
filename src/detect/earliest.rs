//! The earliest row of each kind that one thread has seen, so that the others of its kind need not be looked at.

use super::capped::{cap_of, make_room};
use hashbrown::HashMap;
use std::hash::Hash;

/// Kinds that are kept in mind. Beyond that all are forgotten, and the next rows are taken for the earliest once more, which
/// changes nothing but speed.
const MOST: usize = cap_of(1 << 14);

/// Times of the earliest rows in milliseconds, by kind.
#[derive(Debug)]
pub struct Earliest<K>(HashMap<K, i64>);

impl<K> Default for Earliest<K> {
    fn default() -> Self {
        Earliest(HashMap::new())
    }
}

impl<K: Eq + Hash> Earliest<K> {
    /// Is this row the earliest that was seen of its kind? Then it may be the earliest of all.
    pub fn is(&mut self, kind: K, time_ms: i64) -> bool {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        make_room(&mut self.0, MOST);
        let earliest_ms = self.0.entry(kind).or_insert(i64::MAX);
        let is_earliest = time_ms <= *earliest_ms;
        *earliest_ms = time_ms.min(*earliest_ms);
        is_earliest
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
