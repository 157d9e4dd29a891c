//! Any bytes as a Parquet file: no crash, and each check has an outcome. A panic of the parquet crate is a
//! finding. With the first bit set, the rest is taken for the footer of a file, so that the fuzzer need not find
//! the frame.
#![no_main]
mod guarded;

use libfuzzer_sys::fuzz_target;
use s3sleuth::lint::{CHECKS, Limits, Options, lint};

fuzz_target!(
    init: guarded::abort_unless_guarded(),
    |bytes: &[u8]| {
        let [mode, bytes @ ..] = bytes else { return };
        let mut file = bytes.to_vec();
        if mode & 1 == 1 {
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            file = [b"PAR1", bytes, &length.to_le_bytes()[..], b"PAR1"].concat();
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let partition = folder.path().join("event_date=2026-03-01");
        std::fs::create_dir(&partition).expect("a folder");
        std::fs::write(partition.join("part.parquet"), file).expect("it can be written");
        let limits = Limits { decoded_values: 1 << 20, ..Limits::default() };
        let report = lint(folder.path(), &Options { limits, ..Options::default() }).expect("there is a table");
        assert_eq!(report.checks.len(), CHECKS.len());
    }
);
