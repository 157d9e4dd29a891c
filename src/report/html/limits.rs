//! What could be seen at all: which logs there are, what is missing of them, what could not be read or evaluated.

use super::markup::Markup;
use super::{Facts, list};
use crate::investigate::blind_spots::blind_spots;
use crate::ledger::{FileOutcome, FileStatus};
use crate::report::count::{counted, grouped};
use crate::report::coverage;
use crate::report::reasons::joined;
use crate::report::sheet::Sheet;

/// Files and refused records that are named.
const MOST_NAMED: usize = 20;

/// Sentences of one list.
const MOST_SENTENCES: usize = 200;

/// The section.
pub fn limits(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    page.raw("<section id=\"limits\">\n<h2>Coverage and limits</h2>\n");
    page.raw("<p class=\"note\">An alert is a lead and no verdict, and no alert is no proof: a detector can only see what was logged, ");
    page.raw("delivered and read. This is what was there.</p>\n");
    page.add(&equation(facts));
    page.raw("<p>Whether CloudTrail files are those that AWS delivered was not looked at: the chain of digests was not ");
    page.raw("verified. <code>s3sleuth verify</code> does that.</p>\n");
    if let Some(selected) = coverage::selected(facts.coverage) {
        page.raw("<p>").cut_text(&selected, 1000).raw(".</p>\n");
    }
    list(&mut page, "Could not be evaluated", &bounded(&joined(facts.notes)));
    list(&mut page, "Not in these logs", &blind_spots(&facts.run.tally.evidence));
    for sheet in coverage::sheets(facts.coverage) {
        page.add(&table(&sheet));
    }
    list(&mut page, "Left out of this overview for want of memory", &facts.coverage.left_out);
    list(&mut page, "Not read whole", &unread(facts));
    list(&mut page, "Refused records", &refused(facts));
    let notices: Vec<String> = facts
        .run
        .notices
        .iter()
        .take(MOST_NAMED)
        .map(|notice| format!("{}: {}", notice.name, notice.text))
        .collect();
    list(&mut page, "Notices", &notices);
    list(&mut page, "Inferred from the logs", &bounded(facts.inferred));
    page.raw("</section>\n");
    page
}

/// The counts that must add up.
fn equation(facts: &Facts<'_>) -> Markup {
    let tally = &facts.run.tally;
    let mut page = Markup::default();
    let mut text = format!(
        "{} = {} + {} + {} + {}.",
        counted(tally.lines, "line"),
        counted(tally.records, "record"),
        counted(tally.rejects, "reject"),
        counted(tally.blanks, "blank"),
        counted(tally.duplicates, "duplicate")
    );
    for (number, what) in [
        (tally.filtered, "were left out by a filter"),
        (tally.ambiguous, "have an ambiguous border between referer and user agent"),
        (tally.without_time, "have no usable time"),
        (tally.dedup_incomplete, "could not be compared with all others"),
    ] {
        if number > 0 {
            text += &format!(" {} of the records {what}.", grouped(number));
        }
    }
    page.raw("<p>").cut_text(&text, 1000).raw("</p>\n");
    page
}

fn bounded(sentences: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = sentences.iter().take(MOST_SENTENCES).cloned().collect();
    if sentences.len() > MOST_SENTENCES {
        shown.push(format!("and {} more", grouped((sentences.len() - MOST_SENTENCES) as u64)));
    }
    shown
}

fn unread(facts: &Facts<'_>) -> Vec<String> {
    let sentence = |file: &FileOutcome| match &file.status {
        FileStatus::Skipped(reason) => format!("{}: skipped: {reason}", file.name),
        FileStatus::Partial(reason) => format!("{}: partly read: {reason}", file.name),
        FileStatus::Ignored(reason) => format!("{}: ignored: {reason}", file.name),
        FileStatus::Read => file.name.to_string(),
    };
    let mut sentences: Vec<String> = facts.run.files.iter().take(MOST_NAMED).map(sentence).collect();
    let all = facts.run.tally.files_skipped + facts.run.tally.files_partial;
    more(&mut sentences, all, "file");
    sentences
}

fn refused(facts: &Facts<'_>) -> Vec<String> {
    let rejects = facts.run.rejects.iter().take(MOST_NAMED);
    let mut sentences: Vec<String> = rejects
        .map(|reject| format!("{}:{}: {}: {}", reject.file, reject.number, reject.field, reject.reason))
        .collect();
    more(&mut sentences, facts.run.tally.rejects, "record");
    sentences
}

fn more(sentences: &mut Vec<String>, all: u64, noun: &str) {
    let rest = all.saturating_sub(sentences.len() as u64);
    if rest > 0 {
        sentences.push(counted(rest, &format!("more {noun}")));
    }
}

fn table(sheet: &Sheet) -> Markup {
    let mut page = Markup::default();
    let (title, legend) = sheet.title.split_once(". ").unwrap_or((sheet.title, ""));
    page.raw("<h3>").raw(title).raw("</h3>\n");
    if !legend.is_empty() {
        page.wrapped("<p class=\"note\">", legend, "</p>\n");
    }
    page.raw("<div class=\"wide\"><table class=\"sheet\">\n<thead><tr>");
    for name in &sheet.header {
        page.raw("<th>").raw(name).raw("</th>");
    }
    page.raw("</tr></thead>\n<tbody>\n");
    for row in &sheet.rows {
        page.raw("<tr>");
        for (name, cell) in sheet.header.iter().zip(row) {
            let is_number = cell.starts_with(|first: char| first.is_ascii_digit()) && *name != "account";
            page.raw(match *name {
                "days" => "<td class=\"strip\">",
                _ if is_number => "<td class=\"n\">",
                _ => "<td class=\"t\">",
            });
            page.raw("<bdi>").text(cell).raw("</bdi></td>");
        }
        page.raw("</tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    if let Some(more) = &sheet.more {
        page.wrapped("<p class=\"note\">", more, "</p>\n");
    }
    page
}
