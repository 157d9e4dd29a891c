//! The files of all partitions: begun under hidden names, appended to, closed.

use super::early_sync::EarlySync;
use super::encode::{EncodedRowGroup, TableFormat};
use super::lock;
use super::open_file::OpenFile;
use super::partition::Partition;
use super::parts::{FileLimits, Parts};
use super::place::Places;
use super::row_group_facts::RowGroupFacts;
use crate::error::Error;
use crate::export::disk::Disk;
use crate::export::file::CreatedFolders;
use crate::export::lake::{META_FOLDER, NewFile, part_name};
use crate::parse::time::{DAY_MS, format_date};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// All files of a run. Dropped before they are published they are removed.
pub(super) struct PartitionFiles {
    root: PathBuf,
    disk: Disk,
    run: u64,
    limits: FileLimits,
    places: Arc<Mutex<Places>>,
    facts: Arc<Mutex<RowGroupFacts>>,
    // Dropped before the files, which it holds open.
    early_sync: EarlySync,
    partitions: BTreeMap<Partition, PartitionParts>,
    /// Partitions whose last file has its handle, by the turn in which they had a row group.
    with_handle: BTreeMap<u64, Partition>,
    /// Row groups so far.
    turn: u64,
    closed: Vec<NewFile>,
    // Behind the files, so that it is dropped when they are gone.
    folders: CreatedFolders,
}

#[derive(Default)]
struct PartitionParts {
    parts: Parts,
    /// When it had a row group the last time.
    turn: u64,
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
    pub(super) fn new(
        (root, run): (&Path, u64),
        disk: &Disk,
        limits: FileLimits,
        places: Arc<Mutex<Places>>,
    ) -> PartitionFiles {
        PartitionFiles {
            root: root.to_path_buf(),
            disk: disk.clone(),
            run,
            limits,
            places,
            facts: Arc::new(Mutex::new(RowGroupFacts::new(root.join(META_FOLDER), disk))),
            early_sync: EarlySync::default(),
            partitions: BTreeMap::new(),
            with_handle: BTreeMap::new(),
            turn: 0,
            closed: Vec::new(),
            folders: CreatedFolders::new(disk),
        }
    }

    /// Appends a row group to the last file of its partition, or begins another.
    pub(super) fn append(&mut self, format: &TableFormat, group: EncodedRowGroup) -> Result<(), Error> {
        let partition = group.partition;
        self.make_room(partition);
        let (root, run, places) = (&self.root, self.run, &self.places);
        let (facts, disk, folders) = (&self.facts, &self.disk, &mut self.folders);
        let begin =
            |part| OpenFile::create((root, path(run, places, partition, part)), format, facts, disk, folders);
        let PartitionParts { parts, turn } = self.partitions.entry(partition).or_default();
        *turn = self.turn;
        for complete in parts.append(group, &self.limits, begin)? {
            self.closed.push(complete.close()?);
        }
        if let Some(file) = parts.last()
            && file.wants_sync()
        {
            file.file().into_iter().for_each(|handle| self.early_sync.hint(file.path(), handle));
        }
        Ok(())
    }

    /// Notes that a partition needs a handle, and has the one give its back that was not written to for the longest time.
    fn make_room(&mut self, partition: Partition) {
        self.turn += 1;
        if let Some(known) = self.partitions.get(&partition) {
            self.with_handle.remove(&known.turn);
        }
        while self.with_handle.len() >= self.limits.handles
            && let Some((_, idle)) = self.with_handle.pop_first()
        {
            self.partitions.entry(idle).or_default().parts.release();
        }
        self.with_handle.insert(self.turn, partition);
    }

    /// Closes what is open.
    pub(super) fn complete(mut self) -> Result<CompleteFiles, Error> {
        self.early_sync.finish()?;
        // Then there are no more open at a time than the threads need.
        self.partitions.values_mut().for_each(|partition| partition.parts.release());
        let partitions = std::mem::take(&mut self.partitions);
        let limits = self.limits;
        let closed: Result<Vec<Vec<NewFile>>, Error> =
            partitions.into_par_iter().map(|(_, partition)| partition.parts.close(&limits)).collect();
        self.closed.extend(closed?.into_iter().flatten());
        self.closed.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        Ok(CompleteFiles { files: self.closed, folders: self.folders })
    }
}

/// Where a file will lie, relative to the root.
fn path(run: u64, places: &Mutex<Places>, partition: Partition, part: u32) -> String {
    let date = partition.day.map(|day| format_date(day * DAY_MS));
    let folder = lock(places).folder(partition.place, date);
    format!("{}/{folder}/{}", partition.dataset.name(), part_name(run, part))
}
