//! Small files on a worker: each is read to where its text stays, in the block of an ordinary one beside others. What is not
//! ordinary goes the careful way.

use super::inventory::{FileState, InputNote, changed};
use super::packed::{PackedBlock, PackedFile};
use super::sniff::{self, Container};
use super::stream::{Decoder, Flow, MAX_LAYERS, Stream};
use super::unit::RawFile;
use super::whole::WholeFiles;
use super::window::{Broken, Window};
use super::{Limits, compress};
use crate::ledger::FileStatus;
use crate::source::Input;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::rc::Rc;
use std::sync::Arc;

/// A small file that was found and not opened yet.
#[derive(Debug)]
pub struct UnopenedFile {
    /// Its name and place.
    pub input: Input,
    /// What it was when it was found: a regular file of that size.
    pub before: FileState,
    /// Where its hash is noted, if that is wanted.
    pub note: Option<InputNote>,
}

/// The small files of a unit.
pub struct SmallFiles {
    whole: WholeFiles,
    block: PackedBlock,
    /// Of a compressed file in hand.
    compressed: Vec<u8>,
}

/// How the reading of a file ended.
enum End {
    /// At its end.
    Whole,
    /// Beyond what a small file has: there is more.
    TooLong,
    /// With an error.
    Broken(io::Error),
}

impl SmallFiles {
    /// None yet.
    pub fn new() -> SmallFiles {
        SmallFiles { whole: WholeFiles::new(), block: PackedBlock::new(Vec::new()), compressed: Vec::new() }
    }

    /// Opens a file and takes it.
    pub fn unopened(&mut self, decoder: &mut Decoder<'_>, file: UnopenedFile) -> Flow {
        let UnopenedFile { input, before, note } = file;
        let (name, path) = (&input.name, input.path());
        let opened = path.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)).and_then(File::open);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return self.unread(decoder, name, &error),
        };
        self.begin(decoder);
        let (length, end) = self.read(&opened, before.size as usize, decoder.limits);
        match end {
            End::Broken(error) if length == 0 => return self.unread(decoder, name, &error),
            End::Broken(error) => {
                let (bytes, broken) = (self.behind(length).to_vec(), Some(Broken::from(&error)));
                self.careful(decoder, RawFile { name: Arc::clone(name), bytes, layers: 0, broken, note })?;
            }
            End::TooLong => self.grown(decoder, name, length, &opened)?,
            End::Whole => {
                if let Some(note) = note {
                    note.bytes(self.behind(length));
                }
                self.loaded(decoder, Arc::clone(name), length)?;
            }
        }
        if !before.has_changed(&opened) {
            return Flow::Continue(());
        }
        self.flush(decoder)?;
        decoder.output.file(changed(name))
    }

    /// Takes a file that was read elsewhere.
    pub fn file(&mut self, decoder: &mut Decoder<'_>, file: RawFile) -> Flow {
        if let (Some(note), None) = (&file.note, &file.broken) {
            note.bytes(&file.bytes);
        }
        if file.broken.is_some() || file.layers >= MAX_LAYERS {
            return self.careful(decoder, file);
        }
        self.begin(decoder);
        match sniff::container(&file.bytes) {
            None => {
                self.block.room(file.bytes.len(), decoder.limits).copy_from_slice(&file.bytes);
                self.plain(decoder, file.name, file.layers, file.bytes.len())
            }
            Some(Container::Gzip) => self.gzip(decoder, file),
            Some(_) => self.careful(decoder, file),
        }
    }

    /// Hands out the block, or its files one by one with care where a guess in it is wrong.
    pub fn flush(&mut self, decoder: &mut Decoder<'_>) -> Flow {
        let Some((block, files)) = self.block.take() else { return Flow::Continue(()) };
        let taken =
            if block.records.is_empty() { Ok(decoder.output.block(block)) } else { decoder.output.check(block) };
        match taken {
            Ok(flow) => {
                flow?;
                files.iter().try_for_each(|file| decoder.output.file(file.outcome()))
            }
            Err(block) => files
                .into_iter()
                .try_for_each(|file| decoder.unpacked(file.name, file.layers, block.bytes[file.place].to_vec())),
        }
    }

    fn begin(&mut self, decoder: &mut Decoder<'_>) {
        if self.block.bytes.is_empty() {
            self.block.bytes = decoder.output.buffer();
        }
    }

    /// The first bytes behind the files of the block.
    fn behind(&self, length: usize) -> &[u8] {
        &self.block.bytes[self.block.length..][..length]
    }

    /// Reads a file of about that size to where it would stay. Returns how many bytes came.
    fn read(&mut self, mut file: &File, size: usize, limits: &Limits) -> (usize, End) {
        let most = size.max(limits.small_file as usize);
        let mut length = 0;
        // A byte more, so that the end is seen with the last bytes.
        let mut room = size + 1;
        loop {
            match file.read(&mut self.block.room(room, limits)[length..]) {
                Ok(0) => return (length, End::Whole),
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return (length, End::Broken(error)),
            }
            if length == size {
                return (length, End::Whole);
            }
            if length > most {
                return (length, End::TooLong);
            }
            if length == room {
                room = (room * 2).min(most + 1);
            }
        }
    }

    /// A file of which nothing could be read.
    fn unread(&mut self, decoder: &mut Decoder<'_>, name: &Arc<str>, error: &io::Error) -> Flow {
        self.flush(decoder)?;
        decoder.done(name, FileStatus::Skipped(error.to_string()))
    }

    /// A file that is longer than it was when it was found, and more than a small one. Its hash stays unknown.
    fn grown(&mut self, decoder: &mut Decoder<'_>, name: &Arc<str>, length: usize, file: &File) -> Flow {
        let begin = self.behind(length).to_vec();
        self.flush(decoder)?;
        let source = Cursor::new(begin).chain(file);
        decoder.stream(Stream::new(Arc::clone(name), 0, |count| {
            let counted = compress::Counted { source, count: Rc::clone(count) };
            Window::new(Box::new(counted), sniff::HEAD)
        }))
    }

    /// A file as it lies on the disk, of which all bytes stand behind the block.
    fn loaded(&mut self, decoder: &mut Decoder<'_>, name: Arc<str>, length: usize) -> Flow {
        let container = sniff::container(self.behind(length));
        if container.is_none() {
            return self.plain(decoder, name, 0, length);
        }
        let mut bytes = std::mem::take(&mut self.compressed);
        bytes.clear();
        bytes.extend_from_slice(self.behind(length));
        let file = RawFile { name, bytes, layers: 0, broken: None, note: None };
        if container == Some(Container::Gzip) { self.gzip(decoder, file) } else { self.careful(decoder, file) }
    }

    /// Decompresses an ordinary file to behind the block.
    fn gzip(&mut self, decoder: &mut Decoder<'_>, file: RawFile) -> Flow {
        let start = self.block.length;
        let length = self.whole.gunzip(&file.bytes, decoder.limits, &mut self.block.bytes, start);
        // What is inside may be an archive, or compressed once more.
        let Some(length) = length.filter(|length| sniff::container(self.behind(*length)).is_none()) else {
            return self.careful(decoder, file);
        };
        self.compressed = file.bytes;
        self.plain(decoder, file.name, file.layers + 1, length)
    }

    /// A file that is no container, of which all bytes stand behind the block.
    fn plain(&mut self, decoder: &mut Decoder<'_>, name: Arc<str>, layers: u32, length: usize) -> Flow {
        let log = PackedBlock::log_of(self.behind(length), decoder.output.checks(), decoder.limits);
        if log.is_some_and(|log| self.block.holds_other(log)) {
            let text = self.behind(length).to_vec();
            self.flush(decoder)?;
            self.begin(decoder);
            self.block.room(length, decoder.limits).copy_from_slice(&text);
        }
        let start = self.block.length;
        let file = PackedFile { name, layers, place: start..start + length };
        let added = match log {
            Some(log) => self.block.add(file, log, decoder.limits),
            None => Err(file),
        };
        match added {
            Ok(()) => {
                // Records of files before it come first.
                decoder.flush()?;
                let is_full = self.block.length >= decoder.limits.full_block();
                if is_full { self.flush(decoder) } else { Flow::Continue(()) }
            }
            Err(file) => {
                let text = self.block.bytes[file.place].to_vec();
                self.flush(decoder)?;
                decoder.unpacked(file.name, file.layers, text)
            }
        }
    }

    fn careful(&mut self, decoder: &mut Decoder<'_>, file: RawFile) -> Flow {
        self.flush(decoder)?;
        decoder.raw_file(file)
    }
}
