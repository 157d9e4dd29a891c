//! Where a stream goes: standard output, a device, or a file that gets its name at the end.

use crate::error::Error;
use crate::export::file::{TemporaryFile, sync_folder};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// An open output. Pieces are large, so nothing is buffered and no error can hide in a buffer.
pub(super) enum Output {
    /// A stream given by the caller.
    Stream(Box<dyn Write + Send>),
    /// A pipe or device with a name: written in place.
    Device(PathBuf, File),
    /// A file under a hidden name; `true`: it may replace one.
    File(TemporaryFile, File, bool),
}

impl Output {
    /// Opens a file or device.
    pub(super) fn file(path: PathBuf, force: bool) -> Result<Output, Error> {
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::Usage(format!("{} is a folder: name a file", path.display())));
            }
            Ok(found) if !found.is_file() => {
                let opened = OpenOptions::new().write(true).open(&path);
                let file = opened.map_err(|error| Error::output(&path, error))?;
                return Ok(Output::Device(path, file));
            }
            _ if !force && fs::symlink_metadata(&path).is_ok() => {
                return Err(Error::Usage(format!("{} exists; replace it with --force", path.display())));
            }
            _ => {}
        }
        let (temporary, file) = TemporaryFile::create(path)?;
        Ok(Output::File(temporary, file, force))
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = match self {
            Output::Stream(stream) => stream.write_all(bytes),
            Output::Device(_, file) | Output::File(_, file, _) => file.write_all(bytes),
        };
        written.map_err(|error| self.error(error))
    }

    /// Flushes, makes durable and names the file. Returns its path.
    pub(super) fn finish(mut self) -> Result<PathBuf, Error> {
        let flushed = match &mut self {
            Output::Stream(stream) => stream.flush(),
            // Pipes and devices need not know how to sync.
            Output::Device(_, file) => file.flush(),
            Output::File(_, file, _) => file.sync_all(),
        };
        flushed.map_err(|error| self.error(error))?;
        match self {
            Output::Stream(_) => Ok(PathBuf::from("-")),
            Output::Device(path, _) => Ok(path),
            Output::File(mut temporary, file, force) => {
                drop(file);
                temporary.publish(force)?;
                let path = temporary.path().to_path_buf();
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                sync_folder(folder.unwrap_or(".".as_ref()))?;
                Ok(path)
            }
        }
    }

    fn error(&self, error: io::Error) -> Error {
        match self {
            Output::Stream(_) => Error::output("-", error),
            Output::Device(path, _) => Error::output(path, error),
            Output::File(temporary, ..) => Error::output(temporary.path(), error),
        }
    }
}
