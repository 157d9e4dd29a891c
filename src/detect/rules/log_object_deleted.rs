//! LOG-001: an object is deleted from a bucket that holds logs.

use super::{samples, take};
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{DayField, Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::hits::Joined;
use crate::detect::key_sample::{KeySample, about, fingerprint, share};
use crate::detect::key_shape::KeyShape;
use crate::detect::minutes::log_index;
use crate::detect::{DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, restore, saved};
use crate::parse::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;

/// Multi-object deletes remembered a caller, bucket and day, to tell those whose keys the log names from others.
/// Halved at each level.
const MOST_REQUESTS: usize = 1024;

/// Bytes of a detector.
const DELETES_BUDGET: usize = 10 << 20;

/// LOG-001 `log-object-deleted`.
pub static RULE: Rule = Rule {
    id: "LOG-001",
    name: "log-object-deleted",
    title: "Objects were deleted from a log bucket",
    severity: Severity::High,
    attack: &["T1070", "T1485", "T1562.008", "T1685.002"],
    looks_for: "Successful deletes in a bucket that holds logs: REST.DELETE.OBJECT and BATCH.DELETE.OBJECT in access \
        logs, DeleteObject and DeleteObjects in CloudTrail. A multi-object delete counts as one object where the log \
        does not name its keys. A bucket holds logs if the configuration lists it under log_buckets, if \
        CloudTrail shows that a trail, access logging, Config or flow logs are set up to deliver into it, if an AWS \
        service that delivers logs writes into it or checks its ACL, or if a successful request of any kind names a \
        key in it that has the shape of a log file: AWSLogs/ACCOUNT/CloudTrail and its sisters, or the date and hash \
        of an S3 server access log. It does not matter where in the input that stands. There is one \
        alert for a caller, a bucket and a UTC day. A delete that both logs show, by request and key, is one. It is high; it is critical if a CloudTrail log or digest file is \
        deleted, or if the delete of a log file names a version, which is permanent; it is low if no \
        deleted key has the shape of a log file. Where the bucket is known by the shape of its keys alone, which a \
        caller can plant, confidence is low and the level at most medium.",
    why: "Whoever deletes logs hides what was done before. Nothing but a retention job has a reason to.",
    cannot_see: "Lifecycle expiration, which is another matter. Deletes that were refused. The keys of a multi-object \
        delete where only CloudTrail shows it. Access logs are delivered on a best-effort basis: a line may be \
        missing. Log files under custom names, unless log_buckets lists their bucket.",
    false_positives: "Retention scripts that delete old logs. Query results or folder markers in the same bucket \
        (level low). A copy of logs in a bucket of analysts. The root user of an account may raise two alerts where \
        both logs show it: access logs name it by canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Restore the versions if the bucket has versioning: remove the delete markers.",
        "Validate the digest chain of the trail for the hours around the first delete.",
        "Read what else this principal did in the hour before.",
    ],
    thresholds: &[],
    activity_columns: &["operation", "bucket_name", "version_id", "principal"],
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
    form: Form::Code(|_| Box::new(LogObjectDeleted::new())),
};

struct LogObjectDeleted {
    /// By principal, bucket and day.
    deletes: Entities<Deletes>,
    key: EntityKey,
    day: DayField,
}

/// What one principal deleted in one bucket on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Deletes {
    logs: [InLog; 2],
    facts: Facts,
    /// Requests whose keys stand in lines of their own.
    batch_requests: KeySample,
    /// By [`Kind`].
    named: [Joined; 4],
}

/// As one log shows it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct InLog {
    /// Deletes of a named key.
    named: EvidenceRows,
    /// Multi-object deletes, whose keys stand in lines of their own or nowhere.
    multi: EvidenceRows,
    multi_requests: KeySample,
}

/// Index of what deletes of a named key are counted as.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    LogFile,
    AuditFile,
    /// Of a log file, with a version.
    Version,
}

/// Rows of evidence at a level.
fn rows_at(level: u32) -> usize {
    if level < 3 { EVIDENCE_ROWS } else { 1 }
}

impl State for Deletes {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let of_rows = |rows: &EvidenceRows| rows.weight(rows_at(level));
        let of_sample = |sample: &KeySample| sample.weight(MOST_REQUESTS >> level);
        let of_log = |log: &InLog| of_rows(&log.named) + of_rows(&log.multi) + of_sample(&log.multi_requests);
        let logs: usize = self.logs.iter().map(of_log).sum();
        let named: usize = self.named.iter().map(|joined| joined.weight(MOST_REQUESTS >> level)).sum();
        logs + named + of_sample(&self.batch_requests) + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        let cap = MOST_REQUESTS >> level;
        for log in &mut self.logs {
            log.named.keep_at_most(rows_at(level));
            log.multi.keep_at_most(rows_at(level));
            log.multi_requests.lower(cap);
        }
        self.batch_requests.lower(cap);
        self.named.iter_mut().for_each(|joined| joined.lower(cap));
    }

    fn merge(&mut self, other: Self, level: u32) {
        let (rows, cap) = (rows_at(level), MOST_REQUESTS >> level);
        for (mine, theirs) in self.logs.iter_mut().zip(other.logs) {
            mine.named.merge(rows, theirs.named);
            mine.multi.merge(rows, theirs.multi);
            mine.multi_requests.merge(cap, &theirs.multi_requests);
        }
        self.facts.merge(&other.facts);
        self.batch_requests.merge(cap, &other.batch_requests);
        self.named.iter_mut().zip(&other.named).for_each(|(mine, theirs)| mine.merge(cap, theirs));
    }
}

/// A row that deletes.
struct Delete {
    /// Does the row name the key?
    is_named: bool,
    /// Is it a key of a multi-object delete?
    is_part: bool,
    /// Fingerprint; 0 where there is none.
    request: u64,
    key: u64,
    shape: Option<KeyShape>,
    has_version: bool,
}

impl Deletes {
    fn observe(&mut self, level: u32, log: usize, delete: &Delete, columns: &EvidenceColumns<'_>, row: usize) {
        let most = MOST_REQUESTS >> level;
        self.facts.observe(columns, row);
        if !delete.is_named {
            let in_log = &mut self.logs[log];
            in_log.multi.observe(rows_at(level), columns, row);
            in_log.multi_requests.insert(most, delete.request);
            return;
        }
        self.logs[log].named.observe(rows_at(level), columns, row);
        if delete.is_part && delete.request != 0 {
            self.batch_requests.insert(most, delete.request);
        }
        let kinds = [
            (Kind::Any, true),
            (Kind::LogFile, delete.shape.is_some()),
            (Kind::AuditFile, delete.shape.is_some_and(KeyShape::is_audit_file)),
            (Kind::Version, delete.shape.is_some() && delete.has_version),
        ];
        let what = delete.key ^ delete.request.rotate_left(32);
        for (kind, _) in kinds.into_iter().filter(|(_, is)| *is) {
            self.named[kind as usize].see(most, log, what);
        }
    }

    fn count(&self, kind: Kind) -> u64 {
        self.named[kind as usize].count().0
    }

    /// Multi-object deletes of a log whose keys no log names.
    fn unnamed_in(&self, log: &InLog) -> u64 {
        log.multi_requests.distinct_without(&self.batch_requests).min(log.multi.total())
    }

    /// The same in the log that has more.
    fn unnamed(&self) -> u64 {
        self.logs.iter().map(|log| self.unnamed_in(log)).max().unwrap_or(0)
    }

    /// Halvings of the smallest sample that a number rests on.
    fn halvings(&self) -> u32 {
        let multi = self.logs.iter().filter(|log| log.multi.total() > 0);
        let requests = multi.map(|log| log.multi_requests.halvings().max(self.batch_requests.halvings()));
        requests.chain(self.named.iter().map(|joined| joined.count().1)).max().unwrap_or(0)
    }

    fn evidence(&self, log: &InLog) -> EvidenceRows {
        let in_batch = |id: Option<&str>| id.is_some_and(|id| self.batch_requests.contains(fingerprint(id)));
        let unnamed = self.unnamed_in(log);
        let mut all = if unnamed == 0 {
            EvidenceRows::default()
        } else {
            log.multi.clone().without(log.multi.total() - unnamed, |row| !in_batch(row.request_id()))
        };
        all.merge(EVIDENCE_ROWS, log.named.clone());
        all
    }
}

impl LogObjectDeleted {
    fn new() -> LogObjectDeleted {
        let (key, day) = (EntityKey::default(), DayField::default());
        LogObjectDeleted { deletes: Entities::with_budget(DELETES_BUDGET), key, day }
    }

    fn observe_deletes(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let is_delete = |row: &usize| {
            matches!(codes.act[*row], Act::Delete | Act::DeleteMany)
                && codes.ended[*row] == Ended::Done
                && codes.who[*row] != Who::Service
                && codes.place[*row].is_some()
        };
        let deletes: Vec<usize> = (0..batch.len()).filter(is_delete).collect();
        if deletes.is_empty() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [bucket, principal, operation] =
            ["bucket_name", "principal", "operation"].map(|name| batch.text(name));
        let log = log_index(batch.log);
        let day = |row: usize| columns.event_time_ms(row).map(|time_ms| time_ms.div_euclid(DAY_MS));
        // Deletes come in runs, of which each is one look-up.
        let is_same =
            |left: &usize, right: &usize| codes.place[*left] == codes.place[*right] && day(*left) == day(*right);
        for rows in deletes.chunk_by(is_same) {
            let day = self.day.of(columns.event_time_ms(rows[0]));
            let entity = self.key.set(&[cell(principal, rows[0]), cell(bucket, rows[0]), day]);
            self.deletes.observe(entity, rows.len() as u64, |state, level| {
                for row in rows.iter().copied() {
                    let delete = Delete {
                        is_named: codes.act[row] == Act::Delete,
                        is_part: cell(operation, row) == Some("BATCH.DELETE.OBJECT"),
                        request: codes.request[row],
                        key: codes.key[row],
                        shape: codes.shape[row],
                        has_version: codes.names_version[row],
                    };
                    state.observe(level, log, &delete, &columns, row);
                }
            });
        }
    }

    fn alert(entity: &str, deletes: &Deletes, shared: &Shared<'_>) -> Option<Alert> {
        let fields = EntityKey::fields(entity);
        let [principal, Some(bucket), day] = fields[..] else { return None };
        let log_bucket = shared.known.log_bucket(shared.config, bucket)?;
        let (unnamed, halvings) = (deletes.unnamed(), deletes.halvings());
        let [named, log_files, audit_files, versions] =
            [Kind::Any, Kind::LogFile, Kind::AuditFile, Kind::Version].map(|kind| deletes.count(kind));
        let count = named + unnamed;
        if count == 0 {
            return None;
        }
        let level = if audit_files > 0 || versions > 0 {
            Severity::Critical
        } else if log_files > 0 || unnamed > 0 {
            Severity::High
        } else {
            Severity::Low
        };
        let start = day.and_then(|day| day.parse::<i64>().ok()).map(|day| day * DAY_MS);
        let mut alert = Alert::of(&RULE, &[principal, Some(bucket)], start);
        let evidence = deletes.logs.each_ref().map(|log| deletes.evidence(log));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.severity = log_bucket.at_most(level);
        alert.confidence = log_bucket.confidence();
        alert.window_seconds = 86_400;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        deletes.facts.tell(&mut alert);
        alert.object_key.take_if(|_| unnamed > 0);
        alert.count = count;
        let about = about(halvings);
        alert.summary = format!(
            "{} deleted {about}{} from the log bucket {bucket}, among them {about}{}.",
            principal.unwrap_or("An unknown caller"),
            counted(count, "object", "objects"),
            counted(log_files, "log file", "log files"),
        );
        alert.reasons = log_bucket.reasons();
        alert.reasons.extend(reasons(audit_files, versions));
        if halvings > 0 {
            alert
                .reasons
                .push(format!("The numbers are estimates from a sample of {} requests.", share(halvings)));
        }
        alert.observed = [
            ("deletes", json!(count)),
            ("log_files", json!(log_files)),
            ("audit_files", json!(audit_files)),
            ("versions_of_log_files", json!(versions)),
            ("requests_with_unknown_keys", json!(unnamed)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert.expected = [("deletes", json!(0))].into();
        Some(alert)
    }
}

fn reasons(audit_files: u64, versions: u64) -> Vec<String> {
    let mut reasons = Vec::new();
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
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        self.observe_deletes(batch, codes);
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: LogObjectDeleted = take(other);
        self.deletes.merge(other.deletes);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        for (entity, deletes) in self.deletes.sorted() {
            findings.alerts.extend(LogObjectDeleted::alert(entity, deletes, shared));
        }
        findings.notes = self.deletes.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.deletes)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.deletes = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
