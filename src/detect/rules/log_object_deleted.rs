//! LOG-001: an object is deleted from a bucket that holds logs.

use super::{samples, take};
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::{Word, cell, runs};
use crate::detect::entities::{Entities, EntityKey, State, field};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, fingerprint};
use crate::detect::key_shape::{KeyShape, KeyShapes};
use crate::detect::minutes::log_index;
use crate::detect::{Config, DetectBatch, Detector, Evidence, Findings, Rule};
use crate::parse::{LogType, time::DAY_MS};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;

/// Multi-object deletes remembered a caller, bucket and day, to tell those whose keys the log names from others.
/// Halved at each level.
const MOST_REQUESTS: usize = 1024;

/// Bytes for deletes and for buckets in a detector.
const DELETES_BUDGET: usize = 16 << 20;
const BUCKETS_BUDGET: usize = 4 << 20;

/// LOG-001 `log-object-deleted`.
pub static RULE: Rule = Rule {
    id: "LOG-001",
    name: "log-object-deleted",
    title: "Objects were deleted from a log bucket",
    severity: Severity::High,
    attack: &["T1070", "T1485", "T1562.008", "T1685.002"],
    looks_for: "Successful deletes in a bucket that holds logs: REST.DELETE.OBJECT and BATCH.DELETE.OBJECT in access \
        logs, DeleteObject and DeleteObjects in CloudTrail. A multi-object delete counts as one object where the log \
        does not name its keys. A bucket holds logs if the configuration lists it under log_buckets, or if a \
        successful request of any kind, anywhere in the input, names a key in it that has the shape of a log file: \
        AWSLogs/ACCOUNT/CloudTrail and its sisters, or the date and hash of an S3 server access log. There is one \
        alert for a caller, a bucket and a UTC day. It is high; it is critical if a CloudTrail log or digest file is \
        deleted, or if the delete of a log file names a version, which is permanent; it is low if no \
        deleted key has the shape of a log file. Where the bucket is known by the shape of its keys alone, which a \
        caller can plant, confidence is low and the level at most medium.",
    why: "Whoever deletes logs hides what was done before. Nothing but a retention job has a reason to.",
    cannot_see: "Lifecycle expiration, which is another matter. Deletes that were refused. The keys of a multi-object \
        delete where only CloudTrail shows it. Access logs are delivered on a best-effort basis: a line may be \
        missing. Log files under custom names, unless log_buckets lists their bucket.",
    false_positives: "Retention scripts that delete old logs. Query results or folder markers in the same bucket \
        (level low). A copy of logs in a bucket of analysts.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Restore the versions if the bucket has versioning: remove the delete markers.",
        "Validate the digest chain of the trail for the hours around the first delete.",
        "Read what else this principal did in the hour before.",
    ],
    thresholds: &[],
    activity_columns: &[
        "service",
        "operation",
        "outcome",
        "http_status",
        "bucket_name",
        "version_id",
        "principal",
    ],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("LOG-001":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "near_miss_cloudtrail" CloudTrail "json" false,
        "denied_twin" S3Access "log" false,
    ),
    new: |config| Box::new(LogObjectDeleted::new(config)),
};

struct LogObjectDeleted {
    log_buckets: BTreeSet<String>,
    shapes: KeyShapes,
    /// Shapes of the keys seen in a bucket, as bits.
    buckets: Entities<ShapesSeen>,
    /// By principal, bucket and day.
    deletes: Entities<[Deletes; 2]>,
    key: EntityKey,
}

#[derive(Debug, Default)]
struct ShapesSeen(u8);

impl State for ShapesSeen {
    const LEVELS: u32 = 0;

    fn weight(&self, _level: u32) -> usize {
        0
    }

    fn cut(&mut self, _level: u32) {}

    fn merge(&mut self, other: Self, _level: u32) {
        self.0 |= other.0;
    }
}

/// What one principal deleted in one bucket on one day, as one log shows it.
#[derive(Debug, Default)]
struct Deletes {
    /// Deletes of a named key.
    named: EvidenceRows,
    /// Multi-object deletes, whose keys stand in lines of their own or nowhere.
    multi: EvidenceRows,
    facts: Facts,
    multi_requests: KeySample,
    /// Requests whose keys stand in lines of their own.
    batch_requests: KeySample,
    audit_files: u64,
    log_files: u64,
    /// Log files of which a version was named.
    versions: u64,
}

/// Rows of evidence at a level.
fn rows_at(level: u32) -> usize {
    if level < 3 { EVIDENCE_ROWS } else { 1 }
}

impl State for [Deletes; 2] {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let of_rows = |rows: &EvidenceRows| rows.weight(rows_at(level));
        let of_requests = |requests: &KeySample| requests.weight(MOST_REQUESTS >> level);
        let of_log = |log: &Deletes| {
            log.facts.weight()
                + of_rows(&log.named)
                + of_rows(&log.multi)
                + of_requests(&log.multi_requests)
                + of_requests(&log.batch_requests)
        };
        self.iter().map(of_log).sum()
    }

    fn cut(&mut self, level: u32) {
        for log in self {
            log.named.keep_at_most(rows_at(level));
            log.multi.keep_at_most(rows_at(level));
            log.multi_requests.lower(MOST_REQUESTS >> level);
            log.batch_requests.lower(MOST_REQUESTS >> level);
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        let (rows, cap) = (rows_at(level), MOST_REQUESTS >> level);
        for (mine, theirs) in self.iter_mut().zip(other) {
            mine.named.merge(rows, theirs.named);
            mine.multi.merge(rows, theirs.multi);
            mine.facts.merge(&theirs.facts);
            mine.multi_requests.merge(cap, &theirs.multi_requests);
            mine.batch_requests.merge(cap, &theirs.batch_requests);
            mine.audit_files += theirs.audit_files;
            mine.log_files += theirs.log_files;
            mine.versions += theirs.versions;
        }
    }
}

impl Deletes {
    /// Multi-object deletes whose keys are not known.
    fn unnamed(&self) -> u64 {
        self.multi_requests.distinct_without(&self.batch_requests)
    }

    fn count(&self) -> u64 {
        self.named.total() + self.unnamed()
    }

    fn evidence(&self) -> EvidenceRows {
        let in_batch =
            |id: &Option<String>| id.as_deref().is_some_and(|id| self.batch_requests.contains(fingerprint(id)));
        let known = self.multi.total().saturating_sub(self.unnamed());
        let mut all = if self.unnamed() == 0 {
            EvidenceRows::default()
        } else {
            self.multi.clone().without(known, |row| !in_batch(&row.request_id))
        };
        all.merge(EVIDENCE_ROWS, self.named.clone());
        all
    }
}

impl LogObjectDeleted {
    fn new(config: &Config) -> LogObjectDeleted {
        LogObjectDeleted {
            log_buckets: config.log_buckets.clone(),
            shapes: KeyShapes::default(),
            buckets: Entities::with_budget(BUCKETS_BUDGET),
            deletes: Entities::with_budget(DELETES_BUDGET),
            key: EntityKey::default(),
        }
    }

    /// Which shapes the keys in each bucket have.
    fn observe_keys(&mut self, batch: &DetectBatch<'_>) {
        let (keys, outcome) = (batch.text("object_key"), batch.text("outcome"));
        let success = Word::new("success");
        for (bucket, rows) in runs(batch.text("bucket_name")) {
            let (mut seen, mut log_files) = (0, 0);
            for row in rows.filter(|row| success.is_at(outcome, *row)) {
                if let Some(shape) = cell(keys, row).and_then(|key| self.shapes.of(key)) {
                    seen |= shape.bit();
                    log_files += 1;
                }
            }
            if log_files > 0 {
                self.buckets.observe(&field(bucket), log_files, |state, _| state.0 |= seen);
            }
        }
    }

    fn observe_deletes(&mut self, batch: &DetectBatch<'_>) {
        let columns = EvidenceColumns::of(batch);
        let [action, outcome, service, bucket, principal, keys, versions, operation, request] = [
            "action",
            "outcome",
            "service",
            "bucket_name",
            "principal",
            "object_key",
            "version_id",
            "operation",
            "request_id",
        ]
        .map(|name| batch.text(name));
        let status = batch.http_status();
        let success = Word::new("success");
        for row in 0..batch.len() {
            if !success.is_at(outcome, row) || !cell(action, row).is_some_and(is_delete) {
                continue;
            }
            let done = match batch.log {
                LogType::S3Access => (200..300).contains(&status.value(row)),
                LogType::CloudTrail => cell(service, row).is_some_and(|service| service.starts_with("s3")),
            };
            let (true, Some(bucket)) = (done, cell(bucket, row)) else { continue };
            let day = columns.event_time_ms(row).map(|time_ms| time_ms.div_euclid(DAY_MS).to_string());
            let entity = self.key.set(&[cell(principal, row), Some(bucket), day.as_deref()]);
            let (log, request) = (log_index(batch.log), cell(request, row).map(fingerprint));
            if cell(action, row) == Some("DeleteObjects") {
                self.deletes.observe(entity, 1, |state, level| {
                    state[log].multi.observe(rows_at(level), &columns, row);
                    state[log].facts.observe(&columns, row);
                    state[log].multi_requests.insert(MOST_REQUESTS >> level, request.unwrap_or_default());
                });
                continue;
            }
            let batch_request = request.filter(|_| cell(operation, row) == Some("BATCH.DELETE.OBJECT"));
            let shape = cell(keys, row).and_then(|key| self.shapes.of(key));
            self.deletes.observe(entity, 1, |state, level| {
                let state = &mut state[log];
                state.named.observe(rows_at(level), &columns, row);
                state.facts.observe(&columns, row);
                if let Some(request) = batch_request {
                    state.batch_requests.insert(MOST_REQUESTS >> level, request);
                }
                if let Some(shape) = shape {
                    state.log_files += 1;
                    state.audit_files += u64::from(shape.is_audit_file());
                    state.versions += u64::from(cell(versions, row).is_some());
                }
            });
        }
    }

    fn alert(&self, entity: &str, deletes: &[Deletes; 2], shapes: u8) -> Option<Alert> {
        let fields = EntityKey::fields(entity);
        let [principal, Some(bucket), day] = fields[..] else { return None };
        let listed = self.log_buckets.contains(bucket);
        let count = deletes[0].count().max(deletes[1].count());
        if (!listed && shapes == 0) || count == 0 {
            return None;
        }
        let most = |measure: fn(&Deletes) -> u64| measure(&deletes[0]).max(measure(&deletes[1]));
        let (log_files, audit_files) = (most(|log| log.log_files), most(|log| log.audit_files));
        let (versions, unnamed) = (most(|log| log.versions), most(Deletes::unnamed));
        let level = if audit_files > 0 || versions > 0 {
            Severity::Critical
        } else if log_files > 0 || unnamed > 0 {
            Severity::High
        } else {
            Severity::Low
        };
        let start = day.and_then(|day| day.parse::<i64>().ok()).map(|day| day * DAY_MS);
        let mut alert = Alert::of(&RULE, &[principal, Some(bucket)], start);
        let evidence = deletes.each_ref().map(Deletes::evidence);
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.severity = if listed { level } else { level.min(Severity::Medium) };
        alert.confidence = if listed { Confidence::High } else { Confidence::Low };
        alert.window_seconds = 86_400;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        deletes.iter().fold(Facts::default(), |all, log| all.joined(&log.facts)).tell(&mut alert);
        alert.object_key.take_if(|_| unnamed > 0);
        alert.count = count;
        alert.summary = format!(
            "{} deleted {} from the log bucket {bucket}, among them {}.",
            principal.unwrap_or("An unknown caller"),
            counted(count, "object", "objects"),
            counted(log_files, "log file", "log files"),
        );
        alert.reasons = reasons(listed, shapes, audit_files, versions);
        alert.observed = [
            ("deletes", json!(count)),
            ("log_files", json!(log_files)),
            ("audit_files", json!(audit_files)),
            ("versions_of_log_files", json!(versions)),
            ("requests_with_unknown_keys", json!(unnamed)),
        ]
        .into();
        alert.expected = [("deletes", json!(0))].into();
        Some(alert)
    }
}

fn is_delete(action: &str) -> bool {
    matches!(action, "DeleteObject" | "DeleteObjects" | "DeleteObjectVersion")
}

fn reasons(listed: bool, shapes: u8, audit_files: u64, versions: u64) -> Vec<String> {
    let mut reasons = Vec::new();
    if listed {
        reasons.push("The configuration lists the bucket under log_buckets.".to_owned());
    }
    if shapes != 0 {
        let kinds: Vec<&str> =
            KeyShape::ALL.into_iter().filter(|shape| shapes & shape.bit() != 0).map(KeyShape::name).collect();
        reasons.push(format!("Keys seen in the bucket have the shape of {}.", kinds.join(", ")));
    }
    if !listed {
        reasons.push(
            "Only the shape of its keys says that it is a log bucket, which a caller could have planted: list it \
             under log_buckets if it is one."
                .to_owned(),
        );
    }
    if audit_files > 0 {
        reasons.push(format!("{} of CloudTrail log or digest files.", counted(audit_files, "delete", "deletes")));
    }
    if versions > 0 {
        reasons.push(format!(
            "{} a version, which is permanent.",
            counted(versions, "delete of a log file names", "deletes of log files name")
        ));
    }
    reasons
}

impl Detector for LogObjectDeleted {
    fn observe(&mut self, batch: &DetectBatch<'_>) {
        self.observe_keys(batch);
        self.observe_deletes(batch);
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: LogObjectDeleted = take(other);
        self.buckets.merge(other.buckets);
        self.deletes.merge(other.deletes);
    }

    fn finish(self: Box<Self>) -> Findings {
        let mut findings = Findings::default();
        for (entity, deletes) in self.deletes.sorted() {
            let bucket = EntityKey::fields(entity).get(1).copied().flatten().unwrap_or_default();
            let shapes = self.buckets.get(bucket).map_or(0, |shapes| shapes.0);
            findings.alerts.extend(self.alert(entity, deletes, shapes));
        }
        let notes = [self.deletes.note(), self.buckets.note()].into_iter().flatten();
        findings.notes = notes.map(|note| format!("{}: {note}", RULE.id)).collect();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect, flood};
    use LogType::{CloudTrail, S3Access};

    const TRAIL_KEY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz";
    const FLOW_KEY: &str = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/03/01/x.log.gz";

    fn delete(key: &str) -> Activity {
        let (action, operation) = ("DeleteObject", "REST.DELETE.OBJECT");
        Activity { action, operation, status: Some(204), key: Some(key.to_owned()), ..Activity::default() }
    }

    fn levels(rows: &[(LogType, Activity)], config: &str) -> Vec<(Severity, Confidence, u64)> {
        let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        found.alerts.iter().map(|alert| (alert.severity, alert.confidence, alert.count)).collect()
    }

    #[test]
    fn the_level_follows_from_the_key_the_version_and_how_the_bucket_is_known() {
        let listed = "log_buckets = ['bucket']";
        let version = Activity { version: Some("v1"), ..delete(FLOW_KEY) };
        for (row, config, expected) in [
            (delete(TRAIL_KEY), listed, vec![(Severity::Critical, Confidence::High, 1)]),
            (delete(FLOW_KEY), listed, vec![(Severity::High, Confidence::High, 1)]),
            (version, listed, vec![(Severity::Critical, Confidence::High, 1)]),
            (delete("notes.txt"), listed, vec![(Severity::Low, Confidence::High, 1)]),
            (delete(TRAIL_KEY), "", vec![(Severity::Medium, Confidence::Low, 1)]),
            (delete("notes.txt"), "", vec![]),
            (Activity { outcome: "denied", status: Some(403), ..delete(TRAIL_KEY) }, listed, vec![]),
            (Activity { outcome: "error", status: Some(404), ..delete(TRAIL_KEY) }, listed, vec![]),
            (
                Activity { action: "ExpireObject", operation: "S3.EXPIRE.OBJECT", ..delete(TRAIL_KEY) },
                listed,
                vec![],
            ),
        ] {
            assert_eq!(levels(&[(S3Access, row.clone())], config), expected, "{row:?}");
        }
    }

    #[test]
    fn a_read_that_comes_later_shows_that_the_bucket_holds_logs_unless_it_failed() {
        let read = Activity { key: Some(FLOW_KEY.to_owned()), line: 2, ..Activity::default() };
        let failed = Activity { outcome: "error", status: Some(404), ..read.clone() };
        let level = |row| levels(&[(S3Access, delete("notes.txt")), (CloudTrail, row)], "");
        assert_eq!(level(read), [(Severity::Low, Confidence::Low, 1)]);
        assert!(level(failed).is_empty());
    }

    #[test]
    fn a_multi_object_delete_counts_by_its_keys_or_else_as_one() {
        let multi = |request: &str| Activity {
            action: "DeleteObjects",
            operation: "REST.POST.MULTI_OBJECT_DELETE",
            status: Some(200),
            key: None,
            request: request.to_owned(),
            ..delete("")
        };
        let part = |line| Activity { operation: "BATCH.DELETE.OBJECT", line, ..delete(FLOW_KEY) };
        let listed = "log_buckets = ['bucket']";
        let high = |count| vec![(Severity::High, Confidence::High, count)];
        for (rows, expected) in [
            (vec![(S3Access, multi("R1"))], high(1)),
            (vec![(S3Access, multi("R1")), (S3Access, part(2)), (S3Access, part(3))], high(2)),
            (vec![(S3Access, multi("R2")), (S3Access, part(2)), (S3Access, part(3))], high(3)),
            (vec![(S3Access, part(2)), (S3Access, part(3)), (CloudTrail, multi("R1"))], high(2)),
        ] {
            assert_eq!(levels(&rows, listed), expected, "{rows:?}");
        }
    }

    #[test]
    fn days_and_callers_are_alerts_of_their_own_and_a_day_is_one() {
        let at = |time_ms, principal, line| {
            (S3Access, Activity { time_ms: Some(time_ms), principal, line, ..delete(FLOW_KEY) })
        };
        let rows = [at(1, "a", 1), at(2, "a", 2), at(DAY_MS, "a", 3), at(1, "b", 4)];
        let found = detect(&RULE, &Config::default(), &rows);
        let mut counts: Vec<u64> = found.alerts.iter().map(|alert| alert.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 2]);
    }

    #[test]
    fn many_callers_and_buckets_stay_in_the_budget() {
        let bytes = |detector: &LogObjectDeleted| detector.deletes.bytes() + detector.buckets.bytes();
        flood(|| LogObjectDeleted::new(&Config::default()), bytes, S3Access, &delete(TRAIL_KEY));
    }
}
