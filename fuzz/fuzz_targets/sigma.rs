//! Any text as a file of Sigma rules: no panic, no hang; what can be read is put to a record.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::sigma::{CellTable, load};
use s3sleuth::parse::cloudtrail;

const RECORD: &str = r#"{"eventTime":"2026-03-01T01:02:03Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketLifecycle","sourceIPAddress":"192.0.2.1","userAgent":"aws-cli","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"},"requestParameters":{"bucketName":"b","list":[1,"x",{"k":null}]}}"#;

fuzz_target!(|text: &str| {
    let (filters, complaints) = load::filters(text);
    complaints.iter().for_each(|complaint| assert!(!complaint.to_string().contains('\n')));
    let table = cloudtrail::parse_record(RECORD.as_bytes()).expect("a record");
    let cells = CellTable::new(&table, &[0]);
    for filter in filters {
        let rows = filter.select(&cells, &[0]);
        assert!(rows.is_empty() || rows == [0]);
    }
});
