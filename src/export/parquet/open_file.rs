//! A data file under its hidden name: row groups are appended until it is closed.
//!
//! Between two row groups it can do without its handle, and what its footer will say is kept elsewhere
//! ([`super::row_group_facts`]), so that thousands of files can wait for more.

use super::encode::{Chunk, TableFormat, parquet_error};
use super::event_times::EventTimes;
use super::footer::{FooterForm, MAGIC, PlacedRowGroup};
use super::lock;
use super::row_group_facts::{KeptFacts, RowGroupFacts};
use crate::error::Error;
use crate::export::disk::{Disk, DiskFile};
use crate::export::file::{CreatedFolders, TemporaryFile};
use crate::export::lake::{NewFile, OutputEntry};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Bytes that are handed to the system at a time.
const WRITE_BYTES: usize = 128 << 10;

/// Bytes of a file after which they are made durable in passing.
const SYNC_BYTES: u64 = 8 << 20;

/// The unfinished file.
pub(super) struct OpenFile {
    // Dropped before the temporary file is removed.
    handle: Option<DiskFile>,
    temporary: TemporaryFile,
    path: String,
    form: FooterForm,
    facts: Arc<Mutex<RowGroupFacts>>,
    row_groups: Vec<RowGroup>,
    rows: u64,
    bytes: u64,
    /// Bytes of which it was asked that they be made durable.
    synced: u64,
}

struct RowGroup {
    /// Its first byte.
    start: u64,
    facts: KeptFacts,
}

impl OpenFile {
    /// Creates it, with the folders of its partition. `path` is relative to the root, with `/`.
    pub(super) fn create(
        (root, path): (&Path, String),
        format: &TableFormat,
        facts: &Arc<Mutex<RowGroupFacts>>,
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
        let (temporary, mut handle) = TemporaryFile::create(disk, place)?;
        handle.write_all(MAGIC).map_err(|error| Error::output(temporary.path(), error))?;
        Ok(OpenFile {
            handle: Some(handle),
            temporary,
            path,
            form: format.footer_form(),
            facts: Arc::clone(facts),
            row_groups: Vec::new(),
            rows: 0,
            bytes: MAGIC.len() as u64,
            synced: 0,
        })
    }

    /// Appends a row group.
    pub(super) fn append(&mut self, chunks: Vec<Chunk>, rows: u64) -> Result<(), Error> {
        let handle = opened(&mut self.handle, &self.temporary)?;
        let written = self.form.write_row_group(BufWriter::with_capacity(WRITE_BYTES, handle), chunks);
        let written = written.map_err(|error| parquet_error(self.temporary.path(), error))?;
        let facts = lock(&self.facts).keep(&written.facts);
        let facts = facts.map_err(|error| Error::output(self.temporary.path(), error))?;
        self.row_groups.push(RowGroup { start: self.bytes, facts });
        self.rows += rows;
        self.bytes += written.bytes;
        Ok(())
    }

    /// Appends the row groups of a later file, which goes.
    pub(super) fn take_over(&mut self, later: OpenFile) -> Result<(), Error> {
        let handle = opened(&mut self.handle, &self.temporary)?;
        let first = MAGIC.len() as u64;
        // Bytes that the system could not write would be copied as they were before.
        let mut from = later.temporary.append()?;
        let copied = from.sync_all().and_then(|()| from.copy_to(first, handle));
        let copied = copied.map_err(|error| Error::output(self.temporary.path(), error))?;
        if first + copied != later.bytes {
            let reason =
                format!("{} bytes of it were lost while it was being written", later.bytes - first - copied);
            return Err(Error::Encode { path: later.temporary.path().to_path_buf(), reason });
        }
        let moved = self.bytes - first;
        let row_groups = later.row_groups.iter();
        self.row_groups
            .extend(row_groups.map(|RowGroup { start, facts }| RowGroup { start: start + moved, facts: *facts }));
        self.rows += later.rows;
        self.bytes += copied;
        Ok(())
    }

    /// Gives the handle back until it is needed again. Whoever opens the file next and syncs it is told of bytes that could
    /// not be written meanwhile (Linux since 4.16: <https://wiki.postgresql.org/wiki/Fsync_Errors>).
    pub(super) fn release(&mut self) {
        self.handle = None;
    }

    /// Its final path.
    pub(super) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Is it time to have the bytes made durable in passing?
    pub(super) fn wants_sync(&mut self) -> bool {
        let is_due = self.bytes >= self.synced + SYNC_BYTES;
        if is_due {
            self.synced = self.bytes;
        }
        is_due
    }

    /// Row groups so far.
    pub(super) fn row_groups(&self) -> usize {
        self.row_groups.len()
    }

    /// The file itself, unless the handle was given back.
    pub(super) fn file(&self) -> Option<&DiskFile> {
        self.handle.as_ref()
    }

    /// Writes the footer and makes the bytes durable.
    pub(super) fn close(mut self) -> Result<NewFile, Error> {
        let row_groups = self.row_groups.iter().map(|RowGroup { start, facts }| {
            lock(&self.facts).get(*facts).map(|facts| PlacedRowGroup { start: *start, facts })
        });
        let footer = self.form.footer(row_groups, self.bytes);
        let (footer, metadata) = footer.map_err(|error| parquet_error(self.temporary.path(), error))?;
        let times = EventTimes::of(&metadata);
        let handle = opened(&mut self.handle, &self.temporary)?;
        let written = handle.write_all(&footer).and_then(|()| handle.sync_all());
        written.map_err(|error| Error::output(self.temporary.path(), error))?;
        let entry = OutputEntry {
            path: self.path,
            rows: self.rows,
            bytes: self.bytes + footer.len() as u64,
            first_event_ms: times.and_then(|times| times.first_ms),
            last_event_ms: times.and_then(|times| times.last_ms),
            without_time: times.map(|times| times.without),
        };
        Ok(NewFile { temporary: self.temporary, entry })
    }
}

/// The handle, which is opened again where it was given back.
fn opened<'a>(handle: &'a mut Option<DiskFile>, temporary: &TemporaryFile) -> Result<&'a mut DiskFile, Error> {
    match handle {
        Some(handle) => Ok(handle),
        None => Ok(handle.insert(temporary.append()?)),
    }
}
