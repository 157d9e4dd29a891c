//! GET-002: a caller reads many different keys of a bucket, at once or over a day.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::history::{CallerView, LearnedCaller, View};
use crate::detect::key_sample::{about, reaches_percent, share};
use crate::detect::reading::{
    DAY_MINUTES, LEAST_PEERS, Past, Peers, Reading, ReadingDetector, alert, learned, name, past, span_in_words,
};
use crate::detect::statistics::{Baseline, Windows, median};
use crate::detect::{Config, Evidence, Findings, Form, Known, Rule, Shared, Threshold};
use serde_json::json;
use std::ops::RangeInclusive;

/// GET-002 `read-breadth`.
pub static RULE: Rule = Rule {
    id: "GET-002",
    name: "read-breadth",
    title: "One caller read unusually many objects of a bucket",
    severity: Severity::Medium,
    attack: &["T1530", "T1119"],
    looks_for: "Different keys of one bucket that one caller reads by GetObject, over both logs: many within 10 minutes \
        that stand out from the caller's own 10-minute windows in this bucket (a robust z-score of 6 by median and \
        median absolute deviation, and half as much again as on any other day); and, for who goes slowly, many on one \
        UTC day that stand out from the caller's other days, or a large part of the bucket's known keys on one day by \
        a caller that was never seen in it before. Callers without credentials are told apart by their addresses; of an address that reads few keys nothing is \
        remembered. Where the past is too short that is said, and only a number of keys far above counts. AWS services are left \
        out. The level is medium, and low where half of the callers of the same kind read about as many.",
    why: "Who steals a bucket reads all of it; who uses it reads what it needs.",
    cannot_see: "Reads of few large objects (GET-001). Which keys a caller already had. Records without a time.",
    false_positives: "A first backup or migration, a new batch job, a crawler on a public site. The root user of an \
        account may raise two alerts where both logs show it: access logs name it by canonical id, CloudTrail by \
        ARN.",
    next_steps: &[
        "Ask the owner of the principal whether the reads were planned.",
        "Compare address, user agent and session with those of the caller's usual reads.",
        "List the keys that were read, and treat secrets among them as known to others.",
    ],
    thresholds: &[
        Threshold { name: "keys_in_10_minutes", default: 500, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "keys_in_10_minutes_without_history",
            default: 2000,
            source: "proposal: far more than a person or a page reads",
        },
        Threshold { name: "keys_a_day", default: 200, source: "proposal: more than a person opens on a day" },
        Threshold {
            name: "known_keys_read_a_day_percent",
            default: 50,
            source: "proposal, as GET-003 of the catalogue",
        },
        Threshold {
            name: "history_hours",
            default: 24,
            source: "proposal: a day holds every hour of the clock once",
        },
        Threshold { name: "history_days", default: 3, source: "proposal: other days that a day is held against" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<ReadBreadth>::of),
};

mod samples;

/// Tenths of a robust standard deviation (detector catalogue: z of 6).
const Z_TENTHS: u64 = 60;

/// Fewest keys that are a large part of a bucket.
const LEAST_SHARE_KEYS: u64 = 100;

struct ReadBreadth {
    keys_in_10_minutes: u64,
    without_history: u64,
    keys_a_day: u64,
    known_percent: u64,
    history_hours: u64,
    history_days: u64,
}

impl Reading for ReadBreadth {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ReadBreadth {
            keys_in_10_minutes: threshold("keys_in_10_minutes"),
            without_history: threshold("keys_in_10_minutes_without_history"),
            keys_a_day: threshold("keys_a_day"),
            known_percent: threshold("known_keys_read_a_day_percent"),
            history_hours: threshold("history_hours"),
            history_days: threshold("history_days"),
        }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let most = |caller: &CallerView<'_>| largest(&caller.series.key_windows(10));
        let peers = Peers::of(history, most);
        let mut short = 0;
        let callers = history.callers().iter().filter(|caller| !caller.is_service && caller.kind() != "anonymous");
        for caller in callers.chain(history.addresses()) {
            let least_day = self.keys_a_day.min(LEAST_SHARE_KEYS);
            if caller.series.distinct_keys() < least_day {
                continue;
            }
            let others = peers.others(caller, most(caller));
            let bursts = self.bursts(history, caller, others, &mut short);
            let days = self.days(history, caller, shared.known);
            let is_covered = |day: &Alert| bursts.iter().any(|burst| same_day(burst, day));
            findings.alerts.extend(days.into_iter().filter(|day| !is_covered(day)));
            findings.alerts.extend(bursts);
        }
        if short > 0 {
            let callers = counted(short, "caller has", "callers have");
            findings.notes.push(format!(
                "{callers} a history of less than {} hours and {} windows in a bucket: not evaluated against it.",
                self.history_hours,
                crate::detect::statistics::LEAST_WINDOWS
            ));
        }
    }
}

fn largest(windows: &[(u32, u64)]) -> u64 {
    windows.iter().map(|(_, keys)| *keys).max().unwrap_or(0)
}

fn same_day(left: &Alert, right: &Alert) -> bool {
    let day = |alert: &Alert| alert.first_seen_ms.map(|time_ms| time_ms.div_euclid(crate::parse::time::DAY_MS));
    day(left) == day(right)
}

impl ReadBreadth {
    /// Many keys within 10 minutes.
    fn bursts(
        &self,
        history: &View<'_>,
        caller: &CallerView<'_>,
        others: (usize, u64, u64),
        short: &mut u64,
    ) -> Vec<Alert> {
        let windows = Windows::of(caller.series.key_windows(10));
        let mut alerts = Vec::new();
        for burst in caller.series.key_bursts(10, self.keys_in_10_minutes) {
            let baseline = Baseline::of(&windows, &burst.minutes, 10);
            let stands_out = baseline.stands_out(burst.peak, Z_TENTHS);
            // Of keys a baseline knows only how many reads there were, which are no fewer.
            let limits = (Z_TENTHS, self.history_hours);
            let learned = learned(history, caller, &burst.minutes, |load| load.reads, limits);
            let past = learned.as_ref().map_or_else(
                || past(history, caller, &burst.minutes, &baseline, stands_out, self.history_hours),
                |learned| learned.past,
            );
            match past {
                Past::Usual => continue,
                Past::Short(_) if burst.peak < self.without_history => {
                    *short += 1;
                    continue;
                }
                _ => {}
            }
            let held_against = learned.as_ref().map_or(&baseline, |learned| &learned.baseline);
            let mut found = self.alert(caller, &burst.minutes, "burst", (past, held_against));
            if others.0 >= LEAST_PEERS && others.1.saturating_mul(3) / 2 >= burst.peak {
                found.severity = Severity::Low;
                let (peers, median, _) = others;
                found
                    .reasons
                    .push(format!("Half of {peers} others of the kind read {median} keys or more as fast."));
            }
            found.window_seconds = 600;
            found.summary = format!(
                "{} read {}{} of {} in {}, up to {} in 10 minutes; {}.",
                name(caller),
                about(caller.series.key_halvings()),
                counted(found.count, "key", "different keys"),
                caller.bucket,
                span_in_words(u64::from(burst.minutes.end() - burst.minutes.start()) + 1),
                burst.peak,
                match baseline.windows() {
                    0 => "the logs show no other reads of its own".to_owned(),
                    _ => format!("its own median is {}", baseline.median()),
                },
            );
            found.observed.insert("keys_in_10_minutes", json!(burst.peak));
            found.observed.insert("z_score", json!(baseline.z_tenths(burst.peak) as f64 / 10.0));
            found.expected.insert("keys_in_10_minutes_median", json!(baseline.median()));
            found.expected.insert("keys_in_10_minutes", json!(self.keys_in_10_minutes));
            found.expected.insert("peers", json!(others.0));
            found.expected.insert("peers_keys_in_10_minutes_median", json!(others.1));
            alerts.push(found);
        }
        alerts
    }

    /// Many keys over a day.
    fn days(&self, history: &View<'_>, caller: &CallerView<'_>, known: &Known) -> Vec<Alert> {
        let windows = Windows::of(caller.series.key_windows(DAY_MINUTES));
        let known = known.keys(caller.bucket);
        let was_there = matches!(history.past_of(caller), Some(LearnedCaller::Seen(_) | LearnedCaller::Unsaid));
        let halvings = caller.series.key_halvings();
        let mut alerts = Vec::new();
        for (minute, keys) in windows.by_time() {
            let minutes = *minute..=minute + DAY_MINUTES - 1;
            let baseline = Baseline::of(&windows, &minutes, 0);
            let others: Vec<u64> =
                windows.by_time().iter().filter(|(other, _)| other != minute).map(|(_, keys)| *keys).collect();
            let has_days = others.len() as u64 >= self.history_days;
            let (before, _) = history.before(caller.bucket, *minute);
            let is_new = others.is_empty() && !was_there && before >= self.history_hours * 60;
            let is_share =
                *keys >= LEAST_SHARE_KEYS && reaches_percent((*keys, halvings), known, self.known_percent);
            let stands_out = *keys >= self.keys_a_day && baseline.stands_out(*keys, Z_TENTHS);
            let past = match (has_days && stands_out, is_new && is_share) {
                (true, _) => Past::StandsOut,
                (_, true) => Past::New,
                _ => continue,
            };
            let mut found = self.alert(caller, &minutes, "day", (past, &baseline));
            found.window_seconds = 86_400;
            let percent = keys.saturating_mul(100) / known.0.max(1);
            found.summary = format!(
                "{} read {}{} of {} on one day, {percent} % of the keys that the logs name; its other days have a \
                 median of {}.",
                name(caller),
                about(halvings),
                counted(*keys, "key", "different keys"),
                caller.bucket,
                median(&sorted(others)),
            );
            found.observed.insert("known_keys_read_percent", json!(percent.min(100)));
            found.observed.insert("known_keys", json!(known.0));
            found.expected.insert("keys_a_day", json!(self.keys_a_day));
            found.expected.insert("keys_a_day_median", json!(baseline.median()));
            found.expected.insert("known_keys_read_percent", json!(self.known_percent));
            alerts.push(found);
        }
        alerts
    }

    fn alert(
        &self,
        caller: &CallerView<'_>,
        minutes: &RangeInclusive<u32>,
        what: &str,
        (past, baseline): (Past, &Baseline),
    ) -> Alert {
        let load = caller.series.within(minutes);
        let keys = caller.series.keys_within(minutes);
        let is_estimate = caller.series.key_halvings() > 0 && caller.address.is_none();
        let keys = if is_estimate { keys.min(load.reads) } else { keys };
        let mut found = alert(&RULE, caller, minutes, what);
        found.confidence = if matches!(past, Past::Short(_)) { Confidence::Low } else { Confidence::Medium };
        found.count = keys;
        found.reasons.push(past.reason(baseline));
        found.observed =
            [("keys", json!(keys)), ("sampled_share", json!(share(caller.series.key_halvings())))].into();
        if caller.address.is_none() {
            found.observed.insert("reads", json!(load.reads));
            found.observed.insert("bytes", json!(load.bytes));
        }
        found.expected =
            [("history_windows", json!(baseline.windows())), ("history_minutes", json!(baseline.minutes))].into();
        found
    }
}

fn sorted(mut values: Vec<u64>) -> Vec<u64> {
    values.sort_unstable();
    values
}
