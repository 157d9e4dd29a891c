//! LOG-006: a trail is stopped.

use super::{samples, trail_calls};
use crate::detect::alert::Severity;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// LOG-006 `trail-stopped`.
pub static RULE: Rule = Rule {
    id: "LOG-006",
    name: "trail-stopped",
    title: "A trail of CloudTrail was stopped",
    severity: Severity::Critical,
    attack: &["T1562.008", "T1685.002"],
    looks_for: "StopLogging of CloudTrail by anybody but an AWS service. There is one alert for a caller, a trail and a \
        UTC day. It is critical. A call that failed, for whatever reason, is an attempt: an alert of its own, whose \
        level is high and whose title, summary and reasons say so. A refused call does not always name its trail.",
    why: "From then on nothing is recorded of what follows. It is among the first things that an intruder does who \
        has the permission.",
    cannot_see: "A trail that is stopped in a region or an account whose log is not in the input. What happened while \
        the trail was stopped.",
    false_positives: "A planned move to another trail. The configuration keeps nothing quiet here, not even for \
        iac_roles.",
    next_steps: &[
        "Start the trail again with StartLogging, and check every other trail of the account.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
        "Read CloudTrail's event history, which records management events without any trail for 90 days.",
    ],
    thresholds: &[],
    activity_columns: trail_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: trail_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("LOG-006":
        "fires" CloudTrail "json" true,
        "fires_attempt" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<TrailStopped>::of),
};

const CALLS: [(&str, [&str; 2]); 1] = [("StopLogging", ["StopLogging", "StopLogging attempt"])];

struct TrailStopped;

impl Pattern for TrailStopped {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherService]);

    fn new(_: &Config) -> Self {
        TrailStopped
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        trail_calls::select((batch, codes, row), &CALLS)
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        Verdict::Alert(trail_calls::alert(&RULE, "An attempt to stop a trail of CloudTrail failed", group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::alert::Outcome;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    fn stop(outcome: &'static str, line: i64, parameters: Option<&'static str>) -> Activity {
        let (service, action) = ("cloudtrail", "StopLogging");
        let request = format!("R{line}");
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
    fn done_and_attempted_are_separate_alerts_and_the_attempt_says_so() {
        let main = Some(r#"{"name":"main"}"#);
        let rows =
            [stop("success", 1, main), stop("denied", 2, None), stop("error", 3, main), stop("error", 4, main)];
        let found = detect(&RULE, &Config::default(), &rows.map(|row| (CloudTrail, row)));
        let seen: Vec<_> = found.alerts.iter().map(|it| (it.severity, it.outcome, it.count)).collect();
        let critical = (Severity::Critical, Outcome::Success, 1);
        assert!(
            seen.len() == 3 && seen[0] == critical && seen[1..].contains(&(Severity::High, Outcome::Denied, 2))
        );
        for alert in &found.alerts {
            let says = [alert.title, &alert.summary, &alert.reasons.concat()].map(|text| text.contains("attempt"));
            assert_eq!(says, [alert.severity == Severity::High; 3]);
        }
        assert!(found.alerts[0].summary.contains("on main 1 time"), "{}", found.alerts[0].summary);
        assert!(found.alerts.iter().all(|alert| !alert.observed.contains_key("keys")));
    }

    #[test]
    fn calls_of_services_and_of_other_services_are_none() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.kind = "service", 0),
            (|row| row.service = "redshift", 0),
            (|row| row.action = "StartLogging", 0),
            (|row| row.kind = "root", 1),
            (|row| row.parameters = Some("{"), 1),
        ] {
            let mut row = stop("success", 1, None);
            change(&mut row);
            assert_eq!(
                detect(&RULE, &Config::default(), &[(CloudTrail, row.clone())]).alerts.len(),
                expected,
                "{row:?}"
            );
        }
    }
}
