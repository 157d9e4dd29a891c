//! Zip archives and what all archives share. They are read in place: nothing is ever unpacked, so names in archives
//! can do no harm; they are still told.

use super::compress::{Counted, RATIO_LIMIT, WASTE_LIMIT, exceeded};
use super::stream::{Decoder, Flow, Stream};
use super::window::Broken;
use crate::ledger::{FileOutcome, FileStatus, Notice};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read, Seek};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Largest zip that is held in memory: one inside another file, or from standard input. (A zip begins at its end.)
const ZIP_IN_MEMORY: u64 = 256 << 20;

/// Longest name of an entry in bytes; a longer one is cut. Each row carries its file's name, and an archive may hold
/// names of a MiB.
const NAME_LIMIT: usize = 4 << 10;

/// A zip that is not a file on a disk of its own.
pub fn zip_in_stream(decoder: &mut Decoder<'_>, stream: Stream<'_>) -> Flow {
    let Stream { name, mut window, layers, .. } = stream;
    let mut bytes = Vec::new();
    let read = window.by_ref().take(ZIP_IN_MEMORY + 1).read_to_end(&mut bytes);
    if let Err(error) = read {
        return archive_broken(decoder, &name, Broken::from(&error));
    }
    if bytes.len() as u64 > ZIP_IN_MEMORY {
        let broken = Broken::limit("a zip over 256 MiB inside another file or stream; unpack it once");
        return archive_broken(decoder, &name, broken);
    }
    let length = bytes.len() as u64;
    zip(decoder, &name, Cursor::new(bytes), length, layers)
}

/// A zip of `length` bytes that can be read anywhere.
pub fn zip<R: Read + Seek>(
    decoder: &mut Decoder<'_>,
    name: &Arc<str>,
    source: R,
    length: u64,
    layers: u32,
) -> Flow {
    let input = Rc::default();
    let source = Counted { source, count: Rc::clone(&input) };
    let mut archive = match zip::ZipArchive::new(source) {
        Ok(archive) => archive,
        Err(error) => {
            let status = FileStatus::Skipped(format!("the zip archive is damaged: {error}"));
            return decoder.done(name, status);
        }
    };
    let (directory, listed) = (archive.central_directory_start(), archive.len());
    let totals = Rc::new(ZipTotals { length, input, ..ZipTotals::default() });
    for index in 0..listed {
        let stored = archive.name_for_index(index).unwrap_or_default().to_string();
        let entry = match archive.by_index(index) {
            Ok(entry) if !entry.is_file() => continue,
            Ok(entry) => entry,
            Err(error) => {
                let inner = entry_name(decoder, name, &stored)?;
                decoder.done(&inner, FileStatus::Skipped(format!("cannot be read from the zip: {error}")))?;
                continue;
            }
        };
        let inner = entry_name(decoder, name, &String::from_utf8_lossy(entry.name_raw()))?;
        let size = entry.size();
        totals.input.set(0);
        let max_output = decoder.limits.max_decompressed;
        let metered = ZipMeter { source: entry, totals: Rc::clone(&totals), max_output, broken: None };
        decoder.entry(inner, Box::new(metered), size, layers + 1)?;
        if let Some(broken) = totals.end_of_entry() {
            let unread = listed - index - 1;
            if unread == 0 {
                break;
            }
            let reason = format!("the last {unread} of its {listed} entries were not read: {}", broken.reason);
            return archive_broken(decoder, name, Broken::limit(reason));
        }
    }
    let entries = zip_entries(archive.into_inner(), directory);
    if entries > listed as u64 {
        let unread = entries - listed as u64;
        let reason = format!(
            "{unread} of the {entries} entries of the zip were not read: names that stand twice, or entries that its \
             end does not count; unpack it with care"
        );
        return archive_broken(decoder, name, Broken::new(reason));
    }
    Flow::Continue(())
}

/// Entries in the central directory at `start`. The crate keeps one entry a name and drops the others silently.
fn zip_entries<R: Read + Seek>(source: R, start: u64) -> u64 {
    // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12: the signature, 24 bytes, three lengths of
    // what follows, 12 bytes, and then what follows.
    const HEADER: usize = 46;
    let mut source = io::BufReader::new(source);
    let mut count = 0;
    let mut header = [0; HEADER];
    if source.seek(io::SeekFrom::Start(start)).is_err() {
        return 0;
    }
    while source.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        count += 1;
        let length = |at: usize| i64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        if source.seek_relative(length(28) + length(30) + length(32)).is_err() {
            break;
        }
    }
    count
}

/// What came out of a zip.
#[derive(Default)]
struct ZipTotals {
    /// Bytes of the archive.
    length: u64,
    /// Bytes read of it for the entry at hand.
    input: Rc<Cell<u64>>,
    /// Bytes that came out of the entry at hand.
    output: Cell<u64>,
    /// Output of the entries before. They may overlap, so it is held against the length of the archive.
    sound: Cell<u64>,
    /// Output of entries before that expanded too much each by itself. Not part of `sound`.
    wasted: Cell<u64>,
    /// The archive as a whole has given too much.
    over: RefCell<Option<Broken>>,
}

impl ZipTotals {
    fn is_dense(&self) -> bool {
        self.output.get() / RATIO_LIMIT > self.input.get()
    }

    fn check(&self, max_output: u64) -> Option<Broken> {
        let output = self.output.get();
        if let Some(broken) = exceeded(output, self.input.get(), u64::MAX) {
            return Some(broken);
        }
        let length = if self.is_dense() { u64::MAX } else { self.length };
        let over = exceeded(self.sound.get() + output, length, u64::MAX)
            .or_else(|| exceeded(self.sound.get() + self.wasted.get() + output, u64::MAX, max_output));
        if over.is_some() {
            self.over.borrow_mut().clone_from(&over);
        }
        over
    }

    /// Adds the entry to the others; why no more should be read, if so.
    fn end_of_entry(&self) -> Option<Broken> {
        let total = if self.is_dense() { &self.wasted } else { &self.sound };
        total.set(total.get() + self.output.take());
        let spent = || Broken::limit("too many entries look like decompression bombs; unpack it with care");
        self.over.take().or_else(|| (self.wasted.get() > WASTE_LIMIT).then(spent))
    }
}

/// An entry of a zip, ended where it or the archive expands beyond the limits.
struct ZipMeter<R> {
    source: R,
    totals: Rc<ZipTotals>,
    max_output: u64,
    broken: Option<Broken>,
}

impl<R: Read> Read for ZipMeter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone().into());
        }
        let count = self.source.read(into).map_err(|error| {
            let broken = Broken::inside(&error);
            broken.unwrap_or_else(|| Broken::new(format!("the zip entry is damaged: {error}")))
        })?;
        self.totals.output.set(self.totals.output.get() + count as u64);
        self.broken = self.totals.check(self.max_output);
        match &self.broken {
            Some(broken) => Err(broken.clone().into()),
            None => Ok(count),
        }
    }
}

/// The name of an entry. One that would lead out of a folder is told, since somebody made it on purpose.
pub fn entry_name(decoder: &mut Decoder<'_>, archive: &str, inner: &str) -> ControlFlow<(), Arc<str>> {
    let inner: Cow<'_, str> =
        if inner.contains('\\') { Cow::Owned(inner.replace('\\', "/")) } else { Cow::Borrowed(inner) };
    let leads_out = inner.starts_with('/') || inner.split('/').any(|part| part == "..");
    let cut = cut_name(&inner);
    let name: Arc<str> = Arc::from(format!("{archive}/{}", cut.as_deref().unwrap_or(&inner)));
    let mut tell = |text: String| decoder.output.notice(Notice { name: Arc::clone(&name), text });
    if cut.is_some() {
        let length = inner.len();
        tell(format!("the archive holds a name of {length} bytes; cut, and a hash of it put behind"))?;
    }
    if leads_out {
        let text = "the archive holds a name that leads out of a folder; read all the same, nothing is unpacked";
        tell(text.to_string())?;
    }
    ControlFlow::Continue(name)
}

/// A name beyond [`NAME_LIMIT`] cut to it, with a hash of all of it so that names stay distinct.
fn cut_name(inner: &str) -> Option<String> {
    if inner.len() <= NAME_LIMIT {
        return None;
    }
    let hash = format!("~{:016x}", xxh3_64(inner.as_bytes()));
    let mut end = NAME_LIMIT - hash.len();
    while !inner.is_char_boundary(end) {
        end -= 1;
    }
    Some(format!("{}{hash}", &inner[..end]))
}

/// The archive as such is counted only when something is wrong with it.
pub fn archive_broken(decoder: &mut Decoder<'_>, name: &Arc<str>, broken: Broken) -> Flow {
    let status = FileStatus::Partial(broken.reason);
    decoder.output.file(FileOutcome { limit_hit: broken.limit, ..FileOutcome::unread(name, status) })
}
