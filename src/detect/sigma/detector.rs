//! Rules that are data, as detectors.

use super::cells::CellTable;
use super::correlation::{Correlation, CorrelationDetector};
use super::expression::Filter;
use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::hits::{Group, Hit, HitGroups, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{DetectBatch, Detector, Findings, Rule, Shared};
use serde_json::json;
use std::any::Any;

/// A rule that is data.
#[derive(Debug)]
pub struct Data {
    /// Its conditions: one, or for a correlation one for each rule that it names.
    pub filters: &'static [&'static Filter],
    /// What is made of the rows.
    pub form: DataForm,
    /// Fingerprint of all that decides what it finds, so that states of other rules are not mistaken for its own.
    pub digest: u64,
}

/// What is made of rows that match.
#[derive(Debug)]
pub enum DataForm {
    /// One alert for a caller, a bucket and a UTC day.
    Hits(HitForm),
    /// An alert for a group and a window.
    Correlation(Correlation),
}

/// How hits are told.
#[derive(Debug)]
pub struct HitForm {
    /// What the caller did, as the end of a sentence: `disabled a key of KMS`.
    pub did: &'static str,
    /// Why it counts.
    pub reason: &'static str,
    /// Only in buckets that hold logs?
    pub in_log_buckets: bool,
    /// Are the roles that may change settings kept quiet?
    pub is_quiet_for_iac_roles: bool,
    /// The level of so many requests.
    pub worse: Option<(u64, Severity)>,
}

/// Rows that match a condition.
pub struct Matched<'a, 'b, 'c> {
    /// Number of the condition in the rule.
    pub part: usize,
    /// Of each row its place in `cells` and in `batch`.
    pub rows: &'a [(u32, u32)],
    /// All that can be asked of a row.
    pub cells: &'a CellTable<'c>,
    /// Columns for evidence, callers and buckets.
    pub batch: &'a DetectBatch<'b>,
    /// What each row of `batch` is.
    pub codes: &'a Codes,
}

/// Columns of `activity` that are read beside those of evidence.
pub const COLUMNS: [&str; 2] = ["principal", "bucket_name"];

impl Data {
    /// A fresh detector of the rule.
    pub fn detector(&'static self, rule: &'static Rule) -> Box<dyn Detector> {
        match &self.form {
            DataForm::Hits(form) => Box::new(HitsDetector { rule, form, groups: HitGroups::default() }),
            DataForm::Correlation(correlation) => Box::new(CorrelationDetector::new(rule, correlation)),
        }
    }
}

/// Did it change or give something?
pub fn is_done(ended: Ended) -> bool {
    matches!(ended, Ended::Done | Ended::Unchanged)
}

/// How the calls ended, by how many were done and how many failed.
pub fn outcome(done: u64, failed: u64) -> Outcome {
    match (done, failed) {
        (0, 1..) => Outcome::Denied,
        (1.., 1..) => Outcome::Mixed,
        _ => Outcome::Success,
    }
}

/// Counts hits.
struct HitsDetector {
    rule: &'static Rule,
    form: &'static HitForm,
    groups: HitGroups,
}

/// Index of a kind of hit.
const DONE: usize = 0;
const FAILED: usize = 1;

impl Detector for HitsDetector {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn take(&mut self, matched: &Matched<'_, '_, '_>) {
        let columns = EvidenceColumns::of(matched.batch);
        let [principal, bucket] = COLUMNS.map(|name| matched.batch.text(name));
        let request = matched.batch.text("request_id");
        for (_, row) in matched.rows {
            let row = *row as usize;
            let kind = if is_done(matched.codes.ended[row]) { DONE } else { FAILED };
            let key = matched.codes.key[row];
            let entity = [cell(principal, row), cell(bucket, row), None, None];
            let hit = Hit { entity, what: what(cell(request, row), key), kinds: 1 << kind };
            self.groups.take((&columns, row), key, hit, true);
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: HitsDetector = crate::detect::rules::take(other);
        self.groups.merge(other.groups);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        self.groups.finish(self.rule.id, |group| self.judge(group, shared))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        self.groups.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.groups.load(state)
    }
}

impl HitsDetector {
    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let worse = self.form.worse.filter(|(requests, _)| group.count() >= *requests);
        let severity = worse.map_or(self.rule.severity, |(_, severity)| severity);
        let alert = if self.form.in_log_buckets {
            group.log_bucket_alert(self.rule, severity, shared)
        } else {
            Some(Alert { severity, ..group.alert(self.rule) })
        };
        let Some(mut alert) = alert else { return Verdict::Nothing };
        let [principal, bucket, ..] = group.entity;
        let (done, failed) = (group.of_kind(DONE), group.of_kind(FAILED));
        alert.outcome = outcome(done, failed);
        let caller = principal.unwrap_or("An unknown caller");
        // "deleted the bucket x", but "suspended versioning in the bucket x".
        let before = if self.form.did.ends_with("bucket") { "" } else { " in the bucket" };
        let place = bucket.map(|bucket| format!("{before} {bucket}")).unwrap_or_default();
        let times = format!("{}{}", about(group.halvings()), counted(group.count(), "time", "times"));
        let end = match (done, failed) {
            (_, 0) => String::new(),
            (0, _) => ", and failed".to_owned(),
            _ => format!(", of which {failed} failed"),
        };
        alert.summary = format!("{caller} {}{place} {times}{end}.", self.form.did);
        alert.reasons.insert(0, self.form.reason.to_owned());
        alert.reasons.extend(
            worse.map(|(requests, severity)| {
                format!("From {requests} requests on the level is {}.", severity.name())
            }),
        );
        if !self.form.in_log_buckets {
            alert.reasons.extend(group.estimate());
        }
        alert.observed.insert("done", json!(done));
        alert.observed.insert("failed", json!(failed));
        alert.expected = [("requests", json!(0))].into();
        let is_quiet = self.form.is_quiet_for_iac_roles
            && principal.is_some_and(|principal| shared.config.iac_roles.contains(principal));
        if is_quiet { Verdict::Suppressed(alert) } else { Verdict::Alert(alert) }
    }
}
