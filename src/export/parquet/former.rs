//! What earlier runs have left in the folders: their exports, and files that they never completed.

use super::key::PartitionKey;
use crate::batch::Dataset;
use crate::error::Error;
use crate::export::file::hidden_name;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What follows the name of a data file that is being replaced.
const FORMER: &str = "former";

/// Refuses a folder that holds an export already, before anything is read. Hidden files are no export: a run that was
/// interrupted leaves some, and must not block its own repetition.
pub(super) fn check_free(root: &Path, datasets: impl Iterator<Item = Dataset>, force: bool) -> Result<(), Error> {
    if root.exists() && !root.is_dir() {
        return Err(Error::Usage(format!("{} is no folder", root.display())));
    }
    for dataset in datasets {
        let folder = root.join(dataset.name());
        let Ok(found) = fs::symlink_metadata(&folder) else { continue };
        if !found.is_dir() {
            return Err(Error::Usage(format!("{} is no folder", folder.display())));
        }
        if !force && holds_visible_file(&folder)? {
            return Err(Error::Usage(format!(
                "{} is not empty: name another folder, pick the log with --log, or replace its files with --force",
                folder.display()
            )));
        }
    }
    Ok(())
}

/// Is there anything but folders and what is hidden, at any depth? Links count and are not followed.
fn holds_visible_file(folder: &Path) -> Result<bool, Error> {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let failed = |error| Error::output(&folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if !entry.file_type().map_err(failed)?.is_dir() {
                return Ok(true);
            }
            folders.push(entry.path());
        }
    }
    Ok(false)
}

/// The data files of an earlier export, under hidden names. They get their names back when this is dropped before
/// [`FormerFiles::remove`].
#[derive(Default)]
pub(super) struct FormerFiles {
    moved: Vec<Moved>,
    /// Hidden by a run that was interrupted before it could remove them.
    left: Vec<PathBuf>,
}

struct Moved {
    path: PathBuf,
    hidden: PathBuf,
}

impl FormerFiles {
    /// Hides the data files of the datasets in these folders, and nothing else.
    pub(super) fn set_aside(datasets: &[PathBuf]) -> Result<FormerFiles, Error> {
        let mut former = FormerFiles::default();
        for partition in partitions(datasets)? {
            former.left.extend(files(&partition, is_former)?);
            for path in files(&partition, is_part)? {
                let hidden = free_name(&path)?;
                fs::rename(&path, &hidden).map_err(|error| Error::output(&path, error))?;
                former.moved.push(Moved { path, hidden });
            }
        }
        Ok(former)
    }

    /// The folders that have lost names.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.moved.iter().filter_map(|moved| moved.path.parent())
    }

    /// The new files have their names: the former ones go.
    pub(super) fn remove(mut self) {
        let moved = std::mem::take(&mut self.moved);
        for hidden in moved.into_iter().map(|moved| moved.hidden).chain(std::mem::take(&mut self.left)) {
            // The export is complete and no reader looks at hidden files: one that stays is no failure.
            let _ = fs::remove_file(hidden);
        }
    }
}

impl Drop for FormerFiles {
    fn drop(&mut self) {
        for Moved { path, hidden } in &self.moved {
            // The error that led here is the one to report; the rows are still there under the hidden name.
            let _ = fs::rename(hidden, path);
        }
    }
}

/// Removes files that interrupted runs have begun and not completed, and nothing else.
pub(super) fn remove_stale(datasets: &[PathBuf]) {
    for partition in partitions(datasets).unwrap_or_default() {
        for file in files(&partition, is_stale).unwrap_or_default() {
            // They only take up room: one that cannot be removed is no failure of a complete export.
            let _ = fs::remove_file(file);
        }
    }
}

fn is_part(name: &str) -> bool {
    name.starts_with("part-") && name.ends_with(".parquet")
}

/// `.part-00000.parquet.tmp-123` or `.part-00000.parquet.tmp-123-1`.
fn is_stale(name: &str) -> bool {
    hidden_with(name, "tmp")
}

fn is_former(name: &str) -> bool {
    hidden_with(name, FORMER)
}

fn hidden_with(name: &str, mark: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once(&format!(".{mark}-")));
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    parts.is_some_and(|(name, run)| is_part(name) && number(run))
}

fn free_name(path: &Path) -> Result<PathBuf, Error> {
    let names = (0..1000).filter_map(|attempt| hidden_name(path, FORMER, attempt));
    let taken = || Error::output(path, io::ErrorKind::AlreadyExists.into());
    names.into_iter().find(|hidden| fs::symlink_metadata(hidden).is_err()).ok_or_else(taken)
}

fn partitions(datasets: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let is_ours = |name: &str| {
        let key = name.split_once('=').map(|(key, _)| key);
        PartitionKey::ALL.into_iter().any(|ours| key == Some(ours.name()))
    };
    // A link could lead to files of others.
    let folders = datasets.iter().filter(|folder| fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()));
    let mut partitions: Vec<PathBuf> = folders.cloned().collect();
    let mut at = 0;
    while let Some(folder) = partitions.get(at) {
        let below = entries(folder, is_ours, fs::FileType::is_dir)?;
        partitions.extend(below);
        at += 1;
    }
    Ok(partitions)
}

fn files(partition: &Path, name: fn(&str) -> bool) -> Result<Vec<PathBuf>, Error> {
    entries(partition, name, fs::FileType::is_file)
}

/// Entries with such a name and of that kind; links are neither file nor folder here.
fn entries(
    folder: &Path,
    name: impl Fn(&str) -> bool,
    kind: fn(&fs::FileType) -> bool,
) -> Result<Vec<PathBuf>, Error> {
    let listed = || {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&name) && kind(&entry.file_type()?) {
                found.push(entry.path());
            }
        }
        Ok(found)
    };
    listed().map_err(|error| Error::output(folder, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_program_are_taken_for_its_own() {
        for (name, stale, former) in [
            (".part-00000.parquet.tmp-77", true, false),
            (".part-00000.parquet.tmp-77-3", true, false),
            (".part-00000.parquet.former-77", false, true),
            (".part-00000.parquet.tmp-", false, false),
            (".part-00000.parquet.tmp-mine", false, false),
            (".part-00000.parquet", false, false),
            (".part-00000.csv.tmp-77", false, false),
            ("part-00000.parquet.tmp-77", false, false),
            (".notes.tmp-77", false, false),
        ] {
            assert_eq!((is_stale(name), is_former(name)), (stale, former), "{name}");
        }
    }

    #[test]
    fn former_files_get_their_names_back_unless_they_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let datasets = [root.path().join("s3_access"), root.path().join("missing")];
        let partition = datasets[0].join("event_date=2026-03-01");
        fs::create_dir_all(&partition).unwrap();
        let path = partition.join("part-00000.parquet");
        fs::write(&path, "old").unwrap();
        let former = FormerFiles::set_aside(&datasets).unwrap();
        assert!(!path.exists());
        drop(former);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        FormerFiles::set_aside(&datasets).unwrap().remove();
        assert_eq!(fs::read_dir(&partition).unwrap().count(), 0);
        fs::write(partition.join(".part-00000.parquet.former-1"), "left by a killed run").unwrap();
        FormerFiles::set_aside(&datasets).unwrap().remove();
        assert_eq!(fs::read_dir(&partition).unwrap().count(), 0);
    }
}
