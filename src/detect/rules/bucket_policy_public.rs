//! EXP-003: a policy opens a bucket to everybody.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::Access;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// EXP-003 `bucket-policy-public`.
pub static RULE: Rule = Rule {
    id: "EXP-003",
    name: "bucket-policy-public",
    title: "A policy opened a bucket to everybody",
    severity: Severity::High,
    attack: &["T1098", "T1530", "T1567"],
    looks_for: "PutBucketPolicy that was done and has a statement that allows something of S3 to everybody: Principal \
        \"*\", or all but some, and no condition that holds it to fixed callers. What holds is what AWS takes for not \
        public, <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>: \
        aws:SourceIp of a range from /8 (IPv6: /32) on, aws:SourceVpc, aws:SourceVpce, aws:PrincipalOrgID, \
        aws:PrincipalAccount, aws:PrincipalArn, aws:SourceAccount, aws:SourceArn, s3:DataAccessPointAccount, \
        s3:DataAccessPointArn and their like, under an operator that must be met, each value without wildcard or \
        variable. Negated operators, IfExists and ForAllValues do not hold. The level is high, and critical if \
        everybody may write, delete or change permissions. It is one level lower if a Deny of all actions spares only \
        fixed callers, and medium if the log does not show the policy. There is one alert for a caller, a bucket, a \
        kind of access and a UTC day. Buckets in public_buckets that are opened for reading and listing only, and \
        callers in iac_roles, are kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "Anybody who knows or guesses the name of the bucket can then take what is in it, or leave something there.",
    cannot_see: "Whether Block Public Access stops it after all: then S3 refuses the call, or the access. A policy that \
        was set before the logs begin. Everybody in a network that the caller owns: a fixed address is not public \
        (EXP-016 tells of what is new in a policy). Which objects a Resource leaves out. Refused calls are none.",
    false_positives: "Public sites and open data: list their buckets under public_buckets.",
    next_steps: &[
        "Put the former policy back, or turn on Block Public Access for the bucket.",
        "Look for access without credentials since (GET-014, GET-015, EXP-012, EXP-014).",
        "Ask the owner of the principal whether the change was planned.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("EXP-003":
        "fires" CloudTrail "json" true,
        "fires_write" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "near_miss_3" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<BucketPolicyPublic>::of),
};

/// Index of a kind of hit.
const NARROWED: usize = 0;
/// What stands in the entity if the log does not show the policy.
const HIDDEN: &str = "not shown";

struct BucketPolicyPublic;

impl Pattern for BucketPolicyPublic {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        BucketPolicyPublic
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if setting_calls::setting(batch, codes, row)? != "PutBucketPolicy" {
            return None;
        }
        let call = batch.call(row)?;
        let is_narrowed = call.policy.as_ref().is_some_and(|policy| policy.is_narrowed);
        let open = if call.is_hidden { HIDDEN } else { &call.open };
        let hit = setting_calls::hit(batch, row, [Some(open), None], u8::from(is_narrowed) << NARROWED);
        (!open.is_empty()).then_some(hit)
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (caller, bucket) = setting_calls::names(group);
        let open = group.entity[2].unwrap_or_default();
        if open == HIDDEN {
            let summary = format!("{caller} set a policy of the bucket {bucket} that the log does not show.");
            let mut alert = setting_calls::alert(&RULE, group, Severity::Medium, summary);
            alert.title = "A policy was set that the log does not show";
            alert.confidence = Confidence::Low;
            alert.reasons.push("CloudTrail left the policy out, or it is none: it may be harmless.".to_owned());
            return setting_calls::verdict(alert, shared, false);
        }
        let access = Access::parse(open);
        let is_narrowed = group.of_kind(NARROWED) == group.count();
        let severity = match (access.has_any(Access::CHANGES), is_narrowed) {
            (true, false) => Severity::Critical,
            (false, true) => Severity::Medium,
            _ => Severity::High,
        };
        let what = access.in_words();
        let summary = format!("{caller} opened the bucket {bucket} to everybody by its policy: {what}.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        alert
            .reasons
            .push("A statement allows it to everybody, and no condition holds it to fixed callers.".to_owned());
        if is_narrowed {
            alert.reasons.push("A Deny of all actions spares only fixed callers, which narrows it.".to_owned());
        }
        alert.observed.insert("access", json!(open));
        setting_calls::verdict(alert, shared, setting_calls::is_public(shared, bucket, access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    fn put(statements: &str) -> Activity {
        let text = format!(r#"{{"bucketName":"bucket","policy":"","bucketPolicy":{{"Statement":{statements}}}}}"#);
        let parameters: Option<&'static str> = Some(Box::leak(text.into_boxed_str()));
        Activity { action: "PutBucketPolicy", key: None, parameters, ..Activity::default() }
    }

    fn levels(config: &str, row: Activity) -> (Vec<Severity>, usize) {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), &[(CloudTrail, row)]);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    const READ: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}"#;
    const WRITE: &str = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["s3:GetObject","s3:PutObject"]}"#;

    #[test]
    fn what_is_open_decides_the_level() {
        use Severity::{Critical, High, Medium};
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}"#;
        for (statements, expected) in [
            (READ.to_owned(), Some(High)),
            (WRITE.to_owned(), Some(Critical)),
            (format!("[{READ},{deny}]"), Some(Medium)),
            (format!("[{WRITE},{deny}]"), Some(High)),
            (READ.replace("Allow", "Deny"), None),
            (READ.replace(r#""*","A"#, r#"{"AWS":"444455556666"},"A"#), None),
            (READ.replace('}', r#","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#), None),
            (READ.replace('}', r#","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}}"#), Some(High)),
        ] {
            assert_eq!(levels("", put(&statements)).0, expected.into_iter().collect::<Vec<_>>(), "{statements}");
        }
    }

    #[test]
    fn a_public_bucket_may_be_read_but_not_written() {
        let public = "public_buckets = ['bucket']";
        assert_eq!(levels(public, put(READ)), (vec![], 1));
        assert_eq!(levels(public, put(WRITE)), (vec![Severity::Critical], 0));
        assert_eq!(levels("iac_roles = ['arn:aws:iam::111122223333:user/ann']", put(WRITE)), (vec![], 1));
    }

    #[test]
    fn a_policy_that_is_not_shown_says_so_and_refused_calls_are_none() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), Some(Severity::High)),
            (
                |row| row.parameters = Some(r#"{"reason":"requestParameters too large","omitted":true}"#),
                Some(Severity::Medium),
            ),
            (|row| row.outcome = "denied", None),
            (|row| row.outcome = "error", None),
            (|row| row.invoked_by = Some("cloudformation.amazonaws.com"), None),
            (|row| row.kind = "service", None),
            (|row| row.action = "GetBucketPolicy", None),
        ] {
            let mut row = put(READ);
            change(&mut row);
            assert_eq!(levels("", row.clone()).0, expected.into_iter().collect::<Vec<_>>(), "{row:?}");
        }
    }
}
