//! The files of the partitions: opened under hidden names, appended to, closed.

use super::collector::FileId;
use super::early_sync::EarlySync;
use super::encode::{EncodedRowGroup, TableFormat};
use super::lock;
use super::open_file::OpenFile;
use super::place::Places;
use crate::error::Error;
use crate::export::disk::Disk;
use crate::export::file::CreatedFolders;
use crate::export::lake::{NewFile, part_name};
use crate::parse::time::{DAY_MS, format_date};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

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
    open: BTreeMap<FileId, PartitionFile>,
    closed: Vec<NewFile>,
    // Behind the files, so that it is dropped when they are gone.
    folders: CreatedFolders,
}

struct PartitionFile {
    file: OpenFile,
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
            if let Some(open) = self.open.remove(&id) {
                self.closed.push(open.file.close()?);
            }
        }
        if !self.open.contains_key(&group.file) {
            let path = self.path(group.file);
            let file = OpenFile::create((&self.root, path), format, &self.disk, &mut self.folders)?;
            self.open.insert(group.file, PartitionFile { file, synced: 0 });
        }
        let PartitionFile { file, synced } = self.open.get_mut(&group.file).expect("opened above");
        file.append(group.chunks, group.rows)?;
        if file.bytes() >= *synced + SYNC_BYTES {
            *synced = file.bytes();
            self.early_sync.hint(file.path(), file.file());
        }
        Ok(())
    }

    /// Where a file will lie, relative to the root.
    fn path(&self, id: FileId) -> String {
        let date = id.partition.day.map(|day| format_date(day * DAY_MS));
        let partition = lock(&self.places).folder(id.partition.place, date);
        format!("{}/{partition}/{}", id.partition.dataset.name(), part_name(self.run, id.part))
    }

    /// Closes what is open.
    pub(super) fn complete(mut self) -> Result<CompleteFiles, Error> {
        self.early_sync.finish()?;
        let open = std::mem::take(&mut self.open);
        let closed: Result<Vec<NewFile>, Error> =
            open.into_par_iter().map(|(_, open)| open.file.close()).collect();
        self.closed.extend(closed?);
        self.closed.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        Ok(CompleteFiles { files: self.closed, folders: self.folders })
    }
}
