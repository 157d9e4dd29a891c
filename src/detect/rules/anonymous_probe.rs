//! DSC-015: somebody without credentials is refused at a bucket.

use super::probes::{address, is_refused_bucket, request};
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::key_sample::{about, fingerprint};
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;

/// DSC-015 `anonymous-probe`.
pub static RULE: Rule = Rule {
    id: "DSC-015",
    name: "anonymous-probe",
    title: "Requests without credentials for a bucket were refused",
    severity: Severity::Info,
    attack: &["T1580"],
    looks_for: "Requests for a bucket as such (HeadBucket, lists, settings such as the ACL) by callers without credentials \
        that were refused, in either log. There is one alert of level info for a bucket and days in a row on which it \
        happens, with the number of addresses, since strangers try every bucket; and one of level low for an address that \
        is refused often within an hour.",
    why: "It shows who looks for open buckets, and that they are not open.",
    cannot_see: "Requests for objects (DSC-003). Who it was.",
    false_positives: "Noise of the internet; a browser that opens the address of a bucket.",
    next_steps: &["Look for requests of the same addresses that were answered (DSC-001, GET-014, GET-015)."],
    thresholds: &[Threshold {
        name: "refusals_of_an_address_in_an_hour",
        default: 10,
        source: "proposal of the detector catalogue",
    }],
    activity_columns: &["bucket_name", "remote_ip", "request_id", "source_line"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<AnonymousProbe>::of),
};

const DAY_MINUTES: u64 = 24 * 60;

struct AnonymousProbe {
    of_address: u64,
}

impl Repeat for AnonymousProbe {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        AnonymousProbe { of_address: config.threshold(&RULE, "refusals_of_an_address_in_an_hour") }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !is_refused_bucket(codes, row) {
            return;
        }
        let Some(address) = address(batch, row) else { return };
        count([None, cell(batch.text("bucket_name"), row), None, None], fingerprint(address));
        count([None, None, Some(address), None], request(batch, codes, row));
    }

    fn judge(&self, actors: &[Actor<'_>], _shared: &Shared<'_>, findings: &mut Findings) {
        for actor in actors {
            let [_, bucket, address, _] = actor.fields;
            let (minutes, least) = if bucket.is_some() { (DAY_MINUTES, 1) } else { (60, self.of_address) };
            for stretch in actor.stretches(minutes, least) {
                let mut alert = actor.alert(&RULE, &stretch);
                alert.severity = if bucket.is_some() { Severity::Info } else { Severity::Low };
                alert.confidence = Confidence::Medium;
                alert.outcome = Outcome::Denied;
                alert.window_seconds = minutes * 60;
                alert.principal = Some("anonymous".to_owned());
                alert.bucket = bucket.map(str::to_owned);
                alert.remote_ip = address.map(str::to_owned);
                let about = about(actor.series.halvings());
                (alert.summary, alert.observed) = match (bucket, address) {
                    (Some(bucket), _) => (
                        format!(
                            "{about}{} without credentials {} refused at {bucket}.",
                            counted(alert.count, "address", "addresses"),
                            if alert.count == 1 { "was" } else { "were" },
                        ),
                        [("addresses", json!(alert.count))].into(),
                    ),
                    (_, address) => (
                        format!(
                            "{} was refused {about}{} at buckets without credentials, up to {} in an hour.",
                            address.unwrap_or("An unknown address"),
                            counted(alert.count, "time", "times"),
                            stretch.peak,
                        ),
                        [("refusals", json!(alert.count)), ("refusals_in_an_hour", json!(stretch.peak))].into(),
                    ),
                };
                alert.expected = [("least", json!(least))].into();
                findings.alerts.push(alert);
            }
        }
    }
}

const LISTS: Asks = Asks {
    operation: "REST.GET.BUCKET",
    key: "-",
    query: "?list-type=2",
    answer: (403, "AccessDenied"),
    address: "203.0.113.{}",
    every_ms: 3_600_000,
    count: 5,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 5] = [
    made!("fires", true, LISTS.lines()),
    made!("near_miss_1", false, Asks { answer: (200, "-"), ..LISTS }.lines()),
    made!("near_miss_2", false, Asks { requester: "arn:aws:iam::111122223333:user/ann", ..LISTS }.lines()),
    made!("denied_twin", false, Asks { operation: "REST.GET.OBJECT", key: "a.txt", query: "", ..LISTS }.lines()),
    made!("near_miss_3", false, Asks { answer: (404, "NoSuchBucket"), ..LISTS }.lines()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::S3Access;

    #[test]
    fn an_address_that_is_refused_ten_times_in_an_hour_is_low() {
        let row = |number: i64, every_ms: i64| Activity {
            action: "HeadBucket",
            operation: "REST.HEAD.BUCKET",
            outcome: "denied",
            status: Some(403),
            kind: "anonymous",
            principal: "anonymous",
            key: None,
            request: format!("R{number}"),
            time_ms: Some(number * every_ms),
            line: number,
            ..Activity::default()
        };
        for (count, every_ms, expected) in [
            (9, 60_000, vec![Severity::Info]),
            (10, 60_000, vec![Severity::Low, Severity::Info]),
            (10, 600_000, vec![Severity::Info]),
        ] {
            let rows: Vec<_> = (0..count).map(|number| (S3Access, row(number, every_ms))).collect();
            let found = detect(&RULE, &Config::default(), &rows).alerts;
            assert_eq!(
                found.iter().map(|alert| alert.severity).collect::<Vec<_>>(),
                expected,
                "{count} {every_ms}"
            );
        }
    }
}
