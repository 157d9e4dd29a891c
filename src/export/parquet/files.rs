//! The files of the partitions: opened under hidden names, appended to, closed, published.

use super::collector::FileId;
use super::encode::{EncodedRowGroup, TableFormat, parquet_error};
use crate::batch::Dataset;
use crate::error::Error;
use crate::export::file::{CreatedFolders, TemporaryFile, sync_folder};
use crate::export::{ExportSummary, ExportedFile};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// All files of a run. Dropped before [`PartitionFiles::publish`] it removes what it has written.
pub(super) struct PartitionFiles {
    root: PathBuf,
    open: BTreeMap<FileId, OpenFile>,
    closed: BTreeMap<FileId, ClosedFile>,
    // Behind the files, so that it is dropped when they are gone.
    folders: CreatedFolders,
}

struct OpenFile {
    // Dropped before the temporary file is removed.
    writer: SerializedFileWriter<File>,
    temporary: TemporaryFile,
    rows: u64,
}

struct ClosedFile {
    temporary: TemporaryFile,
    rows: u64,
    bytes: u64,
}

impl PartitionFiles {
    pub(super) fn new(root: PathBuf) -> PartitionFiles {
        PartitionFiles { root, open: BTreeMap::new(), closed: BTreeMap::new(), folders: CreatedFolders::default() }
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
                chunk.append_to_row_group(&mut writer)?;
            }
            writer.close().map(drop)
        })();
        written.map_err(|error| parquet_error(file.temporary.path(), error))
    }

    fn open(&mut self, format: &TableFormat, id: FileId) -> Result<OpenFile, Error> {
        let dataset = self.root.join(id.partition.dataset.name());
        let folder = dataset.join(id.partition.folder());
        self.folders.root(&self.root)?;
        self.folders.child(&dataset)?;
        self.folders.child(&folder)?;
        let path = folder.join(format!("part-{:05}.parquet", id.part));
        let (temporary, file) = TemporaryFile::create(path)?;
        let writer = format.file_writer(file).map_err(|error| parquet_error(temporary.path(), error))?;
        Ok(OpenFile { writer, temporary, rows: 0 })
    }

    /// Closes what is open and gives every file its name; with `force` the former files of the datasets go first.
    pub(super) fn publish(mut self, force: bool) -> Result<ExportSummary, Error> {
        let open = std::mem::take(&mut self.open);
        let closed: Result<Vec<_>, Error> =
            open.into_par_iter().map(|(id, file)| Ok((id, file.close()?))).collect();
        self.closed.extend(closed?);
        let datasets: BTreeSet<Dataset> = self.closed.keys().map(|id| id.partition.dataset).collect();
        if force {
            for dataset in &datasets {
                remove_former(&self.root.join(dataset.name()))?;
            }
        }
        let published = self.closed.values_mut().try_for_each(|file| file.temporary.publish(false));
        if let Err(error) = published.and_then(|()| self.sync_folders(&datasets)) {
            self.closed.values_mut().for_each(|file| file.temporary.take_back());
            return Err(error);
        }
        self.folders.keep();
        let files = self.closed.values().map(|file| ExportedFile {
            path: file.temporary.path().to_path_buf(),
            rows: file.rows,
            bytes: file.bytes,
        });
        let files: Vec<ExportedFile> = files.collect();
        Ok(ExportSummary { rows: files.iter().map(|file| file.rows).sum(), files })
    }

    fn sync_folders(&self, datasets: &BTreeSet<Dataset>) -> Result<(), Error> {
        let folders: BTreeSet<&Path> =
            self.closed.values().filter_map(|file| file.temporary.path().parent()).collect();
        folders.into_iter().try_for_each(sync_folder)?;
        datasets.iter().try_for_each(|dataset| sync_folder(&self.root.join(dataset.name())))?;
        if datasets.is_empty() { Ok(()) } else { sync_folder(&self.root) }
    }
}

impl OpenFile {
    /// Writes the footer and makes the bytes durable.
    fn close(mut self) -> Result<ClosedFile, Error> {
        self.writer.finish().map_err(|error| parquet_error(self.temporary.path(), error))?;
        self.writer.inner().sync_all().map_err(|error| Error::output(self.temporary.path(), error))?;
        Ok(ClosedFile { bytes: self.writer.bytes_written() as u64, rows: self.rows, temporary: self.temporary })
    }
}

/// Refuses a folder that holds an export already, before anything is read.
pub(super) fn check_free(root: &Path, datasets: impl Iterator<Item = Dataset>, force: bool) -> Result<(), Error> {
    if root.exists() && !root.is_dir() {
        return Err(Error::Usage(format!("{} is no folder", root.display())));
    }
    for dataset in datasets {
        let folder = root.join(dataset.name());
        let Ok(found) = fs::symlink_metadata(&folder) else { continue };
        if !found.is_dir() {
            return Err(Error::Usage(format!("{} is no folder", folder.display())));
        }
        let entries = fs::read_dir(&folder).map_err(|error| Error::output(&folder, error))?;
        for entry in entries {
            let name = entry.map_err(|error| Error::output(&folder, error))?.file_name();
            if !force && !name.as_encoded_bytes().starts_with(b".") {
                return Err(Error::Usage(format!(
                    "{} is not empty: name another folder, pick the log with --log, or replace its files with --force",
                    folder.display()
                )));
            }
        }
    }
    Ok(())
}

/// Removes the data files of an earlier export, and nothing else.
fn remove_former(dataset: &Path) -> Result<(), Error> {
    let partitions = entries(dataset, |name| name.starts_with("event_date="), fs::FileType::is_dir)?;
    for partition in partitions {
        let is_part = |name: &str| name.starts_with("part-") && name.ends_with(".parquet");
        for file in entries(&partition, is_part, fs::FileType::is_file)? {
            fs::remove_file(&file).map_err(|error| Error::output(&file, error))?;
        }
    }
    Ok(())
}

/// Entries with such a name and of that kind; links are neither file nor folder here.
fn entries(
    folder: &Path,
    name: impl Fn(&str) -> bool,
    kind: fn(&fs::FileType) -> bool,
) -> Result<Vec<PathBuf>, Error> {
    let listed = || {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&name) && kind(&entry.file_type()?) {
                found.push(entry.path());
            }
        }
        Ok(found)
    };
    listed().map_err(|error| Error::output(folder, error))
}
