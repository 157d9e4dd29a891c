//! GET-014: somebody without credentials reads objects.

use super::{samples, take};
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::batch::{Word, cell};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, about, fingerprint, share};
use crate::detect::minutes::log_index;
use crate::detect::{Config, DetectBatch, Detector, Evidence, Findings, Rule, Threshold};
use crate::parse::{LogType, time::DAY_MS};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;

/// Keys and addresses remembered a bucket and day; beyond it their numbers are estimates. Halved at each level.
const MOST_KEYS: usize = 1024;

/// Bytes of a detector.
const BUDGET: usize = 20 << 20;

/// GET-014 `anonymous-object-read`.
pub static RULE: Rule = Rule {
    id: "GET-014",
    name: "anonymous-object-read",
    title: "Objects were read without credentials",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "GetObject with a 2xx answer for a caller that did not authenticate, in either log, website endpoints \
        included, in a bucket that the configuration does not list under public_buckets. There is one alert for a \
        bucket and a UTC day. The level is medium, and high from a number of different keys on. Where both logs show \
        the reads the larger number counts.",
    why: "A bucket that anybody can read leaks whatever is put into it. Most such buckets were opened by mistake.",
    cannot_see: "Reads that were answered with 304 Not Modified, and reads through a presigned URL, which carry the \
        credentials of its maker. Who the caller was.",
    false_positives: "Web sites and public downloads: list their buckets under public_buckets. Alerts kept quiet that \
        way are counted.",
    next_steps: &[
        "Find out whether the bucket is meant to be public; if it is, list it under public_buckets.",
        "Turn on S3 Block Public Access for the bucket or the account.",
        "List the keys that were read, and treat secrets among them as known to others.",
    ],
    thresholds: &[Threshold {
        name: "keys_high",
        default: 15,
        source: "Elastic's hunting query for anonymous reads of S3 (15 objects)",
    }],
    activity_columns: &["service", "outcome", "http_status", "bucket_name", "principal_kind", "remote_ip"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("GET-014":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    new: |config| Box::new(AnonymousObjectRead::new(config)),
};

struct AnonymousObjectRead {
    public_buckets: BTreeSet<String>,
    keys_high: u64,
    /// By bucket and day.
    reads: Entities<Reads>,
    key: EntityKey,
}

#[derive(Debug, Default)]
struct Reads {
    logs: [EvidenceRows; 2],
    keys: [KeySample; 2],
    addresses: KeySample,
    facts: Facts,
}

/// Rows of evidence at a level.
fn rows_at(level: u32) -> usize {
    if level < 3 { EVIDENCE_ROWS } else { 1 }
}

impl State for Reads {
    /// At the last 16 keys are left, which is enough for the default of keys_high.
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let rows: usize = self.logs.iter().map(|rows| rows.weight(rows_at(level))).sum();
        let samples = self.keys.iter().chain([&self.addresses]);
        rows + self.facts.weight() + samples.map(|sample| sample.weight(MOST_KEYS >> level)).sum::<usize>()
    }

    fn cut(&mut self, level: u32) {
        self.logs.iter_mut().for_each(|rows| rows.keep_at_most(rows_at(level)));
        self.keys.iter_mut().for_each(|sample| sample.lower(MOST_KEYS >> level));
        self.addresses.lower(MOST_KEYS >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (mine, theirs) in self.logs.iter_mut().zip(other.logs) {
            mine.merge(rows_at(level), theirs);
        }
        for (mine, theirs) in self.keys.iter_mut().zip(&other.keys) {
            mine.merge(MOST_KEYS >> level, theirs);
        }
        self.addresses.merge(MOST_KEYS >> level, &other.addresses);
        self.facts.merge(&other.facts);
    }
}

impl AnonymousObjectRead {
    fn new(config: &Config) -> AnonymousObjectRead {
        AnonymousObjectRead {
            public_buckets: config.public_buckets.clone(),
            keys_high: config.threshold(&RULE, "keys_high"),
            reads: Entities::with_budget(BUDGET),
            key: EntityKey::default(),
        }
    }

    fn alert(&self, bucket: &str, day: Option<&str>, reads: &Reads) -> Alert {
        let level = self.reads.state_level();
        let count = reads.logs[0].total().max(reads.logs[1].total());
        let [keys, other_keys] = [0, 1].map(|log| at_most(&reads.keys[log], reads.logs[log].total()));
        let keys = keys.max(other_keys);
        let addresses = at_most(&reads.addresses, count);
        let [key_halvings, address_halvings] =
            [&reads.keys[..], std::slice::from_ref(&reads.addresses)].map(halvings);
        let is_high = reads.keys.iter().any(|keys| keys.reaches(MOST_KEYS >> level, self.keys_high));
        let start = day.and_then(|day| day.parse::<i64>().ok()).map(|day| day * DAY_MS);
        let mut alert = Alert::of(&RULE, &[Some(bucket)], start);
        alert.set_evidence([&reads.logs[0], &reads.logs[1]]);
        alert.severity = if is_high { Severity::High } else { Severity::Medium };
        alert.window_seconds = 86_400;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = Some("anonymous".to_owned());
        reads.facts.tell(&mut alert);
        alert.count = count;
        alert.summary = format!(
            "Callers without credentials read {}{} of {bucket} in {} from {}{}.",
            about(key_halvings),
            counted(keys, "key", "different keys"),
            counted(count, "request", "requests"),
            about(address_halvings),
            counted(addresses, "address", "addresses"),
        );
        alert.reasons = vec!["The configuration does not list the bucket under public_buckets.".to_owned()];
        if is_high {
            alert
                .reasons
                .push(format!("At least {} read.", counted(self.keys_high, "key was", "different keys were")));
        }
        if key_halvings.max(address_halvings) > 0 {
            alert.reasons.push("The numbers of keys and addresses are estimates from a sample.".to_owned());
        }
        alert.observed = [
            ("requests", json!(count)),
            ("keys", json!(keys)),
            ("addresses", json!(addresses)),
            ("sampled_share", json!(share(key_halvings.max(address_halvings)))),
        ]
        .into();
        alert.expected = [("requests", json!(0)), ("keys_high", json!(self.keys_high))].into();
        alert
    }
}

/// How many different ones; an estimate is never above the number of records.
fn at_most(sample: &KeySample, records: u64) -> u64 {
    if sample.is_exact() { sample.distinct() } else { sample.distinct().min(records) }
}

fn halvings(samples: &[KeySample]) -> u32 {
    samples.iter().map(KeySample::halvings).max().unwrap_or(0)
}

impl Detector for AnonymousObjectRead {
    fn observe(&mut self, batch: &DetectBatch<'_>) {
        let columns = EvidenceColumns::of(batch);
        let [kind, action, outcome, service, bucket, keys, address] =
            ["principal_kind", "action", "outcome", "service", "bucket_name", "object_key", "remote_ip"]
                .map(|name| batch.text(name));
        let status = batch.http_status();
        let [anonymous, get_object, success] = ["anonymous", "GetObject", "success"].map(Word::new);
        for row in 0..batch.len() {
            let is_read =
                anonymous.is_at(kind, row) && get_object.is_at(action, row) && success.is_at(outcome, row);
            if !is_read {
                continue;
            }
            let done = match batch.log {
                LogType::S3Access => (200..300).contains(&status.value(row)),
                LogType::CloudTrail => cell(service, row).is_some_and(|service| service.starts_with("s3")),
            };
            let (true, Some(bucket)) = (done, cell(bucket, row)) else { continue };
            let day = columns.event_time_ms(row).map(|time_ms| time_ms.div_euclid(DAY_MS).to_string());
            let entity = self.key.set(&[Some(bucket), day.as_deref()]);
            let log = log_index(batch.log);
            self.reads.observe(entity, 1, |state, level| {
                state.logs[log].observe(rows_at(level), &columns, row);
                if let Some(key) = cell(keys, row) {
                    state.keys[log].insert(MOST_KEYS >> level, fingerprint(key));
                }
                if let Some(address) = cell(address, row) {
                    state.addresses.insert(MOST_KEYS >> level, fingerprint(address));
                }
                state.facts.observe(&columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: AnonymousObjectRead = take(other);
        self.reads.merge(other.reads);
    }

    fn finish(self: Box<Self>) -> Findings {
        let mut findings = Findings::default();
        for (entity, reads) in self.reads.sorted() {
            let fields = EntityKey::fields(entity);
            let [Some(bucket), day] = fields[..] else { continue };
            if self.public_buckets.contains(bucket) {
                findings.suppressed += 1;
            } else {
                findings.alerts.push(self.alert(bucket, day, reads));
            }
        }
        findings.notes = self.reads.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
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

    fn reads(log: LogType, keys: i64) -> Vec<(LogType, Activity)> {
        let read = |number: i64| Activity {
            action: "GetObject",
            kind: "anonymous",
            principal: "anonymous",
            key: Some(format!("key {number}")),
            line: number,
            ..Activity::default()
        };
        (0..keys).map(|number| (log, read(number))).collect()
    }

    #[test]
    fn one_read_is_medium_and_fifteen_keys_are_high() {
        for (keys, expected) in
            [(1, Severity::Medium), (14, Severity::Medium), (15, Severity::High), (3000, Severity::High)]
        {
            let found = detect(&RULE, &Config::default(), &reads(S3Access, keys));
            let [alert] = &found.alerts[..] else { panic!("{} alerts", found.alerts.len()) };
            assert_eq!((alert.severity, alert.count), (expected, keys as u64));
            assert!(alert.observed["keys"].as_u64().unwrap() <= keys as u64);
            let is_sampled = alert.observed["sampled_share"] != json!("all");
            assert_eq!(
                (is_sampled, alert.summary.contains("about"), found.limited),
                (keys > 1024, keys > 1024, keys > 1024)
            );
        }
    }

    #[test]
    fn both_logs_of_the_same_reads_count_once_and_a_day_is_an_alert() {
        let mut rows = [reads(S3Access, 4), reads(CloudTrail, 3)].concat();
        rows[0].1.time_ms = Some(DAY_MS);
        let found = detect(&RULE, &Config::default(), &rows);
        let seen: Vec<(u64, usize)> = found.alerts.iter().map(|alert| (alert.count, alert.logs.len())).collect();
        assert_eq!(seen, [(3, 2), (1, 1)]);
    }

    #[test]
    fn reads_of_public_buckets_by_others_or_without_content_are_none() {
        let changed = |change: fn(&mut Activity), config: &str| {
            let mut rows = reads(S3Access, 2);
            rows.iter_mut().for_each(|(_, row)| change(row));
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            (found.alerts.len(), found.suppressed)
        };
        assert_eq!(changed(|_| (), ""), (1, 0));
        assert_eq!(changed(|_| (), "public_buckets = ['bucket']"), (0, 1));
        assert_eq!(changed(|_| (), "public_buckets = ['bucke*']"), (1, 0));
        assert_eq!(changed(|row| row.kind = "user", ""), (0, 0));
        assert_eq!(changed(|row| row.status = Some(304), ""), (0, 0));
        assert_eq!(changed(|row| row.outcome = "denied", ""), (0, 0));
        assert_eq!(changed(|row| row.action = "HeadObject", ""), (0, 0));
    }

    #[test]
    fn the_address_is_named_if_there_is_only_one() {
        let mut rows = reads(S3Access, 3);
        let address = |rows: &[(LogType, Activity)]| {
            let alert = detect(&RULE, &Config::default(), rows).alerts.remove(0);
            (alert.remote_ip, alert.observed["addresses"].clone())
        };
        assert_eq!(address(&rows), (Some("192.0.2.1".to_owned()), json!(1)));
        rows[1].1.ip = "198.51.100.9";
        assert_eq!(address(&rows), (None, json!(2)));
    }

    #[test]
    fn many_buckets_stay_in_the_budget() {
        let row = reads(S3Access, 1).remove(0).1;
        flood(|| AnonymousObjectRead::new(&Config::default()), |detector| detector.reads.bytes(), S3Access, &row);
    }
}
