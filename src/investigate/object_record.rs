//! A record of either log that tells of an object: what exposure and recovery need of it and no more, so that many of
//! them are soon sorted.

use super::event::{Source, kept};
use super::selection::Facts;
use crate::activity::operation::of_operation;
use crate::activity::outcome::{self, Outcome};
use crate::activity::principal::PrincipalKind;
use crate::activity::{self, is_api_call, names_object};
use crate::parse::cloudtrail::{field as trail, for_each_resource};
use crate::parse::json;
use crate::parse::scalar::integer;
use crate::parse::{FieldTable, LogType, s3_access::field as access};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128;

/// What was done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Act {
    /// Its content was asked for.
    Read,
    /// A query was run on its content.
    Select,
    /// Its metadata, tags or permissions were asked for.
    Metadata,
    /// Names of objects were listed.
    List,
    /// It was read by a copy: the line of the source.
    CopyRead,
    /// A part of it was: the line of the source.
    CopyPartRead,
    /// It was written by a copy.
    Copy,
    /// A part of it was.
    CopyPart,
    /// It was written: a PUT, a POST or the end of a multipart upload.
    Write,
    /// It was deleted.
    Delete,
    /// Many were deleted, whose keys the record does not name.
    DeleteMany,
    /// It was deleted together with others: the line of its key.
    DeleteOfMany,
    /// A lifecycle rule removed it.
    Expire,
    /// A lifecycle rule left a delete marker.
    LeaveMarker,
}

impl Act {
    /// Of a row; `None` if it is about no object.
    pub fn of(table: &FieldTable, row: usize) -> Option<Act> {
        match table.log {
            LogType::S3Access => match table.text(row, access::OPERATION)? {
                "REST.COPY.OBJECT_GET" => Some(Act::CopyRead),
                "REST.COPY.PART_GET" => Some(Act::CopyPartRead),
                "BATCH.DELETE.OBJECT" => Some(Act::DeleteOfMany),
                operation => Act::of_action(&of_operation(operation, names_object(table, row)).0),
            },
            LogType::CloudTrail => {
                let is_s3 = table.bytes(row, trail::EVENT_SOURCE)?.starts_with(b"s3");
                let name = table.text(row, trail::EVENT_NAME).filter(|_| is_s3 && is_api_call(table, row))?;
                Act::of_action(name)
            }
        }
    }

    fn of_action(action: &str) -> Option<Act> {
        Some(match action {
            "GetObject" => Act::Read,
            "SelectObjectContent" => Act::Select,
            "HeadObject" => Act::Metadata,
            "ListObjects" | "ListObjectsV2" | "ListObjectVersions" => Act::List,
            "CopyObject" => Act::Copy,
            "UploadPartCopy" => Act::CopyPart,
            "PutObject" | "PostObject" | "CompleteMultipartUpload" => Act::Write,
            "DeleteObject" | "DeleteObjectVersion" => Act::Delete,
            "DeleteObjects" => Act::DeleteMany,
            "ExpireObject" => Act::Expire,
            "CreateDeleteMarker" => Act::LeaveMarker,
            _ if action.starts_with("GetObject") => Act::Metadata,
            _ => return None,
        })
    }

    /// Is the content read?
    pub fn reads(self) -> bool {
        matches!(self, Act::Read | Act::Select | Act::CopyRead | Act::CopyPartRead)
    }

    /// Does a copy of an object, or of a part, have such a record?
    pub fn copies(self) -> bool {
        matches!(self, Act::Copy | Act::CopyPart | Act::CopyRead | Act::CopyPartRead)
    }
}

/// The bytes that a request asked for (<https://www.rfc-editor.org/rfc/rfc9110#name-range>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Range {
    /// From the first to the last, both included.
    FromTo(u64, u64),
    /// From this one on.
    From(u64),
    /// So many at the end.
    Last(u64),
}

impl Range {
    /// Reads `bytes=0-99`, `bytes=100-` and `bytes=-50`; of several ranges nothing is known.
    pub fn parse(text: &str) -> Option<Range> {
        let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        match (first.trim(), last.trim()) {
            ("", last) => Some(Range::Last(number(last)?)),
            (first, "") => Some(Range::From(number(first)?)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Range::FromTo(first, last))
            }
        }
    }
}

/// How a caller got in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Way {
    /// Signed in a header, or the log does not say.
    Signed,
    /// A presigned URL.
    Presigned,
    /// Nobody signed.
    Anonymous,
}

/// Is a record asked for?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Selected {
    /// It is not, and only completes a request that is: the other side of a copy.
    Companion,
    /// It is if another record of the same request is.
    Perhaps,
    /// It is.
    Yes,
}

/// What S3 answered, as far as CloudTrail shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Answer {
    /// `x-amz-version-id`.
    pub version: Option<String>,
    /// `x-amz-delete-marker`.
    pub is_delete_marker: bool,
    /// CloudTrail shows what was answered, so that what is not there was not answered.
    pub is_shown: bool,
}

/// The source of a copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CopySource {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Version, if one was named.
    pub version: Option<String>,
}

/// A record, or several of one request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// When, in milliseconds; of several records the earliest.
    pub time_ms: Option<i64>,
    /// What was done.
    pub act: Act,
    /// As its log names it: an operation or an event.
    pub operation: String,
    /// Bucket.
    pub bucket: Option<String>,
    /// Key.
    pub key: Option<String>,
    /// The version that the request named.
    pub version: Option<String>,
    /// The answer, where CloudTrail has the request and it was done.
    pub answer: Option<Answer>,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status.
    pub status: Option<i64>,
    /// Bytes sent to the caller.
    pub bytes_out: Option<u64>,
    /// Size of the object.
    pub size: Option<u64>,
    /// The range that was asked for, where a log shows it.
    pub range: Option<Range>,
    /// The part of a multipart object that was asked for.
    pub part: Option<u32>,
    /// Source of a copy, where CloudTrail has it.
    pub copy_source: Option<CopySource>,
    /// Account of the bucket, where CloudTrail has it.
    pub bucket_account: Option<String>,
    /// Caller.
    pub principal: Option<String>,
    /// Does the log name the caller, rather than its account?
    pub names_caller: bool,
    /// Session of a role.
    pub session_name: Option<String>,
    /// Address of the caller.
    pub remote_ip: Option<String>,
    /// Access key.
    pub access_key_id: Option<String>,
    /// How the caller got in.
    pub way: Way,
    /// The session through which a caller that is asked for acted: which conditions, and which grant.
    pub through: Option<(u32, u64)>,
    /// Is it asked for?
    pub selected: Selected,
    /// Where the records stand.
    pub sources: Vec<Source>,
    /// Hash of the record as read: the same in copies.
    pub fingerprint: u128,
}

impl ObjectRecord {
    /// Of a row.
    pub fn of(facts: &Facts<'_>, act: Act, selected: Selected, through: Option<(u32, u64)>) -> ObjectRecord {
        let (table, row) = (facts.table, facts.row);
        let is_line = facts.is_access_line();
        let text = |line: usize, event: usize| {
            let text = table.text(row, if is_line { line } else { event });
            text.filter(|text| !text.is_empty()).map(kept)
        };
        let principal = activity::principal(table, row);
        let (file, line) = facts.place();
        let number =
            |field| table.bytes(row, field).and_then(integer).and_then(|number| u64::try_from(number).ok());
        let mut record = ObjectRecord {
            time_ms: facts.time_ms(),
            act,
            operation: text(access::OPERATION, trail::EVENT_NAME).unwrap_or_default(),
            bucket: text(access::BUCKET_NAME, trail::S3_BUCKET),
            key: text(access::OBJECT_KEY, trail::S3_KEY),
            version: text(access::VERSION_ID, trail::S3_VERSION_ID),
            answer: None,
            outcome: outcome::of(table, row),
            status: if is_line { table.bytes(row, access::HTTP_STATUS).and_then(integer) } else { None },
            bytes_out: number(if is_line { access::BYTES_SENT } else { trail::S3_BYTES_OUT }),
            size: if is_line { number(access::OBJECT_SIZE) } else { None },
            range: None,
            part: None,
            copy_source: None,
            bucket_account: None,
            principal: facts.principal_name().map(|name| kept(&name)),
            names_caller: !matches!(principal.kind, PrincipalKind::Account | PrincipalKind::Unknown),
            session_name: principal.session_name.map(kept),
            remote_ip: facts.ip().map(kept),
            access_key_id: facts.access_key().map(|key| kept(&key)),
            way: way(table, row, principal.kind),
            through,
            selected,
            sources: vec![Source { log: table.log, file, line }],
            fingerprint: xxh3_128(table.record(row)),
        };
        if is_line {
            record.read_line(table, row)
        } else {
            record.read_event(table, row)
        }
        record
    }

    /// What the request line tells. It names a version where the request did; one in the log alone is S3's answer.
    fn read_line(&mut self, table: &FieldTable, row: usize) {
        let Some(uri) = table.text(row, access::REQUEST_URI).filter(|uri| uri.contains('/')) else { return };
        if self.version.is_some() && query_value(uri, "versionId").is_none() {
            self.answer = Some(Answer { version: self.version.take(), ..Answer::default() });
        }
        self.part = query_value(uri, "partNumber").and_then(|number| number.parse().ok());
    }

    fn read_event(&mut self, table: &FieldTable, row: usize) {
        let parameters = table.bytes(row, trail::REQUEST_PARAMETERS).unwrap_or_default();
        if matches!(self.act, Act::Read | Act::CopyPart) {
            let _no_object = json::members(parameters, |name, value| {
                let text = || value.text().map(|text| String::from_utf8_lossy(&text).into_owned());
                match &*name.name() {
                    b"Range" | b"range" | b"x-amz-copy-source-range" => {
                        self.range = text().and_then(|text| Range::parse(&text));
                    }
                    b"partNumber" if self.act == Act::Read => {
                        self.part = text().and_then(|text| text.parse().ok());
                    }
                    _ => {}
                }
            });
        }
        if self.act.copies() {
            self.copy_source = table.text(row, trail::S3_COPY_SOURCE).and_then(copy_source);
            let own = self.bucket.clone().unwrap_or_default();
            for_each_resource(table.bytes(row, trail::RESOURCES).unwrap_or_default(), |resource| {
                let is_own = resource.arn.is_some_and(|arn| arn.ends_with(&format!(":::{own}")));
                if is_own && !own.is_empty() {
                    self.bucket_account = resource.account_id.map(Cow::into_owned).or(self.bucket_account.take());
                }
            });
        }
        if self.outcome == Outcome::Success && !self.act.reads() {
            self.answer = Some(Answer::read(table.bytes(row, trail::RESPONSE_ELEMENTS).unwrap_or_default()));
        }
    }

    /// Was it done, and not only asked for?
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Success
    }

    /// The log of the first record.
    pub fn log(&self) -> Option<LogType> {
        self.sources.first().map(|source| source.log)
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, Vec::with_capacity(1024)).expect("numbers and texts can be written to memory")
    }

    /// From bytes that [`ObjectRecord::to_bytes`] made; `None` if they have changed since.
    pub fn from_bytes(bytes: &[u8]) -> Option<ObjectRecord> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Answer {
    /// Of `responseElements`.
    fn read(response: &[u8]) -> Answer {
        let mut answer = Answer { is_shown: response.starts_with(b"{"), ..Answer::default() };
        let _no_object = json::members(response, |name, value| {
            let text = || value.text().map(|text| String::from_utf8_lossy(&text).into_owned());
            match &*name.name() {
                b"x-amz-version-id" => answer.version = text().filter(|text| !text.is_empty()).map(|id| kept(&id)),
                b"x-amz-delete-marker" => answer.is_delete_marker = text().as_deref() == Some("true"),
                _ => {}
            }
        });
        answer
    }
}

fn way(table: &FieldTable, row: usize, kind: PrincipalKind) -> Way {
    let field = match table.log {
        LogType::S3Access => access::AUTH_TYPE,
        LogType::CloudTrail => trail::S3_AUTH_METHOD,
    };
    match table.bytes(row, field) {
        Some(b"QueryString") => Way::Presigned,
        _ if kind == PrincipalKind::Anonymous => Way::Anonymous,
        _ => Way::Signed,
    }
}

/// The value of a name in the query of `GET /key?name=value HTTP/1.1`.
pub fn query_value<'a>(uri: &'a str, name: &str) -> Option<&'a str> {
    let target = uri.rsplit_once(" HTTP/").map_or(uri, |(target, _)| target);
    let (_, query) = target.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).filter(|value| !value.is_empty())
}

/// Reads `/BUCKET/KEY?versionId=ID`, URL-encoded, or an object behind the ARN of an access point.
pub fn copy_source(text: &str) -> Option<CopySource> {
    let (path, version) = match text.rsplit_once("?versionId=") {
        Some((path, version)) => (path, Some(version.to_owned()).filter(|version| !version.is_empty())),
        None => (text, None),
    };
    let path = decoded(path.strip_prefix('/').unwrap_or(path));
    let (bucket, key) = match path.strip_prefix("arn:").and_then(|_| path.split_once("/object/")) {
        Some((point, key)) => (point, key),
        None => path.split_once('/')?,
    };
    (!bucket.is_empty() && !key.is_empty()).then(|| CopySource { bucket: kept(bucket), key: kept(key), version })
}

/// A text without its URL-encoding; a `%` that starts no two-digit escape is kept.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Segment;
    use crate::parse::cloudtrail::parse_record;

    #[test]
    fn ranges_are_read_or_not_known() {
        for (text, range) in [
            ("bytes=0-99", Some(Range::FromTo(0, 99))),
            ("bytes=100-", Some(Range::From(100))),
            ("bytes=-50", Some(Range::Last(50))),
            ("bytes=9-3", None),
            ("bytes=0-1,5-9", None),
            ("bytes=-", None),
            ("items=0-9", None),
            ("bytes=99999999999999999999-", None),
        ] {
            assert_eq!(Range::parse(text), range, "{text}");
        }
    }

    #[test]
    fn sources_of_copies_are_decoded_once() {
        let source = |bucket: &str, key: &str, version: Option<&str>| {
            Some(CopySource { bucket: bucket.into(), key: key.into(), version: version.map(str::to_owned) })
        };
        for (text, expected) in [
            ("b/k", source("b", "k", None)),
            ("/b/a%20b/%25.txt?versionId=v1", source("b", "a b/%.txt", Some("v1"))),
            ("b/k%", source("b", "k%", None)),
            (
                "arn:aws:s3:us-east-1:111122223333:accesspoint/p/object/k/l",
                source("arn:aws:s3:us-east-1:111122223333:accesspoint/p", "k/l", None),
            ),
            ("b", None),
            ("/b/", None),
            ("", None),
        ] {
            assert_eq!(copy_source(text), expected, "{text}");
        }
    }

    #[test]
    fn a_query_is_read_where_it_stands() {
        for (uri, value) in [
            ("GET /k?versionId=v&x=1 HTTP/1.1", Some("v")),
            ("GET /k?x=1&versionId=v", Some("v")),
            ("GET /k HTTP/1.1", None),
            ("GET /k?versionIdx=v HTTP/1.1", None),
            ("GET /k?versionId= HTTP/1.1", None),
        ] {
            assert_eq!(query_value(uri, "versionId"), value, "{uri}");
        }
    }

    #[test]
    fn an_event_is_kept_with_its_answer_through_bytes() {
        let json = r#"{"eventTime":"2026-03-04T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"DeleteObject",
            "requestParameters":{"bucketName":"b","key":"k"},
            "responseElements":{"x-amz-delete-marker":"true","x-amz-version-id":"m1"}}"#;
        let mut table = parse_record(json.as_bytes()).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        let act = Act::of(&table, 0).unwrap();
        let record = ObjectRecord::of(&Facts::new(&table, 0), act, Selected::Yes, None);
        assert_eq!((record.act, record.version.as_deref()), (Act::Delete, None));
        assert_eq!(
            record.answer,
            Some(Answer { version: Some("m1".to_owned()), is_delete_marker: true, is_shown: true })
        );
        assert_eq!(ObjectRecord::from_bytes(&record.to_bytes()), Some(record.clone()));
        assert_eq!(ObjectRecord::from_bytes(&record.to_bytes()[..5]), None);
    }
}
