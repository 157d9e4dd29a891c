//! Rows to files: partitioned Parquet for Athena, or one ordered stream of JSONL, CSV or Arrow.
//!
//! Every output is the same for any number of threads: rows are built and encoded in parallel, and put in the order of
//! the input before anything is decided or written. Files appear under their names only when the whole run has
//! succeeded; an export that fails leaves nothing behind.

pub mod ddl;
pub mod file;
pub mod parquet;
mod selection;
pub mod settings;
pub mod text;

pub use parquet::{ParquetStage, PartitionKey};
pub use settings::{Compression, ExportSettings, Format, PageEncoding, Target, parse_dataset};
pub use text::TextStage;

use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::stage::Stage;
use std::path::PathBuf;

/// An export that is ready to take rows.
pub enum ExportStage {
    /// Folders of Parquet files.
    Parquet(Box<ParquetStage>),
    /// One stream of JSONL, CSV or Arrow.
    Text(Box<TextStage>),
}

/// What an export has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// The files, in the order of dataset, date and part.
    pub files: Vec<ExportedFile>,
    /// Rows in all files together.
    pub rows: u64,
    /// What a person should know of the output, a sentence each. Text from logs in it is not made safe for a terminal.
    pub notes: Vec<String>,
}

/// One finished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Where it lies; `-` for standard output.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Opens an export. Nothing that exists is changed before [`ExportStage::finish`].
///
/// # Errors
/// Settings that make no sense, and output that exists already and may not be replaced.
pub fn open(settings: &ExportSettings, target: Target) -> Result<ExportStage, Error> {
    match (settings.format, target) {
        (Format::Parquet, Target::Path(folder)) => {
            Ok(ExportStage::Parquet(Box::new(ParquetStage::new(settings, folder)?)))
        }
        (Format::Parquet, Target::Stream(_)) => {
            Err(Error::Usage("Parquet is written as a folder of files: name one with -o DIR".to_owned()))
        }
        (_, target) => Ok(ExportStage::Text(Box::new(TextStage::new(settings, target)?))),
    }
}

impl ExportStage {
    /// Completes the output and puts it under its final names. `worker` is the merged state of all threads.
    ///
    /// # Errors
    /// Output that failed; then no file has been left under a final name.
    pub fn finish(self, worker: ()) -> Result<ExportSummary, Error> {
        match self {
            ExportStage::Parquet(stage) => stage.finish(worker),
            ExportStage::Text(stage) => stage.finish(worker),
        }
    }
}

impl Stage for ExportStage {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, worker: &mut (), unit: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        match self {
            ExportStage::Parquet(stage) => stage.observe(worker, unit, table, rows),
            ExportStage::Text(stage) => stage.observe(worker, unit, table, rows),
        }
    }

    fn unit_done(&self, worker: &mut (), unit: u64) -> Result<(), Error> {
        match self {
            ExportStage::Parquet(stage) => stage.unit_done(worker, unit),
            ExportStage::Text(stage) => stage.unit_done(worker, unit),
        }
    }

    fn merge(&self, (): (), (): ()) {}

    fn stop(&self) {
        match self {
            ExportStage::Parquet(stage) => stage.stop(),
            ExportStage::Text(stage) => stage.stop(),
        }
    }
}
