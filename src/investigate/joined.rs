//! The records that tell of one request, joined into one.
//!
//! Both logs name the request by the same two ids. A request can have several lines (a copy has one a side, a deletion
//! of many keys one a key) and several events (one an account): what has the same action and key is joined; lines that
//! are left stand alone.

use super::event::{COLUMNS, Event, Value, column};
use super::in_parallel;
use super::sorted::{Grouping, Sorted};
use super::spill_sort::{Gathered, SpillSort, damaged};
use crate::error::Error;
use crate::parse::LogType;
use std::collections::HashMap;
use std::net::IpAddr;

/// A deletion has a thousand keys at most; what more a log claims to be one request is joined in pieces.
const OF_REQUEST: Grouping = Grouping { key_bytes: 16, most_rows: 20_000, most_bytes: 8 << 20 };

/// Places of copies that are kept.
const MOST_SOURCES: usize = 32;

const ACTION: usize = column("action");
const KEY: usize = column("object_key");
const PRINCIPAL: usize = column("principal");
const SESSION: usize = column("session_name");
const REMOTE_IP: usize = column("remote_ip");
const PRINCIPAL_KIND: usize = column("principal_kind");

/// What the callers' columns are: they are taken from one log together.
const CALLER: [usize; 4] = [PRINCIPAL, SESSION, PRINCIPAL_KIND, column("principal_account")];

/// Columns in which both logs must say the same, if they say anything.
const COMPARED: [usize; 6] = [ACTION, column("outcome"), PRINCIPAL, REMOTE_IP, column("bucket_name"), KEY];

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinTally {
    /// Requests that both logs tell of.
    pub in_both: u64,
    /// Copies of records.
    pub copies: u64,
    /// Lines of access logs that may be of the selection, and that nothing shows to be.
    pub unattributed_lines: u64,
    /// Records of CloudTrail likewise.
    pub unattributed_events: u64,
}

impl JoinTally {
    pub(super) fn add(&mut self, other: JoinTally) {
        self.in_both += other.in_both;
        self.copies += other.copies;
        self.unattributed_lines += other.unattributed_lines;
        self.unattributed_events += other.unattributed_events;
    }
}

/// Joins events that come request by request, in all threads of the pool; they go on in the order of time. The keys of
/// their rows are 16 bytes that the records of a request share.
///
/// # Errors
/// A disk that takes no more, or gives back something else.
pub fn by_time(events: Sorted, tally: &mut JoinTally) -> Result<Sorted, Error> {
    let sort = SpillSort::default();
    let workers = in_parallel::each(events, OF_REQUEST, Joining::default, |worker, groups, _| {
        groups.iter().try_for_each(|rows| worker.join(rows, &sort))
    })?;
    let mut gathered = Gathered::default();
    for worker in workers {
        tally.add(worker.tally);
        sort.merge(&mut gathered, worker.gathered)?;
    }
    sort.sorted(gathered)
}

/// What one thread has joined.
#[derive(Default)]
struct Joining {
    gathered: Gathered,
    tally: JoinTally,
    row: Vec<u8>,
}

impl Joining {
    /// Joins the records of one request.
    fn join<'g>(
        &mut self,
        mut rows: impl ExactSizeIterator<Item = &'g [u8]>,
        sort: &SpillSort,
    ) -> Result<(), Error> {
        if rows.len() == 1 {
            let row = Row::of(rows.next().ok_or_else(damaged)?).ok_or_else(damaged)?;
            // Nothing is joined to it, so that nothing changes.
            if row.is_selected {
                return sort.push(&mut self.gathered, row.time_key, row.event);
            }
            return self.push(vec![row.read()?], sort);
        }
        let events = rows.map(|row| Row::of(row).ok_or_else(damaged)?.read()).collect::<Result<_, Error>>()?;
        self.push(events, sort)
    }

    fn push(&mut self, events: Vec<Event<'_>>, sort: &SpillSort) -> Result<(), Error> {
        for event in joined(events, &mut self.tally) {
            write_row(&event, &mut self.row);
            let row = Row::of(&self.row).ok_or_else(damaged)?;
            sort.push(&mut self.gathered, row.time_key, row.event)?;
        }
        Ok(())
    }
}

/// An event as it waits for others of its request: most have none and go on as they are, unread.
struct Row<'a> {
    is_selected: bool,
    time_key: &'a [u8],
    event: &'a [u8],
}

/// Makes a row of an event, in the place of what is there.
pub(super) fn write_row(event: &Event<'_>, row: &mut Vec<u8>) {
    row.clear();
    row.extend_from_slice(&[u8::from(event.is_selected), 0, 0, 0, 0]);
    push_time_key(event, row);
    let length = (row.len() - 5) as u32;
    row[1..5].copy_from_slice(&length.to_le_bytes());
    event.push_to(row);
}

impl<'a> Row<'a> {
    fn of(row: &'a [u8]) -> Option<Row<'a>> {
        let (is_selected, row) = row.split_first()?;
        let (length, row) = row.split_first_chunk()?;
        let (time_key, event) = row.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Row { is_selected: *is_selected != 0, time_key, event })
    }

    fn read(&self) -> Result<Event<'a>, Error> {
        Event::from_bytes(self.event).ok_or_else(damaged)
    }
}

/// Time, then place; no time comes last. The second is the first 8 bytes.
fn push_time_key(event: &Event<'_>, key: &mut Vec<u8>) {
    let (second, millisecond) =
        event.time_ms.map_or((i64::MAX, 999), |time| (time.div_euclid(1000), time.rem_euclid(1000)));
    key.extend_from_slice(&(second.wrapping_sub(i64::MIN) as u64).to_be_bytes());
    key.extend_from_slice(&(millisecond as u16).to_be_bytes());
    if let Some(source) = event.sources.first() {
        key.push(source.log as u8);
        key.extend_from_slice(source.file.as_bytes());
        key.push(0);
        key.extend_from_slice(&source.line.to_be_bytes());
    }
}

/// The records of one request, joined. Those of which none is asked for are dropped, but for calls of KMS: they may be
/// of another request.
fn joined<'a>(records: Vec<Event<'a>>, tally: &mut JoinTally) -> Vec<Event<'a>> {
    let records = without_copies(records, tally);
    if !records.iter().any(|event| event.is_selected) {
        let (kms, dropped): (Vec<Event<'_>>, Vec<Event<'_>>) =
            records.into_iter().partition(|event| event.kms_object.is_some());
        for event in dropped {
            match event.log() {
                Some(LogType::S3Access) => tally.unattributed_lines += 1,
                _ => tally.unattributed_events += 1,
            }
        }
        return kms;
    }
    let (mut lines, events): (Vec<Event<'_>>, Vec<Event<'_>>) =
        records.into_iter().partition(|event| event.log() == Some(LogType::S3Access));
    let mut alone = Vec::new();
    let mut free = Free::of(&lines);
    let mut joined_to: HashMap<(Option<String>, Option<String>), usize> = HashMap::new();
    for event in events {
        let name = (event.text(ACTION).map(str::to_owned), event.text(KEY).map(str::to_owned));
        // Each account that takes part has its own record of the request.
        if let Some(line) = joined_to.get(&name).copied().or_else(|| free.take(&event)) {
            tally.in_both += u64::from(joined_to.insert(name, line).is_none());
            join(&mut lines[line], event);
        } else {
            alone.push(event);
        }
    }
    lines.extend(alone);
    lines.iter_mut().for_each(|event| event.is_selected = true);
    lines
}

/// Copies of a record become one, with all places.
fn without_copies<'a>(mut records: Vec<Event<'a>>, tally: &mut JoinTally) -> Vec<Event<'a>> {
    records.sort();
    let mut first: HashMap<u128, usize> = HashMap::new();
    let mut kept: Vec<Event<'_>> = Vec::with_capacity(records.len());
    for event in records {
        match first.get(&event.fingerprint) {
            Some(index) => {
                tally.copies += 1;
                let original = &mut kept[*index];
                original.is_selected |= event.is_selected;
                if original.session_chain.is_empty() {
                    original.session_chain = event.session_chain;
                }
                add_sources(&mut original.sources, event.sources);
            }
            None => {
                first.insert(event.fingerprint, kept.len());
                kept.push(event);
            }
        }
    }
    kept
}

fn add_sources(sources: &mut Vec<super::event::Source>, others: Vec<super::event::Source>) {
    sources.extend(others);
    sources.sort();
    sources.dedup();
    sources.truncate(MOST_SOURCES);
}

/// The lines that no event is joined to yet.
struct Free {
    by_name: HashMap<(Option<String>, Option<String>), Vec<usize>>,
    by_action: HashMap<Option<String>, Vec<usize>>,
    is_free: Vec<bool>,
    /// The key of the only line there is.
    only_key: Option<Option<String>>,
}

impl Free {
    fn of(lines: &[Event<'_>]) -> Free {
        let only_key = match lines {
            [only] => Some(only.text(KEY).map(str::to_owned)),
            _ => None,
        };
        let is_free = vec![true; lines.len()];
        let mut free = Free { by_name: HashMap::new(), by_action: HashMap::new(), is_free, only_key };
        // The last of a list is taken first.
        for (number, line) in lines.iter().enumerate().rev() {
            let action = line.text(ACTION).map(str::to_owned);
            let key = line.text(KEY).map(str::to_owned);
            free.by_action.entry(action.clone()).or_default().push(number);
            free.by_name.entry((action, key)).or_default().push(number);
        }
        free
    }

    /// The line that tells of the same: by action and key, else by action, else the only one there is if it has the key:
    /// it may have another name for the action.
    fn take(&mut self, event: &Event<'_>) -> Option<usize> {
        let action = event.text(ACTION).map(str::to_owned);
        let name = (action.clone(), event.text(KEY).map(str::to_owned));
        let mut only = if self.only_key.as_ref() == Some(&name.1) { vec![0] } else { Vec::new() };
        let by_name = self.by_name.get_mut(&name);
        let by_action = self.by_action.get_mut(&action);
        let is_free = &mut self.is_free;
        let mut first = |numbers: &mut Vec<usize>| {
            while let Some(number) = numbers.pop() {
                if std::mem::replace(&mut is_free[number], false) {
                    return Some(number);
                }
            }
            None
        };
        by_name.and_then(&mut first).or_else(|| by_action.and_then(&mut first)).or_else(|| first(&mut only))
    }
}

/// Joins an event of CloudTrail to a line: what the line says stands, and the event fills in; the caller is that of the
/// log that names one, and the line's if both do. The event of the same caller has the name of the session if the line
/// lacks it.
fn join<'a>(line: &mut Event<'a>, event: Event<'a>) {
    let names_caller =
        |event: &Event<'_>| !matches!(event.text(PRINCIPAL_KIND), None | Some("account" | "unknown"));
    for compared in COMPARED {
        let both_comparable = match compared {
            PRINCIPAL => names_caller(line) && names_caller(&event),
            // An operation whose name in the API is not known.
            ACTION => line.text(ACTION).is_some_and(|action| !action.contains('.')),
            // CloudTrail has the name of a service where one made the call.
            REMOTE_IP => is_address(line.text(REMOTE_IP)) && is_address(event.text(REMOTE_IP)),
            _ => true,
        };
        let name = COLUMNS[compared].to_owned();
        let differ = both_comparable && contradict(&line.values[compared], &event.values[compared]);
        if differ && !line.contradictions.contains(&name) {
            line.contradictions.push(name);
        }
    }
    let is_same_caller = line.values[PRINCIPAL] == event.values[PRINCIPAL];
    let takes_caller =
        names_caller(&event) && (!names_caller(line) || line.text(SESSION).is_none() && is_same_caller);
    let is_other_caller = names_caller(&event) && names_caller(line) && !is_same_caller;
    for (index, value) in event.values.into_iter().enumerate() {
        let takes = match CALLER.contains(&index) {
            // A session of one caller is none of another.
            true => takes_caller || line.values[index] == Value::Null && !is_other_caller,
            false => line.values[index] == Value::Null,
        };
        if takes && value != Value::Null {
            line.values[index] = value;
        }
    }
    line.time_ms = match (line.time_ms, event.time_ms) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    };
    line.kms_object = line.kms_object.take().or(event.kms_object);
    line.kms_key = line.kms_key.take().or(event.kms_key);
    if !event.session_chain.is_empty() {
        line.session_chain = event.session_chain;
    }
    add_sources(&mut line.sources, event.sources);
}

fn is_address(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

fn contradict(left: &Value<'_>, right: &Value<'_>) -> bool {
    *left != Value::Null && *right != Value::Null && left != right
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::investigate::event::Source;

    /// An event with values by column; `line` is its place and its fingerprint.
    pub(in crate::investigate) fn event(
        log: LogType,
        time_ms: i64,
        line: i64,
        values: &[(&str, &str)],
    ) -> Event<'static> {
        let mut event = Event {
            time_ms: Some(time_ms),
            values: vec![Value::Null; COLUMNS.len()],
            request_uri: None,
            kms_object: None,
            kms_key: None,
            sources: vec![Source { log, file: log.name().to_owned(), line }],
            kms_calls: Vec::new(),
            contradictions: Vec::new(),
            session_chain: Vec::new(),
            is_selected: true,
            fingerprint: (log as u128) << 64 | line as u128,
        };
        for (name, value) in values {
            event.values[COLUMNS.iter().position(|column| column == name).unwrap()] =
                Value::Text((*value).to_owned().into());
        }
        event
    }

    use LogType::{CloudTrail, S3Access};

    fn lines_of(events: &[Event<'_>]) -> Vec<Vec<(LogType, i64)>> {
        events.iter().map(|event| event.sources.iter().map(|source| (source.log, source.line)).collect()).collect()
    }

    #[test]
    fn records_of_one_request_are_joined_by_action_and_key() {
        let line = |number, action, key| event(S3Access, 1000, number, &[("action", action), ("object_key", key)]);
        let record =
            |number, action, key| event(CloudTrail, 900, number, &[("action", action), ("object_key", key)]);
        type Places = Vec<Vec<(LogType, i64)>>;
        let cases: [(Vec<Event<'_>>, Places); 6] = [
            (
                vec![line(1, "GetObject", "a"), record(2, "GetObject", "a")],
                vec![vec![(S3Access, 1), (CloudTrail, 2)]],
            ),
            // A copy has a line for what it reads and one for what it writes.
            (
                vec![line(1, "CopyObject", "from"), line(2, "CopyObject", "to"), record(3, "CopyObject", "to")],
                vec![vec![(S3Access, 1)], vec![(S3Access, 2), (CloudTrail, 3)]],
            ),
            // The owner's account and the caller's each have a record.
            (
                vec![line(1, "PutObject", "a"), record(2, "PutObject", "a"), record(3, "PutObject", "a")],
                vec![vec![(S3Access, 1), (CloudTrail, 2), (CloudTrail, 3)]],
            ),
            // An operation of the access log that has another name in the API.
            (
                vec![line(1, "REST.NEW.THING", "a"), record(2, "NewThing", "a")],
                vec![vec![(S3Access, 1), (CloudTrail, 2)]],
            ),
            // The line of a key of a deletion of many, and the deletion, whose own line was not delivered.
            (
                vec![line(1, "DeleteObject", "a"), event(CloudTrail, 900, 2, &[("action", "DeleteObjects")])],
                vec![vec![(S3Access, 1)], vec![(CloudTrail, 2)]],
            ),
            // With its own line.
            (
                vec![
                    line(1, "DeleteObject", "a"),
                    event(S3Access, 1000, 2, &[("action", "DeleteObjects")]),
                    event(CloudTrail, 900, 3, &[("action", "DeleteObjects")]),
                ],
                vec![vec![(S3Access, 1)], vec![(S3Access, 2), (CloudTrail, 3)]],
            ),
        ];
        for (mut records, expected) in cases {
            for _ in 0..2 {
                let rows = joined(records.clone(), &mut JoinTally::default());
                assert_eq!(lines_of(&rows), expected);
                records.reverse();
            }
        }
    }

    #[test]
    fn a_joined_request_takes_the_caller_who_is_named_and_says_what_is_contradicted() {
        let line = event(
            S3Access,
            2000,
            1,
            &[
                ("action", "GetObject"),
                ("principal", "79a5"),
                ("principal_kind", "account"),
                ("remote_ip", "192.0.2.1"),
            ],
        );
        let record = event(
            CloudTrail,
            1000,
            2,
            &[
                ("action", "GetObject"),
                ("principal", "arn:aws:iam::1:role/r"),
                ("principal_kind", "role"),
                ("session_name", "s"),
                ("remote_ip", "192.0.2.9"),
                ("access_key_id", "ASIA1"),
            ],
        );
        let mut tally = JoinTally::default();
        let rows = joined(vec![record, line], &mut tally);
        let text = |name| rows[0].text(column_of(name));
        assert_eq!(rows.len(), 1);
        assert_eq!((text("principal"), text("session_name")), (Some("arn:aws:iam::1:role/r"), Some("s")));
        assert_eq!((text("remote_ip"), text("access_key_id")), (Some("192.0.2.1"), Some("ASIA1")));
        assert_eq!((rows[0].time_ms, &rows[0].contradictions[..]), (Some(1000), &["remote_ip".to_owned()][..]));
        assert_eq!(tally, JoinTally { in_both: 1, ..JoinTally::default() });
    }

    #[test]
    fn the_caller_of_the_line_is_shown_if_both_logs_name_one() {
        let of = |log, number, kind, name, session: Option<&'static str>, account| {
            let mut values = vec![("principal", name), ("principal_kind", kind), ("principal_account", account)];
            values.extend(session.map(|session| ("session_name", session)));
            event(log, 1000, number, &values)
        };
        let differ = &["principal".to_owned()][..];
        for (line, record, session, contradictions) in [
            (("user", "user/ann", None), ("user", "user/bob", None), None, differ),
            (("user", "user/ann", None), ("role", "user/r", Some("s")), None, differ),
            (("role", "role/r", None), ("role", "role/r", Some("s")), Some("s"), &[][..]),
            (("role", "role/r", Some("t")), ("role", "role/r", Some("s")), Some("t"), &[][..]),
        ] {
            let (kind, name, own) = line;
            let records =
                vec![of(S3Access, 1, kind, name, own, "1"), of(CloudTrail, 2, record.0, record.1, record.2, "2")];
            let rows = joined(records, &mut JoinTally::default());
            assert_eq!(rows.len(), 1);
            let caller = CALLER.map(|column| rows[0].text(column));
            // The account is of the same log as the name.
            let account = if session == own { "1" } else { "2" };
            assert_eq!(caller, [Some(name), session, Some(kind), Some(account)], "{record:?}");
            assert_eq!(rows[0].contradictions, contradictions, "{record:?}");
        }
    }

    #[test]
    fn a_row_that_comes_back_changed_is_an_error() {
        let mut row = Vec::new();
        let sorted = |rows: &[&[u8]]| {
            let (sort, mut gathered) = (SpillSort::default(), Gathered::default());
            rows.iter().for_each(|row| sort.push(&mut gathered, b"the same 16 bytes", row).unwrap());
            sort.sorted(gathered).unwrap()
        };
        write_row(&event(S3Access, 1000, 1, &[]), &mut row);
        for cut in [0, 3, 9, row.len() - 1] {
            let result = by_time(sorted(&[&row, &row[..cut]]), &mut JoinTally::default()).map(drop);
            let error = result.unwrap_err().to_string();
            assert!(error.contains("came back changed"), "{error}");
        }
    }

    fn column_of(name: &str) -> usize {
        COLUMNS.iter().position(|column| *column == name).unwrap()
    }

    #[test]
    fn copies_become_one_and_what_nobody_asked_for_goes() {
        let copy = |file: &str| {
            let mut copy = event(S3Access, 1000, 1, &[]);
            copy.sources[0].file = file.to_owned();
            copy
        };
        let mut tally = JoinTally::default();
        let rows = joined(vec![copy("b"), copy("a")], &mut tally);
        assert_eq!((rows.len(), rows[0].sources.len(), tally.copies), (1, 2, 1));
        let perhaps = |mut event: Event<'static>| {
            event.is_selected = false;
            event
        };
        let rows = joined(vec![perhaps(copy("a"))], &mut tally);
        assert_eq!((rows.len(), tally.unattributed_lines), (0, 1));
        let mut kms = perhaps(event(CloudTrail, 1000, 2, &[]));
        kms.kms_object = Some("b/k".to_owned());
        assert_eq!(joined(vec![kms], &mut tally).len(), 1, "it may belong to another request");
        let rows = joined(vec![perhaps(copy("a")), event(CloudTrail, 1000, 2, &[])], &mut tally);
        assert_eq!(rows.len(), 1, "the line of a selected event");
    }
}
