//! `s3sleuth eval`.

use super::detectors::DetectorArguments;
use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::{self, Output};
use clap::{Args, ValueEnum};
use s3sleuth::detect::{DetectStage, Severity};
use s3sleuth::error::Error;
use s3sleuth::eval::{self, Benign, Label, Scores, Scoring, score};
use s3sleuth::pipeline::Tally;
use s3sleuth::report::eval as report;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Arguments of `eval`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    detectors: DetectorArguments,
    /// What happened: JSONL with incident, kind, first, last, and principal, address, bucket, affected, events
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// The mildest alert that counts as a find: info, low, medium, high, critical
    #[arg(long, value_name = "LEVEL", default_value = "medium", value_parser = super::detectors::level)]
    found_at: Severity,
    /// An alert may lie so many seconds before or after an incident and still belong to it
    #[arg(long, value_name = "N", default_value_t = (Scoring::TOLERANCE_MS / 1000) as u32)]
    tolerance_seconds: u32,
    /// Exit with 5 if fewer incidents are found
    #[arg(long, value_name = "N")]
    min_found: Option<u64>,
    /// Exit with 5 if there are more false alerts, high and critical, for each million benign events
    #[arg(long, value_name = "N")]
    max_false_alerts: Option<u64>,
    /// Form of the result [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<EvalFormat>,
    /// File for the result; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  s3sleuth eval logs/ --labels labels.jsonl --config s3sleuth.toml
  s3sleuth eval logs/ --labels labels.jsonl --min-found 12 --max-false-alerts 3
  s3sleuth eval logs/ --labels labels.jsonl --rule DEL-001 --format json

A line of labels (docs/eval.md has all members):
  {\"incident\":\"purge\",\"kind\":\"version_purge\",\"bucket\":\"amzn-s3-demo-data\",
   \"principal\":\"arn:aws:iam::111122223333:user/ann\",
   \"first\":\"2026-03-09T22:40:00Z\",\"last\":\"2026-03-09T23:10:00Z\"}
It stands on one line in the file.";

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EvalFormat {
    /// Incidents, rules and false alerts, for people.
    Table,
    /// One JSON object: summary, incidents, rules, false alerts.
    Json,
    /// One JSON object an incident; the summary on stderr.
    Jsonl,
    /// What the table shows, as Markdown.
    Md,
}

/// More is no list that anybody has made.
const LABEL_BYTES: u64 = 64 << 20;

/// Detects, and holds the alerts against the labels.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let (input, detectors) = (&arguments.input, &arguments.detectors);
    let config = detectors.read_config()?;
    let chosen = detectors.rules(&config)?;
    let labels = read_labels(&arguments.labels)?;
    input.check_paths()?;
    let others: Vec<&Path> = detectors.suppressed.as_deref().into_iter().collect();
    let read_files: Vec<(&Path, &str)> =
        [(&*arguments.labels, "--labels")].into_iter().chain(detectors.read()).collect();
    let read: Vec<&Path> = read_files.iter().map(|(path, _)| *path).collect();
    let mut inputs = input.inputs(&arguments.output, &others, &read)?;
    InputArguments::leave_out_files(&read_files, &mut inputs);
    let output = Output::open(&arguments.output, input.force)?;
    let suppressed = detectors.open_suppressed(input.force)?;
    let stage = DetectStage::new(&chosen.rules, &config);
    let (worker, mut told) = input.run(&inputs, None, &stage)?;
    let found = detectors.finish(&stage, worker, (&mut told, &chosen.not_read), input.threads())?;
    let tally = &told.report.tally;
    let benign = Benign::of(tally.records - tally.filtered, &labels);
    let scoring =
        Scoring { tolerance_ms: i64::from(arguments.tolerance_seconds) * 1000, found_at: arguments.found_at };
    let scores = score(&labels, found.list(), benign, &scoring);
    let format = write(&scores, arguments, output)?;
    detectors.write_suppressed(&found, suppressed)?;
    let outside = outside(&labels, tally);
    let status = input.tell(told, found.suppressed(), &found.notes)?;
    outside.iter().for_each(|note| input.say(note));
    if format == EvalFormat::Jsonl {
        report::facts(&scores.totals).iter().for_each(|fact| input.say(fact));
    }
    Ok(status.max(detectors.status(&found)).max(judged(&scores, arguments)))
}

fn read_labels(path: &Path) -> Result<Vec<Label>, Error> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LABEL_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| Error::Input { path: path.display().to_string(), reason: error.to_string() })?;
    if text.len() as u64 > LABEL_BYTES {
        let reason = format!("{}: labels are over 64 MiB", path.display());
        return Err(Error::Usage(reason));
    }
    eval::parse(&text).map_err(|error| Error::Usage(format!("{}:{error}", path.display())))
}

fn write(scores: &Scores<'_>, arguments: &Arguments, mut output: Output) -> Result<EvalFormat, Error> {
    let path = &arguments.output;
    let is_terminal = path == Path::new("-") && io::stdout().is_terminal();
    let usual = if is_terminal { EvalFormat::Table } else { EvalFormat::Jsonl };
    let format = arguments.format.unwrap_or(usual);
    let text = match format {
        EvalFormat::Table => report::table(scores, is_terminal.then(output::terminal_width).flatten()),
        EvalFormat::Json => report::json(scores),
        EvalFormat::Jsonl => report::jsonl(scores),
        EvalFormat::Md => report::markdown(scores),
    };
    output.write_all(text.as_bytes()).map_err(|error| Error::output(path, error))?;
    output.finish()?;
    Ok(format)
}

/// Incidents that nothing can find in these logs, a sentence each.
fn outside(labels: &[Label], tally: &Tally) -> Vec<String> {
    let lies_outside = |label: &&Label| match (tally.first_event_ms, tally.last_event_ms) {
        (Some(first_ms), Some(last_ms)) => label.last_ms < first_ms || label.first_ms > last_ms,
        _ => true,
    };
    let sentence = |label: &Label| format!("{}: the logs hold no record of its time", label.incident);
    labels.iter().filter(lies_outside).map(sentence).collect()
}

/// Says what was asked for and is not so.
fn judged(scores: &Scores<'_>, arguments: &Arguments) -> ExitStatus {
    let (totals, mut status) = (&scores.totals, ExitStatus::Done);
    if let Some(least) = arguments.min_found.filter(|least| totals.found < *least) {
        arguments.input.say(&format!("{} found, --min-found asks for {least}", totals.found));
        status = ExitStatus::Violation;
    }
    let (false_alerts, benign) = (totals.serious_false_alerts, totals.benign.benign_events);
    let is_over = |most: &u64| u128::from(false_alerts) * 1_000_000 > u128::from(*most) * u128::from(benign);
    if let Some(most) = arguments.max_false_alerts.filter(is_over) {
        let what = "false alerts, high and critical, on";
        arguments.input.say(&format!(
            "{false_alerts} {what} {benign} benign events, --max-false-alerts allows {most} a million"
        ));
        status = ExitStatus::Violation;
    }
    status
}
