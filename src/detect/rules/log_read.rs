//! LOG-016: logs are read by somebody who does not usually read them.

use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::history::{CallerView, LearnedCaller, View};
use crate::detect::key_sample::share;
use crate::detect::known::{LogBucket, is_delivering};
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{
    DAY_MINUTES, Past, Reading, ReadingDetector, alert, bytes_in_words, learned, name, past, span_in_words,
};
use crate::detect::statistics::{Baseline, Windows};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// LOG-016 `log-read`.
pub static RULE: Rule = Rule {
    id: "LOG-016",
    name: "log-read",
    title: "Logs were read unusually",
    severity: Severity::Medium,
    attack: &["T1654", "T1530"],
    looks_for: "GetObject on a log bucket (as in LOG-001), in either log, by a caller that is neither an AWS service nor \
        one of the configured readers: many objects in 10 minutes or many MiB in an hour that do not come back every \
        day (level medium), or a caller that reads the bucket for the first time after days of logs without it (low), \
        or anybody without credentials (critical). There is one alert for a caller and bucket, about its loudest \
        stretch. Where the bucket is known by the shape of its keys alone the level is at most medium.",
    why: "Who reads the audit logs learns what was noticed of him, and everything about the account.",
    cannot_see: "Reads through Athena or a SIEM on somebody's behalf: they show the service's role.",
    false_positives: "An analyst who downloads logs, as for this very tool; a SIEM that is not listed under readers. \
        The root user of an account may raise two alerts where both logs show it: access logs name it by canonical \
        id, CloudTrail by ARN.",
    next_steps: &[
        "Ask the owner of the principal why the logs were read.",
        "If it is a SIEM or a job, list it under readers.",
        "Look at what the caller did before and after, also in other buckets.",
    ],
    thresholds: &[
        Threshold { name: "objects_in_10_minutes", default: 50, source: "proposal, to be tuned on real data" },
        Threshold { name: "mib_an_hour", default: 100, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "history_days",
            default: 7,
            source: "proposal: a week holds every day of the week once",
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
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<LogRead>::of),
};

mod samples;

/// Tenths of a robust standard deviation (detector catalogue: z of 6).
const Z_TENTHS: u64 = 60;

struct LogRead {
    objects: u64,
    bytes: u64,
    history_days: u64,
    history_hours: u64,
}

/// Why reads of a log bucket count.
struct Why {
    severity: Severity,
    minutes: RangeInclusive<u32>,
    reason: String,
    /// The past that they were held against, as the alert tells it.
    history: Vec<(&'static str, Value)>,
}

impl Reading for LogRead {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        LogRead {
            objects: threshold("objects_in_10_minutes"),
            bytes: threshold("mib_an_hour").saturating_mul(1 << 20),
            history_days: threshold("history_days"),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for caller in history.callers().iter().filter(|caller| !caller.is_service) {
            if caller.series.total().reads == 0 || caller.principal.is_some_and(is_delivering) {
                continue;
            }
            let Some(log_bucket) = shared.known.log_bucket(shared.config, caller.bucket) else { continue };
            let Some(why) = self.why(history, caller) else { continue };
            let found = self.alert(caller, log_bucket, &why);
            if caller.principal.is_some_and(|principal| shared.config.readers.contains(principal)) {
                findings.suppressed.push(found);
            } else {
                findings.alerts.push(found);
            }
        }
    }
}

impl LogRead {
    fn why(&self, history: &View<'_>, caller: &CallerView<'_>) -> Option<Why> {
        let span = caller.series.span()?;
        if caller.kind() == "anonymous" {
            let reason = "The caller had no credentials: anybody can read these logs.".to_owned();
            return Some(Why { severity: Severity::Critical, minutes: span, reason, history: Vec::new() });
        }
        let objects = |load: &crate::detect::history::Load| load.reads;
        let bytes = |load: &crate::detect::history::Load| load.bytes;
        let loud = [
            self.loudest(history, caller, (10, self.objects, "objects_in_10_minutes_median"), objects),
            self.loudest(history, caller, (60, self.bytes, "bytes_an_hour_median"), bytes),
        ];
        if let Some(why) = loud.into_iter().flatten().next() {
            return Some(why);
        }
        let first = u32::try_from(caller.first_read_ms? / MINUTE_MS).ok()?;
        if matches!(history.past_of(caller), Some(LearnedCaller::Seen(_) | LearnedCaller::Unsaid)) {
            return None;
        }
        let (before, _) = history.before(caller.bucket, first);
        (before >= self.history_days * u64::from(DAY_MINUTES)).then(|| Why {
            severity: Severity::Low,
            minutes: span,
            reason: format!("It is the caller's first read after {} of logs without it.", span_in_words(before)),
            history: vec![("history_minutes", json!(before)), ("history_days", json!(self.history_days))],
        })
    }

    /// The largest burst that does not come back every day.
    fn loudest(
        &self,
        history: &View<'_>,
        caller: &CallerView<'_>,
        (length, least, median): (u32, u64, &'static str),
        value: impl Fn(&crate::detect::history::Load) -> u64,
    ) -> Option<Why> {
        let windows = Windows::of(caller.series.windows(length, &value));
        let mut bursts = caller.series.bursts(length, least, &value);
        bursts.sort_by_key(|burst| (std::cmp::Reverse(burst.peak), *burst.minutes.start()));
        bursts.into_iter().find_map(|burst| {
            let baseline = Baseline::of(&windows, &burst.minutes, length);
            let stands_out = baseline.stands_out(burst.peak, Z_TENTHS);
            let limits = (Z_TENTHS, self.history_hours);
            let learned = learned(history, caller, &burst.minutes, &value, limits);
            let past = learned.as_ref().map_or_else(
                || past(history, caller, &burst.minutes, &baseline, stands_out, self.history_hours),
                |learned| learned.past,
            );
            let baseline = learned.map_or(baseline, |learned| learned.baseline);
            (past != Past::Usual).then(|| Why {
                severity: Severity::Medium,
                reason: past.reason(&baseline),
                history: vec![
                    ("history_minutes", json!(baseline.minutes)),
                    ("history_windows", json!(baseline.windows())),
                    (median, json!(baseline.median())),
                ],
                minutes: burst.minutes,
            })
        })
    }

    fn alert(&self, caller: &CallerView<'_>, log_bucket: LogBucket, why: &Why) -> Alert {
        let load = caller.series.within(&why.minutes);
        let mut found = alert(&RULE, caller, &why.minutes, "logs");
        found.severity = log_bucket.at_most(why.severity);
        found.confidence = log_bucket.confidence();
        found.window_seconds = 600;
        found.count = load.reads;
        found.summary = format!(
            "{} read {} ({}) of the log bucket {} in {}.",
            name(caller),
            counted(load.reads, "object", "objects"),
            bytes_in_words(load.bytes),
            caller.bucket,
            span_in_words(u64::from(why.minutes.end() - why.minutes.start()) + 1),
        );
        found.reasons = log_bucket.reasons();
        found.reasons.push(why.reason.clone());
        found.observed = [
            ("reads", json!(load.reads)),
            ("keys", json!(caller.series.keys_within(&why.minutes))),
            ("bytes", json!(load.bytes)),
            ("sampled_share", json!(share(caller.series.key_halvings()))),
        ]
        .into();
        found.expected =
            [("objects_in_10_minutes", json!(self.objects)), ("bytes_an_hour", json!(self.bytes))].into();
        found.expected.extend(why.history.iter().cloned());
        found
    }
}
