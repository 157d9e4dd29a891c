//! The file of changes: lines are appended, and none is ever changed.

use super::entries::{Record, RecordState, SCHEMA};
use super::state::State;
use crate::error::Error;
use crate::export::disk::Disk;
use crate::report::safe::PrintableJson;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes of a line that are handed to the system at a time: with its inputs a line may have hundreds of megabytes.
const WRITE_BYTES: usize = 128 << 10;

/// Name of the file.
pub(super) const NAME: &str = "manifest.jsonl";

/// The open manifest.
#[derive(Debug)]
pub(super) struct Manifest {
    path: PathBuf,
    /// The folders that hold its name, and that of its folder.
    folders: [PathBuf; 2],
    disk: Disk,
    /// Bytes of whole lines.
    length: u64,
    /// Behind them stands a line that was not written to its end.
    has_tail: bool,
}

/// A line could not be appended.
#[derive(Debug)]
pub(super) struct AppendError {
    /// Why.
    pub(super) error: Error,
    /// Nothing is left of the line, for certain.
    pub(super) is_undone: bool,
}

impl Manifest {
    /// Reads what there is. Returns the state of the folder and the last record, without its inputs.
    ///
    /// # Errors
    /// A manifest that cannot be read, or that is none of ours.
    pub(super) fn open(meta: &Path, root: &Path, disk: &Disk) -> Result<(Manifest, State, Option<Record>), Error> {
        let path = meta.join(NAME);
        let folders = [meta.to_path_buf(), root.to_path_buf()];
        let mut manifest = Manifest { path, folders, disk: disk.clone(), length: 0, has_tail: false };
        let (mut state, mut last) = (State::default(), None);
        if !manifest.path.exists() {
            return Ok((manifest, state, last));
        }
        let failed = |error| Error::output(&manifest.path, error);
        let mut lines = BufReader::new(File::open(&manifest.path).map_err(failed)?);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            number += 1;
            let read = lines.read_until(b'\n', &mut line).map_err(failed)?;
            // A process died while it appended: what has no end was never told to anybody.
            if line.pop() != Some(b'\n') {
                manifest.has_tail = read > 0;
                break;
            }
            let mut record = parse(&line).map_err(|reason| {
                Error::Usage(format!(
                    "{}:{number}: {reason}: the folder is left as it is",
                    manifest.path.display()
                ))
            })?;
            manifest.length += read as u64;
            let inputs = std::mem::take(&mut record.inputs);
            state.apply(&record, inputs);
            last = Some(record);
        }
        Ok((manifest, state, last))
    }

    /// Has nothing ever been appended?
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Takes a line away that was not written to its end.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn cut_tail(&mut self) -> Result<(), Error> {
        if self.has_tail { self.cut(self.length) } else { Ok(()) }
    }

    /// Bytes of its lines, to come back to with [`Manifest::cut`].
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends a line and makes it durable.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), AppendError> {
        let before = self.length;
        match self.write(record) {
            Ok(length) => {
                self.length += length;
                Ok(())
            }
            Err(error) => Err(AppendError { is_undone: self.cut(before).is_ok(), error }),
        }
    }

    fn write(&self, record: &Record) -> Result<u64, Error> {
        let failed = |error| Error::output(&self.path, error);
        let is_new = !self.path.exists();
        let mut file = match is_new {
            true => self.disk.create_new(&self.path),
            false => self.disk.append(&self.path),
        }
        .map_err(failed)?;
        let mut line = PrintableJson::new(BufWriter::with_capacity(WRITE_BYTES, &mut file));
        serde_json::to_writer(&mut line, record).map_err(|error| failed(error.into()))?;
        let length = line.write_all(b"\n").and_then(|()| line.finish()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if is_new {
            for folder in &self.folders {
                self.disk.sync_folder(folder).map_err(|error| Error::output(folder, error))?;
            }
        }
        Ok(length)
    }

    /// Takes back all lines behind the first `length` bytes.
    ///
    /// # Errors
    /// What the system refuses; then the lines may be there or not.
    pub(super) fn cut(&mut self, length: u64) -> Result<(), Error> {
        let failed = |error| Error::output(&self.path, error);
        if !self.path.exists() {
            return Ok(());
        }
        if length == 0 {
            self.disk.remove_file(&self.path).map_err(failed)?;
            self.disk.sync_folder(&self.folders[0]).map_err(failed)?;
        } else {
            let file = self.disk.append(&self.path).map_err(failed)?;
            file.set_len(length).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        self.length = length;
        self.has_tail = false;
        Ok(())
    }
}

fn parse(line: &[u8]) -> Result<Record, String> {
    let record: Record =
        serde_json::from_slice(line).map_err(|error| format!("no record of a manifest: {error}"))?;
    if record.schema != SCHEMA {
        return Err(format!("written by another version of the program ({})", record.version));
    }
    Ok(record)
}

impl Record {
    /// The same before it has happened: without what only counts afterwards.
    pub(super) fn prepared(&self) -> Record {
        let Record { schema, run, kind, version, job, outputs, removes, replaces, .. } = self;
        Record {
            schema: schema.clone(),
            run: *run,
            kind: *kind,
            state: RecordState::Prepared,
            version: version.clone(),
            job: job.clone(),
            inputs: Vec::new(),
            outputs: outputs.clone(),
            removes: removes.clone(),
            replaces: replaces.clone(),
        }
    }
}
