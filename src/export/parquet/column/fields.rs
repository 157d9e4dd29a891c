//! Text columns of parsed fields, made together: some rows of all of them, then the next rows. The text of a line is then
//! fetched from memory once, and not by each column again.

use super::codec::Scratch;
use super::listing::Listing;
use super::numbering::Numbering;
use super::text::{TextForm, TextPiece};
use super::tile::{TILE, Tile};
use crate::batch::Variety;
use crate::parse::FieldTable;
use parquet::errors::Result;

/// A text column that is a parsed field and in no struct, on its way.
pub(super) struct FieldColumn<'t> {
    field: usize,
    form: TextForm,
    cells: Cells<'t>,
}

enum Cells<'t> {
    Numbered(Numbering<'t>),
    Listed(Listing<'t>),
}

/// The level of a row with a text.
const GREATEST: u8 = 1;

impl<'t> FieldColumn<'t> {
    /// Without cells; so many rows are to come.
    pub(super) fn new(field: usize, rows: usize, form: TextForm, scratch: &mut Scratch) -> FieldColumn<'t> {
        let cells = match form.variety {
            Variety::Few => Cells::Numbered(Numbering::new(GREATEST, rows)),
            _ => Cells::Listed(Listing::new(GREATEST, rows, form, scratch)),
        };
        FieldColumn { field, form, cells }
    }

    /// Takes the cells of the rows from a place on, which the tile holds.
    fn add(
        &mut self,
        table: &'t FieldTable,
        rows: &[u32],
        from: usize,
        tile: &mut Tile<'t>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        match &mut self.cells {
            Cells::Listed(listing) => listing.add(tile.texts(), tile.levels(), scratch),
            Cells::Numbered(numbering) => {
                if numbering.add(tile.texts(), tile.levels()).is_some() {
                    return Ok(());
                }
                // Hardly any repeats: listed from the beginning.
                let mut listing = Listing::new(GREATEST, rows.len(), self.form, scratch);
                for rows in rows[..from + tile.rows()].chunks(TILE) {
                    tile.fill_field(table, self.field, rows);
                    listing.add(tile.texts(), tile.levels(), scratch)?;
                }
                self.cells = Cells::Listed(listing);
                Ok(())
            }
        }
    }

    /// The pieces; at least one.
    pub(super) fn finish(self, scratch: &mut Scratch) -> Result<Vec<TextPiece>> {
        match self.cells {
            Cells::Numbered(numbering) => Ok(vec![numbering.finish()]),
            Cells::Listed(listing) => listing.finish(scratch),
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
        let some = &rows[from..rows.len().min(from + TILE)];
        for column in columns.iter_mut() {
            tile.fill_field(table, column.field, some);
            column.add(table, rows, from, &mut tile, scratch)?;
        }
    }
    Ok(())
}
