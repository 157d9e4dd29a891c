//! The first items of a run, whatever thread meets them.

use std::collections::BTreeMap;

/// Keeps the items with the lowest (unit, number in the unit), at most so many.
pub struct First<T> {
    limit: usize,
    items: BTreeMap<(u64, usize), T>,
}

impl<T> First<T> {
    /// Keeps at most `limit` items.
    pub fn new(limit: usize) -> First<T> {
        First { limit, items: BTreeMap::new() }
    }

    /// All items of one unit, in order.
    pub fn extend(&mut self, unit: u64, items: impl IntoIterator<Item = T>) {
        for (number, item) in items.into_iter().enumerate().take(self.limit) {
            self.items.insert((unit, number), item);
        }
        self.cut();
    }

    /// Takes over another's items.
    pub fn merge(&mut self, other: First<T>) {
        self.items.extend(other.items);
        self.cut();
    }

    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }

    fn cut(&mut self) {
        while self.items.len() > self.limit {
            self.items.pop_last();
        }
    }
}
