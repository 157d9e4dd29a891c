//! GET-010: a caller's rate of requests to a bucket stands out from its own past.

use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::history::{CallerView, View};
use crate::detect::reading::{DAY_MINUTES, Past, Reading, ReadingDetector, alert, learned, name, span_in_words};
use crate::detect::statistics::{Baseline, LEAST_WINDOWS, Windows};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::ops::RangeInclusive;

/// GET-010 `read-rate`.
pub static RULE: Rule = Rule {
    id: "GET-010",
    name: "read-rate",
    title: "A caller's rate of requests to a bucket is unusual",
    severity: Severity::Low,
    attack: &["T1530"],
    looks_for: "Requests of any kind and outcome of one caller to one bucket in clock windows of five minutes, both logs \
        joined by request id, held against the caller's other windows: at least a number of requests, half as much \
        again as on any other day, and either three windows in a row with a robust z-score of 6 or one with 12. The \
        score is 0.6745 (x - median) / MAD, \
        <https://www.itl.nist.gov/div898/handbook/eda/section3/eda35h.htm>, and the deviation is never taken smaller \
        than that of a Poisson count. From 14 days on a window is held against those of the same hour of the week, if \
        there are enough. With a baseline (--baseline) the past are the hours that it knows of the caller, and \
        hours are held against them. The level is low; it is medium for three in a row of which one reaches 12.",
    why: "A stolen credential is used in another rhythm than its owner's.",
    cannot_see: "Callers whose past is too short: that is said, and not guessed. Floods by many callers at once.",
    false_positives: "Campaigns, releases, month-end jobs. The root user of an account may raise two alerts where \
        both logs show it: access logs name it by canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Look at what the caller did in these minutes: operations, prefixes, outcomes.",
        "Compare address and user agent with those of its usual requests.",
    ],
    thresholds: &[
        Threshold { name: "requests_in_5_minutes", default: 100, source: "proposal, to be tuned on real data" },
        Threshold { name: "z_score_in_a_row", default: 6, source: "proposal, to be tuned on real data" },
        Threshold { name: "z_score_single", default: 12, source: "proposal, to be tuned on real data" },
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
    form: Form::Code(ReadingDetector::<ReadRate>::of),
};

mod samples;

/// Minutes of a window.
const WINDOW: u32 = 5;

/// Windows in a row that count as one anomaly at the lower score.
const IN_A_ROW: usize = 3;

/// Days from which on the hour of the week is compared.
const SEASON_DAYS: u64 = 14;

struct ReadRate {
    least: u64,
    in_a_row_tenths: u64,
    single_tenths: u64,
    history_hours: u64,
}

/// Windows next to each other that stand out.
struct Run {
    minutes: RangeInclusive<u32>,
    windows: usize,
    peak: u64,
    z_tenths: u64,
    baseline: Baseline,
    /// Minutes of what the peak and the past are counted by.
    counted_by: u32,
}

impl Reading for ReadRate {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ReadRate {
            least: threshold("requests_in_5_minutes").max(1),
            in_a_row_tenths: threshold("z_score_in_a_row").saturating_mul(10),
            single_tenths: threshold("z_score_single").saturating_mul(10),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, _shared: &Shared<'_>, findings: &mut Findings) {
        let (mut short, mut coarse) = (0, 0);
        for caller in history.callers().iter().filter(|caller| !caller.is_service) {
            let windows = caller.series.windows(WINDOW, |load| load.requests);
            let loud: Vec<(u32, u64)> =
                windows.iter().copied().filter(|(_, count)| *count >= self.least).collect();
            if loud.is_empty() {
                continue;
            }
            if caller.series.grain() > WINDOW {
                coarse += 1;
                continue;
            }
            let learned = self.learned_runs(history, caller, &loud);
            if let Some(runs) = learned {
                findings.alerts.extend(runs.iter().map(|run| self.alert(caller, run)));
                continue;
            }
            let windows = Windows::of(windows);
            let all = Baseline::of(&windows, &(0..=0), 0);
            if !all.is_enough(self.history_hours) {
                short += 1;
                continue;
            }
            for run in self.runs(&windows, &loud) {
                findings.alerts.push(self.alert(caller, &run));
            }
        }
        for (number, why) in [
            (short, format!("whose history is less than {} hours", self.history_hours)),
            (coarse, "whose minutes were counted too coarsely for want of memory".to_owned()),
        ] {
            if number > 0 {
                let callers = counted(number, "busy caller", "busy callers");
                findings.notes.push(format!("{callers} {why}: not evaluated."));
            }
        }
    }
}

impl ReadRate {
    /// The runs of windows that stand out, oldest first. Windows of a run are not held against each other.
    fn runs(&self, windows: &Windows, loud: &[(u32, u64)]) -> Vec<Run> {
        let mut runs = Vec::new();
        for group in loud.chunk_by(|left, right| left.0 + WINDOW == right.0) {
            let minutes = group[0].0..=group[group.len() - 1].0 + WINDOW - 1;
            let season = same_season(windows, &minutes);
            let baseline = Baseline::of(season.as_ref().unwrap_or(windows), &minutes, WINDOW);
            let of = |count: u64| baseline.z_tenths(count);
            let outliers =
                group.iter().filter(|(_, count)| baseline.stands_out(*count, self.in_a_row_tenths)).count();
            let (_, peak) = group.iter().copied().max_by_key(|(_, count)| *count).unwrap_or_default();
            let is_single = baseline.stands_out(peak, self.single_tenths);
            if outliers >= IN_A_ROW || is_single {
                let (windows, z_tenths) = (outliers.max(1), of(peak));
                runs.push(Run { minutes, windows, peak, z_tenths, baseline, counted_by: WINDOW });
            }
        }
        runs
    }

    /// The runs that stand out from what a baseline says of the caller, each as one window of an hour or more; `None` if
    /// it says too little.
    fn learned_runs(&self, history: &View<'_>, caller: &CallerView<'_>, loud: &[(u32, u64)]) -> Option<Vec<Run>> {
        let mut runs = Vec::new();
        for group in loud.chunk_by(|left, right| left.0 + WINDOW == right.0) {
            let minutes = group[0].0..=group[group.len() - 1].0 + WINDOW - 1;
            let limits = (self.single_tenths, self.history_hours);
            let found = learned(history, caller, &minutes, |load| load.requests, limits)?;
            if found.past == Past::StandsOut {
                runs.push(Run {
                    minutes,
                    windows: 1,
                    peak: found.value,
                    z_tenths: found.baseline.z_tenths(found.value),
                    baseline: found.baseline,
                    counted_by: found.window_minutes,
                });
            }
        }
        Some(runs)
    }

    fn alert(&self, caller: &CallerView<'_>, run: &Run) -> crate::detect::Alert {
        let load = caller.series.within(&run.minutes);
        let mut found = alert(&RULE, caller, &run.minutes, "rate");
        let is_both = run.windows >= IN_A_ROW && run.z_tenths >= self.single_tenths;
        found.severity = if is_both { Severity::Medium } else { Severity::Low };
        found.confidence = Confidence::Medium;
        found.window_seconds = u64::from(run.counted_by) * 60;
        found.count = load.requests;
        found.summary = format!(
            "{} sent up to {} requests in {} to {}, where its median is {}.",
            name(caller),
            run.peak,
            if run.counted_by == WINDOW {
                "five minutes".to_owned()
            } else {
                span_in_words(run.counted_by.into())
            },
            caller.bucket,
            run.baseline.median(),
        );
        found.reasons.push(format!(
            "{} with a robust z-score of up to {}.{} against {} windows over {}.",
            counted(run.windows as u64, "window", "windows"),
            run.z_tenths / 10,
            run.z_tenths % 10,
            run.baseline.windows(),
            span_in_words(run.baseline.minutes),
        ));
        let [peak, median, percentile_95] = if run.counted_by == WINDOW {
            ["requests_in_5_minutes", "requests_in_5_minutes_median", "requests_in_5_minutes_percentile_95"]
        } else {
            ["requests_in_window", "requests_in_window_median", "requests_in_window_percentile_95"]
        };
        found.observed = [
            ("requests", json!(load.requests)),
            (peak, json!(run.peak)),
            ("z_score", json!(run.z_tenths as f64 / 10.0)),
            ("windows", json!(run.windows)),
        ]
        .into();
        found.expected = [
            ("requests_in_5_minutes", json!(self.least)),
            (median, json!(run.baseline.median())),
            (percentile_95, json!(run.baseline.percentile_95())),
            ("history_windows", json!(run.baseline.windows())),
            ("history_minutes", json!(run.baseline.minutes)),
        ]
        .into();
        found
    }
}

/// The windows of the same hour of the week, if the past is long enough and holds enough of them.
fn same_season(windows: &Windows, minutes: &RangeInclusive<u32>) -> Option<Windows> {
    let by_time = windows.by_time();
    let (first, last) = (by_time.first()?.0, by_time.last()?.0);
    if u64::from(last - first) < SEASON_DAYS * u64::from(DAY_MINUTES) {
        return None;
    }
    let hour_of_week = |minute: u32| minute / 60 % (7 * 24);
    let is_same = |(minute, _): &(u32, u64)| hour_of_week(*minute) == hour_of_week(*minutes.start());
    let season = Windows::of(by_time.iter().copied().filter(is_same).collect());
    (Baseline::of(&season, minutes, WINDOW).windows() >= LEAST_WINDOWS).then_some(season)
}
