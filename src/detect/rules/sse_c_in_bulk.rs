//! RAN-001: many objects of a bucket are written under keys of the caller's own.

use super::attack_samples::{COPY_SSE_C, made};
use crate::detect::alert::{Severity, counted};
use crate::detect::hits::Verdict;
use crate::detect::key_sample::about;
use crate::detect::reading::span_in_words;
use crate::detect::sample_calls::Calls;
use crate::detect::sigma::fields::{Field, Source};
use crate::detect::sigma::{Filter, conditions};
use crate::detect::write_bursts::{Found, MatchedRow, WriteBurst, WriteBurstDetector};
use crate::detect::{Config, Evidence, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;
use std::sync::LazyLock;

/// RAN-001 `sse-c-in-bulk`.
pub static RULE: Rule = Rule {
    id: "RAN-001",
    name: "sse-c-in-bulk",
    title: "Many objects of a bucket were encrypted with a caller's own keys",
    severity: Severity::Critical,
    attack: &["T1486"],
    looks_for: "Different keys of one bucket that one caller writes within 60 minutes, wherever the hour begins, encrypted \
        with a key that it sends along (SSE-C): PutObject, CopyObject and CompleteMultipartUpload of which CloudTrail says \
        that SSE_C was applied, and CopyObject and CreateMultipartUpload that ask for it. It is critical if as many of \
        them are copies of objects that needed no such key before. Other writes are high where the logs show the bucket \
        for history_hours before, and medium where they do not. Writes by a caller that wrote as many on usual_days \
        earlier days are its usual ones, and none.",
    why: "AWS keeps no such key: whoever writes objects this way holds the only means of reading them. That is how buckets \
        are held to ransom without any malware.",
    cannot_see: "Access logs do not show SSE-C. Whether an object that is written anew was there before. Slow encryption: \
        RAN-002 tells of each copy.",
    false_positives: "An application built on SSE-C, on its first day.",
    next_steps: &[
        "Stop the caller; deny s3:PutObject with SSE-C by a policy, or block SSE-C in the bucket's encryption.",
        "Look for former versions of the objects, and keep lifecycle rules from expiring them.",
        "Look for a ransom note and for deletes by the same caller.",
    ],
    thresholds: &[
        Threshold { name: KEYS, default: 20, source: "Elastic's rule about excessive SSE-C (20)" },
        Threshold {
            name: "history_hours",
            default: 24,
            source: "proposal: a day shows what the bucket's jobs do",
        },
        Threshold { name: "usual_days", default: 1, source: "proposal: what was told of once is known" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Rows(|| *CONDITIONS, WriteBurstDetector::<SseCInBulk>::of),
};

const KEYS: &str = "keys";

static CONDITIONS: LazyLock<&'static [&'static Filter]> = LazyLock::new(|| {
    conditions(
        "
title: Writes under a key of the caller's own
logsource: {product: aws, service: cloudtrail}
detection:
  done: {eventSource: s3.amazonaws.com, errorCode: null}
  applied: {eventName: [PutObject, CopyObject, CompleteMultipartUpload], additionalEventData.SSEApplied: SSE_C}
  asked:
    eventName: [CopyObject, CreateMultipartUpload]
    requestParameters.x-amz-server-side-encryption-customer-algorithm|exists: true
  condition: done and (applied or asked)
",
    )
});

/// The header with the key of an object that is copied.
static OF_SOURCE: LazyLock<Field> = LazyLock::new(|| {
    let name = "requestParameters.x-amz-copy-source-server-side-encryption-customer-algorithm";
    Field::named(Source::CloudTrail, name).expect("a path in the parameters is a field")
});

const BULK: Calls = Calls { count: 25, ..COPY_SSE_C };
const PUTS: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"2026/{}.csv","x-amz-server-side-encryption-customer-algorithm":"AES256"}"#,
    name: "PutObject",
    ..BULK
};

static SAMPLES: [Sample; 7] = [
    made!("fires": BULK),
    made!("fires_put": PUTS),
    made!("near_miss_1": Calls { count: 19, ..BULK }),
    made!("near_miss_2": Calls { every_ms: 3_600_000, ..BULK }),
    made!("near_miss_3": Calls {
        parameters: r#"{"bucketName":"reports","key":"2026/{}.csv","x-amz-copy-source":"reports/2026/{}.csv"}"#,
        additional: r#"{"SSEApplied":"SSE_KMS"}"#,
        ..BULK
    }),
    made!("near_miss_4": Calls { name: "GetObject", ..PUTS }),
    made!("denied_twin": BULK.refused()),
];

struct SseCInBulk {
    keys: u64,
    history_hours: u64,
    usual_days: u64,
}

/// A write that counts, and one that is a copy of what needed no such key.
const WRITE: u8 = 0;
const ENCRYPTS: u8 = 1;

impl WriteBurst for SseCInBulk {
    const RULE: &'static Rule = &RULE;
    const WINDOW_MINUTES: i64 = 61;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        SseCInBulk {
            keys: threshold(KEYS),
            history_hours: threshold("history_hours"),
            usual_days: threshold("usual_days"),
        }
    }

    fn least(&self) -> u64 {
        self.keys
    }

    fn kinds(&self, row: &MatchedRow<'_, '_, '_>) -> u8 {
        let encrypts = row.action() == "CopyObject" && row.value(&OF_SOURCE).is_none();
        1 << WRITE | u8::from(encrypts) << ENCRYPTS
    }

    fn judge(&self, found: &Found<'_>, shared: &Shared<'_>) -> Verdict {
        let copies = found.of_kind(ENCRYPTS);
        let are_copies = copies >= self.keys;
        if !are_copies && found.earlier_days >= self.usual_days {
            return Verdict::Nothing;
        }
        let (before, _) = shared.history.before(found.bucket, found.first_minute());
        let is_known = before >= self.history_hours.saturating_mul(60);
        let mut alert = found.alert(self);
        alert.severity = match (are_copies, is_known) {
            (true, _) => Severity::Critical,
            (false, true) => Severity::High,
            (false, false) => Severity::Medium,
        };
        let keys = counted(found.count(), "object", "different objects");
        alert.summary = format!(
            "{} wrote {}{keys} of {} under keys of its own (SSE-C), up to {} in about an hour.",
            found.name(),
            about(found.halvings()),
            found.bucket,
            found.stretch.peak.min(found.count()),
        );
        alert.reasons.push(match (are_copies, is_known) {
            (true, _) => "The copied objects needed no such key before.".to_owned(),
            (false, true) => {
                "Before, the logs show the bucket for long enough, and no such day of the caller.".to_owned()
            }
            (false, false) => format!(
                "Before, the logs show only {} of the bucket: whether it is usual there is not known.",
                span_in_words(before)
            ),
        });
        alert.observed.insert("copies_that_encrypt", json!(copies));
        alert.observed.insert("history_minutes", json!(before));
        alert.expected.insert("usual_days", json!(self.usual_days));
        Verdict::Alert(alert)
    }
}
