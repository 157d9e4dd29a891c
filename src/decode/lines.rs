//! Access logs: bytes to whole lines. A line of any length takes no more memory than the limit.

use super::blocks::Form;
use super::stream::{Decoder, Flow, Framing};
use super::window::Window;
use crate::ledger::Reject;
use crate::parse::LogType;
use memchr::{memchr, memchr_iter};

/// Cuts all of `window` into lines, the first of which has that number.
pub fn frame(decoder: &mut Decoder<'_>, file: &mut Framing, window: &mut Window<'_>, number: u64) -> Flow {
    let mut lines = Lines { number, pending: Refused::default(), too_long: false };
    while !window.unread().is_empty() || window.more() {
        let offset = window.offset();
        let chunk = window.unread();
        lines.chunk(decoder, file, chunk, offset)?;
        let count = chunk.len();
        window.advance(count);
    }
    if lines.pending.length > 0 {
        if window.broken().is_some() && !lines.too_long {
            return decoder.output.reject(lines.pending.reject(
                LogType::S3Access,
                file,
                lines.number,
                "the input ends inside it",
            ));
        }
        lines.end_pending(decoder, file, b"")?;
    }
    Flow::Continue(())
}

/// A record that will be, or may have to be, refused: its place and its first bytes.
#[derive(Default)]
pub struct Refused {
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// First bytes. More than [`Reject::RAW_LIMIT`] only while it is not known to be refused.
    pub raw: Vec<u8>,
    /// Bytes in all.
    pub length: u64,
}

impl Refused {
    /// Adds bytes of a record that is known to be refused.
    pub fn add(&mut self, bytes: &[u8]) {
        let kept = Reject::RAW_LIMIT.saturating_sub(self.raw.len()).min(bytes.len());
        self.raw.extend_from_slice(&bytes[..kept]);
        self.length += bytes.len() as u64;
    }

    /// The entry of the ledger; empties this.
    pub fn reject(&mut self, log: LogType, file: &Framing, number: u64, reason: &'static str) -> Reject {
        let mut refused = std::mem::take(self);
        refused.raw.truncate(Reject::RAW_LIMIT);
        refused.raw.shrink_to_fit();
        Reject {
            file: std::sync::Arc::clone(&file.name),
            log,
            number,
            offset: refused.offset,
            field: "framing",
            reason,
            raw: refused.raw,
            length: refused.length,
        }
    }
}

/// Reason of lines and records beyond the limit.
pub const TOO_LONG: &str = "longer than --max-line";

struct Lines {
    /// Number of the line that comes next.
    number: u64,
    /// The line that an earlier chunk began.
    pending: Refused,
    /// It is beyond the limit already.
    too_long: bool,
}

impl Lines {
    fn chunk(&mut self, decoder: &mut Decoder<'_>, file: &mut Framing, chunk: &[u8], offset: u64) -> Flow {
        let mut start = 0;
        if self.pending.length > 0 {
            let Some(end) = memchr(b'\n', chunk) else {
                self.pend(decoder, chunk, offset);
                return Flow::Continue(());
            };
            self.pend(decoder, &chunk[..end], offset);
            self.end_pending(decoder, file, b"\n")?;
            start = end + 1;
        }
        let mut run = start;
        let mut first = self.number;
        let mut room = decoder.room(Form::AccessLines);
        let base = start;
        let longest = decoder.limits.longest_line();
        for line_end in memchr_iter(b'\n', &chunk[base..]).map(|at| base + at) {
            let whole = line_end + 1;
            if line_end - start > longest {
                self.run(decoder, file, first, offset + run as u64, &chunk[run..start])?;
                let mut refused = Refused { offset: offset + start as u64, ..Refused::default() };
                refused.add(&chunk[start..line_end]);
                file.limit_hit = true;
                decoder.output.reject(refused.reject(LogType::S3Access, file, self.number, TOO_LONG))?;
                self.number += 1;
                (run, first, room) = (whole, self.number, decoder.room(Form::AccessLines));
            } else {
                self.number += 1;
                if whole - run >= room {
                    self.run(decoder, file, first, offset + run as u64, &chunk[run..whole])?;
                    (run, first, room) = (whole, self.number, decoder.room(Form::AccessLines));
                }
            }
            start = whole;
        }
        self.run(decoder, file, first, offset + run as u64, &chunk[run..start])?;
        self.pend(decoder, &chunk[start..], offset + start as u64);
        Flow::Continue(())
    }

    /// Whole lines `first..self.number` to the block.
    fn run(&self, decoder: &mut Decoder<'_>, file: &Framing, first: u64, offset: u64, bytes: &[u8]) -> Flow {
        if bytes.is_empty() {
            return Flow::Continue(());
        }
        decoder.append(Form::AccessLines, |block| {
            block.lines(&file.name, first, offset, self.number - first, bytes);
        })
    }

    /// Keeps the begin of a line until its end comes, as long as it is within the limit.
    fn pend(&mut self, decoder: &Decoder<'_>, bytes: &[u8], offset: u64) {
        if self.pending.length == 0 {
            self.pending.offset = offset;
        }
        if !self.too_long && self.pending.raw.len() + bytes.len() <= decoder.limits.longest_line() {
            self.pending.raw.extend_from_slice(bytes);
            self.pending.length += bytes.len() as u64;
        } else {
            self.too_long = true;
            self.pending.add(bytes);
        }
    }

    /// The pending line is at its end.
    fn end_pending(&mut self, decoder: &mut Decoder<'_>, file: &mut Framing, line_end: &[u8]) -> Flow {
        self.number += 1;
        if std::mem::take(&mut self.too_long) {
            file.limit_hit = true;
            return decoder.output.reject(self.pending.reject(LogType::S3Access, file, self.number - 1, TOO_LONG));
        }
        let mut line = std::mem::take(&mut self.pending);
        line.raw.extend_from_slice(line_end);
        self.run(decoder, file, self.number - 1, line.offset, &line.raw)
    }
}
