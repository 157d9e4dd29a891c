//! `s3sleuth rules`.

use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, Subcommand, ValueEnum};
use s3sleuth::detect::sample_run::{Tried, try_rule};
use s3sleuth::detect::{self, RULES};
use s3sleuth::error::Error;
use std::io::Write;

/// Arguments of `rules`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line a detector: id, severity, name, title
    List,
    /// What a detector looks for, why, what it cannot see, and what to do next
    Explain {
        /// Such as LOG-001
        id: String,
    },
    /// Try every detector on its own samples; exit 5 if one fires where it must not, or does not where it must
    Test {
        /// Form of the result
        #[arg(long, default_value = "table")]
        format: TestFormat,
    },
}

/// Forms of the result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// One JSON array.
    Json,
    /// A line a detector.
    Table,
}

/// Lists or explains.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let mut status = ExitStatus::Done;
    let text = match &arguments.command {
        Command::List => RULES
            .iter()
            .map(|rule| format!("{:<8} {:<8} {:<24} {}\n", rule.id, rule.severity.name(), rule.name, rule.title))
            .collect(),
        Command::Explain { id } => {
            let rule = detect::rule(id)
                .ok_or_else(|| Error::Usage(format!("no detector {id}; s3sleuth rules list shows all")))?;
            detect::manual::manual(rule)
        }
        Command::Test { format } => {
            let tried: Vec<Tried> = RULES.iter().map(|rule| try_rule(rule)).collect();
            let violations: Vec<&str> =
                tried.iter().flat_map(|tried| &tried.violations).map(String::as_str).collect();
            if !violations.is_empty() {
                super::say(&violations.join("\n"));
                status = ExitStatus::Violation;
            }
            tested(&tried, *format)
        }
    };
    let mut output = Output::stdout();
    output.write_all(text.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(status)
}

fn tested(tried: &[Tried], format: TestFormat) -> String {
    match format {
        TestFormat::Json => serde_json::to_string_pretty(tried).expect("numbers and texts are JSON") + "\n",
        TestFormat::Table => tried
            .iter()
            .map(|tried| {
                let verdict = if tried.violations.is_empty() { "ok" } else { "VIOLATION" };
                format!("{:<8} fired {} silent {} {verdict}\n", tried.id, tried.fired, tried.silent)
            })
            .collect(),
    }
}
