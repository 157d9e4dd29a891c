//! Events of CloudTrail that the folder holds already: the same event comes in several files, and the others may come in
//! a later run.

use crate::batch::Dataset;
use crate::error::Error;
use crate::export::lake::{Job, OutputEntry, State, checked_path};
use crate::parse::LogType;
use crate::parse::cloudtrail::fingerprint_of;
use crate::parse::time::DAY_MS;
use crate::pipeline::stage::KnownEvents;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMillisecondType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Rows that are looked at together.
const BATCH_ROWS: usize = 64 << 10;

/// The columns that tell an event: its time, its id, the account it was delivered for.
fn columns(dataset: Dataset) -> [&'static str; 3] {
    let account = if dataset == Dataset::Activity { "account_id" } else { "recipient_account_id" };
    ["event_time", "event_id", account]
}

/// The events of the files that hold them. A file is read when the first event of one of its days comes.
#[derive(Debug)]
pub(super) struct EventsOfFiles {
    columns: [&'static str; 3],
    root: PathBuf,
    unread: Mutex<Vec<OutputEntry>>,
}

impl EventsOfFiles {
    /// Of the files of a job; `None` where there are none. Else why they cannot be told.
    pub(super) fn of(root: &Path, state: &State, job: &Job) -> Result<Option<EventsOfFiles>, String> {
        let may_hold_events = |dataset: &Dataset| {
            dataset.takes(LogType::CloudTrail)
                && job.columns.contains_key(dataset.name())
                && state.files_of(dataset.name()).next().is_some()
        };
        let is_asked = !job.keep_duplicates && job.log.as_deref() != Some(LogType::S3Access.name());
        let dataset = Dataset::ALL.into_iter().find(may_hold_events).filter(|_| is_asked);
        let Some(dataset) = dataset else { return Ok(None) };
        let columns = columns(dataset);
        let there = &job.columns[dataset.name()];
        if let Some(missing) = columns.into_iter().find(|name| !there.iter().any(|column| column == name)) {
            return Err(format!(
                "events that the folder holds already could not be told from new ones, since its files have no column \
                 {missing}: some may stand twice"
            ));
        }
        let unread = Mutex::new(state.files_of(dataset.name()).cloned().collect());
        Ok(Some(EventsOfFiles { columns, root: root.to_path_buf(), unread }))
    }

    fn read(&self, file: &OutputEntry, each: &mut dyn FnMut(i64, u128)) -> Result<(), Error> {
        let failed = |reason: String| {
            let why = "its events cannot be told from new ones; restore it, or write all of it again with --force";
            Error::Input {
                path: self.root.join(&file.path).display().to_string(),
                reason: format!("{reason}: {why}"),
            }
        };
        let path = checked_path(&self.root, &file.path).ok_or_else(|| failed("it is none of ours".to_owned()))?;
        let opened = File::open(path).map_err(|error| failed(error.to_string()))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| failed(error.to_string()))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), self.columns);
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        for batch in reader.map_err(|error| failed(error.to_string()))? {
            let batch = batch.map_err(|error| failed(error.to_string()))?;
            self.events(&batch, each).ok_or_else(|| failed("it has other columns".to_owned()))?;
        }
        Ok(())
    }

    fn events(&self, batch: &RecordBatch, each: &mut dyn FnMut(i64, u128)) -> Option<()> {
        let [times, ids, accounts] = self.columns.map(|name| batch.column_by_name(name));
        let times = times?.as_primitive_opt::<TimestampMillisecondType>()?;
        let (ids, accounts) = (ids?.as_string_opt::<i32>()?, accounts?.as_string_opt::<i32>()?);
        for row in 0..batch.num_rows() {
            let id = if ids.is_valid(row) { ids.value(row) } else { "" };
            if id.is_empty() {
                continue;
            }
            let account = if accounts.is_valid(row) { accounts.value(row) } else { "" };
            let day = if times.is_valid(row) { times.value(row).div_euclid(DAY_MS) } else { i64::MIN };
            each(day, fingerprint_of(id.as_bytes(), account.as_bytes()));
        }
        Some(())
    }
}

impl KnownEvents for EventsOfFiles {
    fn of_day(&self, day: i64, each: &mut dyn FnMut(i64, u128)) -> Result<(), Error> {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *unread).into_iter().partition(|file| holds(file, day));
        *unread = rest;
        drop(unread);
        wanted.iter().try_for_each(|file| self.read(file, each))
    }
}

/// May the file hold events of that day? `i64::MIN` stands for those without a time.
fn holds(file: &OutputEntry, day: i64) -> bool {
    let covers = |first: i64, last: i64| (first.div_euclid(DAY_MS)..=last.div_euclid(DAY_MS)).contains(&day);
    match (file.first_event_ms, file.last_event_ms, file.without_time) {
        // The file does not tell.
        (_, _, None) => true,
        (_, _, Some(without)) if day == i64::MIN => without > 0,
        (Some(first), Some(last), _) => covers(first, last),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_asked_only_for_days_that_it_may_hold() {
        let file = |first_event_ms, last_event_ms, without_time| OutputEntry {
            path: String::new(),
            rows: 1,
            bytes: 1,
            first_event_ms,
            last_event_ms,
            without_time,
        };
        for (file, day, expected) in [
            (file(Some(0), Some(DAY_MS), Some(0)), 1, true),
            (file(Some(0), Some(DAY_MS), Some(0)), 2, false),
            (file(Some(0), Some(DAY_MS), Some(0)), -1, false),
            (file(Some(0), Some(DAY_MS), Some(0)), i64::MIN, false),
            (file(Some(0), Some(0), Some(1)), i64::MIN, true),
            (file(None, None, Some(1)), 0, false),
            (file(None, None, None), 0, true),
        ] {
            assert_eq!(holds(&file, day), expected, "{file:?} {day}");
        }
    }
}
