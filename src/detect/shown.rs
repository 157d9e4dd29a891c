//! The records that show what actors did: of each thing the first record of each stretch of time and log.

use super::capped::{keep, make_room};
use super::evidence::{EvidenceColumns, EvidenceRow};
use super::key_sample::{is_sampled, read_halvings};
use super::minutes::log_index;
use crate::parse::LogType;
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
    things: HashMap<u64, Done>,
    /// The first record of each, by the same; none above level 0.
    rows: HashMap<u64, Box<EvidenceRow>>,
    /// Names by the fingerprint of the actor.
    actors: HashMap<u64, Box<str>>,
    #[serde(deserialize_with = "read_halvings")]
    level: u32,
    bytes: usize,
    budget: usize,
}

/// Number of the level without records.
const LEVELS: u32 = 1;

/// Bytes of a record to reckon with. One made to be large has up to eight times as many, but which of several is kept must
/// not make a difference: rows may be shown that are not the first.
const RECORD_BYTES: usize = 512;

/// What was done in a stretch of time, and by whom.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Done {
    /// Fingerprint of the actor.
    pub actor: u64,
    /// Fingerprint of what it did.
    pub what: u64,
    /// First minute of the stretch, since 1970 UTC, and the log in the lowest bit: there are many of these.
    minute_and_log: i64,
}

impl Done {
    /// A thing that an actor did in the stretch from that minute on, as that log shows it.
    pub fn new(actor: u64, what: u64, minute: i64, log: LogType) -> Done {
        Done { actor, what, minute_and_log: minute << 1 | log_index(log) as i64 }
    }

    /// First minute of the stretch, since 1970 UTC.
    pub fn minute(&self) -> i64 {
        self.minute_and_log >> 1
    }

    /// The log that shows it.
    pub fn log(&self) -> LogType {
        LogType::ALL[(self.minute_and_log & 1) as usize]
    }
}

/// A thing, and its record if it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What was done.
    pub done: Done,
    /// The first record.
    pub row: Option<&'a EvidenceRow>,
}

/// Bytes of something in a table that is at worst 7/16 full.
const fn cell<K, V>() -> usize {
    (size_of::<(K, V)>() + 1) * 16 / 7
}

fn weight_of_thing(level: u32) -> usize {
    cell::<u64, Done>() + if level == 0 { cell::<u64, Box<EvidenceRow>>() + RECORD_BYTES } else { 0 }
}

fn weight_of_name(name: &str) -> usize {
    cell::<u64, Box<str>>() + name.len() + 16
}

impl ShownTable {
    /// A table of at most so many bytes.
    pub fn with_budget(budget: usize) -> ShownTable {
        ShownTable {
            things: HashMap::new(),
            rows: HashMap::new(),
            actors: HashMap::new(),
            level: 0,
            bytes: 0,
            budget,
        }
    }

    /// How often what is kept was halved.
    pub fn halvings(&self) -> u32 {
        self.level.saturating_sub(LEVELS)
    }

    /// Takes a row that shows something, by the fingerprint of all that makes it one thing; `name` is that of its actor.
    pub fn see(&mut self, thing: u64, done: Done, name: &str, (columns, row): (&EvidenceColumns<'_>, usize)) {
        if !is_sampled(thing, self.halvings()) {
            return;
        }
        self.note(thing, done, name);
        if self.level == 0 && self.rows.get(&thing).is_none_or(|known| columns.is_before(row, known)) {
            self.rows.insert(thing, Box::new(columns.row(row)));
        }
        self.shrink();
    }

    /// Notes a thing, if it is not known.
    fn note(&mut self, thing: u64, done: Done, name: &str) {
        let ShownTable { things, actors, bytes, level, budget, .. } = self;
        make_room(things, *budget / weight_of_thing(*level));
        things.entry(thing).or_insert_with(|| {
            *bytes += weight_of_thing(*level);
            actors.entry(done.actor).or_insert_with(|| {
                *bytes += weight_of_name(name);
                name.into()
            });
            done
        });
    }

    /// Joins two.
    pub fn merge(&mut self, mut other: ShownTable) {
        if other.level > self.level {
            self.raise(other.level);
        }
        for (thing, done) in other.things {
            let Some(name) = other.actors.get(&done.actor) else { continue };
            if !is_sampled(thing, self.halvings()) {
                continue;
            }
            self.note(thing, done, name);
            let row = other.rows.remove(&thing).filter(|_| self.level == 0);
            if let Some(row) = row
                && self.rows.get(&thing).is_none_or(|known| row.is_shown_before(known))
            {
                self.rows.insert(thing, row);
            }
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
        keep(&mut self.things, |thing| is_sampled(*thing, halvings));
        let known: hashbrown::HashSet<u64> = self.things.values().map(|done| done.actor).collect();
        keep(&mut self.actors, |actor| known.contains(actor));
        self.rows = HashMap::new();
        let names: usize = self.actors.values().map(|name| weight_of_name(name)).sum();
        self.bytes = names + self.things.len() * weight_of_thing(level);
    }

    /// The actors in any order, each with its name, its fingerprint and what it did.
    pub fn by_actor(&self) -> Vec<(&str, u64, Vec<Shown<'_>>)> {
        let mut all: HashMap<u64, Vec<Shown<'_>>> = HashMap::new();
        for (thing, done) in &self.things {
            let row = self.rows.get(thing).map(|row| &**row);
            all.entry(done.actor).or_default().push(Shown { done: *done, row });
        }
        all.into_iter().filter_map(|(actor, things)| Some((&**self.actors.get(&actor)?, actor, things))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::key_sample::fingerprint;
    use crate::detect::testing::{Activity, shuffled};
    use crate::parse::LogType;

    /// What is left of rows of 40 actors, in some order and cut somewhere; of odd orders without the rows that are not the
    /// first of what they show.
    fn left(budget: usize, seed: u64) -> (u32, usize, Vec<String>) {
        let rows: Vec<Activity> = (0..2000)
            .map(|number| Activity {
                time_ms: Some(number / 280 % 7 * 1000),
                request: format!("R{:0width$}", number % 11, width = 1 + (number % 300) as usize),
                key: Some(format!("actor {} thing {}", number % 40, number % 280)),
                ..Activity::default()
            })
            .collect();
        let rows: Vec<Activity> =
            rows.into_iter().filter(|row| seed.is_multiple_of(2) || row.time_ms == Some(0)).collect();
        let mut whole = ShownTable::with_budget(budget);
        for part in shuffled(rows, seed).chunks(1 + seed as usize * 97) {
            let mut table = ShownTable::with_budget(budget);
            Activity::batch(LogType::S3Access, part, |batch| {
                let columns = EvidenceColumns::of(batch);
                for (row, activity) in part.iter().enumerate() {
                    let key = activity.key.as_deref().unwrap_or_default();
                    let name = &key[..key.find(" thing").unwrap_or(0)];
                    let (actor, what) = (fingerprint(name), fingerprint(key));
                    let done = Done::new(actor, what, 0, LogType::S3Access);
                    table.see(what, done, name, (&columns, row));
                }
            });
            whole.merge(table);
        }
        let lines = whole.by_actor().into_iter().map(|(name, _, mut things)| {
            things.sort_by_key(|shown| shown.done.what);
            format!("{name}: {things:?}")
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        (whole.level, whole.bytes, lines)
    }

    #[test]
    fn what_is_left_depends_neither_on_order_nor_on_merges() {
        for (budget, level) in [(1 << 20, 0), (100_000, 1), (12_000, 3)] {
            let expected = left(budget, 0);
            assert_eq!(expected.0, level, "of {} bytes", expected.1);
            for seed in 1..8 {
                assert_eq!(left(budget, seed), expected, "{budget} {seed}");
            }
        }
    }
}
