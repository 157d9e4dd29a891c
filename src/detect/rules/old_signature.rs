//! ENC-003: requests to S3 that are signed with version 2.

use super::marked_calls::{self, caller, hit, requests};
use crate::detect::alert::Severity;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};

/// ENC-003 `old-signature`.
pub static RULE: Rule = Rule {
    id: "ENC-003",
    name: "old-signature",
    title: "Requests were signed with Signature Version 2",
    severity: Severity::Low,
    attack: &["T1550"],
    looks_for: "Requests to S3 whose signature is of version 2 (SigV2), in either log, whether or not they were done. \
        There is one alert for a caller and a bucket over the whole input.",
    why: "Version 2 signs with SHA-1 and leaves out the body and most headers; presigned URLs of it may be valid for \
        years. AWS has turned it off for new buckets.",
    cannot_see: "Lines of old logs, which end before the field. How long a presigned URL is valid.",
    false_positives: "None that are known.",
    next_steps: &[
        "Renew the client or set it up for Signature Version 4: its user agent stands in the records.",
        "Deny s3:signatureversion AWS in the bucket's policy.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<OldSignature>::of),
};

mod samples;

struct OldSignature;

impl Pattern for OldSignature {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        OldSignature
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::OLD_SIGNATURE).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, _: &Shared<'_>) -> Verdict {
        let bucket = group.entity[1].map(|bucket| format!(" to {bucket}")).unwrap_or_default();
        let summary = format!("{} signed {} with version 2{}.", caller(group), requests(group), bucket);
        Verdict::Alert(marked_calls::alert_of_all(&RULE, group, summary))
    }
}
