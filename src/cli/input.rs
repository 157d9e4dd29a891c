//! What every command that reads logs takes: paths, a time range, limits, and how to tell of the run.

use super::evidence::EvidenceArguments;
use super::exit::ExitStatus;
use super::output::{self, Output};
use super::{summary, values};
use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use s3sleuth::case::Held;
use s3sleuth::decode::Limits;
use s3sleuth::error::Error;
use s3sleuth::export::RowFilter;
use s3sleuth::ledger::{FileOutcome, FileStatus};
use s3sleuth::parse::LogType;
use s3sleuth::pipeline::{Report, Settings, Stage, run};
use s3sleuth::source::{self, Inputs};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Share of `--max-memory` that holds fingerprints of CloudTrail events.
const DEDUP_SHARE: u64 = 4;

/// Input and reporting options.
#[derive(Args)]
pub struct InputArguments {
    /// Files, folders, patterns, archives (.tar, .tar.gz, .zip), or - for stdin
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only events from this time on: 2026-11-01, 2026-11-01T12:00:00Z, or 7d back from now
    #[arg(long, value_name = "TIME", value_parser = values::instant, allow_hyphen_values = true)]
    since: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = values::instant, allow_hyphen_values = true)]
    until: Option<i64>,
    /// Keep CloudTrail events that were already read from another file
    #[arg(long)]
    keep_duplicates: bool,
    /// Drop access-log lines that repeat an earlier line as a whole
    #[arg(long)]
    dedup: bool,
    /// Worker threads [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Memory: a quarter of it for fingerprints of CloudTrail events, which are spilled to disk over it
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = values::size)]
    max_memory: u64,
    /// Most bytes that one compressed file may expand to
    #[arg(long, value_name = "SIZE", default_value = "100GiB", value_parser = values::size)]
    max_decompressed: u64,
    /// Longest line or record
    #[arg(long, value_name = "SIZE", default_value = "4MiB", value_parser = values::size)]
    max_line: u64,
    /// Share of lines that may be refused before the exit code is 3
    #[arg(long, value_name = "SHARE", default_value = "0.1%", value_parser = values::share)]
    pub max_rejects: f64,
    /// Write every refused line or record to this file, as JSONL
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Write what was read and what not to this file, as JSON
    #[arg(long, value_name = "FILE")]
    summary_json: Option<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceArguments,
    /// Replace output files that exist
    #[arg(long)]
    pub force: bool,
    /// Name every file that was not read whole, and why
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
}

/// A finished run, still to be told.
pub struct Told {
    /// What was read.
    pub report: Report,
    /// What the input shows beyond the configuration, a sentence each.
    pub inferred: Vec<String>,
    /// Of what is not evaluated, what does not come of the records: it is said also where there are none.
    pub incomplete: Vec<String>,
    /// Other inputs were done before: that these hold nothing says little.
    pub is_rest: bool,
    /// Were rows of one log asked for?
    is_one_log: bool,
    started: Instant,
    /// Opened before the run, so that nothing is processed in vain.
    summary_output: Option<Output>,
}

impl InputArguments {
    /// Finds the inputs, and holds them against the manifest of a case if one was named. `output` is where the command writes to: evidence is never written over, nor is one output
    /// over another; `others` are more files that it writes, `read` those that it reads beside the logs.
    pub fn inputs(&self, output: &Path, others: &[&Path], read: &[&Path]) -> anyhow::Result<Inputs> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since >= until
        {
            return Err(Error::Usage("--since must be earlier than --until".to_owned()).into());
        }
        let mut inputs = source::collect(&self.paths).context("cannot read")?;
        if output.is_dir() {
            self.leave_out(output, &mut inputs)?;
        }
        let outputs = [Some(output), self.rejects.as_deref(), self.summary_json.as_deref()];
        let mut taken: Vec<PathBuf> = Vec::new();
        let others = others.iter().copied();
        for path in outputs.into_iter().flatten().chain(others).filter(|path| *path != Path::new("-")) {
            let Ok(real) = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)) else { continue };
            let regular = real.is_file();
            let is_input = |input: &source::Input| input.path().is_some_and(|path| same_file(path, &real));
            // Few, so that links of another name are looked up too.
            let is_read = |path: &&Path| std::fs::canonicalize(path).is_ok_and(|path| path == real);
            if regular && (inputs.files.iter().any(is_input) || read.iter().any(is_read)) {
                return Err(Error::Usage(format!("{} is an input; it is not written over", path.display())).into());
            }
            if taken.contains(&real) && (regular || !real.exists()) {
                return Err(Error::Usage(format!("{} is named for two outputs", path.display())).into());
            }
            taken.push(real);
        }
        self.evidence.hold(&self.paths, &inputs)?;
        Ok(inputs)
    }

    /// The inputs, held against the manifest of a case if one was named.
    pub fn held(&self) -> Option<&Held> {
        self.evidence.held()
    }

    /// Is anything to be read?
    pub fn check_paths(&self) -> Result<(), Error> {
        match self.paths.is_empty() {
            true => Err(Error::Usage("no PATH given: name files or folders with logs, or - for stdin".to_owned())),
            false => Ok(()),
        }
    }

    /// What lies in the output folder is not read: it would be there twice, and again with each run.
    fn leave_out(&self, output: &Path, inputs: &mut Inputs) -> Result<(), Error> {
        let Ok(real) = output.canonicalize() else { return Ok(()) };
        for path in &self.paths {
            let Ok(real_path) = path.canonicalize() else { continue };
            if real_path.starts_with(&real) {
                let (path, output) = (path.display(), output.display());
                return Err(Error::Usage(format!(
                    "{path} lies in the output folder {output}: name another folder"
                )));
            }
            let Ok(below) = real.strip_prefix(&real_path) else { continue };
            let folder = path.join(below);
            let is_below = |input: &source::Input| input.path().is_some_and(|path| path.starts_with(&folder));
            inputs.left_out.extend(inputs.files.extract_if(.., |input| is_below(input)).map(|input| {
                FileOutcome {
                    name: input.name,
                    status: FileStatus::Ignored("it lies in the output folder".to_owned()),
                    limit_hit: false,
                    bytes: 0,
                }
            }));
        }
        Ok(())
    }

    /// Files that the command reads for other ends are no logs, also if they lie beside them.
    pub fn leave_out_files(files: &[(&Path, &str)], inputs: &mut Inputs) {
        for (path, option) in files {
            let Ok(real) = path.canonicalize() else { continue };
            let is_it = |input: &source::Input| input.path().is_some_and(|path| same_file(path, &real));
            let left_out = inputs.files.extract_if(.., |input| is_it(input)).map(|input| FileOutcome {
                name: input.name,
                status: FileStatus::Ignored(format!("it is the file of {option}")),
                limit_hit: false,
                bytes: 0,
            });
            inputs.left_out.extend(left_out);
        }
    }

    /// Which rows the run lets through.
    pub fn row_filter(&self, only: Option<LogType>) -> RowFilter {
        RowFilter {
            only,
            since_ms: self.since,
            until_ms: self.until,
            keep_duplicates: self.keep_duplicates,
            dedup_lines: self.dedup,
        }
    }

    /// Worker threads.
    pub fn threads(&self) -> usize {
        self.threads
            .map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |threads| threads.into())
    }

    /// Reads the inputs through the stage, with a progress bar if a person looks on.
    pub fn run<S: Stage>(
        &self,
        inputs: &Inputs,
        only: Option<LogType>,
        stage: &S,
    ) -> anyhow::Result<(S::Worker, Told)> {
        self.run_under(inputs, &self.settings(only), stage)
    }

    /// The same over records of all times: what came before the time range, and what came after it, tells of what is in
    /// it.
    pub fn run_over_all_times<S: Stage>(&self, inputs: &Inputs, stage: &S) -> anyhow::Result<(S::Worker, Told)> {
        self.run_under(inputs, &Settings { since_ms: None, until_ms: None, ..self.settings(None) }, stage)
    }

    /// The time range as asked for, in milliseconds.
    pub fn time_range(&self) -> (Option<i64>, Option<i64>) {
        (self.since, self.until)
    }

    fn run_under<S: Stage>(
        &self,
        inputs: &Inputs,
        settings: &Settings,
        stage: &S,
    ) -> anyhow::Result<(S::Worker, Told)> {
        let started = Instant::now();
        let open = |path: &Option<PathBuf>| path.as_deref().map(|path| Output::open(path, self.force)).transpose();
        let summary_output = open(&self.summary_json)?;
        let mut rejects = open(&self.rejects)?;
        let (worker, report) = self.run_with(inputs, settings, stage, rejects.as_mut())?;
        if let Some(output) = rejects {
            output.finish()?;
        }
        let told = Told {
            report,
            inferred: Vec::new(),
            incomplete: Vec::new(),
            is_rest: false,
            is_one_log: settings.only.is_some(),
            started,
            summary_output,
        };
        Ok((worker, told))
    }

    /// Reads the inputs through a stage that needs to know what lies before the time range and tells of nothing: the
    /// inputs will be read again.
    pub fn look_ahead<S: Stage>(&self, inputs: &Inputs, stage: &S) -> Result<(), Error> {
        let settings =
            Settings { since_ms: None, keep_duplicates: true, dedup_lines: false, ..self.settings(None) };
        self.run_with(inputs, &settings, stage, None).map(drop)
    }

    fn settings(&self, only: Option<LogType>) -> Settings {
        let limits = Limits {
            max_line: usize::try_from(self.max_line.max(1)).unwrap_or(Limits::MAX_LINE).min(Limits::MAX_LINE),
            max_decompressed: self.max_decompressed,
            ..Limits::default()
        };
        Settings {
            threads: self.threads(),
            limits,
            dedup_bytes: (self.max_memory / DEDUP_SHARE) as usize,
            since_ms: self.since,
            until_ms: self.until,
            keep_duplicates: self.keep_duplicates,
            dedup_lines: self.dedup,
            only,
        }
    }

    fn run_with<S: Stage>(
        &self,
        inputs: &Inputs,
        settings: &Settings,
        stage: &S,
        rejects: Option<&mut Output>,
    ) -> Result<(S::Worker, Report), Error> {
        let progress = AtomicU64::new(0);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let bar = scope.spawn(|| self.show_progress(inputs, &progress, &done));
            // Also when a panic passes through here the bar must end, or its thread would be waited for in vain.
            let _end = EndOfBar { done: &done, bar: bar.thread().clone() };
            let writer = rejects.map(|output| output as &mut (dyn Write + Send));
            run(inputs, settings, stage, &progress, writer)
        })
    }

    /// Tells what was read, and gives the exit status of the input.
    pub fn tell(&self, told: Told, suppressed: u64, not_evaluated: &[String]) -> anyhow::Result<ExitStatus> {
        let why_nothing = self.why_nothing(&told);
        let Told { report, mut inferred, mut incomplete, started, summary_output, .. } = told;
        let flagged = self.evidence.flagged();
        let seconds = started.elapsed().as_secs_f64();
        inferred.extend(flagged.clone());
        self.say(&match why_nothing {
            Some(why) => {
                incomplete.extend(flagged);
                summary::text_of_nothing(&report, &why, &incomplete, self.verbose)
            }
            None => summary::text(&report, seconds, suppressed, (&inferred, not_evaluated), self.verbose),
        });
        if let Some(mut output) = summary_output {
            let json = summary::json(&report, seconds, suppressed, (&inferred, not_evaluated));
            let path = self.summary_json.as_deref().unwrap_or(Path::new("-"));
            output.write_all(json.as_bytes()).map_err(|error| Error::output(path, error))?;
            output.finish()?;
        }
        Ok(ExitStatus::of_input(&report.tally, self.max_rejects).max(self.evidence.status()))
    }

    /// Why there were no rows to look at, if there were none.
    fn why_nothing(&self, told: &Told) -> Option<String> {
        let unread = || summary::why_nothing_was_read(&told.report).filter(|_| !told.is_rest);
        let outside = || summary::why_none_in_time(&told.report.tally, self.time_range(), !told.is_one_log);
        unread().or_else(outside)
    }

    /// A line for people.
    pub fn say(&self, text: &str) {
        super::say(text);
    }

    fn show_progress(&self, inputs: &Inputs, progress: &AtomicU64, done: &AtomicBool) {
        if super::is_quiet() || !std::io::stderr().is_terminal() || !output::colour_allowed() {
            return;
        }
        let template = "{wide_bar} {bytes} of {total_bytes} {bytes_per_sec} {eta}";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(inputs.total_size()), ProgressDrawTarget::stderr())
            .with_style(style);
        while !done.load(Ordering::Relaxed) {
            bar.set_position(progress.load(Ordering::Relaxed));
            std::thread::park_timeout(Duration::from_millis(100));
        }
        bar.finish_and_clear();
    }
}

/// Is it this file, whose real path is known? Names differ for nearly all, so that few are looked up.
fn same_file(path: &Path, real: &Path) -> bool {
    path.file_name() == real.file_name() && std::fs::canonicalize(path).is_ok_and(|path| path == real)
}

/// Ends the progress bar when it goes.
struct EndOfBar<'a> {
    done: &'a AtomicBool,
    bar: std::thread::Thread,
}

impl Drop for EndOfBar<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.bar.unpark();
    }
}
