//! `s3sleuth report`.

use super::detectors::{DetectorArguments, Found};
use super::exit::ExitStatus;
use super::input::{InputArguments, Told};
use super::output::Output;
use super::selection::{SelectionArguments, may_belong};
use clap::Args;
use s3sleuth::coverage::{Coverage, CoverageStage};
use s3sleuth::decode::{ContentHash, HashKind, InputFacts};
use s3sleuth::detect::{Alert, DetectStage, Rule};
use s3sleuth::error::Error;
use s3sleuth::overview::{Overview, OverviewStage};
use s3sleuth::parse::time::format_iso;
use s3sleuth::pipeline::Both;
use s3sleuth::report::count::{counted, grouped};
use s3sleuth::report::html::{Facts, InputFile, page};
use s3sleuth::source::{self, Inputs};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `report`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth report logs/ -o report.html
  s3sleuth report logs/ --config s3sleuth.toml --baseline usual.baseline --since 7d -o week.html
  s3sleuth report logs/ --bucket 'amzn-s3-demo-*' -o data.html
  s3sleuth report logs/ --principal backup-admin -o who.html

A selection narrows figures, plots and tables to its requests, coverage to the places that these name, and alerts to those
that do not contradict it. The detectors see all records.")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    detectors: DetectorArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    /// File for the page; - for stdout
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
}

/// What was found out of the logs.
struct Seen {
    found: Found,
    /// Of the alerts those that are shown.
    alerts: Vec<Alert>,
    coverage: Coverage,
    overview: Overview,
}

/// Reports.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, detectors, selection: asked, .. } = arguments;
    let config = detectors.read_config()?;
    let chosen = detectors.rules(&config)?;
    input.check_paths()?;
    let mut selection = asked.selection()?;
    let others: Vec<&Path> = detectors.suppressed.as_deref().into_iter().collect();
    let read: Vec<&Path> = arguments.read_beside().map(|(path, _)| path).collect();
    let inputs = input.inputs(&arguments.output, &others, &read)?;
    let output = Output::open(&arguments.output, input.force)?;
    let suppressed = detectors.open_suppressed(input.force)?;
    let (not_followed, followed) = asked.follow(&mut selection, input, &inputs)?;
    let detection = DetectStage::new(&chosen.rules, &config);
    let coverage = CoverageStage::of(&selection);
    let overview = OverviewStage::of(&selection, inputs.files.len());
    let others = Both(&coverage, &overview);
    // Detection first: it touches little memory, so the block is still in the cache for the others.
    let ((worker, (coverage_worker, overview_worker)), mut told) =
        input.run(&inputs, None, &Both(&detection, &others))?;
    let threads = input.threads();
    let mut found = detectors.finish(&detection, worker, (&mut told, &chosen.not_read), threads)?;
    let coverage_seen = coverage.finish(coverage_worker);
    told.incomplete.extend_from_slice(&not_followed);
    found.notes.extend(may_belong(coverage_seen.selected).into_iter().chain(not_followed));
    let alerts = found.list().iter().filter(|alert| selection.allows(alert)).cloned().collect();
    let seen = Seen { found, alerts, coverage: coverage_seen, overview: overview.finish(overview_worker) };
    write(arguments, &seen, &told, (&chosen.rules, &inputs, &overview), output)?;
    detectors.write_suppressed(&seen.found, suppressed)?;
    asked.not_found(&seen.coverage).iter().for_each(|note| input.say(note));
    let limited = if seen.coverage.left_out.is_empty() { ExitStatus::Done } else { ExitStatus::Limit };
    let status = input.tell(told, seen.found.suppressed(), &seen.found.notes)?;
    input.say(&seen.count());
    Ok(status.max(detectors.status(&seen.found)).max(limited).max(followed))
}

impl Arguments {
    /// The files that are read beside the logs, with their options.
    fn read_beside(&self) -> impl Iterator<Item = (&Path, &'static str)> {
        self.detectors.read().chain(self.selection.alerts_file().map(|path| (path, "--alerts")))
    }
}

impl Seen {
    /// Alerts that the selection leaves out.
    fn not_selected(&self) -> u64 {
        (self.found.alerts() - self.alerts.len()) as u64
    }

    /// How many alerts there are.
    fn count(&self) -> String {
        let all = counted(self.found.alerts() as u64, "alert");
        match self.not_selected() {
            0 => all,
            number => format!("{all}; the selection leaves {} out of the page", grouped(number)),
        }
    }
}

fn write(
    arguments: &Arguments,
    seen: &Seen,
    told: &Told,
    (rules, inputs, stage): (&[&'static Rule], &Inputs, &OverviewStage<'_>),
    mut output: Output,
) -> Result<(), Error> {
    let case = arguments.input.held();
    let recorded = |index: usize| case.and_then(|held| held.inputs[index].as_ref());
    let named = inputs.files.iter().map(|input| &*input.name).enumerate();
    let files: Vec<InputFile<'_>> = named
        .map(|(index, name)| InputFile { name, facts: stage.inputs().facts(index), recorded: recorded(index) })
        .collect();
    let beside = beside(arguments)?;
    let beside: Vec<(&'static str, InputFile<'_>)> = beside
        .iter()
        .map(|(option, name, facts)| (*option, InputFile { name, facts: *facts, recorded: None }))
        .collect();
    let text = page(&Facts {
        alerts: &seen.alerts,
        suppressed: seen.found.suppressed(),
        not_selected: seen.not_selected(),
        rules,
        notes: &seen.found.notes,
        inferred: &told.inferred,
        run: &told.report,
        overview: &seen.overview,
        coverage: &seen.coverage,
        case,
        inputs: &files,
        beside: &beside,
        options: &options(arguments),
        selection: &arguments.selection.told(),
    });
    output.write_all(text.as_bytes()).map_err(|error| Error::output(&arguments.output, error))?;
    output.finish()
}

/// What was read beside the logs: options, names and hashes. Folders of rules are looked through.
type Beside = (&'static str, String, Option<InputFacts>);

fn beside(arguments: &Arguments) -> Result<Vec<Beside>, Error> {
    let mut all = Vec::new();
    for (path, option) in arguments.read_beside() {
        let found = source::collect(&[path]).map_err(|error| Error::Usage(error.to_string()))?;
        all.extend(
            found.files.into_iter().map(|file| (option, file.name.to_string(), file.path().and_then(facts))),
        );
    }
    Ok(all)
}

fn facts(path: &Path) -> Option<InputFacts> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let hash = ContentHash::of_reader(HashKind::Blake3, file).ok();
    Some(InputFacts { size: metadata.len(), modified: metadata.modified().ok(), hash })
}

/// Which of the logs were read.
fn options(arguments: &Arguments) -> Vec<(&'static str, String)> {
    let (since, until) = arguments.input.time_range();
    let times = [("since", since), ("until", until)];
    times.into_iter().filter_map(|(name, time_ms)| Some((name, format_iso(time_ms?)))).collect()
}
