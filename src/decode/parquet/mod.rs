//! Parquet files of log rows: opened by the reading thread, read by workers a stretch of rows at a time.
//!
//! Which columns are read and what they mean is known to [`read_back`] alone.

pub(crate) mod claims;
mod footer;
pub(crate) mod page_header;
mod pages;
pub(crate) mod recognise;
mod rows;
mod source;
pub(crate) mod thrift;

pub use rows::{RowRange, RowTaker};
pub use source::Source;

use super::Limits;
use super::guard::guarded;
use super::stream::{Decoder, Flow, Stream};
use super::window::Broken;
use crate::batch::read_back::{self, ReadBack, Recognised};
use crate::ledger::{FileOutcome, FileStatus, Notice};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use claims::FalseClaim;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, RowGroupMetaData};
use parquet::file::reader::Length;
use std::io::Read;
use std::sync::{Arc, OnceLock};

/// The key of the metadata that names the dataset of an export.
pub const DATASET_KEY: &str = "s3sleuth.dataset";

/// Largest file that is held in memory: one inside an archive or compression, or from a pipe. (Parquet begins at
/// its end.)
const IN_MEMORY: u64 = 64 << 20;

/// Blocks of which a stretch of rows holds about as many bytes, so that little of a row group is passed over by
/// each worker that reads a part of it.
const BLOCKS_OF_A_RANGE: u64 = 4;

/// Rows of a stretch, however few or many bytes the file says that they have.
const ROWS_OF_A_RANGE: std::ops::RangeInclusive<u64> = 1 << 10..=1 << 16;

/// An open file of log rows.
#[derive(Debug)]
pub struct ParquetFile {
    name: Arc<str>,
    source: Source,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    plan: ReadBack,
    /// Rows in all of it.
    rows: u64,
    /// What the pages of each row group were found to be: how many rows can be decoded at a time.
    checked: Vec<OnceLock<Result<usize, Broken>>>,
}

/// Rows that a file may have however small it is.
const ROWS_FREE: u64 = 1 << 20;

/// Beyond [`ROWS_FREE`]: rows that a byte of a file may stand for. Rows of a log have ids, which take eight bytes
/// at least; of an export of a few columns it may be many to a byte.
const ROWS_A_BYTE: u64 = 64;

/// Why a file is not read.
enum Unread {
    /// Nothing is wrong with it.
    Ignored(&'static str),
    Skipped(String),
    /// One of our limits is in the way.
    Limit(String),
}

impl From<FalseClaim> for Unread {
    fn from(claim: FalseClaim) -> Unread {
        match claim {
            FalseClaim::Damaged(reason) => Unread::Skipped(damaged(&reason)),
            FalseClaim::Limit(reason) => Unread::Limit(format!("a Parquet file that claims too much: {reason}")),
        }
    }
}

impl From<ParquetError> for Unread {
    fn from(error: ParquetError) -> Unread {
        Unread::Skipped(format!("the Parquet file is damaged: {error}"))
    }
}

impl Decoder<'_> {
    /// A Parquet file that can be read anywhere.
    pub fn parquet(&mut self, name: &Arc<str>, source: Source) -> Flow {
        let length = source.len();
        let opened = guarded(|| ParquetFile::open(name, source));
        let file = match opened.unwrap_or_else(|panic| Err(Unread::Skipped(damaged(&panic)))) {
            Ok(file) => Arc::new(file),
            Err(Unread::Ignored(reason)) => return self.done(name, FileStatus::Ignored(reason.to_owned())),
            Err(Unread::Skipped(reason)) => return self.done(name, FileStatus::Skipped(reason)),
            Err(Unread::Limit(reason)) => {
                let outcome = FileOutcome::unread(name, FileStatus::Skipped(reason));
                return self.output.file(FileOutcome { limit_hit: true, ..outcome });
            }
        };
        for text in file.plan.notices() {
            self.output.notice(Notice { name: Arc::clone(name), text })?;
        }
        // Small files before it are packed into a block that is still open.
        self.flush()?;
        let mut lost: Option<Broken> = None;
        for range in file.ranges(self.limits) {
            lost = lost.or(self.output.rows(range)?);
        }
        let limit_hit = lost.as_ref().is_some_and(|lost| lost.limit);
        let status = lost.map_or(FileStatus::Read, |lost| FileStatus::Partial(lost.reason));
        self.output.file(FileOutcome { name: Arc::clone(name), status, limit_hit, bytes: length })
    }

    /// A Parquet file that is not a file on a disk of its own.
    pub fn parquet_in_stream(&mut self, stream: Stream<'_>) -> Flow {
        let Stream { name, mut window, .. } = stream;
        let mut bytes = Vec::new();
        if let Err(error) = window.by_ref().take(IN_MEMORY + 1).read_to_end(&mut bytes) {
            let Broken { reason, limit } = Broken::from(&error);
            let status = FileStatus::Skipped(reason);
            return self.output.file(FileOutcome { limit_hit: limit, ..FileOutcome::unread(&name, status) });
        }
        if bytes.len() as u64 > IN_MEMORY {
            let reason = "a Parquet file over 64 MiB inside another file or stream; unpack it once";
            let status = FileStatus::Skipped(reason.to_owned());
            return self.output.file(FileOutcome { limit_hit: true, ..FileOutcome::unread(&name, status) });
        }
        self.parquet(&name, Source::Memory(bytes.into()))
    }
}

fn damaged(panic: &str) -> String {
    format!("the Parquet file is damaged: {panic}")
}

impl ParquetFile {
    fn open(name: &Arc<str>, source: Source) -> Result<ParquetFile, Unread> {
        footer::check(&source)?;
        // What a program left of its own types is not asked for: the types of the columns themselves are enough.
        // Of the page index nothing is read, so that pages are where they were found to be in order.
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(&source, options.clone())?;
        let schema = as_views(metadata.schema());
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options.with_schema(Arc::new(schema)))?;
        let entries = metadata.metadata().file_metadata().key_value_metadata();
        let dataset = entries.and_then(|entries| entries.iter().find(|entry| entry.key == DATASET_KEY));
        let dataset = dataset.and_then(|entry| entry.value.as_deref());
        let plan = match read_back::recognise(dataset, metadata.schema()) {
            Recognised::Rows(plan) => plan,
            Recognised::Ignored(reason) => return Err(Unread::Ignored(reason)),
            Recognised::Foreign(reason) => return Err(Unread::Skipped(reason)),
        };
        let columns = metadata.parquet_schema();
        let read = (0..columns.num_columns()).filter(|leaf| plan.takes(columns.column(*leaf).path().parts()));
        let mask = ProjectionMask::leaves(columns, read);
        let groups = metadata.metadata().row_groups();
        let rows = groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0));
        let (rows, length) = (rows.fold(0, u64::saturating_add), source.len());
        if rows > ROWS_FREE.max(length.saturating_mul(ROWS_A_BYTE)) {
            let reason = format!("claims {rows} rows in {length} bytes: looks like a decompression bomb");
            return Err(Unread::Limit(reason));
        }
        let checked = groups.iter().map(|_| OnceLock::new()).collect();
        Ok(ParquetFile { name: Arc::clone(name), source, metadata, mask, plan, rows, checked })
    }

    /// Its rows in stretches that are read by themselves, in order.
    fn ranges(self: &Arc<Self>, limits: &Limits) -> impl Iterator<Item = RowRange> {
        let bytes = BLOCKS_OF_A_RANGE * limits.full_block() as u64;
        let mut first_number = 1;
        let file = Arc::clone(self);
        (0..self.groups().len()).flat_map(move |row_group| {
            let group = &file.groups()[row_group];
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            let told = u64::try_from(group.total_byte_size()).unwrap_or(0).max(1);
            let step = (u128::from(rows) * u128::from(bytes) / u128::from(told)).min(u64::MAX.into()) as u64;
            let step = step.clamp(*ROWS_OF_A_RANGE.start(), *ROWS_OF_A_RANGE.end());
            let first = first_number;
            first_number += rows;
            let file = Arc::clone(&file);
            (0..rows.div_ceil(step)).map(move |index| {
                let start = index * step;
                let rows = start..rows.min(start + step);
                RowRange { file: Arc::clone(&file), row_group, first_number: first + start, rows }
            })
        })
    }

    fn groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
    }
}

/// The same columns with texts as views: a text that many rows share is in memory once, however long it is.
fn as_views(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(view_field).collect::<Fields>())
}

fn view_field(field: &FieldRef) -> Field {
    field.as_ref().clone().with_data_type(view_type(field.data_type()))
}

fn view_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(element) => DataType::List(Arc::new(view_field(element))),
        DataType::Struct(members) => DataType::Struct(members.iter().map(view_field).collect()),
        other => other.clone(),
    }
}
