//! `--sort file`: the rows of a partition in the order of time, over all of a run.
//!
//! It is an external merge sort. While inputs are read, rows are gathered as bytes ([`row_bytes`]), in the order of the
//! input. When there are enough, they are a **run** ([`run`]): sorted by partition and time and appended to one unnamed file
//! ([`spill`]) in blocks. At the end each partition is gone through in **steps** ([`steps`]): so many blocks of all
//! runs as make some megabytes, and of them the rows that come before all blocks not read yet. The rows of a step become a
//! field table again ([`step`]) and go the way of all rows, one step behind the other.
//!
//! Rows of one time stand in the order of the input: those of a run in theirs, and runs follow one another.
//!
//! In memory are a run for each thread and one that is being filled, later a few steps, and of each run that overlaps in
//! time with others of its partition a block; and 40 bytes a block.

mod block;
mod row_bytes;
mod run;
mod spill;
mod step;
mod steps;

pub(super) use row_bytes::RowBatch;
pub(super) use steps::{StepRows, Steps};

use super::Observed;
use super::collector::Limits;
use super::lock;
use super::partition::Partition;
use super::place::Places;
use crate::error::Error;
use crate::export::settings::ExportSettings;
use crate::pipeline::in_order::InOrder;
use run::Run;
use spill::Spill;
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Steps in a run: those that several threads are at, with the columns made of them, are to take no more than a run does.
const STEPS: usize = 8;

/// Blocks in a run. A block is what is read at a time, and what stays in memory of each run that overlaps with others:
/// of a run of 32 MiB it has 128 KiB, so that the 350 runs of 10 GB take 45 MiB. Smaller ones are worse to compress:
/// those of 32 KiB take a sixth more room.
const BLOCKS: usize = 256;

/// Takes the rows of a run of the program and gives them back in their order.
pub(super) struct FileSort {
    /// What units give, in their order.
    pub(super) door: InOrder<Observed<RowBatch>>,
    filling: Mutex<Filling>,
    /// Runs to be written by whoever has time.
    full: Mutex<VecDeque<Run>>,
    spill: Spill,
    run_bytes: usize,
    waiting_bytes: usize,
}

/// The run that is being filled.
struct Filling {
    run: Run,
    partitions: BTreeSet<Partition>,
    /// How many partitions there may be.
    limit: usize,
    /// Rows of partitions beyond the limit.
    diverted: u64,
}

impl FileSort {
    /// Nothing yet. `folder` takes the file, once one is needed.
    pub(super) fn new(settings: &ExportSettings, folder: PathBuf, limits: &Limits) -> FileSort {
        FileSort {
            door: InOrder::new(settings.waiting_bytes),
            filling: Mutex::new(Filling {
                run: Run::new(0),
                partitions: BTreeSet::new(),
                limit: limits.partitions,
                diverted: 0,
            }),
            full: Mutex::default(),
            spill: Spill::new(settings.disk.clone(), folder, settings.sort_raw_bytes),
            run_bytes: settings.sort_bytes,
            waiting_bytes: settings.waiting_bytes,
        }
    }

    /// Takes the next rows in the order of the input. Those of partitions beyond the limit go to the default partition.
    pub(super) fn add(&self, partition: Partition, rows: RowBatch) {
        let mut filling = lock(&self.filling);
        let mut partition = partition;
        if !filling.partitions.contains(&partition) {
            if filling.partitions.len() >= filling.limit {
                partition = Partition { place: Places::NOWHERE, day: None, ..partition };
                filling.diverted += rows.len() as u64;
            }
            filling.partitions.insert(partition);
        }
        filling.run.add(partition, rows);
        if filling.run.bytes() >= self.run_bytes {
            let next = filling.run.next();
            let full = std::mem::replace(&mut filling.run, next);
            lock(&self.full).push_back(full);
        }
    }

    /// Writes the runs that are full.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn write(&self) -> Result<(), Error> {
        loop {
            let Some(run) = lock(&self.full).pop_front() else { return Ok(()) };
            run.write(&self.spill, self.run_bytes / BLOCKS)?;
        }
    }

    /// Rows that went to the default partition because there are too many partitions.
    pub(super) fn diverted(&self) -> u64 {
        lock(&self.filling).diverted
    }

    /// All rows have been added: they come back in steps.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn into_steps(self) -> Result<Steps, Error> {
        self.write()?;
        let filling = self.filling.into_inner().unwrap_or_else(PoisonError::into_inner);
        filling.run.write(&self.spill, self.run_bytes / BLOCKS)?;
        Ok(Steps::new(self.spill, self.run_bytes / STEPS, self.waiting_bytes))
    }
}
