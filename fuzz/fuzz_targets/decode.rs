//! Any bytes as two files, through the whole pipeline: no panic, and the ledger adds up. Two, because small files are
//! packed into one block, where the end of the one stands before the begin of the other.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::pipeline::{Settings, run};
use s3sleuth::source;
use std::sync::atomic::AtomicU64;

fuzz_target!(|bytes: &[u8]| {
    let [block, cut, bytes @ ..] = bytes else { return };
    // In 256ths, so that one byte of input moves it through files of any length.
    let (first, second) = bytes.split_at(bytes.len() * usize::from(*cut) / 256);
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in [("1", first), ("2", second)] {
        std::fs::write(folder.path().join(name), bytes).expect("it can be written");
    }
    let inputs = source::collect(&[folder.path()]).expect("the folder exists");
    let mut settings = Settings::default();
    settings.limits.block_size = 1 + usize::from(*block) * 8;
    settings.limits.max_line = 4096;
    let config = Config::default();
    let stage = DetectStage::new(&RULES, &config);
    let (worker, report) = run(&inputs, &settings, &stage, &AtomicU64::new(0), None).expect("nothing is written");
    assert!(report.tally.balances(), "{:?}", report.tally);
    let _ = stage.finish(worker);
});
