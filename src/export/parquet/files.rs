//! The files of the partitions: opened under hidden names, appended to, closed, published.

use super::collector::FileId;
use super::early_sync::EarlySync;
use super::encode::{EncodedRowGroup, TableFormat, parquet_error};
use super::former::{FormerFiles, remove_stale};
use super::lock;
use super::place::Places;
use crate::batch::Dataset;
use crate::error::Error;
use crate::export::file::{CreatedFolders, TemporaryFile, sync_folder};
use crate::export::{ExportSummary, ExportedFile};
use crate::parse::time::{DAY_MS, format_date};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Bytes that are handed to the system at a time, for each open file.
const WRITE_BYTES: usize = 128 << 10;

/// Bytes of a file after which they are made durable in passing.
const SYNC_BYTES: usize = 8 << 20;

/// All files of a run. Dropped before [`PartitionFiles::publish`] it removes what it has written.
pub(super) struct PartitionFiles {
    root: PathBuf,
    places: Arc<Mutex<Places>>,
    // Dropped before the files, which it holds open.
    early_sync: EarlySync,
    open: BTreeMap<FileId, OpenFile>,
    closed: BTreeMap<FileId, ClosedFile>,
    // Behind the files, so that it is dropped when they are gone.
    folders: CreatedFolders,
}

struct OpenFile {
    // Dropped before the temporary file is removed.
    writer: SerializedFileWriter<BufWriter<File>>,
    temporary: TemporaryFile,
    rows: u64,
    /// Bytes of which it was asked that they be made durable.
    synced: usize,
}

struct ClosedFile {
    temporary: TemporaryFile,
    rows: u64,
    bytes: u64,
}

impl PartitionFiles {
    pub(super) fn new(root: PathBuf, places: Arc<Mutex<Places>>) -> PartitionFiles {
        let (open, closed) = (BTreeMap::new(), BTreeMap::new());
        let (early_sync, folders) = (EarlySync::default(), CreatedFolders::default());
        PartitionFiles { root, places, early_sync, open, closed, folders }
    }

    /// Appends a row group to its file, which is opened where needed.
    pub(super) fn append(&mut self, format: &TableFormat, group: EncodedRowGroup) -> Result<(), Error> {
        for id in group.close {
            if let Some(file) = self.open.remove(&id) {
                self.closed.insert(id, file.close()?);
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
        self.folders.root(&self.root)?;
        let mut folder = self.root.join(id.partition.dataset.name());
        self.folders.child(&folder)?;
        for part in partition.split('/') {
            folder.push(part);
            self.folders.child(&folder)?;
        }
        let path = folder.join(format!("part-{:05}.parquet", id.part));
        let (temporary, file) = TemporaryFile::create(path)?;
        let writer = format
            .file_writer(BufWriter::with_capacity(WRITE_BYTES, file))
            .map_err(|error| parquet_error(temporary.path(), error))?;
        Ok(OpenFile { writer, temporary, rows: 0, synced: 0 })
    }

    /// Closes what is open and gives every file its name; with `force` in place of the former files of the datasets,
    /// also of one that has got no rows, so that a folder never holds two exports.
    pub(super) fn publish(mut self, datasets: &[Dataset], force: bool) -> Result<ExportSummary, Error> {
        self.early_sync.finish()?;
        let open = std::mem::take(&mut self.open);
        let closed: Result<Vec<_>, Error> =
            open.into_par_iter().map(|(id, file)| Ok((id, file.close()?))).collect();
        self.closed.extend(closed?);
        let datasets: Vec<PathBuf> = datasets.iter().map(|dataset| self.root.join(dataset.name())).collect();
        let former = if force { FormerFiles::set_aside(&datasets)? } else { FormerFiles::default() };
        let published = self.closed.values_mut().try_for_each(|file| file.temporary.publish(false));
        if let Err(error) = published.and_then(|()| self.sync_folders(&former)) {
            // First the names must be free again, then the former files get them back.
            self.closed.values_mut().for_each(|file| file.temporary.take_back());
            drop(former);
            return Err(error);
        }
        former.remove();
        remove_stale(&datasets);
        self.folders.keep();
        let files = self.closed.values().map(|file| ExportedFile {
            path: file.temporary.path().to_path_buf(),
            rows: file.rows,
            bytes: file.bytes,
        });
        let mut files: Vec<ExportedFile> = files.collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(ExportSummary { rows: files.iter().map(|file| file.rows).sum(), files, notes: Vec::new() })
    }

    fn sync_folders(&self, former: &FormerFiles) -> Result<(), Error> {
        let mut folders: BTreeSet<&Path> = former.folders().collect();
        for file in self.closed.values() {
            // The partition, its dataset, the root: any of them may be new.
            let within = |folder: &&Path| folder.starts_with(&self.root);
            folders.extend(file.temporary.path().ancestors().skip(1).take_while(within));
        }
        folders.into_iter().try_for_each(sync_folder)
    }
}

impl OpenFile {
    /// Writes the footer and makes the bytes durable.
    fn close(mut self) -> Result<ClosedFile, Error> {
        self.writer.finish().map_err(|error| parquet_error(self.temporary.path(), error))?;
        self.writer.inner().get_ref().sync_all().map_err(|error| Error::output(self.temporary.path(), error))?;
        Ok(ClosedFile { bytes: self.writer.bytes_written() as u64, rows: self.rows, temporary: self.temporary })
    }
}
