//! What every command that runs detectors takes, and how it tells what they found.

use super::baseline;
use super::exit::ExitStatus;
use super::input::Told;
use super::output::{self, Output};
use anyhow::Context;
use clap::{Args, ValueEnum};
use s3sleuth::detect::context::MOST_FILE_BYTES;
use s3sleuth::detect::stage::DetectWorker;
use s3sleuth::detect::{Alert, Config, DetectStage, Findings, RULES, Rule, Severity, sigma, with_parts};
use s3sleuth::error::Error;
use s3sleuth::pipeline::on_threads;
use s3sleuth::report::{alerts, ocsf};
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options of the detectors.
#[derive(Args)]
pub struct DetectorArguments {
    /// Run only this detector, and those whose alerts it is made of; repeatable
    #[arg(long = "rule", value_name = "ID")]
    ids: Vec<String>,
    /// Run the Sigma rules of this file or folder too; repeatable
    #[arg(long = "rules", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// TOML file with what the site knows: accounts, buckets, readers, networks, business hours, decoys, placeholders,
    /// thresholds; docs/baseline.md lists all
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Hold what is seen against what was usual: a file that baseline learn or baseline merge wrote
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Exit with 1 if an alert is at or above this level: info, low, medium, high, critical
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    fail_on: Option<Severity>,
    /// Write the alerts that the configuration keeps quiet to this file, as JSONL
    #[arg(long, value_name = "FILE")]
    pub suppressed: Option<PathBuf>,
}

/// The detectors of a run.
pub struct Chosen {
    /// In the order of the manual, those of users at the end.
    pub rules: Vec<&'static Rule>,
    /// What is wrong with rules of users that could not be read, a sentence each.
    pub not_read: Vec<String>,
}

/// The detector with an id.
///
/// # Errors
/// There is none; names those whose ids are the most like it.
pub fn named(id: &str, rules: &[&'static Rule]) -> Result<&'static Rule, Error> {
    rules.iter().copied().find(|rule| is_id(rule, id)).ok_or_else(|| {
        let asked = id.to_ascii_uppercase();
        let mut ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
        ids.sort_by_key(|id| strsim::levenshtein(&asked, id));
        let nearest = ids.iter().take(NEAREST).copied().collect::<Vec<_>>().join(", ");
        Error::Usage(format!("no detector {id}; the nearest are {nearest}; s3sleuth rules list shows all"))
    })
}

/// Ids that are named where there is none.
const NEAREST: usize = 5;

/// Has the rule that id, in either case?
fn is_id(rule: &Rule, id: &str) -> bool {
    rule.id.eq_ignore_ascii_case(id)
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
    /// Could every rule be read?
    is_complete: bool,
}

/// A severity by its name.
pub fn level(text: &str) -> Result<Severity, String> {
    let names = || Severity::ALL.map(Severity::name).join(", ");
    Severity::parse(text).ok_or_else(|| format!("{text}: expected one of {}", names()))
}

impl DetectorArguments {
    /// The first option that was given, for a command that runs detectors only if asked to.
    pub fn first_given(&self) -> Option<&'static str> {
        let given = [
            (!self.ids.is_empty(), "--rule"),
            (!self.files.is_empty(), "--rules"),
            (self.config.is_some(), "--config"),
            (self.baseline.is_some(), "--baseline"),
            (self.fail_on.is_some(), "--fail-on"),
            (self.suppressed.is_some(), "--suppressed"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The detectors that were chosen, and those of users' rules.
    pub fn rules(&self, config: &Config) -> Result<Chosen, Error> {
        if let Some(missing) = self.files.iter().find(|path| !path.exists()) {
            return Err(Error::Usage(format!("--rules {}: there is no such file or folder", missing.display())));
        }
        let loaded = sigma::load::load(&self.files, &config.placeholders);
        let all: Vec<&'static Rule> = RULES.iter().chain(&loaded.rules).copied().collect();
        if let Some(own) = loaded.rules.iter().find(|own| RULES.iter().any(|rule| is_id(rule, own.id))) {
            return Err(Error::Usage(format!("a rule of --rules has the id {} of a detector", own.id)));
        }
        self.ids.iter().try_for_each(|id| named(id, &all).map(drop))?;
        let is_chosen = |rule: &&Rule| self.ids.is_empty() || self.ids.iter().any(|id| is_id(rule, id));
        let not_read = loaded.complaints.iter().map(|complaint| format!("rule not evaluated: {complaint}"));
        let chosen: Vec<&'static Rule> = all.iter().copied().filter(is_chosen).collect();
        Ok(Chosen { rules: with_parts(&chosen, &all), not_read: not_read.collect() })
    }

    /// The configuration.
    pub fn read_config(&self) -> anyhow::Result<Config> {
        let mut config = match self.config.as_deref() {
            Some(path) => read_config(path)?,
            None => Config::default(),
        };
        if let Some(path) = &self.baseline {
            config.baseline = Some(Arc::new(baseline::read(path)?));
        }
        Ok(config)
    }

    /// The files that are read beside the logs, with their options.
    pub fn read(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        let one = [(&self.config, "--config"), (&self.baseline, "--baseline")];
        let one = one.into_iter().filter_map(|(path, option)| Some((path.as_deref()?, option)));
        one.chain(self.files.iter().map(|path| (path.as_path(), "--rules")))
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
        (told, not_read): (&mut Told, &[String]),
        threads: usize,
    ) -> Result<Found, Error> {
        told.inferred = stage.inferred(&worker);
        let findings = ManuallyDrop::new(on_threads(threads, || stage.finish(worker))?);
        let mut notes = stage.not_evaluated(&told.report.tally.evidence);
        // A rule without its kind of records has been told of: that it lacks a past as well says nothing more.
        let id = |note: &str| note.split_once(": ").map(|(id, _)| id.to_owned());
        let blind_ids: Vec<Option<String>> = notes.iter().map(|note| id(note)).collect();
        notes.extend(stage.without_settings(&told.report.tally.evidence));
        notes.extend(findings.notes.iter().filter(|note| !blind_ids.contains(&id(note))).cloned());
        notes.extend_from_slice(not_read);
        told.incomplete.extend_from_slice(not_read);
        Ok(Found { findings, notes, is_complete: not_read.is_empty() })
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
        self.write_suppressed(found, suppressed)
    }

    /// Writes the alerts that the configuration keeps quiet, if there is a file for them.
    pub fn write_suppressed(&self, found: &Found, suppressed: Option<Output>) -> Result<(), Error> {
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
        let complete = if found.is_complete { ExitStatus::Done } else { ExitStatus::Incomplete };
        limited.max(alerted).max(complete)
    }
}

impl Found {
    /// How many alerts there are.
    pub fn alerts(&self) -> usize {
        self.findings.alerts.len()
    }

    /// The alerts, worst first.
    pub fn list(&self) -> &[Alert] {
        &self.findings.alerts
    }

    /// How many alerts the configuration keeps quiet.
    pub fn suppressed(&self) -> u64 {
        self.findings.suppressed.len() as u64
    }
}

fn read_config(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Files that the configuration names lie beside it, unless it says otherwise.
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut read_file = |name: &str| {
        let path = folder.join(name);
        let mut text = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MOST_FILE_BYTES + 1).read_to_end(&mut text))
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if text.len() as u64 > MOST_FILE_BYTES {
            return Err(format!("{} is larger than {} MiB", path.display(), MOST_FILE_BYTES >> 20));
        }
        Ok(text)
    };
    Ok(Config::from_toml_with(&text, &mut read_file)
        .map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))?)
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
