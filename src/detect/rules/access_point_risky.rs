//! EXP-010: an access point opens a bucket, or goes around its network.

use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::{Access, Call, call::text, json::member_within};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use crate::parse::LogType;
use serde_json::json;
use setting_calls::{Others, in_words};

/// EXP-010 `access-point-risky`.
pub static RULE: Rule = Rule {
    id: "EXP-010",
    name: "access-point-risky",
    title: "An access point opened a way into a bucket",
    severity: Severity::Medium,
    attack: &["T1098", "T1537"],
    looks_for: "Calls of S3 Control that were done: PutAccessPointPolicy, PutAccessPointPolicyForObjectLambda and \
        PutMultiRegionAccessPointPolicy with a policy that is public (as EXP-003: high, critical if everybody may write, \
        delete or change permissions) or lets in another account (as EXP-004: high if it may list or change something, \
        else medium); CreateAccessPoint with a setting of Block Public Access false (medium) or without a VPC (low); \
        CreateMultiRegionAccessPoint (low) and CreateAccessPointForObjectLambda (medium), whose code sees each object. \
        There is one alert for a caller, a bucket, what was done and a UTC day. Callers in iac_roles, and policies that \
        only let in partners, are kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "An access point has a policy and a network of its own. A bucket whose policy delegates to access points is \
        as open as the most open of them.",
    cannot_see: "Whether the bucket's policy delegates to its access points: without that only the owner's account can \
        pass. The bucket of a policy call, which names only the access point. Refused calls are none.",
    false_positives: "Access points of a data platform, which are made by its own role: list it under iac_roles.",
    next_steps: &[
        "Read the policy and the network of the access point, and the policy of its bucket.",
        "Delete the access point if nobody needs it.",
        "Look for access through it: the column access_point_arn of both logs.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("EXP-010":
        "fires" CloudTrail "json" true,
        "fires_created" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<AccessPointRisky>::of),
};

/// What stands in the entity: what was done, and for whom.
const PUBLIC: &str = "public policy";
const EXTERNAL: &str = "policy for others";
const BLOCK_OFF: &str = "access point without Block Public Access";
const NO_VPC: &str = "access point open to the internet";
const MULTI_REGION: &str = "multi-region access point";
const OBJECT_LAMBDA: &str = "object lambda access point";

struct AccessPointRisky;

impl Pattern for AccessPointRisky {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        AccessPointRisky
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if batch.log != LogType::CloudTrail {
            return None;
        }
        let action = setting_calls::setting(batch, codes, row)?;
        let call = batch.call(row);
        let (what, detail) = match action {
            "CreateMultiRegionAccessPoint" => (MULTI_REGION, None),
            "CreateAccessPointForObjectLambda" => (OBJECT_LAMBDA, None),
            "CreateAccessPoint" => created(call?)?,
            "PutAccessPointPolicy" | "PutAccessPointPolicyForObjectLambda" | "PutMultiRegionAccessPointPolicy" => {
                let call = call?;
                if !call.open.is_empty() {
                    (PUBLIC, Some(&*call.open))
                } else if !call.by_policy.is_empty() {
                    (EXTERNAL, Some(&*call.by_policy))
                } else {
                    return None;
                }
            }
            _ => return None,
        };
        Some(setting_calls::hit(batch, row, [Some(what), detail], 0))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (caller, _) = setting_calls::names(group);
        let [_, bucket, what, detail] = group.entity;
        let (what, detail) = (what.unwrap_or_default(), detail.unwrap_or_default());
        let of_bucket = bucket.map(|bucket| format!(" of the bucket {bucket}")).unwrap_or_default();
        let others = if what == EXTERNAL { Others::of(detail, shared) } else { Others::default() };
        let (severity, summary) = match what {
            PUBLIC => {
                let access = Access::parse(detail);
                let is_worse = access.has_any(Access::CHANGES);
                let severity = if is_worse { Severity::Critical } else { Severity::High };
                let open = access.in_words();
                (
                    severity,
                    format!("{caller} opened an access point{of_bucket} to everybody by its policy: {open}."),
                )
            }
            EXTERNAL => {
                let entries = if others.foreign.is_empty() { &others.partners } else { &others.foreign };
                if entries.is_empty() {
                    return Verdict::Nothing;
                }
                let is_more = others.access().has_any(Access::CHANGES.and(Access::LIST));
                let severity = if is_more { Severity::High } else { Severity::Medium };
                let whom = in_words(entries);
                (severity, format!("{caller} let {whom} into an access point{of_bucket} by its policy."))
            }
            BLOCK_OFF => (
                Severity::Medium,
                format!("{caller} created an access point{of_bucket} without {}.", detail.replace('+', ", ")),
            ),
            OBJECT_LAMBDA => {
                (Severity::Medium, format!("{caller} created an object lambda access point{of_bucket}."))
            }
            what => (
                Severity::Low,
                format!("{caller} created a {what}{of_bucket}.").replace(" a access", " an access"),
            ),
        };
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        alert.observed.insert("what", json!(what));
        let is_partner = what == EXTERNAL && others.foreign.is_empty();
        setting_calls::verdict(alert, shared, is_partner)
    }
}

/// A new access point has all of Block Public Access unless it says otherwise.
fn created(call: &Call) -> Option<(&'static str, Option<&str>)> {
    if let Some(block) = call.block.as_ref().filter(|block| !block.off.is_empty()) {
        return Some((BLOCK_OFF, Some(&block.off)));
    }
    let has_vpc = member_within(&call.parameters, "VpcConfiguration").and_then(|it| text(it, "VpcId")).is_some();
    (!has_vpc && !call.is_hidden).then_some((NO_VPC, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;
    use Severity::{Critical, High, Low, Medium};

    fn levels(config: &str, action: &'static str, parameters: String) -> (Vec<Severity>, usize) {
        let parameters: Option<&'static str> = Some(Box::leak(parameters.into_boxed_str()));
        let row = Activity { action, key: None, parameters, ..Activity::default() };
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), &[(CloudTrail, row)]);
        (found.alerts.iter().map(|alert| alert.severity).collect(), found.suppressed.len())
    }

    #[test]
    fn policies_of_access_points_are_weighed_as_those_of_buckets() {
        let policy = |principal: &str, action: &str| {
            let policy =
                format!(r#"{{"Statement":{{"Effect":"Allow","Principal":{principal},"Action":"{action}"}}}}"#);
            format!(r#"{{"name":"ap","PutAccessPointPolicyRequest":{{"Policy":{}}}}}"#, json!(policy))
        };
        let other = r#"{"AWS":"444455556666"}"#;
        for (config, principal, action, expected) in [
            ("", r#""*""#, "s3:GetObject", (vec![High], 0)),
            ("", r#""*""#, "s3:*", (vec![Critical], 0)),
            ("", other, "s3:GetObject", (vec![Medium], 0)),
            ("", other, "s3:*", (vec![High], 0)),
            ("partners = ['444455556666']", other, "s3:*", (vec![], 1)),
            ("", r#"{"AWS":"111122223333"}"#, "s3:*", (vec![], 0)),
            ("iac_roles = ['arn:aws:iam::111122223333:user/ann']", r#""*""#, "s3:*", (vec![], 1)),
        ] {
            assert_eq!(levels(config, "PutAccessPointPolicy", policy(principal, action)), expected, "{principal}");
        }
    }

    #[test]
    fn new_access_points_count_by_block_and_network() {
        let create =
            |inner: &str| format!(r#"{{"name":"ap","CreateAccessPointRequest":{{"Bucket":"bucket"{inner}}}}}"#);
        let vpc = r#","VpcConfiguration":{"VpcId":"vpc-1"}"#;
        let off = r#","PublicAccessBlockConfiguration":{"BlockPublicPolicy":false}"#;
        for (action, parameters, expected) in [
            ("CreateAccessPoint", create(""), vec![Low]),
            ("CreateAccessPoint", create(vpc), vec![]),
            ("CreateAccessPoint", create(&format!("{vpc}{off}")), vec![Medium]),
            ("CreateAccessPoint", "[]".to_owned(), vec![]),
            ("CreateMultiRegionAccessPoint", create(""), vec![Low]),
            ("CreateAccessPointForObjectLambda", create(""), vec![Medium]),
            ("DeleteAccessPoint", create(""), vec![]),
        ] {
            assert_eq!(levels("", action, parameters.clone()).0, expected, "{action} {parameters}");
        }
    }
}
