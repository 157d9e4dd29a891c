//! Compressed streams: gzip of any number of members, Zstandard, and the alarm for decompression bombs.

use super::Limits;
use super::window::{Broken, Window};
use flate2::bufread::GzDecoder;
use std::cell::Cell;
use std::io::{self, Read, Seek};
use std::rc::Rc;

/// Up to here any expansion is harmless.
pub const RATIO_FREE: u64 = 64 << 20;

/// Above [`RATIO_FREE`]: a byte of input may not become more than this many. Real logs expand 5 to 30 times.
pub const RATIO_LIMIT: u64 = 200;

/// Expansion of less output than this says nothing, since input is read ahead.
const RATIO_SURE: u64 = 16 << 20;

/// Most output of bombs in one archive that is passed over to come to the entries behind them.
pub const WASTE_LIMIT: u64 = 1 << 30;

/// Largest Zstandard window, as a power of two: 128 MiB, the memory that a frame can demand.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Counts what is read of the stream below.
pub struct Counted<R> {
    /// The stream below.
    pub source: R,
    /// Bytes read so far.
    pub count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// What a compressed layer took and gave, shared with the archive inside it.
pub struct Meter {
    input: Rc<Cell<u64>>,
    output: Cell<u64>,
    /// Input and output that are held against nothing any more: they were an entry's that has been told.
    base: Cell<(u64, u64)>,
    /// Output of what expanded too much.
    wasted: Cell<u64>,
    /// An archive inside looks after the alarm itself and passes over the entry that raises it.
    by_entry: Cell<bool>,
}

impl Meter {
    /// A layer made of the bytes that `input` counts.
    pub fn new(input: &Rc<Cell<u64>>) -> Rc<Meter> {
        Rc::new(Meter {
            input: Rc::clone(input),
            output: Cell::default(),
            base: Cell::default(),
            wasted: Cell::default(),
            by_entry: Cell::default(),
        })
    }

    /// From now on the reader asks for [`Meter::alarm`] itself.
    pub fn watch_by_entry(&self) {
        self.by_entry.set(true);
    }

    /// Does what has come since the last [`Meter::forgive`] look like a bomb?
    pub fn alarm(&self) -> Option<Broken> {
        let (input, output) = self.since();
        exceeded(output, input, u64::MAX)
    }

    /// Writes off what has come so far, so that what follows is measured by itself.
    pub fn forgive(&self) {
        self.wasted.set(self.wasted.get() + self.since().1);
        self.base.set((self.input.get(), self.output.get()));
    }

    /// Writes off what has come where it expands too much, though the alarm is not due yet.
    pub fn forgive_if_dense(&self) {
        let (input, output) = self.since();
        if output > RATIO_SURE && output / RATIO_LIMIT > input {
            self.forgive();
        }
    }

    /// Has more than [`WASTE_LIMIT`] been written off?
    pub fn is_spent(&self) -> bool {
        self.wasted.get() > WASTE_LIMIT
    }

    fn since(&self) -> (u64, u64) {
        let (input, output) = self.base.get();
        (self.input.get() - input, self.output.get() - output)
    }
}

/// Ends a stream that expands beyond the limits.
pub struct Metered<'r> {
    source: Box<dyn Read + 'r>,
    meter: Rc<Meter>,
    max_output: u64,
    broken: Option<Broken>,
}

impl<'r> Metered<'r> {
    /// Watches `source` with `meter`.
    pub fn new(source: Box<dyn Read + 'r>, meter: &Rc<Meter>, limits: &Limits) -> Metered<'r> {
        Metered { source, meter: Rc::clone(meter), max_output: limits.max_decompressed, broken: None }
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        let count = self.source.read(into)?;
        let output = self.meter.output.get() + count as u64;
        self.meter.output.set(output);
        let input = if self.meter.by_entry.get() { u64::MAX } else { self.meter.input.get() };
        self.broken = exceeded(output, input, self.max_output);
        match &self.broken {
            Some(broken) => Err(broken.clone().into()),
            None => Ok(count),
        }
    }
}

/// Is `output` too much for `input`?
pub fn exceeded(output: u64, input: u64, max_output: u64) -> Option<Broken> {
    if output > RATIO_FREE && output / RATIO_LIMIT > input {
        return Some(Broken::limit(format!(
            "expands more than {RATIO_LIMIT} times: looks like a decompression bomb; if it is none, decompress it first \
             and read the result"
        )));
    }
    (output > max_output)
        .then(|| Broken::limit(format!("expands to more than {max_output} bytes (--max-decompressed)")))
}

/// The bytes inside a gzip stream; members are counted in `members`.
pub fn gunzip<'r>(window: Window<'r>, members: &Rc<Cell<u32>>) -> Box<dyn Read + 'r> {
    members.set(members.get() + 1);
    Box::new(Gunzip { member: Some(GzDecoder::new(window)), members: Rc::clone(members), broken: None })
}

struct Gunzip<'r> {
    member: Option<GzDecoder<Window<'r>>>,
    members: Rc<Cell<u32>>,
    broken: Option<Broken>,
}

impl Gunzip<'_> {
    /// Goes on behind the end of a member: to the next one, over zeros (padding of tapes and disks), to the end.
    fn behind_member(&mut self) -> Result<(), Broken> {
        let Some(member) = self.member.take() else {
            return Ok(());
        };
        let mut window = member.into_inner();
        loop {
            let unread = window.fill_to(2);
            let zeros = unread.iter().take_while(|byte| **byte == 0).count();
            if unread.is_empty() {
                return window.broken().cloned().map_or(Ok(()), Err);
            } else if unread.starts_with(b"\x1f\x8b") {
                self.members.set(self.members.get().saturating_add(1));
                self.member = Some(GzDecoder::new(window));
                return Ok(());
            } else if zeros == 0 {
                return Err(Broken::new("other bytes follow the gzip data"));
            }
            window.advance(zeros);
        }
    }
}

impl Read for Gunzip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        while let Some(member) = &mut self.member {
            let ended = match member.read(into) {
                Ok(0) if !into.is_empty() => self.behind_member(),
                Ok(count) => return Ok(count),
                Err(error) => Err(named("gzip", &error)),
            };
            if let Err(broken) = ended {
                self.broken = Some(broken.clone());
                return Err(broken.into());
            }
        }
        Ok(0)
    }
}

/// The bytes inside a Zstandard stream of any number of frames.
///
/// # Errors
/// The decompressor could not be made, for want of memory.
pub fn unzstd<'r>(window: Window<'r>) -> Result<Box<dyn Read + 'r>, Broken> {
    let decoder = zstd::stream::read::Decoder::with_buffer(window).and_then(|mut decoder| {
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        Ok(decoder)
    });
    match decoder {
        Ok(decoder) => Ok(Box::new(Named { kind: "Zstandard", source: decoder })),
        Err(error) => Err(named("Zstandard", &error)),
    }
}

/// Says in errors which layer is damaged.
struct Named<R> {
    kind: &'static str,
    source: R,
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.source.read(into).map_err(|error| named(self.kind, &error).into())
    }
}

fn named(kind: &str, error: &io::Error) -> Broken {
    Broken::inside(error).unwrap_or_else(|| match error.kind() {
        io::ErrorKind::UnexpectedEof => Broken::new(format!("the {kind} data ends early")),
        _ => Broken::new(format!("the {kind} data is damaged: {error}")),
    })
}
