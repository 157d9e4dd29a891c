//! A table with a heading, for a terminal or as Markdown.

use super::markdown;
use comfy_table::{ContentArrangement, Table, TableComponent, presets};

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
    /// An empty line and the table, wrapped to `width` columns if one is given.
    pub(super) fn table(self, width: Option<u16>) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width.unwrap_or(USUAL_WIDTH)).set_header(self.header);
        table.remove_style(TableComponent::HorizontalLines).remove_style(TableComponent::MiddleIntersections);
        table.remove_style(TableComponent::LeftBorderIntersections);
        table.remove_style(TableComponent::RightBorderIntersections);
        self.rows.into_iter().for_each(|row| {
            table.add_row(row);
        });
        let more = self.more.map(|more| more + "\n").unwrap_or_default();
        format!("\n{}\n{table}\n{more}", self.title)
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
