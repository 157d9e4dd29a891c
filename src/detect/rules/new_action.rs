//! GET-008: a caller does what it never did.

use super::marked_calls::{self, News, caller, hit};
use crate::activity::operation::{ActionClass, class_of_event};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};

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
        marked_calls::HISTORY_DAYS,
        marked_calls::HISTORY_REQUESTS,
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip", "action", "request_id", "service"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<NewAction>::of),
};

mod samples;

struct NewAction(News);

impl Pattern for NewAction {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        NewAction(News::of(config, &RULE))
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
        let action = group.entity[2].unwrap_or("none");
        let alert = self.0.alert((group, shared), severity(group), ("action", action), "and never doing this");
        let Some(mut alert) = alert else { return Verdict::Nothing };
        alert.summary = format!(
            "{} did {action}, which is new for it, in {}.",
            caller(group),
            counted(group.count(), "request", "requests"),
        );
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
