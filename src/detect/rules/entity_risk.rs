//! SEQ-010: alerts of several rules add up for one caller, address or bucket.

use super::samples;
use crate::activity::evidence::Evidence;
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::codes::Codes;
use crate::detect::sequence::{By, about, of_actors};
use crate::detect::{Config, DetectBatch, Detector, Findings, Form, Rule, Shared, Threshold};
use crate::parse::time::{DAY_MS, HOUR_MS};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeSet;

/// SEQ-010 `entity-risk`.
pub static RULE: Rule = Rule {
    id: "SEQ-010",
    name: "entity-risk",
    title: "Alerts of several rules add up",
    severity: Severity::High,
    attack: &["T1078"],
    looks_for: "The alerts of all rules that are not made of alerts themselves, by caller (with the roles it took on), by \
        address and by bucket, weighed \
        by their level: info 1, low 3, medium 10, high 25, critical 60. A rule counts once a UTC day, with its worst \
        alert. The sum halves every 24 hours. There is one alert where it reaches high_score, for the time until it \
        has fallen to a tenth of that again, if at least two rules took part; it is critical at critical_score. Of a caller \
        and an address, or a bucket, with the same alerts only the first is named.",
    why: "An attack touches many rules, each perhaps at a mild level; an innocent job mostly touches one.",
    cannot_see: "What no rule raises an alert about. The weights are not probabilities.",
    false_positives: "A deployment or a migration that does many unusual things at once. Buckets that everything \
        happens in.",
    next_steps: &[
        "Read the alerts in related in the order of their times.",
        "Ask the owner of the caller what was done in those hours; if nobody knows, deactivate its credentials.",
    ],
    thresholds: &[
        Threshold {
            name: HIGH_SCORE,
            default: 60,
            source: "proposal: one critical alert, or three high ones of a day",
        },
        Threshold { name: CRITICAL_SCORE, default: 100, source: "proposal: four high alerts of a day" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: samples!("SEQ-010":
        "fires" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(|config| Box::new(EntityRisk::new(config))),
};

const HIGH_SCORE: &str = "high_score";
const CRITICAL_SCORE: &str = "critical_score";

/// How alerts are weighed, in the order of [`Severity::ALL`].
const WEIGHTS: [u64; 5] = [1, 3, 10, 25, 60];

/// An episode ends where the score has fallen to this part of the line.
const CALM: u64 = 10;

/// Scores are counted in parts, so that halving loses nothing that matters, and are whole numbers, the same everywhere.
const PARTS: u64 = 1 << 20;

/// What is left of [`PARTS`] after so many hours of a day: 2 to the power of -hours/24.
const LEFT_AFTER_HOURS: [u64; 24] = [
    1_048_576, 1_018_725, 989_724, 961_548, 934_175, 907_581, 881_744, 856_642, 832_255, 808_563, 785_544,
    763_181, 741_455, 720_347, 699_841, 679_917, 660_561, 641_757, 623_487, 605_738, 588_493, 571_740, 555_464,
    539_651,
];

struct EntityRisk {
    high: u64,
    critical: u64,
}

/// Alerts of one actor, until its score fell to a small part of what would be high.
#[derive(Default)]
struct Episode<'a> {
    alerts: Vec<&'a Alert>,
    highest: u64,
}

impl EntityRisk {
    fn new(config: &Config) -> EntityRisk {
        let parts = |name| config.threshold(&RULE, name).saturating_mul(PARTS);
        EntityRisk { high: parts(HIGH_SCORE), critical: parts(CRITICAL_SCORE) }
    }

    /// The episodes of one actor, whose alerts are in the order of time.
    fn episodes<'a>(&self, alerts: &[&'a Alert]) -> Vec<Episode<'a>> {
        let (mut episodes, mut episode, mut score, mut last_ms) = (Vec::new(), Episode::default(), 0u64, None);
        for alert in worst_of_days(alerts) {
            let time_ms = alert.first_seen_ms.unwrap_or_default();
            score = decayed(score, time_ms.saturating_sub(last_ms.unwrap_or(time_ms)));
            if score <= self.high / CALM {
                episodes.push(std::mem::take(&mut episode));
            }
            last_ms = Some(time_ms);
            score = score.saturating_add(WEIGHTS[alert.severity as usize] * PARTS);
            episode.highest = episode.highest.max(score);
            episode.alerts.push(alert);
        }
        episodes.push(episode);
        let rules =
            |episode: &Episode<'_>| episode.alerts.iter().map(|it| it.rule_id).collect::<BTreeSet<_>>().len();
        episodes.retain(|episode| episode.highest >= self.high && rules(episode) > 1);
        episodes
    }

    fn alert(&self, by: By, actor: &str, episode: &Episode<'_>) -> Alert {
        let mut alert = about(&RULE, by, actor, &episode.alerts);
        let score = episode.highest / PARTS;
        alert.severity = if episode.highest >= self.critical { Severity::Critical } else { Severity::High };
        alert.window_seconds = 86_400;
        let rules: BTreeSet<&str> = episode.alerts.iter().map(|it| it.rule_id).collect();
        let named: Vec<&str> = rules.iter().copied().collect();
        let rules = counted(rules.len() as u64, "rule", "rules");
        let alerts = counted(alert.count, "alert", "alerts");
        alert.summary = format!(
            "{} {actor} reached a score of {score} by {alerts} of {rules}: {}.",
            by.noun(),
            named.join(", ")
        );
        alert.observed.insert("score", json!(score));
        alert.expected =
            [(HIGH_SCORE, json!(self.high / PARTS)), (CRITICAL_SCORE, json!(self.critical / PARTS))].into();
        alert
    }
}

/// Of each rule and day only the worst alert, the first of equals; in the order of time.
fn worst_of_days<'a>(alerts: &[&'a Alert]) -> Vec<&'a Alert> {
    let day = |alert: &Alert| alert.first_seen_ms.unwrap_or_default().div_euclid(DAY_MS);
    let mut worst: Vec<&Alert> = alerts.to_vec();
    worst.sort_by_key(|alert| (alert.rule_id, day(alert), std::cmp::Reverse(alert.severity), alert.first_seen_ms));
    worst.dedup_by_key(|alert| (alert.rule_id, day(alert)));
    worst.sort_by_key(|alert| (alert.first_seen_ms, alert.rule_id, &alert.alert_id));
    worst
}

/// What is left of a score after a time, counted in whole hours.
fn decayed(score: u64, after_ms: i64) -> u64 {
    let hours = u64::try_from(after_ms / HOUR_MS).unwrap_or(0);
    let halved = score.checked_shr(u32::try_from(hours / 24).unwrap_or(u32::MAX)).unwrap_or(0);
    let left = u128::from(halved) * u128::from(LEFT_AFTER_HOURS[(hours % 24) as usize]) / u128::from(PARTS);
    u64::try_from(left).unwrap_or(u64::MAX)
}

impl Detector for EntityRisk {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn merge(&mut self, _: Box<dyn Detector>) {}

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        !id.starts_with("SEQ-")
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let of_actors =
            of_actors(alerts.iter(), &[By::Principal, By::Address, By::Bucket], &shared.known.assumed_roles);
        let mut named: BTreeSet<Vec<&str>> = BTreeSet::new();
        let mut found = Vec::new();
        for ((by, actor), alerts) in &of_actors {
            for episode in self.episodes(alerts) {
                let ids: Vec<&str> = episode.alerts.iter().map(|it| it.alert_id.as_str()).collect();
                if named.insert(ids) {
                    found.push(self.alert(*by, actor, &episode));
                }
            }
        }
        found
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;

    fn alert(rule: &'static str, severity: Severity, hour: i64) -> Alert {
        let mut alert = Alert::of(RULES[0], &[Some(rule)], Some(hour));
        (alert.rule_id, alert.severity) = (rule, severity);
        (alert.first_seen_ms, alert.last_seen_ms) = (Some(hour * HOUR_MS), Some(hour * HOUR_MS));
        alert
    }

    #[test]
    fn a_score_halves_in_a_day() {
        let hours: Vec<u64> =
            [0, 24, 48, 12, 240_000].map(|hour| decayed(100 * PARTS, hour * HOUR_MS) / PARTS).into();
        assert_eq!(hours, [100, 50, 25, 70, 0]);
        for (hour, left) in LEFT_AFTER_HOURS.iter().enumerate() {
            let exact = (-(hour as f64) / 24.0).exp2() * PARTS as f64;
            assert!((exact - *left as f64).abs() < 1.0, "{hour}: {left}, not {exact}");
        }
    }

    #[test]
    fn scores_add_up_within_days_and_a_rule_counts_once_a_day() {
        use Severity::{Critical, High, Low};
        for (alerts, expected) in [
            (vec![("A", High, 0), ("B", High, 1), ("C", High, 2)], vec![(3, 72)]),
            (vec![("A", High, 0), ("A", High, 1), ("A", High, 2), ("B", High, 3)], vec![]),
            (vec![("A", Critical, 0)], vec![]),
            (vec![("A", Critical, 0), ("B", Low, 0)], vec![(2, 63)]),
            (vec![("A", High, 0), ("B", High, 24), ("C", High, 48)], vec![]),
            (
                vec![("A", Critical, 0), ("B", Low, 0), ("A", Critical, 240), ("B", Low, 240)],
                vec![(2, 63), (2, 63)],
            ),
        ] {
            let alerts: Vec<Alert> = alerts.iter().map(|(rule, level, hour)| alert(rule, *level, *hour)).collect();
            let alerts: Vec<&Alert> = alerts.iter().collect();
            let episodes = EntityRisk::new(&Config::default()).episodes(&alerts);
            let found: Vec<_> = episodes.iter().map(|it| (it.alerts.len(), it.highest / PARTS)).collect();
            assert_eq!(found, expected, "{alerts:?}");
        }
    }
}
