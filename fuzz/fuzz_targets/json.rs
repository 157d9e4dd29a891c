//! Any bytes as JSON: no panic, and well-formed UTF-8 is accepted exactly when serde_json accepts it.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::parse::json;

fuzz_target!(|text: &[u8]| {
    let ours = json::validate(text).is_ok();
    let _ = json::members(text, |key, value| {
        let _ = (key.name(), value.text());
    });
    // Numbers may be of any size for us and not for serde_json; a raw value is not converted.
    if std::str::from_utf8(text).is_ok() {
        let theirs = serde_json::from_slice::<Box<serde_json::value::RawValue>>(text).is_ok();
        assert_eq!(ours, theirs);
    }
});
