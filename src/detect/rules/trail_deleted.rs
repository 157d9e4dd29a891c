//! LOG-007: a trail, an event data store or a channel of CloudTrail is deleted.

use super::{samples, trail_calls};
use crate::detect::alert::Severity;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// LOG-007 `trail-deleted`.
pub static RULE: Rule = Rule {
    id: "LOG-007",
    name: "trail-deleted",
    title: "A trail, event data store or channel of CloudTrail was deleted",
    severity: Severity::Critical,
    attack: &["T1562.008", "T1685.002"],
    looks_for: "DeleteTrail, DeleteEventDataStore, StopEventDataStoreIngestion and DeleteChannel of CloudTrail by \
        anybody but an AWS service. There is one alert for a caller, what is deleted, the call and a UTC day. It is \
        critical. A call that failed, for whatever reason, is an attempt: an alert of its own, whose level is high and \
        whose title, summary and reasons say so. A refused call does not always name what it was made on.",
    why: "From then on nothing is recorded of what follows, and an event data store takes what it holds with it.",
    cannot_see: "What is deleted in a region or an account whose log is not in the input. What happened afterwards.",
    false_positives: "Teardown of a test account, or a trail that was created for a test. The configuration keeps \
        nothing quiet here, not even for iac_roles.",
    next_steps: &[
        "Create the trail again; restore the event data store with RestoreEventDataStore within seven days.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
        "Check that the objects which the trail had delivered are still there (LOG-001).",
        "Read CloudTrail's event history, which records management events without any trail for 90 days.",
    ],
    thresholds: &[],
    activity_columns: trail_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: trail_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("LOG-007":
        "fires" CloudTrail "json" true,
        "fires_event_data_store" CloudTrail "json" true,
        "fires_attempt" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<TrailDeleted>::of),
};

const CALLS: [(&str, [&str; 2]); 4] = [
    ("DeleteTrail", ["DeleteTrail", "DeleteTrail attempt"]),
    ("DeleteEventDataStore", ["DeleteEventDataStore", "DeleteEventDataStore attempt"]),
    ("StopEventDataStoreIngestion", ["StopEventDataStoreIngestion", "StopEventDataStoreIngestion attempt"]),
    ("DeleteChannel", ["DeleteChannel", "DeleteChannel attempt"]),
];

struct TrailDeleted;

impl Pattern for TrailDeleted {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherService]);

    fn new(_: &Config) -> Self {
        TrailDeleted
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        trail_calls::select((batch, codes, row), &CALLS)
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        let title = "An attempt to delete a trail, event data store or channel of CloudTrail failed";
        Verdict::Alert(trail_calls::alert(&RULE, title, group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    fn call(action: &'static str, outcome: &'static str, line: i64, parameters: &'static str) -> Activity {
        let (service, request) = ("cloudtrail", format!("R{line}"));
        let parameters = Some(parameters);
        Activity {
            service,
            action,
            outcome,
            line,
            parameters,
            request,
            bucket: None,
            key: None,
            ..Activity::default()
        }
    }

    #[test]
    fn two_trails_are_two_alerts_and_an_attempt_is_another() {
        let rows = [
            call("DeleteTrail", "success", 1, r#"{"name":"a"}"#),
            call("DeleteTrail", "success", 2, r#"{"name":"b"}"#),
            call("DeleteTrail", "error", 3, r#"{"name":"b"}"#),
            call("DeleteTrail", "denied", 4, "null"),
        ];
        let found = detect(&RULE, &Config::default(), &rows.map(|row| (CloudTrail, row)));
        let levels: Vec<_> = found.alerts.iter().map(|alert| alert.severity).collect();
        assert_eq!(levels, [Severity::Critical, Severity::Critical, Severity::High, Severity::High]);
    }

    #[test]
    fn every_call_names_what_it_is_made_on() {
        for (action, parameters, target) in [
            ("DeleteTrail", r#"{"name":"main"}"#, "on main 1"),
            ("DeleteEventDataStore", r#"{"eventDataStore":"arn:e"}"#, "on arn:e 1"),
            ("StopEventDataStoreIngestion", r#"{"eventDataStore":"arn:e"}"#, "on arn:e 1"),
            ("DeleteChannel", r#"{"channel":"arn:c"}"#, "on arn:c 1"),
            ("DeleteChannel", r#"{"reason":"requestParameters too large","omitted":true}"#, "DeleteChannel 1"),
            ("DeleteChannel", r#"{"channel":7}"#, "DeleteChannel 1"),
        ] {
            let rows = [(CloudTrail, call(action, "success", 1, parameters))];
            let found = detect(&RULE, &Config::default(), &rows);
            assert!(found.alerts[0].summary.contains(target), "{}", found.alerts[0].summary);
        }
        let other = call("DeleteResourcePolicy", "success", 1, "{}");
        assert!(detect(&RULE, &Config::default(), &[(CloudTrail, other)]).alerts.is_empty());
    }
}
