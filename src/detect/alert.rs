//! The alert: what a detector says, as one JSON object a line.

use super::Rule;
use super::evidence::{EVIDENCE_ROWS, EvidenceRow, EvidenceRows};
use crate::parse::{LogType, time};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The `schema` member of every alert; a change of names or meanings is a new version.
pub const SCHEMA: &str = "s3sleuth.alert.v1";

/// How bad it is if it is what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look some day.
    Low,
    /// Worth a look this week.
    Medium,
    /// Worth a look today.
    High,
    /// Worth a look now.
    Critical,
}

impl Severity {
    /// Every level, mildest first.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The word in alerts and options.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The level of that name, in either case.
    pub fn parse(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| severity.name().eq_ignore_ascii_case(text))
    }
}

/// How sure it is that what was seen is what the rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Rests on a guess that a caller could have planted.
    Low,
    /// Rests on a count or an estimate.
    Medium,
    /// Rests on what the log says outright.
    High,
}

/// How the calls ended that the alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// They were done.
    Success,
    /// They were refused, for want of permission or because there were too many.
    Denied,
    /// Some of each.
    Mixed,
}

/// What a detector says about one entity in one window. Members are serialised in this order; what is not known or
/// not one value is `None`, in JSON `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// 16 hexadecimal digits, the same whenever rule, entity and window are.
    pub alert_id: String,
    /// Such as `LOG-001`.
    pub rule_id: &'static str,
    /// Such as `log-object-deleted`.
    pub rule_name: &'static str,
    /// The rule's headline.
    pub title: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// How the calls ended.
    pub outcome: Outcome,
    /// First event in milliseconds, for the order: as text a whole second sorts after its fractions.
    #[serde(skip)]
    pub first_seen_ms: Option<i64>,
    /// Last event in milliseconds, to see which alerts belong together.
    #[serde(skip)]
    pub last_seen_ms: Option<i64>,
    /// First event, RFC 3339 in UTC.
    pub first_seen: Option<String>,
    /// Last event, RFC 3339 in UTC.
    pub last_seen: Option<String>,
    /// Length of the window in which the rule counts, in seconds.
    pub window_seconds: u64,
    /// Account whose log it is.
    pub account_id: Option<String>,
    /// Region of the calls.
    pub region: Option<String>,
    /// Bucket.
    pub bucket: Option<String>,
    /// Object, if it is only one.
    pub object_key: Option<String>,
    /// Caller, in one form for both logs.
    pub principal: Option<String>,
    /// Access key, if it is only one.
    pub access_key_id: Option<String>,
    /// Address, if it is only one.
    pub remote_ip: Option<String>,
    /// Names of the logs that show it.
    pub logs: Vec<&'static str>,
    /// How many, in the unit of the rule; of two logs the larger number.
    pub count: u64,
    /// One sentence with the numbers that crossed the line.
    pub summary: String,
    /// Why it counts, one sentence each.
    pub reasons: Vec<String>,
    /// What was measured.
    pub observed: BTreeMap<&'static str, Value>,
    /// What it was held against.
    pub expected: BTreeMap<&'static str, Value>,
    /// ATT&CK technique ids.
    pub attack: Vec<&'static str>,
    /// The first records, at most five.
    #[serde(serialize_with = "super::evidence::as_json")]
    pub evidence: Vec<EvidenceRow>,
    /// How many records there are, over both logs.
    pub evidence_total: u64,
    /// Ids of alerts that belong with this one.
    pub related: Vec<String>,
    /// What to do next.
    pub next_steps: Vec<&'static str>,
}

impl Alert {
    /// An alert of a rule with its texts, and nothing measured yet. `entity` are the fields that name the entity and
    /// `window_start_ms` is where its window begins; together with the rule they make the id.
    pub fn of(rule: &Rule, entity: &[Option<&str>], window_start_ms: Option<i64>) -> Alert {
        Alert {
            schema: SCHEMA,
            alert_id: alert_id(rule.id, entity, window_start_ms),
            rule_id: rule.id,
            rule_name: rule.name,
            title: rule.title,
            severity: rule.severity,
            confidence: Confidence::High,
            outcome: Outcome::Success,
            first_seen_ms: None,
            last_seen_ms: None,
            first_seen: None,
            last_seen: None,
            window_seconds: 0,
            account_id: None,
            region: None,
            bucket: None,
            object_key: None,
            principal: None,
            access_key_id: None,
            remote_ip: None,
            logs: Vec::new(),
            count: 0,
            summary: String::new(),
            reasons: Vec::new(),
            observed: BTreeMap::new(),
            expected: BTreeMap::new(),
            attack: rule.attack.to_vec(),
            evidence: Vec::new(),
            evidence_total: 0,
            related: Vec::new(),
            next_steps: rule.next_steps.to_vec(),
        }
    }

    /// Takes over the times of the first and the last event, in milliseconds.
    pub fn set_seen(&mut self, first_ms: Option<i64>, last_ms: Option<i64>) {
        (self.first_seen_ms, self.last_seen_ms) = (first_ms, last_ms);
        self.first_seen = first_ms.map(time::format_iso);
        self.last_seen = last_ms.map(time::format_iso);
    }

    /// Takes over the logs that show it, each with its evidence, in the order of [`LogType::ALL`].
    pub fn set_evidence(&mut self, per_log: [&EvidenceRows; 2]) {
        let mut all = EvidenceRows::default();
        for (log, rows) in LogType::ALL.into_iter().zip(per_log) {
            if rows.total() > 0 {
                self.logs.push(log.name());
            }
            all.merge(EVIDENCE_ROWS, rows.clone());
        }
        self.set_seen(all.first_seen_ms(), all.last_seen_ms());
        self.evidence_total = all.total();
        self.evidence = all.into_rows();
    }
}

/// `1 minute`, `2 minutes`: a number with its noun.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Worst first, then oldest first.
pub fn sort(alerts: &mut [Alert]) {
    let order = |alert: &Alert| {
        (std::cmp::Reverse(alert.severity), alert.first_seen_ms, alert.rule_id, alert.alert_id.clone())
    };
    alerts.sort_by_cached_key(order);
}

/// Fields are hashed with their lengths, so that no text can pass for two.
fn alert_id(rule_id: &str, entity: &[Option<&str>], window_start_ms: Option<i64>) -> String {
    let mut hasher = blake3::Hasher::new();
    let window_start = window_start_ms.map(|time_ms| time_ms.to_string());
    let fields = [Some(rule_id)].into_iter().chain(entity.iter().copied()).chain([window_start.as_deref()]);
    for field in fields {
        let length = field.map_or(u64::MAX, |text| text.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(field.unwrap_or_default().as_bytes());
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_read_by_name() {
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(&severity.name().to_uppercase()), Some(severity));
        }
        assert_eq!(Severity::parse("urgent"), None);
    }

    #[test]
    fn an_alert_has_the_members_of_the_contract_in_their_order() {
        let alert = Alert::of(crate::detect::RULES[0], &[Some("p"), None], Some(0));
        let json = serde_json::to_string(&alert).unwrap();
        let members = [
            "schema",
            "alert_id",
            "rule_id",
            "rule_name",
            "title",
            "severity",
            "confidence",
            "outcome",
            "first_seen",
            "last_seen",
            "window_seconds",
            "account_id",
            "region",
            "bucket",
            "object_key",
            "principal",
            "access_key_id",
            "remote_ip",
            "logs",
            "count",
            "summary",
            "reasons",
            "observed",
            "expected",
            "attack",
            "evidence",
            "evidence_total",
            "related",
            "next_steps",
        ];
        let places: Vec<_> = members.iter().map(|name| json.find(&format!("\"{name}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{json}");
        assert!(
            json.starts_with("{\"schema\":\"s3sleuth.alert.v1\",") && json.contains("\"region\":null"),
            "{json}"
        );
    }

    #[test]
    fn the_worst_come_first_and_a_whole_second_before_its_fractions() {
        let alert = |severity, time_ms: i64| {
            let mut alert = Alert::of(crate::detect::RULES[0], &[], None);
            (alert.severity, alert.first_seen_ms) = (severity, Some(time_ms));
            alert.first_seen = Some(time::format_iso(time_ms));
            alert
        };
        let mut alerts = [alert(Severity::Low, 0), alert(Severity::High, 3500), alert(Severity::High, 3000)];
        sort(&mut alerts);
        assert_eq!(alerts.map(|alert| alert.first_seen_ms), [Some(3000), Some(3500), Some(0)]);
    }

    #[test]
    fn an_id_tells_rule_entity_and_window_apart() {
        let ids = [
            alert_id("A-1", &[Some("ab"), Some("c")], Some(1)),
            alert_id("A-1", &[Some("a"), Some("bc")], Some(1)),
            alert_id("A-1", &[Some("ab"), Some("c")], Some(2)),
            alert_id("A-1", &[Some("ab"), Some("c")], None),
            alert_id("A-1", &[Some("ab"), None], Some(1)),
            alert_id("A-2", &[Some("ab"), Some("c")], Some(1)),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
            assert!(!ids[..index].contains(id));
        }
    }
}
