//! GET-003: a caller reads most of a bucket within a day.

use crate::detect::alert::{Confidence, counted};
use crate::detect::history::View;
use crate::detect::key_sample::{about, reaches_percent, share};
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector, alert, name};
use crate::detect::sample_lines::{Reads, made};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Sample, Severity, Shared, Threshold};
use crate::parse::time::DAY_MS;
use serde_json::json;

/// GET-003 `bucket-coverage`.
pub static RULE: Rule = Rule {
    id: "GET-003",
    name: "bucket-coverage",
    title: "One caller read most of a bucket within a day",
    severity: Severity::High,
    attack: &["T1530"],
    looks_for: "Different keys of one bucket that one caller reads by GetObject on one UTC day, over both logs, held against \
        all keys of the bucket that successful requests of anybody name anywhere in the input: at least half of them, and \
        at least a hundred. A caller that reads two thirds as many on any other day, such as a backup, does what it always \
        does; and the logs must show the bucket for a day before, so that there is another day to tell. Callers without \
        credentials, AWS services and configured readers are left out, the last counted.",
    why: "An application reads what it is asked for; who reads everything takes it along.",
    cannot_see: "Keys that no request in the input names: where the logs are short the part looks larger than it is. \
        Who takes several days (GET-002).",
    false_positives: "The first backup, replication or migration of a bucket. A search index that is built anew.",
    next_steps: &[
        "Ask the owner of the principal whether it was planned.",
        "If not, deactivate its credentials, and treat the bucket as known to others.",
        "List what was read with exposure.",
    ],
    thresholds: &[
        Threshold { name: "known_keys_read_percent", default: 50, source: "proposal of the detector catalogue" },
        Threshold { name: "keys_a_day", default: 100, source: "proposal of the detector catalogue" },
        Threshold {
            name: "history_hours",
            default: 24,
            source: "proposal: a day holds every hour of the clock once",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(ReadingDetector::<BucketCoverage>::of),
};

struct BucketCoverage {
    percent: u64,
    keys: u64,
    history_hours: u64,
}

impl Reading for BucketCoverage {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        BucketCoverage {
            percent: threshold("known_keys_read_percent"),
            keys: threshold("keys_a_day"),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let callers = history.callers().iter().filter(|caller| !caller.is_service && caller.kind() != "anonymous");
        for caller in callers {
            if caller.series.distinct_keys() < self.keys {
                continue;
            }
            let (days, known) = (caller.series.key_windows(DAY_MINUTES), shared.known.keys(caller.bucket));
            let halvings = caller.series.key_halvings();
            for (minute, keys) in &days {
                let others = days.iter().filter(|(other, _)| other != minute).map(|(_, keys)| *keys);
                let is_usual = others.max().unwrap_or(0).saturating_mul(3) >= keys.saturating_mul(2);
                let is_most = *keys >= self.keys && reaches_percent((*keys, halvings), known, self.percent);
                let (before, _) = history.before(caller.bucket, *minute);
                if is_usual || !is_most || before < self.history_hours * 60 {
                    continue;
                }
                let minutes = *minute..=minute + DAY_MINUTES - 1;
                let percent = keys.saturating_mul(100) / known.0.max(*keys).max(1);
                let mut found = alert(&RULE, caller, &minutes, "coverage");
                found.confidence = Confidence::Medium;
                found.window_seconds = 86_400;
                found.count = *keys;
                found.summary = format!(
                    "{} read {}{} of {} on one day, {percent} % of those that the logs name.",
                    name(caller),
                    about(halvings),
                    counted(*keys, "key", "different keys"),
                    caller.bucket,
                );
                found
                    .reasons
                    .push("On no other day that the logs show did it read two thirds as many.".to_owned());
                found.observed = [
                    ("keys", json!(keys)),
                    ("known_keys", json!(known.0)),
                    ("known_keys_read_percent", json!(percent)),
                    ("sampled_share", json!(share(halvings))),
                ]
                .into();
                found.expected = [
                    ("known_keys_read_percent", json!(self.percent)),
                    ("keys_a_day", json!(self.keys)),
                    ("history_minutes", json!(before)),
                ]
                .into();
                match caller.principal.is_some_and(|principal| shared.config.readers.contains(principal)) {
                    true => findings.suppressed.push(found),
                    false => findings.alerts.push(found),
                }
            }
        }
    }
}

/// Two days of an application that reads a hundred keys.
const USUAL: Reads = Reads { every_ms: 30 * 60_000, count: 100, ..Reads::USUAL };

/// Somebody else reads two hundred on the third day.
const ALL: Reads = Reads {
    requester: "arn:aws:iam::111122223333:user/bob",
    from_ms: Reads::USUAL.from_ms + 3 * DAY_MS,
    every_ms: 60_000,
    count: 200,
    ..Reads::USUAL
};

static SAMPLES: [Sample; 5] = [
    made!("fires", true, USUAL.lines() + &ALL.lines()),
    made!("near_miss_1", false, USUAL.lines() + &Reads { count: 99, ..ALL }.lines()),
    // A backup.
    made!("near_miss_2", false, {
        let day = |day| Reads { from_ms: ALL.from_ms + day * DAY_MS, ..ALL }.lines();
        USUAL.lines() + &day(0) + &day(1)
    }),
    made!("near_miss_3", false, {
        USUAL.lines()
            + &Reads { prefix: "old/", count: 900, every_ms: 60_000, ..USUAL }.lines()
            + &Reads { count: 300, ..ALL }.lines()
    }),
    made!("denied_twin", false, USUAL.lines() + &Reads { done: false, ..ALL }.lines()),
];
