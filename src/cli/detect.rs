//! `s3sleuth detect`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::{self, Output};
use anyhow::Context;
use clap::{Args, ValueEnum};
use s3sleuth::detect::stage::DetectWorker;
use s3sleuth::detect::{self, Alert, Config, DetectStage, RULES, Rule, Severity};
use s3sleuth::error::Error;
use s3sleuth::pipeline::{Stage, Tally, on_threads};
use s3sleuth::report::alerts;
use std::io::{IsTerminal, Write};
use std::mem::ManuallyDrop;
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
    /// TOML file with owned_accounts, log_buckets, public_buckets, readers, iac_roles, partners and thresholds
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Exit with 1 if an alert is at or above this level: info, low, medium, high, critical
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Severity>,
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
    /// Write the alerts that the configuration keeps quiet to this file, as JSONL
    #[arg(long, value_name = "FILE")]
    suppressed: Option<PathBuf>,
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
    if arguments.input.paths.is_empty() && arguments.merge_state.is_empty() {
        return Err(
            Error::Usage("no PATH given: name files or folders with logs, or - for stdin".to_owned()).into()
        );
    }
    let others: Vec<&Path> =
        [&arguments.save_state, &arguments.suppressed].into_iter().flatten().map(|path| &**path).collect();
    if let Some(path) = others.iter().find(|path| arguments.merge_state.iter().any(|state| state == **path)) {
        return Err(Error::Usage(format!("{} is an input; it is not written over", path.display())).into());
    }
    let inputs = arguments.input.inputs(&arguments.output, &others)?;
    let mut output = Output::open(&arguments.output, arguments.input.force)?;
    let open =
        |path: &Option<PathBuf>| path.as_deref().map(|path| Output::open(path, arguments.input.force)).transpose();
    let (state_output, suppressed_output) = (open(&arguments.save_state)?, open(&arguments.suppressed)?);
    let stage = DetectStage::new(&rules, &config);
    let states =
        arguments.merge_state.iter().map(|path| read_state(path, &stage)).collect::<Result<Vec<_>, _>>()?;
    let (mut worker, mut told) = arguments.input.run(&inputs, None, &stage)?;
    let mut notes = Vec::new();
    for (state, tally) in states {
        let twice = stage.in_both(&worker, &state);
        told.report.tally.add(&tally);
        told.report.tally.dedup_incomplete += twice;
        if twice > 0 {
            notes.push(format!("about {twice} CloudTrail events are in more than one part: they counted twice"));
        }
        worker = stage.merge(worker, state);
    }
    if let Some(output) = state_output {
        write_all(output, &stage.save(&mut worker, &told.report.tally), arguments.save_state.as_deref())?;
    }
    told.inferred = stage.inferred(&worker);
    // Never freed: the process ends, and to free thousands of alerts piece by piece takes a hundredth of a run.
    let findings = ManuallyDrop::new(on_threads(arguments.input.threads(), || stage.finish(worker))?);
    let blind = stage.not_evaluated(&told.report.tally.evidence);
    // A rule without its kind of records has been told of: that it lacks a past as well says nothing more.
    let id = |note: &str| note.split_once(": ").map(|(id, _)| id.to_owned());
    let blind_ids: Vec<Option<String>> = blind.iter().map(|note| id(note)).collect();
    notes.splice(0..0, blind);
    notes.extend(findings.notes.iter().filter(|note| !blind_ids.contains(&id(note))).cloned());
    write_alerts(arguments, &findings.alerts, &mut output)
        .map_err(|error| Error::output(&arguments.output, error))?;
    output.finish()?;
    if let Some(output) = suppressed_output {
        write_all(output, alerts::jsonl(&findings.suppressed).as_bytes(), arguments.suppressed.as_deref())?;
    }
    let status = arguments.input.tell(told, findings.suppressed.len() as u64, &notes)?;
    let reached = |alert: &Alert| arguments.fail_on.is_some_and(|level| alert.severity >= level);
    let limited = if findings.limited { ExitStatus::Limit } else { ExitStatus::Done };
    let alerted = if findings.alerts.iter().any(reached) { ExitStatus::Alert } else { ExitStatus::Done };
    Ok(status.max(limited).max(alerted))
}

fn write_all(mut output: Output, bytes: &[u8], path: Option<&Path>) -> Result<(), Error> {
    output.write_all(bytes).map_err(|error| Error::output(path.unwrap_or(Path::new("-")), error))?;
    output.finish()
}

fn read_state(path: &Path, stage: &DetectStage<'_>) -> anyhow::Result<(DetectWorker, Tally)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(stage.load(&bytes).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
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

/// Alerts whose text is in memory at a time.
const ALERTS_AT_ONCE: usize = 256;

fn write_alerts(arguments: &Arguments, alerts: &[Alert], output: &mut Output) -> std::io::Result<()> {
    let terminal = arguments.output == Path::new("-") && std::io::stdout().is_terminal();
    let usual = if terminal { AlertFormat::Table } else { AlertFormat::Jsonl };
    match arguments.format.unwrap_or(usual) {
        AlertFormat::Json => output.write_all(alerts::json_array(alerts).as_bytes()),
        AlertFormat::Jsonl => on_threads(arguments.input.threads(), || {
            alerts.chunks(ALERTS_AT_ONCE).try_for_each(|part| output.write_all(alerts::jsonl(part).as_bytes()))
        })
        .map_err(std::io::Error::other)?,
        AlertFormat::Csv => output.write_all(alerts::csv(alerts).as_bytes()),
        AlertFormat::Table => {
            let width = terminal.then(output::terminal_width).flatten();
            output.write_all(alerts::table(alerts, width).as_bytes())
        }
    }
}
