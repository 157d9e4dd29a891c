//! What the checks have found, counted: nothing is dropped without a word.

use super::check::{CHECKS, Check, Finding, Severity};
use serde::Serialize;
use std::collections::BTreeMap;

/// Findings of one check that one file may bring: a hostile schema has as many as it has columns. More are
/// counted.
const FINDINGS_PER_FILE: usize = 200;

/// The same of folders and tables.
const FINDINGS_OF_FOLDERS: usize = 100_000;

/// What one file, one table, or a whole run has brought to light. Notebooks are merged in the order of the paths.
#[derive(Debug)]
pub(super) struct Notebook {
    /// Findings of one check that are kept; more are counted.
    room: usize,
    findings: Vec<Finding>,
    counts: [Counts; CHECKS.len()],
    /// Why a check was not carried out, and how often.
    not_evaluated: BTreeMap<(u8, String), u64>,
    /// What is worth knowing and no violation.
    notes: Vec<String>,
    unreadable: Vec<Unreadable>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    evaluated: u64,
    errors: u64,
    warnings: u64,
    kept: usize,
}

/// A file or folder that could not be read, or not wholly.
#[derive(Clone, Debug, Serialize)]
pub struct Unreadable {
    /// Which, below the folder that was checked.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Default for Notebook {
    /// Of a file.
    fn default() -> Notebook {
        Notebook::with_room(FINDINGS_PER_FILE)
    }
}

impl Notebook {
    /// Of folders and tables.
    pub(super) fn of_folders() -> Notebook {
        Notebook::with_room(FINDINGS_OF_FOLDERS)
    }

    fn with_room(room: usize) -> Notebook {
        Notebook {
            room,
            findings: Vec::new(),
            counts: Default::default(),
            not_evaluated: BTreeMap::new(),
            notes: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// The check was carried out once.
    pub(super) fn evaluated(&mut self, check: &Check) {
        self.counts[index(check.number)].evaluated += 1;
    }

    /// The check could not be carried out here.
    pub(super) fn not_evaluated(&mut self, check: &Check, reason: impl Into<String>) {
        *self.not_evaluated.entry((check.number, reason.into())).or_default() += 1;
    }

    /// Writes a finding down.
    pub(super) fn report(&mut self, finding: Finding) {
        let counts = &mut self.counts[index(finding.check)];
        match finding.severity {
            Severity::Error => counts.errors += 1,
            Severity::Warning => counts.warnings += 1,
        }
        self.keep(finding);
    }

    /// Keeps a finding that has been counted, if there is room for it.
    fn keep(&mut self, finding: Finding) {
        let counts = &mut self.counts[index(finding.check)];
        counts.kept += 1;
        if counts.kept <= self.room {
            self.findings.push(finding);
        } else if counts.kept == self.room + 1 {
            let (path, room) = (&finding.path, self.room);
            self.notes.push(format!(
                "{path}: more than {room} findings of {}; the others are only counted",
                finding.name
            ));
        }
    }

    /// Something worth knowing.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// A file or folder that could not be read.
    pub(super) fn unreadable(&mut self, path: &str, reason: impl Into<String>) {
        self.unreadable.push(Unreadable { path: path.to_owned(), reason: reason.into() });
    }

    /// Adds what another has brought to light.
    pub(super) fn append(&mut self, other: Notebook) {
        for (counts, more) in self.counts.iter_mut().zip(other.counts) {
            counts.evaluated += more.evaluated;
            counts.errors += more.errors;
            counts.warnings += more.warnings;
        }
        other.findings.into_iter().for_each(|finding| self.keep(finding));
        for (key, count) in other.not_evaluated {
            *self.not_evaluated.entry(key).or_default() += count;
        }
        self.notes.extend(other.notes);
        self.unreadable.extend(other.unreadable);
    }

    /// Sums up.
    pub(super) fn finish(mut self, tables: Vec<String>, files: u64) -> Report {
        self.findings.sort_by(|one, other| (one.check, &one.path).cmp(&(other.check, &other.path)));
        let checks = CHECKS.iter().map(|check| {
            let counts = self.counts[index(check.number)];
            let reasons = self.not_evaluated.iter().filter(|((number, _), _)| *number == check.number);
            CheckResult {
                check: check.number,
                name: check.name,
                outcome: match (counts.errors, counts.warnings, counts.evaluated) {
                    (0, 0, 0) => Outcome::NotEvaluated,
                    (0, 0, _) => Outcome::Passed,
                    (0, _, _) => Outcome::Warned,
                    _ => Outcome::Violated,
                },
                errors: counts.errors,
                warnings: counts.warnings,
                evaluated: counts.evaluated,
                not_evaluated: reasons.map(|((_, reason), count)| (reason.clone(), *count)).collect(),
            }
        });
        Report {
            schema: "s3sleuth.athena_lint.v1",
            tables,
            files,
            checks: checks.collect(),
            findings: self.findings,
            notes: self.notes,
            unreadable: self.unreadable,
        }
    }
}

fn index(number: u8) -> usize {
    usize::from(number) - 1
}

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// The tables that were found: folders below the one that was checked.
    pub tables: Vec<String>,
    /// Parquet files in them.
    pub files: u64,
    /// Each check, by number.
    pub checks: Vec<CheckResult>,
    /// Every place where a check does not hold, by check and path.
    pub findings: Vec<Finding>,
    /// What is worth knowing and no violation.
    pub notes: Vec<String>,
    /// What could not be read; the checks know nothing of it.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    /// Findings of that severity, also those that are only counted.
    pub fn count(&self, severity: Severity) -> u64 {
        let count = |check: &CheckResult| match severity {
            Severity::Error => check.errors,
            Severity::Warning => check.warnings,
        };
        self.checks.iter().map(count).sum()
    }
}

/// What became of a check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    /// Its number.
    pub check: u8,
    /// Its name.
    pub name: &'static str,
    /// In a word.
    pub outcome: Outcome,
    /// Findings that make queries fail or answer wrongly.
    pub errors: u64,
    /// Findings that cost.
    pub warnings: u64,
    /// Files, or tables, where it was carried out.
    pub evaluated: u64,
    /// Why it was not carried out, and for how many files or tables.
    pub not_evaluated: BTreeMap<String, u64>,
}

/// What became of a check, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds wherever it was carried out.
    Passed,
    /// It does not, and that only costs.
    Warned,
    /// It does not.
    Violated,
    /// It was carried out nowhere.
    NotEvaluated,
}

impl Outcome {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Warned => "warned",
            Outcome::Violated => "VIOLATED",
            Outcome::NotEvaluated => "not evaluated",
        }
    }
}
