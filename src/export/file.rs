//! Files that get their names only when they are complete.

use crate::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file under a hidden name beside its final one; removed when dropped before [`TemporaryFile::publish`].
#[derive(Debug)]
pub(super) struct TemporaryFile {
    hidden: PathBuf,
    path: PathBuf,
    published: bool,
}

impl TemporaryFile {
    /// Creates `.NAME.tmp-PID` for a final `NAME`. An existing file is never opened and no link followed.
    pub(super) fn create(path: PathBuf) -> Result<(TemporaryFile, File), Error> {
        // The same process number can come back, above all in containers, where a killed run left its file.
        for attempt in 0..1000 {
            let Some(hidden) = hidden_name(&path, "tmp", attempt) else {
                return Err(Error::Usage(format!("{} names no file", path.display())));
            };
            match OpenOptions::new().write(true).create_new(true).open(&hidden) {
                Ok(file) => return Ok((TemporaryFile { hidden, path, published: false }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::output(path, error)),
            }
        }
        Err(Error::output(path, io::ErrorKind::AlreadyExists.into()))
    }

    /// The final path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the file to its final name; a file that has appeared there is replaced only if `replace`.
    pub(super) fn publish(&mut self, replace: bool) -> Result<(), Error> {
        if !replace && fs::symlink_metadata(&self.path).is_ok() {
            return Err(Error::output(&self.path, io::ErrorKind::AlreadyExists.into()));
        }
        fs::rename(&self.hidden, &self.path).map_err(|error| Error::output(&self.path, error))?;
        self.published = true;
        Ok(())
    }

    /// Takes a published file back, because another of the same run could not be published.
    pub(super) fn take_back(&mut self) {
        if self.published {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.published {
            // Nobody is left to tell; a hidden name does no harm.
            let _ = fs::remove_file(&self.hidden);
        }
    }
}

/// `.NAME.MARK-PID` beside a file, for each attempt another; `None` for a path that names no file.
pub(super) fn hidden_name(path: &Path, mark: &str, attempt: u32) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    let process = std::process::id();
    Some(path.with_file_name(match attempt {
        0 => format!(".{name}.{mark}-{process}"),
        _ => format!(".{name}.{mark}-{process}-{attempt}"),
    }))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::output(folder, error))?;
    }
    Ok(())
}

/// Folders that a run has created; removed when dropped before [`CreatedFolders::keep`], where they are empty.
#[derive(Debug, Default)]
pub(super) struct CreatedFolders {
    created: Vec<PathBuf>,
}

impl CreatedFolders {
    /// Creates the folder the user named, with its parents; it may be a link.
    pub(super) fn root(&mut self, folder: &Path) -> Result<(), Error> {
        let missing: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists())
            .map(Path::to_path_buf)
            .collect();
        fs::create_dir_all(folder).map_err(|error| Error::output(folder, error))?;
        self.created.extend(missing.into_iter().rev());
        Ok(())
    }

    /// Creates a folder in an existing one; one that is there must be a folder and no link.
    pub(super) fn child(&mut self, folder: &Path) -> Result<(), Error> {
        match fs::create_dir(folder) {
            Ok(()) => self.created.push(folder.to_path_buf()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
                if !is_folder {
                    return Err(Error::output(folder, io::ErrorKind::NotADirectory.into()));
                }
            }
            Err(error) => return Err(Error::output(folder, error)),
        }
        Ok(())
    }

    /// The run has succeeded.
    pub(super) fn keep(&mut self) {
        self.created.clear();
    }
}

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        for folder in self.created.iter().rev() {
            // A folder that others have used meanwhile is not empty and stays.
            let _ = fs::remove_dir(folder);
        }
    }
}
