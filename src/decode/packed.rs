//! Ordinary small files, one behind the other in a block of one log. Each is read or decompressed to where it stays.

use super::guess;
use super::sniff::{self, Content};
use super::{Block, Limits, RecordFrame, Segment};
use crate::ledger::{FileOutcome, FileStatus};
use crate::parse::{LogType, Span};
use memchr::memchr_iter;
use std::ops::Range;
use std::sync::Arc;

/// A block of whole files under way: of lines of access logs, or of CloudTrail with records whose places are guessed.
pub struct PackedBlock {
    /// Whole files; [`PackedBlock::length`] of them count, what lies behind is room.
    pub bytes: Vec<u8>,
    /// Bytes that count.
    pub length: usize,
    log: LogType,
    segments: Vec<Segment>,
    records: Vec<RecordFrame>,
    framed: u64,
    files: Vec<PackedFile>,
}

/// A file in a block.
pub struct PackedFile {
    /// Its name.
    pub name: Arc<str>,
    /// Compressions and archives around its text.
    pub layers: u32,
    /// Its text in the block.
    pub place: Range<usize>,
}

impl PackedFile {
    /// What is told of the file once its block has been taken.
    pub fn outcome(&self) -> FileOutcome {
        let bytes = self.place.len() as u64;
        FileOutcome { name: Arc::clone(&self.name), status: FileStatus::Read, limit_hit: false, bytes }
    }
}

impl PackedBlock {
    /// An empty block in a buffer that may have been used before.
    pub fn new(bytes: Vec<u8>) -> PackedBlock {
        let (segments, records, files) = (Vec::new(), Vec::new(), Vec::new());
        PackedBlock { bytes, length: 0, log: LogType::S3Access, segments, records, framed: 0, files }
    }

    /// Room for so many bytes behind those that count.
    pub fn room(&mut self, count: usize, limits: &Limits) -> &mut [u8] {
        let end = self.length + count;
        if self.bytes.len() < end {
            // Once for all files that a block holds: growing would copy those before.
            let whole = limits.full_block() + limits.full_block() / 4;
            self.bytes.reserve_exact(end.max(whole) - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.length..end]
    }

    /// The log of an ordinary file with this text; `None` for all that has to be looked at with care.
    pub fn log_of(text: &[u8], guesses: bool, limits: &Limits) -> Option<LogType> {
        if guesses && guess::begins_so(text) {
            return Some(LogType::CloudTrail);
        }
        let is_ordinary = text.len() <= limits.longest_line()
            && sniff::byte_order_mark(text) == 0
            && sniff::content(text, false) == Content::AccessLog;
        is_ordinary.then_some(LogType::S3Access)
    }

    /// Are there files of the other log in it?
    pub fn holds_other(&self, log: LogType) -> bool {
        !self.files.is_empty() && self.log != log
    }

    /// Takes the file of that log whose text stands in `place`, right behind the others, if it turns out to be ordinary.
    ///
    /// # Errors
    /// Gives the file back, and its text stands where it stood.
    pub fn add(&mut self, file: PackedFile, log: LogType, limits: &Limits) -> Result<(), PackedFile> {
        let first_offset = match log {
            LogType::S3Access => 0,
            LogType::CloudTrail => guess::ENVELOPE,
        };
        let Span { start, .. } = Span::new(file.place.start + first_offset, file.place.end);
        match log {
            LogType::S3Access => self.add_lines(&file, limits),
            LogType::CloudTrail => {
                let (records, segment) = (self.records.len(), self.segments.len() as u32);
                if !guess::frame(&self.bytes, file.place.clone(), segment, limits, &mut self.records) {
                    self.records.truncate(records);
                    return Err(file);
                }
                self.framed += (self.records.len() - records) as u64;
                self.length = file.place.end;
            }
        }
        let (name, first_offset) = (Arc::clone(&file.name), first_offset as u64);
        self.segments.push(Segment { file: name, start, first_number: 1, first_offset });
        self.log = log;
        self.files.push(file);
        Ok(())
    }

    fn add_lines(&mut self, file: &PackedFile, limits: &Limits) {
        let text = &self.bytes[file.place.clone()];
        self.framed += memchr_iter(b'\n', text).count() as u64;
        let is_ended = text.last().is_none_or(|last| *last == b'\n');
        self.length = file.place.end;
        if !is_ended {
            // Without a line end its last byte and the first one of the next file could make up one character, and the
            // text would pass for well-formed where neither field is.
            self.framed += 1;
            self.room(1, limits)[0] = b'\n';
            self.length += 1;
        }
    }

    /// The block, if there is something in it, and its files.
    pub fn take(&mut self) -> Option<(Block, Vec<PackedFile>)> {
        if self.files.is_empty() {
            return None;
        }
        let mut whole = std::mem::replace(self, PackedBlock::new(Vec::new()));
        whole.bytes.truncate(whole.length);
        let PackedBlock { bytes, log, segments, records, framed, files, .. } = whole;
        Some((Block { log, bytes, segments, records, framed }, files))
    }
}
