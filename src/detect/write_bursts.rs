//! Rules that count different keys which one caller writes to a bucket in a sliding window of time, among rows that
//! conditions choose.
//!
//! Such a rule says which kinds of write a row is ([`WriteBurst::kinds`]), which of them count ([`WriteBurst::counted`]), and at the
//! end what a stretch of windows above the line means ([`WriteBurst::judge`]). A key that both logs show counts once.

use super::alert::{Alert, Confidence};
use super::batch::cell;
use super::capped::cap_of;
use super::codes::{Codes, Ended};
use super::entities::{Entities, EntityKey, State};
use super::evidence::EvidenceColumns;
use super::hits::Verdict;
use super::key_sample::{KeySample, fingerprint, share};
use super::minutes::{KeyTable, MINUTE_MS, Measure, Series, SortedKeys, Stretch, Totals};
use super::reading::DAY_MINUTES;
use super::records::Records;
use super::sigma::Matched;
use super::sigma::fields::Field;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use crate::parse::{LogType, cloudtrail::field as trail, s3_access::field as access};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// A rule of this form.
pub trait WriteBurst: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// Length of a window. Minutes are counted whole, so an hour that begins within one touches 61 of them.
    const WINDOW_MINUTES: i64;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// Different keys in a window from which on it is one.
    fn least(&self) -> u64;

    /// A bit for each kind that a row is; no row that is none is kept.
    fn kinds(&self, row: &MatchedRow<'_, '_, '_>) -> u8;

    /// Minutes with the keys that count, of those of each kind.
    fn counted(&self, of_kind: &dyn Fn(u8) -> Vec<(u32, u64)>) -> Vec<(u32, u64)> {
        of_kind(0)
    }

    /// What a stretch means.
    fn judge(&self, found: &Found<'_>, shared: &Shared<'_>) -> Verdict;

    /// What else is remembered of a row, to be [held](Found::others) against other keys.
    fn other(&self, _row: &MatchedRow<'_, '_, '_>) -> Option<u64> {
        None
    }
}

/// A row that a condition chose.
pub struct MatchedRow<'a, 'b, 'c> {
    matched: &'a Matched<'a, 'b, 'c>,
    in_cells: usize,
    row: usize,
}

impl<'a> MatchedRow<'a, '_, '_> {
    /// The log.
    pub fn log(&self) -> LogType {
        self.matched.batch.log
    }

    /// The call.
    pub fn action(&self) -> &'a str {
        cell(self.matched.batch.text("action"), self.row).unwrap_or_default()
    }

    /// The same as its log writes it.
    pub fn operation(&self) -> &'a str {
        let field = match self.log() {
            LogType::S3Access => access::OPERATION,
            LogType::CloudTrail => trail::EVENT_NAME,
        };
        self.field(field).unwrap_or_default()
    }

    /// The object.
    pub fn key(&self) -> Option<&'a str> {
        cell(self.matched.batch.text("object_key"), self.row)
    }

    /// The bucket.
    pub fn bucket(&self) -> Option<&'a str> {
        cell(self.matched.batch.text("bucket_name"), self.row)
    }

    /// A field of the row's table, by its number there.
    pub fn field(&self, field: usize) -> Option<&'a str> {
        let rows = self.matched.cells.table_rows(&[self.in_cells as u32]);
        self.matched.cells.table().text(*rows.first()? as usize, field)
    }

    /// The first value of a field of rules.
    pub fn value(&self, field: &Field) -> Option<String> {
        self.matched.cells.first_value(field, self.in_cells)
    }
}

/// Windows above the line, as one.
pub struct Found<'a> {
    /// Caller.
    pub principal: Option<&'a str>,
    /// Bucket.
    pub bucket: &'a str,
    /// When.
    pub stretch: &'a Stretch,
    /// Days before the day of the stretch on which the caller did as much of the same in the bucket.
    pub earlier_days: u64,
    /// Fingerprints of [`WriteBurst::other`], of the caller in the bucket at any time.
    pub others: &'a KeySample,
    entity: u64,
    keys: &'a SortedKeys,
    series: &'a Series,
    rows: &'a Rows,
    level: u32,
}

impl Found<'_> {
    /// How many different keys.
    pub fn count(&self) -> u64 {
        self.series.different(&self.stretch.minutes).keys
    }

    /// How many different keys of a kind; about, if [`Found::halvings`] is not 0.
    pub fn of_kind(&self, kind: u8) -> u64 {
        let minutes = &self.stretch.minutes;
        let points = self.keys.points(of_kind(self.entity, kind)).into_iter();
        let within = points.filter(|(minute, _)| minutes.contains(&i64::from(*minute)));
        (within.map(|(_, key)| key).collect::<HashSet<u64>>().len() as u64) << self.halvings()
    }

    /// How often the share of the keys was halved.
    pub fn halvings(&self) -> u32 {
        self.keys.halvings()
    }

    /// The first minute.
    pub fn first_minute(&self) -> u32 {
        u32::try_from(*self.stretch.minutes.start()).unwrap_or(0)
    }

    /// The caller as sentences name it.
    pub fn name(&self) -> &str {
        self.principal.unwrap_or("An unknown caller")
    }

    /// An alert with all that is known without the rule. Severity, summary and most reasons are the rule's.
    pub fn alert<B: WriteBurst>(&self, burst: &B) -> Alert {
        let start_ms = self.stretch.minutes.start() * MINUTE_MS;
        let mut alert = Alert::of(B::RULE, &[self.principal, Some(self.bucket)], Some(start_ms));
        // How many records each log has is told by what is kept of them.
        let all = [Totals { records: u64::MAX }; 2];
        let evidence = self.rows.records.evidence.over(self.stretch, self.level, &all);
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.confidence = if self.halvings() > 0 { Confidence::Medium } else { Confidence::High };
        alert.window_seconds = B::WINDOW_MINUTES as u64 * 60;
        alert.principal = self.principal.map(str::to_owned);
        alert.bucket = Some(self.bucket.to_owned());
        self.rows.records.facts.tell(&mut alert);
        alert.count = self.count();
        if self.halvings() > 0 {
            alert
                .reasons
                .push(format!("The numbers are estimates from a sample of {} keys.", share(self.halvings())));
        }
        alert.observed = [
            ("keys", json!(self.count())),
            ("keys_in_a_window", json!(self.stretch.peak.min(self.count()))),
            ("earlier_days", json!(self.earlier_days)),
            ("sampled_share", json!(share(self.halvings()))),
        ]
        .into();
        alert.expected = [("keys", json!(burst.least()))].into();
        alert
    }
}

/// Keys remembered of all callers: what a table of 2^17 cells holds.
const MOST_KEYS: usize = cap_of(1 << 17);

/// Fingerprints of [`WriteBurst::other`] a caller and bucket; beyond it a sample. Halved at each level.
const MOST_OTHERS: usize = 1024;

/// Bytes for evidence.
const BUDGET: usize = 5 << 20;

/// What is kept of one caller in one bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Rows {
    records: Records,
    others: KeySample,
}

impl State for Rows {
    const LEVELS: u32 = Records::LEVELS;

    fn weight(&self, level: u32) -> usize {
        self.records.weight(level) + self.others.weight(MOST_OTHERS >> level)
    }

    fn cut(&mut self, level: u32) {
        self.records.cut(level);
        self.others.lower(MOST_OTHERS >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.records.merge(other.records, level);
        self.others.merge(MOST_OTHERS >> level, &other.others);
    }
}

/// The keys of a kind of an entity are those of an entity of their own.
fn of_kind(entity: u64, kind: u8) -> u64 {
    entity ^ u64::from(kind).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The detector of a [`WriteBurst`].
pub struct WriteBurstDetector<B> {
    burst: B,
    entities: Entities<Rows>,
    keys: KeyTable,
    key: EntityKey,
}

impl<B: WriteBurst> WriteBurstDetector<B> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(WriteBurstDetector {
            burst: B::new(config),
            entities: Entities::with_budget(BUDGET),
            keys: KeyTable::with_cap(MOST_KEYS),
            key: EntityKey::default(),
        })
    }
}

impl<B: WriteBurst> Detector for WriteBurstDetector<B> {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn take(&mut self, matched: &Matched<'_, '_, '_>) {
        let (batch, codes) = (matched.batch, matched.codes);
        let columns = EvidenceColumns::of(batch);
        let [principal, bucket] = super::sigma::detector::COLUMNS.map(|name| batch.text(name));
        for (in_cells, row) in matched.rows {
            let row = *row as usize;
            let is_done = matches!(codes.ended[row], Ended::Done | Ended::Unchanged);
            let (Some(time_ms), Some(bucket)) = (columns.event_time_ms(row), cell(bucket, row)) else { continue };
            if !is_done || codes.key[row] == 0 {
                continue;
            }
            let seen = MatchedRow { matched, in_cells: *in_cells as usize, row };
            let kinds = self.burst.kinds(&seen);
            if kinds == 0 {
                continue;
            }
            let entity = self.key.set(&[cell(principal, row), Some(bucket)]);
            let of_entity = fingerprint(entity);
            for kind in (0..8).filter(|kind| kinds & (1 << kind) != 0) {
                self.keys.insert(of_kind(of_entity, kind), batch.log, time_ms, codes.key[row], true);
            }
            let other = self.burst.other(&seen);
            self.entities.observe(entity, 1, |rows, level| {
                rows.records.observe(level, batch.log, &columns, row);
                other.into_iter().for_each(|other| rows.others.insert(MOST_OTHERS >> level, other));
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: WriteBurstDetector<B> = super::rules::take(other);
        self.entities.merge(other.entities);
        self.keys.merge(other.keys);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let WriteBurstDetector { burst, entities, keys, .. } = *self;
        let sampled = (keys.halvings() > 0).then(|| {
            format!(
                "More than {MOST_KEYS} keys: numbers are estimates from a sample of {}, and what is not clearly above the \
                 threshold is left out.",
                share(keys.halvings())
            )
        });
        let keys = keys.into_sorted();
        for (name, rows) in entities.sorted() {
            let [principal, Some(bucket)] = EntityKey::fields(name)[..] else { continue };
            let entity = fingerprint(name);
            let counted = burst.counted(&|kind| keys.points(of_kind(entity, kind)));
            let mut days: BTreeMap<u32, HashSet<u64>> = BTreeMap::new();
            for (minute, key) in &counted {
                days.entry(minute / DAY_MINUTES).or_default().insert(*key);
            }
            days.retain(|_, different| (different.len() as u64) << keys.halvings() >= burst.least());
            let series = Series::of_keys(counted, keys.halvings());
            for stretch in series.stretches(B::WINDOW_MINUTES, burst.least(), Measure::Keys) {
                let day = u32::try_from(*stretch.minutes.start()).unwrap_or(0) / DAY_MINUTES;
                let found = Found {
                    principal,
                    bucket,
                    stretch: &stretch,
                    earlier_days: days.range(..day).count() as u64,
                    others: &rows.others,
                    entity,
                    keys: &keys,
                    series: &series,
                    rows,
                    level: entities.state_level(),
                };
                match burst.judge(&found, shared) {
                    Verdict::Alert(alert) => findings.alerts.push(alert),
                    Verdict::Suppressed(alert) => findings.suppressed.push(alert),
                    Verdict::Nothing => {}
                }
            }
        }
        let notes = [sampled, entities.note()].into_iter().flatten();
        findings.notes = notes.map(|note| format!("{}: {note}", B::RULE.id)).collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(&self.entities, &self.keys))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        (self.entities, self.keys) = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::sample_calls::{Calls, trail};
    use crate::detect::sample_run::{run, tables};
    use crate::detect::{Logs, Sample, rule};
    use crate::parse::LogType;

    /// What RAN-017 finds in some calls, however they are cut.
    fn found(calls: &[Calls]) -> crate::detect::Findings {
        let file: &'static str = trail(calls)[0].1.to_string().leak();
        let logs = Logs::Written(Box::leak(Box::new([(LogType::CloudTrail, file)])));
        let tables = tables(&Sample { name: "flood", logs, fires: false }).unwrap();
        let rule = rule("RAN-017").unwrap();
        let (whole, cut) = (run(rule, &tables, usize::MAX), run(rule, &tables, 700));
        assert_eq!((&whole.alerts, &whole.notes), (&cut.alerts, &cut.notes));
        whole
    }

    #[test]
    fn twelve_thousand_buckets_are_cut_to_the_budget_whatever_the_order() {
        let buckets =
            Calls { parameters: r#"{"bucketName":"reports-{}","key":"a.locked"}"#, count: 12_000, ..Calls::USUAL };
        let keys = Calls {
            parameters: r#"{"bucketName":"reports","key":"{}.locked"}"#,
            count: 400,
            every_ms: 1000,
            ..buckets
        };
        let whole = found(&[buckets, keys]);
        assert!(
            whole.limited && whole.notes.iter().any(|note| note.starts_with("RAN-017: ")),
            "{:?}",
            whole.notes
        );
    }

    #[test]
    fn windows_slide_and_what_the_caller_did_the_day_before_is_told() {
        let burst = |count: u32, every_ms: i64| Calls {
            parameters: r#"{"bucketName":"reports","key":"{}.locked"}"#,
            count,
            every_ms,
            ..Calls::USUAL
        };
        for (calls, expected) in [
            (&[burst(10, 60_000)][..], &[10][..]),
            (&[burst(9, 60_000)], &[]),
            (&[burst(30, 62_000)], &[30]),
            (&[burst(40, 90_000)], &[]),
            // Far apart on one day they are two.
            (&[burst(12, 1000), burst(12, 1000).after_minutes(60)], &[12, 12]),
            (&[burst(12, 1000), burst(12, 1000).after_minutes(1440)], &[12]),
            (&[burst(9, 1000), burst(12, 1000).after_minutes(1440)], &[12]),
        ] {
            let counts: Vec<u64> = found(calls).alerts.iter().map(|alert| alert.count).collect();
            assert_eq!(counts, expected, "{calls:?}");
        }
    }
}
