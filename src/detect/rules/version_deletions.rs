//! DEL-002: one caller deletes versions of objects, which nothing brings back.

use super::{samples, take};
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::facts::Facts;
use crate::detect::hits::what;
use crate::detect::key_sample::{about, crosses, fingerprint, share};
use crate::detect::known::LogBucket;
use crate::detect::minutes::{EvidenceByTime, KeyTable, MINUTE_MS, MOST_KEYS, Measure, Series, Stretch};
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;

/// Bytes for the names and the evidence of callers. With [`MOST_KEYS`] a detector has at most 18 MiB.
const DELETES_BUDGET: usize = 5 << 20;

/// Length of the window: minutes are counted whole, and 60 minutes that begin within one touch 61 of them.
const WINDOW_MINUTES: i64 = 61;

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
    form: Form::Code(|config| Box::new(VersionDeletions::new(config))),
};

struct VersionDeletions {
    deleted_versions: u64,
    deleted_versions_a_day: u64,
    /// By principal and bucket.
    deletes: Entities<Deletes>,
    /// Deleted versions by the fingerprint of principal and bucket.
    deleted: KeyTable,
    key: EntityKey,
}

/// Records of one caller's deletes of versions in one bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Deletes {
    evidence: EvidenceByTime,
    facts: Facts,
}

impl State for Deletes {
    const LEVELS: u32 = EvidenceByTime::LEVELS;

    fn weight(&self, _level: u32) -> usize {
        self.evidence.weight() + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.evidence.merge(other.evidence, level);
        self.facts.merge(&other.facts);
    }
}

impl VersionDeletions {
    fn new(config: &Config) -> VersionDeletions {
        VersionDeletions {
            deleted_versions: config.threshold(&RULE, "deleted_versions"),
            deleted_versions_a_day: config.threshold(&RULE, "deleted_versions_a_day"),
            deletes: Entities::with_budget(DELETES_BUDGET),
            deleted: KeyTable::with_cap(MOST_KEYS),
            key: EntityKey::default(),
        }
    }

    /// The first day on which a caller deleted versions in a bucket, if they are many.
    fn first_day(
        &self,
        (principal, bucket): (Option<&str>, &str),
        deletes: &Deletes,
        series: &Series,
        shared: &Shared<'_>,
    ) -> Option<Alert> {
        let days = series.stretches(DAY_MINUTES, self.deleted_versions_a_day, Measure::Keys);
        let stretch = days.first()?;
        let start = *stretch.minutes.start();
        let is_first = series.different(&(i64::MIN..=start - 1)).keys == 0;
        let (before, _) = shared.history.before(bucket, u32::try_from(start).ok()?);
        if !is_first || before < DAY_MINUTES as u64 {
            return None;
        }
        let mut alert = self.alert((principal, bucket), deletes, (series, stretch), None);
        alert.severity = Severity::Medium;
        alert.confidence = Confidence::Medium;
        alert.window_seconds = DAY_MINUTES as u64 * 60;
        alert.summary = format!(
            "{} deleted {}{} of objects of {bucket}, where it never had deleted any.",
            principal.unwrap_or("An unknown caller"),
            about(series.halvings()),
            counted(alert.count, "version", "versions"),
        );
        alert.reasons.push(format!(
            "At least {} were deleted within a day, by a caller of whom the logs show no such delete before.",
            self.deleted_versions_a_day
        ));
        alert.expected = [("deleted_versions_a_day", json!(self.deleted_versions_a_day))].into();
        Some(alert)
    }

    fn alert(
        &self,
        (principal, bucket): (Option<&str>, &str),
        deletes: &Deletes,
        (series, stretch): (&Series, &Stretch),
        log_bucket: Option<LogBucket>,
    ) -> Alert {
        let totals = series.totals(&stretch.minutes);
        let evidence = deletes.evidence.over(stretch, self.deletes.state_level(), &totals);
        let halvings = series.halvings();
        let records = evidence[0].total() + evidence[1].total();
        let most = if halvings > 0 { records } else { u64::MAX };
        let versions = series.different(&stretch.minutes).keys.min(most);
        let is_many = crosses(stretch.peak >> halvings, halvings, self.deleted_versions);
        let mut alert = Alert::of(&RULE, &[principal, Some(bucket)], Some(stretch.minutes.start() * MINUTE_MS));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.confidence = if halvings > 0 { Confidence::Medium } else { Confidence::High };
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
        if halvings > 0 {
            let share = share(halvings);
            alert.reasons.push(format!("The numbers are estimates from a sample of {share} versions."));
        }
        alert.window_seconds = WINDOW_MINUTES as u64 * 60;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        deletes.facts.tell(&mut alert);
        alert.count = versions;
        let (about, peak) = (about(halvings), stretch.peak.min(versions));
        alert.summary = format!(
            "{} deleted {about}{} of objects of {}{bucket}, up to {about}{peak} in about an hour.",
            principal.unwrap_or("An unknown caller"),
            counted(versions, "version", "versions"),
            if log_bucket.is_some() { "the log bucket " } else { "" },
        );
        alert.observed = [
            ("deleted_versions", json!(versions)),
            ("deleted_versions_in_a_window", json!(peak)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert.expected = [("deleted_versions", json!(self.deleted_versions))].into();
        alert
    }
}

impl Detector for VersionDeletions {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if codes.names_version.iter().all(|names| !names) {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [bucket, principal, version] = ["bucket_name", "principal", "version_id"].map(|name| batch.text(name));
        for row in 0..batch.len() {
            let is_delete = codes.act[row] == Act::Delete && codes.ended[row] == Ended::Done;
            if !is_delete || !codes.names_version[row] || codes.who[row] == Who::Service {
                continue;
            }
            let (Some(bucket), Some(version)) = (cell(bucket, row), cell(version, row)) else { continue };
            let entity = self.key.set(&[cell(principal, row), Some(bucket)]);
            if let Some(time_ms) = columns.event_time_ms(row) {
                let deleted = what(Some(version), codes.key[row]);
                self.deleted.insert(fingerprint(entity), batch.log, time_ms, deleted, true);
            }
            self.deletes.observe(entity, 1, |state, level| {
                state.evidence.observe(level, batch.log, &columns, row);
                state.facts.observe(&columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: VersionDeletions = take(other);
        self.deletes.merge(other.deletes);
        self.deleted.merge(other.deleted);
    }

    fn finish(mut self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let sampled = (self.deleted.halvings() > 0).then(|| {
            format!(
                "More than {MOST_KEYS} deleted versions: numbers are estimates from a sample of {}, and what is not \
                 clearly above the threshold is left out.",
                share(self.deleted.halvings())
            )
        });
        let deleted = std::mem::replace(&mut self.deleted, KeyTable::with_cap(0)).into_sorted();
        for (entity, deletes) in self.deletes.sorted() {
            let [principal, Some(bucket)] = EntityKey::fields(entity)[..] else { continue };
            let log_bucket = shared.known.log_bucket(shared.config, bucket);
            let least = if log_bucket.is_some() { 1 } else { self.deleted_versions };
            let series = deleted.of(fingerprint(entity));
            let of = (principal, bucket);
            let hours = series.stretches(WINDOW_MINUTES, least, Measure::Keys);
            for stretch in &hours {
                findings.alerts.push(self.alert(of, deletes, (&series, stretch), log_bucket));
            }
            if hours.is_empty() {
                findings.alerts.extend(self.first_day(of, deletes, &series, shared));
            }
        }
        let notes = [sampled, self.deletes.note()].into_iter().flatten();
        findings.notes = notes.map(|note| format!("{}: {note}", RULE.id)).collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(&self.deletes, &self.deleted))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        (self.deletes, self.deleted) = restore(state)?;
        Ok(())
    }
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
        let bytes = |detector: &VersionDeletions| detector.deletes.bytes() + detector.deleted.bytes();
        flood(|| VersionDeletions::new(&Config::default()), bytes, S3Access, &delete(1, 0));
    }
}
