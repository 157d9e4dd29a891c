//! `s3sleuth athena-lint`.

use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, ValueEnum};
use s3sleuth::error::Error;
use s3sleuth::lint::{self, CHECKS, CreateTable, Options, Severity};
use s3sleuth::parse::time::DAY_MS;
use s3sleuth::report::lint as report;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Arguments of `athena-lint`.
#[derive(Args)]
#[command(after_help = format!("{EXAMPLES}\n\nChecks (--list says more):\n{}", names()))]
pub struct Arguments {
    /// Folder with tables: folders of Parquet files or of key=value folders with them
    #[arg(value_name = "DIR", required_unless_present = "list")]
    folder: Option<PathBuf>,
    /// Form of the result
    #[arg(long, default_value = "table")]
    format: LintFormat,
    /// CREATE EXTERNAL TABLE statements to hold the tables against [default: for an export what ddl prints, else
    /// none]
    #[arg(long, value_name = "FILE")]
    ddl: Option<PathBuf>,
    /// Exit with 5 at warnings too
    #[arg(long)]
    strict: bool,
    /// List the checks
    #[arg(long, exclusive = true)]
    list: bool,
}

const EXAMPLES: &str = "\
Examples:
  s3sleuth athena-lint lake/
  s3sleuth athena-lint lake/ --ddl tables.sql --strict --format jsonl";

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// For people: at most 100 findings a check.
    Table,
    /// One JSON object: checks, findings, notes.
    Json,
    /// A line a finding; the checks on stderr.
    Jsonl,
}

/// Larger ones hold no statements that anybody wrote.
const DDL_BYTES: u64 = 16 << 20;

fn names() -> String {
    let lines: Vec<String> = CHECKS.iter().map(|check| format!("  {:>2} {}", check.number, check.name)).collect();
    lines.join("\n")
}

/// Checks, and prints what was found.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Some(folder) = &arguments.folder else {
        let line = |check: &&lint::Check| format!("{:>2} {:<22} {}\n", check.number, check.name, check.asserts);
        print(&CHECKS.iter().map(line).collect::<String>())?;
        return Ok(ExitStatus::Done);
    };
    let statements = arguments.ddl.as_deref().map_or(Ok(Vec::new()), statements)?;
    let today = chrono::Utc::now().timestamp_millis().div_euclid(DAY_MS);
    let found = lint::lint(folder, &Options { statements, today, ..Options::default() })?;
    print(&match arguments.format {
        LintFormat::Table => report::table(&found),
        LintFormat::Json => report::json(&found),
        LintFormat::Jsonl => report::jsonl(&found),
    })?;
    if arguments.format == LintFormat::Jsonl {
        super::say(&report::summary(&found));
    }
    let is_violated = found.count(Severity::Error) > 0 || arguments.strict && found.count(Severity::Warning) > 0;
    let violated = if is_violated { ExitStatus::Violation } else { ExitStatus::Done };
    let read = if found.unreadable.is_empty() { ExitStatus::Done } else { ExitStatus::Incomplete };
    Ok(violated.max(read))
}

fn print(text: &str) -> Result<(), Error> {
    let mut output = Output::stdout();
    output.write_all(text.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()
}

fn statements(path: &Path) -> Result<Vec<CreateTable>, Error> {
    let failed = |reason: String| Error::Input { path: path.display().to_string(), reason };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(DDL_BYTES).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
    lint::parse_ddl(&text).map_err(failed)
}
