//! Rules that count what one actor does again and again, each different thing once, within minutes or days, wherever
//! these begin.
//!
//! Such a rule says what a row counts for ([`Repeat::select`]) and at the end which stretches of time are too much
//! ([`Repeat::judge`]). An actor may be anything, such as an address. Millions of them, each of which does little, must not
//! push out the one that does much: what is kept is a sample of what was done, not of the actors.

use super::alert::Alert;
use super::codes::{Among, Codes};
use super::entities::{Entities, EntityKey, State};
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::key_sample::{fingerprint, fingerprint_of, share};
use super::minutes::{KeyTable, MINUTE_MS, Measure, Series, Stretch, log_index};
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Things remembered by actor and minute: 3.2 MiB. Over it a sample of them is.
const MOST_COUNTED: usize = (1 << 17) / 8 * 7;

/// Bytes for the records that show them.
const SHOWN_BUDGET: usize = 4 << 20;

/// Fields that name an actor.
pub type ActorFields<'a> = [Option<&'a str>; 4];

/// Takes an actor and the fingerprint of what it did: the same counts once.
pub type Count<'c> = dyn FnMut(ActorFields<'_>, u64) + 'c;

/// A rule of this form.
pub trait Repeat: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// Minutes that are one: of these a rule may be shown the first row only.
    const GRAIN_MINUTES: i64 = 1;

    /// The rows that could count, as far as their codes tell.
    const AMONG: Among = Among::All;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// Tells what a row counts for. Called for every row of [`Repeat::AMONG`] that is not routine ([`super::sight::Sight::is_routine`]), so
    /// the first test should be one of `codes`.
    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>);

    /// What the actors, in the order of their fields, did too much of.
    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings);
}

/// What one actor did.
pub struct Actor<'a> {
    /// As counted.
    pub fields: ActorFields<'a>,
    /// What it did, by minute.
    pub series: Series,
    /// Records of it.
    shown: Vec<&'a Shown>,
    grain_minutes: i64,
}

/// The first records in each log of one thing that was done: those of the earliest time, and no others, so that it does not
/// matter which of the later ones were shown.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Shown {
    rows: [EvidenceRows; 2],
    /// Bytes of the largest record ever shown in each log, rounded up: what is kept may be smaller, but the weight must
    /// never fall.
    largest: [usize; 2],
}

/// Bytes of a record to reckon with at least.
const LEAST_RECORD: usize = 512;

impl State for Shown {
    /// At the second level no records are kept, so that there is room for far more actors.
    const LEVELS: u32 = 1;

    fn weight(&self, level: u32) -> usize {
        if level == 0 { self.largest.iter().sum() } else { 0 }
    }

    fn cut(&mut self, level: u32) {
        if level > 0 {
            self.rows = <[EvidenceRows; 2]>::default();
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.largest = [0, 1].map(|log| self.largest[log].max(other.largest[log]));
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            match (mine.first_seen_ms(), theirs.first_seen_ms()) {
                (_, None) => {}
                (Some(first), Some(other)) if first < other => {}
                (Some(first), Some(other)) if first == other => mine.merge(1, theirs),
                _ => *mine = theirs,
            }
        }
        self.cut(level);
    }
}

impl Shown {
    /// Takes a row of a log at a time.
    fn see(&mut self, (columns, row): (&EvidenceColumns<'_>, usize), log: usize, time_ms: i64) {
        self.largest[log] = self.largest[log].max(columns.bytes(row).next_power_of_two().max(LEAST_RECORD));
        let rows = &mut self.rows[log];
        let first_ms = rows.first_seen_ms().unwrap_or(i64::MAX);
        if time_ms < first_ms {
            *rows = EvidenceRows::default();
        }
        if time_ms <= first_ms {
            rows.observe(1, columns, row);
        }
    }
}

impl Actor<'_> {
    /// The stretches in which any so many minutes in a row hold at least `least` different things. A minute is counted
    /// whole: one more is taken, so that none is missed that begins within one.
    pub fn stretches(&self, minutes: u64, least: u64) -> Vec<Stretch> {
        let length = i64::try_from(minutes).unwrap_or(i64::MAX).saturating_add(self.grain_minutes);
        let mut stretches = self.series.stretches(length, least, Measure::Keys);
        for Stretch { minutes, .. } in &mut stretches {
            *minutes = *minutes.start()..=minutes.end() + self.grain_minutes - 1;
        }
        stretches
    }

    /// How many different things a stretch holds.
    pub fn count(&self, stretch: &Stretch) -> u64 {
        self.series.different(&stretch.minutes).keys
    }

    /// Records that show a stretch.
    fn evidence(&self, time_ms: &RangeInclusive<i64>) -> [EvidenceRows; 2] {
        [0, 1].map(|log| {
            let lists = self.shown.iter().map(|shown| &shown.rows[log]);
            EvidenceRows::of_lists(lists.filter(|rows| rows.any_within(time_ms)), time_ms, true)
        })
    }

    /// An alert about a stretch of an actor with all that is known without the rule: window, count and evidence.
    pub fn alert(&self, rule: &Rule, stretch: &Stretch) -> Alert {
        let mut alert = Alert::of(rule, &self.fields, Some(stretch.minutes.start() * MINUTE_MS));
        let evidence = self.evidence(&stretch.time_ms());
        alert.set_evidence([&evidence[0], &evidence[1]]);
        // For want of memory there may be no records; the time is known all the same.
        if evidence.iter().all(|rows| rows.rows().is_empty()) {
            alert.set_seen(Some(*stretch.time_ms().start()), Some(*stretch.time_ms().end()));
        }
        let halvings = self.series.halvings();
        if halvings > 0 {
            alert.evidence_total = self.series.totals(&stretch.minutes).iter().map(|totals| totals.records).sum();
            alert.reasons.push(format!("The numbers are estimates from a sample of {}.", share(halvings)));
        }
        alert.count = self.count(stretch);
        alert
    }
}

/// The detector of a [`Repeat`].
pub struct RepeatDetector<R> {
    rule: R,
    counted: KeyTable,
    /// By the fields of the actor and what it did.
    shown: Entities<Shown>,
    key: EntityKey,
}

impl<R: Repeat> RepeatDetector<R> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(Self::new(config))
    }

    fn new(config: &Config) -> Self {
        RepeatDetector {
            rule: R::new(config),
            counted: KeyTable::with_cap(MOST_COUNTED),
            shown: Entities::with_budget(SHOWN_BUDGET),
            key: EntityKey::default(),
        }
    }

    fn notes(&self) -> Option<String> {
        let halvings = self.counted.halvings().max(self.shown.halvings());
        (halvings > 0).then(|| {
            format!(
                "{}: more was refused or tried than memory holds: numbers are estimates from a sample of {}, and what \
                 is not clearly above the thresholds is left out.",
                R::RULE.id,
                share(halvings)
            )
        })
    }
}

impl<R: Repeat> Detector for RepeatDetector<R> {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut columns = None;
        let RepeatDetector { rule, counted, shown, key } = self;
        codes.each(R::AMONG, |row| {
            rule.select(batch, codes, row, &mut |[first, second, third, fourth], what| {
                let columns = &*columns.get_or_insert_with(|| EvidenceColumns::of(batch));
                let Some(time_ms) = columns.event_time_ms(row) else { return };
                // Spread, so that a sample is one of all things alike.
                let actor = fingerprint(key.set(&[first, second, third, fourth]));
                let what = fingerprint_of(&(what ^ actor).to_le_bytes());
                let minute = time_ms.div_euclid(MINUTE_MS * R::GRAIN_MINUTES) * R::GRAIN_MINUTES;
                counted.insert(actor, batch.log, minute * MINUTE_MS, what, true);
                let text = format!("{what:016x}{minute:x}");
                let one = key.set(&[first, second, third, fourth, Some(&text)]);
                shown.observe(one, 1, |shown, level| {
                    if level == 0 {
                        shown.see((columns, row), log_index(batch.log), time_ms);
                    }
                });
            });
        });
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: RepeatDetector<R> = super::rules::take(other);
        self.counted.merge(other.counted);
        self.shown.merge(other.shown);
    }

    fn finish(mut self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings { notes: self.notes().into_iter().collect(), ..Findings::default() };
        let counted = std::mem::replace(&mut self.counted, KeyTable::with_cap(0)).into_sorted();
        let mut by_actor: BTreeMap<ActorFields<'_>, Vec<&Shown>> = BTreeMap::new();
        for (entity, shown) in self.shown.sorted() {
            let [first, second, third, fourth, _] = EntityKey::fields(entity)[..] else { continue };
            by_actor.entry([first, second, third, fourth]).or_default().push(shown);
        }
        let mut key = EntityKey::default();
        let actors = by_actor.into_iter().map(|(fields, shown)| {
            let series = counted.of(fingerprint(key.set(&fields)));
            Actor { fields, series, shown, grain_minutes: R::GRAIN_MINUTES }
        });
        let actors: Vec<Actor<'_>> = actors.collect();
        self.rule.judge(&actors, shared, &mut findings);
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(&self.counted, &self.shown))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        (self.counted, self.shown) = restore(state)?;
        Ok(())
    }
}
