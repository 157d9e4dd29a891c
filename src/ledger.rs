//! What was read and what was not: counts that must add up, and the places of what was refused.

use crate::parse::{LogType, ParseError};
use std::sync::Arc;

/// A line or record that could not be taken as one of its log's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Path of the file.
    pub file: Arc<str>,
    /// The log it was taken for.
    pub log: LogType,
    /// Line or record in the file, from 1.
    pub number: u64,
    /// Offset in the uncompressed file, in bytes, of the record's first byte.
    pub offset: u64,
    /// The field at which reading stopped, or the framing step.
    pub field: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The record's bytes, at most [`Reject::RAW_LIMIT`] of them.
    pub raw: Vec<u8>,
    /// Length of the whole record in bytes.
    pub length: u64,
}

/// Takes refused records one by one: a hostile block may hold a million.
pub trait RejectSink {
    /// Takes one.
    fn push(&mut self, reject: Reject);
}

impl RejectSink for Vec<Reject> {
    fn push(&mut self, reject: Reject) {
        Vec::push(self, reject);
    }
}

impl Reject {
    /// How much of a refused record is kept, in bytes.
    pub const RAW_LIMIT: usize = 64 << 10;

    /// A record that its parser refused.
    pub fn parse(
        log: LogType,
        file: &Arc<str>,
        number: u64,
        offset: u64,
        error: ParseError,
        record: &[u8],
    ) -> Reject {
        Reject {
            file: Arc::clone(file),
            log,
            number,
            offset,
            field: error.field,
            reason: error.reason,
            raw: record[..record.len().min(Reject::RAW_LIMIT)].to_vec(),
            length: record.len() as u64,
        }
    }
}

/// What became of one input file, or of one entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOutcome {
    /// Path as given; inside an archive `archive.zip/inner/name`.
    pub name: Arc<str>,
    /// Read, or why not.
    pub status: FileStatus,
    /// A resource limit (line length, expansion) was hit in it.
    pub limit_hit: bool,
    /// Uncompressed bytes that were read of it.
    pub bytes: u64,
}

impl FileOutcome {
    /// An outcome of a file of which no byte was used.
    pub fn unread(name: &Arc<str>, status: FileStatus) -> FileOutcome {
        FileOutcome { name: Arc::clone(name), status, limit_hit: false, bytes: 0 }
    }
}

/// How much of a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileStatus {
    /// All of it.
    Read,
    /// Nothing: it holds no records and is expected beside logs (digests, empty objects, folder markers).
    Ignored(String),
    /// Nothing: it could not be read, or is no log.
    Skipped(String),
    /// A part; what could be taken from it was.
    Partial(String),
}

/// Something that a person should know about an input and that changes no count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Path of the file or folder.
    pub name: Arc<str>,
    /// What was seen there.
    pub text: String,
}
