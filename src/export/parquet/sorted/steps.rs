//! The way through the blocks of each partition: what is read together, and which rows of it come next.

use super::block::{Block, BlockReader};
use super::spill::{BlockPlace, Spill};
use crate::error::Error;
use crate::export::parquet::collector::Rows;
use crate::export::parquet::lock;
use crate::export::parquet::partition::Partition;
use crate::pipeline::in_order::InOrder;
use std::collections::{BTreeMap, btree_map};
use std::sync::{Arc, Mutex};

/// The steps through all partitions; threads take one after the other.
pub(in super::super) struct Steps {
    /// What becomes of the steps, in their order.
    pub(in super::super) door: InOrder<StepRows>,
    pub(super) spill: Spill,
    plan: Mutex<Plan>,
}

/// The rows of a step, ready for the collector.
pub(in super::super) struct StepRows {
    pub(in super::super) partition: Partition,
    /// They go into one row group.
    pub(in super::super) rows: Vec<Rows>,
    /// No more rows of the partition follow.
    pub(in super::super) is_last: bool,
}

/// A place in the order of rows: key and run. Rows of a run stand in their order.
pub(super) type Place = (i64, u32);

/// A step: the rows of these blocks that come behind `from` of their block, and not behind `until`.
pub(in super::super) struct Step {
    /// 0, 1, 2 and so on.
    pub(in super::super) number: u64,
    /// Whose rows they are.
    pub(in super::super) partition: Partition,
    /// In the order of the input.
    pub(super) blocks: Vec<StepBlock>,
    /// `None`: to the end.
    pub(super) until: Option<Place>,
    /// It is the last one of its partition.
    pub(in super::super) is_last: bool,
}

/// A block of a step.
#[derive(Clone)]
pub(super) struct StepBlock {
    pub(super) block: Arc<LazyBlock>,
    /// The rows up to there were in earlier steps.
    pub(super) from: Option<Place>,
}

/// A block that is read when it is first asked for.
pub(super) struct LazyBlock {
    pub(super) place: BlockPlace,
    content: Mutex<Option<Arc<Block>>>,
}

impl LazyBlock {
    fn new(place: BlockPlace) -> Arc<LazyBlock> {
        Arc::new(LazyBlock { place, content: Mutex::default() })
    }

    /// Its rows.
    ///
    /// # Errors
    /// What the system refuses, and bytes that have changed.
    pub(super) fn get(&self, spill: &Spill, reader: &mut BlockReader) -> Result<Arc<Block>, Error> {
        let mut content = lock(&self.content);
        if let Some(block) = &*content {
            return Ok(Arc::clone(block));
        }
        let block = spill.read(&self.place, reader)?;
        Ok(Arc::clone(content.insert(block)))
    }
}

/// Where the steps are.
struct Plan {
    partitions: btree_map::IntoIter<Partition, Vec<BlockPlace>>,
    now: Option<Blocks>,
    step_bytes: usize,
    next: u64,
}

/// The blocks of a partition.
struct Blocks {
    partition: Partition,
    /// Those to be read, in the order of their first rows.
    rest: std::iter::Peekable<std::vec::IntoIter<BlockPlace>>,
    /// Those that were read and have rows left.
    held: Vec<StepBlock>,
}

impl Steps {
    /// Steps of about so many bytes.
    pub(super) fn new(spill: Spill, step_bytes: usize, waiting_bytes: usize) -> Steps {
        let partitions = spill.take_index().into_iter();
        let plan = Plan { partitions, now: None, step_bytes, next: 0 };
        Steps { door: InOrder::new(waiting_bytes), spill, plan: Mutex::new(plan) }
    }

    /// There are no more: another thread has failed.
    pub(in super::super) fn stop(&self) {
        self.door.stop();
        let mut plan = lock(&self.plan);
        (plan.partitions, plan.now) = (BTreeMap::new().into_iter(), None);
    }

    /// The next one.
    pub(in super::super) fn next(&self) -> Option<Step> {
        lock(&self.plan).next()
    }
}

impl Plan {
    fn next(&mut self) -> Option<Step> {
        let blocks = match &mut self.now {
            Some(blocks) => blocks,
            None => {
                let (partition, blocks) = self.partitions.next()?;
                self.now.insert(Blocks::new(partition, blocks))
            }
        };
        let step = blocks.step(self.next, self.step_bytes);
        self.next += 1;
        if step.is_last {
            self.now = None;
        }
        Some(step)
    }
}

impl Blocks {
    fn new(partition: Partition, mut blocks: Vec<BlockPlace>) -> Blocks {
        blocks.sort_unstable_by_key(|place| (place.first, place.run, place.offset));
        Blocks { partition, rest: blocks.into_iter().peekable(), held: Vec::new() }
    }

    fn step(&mut self, number: u64, step_bytes: usize) -> Step {
        let mut blocks = std::mem::take(&mut self.held);
        let mut bytes = 0;
        // One at least, however small a step is to be.
        while (bytes == 0 || bytes < step_bytes)
            && let Some(place) = self.rest.next()
        {
            bytes += place.row_bytes as usize;
            blocks.push(StepBlock { block: LazyBlock::new(place), from: None });
        }
        // All rows of blocks that are not read yet come behind the first row of the first of them.
        let until = self.rest.peek().map(|place| (place.first, place.run));
        if let Some(until) = until {
            let is_left = |held: &&StepBlock| (held.block.place.last, held.block.place.run) > until;
            let left = blocks.iter().filter(is_left);
            self.held = left.map(|held| StepBlock { block: Arc::clone(&held.block), from: Some(until) }).collect();
        }
        blocks.sort_by_key(|block| (block.block.place.run, block.block.place.offset));
        Step { number, partition: self.partition, blocks, until, is_last: until.is_none() }
    }
}
