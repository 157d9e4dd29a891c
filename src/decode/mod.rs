//! Files to blocks: compression and archives opened, log type told by content, bytes cut into whole records.
//!
//! This stage knows limits and framing, and nothing of fields. One thread calls [`read_inputs`], which reads the inputs
//! in order and hands out numbered [`Unit`]s; any number of workers turn these into blocks with [`decode_unit`].

mod archive;
mod blocks;
mod compress;
mod content_hash;
mod guard;
mod guess;
mod inventory;
mod json_frames;
mod json_scan;
mod left_lines;
mod lines;
mod packed;
pub(crate) mod parquet;
mod reader;
mod small_files;
mod sniff;
mod stream;
mod tape;
mod tree_hash;
mod unit;
mod whole;
mod window;

pub(crate) use compress::exceeded;
pub use content_hash::{ContentHash, HashKind};
pub(crate) use guard::guarded;
pub use guard::is_guarded;
pub use inventory::{InputFacts, InputNote, Inventory, Unread};
pub use left_lines::LeftLines;
pub use parquet::{DATASET_KEY, RowRange};
pub use reader::{read_and_note, read_inputs};
pub use small_files::UnopenedFile;
pub use unit::{BlockTaker, RawFile, Unit, UnitReport, Work, decode_unit};
pub(crate) use whole::{WholeFiles, is_told_to_fit};
pub use window::Broken;

use crate::parse::LogType;
use std::sync::Arc;

/// What may be demanded of this machine by the files that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line or record in bytes; a longer one is refused and passed over. No more than
    /// [`Limits::MAX_LINE`] counts.
    pub max_line: usize,
    /// Most bytes that one compressed file may become.
    pub max_decompressed: u64,
    /// A block is handed out when it has this many bytes. No more than [`Limits::MAX_BLOCK`] counts.
    pub block_size: usize,
    /// Files up to this many bytes are opened by workers; larger ones are decoded as a stream.
    pub small_file: u64,
}

impl Limits {
    /// Most that [`Limits::max_line`] can allow: places in a block are 32 bits wide, and a block holds whole
    /// records and the text that is derived from them, which may be several times as long.
    pub const MAX_LINE: usize = 64 << 20;

    /// Most that [`Limits::block_size`] can ask for, for the same reason.
    pub const MAX_BLOCK: usize = 256 << 20;

    /// The longest line or record that is read.
    pub fn longest_line(&self) -> usize {
        self.max_line.min(Limits::MAX_LINE)
    }

    /// Bytes with which a block is full.
    pub fn full_block(&self) -> usize {
        self.block_size.min(Limits::MAX_BLOCK)
    }
}

impl Default for Limits {
    /// Blocks of 3 MiB: the rows at both ends of a block are mixed with those of its neighbours when they are put in the order
    /// of time. `export` of 1 GB of access log (`generate --log s3_access --bytes 1GB --hostile-ppm 1000`), least of five
    /// alternating runs: 3.55 s with 2 MiB, 3.43 s with 3 MiB, 3.58 s with 4 MiB and half as much memory again.
    fn default() -> Limits {
        Limits { max_line: 4 << 20, max_decompressed: 100 << 30, block_size: 3 << 20, small_file: 1 << 20 }
    }
}

/// One owned buffer of whole records of one log, possibly of many small files.
#[derive(Debug)]
pub struct Block {
    /// Which log the records belong to.
    pub log: LogType,
    /// The records. Where `records` is empty: lines of an access log with their line ends. Else: JSON objects, one behind
    /// the other.
    pub bytes: Vec<u8>,
    /// Which stretch of `bytes` came from which file, in order.
    pub segments: Vec<Segment>,
    /// JSON only: where each record lies.
    pub records: Vec<RecordFrame>,
    /// How many lines or records were framed into it: the ledger holds the parser to this number.
    pub framed: u64,
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

/// Where a JSON record lies.
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
