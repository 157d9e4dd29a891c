//! What every command of an investigation takes for its output, and how its rows are written.

use super::output::{self, Output};
use clap::{Args, ValueEnum};
use s3sleuth::error::Error;
use s3sleuth::report::table_formats::{
    Cell, Page, RowCounts, RowForm, TableColumn, TableFormat, TableOptions, TableWriter,
};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that forms for people show unless told otherwise.
const ROWS_FOR_PEOPLE: u64 = 1000;

/// Options of the output.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct TableArguments {
    /// Form of the rows [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<Format>,
    /// Most rows to write; 0 for all [default: 1000 in a table or md, all elsewhere]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Leave the signatures and tokens of presigned URLs in: who has them can use them while they last
    #[arg(long)]
    pub no_redact: bool,
    /// CSV for machines: texts that a spreadsheet would take for formulas stay as they are
    #[arg(long)]
    csv_raw: bool,
    /// File for the rows; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
}

/// Forms of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the most important columns.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A header and a line a row.
    Csv,
    /// A table of Markdown: the most important columns.
    Md,
}

impl From<Format> for TableFormat {
    fn from(format: Format) -> TableFormat {
        match format {
            Format::Table => TableFormat::Table,
            Format::Json => TableFormat::Json,
            Format::Jsonl => TableFormat::Jsonl,
            Format::Csv => TableFormat::Csv,
            Format::Md => TableFormat::Md,
        }
    }
}

/// An open output of rows.
pub struct Rows {
    writer: TableWriter<Output>,
    path: PathBuf,
}

impl TableArguments {
    fn is_terminal(&self) -> bool {
        self.output == Path::new("-") && io::stdout().is_terminal()
    }

    /// The form.
    pub fn format(&self) -> TableFormat {
        let usual = if self.is_terminal() { TableFormat::Table } else { TableFormat::Jsonl };
        self.format.map_or(usual, TableFormat::from)
    }

    /// Opens the output, before anything is processed.
    pub fn open(&self, force: bool) -> Result<Output, Error> {
        Output::open(&self.output, force)
    }

    /// Begins to write rows.
    pub fn rows(&self, output: Output, columns: Vec<TableColumn>) -> Result<Rows, Error> {
        let format = self.format();
        let usual = format.is_for_people().then_some(ROWS_FOR_PEOPLE);
        let options = TableOptions {
            format,
            limit: self.limit.map_or(usual, |limit| (limit > 0).then_some(limit)),
            width: if self.is_terminal() { output::terminal_width() } else { None },
            keeps_secrets: self.no_redact,
            csv_raw: self.csv_raw,
        };
        let path = self.output.clone();
        match TableWriter::new(output, columns, options) {
            Ok(writer) => Ok(Rows { writer, path }),
            Err(error) => Err(Error::output(path, error)),
        }
    }
}

impl Rows {
    /// Writes a row.
    pub fn write(&mut self, cells: &[Cell<'_>]) -> Result<(), Error> {
        self.writer.row(cells).map_err(|error| Error::output(&self.path, error))
    }

    /// What rows look like, to form them in several threads.
    pub fn form(&self) -> Arc<RowForm> {
        self.writer.form()
    }

    /// Writes rows that have their form.
    pub fn write_page(&mut self, page: Page) -> Result<(), Error> {
        self.writer.write(page).map_err(|error| Error::output(&self.path, error))
    }

    /// Ends; a file gets its name.
    pub fn finish(self) -> Result<RowCounts, Error> {
        let (output, counts) = self.writer.finish().map_err(|error| Error::output(&self.path, error))?;
        output.finish()?;
        Ok(counts)
    }
}
