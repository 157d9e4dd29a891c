//! A unit of parallel work and what a worker does with it.

use super::compress::Counted;
use super::inventory::{InputNote, changed};
use super::left_lines::LeftLines;
use super::parquet::{RowRange, RowTaker};
use super::small_files::{SmallFiles, UnopenedFile};
use super::sniff;
use super::stream::{Decoder, Flow, Output, Stream};
use super::window::{Broken, Window};
use super::{Block, Limits};
use crate::ledger::{FileOutcome, FileStatus, Notice, Reject, RejectSink};
use crate::parse::FieldTable;
use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::ops::{ControlFlow, Range};
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
    /// A small file to be opened and read.
    Unopened(UnopenedFile),
    /// A small file or archive entry of which all bytes are here.
    File(RawFile),
    /// Records of a large file.
    Block(Block),
    /// Lines of a large file, still in it.
    LeftLines(LeftLines),
    /// Rows of a large Parquet file, still in it.
    Rows(RowRange),
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
    /// Where the hash of an input is noted, if it is wanted.
    pub note: Option<InputNote>,
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

/// Takes blocks.
pub trait BlockTaker {
    /// Takes a block of whole records. Breaks if no more are wanted.
    fn take(&mut self, block: Block) -> ControlFlow<()>;

    /// Takes rows of an export that was read back. Breaks if no more are wanted. Who wants blocks only is not asked.
    fn take_table(&mut self, _table: FieldTable) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The buffer of a block that is done with, if there is one, to be filled again: its pages are there and near.
    fn buffer(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Can it check guesses ([`BlockTaker::check`])?
    fn checks(&self) -> bool {
        false
    }

    /// Takes a block of CloudTrail records whose places were guessed, if each of them is one JSON object and nothing
    /// else.
    ///
    /// # Errors
    /// Gives the block back if the guess is wrong: all of its records will come again, in other blocks.
    fn check(&mut self, block: Block) -> Result<ControlFlow<()>, Block> {
        Err(block)
    }
}

impl<F: FnMut(Block) -> ControlFlow<()>> BlockTaker for F {
    fn take(&mut self, block: Block) -> ControlFlow<()> {
        self(block)
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
    each: &mut dyn BlockTaker,
    report: &mut UnitReport<'_>,
) -> ControlFlow<()> {
    let mut worker = Worker { each, report, limits };
    let mut decoder = Decoder::new(limits, &mut worker, false);
    let mut files = SmallFiles::new();
    for work in unit.work {
        if !matches!(work, Work::Unopened(_) | Work::File(_)) {
            files.flush(&mut decoder)?;
        }
        decoder.work(work, &mut files)?;
    }
    files.flush(&mut decoder)?;
    decoder.flush()
}

impl Decoder<'_> {
    fn work(&mut self, work: Work, files: &mut SmallFiles) -> Flow {
        match work {
            Work::Unopened(file) => files.unopened(self, file),
            Work::File(file) => files.file(self, file),
            // Small files before it are packed into a block that is still open.
            Work::Block(block) => {
                self.flush()?;
                self.output.block(block)
            }
            Work::LeftLines(lines) => {
                self.flush()?;
                self.output.left_lines(lines)
            }
            Work::Rows(rows) => {
                self.flush()?;
                let name = Arc::clone(rows.name());
                // The file has an outcome of its own; this one tells the loss.
                self.output.rows(rows)?.map_or(Flow::Continue(()), |Broken { reason, limit }| {
                    let outcome = FileOutcome::unread(&name, FileStatus::Partial(reason));
                    self.output.file(FileOutcome { limit_hit: limit, ..outcome })
                })
            }
            Work::Done(outcome) => self.output.file(outcome),
            Work::Notice(notice) => self.output.notice(notice),
            Work::Reject(reject) => self.output.reject(reject),
        }
    }

    /// A file with all that can be in one.
    pub(super) fn raw_file(&mut self, file: RawFile) -> Flow {
        let length = file.bytes.len();
        if file.broken.is_none() && sniff::container(&file.bytes).is_none() {
            return self.stream(Stream::new(file.name, file.layers, |count| {
                count.set(length as u64);
                Window::of_bytes(file.bytes)
            }));
        }
        let source = ThenBroken { bytes: Cursor::new(file.bytes), broken: file.broken };
        self.stream(Stream::new(file.name, file.layers, |count| {
            // Counted as it is read, so that a bomb is seen before all of the file is.
            let counted = Counted { source, count: Rc::clone(count) };
            Window::new(Box::new(counted), length)
        }))
    }

    /// A log of which all bytes are here, as they are or out of one gzip member.
    pub(super) fn unpacked(&mut self, name: Arc<str>, layers: u32, text: Vec<u8>) -> Flow {
        let stream = Stream::new(name, layers, |_| Window::of_bytes(text));
        stream.members.set(1);
        self.log(stream)
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
    each: &'a mut dyn BlockTaker,
    report: &'a mut UnitReport<'b>,
    limits: &'a Limits,
}

impl RowTaker for Worker<'_, '_> {
    fn table(&mut self, table: FieldTable) -> Flow {
        self.each.take_table(table)
    }

    fn refuse(&mut self, reject: Reject) {
        self.report.reject(reject);
    }
}

impl Output for Worker<'_, '_> {
    fn block(&mut self, block: Block) -> Flow {
        self.each.take(block)
    }

    fn left_lines(&mut self, lines: LeftLines) -> Flow {
        match lines.read(self.each.buffer()) {
            Ok(block) => {
                if lines.has_changed() {
                    self.file(changed(&lines.name))?;
                }
                self.each.take(block)
            }
            Err(error) => {
                // What is there no more cannot be parsed. The file has an outcome of its own; this one tells the loss.
                let Range { start, end } = lines.place();
                let lost = format!("bytes {start} to {end} are lost: {error}");
                self.file(FileOutcome::unread(&lines.name, FileStatus::Partial(lost)))
            }
        }
    }

    fn rows(&mut self, rows: RowRange) -> ControlFlow<(), Option<Broken>> {
        rows.read(self.limits, self)
    }

    fn checks(&self) -> bool {
        self.each.checks()
    }

    fn check(&mut self, block: Block) -> Result<Flow, Block> {
        self.each.check(block)
    }

    fn buffer(&mut self) -> Vec<u8> {
        self.each.buffer()
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
