//! One stream in the order of the input: JSONL, CSV or Arrow IPC.
//!
//! Threads turn their rows into bytes; the bytes are put in order and written by one thread at a time.

mod cells;
mod csv;
mod ipc;
mod json;
mod output;

pub(crate) use csv::text as push_csv_text;

use super::file::OutputFile;
use super::selection::Selection;
use super::settings::{ExportSettings, Format, Target};
use super::{ExportSummary, ExportedFile};
use crate::batch::{Dataset, Projection, TextLayout};
use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::in_order::InOrder;
use crate::pipeline::stage::Stage;
use output::Output;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Writes one stream.
pub struct TextStage {
    format: Format,
    csv_raw: bool,
    selection: Selection,
    order: InOrder<Piece>,
    stream: Mutex<Stream>,
}

/// Rows, put in the order of the input. Rows that cannot be written have their place too, so that how a run fails does
/// not depend on which thread is first.
struct Piece {
    rows: u64,
    content: Content,
}

enum Content {
    /// Rows of one dataset as bytes.
    Rows(Dataset, Vec<u8>),
    /// Why the rows of a log cannot be written.
    Refused(String),
}

struct Stream {
    output: Output,
    /// The dataset of a stream that can hold one only, once it is known.
    dataset: Option<Dataset>,
    /// CSV and Arrow: what stands before the first row has been written.
    begun: bool,
    rows: u64,
    bytes: u64,
    /// Writing has failed: what other threads still bring is dropped.
    failed: bool,
}

impl TextStage {
    /// Checks the settings and opens the output: a file under a hidden name.
    ///
    /// # Errors
    /// Columns that do not exist, several datasets where the format holds one, a file that exists, without `force`.
    pub fn new(settings: &ExportSettings, target: Target) -> Result<TextStage, Error> {
        let layout = match settings.format {
            Format::Arrow => TextLayout::Copied,
            _ => TextLayout::Views,
        };
        let selection = Selection::new(settings, layout, &[])?;
        let asked: Vec<Dataset> =
            if settings.datasets.is_empty() { vec![] } else { selection.datasets().collect() };
        if settings.format != Format::Jsonl && asked.len() > 1 {
            let name = settings.format.name();
            return Err(Error::Usage(format!("a {name} stream holds one table; pick one with --log")));
        }
        let output = match target {
            Target::Path(path) => Output::File(OutputFile::open(&path, settings.force)?),
            Target::Stream(stream) => Output::Stream(stream),
        };
        let dataset = asked.first().copied();
        let stream = Stream { output, dataset, begun: false, rows: 0, bytes: 0, failed: false };
        Ok(TextStage {
            format: settings.format,
            csv_raw: settings.csv_raw,
            selection,
            order: InOrder::new(settings.waiting_bytes),
            stream: Mutex::new(stream),
        })
    }

    /// Ends the stream and, for a file, puts it under its name.
    ///
    /// # Errors
    /// Output that failed; then there is no file under the final name.
    pub fn finish(self, (): ()) -> Result<ExportSummary, Error> {
        {
            let mut stream = self.stream();
            if let Some(dataset) = stream.dataset {
                self.begin(&mut stream, dataset)?;
                if self.format == Format::Arrow {
                    stream.write(&ipc::END)?;
                }
            }
        }
        let stream = self.stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        let path = stream.output.finish()?;
        let file = ExportedFile { path, rows: stream.rows, bytes: stream.bytes };
        Ok(ExportSummary { rows: file.rows, files: vec![file], ..ExportSummary::default() })
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn encode(&self, projection: &Projection, table: &FieldTable, rows: &[u32]) -> Result<Vec<u8>, Error> {
        let batch = projection.batch(table, rows);
        match self.format {
            Format::Csv => Ok(csv::rows(&batch, self.csv_raw)),
            Format::Arrow => ipc::message(&batch).map_err(|error| self.refused(&error)),
            Format::Jsonl | Format::Parquet => Ok(json::lines(&batch)),
        }
    }

    fn write(&self, piece: Piece) -> Result<(), Error> {
        let mut stream = self.stream();
        if stream.failed || piece.rows == 0 {
            return Ok(());
        }
        let written = self.write_to(&mut stream, piece);
        stream.failed = written.is_err();
        written
    }

    fn write_to(&self, stream: &mut Stream, piece: Piece) -> Result<(), Error> {
        let (dataset, bytes) = match piece.content {
            Content::Rows(dataset, bytes) => (dataset, bytes),
            Content::Refused(reason) => return Err(stream.refusal(reason)),
        };
        if self.format != Format::Jsonl {
            let first = *stream.dataset.get_or_insert(dataset);
            if first != dataset {
                return Err(stream.refusal(format!(
                    "the input holds both logs, and --format {} has room for one table: pick one with --log {} or --log {}, take \
                     both in one vocabulary with --log activity, or write --format jsonl",
                    self.format.name(),
                    first.name(),
                    dataset.name()
                )));
            }
            self.begin(stream, dataset)?;
        }
        stream.rows += piece.rows;
        stream.write(&bytes)
    }

    /// Writes what stands before the first row.
    fn begin(&self, stream: &mut Stream, dataset: Dataset) -> Result<(), Error> {
        let projection = self.selection.projections().find(|projection| projection.dataset() == dataset);
        let Some(projection) = projection.filter(|_| !stream.begun) else { return Ok(()) };
        stream.begun = true;
        match self.format {
            Format::Csv => stream.write(&csv::header(projection.schema())),
            Format::Arrow => {
                stream.write(&ipc::schema(projection.schema()).map_err(|error| self.refused(&error))?)
            }
            Format::Jsonl | Format::Parquet => Ok(()),
        }
    }

    fn refused(&self, error: &arrow::error::ArrowError) -> Error {
        Error::Encode { path: self.format.name().into(), reason: error.to_string() }
    }
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        self.output.write(bytes)
    }

    /// Rows that have no place in this output: other options are needed. A reader may have got rows already.
    fn refusal(&self, reason: String) -> Error {
        let is_begun = self.bytes > 0 && !self.output.is_hidden();
        let note = if is_begun { "; what was written so far is not complete" } else { "" };
        Error::Usage(format!("{reason}{note}"))
    }
}

impl Stage for TextStage {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, (): &mut (), unit: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        let count = rows.len() as u64;
        let projections = match self.selection.of(table.log) {
            Ok(projections) => projections,
            Err(reason) => {
                let piece = Piece { rows: count, content: Content::Refused(reason) };
                return self.order.push(unit, 0, piece, |piece| self.write(piece));
            }
        };
        for projection in projections {
            let bytes = self.encode(projection, table, rows)?;
            let weight = bytes.capacity();
            let piece = Piece { rows: count, content: Content::Rows(projection.dataset(), bytes) };
            self.order.push(unit, weight, piece, |piece| self.write(piece))?;
        }
        Ok(())
    }

    fn unit_done(&self, (): &mut (), unit: u64) -> Result<(), Error> {
        self.order.finish(unit, |piece| self.write(piece))
    }

    fn merge(&self, (): (), (): ()) {}

    fn stop(&self) {
        self.order.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Block, RecordFrame, Segment};
    use crate::parse::{LogType, cloudtrail, s3_access};
    use std::sync::Arc;

    fn row(log: LogType) -> FieldTable {
        let text = match log {
            LogType::S3Access => {
                "79a5 b [01/Mar/2026:00:00:38 +0000] 192.0.2.1 - ID1 REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 2 \
                 3 4 \"-\" \"curl\" -\n"
            }
            LogType::CloudTrail => {
                r#"{"eventTime":"2026-03-01T01:02:03Z","eventSource":"s3.amazonaws.com","eventName":"GetObject"}"#
            }
        };
        let segments = vec![Segment { file: Arc::from("f"), start: 0, first_number: 1, first_offset: 0 }];
        let record = RecordFrame { start: 0, end: text.len() as u32, segment: 0, number: 1, offset: 0 };
        let block = Block { log, bytes: text.into(), segments, records: Vec::new(), framed: 1 };
        let table = match log {
            LogType::S3Access => s3_access::parse_block(block, &mut Vec::new()).0,
            LogType::CloudTrail => {
                cloudtrail::parse_block(Block { records: vec![record], ..block }, &mut Vec::new())
            }
        };
        assert_eq!(table.len(), 1);
        table
    }

    /// Exports a row of each log; with `late`, the first comes when the second waits already.
    fn run(settings: &ExportSettings, target: Target, logs: [LogType; 2], late: bool) -> Result<(), Error> {
        let stage = TextStage::new(settings, target)?;
        for unit in if late { [1, 0] } else { [0, 1] } {
            stage.observe(&mut (), unit, &row(logs[unit as usize]), &[0])?;
            stage.unit_done(&mut (), unit)?;
        }
        stage.finish(()).map(drop)
    }

    #[test]
    fn rows_that_have_no_place_are_misuse_and_a_reader_that_has_got_some_is_told() {
        let access_only = vec!["operation".to_owned()];
        let access_first = [LogType::S3Access, LogType::CloudTrail];
        for (format, columns) in [
            (Format::Csv, vec![]),
            (Format::Arrow, vec![]),
            (Format::Csv, access_only.clone()),
            (Format::Jsonl, access_only),
        ] {
            let root = tempfile::tempdir().unwrap();
            let settings = ExportSettings { format, columns, ..ExportSettings::default() };
            let stream = || Target::Stream(Box::new(std::io::sink()));
            for late in [false, true] {
                let file = Target::Path(root.path().join("out"));
                let error = run(&settings, file, access_first, late).unwrap_err();
                assert!(matches!(&error, Error::Usage(text) if text.contains("--log")), "{error}");
                assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
                let error = run(&settings, stream(), access_first, late).unwrap_err();
                let words = ["--log", "not complete"];
                assert!(
                    matches!(&error, Error::Usage(text) if words.iter().all(|word| text.contains(word))),
                    "{error}"
                );
            }
            if !settings.columns.is_empty() {
                let refused = run(&settings, stream(), [LogType::CloudTrail, LogType::S3Access], false);
                assert!(matches!(refused, Err(Error::Usage(_))));
            }
        }
    }
}
