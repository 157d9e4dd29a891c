//! Exit codes; `--help` lists them.

use s3sleuth::error::Error;
use s3sleuth::pipeline::Tally;
use std::process::ExitCode;

/// How a run ended, worst last in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitStatus {
    /// Done and everything read.
    Done,
    /// An alert reached `--fail-on`.
    Alert,
    /// A check found violations.
    Violation,
    /// Not everything could be read.
    Incomplete,
    /// A resource limit was hit.
    Limit,
    /// Output failed.
    Output,
    /// Nothing was processed.
    Usage,
}

impl ExitStatus {
    /// The status of an error that ended the run. A reader that closed its pipe is no failure.
    pub fn of(error: &anyhow::Error) -> ExitStatus {
        match error.downcast_ref::<Error>() {
            Some(error) if error.is_closed_pipe() => ExitStatus::Done,
            Some(Error::Output { .. } | Error::Encode { .. }) => ExitStatus::Output,
            Some(Error::Evidence(_)) => ExitStatus::Violation,
            Some(Error::Bug(_)) => ExitStatus::Incomplete,
            _ => ExitStatus::Usage,
        }
    }

    /// The status of what was read; `max_rejects` is the share of lines that may be refused.
    pub fn of_input(tally: &Tally, max_rejects: f64) -> ExitStatus {
        if tally.limits_hit > 0 {
            return ExitStatus::Limit;
        }
        let too_many_rejects = tally.rejects as f64 > max_rejects * tally.lines as f64;
        let incomplete = tally.files_skipped + tally.files_partial + tally.dedup_incomplete > 0;
        if too_many_rejects || incomplete || !tally.balances() { ExitStatus::Incomplete } else { ExitStatus::Done }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> ExitCode {
        ExitCode::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Alert => 1,
            ExitStatus::Usage => 2,
            ExitStatus::Incomplete => 3,
            ExitStatus::Output => 4,
            ExitStatus::Violation => 5,
            ExitStatus::Limit => 6,
        })
    }
}
