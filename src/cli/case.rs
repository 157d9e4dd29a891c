//! `s3sleuth case`.

use super::exit::ExitStatus;
use super::output::Output;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use s3sleuth::case::{self, Case, FileCheck, Left, MANIFEST, Taking, Verdict};
use s3sleuth::error::Error;
use s3sleuth::report::case as report;
use s3sleuth::report::count::counted;
use s3sleuth::report::safe::printable;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Arguments of `case`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write down every file of the evidence: path, size, time of change, SHA-256
    Init(InitArguments),
    /// Hold the evidence against what was written down: changed, missing and new files; exit 5 if there are any
    Check(CheckArguments),
}

#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth case init case/ logs/                 writes case/manifest.jsonl, and prints its SHA-256: note it elsewhere
  s3sleuth case check case/
  s3sleuth detect logs/ --case case/             refuses evidence that has changed since")]
struct InitArguments {
    /// Folder of the case, outside of the evidence; it gets manifest.jsonl
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The evidence: files, and folders with all that lies in them
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth case check case/
  s3sleuth case check case/ --sha256 4be1…       the manifest has to be the one whose hash was noted
  s3sleuth case check case/ /mnt/copy/logs       the evidence lies elsewhere now

Exit codes: 5 if a file changed, is missing or is new, or if the manifest was changed; 3 before that if a file cannot be
read.")]
struct CheckArguments {
    /// Folder of the case
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the evidence lies now, in the order of the manifest's roots [default: where it lay]
    #[arg(value_name = "PATH")]
    moved: Vec<PathBuf>,
    /// The SHA-256 of the manifest, as case init printed it
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Form of the result [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<CheckFormat>,
}

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people: what is not as it was, and a summary.
    Table,
    /// One JSON object: files, summary.
    Json,
    /// A line a file; the summary on stderr.
    Jsonl,
}

/// Files that are named on stderr.
const NAMED: usize = 20;

/// Writes a manifest, or holds evidence against one.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    match &arguments.command {
        Command::Init(arguments) => init(arguments),
        Command::Check(arguments) => check(arguments),
    }
}

/// The command line as it is written down.
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

fn init(arguments: &InitArguments) -> anyhow::Result<ExitStatus> {
    let folder = &arguments.folder;
    let roots = roots(&arguments.paths)?;
    // It may not exist yet.
    let outer = folder.ancestors().find_map(|folder| std::fs::canonicalize(if_empty(folder)).ok());
    if let Some(root) = outer.and_then(|outer| roots.iter().find(|root| outer.starts_with(root))) {
        let reason = "what is written there would be evidence; name a folder outside";
        return Err(Error::Usage(format!("{} lies in {}: {reason}", folder.display(), root.display())).into());
    }
    let written = case::write(&Taking { folder, roots: &roots, arguments: &command_line() })?;
    let manifest = folder.join(MANIFEST);
    print(|output| writeln!(output, "{}  {}", written.sha256, manifest.display()))?;
    let files = counted(written.files, "file");
    super::say(&format!("{files}, {} written down; note the hash elsewhere", counted(written.bytes, "byte")));
    say_left(&written.left);
    let is_unread = written.left.iter().any(|left| left.is_unread);
    Ok(if is_unread { ExitStatus::Incomplete } else { ExitStatus::Done })
}

/// The current folder has an empty name among the ancestors of a relative path.
fn if_empty(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn roots(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let missing = |(path, error): (PathBuf, std::io::Error)| Error::Input {
        path: path.display().to_string(),
        reason: format!("{error}; name files and folders"),
    };
    Ok(case::roots(paths).map_err(missing)?)
}

fn say_left(left: &[Left]) {
    for left in left.iter().take(NAMED) {
        let (path, reason) = (left.path.to_string_lossy(), printable(&left.reason));
        super::say(&format!("not in the manifest: {}: {reason}", printable(&path)));
    }
    if left.len() > NAMED {
        super::say(&format!("not in the manifest: {} more", left.len() - NAMED));
    }
}

fn check(arguments: &CheckArguments) -> anyhow::Result<ExitStatus> {
    let moved = arguments.moved.iter().map(std::fs::canonicalize).collect::<Result<Vec<_>, _>>();
    let moved = moved.context("cannot read where the evidence lies now")?;
    let case = Case::open(&arguments.folder, &moved)?;
    if arguments.sha256.as_ref().is_some_and(|noted| !noted.eq_ignore_ascii_case(&case.sha256)) {
        let manifest = arguments.folder.join(MANIFEST);
        let reason = format!("its SHA-256 is {}: it is not the manifest that was noted", case.sha256);
        return Err(Error::Evidence(format!("{}: {reason}", manifest.display())).into());
    }
    if !moved.is_empty() && moved.len() != case.roots().len() {
        let roots: Vec<String> = case.roots().iter().map(|root| root.display().to_string()).collect();
        let reason = format!("name as many places as the manifest has: {}", roots.join(", "));
        return Err(Error::Usage(reason).into());
    }
    let checks = case::check(&case);
    let on_terminal = || if std::io::stdout().is_terminal() { CheckFormat::Table } else { CheckFormat::Jsonl };
    let format = arguments.format.unwrap_or_else(on_terminal);
    print(|output| match format {
        CheckFormat::Table => report::table(&checks, output),
        CheckFormat::Json => report::json(&checks, output),
        CheckFormat::Jsonl => report::jsonl(&checks, output),
    })?;
    if format == CheckFormat::Jsonl {
        super::say(&report::summary(&checks));
    }
    super::say(&format!("manifest: {}, SHA-256 {}", counted(case.files() as u64, "file"), case.sha256));
    Ok(status(&checks))
}

fn status(checks: &[FileCheck]) -> ExitStatus {
    let worst = checks.iter().map(|check| check.verdict).max();
    match worst {
        Some(Verdict::Unreadable) => ExitStatus::Incomplete,
        None | Some(Verdict::Ok) => ExitStatus::Done,
        Some(Verdict::Changed | Verdict::Missing | Verdict::New) => ExitStatus::Violation,
    }
}

fn print(write: impl FnOnce(&mut Output) -> std::io::Result<()>) -> Result<(), Error> {
    let mut output = Output::stdout();
    write(&mut output).map_err(|error| Error::output("stdout", error))?;
    output.finish()
}
