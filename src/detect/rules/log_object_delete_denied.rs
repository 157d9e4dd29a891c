//! LOG-002: somebody tries to delete from a log bucket and is refused.

use super::samples;
use crate::detect::alert::{Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// LOG-002 `log-object-delete-denied`.
pub static RULE: Rule = Rule {
    id: "LOG-002",
    name: "log-object-delete-denied",
    title: "Deletes in a log bucket were refused",
    severity: Severity::Medium,
    attack: &["T1070", "T1485", "T1562.008", "T1685.002"],
    looks_for: "Deletes that were refused for want of permission, in either log, in a bucket that holds logs: \
        DeleteObject, each line of a multi-object delete and the multi-object delete itself. What makes a log bucket \
        is told under LOG-001. There is one alert for a caller, a bucket and a UTC day. A refusal that both logs \
        show, by request and key, is one. The level is medium, also where the bucket is known by the shape of its \
        keys alone, but confidence is low then.",
    why: "Nobody but a retention job deletes logs. Who is refused may come back with other credentials.",
    cannot_see: "Requests that a VPC endpoint policy refused, which are in neither log. Deletes that failed for \
        another reason.",
    false_positives: "A cleaner whose role lacks a permission. A tool that tries what it may do. The root user of an \
        account may raise two alerts where both logs show it: access logs name it by canonical id, CloudTrail by \
        ARN.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Look for deletes by the same principal or address that were done (LOG-001).",
        "Read what else this principal did in the hour before.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("LOG-002":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<LogObjectDeleteDenied>::of),
};

struct LogObjectDeleteDenied;

impl Pattern for LogObjectDeleteDenied {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Delete, Act::DeleteMany]);

    fn new(_: &Config) -> Self {
        LogObjectDeleteDenied
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_delete = matches!(codes.act[row], Act::Delete | Act::DeleteMany);
        if !is_delete || codes.ended[row] != Ended::Denied || codes.who[row] == Who::Service {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [cell(batch.text("principal"), row), Some(bucket), None, None], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let Some(mut alert) = group.log_bucket_alert(&RULE, RULE.severity, shared) else {
            return Verdict::Nothing;
        };
        alert.outcome = Outcome::Denied;
        alert.summary = format!(
            "{} was refused {}{} in the log bucket {}.",
            group.entity[0].unwrap_or("An unknown caller"),
            about(group.halvings()),
            counted(group.count(), "delete", "deletes"),
            group.entity[1].unwrap_or_default(),
        );
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::alert::Confidence;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn refused(log: LogType, number: i64) -> (LogType, Activity) {
        let row = Activity {
            action: "DeleteObject",
            operation: "REST.DELETE.OBJECT",
            outcome: "denied",
            status: Some(403),
            key: Some(format!("key {number}")),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        (log, row)
    }

    fn found(config: &str, rows: &[(LogType, Activity)]) -> Vec<(Severity, Confidence, u64)> {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        assert!(found.alerts.iter().all(|alert| alert.outcome == Outcome::Denied && !alert.reasons.is_empty()));
        found.alerts.iter().map(|alert| (alert.severity, alert.confidence, alert.count)).collect()
    }

    const LISTED: &str = "log_buckets = ['bucket']";

    #[test]
    fn a_refusal_in_both_logs_is_one_and_one_in_either_counts() {
        let rows: Vec<_> = [(S3Access, 1), (CloudTrail, 1), (S3Access, 2), (CloudTrail, 3)]
            .map(|(log, n)| refused(log, n))
            .into();
        assert_eq!(found(LISTED, &rows), [(Severity::Medium, Confidence::High, 3)]);
        assert!(found("", &rows).is_empty());
    }

    #[test]
    fn only_refused_deletes_of_principals_count() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.outcome = "success", 0),
            (|row| row.outcome = "throttled", 0),
            (|row| row.kind = "service", 0),
            (|row| row.operation = "REST.PUT.OBJECT", 0),
            (|row| row.operation = "BATCH.DELETE.OBJECT", 1),
            (|row| (row.operation, row.key) = ("REST.POST.MULTI_OBJECT_DELETE", None), 1),
            (|row| (row.kind, row.principal) = ("anonymous", "anonymous"), 1),
        ] {
            let mut row = refused(S3Access, 1);
            change(&mut row.1);
            assert_eq!(found(LISTED, &[row.clone()]).len(), expected, "{row:?}");
        }
    }
}
