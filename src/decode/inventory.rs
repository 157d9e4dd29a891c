//! What is found out about each input while it is read: size, time of change and a hash of its bytes, without reading it
//! twice where that can be avoided, and whether it changed meanwhile.

use super::content_hash::{ContentHash, ContentHasher, HashKind};
use crate::ledger::{FileOutcome, FileStatus};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// What an input was when it was opened, and its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputFacts {
    /// Bytes on the disk; of a pipe, bytes that came out of it.
    pub size: u64,
    /// When it was last changed; none for pipes.
    pub modified: Option<SystemTime>,
    /// The hash of all its bytes; none where not all of them were read.
    pub hash: Option<ContentHash>,
}

/// How much of an input could be used, where that is not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nothing.
    All,
    /// A part of it is missing.
    Part,
}

/// The facts of a list of inputs, filled in by many threads.
#[derive(Debug, Default)]
pub struct Inventory {
    blake3: bool,
    facts: Vec<OnceLock<InputFacts>>,
    unread: Mutex<HashMap<Arc<str>, Unread>>,
}

impl Inventory {
    /// For a list of that length. Is BLAKE3 wanted also where it costs much?
    pub fn new(inputs: usize, blake3: bool) -> Inventory {
        Inventory { blake3, facts: (0..inputs).map(|_| OnceLock::new()).collect(), unread: Mutex::default() }
    }

    /// What is known of the input with that index in the list; none of one that could not be opened.
    pub fn facts(&self, index: usize) -> Option<InputFacts> {
        self.facts.get(index).and_then(OnceLock::get).copied()
    }

    /// How much of the input of that name could not be used.
    pub fn unread(&self, name: &str) -> Option<Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Notes how much of a file could be used. Entries of archives are no inputs and do no harm here.
    pub fn outcome(&self, outcome: &FileOutcome) {
        let unread = match outcome.status {
            FileStatus::Read | FileStatus::Ignored(_) => return,
            FileStatus::Skipped(_) => Unread::All,
            FileStatus::Partial(_) => Unread::Part,
        };
        let mut all = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two outcomes one tells of a loss, and the other that something was read.
        all.entry(Arc::clone(&outcome.name)).and_modify(|one| *one = Unread::Part).or_insert(unread);
    }

    fn set(&self, index: usize, facts: InputFacts) {
        if let Some(entry) = self.facts.get(index) {
            let _the_first_counts = entry.set(facts);
        }
    }
}

/// One input of an [`Inventory`].
#[derive(Clone, Debug)]
pub struct InputNote {
    inventory: Arc<Inventory>,
    index: usize,
    size: u64,
    modified: Option<SystemTime>,
}

impl InputNote {
    /// The input with that index.
    pub fn new(inventory: &Arc<Inventory>, index: usize, metadata: Option<&Metadata>) -> InputNote {
        let metadata = metadata.filter(|found| found.is_file());
        InputNote {
            inventory: Arc::clone(inventory),
            index,
            size: metadata.map_or(0, Metadata::len),
            modified: metadata.and_then(|found| found.modified().ok()),
        }
    }

    /// These are all bytes of it.
    pub fn bytes(&self, bytes: &[u8]) {
        let kind = HashKind::of(bytes, self.wants_blake3());
        self.done(bytes.len() as u64, Some(ContentHash::of_bytes(kind, bytes)));
    }

    /// It has this hash, or none that is known.
    pub fn set_hash(&self, hash: Option<ContentHash>) {
        self.done(self.size, hash);
    }

    /// So many bytes came out of it.
    pub fn done(&self, size: u64, hash: Option<ContentHash>) {
        self.inventory.set(self.index, InputFacts { size, modified: self.modified, hash });
    }

    /// Is BLAKE3 wanted also where it costs much?
    pub fn wants_blake3(&self) -> bool {
        self.inventory.blake3
    }
}

/// What tells one state of a regular file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Bytes.
    pub size: u64,
    modified: Option<SystemTime>,
}

impl FileState {
    /// The state of a file with that metadata.
    pub fn of(metadata: &Metadata) -> FileState {
        FileState { size: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Is the open file in another state now?
    pub fn has_changed(&self, file: &File) -> bool {
        !file.metadata().is_ok_and(|now| FileState::of(&now) == *self)
    }
}

/// Is the file another one than when it was opened, with that metadata? Only of regular files that is asked.
pub fn has_changed(file: &File, before: &Metadata) -> bool {
    before.is_file() && FileState::of(before).has_changed(file)
}

/// What is told of such a file.
pub fn changed(name: &Arc<str>) -> FileOutcome {
    let reason = "it changed while it was read: rows may be missing, or of two states of it; read it again when nobody writes \
                  to it";
    FileOutcome::unread(name, FileStatus::Partial(reason.to_owned()))
}

/// Hashes what is read through it.
pub struct Hashing<R> {
    source: R,
    blake3_wanted: bool,
    /// Chosen by the first bytes.
    hasher: Option<ContentHasher>,
    count: u64,
    ended: bool,
}

impl<R: Read> Hashing<R> {
    /// Of a stream from its begin, for this note.
    pub fn new(source: R, note: &InputNote) -> Hashing<R> {
        Hashing { source, blake3_wanted: note.wants_blake3(), hasher: None, count: 0, ended: false }
    }

    /// Bytes so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Has the end of the stream been met?
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The hash of what has been read.
    pub fn so_far(&self) -> ContentHash {
        let of_nothing = || ContentHash::of_bytes(HashKind::of(&[], self.blake3_wanted), &[]);
        self.hasher.as_ref().map_or_else(of_nothing, ContentHasher::finish)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        let bytes = &into[..count];
        if count > 0 {
            let wanted = self.blake3_wanted;
            let hasher = self.hasher.get_or_insert_with(|| ContentHasher::new(HashKind::of(bytes, wanted)));
            hasher.update(bytes);
        }
        self.count += count as u64;
        self.ended |= count == 0 && !into.is_empty();
        Ok(count)
    }
}
