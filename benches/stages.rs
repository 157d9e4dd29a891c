//! Throughput of each stage and of both pipelines, in bytes of uncompressed input.
//!
//! The input is generated (seed 1): 16 MiB of access log, 16 MiB of CloudTrail.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use s3sleuth::batch::{Dataset, Projection, TextLayout};
use s3sleuth::decode::{Block, Limits, UnitReport, decode_unit, read_inputs};
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::export::{self, ExportSettings, Target};
use s3sleuth::parse::{FieldTable, LogType, cloudtrail, s3_access};
use s3sleuth::pipeline::{Settings, Stage, run};
use s3sleuth::source;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::AtomicU64;

const BYTES: u64 = 16 << 20;

fn folder(log: SynthLog) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = SynthOptions {
        log,
        bytes: BYTES,
        files: if log == SynthLog::S3Access { 1 } else { 0 },
        ..SynthOptions::default()
    };
    write_files(&options, folder.path()).expect("the temporary folder can be written");
    folder
}

fn blocks(folder: &Path) -> Vec<Block> {
    let inputs = source::collect(&[folder]).expect("the folder exists");
    let limits = Limits::default();
    let mut blocks = Vec::new();
    let _ = read_inputs(&inputs.files, &limits, &mut |unit| {
        let mut each = |block| {
            blocks.push(block);
            ControlFlow::Continue(())
        };
        decode_unit(unit, &limits, &mut each, &mut UnitReport::default())
    });
    blocks
}

fn parse(block: Block) -> FieldTable {
    match block.log {
        LogType::S3Access => s3_access::parse_block(block, &mut Vec::new()).0,
        LogType::CloudTrail => cloudtrail::parse_block(block, &mut Vec::new()),
    }
}

fn copy(block: &Block) -> Block {
    Block {
        log: block.log,
        bytes: block.bytes.clone(),
        segments: block.segments.clone(),
        records: block.records.clone(),
        framed: block.framed,
    }
}

fn stages(criterion: &mut Criterion) {
    for log in [SynthLog::S3Access, SynthLog::CloudTrail] {
        let folder = folder(log);
        let blocks = blocks(folder.path());
        let name = blocks[0].log.name();
        let bytes: u64 = blocks.iter().map(|block| block.bytes.len() as u64).sum();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes)).sample_size(10);
        group.bench_function("decode", |bencher| bencher.iter(|| black_box(self::blocks(folder.path()))));
        group.bench_function("parse", |bencher| {
            bencher.iter_batched(
                || blocks.iter().map(copy).collect::<Vec<_>>(),
                |blocks| blocks.into_iter().map(parse).map(|table| table.len()).sum::<usize>(),
                criterion::BatchSize::LargeInput,
            )
        });
        let tables: Vec<FieldTable> = blocks.iter().map(copy).map(parse).collect();
        for (layout, what) in [(TextLayout::Views, "views"), (TextLayout::Copied, "copied")] {
            let projection = Projection::all(Dataset::of(blocks[0].log), layout);
            group.bench_function(BenchmarkId::new("batch", what), |bencher| {
                bencher.iter(|| {
                    for table in &tables {
                        let rows: Vec<u32> = (0..table.len() as u32).collect();
                        black_box(projection.batch(table, &rows));
                    }
                })
            });
        }
        group.bench_function("pipeline/detect", |bencher| {
            bencher.iter(|| through(folder.path(), &DetectStage::new(RULES, &Config::default())))
        });
        group.bench_function("pipeline/export", |bencher| {
            bencher.iter(|| {
                let out = tempfile::tempdir().expect("a temporary folder");
                let target = Target::Path(out.path().to_owned());
                let stage = export::open(&ExportSettings::default(), target).expect("the folder is empty");
                through(folder.path(), &stage);
                stage.finish(()).expect("the folder can be written");
            })
        });
        group.finish();
    }
}

fn through<S: Stage>(folder: &Path, stage: &S) -> S::Worker {
    let inputs = source::collect(&[folder]).expect("the folder exists");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings { threads, ..Settings::default() };
    run(&inputs, &settings, stage, &AtomicU64::new(0), None).expect("nothing is written that could fail").0
}

criterion_group!(benches, stages);
criterion_main!(benches);
