//! OPS-003: far more is written into a bucket than usual, or than a site allows.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::history::{CallerView, View};
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{Reading, ReadingDetector, span_in_words};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::statistics::{Baseline, Windows};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;
use std::collections::BTreeMap;

/// OPS-003 `write-spike`.
pub static RULE: Rule = Rule {
    id: "OPS-003",
    name: "write-spike",
    title: "Far more was written into a bucket than usual",
    severity: Severity::Low,
    attack: &["T1565", "T1496"],
    looks_for: "Objects written into a bucket by all callers but AWS services in clock windows of five minutes, over both logs \
        (of the two the larger number): more than a threshold that the site sets \
        (thresholds.OPS-003.writes_in_5_minutes_at_most), or many that stand out from the bucket's other windows by a \
        robust z-score of 6 and half as much again as on any other day. Windows next to each other are one alert. It names \
        the caller that wrote most.",
    why: "Objects are overwritten by the thousand when they are encrypted for ransom, and somebody pays for what is stored.",
    cannot_see: "What was written. Buckets that the logs show for less than a day are held against the site's threshold only; \
        so are those whose minutes are counted too coarsely for want of memory.",
    false_positives: "Releases, imports, jobs that run once a month.",
    next_steps: &[
        "Look at who wrote, and whether keys were new or overwritten (recover).",
        "Look for alerts of the same bucket about encryption and deletes (RAN, DEL).",
    ],
    thresholds: &[
        Threshold { name: "writes_in_5_minutes", default: 100, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "writes_in_5_minutes_at_most",
            default: 0,
            source: "none; a site sets it, as for an alarm of CloudWatch on PutRequests",
        },
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
    form: Form::Code(ReadingDetector::<WriteSpike>::of),
};

/// Minutes of a window.
const WINDOW: u32 = 5;

/// Tenths of a robust standard deviation (detector catalogue: z of 6).
const Z_TENTHS: u64 = 60;

struct WriteSpike {
    least: u64,
    most: Option<u64>,
    history_hours: u64,
}

impl Reading for WriteSpike {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        WriteSpike {
            least: threshold("writes_in_5_minutes").max(1),
            most: Some(threshold("writes_in_5_minutes_at_most")).filter(|most| *most > 0),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, _shared: &Shared<'_>, findings: &mut Findings) {
        for callers in history.callers().chunk_by(|left, right| left.bucket == right.bucket) {
            let callers: Vec<&CallerView<'_>> = callers.iter().filter(|caller| !caller.is_service).collect();
            if callers.iter().any(|caller| caller.series.grain() > WINDOW) {
                continue;
            }
            let mut by_window: BTreeMap<u32, u64> = BTreeMap::new();
            for caller in &callers {
                for (minute, writes) in caller.series.windows(WINDOW, |load| load.writes) {
                    *by_window.entry(minute).or_default() += writes;
                }
            }
            let windows: Vec<(u32, u64)> = by_window.into_iter().filter(|(_, writes)| *writes > 0).collect();
            self.of_bucket(&callers, windows, findings);
        }
    }
}

impl WriteSpike {
    fn of_bucket(&self, callers: &[&CallerView<'_>], windows: Vec<(u32, u64)>, findings: &mut Findings) {
        let least = self.most.map_or(self.least, |most| most.saturating_add(1).min(self.least));
        let loud: Vec<(u32, u64)> = windows.iter().copied().filter(|(_, writes)| *writes >= least).collect();
        let windows = Windows::of(windows);
        for group in loud.chunk_by(|left, right| left.0 + WINDOW == right.0) {
            let minutes = group[0].0..=group[group.len() - 1].0 + WINDOW - 1;
            let peak = group.iter().map(|(_, writes)| *writes).max().unwrap_or(0);
            let baseline = Baseline::of(&windows, &minutes, WINDOW);
            let is_over = self.most.is_some_and(|most| peak > most);
            let stands_out = peak >= self.least
                && baseline.is_enough(self.history_hours)
                && baseline.stands_out(peak, Z_TENTHS);
            if !is_over && !stands_out {
                continue;
            }
            let busiest = callers.iter().max_by_key(|caller| caller.series.within(&minutes).writes);
            let Some(busiest) = busiest else { continue };
            let (bucket, writes) = (busiest.bucket, group.iter().map(|(_, writes)| *writes).sum::<u64>());
            let from_ms = i64::from(*minutes.start()) * MINUTE_MS;
            let mut found = Alert::of(&RULE, &[None, Some(bucket)], Some(from_ms));
            found.set_seen(Some(from_ms), Some((i64::from(*minutes.end()) + 1) * MINUTE_MS - 1));
            found.confidence = Confidence::Medium;
            found.window_seconds = u64::from(WINDOW) * 60;
            found.bucket = Some(bucket.to_owned());
            found.principal = busiest.principal.map(str::to_owned);
            found.count = writes;
            found.evidence_total = writes;
            found.summary = format!(
                "{} into {bucket} in {}, up to {peak} in five minutes, most by {}; the median of its windows is {}.",
                counted(writes, "object was written", "objects were written"),
                span_in_words(u64::from(minutes.end() - minutes.start()) + 1),
                busiest.principal.unwrap_or("an unknown caller"),
                baseline.median(),
            );
            found.reasons.push(if is_over {
                format!("The site allows {} in five minutes.", self.most.unwrap_or(0))
            } else {
                format!(
                    "It stands out from {} windows over {}.",
                    baseline.windows(),
                    span_in_words(baseline.minutes)
                )
            });
            found.reasons.push("Writes are counted, and no records of them are kept.".to_owned());
            found.observed = [
                ("writes", json!(writes)),
                ("writes_in_5_minutes", json!(peak)),
                ("z_score", json!(baseline.z_tenths(peak) as f64 / 10.0)),
            ]
            .into();
            found.expected = [
                ("writes_in_5_minutes", json!(self.least)),
                ("writes_in_5_minutes_median", json!(baseline.median())),
                ("history_minutes", json!(baseline.minutes)),
            ]
            .into();
            findings.alerts.push(found);
        }
    }
}

/// A write every ten minutes for three days.
const DAYS: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/ann",
    operation: "REST.PUT.OBJECT",
    answer: (200, "-"),
    every_ms: 600_000,
    count: 3 * 144,
    ..Asks::USUAL
};

/// 200 in four minutes on the fourth day.
const SPIKE: Asks = Asks { from_ms: DAYS.from_ms + 4 * 86_400_000, every_ms: 1_200, count: 200, ..DAYS };

static SAMPLES: [Sample; 5] = [
    made!("fires", true, DAYS.lines() + &SPIKE.lines()),
    made!("near_miss_1", false, DAYS.lines() + &Asks { count: 90, ..SPIKE }.lines()),
    made!("near_miss_2", false, {
        DAYS.lines() + &SPIKE.lines() + &Asks { from_ms: SPIKE.from_ms - 86_400_000, ..SPIKE }.lines()
    }),
    made!("near_miss_3", false, SPIKE.lines()),
    made!("denied_twin", false, DAYS.lines() + &Asks { answer: (403, "AccessDenied"), ..SPIKE }.lines()),
];
