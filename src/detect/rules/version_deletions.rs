//! DEL-002: one caller deletes versions of objects, which nothing brings back.

use super::samples;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::bursts::{Burst, BurstDetector, Caller, Found};
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::what;
use crate::detect::key_sample::about;
use crate::detect::minutes::Measure;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// DEL-002 `version-deletions`.
pub static RULE: Rule = Rule {
    id: "DEL-002",
    name: "version-deletions",
    title: "One caller deleted versions of objects",
    severity: Severity::High,
    attack: &["T1485", "T1490"],
    looks_for: "Deletes that were done and name a version, by one caller in one bucket: REST.DELETE.OBJECT with \
        versionId in its URI and BATCH.DELETE.OBJECT with a version id in access logs, DeleteObject with versionId in CloudTrail. Different \
        versions are counted within 60 minutes, wherever the hour begins; minutes are counted whole, 61 at a time, so \
        that no 60 minutes are missed. Hours that overlap are one alert. For who goes slowly, fewer within a day are enough, \
        at level medium, if the caller deleted no version in the bucket before and the logs show it for a day by then. A version that both logs show is one. In a \
        bucket that holds logs (LOG-001 tells what makes one) a single version is enough; where the bucket is known by \
        the shape of its keys alone, which a caller can plant, fewer than deleted_versions are at most medium and \
        confidence is low. Lifecycle actions and AWS services are left out.",
    why: "Deleting a version is permanent: versioning, which undoes every other delete, does not undo this one. \
        Ransom of versioned buckets needs it.",
    cannot_see: "Whether the version was a delete marker, whose removal brings an object back. The keys and versions of a \
        multi-object delete where only CloudTrail shows it. Permanent deletes in buckets without versioning, which name \
        no version (DEL-001). Records without a time.",
    false_positives: "Removal of delete markers, to restore objects. Scripts that empty a versioned bucket, or thin \
        out old versions instead of a lifecycle rule. The root user of an account may raise two alerts where both \
        logs show it: access logs name it by canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Stop the principal: deny s3:DeleteObjectVersion in the bucket policy, or deactivate its access key.",
        "Ask the owner of the principal whether the deletes were planned.",
        "Look for replicas and backups: the versions themselves are gone.",
        "Look for lists of versions and reads by the same principal before.",
    ],
    thresholds: &[
        Threshold {
            name: "deleted_versions",
            default: 20,
            source: "proposal (20 in 60 minutes), below the 50 of Panther's AWS.S3.DeleteObject rule because versions \
                do not come back",
        },
        Threshold {
            name: "deleted_versions_a_day",
            default: 10,
            source: "proposal: more than somebody removes by hand who never did before",
        },
    ],
    activity_columns: &["bucket_name", "principal", "version_id"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("DEL-002":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "fires_log_bucket" S3Access "log" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(BurstDetector::<VersionDeletions>::of),
};

struct VersionDeletions {
    deleted_versions: u64,
    deleted_versions_a_day: u64,
}

impl Burst for VersionDeletions {
    const RULE: &'static Rule = &RULE;
    const MINUTES: i64 = 60;
    const AMONG: Among = Among::Acts(&[Act::Delete]);
    const WHAT: &'static str = "deleted versions";

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        VersionDeletions {
            deleted_versions: threshold("deleted_versions"),
            deleted_versions_a_day: threshold("deleted_versions_a_day"),
        }
    }

    fn select<'a>(
        &self,
        batch: &DetectBatch<'a>,
        codes: &Codes,
        row: usize,
    ) -> Option<([Option<&'a str>; 3], u64)> {
        let is_counted = codes.names_version[row] && codes.ended[row] == Ended::Done;
        if !is_counted || codes.who[row] == Who::Service {
            return None;
        }
        let [bucket, principal, version] =
            ["bucket_name", "principal", "version_id"].map(|name| cell(batch.text(name), row));
        Some(([principal, Some(bucket?), None], what(Some(version?), codes.key[row])))
    }

    fn least(&self, [_, bucket, _]: [Option<&str>; 3], shared: &Shared<'_>) -> Option<u64> {
        let is_log_bucket = shared.known.log_bucket(shared.config, bucket?).is_some();
        Some(if is_log_bucket { 1 } else { self.deleted_versions })
    }

    fn judge(&self, found: &Found<'_>, shared: &Shared<'_>) -> Alert {
        let bucket = found.entity[1].unwrap_or_default();
        let log_bucket = shared.known.log_bucket(shared.config, bucket);
        let is_many = found.reaches(self.deleted_versions);
        let mut alert = alert(found);
        if let Some(log_bucket) = log_bucket {
            alert.reasons = log_bucket.reasons();
            if !is_many {
                alert.severity = log_bucket.at_most(RULE.severity);
                alert.confidence = alert.confidence.min(log_bucket.confidence());
            }
        }
        if is_many {
            let least = counted(self.deleted_versions, "version was", "versions were");
            alert.reasons.push(format!("At least {least} deleted within an hour."));
        }
        alert.reasons.extend(found.estimate());
        let about = about(found.halvings);
        alert.summary = format!(
            "{} deleted {about}{} of objects of {}{bucket}, up to {about}{} in about an hour.",
            found.name(),
            counted(found.count, "version", "versions"),
            if log_bucket.is_some() { "the log bucket " } else { "" },
            found.peak,
        );
        alert.expected = [("deleted_versions", json!(self.deleted_versions))].into();
        alert
    }

    /// The first day on which a caller deleted versions in a bucket, if they are many.
    fn judge_calm(&self, caller: &Caller<'_>, shared: &Shared<'_>) -> Option<Alert> {
        let bucket = caller.entity[1]?;
        let days = caller.series.stretches(DAY_MINUTES, self.deleted_versions_a_day, Measure::Keys);
        let stretch = days.first()?;
        let start = *stretch.minutes.start();
        let is_first = caller.series.different(&(i64::MIN..=start - 1)).keys == 0;
        let (before, _) = shared.history.before(bucket, u32::try_from(start).ok()?);
        if !is_first || before < DAY_MINUTES as u64 {
            return None;
        }
        let found = caller.found(stretch, DAY_MINUTES);
        let mut alert = alert(&found);
        (alert.severity, alert.confidence) = (Severity::Medium, Confidence::Medium);
        alert.reasons.extend(found.estimate());
        alert.reasons.push(format!(
            "At least {} were deleted within a day, by a caller of whom the logs show no such delete before.",
            self.deleted_versions_a_day
        ));
        alert.summary = format!(
            "{} deleted {}{} of objects of {bucket}, where it never had deleted any.",
            found.name(),
            about(found.halvings),
            counted(found.count, "version", "versions"),
        );
        alert.expected = [("deleted_versions_a_day", json!(self.deleted_versions_a_day))].into();
        Some(alert)
    }
}

fn alert(found: &Found<'_>) -> Alert {
    let mut alert = found.alert(&RULE);
    alert.observed.insert("deleted_versions", json!(found.count));
    alert.observed.insert("deleted_versions_in_a_window", json!(found.peak));
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect, flood};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    const TRAIL: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz";

    fn delete(number: i64, every_ms: i64) -> Activity {
        Activity {
            action: "DeleteObject",
            operation: "REST.DELETE.OBJECT",
            status: Some(204),
            time_ms: Some(number * every_ms),
            line: number,
            key: Some(format!("key {number}")),
            version: Some("v1"),
            ..Activity::default()
        }
    }

    fn deletes(log: LogType, numbers: std::ops::Range<i64>, every_ms: i64) -> Vec<(LogType, Activity)> {
        numbers.map(|number| (log, delete(number, every_ms))).collect()
    }

    fn levels(config: &str, rows: &[(LogType, Activity)]) -> Vec<(Severity, u64)> {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        found.alerts.iter().map(|alert| (alert.severity, alert.count)).collect()
    }

    #[test]
    fn twenty_versions_in_an_hour_are_high_and_both_logs_count_once() {
        let second = 1000;
        let both = |left, right| [deletes(S3Access, 0..left, second), deletes(CloudTrail, right, second)].concat();
        for (rows, expected) in [
            (deletes(S3Access, 0..19, second), vec![]),
            (deletes(S3Access, 0..20, second), vec![(Severity::High, 20)]),
            (deletes(S3Access, 0..20, 180 * second), vec![(Severity::High, 20)]),
            (deletes(S3Access, 0..30, 200 * second), vec![]),
            (both(15, 0..15), vec![]),
            (both(15, 10..25), vec![(Severity::High, 25)]),
        ] {
            assert_eq!(levels("", &rows), expected, "{} rows", rows.len());
        }
    }

    #[test]
    fn one_version_of_a_log_bucket_is_enough() {
        let one = deletes(S3Access, 0..1, 1000);
        assert_eq!(levels("log_buckets = ['bucket']", &one), [(Severity::High, 1)]);
        assert!(levels("", &one).is_empty());
        let planted = |count| {
            let mut rows = deletes(S3Access, 0..count, 1000);
            rows[0].1.key = Some(TRAIL.to_owned());
            rows
        };
        assert_eq!(levels("", &planted(1)), [(Severity::Medium, 1)]);
        assert_eq!(levels("", &planted(20)), [(Severity::High, 20)]);
        let apart = deletes(S3Access, 0..3, 3 * 3_600_000);
        assert_eq!(levels("log_buckets = ['bucket']", &apart).len(), 3);
    }

    #[test]
    fn refusals_services_deletes_without_version_and_the_same_version_again_do_not_count() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.operation = "BATCH.DELETE.OBJECT", 1),
            (|row| row.outcome = "denied", 0),
            (|row| row.kind = "service", 0),
            (|row| row.version = None, 0),
            (|row| row.key = Some("one".to_owned()), 0),
            (|row| row.operation = "S3.EXPIRE.OBJECT", 0),
            (|row| row.operation = "REST.GET.OBJECT", 0),
        ] {
            let mut rows = deletes(S3Access, 0..25, 1000);
            rows.iter_mut().for_each(|(_, row)| change(row));
            assert_eq!(levels("", &rows).len(), expected, "{:?}", rows[0]);
        }
        let mut rows = deletes(S3Access, 0..25, 1000);
        for (number, (_, row)) in rows.iter_mut().enumerate() {
            row.key = Some("one".to_owned());
            row.version = Some(&*Box::leak(format!("v{number}").into_boxed_str()));
        }
        assert_eq!(levels("", &rows), [(Severity::High, 25)], "versions of one key are different");
    }

    #[test]
    fn three_hundred_thousand_callers_and_buckets_stay_in_the_budget_whatever_the_order() {
        let fresh = || BurstDetector::<VersionDeletions>::fresh(&Config::default());
        flood(fresh, BurstDetector::bytes, S3Access, &delete(1, 0));
    }
}
