//! Rows of several files of a partition to one file with full row groups.

use super::encode::{TableFormat, parquet_error};
use super::merge_sorted::{SortedFile, merge_sorted};
use super::open_file::OpenFile;
use super::order::sort_column;
use super::row_group_facts::RowGroupFacts;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::error::Error;
use crate::export::disk::Disk;
use crate::export::file::CreatedFolders;
use crate::export::lake::{Job, Lake, META_FOLDER, NewFile, OutputEntry, checked_path, part_name};
use crate::export::settings::SortScope;
use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Bytes of rows in memory that make a row group. While one is sorted there are two copies.
const ROW_GROUP_BYTES: usize = 48 << 20;

/// Rows that are read together.
const BATCH_ROWS: usize = 8 << 10;

/// The same where files are merged row by row: one such batch of each is in memory.
const SORTED_BATCH_ROWS: usize = 2 << 10;

/// Files whose times overlap that are merged row by row: each has a page a column in memory, 16 MiB if pages are full.
pub(in crate::export) const MERGED_AT_A_TIME: usize = 16;

/// Merges files of a folder. Dropped before they are published the new ones are removed.
pub(in crate::export) struct Merge {
    disk: Disk,
    run: u64,
    formats: BTreeMap<Dataset, TableFormat>,
    /// How many new files each partition has.
    parts: BTreeMap<String, u32>,
    facts: Arc<Mutex<RowGroupFacts>>,
    files: Vec<NewFile>,
    folders: CreatedFolders,
}

impl Merge {
    /// Of that folder.
    pub(in crate::export) fn new(lake: &Lake, disk: &Disk) -> Merge {
        Merge {
            disk: disk.clone(),
            run: lake.next_run(),
            formats: BTreeMap::new(),
            parts: BTreeMap::new(),
            facts: Arc::new(Mutex::new(RowGroupFacts::new(lake.root().join(META_FOLDER), disk))),
            files: Vec::new(),
            folders: CreatedFolders::new(disk),
        }
    }

    /// Merges files of one partition.
    ///
    /// # Errors
    /// Files that cannot be read, or that are not as the manifest says; output that failed.
    pub(in crate::export) fn pack(&mut self, lake: &Lake, pack: &[OutputEntry]) -> Result<(), Error> {
        let Some((partition, _)) = pack.first().and_then(|file| file.path.rsplit_once('/')) else { return Ok(()) };
        let name = pack[0].dataset();
        let dataset = Dataset::ALL.into_iter().find(|dataset| dataset.name() == name);
        let (Some(job), Some(dataset)) = (job_of(lake, name), dataset) else {
            return Err(unreadable(lake.root(), &pack[0].path, "the manifest does not say how it was made"));
        };
        if let Entry::Vacant(entry) = self.formats.entry(dataset) {
            entry.insert(format(lake.root(), job, dataset)?);
        }
        let part = self.parts.entry(partition.to_owned()).or_insert(0);
        let path = format!("{partition}/{}", part_name(self.run, *part));
        *part += 1;
        let format = &self.formats[&dataset];
        let file = OpenFile::create((lake.root(), path), format, &self.facts, &self.disk, &mut self.folders)?;
        let merge = if is_sorted_by_file(lake, name) { merge_by_time } else { merge };
        let merged = merge(lake.root(), pack, format, file)?;
        let rows: u64 = pack.iter().map(|file| file.rows).sum();
        if merged.entry.rows != rows {
            let reason = format!("its files hold {} rows, and the manifest says {rows}", merged.entry.rows);
            return Err(unreadable(lake.root(), partition, &reason));
        }
        self.files.push(merged);
        Ok(())
    }

    /// The new files, and the folders that were made for them.
    pub(in crate::export) fn complete(self) -> (Vec<NewFile>, CreatedFolders) {
        (self.files, self.folders)
    }
}

/// The settings that the files of a dataset were made with.
fn job_of<'l>(lake: &'l Lake, dataset: &str) -> Option<&'l Job> {
    lake.state().jobs().iter().map(|state| &state.job).find(|job| job.columns.contains_key(dataset))
}

/// Is each file of a dataset in the order of time as a whole, so that rows of several can be merged one by one?
pub(in crate::export) fn is_sorted_by_file(lake: &Lake, dataset: &str) -> bool {
    let by = Dataset::ALL.into_iter().find(|known| known.name() == dataset).map(sort_column);
    job_of(lake, dataset).is_some_and(|job| {
        job.sort == SortScope::File.name() && job.columns[dataset].iter().any(|column| Some(column.as_str()) == by)
    })
}

/// As the files of the job were written.
fn format(root: &Path, job: &Job, dataset: Dataset) -> Result<TableFormat, Error> {
    let projection =
        Projection::named(dataset, &job.columns[dataset.name()], TextLayout::Copied).map_err(|name| {
            let dataset = dataset.name();
            Error::Usage(format!(
                "this version of the program has no column {name} in {dataset}; its files stay as they are"
            ))
        })?;
    let (compression, encoding) = (job.compression.parse()?, job.encoding.parse()?);
    let format = TableFormat::new(&projection, compression, encoding, job);
    format.map_err(|error| parquet_error(root, error))
}

fn merge(root: &Path, pack: &[OutputEntry], format: &TableFormat, mut file: OpenFile) -> Result<NewFile, Error> {
    let (mut batches, mut bytes) = (Vec::new(), 0);
    for entry in pack {
        for batch in batches_of(root, entry, format, BATCH_ROWS) {
            let batch = batch?;
            bytes += batch.get_array_memory_size();
            batches.push(batch);
            if bytes >= ROW_GROUP_BYTES {
                append(&mut file, format, std::mem::take(&mut batches))?;
                bytes = 0;
            }
        }
    }
    if !batches.is_empty() {
        append(&mut file, format, batches)?;
    }
    file.close()
}

/// The same for files that are each in the order of time: so are their rows together.
fn merge_by_time(
    root: &Path,
    pack: &[OutputEntry],
    format: &TableFormat,
    mut file: OpenFile,
) -> Result<NewFile, Error> {
    let files = pack.iter().map(|entry| SortedFile {
        // Not known: it is read from the start.
        first_ms: entry.first_event_ms.unwrap_or(i64::MIN),
        batches: batches_of(root, entry, format, SORTED_BATCH_ROWS),
    });
    let files: Vec<_> = files.collect();
    let (mut batches, mut bytes) = (Vec::new(), 0);
    let path = file.path().to_path_buf();
    merge_sorted(
        files,
        sort_column(format.projection.dataset()),
        |error| parquet_error(&path, error.into()),
        |rows| {
            bytes += rows.get_array_memory_size();
            batches.push(rows);
            if bytes < ROW_GROUP_BYTES {
                return Ok(());
            }
            bytes = 0;
            append(&mut file, format, std::mem::take(&mut batches))
        },
    )?;
    if !batches.is_empty() {
        append(&mut file, format, batches)?;
    }
    file.close()
}

/// The rows of a file, which is opened when the first are asked for.
fn batches_of<'a>(
    root: &'a Path,
    entry: &'a OutputEntry,
    format: &'a TableFormat,
    rows: usize,
) -> impl Iterator<Item = Result<RecordBatch, Error>> + 'a {
    let mut reader = None;
    std::iter::from_fn(move || {
        if reader.is_none() {
            match open(root, entry, format, rows) {
                Ok(opened) => reader = Some(opened),
                Err(error) => return Some(Err(error)),
            }
        }
        let batch = reader.as_mut()?.next()?;
        Some(batch.map_err(|error| unreadable(root, &entry.path, &error.to_string())))
    })
}

fn open(
    root: &Path,
    entry: &OutputEntry,
    format: &TableFormat,
    rows: usize,
) -> Result<ParquetRecordBatchReader, Error> {
    let failed = |reason: String| unreadable(root, &entry.path, &reason);
    let path = checked_path(root, &entry.path).ok_or_else(|| failed("it is none of ours".to_owned()))?;
    let opened = File::open(path).map_err(|error| failed(error.to_string()))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| failed(error.to_string()))?;
    if builder.schema().fields() != format.projection.schema().fields() {
        return Err(failed("it has other columns than the manifest says".to_owned()));
    }
    builder.with_batch_size(rows).build().map_err(|error| failed(error.to_string()))
}

fn append(file: &mut OpenFile, format: &TableFormat, batches: Vec<RecordBatch>) -> Result<(), Error> {
    let encoded = (|| {
        // The files carry metadata of their own in their schema.
        let plain = batches
            .iter()
            .map(|batch| RecordBatch::try_new(Arc::clone(format.projection.schema()), batch.columns().to_vec()));
        let plain: Vec<RecordBatch> = plain.collect::<Result<_, _>>()?;
        drop(batches);
        let rows = concat_batches(format.projection.schema(), &plain)?;
        drop(plain);
        let rows = by_time(rows, sort_column(format.projection.dataset()))?;
        Ok((format.encode_batch(&rows)?, rows.num_rows() as u64))
    })();
    let (chunks, rows) = encoded.map_err(|error| parquet_error(file.path(), error))?;
    file.append(chunks, rows)
}

/// In the order of the column `by`, where there is one; rows in which it is null come last. Rows of one instant keep their
/// order.
fn by_time(rows: RecordBatch, by: &str) -> Result<RecordBatch, ArrowError> {
    let Some(times) = rows.column_by_name(by) else { return Ok(rows) };
    let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values(0..rows.num_rows() as u32));
    let options = SortOptions { descending: false, nulls_first: false };
    let column = |values: &ArrayRef| SortColumn { values: Arc::clone(values), options: Some(options) };
    let order = lexsort_to_indices(&[column(times), column(&numbers)], None)?;
    take_record_batch(&rows, &order)
}

fn unreadable(root: &Path, path: &str, reason: &str) -> Error {
    let reason = format!("{reason}; nothing was changed");
    Error::Input { path: root.join(path).display().to_string(), reason }
}
