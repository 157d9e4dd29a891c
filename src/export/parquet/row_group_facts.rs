//! What the footers of unfinished files will say, kept for all of them together.
//!
//! A row group takes about 8 KB whatever its rows, and logs of many interleaved partitions give many small ones: so
//! they are in memory only up to a limit, and in an unnamed file beyond it.

use crate::export::disk::{Disk, DiskFile};
use std::io;
use std::path::PathBuf;

/// Bytes in memory: those of some 400 row groups, which take 8 GB of rows where partitions are large. Such exports write
/// them to no file.
const MEMORY_BYTES: usize = 4 << 20;

/// Keeps encoded facts of row groups.
pub(super) struct RowGroupFacts {
    folder: PathBuf,
    disk: Disk,
    /// Those that came last.
    memory: Vec<u8>,
    memory_limit: usize,
    /// Bytes in the file, all that came before.
    spilled: u64,
    file: Option<DiskFile>,
}

/// Where the facts of a row group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeptFacts {
    start: u64,
    bytes: usize,
}

impl RowGroupFacts {
    /// None yet. The file has no name, and its room is in that folder.
    pub(super) fn new(folder: PathBuf, disk: &Disk) -> RowGroupFacts {
        let disk = disk.clone();
        RowGroupFacts { folder, disk, memory: Vec::new(), memory_limit: MEMORY_BYTES, spilled: 0, file: None }
    }

    /// Keeps the facts of a row group.
    pub(super) fn keep(&mut self, facts: &[u8]) -> io::Result<KeptFacts> {
        if !self.memory.is_empty() && self.memory.len() + facts.len() > self.memory_limit {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(self.disk.create_unnamed(&self.folder)?),
            };
            file.write_at(self.spilled, &self.memory)?;
            self.spilled += self.memory.len() as u64;
            self.memory.clear();
        }
        let kept = KeptFacts { start: self.spilled + self.memory.len() as u64, bytes: facts.len() };
        self.memory.extend_from_slice(facts);
        Ok(kept)
    }

    /// The facts that were kept.
    pub(super) fn get(&mut self, kept: KeptFacts) -> io::Result<Vec<u8>> {
        let KeptFacts { start, bytes } = kept;
        let mut facts = vec![0; bytes];
        match (start.checked_sub(self.spilled), &mut self.file) {
            (Some(start), _) => facts.copy_from_slice(&self.memory[start as usize..][..bytes]),
            (None, Some(file)) => file.read_exact_at(&mut facts, start)?,
            (None, None) => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_from_memory_and_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut facts = RowGroupFacts::new(folder.path().to_path_buf(), &Disk::quick());
        facts.memory_limit = 10;
        let inputs: Vec<Vec<u8>> = (0..20_u8).map(|number| vec![number; usize::from(number)]).collect();
        let kept: Vec<KeptFacts> = inputs.iter().map(|input| facts.keep(input).unwrap()).collect();
        assert!(facts.spilled > 100 && !facts.memory.is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        for (input, kept) in inputs.iter().zip(kept).rev() {
            assert_eq!(&facts.get(kept).unwrap(), input);
        }
    }

    #[test]
    fn a_disk_that_fails_is_told() {
        let folder = tempfile::tempdir().unwrap();
        // To create the file, and to write to it.
        for call in [1, 2] {
            let mut facts = RowGroupFacts::new(folder.path().to_path_buf(), &Disk::failing(call, false).0);
            facts.memory_limit = 10;
            facts.keep(&[1; 10]).unwrap();
            assert!(facts.keep(&[2]).is_err());
        }
    }
}
