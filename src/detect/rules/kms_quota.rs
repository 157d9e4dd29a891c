//! KMS-002: a request quota of AWS KMS is nearly used up.

use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::evidence::EvidenceRows;
use crate::detect::history::View;
use crate::detect::kms_use::{Load, QuotaOf, explain};
use crate::detect::minutes::{MINUTE_MS, Measure, Series, Stretch};
use crate::detect::reading::{Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::collections::BTreeMap;

/// Busy minutes less than this apart are one alert.
const EPISODE_MINUTES: i64 = 60;

/// KMS-002 `kms-quota-nearly-used-up`.
pub static RULE: Rule = Rule {
    id: "KMS-002",
    name: "kms-quota-nearly-used-up",
    title: "Calls to AWS KMS come near to a request quota",
    severity: Severity::Medium,
    attack: &["T1499"],
    looks_for: "CloudTrail events of KMS, counted by account, region and request quota in each second of event time, \
        over all callers: those that were done, that failed, and that KMS refused because there were too many. \
        Cryptographic operations with symmetric keys share one quota, which depends on the region; those with RSA, \
        elliptic-curve and ML-DSA keys share others, and every other operation has its own. A second with at least \
        quota_percent of the quota is a hit; hits less than an hour apart are one alert. If there are too many \
        seconds to be remembered, only minutes are, and a minute is a hit if it is one on average.",
    why: "Above the quota KMS refuses calls, and S3 cannot read or write objects under SSE-KMS (KMS-001, KMS-003). \
        Most of the time there is until then is shown here, with who uses it.",
    cannot_see: "Quotas that AWS changed for the account, unless granted_a_second says so for the symmetric one. Calls \
        that the trail excludes or that are in the trail of another account. Times between the whole seconds that \
        CloudTrail writes. Custom key stores, whose own quotas no event names, and the kind of an asymmetric key \
        where the parameters are missing. Calls refused for want of permission do not count, as AWS does not say \
        that they do.",
    false_positives: "Quotas of management operations are small: a deployment that creates four keys in one second is \
        at 80 % of the quota of CreateKey.",
    next_steps: &[
        "Look at the keys, callers, buckets and prefixes that the alert names: is the load wanted?",
        "Turn on S3 Bucket Keys for the buckets concerned, which cuts calls to KMS by up to 99 %.",
        "Ask for a higher request quota before it is needed, and say so in granted_a_second.",
    ],
    thresholds: &[
        Threshold {
            name: "quota_percent",
            default: 80,
            source: "proposal, the level at which AWS's example of an alarm warns, \
                <https://aws.amazon.com/blogs/security/manage-your-aws-kms-api-request-rates-using-service-quotas-and-amazon-cloudwatch/>",
        },
        Threshold {
            name: "other_regions_a_second",
            default: 5000,
            source: "one cautious default for regions that the table of symmetric quotas does not list by name, \
                <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html> (10,000 there now, \
                5,500 before)",
        },
        Threshold {
            name: "granted_a_second",
            default: 0,
            source: "a symmetric quota that AWS granted, for all regions; 0: that of the table \
                <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::KmsEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<KmsQuota>::of),
};

mod samples;

struct KmsQuota {
    quota_percent: u64,
}

impl KmsQuota {
    fn alert(
        &self,
        of: &QuotaOf<'_>,
        busy: &BTreeMap<i64, Load>,
        stretch: &Stretch,
        quota: &(u64, String),
        shared: &Shared<'_>,
    ) -> Alert {
        let entity = [of.account, of.region, Some(of.quota)];
        let mut alert = Alert::of(&RULE, &entity, Some(stretch.minutes.start() * MINUTE_MS));
        let mut load = Load::default();
        busy.range(stretch.minutes.clone()).for_each(|(minute, one)| load.add(*minute, one));
        let minutes = busy.range(stretch.minutes.clone()).count() as u64;
        let (rows, facts) = shared.kms.evidence(of, stretch, load.requests);
        alert.set_evidence([&EvidenceRows::default(), &rows]);
        alert.window_seconds = 1;
        (alert.account_id, alert.region) = (of.account.map(str::to_owned), of.region.map(str::to_owned));
        facts.tell(&mut alert);
        alert.count = load.peak;
        let percent = load.peak.saturating_mul(100) / quota.0.max(1);
        let at_least = if load.is_average { "at least " } else { "" };
        alert.summary = format!(
            "{at_least}{} in one second against the quota \"{}\" of {} ({} %), and {} with a second of at least {} %.",
            counted(load.peak, "request", "requests"),
            of.quota,
            quota.0,
            percent,
            counted(minutes, "minute", "minutes"),
            self.quota_percent
        );
        alert.observed.insert("percent", json!(percent));
        alert.observed.insert("minutes", json!(minutes));
        alert.expected.insert("quota_percent", json!(self.quota_percent));
        explain::load(&mut alert, of, &load, Some(quota));
        explain::drivers(&mut alert, &shared.kms.drivers(of, &stretch.minutes));
        alert
    }
}

impl Reading for KmsQuota {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        KmsQuota { quota_percent: config.threshold(&RULE, "quota_percent") }
    }

    fn judge(&self, _history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for of in shared.kms.quotas() {
            let Some(quota) = explain::quota(shared.config, &of) else { continue };
            let is_busy = |load: &Load| {
                u128::from(load.peak) * 100 >= u128::from(quota.0.max(1)) * u128::from(self.quota_percent.max(1))
            };
            let loads = shared.kms.loads(&of, i64::MIN..=i64::MAX);
            let busy: BTreeMap<i64, Load> = loads.filter(|(_, load)| is_busy(load)).collect();
            let hits = busy.keys().filter_map(|minute| Some((u32::try_from(*minute).ok()?, [0, 1])));
            for stretch in Series::of_records(hits).stretches(EPISODE_MINUTES, 1, Measure::Records) {
                findings.alerts.push(self.alert(&of, &busy, &stretch, &quota, shared));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail};

    /// Calls of an operation, so many in each second.
    fn calls(action: &'static str, a_second: &[i64]) -> Vec<(LogType, Activity)> {
        let call = |second: i64, number: i64| Activity {
            service: "kms",
            action,
            bucket: None,
            time_ms: Some(second * 1000),
            line: second * 10_000 + number,
            ..Activity::default()
        };
        let seconds = a_second.iter().zip(0..);
        seconds
            .flat_map(|(count, second)| (0..*count).map(move |number| (CloudTrail, call(second, number))))
            .collect()
    }

    fn found(rows: &[(LogType, Activity)]) -> Vec<(u64, u64)> {
        let alerts = detect(&RULE, &Config::default(), rows).alerts;
        let number = |alert: &Alert, name: &str| alert.observed[name].as_u64().unwrap();
        alerts.iter().map(|alert| (number(alert, "peak_a_second"), number(alert, "percent"))).collect()
    }

    #[test]
    fn a_second_near_the_quota_of_its_operation_is_an_alert() {
        for (action, a_second, expected) in [
            ("CreateGrant", vec![39, 39], vec![]),
            ("CreateGrant", vec![40], vec![(40, 80)]),
            ("CreateGrant", vec![40, 0, 60], vec![(60, 120)]),
            ("CreateKey", vec![3], vec![]),
            ("CreateKey", vec![4], vec![(4, 80)]),
            ("Decrypt", vec![60], vec![]),
            ("NoSuchOperation", vec![60], vec![]),
        ] {
            assert_eq!(found(&calls(action, &a_second)), expected, "{action} {a_second:?}");
        }
    }

    #[test]
    fn refused_calls_count_and_those_without_permission_or_of_other_services_do_not() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| (row.outcome, row.error_code) = ("throttled", Some("ThrottlingException")), 1),
            (|row| (row.outcome, row.error_code) = ("error", Some("NotFoundException")), 1),
            (|row| (row.outcome, row.error_code) = ("denied", Some("AccessDenied")), 0),
            (|row| row.service = "ssm", 0),
            (|row| row.time_ms = Some(row.line % 2 * 1000), 0),
            (|row| row.time_ms = None, 0),
        ] {
            let mut rows = calls("CreateGrant", &[45]);
            rows.iter_mut().for_each(|(_, row)| change(row));
            assert_eq!(found(&rows).len(), expected, "{:?}", rows[0]);
        }
    }

    #[test]
    fn hours_apart_are_two_alerts_and_the_quota_can_be_configured() {
        let mut rows = calls("CreateGrant", &[45, 45]);
        rows.iter_mut()
            .filter(|(_, row)| row.time_ms == Some(1000))
            .for_each(|(_, row)| row.time_ms = Some(7_300_000));
        assert_eq!(found(&rows).len(), 2);
        let rows = calls("Decrypt", &[45]);
        let config = |text: &str| Config::from_toml(&format!("[thresholds.KMS-002]\n{text}")).unwrap();
        for (text, expected) in [("granted_a_second = 50", 1), ("other_regions_a_second = 50", 0), ("", 0)] {
            assert_eq!(detect(&RULE, &config(text), &rows).alerts.len(), expected, "{text}");
        }
    }
}
