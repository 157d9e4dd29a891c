//! Any key field: no panic, and a key without escapes is itself.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::parse::object_key::decode;

fuzz_target!(|raw: &[u8]| {
    for operation in [&b"REST.GET.OBJECT"[..], b"BATCH.DELETE.OBJECT"] {
        let mut key = Vec::new();
        if decode(raw, operation, &mut key) {
            assert!(key.len() <= raw.len());
        } else {
            assert!(key.is_empty() && !raw.contains(&b'%'));
        }
    }
});
