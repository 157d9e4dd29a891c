//! OPS-004: more reads of a log bucket than a site allows.

use super::probes::milder;
use crate::detect::alert::{Severity, counted};
use crate::detect::history::View;
use crate::detect::known::is_delivering;
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector, alert, name};
use crate::detect::sample_lines::{Reads, made};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::time::DAY_MS;
use serde_json::json;

/// OPS-004 `log-read-often`.
pub static RULE: Rule = Rule {
    id: "OPS-004",
    name: "log-read-often",
    title: "Logs were read more often than a low threshold allows",
    severity: Severity::Medium,
    attack: &["T1654"],
    looks_for: "GetObject on a log bucket (as in LOG-001), in either log, more often within 5 minutes than a threshold that \
        the site sets (thresholds.OPS-004.reads_in_5_minutes), whatever the caller did before. There is one alert for a \
        caller and a bucket, about its loudest stretch. The level is medium; it is low for a caller that read the bucket on \
        three other days, and where the logs show the bucket for less than three days before, so that nobody is known; it is at \
        most medium where the bucket is known by the shape of its keys alone. AWS services are left \
        out; configured readers are kept quiet and counted.",
    why: "Hardly anybody reads logs by hand. An alarm with a low threshold on the bucket of CloudTrail sees the first who does.",
    cannot_see: "Fewer reads. LOG-016 holds reads against the caller's own past instead.",
    false_positives: "Collectors that are not listed under readers; an analyst who downloads logs.",
    next_steps: &[
        "Ask the owner of the principal why the logs were read.",
        "If it is a collector or a job, list it under readers, or set the threshold higher.",
    ],
    thresholds: &[Threshold {
        name: "reads_in_5_minutes",
        default: 5,
        source: "detector catalogue, after alarms on GetRequests of the trail's bucket; to be set by the site",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(ReadingDetector::<LogReadOften>::of),
};

/// Other days on which a caller reads that make it a known one. Proposal.
const KNOWN_DAYS: usize = 3;

struct LogReadOften {
    reads: u64,
}

impl Reading for LogReadOften {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        LogReadOften { reads: config.threshold(&RULE, "reads_in_5_minutes") }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for caller in history.callers().iter().filter(|caller| !caller.is_service) {
            if caller.series.total().reads < self.reads || caller.principal.is_some_and(is_delivering) {
                continue;
            }
            let Some(log_bucket) = shared.known.log_bucket(shared.config, caller.bucket) else { continue };
            let bursts = caller.series.bursts(5, self.reads.saturating_add(1), |load| load.reads);
            let loudest =
                bursts.iter().max_by_key(|burst| (burst.peak, std::cmp::Reverse(*burst.minutes.start())));
            let Some(burst) = loudest else { continue };
            let day = |minute: u32| minute / DAY_MINUTES;
            let own = day(*burst.minutes.start())..=day(*burst.minutes.end());
            let days = caller.series.windows(DAY_MINUTES, |load| load.reads);
            let others = days.iter().filter(|(minute, reads)| *reads > 0 && !own.contains(&day(*minute))).count();
            let (shown_minutes, _) = history.before(caller.bucket, *burst.minutes.start());
            let is_short = shown_minutes < KNOWN_DAYS as u64 * u64::from(DAY_MINUTES);
            let is_mild = is_short || others >= KNOWN_DAYS;
            let load = caller.series.within(&burst.minutes);
            let mut found = alert(&RULE, caller, &burst.minutes, "often");
            found.severity = log_bucket.at_most(if is_mild { milder(RULE.severity) } else { RULE.severity });
            found.confidence = log_bucket.confidence();
            found.window_seconds = 300;
            found.count = load.reads;
            found.summary = format!(
                "{} read {} of the log bucket {}, up to {} in 5 minutes.",
                name(caller),
                counted(load.reads, "object", "objects"),
                caller.bucket,
                burst.peak,
            );
            found.reasons = log_bucket.reasons();
            if others >= KNOWN_DAYS {
                found.reasons.push(format!("The caller read the bucket on {others} other days."));
            } else if is_short {
                found
                    .reasons
                    .push("The logs do not show the bucket long enough to tell who always reads it.".to_owned());
            }
            found.observed = [("reads", json!(load.reads)), ("reads_in_5_minutes", json!(burst.peak))].into();
            found.expected = [("reads_in_5_minutes", json!(self.reads))].into();
            match caller.principal.is_some_and(|principal| shared.config.readers.contains(principal)) {
                true => findings.suppressed.push(found),
                false => findings.alerts.push(found),
            }
        }
    }
}

const SOME: Reads = Reads {
    prefix: "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/111122223333_CloudTrail_eu-west-1_20260301T0005Z_0123456789abcdef.json.gz",
    every_ms: 20_000,
    count: 8,
    ..Reads::USUAL
};

static SAMPLES: [Sample; 4] = [
    made!("fires", true, SOME.lines()),
    made!("near_miss_1", false, Reads { count: 5, ..SOME }.lines()),
    made!("near_miss_2", false, {
        Reads { every_ms: DAY_MS / 100, ..SOME }.lines()
            + &Reads { prefix: "reports/", bucket: "example-other", ..SOME }.lines()
    }),
    made!("denied_twin", false, Reads { done: false, ..SOME }.lines()),
];
