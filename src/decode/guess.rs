//! Ordinary CloudTrail files framed by what AWS writes between two records, without reading the records.
//!
//! In `{"Records":[{"eventVersion":…},{"eventVersion":…}]}` a record begins behind each `},` that `{"eventVersion":`
//! follows, unless such an object lies inside of a record: then a piece between two such places is no JSON object. So
//! the guess is right if each piece proves to be one when it is parsed. If any does not, [`super::json_frames`] does it
//! all again, with care. Inside a string the quotes would have backslashes before them.

use super::sniff::{self, Content};
use super::{Block, Limits, RecordFrame, Segment};
use crate::ledger::{FileOutcome, FileStatus};
use crate::parse::{LogType, Span};
use memchr::memmem;
use std::ops::Range;
use std::sync::Arc;

/// What stands before the first record and what it begins with.
const HEAD: &[u8] = b"{\"Records\":[{\"eventVersion\":";

/// Length of the envelope before the first record.
const ENVELOPE: usize = b"{\"Records\":[".len();

/// Between two records, and what the second one begins with.
const BORDER: &[u8] = b"},{\"eventVersion\":";

/// What stands behind the last record.
const TAIL: &[u8] = b"]}";

/// A block of whole files under way.
pub struct GuessedBlock {
    /// Whole files; [`GuessedBlock::length`] of them count, what lies behind is room.
    pub bytes: Vec<u8>,
    /// Bytes that count.
    pub length: usize,
    segments: Vec<Segment>,
    records: Vec<RecordFrame>,
    files: Vec<GuessedFile>,
}

/// A file in a guessed block.
pub struct GuessedFile {
    /// Its name.
    pub name: Arc<str>,
    /// Compressions and archives around its text.
    pub layers: u32,
    /// Its text in the block.
    pub place: Range<usize>,
}

impl GuessedFile {
    /// What is told of the file where the guess is right.
    pub fn outcome(&self) -> FileOutcome {
        let bytes = self.place.len() as u64;
        FileOutcome { name: Arc::clone(&self.name), status: FileStatus::Read, limit_hit: false, bytes }
    }
}

impl GuessedBlock {
    /// An empty block in a buffer that may have been used before.
    pub fn new(bytes: Vec<u8>) -> GuessedBlock {
        GuessedBlock { bytes, length: 0, segments: Vec::new(), records: Vec::new(), files: Vec::new() }
    }

    /// Takes the file whose text stands in `place`, right behind the others, if it looks ordinary.
    pub fn add(&mut self, file: GuessedFile, limits: &Limits) -> Result<(), GuessedFile> {
        let records = self.records.len();
        if !self.frame(&file, limits) {
            self.records.truncate(records);
            return Err(file);
        }
        let Span { start, .. } = Span::new(file.place.start + ENVELOPE, file.place.end);
        let (first_number, first_offset) = (1, ENVELOPE as u64);
        self.segments.push(Segment { file: Arc::clone(&file.name), start, first_number, first_offset });
        self.length = file.place.end;
        self.files.push(file);
        Ok(())
    }

    fn frame(&mut self, file: &GuessedFile, limits: &Limits) -> bool {
        let text = &self.bytes[file.place.clone()];
        let is_white = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = text.iter().rposition(|byte| !is_white(byte)).map_or(0, |last| last + 1);
        // White space behind the last record would become a part of it.
        let is_ours = |records: &&[u8]| text.starts_with(HEAD) && !records.last().is_some_and(is_white);
        let Some(records) = text[..end].strip_suffix(TAIL).filter(is_ours) else { return false };
        if sniff::content(&text[..text.len().min(sniff::HEAD)], false) != Content::Json {
            return false;
        }
        let segment = self.segments.len() as u32;
        let first = self.records.len();
        let mut begin = ENVELOPE;
        let ends = memmem::find_iter(records, BORDER).map(|border| border + 1).chain([records.len()]);
        for end in ends {
            if end.checked_sub(begin).is_none_or(|length| length > limits.longest_line()) {
                return false;
            }
            let Span { start, end: stop } = Span::new(file.place.start + begin, file.place.start + end);
            let number = (self.records.len() - first) as u64 + 1;
            self.records.push(RecordFrame { start, end: stop, segment, number, offset: begin as u64 });
            begin = end + 1;
        }
        let first = self.records[first];
        sniff::foreign(&self.bytes[first.start as usize..first.end as usize], records).is_none()
    }

    /// The block, if there is something in it, and its files.
    pub fn take(&mut self) -> Option<(Block, Vec<GuessedFile>)> {
        if self.files.is_empty() {
            return None;
        }
        let mut whole = std::mem::replace(self, GuessedBlock::new(Vec::new()));
        whole.bytes.truncate(whole.length);
        let block = Block {
            log: LogType::CloudTrail,
            bytes: whole.bytes,
            segments: whole.segments,
            framed: whole.records.len() as u64,
            records: whole.records,
        };
        Some((block, whole.files))
    }
}
