//! `s3sleuth detect`.

use super::detectors::{AlertFormat, DetectorArguments, write_all};
use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::Output;
use anyhow::Context;
use clap::Args;
use s3sleuth::detect::DetectStage;
use s3sleuth::detect::stage::DetectWorker;
use s3sleuth::error::Error;
use s3sleuth::pipeline::{Stage, Tally};
use std::path::{Path, PathBuf};

/// Arguments of `detect`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth detect logs/                          a table on a terminal, JSONL in a pipe
  s3sleuth detect logs/ --since 7d --fail-on high
  s3sleuth detect logs/ --rule LOG-001 --rule DEL-001 --format json -o alerts.json
  s3sleuth detect logs/ --rules sigma/           with rules of your own (docs/rules.md)")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    detectors: DetectorArguments,
    /// Form of the alerts [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<AlertFormat>,
    /// Write the state of the detectors to this file, to be merged with those of other parts of the data
    #[arg(long, value_name = "FILE")]
    save_state: Option<PathBuf>,
    /// Take up states that --save-state wrote for other parts of the data; then PATH may be left out. What is in two
    /// parts counts twice. Settings and thresholds of this run decide
    #[arg(long, value_name = "FILE", num_args = 1..)]
    merge_state: Vec<PathBuf>,
    /// File for the alerts; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Detects.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let (input, detectors) = (&arguments.input, &arguments.detectors);
    let config = detectors.read_config()?;
    let chosen = detectors.rules(&config)?;
    if arguments.merge_state.is_empty() {
        input.check_paths()?;
    }
    let others: Vec<&Path> =
        [&arguments.save_state, &detectors.suppressed].into_iter().flatten().map(|path| &**path).collect();
    let read: Vec<&Path> =
        arguments.merge_state.iter().map(|path| &**path).chain(detectors.read().map(|(path, _)| path)).collect();
    let inputs = input.inputs(&arguments.output, &others, &read)?;
    let output = Output::open(&arguments.output, input.force)?;
    let state_output = arguments.save_state.as_deref().map(|path| Output::open(path, input.force)).transpose()?;
    let suppressed = detectors.open_suppressed(input.force)?;
    let stage = DetectStage::new(&chosen.rules, &config);
    let states =
        arguments.merge_state.iter().map(|path| read_state(path, &stage)).collect::<Result<Vec<_>, _>>()?;
    let (mut worker, mut told) = input.run(&inputs, None, &stage)?;
    let mut twice_notes = Vec::new();
    for (state, tally) in states {
        let twice = stage.in_both(&worker, &state);
        told.report.tally.add(&tally);
        told.report.tally.dedup_incomplete += twice;
        if twice > 0 {
            let what = "CloudTrail events are in more than one part: they counted twice";
            twice_notes.push(format!("about {twice} {what}"));
        }
        worker = stage.merge(worker, state);
    }
    if let Some(output) = state_output {
        write_all(output, &stage.save(&mut worker, &told.report.tally), arguments.save_state.as_deref())?;
    }
    let threads = input.threads();
    let mut found = detectors.finish(&stage, worker, (&mut told, &chosen.not_read), threads)?;
    found.notes.extend(twice_notes);
    detectors.write(&found, output, (&arguments.output, arguments.format), suppressed, threads)?;
    let status = input.tell(told, found.suppressed(), &found.notes)?;
    Ok(status.max(detectors.status(&found)))
}

fn read_state(path: &Path, stage: &DetectStage<'_>) -> anyhow::Result<(DetectWorker, Tally)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(stage.load(&bytes).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
}
