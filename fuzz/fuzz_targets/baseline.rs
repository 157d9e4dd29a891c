//! Any bytes as a baseline: no crash, no memory beyond the budgets, and what is read can be joined and written again. With
//! the first bit set the bytes are what the file expands to, sealed, so that the fuzzer need not find hash and zstd.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::baseline::{Learned, seal};

fuzz_target!(|bytes: &[u8]| {
    let [mode, bytes @ ..] = bytes else { return };
    let file = if mode & 1 == 1 { seal(bytes) } else { bytes.to_vec() };
    let Ok(mut learned) = Learned::load(&file) else { return };
    assert!(learned.bytes() <= 80 << 20);
    let again = Learned::load(&learned.save()).expect("what was written is read");
    learned.merge(again);
    let _notes = learned.notes();
});
