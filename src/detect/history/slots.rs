//! Values by stretch of time and log, in their order.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// First minute of a stretch since 1970 UTC, and the index of the log.
pub type Slot = (u32, u8);

/// A list sorted by slot, each once. Logs come nearly in order, so most of what is added goes to its end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slots<T>(Vec<(Slot, T)>);

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots(Vec::new())
    }
}

impl<T> Slots<T> {
    /// How many slots hold something.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(Slot, T)> {
        self.0.iter()
    }

    /// Those in a range, in order.
    pub fn range(&self, slots: RangeInclusive<Slot>) -> &[(Slot, T)] {
        let start = self.0.partition_point(|(slot, _)| slot < slots.start());
        let end = self.0.partition_point(|(slot, _)| slot <= slots.end());
        &self.0[start..end.max(start)]
    }

    /// Takes over values in any order; those of one slot are joined by `add`.
    pub fn take(&mut self, values: impl IntoIterator<Item = (Slot, T)>, add: impl FnMut(&mut T, T)) {
        let mut theirs: Vec<(Slot, T)> = values.into_iter().collect();
        if !theirs.is_sorted_by_key(|(slot, _)| *slot) {
            theirs.sort_by_key(|(slot, _)| *slot);
        }
        self.take_sorted(theirs, add);
    }

    /// The same of values in the order of their slots.
    pub fn take_sorted(&mut self, values: impl IntoIterator<Item = (Slot, T)>, mut add: impl FnMut(&mut T, T)) {
        let mut theirs = values.into_iter().peekable();
        let Some(first) = theirs.peek().map(|(slot, _)| *slot) else { return };
        self.reserve(theirs.size_hint().0);
        let tail = self.0.split_off(self.0.partition_point(|(slot, _)| *slot < first));
        let mut tail = tail.into_iter().peekable();
        for (slot, value) in theirs {
            while let Some(mine) = tail.next_if(|(mine, _)| *mine <= slot) {
                self.0.push(mine);
            }
            match self.0.last_mut().filter(|(last, _)| *last == slot) {
                Some((_, mine)) => add(mine, value),
                None => self.0.push((slot, value)),
            }
        }
        self.0.extend(tail);
    }

    /// Room for more, of which at most a quarter stays empty, so that memory follows from the length.
    fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            self.0.reserve_exact(more.max(self.0.len() / 4));
        }
    }
}

impl<T> IntoIterator for Slots<T> {
    type Item = (Slot, T);
    type IntoIter = std::vec::IntoIter<(Slot, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn they_hold_what_a_map_holds(parts in prop::collection::vec(prop::collection::vec(((0u32..20, 0u8..2), 1u64..9), 0..12), 0..6)) {
            let (mut slots, mut map) = (Slots::default(), BTreeMap::new());
            for part in parts {
                part.iter().for_each(|(slot, value)| *map.entry(*slot).or_insert(0) += value);
                slots.take(part, |mine, theirs| *mine += theirs);
            }
            prop_assert!(slots.iter().copied().eq(map.clone()));
            let within = map.range((5, 1)..=(9, 0)).map(|(slot, value)| (*slot, *value));
            prop_assert!(slots.range((5, 1)..=(9, 0)).iter().copied().eq(within));
        }
    }
}
