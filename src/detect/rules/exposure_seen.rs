//! EXP-013: requests show that a bucket is open, and by what.

use super::take;
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::batch::{cell, flag};
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::history::CallerView;
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::known::{is_canonical_id, is_delivering};
use crate::detect::reading;
use crate::detect::{Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// EXP-013 `exposure-seen`.
pub static RULE: Rule = Rule {
    id: "EXP-013",
    name: "exposure-seen",
    title: "Requests show that a bucket is open",
    severity: Severity::High,
    attack: &["T1530"],
    looks_for: "GetObject, ListObjects, ListObjectsV2 and ListObjectVersions that were done for a caller without \
        credentials, told apart by the column acl_required: with Yes an ACL lets everybody in, else a policy does, or \
        the line is older than the column. And callers by canonical id that are not the owner's and not in partners: \
        where so many as foreign_accounts different ones read or list a bucket, it is likely that it is open to all \
        accounts of AWS. The level is high. There is one alert for a bucket, what opens it and a UTC day; of accounts \
        there is one a bucket. Buckets in public_buckets are kept quiet and counted.",
    why: "It needs no change in the logs: a bucket that was opened years ago is found by what comes in.",
    cannot_see: "An open bucket that nobody uses. Which statement or grant it is. Whether accounts that are let in one by \
        one are partners.",
    false_positives: "Public sites and open data: list their buckets under public_buckets. Buckets that are shared with \
        several partners: list their canonical ids under partners.",
    next_steps: &[
        "With an ACL: look for objects with public grants, and disable ACLs with the ownership BucketOwnerEnforced.",
        "With a policy: read the bucket's policy and turn on Block Public Access.",
        "List the keys that were read (GET-014), and treat secrets among them as known to others.",
    ],
    thresholds: &[Threshold {
        name: "foreign_accounts",
        default: 3,
        source: "proposal: fewer are more likely to be partners",
    }],
    activity_columns: &["bucket_name"],
    s3_access_columns: &["acl_required"],
    cloudtrail_columns: &["s3_acl_required"],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ExposureSeen::of),
};

mod samples;

const ACL: &str = "ACL";
const POLICY: &str = "policy";

/// Requests without credentials.
struct Anonymous;

impl Pattern for Anonymous {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Read, Act::ListObjects, Act::ListVersions]);

    fn new(_: &Config) -> Self {
        Anonymous
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_read =
            (codes.act[row] == Act::Read || codes.act[row].is_listing()) && codes.ended[row] == Ended::Done;
        if !is_read || codes.who[row] != Who::Anonymous {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let column = match batch.log {
            LogType::S3Access => "acl_required",
            LogType::CloudTrail => "s3_acl_required",
        };
        let by = if flag(batch.native_flag(column), row) == Some(true) { ACL } else { POLICY };
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [Some("anonymous"), Some(bucket), Some(by), None], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [_, bucket, by, _] = group.entity;
        let (bucket, by) = (bucket.unwrap_or_default(), by.unwrap_or_default());
        let mut alert = group.alert(&RULE);
        let about = about(group.halvings());
        let requests = counted(group.count(), "request", "requests");
        let article = if by == ACL { "an" } else { "a" };
        alert.summary = format!(
            "{bucket} is open to everybody by {article} {by}: {about}{requests} without credentials came through."
        );
        alert.reasons.push(if by == ACL {
            "The log says that an ACL was needed to let them in.".to_owned()
        } else {
            "No ACL was needed to let them in, or the log does not say.".to_owned()
        });
        alert.reasons.extend(group.estimate());
        alert.observed.insert("opened_by", json!(by));
        alert.expected = [("requests", json!(0))].into();
        if shared.config.public_buckets.contains(bucket) {
            Verdict::Suppressed(alert)
        } else {
            Verdict::Alert(alert)
        }
    }
}

/// Requests without credentials by row, and other accounts from the history.
struct ExposureSeen {
    anonymous: Box<dyn Detector>,
    foreign_accounts: u64,
}

impl ExposureSeen {
    fn of(config: &Config) -> Box<dyn Detector> {
        let anonymous = HitDetector::<Anonymous>::of(config);
        Box::new(ExposureSeen { anonymous, foreign_accounts: config.threshold(&RULE, "foreign_accounts") })
    }
}

impl Detector for ExposureSeen {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        self.anonymous.observe(batch, codes);
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: ExposureSeen = take(other);
        self.anonymous.merge(other.anonymous);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = self.anonymous.finish(shared);
        find_accounts(self.foreign_accounts, shared, &mut findings);
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        self.anonymous.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.anonymous.load(state)
    }
}

/// Buckets that many accounts use which are not the owner's.
fn find_accounts(least: u64, shared: &Shared<'_>, findings: &mut Findings) {
    let mut buckets: BTreeMap<&str, Vec<&CallerView<'_>>> = BTreeMap::new();
    for caller in shared.history.callers().iter().filter(|caller| caller.first_read_ms.is_some()) {
        let Some(account) = caller.account().filter(|account| is_canonical_id(account)) else { continue };
        let is_foreign = shared.known.accounts.is_owned(shared.config, account) == Some(false);
        if is_foreign && !is_delivering(account) && !shared.config.partners.contains(account) {
            buckets.entry(caller.bucket).or_default().push(caller);
        }
    }
    for (bucket, mut callers) in buckets {
        let accounts = callers.len() as u64;
        callers.sort_by_key(|caller| (caller.first_read_ms, caller.principal));
        let Some((first, span)) = callers.first().and_then(|first| Some((first, first.series.span()?))) else {
            continue;
        };
        if accounts < least {
            continue;
        }
        let mut alert = reading::alert(&RULE, first, &span, "accounts");
        (alert.severity, alert.confidence) = (Severity::High, Confidence::Medium);
        (alert.principal, alert.count) = (None, accounts);
        alert.summary =
            format!("{bucket} is used by {accounts} other accounts: it may be open to all accounts of AWS.");
        alert.reasons.push("None of them is configured, or seen as the owner's.".to_owned());
        let names: Vec<_> = callers.iter().take(10).filter_map(|caller| caller.principal).collect();
        alert.observed = [("accounts", json!(accounts)), ("first_accounts", json!(names))].into();
        alert.expected = [("foreign_accounts", json!(least))].into();
        if shared.config.public_buckets.contains(bucket) {
            findings.suppressed.push(alert);
        } else {
            findings.alerts.push(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use LogType::{CloudTrail, S3Access};

    fn read(log: LogType, number: i64, change: impl Fn(&mut Activity)) -> (LogType, Activity) {
        let mut row = Activity {
            time_ms: Some(20_000 * crate::parse::time::DAY_MS + number),
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            kind: "anonymous",
            principal: "anonymous",
            request: format!("R{number}"),
            ..Activity::default()
        };
        change(&mut row);
        (log, row)
    }

    #[test]
    fn an_acl_is_told_from_a_policy_and_both_logs_are_one() {
        let by_acl = |log, number| read(log, number, |row| row.acl_required = Some(true));
        let rows = [by_acl(S3Access, 1), by_acl(CloudTrail, 1), by_acl(S3Access, 2), read(S3Access, 3, |_| ())];
        let found = detect(&RULE, &Config::default(), &rows);
        let mut seen: Vec<(u64, &str)> =
            found.alerts.iter().map(|it| (it.count, it.observed["opened_by"].as_str().unwrap())).collect();
        seen.sort_unstable();
        assert_eq!(seen, [(1, "policy"), (2, "ACL")]);
        let quiet = detect(&RULE, &Config::from_toml("public_buckets = ['bucket']").unwrap(), &rows);
        assert_eq!((quiet.alerts.len(), quiet.suppressed.len()), (0, 2));
        assert!(
            detect(&RULE, &Config::default(), &[read(S3Access, 1, |row| row.outcome = "denied")])
                .alerts
                .is_empty()
        );
    }

    #[test]
    fn three_other_accounts_are_an_open_bucket_and_two_are_not() {
        let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
        let accounts = |count: usize| -> Vec<(LogType, Activity)> {
            let account = |number: usize| {
                let name: &'static str = Box::leak(format!("{number:064x}").into_boxed_str());
                read(S3Access, number as i64, |row| (row.kind, row.principal) = ("account", name))
            };
            (1..=count).map(account).collect()
        };
        let found = |config: &str, count| {
            let config = Config::from_toml(&format!("owned_accounts = ['{owner}']\n{config}")).unwrap();
            detect(&RULE, &config, &accounts(count)).alerts.iter().map(|alert| alert.count).collect::<Vec<_>>()
        };
        assert_eq!((found("", 2), found("", 3), found("", 5)), (vec![], vec![3], vec![5]));
        assert_eq!(found(&format!("partners = ['{:064x}']", 1), 3), [0; 0]);
        assert_eq!(found("[thresholds.EXP-013]\nforeign_accounts = 9", 5), [0; 0]);
        assert!(detect(&RULE, &Config::default(), &accounts(5)).alerts.is_empty(), "nothing tells whose they are");
    }
}
