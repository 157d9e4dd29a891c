//! Files held against the manifest.

use super::folder::{files_below, joined};
use super::hashing::{Hash, hash_file, hexadecimal};
use super::manifest::{Case, Entry};
use crate::source::Inputs;
use chrono::{DateTime, Utc};
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use std::fs;
use std::path::{Path, PathBuf};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it was taken.
    Ok,
    /// Its content is another one.
    Changed,
    /// It is not there.
    Missing,
    /// It is there and not in the manifest.
    New,
    /// It cannot be read.
    Unreadable,
}

impl Verdict {
    /// Every one.
    pub const ALL: [Verdict; 5] =
        [Verdict::Ok, Verdict::Changed, Verdict::Missing, Verdict::New, Verdict::Unreadable];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Changed => "changed",
            Verdict::Missing => "missing",
            Verdict::New => "new",
            Verdict::Unreadable => "unreadable",
        }
    }
}

/// A file and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// Where it lies, or lay.
    #[serde(serialize_with = "shown")]
    pub path: PathBuf,
    /// The verdict.
    pub verdict: Verdict,
    /// In a sentence; empty if there is nothing to say.
    pub reason: String,
    /// The SHA-256 in the manifest.
    pub sha256: Option<String>,
}

fn shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Everything that the manifest has and everything that lies in its folders, in the order of paths.
pub fn check(case: &Case) -> Vec<FileCheck> {
    let mut checks: Vec<FileCheck> = case.entries.par_iter().map(check_entry).collect();
    for root in &case.roots {
        let (files, left) = files_below(root);
        let paths = files.into_iter().map(|below| joined(root, &below));
        let new = paths.filter(|path| case.entry(path).is_none());
        checks.extend(new.map(|path| unlisted(path, Verdict::New, "it is not in the manifest")));
        // A root that is gone is told by its files.
        let unread = left.into_iter().filter(|left| left.is_unread && left.path.exists());
        checks.extend(unread.map(|left| unlisted(left.path, Verdict::Unreadable, &left.reason)));
    }
    checks.sort_by(|one, other| one.path.cmp(&other.path));
    checks
}

/// An input that the manifest has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    sha256: Hash,
    /// Is it as the manifest says?
    pub verdict: Verdict,
}

impl Recorded {
    /// The SHA-256 in the manifest, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        hexadecimal(&self.sha256)
    }
}

/// The inputs of a run, held against the manifest of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The folder of the case.
    pub folder: PathBuf,
    /// The SHA-256 of its manifest.
    pub manifest_sha256: String,
    /// When its manifest was finished, as it says.
    pub finished: String,
    /// Files in the manifest.
    pub files: usize,
    /// What is not as it says, in the order of paths.
    pub bad: Vec<FileCheck>,
    /// What it has of each input, in the order of the inputs.
    pub inputs: Vec<Option<Recorded>>,
}

/// Holds the inputs of a run, and what should lie in the folders that were named, against the manifest.
pub fn hold(case: &Case, paths: &[PathBuf], inputs: &Inputs) -> Held {
    let mut seen = vec![false; case.entries.len()];
    let (mut bad, mut held) = (Vec::new(), Vec::new());
    let mut real = RealPaths::default();
    for (index, input) in inputs.files.iter().enumerate() {
        let Some(path) = input.path() else {
            bad.push(unlisted(PathBuf::from("-"), Verdict::New, "standard input is in no manifest"));
            continue;
        };
        match real.of(path).and_then(|real| case.entry(&real)) {
            Some(entry) => {
                seen[entry] = true;
                held.push((index, &case.entries[entry]));
            }
            None => bad.push(unlisted(path.to_path_buf(), Verdict::New, "it is not in the manifest")),
        }
    }
    let mut recorded = vec![None; inputs.files.len()];
    let checks: Vec<_> = held.into_par_iter().map(|(index, entry)| (index, entry, check_entry(entry))).collect();
    for (index, entry, check) in checks {
        recorded[index] = Some(Recorded { sha256: entry.sha256, verdict: check.verdict });
        if check.verdict != Verdict::Ok {
            bad.push(check);
        }
    }
    for folder in paths.iter().filter_map(|path| fs::canonicalize(path).ok()).filter(|path| path.is_dir()) {
        let first = case.entries.partition_point(|entry| entry.path < folder);
        let below = case.entries[first..].iter().zip(&seen[first..]);
        let unseen = below.take_while(|(entry, _)| entry.path.starts_with(&folder)).filter(|(_, seen)| !**seen);
        // What is there and was not taken for an input is not read.
        let gone = unseen.map(|(entry, _)| entry).filter(|entry| fs::symlink_metadata(&entry.path).is_err());
        bad.extend(gone.map(check_entry));
    }
    bad.sort_by(|one, other| one.path.cmp(&other.path));
    bad.dedup();
    Held {
        folder: case.folder.clone(),
        manifest_sha256: case.sha256.clone(),
        finished: case.finished.clone(),
        files: case.files(),
        bad,
        inputs: recorded,
    }
}

/// Paths without links. Of the files of a folder only the folder is looked up.
#[derive(Default)]
struct RealPaths {
    last: Option<(PathBuf, PathBuf)>,
}

impl RealPaths {
    fn of(&mut self, path: &Path) -> Option<PathBuf> {
        let (parent, name) = (path.parent()?, path.file_name()?);
        if fs::symlink_metadata(path).ok()?.is_symlink() {
            return fs::canonicalize(path).ok();
        }
        if self.last.as_ref().is_none_or(|(last, _)| last != parent) {
            let folder = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.last = Some((parent.to_path_buf(), fs::canonicalize(folder).ok()?));
        }
        self.last.as_ref().map(|(_, real)| real.join(name))
    }
}

fn unlisted(path: PathBuf, verdict: Verdict, reason: &str) -> FileCheck {
    FileCheck { path, verdict, reason: reason.to_owned(), sha256: None }
}

/// The size first: what differs in it need not be read.
fn check_entry(entry: &Entry) -> FileCheck {
    let told = |verdict, reason: String| FileCheck {
        path: entry.path.clone(),
        verdict,
        reason,
        sha256: Some(hexadecimal(&entry.sha256)),
    };
    match fs::symlink_metadata(&entry.path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return told(Verdict::Missing, "it is not there".to_owned());
        }
        Err(error) => return told(Verdict::Unreadable, format!("it cannot be read: {error}")),
        Ok(found) if !found.is_file() => {
            return told(Verdict::Changed, "it is no regular file any more".to_owned());
        }
        Ok(found) if found.len() != entry.size => {
            let reason = format!("it has {} bytes and not {}", found.len(), entry.size);
            return told(Verdict::Changed, reason);
        }
        Ok(_) => {}
    }
    match hash_file(&entry.path) {
        Err(reason) => told(Verdict::Unreadable, reason),
        Ok(facts) if facts.sha256 != entry.sha256 => {
            told(Verdict::Changed, "its content is not the one that was taken".to_owned())
        }
        Ok(facts) if facts.modified.map(DateTime::<Utc>::from) != entry.modified => {
            told(Verdict::Ok, "its content is the same, its time of change is another".to_owned())
        }
        Ok(_) => told(Verdict::Ok, String::new()),
    }
}
