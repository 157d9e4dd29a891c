//! Checks 18 and 19: the widest row, and whether all pages can be read.

use super::check::Check;
use super::file::Trouble;
use super::report::Notebook;
use super::sizes::PAGE_SIZE;
use crate::report::count::counted;

/// 18.
pub const ROW_WIDTH: Check = Check {
    number: 18,
    name: "row-width",
    asserts: "The values of a row together have at most 32 MB (33,554,432 bytes).",
    why: "Athena ends a query that meets a larger row.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html",
    next: "Cut the value, or keep it in an object of its own and write its key.",
};

/// 19.
pub const DECODABLE: Check = Check {
    number: 19,
    name: "decodable",
    asserts: "The file begins and ends with PAR1, its footer can be read, the checksum of each page that has one \
              is right, and every value can be decoded, as many as the footer says.",
    why: "One damaged page fails every query that meets it (HIVE_BAD_DATA, HIVE_CURSOR_ERROR), and damage that no \
          checksum tells of becomes wrong values.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html",
    next: "Copy the file again from where it was written, or write it again; compare sizes and checksums of the \
           upload.",
};

/// What stands in the way of reading the footer: damage is a finding, anything else leaves the file unchecked.
pub(super) fn report_footer(trouble: Trouble, path: &str, notebook: &mut Notebook) {
    if let Trouble::Damaged(reason) = trouble {
        notebook.evaluated(&DECODABLE);
        notebook.report(DECODABLE.error(path, reason));
    } else {
        notebook.not_evaluated(&DECODABLE, "the footer was not read");
        notebook.unreadable(path, trouble.to_string());
    }
}

/// What stands in the way of decoding the chunks of a file.
#[derive(Default)]
pub(super) struct Obstacles {
    damaged: u64,
    /// The first that was not read for its cost or the system's reason, and how many.
    unread: Option<(String, u64)>,
}

impl Obstacles {
    /// Could everything be decoded?
    pub(super) fn is_empty(&self) -> bool {
        self.damaged == 0 && self.unread.is_none()
    }

    /// A chunk that could not be decoded.
    pub(super) fn add(&mut self, trouble: Trouble, path: &str, place: (usize, &str), notebook: &mut Notebook) {
        let (row_group, column) = place;
        if let Trouble::Damaged(reason) = trouble {
            self.damaged += 1;
            notebook.report(DECODABLE.error(path, reason).in_column(column).in_row_group(row_group));
        } else {
            let first = || (format!("row group {row_group}, column {column}: {trouble}"), 0);
            self.unread.get_or_insert_with(first).1 += 1;
        }
    }

    /// Writes down whether the pages of the file were checked.
    pub(super) fn finish(self, path: &str, notebook: &mut Notebook) {
        for check in [&PAGE_SIZE, &ROW_WIDTH] {
            match self.is_empty() {
                true => notebook.evaluated(check),
                false => notebook.not_evaluated(check, "not all pages could be decoded"),
            }
        }
        let Some((first, count)) = self.unread else { return notebook.evaluated(&DECODABLE) };
        notebook.not_evaluated(&DECODABLE, "not all pages were decoded");
        let others = match count - 1 {
            0 => String::new(),
            more => format!("; and {}", counted(more, "more chunk")),
        };
        notebook.unreadable(path, first + &others);
    }
}

/// The widest row of a row group that may be too wide: the widest values of all columns need not be of one row.
pub(super) struct RowWidths {
    /// Bytes of each row so far.
    rows: Vec<u32>,
    next: usize,
}

impl RowWidths {
    pub(super) fn new(rows: usize) -> RowWidths {
        RowWidths { rows: vec![0; rows], next: 0 }
    }

    /// A column begins.
    pub(super) fn begin(&mut self) {
        self.next = 0;
    }

    /// The next row's bytes in this column.
    pub(super) fn add(&mut self, bytes: u64) {
        if let Some(row) = self.rows.get_mut(self.next) {
            *row = row.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        }
        self.next += 1;
    }

    /// Reports the rows that are too wide.
    pub(super) fn report(&self, row_bytes: u64, path: &str, row_group: usize, notebook: &mut Notebook) {
        let is_wide = |bytes: &u32| u64::from(*bytes) > row_bytes;
        let wide = self.rows.iter().filter(|bytes| is_wide(bytes)).count();
        let Some(first) = self.rows.iter().position(is_wide) else { return };
        let widest = self.rows.iter().max().copied().unwrap_or_default();
        let found = match wide {
            1 => format!("a row of {widest} bytes"),
            _ => format!("{wide} rows of up to {widest} bytes"),
        };
        notebook.report(ROW_WIDTH.error(path, found).in_row_group(row_group).at_row(first as u64));
    }
}
