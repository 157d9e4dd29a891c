//! Records of an access log as CloudWatch delivers them: a JSON object a request, under other names than our
//! columns.
//!
//! Format: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html>. What a line logs as `-`
//! is null here. AWS does not say whether `key_name` is encoded as the key of a line is, and its sample does not
//! show it; so the key stands in both of its columns as it was delivered. A text is taken as it stands: nothing
//! has to be cut out of a line, so that nothing a client sends can be taken for something else.

use super::{FIELDS, MEMBERS, REDUNDANT, field, flag};
use crate::decode::Block;
use crate::ledger::{Reject, RejectSink};
use crate::parse::derived::Derived;
use crate::parse::json::{Cursor, JsonError, Key, Kind, Value};
use crate::parse::scalar::{boolean, integer};
use crate::parse::{FieldTable, LogType, ParseError, Row, Span, Spare, time};

/// The version of the list of members that is known; another one may say more than it.
const KNOWN_VERSION: &[u8] = b"\"V_1_0\"";

/// Parses the records of a block into its table; refused ones go to `rejects`.
pub fn parse_records(block: Block, rejects: &mut dyn RejectSink, spare: Spare) -> FieldTable {
    let Spare { mut rows, mut spans, .. } = spare;
    rows.clear();
    spans.clear();
    let mut reader = RecordReader::new(block.bytes.len());
    for frame in &block.records {
        let (start, end) = (frame.start as usize, frame.end as usize);
        let record = &block.bytes[start..end];
        match reader.read(record, start) {
            Ok(row) => {
                spans.extend_from_slice(&reader.fields);
                let record = Span::new(start, end);
                rows.push(Row { number: frame.number, segment: frame.segment, record, ..row });
            }
            Err(error) => {
                let file = &block.segments[frame.segment as usize].file;
                rejects.push(Reject::parse(LogType::S3Access, file, frame.number, frame.offset, error, record));
            }
        }
    }
    let mut text = block.bytes;
    text.append(&mut reader.derived.text);
    FieldTable::new(LogType::S3Access, text, field::WIDTH, spans, rows, block.segments)
}

/// Reads records one after the other; holds the row in the making.
struct RecordReader {
    derived: Derived,
    /// Where the record begins in the block.
    base: usize,
    fields: [Span; field::WIDTH],
    flags: u32,
    event_time_ms: Option<i64>,
    /// One bit for each of [`MEMBERS`] and [`REDUNDANT`] that was met.
    met: u32,
    /// The name of the bucket as the ARN says it, and where in the record the member stands.
    bucket_arn: Option<(Span, Span)>,
    /// Places in the record of the members that no field holds.
    others: Vec<Span>,
}

impl RecordReader {
    fn new(block_length: usize) -> RecordReader {
        RecordReader {
            derived: Derived::behind(block_length),
            base: 0,
            fields: [Span::NULL; field::WIDTH],
            flags: 0,
            event_time_ms: None,
            met: 0,
            bucket_arn: None,
            others: Vec::new(),
        }
    }

    /// Reads the record that begins at `base` in the block. The row's segment and number are left to the caller.
    fn read(&mut self, record: &[u8], base: usize) -> Result<Row, ParseError> {
        self.base = base;
        self.fields = [Span::NULL; field::WIDTH];
        (self.flags, self.event_time_ms, self.met, self.bucket_arn) = (0, None, 0, None);
        self.others.clear();
        let derived = self.derived.text.len();
        let mut current = None;
        if let Err(error) = self.members(record, &mut current) {
            self.derived.text.truncate(derived);
            let field = current.map_or("record", |number: usize| FIELDS[number]);
            return Err(ParseError { field, offset: error.offset, reason: error.reason });
        }
        self.finish(record);
        Ok(Row {
            event_time_ms: self.event_time_ms.unwrap_or(Row::NO_TIME),
            number: 0,
            segment: 0,
            flags: self.flags,
            record: Span::NULL,
        })
    }

    fn members(&mut self, record: &[u8], current: &mut Option<usize>) -> Result<(), JsonError> {
        let mut cursor = Cursor::new(record);
        // Members mostly come in the order of the list.
        let mut next = 0;
        cursor.members(|cursor, key| {
            let name = key.name();
            let found = (next..MEMBERS.len()).chain(0..next).find(|index| *MEMBERS[*index].0.as_bytes() == *name);
            *current = found.map(|index| MEMBERS[index].1);
            let value = cursor.value()?;
            if let Some(index) = found {
                next = index + 1;
                self.meet(index);
                self.take(MEMBERS[index].1, value);
            } else if let Some(index) = REDUNDANT.iter().position(|redundant| *redundant.as_bytes() == *name) {
                self.meet(MEMBERS.len() + index);
                self.take_redundant(index, key, value);
            } else {
                self.others.push(Span::new(key.start, value.start + value.raw.len()));
            }
            *current = None;
            Ok(())
        })?;
        cursor.end()
    }

    fn meet(&mut self, index: usize) {
        self.flags |= if self.met & 1 << index != 0 { flag::DUPLICATE_MEMBER } else { 0 };
        self.met |= 1 << index;
    }

    fn take(&mut self, number: usize, value: Value<'_>) {
        self.fields[number] = self.derived.value(self.base, value);
        let text = value.text();
        let text = text.as_deref();
        let expected = match number {
            field::EVENT_TIME => {
                self.event_time_ms = text.and_then(time::iso_time);
                Kind::String
            }
            field::HTTP_STATUS | field::BYTES_SENT..=field::TURN_AROUND_TIME_MS => {
                let is_number = text.is_none_or(|text| integer(text).is_some());
                self.flags |= if is_number { 0 } else { flag::BAD_NUMBER };
                Kind::Number
            }
            field::ACL_REQUIRED if text.is_none_or(|text| boolean(text).is_some()) => value.kind,
            _ => Kind::String,
        };
        if value.kind != expected && value.kind != Kind::Null {
            self.flags |= flag::UNEXPECTED_TYPE;
        }
    }

    /// A member that says nothing new, unless it does.
    fn take_redundant(&mut self, index: usize, key: Key<'_>, value: Value<'_>) {
        let member = Span::new(key.start, value.start + value.raw.len());
        match REDUNDANT[index] {
            "bucket_arn" if value.kind == Kind::String && !value.escaped => {
                let arn = &value.raw[1..value.raw.len() - 1];
                let name = memchr::memrchr(b':', arn).map_or(0, |colon| colon + 1);
                let start = self.base + value.start + 1;
                self.bucket_arn = Some((Span::new(start + name, start + arn.len()), member));
            }
            "schema_version_id" if value.raw == KNOWN_VERSION => {}
            _ if value.kind == Kind::Null => {}
            _ => self.others.push(member),
        }
    }

    /// What can be said only when all members are known.
    fn finish(&mut self, record: &[u8]) {
        if let Some((name, member)) = self.bucket_arn {
            let told = |span: Span| &record[span.start as usize - self.base..span.end as usize - self.base];
            let bucket = self.fields[field::BUCKET_NAME];
            if bucket.is_null() {
                self.fields[field::BUCKET_NAME] = name;
            } else if self.derived.get(bucket).is_some() || told(bucket) != told(name) {
                self.others.push(member);
            }
        }
        self.fields[field::OBJECT_KEY] = self.fields[field::OBJECT_KEY_RAW];
        if self.event_time_ms.is_none() {
            self.flags |= flag::BAD_EVENT_TIME;
        }
        if !self.others.is_empty() {
            self.flags |= flag::EXTRA_FIELDS;
            let others = std::mem::take(&mut self.others);
            self.fields[field::EXTRA_FIELDS] = self.derived.add(|derived| {
                for (index, member) in others.iter().enumerate() {
                    derived.extend_from_slice(if index > 0 { b" " } else { b"" });
                    write_as_word(&record[member.start as usize..member.end as usize], derived);
                }
            });
            self.others = others;
        }
    }
}

/// Appends a member as one word: no space between tokens, and none in strings that is not escaped.
fn write_as_word(member: &[u8], out: &mut Vec<u8>) {
    let (mut in_string, mut escaped) = (false, false);
    for byte in member {
        match byte {
            b' ' if in_string => out.extend_from_slice(b"\\u0020"),
            b' ' | b'\t' | b'\r' | b'\n' if !in_string => {}
            byte => out.push(*byte),
        }
        in_string ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{RecordFrame, Segment};
    use crate::parse::s3_access::FLAGS;

    fn parse(record: &str) -> Result<FieldTable, (&'static str, &'static str)> {
        let segment = Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 };
        // Something before it, so that places are not those in the record.
        let bytes = format!("{{}}\n{record}").into_bytes();
        let frame = RecordFrame { start: 3, end: bytes.len() as u32, segment: 0, number: 1, offset: 3 };
        let block =
            Block { log: LogType::S3Access, bytes, segments: vec![segment], records: vec![frame], framed: 1 };
        let mut rejects = Vec::new();
        let table = parse_records(block, &mut rejects, Spare::default());
        rejects.first().map_or(Ok(table), |reject| Err((reject.field, reject.reason)))
    }

    /// The sample of the documentation.
    const SAMPLE: &str = r#"{
        "schema_version_id": "V_1_0",
        "bucket_arn": "arn:aws:s3:::amzn-s3-demo-bucket",
        "bucket_name": "amzn-s3-demo-bucket",
        "request_time": "2026-04-29T14:32:16.007Z",
        "bucket_owner_id": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be",
        "remote_ip": "203.0.113.45",
        "requester": "arn:aws:iam::123456789012:role/DataAnalystRole",
        "request_id": "3E57427F33A59F07",
        "operation": "REST.GET.OBJECT",
        "key_name": "reports/a%2520b+c",
        "request_uri": "GET /amzn-s3-demo-bucket/reports/x HTTP/1.1",
        "http_status": 200,
        "error_code": null,
        "bytes_sent_size": 1048576,
        "object_size": 1048576,
        "total_duration": 45,
        "turn_around_duration": 12,
        "referer": null,
        "user_agent": "a \"quoted\" agent",
        "version_id": null,
        "host_id": "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=",
        "signature_version": "SigV4",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "authentication_type": "AuthHeader",
        "host_header": "amzn-s3-demo-bucket.s3.us-east-1.amazonaws.com",
        "tls_version": "TLSv1.3",
        "access_point_arn": null,
        "acl_required": false,
        "source_region": "us-east-1"
    }"#;

    #[test]
    fn every_member_is_its_field() {
        let table = parse(SAMPLE).unwrap();
        let text = |number| table.text(0, number);
        assert_eq!(
            table.rows[0].event_time_ms().map(time::format_iso).as_deref(),
            Some("2026-04-29T14:32:16.007Z")
        );
        assert_eq!(table.rows[0].flags, 0);
        for (number, expected) in [
            (field::BUCKET_OWNER, Some("79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be")),
            (field::BUCKET_NAME, Some("amzn-s3-demo-bucket")),
            (field::OBJECT_KEY, Some("reports/a%2520b+c")),
            (field::OBJECT_KEY_RAW, Some("reports/a%2520b+c")),
            (field::HTTP_STATUS, Some("200")),
            (field::ERROR_CODE, None),
            (field::TOTAL_TIME_MS, Some("45")),
            (field::USER_AGENT, Some("a \"quoted\" agent")),
            (field::AUTH_TYPE, Some("AuthHeader")),
            (field::ACL_REQUIRED, Some("false")),
            (field::SOURCE_REGION, Some("us-east-1")),
            (field::EXTRA_FIELDS, None),
        ] {
            assert_eq!(text(number), expected, "{number}");
        }
        let members = MEMBERS.map(|(_, number)| number);
        assert!((0..FIELDS.len()).all(|number| members.contains(&number)), "a field is no member");
    }

    #[test]
    fn what_is_odd_is_kept_and_flagged() {
        let flags = |table: &FieldTable| -> Vec<&str> {
            let raised = |bit: &usize| table.rows[0].flags & (1 << bit) != 0;
            (0..FLAGS.len()).filter(raised).map(|bit| FLAGS[bit]).collect()
        };
        for (from, to, number, expected, raised) in [
            (
                "\"V_1_0\"",
                "\"V_1_1\"",
                field::EXTRA_FIELDS,
                Some("\"schema_version_id\":\"V_1_1\""),
                "extra_fields",
            ),
            (
                "\"bucket_arn\": \"arn:aws:s3:::amzn",
                "\"bucket_arn\": \"arn:aws:s3:::other",
                field::EXTRA_FIELDS,
                Some("\"bucket_arn\":\"arn:aws:s3:::other-s3-demo-bucket\""),
                "extra_fields",
            ),
            ("\"bucket_name\"", "\"new name\"", field::BUCKET_NAME, Some("amzn-s3-demo-bucket"), "extra_fields"),
            (
                "\"version_id\"",
                "\"new\": [1, {\"a b\": \"c \\\" d\"}], \"version_id\"",
                field::EXTRA_FIELDS,
                Some("\"new\":[1,{\"a\\u0020b\":\"c\\u0020\\\"\\u0020d\"}]"),
                "extra_fields",
            ),
            (": 200", ": \"200\"", field::HTTP_STATUS, Some("200"), "unexpected_type"),
            ("\"SigV4\"", "{\"a\":1}", field::SIGNATURE_VERSION, Some("{\"a\":1}"), "unexpected_type"),
            (": 45,", ": 9223372036854775808,", field::TOTAL_TIME_MS, Some("9223372036854775808"), "bad_number"),
            ("2026-04-29T", "2026-04-31T", field::EVENT_TIME, Some("2026-04-31T14:32:16.007Z"), "bad_event_time"),
            ("\"version_id\": null", "\"http_status\": 404", field::HTTP_STATUS, Some("404"), "duplicate_member"),
            ("false", "\"Yes\"", field::ACL_REQUIRED, Some("Yes"), ""),
            ("\"bucket_arn\"", "\"bucket_ARN\"", field::BUCKET_NAME, Some("amzn-s3-demo-bucket"), "extra_fields"),
        ] {
            assert!(SAMPLE.contains(from), "{from}");
            let table = parse(&SAMPLE.replacen(from, to, 1)).unwrap();
            assert_eq!(table.text(0, number), expected, "{to}");
            assert_eq!(flags(&table).join(","), raised, "{to}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_with_its_field() {
        for (record, expected) in [
            (r#"{"http_status":2x}"#, ("record", "expected a comma or the closing bracket")),
            (r#"{"http_status":tru}"#, ("http_status", "expected true, false or null")),
            (
                r#"{"key_name":"\ud800"}"#,
                ("object_key_raw", "expected an escape sequence that stands for a character"),
            ),
            (r#"{"a":1"#, ("record", "expected a comma or the closing bracket")),
            (r#"{} {}"#, ("record", "expected the end of the text")),
        ] {
            assert_eq!(parse(record).map(|_| ()), Err(expected), "{record}");
        }
    }
}
