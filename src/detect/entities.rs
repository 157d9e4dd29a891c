//! State by entity, such as a principal and a bucket, under a cap.

use super::key_sample::{fingerprint, is_sampled, share};
use hashbrown::HashMap;

/// Entities a detector remembers. With a few hundred bytes each this is some 100 MB, and more callers and buckets than
/// an organisation has; crafted names cannot make it grow further.
pub const MOST_ENTITIES: usize = 200_000;

/// State that can be joined with another of the same entity, in any order.
pub trait Merge {
    /// Takes over the other's state.
    fn merge(&mut self, other: Self);
}

/// Fields of an entity as one text: each field with its length before it, so that no field can pass for two.
#[derive(Debug, Default)]
pub struct EntityKey {
    text: String,
}

impl EntityKey {
    /// Starts anew with these fields.
    pub fn set(&mut self, fields: &[Option<&str>]) -> &str {
        use std::fmt::Write;
        self.text.clear();
        for field in fields {
            match field {
                Some(field) => {
                    write!(self.text, "{}:{field}", field.len()).expect("writing to a string cannot fail");
                }
                None => self.text.push('-'),
            }
        }
        &self.text
    }

    /// The fields of a text made by [`EntityKey::set`].
    pub fn fields(text: &str) -> Vec<Option<&str>> {
        let mut fields = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('-') {
                fields.push(None);
                rest = after;
                continue;
            }
            let (length, after) = rest.split_once(':').expect("a length stands before each field");
            let length = length.parse().expect("the length is a number");
            let (field, after) = after.split_at(length);
            fields.push(Some(field));
            rest = after;
        }
        fields
    }
}

/// A table from entity to state.
///
/// Over the cap, entities whose fingerprint is not below a falling threshold are dropped whole. By the argument of
/// [`super::key_sample::KeySample`] which ones are left does not depend on the order of rows or merges, and those left have
/// all their rows.
#[derive(Debug)]
pub struct Entities<S> {
    table: HashMap<Box<str>, Counted<S>>,
    halvings: u32,
    cap: usize,
    rows: u64,
}

#[derive(Debug, Default)]
struct Counted<S> {
    rows: u64,
    state: S,
}

impl<S> Default for Entities<S> {
    fn default() -> Self {
        Entities::with_cap(MOST_ENTITIES)
    }
}

impl<S> Entities<S> {
    /// A table for so many entities.
    pub fn with_cap(cap: usize) -> Entities<S> {
        Entities { table: HashMap::new(), halvings: 0, cap, rows: 0 }
    }

    /// The state of an entity, if it is among those left.
    pub fn get(&self, key: &str) -> Option<&S> {
        self.table.get(key).map(|counted| &counted.state)
    }

    /// Number of entities.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// No entity?
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Entities in the order of their keys.
    pub fn sorted(&self) -> Vec<(&str, &S)> {
        let mut all: Vec<(&str, &S)> = self.table.iter().map(|(key, counted)| (&**key, &counted.state)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    /// Rows of entities that were dropped.
    pub fn dropped_rows(&self) -> u64 {
        self.rows - self.table.values().map(|counted| counted.rows).sum::<u64>()
    }

    /// A sentence about what was left out, if anything was.
    pub fn note(&self) -> Option<String> {
        (self.halvings > 0).then(|| {
            format!(
                "More than {} callers or buckets: {} were evaluated, and {} records of the others were not.",
                self.cap,
                share(self.halvings),
                self.dropped_rows()
            )
        })
    }

    fn shrink(&mut self) {
        while self.table.len() > self.cap {
            self.halvings += 1;
            let halvings = self.halvings;
            self.table.retain(|key, _| is_sampled(fingerprint(key), halvings));
        }
    }
}

impl<S: Default> Entities<S> {
    /// The state of an entity that `rows` more rows belong to; `None` if the entity is left out.
    pub fn observe(&mut self, key: &str, rows: u64) -> Option<&mut S> {
        self.rows += rows;
        if self.halvings > 0 && !is_sampled(fingerprint(key), self.halvings) {
            return None;
        }
        if !self.table.contains_key(key) && self.table.len() >= self.cap {
            self.table.insert(key.into(), Counted::default());
            self.shrink();
            if !is_sampled(fingerprint(key), self.halvings) {
                return None;
            }
        }
        let counted = self.table.entry_ref(key).or_default();
        counted.rows += rows;
        Some(&mut counted.state)
    }
}

impl<S: Default + Merge> Entities<S> {
    /// Joins two tables.
    pub fn merge(&mut self, other: Entities<S>) {
        self.rows += other.rows;
        self.halvings = self.halvings.max(other.halvings);
        let halvings = self.halvings;
        self.table.retain(|key, _| is_sampled(fingerprint(key), halvings));
        for (key, counted) in other.table {
            if !is_sampled(fingerprint(&key), self.halvings) {
                continue;
            }
            let mine = self.table.entry(key).or_default();
            mine.rows += counted.rows;
            mine.state.merge(counted.state);
            self.shrink();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    impl Merge for u64 {
        fn merge(&mut self, other: u64) {
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
    }

    #[test]
    fn which_entities_are_left_depends_neither_on_order_nor_on_merges() {
        let rows: Vec<String> = (0..2000).map(|number| format!("entity {}", number * number % 311)).collect();
        let mut states = Vec::new();
        for (seed, cut) in [(0, 5000), (1, 100), (2, 7), (3, 1)] {
            let mut whole = Entities::<u64>::with_cap(20);
            for part in shuffled(rows.clone(), seed).chunks(cut) {
                let mut table = Entities::<u64>::with_cap(20);
                for key in part {
                    if let Some(count) = table.observe(key, 1) {
                        *count += 1;
                    }
                }
                whole.merge(table);
            }
            let table: Vec<(String, u64)> =
                whole.sorted().into_iter().map(|(key, count)| (key.to_owned(), *count)).collect();
            states.push((table, whole.dropped_rows(), whole.note()));
        }
        let (table, dropped, note) = &states[0];
        assert!((1..=20).contains(&table.len()) && note.is_some());
        assert_eq!(table.iter().map(|(_, count)| count).sum::<u64>() + dropped, 2000);
        assert!(states.iter().all(|state| *state == states[0]));
    }
}
