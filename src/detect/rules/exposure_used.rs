//! EXP-012: a bucket is opened, and somebody from outside comes in.

use super::object_acl_public::sets_object_acl;
use super::setting_calls;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::changes::{ChangeDetector, Setting, Step};
use crate::detect::codes::Codes;
use crate::detect::history::CallerView;
use crate::detect::hits::Verdict;
use crate::detect::known::is_delivering;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{bytes_in_words, name, span_in_words};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use crate::parse::time::DAY_MS;
use serde_json::json;
use std::ops::RangeInclusive;

/// EXP-012 `exposure-used`.
pub static RULE: Rule = Rule {
    id: "EXP-012",
    name: "exposure-used",
    title: "A bucket was opened, and somebody from outside came in",
    severity: Severity::Critical,
    attack: &["T1530"],
    looks_for: "What EXP-001, EXP-003, EXP-004, EXP-006 and EXP-007 tell of as a change that opens a bucket or its \
        objects, followed within used_within_days by the first read or list that was done, in either log, for a caller \
        whom it let in: one without credentials after it was opened to everybody or its Block Public Access weakened, \
        one of another account after it was opened to that account, to all accounts or to everybody. A caller who read \
        the bucket before the change is none, and of several changes the last one before the first access counts. The \
        level is critical. There is one alert a change; it tells how long it took, and what was read until the end of \
        the time. Buckets in public_buckets and accounts in partners are kept quiet and counted; iac_roles are not, since \
        it is the access that counts.",
    why: "From here on it is no longer a risk: what was read is out.",
    cannot_see: "Access before the logs begin, and access that no log of the bucket shows: the access log and data \
        events are both off unless somebody turned them on. Whether the change is what let the caller in. Changes and \
        reads whose records have no time.",
    false_positives: "Open data and sites that go live: list their buckets under public_buckets.",
    next_steps: &[
        "Close the bucket: put the former setting back, or turn on Block Public Access.",
        "List the keys that were read since, and treat secrets among them as known to others.",
        "Ask the owner of the principal who made the change; if nobody knows of it, deactivate its credentials.",
    ],
    thresholds: &[Threshold {
        name: "used_within_days",
        default: 7,
        source: "proposal: scanners find an open bucket within days",
    }],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ChangeDetector::<ExposureUsed>::of),
};

mod samples;

struct ExposureUsed {
    used_within_days: u64,
}

/// What a change opens, as one text: whom it lets in, `;` between them.
const BLOCK: &str = "block public access";
const EVERYBODY: &str = "everybody";
const AUTHENTICATED: &str = "authenticated";

impl Setting for ExposureUsed {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        ExposureUsed { used_within_days: config.threshold(&RULE, "used_within_days") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        let action = batch.call_name(codes, row)?;
        let opened = opened(batch, row, action)?;
        Some((cell(batch.text("bucket_name"), row)?, opened))
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        let step = &steps[at];
        let Some(time_ms) = step.time_ms else { return Verdict::Nothing };
        let days = i64::try_from(self.used_within_days).unwrap_or(i64::MAX);
        let until_ms = time_ms.saturating_add(days.saturating_mul(DAY_MS));
        let let_in = |step: &Step, caller: &CallerView<'_>, first_ms: i64| {
            step.time_ms.is_some_and(|time_ms| time_ms <= first_ms) && lets_in(step, caller, shared)
        };
        let comes_in = |caller: &&CallerView<'_>| {
            let first_ms = caller.first_read_ms?;
            let is_ours = (time_ms..=until_ms).contains(&first_ms) && let_in(step, caller, first_ms);
            let is_of_later = steps[at + 1..].iter().any(|later| let_in(later, caller, first_ms));
            (is_ours && !is_of_later).then_some(first_ms)
        };
        let callers = shared.history.callers();
        let start = callers.partition_point(|caller| caller.bucket < bucket);
        let of_bucket = callers[start..].iter().take_while(|caller| caller.bucket == bucket);
        let mut found: Vec<(i64, &CallerView<'_>)> =
            of_bucket.filter_map(|caller| Some((comes_in(&caller)?, caller))).collect();
        found.sort_by_key(|(first_ms, caller)| (*first_ms, caller.principal));
        let Some((first_ms, first)) = found.first().copied() else { return Verdict::Nothing };
        let is_quiet = match first.principal {
            Some("anonymous") => shared.config.public_buckets.contains(bucket),
            _ => first.account().is_some_and(|account| shared.config.partners.contains(account)),
        };
        let alert = alert((step, bucket), (first_ms, first), (found.len(), until_ms));
        if is_quiet { Verdict::Suppressed(alert) } else { Verdict::Alert(alert) }
    }
}

/// Whom the call of a row lets in; `None` if nobody.
fn opened(batch: &DetectBatch<'_>, row: usize, action: &str) -> Option<String> {
    if matches!(action, "DeleteBucketPublicAccessBlock" | "DeletePublicAccessBlock") {
        return Some(BLOCK.to_owned());
    }
    let is_asked = sets_object_acl(action)
        || matches!(
            action,
            "PutBucketPolicy"
                | "PutBucketAcl"
                | "CreateBucket"
                | "PutBucketPublicAccessBlock"
                | "PutPublicAccessBlock"
        );
    let call = batch.call(row).filter(|_| is_asked)?;
    let [everybody, authenticated] = call.groups();
    let names = |text: &str| {
        text.split(';').filter_map(|entry| Some(entry.split_once('=')?.0.to_owned())).collect::<Vec<_>>()
    };
    let mut whom = [names(&call.by_policy), names(&call.by_acl)].concat();
    if call.block.as_ref().is_some_and(|block| !block.weak.is_empty()) {
        whom.push(BLOCK.to_owned());
    }
    if !call.open.is_empty() || !everybody.is_none() {
        whom.push(EVERYBODY.to_owned());
    }
    if !authenticated.is_none() {
        whom.push(AUTHENTICATED.to_owned());
    }
    (!whom.is_empty()).then(|| whom.join(";"))
}

/// Does a change let a caller in who is none of the owner's?
fn lets_in(step: &Step, caller: &CallerView<'_>, shared: &Shared<'_>) -> bool {
    let opens = |whom: &str| step.after.split(';').any(|name| name == whom);
    if caller.principal == Some("anonymous") {
        return opens(EVERYBODY) || opens(BLOCK);
    }
    let Some(account) = caller.account().filter(|account| !is_delivering(account)) else { return false };
    let is_foreign = shared.known.accounts.is_owned(shared.config, account) == Some(false);
    !caller.is_service && is_foreign && (opens(account) || opens(EVERYBODY) || opens(AUTHENTICATED))
}

/// The alert about a change, the first caller who came in, how many did, and the end of the time that counts.
fn alert(
    (step, bucket): (&Step, &str),
    (first_ms, first): (i64, &CallerView<'_>),
    (callers, until_ms): (usize, i64),
) -> crate::detect::Alert {
    let minute = |time_ms: i64| u32::try_from(time_ms / MINUTE_MS).unwrap_or(0);
    let grain = first.series.grain().max(1);
    let minutes: RangeInclusive<u32> = minute(first_ms) / grain * grain..=minute(until_ms);
    let load = first.series.within(&minutes);
    let after = u64::try_from(first_ms.saturating_sub(step.time_ms.unwrap_or(first_ms)) / MINUTE_MS).unwrap_or(0);
    let mut alert = step.alert(&RULE, bucket);
    let [access, trail] = first.evidence(&minutes);
    let mut evidence = step.evidence().clone();
    evidence.iter_mut().zip([access, trail]).for_each(|(mine, theirs)| mine.merge(4, theirs));
    alert.logs.clear();
    alert.set_evidence([&evidence[0], &evidence[1]]);
    alert.severity = Severity::Critical;
    alert.count = load.reads.max(1);
    let read = match load.reads {
        0 => "listed it".to_owned(),
        reads => format!("read {} ({})", counted(reads, "object", "objects"), bytes_in_words(load.bytes)),
    };
    let whom =
        if first.principal == Some("anonymous") { "somebody without credentials".to_owned() } else { name(first) };
    let change = if &*step.after == BLOCK { "weakened Block Public Access of" } else { "opened" };
    alert.summary =
        format!("{} {change} the bucket {bucket}, and {} later {whom} {read}.", step.name(), span_in_words(after));
    alert.reasons.push("The caller had not read the bucket before, as far as the logs show.".to_owned());
    let opened: Vec<&str> = step.after.split(';').take(20).collect();
    alert.observed = [
        ("opened_to", json!(opened)),
        ("first_caller", json!(first.principal)),
        ("callers", json!(callers)),
        ("minutes_to_first_access", json!(after)),
        ("reads", json!(load.reads)),
        ("keys", json!(first.series.keys_within(&minutes))),
        ("bytes", json!(load.bytes)),
    ]
    .into();
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    const HOUR_MS: i64 = 3_600_000;
    const START_MS: i64 = 20_000 * DAY_MS;

    fn change(hour: i64, action: &'static str, parameters: &str) -> (LogType, Activity) {
        let row = Activity {
            time_ms: Some(START_MS + hour * HOUR_MS),
            action,
            request: format!("C{hour}"),
            key: None,
            parameters: Some(Box::leak(parameters.to_owned().into_boxed_str())),
            ..Activity::default()
        };
        (CloudTrail, row)
    }

    fn read(hour: i64, principal: &'static str, outcome: &'static str) -> (LogType, Activity) {
        let row = Activity {
            time_ms: Some(START_MS + hour * HOUR_MS),
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            outcome,
            status: Some(if outcome == "success" { 200 } else { 403 }),
            principal,
            kind: if principal == "anonymous" { "anonymous" } else { "account" },
            request: format!("R{hour}{principal}"),
            bytes: Some(1000),
            ..Activity::default()
        };
        (S3Access, row)
    }

    const PUBLIC: &str =
        r#"{"bucketPolicy":{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}}"#;
    const OTHER: &str =
        r#"{"bucketPolicy":{"Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:*"}}}"#;

    #[test]
    fn the_first_access_after_the_last_change_counts() {
        let public = |hour| change(hour, "PutBucketPolicy", PUBLIC);
        let other = |hour| change(hour, "PutBucketPolicy", OTHER);
        let block = |hour| change(hour, "DeleteBucketPublicAccessBlock", "{}");
        let anonymous = |hour| read(hour, "anonymous", "success");
        for (config, rows, expected) in [
            ("", vec![public(0), anonymous(5)], Some(300)),
            ("", vec![public(0), anonymous(7 * 24)], Some(7 * 24 * 60)),
            ("", vec![public(0), anonymous(7 * 24 + 1)], None),
            ("", vec![public(5), anonymous(0), anonymous(6)], None),
            ("", vec![public(0), read(1, "anonymous", "denied")], None),
            ("", vec![public(0), read(1, "arn:aws:iam::111122223333:user/bob", "success")], None),
            ("", vec![public(0), read(1, "444455556666", "success")], Some(60)),
            ("", vec![other(0), read(2, "444455556666", "success")], Some(120)),
            ("", vec![other(0), read(2, "777788889999", "success")], None),
            ("", vec![other(0), anonymous(2)], None),
            ("", vec![block(0), public(1), anonymous(3)], Some(120)),
            ("", vec![block(0), anonymous(3)], Some(180)),
            ("", vec![anonymous(3)], None),
            ("public_buckets = ['bucket']", vec![public(0), anonymous(5)], None),
            ("partners = ['444455556666']", vec![other(0), read(2, "444455556666", "success")], None),
            ("owned_accounts = ['444455556666']", vec![other(0), read(2, "444455556666", "success")], None),
            ("iac_roles = ['arn:aws:iam::111122223333:user/ann']", vec![public(0), anonymous(5)], Some(300)),
        ] {
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            let minutes =
                |alert: &crate::detect::Alert| alert.observed["minutes_to_first_access"].as_i64().unwrap();
            let seen: Vec<i64> = found.alerts.iter().map(minutes).collect();
            assert_eq!(seen, expected.into_iter().collect::<Vec<_>>(), "{config} {rows:?}");
            let is_quiet = config.contains("public_buckets") || config.contains("partners");
            assert_eq!(found.suppressed.len(), usize::from(is_quiet), "{config}");
            for alert in &found.alerts {
                assert_eq!((alert.severity, alert.evidence.len()), (Severity::Critical, 2), "{}", alert.summary);
            }
        }
    }
}
