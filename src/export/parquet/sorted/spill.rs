//! The file that takes the runs. It has no name, so that it goes with the process, however that ends.

use super::block::{Block, BlockReader};
use crate::error::Error;
use crate::export::disk::{Disk, DiskFile};
use crate::export::parquet::lock;
use crate::export::parquet::partition::Partition;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// The file and what is where in it.
pub(super) struct Spill {
    disk: Disk,
    folder: PathBuf,
    raw_bytes: u64,
    file: OnceLock<DiskFile>,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    length: u64,
    index: BTreeMap<Partition, Vec<BlockPlace>>,
}

/// A block in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockPlace {
    /// Its first byte.
    pub(super) offset: u64,
    /// Bytes in the file.
    pub(super) length: u32,
    /// Bytes when it is not compressed.
    pub(super) unpacked: u32,
    /// Bytes of its rows, with those that are left in their files.
    pub(super) row_bytes: u32,
    /// It is compressed.
    pub(super) is_packed: bool,
    /// The run that it is of. Its blocks of a partition lie one behind the other, in their order.
    pub(super) run: u32,
    /// Key of its first row.
    pub(super) first: i64,
    /// Key of its last row.
    pub(super) last: i64,
}

/// Blocks of a run that are to be appended.
#[derive(Default)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    /// Offsets count in these bytes.
    pub(super) blocks: Vec<(Partition, BlockPlace)>,
}

impl Spill {
    /// No file before there is something to write.
    pub(super) fn new(disk: Disk, folder: PathBuf, raw_bytes: u64) -> Spill {
        Spill { disk, folder, raw_bytes, file: OnceLock::new(), content: Mutex::default() }
    }

    /// Are blocks to be compressed from here on?
    pub(super) fn packs(&self) -> bool {
        lock(&self.content).length >= self.raw_bytes
    }

    /// Appends blocks.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn append(&self, written: &Written) -> Result<(), Error> {
        let mut content = lock(&self.content);
        let failed = |error| self.failed(error);
        let mut file = match self.file.get() {
            Some(file) => file,
            None => {
                let file = self.disk.create_unnamed(&self.folder).map_err(failed)?;
                self.file.get_or_init(|| file)
            }
        };
        file.write_all(&written.bytes).map_err(failed)?;
        let start = content.length;
        content.length += written.bytes.len() as u64;
        for (partition, place) in &written.blocks {
            let place = BlockPlace { offset: start + place.offset, ..*place };
            content.index.entry(*partition).or_default().push(place);
        }
        Ok(())
    }

    /// Reads a block.
    ///
    /// # Errors
    /// What the system refuses, and bytes that have changed.
    pub(super) fn read(&self, place: &BlockPlace, reader: &mut BlockReader) -> Result<Arc<Block>, Error> {
        let missing = || self.failed(io::ErrorKind::NotFound.into());
        let mut bytes = vec![0; place.length as usize];
        let file = self.file.get().ok_or_else(missing)?;
        file.read_exact_at(&mut bytes, place.offset).map_err(|error| self.failed(error))?;
        reader.read(bytes, place).map(Arc::new).ok_or_else(|| self.damaged())
    }

    /// The blocks of each partition, as they were written.
    pub(super) fn take_index(&self) -> BTreeMap<Partition, Vec<BlockPlace>> {
        std::mem::take(&mut lock(&self.content).index)
    }

    /// What is read is not what was written.
    pub(super) fn damaged(&self) -> Error {
        let reason = "rows that were put there to be sorted came back changed: the disk or the memory is at fault";
        self.failed(io::Error::new(io::ErrorKind::InvalidData, reason))
    }

    /// What the system refuses.
    pub(super) fn failed(&self, error: io::Error) -> Error {
        Error::output(&self.folder, error)
    }
}
