//! EXP-006: the ACL of a bucket opens it to everybody or to all accounts of AWS.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::Access;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use crate::parse::LogType;
use serde_json::json;

/// EXP-006 `bucket-acl-public`.
pub static RULE: Rule = Rule {
    id: "EXP-006",
    name: "bucket-acl-public",
    title: "The ACL of a bucket opened it to everybody or to all accounts",
    severity: Severity::High,
    attack: &["T1098", "T1530"],
    looks_for: "PutBucketAcl and CreateBucket that were done with an ACL that lets in AllUsers or AuthenticatedUsers: \
        by x-amz-acl public-read, public-read-write or authenticated-read, by an x-amz-grant header, or by a grant in \
        the body. AuthenticatedUsers are all accounts of AWS, not the owner's. The level is high, and critical if they \
        may write, delete or change permissions. Access logs show REST.PUT.ACL without its grants: where CloudTrail \
        does not show them either, the level is low. There is one alert for a caller, a bucket and a UTC day. Buckets \
        in public_buckets that are opened for listing only, and callers in iac_roles, are kept quiet and counted. Calls \
        of AWS services, and in their name, are left out.",
    why: "READ on a bucket shows the names of all its objects to anybody. WRITE lets anybody put objects into it or \
        delete them.",
    cannot_see: "Whether Block Public Access or disabled ACLs stop it after all: then S3 refuses the call, or ignores \
        the ACL. An ACL that was set before the logs begin. Refused calls are none.",
    false_positives: "Old public sites: list their buckets under public_buckets.",
    next_steps: &[
        "Set the ACL private, or disable ACLs with the ownership BucketOwnerEnforced.",
        "Look for access without credentials or by other accounts since (GET-015, GET-016, EXP-012, EXP-014).",
        "Ask the owner of the principal whether the change was planned.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-006":
        "fires" CloudTrail "json" true,
        "fires_body" CloudTrail "json" true,
        "fires_header" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<BucketAclPublic>::of),
};

/// Index of a kind of hit.
const EVERYBODY: usize = 0;
const AUTHENTICATED: usize = 1;
/// They may write, delete or change permissions.
const CHANGES: usize = 2;
/// The log shows the grants.
const KNOWN: usize = 3;

struct BucketAclPublic;

impl Pattern for BucketAclPublic {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        BucketAclPublic
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let action = setting_calls::setting(batch, codes, row)?;
        let is_put = action == "PutBucketAcl";
        // A new bucket is private unless it says otherwise, and access lines do not say.
        if !is_put && (action != "CreateBucket" || batch.log == LogType::S3Access) {
            return None;
        }
        let call = batch.call(row);
        let kinds = match call {
            Some(call) if call.acl.is_some() => {
                let [everybody, authenticated] = call.groups();
                let changes = everybody.and(authenticated).has_any(Access::CHANGES);
                1 << KNOWN
                    | u8::from(!everybody.is_none()) << EVERYBODY
                    | u8::from(!authenticated.is_none()) << AUTHENTICATED
                    | u8::from(changes) << CHANGES
            }
            _ if is_put => 0,
            _ => return None,
        };
        Some(setting_calls::hit(batch, row, [None; 2], kinds))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [everybody, authenticated, changes] =
            [EVERYBODY, AUTHENTICATED, CHANGES].map(|kind| group.of_kind(kind));
        let (caller, bucket) = setting_calls::names(group);
        let whom = if everybody > 0 { "everybody" } else { "all accounts of AWS" };
        if everybody + authenticated == 0 {
            if setting_calls::are_all_shown(group, KNOWN) {
                return Verdict::Nothing;
            }
            let summary = format!("{caller} set the ACL of the bucket {bucket}; its grants are not shown.");
            let mut alert = setting_calls::alert(&RULE, group, Severity::Low, summary);
            alert.title = "The ACL of a bucket was set";
            alert.confidence = Confidence::Low;
            alert.reasons.push("The logs do not show the grants, which may be harmless.".to_owned());
            return setting_calls::verdict(alert, shared, shared.config.public_buckets.contains(bucket));
        }
        let severity = if changes > 0 { Severity::Critical } else { Severity::High };
        let how = if changes > 0 { ", with the right to change it" } else { "" };
        let summary = format!("{caller} opened the bucket {bucket} to {whom} by its ACL{how}.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if everybody == 0 {
            alert.reasons.push("AuthenticatedUsers are those of any account of AWS.".to_owned());
        }
        alert.observed.insert("to_everybody", json!(everybody));
        alert.observed.insert("to_all_accounts", json!(authenticated));
        let access = if changes > 0 { Access::WRITE } else { Access::LIST };
        setting_calls::verdict(alert, shared, setting_calls::is_public(shared, bucket, access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{CloudTrail, S3Access};
    use Severity::{Critical, High, Low};

    fn put(log: LogType, parameters: Option<&'static str>) -> (LogType, Activity) {
        let (action, operation) = ("PutBucketAcl", "REST.PUT.ACL");
        (log, Activity { action, operation, key: None, parameters, ..Activity::default() })
    }

    fn found(config: &str, rows: &[(LogType, Activity)]) -> (Vec<Severity>, usize) {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    #[test]
    fn grants_to_the_groups_decide_and_access_lines_alone_are_low() {
        let open = put(CloudTrail, Some(r#"{"x-amz-acl":"public-read"}"#));
        let write = put(CloudTrail, Some(r#"{"x-amz-acl":"public-read-write"}"#));
        let private = put(CloudTrail, Some(r#"{"x-amz-acl":"private"}"#));
        let mut another = put(S3Access, None);
        another.1.request = "R2".to_owned();
        for (rows, expected) in [
            (vec![open.clone()], vec![High]),
            (vec![write.clone()], vec![Critical]),
            (vec![private.clone()], vec![]),
            (vec![put(S3Access, None)], vec![Low]),
            (vec![put(S3Access, None), private.clone()], vec![]),
            // What is shown of one call says nothing of another.
            (vec![another, private], vec![Low]),
            (vec![put(S3Access, None), open.clone()], vec![High]),
            (vec![put(CloudTrail, Some(r#"{"x-amz-acl":"authenticated-read"}"#))], vec![High]),
        ] {
            assert_eq!(found("", &rows), (expected, 0), "{rows:?}");
        }
        let public = "public_buckets = ['bucket']";
        assert_eq!(found(public, &[open]), (vec![], 1));
        assert_eq!(found(public, &[write]), (vec![Critical], 0));
    }

    #[test]
    fn a_bucket_made_with_an_acl_counts_and_one_without_does_not() {
        for (change, expected) in [
            ((|row| row.action = "CreateBucket") as fn(&mut Activity), vec![High]),
            (|row| (row.action, row.parameters) = ("CreateBucket", Some("{}")), vec![]),
            (|row| row.action = "GetBucketAcl", vec![]),
            (|row| row.outcome = "denied", vec![]),
            (|row| row.invoked_by = Some("cloudformation.amazonaws.com"), vec![]),
        ] {
            let mut row = put(CloudTrail, Some(r#"{"x-amz-acl":"public-read"}"#));
            change(&mut row.1);
            assert_eq!(found("", &[row.clone()]).0, expected, "{row:?}");
        }
    }
}
