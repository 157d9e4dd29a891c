//! The reading thread: inputs in order to numbered units of work.

use super::compress::Counted;
use super::content_hash::{ContentHash, HashKind};
use super::inventory::{FileState, Hashing, InputNote, Inventory, changed, has_changed};
use super::left_lines::{LeftFile, LeftLines};
use super::parquet::{self, RowRange};
use super::small_files::UnopenedFile;
use super::sniff::{self, Container};
use super::stream::{Decoder, Flow, Output, Stream};
use super::unit::{RawFile, Unit, Work};
use super::window::{Broken, Window};
use super::{Block, Limits, archive, whole};
use crate::ledger::{FileOutcome, FileStatus, Notice, Reject};
use crate::source::Input;
use std::cell::Cell;
use std::fs::{self, File, Metadata};
use std::io::{self, Cursor, Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// Plain bytes of small files that make a unit.
const UNIT_PLAIN: usize = 4 << 20;

/// Compressed bytes of small files that make a unit: about a block of records, so that a worker has only one in hand
/// and fills the same buffer again.
const UNIT_COMPRESSED: usize = 256 << 10;

/// How the names of compressed files mostly end. Only how many files make a unit is told by names: those that are not
/// opened yet have nothing else.
const COMPRESSED_ENDINGS: [&str; 5] = [".gz", ".tgz", ".zst", ".zip", ".parquet"];

/// A gzip file that will be decompressed as a whole may be this many times larger than other small files: what counts
/// is that more than one worker gets at them.
const WHOLE_TIMES: u64 = 4;

/// Files that make a unit however small they are.
const UNIT_FILES: usize = 4096;

/// So many units are only a part of the others, so that workers begin and output comes soon.
const FIRST_UNITS: u64 = 8;
const FIRST_PART: usize = 16;

/// Reads the inputs one after the other and hands out units until none is left or `emit` breaks. Small files go out
/// packed and unopened, large ones as blocks. The same inputs and limits give the same units.
///
/// # Errors
/// Breaks where `emit` breaks. What is wrong with an input is told in the units.
pub fn read_inputs(
    inputs: &[Input],
    limits: &Limits,
    emit: &mut dyn FnMut(Unit) -> ControlFlow<()>,
) -> ControlFlow<()> {
    read_and_note(inputs, limits, None, emit)
}

/// The same, and notes the facts of each input. Those of some are there only when all units are decoded.
///
/// # Errors
/// As those of [`read_inputs`].
pub fn read_and_note(
    inputs: &[Input],
    limits: &Limits,
    inventory: Option<&Arc<Inventory>>,
    emit: &mut dyn FnMut(Unit) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut packer = Packer {
        emit,
        work: Vec::new(),
        weight: 0,
        sequence: 0,
        counted: Rc::default(),
        before: 0,
        told: 0,
        skipped: None,
    };
    for (index, input) in inputs.iter().enumerate() {
        let noted = |metadata: Option<&Metadata>| inventory.map(|all| InputNote::new(all, index, metadata));
        let outcome = match input.path() {
            None => {
                let source = Source { file: None, note: noted(None) };
                Ok(source.stream(&mut packer, limits, &input.name, &mut io::stdin().lock()))
            }
            Some(path) => read_path(&mut packer, limits, input, path, &noted),
        };
        match outcome {
            Ok(flow) => flow?,
            Err(error) => packer.file(FileOutcome::unread(&input.name, FileStatus::Skipped(error.to_string())))?,
        }
    }
    packer.emit()
}

fn read_path(
    packer: &mut Packer<'_>,
    limits: &Limits,
    input: &Input,
    path: &Path,
    noted: &dyn Fn(Option<&Metadata>) -> Option<InputNote>,
) -> io::Result<Flow> {
    let found = fs::metadata(path)?;
    if found.is_file() && found.len() <= limits.small_file {
        let (input, before, note) = (input.clone(), FileState::of(&found), noted(Some(&found)));
        return Ok(packer.unopened(UnopenedFile { input, before, note }));
    }
    let name = &input.name;
    let file = Arc::new(File::open(path)?);
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let note = noted(Some(&metadata));
    let source = |note| Source { file: Some((&file, &metadata)).filter(|_| metadata.is_file()), note };
    if !metadata.is_file() || metadata.len() > limits.small_file {
        let container = if metadata.is_file() { container_of(&file)? } else { None };
        if container == Some(Container::Zip) {
            return Ok(zip_file(packer, limits, name, &file, &metadata, note));
        }
        // Elsewhere a file cannot be read at many places at once; there it is held in memory.
        if container == Some(Container::Parquet) && cfg!(unix) {
            return Ok(parquet_file(packer, limits, name, (&file, &metadata), note));
        }
        let as_whole = container == Some(Container::Gzip)
            && metadata.len() <= limits.small_file.saturating_mul(WHOLE_TIMES)
            && whole::is_told_to_fit(&file, limits)?;
        if !as_whole {
            return Ok(source(note).stream(packer, limits, name, &mut &*file));
        }
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    let longest = metadata.len().max(limits.small_file);
    let broken = (&*file).take(longest + 1).read_to_end(&mut bytes).err();
    if broken.is_none() && bytes.len() as u64 > longest {
        // It has grown since.
        return Ok(source(note).stream(packer, limits, name, &mut Cursor::new(bytes).chain(&*file)));
    }
    match broken {
        Some(error) if bytes.is_empty() => Err(error),
        broken => {
            packer.counted.set(packer.counted.get() + bytes.len() as u64);
            let broken = broken.map(|error| Broken::from(&error));
            let flow = packer.raw(RawFile { name: Arc::clone(name), bytes, layers: 0, broken, note });
            Ok(if flow.is_continue() && has_changed(&file, &metadata) { packer.file(changed(name)) } else { flow })
        }
    }
}

/// What the file is by its first bytes. It is read from its begin afterwards.
fn container_of(mut file: &File) -> io::Result<Option<Container>> {
    let mut magic = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(sniff::container(&magic))
}

/// What is read as a stream.
struct Source<'a> {
    /// The regular file, where it is one.
    file: Option<(&'a Arc<File>, &'a Metadata)>,
    note: Option<InputNote>,
}

impl Source<'_> {
    /// Reads it from `bytes`, which is at its begin.
    fn stream(self, packer: &mut Packer<'_>, limits: &Limits, name: &Arc<str>, bytes: &mut dyn Read) -> Flow {
        let Source { file, note } = self;
        let left = file.map(|(file, metadata)| {
            let (file, metadata) = (Arc::clone(file), metadata.clone());
            Arc::new(LeftFile::new(file, metadata, note.clone()))
        });
        match note {
            None => stream(packer, limits, name, bytes, left.clone())?,
            Some(note) => {
                let mut hashing = Hashing::new(bytes, &note);
                stream(packer, limits, name, &mut hashing, left.clone())?;
                if !left.as_ref().is_some_and(|left| left.is_whole()) {
                    let is_skipped = packer.skipped.as_ref() == Some(name);
                    note_hash(&note, &hashing, file.filter(|_| !is_skipped));
                }
            }
        }
        match left {
            // Of lines that are left in it whoever reads them tells.
            Some(left) if left.has_changed() => packer.file(changed(name)),
            _ => Flow::Continue(()),
        }
    }
}

/// Notes the hash of a stream. What was not read to its end is read again, if it is worth it.
fn note_hash<R: Read>(note: &InputNote, hashing: &Hashing<R>, file: Option<(&Arc<File>, &Metadata)>) {
    let is_whole = hashing.has_ended() || file.is_some_and(|(_, metadata)| hashing.count() == metadata.len());
    match file {
        _ if is_whole => note.done(hashing.count(), Some(hashing.so_far())),
        Some((file, _)) => note.set_hash(hash_again(file, hashing.so_far().kind()).ok()),
        None => note.done(hashing.count(), None),
    }
}

fn hash_again(mut file: &File, kind: HashKind) -> io::Result<ContentHash> {
    file.rewind()?;
    ContentHash::of_reader(kind, file)
}

/// `left` is the plain file that `source` reads, where there is one.
fn stream(
    packer: &mut Packer<'_>,
    limits: &Limits,
    name: &Arc<str>,
    source: &mut dyn Read,
    left: Option<Arc<LeftFile>>,
) -> Flow {
    packer.before = packer.counted.get();
    let all = Counted { source, count: Rc::clone(&packer.counted) };
    let stream = Stream::new(Arc::clone(name), 0, |count| {
        Window::new(Box::new(Counted { source: all, count: Rc::clone(count) }), sniff::HEAD)
    });
    let mut decoder = Decoder::new(limits, packer, true);
    decoder.stream(Stream { file: left, ..stream })
}

fn zip_file(
    packer: &mut Packer<'_>,
    limits: &Limits,
    name: &Arc<str>,
    file: &File,
    metadata: &Metadata,
    note: Option<InputNote>,
) -> Flow {
    let count = Rc::clone(&packer.counted);
    let before = count.get();
    let length = metadata.len();
    let mut decoder = Decoder::new(limits, packer, true);
    archive::zip(&mut decoder, name, io::BufReader::with_capacity(sniff::HEAD, file), length, 0)?;
    count.set(before + length);
    packer.read_anywhere(name, (file, metadata), note)
}

fn parquet_file(
    packer: &mut Packer<'_>,
    limits: &Limits,
    name: &Arc<str>,
    (file, metadata): (&Arc<File>, &Metadata),
    note: Option<InputNote>,
) -> Flow {
    packer.before = packer.counted.get();
    let end = packer.before + metadata.len();
    let source = parquet::Source::File(Arc::clone(file), metadata.len());
    Decoder::new(limits, packer, true).parquet(name, source)?;
    packer.counted.set(end);
    packer.read_anywhere(name, (file, metadata), note)
}

/// Puts work together until it is worth a worker's while.
struct Packer<'a> {
    emit: &'a mut dyn FnMut(Unit) -> ControlFlow<()>,
    work: Vec<Work>,
    /// Compressed bytes count as often as a unit of plain ones is larger than one of compressed ones.
    weight: usize,
    sequence: u64,
    /// Bytes read of the inputs.
    counted: Rc<Cell<u64>>,
    /// Bytes of the inputs before the one in hand.
    before: u64,
    /// Bytes that the units so far have told.
    told: u64,
    /// The last file of which nothing could be used.
    skipped: Option<Arc<str>>,
}

impl Packer<'_> {
    /// The end of a file that is not read from its begin to its end, and so has to be read again for its hash.
    fn read_anywhere(
        &mut self,
        name: &Arc<str>,
        (file, metadata): (&File, &Metadata),
        note: Option<InputNote>,
    ) -> Flow {
        if let Some(note) = note {
            let is_wanted = self.skipped.as_ref() != Some(name);
            note.set_hash(if is_wanted { hash_again(file, HashKind::Blake3).ok() } else { None });
        }
        if has_changed(file, metadata) { self.file(changed(name)) } else { Flow::Continue(()) }
    }

    fn emit(&mut self) -> Flow {
        if self.work.is_empty() {
            return Flow::Continue(());
        }
        let input_bytes = self.counted.get() - self.told;
        self.told = self.counted.get();
        let unit = Unit { sequence: self.sequence, work: std::mem::take(&mut self.work), input_bytes };
        self.sequence += 1;
        self.weight = 0;
        (self.emit)(unit)
    }

    fn unopened(&mut self, file: UnopenedFile) -> Flow {
        let size = file.before.size;
        self.counted.set(self.counted.get() + size);
        let is_compressed = COMPRESSED_ENDINGS.iter().any(|ending| file.input.name.ends_with(ending));
        self.add(Work::Unopened(file), weight(size as usize, is_compressed))
    }

    fn add(&mut self, work: Work, weight: usize) -> Flow {
        self.work.push(work);
        self.weight += weight;
        let part = if self.sequence < FIRST_UNITS { FIRST_PART } else { 1 };
        let is_full = self.weight >= UNIT_PLAIN / part || self.work.len() >= UNIT_FILES / part;
        if is_full { self.emit() } else { Flow::Continue(()) }
    }
}

impl Output for Packer<'_> {
    fn block(&mut self, block: Block) -> Flow {
        self.work.push(Work::Block(block));
        self.emit()
    }

    fn left_lines(&mut self, lines: LeftLines) -> Flow {
        self.counted.set(self.before + lines.place().end);
        self.work.push(Work::LeftLines(lines));
        self.emit()
    }

    fn rows(&mut self, rows: RowRange) -> ControlFlow<(), Option<Broken>> {
        self.counted.set(self.before + rows.bytes_to_end());
        self.work.push(Work::Rows(rows));
        self.emit()?;
        ControlFlow::Continue(None)
    }

    fn file(&mut self, outcome: FileOutcome) -> Flow {
        if matches!(outcome.status, FileStatus::Skipped(_)) {
            self.skipped = Some(Arc::clone(&outcome.name));
        }
        self.add(Work::Done(outcome), 0)
    }

    fn notice(&mut self, notice: Notice) -> Flow {
        self.add(Work::Notice(notice), 0)
    }

    fn reject(&mut self, reject: Reject) -> Flow {
        let weight = reject.raw.len();
        self.add(Work::Reject(reject), weight)
    }

    fn packs(&self) -> bool {
        true
    }

    fn raw(&mut self, file: RawFile) -> Flow {
        let compressed = sniff::container(&file.bytes).is_some_and(|container| container != Container::Tar);
        let weight = weight(file.bytes.len(), compressed);
        self.add(Work::File(file), weight)
    }
}

fn weight(size: usize, is_compressed: bool) -> usize {
    size * if is_compressed { UNIT_PLAIN / UNIT_COMPRESSED } else { 1 }
}
