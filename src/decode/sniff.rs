//! What a stream is, told by its first bytes and never by its name.

use super::json_scan::time_before_record;
use crate::parse::{json, s3_access};
use memchr::{memchr, memchr_iter, memmem};

/// How much of a stream is looked at to tell what it is.
pub const HEAD: usize = 64 << 10;

/// Something that other streams are inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
    /// A tar archive.
    Tar,
    /// A zip archive.
    Zip,
    /// A table in columns.
    Parquet,
}

/// Tells containers by their magic numbers; 262 bytes are enough.
pub fn container(head: &[u8]) -> Option<Container> {
    match head {
        [0x1f, 0x8b, ..] => Some(Container::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Container::Zstd),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Container::Zip),
        [b'P', b'A', b'R', b'1', ..] => Some(Container::Parquet),
        _ if head.get(257..262) == Some(b"ustar") => Some(Container::Tar),
        _ => None,
    }
}

/// What plain bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Lines of an access log.
    AccessLog,
    /// JSON, one of the forms of our logs as far as can be told.
    Json,
    /// Not one byte.
    Empty,
    /// None of ours, and why.
    Unknown(&'static str),
}

/// Tells logs by the first [`HEAD`] bytes; `cut`: the stream broke off within them.
pub fn content(head: &[u8], cut: bool) -> Content {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Content::Unknown("text in UTF-16; convert it to UTF-8 first");
    }
    let text = &head[byte_order_mark(head)..];
    match text.trim_ascii_start() {
        [] if text.is_empty() => Content::Empty,
        [] => Content::AccessLog,
        // Before a bracket is trusted: an access log may be cut so that it begins with the time of its first line, and
        // no line of JSON is one of an access log.
        _ if holds_access_line(text) => Content::AccessLog,
        [b'{' | b'[', ..] => Content::Json,
        text if time_before_record(text).is_some() => Content::Json,
        // Too long a line, or one that is cut, cannot be told by its shape; the reader will refuse and count it.
        _ if (cut || head.len() >= HEAD) && memchr(b'\n', text).is_none() && !holds_controls(text) => {
            Content::AccessLog
        }
        _ => Content::Unknown("not recognised as an S3 access log or CloudTrail"),
    }
}

/// Members of which each CloudTrail record has some.
const CLOUDTRAIL_MEMBERS: [&[u8]; 9] = [
    b"\"eventVersion\"",
    b"\"eventName\"",
    b"\"eventSource\"",
    b"\"eventType\"",
    b"\"eventCategory\"",
    b"\"eventID\"",
    b"\"eventId\"",
    b"\"userIdentity\"",
    b"\"eventTime\"",
];

/// Why a file of JSON is no CloudTrail, if its first record shows so. One strange record before others is not enough:
/// `around`, what has been read from there on, is looked at too.
pub fn foreign(first: &[u8], around: &[u8]) -> Option<&'static str> {
    let [first, around] = [first, around].map(|text| &text[..text.len().min(HEAD)]);
    let source = memmem::find(first, b"\"eventSource\"").map(|at| first[at + 13..].trim_ascii_start());
    let source = source.and_then(|rest| rest.strip_prefix(b":")).map(<[u8]>::trim_ascii_start);
    if source.is_some_and(|value| value.starts_with(b"\"aws:")) {
        return Some("S3 event notifications, not CloudTrail");
    }
    let holds = |text: &[u8], name: &[u8]| memmem::find(text, name).is_some();
    let ours = |text: &[u8]| {
        CLOUDTRAIL_MEMBERS.iter().any(|name| holds(text, name))
            || (holds(text, ACCESS_MEMBER) && holds(text, b"\"bucket_name\""))
    };
    (!ours(first) && !ours(around)).then_some("JSON, but neither CloudTrail nor an access log of CloudWatch")
}

/// A member of each record of an access log that CloudWatch delivers
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html>).
const ACCESS_MEMBER: &[u8] = b"\"schema_version_id\"";

/// Is a JSON object a record of an access log, and not of CloudTrail? Only its own members count: those of objects
/// inside are what a client sent, and must not turn a record of one log into one of the other.
pub fn is_access_record(record: &[u8]) -> bool {
    // As CloudTrail writes its records; they need not be searched.
    if record.starts_with(b"{\"eventVersion\":") {
        return false;
    }
    if memmem::find(record, ACCESS_MEMBER).is_none() {
        return false;
    }
    let (mut access, mut trail) = (false, false);
    // What breaks off is told by what stands before.
    let _refused_later = json::members(record, |key, _| {
        access |= key.raw == &ACCESS_MEMBER[1..ACCESS_MEMBER.len() - 1];
        trail |= CLOUDTRAIL_MEMBERS.iter().any(|name| key.raw == &name[1..name.len() - 1]);
    });
    access && !trail
}

/// Length of UTF-8's byte order mark at the start, if there is one.
pub fn byte_order_mark(head: &[u8]) -> usize {
    if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// Is one of the lines one of an access log? Compact JSON can look like it where a client put spaces and a time into a
/// string (`{"userAgent":"x y [06/Feb/…`), but then the string's quote stands before the time.
fn holds_access_line(text: &[u8]) -> bool {
    let mut start = 0;
    memchr_iter(b'\n', text).chain([text.len()]).any(|end| {
        let line = &text[start..end];
        start = end + 1;
        let mut owner_and_bucket = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(2);
        s3_access::looks_like_a_line(line) && owner_and_bucket.all(|word| memchr(b'"', word).is_none())
    })
}

fn holds_controls(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_members_of_a_record_tell_its_log() {
        for (record, expected) in [
            (r#"{"schema_version_id":"V_1_0","bucket_name":"b"}"#, true),
            (r#"{"bucket_name":"b","schema_version_id":null,"new":{"eventName":"x"}}"#, true),
            (r#"{"schema_version_id":"V_1_0","bucket_name":"#, true),
            (r#"{"requestParameters":{"schema_version_id":"V_1_0","bucket_name":"b"},"eventName":"x"}"#, false),
            (r#"{"requestParameters":{"schema_version_id":"V_1_0"}}"#, false),
            (r#"{"schema_version_id":"V_1_0","eventVersion":"1.08"}"#, false),
            (r#"{"eventVersion":"1.08","schema_version_id":"V_1_0"}"#, false),
            (r#"{"userAgent":"\"schema_version_id\""}"#, false),
        ] {
            assert_eq!(is_access_record(record.as_bytes()), expected, "{record}");
        }
    }

    #[test]
    fn content_is_told_by_the_first_bytes() {
        let line = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a";
        let unknown = content(b"hello\n", false);
        assert!(matches!(unknown, Content::Unknown(_)));
        for (head, cut, expected) in [
            (line.to_string(), false, Content::AccessLog),
            (format!("\u{feff}{line}\n"), false, Content::AccessLog),
            (format!("torn\n\0\n{line}"), false, Content::AccessLog),
            (" \r\n\n".to_string(), false, Content::AccessLog),
            (format!("[06/Feb/2026:00:00:38 +0000] - R\n{line}"), false, Content::AccessLog),
            (format!("{{\"a\n{line}\n"), false, Content::AccessLog),
            (format!("[{{\"a\":\"{line}\"}}]\n"), false, Content::Json),
            (format!("{{\n\"a\": \"{}\"}}\n", &line[5..]), false, Content::Json),
            (format!("{{\n\"a\":\"{line}\"}}\n"), false, Content::Json),
            ("\u{feff} {".to_string(), false, Content::Json),
            ("\n[".to_string(), false, Content::Json),
            ("2026-03-01T01:02:03.456Z {\"a\"".to_string(), false, Content::Json),
            (String::new(), false, Content::Empty),
            ("\u{feff}".to_string(), false, Content::Empty),
            ("79a5 b".to_string(), true, Content::AccessLog),
            ("79a5 b".to_string(), false, unknown),
            ("x".repeat(HEAD), false, Content::AccessLog),
            ("\0".repeat(HEAD), false, unknown),
            ("x\n".repeat(HEAD), false, unknown),
        ] {
            assert_eq!(content(head.as_bytes(), cut), expected, "{:?}", head.get(..40));
        }
        assert!(matches!(content(b"\xff\xfea\0", false), Content::Unknown(reason) if reason.contains("UTF-16")));
    }
}
