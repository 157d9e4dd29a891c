//! Counts by name, under a budget: exact as long as all names fit, then of a sample of the rows.
//!
//! A sample of names would lose the busiest ones where somebody floods the log with names that are used once. A sample of
//! rows keeps whoever made many requests, and tells about how many.

use super::counts::{Counts, PerLog};
use crate::detect::entities::EntityKey;
use crate::detect::key_sample::{fingerprint, is_sampled};
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use std::cmp::Reverse;

/// Rows are sampled up to one in 2 to this; beyond it names are halved, so that crafted rows cannot fill the memory.
const MOST_RANK: u8 = 24;

/// In how small a sample a row still is: of 2^n rows one has a rank of n or more. `hash` is of all its bytes.
pub fn rank(hash: u64) -> u8 {
    (hash.leading_zeros() as u8).min(MOST_RANK)
}

/// Rows of one name, log and rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    rank: u8,
    log: u8,
    counts: Counts,
}

/// A table from name to counts.
///
/// Over the budget the rank that rows must have rises until the names of such rows fit. The rank is the least with which
/// all rows ever seen fit, by the argument of [`crate::detect::key_sample::KeySample`].
#[derive(Clone, Debug)]
pub struct Sampled {
    table: HashMap<Box<str>, Vec<Cell>>,
    level: u32,
    bytes: usize,
    budget: usize,
}

/// A name with what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The fields of its key; `None` is what the log does not say.
    pub fields: Vec<Option<String>>,
    /// Counts, estimated where not all rows were counted.
    pub counts: PerLog,
}

/// Bytes of a name: a table is at worst 7/16 full, and two allocations take what they do.
fn weight(key: &str, cells: usize) -> usize {
    (size_of::<(Box<str>, Vec<Cell>)>() + 1) * 16 / 7 + key.len() + 32 + cells * size_of::<Cell>()
}

impl Sampled {
    /// A table of at most so many bytes.
    pub fn with_budget(budget: usize) -> Sampled {
        Sampled { table: HashMap::new(), level: 0, bytes: 0, budget }
    }

    /// One of so many rows is counted.
    pub fn one_in(&self) -> u64 {
        1 << self.least_rank()
    }

    /// The rank that rows must have to be counted.
    pub fn least_rank(&self) -> u8 {
        self.level.min(u32::from(MOST_RANK)) as u8
    }

    /// How often the names were halved.
    pub fn halvings(&self) -> u32 {
        self.level.saturating_sub(u32::from(MOST_RANK))
    }

    /// Adds rows of one rank and log to a name, a key of [`EntityKey`].
    pub fn add(&mut self, key: &str, rank: u8, log: usize, counts: &Counts) {
        if rank < self.least_rank() || !is_sampled(fingerprint(key), self.halvings()) {
            return;
        }
        let log = log as u8;
        let (cells, before) = match self.table.entry_ref(key) {
            EntryRef::Occupied(entry) => {
                let cells = entry.into_mut();
                let before = weight(key, cells.len());
                (cells, before)
            }
            EntryRef::Vacant(entry) => (entry.insert(Vec::with_capacity(1)), 0),
        };
        match cells.iter_mut().find(|cell| (cell.rank, cell.log) == (rank, log)) {
            Some(cell) => cell.counts.add(counts),
            None => {
                cells.reserve_exact(1);
                cells.push(Cell { rank, log, counts: *counts });
            }
        }
        self.bytes = self.bytes + weight(key, cells.len()) - before;
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.bytes > self.budget && self.halvings() < u64::BITS {
            self.level += 1;
            let (least_rank, halvings) = (self.least_rank(), self.halvings());
            self.bytes = 0;
            self.table.retain(|key, cells| {
                cells.retain(|cell| cell.rank >= least_rank);
                let stays = !cells.is_empty() && is_sampled(fingerprint(key), halvings);
                if stays {
                    self.bytes += weight(key, cells.len());
                }
                stays
            });
        }
    }

    /// The names, the busiest of either log first.
    pub fn names(&self) -> Vec<Named> {
        let named = self.table.iter().map(|(key, cells)| {
            let mut counts = PerLog::default();
            cells.iter().for_each(|cell| counts.0[usize::from(cell.log)].add(&cell.counts));
            counts.0 = counts.0.map(|counts| counts.scaled(self.one_in()));
            let fields = EntityKey::fields(key).into_iter().map(|field| field.map(str::to_owned)).collect();
            Named { fields, counts }
        });
        let mut names: Vec<Named> = named.collect();
        names.sort_by(|one, other| {
            let busy = |named: &Named| Reverse(named.counts.most(|counts| counts.requests));
            busy(one).cmp(&busy(other)).then_with(|| one.fields.cmp(&other.fields))
        });
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    fn filled(rows: &[(String, u64)], budget: usize) -> Sampled {
        let mut table = Sampled::with_budget(budget);
        let mut key = EntityKey::default();
        for (name, hash) in rows {
            let counts = Counts { requests: 1, ..Counts::default() };
            table.add(key.set(&[Some(name)]), rank(*hash), (hash % 2) as usize, &counts);
        }
        table
    }

    #[test]
    fn what_is_kept_does_not_depend_on_order_and_the_busy_stay() {
        // One in ten rows is of one name, the others have names of their own.
        let rows: Vec<(String, u64)> = (0..40_000)
            .map(|row| {
                (
                    if row % 10 == 0 { "busy".to_owned() } else { format!("name {row}") },
                    fingerprint(&row.to_string()),
                )
            })
            .collect();
        for budget in [1 << 30, 1 << 20, 100_000] {
            let tables = [0, 1, 2].map(|seed| filled(&shuffled(rows.clone(), seed), budget));
            assert!(tables.iter().all(|table| table.names() == tables[0].names()));
            let first = &tables[0].names()[0];
            assert_eq!(first.fields, [Some("busy".to_owned())]);
            let requests: u64 = first.counts.0.iter().map(|counts| counts.requests).sum();
            assert!(tables[0].one_in() == 1 && requests == 4000 || (2000..6000).contains(&requests), "{requests}");
            assert!(tables[0].bytes <= budget);
        }
    }

    #[test]
    fn rows_that_are_crafted_to_be_in_every_sample_do_not_fill_the_memory() {
        let rows: Vec<(String, u64)> = (0..20_000).map(|row| (format!("name {row}"), 0)).collect();
        let table = filled(&rows, 100_000);
        assert!(table.bytes <= 100_000 && table.halvings() > 0 && !table.table.is_empty());
    }
}
