//! Where a stream goes: standard output, a device, or a file that gets its name at the end.

use crate::error::Error;
use crate::export::file::OutputFile;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An open output. Pieces are large, so nothing is buffered and no error can hide in a buffer.
pub(super) enum Output {
    /// A stream given by the caller.
    Stream(Box<dyn Write + Send>),
    /// A file or device with a name.
    File(OutputFile),
}

impl Output {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = match self {
            Output::Stream(stream) => stream.write_all(bytes),
            Output::File(file) => file.write_all(bytes),
        };
        written.map_err(|error| self.error(error))
    }

    /// Flushes, makes durable and names the file. Returns its path.
    pub(super) fn finish(mut self) -> Result<PathBuf, Error> {
        let path = self.path().to_path_buf();
        if let Output::Stream(stream) = &mut self {
            stream.flush().map_err(|error| Error::output(&path, error))?;
        }
        if let Output::File(file) = self {
            file.finish()?;
        }
        Ok(path)
    }

    /// The path of the file; `-` for a stream.
    pub(super) fn path(&self) -> &Path {
        match self {
            Output::Stream(_) => Path::new("-"),
            Output::File(file) => file.path(),
        }
    }

    /// Can what was written be taken back?
    pub(super) fn is_hidden(&self) -> bool {
        matches!(self, Output::File(file) if file.is_hidden())
    }

    fn error(&self, error: io::Error) -> Error {
        Error::output(self.path(), error)
    }
}
