//! What was deleted or overwritten, whether it can be brought back, and what shows it.
//!
//! The changes of both logs are joined by request and then put in the order of their objects, together with what shows
//! that an object was there. Whether a bucket kept versions is known before the first object is looked at.

use super::event::Source;
use super::joined::JoinTally;
use super::key_history::{Change, ChangeRow, Fate, KeyHistory, Restore};
use super::object_record::{Act, ObjectRecord, Selected, query_value};
use super::object_requests::{ObjectRequests, ObjectWorker};
use super::selection::{Facts, Selection};
use super::sorted::Sorted;
use super::spill_sort::{Gathered, SpillSort, damaged};
use super::versioning::{Mark, Shows, Versioning};
use crate::activity::outcome::{self, Outcome};
use crate::error::Error;
use crate::parse::cloudtrail::field as trail;
use crate::parse::json::{self, Kind};
use crate::parse::{FieldTable, LogType, s3_access::field as access};
use crate::pipeline::Stage;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::xxh3_128;

/// Takes changes of objects, what shows that they were there, and what shows whether versions were kept.
pub struct RecoverStage<'a> {
    requests: ObjectRequests<'a>,
    by_key: SpillSort,
    files: Mutex<FileNames>,
}

/// Files by number: sightings are many, and names long.
#[derive(Debug, Default)]
struct FileNames {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// What one thread has.
#[derive(Debug, Default)]
pub struct RecoverWorker {
    requests: ObjectWorker,
    by_key: Gathered,
    versioning: Versioning,
    /// The file of the last row, and its number.
    file: Option<(Arc<str>, u32)>,
    failure: Option<Error>,
}

/// A row of an object.
#[derive(Serialize, Deserialize)]
enum Row {
    /// It was there: the number of the file, and the line.
    Seen(i64, LogType, u32, i64),
    Changed(Box<ObjectRecord>),
}

impl<'a> RecoverStage<'a> {
    /// Of a selection whose chain is complete.
    pub fn new(selection: &'a Selection) -> RecoverStage<'a> {
        RecoverStage {
            requests: ObjectRequests::new(selection, is_change).keeping_all(),
            by_key: SpillSort::default(),
            files: Mutex::default(),
        }
    }

    fn see(&self, worker: &mut RecoverWorker, table: &FieldTable, row: usize) -> Result<(), Error> {
        let facts = Facts::new(table, row);
        if outcome::of(table, row) != Outcome::Success {
            // What was refused changed nothing, and shows nothing.
            return Ok(());
        }
        see_setting(worker, &facts);
        let Some(act) = Act::of(table, row) else { return Ok(()) };
        if act.reads() || act == Act::Metadata {
            see_version(worker, &facts);
            self.see_presence(worker, &facts)?;
        }
        self.requests.take(&mut worker.requests, table, row)
    }

    /// A read of what is current shows that it is there.
    fn see_presence(&self, worker: &mut RecoverWorker, facts: &Facts<'_>) -> Result<(), Error> {
        let (table, row) = (facts.table, facts.row);
        let (Some(bucket), Some(key), Some(time_ms)) = (facts.bucket(), facts.key(), facts.time_ms()) else {
            return Ok(());
        };
        if names_version(facts) || key.is_empty() {
            return Ok(());
        }
        let name = table.source_file(row);
        let number = match &worker.file {
            Some((file, number)) if Arc::ptr_eq(file, name) => *number,
            _ => {
                let number = self.files.lock().unwrap_or_else(PoisonError::into_inner).number(name);
                worker.file = Some((Arc::clone(name), number));
                number
            }
        };
        let seen = Row::Seen(time_ms, table.log, number, facts.line());
        self.by_key.push(&mut worker.by_key, &seen_key(bucket, key, time_ms), &bytes(&seen))
    }
}

fn bytes(row: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(row, Vec::with_capacity(1024)).expect("numbers and texts can be written to memory")
}

impl FileNames {
    fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(name));
        self.numbers.insert(Arc::clone(name), number);
        number
    }
}

impl Stage for RecoverStage<'_> {
    type Worker = RecoverWorker;

    fn worker(&self) -> RecoverWorker {
        RecoverWorker::default()
    }

    fn observe(&self, worker: &mut RecoverWorker, _: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        rows.iter().try_for_each(|row| self.see(worker, table, *row as usize))
    }

    fn unit_done(&self, _: &mut RecoverWorker, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: RecoverWorker, right: RecoverWorker) -> RecoverWorker {
        left.requests = self.requests.merge(left.requests, right.requests);
        left.versioning.merge(right.versioning);
        let merged = self.by_key.merge(&mut left.by_key, right.by_key);
        left.failure = left.failure.or(right.failure).or(merged.err());
        left
    }
}

fn is_change(act: Act) -> bool {
    match act {
        Act::Write | Act::Copy | Act::CopyRead => true,
        Act::Delete | Act::DeleteMany | Act::DeleteOfMany | Act::Expire | Act::LeaveMarker => true,
        Act::Read | Act::Select | Act::Metadata | Act::List | Act::CopyPart | Act::CopyPartRead => false,
    }
}

/// Does the request name a version, so that it tells nothing of the current one? The line of a copy's source may hold
/// one that it named.
fn names_version(facts: &Facts<'_>) -> bool {
    let field = if facts.is_access_line() { access::VERSION_ID } else { trail::S3_VERSION_ID };
    let has_one = facts.table.bytes(facts.row, field).is_some_and(|version| !version.is_empty());
    let uri = facts.is_access_line().then(|| facts.table.text(facts.row, access::REQUEST_URI)).flatten();
    has_one && uri.is_none_or(|uri| !uri.contains('/') || query_value(uri, "versionId").is_some())
}

/// A version that was read shows that the bucket had versioning.
fn see_version(worker: &mut RecoverWorker, facts: &Facts<'_>) {
    let field = if facts.is_access_line() { access::VERSION_ID } else { trail::S3_VERSION_ID };
    let version = facts.table.text(facts.row, field);
    if version.is_some_and(|version| !version.is_empty() && version != "null") {
        see_mark(worker, facts, Shows::OnOrSuspended, false);
    }
}

/// A change of the setting.
fn see_setting(worker: &mut RecoverWorker, facts: &Facts<'_>) {
    let (table, row) = (facts.table, facts.row);
    match table.log {
        LogType::S3Access if table.bytes(row, access::OPERATION) == Some(b"REST.PUT.VERSIONING") => {
            see_mark(worker, facts, Shows::Changed, true);
        }
        LogType::CloudTrail if table.bytes(row, trail::EVENT_NAME) == Some(b"PutBucketVersioning") => {
            let parameters = table.bytes(row, trail::REQUEST_PARAMETERS).unwrap_or_default();
            let shows = match status(parameters).as_deref() {
                Some("Enabled") => Shows::On,
                Some("Suspended") => Shows::Suspended,
                _ => Shows::Changed,
            };
            see_mark(worker, facts, shows, true);
        }
        _ => {}
    }
}

/// `{"VersioningConfiguration":{"Status":…}}`
fn status(parameters: &[u8]) -> Option<String> {
    let mut status = None;
    let _no_object = json::members(parameters, |name, value| {
        if *name.name() == *b"VersioningConfiguration" && value.kind == Kind::Object {
            let _checked_before = json::members(value.raw, |name, value| {
                if *name.name() == *b"Status" {
                    status = value.text().map(|text| String::from_utf8_lossy(&text).into_owned());
                }
            });
        }
    });
    status
}

fn see_mark(worker: &mut RecoverWorker, facts: &Facts<'_>, shows: Shows, is_change: bool) {
    let (Some(bucket), Some(time_ms)) = (facts.bucket(), facts.time_ms()) else { return };
    let (file, line) = facts.place();
    let request_id = is_change.then(|| facts.request_id().map(str::to_owned)).flatten();
    let source = Source { log: facts.table.log, file, line };
    worker.versioning.add(bucket, Mark { time_ms, shows, is_change, request_id, source });
}

/// What the answer to a change shows of the bucket.
fn see_answer(versioning: &mut Versioning, record: &ObjectRecord) {
    let (Some(bucket), Some(time_ms), Some(source)) = (&record.bucket, record.time_ms, record.sources.last())
    else {
        return;
    };
    let answer = record.answer.as_ref();
    let version = answer.and_then(|answer| answer.version.as_deref());
    let shows = match (record.act, version) {
        (Act::LeaveMarker, _) => Shows::OnOrSuspended,
        (Act::Write | Act::Copy | Act::Delete | Act::DeleteOfMany, Some("null")) if record.version.is_none() => {
            Shows::Suspended
        }
        (Act::Write | Act::Copy, Some(_)) => Shows::On,
        (Act::Delete | Act::DeleteOfMany, Some(_)) if record.version.is_none() => Shows::On,
        (Act::Write | Act::Copy, None) if answer.is_some_and(|answer| answer.is_shown) => {
            // The answer to the end of a multipart upload may leave it out.
            let names = ["PutObject", "CopyObject", "REST.PUT.OBJECT", "REST.COPY.OBJECT"];
            if !names.contains(&record.operation.as_str()) {
                return;
            }
            Shows::Never
        }
        (Act::Delete | Act::DeleteOfMany, None)
            if record.version.as_ref().is_some_and(|version| version != "null") =>
        {
            Shows::OnOrSuspended
        }
        _ => return,
    };
    versioning.add(bucket, Mark { time_ms, shows, is_change: false, request_id: None, source: source.clone() });
}

/// The object, then the time; what was there comes before changes of the same second.
fn seen_key(bucket: &str, key: &str, time_ms: i64) -> Vec<u8> {
    let name = [bucket.as_bytes(), b"\0", key.as_bytes()].concat();
    let time = time_ms.wrapping_sub(i64::MIN) as u64;
    [&xxh3_128(&name).to_be_bytes()[..], &time.to_be_bytes(), &[0]].concat()
}

fn change_key(bucket: &str, key: &str, record: &ObjectRecord) -> Vec<u8> {
    let mut sort_key = seen_key(bucket, key, record.time_ms.unwrap_or(i64::MAX));
    if let Some(last) = sort_key.last_mut() {
        *last = 1;
    }
    for source in record.sources.iter().take(1) {
        sort_key.push(source.log as u8);
        sort_key.extend_from_slice(source.file.as_bytes());
        sort_key.push(0);
        sort_key.extend_from_slice(&source.line.to_be_bytes());
    }
    sort_key
}

/// How many there are of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoverTally {
    /// Rows.
    pub changes: u64,
    /// Under a delete marker.
    pub delete_markers: u64,
    /// Kept as a version.
    pub versions_kept: u64,
    /// Gone.
    pub permanent: u64,
    /// Not shown.
    pub unknown: u64,
    /// Others: nothing was lost.
    pub harmless: u64,
    /// Deletions of many whose keys no log names.
    pub without_keys: u64,
    /// Writes of which the logs do not show whether something was there before.
    pub doubtful_writes: u64,
    /// Objects with a command that brings them back.
    pub restorable: u64,
    /// Of the changes those that both logs tell of.
    pub in_both: u64,
    /// What was joined.
    pub joined: JoinTally,
    /// There was more evidence of versioning than is kept.
    pub left_out: bool,
}

/// The changes, in the order of buckets, keys and time.
pub struct Recovery {
    rows: Sorted,
    /// Counts.
    pub tally: RecoverTally,
}

impl Recovery {
    /// Of what was taken.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn new(stage: RecoverStage<'_>, worker: RecoverWorker, selection: &Selection) -> Result<Recovery, Error> {
        let RecoverStage { requests, by_key, files } = stage;
        let RecoverWorker { requests: taken, by_key: mut gathered, mut versioning, failure, .. } = worker;
        if let Some(error) = failure {
            return Err(error);
        }
        let mut told = Telling::default();
        let mut joined = JoinTally::default();
        requests.for_each(taken, &mut joined, |request| {
            for record in changes(request) {
                see_answer(&mut versioning, &record);
                match (&record.bucket, &record.key) {
                    (Some(bucket), Some(key)) => {
                        let sort_key = change_key(bucket, key, &record);
                        by_key.push(&mut gathered, &sort_key, &bytes(&Row::Changed(Box::new(record))))?;
                    }
                    _ if record.selected == Selected::Companion => {}
                    _ => told.tell_without_key(record)?,
                }
            }
            Ok(())
        })?;
        versioning.close();
        (told.tally.joined, told.tally.left_out) = (joined, versioning.left_out);
        let files = files.into_inner().unwrap_or_else(PoisonError::into_inner).names;
        told.tell_keys(by_key.sorted(gathered)?, &versioning, &files, !selection.is_everything())?;
        let Telling { sort, gathered, tally } = told;
        Ok(Recovery { rows: sort.sorted(gathered)?, tally })
    }

    /// The next row.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_row(&mut self) -> Result<Option<ChangeRow>, Error> {
        let row = self.rows.next_row()?.map(|(_, row)| postcard::from_bytes(row).map_err(|_| damaged()));
        row.transpose()
    }
}

/// The changes among the joined records of one request.
fn changes(request: Vec<ObjectRecord>) -> Vec<ObjectRecord> {
    let sources: Vec<(Option<String>, Option<String>)> = request
        .iter()
        .filter(|record| record.act == Act::CopyRead)
        .map(|record| (record.bucket.clone(), record.key.clone()))
        .collect();
    let of_many: Option<Vec<Source>> = request
        .iter()
        .find(|record| record.act == Act::DeleteMany)
        .map(|record| record.sources.clone())
        .filter(|_| request.iter().any(|record| matches!(record.act, Act::DeleteOfMany | Act::Delete)));
    let change = |mut record: ObjectRecord| {
        match record.act {
            Act::CopyRead => return None,
            // The keys stand by themselves.
            Act::DeleteMany if of_many.is_some() => return None,
            Act::DeleteOfMany => {
                for source in of_many.iter().flatten() {
                    super::object_requests::add_sources(&mut record.sources, vec![source.clone()]);
                }
            }
            Act::Copy if record.copy_source.is_none() && sources.len() == 1 => {
                record.copy_source = sources.first().cloned().and_then(|(bucket, key)| {
                    Some(super::object_record::CopySource { bucket: bucket?, key: key?, version: None })
                });
            }
            _ => {}
        }
        record.is_done().then_some(record)
    };
    request.into_iter().filter_map(change).collect()
}

/// Rows, in the order in which they will be shown.
#[derive(Default)]
struct Telling {
    sort: SpillSort,
    gathered: Gathered,
    tally: RecoverTally,
}

impl Telling {
    fn tell(&mut self, row: &ChangeRow) -> Result<(), Error> {
        let tally = &mut self.tally;
        tally.changes += 1;
        *match row.fate {
            Fate::DeleteMarker => &mut tally.delete_markers,
            Fate::VersionKept => &mut tally.versions_kept,
            Fate::Permanent => &mut tally.permanent,
            Fate::Unknown => &mut tally.unknown,
            Fate::Undeleted | Fate::Nothing => &mut tally.harmless,
        } += 1;
        tally.restorable += u64::from(matches!(row.restore, Restore::RemoveMarkers(_) | Restore::CopyVersion(_)));
        let record = &row.record;
        let is_of = |log| record.sources.iter().any(|source| source.log == log);
        tally.in_both += u64::from(is_of(LogType::S3Access) && is_of(LogType::CloudTrail));
        let mut key = Vec::new();
        for text in [&record.bucket, &record.key] {
            for byte in text.iter().flat_map(|text| text.bytes()) {
                key.extend_from_slice(if byte == 0 { &[0, 1] } else { std::slice::from_ref(&byte) });
            }
            key.extend_from_slice(&[0, 0]);
        }
        key.extend_from_slice(&change_key("", "", record));
        self.sort.push(&mut self.gathered, &key, &bytes(row))
    }

    fn tell_without_key(&mut self, record: ObjectRecord) -> Result<(), Error> {
        self.tally.without_keys += 1;
        let row = ChangeRow {
            record,
            change: Change::Deleted,
            fate: Fate::Unknown,
            why: "no log names the keys of this request: access lines (BATCH.DELETE.OBJECT) would".to_owned(),
            evidence: Vec::new(),
            delete_marker_id: None,
            former_version_id: None,
            restore: Restore::LookUp,
            later: None,
        };
        self.tell(&row)
    }

    fn tell_keys(
        &mut self,
        mut rows: Sorted,
        versioning: &Versioning,
        files: &[Arc<str>],
        is_limited: bool,
    ) -> Result<(), Error> {
        let mut current: Option<([u8; 16], KeyHistory<'_>)> = None;
        while let Some((key, row)) = rows.next_row()? {
            let Some(object) = key.first_chunk::<16>().copied() else { continue };
            if current.as_ref().is_none_or(|(of, _)| *of != object) {
                self.end(current.take())?;
            }
            let history = &mut current.get_or_insert_with(|| (object, KeyHistory::new(versioning, is_limited))).1;
            match postcard::from_bytes(row) {
                Ok(Row::Seen(time_ms, log, file, line)) => {
                    let file = files.get(file as usize).map(|name| name.to_string()).unwrap_or_default();
                    history.is_seen(time_ms, Source { log, file, line });
                }
                Ok(Row::Changed(record)) => {
                    if let Some(row) = history.change(*record) {
                        self.tell(&row)?;
                    }
                }
                Err(_) => {}
            }
        }
        self.end(current)
    }

    fn end(&mut self, history: Option<([u8; 16], KeyHistory<'_>)>) -> Result<(), Error> {
        let Some((_, history)) = history else { return Ok(()) };
        self.tally.doubtful_writes += history.doubtful_writes;
        history.finish().map_or(Ok(()), |row| self.tell(&row))
    }
}
