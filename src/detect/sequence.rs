//! Rules that are made of alerts of other rules: steps that one caller, address or bucket takes within a window.
//!
//! Such a rule sees no rows. When all others have decided, it looks for its steps among their alerts
//! ([`Detector::finish_over`]), and its own alert names those it is made of (`related`). Alerts about attempts that
//! failed are a step only where the step says so.

mod actor;
mod find;

use super::alert::{Alert, Confidence, Outcome, Severity, counted};
use super::batch::cell;
use super::codes::Codes;
use super::evidence::EvidenceColumns;
use super::hits::{Hit, HitGroups, Verdict, what};
use super::minutes::MINUTE_MS;
use super::sigma::Matched;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared};
use crate::parse::time::HOUR_MS;
pub(super) use actor::{By, of_actors};
use find::{Found, clusters};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;

/// One step: an alert of any of these rules.
pub struct Step {
    /// What it is, as a part of a sentence.
    pub what: &'static str,
    /// Ids of rules; `DEL-*` stands for all that begin so. The id of the sequence itself stands for the rows that its own
    /// conditions choose ([`super::Form::Rows`]), where no rule raises an alert about them: those of a caller, a bucket and
    /// a UTC day are as one alert.
    pub rules: &'static [&'static str],
    /// Alerts below that level are no step.
    pub least: Severity,
    /// Do alerts count that are about refused or failed calls alone?
    pub attempts: bool,
    /// Is it told where it was taken, but need not be?
    pub optional: bool,
}

impl Step {
    /// One that must be taken, by alerts of at least that level about what was done.
    pub const fn new(what: &'static str, rules: &'static [&'static str], least: Severity) -> Step {
        Step { what, rules, least, attempts: false, optional: false }
    }

    fn names(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| match rule.strip_suffix('*') {
            Some(family) => id.starts_with(family),
            None => *rule == id,
        })
    }

    /// Is that alert this step?
    pub fn takes(&self, alert: &Alert) -> bool {
        let is_done = self.attempts || alert.outcome != Outcome::Denied;
        is_done && alert.severity >= self.least && self.names(alert.rule_id)
    }
}

/// What a rule of this form looks for.
pub struct Sequence {
    /// The rule.
    pub rule: &'static Rule,
    /// The steps, all of which must be taken.
    pub steps: &'static [Step],
    /// Must they be taken in this order? Equal seconds count as in order.
    pub ordered: bool,
    /// Alerts of so many rules there must be at least.
    pub least_rules: usize,
    /// Whose steps they are.
    pub by: &'static [By],
}

/// The threshold that a sequence has: one of the two.
pub const WINDOW_HOURS: &str = "window_hours";
pub const WINDOW_MINUTES: &str = "window_minutes";

/// Alerts that are named in `related`; the count tells of all.
const MOST_RELATED: usize = 50;

impl Sequence {
    /// The threshold of its window, and the milliseconds of its unit.
    fn unit(&self) -> (&'static str, i64) {
        let in_minutes = self.rule.thresholds.iter().any(|threshold| threshold.name == WINDOW_MINUTES);
        if in_minutes { (WINDOW_MINUTES, MINUTE_MS) } else { (WINDOW_HOURS, HOUR_MS) }
    }
}

/// The detector of a [`Sequence`].
pub struct SequenceDetector {
    sequence: &'static Sequence,
    window_ms: i64,
    /// The rows that are a step by themselves.
    rows: HitGroups,
}

impl SequenceDetector {
    /// With the settings.
    pub fn of(sequence: &'static Sequence, config: &Config) -> Box<dyn Detector> {
        let (name, unit_ms) = sequence.unit();
        let units = config.threshold(sequence.rule, name);
        let window_ms = i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(unit_ms);
        Box::new(SequenceDetector { sequence, window_ms, rows: HitGroups::default() })
    }

    fn alert(&self, by: By, actor: &str, found: &Found<'_>) -> Alert {
        let rule = self.sequence.rule;
        let mut alert = about(rule, by, actor, &found.members);
        alert.window_seconds = u64::try_from(self.window_ms / 1000).unwrap_or(0);
        let steps: Vec<String> = self
            .sequence
            .steps
            .iter()
            .filter_map(|step| {
                let of_step: BTreeSet<&str> =
                    found.members.iter().filter(|it| step.takes(it)).map(|it| it.rule_id).collect();
                let named: Vec<&str> = of_step.iter().copied().filter(|id| *id != rule.id).collect();
                let named = if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) };
                (!of_step.is_empty()).then(|| format!("{}{named}", step.what))
            })
            .collect();
        let (name, unit_ms) = self.sequence.unit();
        let units = self.window_ms / unit_ms;
        let [one, many] = if name == WINDOW_MINUTES { ["minute", "minutes"] } else { ["hour", "hours"] };
        let within = counted(u64::try_from(units).unwrap_or(0).max(1), one, many);
        let then = if self.sequence.ordered { ", then " } else { "; " };
        alert.summary = format!("{} {actor}, within {within}: {}.", by.noun(), steps.join(then));
        let must = self.sequence.steps.iter().filter(|step| !step.optional).count();
        alert.expected = [("steps", json!(must)), (name, json!(units))].into();
        if self.sequence.least_rules > 1 {
            alert.expected.insert("rules", json!(self.sequence.least_rules));
        }
        alert
    }
}

/// An alert that is made of others, with all that follows from them. Those of the rule itself stand for rows: nobody else
/// sees them.
pub(super) fn about(rule: &Rule, by: By, actor: &str, members: &[&Alert]) -> Alert {
    let first_ms = members.iter().filter_map(|it| it.first_seen_ms).min();
    let last_ms = members.iter().filter_map(|it| it.last_seen_ms).max();
    let mut alert = Alert::of(rule, &[Some(by.noun()), Some(actor)], first_ms);
    alert.set_seen(first_ms, last_ms);
    by.set(&mut alert, actor);
    let common = |of: fn(&Alert) -> &Option<String>| {
        let first = members.first().and_then(|it| of(it).clone());
        first.filter(|text| members.iter().all(|it| of(it).as_deref() == Some(text)))
    };
    alert.account_id = common(|it| &it.account_id);
    alert.region = common(|it| &it.region);
    alert.bucket = alert.bucket.or_else(|| common(|it| &it.bucket));
    alert.principal = alert.principal.or_else(|| common(|it| &it.principal));
    alert.access_key_id = common(|it| &it.access_key_id);
    alert.remote_ip = alert.remote_ip.or_else(|| common(|it| &it.remote_ip));
    let logs: BTreeSet<&str> = members.iter().flat_map(|it| it.logs.iter().copied()).collect();
    alert.logs =
        crate::parse::LogType::ALL.map(|log| log.name()).into_iter().filter(|log| logs.contains(log)).collect();
    // As sure as the least sure of what it cannot do without, and no surer than that.
    alert.confidence = members.iter().map(|it| it.confidence).min().unwrap_or(Confidence::Low);
    alert.outcome = match members.iter().any(|it| it.outcome != Outcome::Success) {
        true => Outcome::Mixed,
        false => Outcome::Success,
    };
    let named: Vec<&&Alert> = members.iter().filter(|it| it.rule_id != rule.id).collect();
    alert.count = named.len() as u64;
    alert.evidence_total = members.iter().map(|it| it.evidence_total).sum();
    alert.evidence = super::evidence::of_alerts(members.iter().map(|it| &it.evidence[..]));
    alert.related = named.iter().take(MOST_RELATED).map(|it| it.alert_id.clone()).collect();
    let rules: BTreeSet<&str> = named.iter().map(|it| it.rule_id).collect();
    alert.observed = [("alerts", json!(named.len())), ("rules", json!(rules))].into();
    if named.len() > MOST_RELATED {
        alert.reasons.push(format!("The first {MOST_RELATED} of {} alerts are named.", named.len()));
    }
    alert
}

impl Detector for SequenceDetector {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn take(&mut self, matched: &Matched<'_, '_, '_>) {
        let (batch, codes) = (matched.batch, matched.codes);
        let columns = EvidenceColumns::of(batch);
        let [principal, bucket] = super::sigma::detector::COLUMNS.map(|name| batch.text(name));
        for (_, row) in matched.rows {
            let row = *row as usize;
            let entity = [cell(principal, row), cell(bucket, row), None, None];
            let what = what(cell(batch.text("request_id"), row), codes.key[row]);
            self.rows.take((&columns, row), codes.key[row], Hit { entity, what, kinds: 0 }, true);
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: SequenceDetector = super::rules::take(other);
        self.rows.merge(other.rows);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        self.sequence.steps.iter().any(|step| step.names(id))
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let sequence = self.sequence;
        let of_rows =
            self.rows.finish(sequence.rule.id, |group| Verdict::Alert(group.alert(sequence.rule))).alerts;
        let all = alerts.iter().chain(&of_rows);
        let steps = all.filter(|alert| sequence.steps.iter().any(|step| step.takes(alert)));
        let mut found: Vec<(By, String, Found<'_>)> = Vec::new();
        for ((by, actor), alerts) in of_actors(steps, sequence.by, &shared.known.assumed_roles) {
            let clusters = clusters(sequence, self.window_ms, &alerts);
            found.extend(clusters.into_iter().map(|cluster| (by, actor.clone(), cluster)));
        }
        // The same alerts seen twice, such as by caller and by address, are one sequence: the one that holds the other.
        let is_part = |at: usize| {
            found.iter().enumerate().any(|(other, (_, _, whole))| {
                let this = &found[at].2;
                other != at && whole.holds(this) && (!this.holds(whole) || other < at)
            })
        };
        let whole = (0..found.len()).filter(|at| !is_part(*at)).map(|at| &found[at]);
        whole.map(|(by, actor, found)| self.alert(*by, actor, found)).collect()
    }

    fn notes_over(&self) -> Vec<String> {
        self.rows.note(self.sequence.rule.id).into_iter().collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        self.rows.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        // A sequence without rows of its own has none to take up.
        if state.is_empty() { Ok(()) } else { self.rows.load(state) }
    }
}
