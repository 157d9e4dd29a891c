//! LOG-017: an AWS service cannot deliver logs.

use super::samples;
use crate::detect::alert::{Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::known::is_delivering;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// LOG-017 `log-delivery-denied`.
pub static RULE: Rule = Rule {
    id: "LOG-017",
    name: "log-delivery-denied",
    title: "An AWS service could not deliver logs",
    severity: Severity::High,
    attack: &["T1562.008", "T1685.002"],
    looks_for: "Writes by an AWS service that delivers logs (CloudTrail, Config, GuardDuty, log delivery, S3 server \
        access logging), by itself or on whose behalf, that were refused or failed with NoSuchBucket or an error of \
        KMS, in either log and any bucket. Throttling is left out, because services try again. There is one alert for \
        a bucket and a UTC day. A write that both logs show, by request and key, is one.",
    why: "A changed bucket policy, a deleted bucket or a disabled key blinds as well as a stopped trail, and nobody \
        called CloudTrail. CloudTrail tries again for 30 days, then the logs are lost.",
    cannot_see: "Deliveries that are not tried any more. What the logs held that were not delivered.",
    false_positives: "The rollout of a bucket policy. A bucket that was removed before the trail that delivers into \
        it.",
    next_steps: &[
        "Read who changed the policy, the key or the existence of the bucket before the first failure.",
        "Let the service write again: bucket policy, key policy, key state.",
        "Look at GetTrailStatus of the trail: it names the last delivery and its error.",
        "Note the hours without logs: what happened in them is only in CloudTrail's event history.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "principal", "invoked_by", "error_code"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("LOG-017":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<LogDeliveryDenied>::of),
};

/// Index of a kind of hit.
const DENIED: usize = 0;
const NO_BUCKET: usize = 1;
const KMS: usize = 2;

struct LogDeliveryDenied;

impl Pattern for LogDeliveryDenied {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Write]);

    fn new(_: &Config) -> Self {
        LogDeliveryDenied
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if codes.act[row] != Act::Write || !matches!(codes.ended[row], Ended::Denied | Ended::Failed) {
            return None;
        }
        let kind = match cell(batch.text("error_code"), row) {
            Some(code) if code.starts_with("KMS.") => KMS,
            Some("NoSuchBucket") => NO_BUCKET,
            _ if codes.ended[row] == Ended::Denied => DENIED,
            _ => return None,
        };
        let callers = ["principal", "invoked_by"].map(|name| cell(batch.text(name), row));
        if !callers.into_iter().flatten().any(is_delivering) {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [None, Some(bucket), None, None], what, kinds: 1 << kind })
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        let [denied, no_bucket, kms] = [DENIED, NO_BUCKET, KMS].map(|kind| group.of_kind(kind));
        let mut alert = group.alert(&RULE);
        alert.outcome = Outcome::Denied;
        let about = about(group.halvings());
        alert.summary = format!(
            "{about}{} of logs into {} failed: {about}{denied} refused, {about}{no_bucket} for want of the bucket, \
             {about}{kms} by KMS.",
            counted(group.count(), "delivery", "deliveries"),
            group.entity[1].unwrap_or_default(),
        );
        alert.reasons.push("The writer is an AWS service that delivers logs.".to_owned());
        alert.reasons.extend(group.estimate());
        alert.observed.insert("refused", json!(denied));
        alert.observed.insert("no_such_bucket", json!(no_bucket));
        alert.observed.insert("kms_errors", json!(kms));
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn refused(log: LogType, number: i64) -> (LogType, Activity) {
        let row = Activity {
            action: "PutObject",
            operation: "REST.PUT.OBJECT",
            outcome: "denied",
            error_code: Some("AccessDenied"),
            status: Some(403),
            principal: "cloudtrail.amazonaws.com",
            kind: "service",
            key: Some(format!("AWSLogs/{number}")),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        (log, row)
    }

    #[test]
    fn a_failed_delivery_in_both_logs_is_one_and_a_bucket_and_day_are_one_alert() {
        let mut rows: Vec<_> = [(S3Access, 1), (CloudTrail, 1), (S3Access, 2), (CloudTrail, 3)]
            .map(|(log, n)| refused(log, n))
            .into();
        rows[3].1.principal = "config.amazonaws.com";
        let found = detect(&RULE, &Config::default(), &rows);
        let seen: Vec<_> = found.alerts.iter().map(|it| (it.severity, it.count, it.principal.clone())).collect();
        assert_eq!(seen, [(Severity::High, 3, None)]);
        assert!(found.alerts[0].outcome == Outcome::Denied && found.alerts[0].observed["refused"] == json!(3));
    }

    #[test]
    fn only_failures_that_stay_of_services_that_deliver_count() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| (row.outcome, row.error_code, row.status) = ("success", None, Some(200)), 0),
            (|row| (row.outcome, row.error_code) = ("error", Some("NoSuchBucket")), 1),
            (|row| (row.outcome, row.error_code) = ("error", Some("KMS.DisabledException")), 1),
            (|row| (row.outcome, row.error_code) = ("error", Some("InternalError")), 0),
            (|row| (row.outcome, row.error_code) = ("throttled", Some("KMS.ThrottlingException")), 0),
            (|row| row.principal = "lambda.amazonaws.com", 0),
            (|row| (row.principal, row.kind) = ("arn:aws:iam::111122223333:user/ann", "user"), 0),
            (|row| (row.principal, row.invoked_by) = ("ann", Some("delivery.logs.amazonaws.com")), 1),
            (|row| row.operation = "REST.GET.ACL", 0),
        ] {
            let mut row = refused(S3Access, 1);
            change(&mut row.1);
            assert_eq!(detect(&RULE, &Config::default(), &[row.clone()]).alerts.len(), expected, "{row:?}");
        }
    }
}
