//! Columns of parsed fields, made together: some rows of all of them, then the next rows. The text of a line is then
//! fetched from memory once, and not by each column again.

use super::Piece;
use super::codec::Scratch;
use super::number_field::NumberField;
use super::text::TextForm;
use super::text_field::TextField;
use super::tile::{TILE, Tile};
use crate::batch::ParsedField;
use crate::parse::{CACHE_LINE, FieldTable, Span};
use parquet::errors::Result;

/// A column that is a parsed field and in no struct, on its way to its piece.
pub(super) struct FieldColumn<'t> {
    field: usize,
    cells: FieldCells<'t>,
}

enum FieldCells<'t> {
    Text(TextField<'t>),
    Number(NumberField),
}

impl<'t> FieldColumn<'t> {
    /// Without cells; so many rows are to come.
    pub(super) fn new(field: ParsedField, rows: usize, form: TextForm, scratch: &mut Scratch) -> FieldColumn<'t> {
        let (field, cells) = match field {
            ParsedField::Text(field) => (field, FieldCells::Text(TextField::new(field, rows, form, scratch))),
            ParsedField::Integer(field) => (field, FieldCells::Number(NumberField::large(rows))),
            ParsedField::SmallInteger(field) => (field, FieldCells::Number(NumberField::small(rows))),
        };
        FieldColumn { field, cells }
    }

    /// The piece of the cells taken.
    pub(super) fn finish(self, scratch: &mut Scratch) -> Result<Piece> {
        match self.cells {
            FieldCells::Text(field) => Ok(Piece::Text(field.finish(scratch)?)),
            FieldCells::Number(field) => Ok(Piece::Numbers(field.finish())),
        }
    }
}

/// Places that a column has room for: those of a tile, and so many more that columns do not fall on the same few lines of
/// the cache.
const PLACES: usize = TILE + CACHE_LINE / size_of::<Span>();

/// Gives each column its cells of these rows.
pub(super) fn fill<'t>(
    columns: &mut [FieldColumn<'t>],
    table: &'t FieldTable,
    rows: &[u32],
    scratch: &mut Scratch,
) -> Result<()> {
    let mut tile = Tile::new();
    // The places of all fields of a row lie side by side. Were they fetched column by column, each row would be waited for
    // again.
    let mut places = vec![[Span::NULL; PLACES]; columns.len()];
    for from in (0..rows.len()).step_by(TILE) {
        let so_far = &rows[..rows.len().min(from + TILE)];
        table.fetch(&so_far[from..]);
        for (at, row) in so_far[from..].iter().enumerate() {
            let of_row = table.spans_of(*row as usize);
            places.iter_mut().zip(columns.iter()).for_each(|(places, column)| places[at] = of_row[column.field]);
        }
        for (column, places) in columns.iter_mut().zip(&places) {
            let places = &places[..so_far.len() - from];
            match &mut column.cells {
                FieldCells::Text(field) => field.add(table, so_far, places, &mut tile, scratch)?,
                FieldCells::Number(field) => field.add(table, places),
            }
        }
    }
    Ok(())
}
