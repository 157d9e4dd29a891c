//! OPS-002: S3 takes far longer to answer than usual.

use super::probes::request;
use crate::detect::alert::{Confidence, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes, Ended};
use crate::detect::marks::Marks;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Severity, Shared, Threshold};
use arrow::array::Array;
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// OPS-002 `slow-answers`.
pub static RULE: Rule = Rule {
    id: "OPS-002",
    name: "slow-answers",
    title: "S3 took far longer than usual to answer",
    severity: Severity::Info,
    attack: &["T1499"],
    looks_for: "Turn-around times of requests that were done, in access logs, by bucket and clock windows of five minutes: \
        three windows in a row of which the 99th percentile is three times that of seven days that end six hours \
        before. Only requests that take a second or more are looked at, and held against the number of all: so a former \
        percentile counts as no less than that. Turn-around ends with the first byte of the answer, so that the size \
        of objects does not matter. Windows with fewer than a hundred requests, and buckets that the logs show for less than \
        a day before, are left out.",
    why: "It is what users feel first, and it tells a disturbance from a failure.",
    cannot_see: "What takes long behind the first byte. Times in CloudTrail, which has none. More than memory holds of slow \
        requests: then only what is clearly above is told of.",
    false_positives: "Uploads over slow lines do not count, but large copies within S3 do. A bucket that is hardly used.",
    next_steps: &[
        "Look at the AWS Health Dashboard for that time.",
        "Look for 5xx (OPS-001) and for callers with many requests (GET-010).",
    ],
    thresholds: &[
        Threshold {
            name: "turn_around_ms",
            default: 1000,
            source: "proposal of the detector catalogue (a second)",
        },
        Threshold { name: "times_the_past", default: 3, source: "proposal of the detector catalogue" },
        Threshold { name: "windows", default: 3, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["bucket_name", "request_id", "source_line"],
    s3_access_columns: &["turn_around_time_ms"],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<SlowAnswers>::of),
};

/// Minutes of a window.
const WINDOW: u32 = 5;
/// Least requests of one, so that a percentile means something.
const LEAST_REQUESTS: u64 = 100;
/// Minutes of the past that windows are held against.
const PAST: u32 = 7 * 24 * 60;
/// Minutes between a window and its past, so that the beginning of a disturbance is no part of it.
const GAP: u32 = 6 * 60;
/// Below this nothing is looked at ([`Marks::SLOW`]).
const LEAST_MS: u64 = 1000;

struct SlowAnswers {
    /// The limits by which times are told apart, mildest first: that of the past, that of a spike, and that of spikes over
    /// a past that was slow itself.
    limits: [(u64, &'static str); 3],
    windows: usize,
    times: u64,
}

impl Repeat for SlowAnswers {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        let (least, times) = (threshold("turn_around_ms").max(LEAST_MS), threshold("times_the_past").max(1));
        let slower = least.saturating_mul(times);
        SlowAnswers {
            limits: [(least, "0"), (slower, "1"), (slower.saturating_mul(times), "2")],
            windows: usize::try_from(threshold("windows")).unwrap_or(usize::MAX).max(1),
            times,
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !codes.marks[row].has(Marks::SLOW) || codes.ended[row] != Ended::Done {
            return;
        }
        let times = batch.native_integer("turn_around_time_ms");
        let Some(time_ms) =
            times.is_valid(row).then(|| times.value(row)).and_then(|time| u64::try_from(time).ok())
        else {
            return;
        };
        let bucket = cell(batch.text("bucket_name"), row);
        let what = request(batch, codes, row);
        for (limit, name) in self.limits {
            if time_ms >= limit {
                count([None, bucket, Some(name), None], what);
            }
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        for of_bucket in actors.chunk_by(|left, right| left.fields[1] == right.fields[1]) {
            let Some(bucket) = of_bucket[0].fields[1] else { continue };
            let Some(requests) = requests_by_window(bucket, shared) else { continue };
            let slower = |limit: usize| {
                let name = self.limits[limit].1;
                of_bucket.iter().find(|actor| actor.fields[2] == Some(name))
            };
            // Most windows hold nothing slow.
            let is_slow =
                |minute: u32, requests: u64| of(slower(1), minute..=minute + WINDOW - 1) * 100 > requests;
            let (mut loud, mut past) = (Vec::new(), 0);
            let (mut oldest, mut newest) = (requests.iter().peekable(), requests.iter().peekable());
            for (minute, count) in &requests {
                let end = minute.saturating_sub(GAP);
                while let Some((_, come)) = newest.next_if(|(first, _)| **first < end) {
                    past += come;
                }
                while let Some((_, left)) = oldest.next_if(|(first, _)| **first + PAST < end) {
                    past -= left;
                }
                let is_loud = *count >= LEAST_REQUESTS
                    && is_slow(*minute, *count)
                    && shared.history.before(bucket, *minute).0 >= 24 * 60
                    && self.stands_out(&slower, *minute, (*count, past));
                if is_loud {
                    loud.push(*minute);
                }
            }
            for group in loud.chunk_by(|left, right| left + WINDOW == *right) {
                if group.len() < self.windows {
                    continue;
                }
                let Some(actor) = slower(1) else { continue };
                let stretch = Stretch {
                    minutes: i64::from(group[0])..=i64::from(group[group.len() - 1] + WINDOW - 1),
                    peak: 0,
                };
                let within = group[0]..=group[group.len() - 1];
                let all: u64 = requests.range(within).map(|(_, requests)| *requests).sum();
                let mut alert = actor.alert(&RULE, &stretch);
                alert.severity = Severity::Info;
                alert.confidence = Confidence::Medium;
                alert.window_seconds = u64::from(WINDOW) * 60;
                alert.bucket = Some(bucket.to_owned());
                alert.summary = format!(
                    "{} of {all} to {bucket} took {} ms or more until the first byte, in {}.",
                    counted(alert.count, "request", "requests"),
                    self.limits[1].0,
                    counted(group.len() as u64, "window of five minutes", "windows of five minutes in a row"),
                );
                alert.observed = [
                    ("slow_requests", json!(alert.count)),
                    ("requests", json!(all)),
                    ("windows", json!(group.len())),
                ]
                .into();
                alert.expected =
                    [("turn_around_ms", json!(self.limits[1].0)), ("times_the_past", json!(self.times))].into();
                findings.alerts.push(alert);
            }
        }
    }
}

impl SlowAnswers {
    /// Is the 99th percentile of a window three times that of the past, which counts as no less than a second? Of the past it is known which
    /// of the limits it is below; the window must be above the one that is three times as much. `requests` are those of the
    /// window and of the past.
    fn stands_out<'a>(
        &self,
        slower: &impl Fn(usize) -> Option<&'a Actor<'a>>,
        minute: u32,
        (requests, past): (u64, u64),
    ) -> bool {
        let end = minute.saturating_sub(GAP);
        let before = end.saturating_sub(PAST)..=end.saturating_sub(1);
        // One in a hundred is above the percentile.
        let is_below = |limit: &usize| of(slower(*limit), before.clone()).saturating_mul(100) < past;
        let needed = (0..2).find(is_below).map(|limit| limit + 1);
        needed
            .is_some_and(|needed| of(slower(needed), minute..=minute + WINDOW - 1).saturating_mul(100) > requests)
    }
}

/// How many requests above a limit there are in a range of minutes.
fn of(actor: Option<&Actor<'_>>, minutes: RangeInclusive<u32>) -> u64 {
    let minutes = i64::from(*minutes.start())..=i64::from(*minutes.end());
    actor.map_or(0, |actor| actor.series.different(&minutes).keys)
}

/// Requests of all callers by window; `None` if minutes are counted too coarsely.
fn requests_by_window(bucket: &str, shared: &Shared<'_>) -> Option<BTreeMap<u32, u64>> {
    let mut by_window: BTreeMap<u32, u64> = BTreeMap::new();
    for caller in shared.history.callers().iter().filter(|caller| caller.bucket == bucket) {
        if caller.series.grain() > WINDOW {
            return None;
        }
        for (minute, requests) in caller.series.windows(WINDOW, |load| load.requests) {
            *by_window.entry(minute).or_default() += requests;
        }
    }
    Some(by_window)
}

/// A request every two minutes for two days.
const DAYS: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/ann",
    answer: (200, "-"),
    every_ms: 120_000,
    count: 2 * 720,
    ..Asks::USUAL
};

/// 600 in twenty minutes on the third day, each of which takes four seconds.
const SLOW: Asks =
    Asks { from_ms: DAYS.from_ms + 3 * 86_400_000, every_ms: 2_000, count: 600, turn_around_ms: 4_000, ..DAYS };

static SAMPLES: [Sample; 5] = [
    made!("fires", true, DAYS.lines() + &SLOW.lines()),
    made!("near_miss_1", false, DAYS.lines() + &Asks { turn_around_ms: 2_500, ..SLOW }.lines()),
    made!("near_miss_2", false, DAYS.lines() + &Asks { count: 280, ..SLOW }.lines()),
    made!("near_miss_3", false, Asks { turn_around_ms: 1_500, ..DAYS }.lines() + &SLOW.lines()),
    made!("denied_twin", false, DAYS.lines() + &Asks { answer: (403, "AccessDenied"), ..SLOW }.lines()),
];
