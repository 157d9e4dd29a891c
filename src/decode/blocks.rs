//! The blocks that are being filled, one a log type.

use super::{Block, RecordFrame, Segment};
use crate::parse::{LogType, Span};
use std::fs::File;
use std::io;
use std::sync::Arc;

/// A block under way.
pub struct OpenBlock {
    block: Block,
    /// Number and offset with which the last segment would go on without a gap (access log).
    next: (u64, u64),
    /// Bytes to make room for at the first append: the block never moves while it grows, nor when the parser adds
    /// derived text behind it.
    capacity: usize,
    /// The plain file whose lines are only measured here and read again by the worker that parses them, into a buffer
    /// that it has used before: bytes that pass from one processor to another cost more than reading them twice.
    left_in: Option<Arc<File>>,
    /// Bytes of the block, also of those left in their file.
    length: usize,
}

/// The bytes of a block that were left in their file.
#[derive(Debug)]
pub struct Unread {
    file: Arc<File>,
    length: usize,
}

impl Unread {
    /// Reads the bytes into the block, from where its segments say. `buffer` is used again.
    ///
    /// # Errors
    /// Those of the system, and a file that has become shorter.
    pub fn read_into(&self, block: &mut Block, mut buffer: Vec<u8>) -> io::Result<()> {
        buffer.resize(self.length, 0);
        let ends = block.segments.iter().skip(1).map(|next| next.start as usize).chain([self.length]);
        for (segment, end) in block.segments.iter().zip(ends) {
            read_exact_at(&self.file, &mut buffer[segment.start as usize..end], segment.first_offset)?;
        }
        block.bytes = buffer;
        Ok(())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

impl OpenBlock {
    /// An empty block that will hold about `size` bytes.
    pub fn new(log: LogType, size: usize) -> OpenBlock {
        let block = Block { log, bytes: Vec::new(), segments: Vec::new(), records: Vec::new(), framed: 0 };
        OpenBlock { block, next: (0, 0), capacity: size + size / 4, left_in: None, length: 0 }
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.length
    }

    /// From now on lines are left in this file, whose plain bytes they are, or taken as they come. Nothing may be open.
    pub fn leave_in(&mut self, file: Option<Arc<File>>) {
        self.left_in = file.filter(|_| cfg!(unix));
    }

    /// Takes what there is, if there is something.
    pub fn take(&mut self) -> Option<(Block, Option<Unread>)> {
        if self.block.segments.is_empty() {
            return None;
        }
        let (capacity, left_in) = (self.capacity, self.left_in.clone());
        let fresh = OpenBlock { capacity, left_in, ..OpenBlock::new(self.block.log, 0) };
        let full = std::mem::replace(self, fresh);
        Some((full.block, full.left_in.map(|file| Unread { file, length: full.length })))
    }

    /// Appends `count` whole lines, the first of which is `number` at `offset` of `file`.
    pub fn lines(&mut self, file: &Arc<str>, number: u64, offset: u64, count: u64, bytes: &[u8]) {
        let goes_on = self.next == (number, offset)
            && self.block.segments.last().is_some_and(|last| Arc::ptr_eq(&last.file, file));
        if !goes_on {
            self.segment(file, number, offset);
        }
        if self.left_in.is_none() {
            self.block.bytes.extend_from_slice(bytes);
        }
        self.length += bytes.len();
        self.block.framed += count;
        self.next = (number + count, offset + bytes.len() as u64);
    }

    /// Appends one record.
    pub fn record(&mut self, file: &Arc<str>, number: u64, offset: u64, bytes: &[u8]) {
        if !self.block.bytes.is_empty() {
            self.block.bytes.push(b'\n');
            self.length += 1;
        }
        if !self.block.segments.last().is_some_and(|last| Arc::ptr_eq(&last.file, file)) {
            self.segment(file, number, offset);
        }
        let start = self.block.bytes.len();
        self.block.bytes.extend_from_slice(bytes);
        let Span { start, end } = Span::new(start, self.block.bytes.len());
        self.length = end as usize;
        let segment = self.block.segments.len() as u32 - 1;
        self.block.framed += 1;
        self.block.records.push(RecordFrame { start, end, segment, number, offset });
    }

    fn segment(&mut self, file: &Arc<str>, first_number: u64, first_offset: u64) {
        if self.block.bytes.capacity() == 0 && self.left_in.is_none() {
            self.block.bytes.reserve(self.capacity);
        }
        // The last line of the file before may be unended. Without a line end its last byte and the first one of this
        // file could make up one character, and the text would pass for well-formed where neither field is.
        if self.block.bytes.last().is_some_and(|last| *last != b'\n') {
            self.block.bytes.push(b'\n');
            self.length += 1;
        }
        let Span { start, .. } = Span::new(self.length, self.length);
        self.block.segments.push(Segment { file: Arc::clone(file), start, first_number, first_offset });
    }
}
