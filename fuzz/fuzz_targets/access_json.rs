//! Any bytes as a record of an access log as CloudWatch delivers it: no panic, and a record that is taken is one
//! JSON object whose fields can be made columns.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::batch::{Dataset, Projection, TextLayout};
use s3sleuth::decode::{Block, RecordFrame, Segment};
use s3sleuth::parse::{LogType, json, s3_access};

fuzz_target!(|record: &[u8]| {
    let block = Block {
        log: LogType::S3Access,
        bytes: record.to_vec(),
        segments: vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }],
        records: vec![RecordFrame { start: 0, end: record.len() as u32, segment: 0, number: 1, offset: 0 }],
        framed: 1,
    };
    let mut rejects = Vec::new();
    let (table, _) = s3_access::parse_block(block, &mut rejects);
    assert_eq!(table.len() + rejects.len(), 1);
    assert_eq!(table.len() == 1, json::members(record, |_, _| ()).is_ok());
    for layout in [TextLayout::Views, TextLayout::Copied] {
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        assert_eq!(Projection::all(Dataset::S3Access, layout).batch(&table, &rows).num_rows(), table.len());
    }
});
