//! What can end a run. A bad line, file or record is no error: it is counted in the ledger and the run goes on.

use std::path::PathBuf;

/// Why a run ended early: what failed, and on which path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input path that names nothing.
    #[error("cannot read {path}: {reason}")]
    Input {
        /// The path or pattern as given.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// An option, configuration or name that makes no sense; nothing was processed.
    #[error("{0}")]
    Usage(String),
    /// Evidence, or the manifest of it, that is not as it was written down; nothing was processed.
    #[error("{0}")]
    Evidence(String),
    /// Output that could not be written.
    #[error("cannot write {}: {reason}", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        reason: std::io::Error,
    },
    /// A Parquet or Arrow writer that refused.
    #[error("cannot write {}: {reason}", path.display())]
    Encode {
        /// The file or folder.
        path: PathBuf,
        /// The writer's reason.
        reason: String,
    },
    /// A panic in a worker; where it happened stands on stderr.
    #[error("a bug in s3sleuth ended the run at {0}; please report it with the message above")]
    Bug(String),
}

impl Error {
    /// Output that failed for the system's reason.
    pub fn output(path: impl Into<PathBuf>, reason: std::io::Error) -> Error {
        Error::Output { path: path.into(), reason }
    }

    /// Is this the reader of a pipe that went away? Then the program ends quietly.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Output { reason, .. } if reason.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
