//! What a detector sees: the activity columns and native columns of some rows of one log, row-aligned.

use crate::parse::LogType;
use arrow::array::{Array, Int64Array, RecordBatch, StringViewArray, TimestampMillisecondArray};

/// Rows of one log. Columns are found by name once a batch, cells by index.
pub struct DetectBatch<'a> {
    /// The log the rows are from.
    pub log: LogType,
    /// Columns of `activity` that the rules in use ask for; text as views.
    pub activity: &'a RecordBatch,
    /// Columns of the log's own dataset that the rules in use ask for.
    pub native: &'a RecordBatch,
}

impl DetectBatch<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.activity.num_rows()
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Event times in milliseconds.
    pub fn event_time(&self) -> &TimestampMillisecondArray {
        column(self.activity, "event_time")
    }

    /// A text column of `activity`.
    ///
    /// # Panics
    /// If the rule does not list the column; its own samples show that in a test.
    pub fn text(&self, name: &str) -> &StringViewArray {
        column(self.activity, name)
    }

    /// An integer column of `activity`.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn integer(&self, name: &str) -> &Int64Array {
        column(self.activity, name)
    }

    /// A text column of the log's own dataset.
    ///
    /// # Panics
    /// As [`DetectBatch::text`].
    pub fn native_text(&self, name: &str) -> &StringViewArray {
        column(self.native, name)
    }
}

/// The text of a cell; `None` is null.
pub fn cell(column: &StringViewArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> &'a A {
    batch
        .column_by_name(name)
        .unwrap_or_else(|| panic!("the rule does not list the column {name}"))
        .as_any()
        .downcast_ref()
        .unwrap_or_else(|| panic!("the column {name} has another type"))
}
