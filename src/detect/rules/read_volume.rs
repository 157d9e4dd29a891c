//! GET-001: a caller reads many bytes of a bucket.

use crate::detect::alert::{Alert, Confidence, Severity};
use crate::detect::history::{Burst, CallerView, View};
use crate::detect::key_sample::share;
use crate::detect::reading::{
    LEAST_PEERS, Past, Peers, Reading, ReadingDetector, alert, bytes_in_words, learned, name, past, span_in_words,
};
use crate::detect::statistics::{Baseline, Windows};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-001 `read-volume`.
pub static RULE: Rule = Rule {
    id: "GET-001",
    name: "read-volume",
    title: "One caller read an unusual amount of data from a bucket",
    severity: Severity::Medium,
    attack: &["T1530", "T1567"],
    looks_for: "Bytes that S3 sent to one caller from one bucket (bytes_sent, bytesTransferredOut) by GetObject, in \
        windows that slide over minutes; callers without credentials are taken together. What both logs \
        show, by request id, counts once. From a number of MiB in 10 minutes on the level is info; from a number of \
        GiB in an hour it is medium if that is several times the 95th percentile of the caller's own hours in this \
        bucket; from more GiB an hour it is high. What does not stand out from the caller's own past (a robust z-score \
        of 6 by median and median absolute deviation, and half as much again as on any other day) is left out. A past \
        that is too short is said and not guessed: then only the absolute numbers count, and the level is at most \
        medium. With a baseline (--baseline) the past are the hours that it knows of the caller. Where half of the callers \
        of the same kind read about as much from the bucket the level is one lower.",
    why: "Theft of data shows as bytes that leave. The bill for the traffic comes later than the thief goes.",
    cannot_see: "Copies inside S3 (CopyObject), which send nothing to the caller. Data that leaves slowly, spread over \
        days: GET-002 looks at a day's breadth. CloudTrail events without bytesTransferredOut.",
    false_positives: "A first backup, a migration, a new analysis. The root user of an account may raise two alerts \
        where both logs show it: access logs name it by canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Ask the owner of the principal whether the download was planned.",
        "List the keys that were read and where they went: address, user agent, session.",
        "Revoke the sessions of the role or deactivate the access key.",
    ],
    thresholds: &[
        Threshold {
            name: "mib_in_10_minutes_info",
            default: 48,
            source: "Panther's rule for large downloads (50 MB in 10 minutes)",
        },
        Threshold { name: "gib_an_hour_medium", default: 1, source: "proposal, to be tuned on real data" },
        Threshold { name: "gib_an_hour_high", default: 10, source: "proposal, to be tuned on real data" },
        Threshold { name: "times_percentile_95_medium", default: 5, source: "proposal, to be tuned on real data" },
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
    form: Form::Code(ReadingDetector::<ReadVolume>::of),
};

mod samples;

struct ReadVolume {
    info_bytes: u64,
    medium_bytes: u64,
    high_bytes: u64,
    times: u64,
    history_hours: u64,
}

/// What a burst is held against.
struct Measured {
    hour_bytes: u64,
    baseline: Baseline,
    past: Past,
    peers: (usize, u64, u64),
}

/// Tenths of a robust standard deviation that a burst must lie above the median (detector catalogue: z of 6).
const Z_TENTHS: u64 = 60;

impl Reading for ReadVolume {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ReadVolume {
            info_bytes: threshold("mib_in_10_minutes_info").saturating_mul(1 << 20),
            medium_bytes: threshold("gib_an_hour_medium").saturating_mul(1 << 30),
            high_bytes: threshold("gib_an_hour_high").saturating_mul(1 << 30),
            times: threshold("times_percentile_95_medium"),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, _shared: &Shared<'_>, findings: &mut Findings) {
        let largest_hour = |caller: &CallerView<'_>| {
            caller.series.windows(60, |load| load.bytes).into_iter().map(|(_, bytes)| bytes).max().unwrap_or(0)
        };
        let peers = Peers::of(history, largest_hour);
        for caller in history.callers() {
            let own = largest_hour(caller);
            if own < self.info_bytes {
                continue;
            }
            let [hours, tens] =
                [60, 10].map(|length| Windows::of(caller.series.windows(length, |load| load.bytes)));
            for burst in caller.series.bursts(10, self.info_bytes, |load| load.bytes) {
                let tens = Baseline::of(&tens, &burst.minutes, 10);
                let stands_out = tens.stands_out(burst.peak, Z_TENTHS);
                let limits = (Z_TENTHS, self.history_hours);
                // A baseline knows more of the past than the logs do.
                let learned = learned(history, caller, &burst.minutes, |load| load.bytes, limits);
                let past = learned.as_ref().map_or_else(
                    || past(history, caller, &burst.minutes, &tens, stands_out, self.history_hours),
                    |learned| learned.past,
                );
                if past != Past::Usual {
                    let by_hour = learned.filter(|learned| learned.window_minutes == 60);
                    let baseline = by_hour
                        .map_or_else(|| Baseline::of(&hours, &burst.minutes, 60), |learned| learned.baseline);
                    let (hour_bytes, peers) = (peak_within(caller, &burst), peers.others(caller, own));
                    findings.alerts.push(self.alert(
                        caller,
                        &burst,
                        &Measured { hour_bytes, baseline, past, peers },
                    ));
                }
            }
        }
    }
}

/// The most bytes of an hour that lies in a burst, or of the whole burst where that is shorter.
fn peak_within(caller: &CallerView<'_>, burst: &Burst) -> u64 {
    let (start, end) = (*burst.minutes.start(), *burst.minutes.end());
    let step = 10.max(caller.series.grain()) as usize;
    let windows = (start..=end).step_by(step).map(|from| caller.series.within(&(from..=end.min(from + 59))).bytes);
    windows.max().unwrap_or(0).max(burst.peak)
}

impl ReadVolume {
    fn severity(&self, caller: &CallerView<'_>, measured: &Measured) -> Severity {
        let bytes = measured.hour_bytes;
        let is_several_times = bytes >= measured.baseline.percentile_95().saturating_mul(self.times);
        let mut severity = if bytes >= self.high_bytes {
            Severity::High
        } else if bytes >= self.medium_bytes && is_several_times {
            Severity::Medium
        } else {
            Severity::Info
        };
        let (peers, median, _) = measured.peers;
        // The middle one and not the largest: one backup job would excuse every thief.
        if peers >= LEAST_PEERS && median.saturating_mul(3) / 2 >= bytes {
            severity = if severity == Severity::High { Severity::Medium } else { Severity::Info };
        }
        let is_unsure = matches!(measured.past, Past::Short(_)) || caller.is_service;
        if is_unsure { severity.min(Severity::Medium) } else { severity }
    }

    fn alert(&self, caller: &CallerView<'_>, burst: &Burst, measured: &Measured) -> Alert {
        let Measured { hour_bytes, baseline, past, peers } = measured;
        let load = caller.series.within(&burst.minutes);
        let keys = caller.series.keys_within(&burst.minutes).min(load.reads);
        let mut found = alert(&RULE, caller, &burst.minutes, "bytes");
        found.severity = self.severity(caller, measured);
        found.confidence = if matches!(past, Past::Short(_)) { Confidence::Low } else { Confidence::Medium };
        found.window_seconds = 3600;
        found.count = load.reads;
        found.summary = format!(
            "{} read {} of {} in {}, up to {} an hour; {}.",
            name(caller),
            bytes_in_words(load.bytes),
            caller.bucket,
            span_in_words(u64::from(burst.minutes.end() - burst.minutes.start()) + 1),
            bytes_in_words(*hour_bytes),
            match baseline.windows() {
                0 => "the logs show no other reads of its own".to_owned(),
                _ => format!("its own 95th percentile is {} an hour", bytes_in_words(baseline.percentile_95())),
            },
        );
        found.reasons.push(past.reason(baseline));
        if peers.0 >= LEAST_PEERS {
            let [median, largest] = [peers.1, peers.2].map(bytes_in_words);
            found.reasons.push(format!(
                "{} other callers of the kind read at most {largest} an hour, the middle one of them {median}.",
                peers.0
            ));
        }
        found.observed = [
            ("bytes", json!(load.bytes)),
            ("bytes_in_10_minutes", json!(burst.peak)),
            ("bytes_an_hour", json!(hour_bytes)),
            ("reads", json!(load.reads)),
            ("keys", json!(keys)),
            ("sampled_share", json!(share(caller.series.key_halvings()))),
        ]
        .into();
        found.expected = [
            ("bytes_an_hour_median", json!(baseline.median())),
            ("bytes_an_hour_percentile_95", json!(baseline.percentile_95())),
            ("history_windows", json!(baseline.windows())),
            ("history_minutes", json!(baseline.minutes)),
            ("peers", json!(peers.0)),
            ("peers_bytes_an_hour_median", json!(peers.1)),
            ("bytes_an_hour_medium", json!(self.medium_bytes)),
            ("bytes_an_hour_high", json!(self.high_bytes)),
        ]
        .into();
        found
    }
}
