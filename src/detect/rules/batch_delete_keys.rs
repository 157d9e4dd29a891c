//! DEL-013: which keys multi-object deletes removed, put together from both logs.

use super::{samples, take};
use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended};
use crate::detect::deletions::DeletionsView;
use crate::detect::entities::{Entities, EntityKey, State, field};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows, shortened};
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, about, share};
use crate::detect::minutes::log_index;
use crate::detect::{DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, restore, saved};
use crate::parse::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// DEL-013 `batch-delete-keys`.
pub static RULE: Rule = Rule {
    id: "DEL-013",
    name: "batch-delete-keys",
    title: "The keys of multi-object deletes",
    severity: Severity::Info,
    attack: &["T1485"],
    looks_for: "Multi-object deletes: DeleteObjects in CloudTrail, which says who but not which keys, and \
        REST.POST.MULTI_OBJECT_DELETE with its BATCH.DELETE.OBJECT lines in access logs, which name the keys. They are \
        joined by request id, and where that differs by host id (x-amz-id-2). The alert lists up to 100 keys and says \
        of how many keys the delete was permanent (a version was named), left a marker (no version was named, and the \
        logs show versions in the bucket) or is unknown. There is one alert for a caller, a bucket and a UTC day, which \
        says how many requests there were.",
    why: "Neither log alone says who deleted what. What left a marker can be brought back.",
    cannot_see: "The keys where only CloudTrail shows the request: then it says so. Whether a bucket without any version \
        in the logs has versioning. Above a limit of memory the keys of a sample of the requests are listed, which is said.",
    false_positives: "It is not an accusation: jobs that clean up delete in batches. DEL-001 and LOG-001 judge.",
    next_steps: &[
        "Remove the delete markers of the keys that left one.",
        "Look for copies of the keys that were deleted for good: backups, replicas, Glacier.",
    ],
    thresholds: &[],
    activity_columns: &["operation", "bucket_name", "principal", "version_id", "host_id"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("DEL-013":
        "fires" S3Access "log" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(|_| Box::new(BatchDeleteKeys::new())),
};

/// Keys that an alert lists, and keys that are counted exactly: a request has at most 1,000
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
const LISTED: usize = 100;
const COUNTED: usize = 1024;

/// Bytes of the detector.
const BUDGET: usize = 8 << 20;

struct BatchDeleteKeys {
    /// By request id.
    requests: Entities<Request>,
    key: EntityKey,
}

/// A multi-object delete.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Request {
    /// The smallest of those seen, which is one unless somebody forged a line.
    bucket: Option<Box<str>>,
    principal: Option<Box<str>>,
    host_id: Option<Box<str>>,
    rows: [EvidenceRows; 2],
    facts: Facts,
    /// Is it a multi-object delete, and not another request with a deleted key?
    is_batch: bool,
    done: KeySample,
    refused: KeySample,
    with_version: KeySample,
    /// Those with the smallest fingerprints.
    listed: BTreeMap<u64, Box<str>>,
}

impl State for Request {
    /// At the second level the list is shorter.
    const LEVELS: u32 = 1;

    fn weight(&self, level: u32) -> usize {
        let samples = [&self.done, &self.refused, &self.with_version];
        let rows: usize = self.rows.iter().map(|rows| rows.weight(EVIDENCE_ROWS)).sum();
        // Keys are reckoned as if each had 128 bytes.
        let listed = self.listed.len().min(listed_at(level)) * 192;
        samples.map(|sample| sample.weight(COUNTED)).iter().sum::<usize>()
            + rows
            + listed
            + self.facts.weight()
            + 300
    }

    fn cut(&mut self, level: u32) {
        while self.listed.len() > listed_at(level) {
            self.listed.pop_last();
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (mine, theirs) in [
            (&mut self.bucket, other.bucket),
            (&mut self.principal, other.principal),
            (&mut self.host_id, other.host_id),
        ] {
            *mine = mine.take().into_iter().chain(theirs).min();
        }
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            mine.merge(EVIDENCE_ROWS, theirs);
        }
        self.facts.merge(&other.facts);
        self.is_batch |= other.is_batch;
        self.done.merge(COUNTED, &other.done);
        self.refused.merge(COUNTED, &other.refused);
        self.with_version.merge(COUNTED, &other.with_version);
        self.listed.extend(other.listed);
        self.cut(level);
    }
}

fn listed_at(level: u32) -> usize {
    if level == 0 { LISTED } else { 10 }
}

impl Request {
    /// Lists a key if it is among those with the smallest fingerprints.
    fn list(&mut self, level: u32, fingerprint: u64, key: &str) {
        let is_full = self.listed.len() >= listed_at(level);
        let is_beyond = self.listed.last_key_value().is_some_and(|(largest, _)| fingerprint > *largest);
        if !(is_full && is_beyond) {
            self.listed.insert(fingerprint, shortened(key, 1024).into());
            self.cut(level);
        }
    }
}

/// The smaller of a text that is known and another, cut as in [`field`].
fn keep_smallest(known: &mut Option<Box<str>>, text: Option<&str>) {
    let Some(text) = text.map(field) else { return };
    if known.as_deref().is_none_or(|known| *text < *known) {
        *known = Some((*text).into());
    }
}

impl BatchDeleteKeys {
    fn new() -> BatchDeleteKeys {
        BatchDeleteKeys { requests: Entities::with_budget(BUDGET), key: EntityKey::default() }
    }

    /// Requests whose host id is the same are one.
    fn joined(&mut self) -> BTreeMap<(Option<Box<str>>, String), Request> {
        let mut by_host: BTreeMap<(Option<Box<str>>, String), Request> = BTreeMap::new();
        let level = self.requests.state_level();
        for (entity, request) in self.requests.take_sorted() {
            let id = EntityKey::fields(&entity).into_iter().flatten().collect::<String>();
            let name = request.host_id.clone().map_or((None, id), |host_id| (Some(host_id), String::new()));
            by_host.entry(name).or_default().merge(request, level);
        }
        by_host
    }

    /// What the requests removed, by caller, bucket and day.
    fn days(&mut self, deletions: &DeletionsView<'_>) -> BTreeMap<DayOf, Day> {
        let mut days: BTreeMap<DayOf, Day> = BTreeMap::new();
        for request in self.joined().into_values().filter(|request| request.is_batch) {
            let Some(bucket) = request.bucket.clone() else { continue };
            let first_ms = request.rows.iter().filter_map(EvidenceRows::first_seen_ms).min();
            let is_versioned = deletions.is_versioned(&bucket);
            let of = (request.principal.clone(), bucket, first_ms.map(|time_ms| time_ms.div_euclid(DAY_MS)));
            days.entry(of).or_default().add(request, is_versioned);
        }
        days
    }
}

/// Caller, bucket and days since 1970.
type DayOf = (Option<Box<str>>, Box<str>, Option<i64>);

/// What multi-object deletes removed of one bucket.
#[derive(Default)]
struct Day {
    requests: u64,
    /// Requests whose keys no log names.
    unnamed: u64,
    done: u64,
    refused: u64,
    permanent: u64,
    marker: u64,
    unknown: u64,
    halvings: u32,
    rows: [EvidenceRows; 2],
    facts: Facts,
    /// Keys with the smallest fingerprints.
    listed: BTreeMap<u64, Box<str>>,
}

impl Day {
    fn add(&mut self, request: Request, is_versioned: bool) {
        let (done, refused) = (request.done.distinct(), request.refused.distinct());
        let permanent = request.with_version.distinct().min(done);
        let rest = done - permanent;
        self.requests += 1;
        self.unnamed += u64::from(done + refused == 0);
        self.done += done;
        self.refused += refused;
        self.permanent += permanent;
        *(if is_versioned || permanent > 0 { &mut self.marker } else { &mut self.unknown }) += rest;
        self.halvings = self.halvings.max(request.done.halvings());
        self.rows.iter_mut().zip(request.rows).for_each(|(mine, theirs)| mine.merge(EVIDENCE_ROWS, theirs));
        self.facts.merge(&request.facts);
        self.listed.extend(request.listed);
        while self.listed.len() > LISTED {
            self.listed.pop_last();
        }
    }

    fn alert(&self, principal: Option<&str>, bucket: &str, day: Option<i64>) -> Alert {
        let Day { requests, unnamed, done, refused, permanent, marker, unknown, halvings, .. } = *self;
        let mut alert = Alert::of(&RULE, &[principal, Some(bucket)], day.map(|day| day.saturating_mul(DAY_MS)));
        alert.set_evidence([&self.rows[0], &self.rows[1]]);
        alert.outcome = match (done + unnamed > 0, refused > 0) {
            (true, true) => Outcome::Mixed,
            (false, true) => Outcome::Denied,
            _ => Outcome::Success,
        };
        alert.window_seconds = 86_400;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        self.facts.tell(&mut alert);
        alert.object_key.take_if(|_| done + refused != 1);
        // A request names one key at least.
        alert.count = done + unnamed;
        let name = principal.unwrap_or("An unknown caller");
        let times = counted(requests, "request", "requests");
        alert.summary = if done + refused == 0 {
            format!("{name} deleted keys that no log names of {bucket} in {times}.")
        } else {
            format!(
                "{name} deleted {}{} of {bucket} in {times}: {permanent} for good, {marker} left a marker, {unknown} \
                 unknown; {refused} refused.",
                about(halvings),
                counted(done, "key", "keys"),
            )
        };
        alert.reasons = vec![if alert.logs.len() == 2 {
            "Both logs show it.".to_owned()
        } else {
            format!("Only {} shows it.", alert.logs.join(" and "))
        }];
        if unnamed > 0 && done + refused > 0 {
            alert.reasons.push(format!("Of {unnamed} of the requests no log names the keys."));
        }
        let keys: Vec<&str> = self.listed.values().map(|key| &**key).collect();
        alert.observed = [
            ("requests", json!(requests)),
            ("requests_with_unknown_keys", json!(unnamed)),
            ("keys", json!(keys)),
            ("keys_not_listed", json!((done + refused).saturating_sub(keys.len() as u64))),
            ("deleted_keys", json!(done)),
            ("refused_keys", json!(refused)),
            ("permanent", json!(permanent)),
            ("marker", json!(marker)),
            ("unknown", json!(unknown)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert
    }
}

impl Detector for BatchDeleteKeys {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut deletes: Vec<usize> = Vec::new();
        codes.each(Among::Acts(&[Act::Delete, Act::DeleteMany]), |row| deletes.push(row));
        if deletes.is_empty() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [operation, bucket, principal, keys, version, request, host] =
            ["operation", "bucket_name", "principal", "object_key", "version_id", "request_id", "host_id"]
                .map(|name| batch.text(name));
        let mut requests = Vec::new();
        for row in deletes {
            let is_part = cell(operation, row) == Some("BATCH.DELETE.OBJECT");
            let is_request = codes.act[row] == Act::DeleteMany;
            let is_answered = is_part || codes.ended[row] == Ended::Done;
            if (is_part || is_request) && is_answered && codes.request[row] != 0 {
                requests.push((row, is_part));
            }
        }
        let log = log_index(batch.log);
        // The parts of a request mostly stand together: each run is one look-up.
        for rows in requests.chunk_by(|left, right| codes.request[left.0] == codes.request[right.0]) {
            let entity = self.key.set(&[cell(request, rows[0].0)]);
            self.requests.observe(entity, rows.len() as u64, |state, level| {
                for (row, is_part) in rows.iter().copied() {
                    for (known, text) in [
                        (&mut state.bucket, cell(bucket, row)),
                        (&mut state.principal, cell(principal, row)),
                        (&mut state.host_id, cell(host, row)),
                    ] {
                        keep_smallest(known, text);
                    }
                    state.rows[log].observe(EVIDENCE_ROWS, &columns, row);
                    state.facts.observe(&columns, row);
                    let is_done = codes.ended[row] == Ended::Done;
                    state.is_batch |= codes.act[row] == Act::DeleteMany || is_done;
                    let Some(key) = cell(keys, row).filter(|_| is_part) else { continue };
                    let kept = if is_done { &mut state.done } else { &mut state.refused };
                    kept.insert(COUNTED, codes.key[row]);
                    if is_done && cell(version, row).is_some() {
                        state.with_version.insert(COUNTED, codes.key[row]);
                    }
                    state.list(level, codes.key[row], key);
                }
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: BatchDeleteKeys = take(other);
        self.requests.merge(other.requests);
    }

    fn finish(mut self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let days = self.days(shared.deletions);
        findings.alerts = days
            .iter()
            .map(|((principal, bucket, day), it)| it.alert(principal.as_deref(), bucket, *day))
            .collect();
        // Not a limit hit: nothing here accuses anybody, and DEL-001 and LOG-001 count every key all the same.
        let halvings = self.requests.halvings();
        findings.notes.extend((halvings > 0).then(|| {
            format!(
                "{}: More multi-object deletes than {} MiB hold: the keys of {} are listed; DEL-001 and LOG-001 judge \
                 all of them.",
                RULE.id,
                BUDGET >> 20,
                share(halvings)
            )
        }));
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.requests)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.requests = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Config;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn part(number: i64) -> (LogType, Activity) {
        let row = Activity {
            operation: "BATCH.DELETE.OBJECT",
            status: Some(204),
            key: Some(format!("key {number}")),
            line: number,
            ..Activity::default()
        };
        (S3Access, row)
    }

    fn request() -> (LogType, Activity) {
        (CloudTrail, Activity { action: "DeleteObjects", key: None, ..Activity::default() })
    }

    #[test]
    fn the_keys_of_a_request_are_put_together_from_both_logs() {
        let mut rows: Vec<_> = (0..5).map(part).collect();
        rows.push(request());
        rows[0].1.version = Some("v1");
        (rows[4].1.outcome, rows[4].1.status) = ("denied", Some(403));
        let found = detect(&RULE, &Config::default(), &rows);
        let [alert] = &found.alerts[..] else { panic!("{} alerts", found.alerts.len()) };
        let of = |name| alert.observed[name].clone();
        assert_eq!((alert.count, alert.logs.len(), alert.outcome), (4, 2, Outcome::Mixed));
        assert_eq!((of("permanent"), of("marker"), of("unknown")), (json!(1), json!(3), json!(0)));
        assert_eq!((of("refused_keys"), of("keys").as_array().map(Vec::len)), (json!(1), Some(5)));
    }

    #[test]
    fn without_versions_in_the_logs_it_is_unknown_and_without_keys_that_is_said() {
        let found = detect(&RULE, &Config::default(), &(0..3).map(part).collect::<Vec<_>>());
        assert_eq!(found.alerts[0].observed["unknown"], json!(3));
        let found = detect(&RULE, &Config::default(), &[request()]);
        assert!(found.alerts[0].summary.contains("keys that no log names"), "{}", found.alerts[0].summary);
        assert_eq!(found.alerts[0].count, 1);
    }

    #[test]
    fn requests_of_a_day_are_one_alert_and_a_long_list_is_cut_and_said() {
        let mut rows: Vec<_> = (0..300).map(part).collect();
        rows[0].1.request = "R2".to_owned();
        (rows[1].1.request, rows[1].1.time_ms) = ("R3".to_owned(), Some(DAY_MS));
        (rows[2].1.request, rows[2].1.principal) = ("R4".to_owned(), "arn:aws:iam::111122223333:user/bob");
        let found = detect(&RULE, &Config::default(), &rows);
        assert_eq!(found.alerts.len(), 3);
        let long = found.alerts.iter().find(|alert| alert.count == 298).unwrap();
        assert_eq!((&long.observed["requests"], long.severity), (&json!(2), Severity::Info));
        assert_eq!(long.observed["keys"].as_array().map(Vec::len), Some(100));
        assert_eq!(long.observed["keys_not_listed"], json!(198));
    }
}
