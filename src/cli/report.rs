//! `s3sleuth report`.

use super::detectors::{DetectorArguments, Found};
use super::exit::ExitStatus;
use super::input::{InputArguments, Told};
use super::output::Output;
use clap::Args;
use s3sleuth::coverage::{Coverage, CoverageStage};
use s3sleuth::decode::{ContentHash, HashKind, InputFacts};
use s3sleuth::detect::{Alert, DetectStage, Rule};
use s3sleuth::error::Error;
use s3sleuth::overview::{Overview, OverviewStage};
use s3sleuth::parse::time::format_iso;
use s3sleuth::pipeline::Both;
use s3sleuth::report::count::counted;
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
  s3sleuth report logs/ --bucket amzn-s3-demo-data -o data.html")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    detectors: DetectorArguments,
    /// Only this bucket in plots, tables and alerts, beside alerts that name no bucket; repeatable. The detectors see all
    /// records
    #[arg(long, value_name = "NAME")]
    bucket: Vec<String>,
    /// File for the page; - for stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// What was found out of the logs.
struct Seen {
    found: Found,
    coverage: Coverage,
    overview: Overview,
}

/// Reports.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, detectors, .. } = arguments;
    let config = detectors.read_config()?;
    let chosen = detectors.rules(&config)?;
    input.check_paths()?;
    let others: Vec<&Path> = detectors.suppressed.as_deref().into_iter().collect();
    let read: Vec<&Path> = detectors.read().map(|(path, _)| path).collect();
    let inputs = input.inputs(&arguments.output, &others, &read)?;
    let output = Output::open(&arguments.output, input.force)?;
    let suppressed = detectors.open_suppressed(input.force)?;
    let detection = DetectStage::new(&chosen.rules, &config);
    let coverage = CoverageStage::new(arguments.bucket.iter().cloned());
    let overview = OverviewStage::new(arguments.bucket.iter().cloned(), inputs.files.len());
    let others = Both(&coverage, &overview);
    // Detection first: it touches little memory, so the block is still in the cache for the others.
    let ((worker, (coverage_worker, overview_worker)), mut told) =
        input.run(&inputs, None, &Both(&detection, &others))?;
    let threads = input.threads();
    let found = detectors.finish(&detection, worker, (&mut told, &chosen.not_read), threads)?;
    let coverage_seen = coverage.finish(coverage_worker);
    let seen = Seen { found, coverage: coverage_seen, overview: overview.finish(overview_worker) };
    write(arguments, &seen, &told, (&chosen.rules, &inputs, &overview), output)?;
    detectors.write_suppressed(&seen.found, suppressed)?;
    let Seen { found, coverage, .. } = seen;
    let limited = if coverage.left_out.is_empty() { ExitStatus::Done } else { ExitStatus::Limit };
    let status = input.tell(told, found.suppressed(), &found.notes)?;
    input.say(&counted(found.alerts() as u64, "alert"));
    Ok(status.max(detectors.status(&found)).max(limited))
}

fn write(
    arguments: &Arguments,
    seen: &Seen,
    told: &Told,
    (rules, inputs, stage): (&[&'static Rule], &Inputs, &OverviewStage),
    mut output: Output,
) -> Result<(), Error> {
    let is_wanted = |alert: &&Alert| {
        arguments.bucket.is_empty() || alert.bucket.as_ref().is_none_or(|bucket| arguments.bucket.contains(bucket))
    };
    let alerts: Vec<Alert> = seen.found.list().iter().filter(is_wanted).cloned().collect();
    let files: Vec<InputFile<'_>> = inputs
        .files
        .iter()
        .enumerate()
        .map(|(index, input)| InputFile { name: &input.name, facts: stage.inputs().facts(index) })
        .collect();
    let beside = beside(&arguments.detectors)?;
    let beside: Vec<(&'static str, InputFile<'_>)> =
        beside.iter().map(|(option, name, facts)| (*option, InputFile { name, facts: *facts })).collect();
    let text = page(&Facts {
        alerts: &alerts,
        suppressed: seen.found.suppressed(),
        of_other_buckets: (seen.found.alerts() - alerts.len()) as u64,
        rules,
        notes: &seen.found.notes,
        inferred: &told.inferred,
        run: &told.report,
        overview: &seen.overview,
        coverage: &seen.coverage,
        inputs: &files,
        beside: &beside,
        options: &options(arguments),
    });
    output.write_all(text.as_bytes()).map_err(|error| Error::output(&arguments.output, error))?;
    output.finish()
}

/// What was read beside the logs: options, names and hashes. Folders of rules are looked through.
type Beside = (&'static str, String, Option<InputFacts>);

fn beside(detectors: &DetectorArguments) -> Result<Vec<Beside>, Error> {
    let mut all = Vec::new();
    for (path, option) in detectors.read() {
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

/// What was chosen of the logs.
fn options(arguments: &Arguments) -> Vec<(&'static str, String)> {
    let (since, until) = arguments.input.time_range();
    let times = [("since", since), ("until", until)];
    let mut options: Vec<(&'static str, String)> =
        times.into_iter().filter_map(|(name, time_ms)| Some((name, format_iso(time_ms?)))).collect();
    options.extend(arguments.bucket.iter().map(|bucket| ("bucket", bucket.clone())));
    options
}
