//! EXP-005: the policy of a bucket is deleted.

use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::batch::cell;
use crate::detect::changes::{ChangeDetector, Setting, Step, known_before};
use crate::detect::codes::Codes;
use crate::detect::hits::Verdict;
use crate::detect::policy::difference::Outline;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// EXP-005 `bucket-policy-deleted`.
pub static RULE: Rule = Rule {
    id: "EXP-005",
    name: "bucket-policy-deleted",
    title: "The policy of a bucket was deleted",
    severity: Severity::Medium,
    attack: &["T1562", "T1685"],
    looks_for: "DeleteBucketPolicy that was done, in either log. The level is medium, and high if the bucket holds logs, \
        or if the policy that the data shows before had a statement that denies, whether for TLS or else. There is one \
        alert a deletion. One that a new policy follows within replaced_within_seconds is a replacement, and none. \
        Callers in iac_roles are kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "A policy is where a bucket says who may not, which connections it refuses, and from which network it may be \
        reached. All of that is gone with it.",
    cannot_see: "What the policy said, if the logs begin after it was set. Refused calls are none.",
    false_positives: "Deployments that remove a policy for good: list their role under iac_roles. Buckets that are taken \
        down.",
    next_steps: &[
        "Put the policy back; the alert of an earlier PutBucketPolicy, or AWS Config, shows it.",
        "Look at what else the principal changed in the bucket.",
        "Ask the owner of the principal whether the change was planned.",
    ],
    thresholds: &[Threshold {
        name: "replaced_within_seconds",
        default: 60,
        source: "proposal: deployments delete and set a policy in one run",
    }],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-005":
        "fires" CloudTrail "json" true,
        "fires_deny" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(ChangeDetector::<BucketPolicyDeleted>::of),
};

/// What the setting is after a deletion.
pub(super) const DELETED: &str = "deleted";

/// The bucket whose policy a row changes, and what it is then: deleted, an [`Outline`] as text, or not shown.
pub(super) fn policy_change<'a>(batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
    let after = match setting_calls::setting(batch, codes, row)? {
        "DeleteBucketPolicy" => DELETED.to_owned(),
        "PutBucketPolicy" => {
            let policy = batch.call(row).and_then(|call| call.policy.as_ref());
            policy.map_or_else(String::new, |policy| Outline::of(policy).text())
        }
        _ => return None,
    };
    Some((cell(batch.text("bucket_name"), row)?, after))
}

/// Does a change that sets the setting anew follow within so many seconds?
pub(super) fn is_replaced(steps: &[Step], at: usize, seconds: u64) -> bool {
    let within_ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let next = steps.get(at + 1).filter(|next| &*next.after != DELETED);
    let times = next.and_then(|next| Some((steps[at].time_ms?, next.time_ms?)));
    times.is_some_and(|(from, to)| to.saturating_sub(from) <= within_ms)
}

struct BucketPolicyDeleted {
    replaced_within_seconds: u64,
}

impl Setting for BucketPolicyDeleted {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        BucketPolicyDeleted { replaced_within_seconds: config.threshold(&RULE, "replaced_within_seconds") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        policy_change(batch, codes, row)
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        let step = &steps[at];
        if &*step.after != DELETED || is_replaced(steps, at, self.replaced_within_seconds) {
            return Verdict::Nothing;
        }
        let before = known_before(steps, at).and_then(|step| Outline::parse(&step.after));
        let denied = before.as_ref().is_some_and(|before| before.denies() || before.asks_for_tls);
        let is_log_bucket = setting_calls::is_log_bucket(shared, bucket);
        let mut alert = step.alert(&RULE, bucket);
        alert.severity = if denied || is_log_bucket { Severity::High } else { Severity::Medium };
        alert.summary = format!("{} deleted the policy of the bucket {bucket}.", step.name());
        if denied {
            alert.reasons.push("The policy before had a statement that denies.".to_owned());
        }
        if is_log_bucket {
            alert.reasons.push("The bucket holds logs.".to_owned());
        }
        alert.observed.insert("policy_before_is_known", json!(before.is_some()));
        alert.expected.insert("replaced_within_seconds", json!(self.replaced_within_seconds));
        setting_calls::verdict(alert, shared, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use Severity::{High, Medium};

    fn row(log: LogType, second: i64, statement: &str) -> (LogType, Activity) {
        let text = format!(r#"{{"bucketPolicy":{{"Statement":[{statement}]}}}}"#);
        let is_put = !statement.is_empty();
        let row = Activity {
            time_ms: Some(second * 1000),
            action: if is_put { "PutBucketPolicy" } else { "DeleteBucketPolicy" },
            operation: if is_put { "REST.PUT.BUCKETPOLICY" } else { "REST.DELETE.BUCKETPOLICY" },
            status: Some(204),
            request: format!("R{second}"),
            key: None,
            parameters: is_put.then(|| &*Box::leak(text.into_boxed_str())),
            ..Activity::default()
        };
        (log, row)
    }

    #[test]
    fn what_was_there_before_and_what_follows_decide() {
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject"}"#;
        let allow = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}"#;
        for (config, rows, expected) in [
            ("", vec![row(CloudTrail, 9, "")], vec![Medium]),
            ("", vec![row(CloudTrail, 9, ""), row(S3Access, 9, "")], vec![Medium]),
            ("", vec![row(S3Access, 9, "")], vec![Medium]),
            ("", vec![row(CloudTrail, 1, deny), row(CloudTrail, 9, "")], vec![High]),
            ("", vec![row(CloudTrail, 1, allow), row(CloudTrail, 9, "")], vec![Medium]),
            ("", vec![row(CloudTrail, 9, ""), row(CloudTrail, 69, allow)], vec![]),
            ("", vec![row(CloudTrail, 9, ""), row(S3Access, 20, allow)], vec![]),
            ("", vec![row(CloudTrail, 9, ""), row(CloudTrail, 70, allow)], vec![Medium]),
            ("log_buckets = ['bucket']", vec![row(CloudTrail, 9, "")], vec![High]),
            ("iac_roles = ['arn:aws:iam::111122223333:user/ann']", vec![row(CloudTrail, 9, "")], vec![]),
        ] {
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            assert_eq!(
                found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(),
                expected,
                "{config} {rows:?}"
            );
            assert_eq!(found.suppressed.len(), usize::from(config.contains("iac")));
        }
    }
}
