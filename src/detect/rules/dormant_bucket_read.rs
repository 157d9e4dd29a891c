//! GET-009: a bucket that nobody read for long is read by somebody new.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::history::{CallerView, LearnedCaller, View};
use crate::detect::key_sample::share;
use crate::detect::known::is_delivering;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector, alert, bytes_in_words, name, span_in_words};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::collections::BTreeSet;

/// GET-009 `dormant-bucket-read`.
pub static RULE: Rule = Rule {
    id: "GET-009",
    name: "dormant-bucket-read",
    title: "A bucket that nobody read for long was read",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "A number of GetObject within one UTC day, in either log, of a caller that was never seen in the bucket \
        before, where nobody read the bucket for a number of days before that day, though the logs or the baseline \
        (--baseline) show requests to it from before. AWS services are left out; callers without credentials are taken \
        together.",
    why: "What nobody uses nobody watches, and old backups and exports hold what intruders look for.",
    cannot_see: "Reads before the logs and the baseline began: a bucket of which these show too little is not evaluated. \
        Single folders that wake in a bucket that is read all day.",
    false_positives: "Audits, restores, the yearly report.",
    next_steps: &[
        "Ask the owner of the bucket whether the caller is expected.",
        "List the keys that were read (s3sleuth timeline --principal --bucket).",
        "Decide whether the bucket is still needed.",
    ],
    thresholds: &[
        Threshold { name: "dormant_days", default: 14, source: "detector catalogue, to be tuned on real data" },
        Threshold { name: "reads_a_day", default: 20, source: "detector catalogue, to be tuned on real data" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<DormantBucketRead>::of),
};

mod samples;

struct DormantBucketRead {
    dormant_days: u64,
    reads: u64,
}

impl Reading for DormantBucketRead {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        DormantBucketRead { dormant_days: threshold("dormant_days"), reads: threshold("reads_a_day").max(1) }
    }

    fn judge(&self, history: &View<'_>, _shared: &Shared<'_>, findings: &mut Findings) {
        let mut longest = 0;
        for callers in history.callers().chunk_by(|left, right| left.bucket == right.bucket) {
            let days = read_days(callers);
            for caller in callers.iter().filter(|caller| !caller.is_service) {
                let Some(day) = first_read_day(caller) else { continue };
                let start = day * DAY_MINUTES;
                let (shown, _) = history.before(caller.bucket, start);
                longest = longest.max(shown);
                let last = last_read(history, caller.bucket, &days, day);
                let quiet = last.map_or(shown, |last| u64::from(start.saturating_sub(last)));
                let minutes = start..=start + (DAY_MINUTES - 1);
                let is_waking = quiet >= self.dormant_days * u64::from(DAY_MINUTES)
                    && caller.series.within(&minutes).reads >= self.reads
                    && is_new(history, caller, start);
                if is_waking {
                    findings.alerts.push(self.alert(caller, day, quiet));
                }
            }
        }
        if longest < self.dormant_days * u64::from(DAY_MINUTES) && !history.callers().is_empty() {
            let (days, shown) = (self.dormant_days, span_in_words(longest));
            findings
                .notes
                .push(format!("no bucket is known for {days} days, but at most for {shown}: not evaluated."));
        }
    }
}

/// The days, since 1970 UTC, on which anybody read.
fn read_days(callers: &[CallerView<'_>]) -> BTreeSet<u32> {
    let windows = callers.iter().flat_map(|caller| caller.series.windows(DAY_MINUTES, |load| load.reads));
    windows.filter(|(_, reads)| *reads > 0).map(|(minute, _)| minute / DAY_MINUTES).collect()
}

fn first_read_day(caller: &CallerView<'_>) -> Option<u32> {
    if caller.principal.is_some_and(is_delivering) {
        return None;
    }
    let windows = caller.series.windows(DAY_MINUTES, |load| load.reads);
    Some(windows.into_iter().find(|(_, reads)| *reads > 0)?.0 / DAY_MINUTES)
}

/// The end of the last day before a day on which anybody read, in minutes.
fn last_read(history: &View<'_>, bucket: &str, days: &BTreeSet<u32>, day: u32) -> Option<u32> {
    let in_logs = days.range(..day).next_back().map(|day| (day + 1) * DAY_MINUTES);
    let learned = history.past().and_then(|past| past.last_read(bucket));
    in_logs.into_iter().chain(learned).max()
}

/// Was the caller never seen in the bucket before that minute?
fn is_new(history: &View<'_>, caller: &CallerView<'_>, start: u32) -> bool {
    let is_learned = matches!(history.past_of(caller), Some(LearnedCaller::Seen(_) | LearnedCaller::Unsaid));
    let first = caller.first_read_ms.and_then(|time_ms| u32::try_from(time_ms / MINUTE_MS).ok());
    !is_learned
        && caller.series.span().is_none_or(|span| *span.start() >= start)
        && first.is_none_or(|first| first >= start)
}

impl DormantBucketRead {
    fn alert(&self, caller: &CallerView<'_>, day: u32, quiet: u64) -> Alert {
        let minutes = day * DAY_MINUTES..=day * DAY_MINUTES + (DAY_MINUTES - 1);
        let load = caller.series.within(&minutes);
        let mut found = alert(&RULE, caller, &minutes, "dormant");
        found.confidence = Confidence::Medium;
        found.window_seconds = 86_400;
        found.count = load.reads;
        found.summary = format!(
            "{} read {} ({}) of {} on one day, after nobody had read the bucket for {}.",
            name(caller),
            counted(load.reads, "object", "objects"),
            bytes_in_words(load.bytes),
            caller.bucket,
            span_in_words(quiet),
        );
        found.reasons.push("The caller was never seen in the bucket before.".to_owned());
        found.observed = [
            ("reads", json!(load.reads)),
            ("keys", json!(caller.series.keys_within(&minutes))),
            ("bytes", json!(load.bytes)),
            ("quiet_days", json!(quiet / u64::from(DAY_MINUTES))),
            ("sampled_share", json!(share(caller.series.key_halvings()))),
        ]
        .into();
        found.expected = [("dormant_days", json!(self.dormant_days)), ("reads_a_day", json!(self.reads))].into();
        found
    }
}
