//! RAN-013: a lifecycle rule is set that soon removes the objects of a bucket.

use super::lifecycle_rules::{is_of_a_part, rules_of, shortest_days};
use super::setting_calls;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::sample_calls::{Calls, trail};
use crate::detect::{Config, DetectBatch, Evidence, Form, Logs, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use arrow::array::Array;
use serde_json::{Value, json};

/// RAN-013 `lifecycle-shortened`.
pub static RULE: Rule = Rule {
    id: "RAN-013",
    name: "lifecycle-shortened",
    title: "A short lifecycle was set on a bucket",
    severity: Severity::Medium,
    attack: &["T1485.001", "T1490"],
    looks_for: "PutBucketLifecycle and PutBucketLifecycleConfiguration in CloudTrail that were done and have an enabled \
        rule that removes objects within medium_days: Expiration by days or date, or NoncurrentVersionExpiration. It is \
        medium, high within high_days, and one level lower if the rule covers only a part of the bucket, by a prefix, a \
        tag or a size. There is one alert for a caller, a bucket and a UTC day. Callers in iac_roles are kept quiet and \
        counted. Calls of AWS services, and in their name, are left out, and so are buckets that hold logs, which LOG-004 \
        is about.",
    why: "A lifecycle deletes without a single delete by the caller. Ransom notes have set one of seven days as a \
        deadline, and one of a day on former versions takes away the way back.",
    cannot_see: "Whether the rule replaces one that was as short. Access logs show REST.PUT.LIFECYCLE without its rules, \
        so they are not looked at. Whether the caller is new to the bucket changes nothing.",
    false_positives: "Buckets for temporary files. Former versions that are kept for some days only: set medium_days, or \
        list the role of the deployment under iac_roles.",
    next_steps: &[
        "Put the former lifecycle back: S3 stops removing after a small delay.",
        "Ask the owner of the principal whether the change was planned.",
        "Look for copies under other keys and for a note by the same caller.",
    ],
    thresholds: &[
        Threshold { name: "high_days", default: 1, source: "Stratus Red Team sets 1 day" },
        Threshold {
            name: "medium_days",
            default: 7,
            source: "what Codefinger sets, \
                <https://www.halcyon.ai/blog/abusing-aws-native-services-ransomware-encrypting-s3-buckets-with-sse-c>",
        },
    ],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(HitDetector::<LifecycleShortened>::of),
};

const fn put(parameters: &'static str) -> Calls {
    Calls { name: "PutBucketLifecycle", parameters, ..Calls::USUAL }
}

const WEEK: Calls = put(
    r#"{"bucketName":"reports","lifecycle":"","LifecycleConfiguration":{"Rule":{"ID":"7-days","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":7}}}}"#,
);
const VERSIONS: Calls = put(
    r#"{"bucketName":"reports","LifecycleConfiguration":{"Rule":[{"Status":"Enabled","Prefix":"","NoncurrentVersionExpiration":{"NoncurrentDays":1}},{"Status":"Enabled","Prefix":"","Expiration":{"Days":365}}]}}"#,
);
const MONTH: Calls = put(
    r#"{"bucketName":"reports","LifecycleConfiguration":{"Rule":{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":30}}}}"#,
);
const DISABLED: Calls = put(
    r#"{"bucketName":"reports","LifecycleConfiguration":{"Rule":{"Status":"Disabled","Filter":{"Prefix":""},"Expiration":{"Days":1}}}}"#,
);
const UPLOADS: Calls = put(
    r#"{"bucketName":"reports","LifecycleConfiguration":{"Rule":{"Status":"Enabled","Filter":{"Prefix":""},"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":1}}}}"#,
);

static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| trail(&[WEEK])), fires: true },
    Sample { name: "fires_versions", logs: Logs::Made(|| trail(&[VERSIONS, WEEK])), fires: true },
    Sample { name: "near_miss_1", logs: Logs::Made(|| trail(&[MONTH, DISABLED])), fires: false },
    Sample { name: "near_miss_2", logs: Logs::Made(|| trail(&[UPLOADS])), fires: false },
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| trail(&[Calls { name: "GetBucketLifecycle", ..WEEK }])),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| trail(&[Calls { error_code: "AccessDenied", ..WEEK }])),
        fires: false,
    },
];

/// Index of a kind of hit: how soon objects are removed, and of how much of the bucket.
const HIGH_OF_ALL: usize = 0;
const MEDIUM_OF_ALL: usize = 1;
const HIGH_OF_A_PART: usize = 2;
const MEDIUM_OF_A_PART: usize = 3;

struct LifecycleShortened {
    high_days: u64,
    medium_days: u64,
}

impl Pattern for LifecycleShortened {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        LifecycleShortened { high_days: threshold("high_days"), medium_days: threshold("medium_days") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_setting =
            codes.act[row] == Act::OtherS3 && codes.ended[row] == Ended::Done && codes.who[row] != Who::Service;
        if !is_setting || batch.log != LogType::CloudTrail {
            return None;
        }
        let is_put = matches!(
            cell(batch.text("action"), row)?,
            "PutBucketLifecycle" | "PutBucketLifecycleConfiguration" | "PutLifecycleConfiguration"
        );
        if !is_put || !batch.text("invoked_by").is_null(row) {
            return None;
        }
        let times = batch.event_time();
        let time_ms = times.is_valid(row).then(|| times.value(row));
        let kinds = self.kinds(cell(batch.native_text("request_parameters"), row)?, time_ms);
        (kinds != 0).then(|| setting_calls::hit(batch, row, [None, None], kinds))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (caller, bucket) = setting_calls::names(group);
        if setting_calls::is_log_bucket(shared, bucket) {
            return Verdict::Nothing;
        }
        let [high, medium, high_part, medium_part] =
            [HIGH_OF_ALL, MEDIUM_OF_ALL, HIGH_OF_A_PART, MEDIUM_OF_A_PART].map(|kind| group.of_kind(kind));
        let (severity, days, part) = match (high, medium, high_part) {
            (1.., ..) => (Severity::High, self.high_days, ""),
            (_, 1.., _) => (Severity::Medium, self.medium_days, ""),
            (.., 1..) => (Severity::Medium, self.high_days, "some "),
            _ => (Severity::Low, self.medium_days, "some "),
        };
        let within = counted(days, "day", "days");
        let summary =
            format!("{caller} set a lifecycle on the bucket {bucket} that removes {part}objects within {within}.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if !part.is_empty() {
            alert
                .reasons
                .push("The rule covers only a part of the bucket, by a prefix, a tag or a size.".to_owned());
        }
        alert.observed.insert("within_high_days", json!(high + high_part));
        alert.observed.insert("within_medium_days", json!(medium + medium_part));
        alert.expected = [("high_days", json!(self.high_days)), ("medium_days", json!(self.medium_days))].into();
        setting_calls::verdict(alert, shared, false)
    }
}

impl LifecycleShortened {
    fn kinds(&self, parameters: &str, time_ms: Option<i64>) -> u8 {
        let parameters = serde_json::from_str::<Value>(parameters).ok();
        let rules = parameters.as_ref().and_then(rules_of).unwrap_or_default();
        let kind = |rule: &Value| {
            let days = shortest_days(rule, time_ms)?;
            let [high, medium] = match is_of_a_part(rule) {
                true => [HIGH_OF_A_PART, MEDIUM_OF_A_PART],
                false => [HIGH_OF_ALL, MEDIUM_OF_ALL],
            };
            let of_days = (days <= self.high_days).then_some(high);
            of_days.or((days <= self.medium_days).then_some(medium))
        };
        rules.iter().filter_map(kind).fold(0, |kinds, kind| kinds | 1 << kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};

    fn levels(config: &str, rules: &str) -> (Vec<Severity>, usize) {
        let text = format!(r#"{{"LifecycleConfiguration":{{"Rule":{rules}}}}}"#);
        let row = Activity {
            action: "PutBucketLifecycle",
            key: None,
            parameters: Some(Box::leak(text.into_boxed_str())),
            ..Activity::default()
        };
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), &[(LogType::CloudTrail, row)]);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    #[test]
    fn how_soon_and_how_much_decides() {
        use Severity::{High, Low, Medium};
        for (rules, expected) in [
            (r#"{"Status":"Enabled","Expiration":{"Days":1}}"#, Some(High)),
            (r#"{"Status":"Enabled","Filter":"","Expiration":{"Days":"2"}}"#, Some(Medium)),
            (r#"{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":7}}"#, Some(Medium)),
            (r#"{"Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":8}}"#, None),
            (r#"{"Status":"Enabled","Filter":{"Prefix":"tmp/"},"Expiration":{"Days":1}}"#, Some(Medium)),
            (r#"{"Status":"Enabled","Prefix":"tmp/","Expiration":{"Days":7}}"#, Some(Low)),
            (
                r#"{"Status":"Enabled","Filter":{"Tag":{"Key":"a","Value":"b"}},"Expiration":{"Days":7}}"#,
                Some(Low),
            ),
            (r#"{"Status":"Enabled","Filter":{"And":{"Prefix":""}},"Expiration":{"Days":7}}"#, Some(Low)),
            (r#"{"Status":"Enabled","NoncurrentVersionExpiration":{"NoncurrentDays":1}}"#, Some(High)),
            (r#"{"Status":"Enabled","Expiration":{"Date":"1970-01-06T00:00:00.000Z"}}"#, Some(Medium)),
            (r#"{"Status":"Enabled","Transition":{"Days":1}}"#, None),
            (
                r#"[{"Status":"Enabled","Prefix":"a","Expiration":{"Days":7}},{"Status":"Enabled","Expiration":{"Days":1}}]"#,
                Some(High),
            ),
            (r#""""#, None),
        ] {
            assert_eq!(levels("", rules).0, expected.into_iter().collect::<Vec<_>>(), "{rules}");
        }
    }

    #[test]
    fn log_buckets_are_left_out_and_deployments_kept_quiet() {
        let day = r#"{"Status":"Enabled","Expiration":{"Days":1}}"#;
        assert_eq!(levels("log_buckets = ['bucket']", day), (vec![], 0));
        assert_eq!(levels("iac_roles = ['arn:aws:iam::111122223333:user/ann']", day), (vec![], 1));
        assert_eq!(levels("[thresholds.RAN-013]\nmedium_days = 0\nhigh_days = 0", day), (vec![], 0));
    }
}
