//! OPS-001: S3 fails.

use super::probes::request;
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use arrow::array::Array;
use serde_json::json;

/// OPS-001 `server-errors`.
pub static RULE: Rule = Rule {
    id: "OPS-001",
    name: "server-errors",
    title: "Many requests to a bucket failed at S3",
    severity: Severity::Medium,
    attack: &["T1499"],
    looks_for: "Lines of access logs with a status of 500 or more (InternalError, SlowDown, ServiceUnavailable), counted by \
        bucket within 5 minutes: many, at level medium, or fewer if they are at least one in a hundred of all requests to \
        the bucket at that time, at level low. Overlapping stretches are one alert.",
    why: "S3 asks to slow down where too many requests hit one prefix. Whoever does that, by intent or not, keeps all others \
        from their objects.",
    cannot_see: "What caused it. Failures that KMS causes have codes of their own (KMS-003, KMS-001). Requests that do not \
        reach S3.",
    false_positives: "A disturbance at AWS. SDKs try again, so that few failures do no harm.",
    next_steps: &[
        "Look at which prefixes and callers are concerned.",
        "Spread the load over more prefixes, \
         <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.",
        "Look at the AWS Health Dashboard for that time.",
    ],
    thresholds: &[
        Threshold {
            name: "errors_in_5_minutes",
            default: 50,
            source: "AWS's guidance on alarms for 5xx in access logs (more than 50 in 5 minutes)",
        },
        Threshold { name: "errors_in_5_minutes_low", default: 20, source: "proposal of the detector catalogue" },
        Threshold { name: "percent_low", default: 1, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["bucket_name", "http_status", "request_id", "source_line"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<ServerErrors>::of),
};

struct ServerErrors {
    many: u64,
    some: u64,
    percent: u64,
}

impl Repeat for ServerErrors {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ServerErrors {
            many: threshold("errors_in_5_minutes").saturating_add(1),
            some: threshold("errors_in_5_minutes_low"),
            percent: threshold("percent_low"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        let may_be =
            matches!(codes.ended[row], Ended::Throttled | Ended::Failed) && batch.log == LogType::S3Access;
        if !may_be {
            return;
        }
        let status = batch.http_status();
        if status.is_valid(row) && status.value(row) >= 500 {
            count([None, cell(batch.text("bucket_name"), row), None, None], request(batch, codes, row));
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        for actor in actors {
            let [_, Some(bucket), ..] = actor.fields else { continue };
            for stretch in actor.stretches(5, self.some.min(self.many)) {
                let errors = actor.count(&stretch);
                let requests = requests_to(bucket, &stretch, shared).max(errors);
                let is_many = stretch.peak >= self.many;
                if !is_many && errors.saturating_mul(100) < requests.saturating_mul(self.percent) {
                    continue;
                }
                let mut alert = actor.alert(&RULE, &stretch);
                alert.severity = if is_many { Severity::Medium } else { Severity::Low };
                alert.confidence = Confidence::Medium;
                alert.outcome = Outcome::Denied;
                alert.window_seconds = 300;
                alert.bucket = Some(bucket.to_owned());
                alert.summary = format!(
                    "{} to {bucket} failed with 5xx, up to {} in 5 minutes, of {requests} at that time.",
                    counted(errors, "request", "requests"),
                    stretch.peak,
                );
                alert.observed = [
                    ("errors", json!(errors)),
                    ("errors_in_5_minutes", json!(stretch.peak)),
                    ("requests", json!(requests)),
                ]
                .into();
                alert.expected = [
                    ("errors_in_5_minutes", json!(self.many.saturating_sub(1))),
                    ("errors_in_5_minutes_low", json!(self.some)),
                    ("percent_low", json!(self.percent)),
                ]
                .into();
                findings.alerts.push(alert);
            }
        }
    }
}

/// Requests of all callers to a bucket in a stretch.
fn requests_to(bucket: &str, stretch: &Stretch, shared: &Shared<'_>) -> u64 {
    let bound = |minute: i64| u32::try_from(minute).unwrap_or(u32::MAX);
    let minutes = bound(*stretch.minutes.start())..=bound(*stretch.minutes.end());
    let callers = shared.history.callers().iter().filter(|caller| caller.bucket == bucket);
    callers.map(|caller| caller.series.within(&minutes).requests).sum()
}

const SLOW_DOWN: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/ann",
    answer: (503, "SlowDown"),
    every_ms: 2_000,
    count: 60,
    ..Asks::USUAL
};

const DONE: Asks = Asks { key: "data/{}", answer: (200, "-"), every_ms: 20, count: 2_500, ..SLOW_DOWN };

static SAMPLES: [Sample; 5] = [
    made!("fires", true, SLOW_DOWN.lines()),
    made!("fires_on_a_share", true, Asks { answer: (500, "InternalError"), count: 25, ..SLOW_DOWN }.lines()),
    made!("near_miss_1", false, Asks { count: 19, ..SLOW_DOWN }.lines()),
    made!("near_miss_2", false, Asks { count: 24, ..SLOW_DOWN }.lines() + &DONE.lines()),
    made!("denied_twin", false, Asks { answer: (403, "AccessDenied"), ..SLOW_DOWN }.lines()),
];
