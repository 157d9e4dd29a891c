//! Rows that the configuration or the baseline marks, as hits.

use crate::detect::alert::{Alert, Confidence, Outcome, Severity, counted};
use crate::detect::baseline::{DAY_HOURS, Dimension, Known, hour_of};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::hits::{Group, Hit, what};
use crate::detect::key_sample::about;
use crate::detect::reading::span_in_words;
use crate::detect::{Config, DetectBatch, Rule, Shared, Threshold};
use serde_json::json;
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

/// An alert about a group over the whole input, whatever its days.
pub(super) fn alert_of_all(rule: &Rule, group: &Group<'_>, summary: String) -> Alert {
    let mut alert = group.alert(rule);
    alert.window_seconds = 0;
    alert.outcome = outcome(group);
    alert.summary = summary;
    alert.reasons.extend(group.estimate());
    alert.expected = [("requests", json!(0))].into();
    alert
}

/// The number of requests of a group, as sentences tell it.
pub(super) fn requests(group: &Group<'_>) -> String {
    format!("{}{}", about(group.halvings()), counted(group.count(), "request", "requests"))
}

/// How the calls of a group ended.
fn outcome(group: &Group<'_>) -> Outcome {
    match (group.of_kind(DONE) > 0, group.of_kind(DENIED) > 0) {
        (false, true) => Outcome::Denied,
        (true, true) => Outcome::Mixed,
        _ => Outcome::Success,
    }
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

/// Adds what the configuration knows of the address, if it is only one.
pub(super) fn describe(alert: &mut Alert, shared: &Shared<'_>) {
    if let Some(address) = &alert.remote_ip {
        alert.reasons.extend(shared.config.context.describe(address));
    }
}

/// How long a caller must be known, so that what it never did is news.
pub(super) const HISTORY_DAYS: Threshold =
    Threshold { name: "history_days", default: 7, source: "proposal: a week holds every day of the week once" };
/// Or, of a caller that is known for a day, by how many requests.
pub(super) const HISTORY_REQUESTS: Threshold =
    Threshold { name: "history_requests", default: 200, source: "proposal, to be tuned on real data" };

/// What the rules about news share: requests of a caller that the baseline knows, but not like this.
pub(super) struct News {
    rule: &'static Rule,
    requests: u64,
    history_days: u64,
    history_requests: u64,
}

impl News {
    pub(super) fn of(config: &Config, rule: &'static Rule) -> News {
        let threshold = |name| config.threshold(rule, name);
        News {
            rule,
            requests: threshold("requests"),
            history_days: threshold(HISTORY_DAYS.name),
            history_requests: threshold(HISTORY_REQUESTS.name),
        }
    }

    /// The alert but for its summary; `None` if there are too few requests, or the caller is not known long enough.
    /// `news` is what is new, by its name in `observed`, and `but` ends the sentence about what is known.
    pub(super) fn alert(
        &self,
        (group, shared): (&Group<'_>, &Shared<'_>),
        severity: Severity,
        news: (&'static str, &str),
        but: &str,
    ) -> Option<Alert> {
        let (days, requests) = known_for(group, shared)?;
        let is_known = days >= self.history_days || (days >= 1 && requests >= self.history_requests);
        if group.count() < self.requests || !is_known {
            return None;
        }
        let mut alert = alert(self.rule, group, severity);
        alert.confidence = Confidence::Medium;
        alert.window_seconds = 0;
        alert.reasons.push(format!(
            "The baseline knows the caller for {} and {}, {but}.",
            span_in_words(days * 24 * 60),
            counted(requests, "request", "requests"),
        ));
        describe(&mut alert, shared);
        alert.observed.insert(news.0, json!(news.1));
        alert.expected = [
            ("requests", json!(self.requests)),
            ("history_days", json!(days)),
            ("history_requests", json!(requests)),
        ]
        .into();
        Some(alert)
    }
}

/// For how many days before the group's first record the baseline knows its caller, and how many requests of it.
fn known_for(group: &Group<'_>, shared: &Shared<'_>) -> Option<(u64, u64)> {
    let first = hour_of(group.seen_ms().0?)?;
    let learned = shared.config.baseline.as_ref()?;
    let Known::Seen(entry) = learned.entry(Dimension::Principal, &[group.entity[0]?]) else { return None };
    let days = first.saturating_sub(entry.hours().0) / DAY_HOURS;
    Some((days.into(), entry.total_before(first / DAY_HOURS * DAY_HOURS).requests))
}
