//! Tables under a cap. What they take in memory follows from the cap, and not from how they came to hold what they hold.

use hashbrown::{HashMap, HashSet};
use std::hash::Hash;

/// Entries that a table of so many cells, a power of two, takes: it doubles when more than 7/8 are full, and a cap is
/// overrun by one before anything is left out.
pub const fn cap_of(cells: usize) -> usize {
    cells / 8 * 7 - 1
}

/// Entries after which a table is made for [`MANY`], or for all that it may hold if that is less: growing by doubling leaves
/// the room of each former table behind, and little else fits there.
const FEW: usize = cap_of(1 << 13);
const MANY: usize = cap_of(1 << 17);

/// Makes room for one more entry in a map that will hold `cap` at most.
pub fn make_room<K: Eq + Hash, V>(map: &mut HashMap<K, V>, cap: usize) {
    if map.len() == map.capacity() {
        map.reserve(more(map.len(), cap));
    }
}

/// The same in a set.
pub fn make_room_in_set<T: Eq + Hash>(set: &mut HashSet<T>, cap: usize) {
    if set.len() == set.capacity() {
        set.reserve(more(set.len(), cap));
    }
}

/// How many more entries than these a table is to have room for.
fn more(held: usize, cap: usize) -> usize {
    let most = cap.min(MANY) + 1;
    if held < FEW || held >= most { 1 } else { most - held }
}

/// Leaves those entries in a map. What is taken out of a full table one by one keeps its cell, and the table doubles at the
/// next entry though half of it is free: so it is filled anew.
pub fn keep<K: Eq + Hash, V>(map: &mut HashMap<K, V>, mut is_kept: impl FnMut(&K) -> bool) {
    let kept: Vec<(K, V)> = map.drain().filter(|(key, _)| is_kept(key)).collect();
    map.extend(kept);
}

/// The same in a set.
pub fn keep_in_set<T: Eq + Hash>(set: &mut HashSet<T>, is_kept: impl FnMut(&T) -> bool) {
    let kept: Vec<T> = set.drain().filter(is_kept).collect();
    set.extend(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_halved_again_and_again_never_grows_beyond_its_cap() {
        for cells in [1 << 8, 1 << 13, 1 << 15] {
            let cap = cap_of(cells);
            let (mut map, mut set) = (HashMap::new(), HashSet::new());
            for number in 0..20 * cells as u64 {
                make_room(&mut map, cap);
                map.insert(number, ());
                make_room_in_set(&mut set, cap);
                set.insert(number);
                if map.len() > cap {
                    let is_kept = |kept: &u64| number - kept < cap as u64 / 2;
                    keep(&mut map, is_kept);
                    keep_in_set(&mut set, is_kept);
                    assert!(map.len() * 3 < cap * 2 && map.contains_key(&number), "{cells}");
                }
                assert!(
                    map.len() == set.len() && map.capacity() <= cap + 1 && set.capacity() <= cap + 1,
                    "{cells}"
                );
            }
        }
    }

    #[test]
    fn large_tables_are_made_at_once() {
        for (cap, expected) in [(cap_of(1 << 16), 2), (cap_of(1 << 19), 4)] {
            let (mut map, mut sizes) = (HashMap::new(), Vec::new());
            for number in 0..cap {
                make_room(&mut map, cap);
                map.insert(number, ());
                if map.capacity() >= FEW && sizes.last() != Some(&map.capacity()) {
                    sizes.push(map.capacity());
                }
            }
            assert_eq!((sizes.len(), sizes.last()), (expected, Some(&(cap + 1))));
        }
    }
}
