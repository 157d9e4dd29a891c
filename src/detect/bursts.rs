//! Rules that count different things which one caller does within minutes.
//!
//! Such a rule says which rows count and whose they are ([`Burst::select`]), how many are enough ([`Burst::least`]), and
//! at the end what a stretch of time means in which there were as many ([`Burst::judge`]). Everything between is here.

use super::alert::{Alert, Confidence};
use super::codes::{Among, Codes};
use super::entities::{Entities, EntityKey};
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::facts::Facts;
use super::key_sample::{crosses, fingerprint, share};
use super::minutes::{KeyTable, MINUTE_MS, MOST_KEYS, Measure, Series, Stretch};
use super::records::Records;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use serde_json::json;
use std::any::Any;

/// Bytes for the names and the evidence of callers. With [`MOST_KEYS`] a detector has at most 18 MiB.
const BUDGET: usize = 5 << 20;

/// A rule of this form.
pub trait Burst: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// Minutes of the window, wherever it begins.
    const MINUTES: i64;

    /// The rows that could count, as far as their codes tell.
    const AMONG: Among;

    /// What is counted, in the plural, for notes.
    const WHAT: &'static str;

    /// Things that are remembered over all callers.
    const MOST: usize = MOST_KEYS;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// Whose a row is (caller, bucket and one more that the rule may use), and what it counts: rows with the same
    /// fingerprint are one, in whichever log.
    fn select<'a>(
        &self,
        batch: &DetectBatch<'a>,
        codes: &Codes,
        row: usize,
    ) -> Option<([Option<&'a str>; 3], u64)>;

    /// How many in a window are enough; `None` if no number is.
    fn least(&self, entity: [Option<&str>; 3], shared: &Shared<'_>) -> Option<u64>;

    /// What it means that there were as many.
    fn judge(&self, found: &Found<'_>, shared: &Shared<'_>) -> Alert;

    /// What it means that there never were as many.
    fn judge_calm(&self, _caller: &Caller<'_>, _shared: &Shared<'_>) -> Option<Alert> {
        None
    }
}

/// All that was counted of one entity.
pub struct Caller<'a> {
    /// As of [`Burst::select`].
    pub entity: [Option<&'a str>; 3],
    /// What was counted, by minute.
    pub series: Series,
    records: &'a Records,
    level: u32,
}

impl<'a> Caller<'a> {
    /// What a stretch holds, found with windows of so many minutes.
    pub fn found<'s>(&'s self, stretch: &'s Stretch, minutes: i64) -> Found<'s>
    where
        'a: 's,
    {
        let totals = self.series.totals(&stretch.minutes);
        let evidence = self.records.evidence.over(stretch, self.level, &totals);
        let halvings = self.series.halvings();
        let rows = evidence[0].total() + evidence[1].total();
        let most = if halvings > 0 { rows } else { u64::MAX };
        let count = self.series.different(&stretch.minutes).keys.min(most);
        let peak = stretch.peak.min(count);
        Found {
            entity: self.entity,
            count,
            peak,
            halvings,
            minutes,
            stretch,
            evidence,
            facts: &self.records.facts,
        }
    }
}

/// A stretch of windows that overlap and in which there are enough.
pub struct Found<'a> {
    /// As of [`Burst::select`].
    pub entity: [Option<&'a str>; 3],
    /// How many different things.
    pub count: u64,
    /// The most of them in one window.
    pub peak: u64,
    /// Halvings of the sample, if these are estimates.
    pub halvings: u32,
    minutes: i64,
    stretch: &'a Stretch,
    evidence: [EvidenceRows; 2],
    facts: &'a Facts,
}

impl Found<'_> {
    /// Is it surely so many in a window?
    pub fn reaches(&self, least: u64) -> bool {
        crosses(self.stretch.peak >> self.halvings, self.halvings, least)
    }

    /// Who it is, as sentences name it.
    pub fn name(&self) -> &str {
        self.entity[0].unwrap_or("An unknown caller")
    }

    /// The alert but for what is the rule's: severity, summary and reasons.
    pub fn alert(&self, rule: &Rule) -> Alert {
        let [principal, bucket, _] = self.entity;
        let mut alert = Alert::of(rule, &self.entity, Some(self.stretch.minutes.start() * MINUTE_MS));
        alert.set_evidence([&self.evidence[0], &self.evidence[1]]);
        alert.confidence = if self.halvings > 0 { Confidence::Medium } else { Confidence::High };
        alert.window_seconds = self.minutes.unsigned_abs() * 60;
        alert.bucket = bucket.map(str::to_owned);
        alert.principal = principal.map(str::to_owned);
        self.facts.tell(&mut alert);
        alert.count = self.count;
        alert.observed.insert("sampled_share", json!(share(self.halvings)));
        alert
    }

    /// A sentence if the numbers are estimates.
    pub fn estimate(&self) -> Option<String> {
        (self.halvings > 0)
            .then(|| format!("The numbers are estimates from a sample of {}.", share(self.halvings)))
    }
}

/// The detector of a [`Burst`].
pub struct BurstDetector<B> {
    burst: B,
    callers: Entities<Records>,
    counted: KeyTable,
    key: EntityKey,
}

impl<B: Burst> BurstDetector<B> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(BurstDetector::<B>::fresh(config))
    }

    /// The same, as it is.
    pub fn fresh(config: &Config) -> BurstDetector<B> {
        let callers = Entities::with_budget(BUDGET);
        BurstDetector {
            burst: B::new(config),
            callers,
            counted: KeyTable::with_cap(B::MOST),
            key: EntityKey::default(),
        }
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.callers.bytes() + self.counted.bytes()
    }
}

impl<B: Burst> Detector for BurstDetector<B> {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut columns = None;
        codes.each(B::AMONG, |row| {
            let Some((entity, what)) = self.burst.select(batch, codes, row) else { return };
            let columns = columns.get_or_insert_with(|| EvidenceColumns::of(batch));
            let entity = self.key.set(&entity);
            if let Some(time_ms) = columns.event_time_ms(row) {
                self.counted.insert(fingerprint(entity), batch.log, time_ms, what, true);
            }
            self.callers.observe(entity, 1, |state, level| {
                state.observe(level, batch.log, columns, row);
            });
        });
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: BurstDetector<B> = super::rules::take(other);
        self.callers.merge(other.callers);
        self.counted.merge(other.counted);
    }

    fn finish(mut self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let counted = std::mem::replace(&mut self.counted, KeyTable::with_cap(0)).into_sorted();
        for (key, records) in self.callers.sorted() {
            let fields = EntityKey::fields(key);
            let &[first, second, third] = &fields[..] else { continue };
            let entity = [first, second, third];
            let Some(least) = self.burst.least(entity, shared) else { continue };
            let (series, level) = (counted.of(fingerprint(key)), self.callers.state_level());
            let caller = Caller { entity, series, records, level };
            // Minutes are counted whole, and a window that begins within one touches one more.
            let minutes = B::MINUTES + 1;
            let stretches = caller.series.stretches(minutes, least, Measure::Keys);
            let judged = stretches.iter().map(|stretch| self.burst.judge(&caller.found(stretch, minutes), shared));
            findings.alerts.extend(judged);
            if stretches.is_empty() {
                findings.alerts.extend(self.burst.judge_calm(&caller, shared));
            }
        }
        let sampled = (counted.halvings() > 0).then(|| {
            format!(
                "More than {} {}: numbers are estimates from a sample of {}, and what is not clearly above the \
                 threshold is left out.",
                B::MOST,
                B::WHAT,
                share(counted.halvings())
            )
        });
        let notes = [sampled, self.callers.note()].into_iter().flatten();
        findings.notes = notes.map(|note| format!("{}: {note}", B::RULE.id)).collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(&self.callers, &self.counted))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        (self.callers, self.counted) = restore(state)?;
        Ok(())
    }
}
