//! `s3sleuth baseline`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::Output;
use super::table::TableArguments;
use anyhow::Context;
use clap::{Args, Subcommand};
use s3sleuth::detect::baseline::{LearnStage, Learned, MOST_FILE_BYTES};
use s3sleuth::error::Error;
use s3sleuth::report::baseline::{cells, columns};
use s3sleuth::report::count::counted;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Arguments of `baseline`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Learn from logs what is usual: who is seen when, where, from which networks, with which programs and actions
    Learn(LearnArguments),
    /// Join baselines of parts of the logs, in any order
    Merge(MergeArguments),
    /// Show what a baseline holds: an entry a row
    Show(ShowArguments),
}

#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth baseline learn logs/2026-02/ -o february.baseline
  s3sleuth detect logs/2026-03-01/ --baseline february.baseline")]
struct LearnArguments {
    #[command(flatten)]
    input: InputArguments,
    /// File for the baseline
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Args)]
struct MergeArguments {
    /// Baselines
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// File for the baseline
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
struct ShowArguments {
    /// Baseline
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    table: TableArguments,
    /// Replace the output if it exists
    #[arg(long)]
    force: bool,
}

/// Learns, joins or shows.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    match &arguments.command {
        Command::Learn(arguments) => learn(arguments),
        Command::Merge(arguments) => merge(arguments),
        Command::Show(arguments) => show(arguments),
    }
}

/// Reads a baseline; never more than one can have.
pub fn read(path: &Path) -> anyhow::Result<Learned> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_FILE_BYTES + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Learned::load(&bytes).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
}

fn learn(arguments: &LearnArguments) -> anyhow::Result<ExitStatus> {
    let LearnArguments { input, output: path } = arguments;
    input.check_paths()?;
    let inputs = input.inputs(path, &[], &[])?;
    let output = Output::open(path, input.force)?;
    let stage = LearnStage::default();
    let (worker, told) = input.run(&inputs, None, &stage)?;
    let learned = stage.finish(worker);
    let bytes = write(&learned, output, path)?;
    let status = input.tell(told, 0, &[])?;
    if path != Path::new("-") {
        input.say(&written(&learned, bytes, path));
    }
    learned.notes().iter().for_each(|note| input.say(note));
    Ok(status)
}

fn merge(arguments: &MergeArguments) -> anyhow::Result<ExitStatus> {
    let MergeArguments { files, output: path, force } = arguments;
    if files.contains(path) {
        return Err(Error::Usage(format!("{} is an input; it is not written over", path.display())).into());
    }
    let output = Output::open(path, *force)?;
    let mut learned = Learned::default();
    let mut twice = 0;
    for file in files {
        let other = read(file)?;
        twice += learned.in_both(&other);
        learned.merge(other);
    }
    let bytes = write(&learned, output, path)?;
    if path != Path::new("-") {
        super::say(&written(&learned, bytes, path));
    }
    learned.notes().iter().for_each(|note| super::say(note));
    if twice > 0 {
        super::say(&format!("about {} are in more than one baseline: they count twice", counted(twice, "record")));
        return Ok(ExitStatus::Incomplete);
    }
    Ok(ExitStatus::Done)
}

fn write(learned: &Learned, mut output: Output, path: &Path) -> Result<u64, Error> {
    let bytes = learned.save();
    output.write_all(&bytes).map_err(|error| Error::output(path, error))?;
    output.finish()?;
    Ok(bytes.len() as u64)
}

fn written(learned: &Learned, bytes: u64, path: &Path) -> String {
    let [access, trail] = learned.records();
    let records = counted(access.saturating_add(trail), "record");
    format!("learned from {records}; wrote {} to {}", counted(bytes, "byte"), path.display())
}

fn show(arguments: &ShowArguments) -> anyhow::Result<ExitStatus> {
    let ShowArguments { file, table, force } = arguments;
    if table.output == *file {
        return Err(Error::Usage(format!("{} is an input; it is not written over", file.display())).into());
    }
    let learned = read(file)?;
    let output = table.open(*force)?;
    let mut rows = table.rows(output, columns())?;
    cells(&learned, |cells| rows.write(cells))?;
    rows.finish()?;
    learned.notes().iter().for_each(|note| super::say(note));
    Ok(ExitStatus::Done)
}
