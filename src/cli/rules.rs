//! `s3sleuth rules`.

use super::detectors::named;
use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, Subcommand, ValueEnum};
use s3sleuth::detect::alert::counted;
use s3sleuth::detect::sample_run::{Tried, try_rule};
use s3sleuth::detect::sigma::load::{Placeholders, load};
use s3sleuth::detect::{self, RULES, Rule};
use s3sleuth::error::Error;
use s3sleuth::report::safe::printable;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `rules`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line a detector: id, severity, name, title
    List {
        #[command(flatten)]
        own: Own,
    },
    /// What a detector looks for, why, what it cannot see, and what to do next
    Explain {
        /// Such as LOG-001
        id: String,
        #[command(flatten)]
        own: Own,
    },
    /// Check that Sigma rules can be read and expressed; exit 5 and say why where one cannot
    Lint {
        /// Files of rules, or folders of them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Try detectors on their own samples; exit 5 if one fires where it must not, or does not where it must
    Test {
        /// Only these, such as LOG-001 [default: all]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        #[command(flatten)]
        own: Own,
        /// Form of the result
        #[arg(long, default_value = "table")]
        format: TestFormat,
    },
}

/// Rules of users.
#[derive(Args)]
struct Own {
    /// The Sigma rules of this file or folder too; repeatable
    #[arg(long = "rules", value_name = "PATH")]
    files: Vec<PathBuf>,
}

impl Own {
    /// All rules; says what could not be read.
    fn with_ours(&self) -> (Vec<&'static Rule>, ExitStatus) {
        let loaded = load(&self.files, &Placeholders::new());
        loaded.complaints.iter().for_each(|complaint| super::complain(&complaint.to_string()));
        let status = if loaded.complaints.is_empty() { ExitStatus::Done } else { ExitStatus::Violation };
        (RULES.iter().copied().chain(loaded.rules).collect(), status)
    }
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
    let (text, status) = match &arguments.command {
        Command::List { own } => {
            let (rules, status) = own.with_ours();
            let line = |rule: &&Rule| {
                format!("{:<8} {:<8} {:<24} {}\n", rule.id, rule.severity.name(), rule.name, rule.title)
            };
            (rules.iter().map(line).collect(), status)
        }
        Command::Explain { id, own } => {
            let (rules, status) = own.with_ours();
            (detect::manual::manual(named(id, &rules)?), status)
        }
        Command::Lint { paths } => lint(paths),
        Command::Test { ids, own, format } => {
            let (all, status) = own.with_ours();
            let asked = ids.iter().map(|id| named(id, &all)).collect::<Result<Vec<_>, _>>()?;
            let rules = if ids.is_empty() { all } else { asked };
            // Users' rules need no samples.
            let has_samples = |rule: &&'static Rule| !rule.samples.is_empty() || detect::rule(rule.id).is_some();
            let (rules, without): (Vec<&'static Rule>, Vec<&'static Rule>) =
                rules.into_iter().partition(has_samples);
            if !ids.is_empty() {
                without.iter().for_each(|rule| super::say(&format!("{} has no samples to be tried on", rule.id)));
            }
            let tried: Vec<Tried> = rules.into_iter().map(try_rule).collect();
            let violations = violations(&tried);
            if !violations.is_empty() {
                super::complain(&violations.join("\n"));
            }
            (tested(&tried, *format), status.max(verdict(&tried)))
        }
    };
    let mut output = Output::stdout();
    output.write_all(text.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(status)
}

/// Reads rules, and says which cannot be expressed.
fn lint(paths: &[PathBuf]) -> (String, ExitStatus) {
    let loaded = load(paths, &Placeholders::new());
    let mut text = String::new();
    let kinds = [("error", &loaded.complaints), ("note", &loaded.notes)];
    for (kind, complaint) in kinds.into_iter().flat_map(|(kind, all)| all.iter().map(move |it| (kind, it))) {
        text += &format!("{kind} {}\n", printable(&complaint.to_string()));
    }
    let (rules, errors) = (loaded.read as u64, loaded.complaints.len() as u64);
    let (rules, errors) = (counted(rules, "rule", "rules"), counted(errors, "error", "errors"));
    text += &format!("{rules} read, {errors}\n");
    (text, if loaded.complaints.is_empty() { ExitStatus::Done } else { ExitStatus::Violation })
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
