//! Files to blocks: compression and archives opened, log type told by content, bytes cut into whole records.
//!
//! This stage knows limits and framing, and nothing of fields.

use crate::parse::LogType;
use std::sync::Arc;

/// One owned buffer of whole records of one log, possibly of many small files.
#[derive(Debug)]
pub struct Block {
    /// Which log the records belong to.
    pub log: LogType,
    /// The records. Access log: lines with their line ends. CloudTrail: JSON objects, one behind the other.
    pub bytes: Vec<u8>,
    /// Which stretch of `bytes` came from which file, in order.
    pub segments: Vec<Segment>,
    /// CloudTrail only: where each record lies.
    pub records: Vec<RecordFrame>,
}

/// A stretch of a block that came from one file without a gap.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The file's path as given, with `/`; inside an archive `archive.zip/inner/name`.
    pub file: Arc<str>,
    /// Offset in [`Block::bytes`].
    pub start: u32,
    /// Number of its first line or record in the file, from 1.
    pub first_number: u64,
    /// Offset of its first byte in the uncompressed file.
    pub first_offset: u64,
}

/// Where a CloudTrail record lies.
#[derive(Clone, Copy, Debug)]
pub struct RecordFrame {
    /// First byte in [`Block::bytes`].
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// Index into [`Block::segments`].
    pub segment: u32,
    /// Number of the record in its file, from 1.
    pub number: u64,
    /// Offset in the uncompressed file of the record, or of the wrapper it was taken from.
    pub offset: u64,
}
