//! Generated logs as the stages take them: files, blocks, field tables.

use s3sleuth::decode::{Block, Limits, UnitReport, decode_unit, read_inputs};
use s3sleuth::parse::{FieldTable, LogType, cloudtrail, s3_access};
use s3sleuth::source;
use s3sleuth::synth::{SynthLog, SynthOptions, write_files, write_to};
use std::ops::ControlFlow;
use std::path::Path;

/// A folder with a log of about `bytes` (before compression) made from seed 1, in one file if it is an access log.
pub fn folder(log: SynthLog, bytes: u64, gzip: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = u32::from(log == SynthLog::S3Access);
    let options = SynthOptions { log, bytes, files, gzip, ..SynthOptions::default() };
    write_files(&options, folder.path()).expect("the temporary folder can be written");
    folder
}

/// The same log as one file that is not compressed.
#[allow(dead_code, reason = "each bench takes what it needs")]
pub fn plain_folder(log: SynthLog, bytes: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut file = std::fs::File::create(folder.path().join("log")).expect("the temporary folder can be written");
    let options = SynthOptions { log, bytes, ..SynthOptions::default() };
    write_to(&options, &mut file).expect("the temporary folder can be written");
    folder
}

/// The whole records of all files.
pub fn blocks(folder: &Path) -> Vec<Block> {
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

/// Where each field lies.
pub fn parse(block: Block) -> FieldTable {
    match block.log {
        LogType::S3Access => s3_access::parse_block(block, &mut Vec::new()).0,
        LogType::CloudTrail => cloudtrail::parse_block(block, &mut Vec::new()),
    }
}

/// The same block again, as parsing takes it.
pub fn copy(block: &Block) -> Block {
    Block {
        log: block.log,
        bytes: block.bytes.clone(),
        segments: block.segments.clone(),
        records: block.records.clone(),
        framed: block.framed,
    }
}

/// The numbers of all rows.
pub fn all_rows(table: &FieldTable) -> Vec<u32> {
    (0..table.len() as u32).collect()
}
