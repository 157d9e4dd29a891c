//! All verdicts, and what they come to.

use super::MOST_OF_A_KEY;
use super::chain::Chain;
use super::content::Failure;
use super::verdict::{FileKind, FileVerdict, Verdict};
use crate::ledger::FileStatus;
use crate::parse::time::format_iso;
use crate::source::Inputs;
use serde::Serialize;
use std::collections::BTreeMap;

/// Things that were not read and are named in notes; all are counted.
const SHOWN: u64 = 20;

/// What a check has found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// A verdict for each file, and for each that is not there, in the order of their names.
    pub files: Vec<FileVerdict>,
    /// What they come to.
    pub summary: Summary,
}

/// What verdicts come to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// How many digests have which verdict.
    pub digests: BTreeMap<Verdict, u64>,
    /// How many log files have which verdict.
    pub logs: BTreeMap<Verdict, u64>,
    /// Digests whose signature was not checked, for want of a key or of a signature.
    pub signatures_not_checked: u64,
    /// Log files that no digest lists.
    pub logs_in_no_digest: u64,
    /// Inputs that are no files of a trail, nor metadata of one.
    pub other_files: u64,
    /// Files and folders that could not be read.
    pub unread: u64,
    /// Files at which a limit was hit.
    pub limits_hit: u64,
    /// The time that digests cover.
    pub chains: Vec<ChainSummary>,
    /// What is worth knowing beyond.
    pub notes: Vec<String>,
    /// Bytes that were read, as they lie on the disk.
    pub bytes: u64,
}

/// The digests of one trail in one account and region.
#[derive(Clone, Debug, Serialize)]
pub struct ChainSummary {
    /// What their names begin with: account, region, trail, home region.
    pub name: String,
    /// How many there are.
    pub digests: u64,
    /// From when on they cover time.
    pub start_time: String,
    /// Until when.
    pub end_time: String,
    /// The first is the first of the trail. Else there were others before, which were not given.
    pub has_beginning: bool,
}

impl Summary {
    /// Files with that verdict.
    pub fn count(&self, verdict: Verdict) -> u64 {
        let of = |counts: &BTreeMap<Verdict, u64>| counts.get(&verdict).copied().unwrap_or_default();
        of(&self.digests) + of(&self.logs)
    }

    /// Files whose verdict is a violation.
    pub fn violations(&self) -> u64 {
        Verdict::ALL.into_iter().filter(|verdict| verdict.is_violation()).map(|verdict| self.count(verdict)).sum()
    }

    /// Counts what was read of a file.
    pub(super) fn read(&mut self, bytes: u64, failure: Option<&Failure>) {
        self.bytes += bytes;
        match failure {
            Some(Failure::Unread(_)) => self.unread += 1,
            Some(Failure::Limit(_)) => self.limits_hit += 1,
            Some(Failure::Damaged(_)) | None => {}
        }
    }

    /// Notes what was not looked at.
    pub(super) fn note_left_out(&mut self, inputs: &Inputs) {
        let (mut ignored, mut named) = (0, 0);
        for left_out in &inputs.left_out {
            match &left_out.status {
                FileStatus::Skipped(reason) | FileStatus::Partial(reason) => {
                    self.unread += 1;
                    named += 1;
                    if named <= SHOWN {
                        self.notes.push(format!("not read: {}: {reason}", left_out.name));
                    }
                }
                FileStatus::Ignored(_) => ignored += 1,
                FileStatus::Read => {}
            }
        }
        if ignored > 0 {
            self.notes.push(format!("{ignored} links and other things that are no files were passed over"));
        }
        let is_archive =
            |name: &str| [".zip", ".tar", ".tar.gz", ".tgz"].into_iter().any(|ending| name.ends_with(ending));
        let archives = inputs.files.iter().filter(|input| is_archive(&input.name)).count();
        if archives > 0 {
            self.notes.push(format!("{archives} archives were not opened: unpack them to verify what is inside"));
        }
        if self.count_of_logs() == self.logs.get(&Verdict::NotFound).copied().unwrap_or_default()
            && self.logs.contains_key(&Verdict::NotFound)
        {
            self.notes
                .push("no log file that the digests list is here: name the folder CloudTrail/ too".to_owned());
        }
    }

    /// Notes where memory set a bound.
    pub(super) fn note_bounds(&mut self, more_absent: u64, is_crowded: bool) {
        if more_absent > 0 {
            *self.logs.entry(Verdict::NotFound).or_default() += more_absent;
            self.notes.push(format!(
                "{more_absent} more log files that digests list are not here; they are only counted"
            ));
        }
        if is_crowded {
            self.limits_hit += 1;
            self.notes.push(format!(
                "more than {MOST_OF_A_KEY} files have, list or name the same key: of such not all were compared"
            ));
        }
    }

    fn count_of_logs(&self) -> u64 {
        self.logs.values().sum()
    }

    /// Counts verdicts.
    pub(super) fn add(&mut self, verdicts: &[FileVerdict]) {
        for verdict in verdicts {
            let counts = match verdict.kind {
                FileKind::Digest => &mut self.digests,
                FileKind::Log => &mut self.logs,
            };
            *counts.entry(verdict.verdict).or_default() += 1;
        }
    }
}

impl ChainSummary {
    /// Of a chain that has digests.
    pub(super) fn of(chain: &Chain<'_>) -> ChainSummary {
        ChainSummary {
            name: chain.name.to_owned(),
            digests: chain.digests.len() as u64,
            start_time: format_iso(chain.start_ms),
            end_time: format_iso(chain.end_ms),
            has_beginning: chain.has_beginning,
        }
    }
}
