//! What the rules about access share: calls that set who may do what.

use crate::detect::alert::{Alert, Severity};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes};
use crate::detect::hits::{Group, Hit, Verdict, what};
use crate::detect::known::{is_account_id, is_canonical_id, is_delivering};
use crate::detect::policy::Access;
use crate::detect::policy::grants::read_by_name;
use crate::detect::{DetectBatch, Rule, Shared};
use serde_json::json;

/// Columns of `activity` that these functions read.
pub const COLUMNS: &[&str] = &["bucket_name", "principal", "invoked_by"];
/// Columns of `cloudtrail` that [`DetectBatch::call`] reads.
pub const CLOUDTRAIL_COLUMNS: &[&str] = &["request_parameters"];

/// The name of a call of S3 that sets something, that was done, and that was not made by a service or in its name.
pub fn setting(batch: &DetectBatch<'_>, codes: &Codes, row: usize) -> Option<&'static str> {
    batch.call_name(codes, row).filter(|_| codes.act[row] == Act::OtherS3)
}

/// A hit of the caller and the bucket of a row, and what else tells it apart.
pub fn hit<'a>(batch: &DetectBatch<'a>, row: usize, details: [Option<&'a str>; 2], kinds: u8) -> Hit<'a> {
    let [third, fourth] = details;
    let [principal, bucket] = ["principal", "bucket_name"].map(|name| cell(batch.text(name), row));
    let what = what(cell(batch.text("request_id"), row), 0);
    Hit { entity: [principal, bucket, third, fourth], what, kinds }
}

/// The caller and the bucket of a group, as sentences name them.
pub fn names<'a>(group: &Group<'a>) -> (&'a str, &'a str) {
    let [principal, bucket, ..] = group.entity;
    (principal.unwrap_or("An unknown caller"), bucket.unwrap_or("a bucket"))
}

/// The alert about a group of such calls.
pub fn alert(rule: &Rule, group: &Group<'_>, severity: Severity, summary: String) -> Alert {
    let mut alert = group.alert(rule);
    alert.severity = severity;
    alert.summary = summary;
    alert.reasons.extend(group.estimate());
    alert.observed.remove("keys");
    alert.expected = [("requests", json!(0))].into();
    alert
}

/// Shown, or kept quiet: as wanted for the bucket, or because the caller may change settings.
pub fn verdict(alert: Alert, shared: &Shared<'_>, is_wanted: bool) -> Verdict {
    let is_of_iac = alert.principal.as_ref().is_some_and(|caller| shared.config.iac_roles.contains(caller));
    if is_wanted || is_of_iac { Verdict::Suppressed(alert) } else { Verdict::Alert(alert) }
}

/// Do the logs show what each call of a group sets, where `known` is the kind of those that they do?
pub fn are_all_shown(group: &Group<'_>, known: usize) -> bool {
    group.of_kind(known) >= group.count()
}

/// Is the bucket one that anybody may read, so that access of that kind is wanted?
pub fn is_public(shared: &Shared<'_>, bucket: &str, access: Access) -> bool {
    shared.config.public_buckets.contains(bucket) && !access.has_any(Access::CHANGES)
}

/// Does the bucket hold logs, by more than the shape of its keys?
pub fn is_log_bucket(shared: &Shared<'_>, bucket: &str) -> bool {
    shared.known.log_bucket(shared.config, bucket).is_some_and(|it| !it.is_planted_easily())
}

/// Those who are let in by name, without the owner's accounts and without the accounts that deliver logs.
#[derive(Debug, Default)]
pub struct Others<'a> {
    /// Accounts and e-mail addresses that are not the owner's.
    pub foreign: Vec<(&'a str, Access)>,
    /// Accounts that the configuration lists under partners.
    pub partners: Vec<(&'a str, Access)>,
    /// Organisations.
    pub organisations: Vec<(&'a str, Access)>,
    /// CloudFront.
    pub cloudfront: Vec<(&'a str, Access)>,
    /// Is it not known of any foreign account whether it is the owner's?
    pub is_unsure: bool,
    /// Are there more than are told?
    pub are_more: bool,
}

impl<'a> Others<'a> {
    /// Of a text of [`crate::detect::policy::Grants::by_name`].
    pub fn of(text: &'a str, shared: &Shared<'_>) -> Others<'a> {
        let (entries, are_more) = read_by_name(text);
        let mut others = Others { are_more, ..Others::default() };
        for entry in entries {
            let name = entry.0;
            if name == "cloudfront" {
                others.cloudfront.push(entry);
            } else if name.starts_with("o-") && !name.contains('@') {
                others.organisations.push(entry);
            } else if shared.config.partners.contains(name) {
                others.partners.push(entry);
            } else if is_account_id(name) || is_canonical_id(name) {
                let is_owned = shared.known.accounts.is_owned(shared.config, name);
                if is_owned != Some(true) && !is_delivering(name) {
                    others.is_unsure |= is_owned.is_none();
                    others.foreign.push(entry);
                }
            } else {
                others.foreign.push(entry);
            }
        }
        others
    }

    /// Everything that foreign accounts may do.
    pub fn access(&self) -> Access {
        self.foreign.iter().fold(Access::NONE, |sum, (_, access)| sum.and(*access))
    }
}

/// `444455556666 (read and list), o-a1b2c3 (read)`, and how many more.
pub fn in_words(entries: &[(&str, Access)]) -> String {
    const SHOWN: usize = 5;
    let shown = entries.iter().take(SHOWN).map(|(name, access)| format!("{name} ({})", access.in_words()));
    let more = entries.len().saturating_sub(SHOWN);
    let shown = shown.collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
