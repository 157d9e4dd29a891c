//! A text column of a parsed field, made one tile after the other.

use super::codec::Scratch;
use super::listing::Listing;
use super::numbering::Numbering;
use super::text::{TextForm, TextPiece};
use super::tile::{TILE, Tile};
use crate::batch::Variety;
use crate::parse::{FieldTable, Span};
use parquet::errors::Result;

/// The level of a row with a text.
const GREATEST: u8 = 1;

/// The pieces of a field on their way.
pub(super) struct TextField<'t> {
    field: usize,
    rows: usize,
    form: TextForm,
    cells: Cells<'t>,
}

enum Cells<'t> {
    Numbered(Numbering<'t>),
    Listed(Listing<'t>),
}

impl<'t> TextField<'t> {
    /// Without cells; so many rows are to come.
    pub(super) fn new(field: usize, rows: usize, form: TextForm, scratch: &mut Scratch) -> TextField<'t> {
        let cells = match form.variety {
            Variety::Few => Cells::Numbered(Numbering::new(GREATEST, rows)),
            _ => Cells::Listed(Listing::new(GREATEST, rows, form, scratch)),
        };
        TextField { field, rows, form, cells }
    }

    /// Takes the cells at these places, by way of the tile. They are those of the last of the rows; all before were taken.
    pub(super) fn add(
        &mut self,
        table: &'t FieldTable,
        rows: &[u32],
        places: &[Span],
        tile: &mut Tile<'t>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        tile.fill_places(&table.text, places.iter().copied());
        match &mut self.cells {
            Cells::Listed(listing) => listing.add(tile.texts(), tile.levels(), scratch),
            Cells::Numbered(numbering) => match numbering.add(tile.texts(), tile.levels()) {
                Some(()) => Ok(()),
                None => self.list(table, rows, tile, scratch),
            },
        }
    }

    /// Hardly any repeats: lists them from the beginning.
    fn list(
        &mut self,
        table: &'t FieldTable,
        rows: &[u32],
        tile: &mut Tile<'t>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let mut listing = Listing::new(GREATEST, self.rows, self.form, scratch);
        for rows in rows.chunks(TILE) {
            tile.fill_places(&table.text, rows.iter().map(|row| table.span(*row as usize, self.field)));
            listing.add(tile.texts(), tile.levels(), scratch)?;
        }
        self.cells = Cells::Listed(listing);
        Ok(())
    }

    /// The pieces; at least one.
    pub(super) fn finish(self, scratch: &mut Scratch) -> Result<Vec<TextPiece>> {
        match self.cells {
            Cells::Numbered(numbering) => Ok(vec![numbering.finish()]),
            Cells::Listed(listing) => listing.finish(scratch),
        }
    }
}
