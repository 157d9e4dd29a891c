//! GET-032: somebody touches a decoy.

use super::marked_calls::{self, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// GET-032 `decoy-touched`.
pub static RULE: Rule = Rule {
    id: "GET-032",
    name: "decoy-touched",
    title: "A decoy was touched",
    severity: Severity::Critical,
    attack: &["T1530"],
    looks_for: "Any request to a bucket, or to an object whose key begins so, that the configuration lists under decoys, \
        in either log. There is one alert for a caller, a bucket and a UTC day. The level is critical, and high if all \
        requests were refused. AWS services, and what they deliver, are left out.",
    why: "Nobody has a reason to touch a decoy, so that who does is looking around.",
    cannot_see: "Decoys that are not configured. Requests to decoys that neither log holds.",
    false_positives: "Inventories, scanners of the site's own, backups of all buckets: list them under readers, and \
        their alerts are kept quiet and counted.",
    next_steps: &[
        "Find out who the caller is, and what else it did in these hours (s3sleuth timeline --principal).",
        "Revoke its sessions or deactivate its access key.",
        "Look for requests of the same address with other credentials.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<DecoyTouched>::of),
};

mod samples;

pub(super) use samples::CONFIG;

struct DecoyTouched;

impl Pattern for DecoyTouched {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        DecoyTouched
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::DECOY).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let mut alert = marked_calls::alert(&RULE, group, Severity::Critical);
        alert.summary = format!(
            "{} touched a decoy in {} with {} ({}).",
            caller(group),
            group.entity[1].unwrap_or_default(),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        alert.reasons.push("The configuration lists what was touched under decoys.".to_owned());
        marked_calls::describe(&mut alert, shared);
        alert.expected = [("requests", json!(0))].into();
        match group.entity[0].is_some_and(|principal| shared.config.readers.contains(principal)) {
            true => Verdict::Suppressed(alert),
            false => Verdict::Alert(alert),
        }
    }
}
