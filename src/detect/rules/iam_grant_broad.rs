//! EXP-015: a policy of IAM grants all of S3, or decryption with any key.

use super::{samples, setting_calls};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::Call;
use crate::detect::policy::access::is_like;
use crate::detect::policy::call::text;
use crate::detect::policy::document::{Statement, statements};
use crate::detect::policy::json::{document, member_within};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use crate::parse::LogType;
use serde_json::json;

/// EXP-015 `iam-grant-broad`.
pub static RULE: Rule = Rule {
    id: "EXP-015",
    name: "iam-grant-broad",
    title: "A policy of IAM granted all of S3, or decryption with any key",
    severity: Severity::Medium,
    attack: &["T1098.003"],
    looks_for: "Calls of IAM that were done: PutUserPolicy, PutRolePolicy, PutGroupPolicy, CreatePolicy and \
        CreatePolicyVersion with a statement that allows every action, every action of S3, s3:PutBucketPolicy or \
        kms:Decrypt on every resource, also by wildcards or by excepting others, and AttachUserPolicy, AttachRolePolicy \
        and AttachGroupPolicy of AdministratorAccess, PowerUserAccess or AmazonS3FullAccess. The level is medium. There \
        is one alert for a caller, a target, what is granted and a UTC day. Callers in iac_roles are kept quiet and \
        counted. Calls of AWS services, and in their name, are left out.",
    why: "With it one stolen credential reaches every bucket. To give it to oneself is the usual next step after the \
        first credential.",
    cannot_see: "Policies of the organisation, and boundaries, that take it away again. Broad grants by other managed \
        policies, and on a list of buckets that are all there are. Refused calls are none.",
    false_positives: "The roles of administrators and of platform teams: list the role of the deployment under iac_roles.",
    next_steps: &[
        "Ask the owner of the principal why the target needs all of it.",
        "Take the grant back, or name the buckets and keys in it.",
        "Look at what the target did since, in all services.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "principal", "invoked_by", "service"],
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("EXP-015":
        "fires" CloudTrail "json" true,
        "fires_attached" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<IamGrantBroad>::of),
};

struct IamGrantBroad;

/// What a statement may not grant on every resource, broadest first, and as what it is told.
const BROAD: [(&str, &str); 4] = [
    ("iam:*", "every action"),
    ("s3:*", "every action of S3"),
    ("s3:putbucketpolicy", "s3:PutBucketPolicy"),
    ("kms:decrypt", "kms:Decrypt"),
];

/// Policies of AWS that grant as much.
const MANAGED: [&str; 3] = ["AdministratorAccess", "PowerUserAccess", "AmazonS3FullAccess"];

impl Pattern for IamGrantBroad {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherService]);

    fn new(_: &Config) -> Self {
        IamGrantBroad
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if codes.act[row] != Act::OtherService || batch.log != LogType::CloudTrail {
            return None;
        }
        let action = batch.call_name(codes, row)?;
        if cell(batch.text("service"), row) != Some("iam") {
            return None;
        }
        let call = batch.call(row)?;
        let granted = if action.starts_with("Attach") { attached(call) } else { broad(call) }?;
        let target = ["userName", "roleName", "groupName", "policyName", "policyArn"];
        let target = target.iter().find_map(|name| text(&call.parameters, name));
        Some(setting_calls::hit(batch, row, [target, Some(granted)], 0))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (caller, _) = setting_calls::names(group);
        let [.., target, granted] = group.entity;
        let (target, granted) = (target.unwrap_or("a target that is not told"), granted.unwrap_or_default());
        let times = counted(group.count(), "time", "times");
        let summary =
            format!("{caller} granted {granted} on every resource by a policy of IAM for {target} {times}.");
        let mut alert = setting_calls::alert(&RULE, group, Severity::Medium, summary);
        alert.observed.insert("granted", json!(granted));
        alert.observed.insert("target", json!(target));
        setting_calls::verdict(alert, shared, false)
    }
}

fn attached(call: &Call) -> Option<&'static str> {
    let name = text(&call.parameters, "policyArn")?.strip_prefix("arn:")?.split_once(":iam::aws:policy/")?.1;
    MANAGED.into_iter().find(|managed| *managed == name)
}

/// The broadest that a statement of the document grants.
fn broad(call: &Call) -> Option<&'static str> {
    let document = document(member_within(&call.parameters, "policyDocument")?)?;
    let granted = statements(&document)?.filter_map(|statement| place(&statement)).min()?;
    Some(BROAD[granted].1)
}

/// Where in [`BROAD`] the broadest stands that a statement grants without a condition that holds it.
fn place(statement: &Statement<'_>) -> Option<usize> {
    let is_open = statement.allows() == Some(true) && statement.is_for_all_resources();
    if !is_open || statement.conditions().iter().any(|condition| condition.held_to().is_some()) {
        return None;
    }
    if statement.excepts_actions() {
        // All but some: of S3, unless it is excepted.
        return (!statement.access().is_none()).then_some(1);
    }
    let patterns = statement.actions();
    let is_granted = |action: &str| {
        let is_whole = action.ends_with('*');
        patterns.iter().map(|pattern| pattern.to_ascii_lowercase()).any(|pattern| match action {
            "iam:*" => matches!(&*pattern, "*" | "*:*"),
            _ if is_whole => pattern == action,
            _ => pattern.len() <= 64 && is_like(&pattern, action),
        })
    };
    BROAD.iter().position(|(action, _)| is_granted(action))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    fn granted(action: &'static str, parameters: String) -> Option<String> {
        let parameters: Option<&'static str> = Some(Box::leak(parameters.into_boxed_str()));
        let row = Activity { service: "iam", action, bucket: None, key: None, parameters, ..Activity::default() };
        let found = detect(&RULE, &Config::default(), &[(CloudTrail, row.clone())]);
        let iac = Config::from_toml("iac_roles = ['arn:aws:iam::111122223333:user/ann']").unwrap();
        assert_eq!(detect(&RULE, &iac, &[(CloudTrail, row)]).suppressed.len(), found.alerts.len());
        found.alerts.first().map(|alert| alert.observed["granted"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn the_broadest_grant_of_a_document_is_told() {
        for (statement, expected) in [
            (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, Some("every action")),
            (r#"{"Effect":"Allow","Action":["ec2:*","s3:*"],"Resource":"*"}"#, Some("every action of S3")),
            (r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::*"]}"#, Some("every action of S3")),
            (r#"{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}"#, Some("s3:PutBucketPolicy")),
            (r#"{"Effect":"Allow","Action":"kms:Dec*","Resource":"*"}"#, Some("kms:Decrypt")),
            (r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, Some("every action of S3")),
            (r#"{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}"#, None),
            (r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::a"}"#, Some("every action of S3")),
            (r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::reports/*"}"#, None),
            (r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#, None),
            (r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#, None),
            (
                r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#,
                None,
            ),
        ] {
            let document = json!(format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#));
            let parameters = format!(r#"{{"roleName":"r","policyName":"p","policyDocument":{document}}}"#);
            assert_eq!(granted("PutRolePolicy", parameters).as_deref(), expected, "{statement}");
        }
    }

    #[test]
    fn managed_policies_count_by_their_arn() {
        for (arn, expected) in [
            ("arn:aws:iam::aws:policy/AdministratorAccess", Some("AdministratorAccess")),
            ("arn:aws-cn:iam::aws:policy/AmazonS3FullAccess", Some("AmazonS3FullAccess")),
            ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", None),
            ("arn:aws:iam::111122223333:policy/AdministratorAccess", None),
        ] {
            let parameters = format!(r#"{{"userName":"u","policyArn":"{arn}"}}"#);
            assert_eq!(granted("AttachUserPolicy", parameters).as_deref(), expected, "{arn}");
        }
    }
}
