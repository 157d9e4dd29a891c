//! Rows of an investigation as table, JSON, JSONL, CSV or Markdown, one after the other: memory does not depend on how
//! many there are.
//!
//! Text from logs is harmless in each of them: no control characters, no formulas, no Markdown, no secrets of presigned
//! URLs.

use super::count::grouped;
use super::markdown;
use super::redact::redacted;
use super::safe::{printable, printable_json};
use crate::export::push_csv_text;
use crate::parse::LogType;
use crate::parse::time::format_iso;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::io::{self, Write};

/// Rows that are laid out together in a table.
const LAID_OUT: usize = 500;

/// Columns of a table that is not for a terminal.
const USUAL_WIDTH: u16 = 160;

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// For people, the most important columns.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A header and a line a row.
    Csv,
    /// A table of Markdown, the most important columns.
    Md,
}

impl TableFormat {
    /// Is it for people to read, and so without the lesser columns and all rows?
    pub fn is_for_people(self) -> bool {
        matches!(self, TableFormat::Table | TableFormat::Md)
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Lower-case name, the same in every form.
    pub name: &'static str,
    /// One sentence on what it is.
    pub about: &'static str,
    /// Is it shown in forms for people?
    pub is_main: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// Text, maybe from a log.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// Milliseconds since 1970, UTC.
    Time(i64),
    /// Several texts.
    Texts(&'a [String]),
    /// Places of records: log, file and line.
    Places(Vec<(LogType, &'a str, i64)>),
}

impl<'a> From<Option<&'a str>> for Cell<'a> {
    fn from(text: Option<&'a str>) -> Cell<'a> {
        text.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
    }
}

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// The form.
    pub format: TableFormat,
    /// Rows that are written; the others are counted.
    pub limit: Option<u64>,
    /// Columns of the terminal, if it is one.
    pub width: Option<u16>,
    /// Leave the signatures and tokens of presigned URLs in.
    pub keeps_secrets: bool,
    /// CSV: leave texts that a spreadsheet takes for formulas as they are.
    pub csv_raw: bool,
}

/// How many rows there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowCounts {
    /// That were written.
    pub written: u64,
    /// In all.
    pub all: u64,
}

impl RowCounts {
    /// Says that there is more, and how to get it.
    pub fn truncation(self) -> Option<String> {
        let (written, all) = (grouped(self.written), grouped(self.all));
        (self.written < self.all).then(|| format!("{written} of {all} rows; --limit 0 shows all"))
    }
}

/// Writes rows in one of the forms.
pub struct TableWriter<W: Write> {
    output: W,
    columns: Vec<TableColumn>,
    options: TableOptions,
    counts: RowCounts,
    /// Rows that wait to be laid out.
    waiting: Vec<Vec<String>>,
}

impl<W: Write> TableWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// Output that failed.
    pub fn new(output: W, columns: Vec<TableColumn>, options: TableOptions) -> io::Result<TableWriter<W>> {
        let mut writer =
            TableWriter { output, columns, options, counts: RowCounts::default(), waiting: Vec::new() };
        match options.format {
            TableFormat::Csv => {
                let names: Vec<&str> = writer.columns.iter().map(|column| column.name).collect();
                write!(writer.output, "{}\r\n", names.join(","))?;
            }
            TableFormat::Md => {
                let names: Vec<String> =
                    writer.main_columns().map(|(_, column)| markdown::cell(column.name)).collect();
                writeln!(writer.output, "| {} |\n|{}", names.join(" | "), " --- |".repeat(names.len()))?;
            }
            TableFormat::Json => writer.output.write_all(b"[")?,
            TableFormat::Jsonl | TableFormat::Table => {}
        }
        Ok(writer)
    }

    fn main_columns(&self) -> impl Iterator<Item = (usize, &TableColumn)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_main)
    }

    /// Writes a row, a cell a column.
    ///
    /// # Errors
    /// Output that failed.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.counts.all += 1;
        if self.options.limit.is_some_and(|limit| self.counts.written >= limit) {
            return Ok(());
        }
        self.counts.written += 1;
        match self.options.format {
            TableFormat::Json => {
                let separator = if self.counts.written > 1 { ",\n" } else { "\n" };
                let json = self.json(cells);
                write!(self.output, "{separator}{json}")
            }
            TableFormat::Jsonl => {
                let json = self.json(cells);
                writeln!(self.output, "{json}")
            }
            TableFormat::Csv => {
                let line = self.csv(cells);
                self.output.write_all(&line)
            }
            TableFormat::Md => {
                let texts: Vec<String> =
                    self.main_columns().map(|(index, _)| markdown::cell(&self.text(&cells[index]))).collect();
                writeln!(self.output, "| {} |", texts.join(" | "))
            }
            TableFormat::Table => {
                let texts = self.main_columns().map(|(index, _)| self.laid_out_text(&cells[index])).collect();
                self.waiting.push(texts);
                if self.waiting.len() >= LAID_OUT { self.lay_out() } else { Ok(()) }
            }
        }
    }

    /// Ends; gives the output back, and says how many rows there were.
    ///
    /// # Errors
    /// Output that failed.
    pub fn finish(mut self) -> io::Result<(W, RowCounts)> {
        let truncation = self.counts.truncation();
        match self.options.format {
            TableFormat::Json => self.output.write_all(if self.counts.written > 0 { b"\n]\n" } else { b"]\n" })?,
            TableFormat::Table if self.counts.all == 0 => self.output.write_all(b"no rows\n")?,
            TableFormat::Table => {
                self.lay_out()?;
                if let Some(truncation) = truncation {
                    writeln!(self.output, "{truncation}")?;
                }
            }
            TableFormat::Md => {
                if let Some(truncation) = truncation {
                    writeln!(self.output, "\n{}", markdown::cell(&truncation))?;
                }
            }
            TableFormat::Jsonl | TableFormat::Csv => {}
        }
        self.output.flush()?;
        Ok((self.output, self.counts))
    }

    fn lay_out(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.options.width.unwrap_or(USUAL_WIDTH));
        table.set_header(self.main_columns().map(|(_, column)| column.name).collect::<Vec<_>>());
        self.waiting.drain(..).for_each(|row| {
            table.add_row(row);
        });
        writeln!(self.output, "{table}")
    }

    fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.options.keeps_secrets { Cow::Borrowed(text) } else { redacted(text) }
    }

    /// A cell as one text.
    fn text(&self, cell: &Cell<'_>) -> String {
        match cell {
            Cell::Null => String::new(),
            Cell::Text(text) => self.clean(text).into_owned(),
            Cell::Number(number) => number.to_string(),
            Cell::Time(time_ms) => format_iso(*time_ms),
            Cell::Texts(texts) => texts.iter().map(|text| self.clean(text)).collect::<Vec<_>>().join("; "),
            Cell::Places(places) => {
                let place = |(_, file, line): &(LogType, &str, i64)| format!("{}:{line}", self.clean(file));
                places.iter().map(place).collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// A cell in a narrow column: places are names of files, as AWS makes no two alike, one a line.
    fn laid_out_text(&self, cell: &Cell<'_>) -> String {
        let Cell::Places(places) = cell else { return printable(&self.text(cell)).into_owned() };
        let place = |(_, file, line): &(LogType, &str, i64)| {
            let file = self.clean(file);
            let name = file.rsplit_once('/').map_or(&*file, |(_, name)| name);
            format!("{}:{line}", printable(name))
        };
        places.iter().map(place).collect::<Vec<_>>().join("\n")
    }

    fn csv(&self, cells: &[Cell<'_>]) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            match cell {
                Cell::Null => {}
                Cell::Number(_) | Cell::Time(_) => line.extend_from_slice(self.text(cell).as_bytes()),
                _ => push_csv_text(&printable(&self.text(cell)), self.options.csv_raw, &mut line),
            }
        }
        line.extend_from_slice(b"\r\n");
        line
    }

    fn json(&self, cells: &[Cell<'_>]) -> String {
        // Member by member, so that they stand in the order of the columns.
        let members = self.columns.iter().zip(cells).map(|(column, cell)| {
            let value = match cell {
                Cell::Null => Value::Null,
                Cell::Text(text) => Value::from(self.clean(text)),
                Cell::Number(number) => Value::from(*number),
                Cell::Time(time_ms) => Value::from(format_iso(*time_ms)),
                Cell::Texts(texts) => texts.iter().map(|text| Value::from(self.clean(text))).collect(),
                Cell::Places(places) => {
                    places.iter().map(|(log, file, line)| self.place(*log, file, *line)).collect()
                }
            };
            format!("\"{}\":{value}", column.name)
        });
        let object = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        printable_json(&object).into_owned()
    }

    fn place(&self, log: LogType, file: &str, line: i64) -> Value {
        json!({"log": log.name(), "source_file": self.clean(file), "source_line": line})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [TableColumn; 4] = [
        TableColumn { name: "time", about: "", is_main: true },
        TableColumn { name: "who", about: "", is_main: true },
        TableColumn { name: "count", about: "", is_main: false },
        TableColumn { name: "sources", about: "", is_main: true },
    ];

    fn written(format: TableFormat, rows: &[&str], limit: Option<u64>) -> (String, RowCounts) {
        let options = TableOptions { format, limit, width: None, keeps_secrets: false, csv_raw: false };
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes, COLUMNS.to_vec(), options).unwrap();
        for who in rows {
            let place = Cell::Places(vec![(LogType::S3Access, "f", 7)]);
            writer.row(&[Cell::Time(0), Cell::Text((*who).into()), Cell::Number(-1), place]).unwrap();
        }
        let (_, counts) = writer.finish().unwrap();
        (String::from_utf8(bytes).unwrap(), counts)
    }

    #[test]
    fn each_form_is_what_it_says() {
        let place = r#"[{"log":"s3_access","source_file":"f","source_line":7}]"#;
        let row = format!(r#"{{"time":"1970-01-01T00:00:00Z","who":"ann","count":-1,"sources":{place}}}"#);
        for (format, expected) in [
            (TableFormat::Jsonl, format!("{row}\n")),
            (TableFormat::Json, format!("[\n{row}\n]\n")),
            (TableFormat::Csv, "time,who,count,sources\r\n1970-01-01T00:00:00Z,ann,-1,f:7\r\n".to_owned()),
            (
                TableFormat::Md,
                "| time | who | sources |\n| --- | --- | --- |\n| 1970-01-01T00:00:00Z | ann | f:7 |\n".to_owned(),
            ),
        ] {
            assert_eq!(written(format, &["ann"], None).0, expected);
        }
        let (table, _) = written(TableFormat::Table, &["ann"], None);
        assert!(table.contains("ann") && !table.contains("-1"), "{table}");
        assert_eq!(written(TableFormat::Table, &[], None).0, "no rows\n");
        assert_eq!(written(TableFormat::Json, &[], None).0, "[]\n");
    }

    #[test]
    fn what_is_left_out_is_said() {
        for format in [TableFormat::Table, TableFormat::Md] {
            let (text, counts) = written(format, &["a", "b", "c"], Some(2));
            assert!(text.contains("2 of 3 rows"), "{text}");
            assert_eq!(counts, RowCounts { written: 2, all: 3 });
            assert_eq!(written(format, &["a"], Some(1)).1.truncation(), None);
        }
        let (text, counts) = written(TableFormat::Jsonl, &["a", "b", "c"], Some(2));
        assert_eq!(text.lines().count(), 2);
        assert!(counts.truncation().is_some());
    }

    #[test]
    fn no_form_lets_hostile_text_do_anything() {
        let hostile = "=cmd|'\u{1b}]0;t\u{7}<script>`x`?X-Amz-Signature=5ecret&y=\u{202e}";
        for format in
            [TableFormat::Table, TableFormat::Json, TableFormat::Jsonl, TableFormat::Csv, TableFormat::Md]
        {
            let (text, _) = written(format, &[hostile], None);
            let is_unsafe =
                |character: char| super::super::safe::is_unsafe(character) && !matches!(character, '\n' | '\r');
            assert!(!text.contains(is_unsafe) && !text.contains("5ecret"), "{format:?}: {text}");
        }
        assert!(written(TableFormat::Csv, &[hostile], None).0.contains(",'=cmd"));
        let (markdown, _) = written(TableFormat::Md, &[hostile], None);
        assert!(!markdown.contains("<script") && markdown.contains("cmd\\|"), "{markdown}");
    }
}
