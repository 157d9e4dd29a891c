//! LOG-012: the access log of a bucket goes somewhere else than before.

use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::batch::cell;
use crate::detect::changes::{ChangeDetector, Setting, Step};
use crate::detect::codes::Codes;
use crate::detect::hits::Verdict;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// LOG-012 `access-logging-redirected`.
pub static RULE: Rule = Rule {
    id: "LOG-012",
    name: "access-logging-redirected",
    title: "The access log of a bucket was sent elsewhere",
    severity: Severity::Medium,
    attack: &["T1562.008", "T1685.002"],
    looks_for: "PutBucketLogging in CloudTrail that was done and names another TargetBucket than the last one that the \
        logs show for the bucket, or another TargetPrefix, which is low. Logging that was off in between is looked past. \
        There is one alert a change. Callers under iac_roles are kept quiet and counted; AWS services are left out.",
    why: "The lines go on, but not to where anybody reads them; nothing is missing in the console.",
    cannot_see: "The first target in the logs, before which none is known. Whose bucket the new target is. Access logs \
        show REST.PUT.LOGGING_STATUS without what was set.",
    false_positives: "Logs that move to another bucket.",
    next_steps: &[
        "Find out whose bucket the new target is, and who reads it.",
        "Set the former target again if nobody knows of the change, and fetch the lines from the new one.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("LOG-012":
        "fires" CloudTrail "json" true,
        "fires_prefix" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(ChangeDetector::<AccessLoggingRedirected>::of),
};

struct AccessLoggingRedirected;

impl Setting for AccessLoggingRedirected {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        AccessLoggingRedirected
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        setting_calls::setting(batch, codes, row).filter(|name| *name == "PutBucketLogging")?;
        let status = batch.call(row)?.parameters.get("BucketLoggingStatus")?;
        let enabled = status.get("LoggingEnabled")?;
        let text = |name| enabled.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        Some((cell(batch.text("bucket_name"), row)?, format!("{}/{}", text("TargetBucket"), text("TargetPrefix"))))
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        let Some(before) = at.checked_sub(1).map(|before| &*steps[before].after) else { return Verdict::Nothing };
        let after = &*steps[at].after;
        let target =
            |setting: &str| setting.split_once('/').map(|(bucket, _)| bucket.to_owned()).unwrap_or_default();
        if after == before {
            return Verdict::Nothing;
        }
        let mut alert = steps[at].alert(&RULE, bucket);
        let is_prefix_alone = target(before) == target(after);
        if is_prefix_alone {
            alert.severity = Severity::Low;
            alert
                .reasons
                .push("The bucket that the lines go to is the same, only the prefix is another.".to_owned());
        }
        alert.summary = format!(
            "{} sent the access log of the bucket {bucket} to {after}, no longer to {before}.",
            steps[at].name()
        );
        alert.observed = [("before", json!(before)), ("after", json!(after))].into();
        setting_calls::verdict(alert, shared, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail};
    use Severity::{Low, Medium};

    fn put(second: i64, target: &str, prefix: &str) -> (LogType, Activity) {
        let enabled = format!(r#"{{"TargetBucket":"{target}","TargetPrefix":"{prefix}"}}"#);
        let status =
            if target.is_empty() { "{}".to_owned() } else { format!(r#"{{"LoggingEnabled":{enabled}}}"#) };
        let text = format!(r#"{{"bucketName":"bucket","logging":"","BucketLoggingStatus":{status}}}"#);
        let row = Activity {
            time_ms: Some(second * 1000),
            action: "PutBucketLogging",
            request: format!("R{second}"),
            key: None,
            parameters: Some(Box::leak(text.into_boxed_str())),
            ..Activity::default()
        };
        (CloudTrail, row)
    }

    #[test]
    fn another_target_than_the_last_one_counts() {
        for (rows, expected) in [
            (vec![put(0, "logs", "a/")], vec![]),
            (vec![put(0, "logs", "a/"), put(1, "logs", "a/")], vec![]),
            (vec![put(0, "logs", "a/"), put(1, "other", "a/")], vec![Medium]),
            (vec![put(0, "logs", "a/"), put(1, "logs", "b/")], vec![Low]),
            (vec![put(0, "logs", "a/"), put(1, "", ""), put(2, "other", "")], vec![Medium]),
            (vec![put(0, "logs", "a/"), put(1, "", ""), put(2, "logs", "a/")], vec![]),
            (vec![put(0, "logs", ""), put(1, "other", ""), put(2, "logs", "")], vec![Medium, Medium]),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{rows:?}");
        }
    }
}
