//! The search for steps among the alerts of one actor.

use super::{Sequence, Step};
use crate::detect::Alert;
use std::collections::BTreeSet;

/// Alerts that make up a sequence, in the order of time.
#[derive(Debug)]
pub struct Found<'a> {
    /// They.
    pub members: Vec<&'a Alert>,
}

impl Found<'_> {
    /// Are all alerts of the other in this one?
    pub fn holds(&self, other: &Found<'_>) -> bool {
        // Both are in one order.
        let mut mine = self.members.iter();
        other.members.len() <= self.members.len()
            && other.members.iter().all(|theirs| mine.any(|own| std::ptr::eq(*own, *theirs)))
    }
}

/// An alert with the steps that it can be, a bit each.
struct Marked<'a> {
    alert: &'a Alert,
    first_ms: i64,
    last_ms: i64,
    steps: u32,
}

/// Sequences among the alerts of one actor, which are in the order of their first event. Windows do not overlap.
pub fn clusters<'a>(sequence: &Sequence, window_ms: i64, alerts: &[&'a Alert]) -> Vec<Found<'a>> {
    let marked: Vec<Marked<'_>> = alerts.iter().filter_map(|alert| Marked::of(alert, sequence.steps)).collect();
    let must = (0..).zip(sequence.steps).fold(0u32, |all, (bit, step)| all | u32::from(!step.optional) << bit);
    let are_all = |alerts: &mut dyn Iterator<Item = &Marked<'_>>| {
        let (mut steps, mut rules) = (0, BTreeSet::new());
        for alert in alerts {
            steps |= alert.steps;
            if sequence.least_rules > 1 {
                rules.insert(alert.alert.rule_id);
            }
        }
        steps & must == must && (sequence.least_rules <= 1 || rules.len() >= sequence.least_rules)
    };
    let mut found = Vec::new();
    if !are_all(&mut marked.iter()) {
        return found;
    }
    let mut free_from_ms = i64::MIN;
    for (at, first) in marked.iter().enumerate() {
        if first.first_ms < free_from_ms || sequence.ordered && first.steps & 1 == 0 {
            continue;
        }
        let end_ms = first.first_ms.saturating_add(window_ms);
        let end = marked.partition_point(|it| it.first_ms <= end_ms);
        // What began before, and goes on after the first step, can be a later step.
        let start = if sequence.ordered { 0 } else { at };
        let within = || marked[start..end].iter().filter(|it| it.last_ms >= first.first_ms);
        if !are_all(&mut within()) || sequence.ordered && !are_in_order(sequence.steps, first, within()) {
            continue;
        }
        free_from_ms = end_ms.saturating_add(1);
        found.push(Found { members: within().map(|it| it.alert).collect() });
    }
    found
}

impl<'a> Marked<'a> {
    fn of(alert: &'a Alert, steps: &[Step]) -> Option<Marked<'a>> {
        let bits = (0..).zip(steps).map(|(bit, step)| u32::from(step.takes(alert)) << bit);
        Some(Marked {
            alert,
            first_ms: alert.first_seen_ms?,
            last_ms: alert.last_seen_ms?,
            steps: bits.fold(0, |all, bit| all | bit),
        })
    }
}

/// Can each step be taken after the one before? The earliest that is possible is taken each time.
fn are_in_order<'m, 'a: 'm>(
    steps: &[Step],
    first: &Marked<'_>,
    within: impl Iterator<Item = &'m Marked<'a>> + Clone,
) -> bool {
    let mut now_ms = first.first_ms;
    (0..).zip(steps).skip(1).filter(|(_, step)| !step.optional).all(|(step, _)| {
        let later = within.clone().filter(|it| it.steps & (1 << step) != 0 && it.last_ms >= now_ms);
        let begins_ms = later.map(|it| it.first_ms).min();
        now_ms = now_ms.max(begins_ms.unwrap_or(now_ms));
        begins_ms.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;
    use crate::detect::alert::{Outcome, Severity};

    const STEPS: &[Step] = &[
        Step { what: "first", rules: &["LOG-006"], least: Severity::Info, attempts: false, optional: false },
        Step { what: "second", rules: &["DEL-*"], least: Severity::Medium, attempts: false, optional: false },
    ];

    fn alert(rule: &'static str, from_ms: i64, until_ms: i64) -> Alert {
        let mut alert = Alert::of(RULES[0], &[Some(rule)], Some(from_ms));
        (alert.rule_id, alert.severity) = (rule, Severity::High);
        (alert.first_seen_ms, alert.last_seen_ms) = (Some(from_ms), Some(until_ms));
        alert
    }

    fn found(ordered: bool, window_ms: i64, alerts: &[Alert]) -> Vec<Vec<i64>> {
        let sequence = Sequence { rule: RULES[0], steps: STEPS, ordered, least_rules: 1, by: &[] };
        let alerts: Vec<&Alert> = alerts.iter().collect();
        let first_ms = |it: &&Alert| it.first_seen_ms.unwrap();
        clusters(&sequence, window_ms, &alerts)
            .iter()
            .map(|found| found.members.iter().map(first_ms).collect())
            .collect()
    }

    #[test]
    fn steps_are_found_in_their_order_within_the_window() {
        let (log, del) = (|at| alert("LOG-006", at, at), |at| alert("DEL-001", at, at));
        for (alerts, ordered, expected) in [
            (vec![log(10), del(20)], true, vec![vec![10, 20]]),
            (vec![log(10), del(10)], true, vec![vec![10, 10]]),
            (vec![del(5), log(10)], true, vec![]),
            (vec![del(5), log(10)], false, vec![vec![5, 10]]),
            (vec![log(10), del(111)], true, vec![]),
            (vec![log(10), log(50), del(111)], true, vec![vec![50, 111]]),
            (vec![log(10), del(20), log(200), del(210)], true, vec![vec![10, 20], vec![200, 210]]),
            // What goes on after the first step counts, whenever it began.
            (vec![alert("DEL-001", 5, 15), log(10)], true, vec![vec![5, 10]]),
            (vec![log(10)], true, vec![]),
            (vec![], true, vec![]),
        ] {
            assert_eq!(found(ordered, 100, &alerts), expected, "{ordered} {alerts:?}");
        }
    }

    #[test]
    fn a_step_may_be_optional_and_alerts_of_several_rules_asked_for() {
        const EITHER: &[Step] = &[Step::new("any", &["LOG-*", "DEL-*"], Severity::Info)];
        const NOTE: &[Step] = &[
            Step::new("first", &["LOG-006"], Severity::Info),
            Step { optional: true, ..Step::new("note", &["RAN-009"], Severity::Info) },
            Step::new("second", &["DEL-*"], Severity::Info),
        ];
        let [log, other, del, note] =
            [("LOG-006", 10), ("LOG-006", 15), ("DEL-001", 20), ("RAN-009", 12)].map(|(id, at)| alert(id, at, at));
        let count = |steps, ordered, least_rules, alerts: &[&Alert]| {
            let sequence = Sequence { rule: RULES[0], steps, ordered, least_rules, by: &[] };
            clusters(&sequence, 100, alerts).iter().map(|found| found.members.len()).collect::<Vec<_>>()
        };
        for (steps, ordered, least_rules, alerts, expected) in [
            (EITHER, false, 2, &[&log, &other][..], &[][..]),
            (EITHER, false, 2, &[&log, &other, &del], &[3]),
            (EITHER, false, 1, &[&log, &other], &[2]),
            (NOTE, true, 1, &[&log, &del], &[2]),
            (NOTE, true, 1, &[&log, &note, &del], &[3]),
            (NOTE, true, 1, &[&log, &note], &[]),
            (NOTE, false, 1, &[&note, &del], &[]),
        ] {
            assert_eq!(count(steps, ordered, least_rules, alerts), expected, "{alerts:?}");
        }
    }

    #[test]
    fn what_failed_or_is_mild_is_no_step() {
        for change in [(|it: &mut Alert| it.outcome = Outcome::Denied) as fn(&mut Alert), |it| {
            it.severity = Severity::Low;
        }] {
            let mut alerts = [alert("LOG-006", 10, 10), alert("DEL-001", 20, 20)];
            assert_eq!(found(true, 100, &alerts).len(), 1);
            change(&mut alerts[1]);
            assert_eq!(found(true, 100, &alerts).len(), 0);
        }
    }
}
