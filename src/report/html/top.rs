//! Top talkers: callers, addresses, user agents and buckets, the busiest first.

use super::Facts;
use super::axis::calendar;
use super::markup::Markup;
use crate::detect::Alert;
use crate::overview::sampled::Named;
use crate::overview::{PerLog, Top};
use crate::report::count::grouped;
use crate::report::numbers::bytes;

/// Names that are shown of each kind.
const MOST_NAMES: usize = 15;

/// What an alert says of a kind of names, if it says one.
type OfAlert = fn(&Alert) -> Option<&str>;

/// The section.
pub fn top_talkers(facts: &Facts<'_>) -> Markup {
    let overview = facts.overview;
    let mut page = Markup::default();
    page.raw("<section id=\"talkers\">\n<h2>Top talkers</h2>\n");
    page.raw("<p class=\"note\">By requests of the log that has more of them. Reads, writes, deletes and changes of settings ");
    page.raw("are those that were done, of both logs the larger number, as are bytes sent. Times are UTC.</p>\n");
    let kinds: [(&'static str, &str, &Top, Option<OfAlert>); 4] = [
        ("Callers", "caller", &overview.principals, Some(|alert| alert.principal.as_deref())),
        ("Addresses", "address", &overview.addresses, Some(|alert| alert.remote_ip.as_deref())),
        ("User agents", "user agent", &overview.user_agents, None),
        ("Buckets", "bucket", &overview.buckets, Some(|alert| alert.bucket.as_deref())),
    ];
    for (title, noun, top, of_alert) in kinds {
        page.add(&table(title, noun, top, of_alert, facts.alerts));
    }
    page.raw("</section>\n");
    page
}

fn table(title: &'static str, noun: &str, top: &Top, of_alert: Option<OfAlert>, alerts: &[Alert]) -> Markup {
    let mut page = Markup::default();
    page.raw("<h3>").raw(title).raw("</h3>\n<div class=\"wide\"><table class=\"top\">\n<thead><tr><th>");
    page.text(noun)
        .raw("</th><th class=\"n\">access log</th><th class=\"n\">CloudTrail</th><th class=\"n\">reads</th>");
    page.raw("<th class=\"n\">writes</th><th class=\"n\">deletes</th><th class=\"n\">changes</th><th class=\"n\">denied</th>");
    page.raw("<th class=\"n\">sent</th><th class=\"n\">first</th><th class=\"n\">last</th>");
    page.raw(if of_alert.is_some() { "<th class=\"n\">alerts</th>" } else { "" }).raw("</tr></thead>\n<tbody>\n");
    let most = top.names.first().map_or(0, |named| named.counts.most(|log| log.requests));
    for named in top.names.iter().take(MOST_NAMES) {
        row(&mut page, named, most);
        if let Some(of_alert) = of_alert {
            let name = named.fields[0].as_deref();
            let number = alerts.iter().filter(|alert| name.is_some() && of_alert(alert) == name).count();
            page.raw("<td class=\"n\">").raw(if number > 0 { "<b>" } else { "" }).text(&or_blank(number as u64));
            page.raw(if number > 0 { "</b></td>" } else { "</td>" });
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    let is_named = |named: &&Named| named.fields[0].is_some();
    let shown = top.names.iter().take(MOST_NAMES).filter(is_named).count() as u64;
    let mut notes = Vec::new();
    if top.distinct > shown {
        let about = if top.is_estimate { "about " } else { "" };
        let plural = if noun.ends_with('s') { "es" } else { "s" };
        notes.push(format!(
            "Not shown: {about}{} other {noun}{plural} with fewer requests.",
            grouped(top.distinct - shown)
        ));
    }
    if top.one_in > 1 {
        notes.push(format!(
            "There are so many that the numbers are estimates from one in {} rows.",
            grouped(top.one_in)
        ));
    }
    if !notes.is_empty() {
        page.wrapped("<p class=\"note\">", &notes.join(" "), "</p>\n");
    }
    page
}

fn row(page: &mut Markup, named: &Named, most: u64) {
    let counts = &named.counts;
    page.raw("<tr><td class=\"t\">").name(named.fields[0].as_deref().unwrap_or("(not logged)"), 300);
    let share = counts.most(|log| log.requests) as f64 / most.max(1) as f64 * 100.0;
    page.raw("<svg class=\"bar\" viewBox=\"0 0 100 3\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    page.rect("s-all", [0.0, 0.0, share.max(0.5), 3.0], "").raw("</svg></td>");
    for number in numbers(counts) {
        page.wrapped("<td class=\"n\">", &number, "</td>");
    }
    let span = counts.span_ms();
    for time_ms in [span.map(|(first, _)| first), span.map(|(_, last)| last)] {
        let time = time_ms.map_or_else(String::new, |time_ms| calendar(time_ms, "%-d %b %H:%M"));
        page.wrapped("<td class=\"n time\">", &time, "</td>");
    }
}

fn numbers(counts: &PerLog) -> [String; 8] {
    let sent = counts.most(|log| log.bytes_out);
    [
        or_blank(counts.access().requests),
        or_blank(counts.trail().requests),
        or_blank(counts.most(|log| log.reads)),
        or_blank(counts.most(|log| log.writes)),
        or_blank(counts.most(|log| log.deletes)),
        or_blank(counts.most(|log| log.changes)),
        or_blank(counts.most(|log| log.denied)),
        if sent == 0 { "·".to_owned() } else { bytes(sent) },
    ]
}

/// A number, and for 0 a point, which the eye passes over.
pub fn or_blank(number: u64) -> String {
    if number == 0 { "·".to_owned() } else { grouped(number) }
}
