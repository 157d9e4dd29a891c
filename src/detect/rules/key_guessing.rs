//! DSC-003: somebody guesses names of objects.

use super::probes::address;
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::key_sample::about;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;
use std::ops::RangeInclusive;

/// DSC-003 `key-guessing`.
pub static RULE: Rule = Rule {
    id: "DSC-003",
    name: "key-guessing",
    title: "Somebody asked for many objects that are not there or not open",
    severity: Severity::Medium,
    attack: &["T1595.003", "T1619"],
    looks_for: "Different keys of one bucket for which GetObject or HeadObject failed within 10 minutes, in either log: with \
        404 or 403 for callers without credentials, by address; with 403 for others, who without leave to list the bucket \
        get no 404. At least nine in ten of the keys that were asked for must have failed. A key that is asked for again \
        counts once, so that a page with a broken picture does not. AWS services are left out.",
    why: "Files that are forgotten in a bucket are found by trying names, such as backup.zip or .env.",
    cannot_see: "Guesses slower than this, or from many addresses. 404 for callers with credentials, which look for objects \
        all day.",
    false_positives: "A site that moved and left links behind, crawled by a search engine.",
    next_steps: &[
        "Look at the names: lists of words or numbers, or old links?",
        "Look for keys that the same address did get.",
        "Deny listing and reading to everybody where the bucket need not be public.",
    ],
    thresholds: &[
        Threshold { name: "keys_in_10_minutes", default: 50, source: "proposal of the detector catalogue" },
        Threshold { name: "failed_percent", default: 90, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<KeyGuessing>::of),
};

struct KeyGuessing {
    keys: u64,
    failed_percent: u64,
}

impl Repeat for KeyGuessing {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Read, Act::List]);

    fn new(config: &Config) -> Self {
        KeyGuessing {
            keys: config.threshold(&RULE, "keys_in_10_minutes"),
            failed_percent: config.threshold(&RULE, "failed_percent"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        let key = codes.key[row];
        if key == 0 || !matches!(codes.act[row], Act::Read | Act::List) {
            return;
        }
        let caller = || [cell(batch.text("principal"), row), cell(batch.text("bucket_name"), row)];
        match (codes.who[row], codes.ended[row]) {
            (Who::Anonymous, Ended::Denied | Ended::Failed) => {
                let [principal, bucket] = caller();
                count([principal, bucket, address(batch, row), None], key);
            }
            (Who::Principal, Ended::Denied) => {
                let [principal, bucket] = caller();
                count([principal, bucket, None, None], key);
            }
            _ => {}
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        for actor in actors {
            let [principal, Some(bucket), address, _] = actor.fields else { continue };
            for stretch in actor.stretches(10, self.keys) {
                let failed = actor.count(&stretch);
                let read = keys_read((principal, bucket, address), &stretch, shared);
                let percent = failed.saturating_mul(100) / (failed.saturating_add(read)).max(1);
                if percent < self.failed_percent {
                    continue;
                }
                let mut alert = actor.alert(&RULE, &stretch);
                alert.confidence = Confidence::Medium;
                alert.outcome = if read > 0 { Outcome::Mixed } else { Outcome::Denied };
                alert.window_seconds = 600;
                alert.principal = principal.map(str::to_owned);
                alert.bucket = Some(bucket.to_owned());
                alert.remote_ip = address.map(str::to_owned);
                let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
                alert.summary = format!(
                    "{}{at} asked for {}{} of {bucket} in vain, up to {} in 10 minutes, and read {}.",
                    principal.unwrap_or("An unknown caller"),
                    about(actor.series.halvings()),
                    counted(failed, "key", "different keys"),
                    stretch.peak,
                    counted(read, "key", "keys"),
                );
                alert.observed = [
                    ("keys_failed", json!(failed)),
                    ("keys_failed_in_a_window", json!(stretch.peak)),
                    ("keys_read", json!(read)),
                    ("failed_percent", json!(percent)),
                ]
                .into();
                alert.expected = [
                    ("keys_failed_in_a_window", json!(self.keys)),
                    ("failed_percent", json!(self.failed_percent)),
                ]
                .into();
                findings.alerts.push(alert);
            }
        }
    }
}

/// Different keys that a caller read in a stretch, by its address if it has no credentials.
fn keys_read(
    (principal, bucket, address): (Option<&str>, &str, Option<&str>),
    stretch: &Stretch,
    shared: &Shared<'_>,
) -> u64 {
    let bound = |minute: i64| u32::try_from(minute).unwrap_or(u32::MAX);
    let minutes: RangeInclusive<u32> = bound(*stretch.minutes.start())..=bound(*stretch.minutes.end());
    if let Some(address) = address {
        return shared.history.keys_read_at(bucket, address, &minutes);
    }
    let caller = shared.history.caller(principal, bucket);
    caller.map_or(0, |caller| caller.series.keys_within(&minutes))
}

const GUESSES: Asks = Asks { every_ms: 4_000, count: 100, ..Asks::USUAL };

static SAMPLES: [Sample; 7] = [
    made!("fires", true, GUESSES.lines()),
    made!("fires_on_a_caller", true, {
        Asks { requester: "arn:aws:iam::111122223333:user/ann", answer: (403, "AccessDenied"), ..GUESSES }.lines()
    }),
    made!("near_miss_1", false, Asks { count: 49, ..GUESSES }.lines()),
    made!("denied_twin", false, Asks { key: "logo.png", answer: (403, "AccessDenied"), ..GUESSES }.lines()),
    // A fifth of what the address asks for is there.
    made!("near_miss_3", false, {
        GUESSES.lines() + &Asks { key: "page/{}.html", count: 25, answer: (200, "-"), ..GUESSES }.lines()
    }),
    made!("near_miss_2", false, Asks { every_ms: 30_000, ..GUESSES }.lines()),
    made!("near_miss_4", false, Asks { answer: (200, "-"), ..GUESSES }.lines()),
];
