//! A row group on its way from rows to chunks. Any thread encodes the next of its columns, so that all who are free are at the
//! same row group: it is done sooner, and fewer rows are in memory at a time than if each had one of its own.

use super::collector::{Job, Rows};
use super::column::Piece;
use super::encode::{Chunk, EncodedRowGroup};
use super::lock;
use super::order::RowOrder;
use super::partition::Partition;
use std::sync::Mutex;

/// The columns of a job.
pub(super) struct RowGroup {
    /// That of the job.
    pub(super) number: u64,
    /// Whose files it is appended to.
    pub(super) partition: Partition,
    /// `None`: the rows stay as they stand.
    pub(super) order: Option<RowOrder>,
    /// Those of its rows, while nothing is compressed.
    pub(super) bytes: usize,
    rows: u64,
    columns: Mutex<Columns>,
}

#[derive(Default)]
struct Columns {
    /// The largest last: it is taken first, so that threads end together.
    waiting: Vec<ColumnPieces>,
    /// By leaf.
    encoded: Vec<Option<Chunk>>,
    /// Columns that are not encoded yet.
    left: usize,
}

/// The pieces of a column of a row group.
pub(super) struct ColumnPieces {
    /// The first of its leaves.
    pub(super) leaf: usize,
    /// One of each of the `Rows`.
    pub(super) pieces: Vec<Piece>,
}

impl RowGroup {
    /// Of a job, which has rows. `leaves` tells how many leaves the column has that begins with a leaf, by one of its pieces.
    pub(super) fn new(job: Job, leaves: impl Fn(usize, &Piece) -> usize) -> RowGroup {
        let Job { number, partition, rows } = job;
        let order = RowOrder::of(&rows);
        let count = rows.iter().map(|rows| rows.keys.len() as u64).sum();
        let bytes = rows.iter().map(|rows| rows.bytes).sum();
        let mut columns = Columns::default();
        for column in by_column(rows) {
            let leaf = columns.encoded.len();
            let more = column.first().map_or(0, |piece| leaves(leaf, piece));
            columns.encoded.resize_with(leaf + more, || None);
            columns.waiting.push(ColumnPieces { leaf, pieces: column });
        }
        columns.left = columns.waiting.len();
        columns.waiting.sort_by_key(|column| column.pieces.iter().map(Piece::bytes).sum::<usize>());
        RowGroup { number, partition, order, bytes, rows: count, columns: Mutex::new(columns) }
    }

    /// The next column to be encoded, and whether it is the last one that waits.
    pub(super) fn next(&self) -> Option<(ColumnPieces, bool)> {
        let mut columns = lock(&self.columns);
        let next = columns.waiting.pop()?;
        Some((next, columns.waiting.is_empty()))
    }

    /// Takes the chunks of the leaves of a column. The whole row group, if no others are missing.
    pub(super) fn take(&self, leaf: usize, chunks: Vec<Chunk>) -> Option<EncodedRowGroup> {
        let mut columns = lock(&self.columns);
        columns.encoded[leaf..].iter_mut().zip(chunks).for_each(|(place, chunk)| *place = Some(chunk));
        columns.left -= 1;
        let is_whole = columns.left == 0;
        is_whole.then(|| EncodedRowGroup {
            partition: self.partition,
            chunks: std::mem::take(&mut columns.encoded).into_iter().flatten().collect(),
            rows: self.rows,
        })
    }
}

/// The pieces of each column.
fn by_column(all: Vec<Rows>) -> Vec<Vec<Piece>> {
    let mut columns: Vec<Vec<Piece>> = Vec::new();
    for rows in all {
        columns.resize_with(rows.pieces.len(), Vec::new);
        columns.iter_mut().zip(rows.pieces).for_each(|(column, piece)| column.push(piece));
    }
    columns
}
