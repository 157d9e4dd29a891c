//! A unit of parallel work and what a worker does with it.

use super::blocks::Unread;
use super::compress::Counted;
use super::stream::{Decoder, Flow, Output, Stream};
use super::window::{Broken, Window};
use super::{Block, Limits};
use crate::ledger::{FileOutcome, FileStatus, Notice, Reject, RejectSink};
use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

/// Numbered work, in the order of the inputs.
#[derive(Debug)]
pub struct Unit {
    /// 0, 1, 2 and so on, without a gap.
    pub sequence: u64,
    /// What to do, in order.
    pub work: Vec<Work>,
    /// Bytes of the inputs, as they lie on the disk, that were read for it; for progress.
    pub input_bytes: u64,
}

/// A piece of a [`Unit`].
#[derive(Debug)]
pub enum Work {
    /// A small file to be opened.
    File(RawFile),
    /// Records of a large file.
    Block(Block, Option<Unread>),
    /// A large file came to its end, or a file could not be read.
    Done(FileOutcome),
    /// Something to be told.
    Notice(Notice),
    /// A line or record of a large file that is no whole one.
    Reject(Reject),
}

/// A small file or archive entry as it is, compressed or not.
#[derive(Debug)]
pub struct RawFile {
    /// Path as given; inside an archive `archive.zip/inner/name`.
    pub name: Arc<str>,
    /// All of its bytes.
    pub bytes: Vec<u8>,
    /// How many archives and compressions it was inside of.
    pub layers: u32,
    /// Why there are not more bytes, if there should be.
    pub broken: Option<Broken>,
}

/// What a unit tells beside its blocks, in the order of its files.
#[derive(Default)]
pub struct UnitReport<'a> {
    /// Each file that came to its end in this unit.
    pub files: Vec<FileOutcome>,
    /// Things to be told.
    pub notices: Vec<Notice>,
    /// Lines and records that are no whole ones, if they do not go to `sink`.
    pub rejects: Vec<Reject>,
    /// A buffer of an earlier block, to be filled again: its pages are there and near.
    pub spare: Vec<u8>,
    /// How many lines and records are no whole ones: they are in no block.
    pub refused: u64,
    /// Takes lines and records that are no whole ones as they are met.
    pub sink: Option<&'a RefCell<dyn RejectSink + 'a>>,
}

impl UnitReport<'_> {
    fn reject(&mut self, reject: Reject) {
        self.refused += 1;
        match self.sink {
            Some(sink) => sink.borrow_mut().push(reject),
            None => self.rejects.push(reject),
        }
    }
}

/// Opens the files of a unit and hands out blocks of whole records. The same unit gives the same blocks in the same
/// order.
///
/// # Errors
/// Breaks where `each` breaks.
pub fn decode_unit(
    unit: Unit,
    limits: &Limits,
    each: &mut dyn FnMut(Block) -> ControlFlow<()>,
    report: &mut UnitReport<'_>,
) -> ControlFlow<()> {
    let mut worker = Worker { each, report };
    let mut decoder = Decoder::new(limits, &mut worker, false);
    for work in unit.work {
        match work {
            Work::File(file) => decoder.raw_file(file)?,
            Work::Block(block, unread) => {
                // Small files before it are packed into a block that is still open.
                decoder.flush()?;
                decoder.output.block(block, unread)?;
            }
            Work::Done(outcome) => decoder.output.file(outcome)?,
            Work::Notice(notice) => decoder.output.notice(notice)?,
            Work::Reject(reject) => decoder.output.reject(reject)?,
        }
    }
    decoder.flush()
}

impl Decoder<'_> {
    fn raw_file(&mut self, file: RawFile) -> Flow {
        let length = file.bytes.len();
        let source = ThenBroken { bytes: Cursor::new(file.bytes), broken: file.broken };
        self.stream(Stream::new(file.name, file.layers, |count| {
            // Counted as it is read, so that a bomb is seen before all of the file is.
            let counted = Counted { source, count: Rc::clone(count) };
            Window::new(Box::new(counted), length)
        }))
    }
}

/// Bytes, and then the error that ended them.
struct ThenBroken {
    bytes: Cursor<Vec<u8>>,
    broken: Option<Broken>,
}

impl Read for ThenBroken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match (self.bytes.read(into)?, &self.broken) {
            (0, Some(broken)) if !into.is_empty() => Err(broken.clone().into()),
            (count, _) => Ok(count),
        }
    }
}

struct Worker<'a, 'b> {
    each: &'a mut dyn FnMut(Block) -> ControlFlow<()>,
    report: &'a mut UnitReport<'b>,
}

impl Output for Worker<'_, '_> {
    fn block(&mut self, mut block: Block, unread: Option<Unread>) -> Flow {
        if let Some(unread) = unread {
            let buffer = std::mem::take(&mut self.report.spare);
            if let Err(error) = unread.read_into(&mut block, buffer) {
                // What is there no more cannot be parsed. The file has an outcome of its own; this one tells the loss.
                let Some(first) = block.segments.first() else { return Flow::Continue(()) };
                let lost = format!("{} lines from line {} on are lost: {error}", block.framed, first.first_number);
                return self.file(FileOutcome::unread(&first.file, FileStatus::Partial(lost)));
            }
        }
        (self.each)(block)
    }

    fn file(&mut self, outcome: FileOutcome) -> Flow {
        self.report.files.push(outcome);
        Flow::Continue(())
    }

    fn notice(&mut self, notice: Notice) -> Flow {
        self.report.notices.push(notice);
        Flow::Continue(())
    }

    fn reject(&mut self, reject: Reject) -> Flow {
        self.report.reject(reject);
        Flow::Continue(())
    }
}
