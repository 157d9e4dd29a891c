//! The hash of a large file whose blocks are read by many threads in any order.
//!
//! BLAKE3 is a tree over chunks of 1 KiB (<https://github.com/BLAKE3-team/BLAKE3-specs>, 2.1): any aligned group of a power of
//! two of them is a subtree, whose value needs no other bytes. Each thread makes those of the groups that begin in its
//! block; put in order they give the same hash as `b3sum`. XXH3 hashes are made of groups by definition here.

use super::content_hash::{ContentHash, GROUP, HashKind};
use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// The value of a group.
#[derive(Clone, Copy, Debug)]
enum Value {
    Blake3(ChainingValue),
    Xxh3(u128),
}

/// Values of the groups that begin in a block.
#[derive(Debug)]
pub struct Groups {
    kind: HashKind,
    first: u64,
    values: Vec<Value>,
}

impl Groups {
    /// For the groups that begin in these bytes of a file.
    pub fn beginning_in(place: Range<u64>, kind: HashKind) -> Groups {
        Groups { kind, first: place.start.div_ceil(GROUP), values: Vec::new() }
    }

    /// Where the next group begins.
    pub fn next_start(&self) -> u64 {
        (self.first + self.values.len() as u64) * GROUP
    }

    /// The bytes of the next group, all of them; only the last of a file is shorter than the others.
    pub fn push(&mut self, bytes: &[u8]) {
        self.values.push(match self.kind {
            HashKind::Blake3 => {
                let mut hasher = Hasher::new();
                hasher.set_input_offset(self.next_start());
                Value::Blake3(hasher.update(bytes).finalize_non_root())
            }
            HashKind::Xxh3 => Value::Xxh3(xxh3_128(bytes)),
        });
    }
}

/// The hash under way of a file of more than one group.
#[derive(Debug)]
pub struct TreeHash {
    /// How it is made.
    pub kind: HashKind,
    state: Mutex<State>,
}

struct State {
    /// Groups taken.
    taken: u64,
    /// BLAKE3: subtrees, the largest first; one for each bit of `taken`, or not merged yet.
    stack: Vec<ChainingValue>,
    /// XXH3 of the groups taken.
    xxh3: Xxh3,
    /// Groups that came before their turn.
    early: BTreeMap<u64, Groups>,
    /// Number of groups of the whole file.
    all: Option<u64>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("taken", &self.taken).field("all", &self.all).finish_non_exhaustive()
    }
}

impl TreeHash {
    /// Of nothing yet.
    pub fn new(kind: HashKind) -> TreeHash {
        let (stack, xxh3, early) = (Vec::new(), Xxh3::new(), BTreeMap::new());
        TreeHash { kind, state: Mutex::new(State { taken: 0, stack, xxh3, early, all: None }) }
    }

    /// Takes the groups of a block. The hash, once the end and all groups are known.
    pub fn add(&self, groups: Groups) -> Option<ContentHash> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Blocks in which no group begins have nothing to add.
        if !groups.values.is_empty() {
            state.early.insert(groups.first, groups);
        }
        loop {
            let next = state.taken;
            let Some(groups) = state.early.remove(&next) else { break };
            groups.values.into_iter().for_each(|value| state.push(value));
        }
        state.root(self.kind)
    }

    /// The file ends at this byte, beyond the first group. The hash, once all groups are there.
    pub fn end(&self, end: u64) -> Option<ContentHash> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.all = Some(end.div_ceil(GROUP));
        state.root(self.kind)
    }
}

impl State {
    fn push(&mut self, value: Value) {
        match value {
            Value::Xxh3(hash) => self.xxh3.update(&hash.to_le_bytes()),
            Value::Blake3(value) => {
                // Late, as the last merge is another one than all before.
                while self.stack.len() > self.taken.count_ones() as usize {
                    self.merge();
                }
                self.stack.push(value);
            }
        }
        self.taken += 1;
    }

    fn merge(&mut self) {
        if let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) {
            self.stack.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
        }
    }

    fn root(&mut self, kind: HashKind) -> Option<ContentHash> {
        if self.all != Some(self.taken) {
            return None;
        }
        if kind == HashKind::Xxh3 {
            return Some(ContentHash::Xxh3(self.xxh3.digest128()));
        }
        while self.stack.len() > 2 {
            self.merge();
        }
        let [left, right] = self.stack[..] else { return None };
        Some(ContentHash::Blake3(merge_subtrees_root(&left, &right, Mode::Hash)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of blocks of that length, in their order or backwards.
    fn hash(bytes: &[u8], kind: HashKind, block: usize, backwards: bool) -> Option<ContentHash> {
        let tree = TreeHash::new(kind);
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
            let mut groups = Groups::beginning_in(place, kind);
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
        let bytes: Vec<u8> = (0..700_001_u32).map(|number| ((number * 31) >> 3) as u8).collect();
        for length in [65_537, 131_072, 131_073, 196_608, 262_144, 400_000, 655_360, 700_001] {
            for kind in [HashKind::Blake3, HashKind::Xxh3] {
                let expected = ContentHash::of_bytes(kind, &bytes[..length]);
                for block in [1_000, 65_536, 70_000, 200_000, 1_000_000] {
                    for backwards in [false, true] {
                        let found = hash(&bytes[..length], kind, block, backwards);
                        assert_eq!(found, Some(expected), "{length} {block} {backwards}");
                    }
                }
            }
        }
    }
}
