//! The requests that are about objects, each once: the rows of both logs that tell of it are gathered and joined.
//!
//! A copy has two sides that the logs tell apart; whoever asks for one gets the other, too.

use super::event::Source;
use super::in_parallel;
use super::joined::JoinTally;
use super::object_record::{Act, ObjectRecord, Selected, copy_source};
use super::selection::{Facts, Judged, Selection, Verdict};
use super::sorted::{Grouping, Groups};
use super::spill_sort::{Gathered, SpillSort, damaged};
use crate::error::Error;
use crate::parse::cloudtrail::field as trail;
use crate::parse::{FieldTable, LogType, s3_access::field as access};
use crate::pipeline::Stage;
use std::collections::{HashMap, HashSet};

/// A deletion has a thousand keys at most; what more a log claims to be one request is joined in pieces. Keys are whole.
const OF_REQUEST: Grouping = Grouping { key_bytes: usize::MAX, most_rows: 20_000, most_bytes: 8 << 20 };

/// Places that are kept of copies of a record.
const MOST_SOURCES: usize = 32;

/// Rows of one thread, and what went wrong where no error could be told of.
#[derive(Debug, Default)]
pub struct ObjectWorker {
    gathered: Gathered,
    failure: Option<Error>,
}

/// Takes the rows of a selection that are about objects.
pub struct ObjectRequests<'a> {
    selection: &'a Selection,
    wants: fn(Act) -> bool,
    /// Are those kept, too, that nobody asked for?
    keeps_all: bool,
    sort: SpillSort,
}

impl<'a> ObjectRequests<'a> {
    /// Of a selection whose chain is complete, those acts.
    pub fn new(selection: &'a Selection, wants: fn(Act) -> bool) -> ObjectRequests<'a> {
        ObjectRequests { selection, wants, keeps_all: false, sort: SpillSort::default() }
    }

    /// With the requests that nobody asked for: of those no record is [`Selected::Yes`], and of others the records of
    /// objects that were not asked for are [`Selected::Companion`].
    pub fn keeping_all(self) -> ObjectRequests<'a> {
        ObjectRequests { keeps_all: true, ..self }
    }

    /// Takes a row if it is asked for, or may be.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn take(&self, worker: &mut ObjectWorker, table: &FieldTable, row: usize) -> Result<(), Error> {
        let Some(act) = Act::of(table, row).filter(|act| (self.wants)(*act)) else { return Ok(()) };
        let facts = Facts::new(table, row);
        let companion = || self.keeps_all.then_some((Selected::Companion, None));
        let judged = judged(self.selection, &facts, act, !self.keeps_all).or_else(companion);
        let Some((selected, through)) = judged else { return Ok(()) };
        let record = ObjectRecord::of(&facts, act, selected, through);
        self.sort.push(&mut worker.gathered, &request_key(table, row, &record), &record.to_bytes())
    }

    /// Joins what two threads have.
    pub fn merge(&self, mut left: ObjectWorker, right: ObjectWorker) -> ObjectWorker {
        let merged = self.sort.merge(&mut left.gathered, right.gathered);
        left.failure = left.failure.or(right.failure).or(merged.err());
        left
    }

    /// Gives the requests, one after the other: all that tell of one together, joined in all threads of the pool.
    ///
    /// # Errors
    /// A disk that takes no more, or an error of `each`.
    pub fn for_each<F>(self, worker: ObjectWorker, tally: &mut JoinTally, mut each: F) -> Result<(), Error>
    where
        F: FnMut(Vec<ObjectRecord>) -> Result<(), Error> + Send,
    {
        if let Some(error) = worker.failure {
            return Err(error);
        }
        let make = |groups: &Groups| {
            let (mut requests, mut tally) = (Vec::new(), JoinTally::default());
            for rows in groups.iter() {
                let request = rows.map(ObjectRecord::from_bytes).collect::<Option<_>>().ok_or_else(damaged)?;
                requests.push(joined(request, self.keeps_all, &mut tally));
            }
            Ok((requests, tally))
        };
        in_parallel::in_order(self.sort.sorted(worker.gathered)?, OF_REQUEST, make, |(requests, joined)| {
            tally.add(joined);
            requests.into_iter().filter(|request| !request.is_empty()).try_for_each(&mut each)
        })
    }
}

impl Stage for ObjectRequests<'_> {
    type Worker = ObjectWorker;

    fn worker(&self) -> ObjectWorker {
        ObjectWorker::default()
    }

    fn observe(&self, worker: &mut ObjectWorker, _: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        rows.iter().try_for_each(|row| self.take(worker, table, *row as usize))
    }

    fn unit_done(&self, _: &mut ObjectWorker, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, left: ObjectWorker, right: ObjectWorker) -> ObjectWorker {
        ObjectRequests::merge(self, left, right)
    }
}

/// Is a row asked for, and through which session? Where reads are asked for, the event of a copy is about its source; the
/// other side of a copy comes along where buckets or keys are asked for.
fn judged(
    selection: &Selection,
    facts: &Facts<'_>,
    act: Act,
    asks_for_reads: bool,
) -> Option<(Selected, Option<(u32, u64)>)> {
    let is_event = !facts.is_access_line();
    let source = is_event.then(|| facts.table.text(facts.row, trail::S3_COPY_SOURCE)).flatten();
    let source = source.filter(|_| act.copies() && asks_for_reads).and_then(copy_source);
    let number = |judged: Judged<'_>| judged.through.and_then(|(chain, grant)| selection.number_of(chain, grant));
    let about = source.as_ref().map_or(*facts, |source| facts.about(&source.bucket, &source.key));
    let judged = selection.judge(&about);
    if let Some(selected) = selected(judged.verdict) {
        return Some((selected, number(judged)));
    }
    let judged = selection.judge(&facts.about_any());
    (act.copies() && judged.verdict != Verdict::No).then(|| (Selected::Companion, number(judged)))
}

fn selected(verdict: Verdict) -> Option<Selected> {
    match verdict {
        Verdict::No => None,
        Verdict::Perhaps => Some(Selected::Perhaps),
        Verdict::Yes => Some(Selected::Yes),
    }
}

/// What the records of one request share: its id and that of its host. Lines of one copy or deletion can name several
/// hosts. Records that lack an id stand alone, but with their copies.
fn request_key(table: &FieldTable, row: usize, record: &ObjectRecord) -> Vec<u8> {
    let (request, host) = match table.log {
        LogType::S3Access => (access::REQUEST_ID, access::HOST_ID),
        LogType::CloudTrail => (trail::REQUEST_ID, trail::HOST_ID),
    };
    let id = |field| table.bytes(row, field).filter(|id| !id.is_empty());
    let has_many_lines =
        record.act.copies() || matches!(record.act, Act::Delete | Act::DeleteMany | Act::DeleteOfMany);
    match (id(request), id(host)) {
        (Some(request), Some(_)) if has_many_lines => [b"\x03", request].concat(),
        (Some(request), Some(host)) => [b"\x01", request, b"\0", host].concat(),
        _ => [&b"\x02"[..], &record.fingerprint.to_be_bytes()].concat(),
    }
}

/// The records of one request, those that tell of the same joined. None if none is asked for and not all are kept.
fn joined(records: Vec<ObjectRecord>, keeps_all: bool, tally: &mut JoinTally) -> Vec<ObjectRecord> {
    // Of those that nobody asked for nothing is told, so that they do not count.
    let mut copies = JoinTally::default();
    let mut records = without_copies(records, &mut copies);
    let is_told = |record: &ObjectRecord| !keeps_all || record.selected == Selected::Yes;
    if records.iter().any(is_told) {
        tally.add(copies);
    }
    if !records.iter().any(|record| record.selected == Selected::Yes) {
        for record in records.iter().filter(|record| record.selected == Selected::Perhaps) {
            match record.log() {
                Some(LogType::S3Access) => tally.unattributed_lines += 1,
                _ => tally.unattributed_events += 1,
            }
        }
        if !keeps_all {
            return Vec::new();
        }
        records.iter_mut().for_each(|record| record.selected = Selected::Companion);
    }
    let (mut lines, events): (Vec<ObjectRecord>, Vec<ObjectRecord>) =
        records.into_iter().partition(|record| record.log() == Some(LogType::S3Access));
    let mut free: HashMap<(Act, Option<String>), Vec<usize>> = HashMap::new();
    for (number, line) in lines.iter().enumerate().rev() {
        free.entry((act_of_event(line.act), line.key.clone())).or_default().push(number);
    }
    let mut joined_to: HashMap<(Act, Option<String>), usize> = HashMap::new();
    let mut alone: Vec<ObjectRecord> = Vec::new();
    for event in events {
        let name = (event.act, event.key.clone());
        // Each account that takes part has its own record of the request.
        let known = joined_to.get(&name).copied();
        match known.or_else(|| free.get_mut(&name).and_then(Vec::pop)) {
            Some(line) => {
                let is_first = joined_to.insert(name, line).is_none();
                join(&mut lines[line], event);
                tally.in_both += u64::from(is_first && is_told(&lines[line]));
            }
            None => match alone.iter_mut().find(|other| (other.act, &other.key) == (event.act, &event.key)) {
                Some(other) => join(other, event),
                None => alone.push(event),
            },
        }
    }
    lines.extend(alone);
    complete_callers(&mut lines);
    lines
}

/// The act under which CloudTrail has what a line tells: it may record each key of a deletion of many by itself.
fn act_of_event(act: Act) -> Act {
    if act == Act::DeleteOfMany { Act::Delete } else { act }
}

/// Copies of a record become one, with all places.
fn without_copies(mut records: Vec<ObjectRecord>, tally: &mut JoinTally) -> Vec<ObjectRecord> {
    records.sort();
    let mut first: HashMap<u128, usize> = HashMap::new();
    let mut kept: Vec<ObjectRecord> = Vec::with_capacity(records.len());
    for record in records {
        match first.get(&record.fingerprint) {
            Some(index) => {
                tally.copies += 1;
                let original = &mut kept[*index];
                original.selected = original.selected.max(record.selected);
                original.through = original.through.or(record.through);
                add_sources(&mut original.sources, record.sources);
            }
            None => {
                first.insert(record.fingerprint, kept.len());
                kept.push(record);
            }
        }
    }
    kept
}

/// Adds places, each once and in order.
pub fn add_sources(sources: &mut Vec<Source>, others: Vec<Source>) {
    sources.extend(others);
    sources.sort();
    sources.dedup();
    sources.truncate(MOST_SOURCES);
}

/// Joins an event to a line, or to an event of another account: what the former says stands, and the caller is that of
/// the record that names one.
fn join(line: &mut ObjectRecord, event: ObjectRecord) {
    if event.names_caller && (!line.names_caller || line.session_name.is_none()) {
        line.principal = event.principal.or(line.principal.take());
        line.session_name = event.session_name.or(line.session_name.take());
        line.names_caller = true;
    }
    line.time_ms = match (line.time_ms, event.time_ms) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    };
    line.bucket = line.bucket.take().or(event.bucket);
    line.key = line.key.take().or(event.key);
    line.version = line.version.take().or(event.version);
    line.answer = match (line.answer.take(), event.answer) {
        (Some(mine), Some(other)) => Some(super::object_record::Answer {
            version: other.version.or(mine.version),
            is_delete_marker: mine.is_delete_marker || other.is_delete_marker,
            is_shown: mine.is_shown || other.is_shown,
        }),
        (mine, other) => mine.or(other),
    };
    line.bytes_out = line.bytes_out.or(event.bytes_out);
    line.range = line.range.or(event.range);
    line.part = line.part.or(event.part);
    line.copy_source = line.copy_source.take().or(event.copy_source);
    line.bucket_account = line.bucket_account.take().or(event.bucket_account);
    line.remote_ip = line.remote_ip.take().or(event.remote_ip);
    line.access_key_id = line.access_key_id.take().or(event.access_key_id);
    line.way = line.way.max(event.way);
    line.through = line.through.or(event.through);
    line.selected = line.selected.max(event.selected);
    add_sources(&mut line.sources, event.sources);
}

/// Lines of one request have one caller: what a record of CloudTrail says of it is true for all.
fn complete_callers(records: &mut [ObjectRecord]) {
    let Some(named) = records.iter().find(|record| record.access_key_id.is_some() && record.names_caller) else {
        return;
    };
    let (principal, session) = (named.principal.clone(), named.session_name.clone());
    let (key, through, ip) = (named.access_key_id.clone(), named.through, named.remote_ip.clone());
    for record in records.iter_mut().filter(|record| record.access_key_id.is_none()) {
        if !record.names_caller {
            record.principal.clone_from(&principal);
            record.names_caller = true;
        }
        if record.session_name.is_none() && record.principal == principal {
            record.session_name.clone_from(&session);
        }
        record.access_key_id.clone_from(&key);
        record.remote_ip = record.remote_ip.take().or(ip.clone());
        record.through = record.through.or(through);
    }
}

/// Distinct texts: a few are shown, many are counted, and beyond that it is said that there are more.
#[derive(Debug, Default)]
pub struct Distinct {
    shown: std::collections::BTreeSet<String>,
    seen: HashSet<u64>,
    most: usize,
    /// There are more than were counted.
    pub overflows: bool,
}

impl Distinct {
    /// Shown of each.
    const SHOWN: usize = 16;

    /// Counts at most so many.
    pub fn up_to(most: usize) -> Distinct {
        Distinct { most, ..Distinct::default() }
    }

    /// Sees a text.
    pub fn see(&mut self, text: &str) {
        let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        if self.seen.contains(&hash) {
            return;
        }
        if self.seen.len() >= self.most {
            self.overflows = true;
            return;
        }
        self.seen.insert(hash);
        self.shown.insert(text.to_owned());
        if self.shown.len() > Distinct::SHOWN {
            self.shown.pop_last();
        }
    }

    /// How many there are, or are at least.
    pub fn count(&self) -> u64 {
        self.seen.len() as u64
    }

    /// The first of them by name.
    pub fn shown(&self) -> Vec<String> {
        let more = self.seen.len().saturating_sub(self.shown.len());
        let mut shown: Vec<String> = self.shown.iter().cloned().collect();
        if more > 0 {
            shown.push(format!("… {more} more"));
        }
        shown
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::activity::outcome::Outcome;
    use crate::investigate::object_record::Way;

    /// A record that was done; `line` is its place and its fingerprint.
    pub(in crate::investigate) fn record(log: LogType, line: i64, act: Act, key: &str) -> ObjectRecord {
        ObjectRecord {
            time_ms: Some(line * 1000),
            act,
            operation: "op".to_owned(),
            bucket: Some("b".to_owned()),
            key: Some(key.to_owned()),
            version: None,
            answer: None,
            outcome: Outcome::Success,
            status: (log == LogType::S3Access).then_some(200),
            bytes_out: None,
            size: None,
            range: None,
            part: None,
            copy_source: None,
            bucket_account: None,
            principal: Some("ann".to_owned()),
            names_caller: true,
            session_name: None,
            remote_ip: None,
            access_key_id: None,
            way: Way::Signed,
            through: None,
            selected: Selected::Yes,
            sources: vec![Source { log, file: log.name().to_owned(), line }],
            fingerprint: (log as u128) << 64 | line as u128,
        }
    }

    use LogType::{CloudTrail, S3Access};

    fn lines_of(records: &[ObjectRecord]) -> Vec<Vec<i64>> {
        records.iter().map(|record| record.sources.iter().map(|source| source.line).collect()).collect()
    }

    #[test]
    fn records_of_one_request_are_joined_by_act_and_key_whatever_the_order() {
        let line = |number, act, key| record(S3Access, number, act, key);
        let event = |number, act, key| record(CloudTrail, number, act, key);
        for (mut records, expected) in [
            (vec![line(1, Act::Read, "a"), event(2, Act::Read, "a")], vec![vec![1, 2]]),
            // The line of a copy's source is not that of its destination.
            (vec![line(1, Act::CopyRead, "a"), event(2, Act::Copy, "b")], vec![vec![1], vec![2]]),
            (
                vec![line(1, Act::CopyRead, "a"), line(2, Act::Copy, "b"), event(3, Act::Copy, "b")],
                vec![vec![1], vec![2, 3]],
            ),
            (
                vec![line(1, Act::DeleteOfMany, "a"), line(2, Act::DeleteOfMany, "b"), event(3, Act::Delete, "b")],
                vec![vec![1], vec![2, 3]],
            ),
            // The owner's account and the caller's each have a record.
            (vec![event(1, Act::Read, "a"), event(2, Act::Read, "a")], vec![vec![1, 2]]),
        ] {
            for _ in 0..2 {
                let mut lines = lines_of(&joined(records.clone(), false, &mut JoinTally::default()));
                lines.sort();
                assert_eq!(lines, expected);
                records.reverse();
            }
        }
    }

    #[test]
    fn what_nobody_asked_for_is_counted_and_goes() {
        let with = |selected, line| ObjectRecord { selected, ..record(S3Access, line, Act::Copy, "k") };
        let mut tally = JoinTally::default();
        assert_eq!(joined(vec![with(Selected::Companion, 1)], false, &mut tally).len(), 0);
        assert_eq!(tally.unattributed_lines, 0);
        assert_eq!(joined(vec![with(Selected::Perhaps, 1)], false, &mut tally).len(), 0);
        assert_eq!(tally.unattributed_lines, 1);
        let both = vec![with(Selected::Companion, 1), record(S3Access, 2, Act::CopyRead, "s")];
        assert_eq!(joined(both, false, &mut tally).len(), 2, "the other side comes along");
    }

    #[test]
    fn distinct_texts_are_counted_and_a_few_shown() {
        let mut texts = Distinct::up_to(20);
        (0..30).for_each(|number| texts.see(&format!("{:02}", number % 25)));
        assert_eq!((texts.count(), texts.overflows, texts.shown().len()), (20, true, 17));
        assert_eq!(texts.shown()[16], "… 4 more");
    }
}
