//! Rules that count what one actor does again and again, each different thing once, within minutes or days, wherever
//! these begin.
//!
//! Such a rule says what a row counts for ([`Repeat::select`]) and at the end which stretches of time are too much
//! ([`Repeat::judge`]). An actor may be anything, such as an address. Millions of them, each of which does little, must not
//! push out the one that does much: what is kept is a sample of what was done, not of the actors; unless a rule says of an
//! actor that little is too much ([`Repeat::kept_whole_by`]).

use super::alert::Alert;
use super::capped::cap_of;
use super::codes::{Among, Codes};
use super::entities::EntityKey;
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::key_sample::{fingerprint, fingerprint_of, share};
use super::minutes::{KeyTable, MINUTE_MS, Measure, Series, Stretch, log_index};
use super::shown::{Done, Shown, ShownTable};
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use crate::parse::LogType;
use std::any::Any;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Things remembered by actor and minute: 1.3 MiB. Over it a sample of them is.
const MOST_COUNTED: usize = cap_of(1 << 16);

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

    /// Bytes for the records that show it.
    const SHOWN_BYTES: usize = 2 << 20;

    /// The rows that could count, as far as their codes tell.
    const AMONG: Among = Among::All;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// Tells what a row counts for. Called for every row of [`Repeat::AMONG`] that is not routine ([`super::sight::Sight::is_routine`]), so
    /// the first test should be one of `codes`.
    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>);

    /// Where too much is counted: by which fingerprint is an actor kept with all that it did, or not at all? There must be
    /// one where few things are too many, and an actor can do no more than a few in a minute.
    fn kept_whole_by(_fields: &ActorFields<'_>) -> Option<u64> {
        None
    }

    /// Is a record kept of what an actor did?
    fn shows(_fields: &ActorFields<'_>, _what: u64) -> bool {
        true
    }

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
    shown: Vec<Shown<'a>>,
    grain_minutes: i64,
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

    /// What was done in a stretch, each thing once; of a sample what is in it.
    pub fn shown_in(&self, stretch: &Stretch) -> BTreeSet<u64> {
        let done = self.shown.iter().map(|shown| shown.done);
        done.filter(|done| stretch.minutes.contains(&done.minute())).map(|done| done.what).collect()
    }

    /// Records that show some of what was done in a stretch.
    fn evidence(&self, time_ms: &RangeInclusive<i64>, is_asked: impl Fn(u64) -> bool) -> [EvidenceRows; 2] {
        LogType::ALL.map(|log| {
            let shown = self.shown.iter().filter(|shown| shown.done.log() == log && is_asked(shown.done.what));
            EvidenceRows::of_single(shown.filter_map(|shown| shown.row), time_ms)
        })
    }

    /// An alert about a stretch of an actor with all that is known without the rule: window, count and evidence.
    pub fn alert(&self, rule: &Rule, stretch: &Stretch) -> Alert {
        self.alert_showing(rule, stretch, |_| true)
    }

    /// The same, with records of some of what was done only.
    pub fn alert_showing(&self, rule: &Rule, stretch: &Stretch, is_asked: impl Fn(u64) -> bool) -> Alert {
        let mut alert = Alert::of(rule, &self.fields, Some(stretch.minutes.start() * MINUTE_MS));
        let evidence = self.evidence(&stretch.time_ms(), is_asked);
        alert.set_evidence([&evidence[0], &evidence[1]]);
        let (totals, halvings) = (self.series.totals(&stretch.minutes), self.series.halvings());
        let has_records = evidence.iter().any(|rows| !rows.rows().is_empty());
        // For want of memory there may be no records; when it was, in which logs and how often is known all the same.
        if !has_records {
            alert.set_seen(Some(*stretch.time_ms().start()), Some(*stretch.time_ms().end()));
            let logs = LogType::ALL.into_iter().zip(&totals).filter(|(_, totals)| totals.records > 0);
            alert.logs = logs.map(|(log, _)| log.name()).collect();
        }
        if !has_records || halvings > 0 {
            alert.evidence_total = totals.iter().map(|totals| totals.records).sum();
        }
        if halvings > 0 {
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
    shown: ShownTable,
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
            shown: ShownTable::with_budget(R::SHOWN_BYTES),
            key: EntityKey::default(),
        }
    }

    /// A fingerprint of something that an actor did: what is sampled by it is a sample of all things alike, or of what
    /// actors are kept whole by.
    fn spread(actor: u64, kept_whole_by: Option<u64>, what: u64) -> u64 {
        let spread = fingerprint_of(&(what ^ actor).to_le_bytes());
        kept_whole_by.map_or(spread, |by| by >> 32 << 32 | spread & u64::from(u32::MAX))
    }

    fn notes(&self) -> Option<String> {
        let halvings = self.counted.halvings().max(self.shown.halvings());
        (halvings > 0).then(|| {
            format!(
                "{}: more was seen than memory holds: {} of it was evaluated, and what is not clearly above the thresholds \
                 is left out.",
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
                let fields = [first, second, third, fourth];
                let name = key.set(&fields);
                let (actor, kept_whole_by) = (fingerprint(name), R::kept_whole_by(&fields));
                let one = Self::spread(actor, kept_whole_by, what);
                let minute = time_ms.div_euclid(MINUTE_MS * R::GRAIN_MINUTES) * R::GRAIN_MINUTES;
                counted.insert(actor, batch.log, minute * MINUTE_MS, one, true);
                if R::shows(&fields, what) {
                    let place = (minute.cast_unsigned() << 1) | log_index(batch.log) as u64;
                    let thing = Self::spread(actor, kept_whole_by, one ^ place.rotate_left(23));
                    shown.see(thing, Done::new(actor, what, minute, batch.log), name, (columns, row));
                }
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
        let actors = self.shown.by_actor().into_iter().filter_map(|(name, actor, shown)| {
            let [first, second, third, fourth] = EntityKey::fields(name)[..] else { return None };
            let fields = [first, second, third, fourth];
            let series = counted.of(actor);
            let series = if R::kept_whole_by(&fields).is_some() { series.whole() } else { series };
            Some(Actor { fields, series, shown, grain_minutes: R::GRAIN_MINUTES })
        });
        let mut actors: Vec<Actor<'_>> = actors.collect();
        actors.sort_by_key(|actor| actor.fields);
        self.rule.judge(&actors, shared, &mut findings);
        findings
    }

    fn halvings(&self) -> [u32; 2] {
        [self.counted.halvings(), self.shown.halvings()]
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
