//! `s3sleuth coverage`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::{self, Output};
use super::selection::{SelectionArguments, may_belong};
use clap::{Args, ValueEnum};
use s3sleuth::coverage::{Coverage, CoverageStage};
use s3sleuth::detect::{Config, DetectStage, RULES};
use s3sleuth::error::Error;
use s3sleuth::report::coverage::{self, Told};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Arguments of `coverage`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth coverage logs/                        tables on a terminal, one JSON object a day in a pipe
  s3sleuth coverage logs/ --format json          one object: places, gaps, what was not evaluated
  s3sleuth coverage logs/ --bucket amzn-s3-demo-data --since 2026-03-01 --format md -o coverage.md
  s3sleuth coverage logs/ --principal backup-admin   of the buckets that a caller's requests name
  s3sleuth coverage logs/ --alerts alerts.jsonl --alert 5f0c9e1d2b3a4c55

A selection chooses buckets, accounts and regions: those that its records name are told with all of their records.")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    /// Form of the output [default: table on a terminal, jsonl elsewhere]
    #[arg(long, help_heading = "Output")]
    format: Option<CoverageFormat>,
    /// File for the output; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-", help_heading = "Output")]
    output: PathBuf,
}

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CoverageFormat {
    /// Places and gaps, for people.
    Table,
    /// One JSON object: the whole, each place and each gap.
    Json,
    /// One JSON object for each account, region, bucket and day.
    Jsonl,
    /// A header, and a line for each account, region, bucket and day.
    Csv,
    /// What the table shows, as Markdown.
    Md,
}

/// Tells what logs are there and what is missing.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, selection: asked, .. } = arguments;
    input.check_paths()?;
    let mut selection = asked.selection()?;
    let read: Vec<&Path> = asked.alerts_file().into_iter().collect();
    let inputs = input.inputs(&arguments.output, &[], &read)?;
    let output = Output::open(&arguments.output, input.force)?;
    let (not_followed, status) = asked.follow(&mut selection, input, &inputs)?;
    let stage = CoverageStage::of(&selection);
    let (worker, mut told) = input.run(&inputs, None, &stage)?;
    let coverage = stage.finish(worker);
    let config = Config::default();
    let not_evaluated = DetectStage::new(&RULES, &config).not_evaluated(&told.report.tally.evidence);
    let facts = Told { tally: &told.report.tally, not_evaluated: &not_evaluated };
    write(&coverage, &facts, arguments, output)?;
    asked.not_found(&coverage).iter().for_each(|note| input.say(note));
    let mut notes: Vec<String> = not_evaluated.iter().chain(&coverage.left_out).cloned().collect();
    notes.extend(may_belong(coverage.selected));
    told.incomplete.clone_from(&not_followed);
    notes.extend(not_followed);
    let limited = if coverage.left_out.is_empty() { ExitStatus::Done } else { ExitStatus::Limit };
    Ok(input.tell(told, 0, &notes)?.max(limited).max(status))
}

fn write(coverage: &Coverage, told: &Told<'_>, arguments: &Arguments, mut output: Output) -> Result<(), Error> {
    let path = &arguments.output;
    let is_terminal = path == Path::new("-") && io::stdout().is_terminal();
    let usual = if is_terminal { CoverageFormat::Table } else { CoverageFormat::Jsonl };
    let written = match arguments.format.unwrap_or(usual) {
        CoverageFormat::Table => {
            let width = is_terminal.then(output::terminal_width).flatten();
            output.write_all(coverage::table(coverage, told, width).as_bytes())
        }
        CoverageFormat::Json => coverage::write_json(coverage, told, &mut output),
        CoverageFormat::Jsonl => coverage::write_jsonl(coverage, &mut output),
        CoverageFormat::Csv => coverage::write_csv(coverage, &mut output),
        CoverageFormat::Md => output.write_all(coverage::markdown(coverage, told).as_bytes()),
    };
    written.map_err(|error| Error::output(path, error))?;
    output.finish()
}
