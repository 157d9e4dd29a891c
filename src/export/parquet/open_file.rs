//! A data file under its hidden name: row groups are appended until it is closed.

use super::encode::{Chunk, TableFormat, parquet_error};
use super::event_times::EventTimes;
use crate::error::Error;
use crate::export::disk::{Disk, DiskFile};
use crate::export::file::{CreatedFolders, TemporaryFile};
use crate::export::lake::{NewFile, OutputEntry};
use parquet::file::writer::SerializedFileWriter;
use std::io::BufWriter;
use std::path::Path;

/// Bytes that are handed to the system at a time, for each open file.
const WRITE_BYTES: usize = 128 << 10;

/// The open file.
pub(super) struct OpenFile {
    // Dropped before the temporary file is removed.
    writer: SerializedFileWriter<BufWriter<DiskFile>>,
    temporary: TemporaryFile,
    path: String,
    rows: u64,
}

impl OpenFile {
    /// Creates it, with the folders of its partition. `path` is relative to the root, with `/`.
    pub(super) fn create(
        (root, path): (&Path, String),
        format: &TableFormat,
        disk: &Disk,
        folders: &mut CreatedFolders,
    ) -> Result<OpenFile, Error> {
        let mut place = root.to_path_buf();
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            place.push(part);
            if parts.peek().is_some() {
                folders.child(&place)?;
            }
        }
        let (temporary, file) = TemporaryFile::create(disk, place)?;
        let writer = format
            .file_writer(BufWriter::with_capacity(WRITE_BYTES, file))
            .map_err(|error| parquet_error(temporary.path(), error))?;
        Ok(OpenFile { writer, temporary, path, rows: 0 })
    }

    /// Appends a row group.
    pub(super) fn append(&mut self, chunks: Vec<Chunk>, rows: u64) -> Result<(), Error> {
        self.rows += rows;
        let written = (|| {
            let mut group = self.writer.next_row_group()?;
            for chunk in chunks {
                chunk.append_to(&mut group)?;
            }
            group.close().map(drop)
        })();
        written.map_err(|error| parquet_error(self.temporary.path(), error))
    }

    /// Its final path.
    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// The file itself.
    pub(super) fn file(&self) -> &DiskFile {
        self.writer.inner().get_ref()
    }

    /// Writes the footer and makes the bytes durable.
    pub(super) fn close(mut self) -> Result<NewFile, Error> {
        let finished = self.writer.finish();
        let metadata = finished.map_err(|error| parquet_error(self.temporary.path(), error))?;
        let times = EventTimes::of(&metadata);
        self.file().sync_all().map_err(|error| Error::output(self.temporary.path(), error))?;
        let entry = OutputEntry {
            path: self.path,
            rows: self.rows,
            bytes: self.writer.bytes_written() as u64,
            first_event_ms: times.and_then(|times| times.first_ms),
            last_event_ms: times.and_then(|times| times.last_ms),
            without_time: times.map(|times| times.without),
        };
        Ok(NewFile { temporary: self.temporary, entry })
    }
}
