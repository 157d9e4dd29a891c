//! The manifest: JSON, one object a line. What the case is, its roots, its files, and at the end a hash of all lines before.

use super::catalogue::{catalogue_sha256, program_sha256};
use super::folder::{Left, files_below, joined};
use super::hashing::{Hash, bytes_of, hash_file, hexadecimal};
use crate::detect::RULES;
use crate::error::Error;
use crate::export::file::OutputFile;
use chrono::{DateTime, SecondsFormat, Utc};
use rayon::prelude::*;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// Name of the manifest in the folder of a case.
pub const MANIFEST: &str = "manifest.jsonl";

/// What the first line says of the form.
const SCHEMA: &str = "s3sleuth.case.v1";

/// Longer manifests are neither written nor read: about four million files, which take about as much memory.
pub const MOST_BYTES: u64 = 1 << 30;

/// Longer lines are not read: a path of 4 KiB as escapes is shorter.
const LONGEST_LINE: u64 = 64 << 10;

/// Arguments that are written down, and bytes of each.
const MOST_ARGUMENTS: usize = 200;
const LONGEST_ARGUMENT: usize = 200;

/// Files that are hashed before their lines are written.
const AT_ONCE: usize = 1024;

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Line {
    Case {
        schema: String,
        tool_version: String,
        program_sha256: Option<String>,
        rules: usize,
        rules_sha256: String,
        arguments: Vec<String>,
        working_folder: Option<Name>,
        started: String,
    },
    Root {
        path: Name,
    },
    File {
        root: usize,
        path: Name,
        size: u64,
        modified: Option<String>,
        taken: String,
        sha256: String,
    },
    End {
        files: u64,
        bytes: u64,
        finished: String,
    },
    Hash {
        sha256: String,
    },
}

impl Line {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("numbers and texts are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// The last line, which is of all before.
    fn hash_of(lines: &Context) -> Line {
        Line::Hash { sha256: hexadecimal(lines.clone().finish().as_ref()) }
    }
}

/// A path; one that is no UTF-8 as hexadecimal digits of its bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Bytes { hex: String },
}

impl Name {
    fn of(path: &Path) -> Name {
        match path.to_str() {
            Some(text) => Name::Text(text.to_owned()),
            None => Name::Bytes { hex: hexadecimal(path.as_os_str().as_encoded_bytes()) },
        }
    }

    fn path(&self) -> Option<PathBuf> {
        match self {
            Name::Text(text) => Some(PathBuf::from(text)),
            Name::Bytes { hex } => path_of_bytes(bytes_of(hex)?),
        }
    }
}

#[cfg(unix)]
fn path_of_bytes(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_of_bytes(_: Vec<u8>) -> Option<PathBuf> {
    None
}

/// A file as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) modified: Option<DateTime<Utc>>,
    pub(super) sha256: Hash,
}

/// How evidence is taken.
pub struct Taking<'a> {
    /// The folder of the case.
    pub folder: &'a Path,
    /// Where evidence lies, as [`super::roots`] gives it.
    pub roots: &'a [PathBuf],
    /// The command line.
    pub arguments: &'a [String],
}

/// A manifest that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Files in it.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// The SHA-256 of the manifest.
    pub sha256: String,
    /// What is not in it.
    pub left: Vec<Left>,
}

/// Hashes everything below the roots and writes the manifest, which appears whole or not at all.
///
/// # Errors
/// There is one already; what the system refuses; it would be longer than [`MOST_BYTES`].
pub fn write(taking: &Taking<'_>) -> Result<Written, Error> {
    let path = taking.folder.join(MANIFEST);
    let started = now();
    if std::fs::symlink_metadata(&path).is_ok() {
        return Err(Error::Usage(format!(
            "{} exists, and a manifest is never replaced: name another folder",
            path.display()
        )));
    }
    let output = OutputFile::open(&path, false)?;
    let mut lines = Lines { output: BufWriter::new(output), path, context: Context::new(&SHA256), length: 0 };
    lines.write(&Line::Case {
        schema: SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        program_sha256: program_sha256(),
        rules: RULES.len(),
        rules_sha256: catalogue_sha256(),
        arguments: bounded(taking.arguments),
        working_folder: std::env::current_dir().ok().as_deref().map(Name::of),
        started,
    })?;
    for root in taking.roots {
        lines.write(&Line::Root { path: Name::of(root) })?;
    }
    let (mut files, mut bytes, mut all_left) = (0, 0, Vec::new());
    for (number, root) in taking.roots.iter().enumerate() {
        let (found, left) = files_below(root);
        all_left.extend(left);
        for some in found.chunks(AT_ONCE) {
            let hashed: Vec<_> = some.par_iter().map(|below| (hash_file(&joined(root, below)), now())).collect();
            for (below, (facts, taken)) in some.iter().zip(hashed) {
                match facts {
                    Ok(facts) => {
                        let modified = facts.modified.map(|time| iso(time.into()));
                        let (size, sha256) = (facts.size, hexadecimal(&facts.sha256));
                        let path = Name::of(below);
                        lines.write(&Line::File { root: number, path, size, modified, taken, sha256 })?;
                        (files, bytes) = (files + 1, bytes + facts.size);
                    }
                    Err(reason) => all_left.push(Left { path: joined(root, below), reason, is_unread: true }),
                }
            }
        }
    }
    lines.write(&Line::End { files, bytes, finished: now() })?;
    lines.write(&Line::hash_of(&lines.context))?;
    Ok(Written { files, bytes, sha256: lines.finish()?, left: all_left })
}

/// Lines on their way to a file.
struct Lines {
    output: BufWriter<OutputFile>,
    path: PathBuf,
    context: Context,
    length: u64,
}

impl Lines {
    fn write(&mut self, line: &Line) -> Result<(), Error> {
        let text = line.to_bytes();
        self.length += text.len() as u64;
        if self.length > MOST_BYTES {
            let reason =
                "there are too many files for one manifest (1 GiB): make a case of each part of the evidence";
            return Err(Error::Usage(reason.to_owned()));
        }
        self.context.update(&text);
        self.output.write_all(&text).map_err(|error| Error::output(&self.path, error))
    }

    /// Gives the hash of the whole.
    fn finish(self) -> Result<String, Error> {
        let output = self.output.into_inner().map_err(|error| Error::output(&self.path, error.into_error()))?;
        output.finish()?;
        Ok(hexadecimal(self.context.finish().as_ref()))
    }
}

/// Now, by the clock of this host, in UTC.
pub(super) fn now() -> String {
    iso(SystemTime::now().into())
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Arguments as they are written down.
pub(super) fn bounded(arguments: &[String]) -> Vec<String> {
    let cut = |argument: &String| match argument.char_indices().nth(LONGEST_ARGUMENT) {
        Some((end, _)) => format!("{}…", &argument[..end]),
        None => argument.clone(),
    };
    let mut bounded: Vec<String> = arguments.iter().take(MOST_ARGUMENTS).map(cut).collect();
    if arguments.len() > MOST_ARGUMENTS {
        bounded.push(format!("… and {} more", arguments.len() - MOST_ARGUMENTS));
    }
    bounded
}

/// A case whose manifest was read and is whole.
#[derive(Debug)]
pub struct Case {
    /// Its folder.
    pub folder: PathBuf,
    /// The SHA-256 of its manifest.
    pub sha256: String,
    /// When it was finished, as it says itself.
    pub finished: String,
    pub(super) roots: Vec<PathBuf>,
    /// In the order of paths.
    pub(super) entries: Vec<Entry>,
}

impl Case {
    /// Reads the manifest of a case. `moved` are the places where its roots lie now, in their order; none: where they lay.
    ///
    /// # Errors
    /// There is none; it is not as it was written ([`Error::Evidence`]).
    pub fn open(folder: &Path, moved: &[PathBuf]) -> Result<Case, Error> {
        let path = folder.join(MANIFEST);
        let shown = path.display().to_string();
        let unread = |error: std::io::Error| Error::Input {
            path: shown.clone(),
            reason: format!("{error}; s3sleuth case init writes it"),
        };
        let found = fs::symlink_metadata(&path).map_err(unread)?;
        if !found.is_file() || found.len() > MOST_BYTES {
            let reason =
                if found.is_file() { "it is larger than any manifest (1 GiB)" } else { "it is no regular file" };
            return Err(refused(&shown, reason));
        }
        let mut reading =
            Reading { shown: &shown, case: Case::empty(folder), context: Context::new(&SHA256), ended: false };
        let mut lines = BufReader::new(File::open(&path).map_err(unread)?.take(MOST_BYTES));
        let (mut line, mut whole, mut number) = (Vec::new(), Context::new(&SHA256), 0u64);
        loop {
            line.clear();
            number += 1;
            let read = lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(unread)?;
            if read == 0 {
                break;
            }
            whole.update(&line);
            reading.line(&line, number, moved)?;
        }
        if !reading.ended {
            return Err(refused(&shown, "its end is missing"));
        }
        let mut case = reading.case;
        case.sha256 = hexadecimal(whole.finish().as_ref());
        case.entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(case)
    }

    fn empty(folder: &Path) -> Case {
        let (sha256, finished) = (String::new(), String::new());
        Case { folder: folder.to_owned(), sha256, finished, roots: Vec::new(), entries: Vec::new() }
    }

    /// The file with that absolute path without links.
    pub(super) fn entry(&self, path: &Path) -> Option<usize> {
        self.entries.binary_search_by(|entry| entry.path.as_path().cmp(path)).ok()
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.entries.len()
    }

    /// Where the evidence lies.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }
}

struct Reading<'a> {
    shown: &'a str,
    case: Case,
    /// Of the lines so far.
    context: Context,
    ended: bool,
}

impl Reading<'_> {
    fn line(&mut self, line: &[u8], number: u64, moved: &[PathBuf]) -> Result<(), Error> {
        let refuse = |reason: &str| Err(refused(self.shown, &format!("line {number}: {reason}")));
        let Some(text) = line.strip_suffix(b"\n").filter(|_| !self.ended) else {
            return refuse(if self.ended { "it stands behind the end" } else { "it is too long or has no end" });
        };
        let Ok(parsed) = serde_json::from_slice::<Line>(text) else {
            return refuse("it is none of a manifest");
        };
        match parsed {
            Line::Case { schema, .. } if number != 1 || schema != SCHEMA => {
                return refuse(&format!("expected {SCHEMA} in the first line, and nowhere else"));
            }
            _ if number == 1 && !matches!(parsed, Line::Case { .. }) => {
                return refuse(&format!("expected {SCHEMA}"));
            }
            Line::Case { .. } => {}
            Line::Root { path } => {
                let place = match moved.get(self.case.roots.len()) {
                    Some(moved) => Some(moved.clone()),
                    None => path.path().filter(|path| path.is_absolute() && is_plain(path)),
                };
                let Some(place) = place else { return refuse("its path is not absolute, or leads elsewhere") };
                self.case.roots.push(place);
            }
            Line::File { root, path, size, modified, sha256, .. } => {
                let place = path.path().filter(|path| !path.has_root() && is_plain(path));
                let (Some(root), Some(below)) = (self.case.roots.get(root), place) else {
                    return refuse("its path leads out of the evidence");
                };
                let Some(sha256) = bytes_of(&sha256).and_then(|bytes| Hash::try_from(bytes).ok()) else {
                    return refuse("its hash is none");
                };
                let modified = modified.as_deref().map(DateTime::parse_from_rfc3339).transpose();
                let Ok(modified) = modified else { return refuse("its time is none") };
                let (path, modified) = (joined(root, &below), modified.map(|time| time.to_utc()));
                self.case.entries.push(Entry { path, size, modified, sha256 });
            }
            Line::End { files, .. } if files != self.case.entries.len() as u64 => {
                return refuse("its number of files is another");
            }
            Line::End { finished, .. } => self.case.finished = finished,
            Line::Hash { .. } if line != Line::hash_of(&self.context).to_bytes() => {
                return refuse(
                    "it is not the hash of the lines before: the manifest was changed after it was written",
                );
            }
            Line::Hash { .. } => self.ended = true,
        }
        self.context.update(line);
        Ok(())
    }
}

/// Has it only names of files and folders? `..` leads elsewhere.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_) | Component::RootDir | Component::Prefix(_)))
}

fn refused(shown: &str, reason: &str) -> Error {
    Error::Evidence(format!("{shown}: {reason}"))
}
