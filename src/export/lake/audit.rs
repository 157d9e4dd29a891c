//! What lies in a folder, held against its manifest: people remove old days, and copy files in.

use super::names::checked_path;
use super::state::State;
use crate::decode::parquet::recognise::{begins_as_parquet, is_named_parquet};
use crate::error::Error;
use crate::report::count::{counted, first_of, of_number};
use crate::report::safe::printable;
use std::collections::BTreeSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// How the files of a folder differ from those that its manifest names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Files of the manifest that are not there as it says, by path.
    pub lost: Vec<LostFile>,
    /// Parquet files that engines read and that no manifest names, relative to the folder, by path.
    pub strangers: Vec<String>,
}

/// A file of the manifest that is not there as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostFile {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// Its size according to the manifest.
    pub bytes: u64,
    /// Its size; `None` where there is no such file.
    pub found_bytes: Option<u64>,
}

impl Audit {
    /// Looks at the folders of some datasets. Links are not followed.
    ///
    /// # Errors
    /// A folder or file that cannot be read.
    pub fn of<'a>(
        root: &Path,
        state: &State,
        datasets: impl IntoIterator<Item = &'a str>,
    ) -> Result<Audit, Error> {
        let mut audit = Audit::default();
        let datasets: BTreeSet<&str> = datasets.into_iter().collect();
        for file in state.files().filter(|file| datasets.contains(file.dataset())) {
            let found = checked_path(root, &file.path).and_then(|path| fs::symlink_metadata(path).ok());
            let found_bytes = found.filter(fs::Metadata::is_file).map(|found| found.len());
            if found_bytes != Some(file.bytes) {
                audit.lost.push(LostFile { path: file.path.clone(), bytes: file.bytes, found_bytes });
            }
        }
        for dataset in datasets {
            audit.add_strangers(root, state, dataset)?;
        }
        audit.strangers.sort();
        Ok(audit)
    }

    fn add_strangers(&mut self, root: &Path, state: &State, dataset: &str) -> Result<(), Error> {
        let mut folders = vec![dataset.to_owned()];
        if !fs::symlink_metadata(root.join(dataset)).is_ok_and(|found| found.is_dir()) {
            return Ok(());
        }
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder);
            let failed =
                |error: io::Error| Error::Input { path: path.display().to_string(), reason: error.to_string() };
            for entry in fs::read_dir(&path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                // Engines do not see such names.
                if name.starts_with(['_', '.']) {
                    continue;
                }
                let below = format!("{folder}/{name}");
                if entry.file_type().map_err(failed)?.is_dir() {
                    folders.push(below);
                } else if !state.holds(&below) && is_parquet(&name, &entry).map_err(failed)? {
                    self.strangers.push(below);
                }
            }
        }
        Ok(())
    }

    /// A sentence for each way in which they differ.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let count = self.lost.len() as u64;
        if count > 0 {
            warnings.push(format!(
                "{} of the export {} gone or {} another size than its manifest says: {}. No run writes {} rows again: restore \
                 {}, or export all inputs again with --force",
                counted(count, "file"),
                of_number(count, "is", "are"),
                of_number(count, "has", "have"),
                names(self.lost.iter().map(|file| file.path.as_str())),
                of_number(count, "its", "their"),
                of_number(count, "it", "them"),
            ));
        }
        let count = self.strangers.len() as u64;
        if count > 0 {
            warnings.push(format!(
                "{} that no manifest names {} among those of the export: {}. Engines read {} rows too, maybe a second time: \
                 move {} to another folder",
                counted(count, "Parquet file"),
                of_number(count, "lies", "lie"),
                names(self.strangers.iter().map(String::as_str)),
                of_number(count, "its", "their"),
                of_number(count, "it", "them"),
            ));
        }
        warnings
    }
}

/// Is it a Parquet file? What is behind a link is told by the name.
fn is_parquet(name: &str, entry: &DirEntry) -> io::Result<bool> {
    Ok(is_named_parquet(name) || entry.file_type()?.is_file() && begins_as_parquet(&entry.path())?)
}

fn names<'a>(paths: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = paths.len();
    printable(&first_of(paths, all)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::entries::{Kind, OutputEntry, Record};
    use super::super::job::sample;
    use super::*;

    fn state(files: &[(&str, u64)]) -> State {
        let output = |(path, bytes): &(&str, u64)| OutputEntry {
            path: (*path).to_owned(),
            rows: 1,
            bytes: *bytes,
            first_event_ms: None,
            last_event_ms: None,
            without_time: None,
        };
        let mut state = State::default();
        let record = Record {
            job: Some(sample(&["s3_access"], "zstd:1")),
            outputs: files.iter().map(output).collect(),
            ..Record::committed(0, Kind::Export)
        };
        state.apply(&record, Vec::new());
        state
    }

    #[test]
    fn what_is_gone_what_is_cut_and_what_is_not_ours_is_found() {
        let root = tempfile::tempdir().unwrap();
        let day = "s3_access/event_date=2026-03-01";
        let part = |number: u32| format!("{day}/part-0000-{number:05}.parquet");
        for (path, text) in [
            (part(0).as_str(), "whole"),
            (&part(1), "cut"),
            ("s3_access/event_date=2026-03-01/copy.PQ", ""),
            ("s3_access/old/named_otherwise", "PAR1…"),
            ("s3_access/event_date=2026-03-01/notes.txt", "text"),
            ("s3_access/event_date=2026-03-01/_hidden.parquet", "PAR1"),
            ("s3_access/_old/part-0000-00000.parquet", "PAR1"),
            ("cloudtrail/event_date=2026-03-01/part-0000-00000.parquet", "of a dataset that is not asked for"),
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let state = state(&[(&part(0), 5), (&part(1), 5), (&part(2), 5), ("s3_access/../../x", 5)]);
        let audit = Audit::of(root.path(), &state, ["s3_access"]).unwrap();
        let lost: Vec<(&str, Option<u64>)> =
            audit.lost.iter().map(|file| (file.path.as_str(), file.found_bytes)).collect();
        assert_eq!(lost, [("s3_access/../../x", None), (&part(1), Some(3)), (&part(2), None)]);
        assert_eq!(audit.strangers, ["s3_access/event_date=2026-03-01/copy.PQ", "s3_access/old/named_otherwise"]);
        let warnings = audit.warnings();
        assert!(warnings[0].starts_with("3 files of the export are gone or have another size"), "{warnings:?}");
        assert!(warnings[1].starts_with("2 Parquet files that no manifest names lie"), "{warnings:?}");
        assert_eq!(Audit::default().warnings(), Vec::<String>::new());
    }
}
