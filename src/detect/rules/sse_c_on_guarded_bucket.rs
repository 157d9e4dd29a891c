//! RAN-019: objects of a bucket that holds logs or is sensitive are encrypted with keys of the caller's own.

use super::attack_samples::{COPY_SSE_C, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::codes::Codes;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, about};
use crate::detect::{Config, DetectBatch, Detector, Findings, Form, Rule, Sample, Shared};
use crate::parse::time::DAY_MS;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// RAN-019 `sse-c-on-guarded-bucket`.
pub static RULE: Rule = Rule {
    id: "RAN-019",
    name: "sse-c-on-guarded-bucket",
    title: "Objects of a bucket that matters were encrypted with a caller's own keys",
    severity: Severity::Critical,
    attack: &["T1486"],
    looks_for: "Alerts about encryption with keys that callers send (RAN-001, RAN-002) in a bucket that holds logs (LOG-001 \
        tells what makes one) or that the configuration lists under sensitive_buckets. One is enough. There is one alert \
        for a bucket and a UTC day. Where the bucket is known by the shape of its keys alone, which a caller can plant, \
        confidence is low and the level at most medium.",
    why: "Nobody encrypts logs with a key that AWS does not keep, but somebody who wants them unread. In a sensitive bucket \
        it is what a ransom starts with.",
    cannot_see: "Single writes that are no copies, and others of which RAN-001 and RAN-002 raise no alert. Access logs do \
        not show SSE-C.",
    false_positives: "An application on a sensitive bucket that begins to use SSE-C.",
    next_steps: &[
        "Stop the caller; deny s3:PutObject with SSE-C by a policy, or block SSE-C in the bucket's encryption.",
        "Copy the former versions of the objects elsewhere, and keep lifecycle rules from expiring them.",
        "Of logs, take what CloudTrail's event history and other copies still have.",
    ],
    thresholds: &[],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(|_: &Config| Box::new(SseCOnGuardedBucket)),
};

const TRAIL: Calls = Calls {
    source: "cloudtrail.amazonaws.com",
    name: "CreateTrail",
    parameters: r#"{"name":"main","s3BucketName":"reports"}"#,
    ..Calls::USUAL
};
const OTHER_TRAIL: Calls = Calls { parameters: r#"{"name":"main","s3BucketName":"audit"}"#, ..TRAIL };
const COPY_KMS: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"2026/a.csv","x-amz-copy-source":"reports/2026/a.csv","x-amz-server-side-encryption":"aws:kms"}"#,
    additional: r#"{"SSEApplied":"SSE_KMS"}"#,
    ..COPY_SSE_C
};

static SAMPLES: [Sample; 4] = [
    made!("fires": TRAIL, COPY_SSE_C.after_minutes(5), COPY_SSE_C.after_minutes(9)),
    made!("near_miss_1": OTHER_TRAIL, COPY_SSE_C.after_minutes(5)),
    made!("near_miss_2": TRAIL, COPY_KMS.after_minutes(5)),
    made!("denied_twin": TRAIL, COPY_SSE_C.after_minutes(5).refused()),
];

/// Rules of whose alerts it is made.
const PARTS: [&str; 2] = ["RAN-001", "RAN-002"];

struct SseCOnGuardedBucket;

impl SseCOnGuardedBucket {
    /// The alert about a bucket, if it is one that matters.
    fn alert(bucket: &str, parts: &[&Alert], shared: &Shared<'_>) -> Option<Alert> {
        let log_bucket = shared.known.log_bucket(shared.config, bucket);
        let is_sensitive = shared.config.sensitive_buckets.contains(bucket);
        if log_bucket.is_none() && !is_sensitive {
            return None;
        }
        let mut alert = about(&RULE, By::Bucket, bucket, parts);
        if is_sensitive {
            alert.reasons.push("The configuration lists the bucket under sensitive_buckets.".to_owned());
        }
        if let Some(log_bucket) = log_bucket {
            alert.reasons.extend(log_bucket.reasons());
            if !is_sensitive {
                alert.severity = log_bucket.at_most(RULE.severity);
                alert.confidence = alert.confidence.min(log_bucket.confidence());
            }
        }
        alert.window_seconds = 86_400;
        alert.summary = format!(
            "Objects of {bucket}, which {}, were encrypted with keys of callers' own, as {} tell.",
            if log_bucket.is_some() { "holds logs" } else { "is sensitive" },
            counted(parts.len() as u64, "alert", "alerts"),
        );
        alert.expected = [("alerts", json!(0))].into();
        Some(alert)
    }
}

impl Detector for SseCOnGuardedBucket {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn merge(&mut self, _: Box<dyn Detector>) {}

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        PARTS.contains(&id)
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let mut days: BTreeMap<(&str, Option<i64>), Vec<&Alert>> = BTreeMap::new();
        let is_part = |alert: &&Alert| PARTS.contains(&alert.rule_id) && alert.outcome != Outcome::Denied;
        for alert in alerts.iter().filter(is_part) {
            let Some(bucket) = alert.bucket.as_deref() else { continue };
            let day = alert.first_seen_ms.map(|time_ms| time_ms.div_euclid(DAY_MS));
            days.entry((bucket, day)).or_default().push(alert);
        }
        for parts in days.values_mut() {
            parts.sort_by_key(|alert| (alert.first_seen_ms, alert.rule_id, &alert.alert_id));
        }
        days.iter().filter_map(|((bucket, _), parts)| Self::alert(bucket, parts, shared)).collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::deletions::Deletions;
    use crate::detect::known::Known;
    use crate::detect::{history::History, kms_use::KmsUse};

    fn found(config: &str, bucket: &str, days: &[i64]) -> Vec<(Severity, u64)> {
        let config = Config::from_toml(config).unwrap();
        let part = |day: &i64| {
            let mut alert = Alert::of(&RULE, &[Some(bucket)], Some(day * DAY_MS));
            alert.rule_id = "RAN-002";
            alert.bucket = Some(bucket.to_owned());
            alert.set_seen(Some(day * DAY_MS), Some(day * DAY_MS));
            alert
        };
        let alerts: Vec<Alert> = days.iter().map(part).collect();
        let (known, history, kms) = (Known::default(), History::default(), KmsUse::default());
        let deletions = Deletions::default();
        let (history, kms, deletions) = (history.view_after(None), kms.view(), deletions.view());
        let shared =
            Shared { config: &config, known: &known, history: &history, kms: &kms, deletions: &deletions };
        let found = SseCOnGuardedBucket.finish_over(&alerts, &shared);
        found.iter().map(|alert| (alert.severity, alert.count)).collect()
    }

    #[test]
    fn a_bucket_that_the_configuration_lists_is_enough() {
        let (critical, pay) = (Severity::Critical, "payroll");
        assert_eq!(found("sensitive_buckets = ['payroll']", pay, &[1, 1, 2]), [(critical, 2), (critical, 1)]);
        assert_eq!(found("log_buckets = ['payroll']", pay, &[1]), [(critical, 1)]);
        assert_eq!(found("log_buckets = ['other']", pay, &[1]), []);
    }
}
