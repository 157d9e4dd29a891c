//! Names of our data files: only these are ever removed.

use crate::batch::Dataset;
use crate::error::Error;
use crate::export::parquet::{DEFAULT_PARTITION, PartitionKey};
use std::fs;
use std::path::{Path, PathBuf};

/// Name of a data file: `part-0003-00000.parquet` is the first of its partition in change 3.
pub(in crate::export) fn part_name(run: u64, part: u32) -> String {
    format!("part-{run:04}-{part:05}.parquet")
}

/// Is it the name of a data file, also without the number of a change?
pub(super) fn is_part(name: &str) -> bool {
    let numbers = name.strip_prefix("part-").and_then(|name| name.strip_suffix(".parquet"));
    numbers.is_some_and(|numbers| numbers.split('-').all(is_number))
}

/// `.part-0000-00000.parquet.tmp-123` or `.part-0000-00000.parquet.tmp-123-1`: written by a process that is no more.
pub(super) fn is_hidden_part(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once(".tmp-"));
    parts.is_some_and(|(name, process)| is_part(name) && process.split('-').all(is_number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Is it the folder of a partition that we can have made?
fn is_partition(name: &str) -> bool {
    let parts = name.split_once('=');
    parts.is_some_and(|(key, value)| {
        let key = PartitionKey::ALL.into_iter().find(|ours| ours.name() == key);
        key.is_some_and(|key| value == DEFAULT_PARTITION || key.allows(value))
    })
}

/// Where a data file lies whose path relative to the folder stands in a manifest; `None` for a path that we cannot have
/// written, or that leads over a link.
pub(in crate::export) fn checked_path(root: &Path, path: &str) -> Option<PathBuf> {
    let (folders, name) = path.rsplit_once('/')?;
    let mut folders = folders.split('/');
    let dataset = folders.next()?;
    let mut place = root.to_path_buf();
    if !Dataset::ALL.iter().any(|ours| ours.name() == dataset) || !is_part(name) {
        return None;
    }
    for folder in std::iter::once(dataset).chain(folders.clone()) {
        place.push(folder);
        // What is not there can be no link.
        if fs::symlink_metadata(&place).is_ok_and(|found| !found.is_dir()) {
            return None;
        }
    }
    folders.all(is_partition).then(|| place.join(name))
}

/// The data files of a dataset that lie in the folder, as paths relative to it.
///
/// # Errors
/// Folders that cannot be listed.
pub(in crate::export) fn data_files(root: &Path, dataset: &str) -> Result<Vec<String>, Error> {
    files(root, dataset, is_part)
}

/// Files that nobody writes any more.
pub(super) fn hidden_files(root: &Path, dataset: &str) -> Result<Vec<String>, Error> {
    files(root, dataset, is_hidden_part)
}

/// Links are neither folder nor file here: they could lead to files of others.
fn files(root: &Path, dataset: &str, is_wanted: fn(&str) -> bool) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![dataset.to_owned()];
    if !fs::symlink_metadata(root.join(dataset)).is_ok_and(|found| found.is_dir()) {
        return Ok(found);
    }
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        let failed = |error| Error::output(&path, error);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && is_partition(name) {
                folders.push(format!("{folder}/{name}"));
            } else if kind.is_file() && is_wanted(name) {
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Is there anything in the folder of a dataset but folders and what is hidden, at any depth? Links count and are not
/// followed.
///
/// # Errors
/// Folders that cannot be listed, and a dataset that is no folder.
pub(in crate::export) fn holds_visible_file(root: &Path, dataset: &str) -> Result<bool, Error> {
    let folder = root.join(dataset);
    match fs::symlink_metadata(&folder) {
        Err(_) => return Ok(false),
        Ok(found) if !found.is_dir() => return Err(Error::Usage(format!("{} is no folder", folder.display()))),
        Ok(_) => {}
    }
    let mut folders = vec![folder];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_program_are_taken_for_its_own() {
        for (name, part, hidden) in [
            ("part-00000.parquet", true, false),
            ("part-0003-00000.parquet", true, false),
            ("part-00000-4e1c.snappy.parquet", false, false),
            ("part-.parquet", false, false),
            ("part-1-.parquet", false, false),
            ("part-1.parquet.bak", false, false),
            (".part-0000-00000.parquet.tmp-77", false, true),
            (".part-0000-00000.parquet.tmp-77-3", false, true),
            (".part-0000-00000.parquet.tmp-", false, false),
            (".part-0000-00000.parquet.tmp-mine", false, false),
            (".part-0000-00000.parquet", false, false),
            (".part-00000.csv.tmp-77", false, false),
            (".notes.tmp-77", false, false),
        ] {
            assert_eq!((is_part(name), is_hidden_part(name)), (part, hidden), "{name}");
        }
        assert!(is_part(&part_name(3, 0)) && is_part(&part_name(12_345_678, 99_999_999)));
    }

    #[test]
    fn a_path_of_a_manifest_must_be_one_that_we_can_have_written() {
        let root = tempfile::tempdir().unwrap();
        for (path, allowed) in [
            ("s3_access/event_date=2026-03-01/part-0000-00000.parquet", true),
            ("activity/account_id=111122223333/region=us-east-1/part-0000-00000.parquet", true),
            ("s3_access/bucket=__HIVE_DEFAULT_PARTITION__/part-0000-00000.parquet", true),
            ("s3_access/part-0000-00000.parquet", true),
            ("ocsf/region=eu-west-1/accountId=111122223333/eventDay=20260301/part-0000-00000.parquet", true),
            ("ocsf/region=eu-west-1/accountId=../eventDay=20260301/part-0000-00000.parquet", false),
            ("ocsf/eventday=20260301/part-0000-00000.parquet", false),
            ("part-0000-00000.parquet", false),
            ("../part-0000-00000.parquet", false),
            ("s3_access/../part-0000-00000.parquet", false),
            ("s3_access//part-0000-00000.parquet", false),
            ("/s3_access/part-0000-00000.parquet", false),
            ("s3_access/bucket=../part-0000-00000.parquet", false),
            ("s3_access/day=1/part-0000-00000.parquet", false),
            ("s3_access/event_date=2026-03-01/notes.txt", false),
            ("other/part-0000-00000.parquet", false),
        ] {
            assert_eq!(checked_path(root.path(), path).is_some(), allowed, "{path}");
        }
        #[cfg(unix)]
        {
            let elsewhere = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), root.path().join("cloudtrail")).unwrap();
            assert_eq!(checked_path(root.path(), "cloudtrail/part-0000-00000.parquet"), None);
            assert!(data_files(root.path(), "cloudtrail").unwrap().is_empty());
        }
    }
}
