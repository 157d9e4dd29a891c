//! Columns on their way into a file: cells of a unit as pieces, and pieces of a row group as column chunks.
//!
//! Text and numbers are encoded here: distinct texts are found while the block is in the cache, so that a repeated
//! value is neither copied nor hashed twice, and large pages of texts that do not repeat are made and compressed there. Lists and booleans, which are few, are left to the parquet crate. What is
//! written is what the crate would have written: the same statistics and page index, other page ends and dictionaries.

mod bounds;
mod chunk;
mod codec;
mod delta;
mod fields;
mod filter;
mod gather;
mod hybrid;
mod intern;
mod levels;
mod listing;
mod number_field;
mod numbering;
mod numbers;
mod structs;
mod text;
mod text_chunk;
mod text_field;
mod tile;

#[cfg(test)]
mod tests;

pub(super) use chunk::EncodedChunk;
pub(super) use codec::{Scratch, codec};
pub(super) use filter::of_array as filter_of;

use super::order::RowOrder;
use crate::batch::{Cells, Column, TextCells, TextLayout, Variety};
use crate::export::settings::PageEncoding;
use crate::parse::FieldTable;
use arrow::array::ArrayRef;
use chunk::ChunkWriter;
use fields::FieldColumn;
use parquet::basic::Compression as Codec;
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;
use text::{RowLevels, TextForm, TextPiece};

/// Most bytes of the values of a data page before compression: with the levels of [`PAGE_ROWS`] rows, which take less than
/// 20 KB, a page has no more than the megabyte that Amazon Security Lake asks for
/// (<https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources-best-practices.html>).
pub(super) const PAGE_BYTES: usize = 980_000;
/// Most rows of a data page: what one entry of the page index covers.
pub(super) const PAGE_ROWS: usize = 20_000;

/// How pieces are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct PieceForm {
    pub(super) encoding: PageEncoding,
    /// Are texts of columns that are sought hashed for a filter?
    pub(super) filters: bool,
    /// Are large lists of texts made a page at once? What comes out in the end is the same.
    pub(super) pages: bool,
}

/// The cells of a leaf column, or of a list with all its leaves, for some neighbouring rows; no more than a page holds.
#[derive(Debug)]
pub(super) enum Piece {
    Text(Vec<TextPiece>),
    Numbers(ArrayRef),
    /// For the parquet crate.
    Array(ArrayRef),
}

impl Piece {
    /// Bytes in memory while nothing is compressed.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Piece::Text(pieces) => pieces.iter().map(TextPiece::bytes).sum(),
            Piece::Numbers(array) | Piece::Array(array) => array.get_array_memory_size(),
        }
    }
}

/// The pieces of columns for these rows, in the order of the file: of each one, or one a member of a struct of text. No
/// more rows than [`PAGE_ROWS`].
pub(super) fn pieces(
    columns: &[&Column],
    table: &FieldTable,
    rows: &[u32],
    form: PieceForm,
    scratch: &mut Scratch,
) -> Result<Vec<Piece>> {
    let mut fields = Vec::new();
    for column in columns {
        if let Some(field) = column.cells.parsed_field(table.log) {
            fields.push(FieldColumn::new(field, rows.len(), TextForm::of(column, form), scratch));
        }
    }
    fields::fill(&mut fields, table, rows, scratch)?;
    let mut fields = fields.into_iter();
    let mut pieces = Vec::with_capacity(columns.len());
    for column in columns {
        match column.cells.parsed_field(table.log).and_then(|_| fields.next()) {
            Some(field) => pieces.push(field.finish(scratch)?),
            None => others(column, table, rows, form, scratch, &mut pieces)?,
        }
    }
    Ok(pieces)
}

/// Those of a column that is not a parsed field as it is.
fn others(
    column: &Column,
    table: &FieldTable,
    rows: &[u32],
    form: PieceForm,
    scratch: &mut Scratch,
    pieces: &mut Vec<Piece>,
) -> Result<()> {
    match &column.cells {
        cells if cells.is_text() => {
            let cells = TextCells::of(cells, table, rows);
            let form = TextForm::of(column, form);
            let texts = text::pieces(&cells, rows, RowLevels::FLAT, form, scratch)?;
            pieces.push(Piece::Text(texts));
        }
        Cells::Struct(members) if structs::holds_text(members) => {
            structs::pieces(members, table, rows, form, scratch, pieces)?;
        }
        cells => {
            let array = cells.array(table, rows, TextLayout::Copied);
            let is_number = numbers::takes(array.data_type());
            pieces.push(if is_number { Piece::Numbers(array) } else { Piece::Array(array) });
        }
    }
    Ok(())
}

/// Encodes the pieces of a leaf column of a row group, of each of its `Rows` one, with the rows in that order; there is at
/// least one, and all are of a kind.
///
/// # Panics
/// If there are [`Piece::Array`] among them.
pub(super) fn encode(
    pieces: Vec<Piece>,
    order: Option<&RowOrder>,
    column: ColumnDescPtr,
    form: ChunkForm,
    scratch: &mut Scratch,
) -> Result<EncodedChunk> {
    let mut chunk = ChunkWriter::new(column, form.codec);
    let (mut texts, mut arrays) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(pieces) => texts.push(pieces),
            Piece::Numbers(array) => arrays.push(array),
            Piece::Array(_) => panic!("lists are for the parquet crate"),
        }
    }
    if texts.is_empty() {
        numbers::write(&mut chunk, &arrays, order, form.encoding == PageEncoding::Fast, scratch)?;
    } else {
        if form.filter {
            chunk.filter(filter::of_pieces(texts.iter().flatten())?);
        }
        let pieces = PieceForm { encoding: form.encoding, filters: false, pages: true };
        text_chunk::write(&mut chunk, texts, order, TextForm::new(form.variety, pieces), scratch)?;
    }
    chunk.close()
}

/// How a column chunk is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkForm {
    pub(super) variety: Variety,
    pub(super) encoding: PageEncoding,
    pub(super) codec: Codec,
    /// With a Bloom filter, if its pieces were made for one?
    pub(super) filter: bool,
}
