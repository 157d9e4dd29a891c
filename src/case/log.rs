//! What was run on the evidence of a case: lines that are appended to a file of its folder.

use super::catalogue::catalogue_sha256;
use super::manifest::{bounded, now};
use serde::Serialize;
use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::path::Path;

/// Name of the log in the folder of a case.
pub const LOG: &str = "log.jsonl";

/// A log that is longer takes no more.
const MOST_BYTES: u64 = 64 << 20;

/// A run.
pub struct Run<'a> {
    /// The command line.
    pub arguments: &'a [String],
    /// The SHA-256 of the manifest that inputs were held against.
    pub manifest_sha256: &'a str,
    /// Inputs.
    pub inputs: usize,
    /// Those, or files of the manifest, that were not as it says.
    pub violations: usize,
    /// Was anything read all the same?
    pub went_on: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    tool_version: &'static str,
    rules_sha256: String,
    arguments: Vec<String>,
    working_folder: Option<String>,
    manifest_sha256: &'a str,
    inputs: usize,
    violations: usize,
    went_on: bool,
}

/// Appends a run.
///
/// # Errors
/// What the system refuses; a log that is no regular file, or longer than 64 MiB.
pub fn append(folder: &Path, run: &Run<'_>) -> Result<(), Error> {
    let path = folder.join(LOG);
    match fs::symlink_metadata(&path) {
        // A link would have the line written elsewhere; to open a pipe would wait for a reader.
        Ok(found) if !found.is_file() => return Err(Error::new(ErrorKind::InvalidInput, "it is no regular file")),
        Ok(found) if found.len() > MOST_BYTES => {
            return Err(Error::new(ErrorKind::FileTooLarge, "it is longer than 64 MiB: move it away"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let line = Line {
        time: now(),
        tool_version: env!("CARGO_PKG_VERSION"),
        rules_sha256: catalogue_sha256(),
        arguments: bounded(run.arguments),
        working_folder: std::env::current_dir().ok().map(|path| path.to_string_lossy().into_owned()),
        manifest_sha256: run.manifest_sha256,
        inputs: run.inputs,
        violations: run.violations,
        went_on: run.went_on,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    // One write, so that lines of two runs do not mix.
    OpenOptions::new().append(true).create(true).open(&path)?.write_all(&text)
}
