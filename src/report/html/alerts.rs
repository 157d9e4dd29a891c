//! The alerts: a table of all, and a card with the evidence of each.

use super::Facts;
use super::axis::calendar;
use super::markup::Markup;
use crate::detect::evidence::EvidenceRow;
use crate::detect::{Alert, Severity};
use crate::parse::time::DAY_MS;
use crate::report::count::{counted, grouped};
use crate::report::numbers::duration;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// Bytes of cards, and of the lines of the table: over them alerts have only a line, and over both only their number is
/// told. The worst come first.
const CARDS_BYTES: usize = 1_800_000;
const LINES_BYTES: usize = 1_000_000;

/// Bytes of a name that are shown.
const MOST_NAME: usize = 300;

/// Bytes of an action or a request id that are shown: they are one word, and AWS makes none that is longer.
const MOST_WORD: usize = 64;

/// Related alerts that a card names.
const MOST_RELATED: usize = 24;

/// The section.
pub fn alerts(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    page.raw("<section id=\"alerts\">\n<h2>Alerts</h2>\n");
    if facts.alerts.is_empty() {
        page.raw("<p>There are none");
        page.raw(if facts.not_selected > 0 { " of what was asked for" } else { "" });
        page.raw(". That says no more than that the detectors saw nothing in these logs.</p>\n");
        page.add(&left_out(facts, 0, 0)).raw("</section>\n");
        return page;
    }
    let (mut cards, mut lines) = (Markup::default(), Markup::default());
    let (mut carded, mut lined) = (0, 0);
    let shown: HashSet<&str> = facts.alerts.iter().map(|alert| &*alert.alert_id).collect();
    for alert in facts.alerts {
        let mut of_card = Markup::default();
        if carded == lined && cards.len() < CARDS_BYTES {
            of_card = card(alert, &shown);
        }
        let has_card = !of_card.is_empty();
        let line = line(alert, has_card);
        if lines.len() + line.len() > LINES_BYTES {
            break;
        }
        cards.add(&of_card);
        lines.add(&line);
        (carded, lined) = (carded + usize::from(has_card), lined + 1);
    }
    page.add(&filter(facts.alerts));
    page.raw("<div class=\"wide\"><table class=\"list\">\n<thead><tr><th>severity</th><th>first seen (UTC)</th>");
    page.raw("<th>rule</th><th>what</th><th>caller</th><th>bucket</th></tr></thead>\n<tbody>\n").add(&lines);
    page.raw("</tbody></table></div>\n").add(&left_out(facts, carded, lined));
    page.raw("<h3 id=\"evidence\">Alerts with their evidence</h3>\n");
    page.raw("<p class=\"note printed\">Low and info alerts are printed without their evidence.</p>\n")
        .add(&cards)
        .raw("</section>\n");
    page
}

/// When the first and the last event were.
pub fn seen(alert: &Alert) -> String {
    match (alert.first_seen_ms, alert.last_seen_ms) {
        (Some(first), Some(last)) if first == last => format!("{} UTC", calendar(first, "%-d %b %Y %H:%M:%S")),
        (Some(first), Some(last)) => {
            let is_one_day = first.div_euclid(DAY_MS) == last.div_euclid(DAY_MS);
            let first_text = calendar(first, "%-d %b %Y %H:%M:%S");
            let last_text = calendar(last, if is_one_day { "%H:%M:%S" } else { "%-d %b %Y %H:%M:%S" });
            let length = u32::try_from((last - first) / 1000).map_or_else(|_| String::new(), duration);
            format!("{first_text} to {last_text} UTC ({length})")
        }
        _ => "no time".to_owned(),
    }
}

/// Boxes that hide severities, without a script.
fn filter(alerts: &[Alert]) -> Markup {
    let mut page = Markup::default();
    page.raw("<p class=\"filter\">Show:");
    for severity in Severity::ALL.into_iter().rev() {
        let number = alerts.iter().filter(|alert| alert.severity == severity).count();
        if number > 0 {
            page.raw(" <label><input type=\"checkbox\" checked id=\"f-").raw(severity.name()).raw("\"> ");
            page.raw(severity.name()).raw(" (").number(number as u64).raw(")</label>");
        }
    }
    page.raw("</p>\n");
    page
}

/// What is not shown in full.
fn left_out(facts: &Facts<'_>, carded: usize, lined: usize) -> Markup {
    let mut page = Markup::default();
    let mut notes = Vec::new();
    if lined > carded {
        notes.push(format!(
            "The last {} have no evidence here; detect has it.",
            counted((lined - carded) as u64, "alert")
        ));
    }
    if facts.alerts.len() > lined {
        let mut rules: BTreeMap<&str, u64> = BTreeMap::new();
        facts.alerts[lined..].iter().for_each(|alert| *rules.entry(alert.rule_id).or_default() += 1);
        let named: Vec<String> =
            rules.iter().take(40).map(|(rule, number)| format!("{} of {rule}", grouped(*number))).collect();
        let number = counted((facts.alerts.len() - lined) as u64, "milder alert");
        notes.push(format!("Not shown: {number} ({}); detect has them.", named.join(", ")));
    }
    if facts.suppressed > 0 {
        notes.push(format!("The configuration keeps {} quiet.", counted(facts.suppressed, "alert")));
    }
    if facts.not_selected > 0 {
        notes.push(format!("The selection leaves out {}.", counted(facts.not_selected, "alert")));
    }
    if !notes.is_empty() {
        page.raw("<p class=\"note\">").cut_text(&notes.join(" "), 2000).raw("</p>\n");
    }
    page
}

fn badge(page: &mut Markup, severity: Severity) {
    page.raw("<span class=\"badge ").raw(severity.name()).raw("\">").raw(severity.name()).raw("</span>");
}

/// A line of the table; it is the place of an alert without a card.
fn line(alert: &Alert, has_card: bool) -> Markup {
    let mut page = Markup::default();
    page.raw("<tr class=\"a ").raw(alert.severity.name());
    if !has_card {
        page.raw("\" id=\"a-").anchor(&alert.alert_id);
    }
    page.raw("\"><td>");
    badge(&mut page, alert.severity);
    let time = alert.first_seen_ms.map_or_else(String::new, |time_ms| calendar(time_ms, "%-d %b %Y %H:%M:%S"));
    page.wrapped("</td><td class=\"time\">", &time, "</td>").wrapped(
        "<td class=\"rule\">",
        alert.rule_id,
        "</td><td>",
    );
    if has_card {
        page.raw("<a href=\"#a-").anchor(&alert.alert_id).raw("\">").text(alert.title).raw("</a>");
    } else {
        page.text(alert.title);
    }
    if alert.principal.is_none() && alert.bucket.is_none() {
        page.raw("<br><bdi class=\"quiet\">").text(&alert.summary).raw("</bdi>");
    }
    for text in [&alert.principal, &alert.bucket] {
        page.raw("</td><td class=\"t\">").name(text.as_deref().unwrap_or(""), MOST_NAME);
    }
    page.raw("</td></tr>\n");
    page
}

/// All of an alert.
fn card(alert: &Alert, shown: &HashSet<&str>) -> Markup {
    let mut page = Markup::default();
    page.raw("<article class=\"a ").raw(alert.severity.name()).raw("\" id=\"a-").anchor(&alert.alert_id);
    page.raw("\">\n<header>");
    badge(&mut page, alert.severity);
    page.wrapped(" <h4>", alert.title, "</h4> ").wrapped("<span class=\"rule\">", alert.rule_id, " ");
    page.text(alert.rule_name).raw("</span></header>\n<p class=\"said\"><bdi>").cut_text(&alert.summary, 900);
    page.raw("</bdi></p>\n<dl class=\"facts\">\n");
    for (name, value) in members(alert) {
        page.raw("<div><dt>").raw(name).raw("</dt><dd>").name(&value, MOST_NAME).raw("</dd></div>\n");
    }
    page.raw("</dl>\n").add(&reasons(alert)).add(&evidence(alert));
    page.raw("<details><summary>What to do next</summary><ol class=\"next\">");
    alert.next_steps.iter().for_each(|step| {
        page.raw("<li>").cut_text(step, 600).raw("</li>");
    });
    page.raw("</ol></details>\n");
    if !alert.related.is_empty() {
        page.raw("<p class=\"related\">Belongs with:");
        for id in alert.related.iter().take(MOST_RELATED) {
            if shown.contains(&**id) {
                page.raw(" <a href=\"#a-").anchor(id).raw("\"><code>").anchor(id).raw("</code></a>");
            } else {
                page.wrapped(" <code>", id, "</code>");
            }
        }
        if alert.related.len() > MOST_RELATED {
            page.text(&format!(" and {} more", grouped((alert.related.len() - MOST_RELATED) as u64)));
        }
        page.raw("</p>\n");
    }
    page.raw("</article>\n");
    page
}

fn members(alert: &Alert) -> Vec<(&'static str, String)> {
    let some = |text: &Option<String>| text.clone();
    let place = match (&alert.account_id, &alert.region) {
        (Some(account_id), Some(region)) => Some(format!("{account_id}, {region}")),
        (one, other) => one.clone().or_else(|| other.clone()),
    };
    let members = [
        ("when", Some(seen(alert))),
        ("caller", some(&alert.principal)),
        ("bucket", some(&alert.bucket)),
        ("object", some(&alert.object_key)),
        ("address", some(&alert.remote_ip)),
        ("access key", some(&alert.access_key_id)),
        ("account, region", place),
        ("outcome", Some(word(&alert.outcome))),
        ("confidence", Some(word(&alert.confidence))),
        ("logs", (!alert.logs.is_empty()).then(|| alert.logs.join(", "))),
        ("ATT&amp;CK", (!alert.attack.is_empty()).then(|| alert.attack.join(", "))),
        ("alert id", Some(alert.alert_id.clone())),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// A word of JSON.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Why it counts, and the numbers that were held against each other.
fn reasons(alert: &Alert) -> Markup {
    let mut page = Markup::default();
    if !alert.reasons.is_empty() {
        page.raw("<ul class=\"list\">");
        for reason in &alert.reasons {
            page.raw("<li><bdi>").cut_text(reason, 600).raw("</bdi></li>");
        }
        page.raw("</ul>\n");
    }
    let measured = [("Observed", &alert.observed), ("Held against", &alert.expected)];
    for (title, values) in measured.into_iter().filter(|(_, values)| !values.is_empty()) {
        page.raw("<p class=\"measured\"><b>").raw(title).raw(":</b> ");
        for (number, (name, value)) in values.iter().enumerate() {
            page.raw(if number > 0 { "; " } else { "" }).text(&name.replace('_', " ")).raw(" <bdi><code>");
            page.text(&shown(value)).raw("</code></bdi>");
        }
        page.raw("</p>\n");
    }
    page
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// The first records, each with its file and line.
fn evidence(alert: &Alert) -> Markup {
    let mut page = Markup::default();
    if alert.evidence.is_empty() {
        return page;
    }
    page.raw("<p class=\"evidence\"><b>Evidence:</b> ");
    let all = alert.evidence_total.max(alert.evidence.len() as u64);
    let first = if (alert.evidence.len() as u64) < all { "the first " } else { "" };
    page.text(&format!("{first}{} of {}", alert.evidence.len(), counted(all, "record")));
    page.raw(
        "</p>\n<div class=\"wide\"><table class=\"evidence\">\n<thead><tr><th>time (UTC)</th><th>action</th>",
    );
    page.raw("<th>object</th><th>request id</th><th>file:line</th></tr></thead>\n<tbody>\n");
    alert.evidence.iter().for_each(|row| evidence_row(&mut page, row));
    page.raw("</tbody></table></div>\n");
    page
}

fn evidence_row(page: &mut Markup, row: &EvidenceRow) {
    let time = row.event_time_ms.map_or_else(String::new, |time_ms| calendar(time_ms, "%-d %b %Y %H:%M:%S"));
    page.wrapped("<tr><td class=\"time\">", &time, "</td>");
    page.raw("<td class=\"w\"><bdi>").cut_text(row.action().unwrap_or(""), MOST_WORD).raw("</bdi></td>");
    page.raw("<td class=\"t\">").name(row.object_key().unwrap_or(""), MOST_NAME).raw("</td>");
    page.raw("<td class=\"w\"><bdi>").cut_text(row.request_id().unwrap_or(""), MOST_WORD).raw("</bdi></td>");
    // Whole, so that it can be found; paths of files are no longer than this.
    page.raw("<td class=\"t\">")
        .name(&format!("{}:{}", row.source_file(), row.source_line), 1100)
        .raw("</td></tr>\n");
}
