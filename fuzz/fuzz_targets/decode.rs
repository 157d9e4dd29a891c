//! Any bytes as a file, through the whole pipeline: no panic, and the ledger adds up.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::pipeline::{Settings, run};
use s3sleuth::source;
use std::sync::atomic::AtomicU64;

fuzz_target!(|bytes: &[u8]| {
    let Some((block, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("file"), bytes).expect("it can be written");
    let inputs = source::collect(&[folder.path()]).expect("the folder exists");
    let mut settings = Settings::default();
    settings.limits.block_size = 1 + usize::from(*block) * 8;
    settings.limits.max_line = 4096;
    let config = Config::default();
    let stage = DetectStage::new(RULES, &config);
    let (worker, report) = run(&inputs, &settings, &stage, &AtomicU64::new(0), None).expect("nothing is written");
    assert!(report.tally.balances(), "{:?}", report.tally);
    let _ = stage.finish(worker);
});
