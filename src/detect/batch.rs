//! What a detector sees: the activity columns and native columns of some rows of one log, row-aligned.

use super::codes::Codes;
use super::policy::{Call, Calls};
use super::text_column::TextColumn;
use crate::batch::{Projection, TextLayout};
use crate::parse::{FieldTable, LogType};
use arrow::array::{Array, ArrayRef, BooleanArray, Int32Array, Int64Array, TimestampMillisecondArray};
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
pub struct Columns<'t> {
    rows: usize,
    columns: Vec<(&'static str, OnceCell<Column<'t>>)>,
    source: Option<(&'t Projection, &'t FieldTable, &'t [u32])>,
}

/// One column: text stays where it is, numbers become an array.
pub enum Column<'t> {
    /// Texts.
    Text(TextColumn<'t>),
    /// Anything else.
    Array(ArrayRef),
}

impl<'t> Columns<'t> {
    /// The columns of a projection for the rows with these numbers.
    pub fn of(projection: &'t Projection, table: &'t FieldTable, rows: &'t [u32]) -> Columns<'t> {
        let columns = projection.columns().iter().map(|column| (column.name, OnceCell::new())).collect();
        Columns { rows: rows.len(), columns, source: Some((projection, table, rows)) }
    }

    /// Columns that are made already.
    #[cfg(test)]
    pub fn made(rows: usize, columns: Vec<(&'static str, Column<'t>)>) -> Columns<'t> {
        let columns = columns.into_iter().map(|(name, column)| (name, OnceCell::from(column))).collect();
        Columns { rows, columns, source: None }
    }

    /// Is there a column of that name: does the log have it, and does a rule in use list it?
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(known, _)| *known == name)
    }

    /// # Panics
    /// If there is none of that name.
    fn column(&self, name: &str) -> &Column<'t> {
        // Nearly always it is the very same text, and its bytes need not be compared.
        let at = self.columns.iter().position(|(known, _)| std::ptr::eq(*known, name));
        let at = at.or_else(|| self.columns.iter().position(|(known, _)| *known == name));
        let at = at.unwrap_or_else(|| panic!("the rule does not list the column {name}"));
        self.columns[at].1.get_or_init(|| {
            let (projection, table, rows) = self.source.expect("columns without a source are made already");
            let cells = &projection.columns()[at].cells;
            match cells.is_text() {
                true => Column::Text(TextColumn::of(cells, table, rows)),
                false => Column::Array(cells.array(table, rows, TextLayout::Views)),
            }
        })
    }

    /// A column of text.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub(super) fn text(&self, name: &str) -> &TextColumn<'t> {
        match self.column(name) {
            Column::Text(texts) => texts,
            Column::Array(_) => panic!("the column {name} holds no text"),
        }
    }

    fn array<A: Array + 'static>(&self, name: &str) -> &A {
        let array = match self.column(name) {
            Column::Text(_) => None,
            Column::Array(array) => array.as_any().downcast_ref(),
        };
        array.unwrap_or_else(|| panic!("the column {name} has another type"))
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
        self.activity.array("event_time")
    }

    /// A text column of `activity`.
    ///
    /// # Panics
    /// If the rule does not list the column; its own samples show that in a test.
    pub fn text(&self, name: &str) -> &'a TextColumn<'a> {
        self.activity.text(name)
    }

    /// An integer column of `activity`.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn integer(&self, name: &str) -> &'a Int64Array {
        self.activity.array(name)
    }

    /// The HTTP status; all null in CloudTrail.
    pub fn http_status(&self) -> &'a Int32Array {
        self.activity.array("http_status")
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
    pub fn native_text(&self, name: &str) -> &'a TextColumn<'a> {
        self.native.text(name)
    }

    /// An integer column of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_integer(&self, name: &str) -> &'a Int64Array {
        self.native.array(name)
    }

    /// A column of truth values of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_flag(&self, name: &str) -> &'a BooleanArray {
        self.native.array(name)
    }
}

/// The truth value of a cell; `None` is null.
pub fn flag(column: &BooleanArray, row: usize) -> Option<bool> {
    column.is_valid(row).then(|| column.value(row))
}

/// The text of a cell; `None` is null.
pub fn cell<'a>(column: &'a TextColumn<'_>, row: usize) -> Option<&'a str> {
    column.get(row)
}
