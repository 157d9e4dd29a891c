//! Rows in the order of their keys, however many there are: what memory does not hold is sorted in pieces on the disk.

use super::sorted::Sorted;
use crate::error::Error;
use snap::raw::{Encoder, max_compress_len};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of rows that one thread gathers before they are sorted and written.
const GATHERED_BYTES: usize = 32 << 20;

/// Bytes of a block that is compressed (by Snappy: rows are written and read once, and more is not worth the time) and
/// read at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// Runs that are merged at a time: each needs a block in memory.
const MOST_RUNS: usize = 512;

/// The file that all threads write to. It has no name, so that it goes with the process.
#[derive(Debug, Default)]
pub struct SpillSort {
    spill: Mutex<Spill>,
    gathered_bytes: Option<usize>,
}

#[derive(Debug, Default)]
struct Spill {
    file: Option<Arc<File>>,
    length: u64,
    runs: Vec<Vec<Block>>,
}

/// Where a compressed block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) unpacked: usize,
}

/// Rows of one thread that are still in memory.
#[derive(Debug, Default)]
pub struct Gathered {
    bytes: Vec<u8>,
    rows: Vec<Place>,
}

/// Where a row lies behind its key, and how the key begins: mostly that tells which comes first.
#[derive(Clone, Copy, Debug)]
struct Place {
    begin: u128,
    key: usize,
    row: usize,
    end: usize,
}

/// The first 16 bytes of a key as a number that compares as they do; where two are the same the keys must be compared.
pub(super) fn begin_of(key: &[u8]) -> u128 {
    let mut begin = [0; 16];
    let length = key.len().min(16);
    begin[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(begin)
}

impl Gathered {
    fn memory(&self) -> usize {
        self.bytes.len() + size_of_val(&self.rows[..])
    }

    fn row(&self, place: &Place) -> (&[u8], &[u8]) {
        (&self.bytes[place.key..place.row], &self.bytes[place.row..place.end])
    }

    /// The rows in order.
    fn sort(&mut self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by(|left, right| {
            left.begin.cmp(&right.begin).then_with(|| self.row(left).cmp(&self.row(right)))
        });
        self.rows = rows;
        self.rows.iter().map(|place| self.row(place))
    }
}

impl SpillSort {
    /// With another size of what is gathered, for tests.
    #[cfg(test)]
    pub(super) fn gathering(bytes: usize) -> SpillSort {
        SpillSort { gathered_bytes: Some(bytes), ..SpillSort::default() }
    }

    fn most_gathered(&self) -> usize {
        self.gathered_bytes.unwrap_or(GATHERED_BYTES)
    }

    /// Adds a row. Rows of the same key come in the order of their bytes.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn push(&self, gathered: &mut Gathered, key: &[u8], row: &[u8]) -> Result<(), Error> {
        let start = gathered.bytes.len();
        gathered.bytes.extend_from_slice(key);
        gathered.bytes.extend_from_slice(row);
        let place = Place { begin: begin_of(key), key: start, row: start + key.len(), end: gathered.bytes.len() };
        gathered.rows.push(place);
        if gathered.memory() >= self.most_gathered() { self.write(gathered) } else { Ok(()) }
    }

    /// Joins the rows of two threads.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn merge(&self, left: &mut Gathered, mut right: Gathered) -> Result<(), Error> {
        if left.memory() + right.memory() > self.most_gathered() {
            return self.write(&mut right);
        }
        let before = left.bytes.len();
        left.bytes.append(&mut right.bytes);
        let moved = |place: Place| Place {
            key: place.key + before,
            row: place.row + before,
            end: place.end + before,
            ..place
        };
        left.rows.extend(right.rows.into_iter().map(moved));
        Ok(())
    }

    fn write(&self, gathered: &mut Gathered) -> Result<(), Error> {
        let mut run = RunWriter::new(self);
        gathered.sort().try_for_each(|(key, row)| run.push(key, row))?;
        run.finish()?;
        gathered.rows.clear();
        gathered.bytes.clear();
        Ok(())
    }

    /// All rows in order.
    ///
    /// # Errors
    /// A disk that takes no more, or gives back something else.
    pub fn sorted(self, mut gathered: Gathered) -> Result<Sorted, Error> {
        loop {
            let (file, runs) = {
                let mut spill = self.spill();
                let count = if spill.runs.len() > MOST_RUNS { MOST_RUNS } else { break };
                (spill.file.clone(), spill.runs.drain(..count).collect())
            };
            let mut merged = Sorted::new(file, runs, Vec::new())?;
            let mut run = RunWriter::new(&self);
            while let Some((key, row)) = merged.next_row()? {
                run.push(key, row)?;
            }
            run.finish()?;
        }
        let mut in_memory = Vec::with_capacity(gathered.memory());
        gathered.sort().for_each(|(key, row)| push_row(&mut in_memory, key, row));
        drop(gathered);
        let spill = self.spill.into_inner().unwrap_or_else(PoisonError::into_inner);
        Sorted::new(spill.file, spill.runs, in_memory)
    }

    fn spill(&self) -> MutexGuard<'_, Spill> {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row as it stands in a block: how long its key and itself are, and both.
fn push_row(block: &mut Vec<u8>, key: &[u8], row: &[u8]) {
    for part in [key, row] {
        block.extend_from_slice(&(part.len() as u64).to_le_bytes());
    }
    block.extend_from_slice(key);
    block.extend_from_slice(row);
}

pub(super) fn failed(reason: io::Error) -> Error {
    Error::output(std::env::temp_dir(), reason)
}

/// What was read back is not what was written.
pub(super) fn damaged() -> Error {
    let reason = "rows that were put there to be sorted came back changed: the disk or the memory is at fault";
    failed(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// Writes rows that are in order.
struct RunWriter<'a> {
    sort: &'a SpillSort,
    encoder: Encoder,
    block: Vec<u8>,
    packed: Vec<u8>,
    blocks: Vec<Block>,
}

impl<'a> RunWriter<'a> {
    fn new(sort: &'a SpillSort) -> RunWriter<'a> {
        RunWriter { sort, encoder: Encoder::new(), block: Vec::new(), packed: Vec::new(), blocks: Vec::new() }
    }

    fn push(&mut self, key: &[u8], row: &[u8]) -> Result<(), Error> {
        push_row(&mut self.block, key, row);
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        self.packed.resize(max_compress_len(self.block.len()).max(self.packed.len()), 0);
        let length = self.encoder.compress(&self.block, &mut self.packed).map_err(|error| failed(error.into()))?;
        let mut spill = self.sort.spill();
        let file = match &spill.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(spill.file.insert(Arc::new(tempfile::tempfile().map_err(failed)?))),
        };
        let offset = spill.length;
        let mut writer = &*file;
        writer.seek(SeekFrom::Start(offset)).map_err(failed)?;
        writer.write_all(&self.packed[..length]).map_err(failed)?;
        spill.length += length as u64;
        self.blocks.push(Block { offset, length, unpacked: self.block.len() });
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        self.end_block()?;
        if !self.blocks.is_empty() {
            self.sort.spill().runs.push(self.blocks);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type KeyedRow = (Vec<u8>, Vec<u8>);

    fn rows(sort: SpillSort, gathered: Gathered) -> Vec<KeyedRow> {
        let mut sorted = sort.sorted(gathered).unwrap();
        std::iter::from_fn(|| sorted.next_row().unwrap().map(|(key, row)| (key.to_vec(), row.to_vec()))).collect()
    }

    #[test]
    fn rows_come_in_order_whatever_fits_into_memory() {
        // Keys of which some are the begin of others, and some differ only behind it.
        let row = |number: u32| {
            let mixed = number.wrapping_mul(0x9E37_79B9);
            let key = [
                &(mixed % 977).to_be_bytes().repeat(1 + (mixed % 3) as usize)[..],
                &vec![0; (mixed % 19) as usize],
            ];
            (key.concat(), number.to_be_bytes().repeat(1 + (number % 50) as usize))
        };
        let mut expected: Vec<KeyedRow> = (0..50_000).map(row).collect();
        expected.sort();
        for most in [1 << 30, 100_000, 10_000] {
            let sort = SpillSort::gathering(most);
            let (mut left, mut right) = (Gathered::default(), Gathered::default());
            for (key, value) in (0..50_000).map(row) {
                let gathered = if value[3] & 1 == 0 { &mut left } else { &mut right };
                sort.push(gathered, &key, &value).unwrap();
                assert!(gathered.memory() < most, "no more is in memory than was said");
            }
            sort.merge(&mut left, right).unwrap();
            assert_eq!(most == 10_000, sort.spill().runs.len() > MOST_RUNS, "more runs than are merged at once");
            assert!(rows(sort, left) == expected, "{most}");
        }
        assert_eq!(rows(SpillSort::default(), Gathered::default()), []);
    }
}
