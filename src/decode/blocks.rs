//! The blocks that are being filled, one a form of records.

use super::{Block, RecordFrame, Segment};
use crate::parse::{LogType, Span};
use std::sync::Arc;

/// A log in one of the forms in which it comes. A block holds records of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines of an access log.
    AccessLines,
    /// JSON objects of an access log, as CloudWatch delivers it.
    AccessObjects,
    /// JSON objects of CloudTrail.
    TrailObjects,
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 3] = [Form::AccessLines, Form::AccessObjects, Form::TrailObjects];

    /// The log.
    pub fn log(self) -> LogType {
        match self {
            Form::AccessLines | Form::AccessObjects => LogType::S3Access,
            Form::TrailObjects => LogType::CloudTrail,
        }
    }
}

/// A block under way.
pub struct OpenBlock {
    block: Block,
    /// Number and offset with which the last segment would go on without a gap (access log).
    next: (u64, u64),
    /// Bytes to make room for at the first append: the block never moves while it grows, nor when the parser adds
    /// derived text behind it.
    capacity: usize,
}

impl OpenBlock {
    /// An empty block that will hold about `size` bytes.
    pub fn new(log: LogType, size: usize) -> OpenBlock {
        let block = Block { log, bytes: Vec::new(), segments: Vec::new(), records: Vec::new(), framed: 0 };
        OpenBlock { block, next: (0, 0), capacity: size + size / 4 }
    }

    /// Bytes in it.
    pub fn len(&self) -> usize {
        self.block.bytes.len()
    }

    /// Takes what there is, if there is something.
    pub fn take(&mut self) -> Option<Block> {
        if self.block.segments.is_empty() {
            return None;
        }
        let fresh = OpenBlock { capacity: self.capacity, ..OpenBlock::new(self.block.log, 0) };
        Some(std::mem::replace(self, fresh).block)
    }

    /// Appends `count` whole lines, the first of which is `number` at `offset` of `file`.
    pub fn lines(&mut self, file: &Arc<str>, number: u64, offset: u64, count: u64, bytes: &[u8]) {
        let goes_on = self.next == (number, offset)
            && self.block.segments.last().is_some_and(|last| Arc::ptr_eq(&last.file, file));
        if !goes_on {
            self.segment(file, number, offset);
        }
        self.block.bytes.extend_from_slice(bytes);
        self.block.framed += count;
        self.next = (number + count, offset + bytes.len() as u64);
    }

    /// Appends one record.
    pub fn record(&mut self, file: &Arc<str>, number: u64, offset: u64, bytes: &[u8]) {
        if !self.block.bytes.is_empty() {
            self.block.bytes.push(b'\n');
        }
        if !self.block.segments.last().is_some_and(|last| Arc::ptr_eq(&last.file, file)) {
            self.segment(file, number, offset);
        }
        let start = self.block.bytes.len();
        self.block.bytes.extend_from_slice(bytes);
        let Span { start, end } = Span::new(start, self.block.bytes.len());
        let segment = self.block.segments.len() as u32 - 1;
        self.block.framed += 1;
        self.block.records.push(RecordFrame { start, end, segment, number, offset });
    }

    fn segment(&mut self, file: &Arc<str>, first_number: u64, first_offset: u64) {
        if self.block.bytes.capacity() == 0 {
            self.block.bytes.reserve(self.capacity);
        }
        // The last line of the file before may be unended. Without a line end its last byte and the first one of this
        // file could make up one character, and the text would pass for well-formed where neither field is.
        if self.block.bytes.last().is_some_and(|last| *last != b'\n') {
            self.block.bytes.push(b'\n');
        }
        let Span { start, .. } = Span::new(self.block.bytes.len(), self.block.bytes.len());
        self.block.segments.push(Segment { file: Arc::clone(file), start, first_number, first_offset });
    }
}
