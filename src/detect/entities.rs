//! State by entity, such as a principal and a bucket, under a budget of bytes.

use super::capped::keep;
use super::evidence::shortened;
use super::key_sample::{fingerprint, is_sampled, share};
use crate::parse::time::DAY_MS;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use serde::{Deserialize, Serialize};

/// State of one entity, which can be cut down step by step.
///
/// What is left at a level must be what would have been left had it held from the start, and the weight at a level
/// must never fall when rows are added: then neither the level reached nor what is left depends on order.
pub trait State: Default {
    /// Number of the last level that cuts; beyond it whole entities are left out.
    const LEVELS: u32;

    /// Bytes beside the size of the type at that level.
    fn weight(&self, level: u32) -> usize;

    /// Cuts down to that level.
    fn cut(&mut self, level: u32);

    /// Takes over the other's state; both are at that level.
    fn merge(&mut self, other: Self, level: u32);
}

/// Longest field of an entity in bytes: no ARN, bucket or account is longer, but a crafted line may claim one.
pub const MOST_FIELD: usize = 1024;

/// A field as it stands in the key of an entity: one that is too long is its beginning and its fingerprint.
pub fn field(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MOST_FIELD {
        return text.into();
    }
    format!("{}…{:016x}", shortened(text, MOST_FIELD), fingerprint(text)).into()
}

/// Fields of an entity as one text: each field with its length before it, so that no field can pass for two.
#[derive(Debug, Default)]
pub struct EntityKey {
    text: String,
}

impl EntityKey {
    /// Starts anew with these fields.
    pub fn set(&mut self, fields: &[Option<&str>]) -> &str {
        self.text.clear();
        for text in fields {
            match text.map(field) {
                Some(field) => {
                    self.push_length(field.len());
                    self.text.push(':');
                    self.text.push_str(&field);
                }
                None => self.text.push('-'),
            }
        }
        &self.text
    }

    /// The length in digits; written by hand, as every row of many detectors asks for it. It is divided by a constant only,
    /// which is a multiplication.
    fn push_length(&mut self, length: usize) {
        let (mut digits, mut count, mut rest) = ([0; 20], 0, length);
        while count == 0 || rest > 0 {
            digits[count] = b'0' + (rest % 10) as u8;
            (count, rest) = (count + 1, rest / 10);
        }
        digits[..count].iter().rev().for_each(|digit| self.text.push(char::from(*digit)));
    }

    /// The text that was set last.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The fields of a text made by [`EntityKey::set`]; what another text, of a damaged state, would be is left out.
    pub fn fields(text: &str) -> Vec<Option<&str>> {
        let mut fields = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('-') {
                fields.push(None);
                rest = after;
                continue;
            }
            let field =
                rest.split_once(':').and_then(|(length, after)| after.split_at_checked(length.parse().ok()?));
            let Some((field, after)) = field else { break };
            fields.push(Some(field));
            rest = after;
        }
        fields
    }
}

/// The UTC day of a row as a field of an entity, days since 1970: written anew only when it changes.
#[derive(Debug, Default)]
pub struct DayField {
    day: i64,
    text: String,
}

impl DayField {
    /// The day of a time in milliseconds; `None` if there is none.
    pub fn of(&mut self, time_ms: Option<i64>) -> Option<&str> {
        let day = time_ms?.div_euclid(DAY_MS);
        if self.text.is_empty() || self.day != day {
            *self = DayField { day, text: day.to_string() };
        }
        Some(&self.text)
    }
}

/// A table from entity to state.
///
/// Over the budget the level rises until the whole fits: first each state is cut, then entities whose fingerprint is
/// not below a falling threshold are dropped whole. The level is the smallest at which all rows ever seen fit, and by
/// the argument of [`super::key_sample::KeySample`] it depends neither on the order of rows nor on merges.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entities<S> {
    table: HashMap<Box<str>, Box<Counted<S>>>,
    #[serde(deserialize_with = "super::key_sample::read_halvings")]
    level: u32,
    budget: usize,
    bytes: usize,
    rows: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Counted<S> {
    rows: u64,
    state: S,
}

impl<S: State> Counted<S> {
    /// Bytes of an entity: a table is at worst 7/16 full.
    fn weight(&self, key: &str, level: u32) -> usize {
        let cell = (size_of::<(Box<str>, Box<Self>)>() + 1) * 16 / 7;
        cell + size_of::<Self>() + key.len() + 32 + self.state.weight(level)
    }
}

impl<S: State> Entities<S> {
    /// A table of at most so many bytes, which must be far more than one entity can have.
    pub fn with_budget(budget: usize) -> Entities<S> {
        Entities { table: HashMap::new(), level: 0, budget, bytes: 0, rows: 0 }
    }

    /// The same at a level, to be filled with what another table held at it.
    pub fn at_level(budget: usize, level: u32) -> Entities<S> {
        Entities { level, ..Entities::with_budget(budget) }
    }

    /// The level: how far states are cut, and beyond [`State::LEVELS`] how often entities were halved.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// The state of an entity, if it is among those left.
    pub fn get(&self, key: &str) -> Option<&S> {
        self.table.get(key).map(|counted| &counted.state)
    }

    /// Entities in the order of their keys.
    pub fn sorted(&self) -> Vec<(&str, &S)> {
        let mut all: Vec<(&str, &S)> = self.table.iter().map(|(key, counted)| (&**key, &counted.state)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// The same, taken out.
    pub fn take_sorted(&mut self) -> Vec<(Box<str>, S)> {
        let mut all: Vec<(Box<str>, S)> = self.table.drain().map(|(key, counted)| (key, counted.state)).collect();
        all.sort_unstable_by(|(key, _), (other, _)| key.cmp(other));
        all
    }

    /// How far the states are cut.
    pub fn state_level(&self) -> u32 {
        self.level.min(S::LEVELS)
    }

    /// Bytes to reckon with.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How often the entities that are kept were halved.
    pub fn halvings(&self) -> u32 {
        self.level.saturating_sub(S::LEVELS)
    }

    /// Rows of entities that were dropped.
    pub fn dropped_rows(&self) -> u64 {
        let kept = self.table.values().fold(0, |sum: u64, counted| sum.saturating_add(counted.rows));
        self.rows.saturating_sub(kept)
    }

    /// A sentence about what was left out, if anything was.
    pub fn note(&self) -> Option<String> {
        (self.halvings() > 0).then(|| {
            format!(
                "More callers or buckets than {} MiB hold: {} were evaluated, and {} records of the others were not.",
                self.budget >> 20,
                share(self.halvings()),
                self.dropped_rows()
            )
        })
    }

    /// Would an entity of that key be left, had it been seen?
    pub fn holds(&self, key: &str) -> bool {
        self.halvings() == 0 || is_sampled(fingerprint(key), self.halvings())
    }

    /// Shows the state of an entity, and how far to cut it, to `see`, with so many more rows that belong to it; not if
    /// the entity is left out.
    pub fn observe(&mut self, key: &str, rows: u64, see: impl FnOnce(&mut S, u32)) {
        self.rows = self.rows.saturating_add(rows);
        if !self.holds(key) {
            return;
        }
        let level = self.state_level();
        let (counted, before) = match self.table.entry_ref(key) {
            EntryRef::Occupied(entry) => {
                let counted = entry.into_mut();
                let before = counted.weight(key, level);
                (counted, before)
            }
            EntryRef::Vacant(entry) => (entry.insert(Box::default()), 0),
        };
        counted.rows = counted.rows.saturating_add(rows);
        see(&mut counted.state, level);
        self.bytes = self.bytes + counted.weight(key, level) - before;
        self.shrink();
    }

    /// So many rows of entities that are surely left out: their fingerprints are not in a sample that was halved as often
    /// as this one, or less.
    pub fn pass_over(&mut self, rows: u64) {
        self.rows = self.rows.saturating_add(rows);
    }

    fn shrink(&mut self) {
        while self.bytes > self.budget {
            self.raise(self.level + 1);
        }
    }

    fn raise(&mut self, level: u32) {
        let cut_before = self.state_level();
        self.level = level;
        let (level, halvings) = (self.state_level(), self.halvings());
        if halvings > 0 {
            keep(&mut self.table, |key| is_sampled(fingerprint(key), halvings));
        }
        self.bytes = 0;
        for (key, counted) in &mut self.table {
            if level > cut_before {
                counted.state.cut(level);
            }
            self.bytes += counted.weight(key, level);
        }
    }

    /// Joins two tables.
    pub fn merge(&mut self, other: Entities<S>) {
        self.rows = self.rows.saturating_add(other.rows);
        if other.level > self.level {
            self.raise(other.level);
        }
        let their_level = other.state_level();
        for (key, mut counted) in other.table {
            if !self.holds(&key) {
                continue;
            }
            let level = self.state_level();
            if level > their_level {
                counted.state.cut(level);
            }
            let known = self.table.contains_key(&key);
            let mine = self.table.entry_ref(&*key).or_default();
            let before = if known { mine.weight(&key, level) } else { 0 };
            mine.rows = mine.rows.saturating_add(counted.rows);
            mine.state.merge(counted.state, level);
            self.bytes = self.bytes + mine.weight(&key, level) - before;
            self.shrink();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    impl State for u64 {
        const LEVELS: u32 = 0;

        fn weight(&self, _level: u32) -> usize {
            0
        }

        fn cut(&mut self, _level: u32) {}

        fn merge(&mut self, other: u64, _level: u32) {
            *self += other;
        }
    }

    #[test]
    fn fields_of_a_key_cannot_run_into_each_other() {
        let mut key = EntityKey::default();
        for fields in [
            vec![Some("a"), Some("bc")],
            vec![Some("ab"), Some("c")],
            vec![Some("1:a-"), None, Some("")],
            vec![None, None],
            vec![Some("ключ"), Some("3:-")],
        ] {
            assert_eq!(EntityKey::fields(key.set(&fields)), fields);
        }
        for length in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, MOST_FIELD] {
            let text = "x".repeat(length);
            assert_eq!(key.set(&[Some(&text)]), format!("{length}:{text}"));
        }
    }

    #[test]
    fn a_crafted_field_is_cut_and_still_told_apart() {
        let long = ["a".repeat(5000), "a".repeat(5001)];
        let [one, other] = long.each_ref().map(|text| field(text));
        assert!(one != other && one.len() < 1100 && field("short") == "short");
    }

    #[test]
    fn which_entities_are_left_depends_neither_on_order_nor_on_merges() {
        let rows: Vec<String> = (0..2000).map(|number| format!("entity {}", number * number % 311)).collect();
        let mut states = Vec::new();
        for (seed, cut) in [(0, 5000), (1, 100), (2, 7), (3, 1)] {
            let mut whole = Entities::<u64>::with_budget(4096);
            for part in shuffled(rows.clone(), seed).chunks(cut) {
                let mut table = Entities::<u64>::with_budget(4096);
                for key in part {
                    table.observe(key, 1, |count, _| *count += 1);
                }
                whole.merge(table);
            }
            let table: Vec<(String, u64)> =
                whole.sorted().into_iter().map(|(key, count)| (key.to_owned(), *count)).collect();
            states.push((table, whole.dropped_rows(), whole.note()));
        }
        let (table, dropped, note) = &states[0];
        assert!((1..=40).contains(&table.len()) && note.is_some());
        assert_eq!(table.iter().map(|(_, count)| count).sum::<u64>() + dropped, 2000);
        assert!(states.iter().all(|state| *state == states[0]));
    }
}
