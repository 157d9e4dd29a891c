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
            let violations = violations(&tried);
            if !violations.is_empty() {
                super::say(&violations.join("\n"));
            }
            status = verdict(&tried);
            tested(&tried, *format)
        }
    };
    let mut output = Output::stdout();
    output.write_all(text.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(status)
}

fn violations(tried: &[Tried]) -> Vec<&str> {
    tried.iter().flat_map(|tried| &tried.violations).map(String::as_str).collect()
}

fn verdict(tried: &[Tried]) -> ExitStatus {
    if violations(tried).is_empty() { ExitStatus::Done } else { ExitStatus::Violation }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::ExitCode;

    #[test]
    fn a_violation_ends_with_exit_code_5_and_is_no_member_of_the_list() {
        let good = Tried { id: "LOG-001", fired: 1, silent: 3, violations: Vec::new() };
        let bad = Tried {
            id: "LOG-002",
            fired: 2,
            violations: vec!["LOG-002 fires: 2 alerts".to_owned()],
            ..good.clone()
        };
        assert_eq!(verdict(std::slice::from_ref(&good)), ExitStatus::Done);
        assert_eq!(verdict(&[good.clone(), bad.clone()]), ExitStatus::Violation);
        let code = |status: ExitCode| format!("{status:?}");
        assert_eq!(code(ExitStatus::Violation.into()), code(ExitCode::from(5)));
        let listed: serde_json::Value =
            serde_json::from_str(&tested(&[good.clone(), bad.clone()], TestFormat::Json)).unwrap();
        let expected = serde_json::json!([
            {"id": "LOG-001", "fired": 1, "silent": 3},
            {"id": "LOG-002", "fired": 2, "silent": 3},
        ]);
        assert_eq!(listed, expected);
        assert!(tested(&[good, bad], TestFormat::Table).contains("LOG-002  fired 2 silent 3 VIOLATION"));
    }
}
