//! Two stages in one pass over the input.

use super::stage::{KnownEvents, Stage};
use crate::decode::Inventory;
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use rayon::join;
use std::sync::Arc;

/// Gives every row to two stages, to the first one first.
pub struct Both<'a, A, B>(pub &'a A, pub &'a B);

impl<A: Stage, B: Stage> Stage for Both<'_, A, B> {
    type Worker = (A::Worker, B::Worker);

    const MOST_BLOCK: usize = if A::MOST_BLOCK < B::MOST_BLOCK { A::MOST_BLOCK } else { B::MOST_BLOCK };

    fn worker(&self) -> Self::Worker {
        (self.0.worker(), self.1.worker())
    }

    fn observe(
        &self,
        worker: &mut Self::Worker,
        unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        self.0.observe(&mut worker.0, unit, table, rows)?;
        self.1.observe(&mut worker.1, unit, table, rows)
    }

    fn repeats(&self, worker: &mut Self::Worker, table: &FieldTable, rows: &[u32]) {
        self.0.repeats(&mut worker.0, table, rows);
        self.1.repeats(&mut worker.1, table, rows);
    }

    fn refused(&self, worker: &mut Self::Worker, file: &str, log: LogType, count: u64) {
        self.0.refused(&mut worker.0, file, log, count);
        self.1.refused(&mut worker.1, file, log, count);
    }

    fn unit_done(&self, worker: &mut Self::Worker, unit: u64) -> Result<(), Error> {
        self.0.unit_done(&mut worker.0, unit)?;
        self.1.unit_done(&mut worker.1, unit)
    }

    fn merge(&self, left: Self::Worker, right: Self::Worker) -> Self::Worker {
        join(|| self.0.merge(left.0, right.0), || self.1.merge(left.1, right.1))
    }

    fn stop(&self) {
        self.0.stop();
        self.1.stop();
    }

    fn inventory(&self) -> Option<&Arc<Inventory>> {
        self.0.inventory().or(self.1.inventory())
    }

    fn known_events(&self) -> Option<&dyn KnownEvents> {
        self.0.known_events().or(self.1.known_events())
    }
}
