//! What was deleted: by whom, where and when. The rules about deletes read it at the end.
//!
//! Deletes of services and of lifecycle are none, nor are those that were refused or failed. Keys in folders that data
//! engines empty themselves are apart, so that such a job hides nobody.

use super::DetectBatch;
use super::batch::cell;
use super::codes::{Act, Among, Codes, Ended, Who};
use super::entities::{Entities, EntityKey, State};
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::facts::Facts;
use super::key_sample::{KeySample, fingerprint, share};
use super::key_shape::is_temporary;
use super::minutes::{KeyTable, MINUTE_MS, MOST_KEYS, Series, SortedKeys, Stretch};
use super::records::Records;
use crate::parse::LogType;
use serde::{Deserialize, Serialize};

/// Bytes for the names and the evidence of callers. With [`MOST_KEYS`] and the buckets that is at most 18 MiB.
const CALLERS_BUDGET: usize = 5 << 20;

/// Buckets remembered as versioned; beyond it a sample.
const MOST_BUCKETS: usize = 1 << 14;

/// Third field of an entity whose keys are [temporary](is_temporary).
const TEMPORARY: &str = "temporary objects";

/// What was deleted; the state merges and does not depend on order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deletions {
    /// By principal, bucket and whether the keys are temporary.
    callers: Entities<Deletes>,
    /// Deleted keys by the fingerprint of the same.
    keys: KeyTable,
    /// Buckets in which a version was named, or a delete left a marker.
    versioned: KeySample,
}

impl Default for Deletions {
    fn default() -> Deletions {
        let (callers, versioned) = (Entities::with_budget(CALLERS_BUDGET), KeySample::default());
        Deletions { callers, keys: KeyTable::with_cap(MOST_KEYS), versioned }
    }
}

/// Records of one caller's deletes in one bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Deletes {
    records: Records,
    /// Does any name a version?
    name_versions: bool,
}

impl State for Deletes {
    const LEVELS: u32 = Records::LEVELS;

    fn weight(&self, level: u32) -> usize {
        self.records.weight(level)
    }

    fn cut(&mut self, level: u32) {
        self.records.cut(level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.records.merge(other.records, level);
        self.name_versions |= other.name_versions;
    }
}

impl Deletions {
    /// Columns of `activity` beside those of [`Codes`] and [`EvidenceColumns`].
    pub const COLUMNS: [&'static str; 4] = ["operation", "bucket_name", "principal", "version_id"];
    /// Columns of `cloudtrail`.
    pub const CLOUDTRAIL_COLUMNS: [&'static str; 1] = ["response_elements"];

    /// Takes the rows that are not routine.
    pub fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut deletes: Vec<usize> = Vec::new();
        codes.each(Among::Acts(&[Act::Delete, Act::DeleteMany]), |row| deletes.push(row));
        if deletes.is_empty() {
            return;
        }
        self.observe_versions(batch, codes);
        let is_delete = |row: &usize| {
            codes.ended[*row] == Ended::Done
                && codes.who[*row] != Who::Service
                && codes.place[*row].is_some()
                && match codes.act[*row] {
                    Act::Delete => true,
                    Act::DeleteMany => batch.log == LogType::CloudTrail,
                    _ => false,
                }
        };
        let [bucket, principal, keys, operation] =
            ["bucket_name", "principal", "object_key", "operation"].map(|name| batch.text(name));
        let deletes = deletes.into_iter().filter(is_delete).map(|row| {
            let key = cell(keys, row).filter(|_| codes.act[row] == Act::Delete);
            (row, key.is_some_and(is_temporary))
        });
        let deletes: Vec<(usize, bool)> = deletes.collect();
        if deletes.is_empty() {
            return;
        }
        let (columns, mut name) = (EvidenceColumns::of(batch), EntityKey::default());
        // Deletes come in runs, of which each is one look-up.
        for rows in
            deletes.chunk_by(|left, right| codes.place[left.0] == codes.place[right.0] && left.1 == right.1)
        {
            let (first, is_temporary) = rows[0];
            let [principal, bucket] = [principal, bucket].map(|column| cell(column, first));
            // Of the caller as such: the row of CloudTrail, which parts of a request fill, names no key.
            let caller = fingerprint(name.set(&[principal, bucket, None]));
            let entity = name.set(&[principal, bucket, is_temporary.then_some(TEMPORARY)]);
            let of_entity = fingerprint(entity);
            let mut last_request = None;
            for (row, _) in rows.iter().copied() {
                let Some(time_ms) = columns.event_time_ms(row) else { continue };
                let (is_named, request) = (codes.act[row] == Act::Delete, codes.request[row]);
                let is_part =
                    batch.log == LogType::S3Access && cell(operation, row) == Some("BATCH.DELETE.OBJECT");
                let request_then = Some((request, time_ms.div_euclid(MINUTE_MS)));
                if is_part && request != 0 && last_request != request_then {
                    self.keys.insert(caller, batch.log, time_ms, request, false);
                    last_request = request_then;
                }
                let what = if is_named { codes.key[row] } else { request };
                if what != 0 {
                    self.keys.insert(of_entity, batch.log, time_ms, what, is_named);
                }
            }
            self.callers.observe(entity, rows.len() as u64, |state, level| {
                for (row, _) in rows.iter().copied() {
                    state.records.observe(level, batch.log, &columns, row);
                    state.name_versions |= codes.names_version[row];
                }
            });
        }
    }

    fn observe_versions(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let [bucket, version] = ["bucket_name", "version_id"].map(|name| batch.text(name));
        let answers = (batch.log == LogType::CloudTrail).then(|| batch.native_text("response_elements"));
        // What was refused, and the version that objects have without versioning, show nothing.
        let is_delete = |row: &usize| codes.act[*row] == Act::Delete && codes.ended[*row] == Ended::Done;
        for row in (0..batch.len()).filter(is_delete) {
            let answer = answers.and_then(|answers| cell(answers, row));
            let has_left_marker = answer.is_some_and(|answer| answer.contains("x-amz-delete-marker"));
            if let Some(bucket) = cell(bucket, row)
                .filter(|_| has_left_marker || cell(version, row).is_some_and(|version| version != "null"))
            {
                self.versioned.insert(MOST_BUCKETS, fingerprint(bucket));
            }
        }
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: Deletions) {
        self.callers.merge(other.callers);
        self.keys.merge(other.keys);
        self.versioned.merge(MOST_BUCKETS, &other.versioned);
    }

    /// All, to be read.
    pub fn view(&self) -> DeletionsView<'_> {
        let level = self.callers.state_level();
        let keys = self.keys.sorted();
        let callers = self.callers.sorted().into_iter().filter_map(|(entity, deletes)| {
            let &[principal, Some(bucket), temporary] = &EntityKey::fields(entity)[..] else { return None };
            let is_temporary = temporary.is_some();
            Some(Deleter { principal, bucket, is_temporary, entity: fingerprint(entity), deletes, level })
        });
        let mut callers: Vec<Deleter<'_>> = callers.collect();
        callers.sort_by_key(|caller| (caller.bucket, caller.principal, caller.is_temporary));
        DeletionsView { callers, keys, versioned: &self.versioned }
    }

    /// Sentences about what was left out or is estimated, if anything is.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let sampled = (self.keys.halvings() > 0).then(|| {
            format!(
                "More than {MOST_KEYS} deleted keys: numbers are estimates from a sample of {} keys, and what is not \
                 clearly above a threshold is left out.",
                share(self.keys.halvings())
            )
        });
        [sampled, self.callers.note()].into_iter().flatten().map(|note| format!("deletes: {note}"))
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.callers.bytes() + self.keys.bytes()
    }
}

/// What was deleted, at the end of the input.
pub struct DeletionsView<'a> {
    callers: Vec<Deleter<'a>>,
    keys: SortedKeys,
    versioned: &'a KeySample,
}

/// Who deleted in a bucket.
pub struct Deleter<'a> {
    /// Caller, if the log names it.
    pub principal: Option<&'a str>,
    /// Bucket.
    pub bucket: &'a str,
    /// Are these the keys in folders for temporary objects?
    pub is_temporary: bool,
    entity: u64,
    deletes: &'a Deletes,
    level: u32,
}

impl<'a> DeletionsView<'a> {
    /// All, in the order of buckets and callers.
    pub fn callers(&self) -> &[Deleter<'a>] {
        &self.callers
    }

    /// Those of one bucket.
    pub fn of_bucket(&self, bucket: &str) -> &[Deleter<'a>] {
        let start = self.callers.partition_point(|caller| caller.bucket < bucket);
        let end = self.callers.partition_point(|caller| caller.bucket <= bucket);
        &self.callers[start..end]
    }

    /// What one deleted over time.
    pub fn series(&self, caller: &Deleter<'_>) -> Series {
        self.keys.of(caller.entity)
    }

    /// Minute and fingerprint of the keys that one deleted; of a sample, after [`Self::halvings`].
    pub fn keys(&self, caller: &Deleter<'_>) -> Vec<(u32, u64)> {
        self.keys.points(caller.entity)
    }

    /// How often the share of the keys was halved.
    pub fn halvings(&self) -> u32 {
        self.keys.halvings()
    }

    /// Do the logs show versions in the bucket?
    pub fn is_versioned(&self, bucket: &str) -> bool {
        self.versioned.contains(fingerprint(bucket))
    }
}

impl Deleter<'_> {
    /// Who it is, as sentences name it.
    pub fn name(&self) -> &str {
        self.principal.unwrap_or("An unknown caller")
    }

    /// Does any of the deletes name a version?
    pub fn names_versions(&self) -> bool {
        self.deletes.name_versions
    }

    /// The first records of a stretch, by log, with the number of records.
    pub fn evidence(&self, series: &Series, stretch: &Stretch) -> [EvidenceRows; 2] {
        self.deletes.records.evidence.over(stretch, self.level, &series.totals(&stretch.minutes))
    }

    /// What all records agree on.
    pub fn facts(&self) -> &Facts {
        &self.deletes.records.facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, codes, shuffled};

    fn state(parts: &[&[Activity]]) -> Deletions {
        let mut whole = Deletions::default();
        for part in parts {
            let mut one = Deletions::default();
            Activity::batch(LogType::S3Access, part, |batch| one.observe(batch, &codes(batch)));
            whole.merge(one);
        }
        whole
    }

    fn told(state: &Deletions) -> (Vec<String>, u32, Vec<String>, usize) {
        let view = state.view();
        let names = view.callers().iter().map(|caller| format!("{} {}", caller.bucket, caller.name())).collect();
        (names, view.halvings(), state.notes().collect(), state.bytes())
    }

    #[test]
    fn three_hundred_thousand_callers_and_buckets_stay_in_the_budget_whatever_the_order() {
        let row = |number: i64| {
            let name: &'static str = Box::leak(format!("caller-{number}").into_boxed_str());
            Activity {
                action: "DeleteObject",
                operation: "REST.DELETE.OBJECT",
                status: Some(204),
                time_ms: Some(number * 1000),
                line: number,
                key: Some(format!("key {number}")),
                principal: name,
                bucket: Some(name),
                ..Activity::default()
            }
        };
        let rows: Vec<Activity> = (0..300_000).map(row).collect();
        let whole = state(&[&rows]);
        let told_whole = told(&whole);
        assert!(whole.bytes() < 24 << 20, "{}", whole.bytes());
        assert!(told_whole.0.len() > 2000 && !told_whole.2.is_empty(), "{}", told_whole.0.len());
        let other = shuffled(rows, 5);
        let (left, right) = other.split_at(140_000);
        assert!(told(&state(&[&other])) == told_whole && told(&state(&[left, right])) == told_whole);
        let restored: Deletions = crate::detect::restore(&crate::detect::saved(&whole)).unwrap();
        assert!(told(&restored) == told_whole);
    }
}
