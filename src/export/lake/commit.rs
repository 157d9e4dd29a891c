//! A change of the folder, in one step.

use super::Lake;
use super::entries::{Kind, OutputEntry, Record, RecordState, SCHEMA};
use super::recover::remove;
use crate::error::Error;
use crate::export::file::TemporaryFile;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file that is complete under its hidden name.
pub(in crate::export) struct NewFile {
    /// The file.
    pub(in crate::export) temporary: TemporaryFile,
    /// What is noted of it.
    pub(in crate::export) entry: OutputEntry,
}

impl Record {
    /// A change that has happened, without inputs and files.
    pub(in crate::export) fn committed(run: u64, kind: Kind) -> Record {
        Record {
            schema: SCHEMA.to_owned(),
            run,
            kind,
            state: RecordState::Committed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            job: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            removes: Vec::new(),
            replaces: Vec::new(),
        }
    }
}

impl Lake {
    /// Makes the change: gives the files their names and removes those that the record says. The record has all but the
    /// outputs.
    ///
    /// # Errors
    /// What failed. The folder holds what it held before; if even that cannot be put right now, whoever opens it next
    /// does so. Only former files that cannot be removed are no failure: the change has happened, and the next one removes
    /// them.
    pub(in crate::export) fn commit(&mut self, mut record: Record, files: &mut [NewFile]) -> Result<(), Error> {
        record.outputs = files.iter().map(|file| file.entry.clone()).collect();
        let before = self.manifest.length();
        let former: Vec<&str> = record.removes.iter().map(String::as_str).collect();
        let prepared = record.prepared();
        if let Err(failed) = self.manifest.append(&prepared) {
            return Err(failed.error);
        }
        if let Err(error) = self.publish(files) {
            self.take_back(files, before);
            return Err(error);
        }
        if let Err(failed) = self.manifest.append(&record) {
            // The files may only go if the line that makes them part of the export is gone.
            if failed.is_undone {
                self.take_back(files, before);
            }
            return Err(failed.error);
        }
        let _the_next_change_tries_again = remove(&self.root, &self.disk, former.into_iter());
        let inputs = std::mem::take(&mut record.inputs);
        self.state.apply(&record, inputs);
        Ok(())
    }

    fn publish(&self, files: &mut [NewFile]) -> Result<(), Error> {
        files.iter_mut().try_for_each(|file| file.temporary.publish(false))?;
        self.sync_folders(files)
    }

    /// The partition, those around it, the dataset, the root, and the folder it was created in: any of them may be new.
    fn sync_folders(&self, files: &[NewFile]) -> Result<(), Error> {
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        for file in files {
            let within = |folder: &&Path| folder.starts_with(&self.root);
            folders.extend(file.temporary.path().ancestors().skip(1).take_while(within).map(Path::to_path_buf));
        }
        let outside = self.root.parent().filter(|parent| !parent.as_os_str().is_empty());
        folders.extend(outside.map(Path::to_path_buf));
        // Side by side the system writes many at once.
        let sync = |folder: &PathBuf| self.disk.sync_folder(folder).map_err(|error| Error::output(folder, error));
        folders.par_iter().try_for_each(sync)
    }

    /// Removes the new files, and then the record that names them. If anything fails the record stays, and the next one who
    /// opens the folder goes on here.
    fn take_back(&mut self, files: &mut [NewFile], before: u64) {
        let is_gone = files.iter_mut().all(|file| file.temporary.take_back().is_ok());
        if is_gone && self.sync_folders(files).is_ok() {
            let _ = self.manifest.cut(before);
        }
    }
}
