//! Rows to files: partitioned Parquet for Athena, or one ordered stream of JSONL, CSV or Arrow.
//!
//! Every output is the same for any number of threads: rows are built and encoded in parallel, and put in the order of
//! the input before anything is decided or written. Files appear under their names only when the whole run has
//! succeeded; an export that fails leaves nothing behind.

pub mod compact;
pub mod ddl;
pub mod disk;
#[cfg(test)]
mod faults;
pub mod file;
pub mod lake;
pub mod parquet;
mod selection;
pub mod settings;
pub mod text;

pub use parquet::{LogPath, ParquetStage, PartitionKey};
pub use settings::{
    Compression, ExportSettings, Format, PageEncoding, RowFilter, SortScope, Target, parse_dataset,
};
pub use text::TextStage;
pub(crate) use text::push_csv_text;

use crate::decode::Inventory;
use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::stage::{KnownEvents, Stage};
use crate::source::Inputs;
use std::path::PathBuf;
use std::sync::Arc;

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

/// An export that is ready, and what is left to be read for it.
pub struct Opened {
    /// Takes the rows.
    pub stage: ExportStage,
    /// The inputs to be read, in this order.
    pub inputs: Inputs,
    /// How many inputs the output has already.
    pub done: usize,
    /// What a person should know before.
    pub notes: Vec<String>,
    /// How the folder differs from what its manifest says, a sentence each: the tables are not those of the export.
    pub warnings: Vec<String>,
}

/// Opens an export of rows that come from nowhere in particular. Nothing that exists is changed before
/// [`ExportStage::finish`].
///
/// # Errors
/// Settings that make no sense, and output that exists already and may not be replaced.
pub fn open(settings: &ExportSettings, target: Target) -> Result<ExportStage, Error> {
    Ok(open_for(settings, target, Inputs::default())?.stage)
}

/// Opens an export of these inputs. A folder of Parquet files notes them, and those that it has are not read again.
///
/// # Errors
/// Settings that make no sense; output that exists already and may not be replaced; a folder that these inputs cannot be
/// added to, or that another process writes to.
pub fn open_for(settings: &ExportSettings, target: Target, inputs: Inputs) -> Result<Opened, Error> {
    match (settings.format, target) {
        (Format::Parquet, Target::Path(folder)) => {
            let opened = ParquetStage::open(settings, folder, inputs)?;
            let parquet::OpenedStage { stage, inputs, done, notes, warnings } = opened;
            Ok(Opened { stage: ExportStage::Parquet(Box::new(stage)), inputs, done, notes, warnings })
        }
        (Format::Parquet, Target::Stream(_)) => {
            Err(Error::Usage("Parquet is written as a folder of files: name one with -o DIR".to_owned()))
        }
        (format, _) if settings.sort != SortScope::default() => {
            let (sort, format) = (settings.sort.name(), format.name());
            Err(Error::Usage(format!(
                "--sort {sort} is for Parquet: rows of {format} are in the order of the input"
            )))
        }
        (_, target) => {
            let stage = ExportStage::Text(Box::new(TextStage::new(settings, target)?));
            Ok(Opened { stage, inputs, done: 0, notes: Vec::new(), warnings: Vec::new() })
        }
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

    fn inventory(&self) -> Option<&Arc<Inventory>> {
        match self {
            ExportStage::Parquet(stage) => stage.inventory(),
            ExportStage::Text(stage) => stage.inventory(),
        }
    }

    fn known_events(&self) -> Option<&dyn KnownEvents> {
        match self {
            ExportStage::Parquet(stage) => stage.known_events(),
            ExportStage::Text(stage) => stage.known_events(),
        }
    }
}
