//! ENC-009: the default encryption of a bucket is removed or weakened.

use super::bucket_policy_deleted::{DELETED, is_replaced};
use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::batch::cell;
use crate::detect::changes::{ChangeDetector, Setting, Step, known_before};
use crate::detect::codes::Codes;
use crate::detect::hits::Verdict;
use crate::detect::policy::Call;
use crate::detect::policy::call::text;
use crate::detect::policy::json::each;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// ENC-009 `encryption-weakened`.
pub static RULE: Rule = Rule {
    id: "ENC-009",
    name: "encryption-weakened",
    title: "The default encryption of a bucket was removed or weakened",
    severity: Severity::Medium,
    attack: &["T1565", "T1685"],
    looks_for: "DeleteBucketEncryption that was done, in either log, and PutBucketEncryption in CloudTrail that sets \
        AES256 where the data shows a KMS key before, or another KMS key than before. The level is medium, and low if \
        what is deleted is known to be AES256, which S3 then applies anyway. There is one alert a change. A deletion \
        that a new setting follows within replaced_within_seconds is a replacement, and none. Callers in iac_roles are \
        kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "Without a key of one's own nobody can be kept out by it any more. With a key of somebody else the objects \
        written since cannot be read without him.",
    cannot_see: "The setting before the first one in the logs. Whether objects are written with another encryption than \
        the default. Refused calls are none.",
    false_positives: "Rotation by a new key, and deployments: list their role under iac_roles.",
    next_steps: &[
        "Put the former setting back.",
        "Find out whose key the new one is; the account stands in its ARN.",
        "Look for objects that were written since, and encrypt them again.",
    ],
    thresholds: &[Threshold {
        name: "replaced_within_seconds",
        default: 60,
        source: "proposal: deployments delete and set a setting in one run",
    }],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("ENC-009":
        "fires" CloudTrail "json" true,
        "fires_weaker" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(ChangeDetector::<EncryptionWeakened>::of),
};

struct EncryptionWeakened {
    replaced_within_seconds: u64,
}

/// What S3 does where nothing is set.
const AES256: &str = "AES256";

impl Setting for EncryptionWeakened {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        EncryptionWeakened { replaced_within_seconds: config.threshold(&RULE, "replaced_within_seconds") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        let after = match setting_calls::setting(batch, codes, row)? {
            "DeleteBucketEncryption" => DELETED.to_owned(),
            "PutBucketEncryption" => batch.call(row).and_then(algorithm).unwrap_or_default(),
            _ => return None,
        };
        Some((cell(batch.text("bucket_name"), row)?, after))
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        let step = &steps[at];
        let before = known_before(steps, at).map_or("", |step| &step.after);
        let key = |setting: &str| setting.split_once(' ').map(|(_, key)| key.to_owned());
        let (severity, done) = match &*step.after {
            DELETED if is_replaced(steps, at, self.replaced_within_seconds) => return Verdict::Nothing,
            DELETED if before == AES256 => (Severity::Low, "deleted the default encryption".to_owned()),
            DELETED => (Severity::Medium, "deleted the default encryption".to_owned()),
            AES256 if before.starts_with("aws:kms") => {
                (Severity::Medium, "set AES256 instead of a KMS key as the default encryption".to_owned())
            }
            after => match (key(before), key(after)) {
                (Some(old), Some(new)) if old != new => {
                    (Severity::Medium, format!("set another KMS key, {new}, as the default encryption"))
                }
                _ => return Verdict::Nothing,
            },
        };
        let mut alert = step.alert(&RULE, bucket);
        alert.severity = severity;
        alert.summary = format!("{} {done} of the bucket {bucket}.", step.name());
        if !before.is_empty() {
            alert.reasons.push(format!("It was {before} before."));
        }
        alert.observed.insert("before", if before.is_empty() { json!(null) } else { json!(before) });
        alert.observed.insert("after", json!(&*step.after));
        setting_calls::verdict(alert, shared, false)
    }
}

/// `aws:kms KEY`, `aws:kms` or `AES256`.
fn algorithm(call: &Call) -> Option<String> {
    let rule = each(call.parameters.get("ServerSideEncryptionConfiguration")?.get("Rule")?).first()?;
    let default = rule.get("ApplyServerSideEncryptionByDefault")?;
    let algorithm = text(default, "SSEAlgorithm")?;
    let key = text(default, "KMSMasterKeyID").map(|key| format!(" {key}")).unwrap_or_default();
    Some(if algorithm == AES256 { AES256.to_owned() } else { format!("{algorithm}{key}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use Severity::{Low, Medium};

    fn put(log: LogType, second: i64, default: &str) -> (LogType, Activity) {
        let text = format!(
            r#"{{"ServerSideEncryptionConfiguration":{{"Rule":{{"ApplyServerSideEncryptionByDefault":{default}}}}}}}"#
        );
        let is_put = !default.is_empty();
        let row = Activity {
            time_ms: Some(second * 1000),
            action: if is_put { "PutBucketEncryption" } else { "DeleteBucketEncryption" },
            operation: if is_put { "REST.PUT.ENCRYPTION" } else { "REST.DELETE.ENCRYPTION" },
            request: format!("R{second}"),
            key: None,
            parameters: Some(Box::leak(text.into_boxed_str())),
            ..Activity::default()
        };
        (log, row)
    }

    #[test]
    fn removal_and_a_weaker_setting_than_before_count() {
        let aes = r#"{"SSEAlgorithm":"AES256"}"#;
        let [one, two] =
            ["k1", "k2"].map(|key| format!(r#"{{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"{key}"}}"#));
        for (rows, expected) in [
            (vec![put(CloudTrail, 0, "")], vec![Medium]),
            (vec![put(S3Access, 0, "")], vec![Medium]),
            (vec![put(CloudTrail, 0, aes), put(CloudTrail, 9, "")], vec![Low]),
            (vec![put(CloudTrail, 0, ""), put(CloudTrail, 9, &one)], vec![]),
            (vec![put(CloudTrail, 0, &one), put(CloudTrail, 9, aes)], vec![Medium]),
            (vec![put(CloudTrail, 0, &one), put(CloudTrail, 9, &two)], vec![Medium]),
            (vec![put(CloudTrail, 0, &one), put(CloudTrail, 9, &one)], vec![]),
            (vec![put(CloudTrail, 0, aes), put(CloudTrail, 9, &one)], vec![]),
            (vec![put(CloudTrail, 0, "[]"), put(S3Access, 9, &one)], vec![]),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{rows:?}");
        }
    }
}
