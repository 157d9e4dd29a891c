//! How often each of some names was seen.

use crate::detect::evidence::shortened;
use crate::detect::key_sample::{fingerprint, is_sampled, read_halvings};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Bytes of a name; of a longer one only the beginning counts.
const MOST_NAME: usize = 256;

/// Bytes of a name beside its text: a table is at worst 7/16 full.
const CELL: usize = (size_of::<(Box<str>, Uses)>() + 1) * 16 / 7 + 16;

/// How often a name was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// Requests.
    pub requests: u64,
    /// How many of them were refused because there were too many.
    pub refused: u64,
}

impl Uses {
    /// One request.
    pub fn one(is_refused: bool) -> Uses {
        Uses { requests: 1, refused: u64::from(is_refused) }
    }

    /// Adds up.
    pub fn add(&mut self, other: Uses) {
        self.requests = self.requests.saturating_add(other.requests);
        self.refused = self.refused.saturating_add(other.refused);
    }
}

/// Names with their uses. Over a cap, names are left out whose fingerprint is not below a falling threshold, so that
/// what is left depends neither on order nor on merges (see [`crate::detect::key_sample::KeySample`]).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    names: HashMap<Box<str>, Uses>,
    #[serde(deserialize_with = "read_halvings")]
    halvings: u32,
    /// Bytes of the longest name ever seen, kept or not: the weight must never fall.
    longest: u32,
}

impl Tally {
    /// Counts a name.
    pub fn see(&mut self, cap: usize, name: &str, uses: Uses) {
        let name = shortened(name, MOST_NAME);
        self.longest = self.longest.max(name.len() as u32);
        if self.halvings > 0 && !is_sampled(fingerprint(name), self.halvings) {
            return;
        }
        self.names.entry_ref(name).or_default().add(uses);
        self.lower(cap);
    }

    /// Lowers the cap.
    pub fn lower(&mut self, cap: usize) {
        while self.names.len() > cap && self.halvings < 63 {
            self.halve_to(self.halvings + 1);
        }
    }

    fn halve_to(&mut self, halvings: u32) {
        self.halvings = halvings;
        self.names.retain(|name, _| is_sampled(fingerprint(name), halvings));
    }

    /// Joins two.
    pub fn merge(&mut self, cap: usize, other: &Tally) {
        if other.halvings > self.halvings {
            self.halve_to(other.halvings);
        }
        self.longest = self.longest.max(other.longest);
        for (name, uses) in &other.names {
            self.see(cap, name, *uses);
        }
    }

    /// Bytes to reckon with under a cap; more names never make them fewer.
    pub fn weight(&self, cap: usize) -> usize {
        let held = if self.halvings == 0 { self.names.len() } else { cap };
        held * (CELL + self.longest as usize)
    }

    /// How often the share of the names was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// How often a name was seen, as far as it is kept.
    pub fn get(&self, name: &str) -> Option<Uses> {
        self.names.get(shortened(name, MOST_NAME)).copied()
    }

    /// The names that were seen most often.
    pub fn top(&self, most: usize) -> Vec<(&str, Uses)> {
        let mut names: Vec<(&str, Uses)> = self.names.iter().map(|(name, uses)| (&**name, *uses)).collect();
        names.sort_unstable_by_key(|(name, uses)| (std::cmp::Reverse(uses.requests), *name));
        names.truncate(most);
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    #[test]
    fn what_is_kept_depends_neither_on_order_nor_on_merges_and_the_weight_never_falls() {
        for names in [5, 40, 400] {
            let seen: Vec<String> = (0..2000).map(|number| format!("name {}", number * 7 % names)).collect();
            let mut found = Vec::new();
            for (seed, cut) in [(0, 5000), (1, 100), (2, 7), (3, 1)] {
                let mut whole = Tally::default();
                for part in shuffled(seen.clone(), seed).chunks(cut) {
                    let (mut tally, mut weight) = (Tally::default(), 0);
                    for name in part {
                        tally.see(64, name, Uses::one(true));
                        assert!(tally.weight(64) >= weight);
                        weight = tally.weight(64);
                    }
                    whole.merge(64, &tally);
                }
                whole.lower(32);
                let top = whole.top(100);
                found.push(format!("{top:?} {} {}", whole.halvings(), whole.weight(32)));
                assert!(top.len() <= 32 && (names > 32) == (whole.halvings() > 0), "{names} names");
            }
            assert!(found.iter().all(|one| *one == found[0]), "{names} names");
        }
    }

    #[test]
    fn those_seen_most_come_first_and_then_by_name() {
        let mut tally = Tally::default();
        ["b", "a", "c", "c"].iter().for_each(|name| tally.see(9, name, Uses::one(*name == "a")));
        let top: Vec<&str> = tally.top(2).into_iter().map(|(name, _)| name).collect();
        assert_eq!(top, ["c", "a"]);
        assert_eq!(tally.get("a"), Some(Uses { requests: 1, refused: 1 }));
    }
}
