//! Puts right what a process left that died while it changed the folder.

use super::entries::{Record, RecordState};
use super::manifest::Manifest;
use super::names::{checked_path, hidden_files};
use crate::batch::Dataset;
use crate::error::Error;
use crate::export::disk::Disk;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Removes what does not belong to the export: hidden files, files of a last change that was not committed, and files that
/// a last change has replaced. Earlier changes were put right when the later ones began. Doing it twice does no harm.
pub(super) fn recover(
    root: &Path,
    disk: &Disk,
    manifest: &mut Manifest,
    last: Option<&Record>,
) -> Result<(), Error> {
    manifest.cut_tail()?;
    if let Some(record) = last {
        match record.state {
            RecordState::Prepared => {
                remove(root, disk, record.outputs.iter().map(|output| output.path.as_str()))?;
            }
            RecordState::Committed => remove(root, disk, record.removes.iter().map(String::as_str))?,
        }
    }
    for dataset in Dataset::ALL {
        for path in hidden_files(root, dataset.name())? {
            let path = root.join(path);
            disk.remove_file(&path).map_err(|error| Error::output(path, error))?;
        }
    }
    Ok(())
}

/// Removes data files, where they are there. That is durable when this returns.
///
/// # Errors
/// What the system refuses.
pub(super) fn remove<'a>(root: &Path, disk: &Disk, paths: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut folders = BTreeSet::new();
    for path in paths.filter_map(|path| checked_path(root, path)) {
        match disk.remove_file(&path) {
            Ok(()) => folders.extend(path.parent().map(Path::to_path_buf)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::output(path, error)),
        }
    }
    folders.iter().try_for_each(|folder| disk.sync_folder(folder).map_err(|error| Error::output(folder, error)))
}
