//! The command line. The only place that prints to stderr or decides how the program ends.

mod athena_lint;
mod baseline;
mod case;
mod compact;
mod completions;
mod coverage;
mod ddl;
mod demo;
mod detect;
mod detectors;
mod eval;
mod evidence;
mod exit;
mod export;
mod exposure;
mod input;
mod output;
mod recover;
mod report;
mod rules;
mod selection;
mod summary;
mod table;
mod timeline;
mod values;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use exit::ExitStatus;
use s3sleuth::report::safe::printable;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// Reads S3 server access logs and CloudTrail, raises alerts and writes Athena-ready Parquet. Offline.
#[derive(Parser)]
#[command(name = "s3sleuth", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    quiet: bool,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and everything was read
  1  --fail-on LEVEL was given and an alert reached it
  2  usage: nothing was processed
  3  done, but not everything could be read: a file skipped or cut short, or rejects over --max-rejects; or an exported
     folder is not as its manifest says; or verify could not verify a file
  4  output failed
  5  a check found violations; or evidence is not as the manifest of --case says; or eval missed what --min-found and --max-false-alerts ask for
  6  a resource limit was hit (--max-memory, --max-decompressed, --max-line)
Of several the first of 2, 4, 6, 3, 5, 1. Data goes to stdout, everything else to stderr.";

#[derive(Subcommand)]
enum Command {
    /// Run the detectors over logs and print alerts
    Detect(detect::Arguments),
    /// Learn from logs of the past what is usual, for detect --baseline
    Baseline(baseline::Arguments),
    /// Tell what logs are there and what is missing, by account, region, bucket and day
    Coverage(coverage::Arguments),
    /// Write logs as Parquet for Athena, or as JSONL, CSV or Arrow
    Export(export::Arguments),
    /// Tell what happened in the order of time, from both logs, each row with its places
    Timeline(timeline::Arguments),
    /// Tell what a caller, address or alert reached: objects, how much of each, and the sums
    Exposure(exposure::Arguments),
    /// Tell what was deleted or overwritten, whether it can be brought back, and how
    Recover(recover::Arguments),
    /// Write one page of HTML for people: alerts with their evidence, plots, who did what, what could not be seen
    Report(report::Arguments),
    /// Merge the small files of an exported folder
    Compact(compact::Arguments),
    /// Print the statements that make tables of an exported folder
    Ddl(ddl::Arguments),
    /// Check folders of Parquet files, whoever wrote them, for what Athena needs
    AthenaLint(athena_lint::Arguments),
    /// Check offline that log files of CloudTrail are as they were delivered, by its signed digests
    Verify(verify::Arguments),
    /// Write down evidence with its hashes, and find out what has changed since
    Case(case::Arguments),
    /// Score the detectors on logs of which it is known what happened in them
    Eval(eval::Arguments),
    /// Write two days of logs with an incident in them, to try everything on, and print the commands that solve it
    Demo(demo::Arguments),
    /// List and explain the detectors
    Rules(rules::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print the manual page (roff)
    Man(completions::ManArguments),
}

/// `--quiet`, for the whole run.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Is nothing but errors to be said?
fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Lines for people, on stderr, unless they want none.
fn say(text: &str) {
    if !is_quiet() {
        complain(text);
    }
}

/// What is wrong, on stderr. Nobody need be listening.
fn complain(text: &str) {
    let mut safe: Vec<_> = text.lines().map(printable).collect();
    safe.push("".into());
    let _nobody_listens = std::io::stderr().write_all(safe.join("\n").as_bytes());
}

/// A panic on hostile input is told as what became of the file; any other is a bug and is printed.
fn print_no_guarded_panics() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !s3sleuth::decode::is_guarded() {
            print(panic);
        }
    }));
}

/// Runs the program.
pub fn main() -> ExitCode {
    print_no_guarded_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap, and go to stdout with success.
            let status = if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done };
            let _closed_pipe = error.print();
            return status.into();
        }
    };
    QUIET.store(cli.quiet, Ordering::Relaxed);
    let outcome = match cli.command {
        Command::Detect(arguments) => detect::run(&arguments),
        Command::Baseline(arguments) => baseline::run(&arguments),
        Command::Coverage(arguments) => coverage::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Timeline(arguments) => timeline::run(&arguments),
        Command::Exposure(arguments) => exposure::run(&arguments),
        Command::Recover(arguments) => recover::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compact(arguments) => compact::run(&arguments),
        Command::Ddl(arguments) => ddl::run(&arguments),
        Command::AthenaLint(arguments) => athena_lint::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Case(arguments) => case::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, &mut Cli::command()),
        Command::Man(arguments) => completions::man(&arguments, Cli::command()),
    };
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            let status = ExitStatus::of(&error);
            if status != ExitStatus::Done {
                complain(&format!("s3sleuth: {error:#}"));
            }
            status.into()
        }
    }
}
