//! `--sort file`: the rows of a partition in the order of time, over all of a run.
//!
//! It is an external merge sort. While inputs are read, rows are gathered as bytes ([`row_bytes`]), in the order of the
//! input. When there are enough, they are a **run** ([`run`]): sorted by partition and time and appended to one unnamed file
//! ([`spill`]) in blocks. At the end each partition is gone through in **steps** ([`steps`]): so many blocks of all
//! runs as make some megabytes, and of them the rows that come before all blocks not read yet. The rows of a step become a
//! field table again ([`step`]) and go the way of all rows, one step behind the other.
//!
//! Lines of plain access logs that are roughly in order are not put on the disk: of them only the places go the way
//! of rows, and they are read from their files again ([`left`]).
//!
//! Rows of one time stand in the order of the input: those of a run in theirs, and runs follow one another.
//!
//! In memory are a run for each thread and one that is being filled, later a few steps, and of each run that overlaps in
//! time with others of its partition a block; and 40 bytes a block.

mod block;
mod left;
mod row_bytes;
mod run;
mod spill;
mod step;
mod steps;

pub(super) use left::left_segments;
pub(super) use row_bytes::RowBatch;
pub(super) use steps::{StepRows, Steps};

use super::Observed;
use super::lock;
use super::partition::Partition;
use crate::error::Error;
use crate::export::settings::ExportSettings;
use crate::pipeline::in_order::InOrder;
use run::Run;
use spill::Spill;
use std::collections::VecDeque;
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
    /// The run that is being filled.
    filling: Mutex<Run>,
    /// Runs to be written by whoever has time.
    full: Mutex<VecDeque<Run>>,
    spill: Spill,
    run_bytes: usize,
    waiting_bytes: usize,
    /// Bytes of rows of one file from which on they are left in it.
    pub(super) left_bytes: usize,
}

impl FileSort {
    /// Nothing yet. `folder` takes the file, once one is needed.
    pub(super) fn new(settings: &ExportSettings, folder: PathBuf) -> FileSort {
        FileSort {
            door: InOrder::new(settings.waiting_bytes),
            filling: Mutex::new(Run::new(0)),
            full: Mutex::default(),
            spill: Spill::new(settings.disk.clone(), folder, settings.sort_raw_bytes),
            run_bytes: settings.sort_bytes,
            waiting_bytes: settings.waiting_bytes,
            left_bytes: settings.sort_left_bytes,
        }
    }

    /// Takes the next rows in the order of the input.
    pub(super) fn add(&self, partition: Partition, rows: RowBatch) {
        let mut run = lock(&self.filling);
        run.add(partition, rows);
        if run.bytes() >= self.run_bytes {
            let next = run.next();
            lock(&self.full).push_back(std::mem::replace(&mut run, next));
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

    /// All rows have been added: they come back in steps.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn into_steps(self) -> Result<Steps, Error> {
        self.write()?;
        let last = self.filling.into_inner().unwrap_or_else(PoisonError::into_inner);
        last.write(&self.spill, self.run_bytes / BLOCKS)?;
        Ok(Steps::new(self.spill, self.run_bytes / STEPS, self.waiting_bytes))
    }
}
