//! What stands at the end of the pipeline: detection or export.

use crate::decode::Inventory;
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use std::sync::Arc;

/// Takes the parsed rows that are left after deduplication and time filter.
///
/// Units of work run on many threads; each thread has a state of its own, and the states are merged at the end. Units
/// are numbered in the order of the input from 0, started in that order, and may end in any.
pub trait Stage: Sync {
    /// State of one thread.
    type Worker: Send;

    /// Bytes of a block beyond which the stage is slower, if [`crate::decode::Limits::block_size`] allows more.
    const MOST_BLOCK: usize = usize::MAX;

    /// A fresh state.
    fn worker(&self) -> Self::Worker;

    /// The rows with these numbers (ascending) of a table that belongs to `unit`. Called once or more a unit, in the
    /// order of the input within the unit, on one thread.
    ///
    /// # Errors
    /// Output that failed; it ends the run.
    fn observe(&self, worker: &mut Self::Worker, unit: u64, table: &FieldTable, rows: &[u32])
    -> Result<(), Error>;

    /// Rows of a table that repeat an earlier record and were dropped; not those that the filters leave out. Called as
    /// [`Stage::observe`] is.
    fn repeats(&self, _worker: &mut Self::Worker, _table: &FieldTable, _rows: &[u32]) {}

    /// So many records of a file were refused. Called for some unit that holds a part of the file, once or more.
    fn refused(&self, _worker: &mut Self::Worker, _file: &str, _log: LogType, _count: u64) {}

    /// No more rows of this unit. Called exactly once for every unit, also for one without rows.
    ///
    /// # Errors
    /// Output that failed; it ends the run.
    fn unit_done(&self, worker: &mut Self::Worker, unit: u64) -> Result<(), Error>;

    /// Joins two states; the result does not depend on the order.
    fn merge(&self, left: Self::Worker, right: Self::Worker) -> Self::Worker;

    /// The run ends early: threads that wait for an earlier unit must give up waiting.
    fn stop(&self) {}

    /// Where the facts of the inputs are noted, if they are wanted: one entry an input, in their order.
    fn inventory(&self) -> Option<&Arc<Inventory>> {
        None
    }

    /// Events of CloudTrail that count as read before, if there are any.
    fn known_events(&self) -> Option<&dyn KnownEvents> {
        None
    }
}

/// Events of CloudTrail that an earlier run has taken.
pub trait KnownEvents: Sync {
    /// Calls back with day and fingerprint ([`crate::parse::cloudtrail::fingerprint`]) of each event of that day that was
    /// not told for another day before; events of other days may be among them. Days are counted from 1970, `i64::MIN`
    /// stands for events without a time.
    ///
    /// # Errors
    /// Events that cannot be told; it ends the run.
    fn of_day(&self, day: i64, each: &mut dyn FnMut(i64, u128)) -> Result<(), Error>;
}
