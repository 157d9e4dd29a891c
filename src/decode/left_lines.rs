//! Large plain access logs: blocks of lines that are left in their file. The reading thread looks only at where they end;
//! the worker that parses a block reads it, into a buffer that it has used before. Bytes that pass from one processor to
//! another cost more than the time it takes to read them.

use super::content_hash::{GROUP, HashKind};
use super::inventory::{InputNote, has_changed};
use super::stream::Decoder;
use super::tree_hash::{Groups, TreeHash};
use super::{Block, Limits, Segment};
use crate::parse::LogType;
use memchr::{memchr, memchr_iter};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::ControlFlow::{self, Continue};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes that are looked at for the end of a line.
const PROBE: usize = 4 << 10;

/// Bytes beyond a full block in which its last line must end, so that a block stays near its size.
const MOST_PROBED: usize = 1 << 20;

/// Bytes that are read before their lines are counted, while they are near.
const CHUNK: usize = 256 << 10;

/// A plain file that threads read from.
#[derive(Debug)]
pub struct LeftFile {
    file: Arc<File>,
    /// What it was when it was opened.
    before: Metadata,
    /// It was told that it has changed.
    told: AtomicBool,
    /// All of its lines were left in it.
    whole: AtomicBool,
    hash: Option<(InputNote, TreeHash)>,
}

impl LeftFile {
    /// A file that was opened with that metadata. Where `note` is given, its hash is noted by whoever reads the last of
    /// its bytes, if it turns out to hold only lines that can be left in it ([`LeftFile::is_whole`]).
    pub fn new(file: Arc<File>, before: Metadata, note: Option<InputNote>) -> LeftFile {
        // A single group is no tree.
        let hash = note.filter(|_| before.len() > GROUP).map(|note| {
            let tree = TreeHash::new(HashKind::of(&[], note.wants_blake3()));
            (note, tree)
        });
        LeftFile { file, before, told: AtomicBool::default(), whole: AtomicBool::default(), hash }
    }

    /// Were all of its lines left in it, and will its hash be noted?
    pub fn is_whole(&self) -> bool {
        self.hash.is_some() && self.whole.load(Ordering::Relaxed)
    }

    /// Has it changed since it was opened, and is this the first time that somebody asks?
    pub fn has_changed(&self) -> bool {
        has_changed(&self.file, &self.before) && !self.told.swap(true, Ordering::Relaxed)
    }

    /// All lines up to its end were left in it.
    fn ends_at(&self, end: u64) {
        self.whole.store(true, Ordering::Relaxed);
        let Some((note, tree)) = &self.hash else { return };
        if end != self.before.len() {
            // It has changed since it was opened: there is no hash of what it was.
            note.set_hash(None);
        }
        if let Some(hash) = tree.end(end) {
            note.set_hash(Some(hash));
        }
    }

    /// From that byte on.
    pub fn from(&self, offset: u64) -> FileFrom {
        FileFrom::new(&self.file, offset)
    }
}

/// The part of a file's hash that a block makes.
struct BlockHash<'a> {
    file: &'a LeftFile,
    place: &'a Range<u64>,
    note: &'a InputNote,
    tree: &'a TreeHash,
    groups: Groups,
}

impl<'a> BlockHash<'a> {
    fn new(file: &'a LeftFile, place: &'a Range<u64>, hashed_from: u64) -> Option<BlockHash<'a>> {
        let (note, tree) = file.hash.as_ref()?;
        let groups = Groups::beginning_in(hashed_from..place.end, tree.kind);
        Some(BlockHash { file, place, note, tree, groups })
    }

    /// Hashes the groups that lie in the begin of the block, as far as it has been read: they are near.
    fn add(&mut self, read: &[u8]) {
        while let Some(start) = self.groups.next_start().checked_sub(self.place.start) {
            let Some(group) = read.get(start as usize..(start + GROUP) as usize) else { break };
            self.groups.push(group);
        }
    }

    /// Reads again what does not lie in the block as a whole: the last group, which ends in the next block.
    fn finish(mut self) -> io::Result<()> {
        let mut apart = Vec::new();
        while self.groups.next_start() < self.place.end {
            let start = self.groups.next_start();
            let length = GROUP.min(self.file.before.len().saturating_sub(start));
            apart.resize(length as usize, 0);
            self.file.from(start).read_exact(&mut apart)?;
            self.groups.push(&apart);
        }
        if let Some(hash) = self.tree.add(self.groups) {
            self.note.set_hash(Some(hash));
        }
        Ok(())
    }
}

/// A block of whole lines that is still in its file.
#[derive(Debug)]
pub struct LeftLines {
    /// The file's path as given.
    pub name: Arc<str>,
    file: Arc<LeftFile>,
    place: Range<u64>,
    /// From where on it is hashed: what stands before the first line belongs to the first block.
    hashed_from: u64,
    /// Number of its first line, once the block before is counted; none if that failed.
    first_number: Number,
    next_number: Number,
}

/// The number of a line that another block tells.
type Number = Arc<OnceLock<Option<u64>>>;

impl LeftLines {
    /// Where in the file it is.
    pub fn place(&self) -> Range<u64> {
        self.place.clone()
    }

    /// Has the file changed since it was opened, and is this the first time that somebody asks?
    pub fn has_changed(&self) -> bool {
        self.file.has_changed()
    }

    /// Reads it. `buffer` is used again. Waits until the lines before are counted: blocks must be read by other threads
    /// or in their order.
    ///
    /// # Errors
    /// Those of the system, a file that has become shorter, and an error in the lines before.
    pub fn read(&self, mut buffer: Vec<u8>) -> io::Result<Block> {
        let length = (self.place.end - self.place.start) as usize;
        if buffer.capacity() < length {
            // With room for the text that will be derived from it, and no more.
            buffer.reserve_exact(length + length / 8 - buffer.len());
        }
        buffer.resize(length, 0);
        let (mut rest, mut lines) = (self.file.from(self.place.start), 0);
        let mut hash = BlockHash::new(&self.file, &self.place, self.hashed_from);
        let mut read = 0;
        while read < buffer.len() {
            let end = buffer.len().min(read + CHUNK);
            let chunk = &mut buffer[read..end];
            rest.read_exact(chunk)?;
            lines += memchr_iter(b'\n', chunk).count() as u64;
            read = end;
            if let Some(hash) = &mut hash {
                hash.add(&buffer[..read]);
            }
        }
        lines += u64::from(buffer.last().is_some_and(|last| *last != b'\n'));
        if let Some(hash) = hash {
            // The lines are here. A hash that needs bytes behind them which are gone stays unknown.
            let _unknown = hash.finish();
        }
        let first_number = self.first_number.wait().ok_or_else(|| io::Error::other("lines before it are lost"))?;
        self.next_number.get_or_init(|| Some(first_number + lines));
        let (file, first_offset) = (Arc::clone(&self.name), self.place.start);
        Ok(Block {
            log: LogType::S3Access,
            bytes: buffer,
            segments: vec![Segment { file, start: 0, first_number, first_offset }],
            records: Vec::new(),
            framed: lines,
        })
    }
}

impl Drop for LeftLines {
    /// Nobody waits for a block that was not read.
    fn drop(&mut self) {
        self.next_number.get_or_init(|| None);
    }
}

/// How far the lines of a file could be left in it.
pub enum Left {
    /// To its end.
    Whole,
    /// Up to a line that does not end soon enough; it has this number.
    UpTo(u64),
}

/// Hands out the lines of a file from `start` on in blocks that are left in it, and moves `start` behind each.
///
/// # Errors
/// Of the system, after what was handed out until then.
pub fn frame(
    decoder: &mut Decoder<'_>,
    name: &Arc<str>,
    file: &Arc<LeftFile>,
    start: &mut u64,
) -> ControlFlow<(), io::Result<Left>> {
    let begin = *start;
    let mut first_number = Number::from(OnceLock::from(Some(1)));
    loop {
        let full = *start + decoder.limits.full_block().max(1) as u64;
        let (end, is_last) = match line_end(&file.file, full - 1) {
            Ok(LineEnd::At(end)) => (end, false),
            Ok(LineEnd::OfFile(end)) => (end, true),
            Ok(LineEnd::TooFar) => {
                return Continue(count_lines(file, begin..*start).map(|before| Left::UpTo(before + 1)));
            }
            Err(error) => return Continue(Err(error)),
        };
        if end > *start {
            let (name, file, place) = (Arc::clone(name), Arc::clone(file), *start..end);
            let next_number = Number::default();
            let next = Arc::clone(&next_number);
            let hashed_from = if *start == begin { 0 } else { *start };
            let lines = LeftLines { name, file, place, hashed_from, first_number, next_number: next };
            (*start, first_number) = (end, next_number);
            decoder.output.left_lines(lines)?;
        }
        if is_last {
            file.ends_at(end);
            return Continue(Ok(Left::Whole));
        }
    }
}

/// Can lines be left in a file under these limits? None of such a block may be longer than a line may be.
pub fn fits(limits: &Limits) -> bool {
    cfg!(unix) && limits.full_block() + MOST_PROBED <= limits.longest_line()
}

/// Where a line ends.
enum LineEnd {
    /// One behind its line feed.
    At(u64),
    /// At the end of the file.
    OfFile(u64),
    /// Beyond [`MOST_PROBED`].
    TooFar,
}

/// The end of the line that holds the byte at `from`.
fn line_end(file: &File, from: u64) -> io::Result<LineEnd> {
    let mut bytes = [0; PROBE];
    let (mut at, end) = (from, from + MOST_PROBED as u64);
    while at < end {
        // Not beyond the end: a line that is found there may be longer than lines may be.
        let most = PROBE.min((end - at) as usize);
        let count = read_at(file, &mut bytes[..most], at)?;
        if let Some(found) = memchr(b'\n', &bytes[..count]) {
            return Ok(LineEnd::At(at + found as u64 + 1));
        }
        if count == 0 {
            return Ok(LineEnd::OfFile(at.min(file.metadata()?.len())));
        }
        at += count as u64;
    }
    Ok(LineEnd::TooFar)
}

fn count_lines(file: &LeftFile, place: Range<u64>) -> io::Result<u64> {
    let mut bytes = vec![0; CHUNK];
    let (mut rest, mut count) = (file.from(place.start).take(place.end - place.start), 0);
    loop {
        let read = rest.read(&mut bytes)?;
        count += memchr_iter(b'\n', &bytes[..read]).count() as u64;
        if read == 0 {
            return Ok(count);
        }
    }
}

/// A file from a place on, whatever else reads it.
pub struct FileFrom {
    file: Arc<File>,
    offset: u64,
}

impl FileFrom {
    /// From that byte on.
    pub fn new(file: &Arc<File>, offset: u64) -> FileFrom {
        FileFrom { file: Arc::clone(file), offset }
    }
}

impl Read for FileFrom {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, into, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match std::os::unix::fs::FileExt::read_at(file, into, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Moves the file's own place, so that nothing may read the file by that: lines are not left in files here ([`fits`]).
#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
