//! GET-008: a caller does what it never did.

use super::marked_calls::{self, caller, hit, known_for};
use crate::activity::operation::{ActionClass, class_of_event};
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::reading::span_in_words;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-008 `new-action`.
pub static RULE: Rule = Rule {
    id: "GET-008",
    name: "new-action",
    title: "A caller did something that is new for it",
    severity: Severity::Low,
    attack: &["T1078.004"],
    looks_for: "Actions that were not refused, in either log, which the baseline does not know of the caller, though it knows the \
        caller for a number of days, or for a day with a number of requests. There is one alert for a caller and an action. \
        The level is medium for actions that delete something or change settings, permissions, keys or identities, and low \
        for others. Without --baseline it is not evaluated.",
    why: "A stolen credential is used for what its owner never did: lists, settings, deletions.",
    cannot_see: "Misuse by actions that are usual for the caller. Callers that the baseline does not know.",
    false_positives: "A new feature, a migration, a person who tries something.",
    next_steps: &[
        "Ask the caller what the action was for.",
        "Look at what it did before and after (s3sleuth timeline --principal).",
    ],
    thresholds: &[
        Threshold { name: "requests", default: 1, source: "detector catalogue, to be tuned on real data" },
        Threshold {
            name: "history_days",
            default: 7,
            source: "proposal: a week holds every day of the week once",
        },
        Threshold { name: "history_requests", default: 200, source: "proposal, to be tuned on real data" },
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip", "action", "request_id", "service"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<NewAction>::of),
};

mod samples;

struct NewAction {
    requests: u64,
    history_days: u64,
    history_requests: u64,
}

impl Pattern for NewAction {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        NewAction {
            requests: threshold("requests"),
            history_days: threshold("history_days"),
            history_requests: threshold("history_requests"),
        }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_hit = codes.marks[row].has(Marks::NEW_ACTION);
        is_hit.then(|| {
            let hit = hit(batch, codes, row, false, cell(batch.text("action"), row));
            let [principal, bucket, action, _] = hit.entity;
            Hit { entity: [principal, bucket, action, cell(batch.text("service"), row)], ..hit }
        })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let Some((days, requests)) = known_for(group, shared) else { return Verdict::Nothing };
        let is_known = days >= self.history_days || (days >= 1 && requests >= self.history_requests);
        if group.count() < self.requests || !is_known {
            return Verdict::Nothing;
        }
        let mut alert = marked_calls::alert(&RULE, group, severity(group));
        alert.confidence = Confidence::Medium;
        alert.window_seconds = 0;
        let action = group.entity[2].unwrap_or("none");
        alert.summary = format!(
            "{} did {action}, which is new for it, in {}.",
            caller(group),
            counted(group.count(), "request", "requests"),
        );
        alert.reasons.push(format!(
            "The baseline knows the caller for {} and {}, and never doing this.",
            span_in_words(days * 24 * 60),
            counted(requests, "request", "requests"),
        ));
        if let Some(address) = &alert.remote_ip {
            alert.reasons.extend(shared.config.context.describe(address));
        }
        alert.observed.insert("action", json!(action));
        alert.expected = [
            ("requests", json!(self.requests)),
            ("history_days", json!(days)),
            ("history_requests", json!(requests)),
        ]
        .into();
        Verdict::Alert(alert)
    }
}

fn severity(group: &Group<'_>) -> Severity {
    use ActionClass::{Config, Delete, Identity, Key, Permission};
    let service = group.entity[3].unwrap_or("s3");
    match class_of_event(service, group.entity[2].unwrap_or_default(), None) {
        Delete | Permission | Config | Identity => Severity::Medium,
        // Keys are used all day long; only their administration is more than that.
        Key if !USES_OF_KEYS.contains(&group.entity[2].unwrap_or_default()) => Severity::Medium,
        _ => Severity::Low,
    }
}

const USES_OF_KEYS: [&str; 6] =
    ["Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "DescribeKey", "ListAliases"];
