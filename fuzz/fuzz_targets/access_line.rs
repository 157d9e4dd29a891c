//! Any bytes as a line: no panic, and the fields lie in the line.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::parse::s3_access::parse_line;

fuzz_target!(|line: &[u8]| {
    if let Ok(parsed) = parse_line(line) {
        let range = line.as_ptr_range();
        for field in parsed.fields.iter().flatten() {
            let inside = field.as_ptr_range();
            assert!(inside.start >= range.start && inside.end <= range.end);
        }
    }
});
