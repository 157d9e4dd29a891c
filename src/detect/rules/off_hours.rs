//! GET-012: people at work outside business hours.

use super::marked_calls::{self, actions, caller, hit};
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::codes::{Among, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-012 `off-hours`.
pub static RULE: Rule = Rule {
    id: "GET-012",
    name: "off-hours",
    title: "A person was active outside business hours",
    severity: Severity::Low,
    attack: &["T1078.004"],
    looks_for: "Requests that were done, in either log, by a person (a user of IAM, a federated user or somebody of \
        Identity Center) outside the business_hours of the configuration: a number of them on one UTC day. There is \
        one alert for a caller and a day. Without business_hours nothing is evaluated, since no hours fit everybody.",
    why: "Stolen credentials are used when their owner sleeps.",
    cannot_see: "Programs that run with keys of IAM users: they look like people. Summer time: the offset is fixed.",
    false_positives: "People on call, in other time zones, or at work late; batch jobs with keys of users.",
    next_steps: &[
        "Ask the person whether it was them.",
        "Compare address and user agent with those of the day (s3sleuth timeline --principal).",
        "If it is a program, give it a role.",
    ],
    thresholds: &[Threshold {
        name: "requests_a_day",
        default: 5,
        source: "detector catalogue, to be tuned on real data",
    }],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<OffHours>::of),
};

mod samples;

pub(super) use samples::CONFIG;

struct OffHours {
    requests: u64,
}

impl Pattern for OffHours {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        OffHours { requests: config.threshold(&RULE, "requests_a_day") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_done = matches!(codes.ended[row], Ended::Done | Ended::Unchanged);
        (is_done && codes.marks[row].has(Marks::OFF_HOURS)).then(|| hit(batch, codes, row, false, None))
    }

    fn judge(&self, group: &Group<'_>, _shared: &Shared<'_>) -> Verdict {
        if group.count() < self.requests {
            return Verdict::Nothing;
        }
        let mut alert = marked_calls::alert(&RULE, group, Severity::Low);
        alert.confidence = Confidence::Medium;
        alert.summary = format!(
            "{} sent {} outside business hours ({}).",
            caller(group),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        alert.expected = [("requests_a_day", json!(self.requests))].into();
        Verdict::Alert(alert)
    }
}
