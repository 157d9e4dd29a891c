//! Any bytes as a Parquet file, through the whole pipeline: no panic that is not told as damage of the file, and
//! the ledger adds up. Bytes alone are hardly ever a file, so an export is changed by them at places that they
//! choose.
#![no_main]
mod guarded;

use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::export::{self, ExportSettings, Target};
use s3sleuth::pipeline::{Settings, run};
use s3sleuth::source;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

const LINE: &str = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a.txt \
                    \"GET /a.txt HTTP/1.1\" 200 - 10 10 5 4 \"-\" \"curl/8.0\" - s9lzHYrF= SigV4 - - - - - Yes us-east-1 x\n";

/// A file of a few rows.
fn exported() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let logs = folder.path().join("a.log");
    std::fs::write(&logs, LINE.repeat(9)).expect("it can be written");
    let out = folder.path().join("out");
    let stage = export::open(&ExportSettings::default(), Target::Path(out)).expect("it is new");
    let inputs = source::collect(&[logs]).expect("it exists");
    run(&inputs, &Settings::default(), &stage, &AtomicU64::new(0), None).expect("it is written");
    let summary = stage.finish(()).expect("it is written");
    std::fs::read(&summary.files[0].path).expect("it exists")
}

fuzz_target!(
    init: guarded::abort_unless_guarded(),
|bytes: &[u8]| {
    static EXPORT: OnceLock<Vec<u8>> = OnceLock::new();
    let mut file = EXPORT.get_or_init(exported).clone();
    for change in bytes.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        match change[3] % 4 {
            0 => file.truncate(at + 1),
            1 => file.insert(at, change[2]),
            _ => file[at] = change[2],
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &Path| std::fs::write(path, &file).expect("it can be written");
    write(&folder.path().join("a.parquet"));
    let inputs = source::collect(&[folder.path()]).expect("the folder exists");
    let mut settings = Settings::default();
    settings.limits.small_file = u64::from(bytes.len() % 2 == 0) << 20;
    let config = Config::default();
    let stage = DetectStage::new(&RULES, &config);
    let (worker, report) = run(&inputs, &settings, &stage, &AtomicU64::new(0), None).expect("nothing is written");
    assert!(report.tally.balances(), "{:?}", report.tally);
    let _ = stage.finish(worker);
});
