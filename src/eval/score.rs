//! Alerts held against labels: what is found, and what is false.

use super::labels::Label;
use crate::detect::{Alert, Severity};
use crate::parse::time::{format_iso, iso_time};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The name of callers without credentials. It is nobody's: that an alert and a label have it in common says nothing.
const ANONYMOUS: &str = "anonymous";

/// How alerts are held against labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// An alert may end so much before an incident begins, or begin after it ends.
    pub tolerance_ms: i64,
    /// The mildest alert that counts as a find.
    pub found_at: Severity,
}

impl Scoring {
    /// Five minutes: clocks and delivery of the two logs differ by less.
    pub const TOLERANCE_MS: i64 = 300_000;
}

impl Default for Scoring {
    fn default() -> Scoring {
        Scoring { tolerance_ms: Scoring::TOLERANCE_MS, found_at: Severity::Medium }
    }
}

/// What was read beside the incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Benign {
    /// Records that were read, less those that labels say belong to incidents.
    pub benign_events: u64,
    /// Labels that do not say how many records belong to them: those count as benign.
    pub labels_without_events: u64,
}

impl Benign {
    /// Of so many records that were read.
    pub fn of(records: u64, labels: &[Label]) -> Benign {
        let events = labels.iter().filter_map(|label| label.events).fold(0, u64::saturating_add);
        let labels_without_events = labels.iter().filter(|label| label.events.is_none()).count() as u64;
        Benign { benign_events: records.saturating_sub(events), labels_without_events }
    }

    /// A number for each million benign events; there is none without any.
    pub fn per_million(&self, number: u64) -> Option<f64> {
        let rate = number as f64 * 1e6 / self.benign_events as f64;
        (self.benign_events > 0).then(|| (rate * 100.0).round() / 100.0)
    }
}

/// What became of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncidentScore {
    /// Its name.
    pub incident: String,
    /// Its kind.
    pub kind: String,
    /// How plain it is.
    pub intensity: Option<String>,
    /// Its first event, RFC 3339 in UTC.
    pub first: String,
    /// Its last event.
    pub last: String,
    /// Is an alert that belongs to it bad enough to count as a find?
    pub found: bool,
    /// The worst alert that belongs to it.
    pub severity: Option<Severity>,
    /// Rules whose alerts find it, in the order of their ids.
    pub rules: Vec<&'static str>,
    /// Rules whose alerts belong to it but are too mild for a find.
    pub milder_rules: Vec<&'static str>,
    /// Number of alerts that belong to it.
    pub alerts: u64,
    /// From its first event to the first record that is evidence of a find, and no less than 0.
    pub seconds_to_first_evidence: Option<i64>,
    /// From its first event to the last record of the find that ends first: by then an alert was due. A rule that counts
    /// crosses its line somewhere between the two.
    pub seconds_to_last_evidence: Option<i64>,
}

/// What became of a rule's alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RuleScore {
    /// Such as `LOG-001`.
    pub rule_id: &'static str,
    /// Its alerts.
    pub alerts: u64,
    /// Incidents that it finds.
    pub finds: u64,
    /// Its alerts that belong to no incident.
    pub false_alerts: u64,
    /// Those for each million benign events.
    pub false_alerts_per_million: Option<f64>,
    /// Those by severity, of severities that have any.
    pub false_alerts_by_severity: BTreeMap<Severity, u64>,
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Incidents.
    pub incidents: u64,
    /// Those that are found.
    pub found: u64,
    /// Alerts.
    pub alerts: u64,
    /// Alerts that belong to no incident.
    pub false_alerts: u64,
    /// Those that are high or critical.
    pub serious_false_alerts: u64,
    /// What the rates are held against.
    #[serde(flatten)]
    pub benign: Benign,
    /// False alerts by severity, for each million benign events.
    pub false_alerts_per_million: BTreeMap<Severity, Option<f64>>,
    /// Those that are high or critical, for each million benign events.
    pub serious_false_alerts_per_million: Option<f64>,
    /// The rule with the most false alerts; of several the first by its id.
    pub noisiest_rule: Option<&'static str>,
    /// Its share of all false alerts.
    pub noisiest_rule_share: Option<f64>,
}

/// Labels and alerts, held against each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores<'a> {
    /// A score a label, in their order.
    pub incidents: Vec<IncidentScore>,
    /// Rules that raised alerts, in the order of their ids.
    pub rules: Vec<RuleScore>,
    /// The alerts that belong to no incident, in the order of the alerts.
    pub false_alerts: Vec<&'a Alert>,
    /// The whole.
    pub totals: Totals,
}

/// Holds alerts against labels.
pub fn score<'a>(labels: &[Label], alerts: &'a [Alert], benign: Benign, scoring: &Scoring) -> Scores<'a> {
    let owners = owners(labels, alerts, scoring);
    let of_label = |index: usize| -> Vec<&Alert> {
        alerts.iter().zip(&owners).filter(|(_, owners)| owners.contains(&index)).map(|(alert, _)| alert).collect()
    };
    let incidents: Vec<IncidentScore> =
        labels.iter().enumerate().map(|(index, label)| incident_score(label, &of_label(index), scoring)).collect();
    let is_false = |(_, owners): &(&Alert, &BTreeSet<usize>)| owners.is_empty();
    let false_alerts: Vec<&Alert> = alerts.iter().zip(&owners).filter(is_false).map(|(alert, _)| alert).collect();
    let rules = rule_scores(alerts, &false_alerts, &incidents, benign);
    let totals = totals(alerts, &false_alerts, &incidents, &rules, benign);
    Scores { incidents, rules, false_alerts, totals }
}

/// The incidents that each alert belongs to, as indexes of their labels.
fn owners(labels: &[Label], alerts: &[Alert], scoring: &Scoring) -> Vec<BTreeSet<usize>> {
    let of = |alert: &Alert| (0..labels.len()).filter(|index| belongs(alert, &labels[*index], scoring)).collect();
    let mut owners: Vec<BTreeSet<usize>> = alerts.iter().map(of).collect();
    // What is made of alerts about incidents is about them too, though it may name no one who is in a label.
    let by_id: HashMap<&str, &BTreeSet<usize>> =
        alerts.iter().zip(&owners).map(|(alert, owners)| (&*alert.alert_id, owners)).collect();
    let of_parts = |alert: &Alert| -> BTreeSet<usize> {
        let parts: Vec<_> = alert.related.iter().filter_map(|id| by_id.get(&**id)).collect();
        let all_belong = parts.iter().all(|owners| !owners.is_empty());
        parts.into_iter().filter(|_| all_belong).flat_map(|owners| owners.iter().copied()).collect()
    };
    let inherited: Vec<BTreeSet<usize>> = alerts.iter().map(of_parts).collect();
    for (owners, inherited) in owners.iter_mut().zip(inherited) {
        if owners.is_empty() {
            *owners = inherited;
        }
    }
    owners
}

/// Does the alert belong to the incident? By time, and by what it names.
fn belongs(alert: &Alert, label: &Label, scoring: &Scoring) -> bool {
    let Some((first_ms, last_ms)) = times(alert) else { return false };
    let tolerance_ms = scoring.tolerance_ms;
    first_ms <= label.last_ms.saturating_add(tolerance_ms)
        && last_ms >= label.first_ms.saturating_sub(tolerance_ms)
        && shares_a_name(alert, label)
}

/// First and last event; an alert without times is at no time.
fn times(alert: &Alert) -> Option<(i64, i64)> {
    let last_ms = alert.last_seen.as_deref().and_then(|time| iso_time(time.as_bytes()));
    alert.first_seen_ms.map(|first_ms| (first_ms, last_ms.unwrap_or(first_ms)))
}

/// Caller and address are who; a bucket is where, and many are there. So it is enough only if the alert names nobody
/// else than the label does.
fn shares_a_name(alert: &Alert, label: &Label) -> bool {
    let is_in = |name: &str, names: &[String]| names.iter().chain(&label.affected).any(|known| known == name);
    let principal = alert.principal.as_deref().filter(|name| *name != ANONYMOUS);
    let address = alert.remote_ip.as_deref();
    if principal.is_some_and(|name| is_in(name, &label.principals))
        || address.is_some_and(|name| is_in(name, &label.addresses))
    {
        return true;
    }
    let says_who = !label.principals.is_empty() || !label.addresses.is_empty();
    let somebody_else = match (principal, address) {
        (Some(_), _) => says_who,
        (None, Some(_)) => !label.addresses.is_empty(),
        (None, None) => false,
    };
    !somebody_else && alert.bucket.as_deref().is_some_and(|name| is_in(name, &label.buckets))
}

fn incident_score(label: &Label, alerts: &[&Alert], scoring: &Scoring) -> IncidentScore {
    let (finds, milder): (Vec<&Alert>, Vec<&Alert>) =
        alerts.iter().partition(|alert| alert.severity >= scoring.found_at);
    let ids = |alerts: &[&Alert]| alerts.iter().map(|alert| alert.rule_id).collect::<BTreeSet<_>>();
    let rules = ids(&finds);
    let milder_rules = ids(&milder).difference(&rules).copied().collect();
    let seconds = |time_ms: i64| (time_ms - label.first_ms).max(0) / 1_000;
    let found_times = || finds.iter().filter_map(|alert| times(alert));
    IncidentScore {
        incident: label.incident.clone(),
        kind: label.kind.clone(),
        intensity: label.intensity.clone(),
        first: format_iso(label.first_ms),
        last: format_iso(label.last_ms),
        found: !finds.is_empty(),
        severity: alerts.iter().map(|alert| alert.severity).max(),
        rules: rules.into_iter().collect(),
        milder_rules,
        alerts: alerts.len() as u64,
        seconds_to_first_evidence: found_times().map(|(first_ms, _)| seconds(first_ms)).min(),
        seconds_to_last_evidence: found_times().map(|(_, last_ms)| seconds(last_ms)).min(),
    }
}

fn rule_scores(
    alerts: &[Alert],
    false_alerts: &[&Alert],
    incidents: &[IncidentScore],
    benign: Benign,
) -> Vec<RuleScore> {
    let mut rules: BTreeMap<&'static str, RuleScore> = BTreeMap::new();
    for alert in alerts {
        rules.entry(alert.rule_id).or_default().alerts += 1;
    }
    for alert in false_alerts {
        let rule = rules.entry(alert.rule_id).or_default();
        rule.false_alerts += 1;
        *rule.false_alerts_by_severity.entry(alert.severity).or_default() += 1;
    }
    for id in incidents.iter().flat_map(|incident| &incident.rules) {
        rules.entry(id).or_default().finds += 1;
    }
    let with_rate = |(rule_id, rule): (&'static str, RuleScore)| {
        let false_alerts_per_million = benign.per_million(rule.false_alerts);
        RuleScore { rule_id, false_alerts_per_million, ..rule }
    };
    rules.into_iter().map(with_rate).collect()
}

fn totals(
    alerts: &[Alert],
    false_alerts: &[&Alert],
    incidents: &[IncidentScore],
    rules: &[RuleScore],
    benign: Benign,
) -> Totals {
    let of = |severity: Severity| false_alerts.iter().filter(|alert| alert.severity == severity).count() as u64;
    let serious_false_alerts = of(Severity::High) + of(Severity::Critical);
    let false_count = false_alerts.len() as u64;
    // Of rules with as many the first: `max_by_key` takes the last.
    let noisiest = rules.iter().rev().max_by_key(|rule| rule.false_alerts).filter(|rule| rule.false_alerts > 0);
    let share = |rule: &RuleScore| (rule.false_alerts as f64 / false_count as f64 * 1e4).round() / 1e4;
    Totals {
        incidents: incidents.len() as u64,
        found: incidents.iter().filter(|incident| incident.found).count() as u64,
        alerts: alerts.len() as u64,
        false_alerts: false_count,
        serious_false_alerts,
        benign,
        false_alerts_per_million: Severity::ALL
            .into_iter()
            .map(|severity| (severity, benign.per_million(of(severity))))
            .collect(),
        serious_false_alerts_per_million: benign.per_million(serious_false_alerts),
        noisiest_rule: noisiest.map(|rule| rule.rule_id),
        noisiest_rule_share: noisiest.map(share),
    }
}

#[cfg(test)]
mod tests;
