//! DSC-008: somebody's credentials fail again and again.

use super::probes::{address, request};
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::key_sample::fingerprint;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;

/// DSC-008 `authentication-failures`.
pub static RULE: Rule = Rule {
    id: "DSC-008",
    name: "authentication-failures",
    title: "Credentials of one address failed again and again",
    severity: Severity::Medium,
    attack: &["T1110", "T1078.004"],
    looks_for: "Lines of access logs in which S3 could not tell who called: InvalidAccessKeyId, SignatureDoesNotMatch, \
        InvalidToken, ExpiredToken, RequestTimeTooSkewed, AuthorizationHeaderMalformed, NotSignedUp and InvalidSecurity. \
        They are counted by address within 10 minutes, and so are different access keys of presigned URLs within an hour. \
        CloudTrail does not hold such requests.",
    why: "Somebody tries keys that were found, or that are no longer good; or guesses at a signature.",
    cannot_see: "Which key was tried, but in presigned URLs. Failures at other services of AWS.",
    false_positives: "A clock that is wrong. A job whose token has expired. Many customers behind one address whose links \
        have expired.",
    next_steps: &[
        "Find out whose the address is, and which program sends the requests.",
        "If it is none of yours, look for requests of the same address that were done.",
    ],
    thresholds: &[
        Threshold { name: "failures_in_10_minutes", default: 20, source: "proposal of the detector catalogue" },
        Threshold { name: "keys_in_an_hour", default: 3, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["remote_ip", "error_code", "access_key_id", "request_id", "source_line"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<AuthenticationFailures>::of),
};

/// Codes of requests whose sender S3 does not know
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const CODES: [&str; 8] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "RequestTimeTooSkewed",
    "AuthorizationHeaderMalformed",
    "NotSignedUp",
    "InvalidSecurity",
];

/// Is it a code of a request whose sender S3 does not know?
pub(super) fn is_of_authentication(code: &str) -> bool {
    CODES.contains(&code)
}

/// Third field of an actor whose keys are counted.
const KEYS: &str = "keys";

struct AuthenticationFailures {
    failures: u64,
    keys: u64,
}

impl Repeat for AuthenticationFailures {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        AuthenticationFailures {
            failures: config.threshold(&RULE, "failures_in_10_minutes"),
            keys: config.threshold(&RULE, "keys_in_an_hour"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        let failed = matches!(codes.ended[row], Ended::Denied | Ended::Failed) && batch.log == LogType::S3Access;
        if !failed || !is_of_authentication(cell(batch.text("error_code"), row).unwrap_or_default()) {
            return;
        }
        let Some(address) = address(batch, row) else { return };
        count([None, None, Some(address), None], request(batch, codes, row));
        if let Some(key) = cell(batch.text("access_key_id"), row) {
            count([None, None, Some(address), Some(KEYS)], fingerprint(key));
        }
    }

    fn judge(&self, actors: &[Actor<'_>], _shared: &Shared<'_>, findings: &mut Findings) {
        for actor in actors {
            let [_, _, Some(address), kind] = actor.fields else { continue };
            let is_of_keys = kind == Some(KEYS);
            let (minutes, least) = if is_of_keys { (60, self.keys) } else { (10, self.failures) };
            for stretch in actor.stretches(minutes, least) {
                let mut alert = actor.alert(&RULE, &stretch);
                alert.confidence = Confidence::Medium;
                alert.outcome = Outcome::Denied;
                alert.window_seconds = minutes * 60;
                alert.remote_ip = Some(address.to_owned());
                let what = if is_of_keys {
                    format!("used {} in vain", counted(alert.count, "access key", "different access keys"))
                } else {
                    format!("failed to authenticate {}", counted(alert.count, "time", "times"))
                };
                let span = if is_of_keys { "an hour" } else { "10 minutes" };
                alert.summary = format!("{address} {what}, up to {} in {span}.", stretch.peak);
                let name = if is_of_keys { "access_keys" } else { "failures" };
                alert.observed = [(name, json!(alert.count)), ("in_a_window", json!(stretch.peak))].into();
                alert.expected = [(name, json!(least))].into();
                findings.alerts.push(alert);
            }
        }
    }
}

const FAILED: Asks = Asks { answer: (403, "SignatureDoesNotMatch"), every_ms: 20_000, count: 25, ..Asks::USUAL };

/// Presigned URLs with keys of their own.
const PRESIGNED: Asks = Asks {
    answer: (403, "InvalidAccessKeyId"),
    query: "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPL{}%2F20260302%2Feu-west-1%2Fs3%2Faws4_request",
    every_ms: 600_000,
    count: 4,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 6] = [
    made!("fires", true, FAILED.lines()),
    made!("fires_on_keys", true, PRESIGNED.lines()),
    made!("near_miss_1", false, Asks { count: 19, ..FAILED }.lines()),
    made!("near_miss_2", false, Asks { every_ms: 60_000, ..FAILED }.lines()),
    made!("near_miss_3", false, Asks { count: 2, ..PRESIGNED }.lines()),
    made!("denied_twin", false, Asks { answer: (403, "AccessDenied"), ..FAILED }.lines()),
];
