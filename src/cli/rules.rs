//! `s3sleuth rules`.

use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, Subcommand};
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
}

/// Lists or explains.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
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
    };
    let mut output = Output::stdout();
    output.write_all(text.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(ExitStatus::Done)
}
