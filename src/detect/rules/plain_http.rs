//! ENC-001: requests to S3 without TLS.

use super::marked_calls::{self, DONE, caller, hit, requests};
use crate::detect::alert::Severity;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// ENC-001 `plain-http`.
pub static RULE: Rule = Rule {
    id: "ENC-001",
    name: "plain-http",
    title: "Requests came without TLS",
    severity: Severity::Medium,
    attack: &["T1040", "T1557"],
    looks_for: "Lines of access logs with an operation that begins with REST., an address and a host, but neither a \
        version of TLS nor a cipher. There is one alert for a caller and a bucket over the whole input: medium for a \
        caller with credentials, also if it was refused, and low for one without, where only what was done counts. \
        Sites (WEBSITE.), lifecycle, parts of multi-object deletes and the sources of copies are left out: they have no \
        TLS or log none. So are AWS services, and lines of old logs, which end before these fields.",
    why: "Whoever is on the way reads the objects, and a signed request can be sent again by others until it expires.",
    cannot_see: "Requests of which only CloudTrail tells: it does not say what a missing cipher means.",
    false_positives: "None that are known; it may be wanted for open data.",
    next_steps: &[
        "Deny requests without TLS in the bucket's policy (aws:SecureTransport).",
        "Set the program up with an endpoint that begins with https.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<PlainHttp>::of),
};

mod samples;

struct PlainHttp;

impl Pattern for PlainHttp {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        PlainHttp
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::PLAIN).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        let is_anonymous = group.entity[0] == Some("anonymous");
        let severity = if is_anonymous { Severity::Low } else { Severity::Medium };
        let whom = if is_anonymous { "Callers without credentials" } else { caller(group) };
        let summary = format!(
            "{whom} sent {} without TLS to {}; {} were done.",
            requests(group),
            group.entity[1].unwrap_or("no bucket"),
            group.of_kind(DONE),
        );
        let mut alert = marked_calls::alert_of_all(&RULE, group, summary);
        alert.severity = severity;
        if !is_anonymous {
            alert.reasons.push("The requests carry a signature, which others could send again.".to_owned());
        }
        Verdict::Alert(alert)
    }
}
