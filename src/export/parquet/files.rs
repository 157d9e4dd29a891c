//! The files of the partitions: opened under hidden names, appended to, closed.

use super::collector::FileId;
use super::early_sync::EarlySync;
use super::encode::{EncodedRowGroup, TableFormat, parquet_error};
use super::event_times::EventTimes;
use super::lock;
use super::place::Places;
use crate::error::Error;
use crate::export::disk::{Disk, DiskFile};
use crate::export::file::{CreatedFolders, TemporaryFile};
use crate::export::lake::{NewFile, OutputEntry, part_name};
use crate::parse::time::{DAY_MS, format_date};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Bytes that are handed to the system at a time, for each open file.
const WRITE_BYTES: usize = 128 << 10;

/// Bytes of a file after which they are made durable in passing.
const SYNC_BYTES: usize = 8 << 20;

/// All files of a run. Dropped before they are published they are removed.
pub(super) struct PartitionFiles {
    root: PathBuf,
    disk: Disk,
    run: u64,
    places: Arc<Mutex<Places>>,
    // Dropped before the files, which it holds open.
    early_sync: EarlySync,
    open: BTreeMap<FileId, OpenFile>,
    closed: Vec<NewFile>,
    // Behind the files, so that it is dropped when they are gone.
    folders: CreatedFolders,
}

struct OpenFile {
    // Dropped before the temporary file is removed.
    writer: SerializedFileWriter<BufWriter<DiskFile>>,
    temporary: TemporaryFile,
    path: String,
    rows: u64,
    /// Bytes of which it was asked that they be made durable.
    synced: usize,
}

/// All files of a run, complete; dropped before they are published they are removed.
pub(super) struct CompleteFiles {
    /// By path.
    pub(super) files: Vec<NewFile>,
    /// Behind the files, so that it is dropped when they are gone.
    pub(super) folders: CreatedFolders,
}

impl PartitionFiles {
    /// No files yet, of change number `run` of the folder.
    pub(super) fn new(root: PathBuf, disk: &Disk, run: u64, places: Arc<Mutex<Places>>) -> PartitionFiles {
        PartitionFiles {
            root,
            disk: disk.clone(),
            run,
            places,
            early_sync: EarlySync::default(),
            open: BTreeMap::new(),
            closed: Vec::new(),
            folders: CreatedFolders::new(disk),
        }
    }

    /// Appends a row group to its file, which is opened where needed.
    pub(super) fn append(&mut self, format: &TableFormat, group: EncodedRowGroup) -> Result<(), Error> {
        for id in group.close {
            if let Some(file) = self.open.remove(&id) {
                self.closed.push(file.close()?);
            }
        }
        if !self.open.contains_key(&group.file) {
            let opened = self.open(format, group.file)?;
            self.open.insert(group.file, opened);
        }
        let file = self.open.get_mut(&group.file).expect("opened above");
        file.rows += group.rows;
        let written = (|| {
            let mut writer = file.writer.next_row_group()?;
            for chunk in group.chunks {
                chunk.append_to(&mut writer)?;
            }
            writer.close().map(drop)
        })();
        written.map_err(|error| parquet_error(file.temporary.path(), error))?;
        if file.writer.bytes_written() >= file.synced + SYNC_BYTES {
            file.synced = file.writer.bytes_written();
            self.early_sync.hint(file.temporary.path(), file.writer.inner().get_ref());
        }
        Ok(())
    }

    fn open(&mut self, format: &TableFormat, id: FileId) -> Result<OpenFile, Error> {
        let date = id.partition.day.map(|day| format_date(day * DAY_MS));
        let partition = lock(&self.places).folder(id.partition.place, date);
        let dataset = id.partition.dataset.name();
        let path = format!("{dataset}/{partition}/{}", part_name(self.run, id.part));
        let mut parts = path.split('/').peekable();
        let mut place = self.root.clone();
        while let Some(part) = parts.next() {
            place.push(part);
            if parts.peek().is_some() {
                self.folders.child(&place)?;
            }
        }
        let (temporary, file) = TemporaryFile::create(&self.disk, place)?;
        let writer = format
            .file_writer(BufWriter::with_capacity(WRITE_BYTES, file))
            .map_err(|error| parquet_error(temporary.path(), error))?;
        Ok(OpenFile { writer, temporary, path, rows: 0, synced: 0 })
    }

    /// Closes what is open.
    pub(super) fn complete(mut self) -> Result<CompleteFiles, Error> {
        self.early_sync.finish()?;
        let open = std::mem::take(&mut self.open);
        let closed: Result<Vec<NewFile>, Error> = open.into_par_iter().map(|(_, file)| file.close()).collect();
        self.closed.extend(closed?);
        self.closed.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        Ok(CompleteFiles { files: self.closed, folders: self.folders })
    }
}

impl OpenFile {
    /// Writes the footer and makes the bytes durable.
    fn close(mut self) -> Result<NewFile, Error> {
        let finished = self.writer.finish();
        let metadata = finished.map_err(|error| parquet_error(self.temporary.path(), error))?;
        let times = EventTimes::of(&metadata);
        self.writer.inner().get_ref().sync_all().map_err(|error| Error::output(self.temporary.path(), error))?;
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
