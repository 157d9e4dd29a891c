//! KMS-010: requests of S3 fail because KMS refuses the key.

use super::samples;
use crate::detect::alert::{Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// KMS-010 `kms-errors-behind-s3`.
pub static RULE: Rule = Rule {
    id: "KMS-010",
    name: "kms-errors-behind-s3",
    title: "Requests to a bucket fail because of its KMS key",
    severity: Severity::Medium,
    attack: &["T1486"],
    looks_for: "Requests to S3 in either log whose error code begins with KMS. and is no throttling: the key is \
        disabled, is to be deleted, does not exist or may not be used. The window is a UTC day: there is one alert for \
        a bucket and a day with at least kms_errors of them, over all callers. An error that both logs show, by \
        request and key, is one.",
    why: "A bucket whose key was disabled, deleted or replaced by that of somebody else is lost to its owner. These \
        errors are what the owner's own programs then see.",
    cannot_see: "Who changed the key: CloudTrail's events of KMS show it. Requests that were not tried.",
    false_positives: "A role that lacks kms:Decrypt, after a change of its policy. A test bucket whose key was removed.",
    next_steps: &[
        "Look at the state of the bucket's key: enable it, or cancel its deletion.",
        "Read who called DisableKey, ScheduleKeyDeletion or PutKeyPolicy before the first error.",
        "Check with which key the objects are encrypted: a key of another account is a sign of ransom.",
    ],
    thresholds: &[Threshold {
        name: "kms_errors",
        default: 5,
        source: "proposal (5 within 10 minutes), counted by day; to be tuned on real data",
    }],
    activity_columns: &["bucket_name", "error_code"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("KMS-010":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<KmsErrorsBehindS3>::of),
};

/// Index of a kind of hit.
const STATE: usize = 0;
const NOT_FOUND: usize = 1;
const DENIED: usize = 2;

struct KmsErrorsBehindS3 {
    kms_errors: u64,
}

impl Pattern for KmsErrorsBehindS3 {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        KmsErrorsBehindS3 { kms_errors: config.threshold(&RULE, "kms_errors") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_failure = matches!(codes.ended[row], Ended::Failed | Ended::Denied);
        if !is_failure || codes.act[row] == Act::OtherService {
            return None;
        }
        let code = cell(batch.text("error_code"), row)?.strip_prefix("KMS.")?;
        let bucket = cell(batch.text("bucket_name"), row)?;
        let kinds = if code.contains("Disabled") || code.contains("InvalidState") {
            1 << STATE
        } else if code.contains("NotFound") {
            1 << NOT_FOUND
        } else {
            u8::from(codes.ended[row] == Ended::Denied) << DENIED
        };
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [None, Some(bucket), None, None], what, kinds })
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        if group.count() < self.kms_errors {
            return Verdict::Nothing;
        }
        let [state, not_found, denied] = [STATE, NOT_FOUND, DENIED].map(|kind| group.of_kind(kind));
        let mut alert = group.alert(&RULE);
        alert.outcome = Outcome::Denied;
        let about = about(group.halvings());
        alert.summary = format!(
            "{about}{} to {} failed because of KMS: {about}{state} for the state of the key, {about}{not_found} because \
             it was not found, {about}{denied} for want of permission.",
            counted(group.count(), "request", "requests"),
            group.entity[1].unwrap_or_default(),
        );
        let least = counted(self.kms_errors, "such error was", "such errors were");
        alert.reasons.push(format!("At least {least} counted on one day."));
        alert.reasons.extend(group.estimate());
        alert.observed.insert("key_disabled_or_to_be_deleted", json!(state));
        alert.observed.insert("key_not_found", json!(not_found));
        alert.observed.insert("key_not_permitted", json!(denied));
        alert.expected = [("kms_errors", json!(self.kms_errors))].into();
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn errors(log: LogType, numbers: std::ops::Range<i64>) -> Vec<(LogType, Activity)> {
        let error = |number: i64| Activity {
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            outcome: "error",
            error_code: Some("KMS.DisabledException"),
            status: Some(400),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        numbers.map(|number| (log, error(number))).collect()
    }

    #[test]
    fn five_on_a_day_are_one_alert_and_what_both_logs_show_is_one() {
        for (rows, expected) in [
            (errors(S3Access, 0..4), None),
            (errors(S3Access, 0..5), Some(5)),
            ([errors(S3Access, 0..4), errors(CloudTrail, 0..4)].concat(), None),
            ([errors(S3Access, 0..4), errors(CloudTrail, 2..6)].concat(), Some(6)),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            let counts: Vec<u64> = found.alerts.iter().map(|alert| alert.count).collect();
            assert_eq!(counts, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn throttling_other_errors_and_other_services_are_none() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), Some("key_disabled_or_to_be_deleted")),
            (|row| row.error_code = Some("KMS.KMSInvalidStateException"), Some("key_disabled_or_to_be_deleted")),
            (|row| row.error_code = Some("KMS.NotFoundException"), Some("key_not_found")),
            (
                |row| (row.outcome, row.error_code) = ("denied", Some("KMS.AccessDeniedException")),
                Some("key_not_permitted"),
            ),
            (|row| (row.outcome, row.error_code) = ("throttled", Some("KMS.ThrottlingException")), None),
            (|row| (row.outcome, row.error_code) = ("denied", Some("AccessDenied")), None),
            (|row| (row.outcome, row.error_code) = ("success", None), None),
            (|row| row.service = "kms", None),
        ] {
            let mut rows = errors(S3Access, 0..6);
            rows.iter_mut().for_each(|(_, row)| change(row));
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.len(), usize::from(expected.is_some()), "{:?}", rows[0]);
            assert!(expected.is_none_or(|kind| found.alerts[0].observed[kind] == json!(6)), "{expected:?}");
        }
    }
}
