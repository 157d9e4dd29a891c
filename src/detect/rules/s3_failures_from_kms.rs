//! KMS-003: requests to S3 fail while AWS KMS refuses calls.

use crate::detect::alert::{Alert, Confidence, Outcome, Severity, counted};
use crate::detect::history::View;
use crate::detect::key_sample::{about, share};
use crate::detect::kms_use::{Failed, FailedBucket, QuotaOf, explain};
use crate::detect::minutes::{MINUTE_MS, Measure, Series, Stretch};
use crate::detect::reading::{Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Minutes with failures less than this apart are one alert.
const EPISODE_MINUTES: i64 = 60;

/// KMS-003 `s3-failures-from-kms`.
pub static RULE: Rule = Rule {
    id: "KMS-003",
    name: "s3-failures-from-kms",
    title: "Requests to a bucket fail while AWS KMS refuses calls",
    severity: Severity::Medium,
    attack: &["T1499"],
    looks_for: "Requests to S3 in either log that failed with status 503, with SlowDown, ServiceUnavailable or another \
        code for too many requests, or with a code of KMS that is not about the key or the permission, in a minute of \
        the clock in which KMS refused calls because there were too many. That is shown by CloudTrail events of KMS \
        of the same account and region, as far as the logs name them, or by the bucket's own errors that begin with \
        KMS. and are throttling. Failures are counted by bucket and minute; minutes with many that are less than an \
        hour apart are one alert. A request that both logs show is one.",
    why: "This is what the owner's programs notice of a used-up quota of KMS: which buckets, when and how many requests.",
    cannot_see: "Failures in lines that S3 did not deliver, as access logs are best effort, and KMS events that the \
        trail excludes. Whether a 503 without a code of KMS has the same cause: the alert says how many have one, and \
        its confidence is low if none has and no refused call was for the bucket.",
    false_positives: "S3's own throttling of a prefix that happens in the same minutes.",
    next_steps: &[
        "Read the KMS-001 alert of that time: it names the key, caller, bucket and prefix that used up the quota.",
        "Turn on S3 Bucket Keys for the buckets concerned, which cuts calls to KMS by up to 99 %.",
        "Check that the programs concerned tried again, and that no write was lost.",
    ],
    thresholds: &[Threshold {
        name: "failures_a_minute",
        default: 10,
        source: "proposal, as for KMS-001; to be tuned on real data",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<S3Failures>::of),
};

mod samples;

struct S3Failures {
    failures_a_minute: u64,
}

/// What KMS refused in the minutes of an alert.
#[derive(Default)]
struct Refused<'a> {
    calls: u64,
    of: BTreeSet<QuotaOf<'a>>,
}

impl S3Failures {
    fn alert(
        &self,
        bucket: &FailedBucket<'_>,
        hits: &BTreeMap<i64, Failed>,
        stretch: &Stretch,
        refused: &Refused<'_>,
        shared: &Shared<'_>,
    ) -> Alert {
        let mut failed = Failed::default();
        hits.range(stretch.minutes.clone()).for_each(|(_, one)| failed.add(one));
        let minutes = hits.range(stretch.minutes.clone()).count() as u64;
        let peak = hits.range(stretch.minutes.clone()).map(|(_, one)| one.requests).max().unwrap_or(0);
        let mut alert = Alert::of(&RULE, &[Some(bucket.bucket)], Some(stretch.minutes.start() * MINUTE_MS));
        let evidence = bucket.evidence(stretch, failed.in_log);
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.outcome = Outcome::Denied;
        alert.window_seconds = 60;
        alert.bucket = Some(bucket.bucket.to_owned());
        bucket.facts.tell(&mut alert);
        alert.count = failed.requests;
        let named: u64 = refused
            .of
            .iter()
            .filter_map(|of| shared.kms.drivers(of, &stretch.minutes).of_bucket(bucket.bucket))
            .map(|uses| uses.refused)
            .sum();
        alert.confidence = match (failed.by_kms, named) {
            (1.., _) => Confidence::High,
            (0, 1..) => Confidence::Medium,
            (0, 0) => Confidence::Low,
        };
        let about = about(failed.halvings);
        alert.summary = format!(
            "{about}{} to {} failed in {} in which KMS refused calls: {about}{} with a code of KMS, up to {about}{peak} a \
             minute.",
            counted(failed.requests, "request", "requests"),
            bucket.bucket,
            counted(minutes, "minute", "minutes"),
            failed.by_kms,
        );
        for of in &refused.of {
            let [account, region] = [of.account, of.region].map(|name| name.unwrap_or("unknown"));
            alert
                .reasons
                .push(format!("KMS refused calls of account {account} in region {region} in the same minutes."));
        }
        if failed.by_kms > 0 {
            alert.reasons.push("S3 passed on errors of KMS (error code KMS.…).".to_owned());
        }
        if named > 0 {
            let calls = counted(named, "refused call", "refused calls");
            alert.reasons.push(format!("KMS events of those clock hours name the bucket in {calls}."));
        }
        alert.observed = [
            ("failed", json!(failed.requests)),
            ("with_a_kms_code", json!(failed.by_kms)),
            ("peak_a_minute", json!(peak)),
            ("minutes", json!(minutes)),
            ("refused_kms_calls", json!(refused.calls)),
            ("refused_kms_calls_for_bucket", json!(named)),
            ("sampled_share", json!(share(failed.halvings))),
        ]
        .into();
        alert.expected = [("failures_a_minute", json!(self.failures_a_minute))].into();
        if let Some(of) = refused.of.iter().next().filter(|_| refused.of.len() == 1) {
            explain::drivers(&mut alert, &shared.kms.drivers(of, &stretch.minutes));
        }
        alert
    }
}

impl Reading for S3Failures {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        S3Failures { failures_a_minute: config.threshold(&RULE, "failures_a_minute") }
    }

    fn judge(&self, _history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let refusals = shared.kms.refusals();
        for bucket in shared.kms.failed_buckets() {
            let of_minute =
                |minute: &i64| refusals.get(minute).into_iter().flatten().filter(|(of, _)| bucket.fits(of));
            let hits: BTreeMap<i64, Failed> = bucket
                .minutes
                .iter()
                .filter(|(minute, failed)| failed.by_kms > 0 || of_minute(minute).next().is_some())
                .filter(|(_, failed)| failed.requests >= self.failures_a_minute.max(1))
                .map(|(minute, failed)| (*minute, *failed))
                .collect();
            let minutes = hits.keys().filter_map(|minute| Some((u32::try_from(*minute).ok()?, [1, 0])));
            for stretch in Series::of_records(minutes).stretches(EPISODE_MINUTES, 1, Measure::Records) {
                let mut refused = Refused::default();
                for (minute, _) in hits.range(stretch.minutes.clone()) {
                    for (of, calls) in of_minute(minute) {
                        refused.calls += calls;
                        refused.of.insert(*of);
                    }
                }
                findings.alerts.push(self.alert(bucket, &hits, &stretch, &refused, shared));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn failures(log: LogType, numbers: std::ops::Range<i64>) -> Vec<(LogType, Activity)> {
        let failure = |number: i64| Activity {
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            outcome: "throttled",
            error_code: Some("SlowDown"),
            status: Some(503),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        numbers.map(|number| (log, failure(number))).collect()
    }

    fn refusal() -> (LogType, Activity) {
        let row = Activity {
            service: "kms",
            action: "Decrypt",
            outcome: "throttled",
            error_code: Some("ThrottlingException"),
            bucket: None,
            line: 9999,
            ..Activity::default()
        };
        (CloudTrail, row)
    }

    fn found(rows: &[(LogType, Activity)]) -> Vec<(u64, Confidence)> {
        let alerts = detect(&RULE, &Config::default(), rows).alerts;
        alerts.iter().map(|alert| (alert.count, alert.confidence)).collect()
    }

    #[test]
    fn ten_a_minute_are_an_alert_and_what_both_logs_show_is_one() {
        for (failures, expected) in [
            (failures(S3Access, 0..9), None),
            (failures(S3Access, 0..10), Some(10)),
            (failures(CloudTrail, 0..10), Some(10)),
            ([failures(S3Access, 0..9), failures(CloudTrail, 0..9)].concat(), None),
            ([failures(S3Access, 0..9), failures(CloudTrail, 4..12)].concat(), Some(12)),
        ] {
            let found = found(&[failures, vec![refusal()]].concat());
            assert_eq!(found, expected.map(|count| (count, Confidence::Low)).into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn only_refusals_of_kms_in_that_minute_and_failures_like_theirs_count() {
        type Change = fn(&mut Activity);
        let same: Change = |_| ();
        for (refusal_change, failure_change, expected) in [
            (same, same, Some(Confidence::Low)),
            (|row| row.time_ms = Some(MINUTE_MS), same, None),
            (|row| row.service = "ssm", same, None),
            (|row| (row.outcome, row.error_code) = ("success", None), same, None),
            (|row| (row.outcome, row.error_code) = ("denied", Some("AccessDenied")), same, None),
            (|row| row.action = "DescribeKey", same, None),
            (
                same,
                |row| (row.outcome, row.error_code) = ("error", Some("ServiceUnavailable")),
                Some(Confidence::Low),
            ),
            (same, |row| (row.outcome, row.error_code) = ("error", Some("InternalError")), Some(Confidence::Low)),
            (same, |row| row.error_code = Some("KMS.ThrottlingException"), Some(Confidence::High)),
            (same, |row| (row.outcome, row.error_code) = ("error", Some("KMS.DisabledException")), None),
            (
                same,
                |row| (row.outcome, row.status, row.error_code) = ("denied", Some(403), Some("AccessDenied")),
                None,
            ),
            (same, |row| (row.outcome, row.status, row.error_code) = ("success", Some(200), None), None),
            (
                |row| row.parameters = Some(r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::bucket/k"}}"#),
                same,
                Some(Confidence::Medium),
            ),
        ] as [(Change, Change, Option<Confidence>); 13]
        {
            let mut rows = failures(S3Access, 0..12);
            rows.iter_mut().for_each(|(_, row)| failure_change(row));
            let mut refusal = refusal();
            refusal_change(&mut refusal.1);
            rows.push(refusal);
            let expected: Vec<(u64, Confidence)> =
                expected.into_iter().map(|confidence| (12, confidence)).collect();
            assert_eq!(found(&rows), expected, "{:?} {:?}", rows[0].1, rows[12].1);
        }
        let mut by_itself = failures(S3Access, 0..12);
        assert!(found(&by_itself).is_empty());
        by_itself.iter_mut().for_each(|(_, row)| row.error_code = Some("KMS.ThrottlingException"));
        assert_eq!(found(&by_itself), [(12, Confidence::High)]);
    }
}
