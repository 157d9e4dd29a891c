//! Cells of a few neighbouring rows of a text column, as they are taken into a piece.

use crate::parse::Span;

/// Rows of a tile. What all columns read of so many rows of an access log stays in the caches of a core.
pub(super) const TILE: usize = 128;

/// The texts of the rows that have one, and a level a row.
pub(super) struct Tile<'t> {
    texts: [&'t [u8]; TILE],
    /// Only the texts up to here are of these rows.
    count: usize,
    /// Of a column that is in no struct: one for a text, zero for a null.
    levels: [u8; TILE],
    rows: usize,
}

impl<'t> Tile<'t> {
    /// No rows yet.
    pub(super) fn new() -> Tile<'t> {
        Tile { texts: [&[]; TILE], count: 0, levels: [0; TILE], rows: 0 }
    }

    /// Takes the next cells, at most [`TILE`], in place of those it holds.
    pub(super) fn fill(&mut self, cells: &mut impl Iterator<Item = Option<&'t [u8]>>) {
        (self.count, self.rows) = (0, 0);
        for (level, cell) in self.levels.iter_mut().zip(cells) {
            *level = u8::from(cell.is_some());
            // A null is written over: to branch on it costs more.
            self.texts[self.count] = cell.unwrap_or_default();
            self.count += usize::from(cell.is_some());
            self.rows += 1;
        }
    }

    /// Takes the texts at these places, at most [`TILE`].
    pub(super) fn fill_places(&mut self, text: &'t [u8], places: impl ExactSizeIterator<Item = Span>) {
        (self.count, self.rows) = (0, places.len());
        for (level, place) in self.levels.iter_mut().zip(places) {
            let is_text = !place.is_null();
            let Span { start, end } = if is_text { place } else { Span { start: 0, end: 0 } };
            *level = u8::from(is_text);
            self.texts[self.count] = &text[start as usize..end as usize];
            self.count += usize::from(is_text);
        }
    }

    /// The rows that it holds.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The texts of those that have one.
    pub(super) fn texts(&self) -> &[&'t [u8]] {
        &self.texts[..self.count]
    }

    /// One for a text, zero for a null.
    pub(super) fn levels(&self) -> &[u8] {
        &self.levels[..self.rows]
    }
}
