//! Rows that the configuration or the baseline marks, as hits.

use crate::detect::alert::{Alert, Outcome, Severity};
use crate::detect::baseline::{DAY_HOURS, Dimension, Known, hour_of};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::hits::{Group, Hit, what};
use crate::detect::{DetectBatch, Rule, Shared};
use std::collections::BTreeSet;

/// Columns that [`hit`] reads.
pub(super) const COLUMNS: &[&str] = &["principal", "bucket_name", "remote_ip", "action", "request_id"];

/// Hits that were refused, by the index of their kind.
pub(super) const DENIED: usize = 0;
/// Hits that were done.
pub(super) const DONE: usize = 1;

/// The row as a hit of its caller: in its bucket, and a third field.
pub(super) fn hit<'a>(
    batch: &DetectBatch<'a>,
    codes: &Codes,
    row: usize,
    bucket: bool,
    third: Option<&'a str>,
) -> Hit<'a> {
    let principal = cell(batch.text("principal"), row);
    let bucket = cell(batch.text("bucket_name"), row).filter(|_| bucket);
    let kinds = match codes.ended[row] {
        Ended::Denied => 1 << DENIED,
        Ended::Done | Ended::Unchanged => 1 << DONE,
        Ended::Throttled | Ended::Failed => 0,
    };
    let what = what(cell(batch.text("request_id"), row), codes.key[row]);
    Hit { entity: [principal, bucket, third, None], what, kinds }
}

/// An alert about a group with how its calls ended; the level is lower by one if all were refused, as each was an attempt.
pub(super) fn alert(rule: &Rule, group: &Group<'_>, severity: Severity) -> Alert {
    let mut alert = group.alert(rule);
    let (denied, done) = (group.of_kind(DENIED), group.of_kind(DONE));
    alert.severity = severity;
    if denied > 0 && done == 0 {
        alert.outcome = Outcome::Denied;
        let at = Severity::ALL.iter().position(|level| *level == severity).unwrap_or(0);
        alert.severity = Severity::ALL[at.saturating_sub(1)];
        alert.reasons.push("All were refused: it was an attempt.".to_owned());
    } else if denied > 0 {
        alert.outcome = Outcome::Mixed;
    }
    alert
}

/// What is done in the records that are kept, in words.
pub(super) fn actions(group: &Group<'_>) -> String {
    let names: BTreeSet<&str> = group.rows().filter_map(|row| row.action()).collect();
    if names.is_empty() { "unnamed actions".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
}

/// Who it was, as sentences name it.
pub(super) fn caller<'a>(group: &Group<'a>) -> &'a str {
    group.entity[0].unwrap_or("An unknown caller")
}

/// For how many days before the group's first record the baseline knows its caller, and how many requests of it.
pub(super) fn known_for(group: &Group<'_>, shared: &Shared<'_>) -> Option<(u64, u64)> {
    let first = hour_of(group.seen_ms().0?)?;
    let learned = shared.config.baseline.as_ref()?;
    let Known::Seen(entry) = learned.entry(Dimension::Principal, &[group.entity[0]?]) else { return None };
    let days = first.saturating_sub(entry.hours().0) / DAY_HOURS;
    Some((days.into(), entry.total_before(first / DAY_HOURS * DAY_HOURS).requests))
}
