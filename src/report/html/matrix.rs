//! Who touched what: callers by buckets.

use super::Facts;
use super::markup::Markup;
use crate::overview::PerLog;
use crate::report::count::{counted, grouped};
use crate::report::numbers::short_number;
use hashbrown::HashMap;

/// Callers and buckets that are shown.
const MOST_CALLERS: usize = 20;
const MOST_BUCKETS: usize = 12;

/// What was done, as letters in a cell.
type Deed = (&'static str, &'static str, fn(&PerLog) -> u64);

const DEEDS: [Deed; 5] = [
    ("R", "reads", |counts| counts.most(|log| log.reads)),
    ("W", "writes", |counts| counts.most(|log| log.writes)),
    ("D", "deletes", |counts| counts.most(|log| log.deletes)),
    ("C", "changes", |counts| counts.most(|log| log.changes)),
    ("✕", "denied", |counts| counts.most(|log| log.denied)),
];

/// The section.
pub fn matrix(facts: &Facts<'_>) -> Markup {
    let overview = facts.overview;
    let mut page = Markup::default();
    page.raw("<section id=\"matrix\">\n<h2>Who touched what</h2>\n");
    let places = overview.places.names();
    if places.is_empty() {
        page.raw("<p>").raw(facts.no_record()).raw(" names a bucket.</p>\n</section>\n");
        return page;
    }
    let mut cells: HashMap<(Option<&str>, Option<&str>), &PerLog> = HashMap::new();
    let mut callers: Vec<Option<&str>> = Vec::new();
    let mut is_known: HashMap<Option<&str>, ()> = HashMap::new();
    for named in &places {
        let [caller, bucket] = &named.fields[..] else { continue };
        cells.insert((caller.as_deref(), bucket.as_deref()), &named.counts);
        // Busiest places first, so that callers come in the order of their busiest.
        if is_known.insert(caller.as_deref(), ()).is_none() {
            callers.push(caller.as_deref());
        }
    }
    let shown = &callers[..callers.len().min(MOST_CALLERS)];
    let buckets: Vec<Option<&str>> =
        overview.buckets.names.iter().take(MOST_BUCKETS).map(|named| named.fields[0].as_deref()).collect();
    page.raw("<p class=\"note\">Requests of callers that named a bucket, of both logs the larger number, and below it what was ");
    page.raw("done: <b>R</b> objects read, <b>W</b> written, <b>D</b> deleted, <b>C</b> settings changed; ");
    page.raw("<b class=\"x\">✕</b> some requests were denied.</p>\n");
    page.raw("<div class=\"wide\"><table class=\"matrix\">\n<thead><tr><th></th>");
    for bucket in &buckets {
        page.raw("<th class=\"up\"><bdi>").cut_text(bucket.unwrap_or("(not logged)"), 63).raw("</bdi></th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    let most = places.first().map_or(1, |named| named.counts.most(|log| log.requests));
    for caller in shown {
        page.raw("<tr><th class=\"t\">").name(caller.unwrap_or("(not logged)"), 120).raw("</th>");
        for bucket in &buckets {
            match cells.get(&(*caller, *bucket)) {
                Some(counts) => cell(&mut page, counts, most),
                None => {
                    page.raw("<td></td>");
                }
            }
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    let mut notes = Vec::new();
    if callers.len() > shown.len() {
        notes.push(format!(
            "{} with fewer requests not shown.",
            counted((callers.len() - shown.len()) as u64, "caller")
        ));
    }
    let hidden = overview.buckets.distinct.saturating_sub(buckets.len() as u64);
    if hidden > 0 {
        notes.push(format!("{} with fewer requests not shown.", counted(hidden, "bucket")));
    }
    if overview.places.one_in() > 1 {
        notes.push(format!("The numbers are estimates from one in {} rows.", grouped(overview.places.one_in())));
    }
    if !notes.is_empty() {
        page.wrapped("<p class=\"note\">", &notes.join(" "), "</p>\n");
    }
    page.raw("</section>\n");
    page
}

fn cell(page: &mut Markup, counts: &PerLog, most: u64) {
    let requests = counts.most(|log| log.requests);
    // By orders of magnitude: what was asked once counts here as well.
    let share = ((requests + 1) as f64).ln() / ((most + 1) as f64).ln();
    page.raw(match (share * 4.0).ceil() as u64 {
        0 | 1 => "<td class=\"c h1\"",
        2 => "<td class=\"c h2\"",
        3 => "<td class=\"c h3\"",
        _ => "<td class=\"c h4\"",
    });
    let done: Vec<&Deed> = DEEDS.iter().filter(|(.., number)| number(counts) > 0).collect();
    let title: Vec<String> =
        done.iter().map(|(_, what, number)| format!("{} {what}", grouped(number(counts)))).collect();
    page.raw(" title=\"").text(&counted(requests, "request"));
    page.text(if title.is_empty() { "" } else { ": " }).text(&title.join(", ")).raw("\">");
    page.text(&short_number(requests)).raw("<span>");
    for (letter, ..) in done {
        if *letter == "✕" {
            page.raw("<b class=\"x\">✕</b>");
        } else {
            page.raw(letter);
        }
    }
    page.raw("</span></td>");
}
