//! Archives, read in place. Nothing is ever unpacked, so names in archives can do no harm; they are still told.

use super::compress::exceeded;
use super::stream::{Decoder, Flow, Stream};
use super::window::Broken;
use crate::ledger::{FileOutcome, FileStatus, Notice};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use tar::EntryType;
use xxhash_rust::xxh3::xxh3_64;

/// Largest zip that is held in memory: one inside another file, or from standard input. (A zip begins at its end.)
const ZIP_IN_MEMORY: u64 = 256 << 20;

/// Longest name and longest list of extended attributes that a tar may demand memory for.
const TAR_EXTENSION: u64 = 1 << 20;

/// Longest name of an entry in bytes; a longer one is cut. Each row carries its file's name, and an archive may hold
/// names of a MiB.
const NAME_LIMIT: usize = 4 << 10;

/// A tar, as a stream.
pub fn tar(decoder: &mut Decoder<'_>, stream: Stream<'_>) -> Flow {
    let Stream { name, window, layers, .. } = stream;
    let mut archive = tar::Archive::new(window);
    let mut broken = None;
    // Raw: names are put together here, under a limit. The crate would read a "name" of any length into memory.
    match archive.entries() {
        Ok(entries) => {
            let mut long_name = None;
            for entry in entries.raw(true) {
                match entry.map_err(|error| tar_error(&error)) {
                    Ok(entry) => match tar_entry(decoder, &name, entry, &mut long_name, layers)? {
                        Ok(()) => {}
                        Err(problem) => {
                            broken = Some(problem);
                            break;
                        }
                    },
                    Err(problem) => {
                        broken = Some(problem);
                        break;
                    }
                }
            }
        }
        Err(error) => broken = Some(tar_error(&error)),
    }
    broken.map_or(Flow::Continue(()), |broken| archive_broken(decoder, &name, broken))
}

/// One entry; the inner error ends the archive.
fn tar_entry<R: Read>(
    decoder: &mut Decoder<'_>,
    archive: &str,
    mut entry: tar::Entry<'_, R>,
    long_name: &mut Option<Vec<u8>>,
    layers: u32,
) -> ControlFlow<(), Result<(), Broken>> {
    let size = entry.size();
    let kind = entry.header().entry_type();
    let extension = matches!(kind, EntryType::GNULongName | EntryType::XHeader);
    if extension {
        let mut bytes = Vec::new();
        if let Err(error) = entry.by_ref().take(TAR_EXTENSION).read_to_end(&mut bytes) {
            return ControlFlow::Continue(Err(Broken::from(&error)));
        }
        if kind == EntryType::GNULongName {
            bytes.truncate(memchr::memchr(0, &bytes).unwrap_or(bytes.len()));
            *long_name = Some(bytes);
        } else {
            if pax_value(&bytes, b"size").is_some() {
                let reason = "an entry over 8 GiB in the pax format; the rest of the archive was not read";
                return ControlFlow::Continue(Err(Broken::new(reason)));
            }
            *long_name = pax_value(&bytes, b"path").map(<[u8]>::to_vec).or(long_name.take());
        }
        return ControlFlow::Continue(Ok(()));
    }
    let inner = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
    let name = entry_name(decoder, archive, &String::from_utf8_lossy(&inner))?;
    if matches!(kind, EntryType::Regular | EntryType::Continuous) {
        decoder.entry(name, Box::new(Exactly { source: entry, left: size }), size, layers + 1)?;
    } else if kind == EntryType::GNUSparse {
        decoder.done(&name, FileStatus::Skipped("a sparse file in a tar".to_string()))?;
    }
    ControlFlow::Continue(Ok(()))
}

/// A value of `length key=value` lines.
fn pax_value<'a>(mut lines: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    loop {
        let space = memchr::memchr(b' ', lines)?;
        let length: usize = std::str::from_utf8(&lines[..space]).ok()?.parse().ok()?;
        let line = lines.get(space + 1..length.checked_sub(1)?)?;
        lines = &lines[length..];
        if let Some(value) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(b"=")) {
            return Some(value);
        }
    }
}

/// The crate ends an entry silently where the archive ends.
struct Exactly<R> {
    source: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into).map_err(|error| tar_error(&error))?;
        self.left -= (count as u64).min(self.left);
        if count == 0 && self.left > 0 && !into.is_empty() {
            return Err(Broken::new("the archive ends inside it").into());
        }
        Ok(count)
    }
}

fn tar_error(error: &io::Error) -> Broken {
    Broken::inside(error).unwrap_or_else(|| Broken::new(format!("the tar archive is damaged: {error}")))
}

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
    let mut archive = match zip::ZipArchive::new(source) {
        Ok(archive) => archive,
        Err(error) => {
            let status = FileStatus::Skipped(format!("the zip archive is damaged: {error}"));
            return decoder.done(name, status);
        }
    };
    let (directory, listed) = (archive.central_directory_start(), archive.len());
    let output = Rc::new(Cell::new(0));
    for index in 0..archive.len() {
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
        let max_output = decoder.limits.max_decompressed;
        let metered = ZipMeter { source: entry, output: Rc::clone(&output), input: length, max_output };
        decoder.entry(inner, Box::new(metered), size, layers + 1)?;
        if let Some(broken) = exceeded(output.get(), length, max_output) {
            return archive_broken(decoder, name, broken);
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

/// Entries of a zip may overlap, so all that comes out is held against the length of the archive.
struct ZipMeter<R> {
    source: R,
    output: Rc<Cell<u64>>,
    input: u64,
    max_output: u64,
}

impl<R: Read> Read for ZipMeter<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = exceeded(self.output.get(), self.input, self.max_output) {
            return Err(broken.into());
        }
        let count = self.source.read(into).map_err(|error| {
            let broken = Broken::inside(&error);
            broken.unwrap_or_else(|| Broken::new(format!("the zip entry is damaged: {error}")))
        })?;
        self.output.set(self.output.get() + count as u64);
        Ok(count)
    }
}

/// The name of an entry. One that would lead out of a folder is told, since somebody made it on purpose.
fn entry_name(decoder: &mut Decoder<'_>, archive: &str, inner: &str) -> ControlFlow<(), Arc<str>> {
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
fn archive_broken(decoder: &mut Decoder<'_>, name: &Arc<str>, broken: Broken) -> Flow {
    let status = FileStatus::Partial(broken.reason);
    decoder.output.file(FileOutcome { limit_hit: broken.limit, ..FileOutcome::unread(name, status) })
}
