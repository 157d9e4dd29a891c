//! Rows that were put in order, taken back one by one or in groups.

use super::spill_sort::{Block, begin_of, damaged, failed};
use crate::error::Error;
use snap::raw::Decoder;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes of groups that are taken at a time, unless the first is larger.
const TAKEN_BYTES: usize = 256 << 10;

/// A key and its row.
pub type KeyedRow<'a> = (&'a [u8], &'a [u8]);

/// All rows in order.
pub struct Sorted {
    file: Option<Arc<File>>,
    runs: Vec<Run>,
    /// The runs that have a row, and how its key begins: a heap, so that the least comes first.
    heap: Vec<(u128, usize)>,
    /// The first row was given out.
    is_taken: bool,
    decoder: Decoder,
    packed: Vec<u8>,
}

/// A run from its current row on.
struct Run {
    blocks: std::vec::IntoIter<Block>,
    block: Vec<u8>,
    key: usize,
    row: usize,
    end: usize,
}

impl Run {
    fn row(&self) -> KeyedRow<'_> {
        (&self.block[self.key..self.row], &self.block[self.row..self.end])
    }
}

impl Sorted {
    /// Of runs on the disk and one in memory.
    pub(super) fn new(
        file: Option<Arc<File>>,
        runs: Vec<Vec<Block>>,
        in_memory: Vec<u8>,
    ) -> Result<Sorted, Error> {
        let run = |blocks: Vec<Block>, block| Run { blocks: blocks.into_iter(), block, key: 0, row: 0, end: 0 };
        let mut runs: Vec<Run> = runs.into_iter().map(|blocks| run(blocks, Vec::new())).collect();
        runs.push(run(Vec::new(), in_memory));
        let mut sorted =
            Sorted { file, runs, heap: Vec::new(), is_taken: false, decoder: Decoder::new(), packed: Vec::new() };
        for run in 0..sorted.runs.len() {
            let begin = sorted.advance(run)?;
            sorted.heap.extend(begin.map(|begin| (begin, run)));
        }
        (0..sorted.heap.len()).rev().for_each(|place| sorted.sink(place));
        Ok(sorted)
    }

    /// The next row: its key and itself.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_row(&mut self) -> Result<Option<KeyedRow<'_>>, Error> {
        if self.is_taken
            && let Some((_, run)) = self.heap.first().copied()
        {
            match self.advance(run)? {
                Some(begin) => self.heap[0].0 = begin,
                None => drop(self.heap.swap_remove(0)),
            }
            self.sink(0);
        }
        self.is_taken = true;
        Ok(self.heap.first().map(|(_, run)| self.runs[*run].row()))
    }

    /// Takes the next groups; none if there are no more rows.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_groups(&mut self, grouping: Grouping, groups: &mut Groups) -> Result<(), Error> {
        groups.clear();
        while groups.bytes.len() < TAKEN_BYTES {
            let (first, start) = (groups.rows.len(), groups.bytes.len());
            while let Some((key, row)) = self.next_row()? {
                let (rows, bytes) = (groups.rows.len() - first, groups.bytes.len() - start);
                let is_full = rows >= grouping.most_rows || bytes >= grouping.most_bytes;
                let is_other = || grouping.of(key) != grouping.of(groups.key(first));
                if rows > 0 && (is_full || is_other()) {
                    self.is_taken = false;
                    break;
                }
                groups.push(key, row);
            }
            if groups.rows.len() == first {
                break;
            }
            groups.ends.push(groups.rows.len());
        }
        Ok(())
    }

    /// Puts the next row of a run in the place of its current one; how its key begins, if there is one.
    fn advance(&mut self, number: usize) -> Result<Option<u128>, Error> {
        let run = &mut self.runs[number];
        if run.end == run.block.len() {
            let Some(place) = run.blocks.next() else { return Ok(None) };
            run.end = 0;
            self.packed.resize(place.length, 0);
            let mut file = self.file.as_deref().ok_or_else(damaged)?;
            file.seek(SeekFrom::Start(place.offset)).map_err(failed)?;
            file.read_exact(&mut self.packed).map_err(failed)?;
            run.block.resize(place.unpacked, 0);
            let unpacked = self.decoder.decompress(&self.packed, &mut run.block).map_err(|_| damaged())?;
            run.block.truncate(unpacked);
        }
        let header = run.block.get(run.end..run.end + 16).ok_or_else(damaged)?;
        let length = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default()) as usize;
        run.key = run.end + 16;
        run.row = run.key.saturating_add(length(&header[..8]));
        run.end = run.row.saturating_add(length(&header[8..]));
        if run.end > run.block.len() {
            return Err(damaged());
        }
        Ok(Some(begin_of(run.row().0)))
    }

    /// Moves a run in the heap down until those below it come later.
    fn sink(&mut self, mut place: usize) {
        loop {
            let mut first = place;
            for below in [2 * place + 1, 2 * place + 2] {
                if below < self.heap.len() && self.is_before(below, first) {
                    first = below;
                }
            }
            if first == place {
                return;
            }
            self.heap.swap(first, place);
            place = first;
        }
    }

    fn is_before(&self, left: usize, right: usize) -> bool {
        let ((left, left_run), (right, right_run)) = (self.heap[left], self.heap[right]);
        left < right || left == right && self.runs[left_run].row() < self.runs[right_run].row()
    }
}

/// Which rows belong together. What depends on them must not depend on where groups are cut, so a group that is too large
/// is cut by its own rows alone.
#[derive(Clone, Copy, Debug)]
pub struct Grouping {
    /// Those whose keys have so many bytes at their begin in common.
    pub key_bytes: usize,
    /// But no more of them, and the others are a group of their own.
    pub most_rows: usize,
    /// Or once they have as many bytes.
    pub most_bytes: usize,
}

impl Grouping {
    fn of(self, key: &[u8]) -> &[u8] {
        key.get(..self.key_bytes).unwrap_or(key)
    }
}

/// Rows in groups, one behind the other.
#[derive(Debug, Default)]
pub struct Groups {
    bytes: Vec<u8>,
    /// Where a key begins, and where its row begins and ends.
    rows: Vec<(usize, usize, usize)>,
    /// How many rows there are up to the end of each group.
    ends: Vec<usize>,
}

impl Groups {
    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Each group: its rows.
    pub fn iter(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = &[u8]>> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.rows[*start..*end].iter().map(|(_, row, end)| &self.bytes[*row..*end]))
    }

    fn key(&self, number: usize) -> &[u8] {
        let (key, row, _) = self.rows[number];
        &self.bytes[key..row]
    }

    fn push(&mut self, key: &[u8], row: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(row);
        self.rows.push((start, start + key.len(), self.bytes.len()));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::spill_sort::{Gathered, SpillSort};
    use super::*;

    /// Groups as keys and rows.
    fn groups(rows: &[(&str, &str)], grouping: Grouping) -> Vec<Vec<String>> {
        let (sort, mut gathered) = (SpillSort::gathering(64), Gathered::default());
        rows.iter().for_each(|(key, row)| sort.push(&mut gathered, key.as_bytes(), row.as_bytes()).unwrap());
        let mut sorted = sort.sorted(gathered).unwrap();
        let (mut all, mut groups) = (Vec::new(), Groups::default());
        loop {
            sorted.next_groups(grouping, &mut groups).unwrap();
            if groups.is_empty() {
                return all;
            }
            let text = |row: &[u8]| String::from_utf8_lossy(row).into_owned();
            all.extend(groups.iter().map(|group| group.map(text).collect::<Vec<_>>()));
        }
    }

    #[test]
    fn rows_whose_keys_begin_alike_are_a_group_up_to_its_limits() {
        let rows = [("b2", "5"), ("a1", "1"), ("a2", "2"), ("c", "6"), ("a3", "3"), ("b1", "4")];
        let grouping = Grouping { key_bytes: 1, most_rows: 9, most_bytes: 99 };
        assert_eq!(groups(&rows, grouping), [vec!["1", "2", "3"], vec!["4", "5"], vec!["6"]]);
        let two = [vec!["1", "2"], vec!["3"], vec!["4", "5"], vec!["6"]];
        assert_eq!(groups(&rows, Grouping { most_rows: 2, ..grouping }), two);
        assert_eq!(groups(&rows, Grouping { most_bytes: 4, ..grouping }), two);
        assert_eq!(groups(&[], grouping), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_group_is_cut_where_it_is_whatever_comes_before_it() {
        let long = "x".repeat(TAKEN_BYTES / 3);
        let grouping = Grouping { key_bytes: 1, most_rows: 3, most_bytes: 1 << 30 };
        let rows: Vec<(&str, &str)> = ["a", "b", "b", "b", "b", "c", "c", "c"].map(|key| (key, &*long)).into();
        for skipped in 0..2 {
            let sizes: Vec<usize> = groups(&rows[skipped..], grouping).iter().map(Vec::len).collect();
            assert_eq!(sizes, [1, 3, 1, 3][skipped..]);
        }
    }
}
