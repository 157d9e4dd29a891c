//! What every command that runs detectors takes, and how it tells what they found.

use super::exit::ExitStatus;
use super::input::Told;
use super::output::{self, Output};
use anyhow::Context;
use clap::{Args, ValueEnum};
use s3sleuth::detect::stage::DetectWorker;
use s3sleuth::detect::{self, Alert, Config, DetectStage, Findings, RULES, Rule, Severity};
use s3sleuth::error::Error;
use s3sleuth::pipeline::on_threads;
use s3sleuth::report::{alerts, ocsf};
use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Options of the detectors.
#[derive(Args)]
pub struct DetectorArguments {
    /// Run only this detector; repeatable
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// TOML file with owned_accounts, log_buckets, public_buckets, readers, iac_roles, partners and thresholds
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Exit with 1 if an alert is at or above this level: info, low, medium, high, critical
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Severity>,
    /// Write the alerts that the configuration keeps quiet to this file, as JSONL
    #[arg(long, value_name = "FILE")]
    pub suppressed: Option<PathBuf>,
}

/// Forms of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AlertFormat {
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A header and a line an alert.
    Csv,
    /// For people.
    Table,
    /// One OCSF Detection Finding (class 2004, OCSF 1.3) a line.
    Ocsf,
}

/// What detectors found, still to be written.
pub struct Found {
    /// Never freed: the process ends, and to free thousands of alerts piece by piece takes a hundredth of a run.
    findings: ManuallyDrop<Findings>,
    /// What was not evaluated, a sentence each.
    pub notes: Vec<String>,
}

fn level(text: &str) -> Result<Severity, String> {
    let names = || Severity::ALL.map(Severity::name).join(", ");
    Severity::parse(text).ok_or_else(|| format!("{text}: expected one of {}", names()))
}

impl DetectorArguments {
    /// The first option that was given, for a command that runs detectors only if asked to.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            (!self.rules.is_empty(), "--rule"),
            (self.config.is_some(), "--config"),
            (self.fail_on.is_some(), "--fail-on"),
            (self.suppressed.is_some(), "--suppressed"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The detectors that were chosen.
    pub fn rules(&self) -> Result<Vec<&'static Rule>, Error> {
        if self.rules.is_empty() {
            return Ok(RULES.to_vec());
        }
        detect::rules_named(&self.rules).map_err(|id| {
            let known: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
            Error::Usage(format!("no detector {id}: there are {}", known.join(", ")))
        })
    }

    /// The configuration.
    pub fn read_config(&self) -> anyhow::Result<Config> {
        let Some(path) = self.config.as_deref() else { return Ok(Config::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Config::from_toml(&text).map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
    }

    /// The file for what the configuration keeps quiet, opened before the run so that nothing is processed in vain.
    pub fn open_suppressed(&self, force: bool) -> Result<Option<Output>, Error> {
        self.suppressed.as_deref().map(|path| Output::open(path, force)).transpose()
    }

    /// Ends the detectors on that many threads.
    pub fn finish(
        &self,
        stage: &DetectStage<'_>,
        worker: DetectWorker,
        told: &mut Told,
        threads: usize,
    ) -> Result<Found, Error> {
        told.inferred = stage.inferred(&worker);
        let findings = ManuallyDrop::new(on_threads(threads, || stage.finish(worker))?);
        let mut notes = stage.not_evaluated(&told.report.tally.evidence);
        // A rule without its kind of records has been told of: that it lacks a past as well says nothing more.
        let id = |note: &str| note.split_once(": ").map(|(id, _)| id.to_owned());
        let blind_ids: Vec<Option<String>> = notes.iter().map(|note| id(note)).collect();
        notes.extend(findings.notes.iter().filter(|note| !blind_ids.contains(&id(note))).cloned());
        Ok(Found { findings, notes })
    }

    /// Writes the alerts to `output`, and those kept quiet to theirs.
    pub fn write(
        &self,
        found: &Found,
        mut output: Output,
        (path, format): (&Path, Option<AlertFormat>),
        suppressed: Option<Output>,
        threads: usize,
    ) -> Result<(), Error> {
        let is_terminal = path == Path::new("-") && io::stdout().is_terminal();
        let usual = if is_terminal { AlertFormat::Table } else { AlertFormat::Jsonl };
        write_alerts(&found.findings.alerts, format.unwrap_or(usual), &mut output, is_terminal, threads)
            .map_err(|error| Error::output(path, error))?;
        output.finish()?;
        match suppressed {
            Some(output) => {
                write_all(output, alerts::jsonl(&found.findings.suppressed).as_bytes(), self.suppressed.as_deref())
            }
            None => Ok(()),
        }
    }

    /// The exit status that follows from what was found.
    pub fn status(&self, found: &Found) -> ExitStatus {
        let reached = |alert: &Alert| self.fail_on.is_some_and(|level| alert.severity >= level);
        let limited = if found.findings.limited { ExitStatus::Limit } else { ExitStatus::Done };
        let alerted = if found.findings.alerts.iter().any(reached) { ExitStatus::Alert } else { ExitStatus::Done };
        limited.max(alerted)
    }
}

impl Found {
    /// How many alerts there are.
    pub fn alerts(&self) -> usize {
        self.findings.alerts.len()
    }

    /// How many alerts the configuration keeps quiet.
    pub fn suppressed(&self) -> u64 {
        self.findings.suppressed.len() as u64
    }
}

/// Writes all of a file.
pub fn write_all(mut output: Output, bytes: &[u8], path: Option<&Path>) -> Result<(), Error> {
    output.write_all(bytes).map_err(|error| Error::output(path.unwrap_or(Path::new("-")), error))?;
    output.finish()
}

/// Alerts whose text is in memory at a time.
const ALERTS_AT_ONCE: usize = 256;

fn write_alerts(
    alerts: &[Alert],
    format: AlertFormat,
    output: &mut Output,
    is_terminal: bool,
    threads: usize,
) -> io::Result<()> {
    match format {
        AlertFormat::Json => output.write_all(alerts::json_array(alerts).as_bytes()),
        AlertFormat::Jsonl | AlertFormat::Ocsf => {
            let lines = if format == AlertFormat::Ocsf { ocsf::jsonl } else { alerts::jsonl };
            on_threads(threads, || {
                alerts.chunks(ALERTS_AT_ONCE).try_for_each(|part| output.write_all(lines(part).as_bytes()))
            })
            .map_err(io::Error::other)?
        }
        AlertFormat::Csv => output.write_all(alerts::csv(alerts).as_bytes()),
        AlertFormat::Table => {
            let width = is_terminal.then(output::terminal_width).flatten();
            output.write_all(alerts::table(alerts, width).as_bytes())
        }
    }
}
