//! Which objects a request read or tried to read, and which bytes of them it got.

use super::extent::Got;
use super::object_record::{Act, ObjectRecord, Range, Selected};
use crate::activity::outcome::Outcome;
use serde::{Deserialize, Serialize};

/// Where a copy went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Destination {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Account of the bucket, where CloudTrail has it.
    pub account: Option<String>,
    /// Is it another bucket than that of the source?
    pub is_elsewhere: bool,
}

impl Destination {
    /// `s3://BUCKET/KEY`, with what is known of the bucket.
    pub fn sentence(&self) -> String {
        let Destination { bucket, key, account, is_elsewhere } = self;
        let account = account.as_ref().map(|account| format!(" of account {account}")).unwrap_or_default();
        let place = if *is_elsewhere { "another bucket" } else { "the same bucket" };
        format!("s3://{bucket}/{key} ({place}{account})")
    }
}

/// A request for an object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// The request; its bucket and key are those of the object that was read.
    pub record: ObjectRecord,
    /// Where a copy went, if a log says so.
    pub copied_to: Option<Destination>,
}

/// What a request for an object got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Content.
    Content(Got),
    /// What is known of it: size, type, tags, permissions.
    Metadata,
    /// Names of objects, and nothing of one.
    Names,
    /// A refusal.
    Denied,
    /// Another error.
    Failed,
}

impl Access {
    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_extend(self, Vec::with_capacity(1024)).expect("numbers and texts can be written to memory")
    }

    /// From bytes that [`Access::to_bytes`] made; `None` if they have changed since.
    pub fn from_bytes(bytes: &[u8]) -> Option<Access> {
        postcard::from_bytes(bytes).ok()
    }

    /// The version that was read, where a log says which.
    pub fn version(&self) -> Option<&str> {
        let answered = || self.record.answer.as_ref().and_then(|answer| answer.version.as_deref());
        self.record.version.as_deref().or_else(answered)
    }

    /// What it got.
    pub fn reach(&self) -> Reach {
        let record = &self.record;
        match record.outcome {
            Outcome::Success => {}
            Outcome::Denied => return Reach::Denied,
            Outcome::Throttled | Outcome::Error => return Reach::Failed,
        }
        match record.act {
            Act::Read => read(record),
            Act::Select => Reach::Content(Got::Unknown),
            Act::CopyRead => Reach::Content(Got::All),
            Act::CopyPartRead => {
                Reach::Content(record.range.map_or(Got::Unknown, |range| asked(range, record.size)))
            }
            Act::List => Reach::Names,
            _ => Reach::Metadata,
        }
    }
}

/// What a read got. S3 logs no bytes as `-`.
fn read(record: &ObjectRecord) -> Reach {
    let is_line = record.status.is_some();
    let bytes = record.bytes_out.unwrap_or_default();
    let is_nothing = is_line && bytes == 0 && record.size.is_some_and(|size| size > 0);
    if is_nothing || record.status.is_some_and(|status| !(200..300).contains(&status)) {
        return Reach::Metadata;
    }
    Reach::Content(match (record.range, record.part, record.status) {
        _ if record.size.is_some_and(|size| bytes >= size) => Got::All,
        (Some(range), ..) => match asked(range, record.size) {
            Got::From(start, length) => Got::From(start, length.min(bytes)),
            _ => Got::Some(bytes),
        },
        (None, Some(part), _) => Got::Part(part, bytes),
        // The whole was asked for, and sent from the start on.
        (None, None, Some(200)) => Got::From(0, bytes),
        _ => Got::Some(bytes),
    })
}

fn asked(range: Range, size: Option<u64>) -> Got {
    let until = |start: u64, end: u64| {
        let end = size.map_or(end, |size| end.min(size));
        Got::From(start, end.saturating_sub(start))
    };
    match (range, size) {
        (Range::FromTo(first, last), _) => until(first, last.saturating_add(1)),
        (Range::From(first), _) => until(first, u64::MAX),
        (Range::Last(length), Some(size)) => until(size.saturating_sub(length), size),
        (Range::Last(_), None) => Got::Unknown,
    }
}

/// The requests for objects among the joined records of one request. What copies read is told by the line of the
/// source, or by the event that names it.
pub fn accesses(records: Vec<ObjectRecord>) -> Vec<Access> {
    let written: Vec<ObjectRecord> =
        records.iter().filter(|record| matches!(record.act, Act::Copy | Act::CopyPart)).cloned().collect();
    let has_source_line = records.iter().any(|record| record.act.copies() && record.act.reads());
    let of_source = |record: ObjectRecord| {
        let copy = written.first();
        let mut access = Access { copied_to: copy.and_then(|copy| destination(copy, &record)), record };
        if let Some(copy) = copy {
            // The line of the source often has no status.
            if !copy.is_done() {
                access.record.outcome = copy.outcome;
            }
            access.record.size = access.record.size.or(copy.size);
            access.record.range = access.record.range.or(copy.range);
            super::object_requests::add_sources(&mut access.record.sources, copy.sources.clone());
        }
        access
    };
    records
        .into_iter()
        .filter_map(|record| match record.act {
            Act::CopyRead | Act::CopyPartRead => Some(of_source(record)),
            Act::Copy | Act::CopyPart if !has_source_line => source_of(record).map(of_source),
            Act::Read | Act::Select | Act::Metadata => Some(Access { record, copied_to: None }),
            _ => None,
        })
        .filter(|access| access.record.selected != Selected::Companion)
        .filter(|access| access.record.bucket.is_some() && access.record.key.is_some())
        .collect()
}

/// What a copy read, as a request of its own.
fn source_of(mut copy: ObjectRecord) -> Option<ObjectRecord> {
    let source = copy.copy_source.take()?;
    copy.act = if copy.act == Act::Copy { Act::CopyRead } else { Act::CopyPartRead };
    (copy.bucket, copy.key, copy.version) = (Some(source.bucket), Some(source.key), source.version);
    (copy.answer, copy.bytes_out) = (None, None);
    Some(copy)
}

fn destination(copy: &ObjectRecord, source: &ObjectRecord) -> Option<Destination> {
    let (bucket, key) = (copy.bucket.clone()?, copy.key.clone()?);
    let is_elsewhere = source.bucket.as_ref() != Some(&bucket);
    Some(Destination { bucket, key, account: copy.bucket_account.clone(), is_elsewhere })
}

#[cfg(test)]
mod tests {
    use super::super::object_requests::tests::record;
    use super::*;
    use crate::investigate::object_record::CopySource;
    use crate::parse::LogType::{CloudTrail, S3Access};

    #[test]
    fn what_a_request_got_is_told_by_status_bytes_and_range() {
        let line = |status, bytes: u64, size: u64| ObjectRecord {
            status: Some(status),
            bytes_out: Some(bytes).filter(|bytes| *bytes > 0),
            size: Some(size),
            ..record(S3Access, 1, Act::Read, "k")
        };
        let with_range = |range| ObjectRecord { range: Some(range), ..line(206, 10, 100) };
        let event = ObjectRecord { bytes_out: Some(7), ..record(CloudTrail, 1, Act::Read, "k") };
        let content = Reach::Content;
        for (record, reach) in [
            (line(200, 100, 100), content(Got::All)),
            (line(200, 40, 100), content(Got::From(0, 40))),
            (line(206, 100, 100), content(Got::All)),
            (line(206, 40, 100), content(Got::Some(40))),
            (line(200, 0, 0), content(Got::All)),
            (line(200, 0, 100), Reach::Metadata),
            (line(304, 0, 100), Reach::Metadata),
            (with_range(Range::FromTo(5, 24)), content(Got::From(5, 10))),
            (with_range(Range::From(95)), content(Got::From(95, 5))),
            (with_range(Range::Last(10)), content(Got::From(90, 10))),
            (ObjectRecord { part: Some(3), ..line(206, 10, 100) }, content(Got::Part(3, 10))),
            (ObjectRecord { outcome: Outcome::Denied, ..line(403, 243, 0) }, Reach::Denied),
            (ObjectRecord { outcome: Outcome::Error, ..line(404, 243, 0) }, Reach::Failed),
            (ObjectRecord { act: Act::Metadata, ..line(200, 0, 9) }, Reach::Metadata),
            (event, content(Got::Some(7))),
        ] {
            assert_eq!(Access { record: record.clone(), copied_to: None }.reach(), reach, "{record:?}");
        }
    }

    #[test]
    fn a_copy_is_a_read_of_its_source_whichever_records_there_are() {
        let mut event = record(CloudTrail, 3, Act::Copy, "to");
        event.bucket = Some("other".to_owned());
        event.bucket_account = Some("444455556666".to_owned());
        event.copy_source = Some(CopySource { bucket: "b".into(), key: "from".into(), version: None });
        let line = record(S3Access, 1, Act::CopyRead, "from");
        for records in [vec![event.clone()], vec![line.clone(), event.clone()]] {
            let found = accesses(records);
            assert_eq!(found.len(), 1);
            let Access { record, copied_to } = &found[0];
            assert_eq!((record.bucket.as_deref(), record.key.as_deref()), (Some("b"), Some("from")));
            let sentence = copied_to.as_ref().map(Destination::sentence);
            assert_eq!(sentence.as_deref(), Some("s3://other/to (another bucket of account 444455556666)"));
            assert_eq!(found[0].reach(), Reach::Content(Got::All));
        }
        assert_eq!(accesses(vec![line.clone()])[0].copied_to, None);
        let denied = ObjectRecord { outcome: Outcome::Denied, ..event };
        assert_eq!(accesses(vec![line, denied])[0].reach(), Reach::Denied, "nothing was copied");
    }
}
