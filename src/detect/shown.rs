//! The records that show what actors did: of each thing the first record of each stretch of time and log.

use super::evidence::{EvidenceColumns, EvidenceRow};
use super::key_sample::{is_sampled, read_halvings};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Records by what was done, and the names of those who did it, under a budget of bytes.
///
/// Over the budget the level rises until the whole fits: first no records are kept, so that there is room for far more
/// actors, then what was done is sampled; an actor is known as long as anything of it is in the sample. As with
/// [`super::entities::Entities`] the level depends neither on the order of rows nor on merges.
#[derive(Debug, Serialize, Deserialize)]
pub struct ShownTable {
    /// By the fingerprint of the thing.
    things: HashMap<u64, Thing>,
    /// Names by the fingerprint of the actor.
    actors: HashMap<u64, Box<str>>,
    #[serde(deserialize_with = "read_halvings")]
    level: u32,
    bytes: usize,
    budget: usize,
}

/// Number of the level without records.
const LEVELS: u32 = 1;

/// Bytes of a record to reckon with at least.
const LEAST_RECORD: usize = 512;

/// One thing that was done.
#[derive(Debug, Serialize, Deserialize)]
struct Thing {
    actor: u64,
    what: u64,
    /// Bytes of the largest record ever shown, rounded up: what is kept may be smaller, but the weight must never fall.
    largest: usize,
    row: Option<EvidenceRow>,
}

/// What was done, by whom, as fingerprints; the first stands for both of the others, the time and the log.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Of all that makes it one thing.
    pub thing: u64,
    /// Of the actor.
    pub actor: u64,
    /// Of what it did.
    pub what: u64,
}

/// A record, and the fingerprint of what it shows.
pub type ShownRow<'a> = (u64, &'a EvidenceRow);

/// Bytes of something in a table that is at worst 7/16 full.
const fn cell<K, V>() -> usize {
    (size_of::<(K, V)>() + 1) * 16 / 7
}

impl Thing {
    fn weight(&self, level: u32) -> usize {
        cell::<u64, Thing>() + if level == 0 { self.largest } else { 0 }
    }
}

fn weight_of_name(name: &str) -> usize {
    cell::<u64, Box<str>>() + name.len() + 16
}

impl ShownTable {
    /// A table of at most so many bytes.
    pub fn with_budget(budget: usize) -> ShownTable {
        ShownTable { things: HashMap::new(), actors: HashMap::new(), level: 0, bytes: 0, budget }
    }

    /// How often what is kept was halved.
    pub fn halvings(&self) -> u32 {
        self.level.saturating_sub(LEVELS)
    }

    /// Takes a row that shows something; `name` is that of its actor.
    pub fn see(&mut self, done: Done, name: &str, columns: &EvidenceColumns<'_>, row: usize) {
        if !is_sampled(done.thing, self.halvings()) {
            return;
        }
        let largest = columns.bytes(row).next_power_of_two().max(LEAST_RECORD);
        let level = self.level;
        let thing = self.thing(done, name);
        let before = thing.weight(level);
        thing.largest = thing.largest.max(largest);
        if level == 0 && thing.row.as_ref().is_none_or(|known| columns.is_before(row, known)) {
            thing.row = Some(columns.row(row));
        }
        let after = thing.weight(level);
        self.bytes = self.bytes + after - before;
        self.shrink();
    }

    /// Finds a thing, or notes it.
    fn thing(&mut self, Done { thing, actor, what }: Done, name: &str) -> &mut Thing {
        let ShownTable { things, actors, bytes, level, .. } = self;
        things.entry(thing).or_insert_with(|| {
            let new = Thing { actor, what, largest: 0, row: None };
            *bytes += new.weight(*level);
            actors.entry(actor).or_insert_with(|| {
                *bytes += weight_of_name(name);
                name.into()
            });
            new
        })
    }

    /// Joins two.
    pub fn merge(&mut self, other: ShownTable) {
        if other.level > self.level {
            self.raise(other.level);
        }
        for (thing, theirs) in other.things {
            let Some(name) = other.actors.get(&theirs.actor) else { continue };
            if !is_sampled(thing, self.halvings()) {
                continue;
            }
            let level = self.level;
            let mine = self.thing(Done { thing, actor: theirs.actor, what: theirs.what }, name);
            let before = mine.weight(level);
            mine.largest = mine.largest.max(theirs.largest);
            let is_first = |row: &EvidenceRow| mine.row.as_ref().is_none_or(|known| row.is_shown_before(known));
            if level == 0 && theirs.row.as_ref().is_some_and(is_first) {
                mine.row = theirs.row;
            }
            let after = mine.weight(level);
            self.bytes = self.bytes + after - before;
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.budget {
            self.raise(self.level + 1);
        }
    }

    fn raise(&mut self, level: u32) {
        self.level = level;
        let halvings = self.halvings();
        self.things.retain(|thing, _| is_sampled(*thing, halvings));
        let known: hashbrown::HashSet<u64> = self.things.values().map(|thing| thing.actor).collect();
        self.actors.retain(|actor, _| known.contains(actor));
        self.bytes = self.actors.values().map(|name| weight_of_name(name)).sum();
        for thing in self.things.values_mut() {
            thing.row = None;
            self.bytes += thing.weight(level);
        }
    }

    /// The actors by name, each with its fingerprint and its records.
    pub fn by_actor(&self) -> Vec<(&str, u64, Vec<ShownRow<'_>>)> {
        let mut rows: HashMap<u64, Vec<ShownRow<'_>>> = HashMap::new();
        for thing in self.things.values() {
            let of_actor = rows.entry(thing.actor).or_default();
            of_actor.extend(thing.row.as_ref().map(|row| (thing.what, row)));
        }
        let named = rows.into_iter().filter_map(|(actor, rows)| Some((&**self.actors.get(&actor)?, actor, rows)));
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by_key(|(name, ..)| *name);
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::key_sample::fingerprint;
    use crate::detect::testing::{Activity, shuffled};
    use crate::parse::LogType;

    /// What is left of rows of 40 actors, in some order and cut somewhere.
    fn left(budget: usize, seed: u64) -> (u32, usize, Vec<String>) {
        let rows: Vec<Activity> = (0..2000)
            .map(|number| Activity {
                time_ms: Some(number % 7 * 1000),
                request: format!("R{:0width$}", number % 11, width = 1 + (number % 300) as usize),
                key: Some(format!("actor {} thing {}", number % 40, number % 280)),
                ..Activity::default()
            })
            .collect();
        let mut whole = ShownTable::with_budget(budget);
        for part in shuffled(rows, seed).chunks(1 + seed as usize * 97) {
            let mut table = ShownTable::with_budget(budget);
            Activity::batch(LogType::S3Access, part, |batch| {
                let columns = EvidenceColumns::of(batch);
                for (row, activity) in part.iter().enumerate() {
                    let key = activity.key.as_deref().unwrap_or_default();
                    let name = &key[..key.find(" thing").unwrap_or(0)];
                    let what = fingerprint(key);
                    table.see(Done { thing: what, actor: fingerprint(name), what }, name, &columns, row);
                }
            });
            whole.merge(table);
        }
        let lines = whole.by_actor().into_iter().map(|(name, _, mut rows)| {
            rows.sort_by_key(|(what, _)| *what);
            format!("{name}: {rows:?}")
        });
        let lines = lines.collect();
        (whole.level, whole.bytes, lines)
    }

    #[test]
    fn what_is_left_depends_neither_on_order_nor_on_merges() {
        for (budget, level) in [(1 << 20, 0), (100_000, 1), (16_000, 4)] {
            let expected = left(budget, 0);
            assert_eq!(expected.0, level, "of {} bytes", expected.1);
            for seed in 1..8 {
                assert_eq!(left(budget, seed), expected, "{budget} {seed}");
            }
        }
    }
}
