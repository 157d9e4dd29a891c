//! One file through all its layers: compression and archives off, log type told, records framed.
//!
//! The same code runs on the reading thread (large files) and on workers (small ones); they differ in where the
//! results go ([`Output`]).

use super::blocks::{Form, OpenBlock};
use super::compress::{Meter, Metered, RATIO_FREE, gunzip, unzstd};
use super::left_lines::{Left, LeftFile, LeftLines};
use super::parquet::RowRange;
use super::sniff::{self, Container, Content};
use super::unit::RawFile;
use super::window::{Broken, Window};
use super::{Block, Limits, archive, json_frames, left_lines, lines, tape};
use crate::ledger::{FileOutcome, FileStatus, Notice, Reject};
use std::cell::Cell;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

/// Compressions and archives inside one another; more are no log but an attack or an accident.
pub const MAX_LAYERS: u32 = 4;

/// Go on, or stop because nobody wants more.
pub type Flow = ControlFlow<()>;

/// Where results go, in order.
pub trait Output {
    /// A full block, or the last of its kind.
    fn block(&mut self, block: Block) -> Flow;
    /// Lines that are still in their file.
    fn left_lines(&mut self, lines: LeftLines) -> Flow;
    /// Rows of a Parquet file. What was lost of them, if they are read here and something was.
    fn rows(&mut self, rows: RowRange) -> ControlFlow<(), Option<Broken>>;
    /// A file came to its end.
    fn file(&mut self, outcome: FileOutcome) -> Flow;
    /// Something to be told.
    fn notice(&mut self, notice: Notice) -> Flow;
    /// A line or record that is no whole one.
    fn reject(&mut self, reject: Reject) -> Flow;
    /// Does it take guessed blocks ([`Output::check`])?
    fn checks(&self) -> bool {
        false
    }
    /// A block of which the places of the records were guessed; back if the guess is wrong.
    fn check(&mut self, block: Block) -> Result<Flow, Block> {
        Err(block)
    }
    /// A buffer to be filled, if there is one that was used before.
    fn buffer(&mut self) -> Vec<u8> {
        Vec::new()
    }
    /// Does it take small archive entries as they are ([`Output::raw`])?
    fn packs(&self) -> bool {
        false
    }
    /// A small archive entry, to be opened elsewhere. Called only where [`Output::packs`].
    fn raw(&mut self, _file: RawFile) -> Flow {
        Flow::Continue(())
    }
}

/// A file, or a layer of one.
pub struct Stream<'r> {
    /// Path as given; inside an archive `archive.zip/inner/name`.
    pub name: Arc<str>,
    /// Its bytes.
    pub window: Window<'r>,
    /// Compressions and archives around it.
    pub layers: u32,
    /// Bytes read of the outermost layer, against which expansion is measured.
    pub input: Rc<Cell<u64>>,
    /// Members of the innermost gzip layer around it that have been met.
    pub members: Rc<Cell<u32>>,
    /// Of the compressed layer right around it, if there is one.
    pub meter: Option<Rc<Meter>>,
    /// The file on disk that holds just these bytes, to be read again.
    pub file: Option<Arc<LeftFile>>,
}

impl<'r> Stream<'r> {
    /// A file whose window is made by `open`, which is told where to count the bytes that it reads.
    pub fn new(name: Arc<str>, layers: u32, open: impl FnOnce(&Rc<Cell<u64>>) -> Window<'r>) -> Stream<'r> {
        let input = Rc::new(Cell::new(0));
        let window = open(&input);
        Stream { name, window, layers, input, members: Rc::default(), meter: None, file: None }
    }
}

/// What is noted of a file while its records are framed.
pub struct Framing {
    /// Its name.
    pub name: Arc<str>,
    /// A limit was hit.
    pub limit_hit: bool,
    /// Why a part of it could not be read.
    pub partial: Option<String>,
    /// Why it is none of ours though it looked like it.
    pub foreign: Option<&'static str>,
    /// Why it holds no records though nothing is wrong with it.
    pub ignored: Option<&'static str>,
}

/// Takes files apart.
pub struct Decoder<'a> {
    /// What files may demand.
    pub limits: &'a Limits,
    /// Where results go.
    pub output: &'a mut dyn Output,
    open: [OpenBlock; Form::ALL.len()],
    /// Hand blocks out at the end of each file and not only when they are full.
    flush_each_file: bool,
}

impl<'a> Decoder<'a> {
    /// A decoder with nothing open.
    pub fn new(limits: &'a Limits, output: &'a mut dyn Output, flush_each_file: bool) -> Decoder<'a> {
        let open = Form::ALL.map(|form| OpenBlock::new(form.log(), limits.full_block()));
        Decoder { limits, output, open, flush_each_file }
    }

    /// Hands out what is open; that is at most one block ([`Decoder::append`]).
    pub fn flush(&mut self) -> Flow {
        for open in &mut self.open {
            if let Some(block) = open.take() {
                self.output.block(block)?;
            }
        }
        Flow::Continue(())
    }

    /// Bytes that the open block of that form still takes.
    pub fn room(&self, form: Form) -> usize {
        self.limits.full_block().saturating_sub(self.open[form as usize].len())
    }

    /// Appends to the open block of a form and hands it out if it is full then. The block of another form goes out
    /// first, so that records come in the order of the input whatever the limits.
    pub fn append(&mut self, form: Form, with: impl FnOnce(&mut OpenBlock)) -> Flow {
        for other in Form::ALL.into_iter().filter(|other| *other != form) {
            if let Some(block) = self.open[other as usize].take() {
                self.output.block(block)?;
            }
        }
        let open = &mut self.open[form as usize];
        with(open);
        if open.len() >= self.limits.full_block()
            && let Some(block) = open.take()
        {
            self.output.block(block)?;
        }
        Flow::Continue(())
    }

    /// One file or layer to its end.
    pub fn stream(&mut self, mut stream: Stream<'_>) -> Flow {
        let container = sniff::container(stream.window.fill_to(512));
        if container.is_some() && stream.layers >= MAX_LAYERS {
            let reason = format!("more than {MAX_LAYERS} layers of compression and archives");
            return self.done(&stream.name, FileStatus::Skipped(reason));
        }
        match container {
            None => self.log(stream),
            Some(Container::Gzip) => {
                let Stream { name, window, layers, input, .. } = stream;
                let members = Rc::default();
                self.layer(name, gunzip(window, &members), layers, input, members)
            }
            Some(Container::Zstd) => {
                let Stream { name, window, layers, input, members, .. } = stream;
                match unzstd(window) {
                    Ok(source) => self.layer(name, source, layers, input, members),
                    Err(broken) => self.done(&name, FileStatus::Skipped(broken.reason)),
                }
            }
            Some(Container::Tar) => tape::tar(self, stream),
            Some(Container::Zip) => archive::zip_in_stream(self, stream),
            Some(Container::Parquet) => self.parquet_in_stream(stream),
        }
    }

    /// What is inside a compressed layer.
    fn layer(
        &mut self,
        name: Arc<str>,
        source: Box<dyn Read + '_>,
        layers: u32,
        input: Rc<Cell<u64>>,
        members: Rc<Cell<u32>>,
    ) -> Flow {
        let meter = Meter::new(&input);
        let source = Metered::new(source, &meter, self.limits);
        let window = Window::new(Box::new(source), sniff::HEAD);
        self.stream(Stream { name, window, layers: layers + 1, input, members, meter: Some(meter), file: None })
    }

    /// An entry of an archive: small ones are handed on as they are where that is wanted.
    pub fn entry(&mut self, name: Arc<str>, mut source: Box<dyn Read + '_>, size: u64, layers: u32) -> Flow {
        let small = self.limits.small_file;
        if !self.output.packs() || size > small {
            return self.stream(entry_stream(name, source, layers));
        }
        let mut bytes = Vec::new();
        let broken =
            source.by_ref().take(small + 1).read_to_end(&mut bytes).err().map(|error| Broken::from(&error));
        if bytes.len() as u64 > small && broken.is_none() {
            return self.stream(entry_stream(name, Box::new(Cursor::new(bytes).chain(source)), layers));
        }
        self.output.raw(RawFile { name, bytes, layers, broken, note: None })
    }

    /// An outcome of a file of which nothing was used.
    pub fn done(&mut self, name: &Arc<str>, status: FileStatus) -> Flow {
        self.output.file(FileOutcome::unread(name, status))
    }

    /// Plain bytes: a log, or not.
    pub fn log(&mut self, mut stream: Stream<'_>) -> Flow {
        let window = &mut stream.window;
        window.fill_to(sniff::HEAD);
        let content = sniff::content(window.unread(), window.broken().is_some());
        let mut framing = Framing {
            name: Arc::clone(&stream.name),
            limit_hit: false,
            partial: None,
            foreign: None,
            ignored: None,
        };
        window.advance(sniff::byte_order_mark(window.unread()));
        match content {
            Content::AccessLog => {
                let number = match stream.file.filter(|_| left_lines::fits(self.limits)) {
                    Some(file) => self.leave_lines(&framing.name, &file, window)?,
                    None => 1,
                };
                lines::frame(self, &mut framing, window, number)?;
            }
            Content::Json => json_frames::frame(self, &mut framing, window)?,
            Content::Empty => framing.ignored = Some("empty"),
            Content::Unknown(reason) => framing.foreign = Some(reason),
        }
        let unknown = framing.foreign;
        if unknown.is_some() {
            // A bomb of anything should be called one. Twice as far as the alarm is silent, since input is read ahead
            // and a weak bomb would look harmless at that very point.
            while stream.layers > 0 && window.offset() <= 2 * RATIO_FREE && window.more() {
                window.advance(window.unread().len());
            }
        }
        let broken = window.broken();
        let read_some = unknown.is_none() && content != Content::Empty;
        let status = match (broken, unknown, framing.partial) {
            (Some(broken), _, _) if read_some => FileStatus::Partial(broken.reason.clone()),
            (Some(broken), _, _) => FileStatus::Skipped(broken.reason.clone()),
            (None, Some(reason), _) => FileStatus::Skipped(reason.to_string()),
            (None, None, Some(reason)) => FileStatus::Partial(reason),
            (None, None, None) => match framing.ignored {
                Some(reason) => FileStatus::Ignored(reason.to_string()),
                None => FileStatus::Read,
            },
        };
        let outcome = FileOutcome {
            name: stream.name,
            status,
            limit_hit: framing.limit_hit || broken.is_some_and(|broken| broken.limit),
            bytes: window.offset(),
        };
        if self.flush_each_file {
            self.flush()?;
        }
        let members = stream.members.get();
        if content == Content::Json && members > 1 {
            let text = format!("{members} gzip members; AWS writes one: it may have been appended to");
            self.output.notice(Notice { name: Arc::clone(&outcome.name), text })?;
        }
        self.output.file(outcome)
    }

    /// Leaves lines in their file as far as that goes. What remains to be read is then in the window; returns the number
    /// of its first line.
    fn leave_lines(
        &mut self,
        name: &Arc<str>,
        file: &Arc<LeftFile>,
        window: &mut Window<'_>,
    ) -> ControlFlow<(), u64> {
        let mut offset = window.offset();
        let left = left_lines::frame(self, name, file, &mut offset)?;
        let (rest, number): (Box<dyn Read>, _) = match left {
            Ok(Left::Whole) => (Box::new(io::empty()), 1),
            Ok(Left::UpTo(number)) => (Box::new(file.from(offset)), number),
            Err(error) => (Box::new(Unreadable(Some(error))), 1),
        };
        *window = Window::at(offset, rest);
        ControlFlow::Continue(number)
    }
}

/// A source that cannot be read, and why.
struct Unreadable(Option<io::Error>);

impl Read for Unreadable {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn entry_stream<'r>(name: Arc<str>, source: Box<dyn Read + 'r>, layers: u32) -> Stream<'r> {
    Stream::new(name, layers, |count| {
        let counted = super::compress::Counted { source, count: Rc::clone(count) };
        Window::new(Box::new(counted), sniff::HEAD)
    })
}
