//! Any bytes as lines: no panic, the fields lie in the line, and the fast path reads what the careful parser reads.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::decode::{Block, Segment};
use s3sleuth::parse::LogType;
use s3sleuth::parse::s3_access::{parse_block, parse_line};

fuzz_target!(|bytes: &[u8]| {
    let segment = Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 };
    let block = Block {
        log: LogType::S3Access,
        bytes: bytes.to_vec(),
        segments: vec![segment],
        records: Vec::new(),
        framed: 0,
    };
    let (table, _) = parse_block(block, &mut Vec::new());
    for row in 0..table.len() {
        let line = table.record(row);
        let parsed = parse_line(line).expect("only lines that the careful parser takes are rows");
        assert_eq!(table.rows[row].flags & parsed.flags, parsed.flags);
        let range = line.as_ptr_range();
        for (number, field) in parsed.fields.iter().enumerate() {
            if let Some(field) = field {
                let inside = field.as_ptr_range();
                assert!(inside.start >= range.start && inside.end <= range.end);
            }
            // Ill-formed text is replaced in the table.
            if std::str::from_utf8(line).is_ok() {
                assert_eq!(table.bytes(row, number), *field, "field {number}");
            }
        }
    }
});
