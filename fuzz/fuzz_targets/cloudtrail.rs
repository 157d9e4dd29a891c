//! Any bytes as a record: no panic, and every field is text of the record or derived from it.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::batch::{Dataset, Projection, TextLayout};
use s3sleuth::parse::cloudtrail::{fingerprint, parse_record};

fuzz_target!(|record: &[u8]| {
    if let Ok(table) = parse_record(record) {
        let _ = fingerprint(&table, 0);
        let mut columns = Dataset::CloudTrail.columns().iter().map(|column| column.name).collect::<Vec<_>>();
        // A record alone belongs to no file.
        columns.retain(|name| *name != "source_file");
        for layout in [TextLayout::Views, TextLayout::Copied] {
            let projection = Projection::named(Dataset::CloudTrail, &columns, layout).expect("these are its columns");
            assert_eq!(projection.batch(&table, &[0]).num_rows(), 1);
        }
    }
});
