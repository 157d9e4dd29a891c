//! EXP-004: a policy lets another account into a bucket.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::Access;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;
use setting_calls::{Others, in_words};

/// EXP-004 `bucket-policy-external`.
pub static RULE: Rule = Rule {
    id: "EXP-004",
    name: "bucket-policy-external",
    title: "A policy let another account into a bucket",
    severity: Severity::High,
    attack: &["T1537", "T1098"],
    looks_for: "PutBucketPolicy that was done and allows something of S3 to an account that is not the owner's: named \
        as a principal, by a canonical id, or by a condition such as aws:PrincipalAccount that holds everybody to it. \
        The owner's accounts are those of owned_accounts, and the recipients of CloudTrail events. The level is high \
        if the account may list, write, delete or change permissions, else medium. An organisation or an origin access \
        identity of CloudFront is info. There is one alert for a caller, a bucket, those who are let in and a UTC day. \
        Accounts in partners and callers in iac_roles are kept quiet and counted. Calls of AWS services, and in their \
        name, are left out.",
    why: "It is the quietest way to copy a bucket: the other account reads with its own credentials, and goes on after \
        those of the intruder are gone.",
    cannot_see: "Whose account it is, and whether an organisation is the owner's. Policies that were set before the \
        logs begin. More accounts than about forty in one policy: they are told to be there. Refused calls are none.",
    false_positives: "Partners, and the accounts of vendors: list them under partners or owned_accounts. The accounts \
        from which AWS delivers logs of load balancers in old regions.",
    next_steps: &[
        "Find out whose account it is, and whether somebody agreed to its access.",
        "Put the former policy back if nobody did.",
        "Look for reads by that account (GET-016, EXP-012).",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("EXP-004":
        "fires" CloudTrail "json" true,
        "fires_condition" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<BucketPolicyExternal>::of),
};

struct BucketPolicyExternal;

impl Pattern for BucketPolicyExternal {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        BucketPolicyExternal
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if setting_calls::setting(batch, codes, row)? != "PutBucketPolicy" {
            return None;
        }
        let names = &batch.call(row)?.by_policy;
        (!names.is_empty()).then(|| setting_calls::hit(batch, row, [Some(names), None], 0))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let others = Others::of(group.entity[2].unwrap_or_default(), shared);
        let (caller, bucket) = setting_calls::names(group);
        let (entries, severity) = if !others.foreign.is_empty() {
            let is_more = others.access().has_any(Access::CHANGES.and(Access::LIST));
            (&others.foreign, if is_more { Severity::High } else { Severity::Medium })
        } else if others.are_more || !others.partners.is_empty() {
            (&others.partners, Severity::Medium)
        } else if !others.organisations.is_empty() {
            (&others.organisations, Severity::Info)
        } else {
            (&others.cloudfront, Severity::Info)
        };
        if entries.is_empty() && !others.are_more {
            return Verdict::Nothing;
        }
        let whom = if entries.is_empty() { "more accounts than are told".to_owned() } else { in_words(entries) };
        let summary = format!("{caller} let {whom} into the bucket {bucket} by its policy.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if severity == Severity::Info {
            alert.confidence = Confidence::Low;
            alert.reasons.push("The logs do not show whether it is the owner's.".to_owned());
        } else if others.is_unsure {
            alert.confidence = Confidence::Medium;
            alert
                .reasons
                .push("Nothing shows which accounts are the owner's: list them under owned_accounts.".to_owned());
        } else if !others.foreign.is_empty() {
            alert.reasons.push("The account is neither configured nor seen as the owner's.".to_owned());
        }
        if others.are_more {
            alert.reasons.push("The policy names more accounts than are told here.".to_owned());
        }
        let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
        alert.observed.insert("let_in", json!(names));
        alert.observed.insert("access", json!(others.access().text()));
        let is_partner = others.foreign.is_empty() && !others.partners.is_empty() && !others.are_more;
        setting_calls::verdict(alert, shared, is_partner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;
    use Severity::{High, Info, Medium};

    fn found(config: &str, principal: &str, action: &str, condition: &str) -> (Vec<Severity>, usize) {
        let text = format!(
            r#"{{"bucketPolicy":{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Condition":{condition}}}]}}}}"#
        );
        let parameters: Option<&'static str> = Some(Box::leak(text.into_boxed_str()));
        let row = Activity { action: "PutBucketPolicy", key: None, parameters, ..Activity::default() };
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), &[(CloudTrail, row)]);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    #[test]
    fn accounts_that_are_not_the_owners_are_told_from_those_that_are() {
        let other = r#"{"AWS":"arn:aws:iam::444455556666:root"}"#;
        for (config, principal, action, condition, expected) in [
            ("", other, "s3:GetObject", "{}", (vec![Medium], 0)),
            ("", other, "s3:ListBucket", "{}", (vec![High], 0)),
            ("", other, "s3:Put*", "{}", (vec![High], 0)),
            ("", other, "ec2:*", "{}", (vec![], 0)),
            ("", r#"{"AWS":"111122223333"}"#, "s3:*", "{}", (vec![], 0)),
            ("owned_accounts = ['444455556666']", other, "s3:*", "{}", (vec![], 0)),
            ("partners = ['444455556666']", other, "s3:*", "{}", (vec![], 1)),
            (
                "partners = ['444455556666']",
                r#"{"AWS":["444455556666","777788889999"]}"#,
                "s3:*",
                "{}",
                (vec![High], 0),
            ),
            ("iac_roles = ['arn:aws:iam::111122223333:user/ann']", other, "s3:*", "{}", (vec![], 1)),
            ("", r#""*""#, "s3:*", r#"{"StringEquals":{"aws:PrincipalAccount":"444455556666"}}"#, (vec![High], 0)),
            ("", r#""*""#, "s3:*", r#"{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#, (vec![], 0)),
            ("", r#""*""#, "s3:*", r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3"}}"#, (vec![Info], 0)),
            ("", r#""*""#, "s3:*", "{}", (vec![], 0)),
            ("", r#"{"Service":"cloudtrail.amazonaws.com"}"#, "s3:PutObject", "{}", (vec![], 0)),
            (
                "",
                r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE"}"#,
                "s3:GetObject",
                "{}",
                (vec![Info], 0),
            ),
        ] {
            assert_eq!(found(config, principal, action, condition), expected, "{principal} {action} {condition}");
        }
        let many: Vec<String> = (0..100).map(|number| format!("\"{number:012}\"")).collect();
        assert_eq!(
            found("", &format!(r#"{{"AWS":[{}]}}"#, many.join(",")), "s3:GetObject", "{}"),
            (vec![Medium], 0)
        );
    }
}
