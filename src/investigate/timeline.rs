//! The events of both logs in the order of time, a row a request.

use super::event::{Event, Value, column};
use super::events::{SelectedEvents, SelectedWorker};
use super::in_parallel;
use super::joined::{self, JoinTally};
use super::kms::{self, KmsTally, OF_SECOND};
use super::sorted::{Groups, Sorted};
use super::spill_sort::damaged;
use crate::error::Error;
use crate::parse::LogType;
use crate::parse::time::format_iso;
use crate::report::table_formats::{Cell, TableColumn};
use std::borrow::Cow;

/// What the rows hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// The columns of this program.
    #[default]
    Standard,
    /// With the columns that Timesketch needs before them
    /// (<https://timesketch.org/guides/user/import-from-json-csv/>); events without a time are left out.
    Timesketch,
}

/// A column of the timeline, and how it comes out of an event.
struct Shown {
    column: TableColumn,
    cell: for<'e> fn(&'e Event<'_>) -> Cell<'e>,
}

const fn shown(
    name: &'static str,
    is_main: bool,
    cell: for<'e> fn(&'e Event<'_>) -> Cell<'e>,
    about: &'static str,
) -> Shown {
    Shown { column: TableColumn { name, about, is_main }, cell }
}

/// A column of both logs.
macro_rules! logged {
    ($name:literal, $is_main:literal, $about:literal) => {
        shown($name, $is_main, |event| value(&event.values[const { column($name) }]), $about)
    };
}

/// Every column, in order.
static SHOWN: [Shown; 36] = [
    shown(
        "event_time",
        true,
        |event| event.time_ms.map_or(Cell::Null, Cell::Time),
        "When it happened; of the records of one request the earliest.",
    ),
    logged!("action", true, "The API action."),
    logged!("outcome", true, "success, denied, throttled or error; null for records that stand for no call."),
    logged!("principal", true, "Caller, in one form for both logs; a role without its path and session."),
    logged!("session_name", false, "Session of a role."),
    logged!("remote_ip", true, "Address of the caller, or name of an AWS service."),
    logged!("bucket_name", true, "Bucket; of a call of KMS the one that S3 made it for."),
    logged!("object_key", true, "Key of the object, decoded; likewise."),
    logged!("bytes_out", false, "Bytes sent to the caller."),
    logged!("http_status", false, "HTTP status; CloudTrail does not log it."),
    logged!("error_code", false, "Error of the service."),
    logged!("access_key_id", false, "Access key; an access line has it only in a presigned URL."),
    logged!("principal_kind", false, "user, role, root, service, account, federated, anonymous or unknown."),
    logged!("principal_account", false, "Account of the caller."),
    logged!("invoked_by", false, "AWS service that made the call."),
    logged!("user_agent", false, "User agent as sent."),
    shown("request_uri", false, |event| event.request_uri.as_deref().into(), "Request line of the access log."),
    logged!("action_class", false, "read, list, write, delete, permission, config, key, identity or other."),
    logged!("service", false, "Service that was called."),
    logged!("version_id", false, "Version that the request named."),
    logged!("bytes_in", false, "Bytes received; access lines do not say."),
    logged!("object_size", false, "Size of the object in bytes; CloudTrail does not say."),
    logged!("auth_type", false, "AuthHeader, QueryString (a presigned URL) or null."),
    logged!("tls_version", false, "TLS version."),
    logged!("access_point_arn", false, "Access point of the request."),
    logged!("vpc_endpoint_id", false, "VPC endpoint; access lines do not say."),
    logged!("account_id", false, "Account whose log this is; access lines do not say."),
    logged!("region", false, "Region of the call; of an access line, from its endpoint."),
    logged!("request_id", false, "Request id, the same in both logs."),
    logged!("host_id", false, "x-amz-id-2, the same in both logs."),
    logged!("event_id", false, "CloudTrail's id of the event."),
    shown(
        "kms_key",
        false,
        |event| event.kms_key.as_deref().into(),
        "KMS key of the call, or of the object as CloudTrail logs it.",
    ),
    shown(
        "kms_calls",
        false,
        |event| texts(&event.kms_calls),
        "Calls of KMS for the same object by the same caller in the same second: action, outcome, key.",
    ),
    shown(
        "contradictions",
        false,
        |event| texts(&event.contradictions),
        "Columns in which the two logs contradict each other; the value shown is the access log's.",
    ),
    shown(
        "session_chain",
        false,
        |event| texts(&event.session_chain),
        "How a caller who was asked for came to this session: each call that granted one, with its place.",
    ),
    shown("sources", true, places, "Every record that tells of it: log, file and line or record."),
];

fn value<'v>(value: &'v Value<'_>) -> Cell<'v> {
    match value {
        Value::Null => Cell::Null,
        Value::Text(text) => Cell::Text(Cow::Borrowed(text)),
        Value::Number(number) => Cell::Number(*number),
    }
}

fn texts(texts: &[String]) -> Cell<'_> {
    Cell::Texts(texts)
}

fn places<'e>(event: &'e Event<'_>) -> Cell<'e> {
    Cell::Places(event.sources.iter().map(|source| (source.log, source.file.as_str(), source.line)).collect())
}

/// What Timesketch needs.
const TIMESKETCH: [TableColumn; 4] = [
    TableColumn { name: "message", about: "The event in a sentence.", is_main: true },
    TableColumn { name: "datetime", about: "When, ISO 8601 with offset.", is_main: true },
    TableColumn { name: "timestamp", about: "When, in microseconds since 1970.", is_main: false },
    TableColumn { name: "timestamp_desc", about: "What the time is of.", is_main: true },
];

impl Profile {
    /// The columns of a row.
    pub fn columns(self) -> Vec<TableColumn> {
        let own = SHOWN.iter().map(|shown| shown.column);
        match self {
            Profile::Standard => own.collect(),
            Profile::Timesketch => TIMESKETCH.into_iter().chain(own).collect(),
        }
    }

    /// The cells of an event, one a column; `None` if the profile cannot hold it.
    pub fn cells<'e>(self, event: &'e Event<'_>) -> Option<Vec<Cell<'e>>> {
        let own = SHOWN.iter().map(|shown| (shown.cell)(event));
        if self == Profile::Standard {
            return Some(own.collect());
        }
        let time_ms = event.time_ms?;
        let time = format_iso(time_ms);
        let datetime = format!("{}+00:00", time.strip_suffix('Z').unwrap_or(&time));
        let first = [
            Cell::Text(Cow::Owned(message(event))),
            Cell::Text(Cow::Owned(datetime)),
            Cell::Number(time_ms.saturating_mul(1000)),
            Cell::Text(Cow::Borrowed(time_of(event))),
        ];
        // Timesketch indexes texts: places are one.
        let flat = own.map(|cell| match cell {
            Cell::Places(places) => {
                let places = places.iter().map(|(_, file, line)| format!("{file}:{line}"));
                Cell::Text(Cow::Owned(places.collect::<Vec<_>>().join("; ")))
            }
            cell => cell,
        });
        Some(first.into_iter().chain(flat).collect())
    }
}

/// `GetObject of s3://b/k by arn:… from 192.0.2.7: success`
fn message(event: &Event<'_>) -> String {
    let text = |column| event.text(column);
    let mut message = text(const { column("action") }).unwrap_or("unknown action").to_owned();
    if let Some(bucket) = text(const { column("bucket_name") }) {
        let key = text(const { column("object_key") }).unwrap_or_default();
        message += &format!(" of s3://{bucket}/{key}");
    }
    let who = [(" by ", const { column("principal") }), (" from ", const { column("remote_ip") })];
    for (word, column) in who.into_iter().chain([(": ", const { column("outcome") })]) {
        message.extend(text(column).into_iter().flat_map(|text| [word, text]));
    }
    message
}

fn time_of(event: &Event<'_>) -> &'static str {
    match event.log() {
        Some(LogType::S3Access) => "S3 Request Received",
        _ => "API Call Logged",
    }
}

/// The rows, and what was joined.
pub struct Timeline {
    events: Sorted,
    tally: JoinTally,
}

impl Timeline {
    /// Joins and sorts what was selected, in all threads of the pool.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn new(stage: SelectedEvents<'_>, worker: SelectedWorker) -> Result<Timeline, Error> {
        let mut tally = JoinTally::default();
        let events = joined::by_time(stage.by_request(worker)?, &mut tally)?;
        Ok(Timeline { events, tally })
    }

    /// Shows the rows: `see` takes them in their order, some in one thread of the pool and others in another, and `take`
    /// what became of some, in the order of all.
    ///
    /// # Errors
    /// A disk that gives back something else, or an error of `take`.
    pub fn show<T: Default + Send>(
        self,
        see: impl Fn(&mut T, &Event<'_>) + Sync,
        mut take: impl FnMut(T) -> Result<(), Error> + Send,
    ) -> Result<(JoinTally, KmsTally), Error> {
        let mut kms_tally = KmsTally::default();
        let make = |groups: &Groups| {
            let (mut seen, mut tally) = (T::default(), KmsTally::default());
            for rows in groups.iter() {
                let second = rows.map(Event::from_bytes).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
                kms::joined(second, &mut tally).iter().for_each(|event| see(&mut seen, event));
            }
            Ok((seen, tally))
        };
        in_parallel::in_order(self.events, OF_SECOND, make, |(seen, tally)| {
            kms_tally.add(tally);
            take(seen)
        })?;
        Ok((self.tally, kms_tally))
    }
}

#[cfg(test)]
mod tests {
    use super::super::joined::tests::event;
    use super::*;

    #[test]
    fn timesketch_gets_what_it_needs_and_no_event_without_a_time() {
        let values = [("action", "GetObject"), ("bucket_name", "b"), ("object_key", "k"), ("outcome", "denied")];
        let mut one = event(LogType::S3Access, 1_772_614_800_123, 7, &values);
        let cells = Profile::Timesketch.cells(&one).unwrap();
        assert_eq!(cells.len(), Profile::Timesketch.columns().len());
        assert_eq!(cells[0], Cell::Text("GetObject of s3://b/k: denied".into()));
        assert_eq!(cells[1], Cell::Text("2026-03-04T09:00:00.123+00:00".into()));
        assert_eq!(cells[2], Cell::Number(1_772_614_800_123_000));
        assert_eq!(cells.last(), Some(&Cell::Text("s3_access:7".into())));
        one.time_ms = None;
        assert_eq!(Profile::Timesketch.cells(&one), None);
        assert_eq!(Profile::Standard.cells(&one).unwrap().len(), Profile::Standard.columns().len());
    }

    #[test]
    fn columns_have_a_name_of_their_own_and_a_sentence() {
        let columns = Profile::Timesketch.columns();
        for (index, column) in columns.iter().enumerate() {
            assert!(column.about.ends_with('.'), "{}", column.name);
            assert!(columns[..index].iter().all(|other| other.name != column.name), "{}", column.name);
        }
    }
}
