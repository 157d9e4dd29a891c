//! What is counted, in the process that runs under callgrind.

use crate::input::{all_rows, blocks, copy, folder, parse};
use s3sleuth::batch::{Dataset, Projection, TextLayout};
use s3sleuth::decode::Block;
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::export::{self, ExportSettings, Target};
use s3sleuth::parse::FieldTable;
use s3sleuth::pipeline::Stage;
use s3sleuth::synth::SynthLog;
use std::hint::black_box;

/// Bytes of each log, before compression: some thousand rows.
const BYTES: u64 = 4 << 20;

/// The logs in the order in which they are measured.
pub const LOGS: [(&str, SynthLog); 2] = [("s3_access", SynthLog::S3Access), ("cloudtrail", SynthLog::CloudTrail)];

/// The stages of each log in the order in which they are measured.
pub const STAGES: [&str; 6] = ["decode", "parse", "batch", "detect", "detect_end", "export"];

/// Callgrind begins a new part of its output where this is entered. It is told the name, so nothing else may have it in
/// its path.
#[inline(never)]
fn stage_border() {
    black_box(());
}

/// What `work` does, in all threads, is a part of its own.
fn measured(work: impl FnOnce()) {
    stage_border();
    work();
    stage_border();
}

/// Runs every stage of each log once. Returns the number of rows of each log.
pub fn run() -> String {
    let rows = LOGS.map(|(_, log)| rows_through_stages(log).to_string());
    rows.join(" ")
}

/// The decoding is of a file that is in the page cache and, if it is of CloudTrail, compressed.
fn rows_through_stages(log: SynthLog) -> usize {
    let folder = folder(log, BYTES, false);
    let mut blocks: Vec<Block> = Vec::new();
    measured(|| blocks = self::blocks(folder.path()));
    let again: Vec<Block> = blocks.iter().map(copy).collect();
    let mut tables: Vec<FieldTable> = Vec::new();
    measured(|| tables = again.into_iter().map(parse).collect());
    let rows: Vec<Vec<u32>> = tables.iter().map(all_rows).collect();

    let projection = Projection::all(Dataset::of(tables[0].log), TextLayout::Copied);
    measured(|| {
        for (table, rows) in tables.iter().zip(&rows) {
            black_box(projection.batch(table, rows));
        }
    });

    let config = Config::default();
    let stage = DetectStage::new(&RULES, &config);
    let mut worker = stage.worker();
    measured(|| observe(&stage, &mut worker, &tables, &rows));
    measured(|| drop(black_box(stage.finish(worker))));

    let out = tempfile::tempdir().expect("a temporary folder");
    let settings = ExportSettings { threads: 1, ..ExportSettings::default() };
    let target = Target::Path(out.path().to_owned());
    let stage = export::open(&settings, target).expect("the folder is empty");
    measured(|| {
        observe(&stage, &mut (), &tables, &rows);
        stage.finish(()).expect("the folder can be written");
    });
    rows.iter().map(Vec::len).sum()
}

fn observe<S: Stage>(stage: &S, worker: &mut S::Worker, tables: &[FieldTable], rows: &[Vec<u32>]) {
    for (unit, (table, rows)) in tables.iter().zip(rows).enumerate() {
        stage.observe(worker, unit as u64, table, rows).expect("the output can be written");
        stage.unit_done(worker, unit as u64).expect("the output can be written");
    }
}
