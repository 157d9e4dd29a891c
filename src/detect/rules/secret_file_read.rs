//! GET-013: somebody reads files that hold credentials.

use super::marked_calls::{self, caller, hit};
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::codes::{Among, Codes};
use crate::detect::history::LearnedCaller;
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::key_sample::about;
use crate::detect::marks::Marks;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{DAY_MINUTES, span_in_words};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-013 `secret-file-read`.
pub static RULE: Rule = Rule {
    id: "GET-013",
    name: "secret-file-read",
    title: "A file that holds credentials was read",
    severity: Severity::Medium,
    attack: &["T1552.001"],
    looks_for: "GetObject that was done, in either log, of objects whose names are those of files with credentials: \
        private keys and key stores (.pem, .ppk, .key, .pfx, .p12, .jks, .keytab, id_rsa and its kin), password stores \
        (.kdbx, .pgpass, .netrc, shadow, ntds.dit), environments and settings (.env, .npmrc, .dockercfg, kubeconfig, \
        wp-config.php, .git/config), AWS credentials (.aws/credentials, credentials.csv, rootkey.csv), the state of \
        Terraform, remote access (.ovpn, .rdp). There is one alert for a caller, a bucket and a UTC day. The level is \
        medium; it is low for a caller that the logs or the baseline know in the bucket for a number of days before, and \
        high for callers without credentials. AWS services and configured readers are left out, the latter counted.",
    why: "Credentials in buckets are what intruders look for first: with them they go on elsewhere.",
    cannot_see: "Credentials in files of other names, and whether a file of such a name holds any.",
    false_positives: "The role that keeps Terraform's state, deployments that fetch their environment, public certificates \
        in .pem files.",
    next_steps: &[
        "Ask the owner of the bucket who is to read the file.",
        "If it was none of them, replace what the file holds, and look for its use.",
        "Move credentials to Secrets Manager or Parameter Store.",
    ],
    thresholds: &[Threshold {
        name: "known_after_days",
        default: 7,
        source: "proposal: a week holds every day of the week once",
    }],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<SecretFileRead>::of),
};

mod samples;

struct SecretFileRead {
    known_after_days: u64,
}

impl Pattern for SecretFileRead {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        SecretFileRead { known_after_days: config.threshold(&RULE, "known_after_days") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::SECRET).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let days = days_before(group, shared);
        let is_known = days >= self.known_after_days;
        let severity = match (group.entity[0], is_known) {
            (Some("anonymous"), _) => Severity::High,
            (_, true) => Severity::Low,
            _ => Severity::Medium,
        };
        let mut alert = marked_calls::alert(&RULE, group, severity);
        alert.confidence = Confidence::Medium;
        alert.summary = format!(
            "{} read {}{} of {} whose names are those of files with credentials.",
            caller(group),
            about(group.halvings()),
            counted(group.keys().max(1), "object", "objects"),
            group.entity[1].unwrap_or_default(),
        );
        alert.reasons.push(if is_known {
            format!("The caller has read the bucket for {}.", span_in_words(days * u64::from(DAY_MINUTES)))
        } else {
            format!("The caller is not known in the bucket for {} days before.", self.known_after_days)
        });
        alert.reasons.extend(group.estimate());
        alert.observed.insert("days_known", json!(days));
        alert.expected = [("known_after_days", json!(self.known_after_days))].into();
        match group.entity[0].is_some_and(|principal| shared.config.readers.contains(principal)) {
            true => Verdict::Suppressed(alert),
            false => Verdict::Alert(alert),
        }
    }
}

/// For how many days before the group's first read the logs or the baseline show its caller in the bucket.
fn days_before(group: &Group<'_>, shared: &Shared<'_>) -> u64 {
    let [principal, Some(bucket), ..] = group.entity else { return 0 };
    let Some(first) = group.seen_ms().0.and_then(|time_ms| u32::try_from(time_ms / MINUTE_MS).ok()) else {
        return 0;
    };
    let Some(caller) = shared.history.caller(principal, bucket) else { return 0 };
    let learned = match shared.history.past_of(caller) {
        Some(LearnedCaller::Seen(past)) => past.first_minute,
        _ => u32::MAX,
    };
    let start = caller.series.span().map_or(u32::MAX, |span| *span.start()).min(learned);
    u64::from(first.saturating_sub(start) / DAY_MINUTES)
}
