//! Throughput of each stage and of both pipelines, in bytes of uncompressed input: `cargo bench --bench stages`.
//!
//! The input is generated (seed 1): 16 MiB of access log, 16 MiB of CloudTrail. What gunzip takes is the difference
//! between the two kinds of decoding.

mod input;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use input::{all_rows, blocks, copy, folder, parse, plain_folder};
use s3sleuth::batch::{Dataset, Projection, TextLayout};
use s3sleuth::decode::Block;
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::export::{self, ExportSettings, Target};
use s3sleuth::parse::{FieldTable, json};
use s3sleuth::pipeline::{Settings, Stage, run};
use s3sleuth::source;
use s3sleuth::synth::SynthLog;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::AtomicU64;

const BYTES: u64 = 16 << 20;

fn stages(criterion: &mut Criterion) {
    for log in [SynthLog::S3Access, SynthLog::CloudTrail] {
        let gzip = folder(log, BYTES, true);
        let plain = plain_folder(log, BYTES);
        let blocks = blocks(gzip.path());
        let bytes: u64 = blocks.iter().map(|block| block.bytes.len() as u64).sum();
        let mut group = criterion.benchmark_group(blocks[0].log.name());
        group.throughput(Throughput::Bytes(bytes)).sample_size(10);
        for (folder, what) in [(&gzip, "gzip"), (&plain, "plain")] {
            group.bench_function(BenchmarkId::new("decode", what), |bencher| {
                bencher.iter(|| black_box(input::blocks(folder.path())))
            });
        }
        if log == SynthLog::CloudTrail {
            scan_json(&mut group, &blocks);
        }
        build(&mut group, &blocks);
        let folder = if log == SynthLog::CloudTrail { &gzip } else { &plain };
        pipelines(&mut group, folder.path());
        group.finish();
    }
}

/// Every record walked as JSON, without a look at its fields.
fn scan_json(group: &mut BenchmarkGroup<'_, WallTime>, blocks: &[Block]) {
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            for block in blocks {
                for record in &block.records {
                    let text = &block.bytes[record.start as usize..record.end as usize];
                    black_box(json::validate(text).is_ok());
                }
            }
        })
    });
}

/// Blocks to field tables to columns, and what stands at the end, on one thread.
fn build(group: &mut BenchmarkGroup<'_, WallTime>, blocks: &[Block]) {
    group.bench_function("parse", |bencher| {
        let again = || blocks.iter().map(copy).collect::<Vec<_>>();
        let each = |blocks: Vec<Block>| blocks.into_iter().map(parse).map(|table| table.len()).sum::<usize>();
        bencher.iter_batched(again, each, BatchSize::LargeInput)
    });
    let tables: Vec<FieldTable> = blocks.iter().map(copy).map(parse).collect();
    for (layout, what) in [(TextLayout::Views, "views"), (TextLayout::Copied, "copied")] {
        let projection = Projection::all(Dataset::of(blocks[0].log), layout);
        group.bench_function(BenchmarkId::new("batch", what), |bencher| {
            bencher.iter(|| {
                for table in &tables {
                    black_box(projection.batch(table, &all_rows(table)));
                }
            })
        });
    }
    let config = Config::default();
    let detect = DetectStage::new(&RULES, &config);
    group.bench_function("detect", |bencher| bencher.iter(|| detect.finish(observed(&detect, &tables))));
    group.bench_function("export", |bencher| {
        bencher.iter(|| {
            let out = tempfile::tempdir().expect("a temporary folder");
            let settings = ExportSettings { threads: 1, ..ExportSettings::default() };
            let stage = export::open(&settings, Target::Path(out.path().to_owned())).expect("the folder is empty");
            observed(&stage, &tables);
            stage.finish(()).expect("the folder can be written")
        })
    });
}

fn observed<S: Stage>(stage: &S, tables: &[FieldTable]) -> S::Worker {
    let mut worker = stage.worker();
    for (unit, table) in tables.iter().enumerate() {
        stage.observe(&mut worker, unit as u64, table, &all_rows(table)).expect("the output can be written");
        stage.unit_done(&mut worker, unit as u64).expect("the output can be written");
    }
    worker
}

/// From files to what a command writes, on all threads.
fn pipelines(group: &mut BenchmarkGroup<'_, WallTime>, folder: &Path) {
    group.bench_function("pipeline/detect", |bencher| {
        bencher.iter(|| through(folder, &DetectStage::new(&RULES, &Config::default())))
    });
    group.bench_function("pipeline/export", |bencher| {
        bencher.iter(|| {
            let out = tempfile::tempdir().expect("a temporary folder");
            let target = Target::Path(out.path().to_owned());
            let stage = export::open(&ExportSettings::default(), target).expect("the folder is empty");
            through(folder, &stage);
            stage.finish(()).expect("the folder can be written");
        })
    });
}

fn through<S: Stage>(folder: &Path, stage: &S) -> S::Worker {
    let inputs = source::collect(&[folder]).expect("the folder exists");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = Settings { threads, ..Settings::default() };
    run(&inputs, &settings, stage, &AtomicU64::new(0), None).expect("nothing is written that could fail").0
}

criterion_group!(benches, stages);
criterion_main!(benches);
