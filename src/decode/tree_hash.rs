//! BLAKE3 of a large file whose blocks are read by many threads in any order.
//!
//! BLAKE3 is a tree over chunks of 1 KiB (<https://github.com/BLAKE3-team/BLAKE3-specs>, 2.1): any aligned group of a power of
//! two of them is a subtree, whose value needs no other bytes. Each thread makes those of the groups that begin in its
//! block; put in order they give the same hash as `b3sum`.

use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use blake3::{Hash, Hasher};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Bytes of a group: enough for all lanes of the processor, and little to read twice at the end of a block.
pub const GROUP: u64 = 64 << 10;

/// Bytes that are hashed at a time.
pub const HASH_BYTES: usize = 256 << 10;

/// Values of the groups that begin in a block.
#[derive(Debug)]
pub struct Groups {
    first: u64,
    values: Vec<ChainingValue>,
}

impl Groups {
    /// For the groups that begin in these bytes of a file.
    pub fn beginning_in(place: Range<u64>) -> Groups {
        Groups { first: place.start.div_ceil(GROUP), values: Vec::new() }
    }

    /// Where the next group begins.
    pub fn next_start(&self) -> u64 {
        (self.first + self.values.len() as u64) * GROUP
    }

    /// The bytes of the next group, all of them; only the last of a file is shorter than the others.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut hasher = Hasher::new();
        hasher.set_input_offset(self.next_start());
        hasher.update(bytes);
        self.values.push(hasher.finalize_non_root());
    }
}

/// The hash under way.
#[derive(Debug, Default)]
pub struct TreeHash(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Groups taken into `stack`.
    taken: u64,
    /// Subtrees, the largest first; one for each bit of `taken`, or not merged yet.
    stack: Vec<ChainingValue>,
    /// Groups that came before their turn.
    early: BTreeMap<u64, Groups>,
    /// Number of groups of the whole file.
    all: Option<u64>,
}

impl TreeHash {
    /// Takes the groups of a block. The hash, once the end and all groups are known.
    pub fn add(&self, groups: Groups) -> Option<Hash> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Blocks in which no group begins have nothing to add.
        if !groups.values.is_empty() {
            state.early.insert(groups.first, groups);
        }
        while let Some(groups) = {
            let next = state.taken;
            state.early.remove(&next)
        } {
            groups.values.into_iter().for_each(|value| state.push(value));
        }
        state.root()
    }

    /// The file ends at this byte, beyond the first group. The hash, once all groups are there.
    pub fn end(&self, end: u64) -> Option<Hash> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.all = Some(end.div_ceil(GROUP));
        state.root()
    }
}

impl State {
    /// Merged late, as the last merge is another one than all before.
    fn push(&mut self, value: ChainingValue) {
        while self.stack.len() > self.taken.count_ones() as usize {
            self.merge();
        }
        self.stack.push(value);
        self.taken += 1;
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) {
            self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    fn root(&mut self) -> Option<Hash> {
        if self.all != Some(self.taken) {
            return None;
        }
        while self.stack.len() > 2 {
            self.merge();
        }
        let [left, right] = self.stack[..] else { return None };
        Some(merge_subtrees_root(&left, &right, Mode::Hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of these lengths, given in the order of `order`.
    fn hash(bytes: &[u8], block: usize, backwards: bool) -> Option<Hash> {
        let tree = TreeHash::default();
        let length = bytes.len() as u64;
        let mut blocks: Vec<Range<u64>> = (0..bytes.len())
            .step_by(block)
            .map(|start| start as u64..(start + block).min(bytes.len()) as u64)
            .collect();
        if backwards {
            blocks.reverse();
        }
        let mut found = if backwards { tree.end(length) } else { None };
        for place in blocks {
            let end = place.end;
            let mut groups = Groups::beginning_in(place);
            while groups.next_start() < end {
                let start = groups.next_start() as usize;
                groups.push(&bytes[start..(start + GROUP as usize).min(bytes.len())]);
            }
            found = tree.add(groups);
        }
        if backwards { found } else { tree.end(length) }
    }

    #[test]
    fn the_hash_is_that_of_all_bytes_however_they_are_cut() {
        let bytes: Vec<u8> = (0..700_001_u32).map(|number| (number * 31 >> 3) as u8).collect();
        for length in [65_537, 131_072, 131_073, 196_608, 262_144, 400_000, 655_360, 700_001] {
            let expected = blake3::hash(&bytes[..length]);
            for block in [1_000, 65_536, 70_000, 200_000, 1_000_000] {
                for backwards in [false, true] {
                    assert_eq!(
                        hash(&bytes[..length], block, backwards),
                        Some(expected),
                        "{length} {block} {backwards}"
                    );
                }
            }
        }
    }
}
