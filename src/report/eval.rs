//! How well detectors did, as JSON, JSONL, Markdown and as tables. Names come from labels and logs of others.

use super::count::{counted, grouped};
use super::numbers::{duration, percent};
use super::safe::{printable, printable_json};
use super::sheet::Sheet;
use crate::detect::{Alert, Severity};
use crate::eval::{IncidentScore, RuleScore, Scores, Totals};
use serde::Serialize;

/// Name and version of the whole.
pub const SCHEMA: &str = "s3sleuth.eval.v1";

/// False alerts that the forms for people list; JSON lists more.
const LISTED: usize = 20;
const LISTED_IN_JSON: usize = 1000;

/// A false alert, as far as it helps to find it.
#[derive(Serialize)]
struct FalseAlert<'a> {
    alert_id: &'a str,
    rule_id: &'a str,
    severity: Severity,
    first_seen: Option<&'a str>,
    last_seen: Option<&'a str>,
    bucket: Option<&'a str>,
    principal: Option<&'a str>,
    remote_ip: Option<&'a str>,
    summary: &'a str,
}

impl<'a> FalseAlert<'a> {
    fn of(alert: &'a Alert) -> FalseAlert<'a> {
        FalseAlert {
            alert_id: &alert.alert_id,
            rule_id: alert.rule_id,
            severity: alert.severity,
            first_seen: alert.first_seen.as_deref(),
            last_seen: alert.last_seen.as_deref(),
            bucket: alert.bucket.as_deref(),
            principal: alert.principal.as_deref(),
            remote_ip: alert.remote_ip.as_deref(),
            summary: &alert.summary,
        }
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    summary: &'a Totals,
    incidents: &'a [IncidentScore],
    rules: &'a [RuleScore],
    false_alerts: Vec<FalseAlert<'a>>,
}

/// One object: summary, incidents, rules, and the worst false alerts.
pub fn json(scores: &Scores<'_>) -> String {
    let whole = Whole {
        schema: SCHEMA,
        summary: &scores.totals,
        incidents: &scores.incidents,
        rules: &scores.rules,
        false_alerts: scores.false_alerts.iter().take(LISTED_IN_JSON).map(|alert| FalseAlert::of(alert)).collect(),
    };
    let text = serde_json::to_string_pretty(&whole).expect("texts and numbers are JSON");
    printable_json(&text).into_owned() + "\n"
}

/// One object an incident and line.
pub fn jsonl(scores: &Scores<'_>) -> String {
    let line = |incident| {
        let text = serde_json::to_string(incident).expect("texts and numbers are JSON");
        printable_json(&text).into_owned() + "\n"
    };
    scores.incidents.iter().map(line).collect()
}

/// For people, wrapped to `width` columns if one is given.
pub fn table(scores: &Scores<'_>, width: Option<u16>) -> String {
    let mut text: String = facts(&scores.totals).iter().map(|line| format!("{line}\n")).collect();
    sheets(scores).into_iter().for_each(|sheet| text += &sheet.table(width));
    text
}

/// The same as Markdown.
pub fn markdown(scores: &Scores<'_>) -> String {
    let mut text = "# Detectors held against what happened\n\n".to_owned();
    facts(&scores.totals).iter().for_each(|line| text += &format!("- {line}\n"));
    sheets(scores).iter().for_each(|sheet| text += &sheet.markdown());
    text
}

/// The whole in sentences.
pub fn facts(totals: &Totals) -> Vec<String> {
    let benign = &totals.benign;
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate}"));
    let by_severity: Vec<String> = totals
        .false_alerts_per_million
        .iter()
        .rev()
        .map(|(severity, number)| format!("{} {}", severity.name(), rate(*number)))
        .collect();
    let mut facts = vec![
        format!("{} of {} found", grouped(totals.found), counted(totals.incidents, "incident")),
        format!(
            "{} of {} false; for each million of {}: {}; high and critical {}",
            grouped(totals.false_alerts),
            counted(totals.alerts, "alert"),
            counted(benign.benign_events, "benign event"),
            by_severity.join(", "),
            rate(totals.serious_false_alerts_per_million),
        ),
    ];
    if let (Some(rule), Some(share)) = (totals.noisiest_rule, totals.noisiest_rule_share) {
        facts.push(format!("noisiest rule: {rule}, with {} of all false alerts", percent(share)));
    }
    if benign.labels_without_events > 0 {
        let labels = counted(benign.labels_without_events, "label");
        facts.push(format!("{labels} without a number of events: those records count as benign"));
    }
    facts
}

fn sheets(scores: &Scores<'_>) -> Vec<Sheet> {
    let mut sheets = Vec::new();
    if !scores.incidents.is_empty() {
        sheets.push(Sheet {
            title: "Incidents",
            header: vec![
                "incident",
                "kind",
                "intensity",
                "found",
                "worst",
                "by",
                "milder",
                "first evidence",
                "by then",
            ],
            rows: scores.incidents.iter().map(incident_cells).collect(),
            more: None,
        });
    }
    if !scores.rules.is_empty() {
        sheets.push(Sheet {
            title: "Rules",
            header: vec!["rule", "alerts", "incidents found", "false alerts", "a million", "by severity"],
            rows: scores.rules.iter().map(rule_cells).collect(),
            more: None,
        });
    }
    if !scores.false_alerts.is_empty() {
        let hidden = scores.false_alerts.len().saturating_sub(LISTED);
        let more =
            format!("… and {} more; --format json has {}", grouped(hidden as u64), grouped(LISTED_IN_JSON as u64));
        sheets.push(Sheet {
            title: "False alerts",
            header: vec!["severity", "rule", "first seen (UTC)", "bucket", "who", "what"],
            rows: scores.false_alerts.iter().take(LISTED).map(|alert| false_cells(alert)).collect(),
            more: (hidden > 0).then_some(more),
        });
    }
    sheets
}

fn incident_cells(incident: &IncidentScore) -> Vec<String> {
    let after = |seconds: Option<i64>| {
        let seconds = seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
        seconds.map_or_else(|| "-".to_owned(), duration)
    };
    vec![
        printable(&incident.incident).into_owned(),
        printable(&incident.kind).into_owned(),
        printable(incident.intensity.as_deref().unwrap_or("-")).into_owned(),
        if incident.found { "yes" } else { "no" }.to_owned(),
        incident.severity.map_or("-", Severity::name).to_owned(),
        incident.rules.join(" "),
        incident.milder_rules.join(" "),
        after(incident.seconds_to_first_evidence),
        after(incident.seconds_to_last_evidence),
    ]
}

fn rule_cells(rule: &RuleScore) -> Vec<String> {
    let by_severity: Vec<String> = rule
        .false_alerts_by_severity
        .iter()
        .rev()
        .map(|(severity, number)| format!("{} {}", grouped(*number), severity.name()))
        .collect();
    vec![
        rule.rule_id.to_owned(),
        grouped(rule.alerts),
        grouped(rule.finds),
        grouped(rule.false_alerts),
        rule.false_alerts_per_million.map_or_else(|| "-".to_owned(), |rate| rate.to_string()),
        by_severity.join(", "),
    ]
}

fn false_cells(alert: &Alert) -> Vec<String> {
    let text = |value: Option<&str>| printable(value.unwrap_or("-")).into_owned();
    vec![
        alert.severity.name().to_owned(),
        alert.rule_id.to_owned(),
        text(alert.first_seen.as_deref()),
        text(alert.bucket.as_deref()),
        text(alert.principal.as_deref()),
        printable(&alert.summary).into_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;
    use crate::eval::{Benign, Label, Scoring, score};

    fn hostile() -> (Vec<Label>, Vec<Alert>) {
        let text = "a\u{1b}]0;x\u{7}|\u{202e}<b>`x`".to_owned();
        let label = Label {
            incident: text.clone(),
            kind: text.clone(),
            intensity: Some(text.clone()),
            ..Label::default()
        };
        let mut alert = Alert::of(RULES[0], &[], None);
        (alert.bucket, alert.principal, alert.summary) = (Some(text.clone()), Some(text.clone()), text);
        (vec![label], vec![alert])
    }

    #[test]
    fn no_form_lets_hostile_text_do_anything() {
        let (labels, alerts) = hostile();
        let benign = Benign::of(10, &labels);
        let scores = score(&labels, &alerts, benign, &Scoring::default());
        for text in [json(&scores), jsonl(&scores), table(&scores, None), markdown(&scores)] {
            let is_unsafe = |character: char| super::super::safe::is_unsafe(character) && character != '\n';
            assert!(!text.contains(is_unsafe) && !text.is_empty(), "{text}");
        }
        assert!(!markdown(&scores).contains("<b>"));
    }

    #[test]
    fn nothing_is_told_as_nothing() {
        let scores = score(&[], &[], Benign::of(0, &[]), &Scoring::default());
        let text = table(&scores, None);
        assert!(
            text.starts_with(
                "0 of 0 incidents found\n0 of 0 alerts false; for each million of 0 benign events: critical -"
            ),
            "{text}"
        );
        assert_eq!(jsonl(&scores), "");
    }
}
