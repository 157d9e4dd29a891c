//! ENC-011: a new policy of a bucket no longer refuses connections without TLS.

use super::bucket_policy_deleted::policy_change;
use super::bucket_policy_loosened::with_before;
use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::changes::{ChangeDetector, Setting, Step};
use crate::detect::codes::Codes;
use crate::detect::hits::Verdict;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// ENC-011 `tls-policy-dropped`.
pub static RULE: Rule = Rule {
    id: "ENC-011",
    name: "tls-policy-dropped",
    title: "A bucket no longer refuses connections without TLS",
    severity: Severity::Medium,
    attack: &["T1557"],
    looks_for: "PutBucketPolicy that was done without a Deny on aws:SecureTransport false, or on an old s3:TlsVersion, \
        where the policy that the data shows before had one. There is one alert a change. Callers in iac_roles are kept \
        quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "What is sent without TLS can be read and changed on the way, and credentials of presigned URLs with it.",
    cannot_see: "The policy before the first one in the logs. A Deny that is still there but spares more callers. A \
        policy that is deleted as a whole (EXP-005). Refused calls are none.",
    false_positives: "A policy that was written anew and whose author forgot the statement: then it is to be put back.",
    next_steps: &[
        "Put the statement back.",
        "Look for requests without TLS since: the column tls_version of access lines is null.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("ENC-011":
        "fires" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(ChangeDetector::<TlsPolicyDropped>::of),
};

struct TlsPolicyDropped;

impl Setting for TlsPolicyDropped {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        TlsPolicyDropped
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        policy_change(batch, codes, row)
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        if !with_before(steps, at).is_some_and(|(after, before)| before.asks_for_tls && !after.asks_for_tls) {
            return Verdict::Nothing;
        }
        let mut alert = steps[at].alert(&RULE, bucket);
        alert.summary =
            format!("{} set a policy of the bucket {bucket} without the Deny for TLS.", steps[at].name());
        alert.reasons.push("The policy before denied connections without TLS; this one does not.".to_owned());
        setting_calls::verdict(alert, shared, false)
    }
}
