//! RAN-005: many objects of a bucket are copied onto themselves.

use super::attack_samples::made;
use crate::detect::alert::{Severity, counted};
use crate::detect::hits::Verdict;
use crate::detect::key_sample::about;
use crate::detect::sample_calls::Calls;
use crate::detect::sigma::fields::{Field, Source};
use crate::detect::sigma::{Filter, conditions};
use crate::detect::write_bursts::{Found, MatchedRow, WriteBurst, WriteBurstDetector};
use crate::detect::{Config, Evidence, Form, Logs, Rule, Sample, Shared, Threshold};
use crate::parse::cloudtrail::field as trail;
use crate::parse::{LogType, object_key};
use hashbrown::HashSet;
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::LazyLock;

/// RAN-005 `copied-in-place`.
pub static RULE: Rule = Rule {
    id: "RAN-005",
    name: "copied-in-place",
    title: "Many objects of a bucket were copied onto themselves",
    severity: Severity::High,
    attack: &["T1486"],
    looks_for: "Different keys of one bucket that one caller copies onto themselves within 60 minutes, wherever the hour \
        begins: CopyObject in CloudTrail whose source, decoded and without its version, is the object itself, and in \
        access logs REST.COPY.OBJECT and REST.COPY.OBJECT_GET of one key in one minute. What the copies ask for decides: a \
        KMS key of another account is critical; a key that the caller sends along (SSE-C) where the source needed none is \
        high; a KMS key of one's own account, or encryption by name, is medium; nothing, as for other metadata or another \
        storage class, is low. Access logs do not show it: what only they show is medium. Each needs as many keys.",
    why: "Copying objects onto themselves under another key encrypts a bucket without moving a byte out of it, as ransom \
        does. It is also the documented way to encrypt old objects anew, and to change metadata.",
    cannot_see: "Copies in parts (UploadPartCopy). Copies through access points. What the bucket's default encryption does \
        to copies that ask for nothing. Slow copies.",
    false_positives: "Encrypting old objects with a key of one's own, and changes of metadata.",
    next_steps: &[
        "Ask the owner of the caller whether the copies were planned.",
        "Try to read one of the objects; if it cannot be, stop the caller and look for former versions.",
        "Look for a change of the bucket's encryption, for a short lifecycle and for a note.",
    ],
    thresholds: &[Threshold {
        name: KEYS,
        default: 20,
        source: "proposal: as many as Elastic's rule about excessive SSE-C",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::DataEvents, Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Rows(|| *CONDITIONS, WriteBurstDetector::<CopiedInPlace>::of),
};

const KEYS: &str = "keys";

/// Lines about the source have neither status nor outcome of their own.
static CONDITIONS: LazyLock<&'static [&'static Filter]> = LazyLock::new(|| {
    conditions(
        "
title: Copies in CloudTrail
logsource: {product: aws, service: cloudtrail}
detection:
  call: {eventSource: s3.amazonaws.com, eventName: CopyObject, errorCode: null}
  condition: call
---
title: Copies in access logs
logsource: {service: s3_access}
detection:
  call: {operation: [REST.COPY.OBJECT, REST.COPY.OBJECT_GET]}
  condition: call
",
    )
});

/// Headers of a copy that tell of its encryption.
static HEADERS: LazyLock<[Field; 4]> = LazyLock::new(|| {
    let names = [
        "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption",
    ];
    names.map(|name| {
        let name = format!("requestParameters.{name}");
        Field::named(Source::CloudTrail, &name).expect("a path in the parameters is a field")
    })
});

const OWN_KEY: Calls = Calls {
    name: "CopyObject",
    parameters: r#"{"bucketName":"reports","key":"2026/a {}.csv","x-amz-copy-source":"/reports/2026/a%20{}.csv?versionId=v{}","x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:111122223333:key/9f8e7d6c-5b4a-4321-8765-0123456789ab"}"#,
    count: 25,
    ..Calls::USUAL
};
const ELSEWHERE: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"2026/{}.csv","x-amz-copy-source":"incoming/2026/{}.csv","x-amz-server-side-encryption":"aws:kms"}"#,
    ..OWN_KEY
};
const RENAMED: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"old/2026/{}.csv","x-amz-copy-source":"reports/2026/{}.csv","x-amz-server-side-encryption":"aws:kms"}"#,
    ..OWN_KEY
};

/// Lines of copies, of the object and of its source.
fn lines(count: u32, source: &str) -> String {
    let mut lines = String::new();
    for number in 0..count {
        let source = source.replace("{}", &number.to_string());
        for (operation, key) in
            [("REST.COPY.OBJECT_GET", &*source), ("REST.COPY.OBJECT", &*format!("2026/{number}.csv"))]
        {
            let uri = if operation.ends_with("GET") { "-".to_owned() } else { format!("\"PUT /{key} HTTP/1.1\"") };
            let status = if operation.ends_with("GET") { "-" } else { "200" };
            writeln!(
                lines,
                "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be reports [01/Mar/2026:01:{number:02}:03 \
                 +0000] 192.0.2.10 arn:aws:iam::111122223333:user/ann {number:016X} {operation} {key} {uri} {status} - 234 \
                 - 20 10 \"-\" \"aws-cli/2.15\" - hostid{number}= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader \
                 reports.s3.eu-west-1.amazonaws.com TLSv1.3 - -"
            )
            .expect("writing to a string cannot fail");
        }
    }
    lines
}

const fn access(name: &'static str, make: fn() -> Vec<(LogType, Cow<'static, str>)>) -> Sample {
    Sample { name, logs: Logs::Made(make), fires: name.as_bytes()[0] == b'f' }
}

static SAMPLES: [Sample; 7] = [
    made!("fires": OWN_KEY),
    access("fires_access", || vec![(LogType::S3Access, lines(25, "2026/{}.csv").into())]),
    made!("near_miss_1": Calls { count: 19, ..OWN_KEY }),
    made!("near_miss_2": ELSEWHERE, RENAMED),
    made!("near_miss_3": Calls { every_ms: 3_600_000, ..OWN_KEY }),
    access("near_miss_access", || vec![(LogType::S3Access, lines(25, "old/{}.csv").into())]),
    made!("denied_twin": OWN_KEY.refused()),
];

struct CopiedInPlace {
    keys: u64,
    owned_accounts: BTreeSet<String>,
}

/// Copies onto themselves as CloudTrail shows them; copies and their sources as access logs do; and of the first those
/// under a caller's own key, a key of another account, and some other encryption that is asked for.
const IN_PLACE: u8 = 0;
const COPIED: u8 = 1;
const SOURCE: u8 = 2;
const SSE_C: u8 = 3;
const FOREIGN: u8 = 4;
const OWN: u8 = 5;

impl WriteBurst for CopiedInPlace {
    const RULE: &'static Rule = &RULE;
    const WINDOW_MINUTES: i64 = 61;

    fn new(config: &Config) -> Self {
        CopiedInPlace { keys: config.threshold(&RULE, KEYS), owned_accounts: config.owned_accounts.clone() }
    }

    fn least(&self) -> u64 {
        self.keys
    }

    fn kinds(&self, row: &MatchedRow<'_, '_, '_>) -> u8 {
        if row.log() == LogType::S3Access {
            return if row.operation() == "REST.COPY.OBJECT" { 1 << COPIED } else { 1 << SOURCE };
        }
        let (Some(bucket), Some(key)) = (row.bucket(), row.key()) else { return 0 };
        if !row.field(trail::S3_COPY_SOURCE).is_some_and(|source| is_object(source, bucket, key)) {
            return 0;
        }
        let [of_source, customer, kms_key, any] = HEADERS.each_ref().map(|field| row.value(field));
        let is_foreign = |arn: &str| {
            let account = arn.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(3));
            let is_owned = |account: &str| {
                Some(account) == row.field(trail::RECIPIENT_ACCOUNT_ID) || self.owned_accounts.contains(account)
            };
            account.is_some_and(|account| !is_owned(account))
        };
        let kind = match (customer, kms_key) {
            (Some(_), _) if of_source.is_none() => 1 << SSE_C,
            (None, Some(arn)) if is_foreign(&arn) => 1 << FOREIGN,
            (None, Some(_)) => 1 << OWN,
            (None, None) if any.is_some() => 1 << OWN,
            _ => 0,
        };
        1 << IN_PLACE | kind
    }

    fn counted(&self, of_kind: &dyn Fn(u8) -> Vec<(u32, u64)>) -> Vec<(u32, u64)> {
        let sources: HashSet<(u32, u64)> = of_kind(SOURCE).into_iter().collect();
        let copied = of_kind(COPIED).into_iter().filter(|point| sources.contains(point));
        of_kind(IN_PLACE).into_iter().chain(copied).collect()
    }

    fn judge(&self, found: &Found<'_>, _: &Shared<'_>) -> Verdict {
        let [in_place, customer, foreign, own] = [IN_PLACE, SSE_C, FOREIGN, OWN].map(|kind| found.of_kind(kind));
        let is_many = |number: u64| number >= self.keys;
        let (severity, how, reason) = if is_many(foreign) {
            let reason = "Who owns the key can take it away, and then nobody can read the objects any more.";
            (Severity::Critical, ", with a KMS key of another account", reason)
        } else if is_many(customer) {
            let reason = "AWS keeps no such key, and the objects needed none before.";
            (Severity::High, ", under keys of the caller's own", reason)
        } else if is_many(customer + foreign + own) {
            (
                Severity::Medium,
                ", with other encryption",
                "It is also the documented way to encrypt old objects anew.",
            )
        } else if is_many(in_place) {
            let reason = "The copies ask for no encryption, as for other metadata or another storage class.";
            (Severity::Low, "", reason)
        } else {
            let reason = "Only access logs show copies onto themselves, and they do not tell what for.";
            (Severity::Medium, "", reason)
        };
        let mut alert = found.alert(self);
        alert.severity = severity;
        let keys = counted(found.count(), "object", "different objects");
        alert.summary = format!(
            "{} copied {}{keys} of {} onto themselves{how}, up to {} in about an hour.",
            found.name(),
            about(found.halvings()),
            found.bucket,
            found.stretch.peak.min(found.count()),
        );
        alert.reasons.insert(0, reason.to_owned());
        let kinds =
            [("in_cloudtrail", in_place), ("sse_c", customer), ("foreign_kms_key", foreign), ("own_key", own)];
        kinds.into_iter().for_each(|(name, number)| drop(alert.observed.insert(name, json!(number))));
        Verdict::Alert(alert)
    }
}

/// Is that the source of a copy of that object: `[/]BUCKET/KEY[?versionId=ID]`, encoded as in a URL
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>)?
fn is_object(source: &str, bucket: &str, key: &str) -> bool {
    let source = source.strip_prefix('/').unwrap_or(source);
    let source = source.split_once("?versionId=").map_or(source, |(source, _)| source);
    let is_it = |source: &[u8]| {
        let rest = source.strip_prefix(bucket.as_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
        rest == Some(key.as_bytes())
    };
    let mut decoded = Vec::new();
    is_it(source.as_bytes()) || object_key::decode(source.as_bytes(), b"BATCH.", &mut decoded) && is_it(&decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::sample_calls::trail;
    use crate::detect::sample_run::{run, tables};

    #[test]
    fn the_source_is_told_in_all_its_spellings() {
        for (source, key, expected) in [
            ("reports/a.csv", "a.csv", true),
            ("/reports/a.csv", "a.csv", true),
            ("reports%2Fa.csv", "a.csv", true),
            ("/reports/a%20b.csv?versionId=x", "a b.csv", true),
            ("reports/a+b.csv", "a b.csv", true),
            ("reports/a+b.csv", "a+b.csv", true),
            ("reports/b.csv", "a.csv", false),
            ("report/sa.csv", "a.csv", false),
            ("other/a.csv", "a.csv", false),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/a.csv", "a.csv", false),
            ("", "a.csv", false),
        ] {
            assert_eq!(is_object(source, "reports", key), expected, "{source}");
        }
    }

    fn levels(cut: usize, headers: &'static str) -> Vec<(Severity, u64)> {
        let text =
            format!(r#"{{"bucketName":"reports","key":"{{}}","x-amz-copy-source":"reports/{{}}"{headers}}}"#);
        let parameters: &'static str = Box::leak(text.into_boxed_str());
        let calls = Calls { name: "CopyObject", parameters, count: 25, ..Calls::USUAL };
        let file: &'static str = trail(&[calls])[0].1.to_string().leak();
        let logs = Logs::Written(Box::leak(Box::new([(LogType::CloudTrail, file)])));
        let tried = Sample { name: "tried", logs, fires: true };
        let found = run(&RULE, &tables(&tried).unwrap(), cut);
        found.alerts.iter().map(|alert| (alert.severity, alert.count)).collect()
    }

    #[test]
    fn what_the_copies_ask_for_decides_however_the_rows_are_cut() {
        use Severity::{Critical, High, Low, Medium};
        let foreign = r#","x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:777788889999:key/9f8e7d6c""#;
        let customer = r#","x-amz-server-side-encryption-customer-algorithm":"AES256""#;
        let rotation = r#","x-amz-server-side-encryption-customer-algorithm":"AES256","x-amz-copy-source-server-side-encryption-customer-algorithm":"AES256""#;
        for (headers, expected) in [
            (foreign, Critical),
            (customer, High),
            (rotation, Low),
            (r#","x-amz-server-side-encryption":"AES256""#, Medium),
            (r#","x-amz-storage-class":"GLACIER""#, Low),
        ] {
            for cut in [usize::MAX, 7] {
                assert_eq!(levels(cut, headers), [(expected, 25)], "{headers}");
            }
        }
    }
}
