//! Rows that follow one another in the input and fit into memory: sorted there and written.

use super::block::{BlockBuilder, BlockCompressor};
use super::row_bytes::RowBatch;
use super::spill::{BlockPlace, Spill, Written};
use crate::error::Error;
use crate::export::parquet::partition::Partition;
use std::collections::BTreeMap;

/// A block has at most so many times its bytes in lines that are left in their files.
const LEFT_TIMES: usize = 8;

/// Bytes that are handed to the system at a time.
const WRITE_BYTES: usize = 1 << 20;

/// The run: rows of each partition, in the order of the input.
#[derive(Debug)]
pub(super) struct Run {
    number: u32,
    bytes: usize,
    partitions: BTreeMap<Partition, Vec<RowBatch>>,
}

impl Run {
    /// An empty one. Its rows stand in the input behind those of runs with lower numbers.
    pub(super) fn new(number: u32) -> Run {
        Run { number, bytes: 0, partitions: BTreeMap::new() }
    }

    /// The empty one behind it.
    pub(super) fn next(&self) -> Run {
        Run::new(self.number + 1)
    }

    /// Adds rows.
    pub(super) fn add(&mut self, partition: Partition, rows: RowBatch) {
        self.bytes += rows.memory();
        self.partitions.entry(partition).or_default().push(rows);
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sorts the rows and writes them in blocks of so many bytes.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn write(self, spill: &Spill, block_bytes: usize) -> Result<(), Error> {
        let compressor = BlockCompressor::new(spill.packs()).map_err(|error| spill.failed(error))?;
        let (block, written) = (BlockBuilder::default(), Written::default());
        let mut output = Output { run: self.number, block_bytes, spill, compressor, block, written };
        for (partition, batches) in self.partitions {
            output.partition(partition, &batches)?;
        }
        output.hand_over()
    }
}

struct Output<'a> {
    run: u32,
    block_bytes: usize,
    spill: &'a Spill,
    compressor: BlockCompressor,
    block: BlockBuilder,
    written: Written,
}

impl Output<'_> {
    fn partition(&mut self, partition: Partition, batches: &[RowBatch]) -> Result<(), Error> {
        let mut limit = self.first_block_bytes();
        for (_, batch, row) in in_order(batches) {
            let (batch, row) = (&batches[batch as usize], row as usize);
            // A block of more rows than one is never larger than asked: only such blocks stay in memory.
            let is_full = self.block.len() + batch.row(row).len() > limit;
            if is_full || self.block.row_bytes() > LEFT_TIMES * limit {
                self.end_block(partition)?;
                limit = self.block_bytes;
            }
            self.block.push(batch, row);
        }
        self.end_block(partition)
    }

    /// Another share of a block for each run, by the golden ratio: were the blocks of all runs to end at the same times,
    /// all would have to be read before rows of any come next.
    fn first_block_bytes(&self) -> usize {
        let share = self.run.wrapping_mul(0x9E37_79B9);
        ((self.block_bytes as u64 * u64::from(share)) >> 32) as usize
    }

    fn end_block(&mut self, partition: Partition) -> Result<(), Error> {
        let Some((first, last)) = self.block.keys() else { return Ok(()) };
        let start = self.written.bytes.len();
        let row_bytes = self.block.row_bytes() as u32;
        let unpacked = self.block.write(&mut self.compressor, &mut self.written.bytes);
        let unpacked = unpacked.map_err(|error| self.spill.failed(error))? as u32;
        let length = (self.written.bytes.len() - start) as u32;
        let place = BlockPlace {
            offset: start as u64,
            length,
            unpacked,
            row_bytes,
            is_packed: self.compressor.packs(),
            run: self.run,
            first,
            last,
        };
        self.written.blocks.push((partition, place));
        if self.written.bytes.len() >= WRITE_BYTES { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        if self.written.blocks.is_empty() {
            return Ok(());
        }
        self.spill.append(&self.written)?;
        self.written.bytes.clear();
        self.written.blocks.clear();
        Ok(())
    }
}

/// Key, batch and row, by key; those of one key as they came.
fn in_order(batches: &[RowBatch]) -> Vec<(i64, u32, u32)> {
    let mut order = Vec::with_capacity(batches.iter().map(RowBatch::len).sum());
    for (number, batch) in (0..).zip(batches) {
        order.extend((0..).zip(&batch.places).map(|(row, place)| (place.key, number, row)));
    }
    // Stable, and quick where sorted stretches follow one another.
    order.sort_by_key(|(key, _, _)| *key);
    order
}
