//! DEL-001: one caller deletes many objects of a bucket in an hour.

use super::{samples, take};
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::{Word, cell, runs};
use crate::detect::entities::{Entities, EntityKey, State, field};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, about, crosses, fingerprint, reaches_percent, share};
use crate::detect::minutes::{
    Different, EvidenceByTime, KeyTable, MINUTE_MS, MOST_KEYS, Measure, Series, Stretch,
};
use crate::detect::{Config, DetectBatch, Detector, Evidence, Findings, Rule, Threshold};
use crate::parse::LogType;
use arrow::array::Array;
use serde_json::json;
use std::any::Any;

/// Keys remembered a bucket, to say which share of it was deleted; the estimate beyond is good to about 2 %.
/// Halved at each level.
const MOST_KNOWN_KEYS: usize = 4096;

/// Bytes for the names and the evidence of callers, and for the known keys of buckets. With [`MOST_KEYS`] a detector
/// has at most 22 MiB.
const DELETES_BUDGET: usize = 5 << 20;
const KNOWN_KEYS_BUDGET: usize = 4 << 20;

/// Length of the window: minutes are counted whole, and 60 minutes that begin within one touch 61 of them.
const WINDOW_MINUTES: i64 = 61;

/// DEL-001 `mass-deletion`.
pub static RULE: Rule = Rule {
    id: "DEL-001",
    name: "mass-deletion",
    title: "One caller deleted many objects of a bucket",
    severity: Severity::Medium,
    attack: &["T1485"],
    looks_for: "Different keys of one bucket that one caller deletes within 60 minutes, wherever the hour begins: \
        REST.DELETE.OBJECT and each BATCH.DELETE.OBJECT in access logs, DeleteObject in CloudTrail. A DeleteObjects \
        in CloudTrail names no keys and counts as one, unless lines of access logs name the keys of that request. \
        Minutes are counted whole, 61 at a time, so that no 60 minutes are missed. Hours that overlap are one alert. A \
        key that both logs show is one, and a key that only one of them shows counts too. The level is medium; it is high if the alert as a whole covers many keys, \
        or a large part of the keys that successful requests name in this bucket anywhere in the input. Lifecycle \
        actions and AWS services are left out.",
    why: "Ransom and sabotage delete in bulk, and versioning can be suspended before. The sooner it is seen the more \
        can be restored.",
    cannot_see: "Which keys a multi-object delete removed where only CloudTrail shows it. Objects that no request in \
        the input names: where the logs cover little beside the deletes, the known keys are few and their share is \
        large. Records without a time.",
    false_positives: "Jobs that clean up temporary objects, such as _temporary of Spark. Teardown of a test bucket.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Stop the principal: deny deletes in the bucket policy, or deactivate its access key.",
        "Restore the versions if the bucket has versioning: remove the delete markers.",
        "Look for reads of the same keys before: a copy taken first is extortion.",
    ],
    thresholds: &[
        Threshold {
            name: "deleted_keys",
            default: 50,
            source: "Panther's AWS.S3.DeleteObject rule (50 in 60 minutes)",
        },
        Threshold {
            name: "deleted_keys_high",
            default: 1000,
            source: "proposal: one full DeleteObjects request, \
                <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>",
        },
        Threshold {
            name: "known_keys_deleted_high_percent",
            default: 10,
            source: "proposal, to be tuned on real data",
        },
    ],
    activity_columns: &[
        "service",
        "operation",
        "outcome",
        "http_status",
        "bucket_name",
        "principal",
        "principal_kind",
    ],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("DEL-001":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    new: |config| Box::new(MassDeletion::new(config)),
};

struct MassDeletion {
    deleted_keys: u64,
    deleted_keys_high: u64,
    known_keys_deleted_high_percent: u64,
    /// Keys that requests name, by bucket.
    known_keys: Entities<KeySample>,
    /// By principal and bucket.
    deletes: Entities<Deletes>,
    /// Deleted keys by the fingerprint of principal and bucket.
    deleted: KeyTable,
    key: EntityKey,
}

impl State for KeySample {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        KeySample::weight(self, MOST_KNOWN_KEYS >> level)
    }

    fn cut(&mut self, level: u32) {
        self.lower(MOST_KNOWN_KEYS >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        KeySample::merge(self, MOST_KNOWN_KEYS >> level, &other);
    }
}

/// Records of one caller's deletes in one bucket.
#[derive(Debug, Default)]
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

impl MassDeletion {
    fn new(config: &Config) -> MassDeletion {
        let threshold = |name| config.threshold(&RULE, name);
        MassDeletion {
            deleted_keys: threshold("deleted_keys"),
            deleted_keys_high: threshold("deleted_keys_high"),
            known_keys_deleted_high_percent: threshold("known_keys_deleted_high_percent"),
            known_keys: Entities::with_budget(KNOWN_KEYS_BUDGET),
            deletes: Entities::with_budget(DELETES_BUDGET),
            deleted: KeyTable::with_cap(MOST_KEYS),
            key: EntityKey::default(),
        }
    }

    fn observe_keys(&mut self, batch: &DetectBatch<'_>) {
        let (keys, outcome) = (batch.text("object_key"), batch.text("outcome"));
        let success = Word::new("success");
        for (bucket, rows) in runs(batch.text("bucket_name")) {
            self.known_keys.observe(&field(bucket), rows.len() as u64, |known, level| {
                for row in rows.filter(|row| success.is_at(outcome, *row) && keys.is_valid(*row)) {
                    known.insert(MOST_KNOWN_KEYS >> level, fingerprint(keys.value(row)));
                }
            });
        }
    }

    fn observe_deletes(&mut self, batch: &DetectBatch<'_>) {
        let columns = EvidenceColumns::of(batch);
        let [action, outcome, service, bucket, principal, kind, keys, request, operation] = [
            "action",
            "outcome",
            "service",
            "bucket_name",
            "principal",
            "principal_kind",
            "object_key",
            "request_id",
            "operation",
        ]
        .map(|name| batch.text(name));
        let status = batch.http_status();
        let [success, delete, by_service] = ["success", "DeleteObject", "service"].map(Word::new);
        for row in 0..batch.len() {
            if !success.is_at(outcome, row) || by_service.is_at(kind, row) {
                continue;
            }
            let action = cell(action, row).filter(|_| !delete.is_at(action, row));
            let is_named = match (action, batch.log) {
                (None | Some("DeleteObjectVersion"), _) => true,
                (Some("DeleteObjects"), LogType::CloudTrail) => false,
                _ => continue,
            };
            let done = match batch.log {
                LogType::S3Access => (200..300).contains(&status.value(row)),
                LogType::CloudTrail => cell(service, row).is_some_and(|service| service.starts_with("s3")),
            };
            let (true, Some(bucket)) = (done, cell(bucket, row)) else { continue };
            let what = if is_named { cell(keys, row) } else { cell(request, row) };
            let entity = self.key.set(&[cell(principal, row), Some(bucket)]);
            if let (Some(time_ms), Some(what)) = (columns.event_time_ms(row), what) {
                let caller = fingerprint(entity);
                self.deleted.insert(caller, batch.log, time_ms, fingerprint(what), is_named);
                let is_part =
                    batch.log == LogType::S3Access && cell(operation, row) == Some("BATCH.DELETE.OBJECT");
                if let Some(request) = cell(request, row).filter(|_| is_part) {
                    self.deleted.insert(caller, batch.log, time_ms, fingerprint(request), false);
                }
            }
            self.deletes.observe(entity, 1, |state, level| {
                state.evidence.observe(level, batch.log, &columns, row);
                state.facts.observe(&columns, row);
            });
        }
    }

    fn alert(&self, entity: &str, deletes: &Deletes, series: &Series, stretch: &Stretch) -> Option<Alert> {
        let fields = EntityKey::fields(entity);
        let [principal, Some(bucket)] = fields[..] else { return None };
        let totals = series.totals(&stretch.minutes);
        let evidence = deletes.evidence.over(stretch, self.deletes.state_level(), &totals);
        let measured = self.measure(bucket, series, stretch, evidence[0].total() + evidence[1].total());
        let Measured { different, known, halvings, .. } = measured;
        let mut alert = Alert::of(&RULE, &[principal, Some(bucket)], Some(stretch.minutes.start() * MINUTE_MS));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.severity = if measured.is_many || measured.is_share { Severity::High } else { Severity::Medium };
        alert.confidence = if halvings > 0 { Confidence::Medium } else { Confidence::High };
        alert.window_seconds = WINDOW_MINUTES as u64 * 60;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        deletes.facts.tell(&mut alert);
        alert.object_key.take_if(|_| different.unnamed > 0);
        alert.count = different.keys + different.unnamed;
        alert.summary = format!("{} {}", principal.unwrap_or("An unknown caller"), measured.sentence(bucket));
        alert.reasons = self.reasons(&measured);
        alert.observed = [
            ("deleted_keys", json!(different.keys)),
            ("deletes_in_a_window", json!(measured.peak)),
            ("known_keys", json!(known)),
            ("known_keys_deleted_percent", json!(measured.percent())),
            ("requests_with_unknown_keys", json!(different.unnamed)),
            ("sampled_share", json!(share(halvings))),
            ("known_keys_sampled_share", json!(share(measured.known_halvings))),
        ]
        .into();
        alert.expected = [
            ("deleted_keys", json!(self.deleted_keys)),
            ("deleted_keys_high", json!(self.deleted_keys_high)),
            ("known_keys_deleted_high_percent", json!(self.known_keys_deleted_high_percent)),
        ]
        .into();
        Some(alert)
    }

    /// The numbers of a stretch, of which no estimate is above the number of records.
    fn measure(&self, bucket: &str, series: &Series, stretch: &Stretch, records: u64) -> Measured {
        let Different { keys, unnamed } = series.different(&stretch.minutes);
        let halvings = series.halvings();
        let most = if halvings > 0 { records } else { u64::MAX };
        let keys = keys.min(most);
        let unnamed = unnamed.min(most - keys);
        let sample = self.known_keys.get(&field(bucket));
        let (known, known_halvings) = sample.map_or((0, 0), |sample| (sample.distinct(), sample.halvings()));
        let known = known.max(keys);
        let percent = self.known_keys_deleted_high_percent;
        Measured {
            different: Different { keys, unnamed },
            peak: stretch.peak.min(keys + unnamed),
            known,
            halvings,
            known_halvings,
            is_many: crosses((keys + unnamed) >> halvings, halvings, self.deleted_keys_high),
            is_share: keys > 0 && reaches_percent((keys, halvings), (known, known_halvings), percent),
        }
    }

    fn reasons(&self, measured: &Measured) -> Vec<String> {
        let mut reasons = vec![format!(
            "At least {} were counted within an hour.",
            counted(self.deleted_keys, "delete", "deletes")
        )];
        if measured.is_many {
            reasons.push(format!("In all there are at least {}.", self.deleted_keys_high));
        }
        if measured.is_share {
            reasons.push(format!(
                "At least {} % of the keys that the logs name in the bucket were deleted.",
                self.known_keys_deleted_high_percent
            ));
        }
        if measured.different.unnamed > 0 {
            reasons.push(
                "A delete request whose keys are not known counts as one: there may be many more.".to_owned(),
            );
        }
        if measured.halvings > 0 {
            let share = share(measured.halvings);
            reasons.push(format!("The numbers are estimates from a sample of {share} keys."));
        }
        reasons
    }
}

/// The numbers of an alert.
struct Measured {
    different: Different,
    peak: u64,
    known: u64,
    halvings: u32,
    known_halvings: u32,
    is_many: bool,
    is_share: bool,
}

impl Measured {
    fn percent(&self) -> u64 {
        self.different.keys * 100 / self.known.max(1)
    }

    fn sentence(&self, bucket: &str) -> String {
        let Different { keys, unnamed } = self.different;
        let mut did = Vec::new();
        if keys > 0 {
            let what = counted(keys, "key", "different keys");
            did.push(format!("deleted {}{what} of {bucket}", about(self.halvings)));
        }
        if unnamed > 0 {
            let what = counted(
                unnamed,
                "delete request whose keys the log does not name",
                "delete requests whose keys the log does not name",
            );
            let to = if keys > 0 { String::new() } else { format!(" to {bucket}") };
            did.push(format!("sent {}{what}{to}", about(self.halvings)));
        }
        let mut sentence =
            format!("{}, up to {}{} in about an hour", did.join(" and "), about(self.halvings), self.peak);
        if keys > 0 {
            sentence += &format!(
                "; the named keys are {}{} % of the {}{} that the logs name",
                about(self.halvings.max(self.known_halvings)),
                self.percent(),
                about(self.known_halvings),
                self.known
            );
        }
        sentence + "."
    }
}

impl Detector for MassDeletion {
    fn observe(&mut self, batch: &DetectBatch<'_>) {
        self.observe_keys(batch);
        self.observe_deletes(batch);
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: MassDeletion = take(other);
        self.known_keys.merge(other.known_keys);
        self.deletes.merge(other.deletes);
        self.deleted.merge(other.deleted);
    }

    fn finish(mut self: Box<Self>) -> Findings {
        let mut findings = Findings::default();
        let deleted = std::mem::replace(&mut self.deleted, KeyTable::with_cap(MOST_KEYS));
        let sampled = (deleted.halvings() > 0).then(|| {
            format!(
                "More than {MOST_KEYS} deleted keys: numbers are estimates from a sample of {} keys, and what is not \
                 clearly above the threshold is left out.",
                share(deleted.halvings())
            )
        });
        let deleted = deleted.into_sorted();
        for (entity, deletes) in self.deletes.sorted() {
            let series = deleted.of(fingerprint(entity));
            for stretch in series.stretches(WINDOW_MINUTES, self.deleted_keys, Measure::Keys) {
                findings.alerts.extend(self.alert(entity, deletes, &series, &stretch));
            }
        }
        let notes = [sampled, self.deletes.note(), self.known_keys.note()].into_iter().flatten();
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
    use crate::detect::testing::{Activity, detect};
    use LogType::{CloudTrail, S3Access};

    fn deletes(log: LogType, keys: i64, every_ms: i64) -> Vec<(LogType, Activity)> {
        let delete = |number: i64| Activity {
            action: "DeleteObject",
            operation: "REST.DELETE.OBJECT",
            status: Some(204),
            time_ms: Some(number * every_ms),
            line: number,
            key: Some(format!("key {number}")),
            ..Activity::default()
        };
        (0..keys).map(|number| (log, delete(number))).collect()
    }

    fn reads(keys: i64) -> Vec<(LogType, Activity)> {
        let read = |number: i64| Activity {
            key: Some(format!("key {number}")),
            line: 100_000 + number,
            ..Activity::default()
        };
        (0..keys).map(|number| (S3Access, read(number))).collect()
    }

    fn levels(rows: &[(LogType, Activity)]) -> Vec<(Severity, u64)> {
        let found = detect(&RULE, &Config::default(), rows);
        found.alerts.iter().map(|alert| (alert.severity, alert.count)).collect()
    }

    #[test]
    fn fifty_keys_in_an_hour_are_medium_and_a_tenth_of_the_bucket_or_a_thousand_high() {
        let second = 1000;
        for (deleted, every_ms, known, expected) in [
            (49, second, 1000, vec![]),
            (50, second, 1000, vec![(Severity::Medium, 50)]),
            (50, second, 500, vec![(Severity::High, 50)]),
            (50, 76 * second, 1000, vec![]),
            (50, 72 * second, 1000, vec![(Severity::Medium, 50)]),
            (1000, second, 3000, vec![(Severity::High, 1000)]),
        ] {
            let rows = [deletes(S3Access, deleted, every_ms), reads(known)].concat();
            assert_eq!(levels(&rows), expected, "{deleted} of {known}, one every {every_ms} ms");
        }
    }

    #[test]
    fn the_same_deletes_in_both_logs_count_once_and_name_both() {
        let rows = [deletes(S3Access, 30, 1000), deletes(CloudTrail, 30, 1000), reads(1000)].concat();
        assert!(levels(&rows).is_empty());
        let rows = [deletes(S3Access, 60, 1000), deletes(CloudTrail, 60, 1000), reads(1000)].concat();
        let found = detect(&RULE, &Config::default(), &rows);
        assert_eq!((found.alerts[0].count, &found.alerts[0].logs[..]), (60, &["s3_access", "cloudtrail"][..]));
    }

    #[test]
    fn keys_that_only_one_log_shows_are_joined_and_so_are_requests_and_their_keys() {
        let mut trail = deletes(CloudTrail, 30, 1000);
        trail.iter_mut().for_each(|(_, row)| row.key = row.key.as_ref().map(|key| format!("other {key}")));
        let rows = [deletes(S3Access, 30, 1000), trail, reads(1000)].concat();
        assert_eq!(levels(&rows), [(Severity::Medium, 60)]);
        let mut parts = deletes(S3Access, 60, 1000);
        parts.iter_mut().for_each(|(_, row)| row.operation = "BATCH.DELETE.OBJECT");
        let mut request = deletes(CloudTrail, 1, 1000);
        (request[0].1.action, request[0].1.key) = ("DeleteObjects", None);
        let found = detect(&RULE, &Config::default(), &[parts, request, reads(1000)].concat());
        assert_eq!((found.alerts[0].count, found.alerts[0].logs.len()), (60, 2));
    }

    #[test]
    fn services_lifecycle_refusals_and_the_same_key_again_do_not_count() {
        let changed = |change: fn(&mut Activity)| {
            let mut rows = deletes(S3Access, 60, 1000);
            rows.iter_mut().for_each(|(_, row)| change(row));
            levels(&rows)
        };
        assert_eq!(changed(|_| ()).len(), 1);
        assert!(changed(|row| row.kind = "service").is_empty());
        assert!(changed(|row| row.action = "ExpireObject").is_empty());
        assert!(changed(|row| row.outcome = "denied").is_empty());
        assert!(changed(|row| row.key = Some("one".to_owned())).is_empty());
        assert!(changed(|row| row.action = "DeleteObjects").is_empty());
    }

    #[test]
    fn a_multi_object_delete_in_cloudtrail_counts_as_one_and_says_so() {
        let mut rows = deletes(CloudTrail, 60, 1000);
        for (number, (_, row)) in rows.iter_mut().enumerate() {
            (row.action, row.key, row.request) = ("DeleteObjects", None, format!("R{number}"));
        }
        let found = detect(&RULE, &Config::default(), &rows);
        assert_eq!(found.alerts[0].observed["requests_with_unknown_keys"], json!(60));
        assert_eq!((found.alerts[0].severity, found.alerts[0].count), (Severity::Medium, 60));
        for (number, (_, row)) in rows.iter_mut().enumerate().take(12) {
            (row.action, row.key) = ("DeleteObject", Some(format!("key {number}")));
        }
        let summary = detect(&RULE, &Config::default(), &rows).alerts.remove(0).summary;
        let text =
            "deleted 12 different keys of bucket and sent 48 delete requests whose keys the log does not name";
        assert!(summary.contains(text), "{summary}");
    }

    #[test]
    fn a_year_of_thirty_keys_an_hour_is_none_and_an_hour_of_sixty_in_it_is_one() {
        let hour = 3_600_000;
        let rows = |extra: i64| -> Vec<Activity> {
            let mut rows = deletes(S3Access, 30 * 24 * 365, hour / 30);
            rows.extend(deletes(S3Access, extra, 60_000));
            let from = rows.len() - extra as usize;
            for (number, (_, row)) in rows[from..].iter_mut().enumerate() {
                (row.time_ms, row.key) =
                    (Some(4321 * hour + number as i64 * 100_000), Some(format!("more {number}")));
            }
            rows.into_iter().map(|(_, row)| row).collect()
        };
        for (extra, expected) in [(0, vec![]), (30, vec![60])] {
            let mut detector = MassDeletion::new(&Config::default());
            Activity::batch(S3Access, &rows(extra), |batch| detector.observe(batch));
            let found = Box::new(detector).finish();
            let peaks: Vec<u64> =
                found.alerts.iter().map(|alert| alert.observed["deletes_in_a_window"].as_u64().unwrap()).collect();
            assert!(
                peaks.len() == expected.len() && peaks.iter().all(|peak| (58..=62).contains(peak)),
                "{peaks:?}"
            );
            assert!(found.alerts.iter().all(|alert| !alert.evidence.is_empty()) && found.notes.is_empty());
        }
    }

    #[test]
    fn two_hundred_thousand_keys_are_counted_exactly_in_both_logs() {
        let mut detector = MassDeletion::new(&Config::default());
        for log in LogType::ALL {
            let rows: Vec<Activity> = deletes(log, 200_000, 100).into_iter().map(|(_, row)| row).collect();
            Activity::batch(log, &rows, |batch| detector.observe(batch));
        }
        let found = Box::new(detector).finish();
        assert_eq!((found.alerts.len(), found.alerts[0].count), (1, 200_000));
        assert_eq!((found.alerts[0].evidence_total, found.alerts[0].evidence.len()), (400_000, 5));
    }

    #[test]
    fn three_hundred_thousand_callers_and_buckets_stay_in_the_budget_whatever_the_order() {
        let names: Vec<&'static str> =
            (0..300_000).map(|number| &*Box::leak(format!("caller-{number}").into_boxed_str())).collect();
        let rows: Vec<Activity> = deletes(S3Access, 300_000, 1000).into_iter().map(|(_, row)| row).collect();
        let rows: Vec<Activity> = rows
            .into_iter()
            .zip(names)
            .map(|(row, name)| Activity { principal: name, bucket: Some(name), ..row })
            .collect();
        let state = |parts: &[Vec<Activity>]| {
            let mut whole: Option<MassDeletion> = None;
            for part in parts {
                let mut detector = MassDeletion::new(&Config::default());
                Activity::batch(S3Access, part, |batch| detector.observe(batch));
                match &mut whole {
                    Some(whole) => whole.merge(Box::new(detector)),
                    None => whole = Some(detector),
                }
            }
            let whole = whole.unwrap();
            let bytes = whole.deletes.bytes() + whole.known_keys.bytes() + whole.deleted.bytes();
            assert!(bytes < 24 << 20, "{bytes}");
            let left: Vec<String> = whole.deletes.sorted().into_iter().map(|(name, _)| name.to_owned()).collect();
            let known: Vec<String> =
                whole.known_keys.sorted().into_iter().map(|(name, _)| name.to_owned()).collect();
            assert!(left.len() > 2000 && known.len() > 2000, "{} {}", left.len(), known.len());
            (left, known, whole.deleted.halvings(), Box::new(whole).finish().notes)
        };
        let whole = state(std::slice::from_ref(&rows));
        let shuffled = crate::detect::testing::shuffled(rows, 5);
        assert!(state(std::slice::from_ref(&shuffled)) == whole);
        let (left, right) = shuffled.split_at(140_000);
        assert!(state(&[left.to_vec(), right.to_vec()]) == whole);
    }
}
