//! Members of CloudTrail records are expected in the order in which they came before. Whatever order they come in, the
//! same is read as from a record alone whose members no expectation fits, because white space stands around them.

#![allow(clippy::unwrap_used)] // a test fails by it

use proptest::prelude::*;
use proptest::sample::{Index, select};
use s3sleuth::decode::{Block, RecordFrame, Segment};
use s3sleuth::parse::cloudtrail::{parse_block, parse_guessed, parse_record};
use s3sleuth::parse::{FieldTable, LogType, Spare};

const NAMES: &[&str] = &[
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "resources",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
    "tlsDetails",
    "vpcEndpointId",
    "eventId",
    "accountId",
    "new",
    "type",
    "arn",
    "sessionContext",
    "sessionIssuer",
    "attributes",
    "creationDate",
    "bucketName",
    "Bucket",
    "Host",
    "key",
    "versionId",
    "encryptionContext",
    "aws:s3:arn",
    "keyId",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "SignatureVersion",
    "bytesTransferredOut",
    "x-amz-id-2",
    "tlsVersion",
    "event\\u0054ime",
    "",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "\"true\"",
    "1376.0",
    "\"\"",
    "\"a\"",
    "\"s3.amazonaws.com\"",
    "\"kms.amazonaws.com\"",
    "\"2026-03-01T01:02:03Z\"",
    "\"a-text-of-more-than-sixteen-bytes\"",
    "\"with\\\"quotes\\u00e9\"",
    "\"é\"",
    "[]",
    "[\"\"]",
    "[\"b\",\"c\"]",
    "[{\"ARN\":\"arn:aws:kms:r:1:key/2\",\"type\":\"t\",\"accountId\":\"1\"}]",
    "{}",
    "tru",
    "\"open",
    "01",
    "[1,]",
];

/// An object: names and values in order, values of which some are objects.
#[derive(Clone, Debug)]
enum Json {
    Text(&'static str),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// `gap` stands around everything.
    fn write(&self, gap: &str, out: &mut String) {
        match self {
            Json::Text(text) => out.push_str(text),
            Json::Object(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    out.push_str(&format!("{comma}{gap}\"{name}\"{gap}:{gap}"));
                    value.write(gap, out);
                    out.push_str(gap);
                }
                out.push('}');
            }
        }
    }
}

/// Records like one another: members of one list, some left out, doubled or moved.
fn records() -> impl Strategy<Value = Vec<Json>> {
    // Values that are no JSON stand last and are seldom.
    let value = prop_oneof![40 => select(&VALUES[..17]), 1 => select(VALUES)].prop_map(Json::Text);
    let object = value.prop_recursive(3, 40, 8, |inner| {
        prop::collection::vec((select(NAMES), inner), 0..8).prop_map(Json::Object)
    });
    let members = prop::collection::vec((select(NAMES), object), 1..25);
    (members, prop::collection::vec(prop::collection::vec((any::<Index>(), 0..3u8), 0..4), 1..8)).prop_map(
        |(members, records)| {
            let changed = |changes: Vec<(Index, u8)>| {
                let mut members = members.clone();
                for (place, kind) in changes.into_iter().filter(|_| members.len() > 1).collect::<Vec<_>>() {
                    let at = place.index(members.len());
                    match kind {
                        0 if members.len() > 1 => drop(members.remove(at)),
                        1 => members.push(members[at].clone()),
                        _ => members.swap(at, 0),
                    }
                }
                Json::Object(members)
            };
            records.into_iter().map(changed).collect()
        },
    )
}

fn block(records: &[String]) -> Block {
    let mut bytes = Vec::new();
    let frame = |(index, record): (usize, &String)| {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(record.as_bytes());
        let (end, number) = (bytes.len() as u32, index as u64);
        RecordFrame { start, end, segment: 0, number, offset: 0 }
    };
    let frames = records.iter().enumerate().map(frame).collect();
    let segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
    Block { log: LogType::CloudTrail, bytes, segments, records: frames, framed: 0 }
}

/// Time, flags and fields of a row, without the white space of JSON that was kept.
fn row(table: &FieldTable, row: usize) -> (i64, u32, Vec<Option<String>>) {
    let fields = (0..table.width).map(|field| table.text(row, field).map(|text| text.replace(' ', ""))).collect();
    (table.rows[row].event_time_ms, table.rows[row].flags, fields)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn the_order_of_earlier_records_changes_nothing(records in records()) {
        let written = |gap: &str| -> Vec<String> {
            records.iter().map(|record| { let mut text = String::new(); record.write(gap, &mut text); text }).collect()
        };
        let (dense, loose) = (written(""), written(" "));
        let mut rejects = Vec::new();
        let table = parse_block(block(&dense), &mut rejects);
        let mut seen = 0;
        let mut refused = rejects.iter();
        for text in &loose {
            match parse_record(text.as_bytes()) {
                Ok(alone) => {
                    prop_assert_eq!(row(&table, seen), row(&alone, 0), "{}", text);
                    seen += 1;
                }
                Err(error) => {
                    let reject = refused.next().unwrap();
                    prop_assert_eq!((reject.field, reject.reason), (error.field, error.reason), "{}", text);
                }
            }
        }
        prop_assert_eq!(table.len(), seen);
        prop_assert_eq!(refused.next(), None);
        match parse_guessed(block(&dense), Spare::default()) {
            Ok(guessed) => {
                prop_assert_eq!(seen, records.len());
                prop_assert_eq!(&guessed.spans, &table.spans);
                prop_assert_eq!(&guessed.rows, &table.rows);
            }
            Err(_) => prop_assert!(!rejects.is_empty()),
        }
    }
}
