//! LOG-004: a lifecycle rule is set that soon removes the logs of a bucket.

use super::lifecycle_rules::{rules_of, shortest_days};
use super::samples;
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use crate::parse::LogType;
use arrow::array::Array;
use serde_json::{Value, json};

/// LOG-004 `log-bucket-lifecycle-shortened`.
pub static RULE: Rule = Rule {
    id: "LOG-004",
    name: "log-bucket-lifecycle-shortened",
    title: "A short lifecycle was set on a log bucket",
    severity: Severity::High,
    attack: &["T1562.008", "T1685.002", "T1485.001"],
    looks_for: "PutBucketLifecycle and PutBucketLifecycleConfiguration in CloudTrail that were done on a bucket that \
        holds logs (LOG-001 tells what makes one) and have an enabled rule that removes objects in less than \
        min_log_retention_days: Expiration by days or date, or NoncurrentVersionExpiration. It is high, and critical \
        at critical_days or fewer. Access logs show REST.PUT.LIFECYCLE without its rules: where CloudTrail does not \
        show them either, the level is medium. There is one alert for a caller, a bucket and a UTC day. Hits of a \
        caller under iac_roles are kept quiet and counted. AWS services are left out. Where the bucket is known by the \
        shape of its keys alone, which a caller can plant, confidence is low and the level at most medium.",
    why: "An expiration of one day removes all logs without a single delete by the caller.",
    cannot_see: "Whether the rule replaces one that was as short. How much of the bucket a prefix or tag of the rule \
        covers: any enabled rule counts. A caller whose name differs between the logs, such as the root of an account, \
        is not joined.",
    false_positives: "A rule for another folder of the same bucket, such as query results. Retention that is wanted: \
        set min_log_retention_days, or list the role of the deployment under iac_roles.",
    next_steps: &[
        "Put the former lifecycle back: S3 stops removing after a small delay.",
        "Ask the owner of the principal whether the change was planned.",
        "Look for log files that lifecycle removed (LOG-003).",
    ],
    thresholds: &[
        Threshold {
            name: "critical_days",
            default: 7,
            source: "Panther's rule about short lifecycles of log buckets (7 days); Stratus Red Team sets 1 day",
        },
        Threshold {
            name: "min_log_retention_days",
            default: 90,
            source: "proposal: as long as CloudTrail's event history, \
                <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>",
        },
    ],
    activity_columns: &["bucket_name", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &["request_parameters"],
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("LOG-004":
        "fires" CloudTrail "json" true,
        "fires_list" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<LogBucketLifecycleShortened>::of),
};

/// Index of a kind of hit.
const VERY_SHORT: usize = 0;
const SHORT: usize = 1;
/// CloudTrail shows the rules.
const KNOWN: usize = 2;
/// CloudTrail shows that it was done, but not the rules.
const OMITTED: usize = 3;

struct LogBucketLifecycleShortened {
    critical_days: u64,
    retention_days: u64,
}

impl Pattern for LogBucketLifecycleShortened {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        LogBucketLifecycleShortened {
            critical_days: threshold("critical_days"),
            retention_days: threshold("min_log_retention_days"),
        }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if codes.act[row] != Act::OtherS3 || codes.ended[row] != Ended::Done || codes.who[row] == Who::Service {
            return None;
        }
        let action = cell(batch.text("action"), row)?;
        if !matches!(action, "PutBucketLifecycle" | "PutBucketLifecycleConfiguration") {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let kinds = match batch.log {
            LogType::S3Access => 0,
            LogType::CloudTrail => {
                let times = batch.event_time();
                let time_ms = times.is_valid(row).then(|| times.value(row));
                self.kinds(cell(batch.native_text("request_parameters"), row), time_ms)
            }
        };
        let what = what(cell(batch.text("request_id"), row), 0);
        Some(Hit { entity: [cell(batch.text("principal"), row), Some(bucket), None, None], what, kinds })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [very_short, short, known, omitted] =
            [VERY_SHORT, SHORT, KNOWN, OMITTED].map(|kind| group.of_kind(kind));
        let level = match (very_short, short) {
            (1.., _) => Severity::Critical,
            (0, 1..) => Severity::High,
            _ if omitted > 0 || known == 0 => Severity::Medium,
            _ => return Verdict::Nothing,
        };
        let Some(mut alert) = group.log_bucket_alert(&RULE, level, shared) else { return Verdict::Nothing };
        let [principal, bucket, ..] = group.entity;
        let (caller, bucket) = (principal.unwrap_or("An unknown caller"), bucket.unwrap_or_default());
        let within = match level {
            Severity::Critical => format!("within {}", counted(self.critical_days, "day", "days")),
            Severity::High => format!("in less than {}", counted(self.retention_days, "day", "days")),
            _ => "in a time that the logs do not show".to_owned(),
        };
        alert.summary =
            format!("{caller} set a lifecycle on the log bucket {bucket} that removes objects {within}.");
        if level == Severity::Medium {
            alert.summary =
                format!("{caller} set a lifecycle on the log bucket {bucket}; its rules are not shown.");
            alert.reasons.push("The logs do not show the rules, which may be harmless.".to_owned());
            alert.confidence = alert.confidence.min(Confidence::Medium);
        }
        alert.observed.remove("keys");
        alert.observed.insert("within_critical_days", json!(very_short));
        alert.observed.insert("within_min_log_retention_days", json!(short));
        alert.expected =
            [("critical_days", json!(self.critical_days)), ("min_log_retention_days", json!(self.retention_days))]
                .into();
        if principal.is_some_and(|principal| shared.config.iac_roles.contains(principal)) {
            Verdict::Suppressed(alert)
        } else {
            Verdict::Alert(alert)
        }
    }
}

impl LogBucketLifecycleShortened {
    fn kinds(&self, parameters: Option<&str>, time_ms: Option<i64>) -> u8 {
        let parameters = parameters.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(rules) = parameters.as_ref().and_then(rules_of) else { return 1 << OMITTED };
        let Some(days) = rules.iter().filter_map(|rule| shortest_days(rule, time_ms)).min() else {
            return 1 << KNOWN;
        };
        let is_very_short = days <= self.critical_days;
        let is_short = is_very_short || days < self.retention_days;
        1 << KNOWN | u8::from(is_very_short) << VERY_SHORT | u8::from(is_short) << SHORT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use LogType::{CloudTrail, S3Access};

    fn put(log: LogType, parameters: Option<&'static str>) -> (LogType, Activity) {
        let row = Activity {
            action: "PutBucketLifecycle",
            operation: "REST.PUT.LIFECYCLE",
            key: None,
            parameters,
            ..Activity::default()
        };
        (log, row)
    }

    fn levels(config: &str, rows: &[(LogType, Activity)]) -> Vec<Severity> {
        let config = Config::from_toml(&format!("log_buckets = ['bucket']\n{config}")).unwrap();
        detect(&RULE, &config, rows).alerts.iter().map(|alert| alert.severity).collect()
    }

    const ONE_DAY: &str = r#"{"LifecycleConfiguration":{"Rule":{"Status":"Enabled","Expiration":{"Days":1}}}}"#;
    const YEAR: &str = r#"{"LifecycleConfiguration":{"Rule":[{"Status":"Enabled","Expiration":{"Days":365}}]}}"#;

    #[test]
    fn the_shortest_enabled_rule_decides() {
        use Severity::{Critical, High, Medium};
        for (rule, expected) in [
            (r#"{"Status":"Enabled","Expiration":{"Days":7}}"#, Some(Critical)),
            (r#"{"Status":"Enabled","Expiration":{"Days":8}}"#, Some(High)),
            (r#"{"Status":"Enabled","Expiration":{"Days":"89"}}"#, Some(High)),
            (r#"{"Status":"Enabled","Expiration":{"Days":90}}"#, None),
            (r#"{"Status":"Disabled","Expiration":{"Days":1}}"#, None),
            (r#"{"Status":"Enabled","Expiration":{"Date":"1970-01-05T00:00:00.000Z"}}"#, Some(Critical)),
            (r#"{"Status":"Enabled","Expiration":{"Date":"1970-02-05"}}"#, Some(High)),
            (r#"{"Status":"Enabled","Expiration":{"Date":"1971-02-05T00:00:00Z"}}"#, None),
            (r#"{"Status":"Enabled","NoncurrentVersionExpiration":{"NoncurrentDays":3}}"#, Some(Critical)),
            (r#"{"Status":"Enabled","Transition":{"Days":1}}"#, None),
            (
                r#"[{"Status":"Enabled","Expiration":{"Days":365}},{"Status":"Enabled","Expiration":{"Days":30}}]"#,
                Some(High),
            ),
            (r#""#, Some(Medium)),
        ] {
            let text = format!(r#"{{"LifecycleConfiguration":{{"Rule":{rule}}}}}"#);
            let rows = [put(CloudTrail, Some(Box::leak(text.into_boxed_str())))];
            assert_eq!(levels("", &rows), expected.into_iter().collect::<Vec<_>>(), "{rule}");
        }
    }

    #[test]
    fn both_logs_are_one_alert_and_access_logs_alone_are_medium() {
        let access = put(S3Access, None);
        assert_eq!(levels("", std::slice::from_ref(&access)), [Severity::Medium]);
        let rows = [access.clone(), put(CloudTrail, Some(ONE_DAY))];
        let config = Config::from_toml("log_buckets = ['bucket']").unwrap();
        let found = detect(&RULE, &config, &rows);
        let seen: Vec<_> = found.alerts.iter().map(|it| (it.severity, it.count, it.logs.len())).collect();
        assert_eq!(seen, [(Severity::Critical, 1, 2)]);
        assert!(levels("", &[access.clone(), access, put(CloudTrail, Some(YEAR))]).is_empty());
        let omitted = r#"{"reason":"requestParameters too large","omitted":true}"#;
        assert_eq!(levels("", &[put(CloudTrail, Some(omitted))]), [Severity::Medium]);
    }

    #[test]
    fn refused_planned_and_other_calls_are_none() {
        let iac =
            Config::from_toml("log_buckets = ['bucket']\niac_roles = ['arn:aws:iam::111122223333:user/ann']");
        let found = detect(&RULE, &iac.unwrap(), &[put(CloudTrail, Some(ONE_DAY))]);
        assert_eq!((found.alerts.len(), found.suppressed.len()), (0, 1));
        assert!(detect(&RULE, &Config::default(), &[put(CloudTrail, Some(ONE_DAY))]).alerts.is_empty());
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.outcome = "denied", 0),
            (|row| row.kind = "service", 0),
            (|row| row.action = "DeleteBucketLifecycle", 0),
            (|row| row.action = "PutBucketLifecycleConfiguration", 1),
        ] {
            let mut row = put(CloudTrail, Some(ONE_DAY));
            change(&mut row.1);
            assert_eq!(levels("", &[row.clone()]).len(), expected, "{row:?}");
        }
        let config = "[thresholds.LOG-004]\nmin_log_retention_days = 400";
        assert_eq!(levels(config, &[put(CloudTrail, Some(YEAR))]), [Severity::High]);
    }
}
