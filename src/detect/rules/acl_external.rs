//! EXP-008: an ACL lets in another account, by its canonical id or an e-mail address.

use super::object_acl_public::sets_object_acl;
use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;
use setting_calls::{Others, in_words};

/// EXP-008 `acl-external`.
pub static RULE: Rule = Rule {
    id: "EXP-008",
    name: "acl-external",
    title: "An ACL let in another account",
    severity: Severity::Medium,
    attack: &["T1537"],
    looks_for: "PutBucketAcl, CreateBucket, PutObjectAcl, PutObject, CopyObject, CreateMultipartUpload and PostObject in \
        CloudTrail that were done with a grant to a canonical id or an e-mail address: in an x-amz-grant header, or in \
        the body, of which the owner's own grant is left out. Canonical ids in owned_accounts, those of bucket owners in \
        access logs, and those with which AWS delivers logs are none. There is one alert for a caller, a bucket, those \
        who are let in and a UTC day. Canonical ids in partners and callers in iac_roles are kept quiet and counted. \
        Calls of AWS services, and in their name, are left out.",
    why: "A grant of an ACL lets another account in without a policy that anybody would read.",
    cannot_see: "Which account a canonical id or an address belongs to: where nothing shows the owner's canonical id, \
        confidence is medium. Access lines show REST.PUT.ACL, but not its grants. Refused calls are none.",
    false_positives: "Partners who read by ACL. Uploads of other accounts that grant the owner of the bucket full \
        control by its id: list the id under owned_accounts.",
    next_steps: &[
        "Find out whose canonical id or address it is.",
        "Set the ACL private, or disable ACLs with the ownership BucketOwnerEnforced.",
        "Look for reads by that account (GET-016).",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::DataEvents],
    samples: samples!("EXP-008":
        "fires" CloudTrail "json" true,
        "fires_header" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<AclExternal>::of),
};

struct AclExternal;

impl Pattern for AclExternal {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3, Act::Write]);

    fn new(_: &Config) -> Self {
        AclExternal
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let action = batch.call_name(codes, row)?;
        let on = match action {
            "PutBucketAcl" | "CreateBucket" => "the bucket",
            action if sets_object_acl(action) => "objects of",
            _ => return None,
        };
        let names = &batch.call(row)?.by_acl;
        (!names.is_empty()).then(|| setting_calls::hit(batch, row, [Some(names), Some(on)], 0))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let others = Others::of(group.entity[2].unwrap_or_default(), shared);
        let (caller, bucket) = setting_calls::names(group);
        let entries = if others.foreign.is_empty() { &others.partners } else { &others.foreign };
        if entries.is_empty() {
            return Verdict::Nothing;
        }
        let on = group.entity[3].unwrap_or_default();
        let summary = format!("{caller} let {} into {on} {bucket} by ACL.", in_words(entries));
        let mut alert = setting_calls::alert(&RULE, group, Severity::Medium, summary);
        if others.is_unsure {
            alert.confidence = Confidence::Medium;
            alert.reasons.push("Nothing shows the owner's canonical id: list it under owned_accounts.".to_owned());
        } else if !others.foreign.is_empty() {
            alert.reasons.push("It is neither configured nor seen as the owner's.".to_owned());
        }
        let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
        alert.observed.insert("let_in", json!(names));
        setting_calls::verdict(alert, shared, others.foreign.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    const OTHER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";

    fn found(config: &str, action: &'static str, grant: &str) -> (Vec<Confidence>, usize) {
        let text = format!(r#"{{"x-amz-grant-read":"{grant}"}}"#);
        let parameters: Option<&'static str> = Some(Box::leak(text.into_boxed_str()));
        let row = Activity { action, parameters, ..Activity::default() };
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), &[(CloudTrail, row)]);
        (found.alerts.iter().map(|alert| alert.confidence).collect(), found.suppressed.len())
    }

    #[test]
    fn ids_and_addresses_count_unless_they_are_known() {
        let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
        let by_id = format!("id={OTHER}");
        for (config, action, grant, expected) in [
            ("".to_owned(), "PutBucketAcl", &*by_id, (vec![Confidence::Medium], 0)),
            (format!("owned_accounts = ['{owner}']"), "PutObject", &by_id, (vec![Confidence::High], 0)),
            (format!("owned_accounts = ['{OTHER}']"), "PutObject", &by_id, (vec![], 0)),
            (format!("partners = ['{OTHER}']"), "PutObjectAcl", &by_id, (vec![], 1)),
            ("".to_owned(), "CreateBucket", "emailAddress=x@example.com", (vec![Confidence::High], 0)),
            ("".to_owned(), "CreateBucket", "emailAddress=o-x@example.com", (vec![Confidence::High], 0)),
            (
                "".to_owned(),
                "PutBucketAcl",
                "id=c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0",
                (vec![], 0),
            ),
            ("".to_owned(), "PutBucketAcl", "uri=http://acs.amazonaws.com/groups/global/AllUsers", (vec![], 0)),
            ("".to_owned(), "GetBucketAcl", &by_id, (vec![], 0)),
        ] {
            assert_eq!(found(&config, action, grant), expected, "{config} {action} {grant}");
        }
    }
}
