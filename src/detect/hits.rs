//! Rules that look for records of a kind and count them by who, where and day.
//!
//! Such a rule says which rows are hits and whom they belong to ([`Pattern::select`]), and at the end what a group of
//! them means ([`Pattern::judge`]). Everything between is here: grouping, joining of both logs, evidence, budget.

use super::alert::{Alert, Severity};
use super::codes::{Among, Codes};
use super::entities::{DayField, Entities, EntityKey, State};
use super::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use super::facts::Facts;
use super::key_sample::KeySample;
use super::minutes::log_index;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use crate::parse::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::any::Any;

/// A row that a rule looks for.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Whom hits are grouped by, besides the UTC day: caller, bucket and two more that the rule may use.
    pub entity: [Option<&'a str>; 4],
    /// What is done, as a fingerprint: rows of both logs with the same are one. Mostly [`what`].
    pub what: u64,
    /// A bit for each kind that the rule counts apart, from 1; at most [`KINDS`] of them.
    pub kinds: u8,
}

/// How many kinds of hits a rule can count apart from all.
pub const KINDS: usize = 4;

/// The fingerprint of an action on a key in a request, the same in both logs.
pub fn what(request_id: Option<&str>, key: u64) -> u64 {
    key ^ request_id.map(super::key_sample::fingerprint).unwrap_or_default().rotate_left(32)
}

/// What becomes of a group of hits.
pub enum Verdict {
    /// It is shown.
    Alert(Alert),
    /// It is a hit that the configuration keeps quiet.
    Suppressed(Alert),
    /// It is none.
    Nothing,
}

/// A rule of this form.
pub trait Pattern: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// Are the hits of each day a group of their own?
    const BY_DAY: bool = true;

    /// The rows that could be hits, as far as their codes tell.
    const AMONG: Among = Among::All;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// Is this row a hit, and whose? Called for every row of [`Pattern::AMONG`] that is not routine
    /// ([`super::sight::Sight::is_routine`]), so the first test should be one of `codes`.
    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>>;

    /// What a group of hits means. Its entity has the fields of [`Hit::entity`].
    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict;
}

/// Hits of one entity on one day.
pub struct Group<'a> {
    /// As in [`Hit::entity`].
    pub entity: [Option<&'a str>; 4],
    /// Days since 1970 UTC; `None` for records without a time, and where groups are not by day.
    pub day: Option<i64>,
    hits: &'a Hits,
    level: u32,
}

impl Group<'_> {
    /// How many hits: what both logs show is one.
    pub fn count(&self) -> u64 {
        self.hits.counts[0].count().0
    }

    /// How many hits of a kind, by its index from 0.
    pub fn of_kind(&self, kind: usize) -> u64 {
        self.hits.counts[1 + kind].count().0
    }

    /// How many different keys, at least.
    pub fn keys(&self) -> u64 {
        self.hits.keys.distinct().min(self.count())
    }

    /// Are there surely so many different keys?
    pub fn reaches_keys(&self, least: u64) -> bool {
        self.hits.keys.reaches(MOST_REMEMBERED >> self.level, least)
    }

    /// How many different addresses.
    pub fn addresses(&self) -> u64 {
        self.hits.addresses.distinct().min(self.count())
    }

    /// Halvings of the smallest sample that a number rests on.
    pub fn halvings(&self) -> u32 {
        let counts = self.hits.counts.iter().map(|joined| joined.count().1);
        counts.chain([self.hits.keys.halvings(), self.hits.addresses.halvings()]).max().unwrap_or(0)
    }

    /// Milliseconds of the first and the last hit.
    pub fn seen_ms(&self) -> (Option<i64>, Option<i64>) {
        let rows = &self.hits.rows;
        let first = rows.iter().filter_map(EvidenceRows::first_seen_ms).min();
        (first, rows.iter().filter_map(EvidenceRows::last_seen_ms).max())
    }

    /// The first records of the group.
    pub fn rows(&self) -> impl Iterator<Item = &super::evidence::EvidenceRow> {
        self.hits.rows.iter().flat_map(|rows| rows.rows())
    }

    /// An alert about the group with all that is known without the rule: caller, bucket, window of a day, count,
    /// evidence, and the numbers of keys and addresses. Severity, summary and reasons are the rule's.
    pub fn alert(&self, rule: &Rule) -> Alert {
        let [principal, bucket, ..] = self.entity;
        let mut alert = Alert::of(rule, &self.entity, self.day.map(|day| day.saturating_mul(DAY_MS)));
        alert.set_evidence([&self.hits.rows[0], &self.hits.rows[1]]);
        alert.window_seconds = 86_400;
        alert.principal = principal.map(str::to_owned);
        alert.bucket = bucket.map(str::to_owned);
        self.hits.facts.tell(&mut alert);
        alert.count = self.count();
        let sampled = super::key_sample::share(self.halvings());
        let observed: [(&'static str, Value); 4] = [
            ("requests", json!(self.count())),
            ("keys", json!(self.keys())),
            ("addresses", json!(self.addresses())),
            ("sampled_share", json!(sampled)),
        ];
        alert.observed = observed.into();
        alert
    }

    /// The same if the bucket holds logs, with the level cut, the confidence and the reasons that follow from how it is
    /// known.
    pub fn log_bucket_alert(&self, rule: &Rule, severity: Severity, shared: &Shared<'_>) -> Option<Alert> {
        let log_bucket = shared.known.log_bucket(shared.config, self.entity[1]?)?;
        let mut alert = self.alert(rule);
        alert.severity = log_bucket.at_most(severity);
        alert.confidence = log_bucket.confidence();
        alert.reasons = log_bucket.reasons();
        alert.reasons.extend(self.estimate());
        Some(alert)
    }

    /// A sentence if the numbers are estimates.
    pub fn estimate(&self) -> Option<String> {
        (self.halvings() > 0).then(|| "The numbers are estimates from a sample.".to_owned())
    }
}

/// Fingerprints remembered a group; beyond it numbers are estimates. Halved at each level.
const MOST_REMEMBERED: usize = 1024;

/// Bytes of a rule.
const BUDGET: usize = 6 << 20;

/// State of a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hits {
    rows: [EvidenceRows; 2],
    facts: Facts,
    /// All, and by kind.
    counts: [Joined; 1 + KINDS],
    keys: KeySample,
    addresses: KeySample,
}

/// What one log or both show, told by fingerprint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Joined {
    in_log: [u64; 2],
    different: KeySample,
}

impl Joined {
    /// Takes a row of a log.
    pub fn see(&mut self, most: usize, log: usize, what: u64) {
        self.in_log[log] += 1;
        self.different.insert(most, what);
    }

    /// How many there are, and the halvings of the sample if that is an estimate.
    pub fn count(&self) -> (u64, u32) {
        let [left, right] = self.in_log;
        if left == 0 || right == 0 {
            return (left + right, 0);
        }
        let different = self.different.distinct().clamp(left.max(right), left.saturating_add(right));
        (different, self.different.halvings())
    }

    /// Bytes beside the size of the type.
    pub fn weight(&self, most: usize) -> usize {
        self.different.weight(most)
    }

    /// Cuts the sample.
    pub fn lower(&mut self, most: usize) {
        self.different.lower(most);
    }

    /// Joins two.
    pub fn merge(&mut self, most: usize, other: &Joined) {
        self.in_log.iter_mut().zip(other.in_log).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self.different.merge(most, &other.different);
    }
}

/// Rows of evidence at a level.
fn rows_at(level: u32) -> usize {
    if level < 3 { EVIDENCE_ROWS } else { 1 }
}

impl State for Hits {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let most = MOST_REMEMBERED >> level;
        let rows: usize = self.rows.iter().map(|rows| rows.weight(rows_at(level))).sum();
        let counts: usize = self.counts.iter().map(|joined| joined.weight(most)).sum();
        rows + counts + self.facts.weight() + self.keys.weight(most) + self.addresses.weight(most)
    }

    fn cut(&mut self, level: u32) {
        let most = MOST_REMEMBERED >> level;
        self.rows.iter_mut().for_each(|rows| rows.keep_at_most(rows_at(level)));
        self.counts.iter_mut().for_each(|joined| joined.lower(most));
        self.keys.lower(most);
        self.addresses.lower(most);
    }

    fn merge(&mut self, other: Self, level: u32) {
        let most = MOST_REMEMBERED >> level;
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            mine.merge(rows_at(level), theirs);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| mine.merge(most, theirs));
        self.facts.merge(&other.facts);
        self.keys.merge(most, &other.keys);
        self.addresses.merge(most, &other.addresses);
    }
}

/// Hits by entity and day.
pub struct HitGroups {
    groups: Entities<Hits>,
    key: EntityKey,
    day: DayField,
}

impl Default for HitGroups {
    fn default() -> HitGroups {
        HitGroups { groups: Entities::with_budget(BUDGET), key: EntityKey::default(), day: DayField::default() }
    }
}

impl HitGroups {
    /// Takes a row of a log; `key` is the fingerprint of its object, 0 where none is named. Are days kept apart?
    pub fn take(&mut self, (columns, row): (&EvidenceColumns<'_>, usize), key: u64, hit: Hit<'_>, by_day: bool) {
        let day = self.day.of(columns.event_time_ms(row).filter(|_| by_day));
        let [first, second, third, fourth] = hit.entity;
        let entity = self.key.set(&[first, second, third, fourth, day]);
        let log = log_index(columns.log());
        self.groups.observe(entity, 1, |hits, level| {
            let most = MOST_REMEMBERED >> level;
            hits.rows[log].observe(rows_at(level), columns, row);
            hits.facts.observe(columns, row);
            hits.counts[0].see(most, log, hit.what);
            for kind in (0..KINDS).filter(|kind| hit.kinds & (1 << kind) != 0) {
                hits.counts[1 + kind].see(most, log, hit.what);
            }
            if key != 0 {
                hits.keys.insert(most, key);
            }
            if let Some(address) = columns.remote_ip(row) {
                hits.addresses.insert(most, super::key_sample::fingerprint(address));
            }
        });
    }

    /// Joins two.
    pub fn merge(&mut self, other: HitGroups) {
        self.groups.merge(other.groups);
    }

    /// A sentence about what was left out, if anything was, for the rule of that id.
    pub fn note(&self, id: &str) -> Option<String> {
        self.groups.note().map(|note| format!("{id}: {note}"))
    }

    /// What the groups mean, for the rule of that id.
    pub fn finish(&self, id: &str, judge: impl Fn(&Group<'_>) -> Verdict) -> Findings {
        let mut findings = Findings::default();
        for (entity, hits) in self.groups.sorted() {
            let fields = EntityKey::fields(entity);
            let [first, second, third, fourth, day] = fields[..] else { continue };
            let day = day.and_then(|day| day.parse().ok());
            let group =
                Group { entity: [first, second, third, fourth], day, hits, level: self.groups.state_level() };
            match judge(&group) {
                Verdict::Alert(alert) => findings.alerts.push(alert),
                Verdict::Suppressed(alert) => findings.suppressed.push(alert),
                Verdict::Nothing => {}
            }
        }
        findings.notes = self.note(id).into_iter().collect();
        findings.note_limits();
        findings
    }

    /// For [`Detector::save`].
    pub fn save(&self) -> Vec<u8> {
        saved(&self.groups)
    }

    /// For [`Detector::load`].
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.groups = restore(state)?;
        Ok(())
    }
}

/// The detector of a [`Pattern`].
pub struct HitDetector<P> {
    pattern: P,
    groups: HitGroups,
}

impl<P: Pattern> HitDetector<P> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(HitDetector { pattern: P::new(config), groups: HitGroups::default() })
    }
}

impl<P: Pattern> Detector for HitDetector<P> {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut columns = None;
        codes.each(P::AMONG, |row| {
            let Some(hit) = self.pattern.select(batch, codes, row) else { return };
            let columns = columns.get_or_insert_with(|| EvidenceColumns::of(batch));
            self.groups.take((columns, row), codes.key[row], hit, P::BY_DAY);
        });
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: HitDetector<P> = super::rules::take(other);
        self.groups.merge(other.groups);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        self.groups.finish(P::RULE.id, |group| self.pattern.judge(group, shared))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        self.groups.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.groups.load(state)
    }
}
