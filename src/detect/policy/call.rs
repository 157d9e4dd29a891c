//! What a call in CloudTrail sets: read once, whichever rules ask.

use super::acl::{self, On};
use super::grants::{Grantee, Grants};
use super::json::{first_text, is_true, member_within, parse};
use super::{Access, Policy};
use crate::detect::batch::cell;
use crate::parse::LogType;
use arrow::array::StringViewArray;
use serde_json::Value;
use std::cell::OnceCell;

/// What the parameters of a call show. Of a call that none of the rules about access asks for there is no such.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The parameters are cut, too long or no JSON: nothing is known of them.
    pub is_hidden: bool,
    /// A policy of a bucket or an access point.
    pub policy: Option<Policy>,
    /// An ACL.
    pub acl: Option<Grants>,
    /// The settings of Block Public Access.
    pub block: Option<Block>,
    /// Whom the policy lets in by name, as of [`Grants::by_name`].
    pub by_policy: String,
    /// Whom the ACL lets in by name.
    pub by_acl: String,
    /// What the policy leaves open to everybody, as of [`Access::text`].
    pub open: String,
    /// The parameters.
    pub parameters: Value,
}

/// Block Public Access: its four settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Names of the settings that are set to false, `+` between them.
    pub off: String,
    /// The same with those that are not given, which count as false for buckets and accounts.
    pub weak: String,
}

/// The settings.
pub const BLOCKS: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];

/// Bytes of names that are kept with a hit; the fields of its entity are cut at about a thousand.
const MOST_NAMES: usize = 900;

impl Call {
    /// What a call of that name sets; `None` if it sets nothing of the kind.
    fn of(action: &str, parameters: Option<&str>) -> Option<Call> {
        let kind = kind(action)?;
        let parsed = parameters.and_then(parse).filter(|it| it.is_object() && it.get("omitted").is_none());
        let Some(parameters) = parsed else { return Some(Call { is_hidden: true, ..Call::default() }) };
        let mut call = Call::default();
        match kind {
            Kind::Policy => {
                call.policy = policy(&parameters);
                call.is_hidden = call.policy.is_none();
            }
            Kind::BucketAcl => call.acl = acl::of_parameters(&parameters, On::Bucket),
            Kind::ObjectAcl => call.acl = acl::of_parameters(&parameters, On::Object),
            Kind::Block => call.block = block(&parameters),
            Kind::Other => {}
        }
        if let Some(policy) = &call.policy {
            call.by_policy = policy.grants.by_name(MOST_NAMES);
            call.open = policy.grants.open_to(&Grantee::Everybody).text();
        }
        if let Some(grants) = &call.acl {
            call.by_acl = grants.by_name(MOST_NAMES);
        }
        call.parameters = parameters;
        Some(call)
    }

    /// What the ACL opens to everybody and to all accounts of AWS.
    pub fn groups(&self) -> [Access; 2] {
        let groups = [Grantee::Everybody, Grantee::Authenticated];
        groups.map(|group| self.acl.as_ref().map_or(Access::NONE, |grants| grants.open_to(&group)))
    }
}

enum Kind {
    Policy,
    BucketAcl,
    ObjectAcl,
    Block,
    Other,
}

fn kind(action: &str) -> Option<Kind> {
    Some(match action {
        "PutBucketPolicy"
        | "PutAccessPointPolicy"
        | "PutAccessPointPolicyForObjectLambda"
        | "PutMultiRegionAccessPointPolicy" => Kind::Policy,
        "PutBucketAcl" | "CreateBucket" => Kind::BucketAcl,
        "PutObjectAcl" | "PutObject" | "CopyObject" | "CreateMultipartUpload" | "PostObject" => Kind::ObjectAcl,
        "PutBucketPublicAccessBlock"
        | "PutPublicAccessBlock"
        | "PutAccountPublicAccessBlock"
        | "CreateAccessPoint" => Kind::Block,
        "PutBucketOwnershipControls"
        | "PutBucketEncryption"
        | "PutBucketCors"
        | "PutUserPolicy"
        | "PutRolePolicy"
        | "PutGroupPolicy"
        | "CreatePolicy"
        | "CreatePolicyVersion"
        | "AttachUserPolicy"
        | "AttachRolePolicy"
        | "AttachGroupPolicy" => Kind::Other,
        _ => return None,
    })
}

/// `policy` is empty where `bucketPolicy` holds it; it is the name of the subresource.
fn policy(parameters: &Value) -> Option<Policy> {
    let inner = |value: &Value| member_within(value, "Policy").and_then(Policy::of);
    ["bucketPolicy", "policy", "Policy"]
        .into_iter()
        .find_map(|name| member_within(parameters, name).and_then(Policy::of))
        .or_else(|| parameters.as_object()?.values().find_map(inner))
}

fn block(parameters: &Value) -> Option<Block> {
    let settings = member_within(parameters, "PublicAccessBlockConfiguration")?.as_object()?;
    let off = |name: &&str| settings.get(*name).is_some_and(|value| !is_true(value));
    let weak = |name: &&str| !settings.get(*name).is_some_and(is_true);
    let names = |fits: &dyn Fn(&&str) -> bool| BLOCKS.into_iter().filter(fits).collect::<Vec<_>>().join("+");
    Some(Block { off: names(&off), weak: names(&weak) })
}

impl Block {
    /// Is each setting off, for a bucket or an account?
    pub fn is_off(&self) -> bool {
        self.weak.split('+').count() == BLOCKS.len()
    }
}

/// What the calls of a batch set, each found out when it is asked for.
#[derive(Debug, Default)]
pub struct Calls {
    rows: OnceCell<Vec<OnceCell<Option<Call>>>>,
}

impl Calls {
    /// The call in a row of CloudTrail, of the actions and parameters of a batch.
    pub fn get(
        &self,
        log: LogType,
        (actions, parameters): (&StringViewArray, &StringViewArray),
        row: usize,
    ) -> Option<&Call> {
        if log != LogType::CloudTrail {
            return None;
        }
        let rows = self.rows.get_or_init(|| vec![OnceCell::new(); actions.views().len()]);
        let call = || Call::of(cell(actions, row)?, cell(parameters, row));
        rows.get(row)?.get_or_init(call).as_ref()
    }
}

/// The text of a member of the parameters, or of a member of a member.
pub fn text<'a>(parameters: &'a Value, name: &str) -> Option<&'a str> {
    match first_text(member_within(parameters, name)?)? {
        std::borrow::Cow::Borrowed(text) => Some(text),
        std::borrow::Cow::Owned(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(action: &str, parameters: &str) -> Call {
        Call::of(action, Some(parameters)).expect("a call that sets something")
    }

    #[test]
    fn policies_are_found_where_each_call_has_them() {
        let open = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}"#;
        let quoted = serde_json::to_string(open).unwrap();
        for (action, parameters) in [
            ("PutBucketPolicy", format!(r#"{{"bucketName":"b","policy":"","bucketPolicy":{open}}}"#)),
            ("PutBucketPolicy", format!(r#"{{"bucketName":"b","policy":"","bucketPolicy":{quoted}}}"#)),
            ("PutAccessPointPolicy", format!(r#"{{"PutAccessPointPolicyRequest":{{"Policy":{quoted}}}}}"#)),
            (
                "PutMultiRegionAccessPointPolicy",
                format!(r#"{{"PutMultiRegionAccessPointPolicyRequest":{{"Details":{{"Policy":{quoted}}}}}}}"#),
            ),
        ] {
            assert_eq!(call(action, &parameters).open, "read", "{parameters}");
        }
        assert!(Call::of("GetBucketPolicy", Some("{}")).is_none());
    }

    #[test]
    fn what_is_not_shown_is_hidden_and_no_panic() {
        let omitted = r#"{"reason":"requestParameters too large","omitted":true}"#;
        for parameters in [Some(omitted), Some("{"), Some("[]"), Some("{}"), Some("null"), None] {
            assert!(Call::of("PutBucketPolicy", parameters).unwrap().is_hidden, "{parameters:?}");
        }
        assert!(!call("PutBucketAcl", "{}").is_hidden);
    }

    #[test]
    fn settings_of_the_block_are_named_if_they_are_off() {
        let all = BLOCKS.join("+");
        let three = BLOCKS[1..].join("+");
        for (given, off, weak, is_off) in [
            ([Some("true"); 4], "", "", false),
            ([Some("\"true\""), Some("true"), Some("\"false\""), Some("true")], BLOCKS[2], BLOCKS[2], false),
            ([Some("false"), None, None, None], BLOCKS[0], &*all, true),
            ([Some("true"), None, None, None], "", &*three, false),
            ([None; 4], "", &*all, true),
        ] {
            let given =
                BLOCKS.iter().zip(given).filter_map(|(name, value)| Some(format!("\"{name}\":{}", value?)));
            let settings = given.collect::<Vec<_>>().join(",");
            let parameters = format!(r#"{{"bucketName":"b","PublicAccessBlockConfiguration":{{{settings}}}}}"#);
            let block = call("PutBucketPublicAccessBlock", &parameters).block.unwrap();
            assert_eq!((&*block.off, &*block.weak, block.is_off()), (off, weak, is_off), "{settings}");
        }
        assert_eq!(call("PutBucketPublicAccessBlock", "{}").block, None);
    }
}
