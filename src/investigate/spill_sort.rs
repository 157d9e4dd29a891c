//! Rows in the order of their keys, however many there are: what memory does not hold is sorted in pieces on the disk.

use crate::error::Error;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of rows that one thread gathers before they are sorted and written.
const GATHERED_BYTES: usize = 16 << 20;

/// Bytes of a block that is compressed and read at a time.
const BLOCK_BYTES: usize = 64 << 10;

/// Runs that are merged at a time: each needs a block in memory.
const MOST_RUNS: usize = 128;

/// A quick level: the rows are read back once.
const ZSTD_LEVEL: i32 = 1;

/// Longest row; a longer one is a bug of the caller.
const MOST_ROW: usize = 1 << 30;

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
struct Block {
    offset: u64,
    length: usize,
    unpacked: usize,
}

/// Rows of one thread that are still in memory.
#[derive(Debug, Default)]
pub struct Gathered {
    bytes: Vec<u8>,
    /// Where each row begins, how long its key is, and where it ends.
    rows: Vec<(usize, usize, usize)>,
}

impl Gathered {
    fn memory(&self) -> usize {
        self.bytes.len() + size_of_val(&self.rows[..])
    }

    fn row(&self, (start, key, end): (usize, usize, usize)) -> (&[u8], &[u8]) {
        (&self.bytes[start..start + key], &self.bytes[start + key..end])
    }

    fn sort(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by(|left, right| self.row(*left).cmp(&self.row(*right)));
        self.rows = rows;
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
        gathered.rows.push((start, key.len(), gathered.bytes.len()));
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
        left.rows.extend(right.rows.iter().map(|(start, key, end)| (start + before, *key, end + before)));
        Ok(())
    }

    fn write(&self, gathered: &mut Gathered) -> Result<(), Error> {
        gathered.sort();
        let mut run = RunWriter::new(self);
        for place in &gathered.rows {
            let (key, row) = gathered.row(*place);
            run.push(key, row)?;
        }
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
        gathered.sort();
        loop {
            let runs: Vec<Vec<Block>> = {
                let mut spill = self.spill();
                let count = if spill.runs.len() > MOST_RUNS { MOST_RUNS } else { break };
                spill.runs.drain(..count).collect()
            };
            let mut merged = Sorted::new(self.spill().file.clone(), runs, Gathered::default())?;
            let mut run = RunWriter::new(&self);
            while let Some((key, row)) = merged.next_row()? {
                run.push(&key, &row)?;
            }
            run.finish()?;
        }
        let spill = self.spill.into_inner().unwrap_or_else(PoisonError::into_inner);
        Sorted::new(spill.file, spill.runs, gathered)
    }

    fn spill(&self) -> MutexGuard<'_, Spill> {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(reason: io::Error) -> Error {
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
    block: Vec<u8>,
    blocks: Vec<Block>,
}

impl<'a> RunWriter<'a> {
    fn new(sort: &'a SpillSort) -> RunWriter<'a> {
        RunWriter { sort, block: Vec::new(), blocks: Vec::new() }
    }

    fn push(&mut self, key: &[u8], row: &[u8]) -> Result<(), Error> {
        for part in [key, row] {
            self.block.extend_from_slice(&(part.len() as u64).to_le_bytes());
        }
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(row);
        if self.block.len() >= BLOCK_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let packed = zstd::bulk::compress(&self.block, ZSTD_LEVEL).map_err(failed)?;
        let mut spill = self.sort.spill();
        let file = match &spill.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(spill.file.insert(Arc::new(tempfile::tempfile().map_err(failed)?))),
        };
        let offset = spill.length;
        let mut writer = &*file;
        writer.seek(SeekFrom::Start(offset)).map_err(failed)?;
        writer.write_all(&packed).map_err(failed)?;
        spill.length += packed.len() as u64;
        self.blocks.push(Block { offset, length: packed.len(), unpacked: self.block.len() });
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

/// A key and its row.
type KeyedRow = (Vec<u8>, Vec<u8>);

/// All rows in order.
pub struct Sorted {
    file: Option<Arc<File>>,
    runs: Vec<Run>,
    /// The next row of each run.
    next: BinaryHeap<Reverse<(KeyedRow, usize)>>,
}

/// What is left of a run.
enum Run {
    Disk { blocks: std::vec::IntoIter<Block>, block: Vec<u8>, at: usize },
    Memory { gathered: Gathered, at: usize },
}

impl Sorted {
    fn new(file: Option<Arc<File>>, runs: Vec<Vec<Block>>, gathered: Gathered) -> Result<Sorted, Error> {
        let disk =
            runs.into_iter().map(|blocks| Run::Disk { blocks: blocks.into_iter(), block: Vec::new(), at: 0 });
        let runs: Vec<Run> = disk.chain([Run::Memory { gathered, at: 0 }]).collect();
        let mut sorted = Sorted { file, runs, next: BinaryHeap::new() };
        for number in 0..sorted.runs.len() {
            sorted.advance(number)?;
        }
        Ok(sorted)
    }

    /// The next row with its key.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_row(&mut self) -> Result<Option<KeyedRow>, Error> {
        let Some(Reverse((row, number))) = self.next.pop() else { return Ok(None) };
        self.advance(number)?;
        Ok(Some(row))
    }

    fn advance(&mut self, number: usize) -> Result<(), Error> {
        if let Some(row) = self.runs[number].next(self.file.as_deref())? {
            self.next.push(Reverse((row, number)));
        }
        Ok(())
    }
}

impl Run {
    fn next(&mut self, file: Option<&File>) -> Result<Option<KeyedRow>, Error> {
        match self {
            Run::Memory { gathered, at } => {
                let Some(place) = gathered.rows.get(*at) else { return Ok(None) };
                *at += 1;
                let (key, row) = gathered.row(*place);
                Ok(Some((key.to_vec(), row.to_vec())))
            }
            Run::Disk { blocks, block, at } => {
                if *at == block.len() {
                    let Some(place) = blocks.next() else { return Ok(None) };
                    *block = read(file.ok_or_else(damaged)?, place)?;
                    *at = 0;
                }
                let mut taken = |length: usize| {
                    let bytes = block.get(*at..*at + length.min(MOST_ROW)).ok_or_else(damaged)?;
                    *at += bytes.len();
                    Ok::<_, Error>(bytes)
                };
                let length = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default()) as usize;
                let (key, row) = (length(taken(8)?), length(taken(8)?));
                Ok(Some((taken(key)?.to_vec(), taken(row)?.to_vec())))
            }
        }
    }
}

fn read(mut file: &File, place: Block) -> Result<Vec<u8>, Error> {
    let mut packed = vec![0; place.length];
    file.seek(SeekFrom::Start(place.offset)).map_err(failed)?;
    file.read_exact(&mut packed).map_err(failed)?;
    zstd::bulk::decompress(&packed, place.unpacked).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sort: SpillSort, gathered: Gathered) -> Vec<KeyedRow> {
        let mut sorted = sort.sorted(gathered).unwrap();
        std::iter::from_fn(|| sorted.next_row().unwrap()).collect()
    }

    #[test]
    fn rows_come_in_order_whatever_fits_into_memory() {
        let row = |number: u32| {
            let mixed = number.wrapping_mul(0x9E37_79B9);
            ((mixed % 977).to_be_bytes().to_vec(), number.to_be_bytes().repeat(1 + (number % 50) as usize))
        };
        let mut expected: Vec<KeyedRow> = (0..20_000).map(row).collect();
        expected.sort();
        for most in [1 << 30, 100_000, 2_000] {
            let sort = SpillSort::gathering(most);
            let (mut left, mut right) = (Gathered::default(), Gathered::default());
            for (key, value) in (0..20_000).map(row) {
                let gathered = if value[3] & 1 == 0 { &mut left } else { &mut right };
                sort.push(gathered, &key, &value).unwrap();
            }
            sort.merge(&mut left, right).unwrap();
            assert_eq!(most == 2_000, sort.spill().runs.len() > MOST_RUNS, "more runs than are merged at once");
            assert!(rows(sort, left) == expected, "{most}");
        }
        assert_eq!(rows(SpillSort::default(), Gathered::default()), []);
    }
}
