//! A table with a heading, for a terminal or as Markdown.

use super::layout::lay_out;
use super::markdown;

/// Columns of a table that is not for a terminal.
const USUAL_WIDTH: u16 = 200;

/// A table with a heading, and a line about what it does not show. Cells are safe for a terminal.
pub(super) struct Sheet {
    pub(super) title: &'static str,
    pub(super) header: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) more: Option<String>,
}

impl Sheet {
    /// An empty line and the table, laid out in `width` columns if that is given: where they are too few, a block a row.
    pub(super) fn table(self, width: Option<u16>) -> String {
        let laid_out = lay_out(&self.header, &self.rows, width.unwrap_or(USUAL_WIDTH));
        let below = laid_out.shortened("md").into_iter().chain(self.more).map(|line| line + "\n");
        format!("\n{}\n{}{}", self.title, laid_out.text, below.collect::<String>())
    }

    /// An empty line and the table as Markdown.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| markdown::cell(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let header = self.header.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let rule = format!("|{}\n", " --- |".repeat(header.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let more = self.more.as_deref().map(|more| format!("\n{more}\n")).unwrap_or_default();
        format!("\n## {}\n\n{}{rule}{rows}{more}", self.title, line(&header))
    }
}
