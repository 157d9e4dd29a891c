//! DEL-010: one caller tries to delete objects, again and again, and is refused.

use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::bursts::{Burst, BurstDetector, Found};
use crate::detect::capped::cap_of;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::what;
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// DEL-010 `deletes-denied`.
pub static RULE: Rule = Rule {
    id: "DEL-010",
    name: "deletes-denied",
    title: "Deletes of one caller were refused",
    severity: Severity::Medium,
    attack: &["T1485"],
    looks_for: "Deletes that were refused for want of permission, by one caller with credentials in one bucket, in \
        either log: DeleteObject, each line of a multi-object delete and the multi-object delete itself. Different \
        keys, and requests whose keys no line names, are counted within 10 minutes, wherever they begin; stretches that \
        overlap are one alert. Deletes that name a version are an alert of their own, since MFA Delete and Object Lock \
        refuse just those. Buckets that hold logs are left to LOG-002. AWS services are left out.",
    why: "Who is refused looks for another way: other credentials, a policy that is loosened, a lifecycle rule.",
    cannot_see: "Which policy or lock refused. Requests that a VPC endpoint policy refused, which are in neither log. \
        Attempts without credentials, which strangers make at every bucket. Records without a time.",
    false_positives: "A role that lost a permission and tries again. A cleaner that meets objects under Object Lock.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Look for deletes by the same principal or address that were done (DEL-001, DEL-002).",
        "Look for changes of the bucket's policy, lifecycle, versioning and Object Lock after that.",
    ],
    thresholds: &[Threshold {
        name: "refused_deletes",
        default: 10,
        source: "proposal (10 in 10 minutes), to be tuned on real data",
    }],
    activity_columns: &["bucket_name", "principal", "version_id"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(BurstDetector::<DeletesDenied>::of),
};

mod samples;

/// Third field of callers whose deletes name a version.
const VERSIONS: &str = "versions";

struct DeletesDenied {
    refused_deletes: u64,
}

impl Burst for DeletesDenied {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Delete, Act::DeleteMany]);
    const MINUTES: i64 = 10;
    const WHAT: &'static str = "refused deletes";
    const MOST: usize = cap_of(1 << 16);

    fn new(config: &Config) -> Self {
        DeletesDenied { refused_deletes: config.threshold(&RULE, "refused_deletes") }
    }

    fn select<'a>(
        &self,
        batch: &DetectBatch<'a>,
        codes: &Codes,
        row: usize,
    ) -> Option<([Option<&'a str>; 3], u64)> {
        let is_delete = matches!(codes.act[row], Act::Delete | Act::DeleteMany);
        if !is_delete || codes.ended[row] != Ended::Denied || codes.who[row] != Who::Principal {
            return None;
        }
        let [bucket, principal, version] =
            ["bucket_name", "principal", "version_id"].map(|name| cell(batch.text(name), row));
        let what = match (codes.act[row], version) {
            (Act::Delete, version) => what(version, codes.key[row]),
            _ => codes.request[row],
        };
        Some(([principal, Some(bucket?), version.map(|_| VERSIONS)], what))
    }

    fn least(&self, [_, bucket, _]: [Option<&str>; 3], shared: &Shared<'_>) -> Option<u64> {
        let is_log_bucket = shared.known.log_bucket(shared.config, bucket?).is_some();
        (!is_log_bucket).then_some(self.refused_deletes)
    }

    fn judge(&self, found: &Found<'_>, _: &Shared<'_>) -> Alert {
        let mut alert = found.alert(&RULE);
        let name_versions = found.entity[2].is_some();
        alert.outcome = Outcome::Denied;
        let about = about(found.halvings);
        alert.summary = format!(
            "{} was refused {about}{}{} in {}, up to {about}{} in about 10 minutes.",
            found.name(),
            counted(found.count, "delete", "deletes"),
            if name_versions { " of versions" } else { "" },
            found.entity[1].unwrap_or_default(),
            found.peak,
        );
        let least = counted(self.refused_deletes, "delete was", "deletes were");
        alert.reasons = vec![format!("At least {least} refused within 10 minutes.")];
        if name_versions {
            alert.reasons.push("They name versions: MFA Delete or Object Lock may be what refused.".to_owned());
        }
        alert.reasons.extend(found.estimate());
        alert.observed.insert("refused_deletes", json!(found.count));
        alert.observed.insert("refused_deletes_in_a_window", json!(found.peak));
        alert.expected = [("refused_deletes", json!(self.refused_deletes))].into();
        alert
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn refused(log: LogType, numbers: std::ops::Range<i64>, every_s: i64) -> Vec<(LogType, Activity)> {
        let row = |number: i64| Activity {
            action: "DeleteObject",
            operation: "REST.DELETE.OBJECT",
            outcome: "denied",
            status: Some(403),
            key: Some(format!("key {number}")),
            time_ms: Some(number * every_s * 1000),
            line: number,
            ..Activity::default()
        };
        numbers.map(|number| (log, row(number))).collect()
    }

    fn counts(config: &str, rows: &[(LogType, Activity)]) -> Vec<u64> {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        assert!(found.alerts.iter().all(|alert| alert.outcome == Outcome::Denied));
        found.alerts.iter().map(|alert| alert.count).collect()
    }

    #[test]
    fn ten_in_ten_minutes_are_an_alert_and_both_logs_count_once() {
        for (rows, expected) in [
            (refused(S3Access, 0..9, 1), vec![]),
            (refused(S3Access, 0..10, 1), vec![10]),
            (refused(CloudTrail, 0..10, 60), vec![10]),
            (refused(S3Access, 0..30, 120), vec![]),
            ([refused(S3Access, 0..9, 1), refused(CloudTrail, 0..9, 1)].concat(), vec![]),
            ([refused(S3Access, 0..9, 1), refused(CloudTrail, 5..12, 1)].concat(), vec![12]),
        ] {
            assert_eq!(counts("", &rows), expected);
        }
        assert_eq!(counts("log_buckets = ['bucket']", &refused(S3Access, 0..10, 1)), [0; 0]);
    }

    #[test]
    fn only_refusals_of_callers_with_credentials_count_and_versions_apart() {
        type Change = fn(usize, &mut Activity);
        for (change, expected) in [
            ((|_, _| ()) as Change, vec![20]),
            (|_, row| (row.outcome, row.status) = ("success", Some(204)), vec![]),
            (|_, row| (row.outcome, row.status) = ("error", Some(500)), vec![]),
            (|_, row| (row.kind, row.principal) = ("anonymous", "anonymous"), vec![]),
            (|_, row| row.kind = "service", vec![]),
            (|_, row| row.key = Some("one".to_owned()), vec![]),
            (|at, row| row.version = (at < 10).then_some("v1"), vec![10, 10]),
            (|_, row| row.operation = "REST.GET.OBJECT", vec![]),
        ] {
            let mut rows = refused(S3Access, 0..20, 1);
            rows.iter_mut().enumerate().for_each(|(at, (_, row))| change(at, row));
            assert_eq!(counts("", &rows), expected, "{:?}", rows[0]);
        }
    }
}
