//! Rows of an investigation as table, JSON, JSONL, CSV or Markdown, one after the other: memory does not depend on how
//! many there are.
//!
//! Text from logs is harmless in each of them: no control characters, no formulas, no Markdown, no secrets of presigned
//! URLs.

use super::count::grouped;
use super::layout::{lay_out, told_of_shortened};
use super::markdown;
use super::redact::redacted;
use super::safe::{printable, printable_json};
use crate::export::push_csv_text;
use crate::parse::LogType;
use crate::parse::time::format_iso;
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are laid out together in a table.
const LAID_OUT: usize = 500;

/// Columns of a table that is not for a terminal.
const USUAL_WIDTH: u16 = 160;

/// Places that a cell of a table names; there can be many more.
const PLACES_SHOWN: usize = 3;

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

/// What rows look like. Threads can share it.
#[derive(Debug)]
pub struct RowForm {
    columns: Vec<TableColumn>,
    options: TableOptions,
    /// As many rows as were wanted are written: others are only counted.
    is_full: AtomicBool,
}

/// Rows that have their form, to be written by [`TableWriter::write`].
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
    /// Rows that are laid out together.
    texts: Vec<Vec<String>>,
    /// Rows, also those that are only counted.
    all: u64,
}

/// Writes rows in one of the forms.
pub struct TableWriter<W: Write> {
    output: W,
    form: Arc<RowForm>,
    counts: RowCounts,
    /// Rows that wait to be laid out.
    waiting: Vec<Vec<String>>,
    /// Was a value shortened?
    is_shortened: bool,
}

impl<W: Write> TableWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// Output that failed.
    pub fn new(mut output: W, columns: Vec<TableColumn>, options: TableOptions) -> io::Result<TableWriter<W>> {
        let form = RowForm { columns, options, is_full: AtomicBool::new(false) };
        match options.format {
            TableFormat::Csv => {
                let names: Vec<&str> = form.columns.iter().map(|column| column.name).collect();
                write!(output, "{}\r\n", names.join(","))?;
            }
            TableFormat::Md => {
                let names: Vec<String> =
                    form.main_columns().map(|(_, column)| markdown::cell(column.name)).collect();
                writeln!(output, "| {} |\n|{}", names.join(" | "), " --- |".repeat(names.len()))?;
            }
            TableFormat::Json => output.write_all(b"[")?,
            TableFormat::Jsonl | TableFormat::Table => {}
        }
        Ok(TableWriter {
            output,
            form: Arc::new(form),
            counts: RowCounts::default(),
            waiting: Vec::new(),
            is_shortened: false,
        })
    }

    /// What rows look like, to form them elsewhere.
    pub fn form(&self) -> Arc<RowForm> {
        Arc::clone(&self.form)
    }

    /// Writes a row, a cell a column.
    ///
    /// # Errors
    /// Output that failed.
    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut page = Page::default();
        self.form.row(&mut page, cells);
        self.write(page)
    }

    /// Writes rows that have their form.
    ///
    /// # Errors
    /// Output that failed.
    pub fn write(&mut self, page: Page) -> io::Result<()> {
        let Page { bytes, ends, mut texts, all } = page;
        self.counts.all += all;
        let limit = self.form.options.limit.unwrap_or(u64::MAX);
        let free = usize::try_from(limit - self.counts.written).unwrap_or(usize::MAX);
        texts.truncate(free);
        let count = ends.len().min(free);
        // The first of an array has no comma before it.
        let is_first_of_array = self.form.options.format == TableFormat::Json && self.counts.written == 0;
        self.counts.written += (count + texts.len()) as u64;
        self.form.is_full.store(self.counts.written >= limit, Ordering::Relaxed);
        if count > 0 {
            self.output.write_all(&bytes[usize::from(is_first_of_array)..ends[count - 1]])?;
        }
        for row in texts {
            self.waiting.push(row);
            if self.waiting.len() >= LAID_OUT {
                self.lay_out()?;
            }
        }
        Ok(())
    }

    /// Ends; gives the output back, and says how many rows there were.
    ///
    /// # Errors
    /// Output that failed.
    pub fn finish(mut self) -> io::Result<(W, RowCounts)> {
        let truncation = self.counts.truncation();
        match self.form.options.format {
            TableFormat::Json => self.output.write_all(if self.counts.written > 0 { b"\n]\n" } else { b"]\n" })?,
            TableFormat::Table if self.counts.all == 0 => self.output.write_all(b"no rows\n")?,
            TableFormat::Table => {
                self.lay_out()?;
                if self.is_shortened {
                    writeln!(self.output, "{}", told_of_shortened("csv"))?;
                }
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
        let names: Vec<&str> = self.form.main_columns().map(|(_, column)| column.name).collect();
        let laid_out = lay_out(&names, &self.waiting, self.form.options.width.unwrap_or(USUAL_WIDTH));
        self.waiting.clear();
        self.is_shortened |= laid_out.is_shortened;
        self.output.write_all(laid_out.text.as_bytes())
    }
}

impl RowForm {
    fn main_columns(&self) -> impl Iterator<Item = (usize, &TableColumn)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_main)
    }

    /// Puts a row on a page, a cell a column.
    pub fn row(&self, page: &mut Page, cells: &[Cell<'_>]) {
        page.all += 1;
        let is_counted_only = self.options.limit.is_some_and(|limit| page.all > limit);
        if is_counted_only || self.is_full.load(Ordering::Relaxed) {
            return;
        }
        let bytes = &mut page.bytes;
        match self.options.format {
            TableFormat::Json => {
                bytes.extend_from_slice(b",\n");
                self.push_json(cells, bytes);
            }
            TableFormat::Jsonl => {
                self.push_json(cells, bytes);
                bytes.push(b'\n');
            }
            TableFormat::Csv => self.push_csv(cells, bytes),
            TableFormat::Md => {
                let texts: Vec<String> =
                    self.main_columns().map(|(index, _)| markdown::cell(&self.text(&cells[index]))).collect();
                bytes.extend_from_slice(format!("| {} |\n", texts.join(" | ")).as_bytes());
            }
            TableFormat::Table => {
                let texts = self.main_columns().map(|(index, _)| self.laid_out_text(&cells[index]));
                return page.texts.push(texts.collect());
            }
        }
        page.ends.push(page.bytes.len());
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

    /// A cell of a table: places are names of files, as AWS makes no two alike, one a line and only the first.
    fn laid_out_text(&self, cell: &Cell<'_>) -> String {
        let Cell::Places(places) = cell else { return printable(&self.text(cell)).into_owned() };
        let place = |(_, file, line): &(LogType, &str, i64)| {
            let file = self.clean(file);
            let name = file.rsplit_once('/').map_or(&*file, |(_, name)| name);
            format!("{}:{line}", printable(name))
        };
        let mut lines: Vec<String> = places.iter().take(PLACES_SHOWN).map(place).collect();
        if places.len() > PLACES_SHOWN {
            lines.push(format!("and {} more", places.len() - PLACES_SHOWN));
        }
        lines.join("\n")
    }

    fn push_csv(&self, cells: &[Cell<'_>], line: &mut Vec<u8>) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            match cell {
                Cell::Null => {}
                Cell::Number(_) | Cell::Time(_) => line.extend_from_slice(self.text(cell).as_bytes()),
                _ => push_csv_text(&printable(&self.text(cell)), self.options.csv_raw, line),
            }
        }
        line.extend_from_slice(b"\r\n");
    }

    /// An object, its members in the order of the columns.
    fn push_json(&self, cells: &[Cell<'_>], json: &mut Vec<u8>) {
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            json.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
            json.extend_from_slice(column.name.as_bytes());
            json.extend_from_slice(b"\":");
            match cell {
                Cell::Null => json.extend_from_slice(b"null"),
                Cell::Text(text) => push_json_text(&self.clean(text), json),
                Cell::Number(_) => json.extend_from_slice(self.text(cell).as_bytes()),
                Cell::Time(time_ms) => push_json_text(&format_iso(*time_ms), json),
                Cell::Texts(texts) => {
                    push_list(texts.iter(), json, |text, json| push_json_text(&self.clean(text), json));
                }
                Cell::Places(places) => push_list(places.iter(), json, |(log, file, line), json| {
                    json.extend_from_slice(format!("{{\"log\":\"{}\",\"source_file\":", log.name()).as_bytes());
                    push_json_text(&self.clean(file), json);
                    json.extend_from_slice(format!(",\"source_line\":{line}}}").as_bytes());
                }),
            }
        }
        json.push(b'}');
    }
}

fn push_list<T>(items: impl Iterator<Item = T>, json: &mut Vec<u8>, mut push: impl FnMut(T, &mut Vec<u8>)) {
    json.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            json.push(b',');
        }
        push(item, json);
    }
    json.push(b']');
}

/// A string of JSON that cannot drive a terminal.
fn push_json_text(text: &str, json: &mut Vec<u8>) {
    // Without branches, so that the compiler takes many bytes at a time.
    let is_plain = text.bytes().fold(true, |is_plain, byte| {
        is_plain & (byte.wrapping_sub(b' ') < 0x5f) & (byte != b'"') & (byte != b'\\')
    });
    if is_plain {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    } else {
        json.extend_from_slice(printable_json(&Value::from(text).to_string()).as_bytes());
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
    fn rows_on_pages_are_the_same_as_rows_one_by_one() {
        let names: Vec<String> =
            (0..LAID_OUT + 9).map(|number| format!("{number} \"\\é\u{1b}\u{202e},;|")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for format in
            [TableFormat::Table, TableFormat::Json, TableFormat::Jsonl, TableFormat::Csv, TableFormat::Md]
        {
            for limit in [None, Some(0), Some(3), Some(4), Some(LAID_OUT as u64 + 9)] {
                let options = TableOptions { format, limit, width: None, keeps_secrets: false, csv_raw: false };
                let mut bytes = Vec::new();
                let mut writer = TableWriter::new(&mut bytes, COLUMNS.to_vec(), options).unwrap();
                for names in names.chunks(4) {
                    let mut page = Page::default();
                    for who in names {
                        let place = Cell::Places(vec![(LogType::S3Access, "f", 7)]);
                        let cells = [Cell::Time(0), Cell::Text((*who).into()), Cell::Number(-1), place];
                        writer.form().row(&mut page, &cells);
                    }
                    writer.write(page).unwrap();
                }
                let (_, counts) = writer.finish().unwrap();
                assert!(
                    (String::from_utf8(bytes).unwrap(), counts) == written(format, &names, limit),
                    "{format:?}"
                );
            }
        }
        let (json, _) = written(TableFormat::Json, &names, None);
        let rows: Vec<Value> = serde_json::from_str(&json).unwrap();
        assert!(rows.iter().map(|row| row["who"].as_str().unwrap()).eq(names));
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
