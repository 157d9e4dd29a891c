//! Rules that hold a setting of a bucket against what it was before, or against what followed.
//!
//! Such a rule says which rows change its setting and what the setting is then ([`Setting::select`]), and at the end
//! what a change means among the others of the bucket ([`Setting::judge`]). What both logs show of a request is one
//! change.

use super::alert::Alert;
use super::batch::cell;
use super::codes::Codes;
use super::entities::{Entities, State, field};
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::facts::Facts;
use super::hits::{Verdict, what};
use super::key_sample::{fingerprint, is_sampled, read_halvings};
use super::minutes::log_index;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, restore, saved};
use crate::parse::LogType;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// A rule of this form.
pub trait Setting: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// The bucket whose setting a row changes, and what the setting is then, in words of the rule's own; empty if the
    /// log does not show it.
    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)>;

    /// What a change means, by its place among all of the bucket in the order of time.
    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict;
}

/// A change of a setting.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Step {
    /// When, in milliseconds; the earlier time of two logs.
    pub time_ms: Option<i64>,
    /// By whom.
    pub caller: Option<Box<str>>,
    /// What the setting is then; empty if no log shows it.
    pub after: Box<str>,
    rows: [EvidenceRows; 2],
    facts: Facts,
}

impl Step {
    /// An alert about the change with all that is known without the rule. Severity and summary are the rule's.
    pub fn alert(&self, rule: &Rule, bucket: &str) -> Alert {
        let entity = [self.caller.as_deref(), Some(bucket), Some(&*self.after)];
        let mut alert = Alert::of(rule, &entity, self.time_ms);
        alert.set_evidence([&self.rows[0], &self.rows[1]]);
        alert.principal = self.caller.as_deref().map(str::to_owned);
        alert.bucket = Some(bucket.to_owned());
        self.facts.tell(&mut alert);
        alert.count = 1;
        alert.expected = [("requests", json!(0))].into();
        alert
    }

    /// The record of the change, by log.
    pub fn evidence(&self) -> &[EvidenceRows; 2] {
        &self.rows
    }

    /// Does only the access log show it?
    pub fn is_of_access_log(&self) -> bool {
        self.rows[log_index(LogType::CloudTrail)].total() == 0
    }

    /// Who changed it, as sentences name it.
    pub fn name(&self) -> &str {
        self.caller.as_deref().unwrap_or("An unknown caller")
    }

    fn merge(&mut self, other: Step) {
        self.time_ms = self.time_ms.into_iter().chain(other.time_ms).min();
        self.caller = self.caller.take().into_iter().chain(other.caller).min();
        if other.after > self.after {
            self.after = other.after;
        }
        self.rows.iter_mut().zip(other.rows).for_each(|(mine, theirs)| mine.merge(1, theirs));
        self.facts.merge(&other.facts);
    }

    fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().map(|rows| rows.weight(1)).sum();
        self.caller.as_ref().map_or(0, |caller| caller.len()) + self.after.len() + rows + self.facts.weight() + 64
    }
}

/// The last change before one at which the setting is known.
pub fn known_before(steps: &[Step], at: usize) -> Option<&Step> {
    steps[..at].iter().rev().find(|step| !step.after.is_empty())
}

/// Changes remembered a bucket; of more, a sample. Halved at each level.
const MOST: usize = 256;

/// Bytes of what a setting is after a change; longer ones count as not shown.
pub const MOST_AFTER: usize = 4096;

/// Bytes of a rule.
const BUDGET: usize = 6 << 20;

/// The changes of a bucket, by the fingerprint of the request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Steps {
    steps: BTreeMap<u64, Step>,
    #[serde(deserialize_with = "read_halvings")]
    halvings: u32,
    /// Bytes of the largest row ever seen, kept or not, so that the weight depends on no order.
    largest_row: usize,
}

impl Steps {
    fn insert(&mut self, most: usize, request: u64, step: Step) {
        self.largest_row = self.largest_row.max(step.bytes());
        if is_sampled(request, self.halvings) {
            self.steps.entry(request).or_default().merge(step);
            self.shrink(most);
        }
    }

    fn shrink(&mut self, most: usize) {
        while self.steps.len() > most {
            self.halvings += 1;
            let halvings = self.halvings;
            self.steps.retain(|request, _| is_sampled(*request, halvings));
        }
    }

    fn in_order(&self) -> Vec<Step> {
        let mut steps: Vec<(i64, u64, &Step)> =
            self.steps.iter().map(|(request, step)| (step.time_ms.unwrap_or(i64::MAX), *request, step)).collect();
        steps.sort_unstable_by_key(|(time_ms, request, _)| (*time_ms, *request));
        steps.into_iter().map(|(.., step)| step.clone()).collect()
    }
}

impl State for Steps {
    const LEVELS: u32 = 5;

    fn weight(&self, level: u32) -> usize {
        let steps = if self.halvings == 0 { self.steps.len() } else { MOST >> level };
        // Each log may add a row to a step.
        steps * (size_of::<(u64, Step)>() * 2 + 2 * self.largest_row)
    }

    fn cut(&mut self, level: u32) {
        self.shrink(MOST >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.largest_row = self.largest_row.max(other.largest_row);
        if other.halvings > self.halvings {
            self.halvings = other.halvings;
            let halvings = self.halvings;
            self.steps.retain(|request, _| is_sampled(*request, halvings));
        }
        other.steps.into_iter().for_each(|(request, step)| self.insert(MOST >> level, request, step));
    }
}

/// The detector of a [`Setting`].
pub struct ChangeDetector<S> {
    setting: S,
    buckets: Entities<Steps>,
}

impl<S: Setting> ChangeDetector<S> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(ChangeDetector { setting: S::new(config), buckets: Entities::with_budget(BUDGET) })
    }
}

impl<S: Setting> Detector for ChangeDetector<S> {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        for row in 0..batch.len() {
            let Some((bucket, after)) = self.setting.select(batch, codes, row) else { continue };
            let columns = EvidenceColumns::of(batch);
            let time_ms = columns.event_time_ms(row);
            let after = if after.len() > MOST_AFTER { String::new() } else { after };
            let request = match cell(batch.text("request_id"), row) {
                Some(request) => what(Some(request), 0),
                None => fingerprint(&after) ^ time_ms.unwrap_or_default().unsigned_abs().rotate_left(20),
            };
            let caller = cell(batch.text("principal"), row).map(|caller| field(caller).into());
            let mut step = Step { time_ms, caller, after: after.into(), ..Step::default() };
            step.rows[log_index(batch.log)].observe(1, &columns, row);
            step.facts.observe(&columns, row);
            self.buckets.observe(&field(bucket), 1, |steps, level| steps.insert(MOST >> level, request, step));
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: ChangeDetector<S> = super::rules::take(other);
        self.buckets.merge(other.buckets);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let mut sampled = 0;
        for (bucket, steps) in self.buckets.sorted() {
            sampled += u64::from(steps.halvings > 0);
            let steps = steps.in_order();
            for at in 0..steps.len() {
                match self.setting.judge(bucket, &steps, at, shared) {
                    Verdict::Alert(alert) => findings.alerts.push(alert),
                    Verdict::Suppressed(alert) => findings.suppressed.push(alert),
                    Verdict::Nothing => {}
                }
            }
        }
        let id = S::RULE.id;
        findings.notes.extend(self.buckets.note().map(|note| format!("{id}: {note}")));
        findings.notes.extend((sampled > 0).then(|| {
            format!("{id}: more changes of one bucket than are held, in {sampled} buckets: a share of them was evaluated.")
        }));
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.buckets)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.buckets = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, flood, shuffled};

    fn step(number: u64) -> Step {
        let after = "x".repeat(number as usize % 7).into();
        Step { time_ms: Some(number as i64 * 1000), caller: Some("ann".into()), after, ..Step::default() }
    }

    #[test]
    fn what_is_left_of_a_flood_depends_neither_on_order_nor_on_merges() {
        let rows: Vec<u64> = (0..4000).collect();
        let seen: Vec<_> = (0..4)
            .map(|seed| {
                let mut whole = Steps::default();
                for part in shuffled(rows.clone(), seed).chunks(1 + 900 * seed as usize) {
                    let mut steps = Steps::default();
                    let request = |number: u64| fingerprint(&number.to_string());
                    part.iter().for_each(|number| steps.insert(MOST, request(*number), step(*number)));
                    whole.merge(steps, 0);
                }
                let times: Vec<_> = whole.in_order().iter().map(|step| step.time_ms).collect();
                (times, whole.halvings, whole.weight(0))
            })
            .collect();
        assert!((MOST / 4..=MOST).contains(&seen[0].0.len()) && seen[0].1 > 0 && seen[0].0.is_sorted());
        assert!(seen.iter().all(|it| *it == seen[0]));
    }

    #[test]
    fn what_both_logs_show_is_one_change() {
        let mut steps = Steps::default();
        let shown = Step { time_ms: Some(5), after: "known".into(), ..Step::default() };
        let other = Step { time_ms: Some(9), caller: Some("ann".into()), ..Step::default() };
        steps.insert(MOST, 1, other);
        steps.insert(MOST, 1, shown);
        let steps = steps.in_order();
        assert_eq!(
            (steps.len(), steps[0].time_ms, &*steps[0].after, steps[0].name()),
            (1, Some(5), "known", "ann")
        );
    }

    struct Every;

    impl Setting for Every {
        const RULE: &'static Rule = &crate::detect::rules::KMS_QUOTA;

        fn new(_: &Config) -> Self {
            Every
        }

        fn select<'a>(&self, batch: &DetectBatch<'a>, _: &Codes, row: usize) -> Option<(&'a str, String)> {
            Some((cell(batch.text("bucket_name"), row)?, "x".repeat(200)))
        }

        fn judge(&self, bucket: &str, steps: &[Step], at: usize, _: &Shared<'_>) -> Verdict {
            Verdict::Alert(steps[at].alert(Every::RULE, bucket))
        }
    }

    #[test]
    fn three_hundred_thousand_buckets_stay_in_the_budget_whatever_the_order() {
        let fresh = || ChangeDetector { setting: Every, buckets: Entities::with_budget(BUDGET) };
        let bytes = |detector: &ChangeDetector<Every>| detector.buckets.bytes();
        flood(fresh, bytes, LogType::CloudTrail, &Activity::default());
    }
}
