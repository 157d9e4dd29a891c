//! ENC-002: requests to S3 over versions of TLS that are no longer safe.

use super::marked_calls::{self, caller, hit, requests};
use crate::detect::alert::Severity;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// ENC-002 `old-tls`.
pub static RULE: Rule = Rule {
    id: "ENC-002",
    name: "old-tls",
    title: "Requests came over TLS 1.0 or 1.1",
    severity: Severity::Low,
    attack: &["T1557"],
    looks_for: "Requests to S3 over TLS 1.0 or 1.1 (TLSv1, TLSv1.0, TLSv1.1) or SSL, in either log, whether or not they \
        were done. There is one alert for a caller and a bucket over the whole input. AWS services are left out.",
    why: "These versions have known weaknesses, and AWS is taking them away: what uses them will stop working.",
    cannot_see: "Lines of old logs, which end before the field.",
    false_positives: "None that are known.",
    next_steps: &[
        "Renew the client: its user agent stands in the records.",
        "Deny s3:TlsVersion below 1.2 in the bucket's policy.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<OldTls>::of),
};

mod samples;

struct OldTls;

impl Pattern for OldTls {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        OldTls
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::OLD_TLS).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        let bucket = group.entity[1].map(|bucket| format!(" to {bucket}")).unwrap_or_default();
        let summary = format!("{} sent {} over TLS 1.0 or 1.1{}.", caller(group), requests(group), bucket);
        Verdict::Alert(marked_calls::alert_of_all(&RULE, group, summary))
    }
}
