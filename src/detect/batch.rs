//! What a detector sees: the activity columns and native columns of some rows of one log, row-aligned.

use super::codes::Codes;
use super::policy::{Call, Calls};
use crate::batch::{Projection, TextLayout};
use crate::parse::{FieldTable, LogType};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, StringViewArray, TimestampMillisecondArray, make_view,
};
use std::cell::OnceCell;

/// Rows of one log. Columns are found by name once a batch, cells by index.
pub struct DetectBatch<'a> {
    /// The log the rows are from.
    pub log: LogType,
    /// Columns of `activity` that the rules in use ask for; text as views.
    pub activity: &'a Columns<'a>,
    /// Columns of the log's own dataset that the rules in use ask for.
    pub native: &'a Columns<'a>,
    /// What calls of settings set, found out when a rule asks for it.
    pub calls: &'a Calls,
}

/// Columns of a dataset for some rows of a table, each made when it is asked for first: most rows concern few rules.
#[derive(Debug)]
pub struct Columns<'t> {
    rows: usize,
    arrays: Vec<(&'static str, OnceCell<ArrayRef>)>,
    source: Option<(&'t Projection, &'t FieldTable, &'t [u32])>,
}

impl<'t> Columns<'t> {
    /// The columns of a projection for the rows with these numbers.
    pub fn of(projection: &'t Projection, table: &'t FieldTable, rows: &'t [u32]) -> Columns<'t> {
        let arrays = projection.columns().iter().map(|column| (column.name, OnceCell::new())).collect();
        Columns { rows: rows.len(), arrays, source: Some((projection, table, rows)) }
    }

    /// Columns that are made already.
    #[cfg(test)]
    pub fn made(rows: usize, arrays: Vec<(&'static str, ArrayRef)>) -> Columns<'static> {
        let arrays = arrays.into_iter().map(|(name, array)| (name, OnceCell::from(array))).collect();
        Columns { rows, arrays, source: None }
    }

    /// Is there a column of that name: does the log have it, and does a rule in use list it?
    pub fn has(&self, name: &str) -> bool {
        self.arrays.iter().any(|(known, _)| *known == name)
    }

    fn array(&self, name: &str) -> Option<&ArrayRef> {
        let at = self.arrays.iter().position(|(known, _)| *known == name)?;
        let (_, array) = &self.arrays[at];
        match (array.get(), self.source) {
            (None, Some((projection, table, rows))) => {
                Some(array.get_or_init(|| projection.columns()[at].cells.array(table, rows, TextLayout::Views)))
            }
            (made, _) => made,
        }
    }
}

impl<'a> DetectBatch<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.activity.rows
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Event times in milliseconds.
    pub fn event_time(&self) -> &'a TimestampMillisecondArray {
        column(self.activity, "event_time")
    }

    /// A text column of `activity`.
    ///
    /// # Panics
    /// If the rule does not list the column; its own samples show that in a test.
    pub fn text(&self, name: &str) -> &'a StringViewArray {
        column(self.activity, name)
    }

    /// An integer column of `activity`.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn integer(&self, name: &str) -> &'a Int64Array {
        column(self.activity, name)
    }

    /// The HTTP status; all null in CloudTrail.
    pub fn http_status(&self) -> &'a Int32Array {
        column(self.activity, "http_status")
    }

    /// The name of the call of a row, as of [`Calls::name`].
    ///
    /// # Panics
    /// If the rule does not list `invoked_by`; its own samples show that in a test.
    pub fn call_name(&self, codes: &Codes, row: usize) -> Option<&'static str> {
        self.calls.name(self, codes, row)
    }

    /// What the call of a row sets, if it is one that grants or takes away access.
    ///
    /// # Panics
    /// If the rule does not list `request_parameters`; its own samples show that in a test.
    pub fn call(&self, row: usize) -> Option<&'a Call> {
        self.calls.get(self, row)
    }

    /// A text column of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_text(&self, name: &str) -> &'a StringViewArray {
        column(self.native, name)
    }

    /// An integer column of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_integer(&self, name: &str) -> &'a Int64Array {
        column(self.native, name)
    }

    /// A column of truth values of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_flag(&self, name: &str) -> &'a BooleanArray {
        column(self.native, name)
    }
}

/// The truth value of a cell; `None` is null.
pub fn flag(column: &BooleanArray, row: usize) -> Option<bool> {
    column.is_valid(row).then(|| column.value(row))
}

/// The text of a cell; `None` is null.
pub fn cell(column: &StringViewArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// A word of at most 12 bytes as it stands in a view, so that a column is compared with it as numbers.
#[derive(Clone, Copy, Debug)]
pub struct Word(u128);

impl Word {
    /// # Panics
    /// If the word is empty (null would look the same) or longer than 12 bytes.
    pub fn new(word: &str) -> Word {
        assert!((1..=12).contains(&word.len()), "{word} does not fit into a view");
        Word(make_view(word.as_bytes(), 0, 0))
    }

    /// Is it this word in that row?
    pub fn is_at(self, column: &StringViewArray, row: usize) -> bool {
        column.views()[row] == self.0
    }
}

fn column<'a, A: Array + 'static>(columns: &'a Columns<'a>, name: &str) -> &'a A {
    columns
        .array(name)
        .unwrap_or_else(|| panic!("the rule does not list the column {name}"))
        .as_any()
        .downcast_ref()
        .unwrap_or_else(|| panic!("the column {name} has another type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_only_where_it_stands_alone() {
        let words = vec![Some("success"), None, Some(""), Some("successful as it can be"), Some("denied")];
        let column = StringViewArray::from(words);
        let found: Vec<bool> = (0..column.len()).map(|row| Word::new("success").is_at(&column, row)).collect();
        assert_eq!(found, [true, false, false, false, false]);
    }
}
