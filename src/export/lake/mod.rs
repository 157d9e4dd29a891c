//! The folder of an export as a whole: who may write to it, what it holds, and how that changes in one step.
//!
//! `_toolmeta/lock` is locked by the one process that writes. `_toolmeta/manifest.jsonl` says which files belong to the
//! export and which inputs are in them; it only grows. A change is made so:
//!
//! 1. The new files are written under hidden names and made durable.
//! 2. A record `prepared` with their names is appended to the manifest and made durable.
//! 3. The files get their names, which no earlier file had.
//! 4. A record `committed` is appended and made durable: from here on the change has happened.
//! 5. The files that it replaces are removed.
//!
//! A process may die at any moment. Whoever opens the folder next removes hidden files, the files of a last record that is
//! `prepared`, and the files that a last record that is `committed` replaces; nothing else, and only under names that
//! this program gives. So the folder always holds what was there before the change, or what was there after it.

mod audit;
mod commit;
mod entries;
mod job;
mod lock;
mod manifest;
mod names;
mod plan;
mod recover;
mod state;

pub use audit::{Audit, LostFile};
pub(super) use commit::NewFile;
pub use entries::{InputEntry, Kind, OutputEntry, ReadShare, Record, RecordState};
pub use job::Job;
#[cfg(test)]
pub(super) use job::sample as sample_job;
pub(super) use names::{checked_path, data_files, part_name};
pub use plan::Plan;
pub(super) use plan::{Request, nanoseconds};
pub use state::{JobState, State};

use super::disk::Disk;
use super::file::CreatedFolders;
use crate::batch::Dataset;
use crate::error::Error;
use lock::LakeLock;
use manifest::Manifest;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of what this program notes. Engines do not look into folders that begin so.
pub const META_FOLDER: &str = "_toolmeta";

/// A folder of exports, locked.
#[derive(Debug)]
pub struct Lake {
    root: PathBuf,
    disk: Disk,
    manifest: Manifest,
    state: State,
    // Removed in this order, where nothing was committed.
    lock: LakeLock,
    folders: CreatedFolders,
}

impl Lake {
    /// Opens the folder for writing, creates it where it is missing, and puts right what a killed run has left.
    ///
    /// # Errors
    /// A folder that another process writes to, or that cannot be one of ours; what the system refuses.
    pub fn open(root: &Path, disk: Disk) -> Result<Lake, Error> {
        if root.exists() && !root.is_dir() {
            return Err(Error::Usage(format!("{} is no folder", root.display())));
        }
        let meta = meta_folder(root)?;
        let mut folders = CreatedFolders::new(&disk);
        folders.root(root)?;
        folders.child(&meta)?;
        let lock = LakeLock::take(&meta, root)?;
        let (mut manifest, state, last) = Manifest::open(&meta, root, &disk)?;
        recover::recover(root, &disk, &mut manifest, last.as_ref())?;
        Ok(Lake { root: root.to_path_buf(), disk, manifest, state, lock, folders })
    }

    /// Has anything been exported to the folder?
    pub fn has_manifest(root: &Path) -> bool {
        root.join(META_FOLDER).join(manifest::NAME).is_file()
    }

    /// Reads what the folder holds, for those who change nothing: without its lock. `None`: it has no manifest.
    ///
    /// # Errors
    /// A manifest that cannot be read, or that is none of ours.
    pub fn read(root: &Path) -> Result<Option<State>, Error> {
        if !Lake::has_manifest(root) {
            return Ok(None);
        }
        let opened = meta_folder(root).and_then(|meta| Manifest::open(&meta, root, &Disk::default()));
        match opened {
            Ok((_, state, _)) => Ok(Some(state)),
            Err(Error::Output { path, reason }) => {
                Err(Error::Input { path: path.display().to_string(), reason: reason.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    /// Holds the files of all datasets against the manifest, for those who change nothing. A folder without a manifest is
    /// as it should be.
    ///
    /// # Errors
    /// A manifest, folder or file that cannot be read.
    pub fn audit(root: &Path) -> Result<Audit, Error> {
        let state = Lake::read(root)?;
        state.map_or(Ok(Audit::default()), |state| Audit::of(root, &state, Dataset::ALL.map(Dataset::name)))
    }

    /// What the folder holds.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The number of the next change: 0, 1, 2 and so on, also of those that failed.
    pub fn next_run(&self) -> u64 {
        self.state.next_run()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Lake {
    /// A folder in which nothing was ever committed is left as it was found.
    fn drop(&mut self) {
        if self.manifest.is_empty() {
            self.lock.remove();
        } else {
            self.folders.keep();
            self.lock.release();
        }
    }
}

/// Where the notes are, if they can be ours.
fn meta_folder(root: &Path) -> Result<PathBuf, Error> {
    let meta = root.join(META_FOLDER);
    refuse_unless(&meta, fs::Metadata::is_dir, "a folder")?;
    for name in [lock::NAME, manifest::NAME] {
        refuse_unless(&meta.join(name), fs::Metadata::is_file, "a file")?;
    }
    Ok(meta)
}

/// A link could lead anywhere.
fn refuse_unless(path: &Path, is_kind: fn(&fs::Metadata) -> bool, kind: &str) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if !is_kind(&found) => Err(Error::Usage(format!(
            "{} is not {kind}: it was not made by export, which does not touch it",
            path.display()
        ))),
        _ => Ok(()),
    }
}
