//! GET-026: a bucket is replicated into another account.

use super::setting_calls;
use crate::detect::alert::{Confidence, Severity};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::known::is_account_id;
use crate::detect::policy::json::{each, member, member_within, parse, texts};
use crate::detect::rules::samples;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::{Value, json};
use setting_calls::names;

/// GET-026 `replication-external`.
pub static RULE: Rule = Rule {
    id: "GET-026",
    name: "replication-external",
    title: "A bucket is replicated into another account",
    severity: Severity::High,
    attack: &["T1537"],
    looks_for: "PutBucketReplication that was done and has an enabled rule whose destination names an account that is not \
        the owner's (as in EXP-004), or gives the copies to the owner of the destination (AccessControlTranslation). There \
        is one alert for a caller, a bucket and a UTC day. Accounts in partners and callers in iac_roles are kept quiet and \
        counted.",
    why: "S3 itself then copies every new object into the other account, day by day, and no read shows it.",
    cannot_see: "Whose bucket a destination is that is named without its account. Rules that were set before the logs begin. \
        Of several rules that one call sets, all but the first that names an account.",
    false_positives: "An account for backups: list it under owned_accounts.",
    next_steps: &[
        "Find out whose account and bucket the destination is.",
        "Delete the rule (DeleteBucketReplication) if nobody agreed to it; what was copied stays copied.",
        "Look at the role that the rule uses, and who made it.",
    ],
    thresholds: &[],
    activity_columns: &["principal", "bucket_name", "request_id", "action"],
    s3_access_columns: &[],
    cloudtrail_columns: &["request_parameters"],
    needs: &[Evidence::ManagementEvents],
    samples: samples!("GET-026":
        "fires" CloudTrail "json" true,
        "fires_translation" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<ReplicationExternal>::of),
};

/// Third field of hits whose account is not named.
const UNNAMED: &str = "the owner of the destination";

struct ReplicationExternal;

impl Pattern for ReplicationExternal {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        ReplicationExternal
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_call = codes.act[row] == Act::OtherS3
            && codes.ended[row] == Ended::Done
            && cell(batch.text("action"), row) == Some("PutBucketReplication")
            && batch.native.has("request_parameters");
        if !is_call {
            return None;
        }
        let text = cell(batch.native_text("request_parameters"), row)?;
        let parameters = parse(text)?;
        let account = external(&parameters)?;
        // The account stands in the text of the row.
        let account = match text.find(&account) {
            Some(at) if is_account_id(&account) => &text[at..at + account.len()],
            _ => UNNAMED,
        };
        Some(setting_calls::hit(batch, row, [Some(account), None], 0))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let account = group.entity[2].unwrap_or(UNNAMED);
        let is_owned = shared.known.accounts.is_owned(shared.config, account) == Some(true);
        if is_account_id(account) && is_owned {
            return Verdict::Nothing;
        }
        let (who, bucket) = names(group);
        let summary = format!("{who} set up that {bucket} is replicated into the account of {account}.");
        let summary =
            if is_account_id(account) { summary.replace("the account of ", "the account ") } else { summary };
        let mut alert = setting_calls::alert(&RULE, group, Severity::High, summary);
        alert.confidence = if is_account_id(account) { Confidence::High } else { Confidence::Medium };
        alert.observed.insert("destination_account", json!(account));
        setting_calls::verdict(alert, shared, shared.config.partners.contains(account))
    }
}

/// The account into which an enabled rule replicates, if it names one or gives the copies away.
fn external(parameters: &Value) -> Option<String> {
    let configuration = member_within(parameters, "ReplicationConfiguration")?;
    let rules = each(member(configuration, "Rule").or_else(|| member(configuration, "Rules"))?);
    let is_enabled = |rule: &&Value| {
        member(rule, "Status").is_none_or(|status| texts(status).any(|text| text.eq_ignore_ascii_case("enabled")))
    };
    let mut found = rules.iter().filter(is_enabled).filter_map(|rule| {
        let destination = member(rule, "Destination")?;
        let account = member(destination, "Account").and_then(|account| Some(texts(account).next()?.into_owned()));
        account.or_else(|| member(destination, "AccessControlTranslation").map(|_| String::new()))
    });
    found.next()
}
