//! `s3sleuth detect`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::{self, Output};
use anyhow::Context;
use clap::{Args, ValueEnum};
use s3sleuth::detect::{self, Alert, Config, DetectStage, RULES, Rule, Severity};
use s3sleuth::error::Error;
use s3sleuth::report::alerts;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Arguments of `detect`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth detect logs/                          a table on a terminal, JSONL in a pipe
  s3sleuth detect logs/ --since 7d --fail-on high
  s3sleuth detect logs/ --rule LOG-001 --rule DEL-001 --format json -o alerts.json")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    /// Run only this detector; repeatable
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// TOML file with log_buckets, public_buckets and thresholds
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exit with 1 if an alert is at or above this level: info, low, medium, high, critical
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Severity>,
    /// Form of the alerts [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<AlertFormat>,
    /// File for the alerts; - for stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Forms of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AlertFormat {
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A header and a line an alert.
    Csv,
    /// For people.
    Table,
}

fn level(text: &str) -> Result<Severity, String> {
    let names = || Severity::ALL.map(Severity::name).join(", ");
    Severity::parse(text).ok_or_else(|| format!("{text}: expected one of {}", names()))
}

/// Detects.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let rules = chosen_rules(&arguments.rules)?;
    let config = read_config(arguments.config.as_deref())?;
    let inputs = arguments.input.inputs(&arguments.output)?;
    let mut output = Output::open(&arguments.output, arguments.input.force)?;
    let stage = DetectStage::new(&rules, &config);
    let (worker, told) = arguments.input.run(&inputs, None, &stage)?;
    let findings = stage.finish(worker);
    let mut not_evaluated = stage.not_evaluated(&told.report.tally.evidence);
    not_evaluated.extend(findings.notes.iter().cloned());
    write_alerts(arguments, &findings.alerts, &mut output)
        .map_err(|error| Error::output(&arguments.output, error))?;
    output.finish()?;
    let status = arguments.input.tell(told, findings.suppressed.len() as u64, &not_evaluated)?;
    let reached = |alert: &Alert| arguments.fail_on.is_some_and(|level| alert.severity >= level);
    // What was left out or sampled for want of memory is said in a note.
    let limited = if findings.notes.is_empty() { ExitStatus::Done } else { ExitStatus::Limit };
    let alerted = if findings.alerts.iter().any(reached) { ExitStatus::Alert } else { ExitStatus::Done };
    Ok(status.max(limited).max(alerted))
}

fn chosen_rules(ids: &[String]) -> Result<Vec<&'static Rule>, Error> {
    if ids.is_empty() {
        return Ok(RULES.to_vec());
    }
    detect::rules_named(ids).map_err(|id| {
        let known: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        Error::Usage(format!("no detector {id}: there are {}", known.join(", ")))
    })
}

fn read_config(path: Option<&Path>) -> anyhow::Result<Config> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Config::from_toml(&text).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
}

fn write_alerts(arguments: &Arguments, alerts: &[Alert], output: &mut Output) -> std::io::Result<()> {
    let terminal = arguments.output == Path::new("-") && std::io::stdout().is_terminal();
    let usual = if terminal { AlertFormat::Table } else { AlertFormat::Jsonl };
    match arguments.format.unwrap_or(usual) {
        AlertFormat::Json => output.write_all(alerts::json_array(alerts).as_bytes()),
        AlertFormat::Jsonl => output.write_all(alerts::jsonl(alerts).as_bytes()),
        AlertFormat::Csv => output.write_all(alerts::csv(alerts).as_bytes()),
        AlertFormat::Table => {
            let width = terminal.then(output::terminal_width).flatten();
            output.write_all(alerts::table(alerts, width).as_bytes())
        }
    }
}
