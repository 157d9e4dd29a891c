//! A column of text for detectors: it lies where the log was read to, and nothing is copied or looked at before it is asked
//! for.

use crate::batch::{Cells, TextCells};
use crate::parse::FieldTable;

/// The texts of some rows, one a row; null where the log names none.
pub struct TextColumn<'t> {
    texts: TextCells<'t>,
    rows: &'t [u32],
}

impl<'t> TextColumn<'t> {
    /// The texts of these rows of a table.
    ///
    /// # Panics
    /// If the column holds no text.
    pub(crate) fn of(cells: &Cells, table: &'t FieldTable, rows: &'t [u32]) -> TextColumn<'t> {
        TextColumn { texts: TextCells::of(cells, table, rows), rows }
    }

    /// Texts that are made already.
    #[cfg(test)]
    pub(crate) fn made<'a>(cells: impl IntoIterator<Item = Option<&'a str>>) -> TextColumn<'t> {
        use crate::parse::Span;
        let mut text = Vec::new();
        let place = |cell: Option<&str>| {
            let start = text.len();
            text.extend_from_slice(cell.unwrap_or_default().as_bytes());
            cell.map_or(Span::NULL, |_| Span::new(start, text.len()))
        };
        let places = cells.into_iter().map(place).collect();
        TextColumn { texts: TextCells::Made { text, places }, rows: &[] }
    }

    /// The text of a row; `None` is null.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.bytes(row).map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
    }

    /// The bytes of the text of a row, which are well-formed: to compare and to copy them nobody need look.
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        self.texts.bytes(self.rows, row)
    }

    /// Does a row have exactly that text?
    pub fn is_at(&self, text: &str, row: usize) -> bool {
        self.bytes(row) == Some(text.as_bytes())
    }

    /// Does the log name none in that row?
    pub fn is_null(&self, row: usize) -> bool {
        self.bytes(row).is_none()
    }
}
