//! The head of the page: what it is about, figures, and what stands out.

use super::axis::calendar;
use super::markup::Markup;
use super::{Facts, case, label, short_name};
use crate::detect::{Alert, Severity};
use crate::overview::Top;
use crate::report::count::{counted, grouped};
use crate::report::numbers::bytes;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of alerts that are named at the top.
const MOST_FINDINGS: usize = 8;

/// Callers that are named for each.
const MOST_CALLERS: usize = 3;

/// Options that are named at the top; all stand below the inputs.
const MOST_OPTIONS: usize = 12;

/// The title of the page.
pub fn title(facts: &Facts<'_>) -> String {
    match facts.coverage.span_ms {
        Some((first, last)) => {
            format!("S3 activity, {} to {}", calendar(first, "%-d %b %Y"), calendar(last, "%-d %b %Y"))
        }
        None => "S3 activity".to_owned(),
    }
}

/// The head.
pub fn headline(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    page.raw("<header class=\"top\">\n<p class=\"kicker\">s3sleuth report</p>\n<h1>S3 activity and alerts</h1>\n<p class=\"lead\">");
    page.text(&period(facts)).raw("</p>\n").add(&selection(facts)).add(&case::banner(facts.case));
    page.raw("<nav aria-label=\"Contents\">");
    page.raw(
        "<a href=\"#incident\">Timeline</a> <a href=\"#activity\">Activity</a> <a href=\"#hours\">Hours</a> ",
    );
    page.raw("<a href=\"#talkers\">Top talkers</a> <a href=\"#matrix\">Who touched what</a> ");
    page.raw("<a href=\"#alerts\">Alerts</a> <a href=\"#limits\">Coverage and limits</a> <a href=\"#inputs\">Inputs</a>");
    page.raw("</nav>\n</header>\n<section id=\"summary\">\n<h2>Summary</h2>\n");
    page.add(&severities(facts.alerts)).add(&figures(facts)).add(&findings(facts));
    page.raw("</section>\n");
    page
}

fn period(facts: &Facts<'_>) -> String {
    let tally = &facts.run.tally;
    let records = counted(tally.records - tally.filtered, "record");
    let files = counted(tally.files_read + tally.files_partial, "file");
    match facts.coverage.span_ms {
        Some((first, last)) => {
            let [first, last] = [first, last].map(|time_ms| calendar(time_ms, "%-d %B %Y %H:%M"));
            format!("{first} to {last} UTC. {records} from {files}.")
        }
        None => format!("{records} from {files}, none with a time."),
    }
}

/// What was asked for, if not everything was.
fn selection(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    if facts.selection.is_empty() {
        return page;
    }
    page.raw("<p class=\"lead\">Asked for: ");
    for (number, (name, value)) in facts.selection.iter().take(MOST_OPTIONS).enumerate() {
        page.raw(if number > 0 { "; " } else { "" }).raw(name).raw(" <bdi>").cut_text(value, 200).raw("</bdi>");
    }
    if facts.selection.len() > MOST_OPTIONS {
        page.text(&format!(" and {} more", facts.selection.len() - MOST_OPTIONS));
    }
    page.raw(". Figures, plots and tables are of its requests, alerts those that it does not contradict; the detectors ");
    page.raw("saw all records.</p>\n");
    page
}

/// How many alerts there are of each severity.
fn severities(alerts: &[Alert]) -> Markup {
    let mut page = Markup::default();
    page.raw("<ul class=\"severities\">\n");
    for severity in Severity::ALL.into_iter().rev() {
        let number = alerts.iter().filter(|alert| alert.severity == severity).count() as u64;
        page.raw("<li class=\"").raw(severity.name()).raw(if number == 0 { " none\">" } else { "\">" });
        page.raw("<b>").number(number).raw("</b><span>").raw(severity.name()).raw("</span></li>\n");
    }
    page.raw("</ul>\n");
    page
}

fn figures(facts: &Facts<'_>) -> Markup {
    let overview = facts.overview;
    let (mut access, mut trail, mut sent, mut denied) = (0_u64, 0_u64, 0_u64, 0_u64);
    for named in overview.periods.iter().map(|(_, counts)| counts) {
        access += named.access().requests;
        trail += named.trail().requests;
        sent = sent.saturating_add(named.most(|counts| counts.bytes_out));
        denied += named.most(|counts| counts.denied);
    }
    let of = |top: &Top| about(top.distinct, top.is_estimate);
    let figures = [
        (grouped(access), "requests in access logs"),
        (grouped(trail), "events in CloudTrail"),
        (bytes(sent), "sent to callers"),
        (grouped(denied), "denied"),
        (of(&overview.principals), "callers"),
        (of(&overview.addresses), "addresses"),
        (of(&overview.buckets), "buckets"),
        (about(overview.objects.0, overview.objects.1), "objects named"),
    ];
    let mut page = Markup::default();
    page.raw("<dl class=\"figures\">\n");
    for (figure, what) in figures {
        page.raw("<div><dt>").raw(what).wrapped("</dt><dd>", &figure, "</dd></div>\n");
    }
    page.raw("</dl>\n");
    page
}

fn about(number: u64, is_estimate: bool) -> String {
    format!("{}{}", if is_estimate { "about " } else { "" }, grouped(number))
}

/// The worst kinds of alerts, a line each.
fn findings(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    let mut kinds: BTreeMap<_, Vec<&Alert>> = BTreeMap::new();
    for alert in facts.alerts.iter().filter(|alert| alert.severity >= Severity::High) {
        kinds.entry((Reverse(alert.severity), alert.rule_id)).or_default().push(alert);
    }
    let limited = facts.notes.len();
    if kinds.is_empty() {
        page.raw("<p>No alert");
        page.raw(if facts.not_selected > 0 { " of what was asked for" } else { "" });
        page.raw(" is high or critical. That says no more than that the detectors saw nothing in these logs; ");
        page.raw("what they could not see stands under <a href=\"#limits\">Coverage and limits</a>.</p>\n");
        return page;
    }
    page.raw("<h3>What stands out</h3>\n<ul class=\"findings\">\n");
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    // What happened comes before what adds it up.
    kinds.sort_by_key(|((severity, rule), alerts)| {
        let is_sum = alerts.iter().any(|alert| !alert.related.is_empty());
        (*severity, is_sum, alerts.iter().filter_map(|alert| alert.first_seen_ms).min(), *rule)
    });
    for ((Reverse(severity), rule_id), alerts) in kinds.iter().take(MOST_FINDINGS) {
        page.raw("<li><span class=\"badge ").raw(severity.name()).raw("\">").raw(severity.name()).raw("</span> ");
        page.raw("<a href=\"#a-").anchor(&alerts[0].alert_id).raw("\">").text(alerts[0].title).raw("</a> ");
        page.wrapped("<span class=\"rule\">", rule_id, "</span>").raw("<br><span class=\"quiet\">");
        page.text(&counted(alerts.len() as u64, "alert"));
        if let Some(first) = alerts.iter().filter_map(|alert| alert.first_seen_ms).min() {
            page.text(&format!(", first {} UTC", calendar(first, "%-d %b %H:%M")));
        }
        let callers: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert.principal.as_deref()).collect();
        if !callers.is_empty() {
            let named: Vec<String> =
                callers.iter().take(MOST_CALLERS).map(|caller| label(short_name(caller), 40)).collect();
            page.raw(", by <bdi>").text(&named.join(", ")).raw("</bdi>");
            if callers.len() > MOST_CALLERS {
                page.text(&format!(" and {} more", callers.len() - MOST_CALLERS));
            }
        }
        page.raw("</span></li>\n");
    }
    page.raw("</ul>\n");
    if kinds.len() > MOST_FINDINGS {
        let more = counted((kinds.len() - MOST_FINDINGS) as u64, "more kind");
        page.wrapped("<p class=\"quiet\">", &more, " of high alerts below.</p>\n");
    }
    if limited > 0 {
        page.raw("<p class=\"quiet\">Not everything could be evaluated: <a href=\"#limits\">");
        page.text(&counted(limited as u64, "limit")).raw("</a>.</p>\n");
    }
    page
}
