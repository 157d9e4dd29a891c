//! Correlations of Sigma: records of other rules, counted by group in windows of event time.
//!
//! A group keeps when its records happened, by the second and by rule; what that means is decided at the end, so that it
//! depends neither on the order of records nor on threads. Over its budget, times become coarser before groups are left
//! out.

mod definition;

pub use definition::Correlation;

use super::detector::{Matched, is_done, outcome};
use crate::detect::alert::{Alert, Confidence, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::{Fact, Facts};
use crate::detect::key_sample::{fingerprint, is_sampled};
use crate::detect::minutes::log_index;
use crate::detect::{DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use crate::parse::LogType;
use definition::Kind;
use hashbrown::HashMap;
use rsigma_parser::ConditionOperator;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::collections::BTreeMap;

/// Bytes of a correlation.
const BUDGET: usize = 6 << 20;

/// Records of a kind in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Moment {
    /// Beginning, in seconds since 1970.
    second: i64,
    /// Number of the rule.
    part: u8,
    log: u8,
    is_done: bool,
    /// Fingerprint of the value that is counted; 0 if none is.
    value: u64,
}

/// State of a group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Group {
    moments: BTreeMap<Moment, u64>,
    /// By number of the window's length since 1970.
    evidence: BTreeMap<i64, [EvidenceRows; 2]>,
    facts: Facts,
    principal: Fact,
    bucket: Fact,
}

/// Seconds of a moment at a level; each is a multiple of the one before.
fn grain_seconds(level: u32) -> i64 {
    const FIRST: [i64; 6] = [1, 10, 60, 600, 3600, 21_600];
    FIRST.get(level as usize).copied().unwrap_or_else(|| 86_400 << (level - FIRST.len() as u32).min(20))
}

/// How often the values are halved at a level.
fn value_halvings(level: u32) -> u32 {
    level.saturating_sub(2)
}

/// Rows of evidence a window at a level; from [`ONE_LIST`] on there is one list for the whole group.
fn rows_at(level: u32) -> usize {
    if level == 0 { EVIDENCE_ROWS } else { 1 }
}

const ONE_LIST: u32 = 3;

fn list_at(level: u32, number: i64) -> i64 {
    if level < ONE_LIST { number } else { 0 }
}

impl Group {
    fn see(&mut self, level: u32, moment: Moment, count: u64) {
        let grain = grain_seconds(level);
        if moment.value != 0 && !is_sampled(moment.value, value_halvings(level)) {
            return;
        }
        let moment = Moment { second: moment.second.div_euclid(grain).saturating_mul(grain), ..moment };
        let counted = self.moments.entry(moment).or_default();
        *counted = counted.saturating_add(count);
    }
}

impl State for Group {
    const LEVELS: u32 = 18;

    fn weight(&self, level: u32) -> usize {
        const MOMENT: usize = size_of::<(Moment, u64)>() * 2;
        const LIST: usize = size_of::<(i64, [EvidenceRows; 2])>() * 2;
        let rows = self.evidence.values().flatten().map(|rows| rows.weight(rows_at(level))).sum::<usize>();
        let facts = self.facts.weight() + self.principal.weight() + self.bucket.weight();
        self.moments.len() * MOMENT + self.evidence.len() * LIST + rows + facts
    }

    fn cut(&mut self, level: u32) {
        for (moment, count) in std::mem::take(&mut self.moments) {
            self.see(level, moment, count);
        }
        for (number, lists) in std::mem::take(&mut self.evidence) {
            self.take_evidence(level, number, lists);
        }
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (moment, count) in other.moments {
            self.see(level, moment, count);
        }
        for (number, lists) in other.evidence {
            self.take_evidence(level, number, lists);
        }
        self.facts.merge(&other.facts);
        self.principal.merge(&other.principal);
        self.bucket.merge(&other.bucket);
    }
}

impl Group {
    fn take_evidence(&mut self, level: u32, number: i64, lists: [EvidenceRows; 2]) {
        let mine = self.evidence.entry(list_at(level, number)).or_default();
        for (mine, mut theirs) in mine.iter_mut().zip(lists) {
            theirs.keep_at_most(rows_at(level));
            mine.merge(rows_at(level), theirs);
        }
    }
}

/// The detector of a correlation.
pub struct CorrelationDetector {
    rule: &'static Rule,
    correlation: &'static Correlation,
    groups: Entities<Group>,
    key: EntityKey,
}

impl CorrelationDetector {
    /// A fresh one.
    pub fn new(rule: &'static Rule, correlation: &'static Correlation) -> CorrelationDetector {
        CorrelationDetector { rule, correlation, groups: Entities::with_budget(BUDGET), key: EntityKey::default() }
    }
}

impl Detector for CorrelationDetector {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn take(&mut self, matched: &Matched<'_, '_, '_>) {
        let columns = EvidenceColumns::of(matched.batch);
        let [principal, bucket] = super::detector::COLUMNS.map(|name| matched.batch.text(name));
        let part = &self.correlation.parts[matched.part];
        let log = log_index(columns.log());
        for (in_cells, row) in matched.rows {
            let (in_cells, row) = (*in_cells as usize, *row as usize);
            let Some(second) = columns.event_time_ms(row).map(|time_ms| time_ms.div_euclid(1000)) else {
                continue;
            };
            let group: Option<Vec<String>> =
                part.group.iter().map(|field| matched.cells.first_value(field, in_cells)).collect();
            let Some(group) = group else { continue };
            let value = match &part.value {
                // 0 stands for no value.
                Some(field) => match matched.cells.first_value(field, in_cells) {
                    Some(value) => fingerprint(&value).max(1),
                    None => continue,
                },
                None => 0,
            };
            let is_done = is_done(matched.codes.ended[row]);
            let moment = Moment { second, part: matched.part as u8, log: log as u8, is_done, value };
            let window = second.div_euclid(self.correlation.timespan_seconds.max(1));
            let fields: Vec<Option<&str>> = group.iter().map(|value| Some(value.as_str())).collect();
            self.groups.observe(self.key.set(&fields), 1, |group, level| {
                group.see(level, moment, 1);
                let lists = group.evidence.entry(list_at(level, window)).or_default();
                lists[log].observe(rows_at(level), &columns, row);
                group.facts.observe(&columns, row);
                cell(principal, row).into_iter().for_each(|text| group.principal.see_text(text));
                cell(bucket, row).into_iter().for_each(|text| group.bucket.see_text(text));
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: CorrelationDetector = crate::detect::rules::take(other);
        self.groups.merge(other.groups);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let level = self.groups.state_level();
        for (entity, group) in self.groups.sorted() {
            let fields = EntityKey::fields(entity);
            let events = events(group, self.correlation.parts.len());
            for window in self.correlation.windows(&events, level) {
                findings.alerts.push(self.alert(&fields, group, &window, level));
            }
        }
        let grain = grain_seconds(level);
        let coarse = (level > 0).then(|| {
            format!(
                "More records than {} MiB hold: their times were counted in steps of {grain} seconds.",
                BUDGET >> 20
            )
        });
        let notes = coarse.into_iter().chain(self.groups.note());
        findings.notes = notes.map(|note| format!("{}: {note}", self.rule.id)).collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.groups)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.groups = restore(state)?;
        Ok(())
    }
}

/// The moments of a group in the order of time. What both logs show of a rule counts once: that of the log with more of it.
fn events(group: &Group, parts: usize) -> Vec<(Moment, u64)> {
    let mut in_log = vec![[0_u64; 2]; parts];
    let known = |moment: &Moment| usize::from(moment.part) < parts && usize::from(moment.log) < LogType::ALL.len();
    for (moment, count) in group.moments.iter().filter(|(moment, _)| known(moment)) {
        let counted = &mut in_log[usize::from(moment.part)][usize::from(moment.log)];
        *counted = counted.saturating_add(*count);
    }
    let counts = |moment: &Moment| {
        let [access, trail] = in_log[usize::from(moment.part)];
        usize::from(moment.log) == usize::from(trail > access)
    };
    group
        .moments
        .iter()
        .filter(|(it, _)| known(it) && counts(it))
        .map(|(moment, count)| (*moment, *count))
        .collect()
}

/// A stretch of time that counts.
struct Window {
    first_second: i64,
    last_second: i64,
    counts: Vec<u64>,
    done: u64,
    failed: u64,
    values: Option<u64>,
}

/// What is in a window while it moves.
struct Running<'a> {
    correlation: &'a Correlation,
    counts: Vec<u64>,
    values: HashMap<u64, u64>,
    halvings: u32,
}

impl Running<'_> {
    fn add(&mut self, (moment, count): &(Moment, u64)) {
        let counted = &mut self.counts[usize::from(moment.part)];
        *counted = counted.saturating_add(*count);
        if moment.value != 0 {
            let counted = self.values.entry(moment.value).or_default();
            *counted = counted.saturating_add(*count);
        }
    }

    fn remove(&mut self, (moment, count): &(Moment, u64)) {
        let counted = &mut self.counts[usize::from(moment.part)];
        *counted = counted.saturating_sub(*count);
        if let Some(left) = self.values.get_mut(&moment.value) {
            *left = left.saturating_sub(*count);
            if *left == 0 {
                self.values.remove(&moment.value);
            }
        }
    }

    fn clear(&mut self) {
        self.counts.fill(0);
        self.values.clear();
    }

    fn distinct(&self) -> u64 {
        (self.values.len() as u64) << self.halvings
    }

    fn holds(&self, events: &[(Moment, u64)]) -> bool {
        match &self.correlation.kind {
            Kind::EventCount(predicates) => all_hold(predicates, total(&self.counts)),
            Kind::ValueCount(predicates) => all_hold(predicates, self.distinct()),
            Kind::Temporal => self.counts.iter().all(|count| *count > 0),
            Kind::Ordered => self.counts.iter().all(|count| *count > 0) && are_in_order(events, self.counts.len()),
            Kind::Presence(presence) => presence.holds(&self.counts),
        }
    }
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

fn all_hold(predicates: &[(ConditionOperator, u64)], value: u64) -> bool {
    predicates.iter().all(|(operator, bound)| match operator {
        ConditionOperator::Lt => value < *bound,
        ConditionOperator::Lte => value <= *bound,
        ConditionOperator::Gt => value > *bound,
        ConditionOperator::Gte => value >= *bound,
        ConditionOperator::Eq => value == *bound,
        ConditionOperator::Neq => value != *bound,
    })
}

/// Is there a record of each rule, none before that of the rule before it? Moments of the same second are in order.
fn are_in_order(events: &[(Moment, u64)], parts: usize) -> bool {
    let mut from = 0;
    (0..parts).all(|part| {
        let Some(at) = events[from..].iter().position(|(moment, _)| usize::from(moment.part) == part) else {
            return false;
        };
        let second = events[from + at].0.second;
        // Others of this second count as later.
        from += events[from..].partition_point(|(moment, _)| moment.second < second);
        true
    })
}

impl Correlation {
    /// The windows that count, from the first on, none inside another. Both ends of a window belong to it.
    fn windows(&self, events: &[(Moment, u64)], level: u32) -> Vec<Window> {
        let mut windows = Vec::new();
        let counts = vec![0; self.parts.len()];
        let halvings = value_halvings(level);
        let mut running = Running { correlation: self, counts, values: HashMap::new(), halvings };
        let (mut start, mut end) = (0, 0);
        while start < events.len() {
            let last = events[start].0.second.saturating_add(self.timespan_seconds);
            while end < events.len() && events[end].0.second <= last {
                running.add(&events[end]);
                end += 1;
            }
            if running.holds(&events[start..end]) {
                windows.push(running.window(&events[start..end]));
                running.clear();
                start = end;
            } else {
                running.remove(&events[start]);
                start += 1;
            }
        }
        windows
    }
}

impl Running<'_> {
    fn window(&self, events: &[(Moment, u64)]) -> Window {
        let of = |is_done: bool| {
            let counts: Vec<u64> =
                events.iter().filter(|(it, _)| it.is_done == is_done).map(|(_, count)| *count).collect();
            total(&counts)
        };
        Window {
            first_second: events.first().map_or(0, |(moment, _)| moment.second),
            last_second: events.last().map_or(0, |(moment, _)| moment.second),
            counts: self.counts.clone(),
            done: of(true),
            failed: of(false),
            values: matches!(self.correlation.kind, Kind::ValueCount(_)).then(|| self.distinct()),
        }
    }
}

impl CorrelationDetector {
    fn alert(&self, fields: &[Option<&str>], group: &Group, window: &Window, level: u32) -> Alert {
        let correlation = self.correlation;
        let mut alert = Alert::of(self.rule, fields, Some(window.first_second.saturating_mul(1000)));
        let last_ms =
            window.last_second.saturating_add(grain_seconds(level)).saturating_mul(1000).saturating_sub(1);
        let time_ms = window.first_second.saturating_mul(1000)..=last_ms;
        let lists = [0, 1].map(|log| {
            let span = correlation.timespan_seconds.max(1);
            let numbers = window.first_second.div_euclid(span)..=window.last_second.div_euclid(span);
            let lists = group.evidence.iter().filter(|(number, _)| level >= ONE_LIST || numbers.contains(number));
            EvidenceRows::of_lists(lists.map(|(_, lists)| &lists[log]), &time_ms, true)
        });
        alert.set_evidence([&lists[0], &lists[1]]);
        let count = total(&window.counts);
        alert.count = count;
        alert.evidence_total = alert.evidence_total.min(count).max(alert.evidence.len() as u64);
        alert.window_seconds = correlation.timespan_seconds.unsigned_abs();
        alert.outcome = outcome(window.done, window.failed);
        group.facts.tell(&mut alert);
        alert.principal = group.principal.only().map(str::to_owned);
        alert.bucket = group.bucket.only().map(str::to_owned);
        let names = correlation.group_by.iter().zip(fields);
        let grouped: Map<String, Value> = names.map(|(name, value)| (name.clone(), json!(value))).collect();
        let by_rule: Map<String, Value> = correlation
            .parts
            .iter()
            .zip(&window.counts)
            .map(|(part, count)| (part.title.clone(), json!(count)))
            .collect();
        alert.summary = self.summary(fields, window, count);
        alert.reasons.push(correlation.reason());
        if level > 0 {
            alert.confidence = Confidence::Medium;
            alert.reasons.push(format!("Times are known only by {} seconds.", grain_seconds(level)));
        }
        alert.observed =
            [("records", json!(count)), ("group", grouped.into()), ("by_rule", by_rule.into())].into();
        alert.observed.extend(window.values.map(|values| ("values", json!(values))));
        alert.expected = [("timespan_seconds", json!(correlation.timespan_seconds))].into();
        alert.expected.extend(correlation.bounds().map(|bounds| ("condition", json!(bounds))));
        alert
    }

    fn summary(&self, fields: &[Option<&str>], window: &Window, count: u64) -> String {
        let seconds = window.last_second.saturating_sub(window.first_second).unsigned_abs();
        let names = self.correlation.group_by.iter().zip(fields);
        let group: Vec<String> =
            names.map(|(name, value)| format!("{name} {}", value.unwrap_or("unknown"))).collect();
        let group = if group.is_empty() { String::new() } else { format!(" for {}", group.join(", ")) };
        let values = window.values.map(|values| format!(" with {values} different values")).unwrap_or_default();
        let title = self.rule.title.trim_end_matches('.');
        let records = counted(count, "record", "records");
        format!("{title}: {records}{values} within {}{group}.", counted(seconds, "second", "seconds"))
    }
}

impl Correlation {
    fn bounds(&self) -> Option<String> {
        let (Kind::EventCount(predicates) | Kind::ValueCount(predicates)) = &self.kind else { return None };
        let word = |operator: &ConditionOperator| match operator {
            ConditionOperator::Lt => "fewer than",
            ConditionOperator::Lte => "at most",
            ConditionOperator::Gt => "more than",
            ConditionOperator::Gte => "at least",
            ConditionOperator::Eq => "exactly",
            ConditionOperator::Neq => "other than",
        };
        let all: Vec<String> =
            predicates.iter().map(|(operator, bound)| format!("{} {bound}", word(operator))).collect();
        Some(all.join(" and "))
    }

    fn reason(&self) -> String {
        let seconds = counted(self.timespan_seconds.unsigned_abs(), "second", "seconds");
        match &self.kind {
            Kind::EventCount(_) | Kind::ValueCount(_) => {
                format!("The rule asks for {} within {seconds}.", self.bounds().unwrap_or_default())
            }
            Kind::Temporal => format!("The rule asks for records of all its rules within {seconds}."),
            Kind::Ordered => {
                format!("The rule asks for records of all its rules, in their order, within {seconds}.")
            }
            Kind::Presence(_) => format!("The rule asks for records of some of its rules within {seconds}."),
        }
    }
}

#[cfg(test)]
mod tests;
