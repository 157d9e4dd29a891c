//! What a call in CloudTrail sets: read once, whichever rules ask.

use super::acl::{self, On};
use super::grants::{Grantee, Grants};
use super::json::{first_text, is_true, member_within, parse};
use super::{Access, Policy};
use crate::detect::DetectBatch;
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::parse::LogType;
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
        let kind = ASKED[place(action)?].1;
        if kind == Kind::Nothing {
            return None;
        }
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
            Kind::Other | Kind::Nothing => {}
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

/// What the parameters of a call are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Policy,
    BucketAcl,
    ObjectAcl,
    Block,
    /// By the rule that asks.
    Other,
    /// For nothing: the name says all.
    Nothing,
}

/// The calls that rules about access ask for, in the order of their names.
const ASKED: [(&str, Kind); 36] = [
    ("AttachGroupPolicy", Kind::Other),
    ("AttachRolePolicy", Kind::Other),
    ("AttachUserPolicy", Kind::Other),
    ("CopyObject", Kind::ObjectAcl),
    ("CreateAccessPoint", Kind::Block),
    ("CreateAccessPointForObjectLambda", Kind::Nothing),
    ("CreateBucket", Kind::BucketAcl),
    ("CreateMultiRegionAccessPoint", Kind::Nothing),
    ("CreateMultipartUpload", Kind::ObjectAcl),
    ("CreatePolicy", Kind::Other),
    ("CreatePolicyVersion", Kind::Other),
    ("DeleteAccountPublicAccessBlock", Kind::Nothing),
    ("DeleteBucketEncryption", Kind::Nothing),
    ("DeleteBucketOwnershipControls", Kind::Nothing),
    ("DeleteBucketPolicy", Kind::Nothing),
    ("DeleteBucketPublicAccessBlock", Kind::Nothing),
    ("DeletePublicAccessBlock", Kind::Nothing),
    ("PostObject", Kind::ObjectAcl),
    ("PutAccessPointPolicy", Kind::Policy),
    ("PutAccessPointPolicyForObjectLambda", Kind::Policy),
    ("PutAccountPublicAccessBlock", Kind::Block),
    ("PutBucketAcl", Kind::BucketAcl),
    ("PutBucketCors", Kind::Other),
    ("PutBucketEncryption", Kind::Other),
    ("PutBucketLogging", Kind::Other),
    ("PutBucketOwnershipControls", Kind::Other),
    ("PutBucketPolicy", Kind::Policy),
    ("PutBucketPublicAccessBlock", Kind::Block),
    ("PutBucketWebsite", Kind::Nothing),
    ("PutGroupPolicy", Kind::Other),
    ("PutMultiRegionAccessPointPolicy", Kind::Policy),
    ("PutObject", Kind::ObjectAcl),
    ("PutObjectAcl", Kind::ObjectAcl),
    ("PutPublicAccessBlock", Kind::Block),
    ("PutRolePolicy", Kind::Other),
    ("PutUserPolicy", Kind::Other),
];

/// The place of a call in [`ASKED`].
fn place(action: &str) -> Option<usize> {
    ASKED.binary_search_by_key(&action, |(name, _)| name).ok()
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
    /// By row, the place in [`ASKED`], from 1; 0 for rows that no rule about access looks at.
    places: OnceCell<Vec<u8>>,
    rows: OnceCell<Vec<OnceCell<Option<Box<Call>>>>>,
}

impl Calls {
    /// The name of the call in a row, if it is one that rules about access ask for, was done, and was not made by a
    /// service or in its name.
    pub fn name(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize) -> Option<&'static str> {
        let places = self.places.get_or_init(|| places(batch, codes));
        Some(ASKED[usize::from(*places.get(row)?).checked_sub(1)?].0)
    }

    /// What the call in a row of CloudTrail sets.
    pub fn get(&self, batch: &DetectBatch<'_>, row: usize) -> Option<&Call> {
        if batch.log != LogType::CloudTrail {
            return None;
        }
        let rows = self.rows.get_or_init(|| vec![OnceCell::new(); batch.len()]);
        let call = || {
            let action = cell(batch.text("action"), row)?;
            Call::of(action, cell(batch.native_text("request_parameters"), row)).map(Box::new)
        };
        rows.get(row)?.get_or_init(call).as_deref()
    }
}

/// Columns are found once for all rows and rules.
fn places(batch: &DetectBatch<'_>, codes: &Codes) -> Vec<u8> {
    let (actions, invoked_by) = (batch.text("action"), batch.text("invoked_by"));
    let place = |row: usize| {
        let is_call = matches!(codes.act[row], Act::OtherS3 | Act::Write | Act::OtherService);
        if !is_call || codes.ended[row] != Ended::Done || codes.who[row] == Who::Service {
            return 0;
        }
        let action = cell(actions, row).filter(|_| invoked_by.is_null(row));
        action.and_then(place).map_or(0, |place| place as u8 + 1)
    };
    (0..batch.len()).map(place).collect()
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
    use super::super::difference::Outline;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_names_are_in_their_order_so_that_each_is_found() {
        assert!(ASKED.iter().all(|(name, _)| place(name).is_some()) && place("GetObject").is_none());
    }

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

    /// Words of policies, ACLs and settings, and some that are none.
    const WORDS: &[&str] = &[
        "Statement",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "NotPrincipal",
        "AWS",
        "*",
        "Action",
        "NotAction",
        "s3:*",
        "s3:Get*",
        "Resource",
        "Condition",
        "StringEquals",
        "IpAddress",
        "ForAnyValue:StringLike",
        "aws:SourceIp",
        "aws:PrincipalAccount",
        "s3:DataAccessPointArn",
        "arn:aws:iam::444455556666:root",
        "444455556666",
        "0.0.0.0/0",
        "bucketPolicy",
        "Policy",
        "x-amz-acl",
        "public-read",
        "x-amz-grant-read",
        "uri=http://acs.amazonaws.com/groups/global/AllUsers",
        "AccessControlPolicy",
        "AccessControlList",
        "Grant",
        "Grantee",
        "URI",
        "ID",
        "Permission",
        "PublicAccessBlockConfiguration",
        "BlockPublicAcls",
        "omitted",
    ];

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![9 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            word().prop_map(Value::String),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            Just(Value::Null),
            // A document as text.
            Just(Value::String(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}"#.to_owned())),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((word(), inner), 0..6)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// What a caller may write gives an answer, and one that can be kept and read again.
        #[test]
        fn no_parameters_are_too_odd(parameters in json(), action in prop::sample::select(&[
            "PutBucketPolicy", "PutAccessPointPolicy", "PutBucketAcl", "PutObject", "CreateAccessPoint",
            "PutAccountPublicAccessBlock", "PutBucketCors", "PutRolePolicy",
        ][..])) {
            let call = Call::of(action, Some(&parameters.to_string())).expect("a call that sets something");
            prop_assert!(call.by_policy.len() <= MOST_NAMES && call.by_acl.len() <= MOST_NAMES);
            if let Some(policy) = &call.policy {
                let outline = Outline::of(policy);
                prop_assert_eq!(Outline::parse(&outline.text()), Some(outline));
            }
        }
    }
}
