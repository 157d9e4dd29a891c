//! EXP-007: objects are opened to everybody, or to all accounts of AWS, by their ACL.

use super::{samples, setting_calls};
use crate::detect::alert::{Severity, counted};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::key_sample::about;
use crate::detect::policy::Access;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// EXP-007 `object-acl-public`.
pub static RULE: Rule = Rule {
    id: "EXP-007",
    name: "object-acl-public",
    title: "Objects were opened to everybody or to all accounts by their ACL",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "PutObjectAcl, PutObject, CopyObject, CreateMultipartUpload and PostObject in CloudTrail that were done \
        with an ACL that lets in AllUsers or AuthenticatedUsers, by x-amz-acl, by an x-amz-grant header, or by a grant \
        in the body. The level is medium, and high from a number of different keys on, or if they may change the ACL. \
        There is one alert for a caller, a bucket, a group and a UTC day. Buckets in public_buckets and callers in \
        iac_roles are kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "An object with such an ACL is public though the bucket is not, and no list of buckets shows it.",
    cannot_see: "Whether Block Public Access or disabled ACLs stop it after all. Access lines show REST.PUT.ACL, but \
        not its grants. Refused calls are none.",
    false_positives: "Uploaders of web sites that set public-read: list their buckets under public_buckets.",
    next_steps: &[
        "Set the ACLs of the objects private, or disable ACLs with the ownership BucketOwnerEnforced.",
        "List the objects, and look for reads without credentials since (GET-014).",
        "Ask the owner of the principal whether the objects are meant to be public.",
    ],
    thresholds: &[Threshold {
        name: "objects_high",
        default: 20,
        source: "proposal: more than somebody sets by hand",
    }],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::DataEvents],
    samples: samples!("EXP-007":
        "fires" CloudTrail "json" true,
        "fires_put" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<ObjectAclPublic>::of),
};

/// Index of a kind of hit.
const CHANGES: usize = 0;

struct ObjectAclPublic {
    objects_high: u64,
}

/// Calls that set the ACL of an object.
pub(super) fn sets_object_acl(action: &str) -> bool {
    matches!(action, "PutObjectAcl" | "PutObject" | "CopyObject" | "CreateMultipartUpload" | "PostObject")
}

impl Pattern for ObjectAclPublic {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3, Act::Write]);

    fn new(config: &Config) -> Self {
        ObjectAclPublic { objects_high: config.threshold(&RULE, "objects_high") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        batch.call_name(codes, row).filter(|action| sets_object_acl(action))?;
        let [everybody, authenticated] = batch.call(row)?.groups();
        let whom = match (everybody.is_none(), authenticated.is_none()) {
            (true, true) => return None,
            (false, _) => "everybody",
            _ => "all accounts of AWS",
        };
        let changes = everybody.and(authenticated).has_any(Access::CHANGES);
        Some(setting_calls::hit(batch, row, [Some(whom), None], u8::from(changes) << CHANGES))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (caller, bucket) = setting_calls::names(group);
        let whom = group.entity[2].unwrap_or_default();
        let changes = group.of_kind(CHANGES);
        let is_high = group.reaches_keys(self.objects_high) || changes > 0;
        let severity = if is_high { Severity::High } else { Severity::Medium };
        let about = about(group.halvings());
        let keys = counted(group.keys(), "object", "objects");
        let summary = format!("{caller} opened {about}{keys} of {bucket} to {whom} by ACL.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if changes > 0 {
            alert.reasons.push("They may change the ACL too.".to_owned());
        }
        alert.observed.insert("keys", json!(group.keys()));
        alert.expected.insert("objects_high", json!(self.objects_high));
        setting_calls::verdict(alert, shared, shared.config.public_buckets.contains(bucket) && changes == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail};

    fn puts(objects: i64, change: fn(&mut Activity)) -> Vec<(LogType, Activity)> {
        let put = |number: i64| {
            let mut row = Activity {
                action: "PutObject",
                key: Some(format!("key {number}")),
                request: format!("R{number}"),
                line: number,
                parameters: Some(r#"{"x-amz-acl":"public-read"}"#),
                ..Activity::default()
            };
            change(&mut row);
            (CloudTrail, row)
        };
        (0..objects).map(put).collect()
    }

    #[test]
    fn objects_are_counted_and_public_buckets_kept_quiet() {
        for (objects, change, expected) in [
            (1, (|_| ()) as fn(&mut Activity), vec![Severity::Medium]),
            (19, |_| (), vec![Severity::Medium]),
            (20, |_| (), vec![Severity::High]),
            (1, |row| row.action = "PutObjectAcl", vec![Severity::Medium]),
            (1, |row| row.action = "CreateMultipartUpload", vec![Severity::Medium]),
            (1, |row| row.parameters = Some(r#"{"x-amz-acl":"bucket-owner-full-control"}"#), vec![]),
            (1, |row| row.parameters = Some("{}"), vec![]),
            (
                1,
                |row| {
                    row.parameters =
                        Some(r#"{"x-amz-grant-write-acp":"uri=http://acs.amazonaws.com/groups/global/AllUsers"}"#)
                },
                vec![Severity::High],
            ),
            (1, |row| row.outcome = "denied", vec![]),
            (1, |row| row.action = "PutObjectTagging", vec![]),
        ] {
            let found = detect(&RULE, &Config::default(), &puts(objects, change));
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{objects}");
        }
        let found = detect(&RULE, &Config::from_toml("public_buckets = ['bucket']").unwrap(), &puts(2, |_| ()));
        assert_eq!((found.alerts.len(), found.suppressed.len()), (0, 1));
    }
}
