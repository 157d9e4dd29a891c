//! Refused records of a unit on their way to the file of rejects and to the summary.

use super::in_order::InOrder;
use super::reject_lines::json_line;
use crate::error::Error;
use crate::ledger::{Reject, RejectSink};
use crate::parse::LogType;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Refused records that are gathered, to be put in order, before they go on.
const GATHERED: usize = 4096;

/// Bytes of refused records that are gathered.
const GATHERED_BYTES: usize = 1 << 20;

/// Where refused records are written, in the order of the units.
pub struct RejectOutput<'a> {
    order: InOrder<Vec<u8>>,
    writer: Mutex<&'a mut (dyn Write + Send + 'a)>,
}

impl<'a> RejectOutput<'a> {
    /// Bytes that wait for their unit's turn.
    const WAITING: usize = 8 << 20;

    /// Writes to `writer`.
    pub fn new(writer: &'a mut (dyn Write + Send + 'a)) -> RejectOutput<'a> {
        RejectOutput { order: InOrder::new(RejectOutput::WAITING), writer: Mutex::new(writer) }
    }

    /// The run ends early.
    pub fn stop(&self) {
        self.order.stop();
    }

    fn push(&self, unit: u64, lines: Vec<u8>) -> Result<(), Error> {
        self.order.push(unit, lines.len(), lines, |lines| self.write(lines))
    }

    fn finish(&self, unit: u64) -> Result<(), Error> {
        self.order.finish(unit, |lines| self.write(lines))
    }

    fn write(&self, lines: Vec<u8>) -> Result<(), Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&lines).map_err(|reason| Error::output("--rejects", reason))
    }
}

/// The refused records of one unit: all are counted and written, the first are kept to be shown.
pub struct Refused<'r, 'a> {
    unit: u64,
    output: Option<&'r RejectOutput<'a>>,
    gathered: Vec<Reject>,
    gathered_bytes: usize,
    /// The first, without their text.
    pub first: Vec<Reject>,
    most: usize,
    /// How many there are by file; a file may stand more than once.
    pub by_file: Vec<(Arc<str>, LogType, u64)>,
    failure: Result<(), Error>,
}

impl<'r, 'a> Refused<'r, 'a> {
    /// None yet; the first `most` will be kept.
    pub fn new(unit: u64, most: usize, output: Option<&'r RejectOutput<'a>>) -> Refused<'r, 'a> {
        Refused {
            unit,
            output,
            gathered: Vec::new(),
            gathered_bytes: 0,
            first: Vec::new(),
            most,
            by_file: Vec::new(),
            failure: Ok(()),
        }
    }

    /// There are no more.
    ///
    /// # Errors
    /// Output that failed, now or before.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.flush();
        std::mem::replace(&mut self.failure, Ok(()))?;
        self.output.map_or(Ok(()), |output| output.finish(self.unit))
    }

    fn flush(&mut self) {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        gathered.sort_by(|left, right| (&left.file, left.offset).cmp(&(&right.file, right.offset)));
        for reject in &gathered {
            match self.by_file.last_mut() {
                Some((file, log, count)) if *file == reject.file && *log == reject.log => *count += 1,
                _ => self.by_file.push((Arc::clone(&reject.file), reject.log, 1)),
            }
        }
        if let (Some(output), true) = (self.output, self.failure.is_ok() && !gathered.is_empty()) {
            self.failure = output.push(self.unit, gathered.iter().flat_map(json_line).collect());
        }
        let room = self.most.saturating_sub(self.first.len());
        self.first.extend(gathered.into_iter().take(room).map(|reject| Reject { raw: Vec::new(), ..reject }));
    }
}

impl RejectSink for Refused<'_, '_> {
    fn push(&mut self, mut reject: Reject) {
        if self.output.is_none() {
            reject.raw = Vec::new();
        }
        self.gathered_bytes += reject.raw.len();
        self.gathered.push(reject);
        if self.gathered.len() >= GATHERED || self.gathered_bytes >= GATHERED_BYTES {
            self.flush();
        }
    }
}
