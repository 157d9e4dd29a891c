//! For targets in which panics of the parquet crate are caught and counted: libFuzzer's own hook would take one that is
//! caught for a crash.

/// Ends the process at a panic that nothing catches.
pub fn abort_unless_guarded() {
    std::panic::set_hook(Box::new(|panic| {
        if !s3sleuth::decode::is_guarded() {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}
