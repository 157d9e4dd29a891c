//! EXP-014: somebody without credentials, or of another account, writes to a bucket.

use super::samples;
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::known::is_delivering;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// EXP-014 `public-write`.
pub static RULE: Rule = Rule {
    id: "EXP-014",
    name: "public-write",
    title: "Somebody from outside wrote to a bucket or deleted in it",
    severity: Severity::Critical,
    attack: &["T1565", "T1608"],
    looks_for: "PutObject, CopyObject, multipart uploads, DeleteObject and DeleteObjects that were done, in either log, \
        for a caller without credentials, which is critical, or for an account that is not the owner's, by canonical id \
        or 12 digits, which is medium. The owner's accounts are those of owned_accounts, the recipients of CloudTrail \
        events and the owners of buckets in access logs. There is one alert for a caller, a bucket and a UTC day. \
        Accounts in partners are kept quiet and counted. AWS services and accounts that deliver logs are left out. A \
        request that both logs show, by request and key, is one.",
    why: "Who can write can put malware or a page of his own into the bucket, fill it, or replace what others trust.",
    cannot_see: "Which statement or grant lets them in. Uploads by form or presigned URL, which carry the credentials of \
        their maker. Callers of other accounts whom the log names by the ARN of a user or role.",
    false_positives: "Partners that deliver into a drop box: list their accounts under partners. The accounts from \
        which load balancers of old regions deliver logs.",
    next_steps: &[
        "Take the right to write away from everybody in the bucket's policy and ACL, and turn on Block Public Access.",
        "List the keys that were written or deleted, and restore or remove them.",
        "Look at who else used the same address.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("EXP-014":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "fires_account" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<PublicWrite>::of),
};

/// Index of a kind of hit.
const DELETED: usize = 0;

struct PublicWrite;

impl Pattern for PublicWrite {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Write, Act::Delete, Act::DeleteMany]);

    fn new(_: &Config) -> Self {
        PublicWrite
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let act = codes.act[row];
        let is_write = matches!(act, Act::Write | Act::Delete | Act::DeleteMany);
        if !is_write || codes.ended[row] != Ended::Done {
            return None;
        }
        if codes.who[row] != Who::Anonymous && !codes.is_foreign[row] {
            return None;
        }
        let principal = cell(batch.text("principal"), row)?;
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        let kinds = u8::from(act != Act::Write) << DELETED;
        Some(Hit { entity: [Some(principal), Some(bucket), None, None], what, kinds })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [principal, bucket, ..] = group.entity;
        let (principal, bucket) = (principal.unwrap_or_default(), bucket.unwrap_or_default());
        let is_anonymous = principal == "anonymous";
        let is_owned = shared.known.accounts.is_owned(shared.config, principal);
        if !is_anonymous && (is_owned == Some(true) || is_delivering(principal)) {
            return Verdict::Nothing;
        }
        let mut alert = group.alert(&RULE);
        let deleted = group.of_kind(DELETED);
        let about = about(group.halvings());
        let whom = if is_anonymous {
            "Callers without credentials".to_owned()
        } else {
            format!("The account {principal}")
        };
        let done = match deleted {
            0 => "wrote to",
            _ if deleted == group.count() => "deleted in",
            _ => "wrote to and deleted in",
        };
        let requests = counted(group.count(), "request", "requests");
        alert.summary = format!("{whom} {done} the bucket {bucket} in {about}{requests}.");
        if !is_anonymous {
            alert.severity = Severity::Medium;
            alert.confidence = if is_owned.is_none() { Confidence::Low } else { Confidence::High };
            alert.reasons.push("The account is neither configured nor seen as the owner's.".to_owned());
        }
        alert.reasons.extend(group.estimate());
        alert.observed.insert("deletions", json!(deleted));
        alert.expected = [("requests", json!(0))].into();
        if shared.config.partners.contains(principal) { Verdict::Suppressed(alert) } else { Verdict::Alert(alert) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use Severity::{Critical, Medium};

    fn write(log: LogType, change: fn(&mut Activity)) -> (LogType, Activity) {
        let mut row = Activity {
            action: "PutObject",
            operation: "REST.PUT.OBJECT",
            kind: "anonymous",
            principal: "anonymous",
            ..Activity::default()
        };
        change(&mut row);
        (log, row)
    }

    #[test]
    fn callers_from_outside_are_told_from_the_owners() {
        const OTHER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
        let account = |row: &mut Activity| (row.kind, row.principal) = ("account", "444455556666");
        for (config, rows, expected) in [
            ("", vec![write(S3Access, |_| ())], vec![Critical]),
            ("", vec![write(S3Access, |_| ()), write(CloudTrail, |_| ())], vec![Critical]),
            ("", vec![write(CloudTrail, account)], vec![Medium]),
            ("", vec![write(S3Access, |row| (row.kind, row.principal) = ("account", OTHER))], vec![Medium]),
            ("", vec![write(CloudTrail, |row| (row.kind, row.principal) = ("account", "111122223333"))], vec![]),
            (
                "",
                vec![write(S3Access, |row| (row.action, row.operation) = ("DeleteObject", "REST.DELETE.OBJECT"))],
                vec![Critical],
            ),
            ("", vec![write(S3Access, |row| (row.outcome, row.status) = ("denied", Some(403)))], vec![]),
            (
                "",
                vec![write(S3Access, |row| {
                    (row.kind, row.principal) = ("user", "arn:aws:iam::111122223333:user/ann")
                })],
                vec![],
            ),
            (
                "",
                vec![write(S3Access, |row| (row.action, row.operation) = ("GetObject", "REST.GET.OBJECT"))],
                vec![],
            ),
            ("partners = ['444455556666']", vec![write(CloudTrail, account)], vec![]),
            ("owned_accounts = ['444455556666']", vec![write(CloudTrail, account)], vec![]),
        ] {
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            assert_eq!(
                found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(),
                expected,
                "{config} {rows:?}"
            );
            assert!(found.alerts.iter().all(|alert| alert.count == 1));
            assert_eq!(found.suppressed.len(), usize::from(config.contains("partners")));
        }
    }
}
