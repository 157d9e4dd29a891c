//! A stretch of rows of an open Parquet file: read by a worker.

use super::{ParquetFile, damaged, pages};
use crate::batch::read_back::{BatchRows, TableBuilder};
use crate::decode::Limits;
use crate::decode::compress::exceeded;
use crate::decode::guard::guarded;
use crate::decode::lines::TOO_LONG;
use crate::decode::window::Broken;
use crate::ledger::Reject;
use crate::parse::FieldTable;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::reader::Length;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// Rows that are decoded at a time, at most.
const BATCH_ROWS: usize = 1 << 10;

/// Rows of one row group.
#[derive(Debug)]
pub struct RowRange {
    pub(super) file: Arc<ParquetFile>,
    pub(super) row_group: usize,
    /// Number in the file, from 1, of the first of them.
    pub(super) first_number: u64,
    /// Their places in the row group.
    pub(super) rows: Range<u64>,
}

/// Takes what comes of rows.
pub trait RowTaker {
    /// Rows of a log.
    fn table(&mut self, table: FieldTable) -> ControlFlow<()>;
    /// A row that is refused.
    fn refuse(&mut self, reject: Reject);
}

impl RowRange {
    /// Name of the file.
    pub fn name(&self) -> &Arc<str> {
        &self.file.name
    }

    /// Bytes of the file up to the last of these rows, about, for progress.
    pub fn bytes_to_end(&self) -> u64 {
        let all = self.file.rows;
        let done = self.number(self.rows.end) - 1;
        (u128::from(self.file.source.len()) * u128::from(done) / u128::from(all.max(1))) as u64
    }

    /// The number in the file of a row of the row group.
    fn number(&self, row: u64) -> u64 {
        self.first_number + (row - self.rows.start)
    }

    /// Reads them; what was lost of them, if something was. What could be read before has been handed out then.
    ///
    /// # Errors
    /// Breaks where `each` breaks.
    pub fn read(&self, limits: &Limits, each: &mut dyn RowTaker) -> ControlFlow<(), Option<Broken>> {
        let mut lost = None;
        let mut reading = match settled(guarded(|| Reading::new(self, limits))) {
            Ok(reading) => reading,
            Err(broken) => return ControlFlow::Continue(Some(self.lost(self.rows.start, &broken))),
        };
        loop {
            // Only what is read is guarded: what becomes of it elsewhere is no fault of the file.
            let step = settled(guarded(|| reading.step()));
            if !reading.refused.is_empty() {
                lost = Some(Broken { reason: format!("rows are {TOO_LONG}"), limit: true });
                reading.refused.drain(..).for_each(|reject| each.refuse(reject));
            }
            let ended = match step {
                Ok(ended) => ended,
                Err(broken) => return ControlFlow::Continue(Some(self.lost(reading.handed_out, &broken))),
            };
            if (ended || reading.table.bytes() >= limits.full_block())
                && let Some(table) = reading.hand_out()
            {
                each.table(table)?;
            }
            if ended {
                return ControlFlow::Continue(lost);
            }
        }
    }

    /// All rows from there on.
    fn lost(&self, from: u64, broken: &Broken) -> Broken {
        let (first, last) = (self.number(from), self.number(self.rows.end) - 1);
        Broken { reason: format!("rows {first} to {last} are lost: {}", broken.reason), limit: broken.limit }
    }
}

fn settled<T>(outcome: Result<Result<T, Broken>, String>) -> Result<T, Broken> {
    outcome.unwrap_or_else(|panic| Err(Broken::new(damaged(&panic))))
}

/// A stretch that is being read.
struct Reading<'r> {
    range: &'r RowRange,
    limits: &'r Limits,
    batches: ParquetRecordBatchReader,
    table: TableBuilder<'r>,
    /// The batch in hand, its rows, and the one that comes next.
    batch: Option<(BatchRows<'r>, Range<usize>)>,
    /// The row of the group that comes next.
    next: u64,
    /// Up to this row of the group all has been handed out.
    handed_out: u64,
    refused: Vec<Reject>,
    /// Bytes of text of all rows so far.
    expanded: u64,
    /// Bytes of the row group in the file.
    compressed: u64,
}

impl<'r> Reading<'r> {
    fn new(range: &'r RowRange, limits: &'r Limits) -> Result<Reading<'r>, Broken> {
        let file = &range.file;
        // Once, however many stretches the row group is cut into.
        let checked =
            file.checked[range.row_group].get_or_init(|| pages::check(file, range.row_group, BATCH_ROWS));
        let batch_rows = checked.clone()?;
        let compressed = file.groups()[range.row_group].compressed_size();
        Ok(Reading {
            range,
            limits,
            batches: batches(range, batch_rows).map_err(|error| Broken::new(error.to_string()))?,
            table: TableBuilder::new(&file.plan, &file.name),
            batch: None,
            next: range.rows.start,
            handed_out: range.rows.start,
            refused: Vec::new(),
            expanded: 0,
            compressed: u64::try_from(compressed).unwrap_or(0),
        })
    }

    /// Adds rows to the table until it is full, or the batch in hand is at its end. True where no more come.
    fn step(&mut self) -> Result<bool, Broken> {
        let Some((batch, rows)) = &mut self.batch else {
            let Some(batch) = self.batches.next() else {
                let missing = self.range.rows.end != self.next;
                return if missing { Err(Broken::new("the row group ends before them")) } else { Ok(true) };
            };
            let batch = batch.map_err(|error| Broken::new(error.to_string()))?;
            let rows = self.range.file.plan.rows(&batch).map_err(Broken::new)?;
            self.batch = Some((rows, 0..batch.num_rows()));
            return Ok(false);
        };
        while self.table.bytes() < self.limits.full_block() {
            let Some(row) = rows.next() else {
                self.batch = None;
                break;
            };
            let number = self.range.number(self.next);
            self.next += 1;
            self.table.push(batch, row, number);
            self.expanded += self.table.last_row().len() as u64;
            if let Some(bomb) = exceeded(self.expanded, self.compressed, u64::MAX) {
                return Err(bomb);
            }
            if self.table.last_row().len() > self.limits.longest_line() {
                self.refused.push(too_long(self.range, self.table.last_row(), number));
                self.table.drop_last();
                break;
            }
        }
        Ok(false)
    }

    fn hand_out(&mut self) -> Option<FieldTable> {
        self.handed_out = self.next;
        self.table.take()
    }
}

fn batches(range: &RowRange, batch_rows: usize) -> Result<ParquetRecordBatchReader, ParquetError> {
    let RowRange { file, row_group, rows, .. } = range;
    let selection =
        vec![RowSelector::skip(rows.start as usize), RowSelector::select((rows.end - rows.start) as usize)];
    ParquetRecordBatchReaderBuilder::new_with_metadata(file.source.clone(), file.metadata.clone())
        .with_row_groups(vec![*row_group])
        .with_projection(file.mask.clone())
        .with_batch_size(batch_rows)
        .with_row_selection(RowSelection::from(selection))
        .build()
}

fn too_long(range: &RowRange, text: &[u8], number: u64) -> Reject {
    Reject {
        file: Arc::clone(range.name()),
        log: range.file.plan.log(),
        number,
        offset: 0,
        field: "framing",
        reason: TOO_LONG,
        raw: text[..text.len().min(Reject::RAW_LIMIT)].to_vec(),
        length: text.len() as u64,
    }
}
