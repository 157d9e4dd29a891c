//! EXP-001: Block Public Access of a bucket is weakened.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// EXP-001 `bucket-block-weakened`.
pub static RULE: Rule = Rule {
    id: "EXP-001",
    name: "bucket-block-weakened",
    title: "Block Public Access of a bucket was weakened",
    severity: Severity::Medium,
    attack: &["T1562.007", "T1686.001", "T1578"],
    looks_for: "PutBucketPublicAccessBlock that was done in CloudTrail with one of the four settings false or not \
        given, which counts as false, and DeleteBucketPublicAccessBlock in either log. The level is medium, and high \
        if the bucket holds logs. Access logs show REST.PUT.PUBLIC_ACCESS_BLOCK without its settings: where CloudTrail \
        does not show them either, the level is low. There is one alert for a caller, a bucket and a UTC day. Buckets \
        in public_buckets and callers in iac_roles are kept quiet and counted. Calls of AWS services, and in their \
        name, are left out.",
    why: "Block Public Access is what keeps a wrong policy or ACL from opening the bucket. It is taken away first.",
    cannot_see: "What the settings were before: a call that only repeats them counts too. Whether the account's own \
        Block Public Access still holds. Calls through CloudFormation or another service. Refused calls are none.",
    false_positives: "The set-up of a public site: list its bucket under public_buckets. Buckets whose ACLs are in use.",
    next_steps: &[
        "Turn all four settings on again, unless the bucket is meant to be public.",
        "Look for a public policy or ACL set afterwards (EXP-003, EXP-006) and for reads without credentials (GET-014).",
        "Ask the owner of the principal whether the change was planned.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-001":
        "fires" CloudTrail "json" true,
        "fires_removed" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<BucketBlockWeakened>::of),
};

/// Index of a kind of hit.
const REMOVED: usize = 0;
const WEAK: usize = 1;
/// All four are off.
const OFF: usize = 2;
/// The log shows the settings.
const KNOWN: usize = 3;

struct BucketBlockWeakened;

impl Pattern for BucketBlockWeakened {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        BucketBlockWeakened
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let kinds = match setting_calls::setting(batch, codes, row)? {
            "DeleteBucketPublicAccessBlock" | "DeletePublicAccessBlock" => 1 << REMOVED,
            "PutBucketPublicAccessBlock" | "PutPublicAccessBlock" => {
                batch.call(row).and_then(|call| call.block.as_ref()).map_or(0, |block| {
                    1 << KNOWN | u8::from(!block.weak.is_empty()) << WEAK | u8::from(block.is_off()) << OFF
                })
            }
            _ => return None,
        };
        // Without a bucket it is the account's (EXP-002).
        let hit = setting_calls::hit(batch, row, [None; 2], kinds);
        hit.entity[1].is_some().then_some(hit)
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [removed, weak, off] = [REMOVED, WEAK, OFF].map(|kind| group.of_kind(kind));
        let (caller, bucket) = setting_calls::names(group);
        let is_log_bucket = setting_calls::is_log_bucket(shared, bucket);
        let done = if removed > 0 {
            "removed"
        } else if off > 0 {
            "turned off"
        } else {
            "weakened"
        };
        let is_shown = removed + weak > 0;
        let (severity, summary) = match is_shown {
            true => (
                if is_log_bucket { Severity::High } else { Severity::Medium },
                format!("{caller} {done} Block Public Access of the bucket {bucket}."),
            ),
            false if !setting_calls::are_all_shown(group, KNOWN) => (
                Severity::Low,
                format!("{caller} set Block Public Access of the bucket {bucket}; its settings are not shown."),
            ),
            false => return Verdict::Nothing,
        };
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if !is_shown {
            alert.confidence = Confidence::Low;
            alert.reasons.push("The logs do not show the settings, which may be stricter than before.".to_owned());
        }
        if is_log_bucket {
            alert.reasons.push("The bucket holds logs.".to_owned());
        }
        alert.observed.insert("removed", json!(removed));
        alert.observed.insert("weakened", json!(weak));
        setting_calls::verdict(alert, shared, shared.config.public_buckets.contains(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    const ON: &str = r#"{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":true,"RestrictPublicBuckets":true}}"#;
    const WEAK: &str = r#"{"PublicAccessBlockConfiguration":{"BlockPublicAcls":true,"IgnorePublicAcls":true,"BlockPublicPolicy":false,"RestrictPublicBuckets":true}}"#;

    fn put(log: LogType, parameters: Option<&'static str>) -> (LogType, Activity) {
        let (action, operation) = ("PutBucketPublicAccessBlock", "REST.PUT.PUBLIC_ACCESS_BLOCK");
        (log, Activity { action, operation, key: None, parameters, ..Activity::default() })
    }

    fn levels(config: &str, rows: &[(LogType, Activity)]) -> (Vec<Severity>, usize) {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    #[test]
    fn what_is_shown_in_one_log_decides() {
        use Severity::{High, Low, Medium};
        for (rows, expected) in [
            (vec![put(CloudTrail, Some(WEAK))], vec![Medium]),
            (vec![put(CloudTrail, Some(ON))], vec![]),
            (vec![put(S3Access, None)], vec![Low]),
            (vec![put(CloudTrail, Some(r#"{"omitted":true}"#))], vec![Low]),
            (vec![put(S3Access, None), put(CloudTrail, Some(ON))], vec![]),
            (vec![put(S3Access, None), put(CloudTrail, Some(WEAK))], vec![Medium]),
        ] {
            assert_eq!(levels("", &rows), (expected, 0), "{rows:?}");
        }
        let weak = [put(CloudTrail, Some(WEAK))];
        assert_eq!(levels("log_buckets = ['bucket']", &weak), (vec![High], 0));
        assert_eq!(levels("public_buckets = ['bucket']", &weak), (vec![], 1));
        assert_eq!(levels("iac_roles = ['arn:aws:iam::111122223333:user/ann']", &weak), (vec![], 1));
    }

    #[test]
    fn refused_calls_those_of_services_and_of_accounts_are_none() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.action = "DeleteBucketPublicAccessBlock", 1),
            (|row| row.action = "GetBucketPublicAccessBlock", 0),
            (|row| row.outcome = "denied", 0),
            (|row| row.kind = "service", 0),
            (|row| row.invoked_by = Some("cloudformation.amazonaws.com"), 0),
            (|row| row.bucket = None, 0),
        ] {
            let mut row = put(CloudTrail, Some(WEAK));
            change(&mut row.1);
            assert_eq!(levels("", &[row.clone()]).0.len(), expected, "{row:?}");
        }
    }
}
