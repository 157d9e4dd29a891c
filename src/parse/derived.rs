//! Text that is not in a block as such, but made from it: decoded keys, unescaped JSON.

use super::Span;
use super::json::{self, Kind, Value};
use super::table::DERIVED_END;

/// Derived text in the making; it will stand behind the block's bytes.
pub(super) struct Derived {
    block_length: usize,
    /// All of it.
    pub(super) text: Vec<u8>,
}

impl Derived {
    /// For a block of that many bytes.
    pub(super) fn behind(block_length: usize) -> Derived {
        Derived { block_length, text: Vec::new() }
    }

    /// The place of what `write` appends.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Span {
        self.text.push(DERIVED_END);
        let start = self.text.len();
        write(&mut self.text);
        Span::new(self.block_length + start, self.block_length + self.text.len())
    }

    /// The same, unless `write` says that it has nothing to add.
    pub(super) fn add_if(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Span> {
        let before = self.text.len();
        let mut is_written = false;
        let span = self.add(|text| is_written = write(text));
        if !is_written {
            self.text.truncate(before);
        }
        is_written.then_some(span)
    }

    /// The place of a JSON value's text: in the block, where its record begins at `base`, or here if it is escaped.
    #[inline]
    pub(super) fn value(&mut self, base: usize, value: Value<'_>) -> Span {
        let start = base + value.start;
        let end = start + value.raw.len();
        match value.kind {
            Kind::Null => Span::NULL,
            Kind::String if value.escaped => {
                let raw = &value.raw[1..value.raw.len() - 1];
                self.add(|text| json::unescape(raw, text))
            }
            Kind::String => Span::new(start + 1, end - 1),
            _ => Span::new(start, end),
        }
    }

    /// The text of a place that is not null, if it is here and not in the block.
    pub(super) fn get(&self, span: Span) -> Option<&[u8]> {
        let place = |at: u32| (at as usize).checked_sub(self.block_length);
        Some(&self.text[place(span.start)?..place(span.end)?])
    }
}
