//! A selected row with what it is joined by, small enough to be put on the disk.

use super::selection::{Facts, Verdict};
use crate::batch::{Dataset, Projection, TextLayout};
use crate::parse::cloudtrail::field as trail;
use crate::parse::{FieldTable, LogType, s3_access::field as access};
use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringViewArray};
use arrow::datatypes::{Int32Type, Int64Type};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128;

/// Columns of `activity` that a row keeps; time and place stand apart.
pub const COLUMNS: [&str; 29] = [
    "action",
    "outcome",
    "principal",
    "session_name",
    "remote_ip",
    "bucket_name",
    "object_key",
    "bytes_out",
    "http_status",
    "error_code",
    "access_key_id",
    "principal_kind",
    "principal_account",
    "invoked_by",
    "user_agent",
    "action_class",
    "service",
    "version_id",
    "bytes_in",
    "object_size",
    "auth_type",
    "access_point_arn",
    "vpc_endpoint_id",
    "account_id",
    "region",
    "request_id",
    "host_id",
    "event_id",
    "tls_version",
];

/// The place of a column in [`COLUMNS`].
///
/// # Panics
/// If there is no such column; all callers are evaluated when the program is built.
pub const fn column(name: &str) -> usize {
    let mut index = 0;
    while index < COLUMNS.len() {
        if same(COLUMNS[index].as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("no such column")
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() && left[index] == right[index] {
        index += 1;
    }
    index == left.len() && index == right.len()
}

/// Longest text that is kept of a cell. No key of S3 is longer, and no more of a user agent is logged; what a log claims
/// to be one may be, and is cut there.
pub const MOST_TEXT: usize = 8192;

/// The value of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// The log does not say.
    #[default]
    Null,
    /// As logged.
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
}

impl Value<'_> {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The log.
    pub log: LogType,
    /// Path of the file as given.
    pub file: String,
    /// Line or record, from 1.
    pub line: i64,
}

/// A record, or several that tell of one request. Its texts lie where it was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Event<'a> {
    /// When, in milliseconds; of several records the earliest.
    pub time_ms: Option<i64>,
    /// Values of [`COLUMNS`].
    #[serde(skip)]
    pub values: Vec<Value<'a>>,
    /// The request line of an access log.
    pub request_uri: Option<String>,
    /// `BUCKET/KEY`, or the bucket alone, that S3 called KMS for.
    pub kms_object: Option<String>,
    /// The KMS key of the call.
    pub kms_key: Option<String>,
    /// The records that tell of it, in the order of logs, files and lines.
    pub sources: Vec<Source>,
    /// Calls of KMS that were made for it, a sentence each.
    pub kms_calls: Vec<String>,
    /// Columns in which the two logs contradict each other.
    pub contradictions: Vec<String>,
    /// How a caller who is asked for came to the session, a sentence a step.
    pub session_chain: Vec<String>,
    /// It is asked for, rather than perhaps.
    pub is_selected: bool,
    /// Hash of the record as read: the same in copies.
    pub fingerprint: u128,
}

impl<'a> Event<'a> {
    /// The text of a column.
    pub fn text(&self, column: usize) -> Option<&str> {
        self.values[column].text()
    }

    /// The log of the first record.
    pub fn log(&self) -> Option<LogType> {
        self.sources.first().map(|source| source.log)
    }

    /// Puts it behind what is in the buffer: of each value what it is, then their texts in one piece, then the rest.
    pub fn push_to(&self, buffer: &mut Vec<u8>) {
        let mut length = 0;
        for value in &self.values {
            let (kind, number) = match value {
                Value::Null => (NULL, 0),
                Value::Number(number) => (NUMBER, *number as u64),
                Value::Text(text) => (TEXT, text.len() as u64),
            };
            length += value.text().map_or(0, str::len);
            push_number(kind, number, buffer);
        }
        push_number(TEXT, length as u64, buffer);
        self.values.iter().filter_map(Value::text).for_each(|text| buffer.extend_from_slice(text.as_bytes()));
        let pushed = postcard::to_extend(self, std::mem::take(buffer));
        *buffer = pushed.expect("memory takes numbers and texts");
    }

    /// From bytes that [`Event::push_to`] made; `None` if they have changed since.
    pub fn from_bytes(mut bytes: &'a [u8]) -> Option<Event<'a>> {
        let mut kinds = [(NULL, 0); COLUMNS.len()];
        for kind in &mut kinds {
            *kind = take_number(&mut bytes)?;
        }
        let (_, length) = take_number(&mut bytes)?;
        let (texts, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
        let mut texts = simdutf8::basic::from_utf8(texts).ok()?;
        let mut values = Vec::with_capacity(COLUMNS.len());
        for (kind, number) in kinds {
            values.push(match kind {
                NUMBER => Value::Number(number as i64),
                TEXT => {
                    let (text, others) = texts.split_at_checked(usize::try_from(number).ok()?)?;
                    texts = others;
                    Value::Text(Cow::Borrowed(text))
                }
                _ => Value::Null,
            });
        }
        Some(Event { values, ..postcard::from_bytes(rest).ok()? })
    }
}

/// What a value is.
const NULL: u8 = 0;
const NUMBER: u8 = 1;
const TEXT: u8 = 2;

/// Two bits of kind, and of a number whether it fits into the others; else it follows.
fn push_number(kind: u8, number: u64, buffer: &mut Vec<u8>) {
    if number < 63 {
        buffer.push(kind << 6 | number as u8);
    } else {
        buffer.push(kind << 6 | 63);
        buffer.extend_from_slice(&number.to_le_bytes());
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<(u8, u64)> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut number = u64::from(first & 63);
    if number == 63 {
        let (long, rest) = rest.split_first_chunk()?;
        number = u64::from_le_bytes(*long);
        *bytes = rest;
    }
    Some((first >> 6, number))
}

/// Makes events of rows.
#[derive(Debug)]
pub struct EventMaker {
    projection: Projection,
}

impl Default for EventMaker {
    fn default() -> EventMaker {
        let projection = Projection::named(Dataset::Activity, &COLUMNS, TextLayout::Views);
        EventMaker { projection: projection.expect("the columns are of activity; a test makes an event") }
    }
}

impl EventMaker {
    /// Takes the rows with these numbers, each with its verdict and the chain of its session.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn events<E>(
        &self,
        table: &FieldTable,
        rows: &[u32],
        judged: Vec<(Verdict, Vec<String>)>,
        mut take: impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let batch = self.projection.batch(table, rows);
        let columns: Vec<Column<'_>> = batch.columns().iter().map(|column| Column::of(column.as_ref())).collect();
        for (index, (row, (verdict, session_chain))) in rows.iter().zip(judged).enumerate() {
            let row = *row as usize;
            let facts = Facts::new(table, row);
            let text = |log, field| {
                let text = (table.log == log).then(|| table.text(row, field))?;
                text.filter(|text| !text.is_empty()).map(kept)
            };
            let (file, line) = facts.place();
            let mut values: Vec<Value<'_>> = columns.iter().map(|column| column.value(index)).collect();
            // A call of KMS is about the object that S3 made it for.
            for (column, text) in
                [(const { column("bucket_name") }, facts.bucket()), (const { column("object_key") }, facts.key())]
            {
                if values[column] == Value::Null {
                    values[column] = text.map_or(Value::Null, |text| Value::Text(short(text)));
                }
            }
            take(&Event {
                time_ms: facts.time_ms(),
                values,
                request_uri: text(LogType::S3Access, access::REQUEST_URI),
                kms_object: facts.kms_object().map(kept),
                kms_key: text(LogType::CloudTrail, trail::KMS_KEY_ARN),
                sources: vec![Source { log: table.log, file, line }],
                kms_calls: Vec::new(),
                contradictions: Vec::new(),
                session_chain,
                is_selected: verdict == Verdict::Yes,
                fingerprint: xxh3_128(table.record(row)),
            })?;
        }
        Ok(())
    }
}

/// A column of a batch.
enum Column<'a> {
    Texts(&'a StringViewArray),
    Longs(&'a Int64Array),
    Integers(&'a Int32Array),
    Nothing,
}

impl<'a> Column<'a> {
    fn of(array: &'a dyn Array) -> Column<'a> {
        if let Some(texts) = array.as_string_view_opt() {
            Column::Texts(texts)
        } else if let Some(numbers) = array.as_primitive_opt::<Int64Type>() {
            Column::Longs(numbers)
        } else {
            array.as_primitive_opt::<Int32Type>().map_or(Column::Nothing, Column::Integers)
        }
    }

    fn value(&self, row: usize) -> Value<'a> {
        match self {
            Column::Texts(texts) if texts.is_valid(row) => Value::Text(short(texts.value(row))),
            Column::Longs(numbers) if numbers.is_valid(row) => Value::Number(numbers.value(row)),
            Column::Integers(numbers) if numbers.is_valid(row) => Value::Number(numbers.value(row).into()),
            _ => Value::Null,
        }
    }
}

/// A text that is not longer than [`MOST_TEXT`]; one that was cut says so.
pub(super) fn kept(text: &str) -> String {
    short(text).into_owned()
}

fn short(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_TEXT {
        return Cow::Borrowed(text);
    }
    let cut = crate::detect::evidence::shortened(text, MOST_TEXT);
    Cow::Owned(format!("{cut}… ({} bytes in all)", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Segment;
    use crate::parse::cloudtrail::parse_record;

    #[test]
    fn an_event_keeps_what_its_row_says_through_bytes() {
        let key = "k".repeat(MOST_TEXT + 5);
        let record = format!(
            r#"{{"eventTime":"2026-03-04T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",
            "requestParameters":{{"bucketName":"b","key":"{key}"}},"additionalEventData":{{"bytesTransferredOut":5.0}}}}"#
        );
        let mut table = parse_record(record.as_bytes()).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        let mut seen = 0;
        let take = |event: &Event<'_>| {
            seen += 1;
            assert_eq!(event.text(column("action")), Some("GetObject"));
            assert_eq!(event.values[column("bytes_out")], Value::Number(5));
            assert_eq!(event.values[column("http_status")], Value::Null);
            assert!(event.text(column("object_key")).unwrap().ends_with("k… (8197 bytes in all)"));
            let mut bytes = vec![7];
            event.push_to(&mut bytes);
            assert_eq!(Event::from_bytes(&bytes[1..]).as_ref(), Some(event));
            assert_eq!(Event::from_bytes(&bytes[1..10]), None);
            Ok::<_, std::convert::Infallible>(())
        };
        EventMaker::default().events(&table, &[0], vec![(Verdict::Yes, vec!["step".to_owned()])], take).unwrap();
        assert_eq!(seen, 1);
    }
}
