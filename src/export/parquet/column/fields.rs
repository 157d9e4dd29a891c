//! Columns of parsed fields, made together: some rows of all of them, then the next rows. The text of a line is then
//! fetched from memory once, and not by each column again.

use super::Piece;
use super::codec::Scratch;
use super::number_field::NumberField;
use super::text::TextForm;
use super::text_field::TextField;
use super::tile::{TILE, Tile};
use crate::batch::ParsedField;
use crate::parse::FieldTable;
use parquet::errors::Result;

/// A column that is a parsed field and in no struct, on its way to its piece.
pub(super) enum FieldColumn<'t> {
    Text(TextField<'t>),
    Number(NumberField),
}

impl<'t> FieldColumn<'t> {
    /// Without cells; so many rows are to come.
    pub(super) fn new(field: ParsedField, rows: usize, form: TextForm, scratch: &mut Scratch) -> FieldColumn<'t> {
        match field {
            ParsedField::Text(field) => FieldColumn::Text(TextField::new(field, rows, form, scratch)),
            ParsedField::Integer(field) => FieldColumn::Number(NumberField::large(field, rows)),
            ParsedField::SmallInteger(field) => FieldColumn::Number(NumberField::small(field, rows)),
        }
    }

    /// The piece of the cells taken.
    pub(super) fn finish(self, scratch: &mut Scratch) -> Result<Piece> {
        match self {
            FieldColumn::Text(field) => Ok(Piece::Text(field.finish(scratch)?)),
            FieldColumn::Number(field) => Ok(Piece::Numbers(field.finish())),
        }
    }
}

/// Gives each column its cells of these rows.
pub(super) fn fill<'t>(
    columns: &mut [FieldColumn<'t>],
    table: &'t FieldTable,
    rows: &[u32],
    scratch: &mut Scratch,
) -> Result<()> {
    let mut tile = Tile::new();
    for from in (0..rows.len()).step_by(TILE) {
        let so_far = &rows[..rows.len().min(from + TILE)];
        for column in columns.iter_mut() {
            match column {
                FieldColumn::Text(field) => field.add(table, so_far, from, &mut tile, scratch)?,
                FieldColumn::Number(field) => field.add(table, &so_far[from..]),
            }
        }
    }
    Ok(())
}
