//! GET-022: a presigned URL is used by many.

use super::probes::{address, request};
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::key_sample::{about, fingerprint};
use crate::detect::marks::Marks;
use crate::detect::presigned::Presigned;
use crate::detect::reading::span_in_words;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;

/// GET-022 `presigned-shared`.
pub static RULE: Rule = Rule {
    id: "GET-022",
    name: "presigned-shared",
    title: "A presigned URL was used by many",
    severity: Severity::Medium,
    attack: &["T1550", "T1530"],
    looks_for: "Objects that were read by a presigned URL that is good for more than an hour, in access logs: one signature \
        used from several addresses, or very often, within the seven days for which a URL can be good at most. The signature \
        is told apart by its hash and shown nowhere.",
    why: "Whoever has such a URL has what it is for. One that is passed on, or stands in a place that others read, gives the \
        object to everybody until it expires, and nobody can be told from the one it was made for.",
    cannot_see: "URLs that are good for an hour or less, of which applications make one for every download: they are not \
        kept in mind. Who fetched. URLs that expire with a session before their time.",
    false_positives: "A link that was mailed to a whole team; mail gateways and messengers that fetch links to look at them; \
        a customer with a telephone that changes networks.",
    next_steps: &[
        "Ask whom the URL was made for, and where it may have been put.",
        "Deactivate the access key or end the sessions of the role that signed it, if it must not go on: a URL is only as \
         good as the credentials behind it.",
        "Make URLs that are good for minutes; deny older signatures by s3:signatureAge in the bucket policy.",
    ],
    thresholds: &[
        Threshold { name: "addresses", default: 5, source: "proposal of the detector catalogue" },
        Threshold { name: "requests", default: 100, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip", "request_id", "source_line"],
    s3_access_columns: &["request_uri"],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<PresignedShared>::of),
};

/// The longest that a URL can be good for, in minutes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>).
const LONGEST_MINUTES: u64 = 7 * 24 * 60;

/// Fourth field of an actor whose requests are counted, not its addresses.
const REQUESTS: &str = "requests";

struct PresignedShared {
    addresses: u64,
    requests: u64,
}

impl Repeat for PresignedShared {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        PresignedShared {
            addresses: config.threshold(&RULE, "addresses"),
            requests: config.threshold(&RULE, "requests"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !codes.marks[row].has(Marks::PRESIGNED) {
            return;
        }
        let uri = cell(batch.native_text("request_uri"), row).unwrap_or_default();
        let (Some(url), Some(address)) = (Presigned::of(uri.as_bytes()), address(batch, row)) else { return };
        let signature = format!("{:016x}", url.fingerprint());
        let [principal, bucket] = ["principal", "bucket_name"].map(|name| cell(batch.text(name), row));
        count([principal, bucket, Some(&signature), None], fingerprint(address));
        count([principal, bucket, Some(&signature), Some(REQUESTS)], request(batch, codes, row));
    }

    fn judge(&self, actors: &[Actor<'_>], _shared: &Shared<'_>, findings: &mut Findings) {
        // Of a signature its addresses come before its requests.
        for of_signature in actors.chunk_by(|left, right| left.fields[..3] == right.fields[..3]) {
            let by_addresses = of_signature.iter().find(|actor| actor.fields[3].is_none());
            let by_requests = of_signature.iter().find(|actor| actor.fields[3].is_some());
            let found = by_addresses.into_iter().flat_map(|actor| {
                actor.stretches(LONGEST_MINUTES, self.addresses).into_iter().map(move |stretch| (actor, stretch))
            });
            let often = by_requests.into_iter().flat_map(|actor| {
                actor.stretches(LONGEST_MINUTES, self.requests).into_iter().map(move |stretch| (actor, stretch))
            });
            let Some((actor, stretch)) = found.chain(often).next() else { continue };
            let of = |actor: Option<&Actor<'_>>| actor.map_or(0, |actor| actor.count(&stretch));
            let (addresses, requests) = (of(by_addresses), of(by_requests));
            let mut alert = actor.alert(&RULE, &stretch);
            alert.confidence = Confidence::Medium;
            alert.window_seconds = LONGEST_MINUTES * 60;
            alert.principal = actor.fields[0].map(str::to_owned);
            alert.bucket = actor.fields[1].map(str::to_owned);
            alert.object_key = alert.evidence.first().and_then(|row| row.object_key()).map(str::to_owned);
            alert.count = requests;
            let minutes = u64::try_from(stretch.minutes.end() - stretch.minutes.start()).unwrap_or(0) + 1;
            alert.summary = format!(
                "A URL that {} signed was used {}{} from {} within {}.",
                alert.principal.as_deref().unwrap_or("an unknown caller"),
                about(actor.series.halvings()),
                counted(requests, "time", "times"),
                counted(addresses, "address", "addresses"),
                span_in_words(minutes),
            );
            alert.observed = [("addresses", json!(addresses)), ("requests", json!(requests))].into();
            alert.expected = [("addresses", json!(self.addresses)), ("requests", json!(self.requests))].into();
            findings.alerts.push(alert);
        }
    }
}

/// Fetches with a URL that is good for seven days.
const WEEK: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/signer",
    operation: "REST.GET.OBJECT",
    key: "exports/customer.zip",
    query: "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260302%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260302T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
    answer: (200, "-"),
    address: "203.0.113.{}",
    every_ms: 6 * 3_600_000,
    count: 8,
    ..Asks::USUAL
};

const SHORT: &str = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260302%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260302T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Signatures of their own.
const MANY: &str = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260302%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260302T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f{}";

static SAMPLES: [Sample; 7] = [
    made!("fires", true, WEEK.lines()),
    made!("fires_often", true, Asks { address: "203.0.113.7", every_ms: 60_000, count: 120, ..WEEK }.lines()),
    made!("near_miss_1", false, Asks { count: 4, ..WEEK }.lines()),
    made!("near_miss_2", false, Asks { query: SHORT, every_ms: 60_000, ..WEEK }.lines()),
    made!("near_miss_3", false, Asks { query: MANY, ..WEEK }.lines()),
    made!("near_miss_4", false, Asks { every_ms: 3 * 24 * 3_600_000, ..WEEK }.lines()),
    made!("denied_twin", false, Asks { answer: (403, "AccessDenied"), ..WEEK }.lines()),
];
