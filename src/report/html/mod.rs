//! A report as one page of HTML: no script, no network, nothing outside it. The content policy of the page allows its own
//! style sheet and nothing else, so that a mistake in what is made here would still not run anything.
//!
//! Drawings are SVG inside the page. What is shown is bounded by numbers that are named here and in the files of the
//! parts; what is left out is said on the page.

mod activity_plot;
mod alerts;
mod axis;
mod case;
mod headline;
mod heat_map;
mod incident;
mod inputs;
mod limits;
mod markup;
mod matrix;
mod top;

use crate::case::{Held, Recorded};
use crate::coverage::Coverage;
use crate::decode::InputFacts;
use crate::detect::{Alert, Rule};
use crate::overview::Overview;
use crate::pipeline;
use markup::{Markup, policy_hash};

/// The style sheet.
const STYLE: &str = include_str!("style.css");

/// What a report tells.
pub struct Facts<'a> {
    /// The alerts, worst first.
    pub alerts: &'a [Alert],
    /// Alerts that the configuration keeps quiet.
    pub suppressed: u64,
    /// Alerts that the selection leaves out.
    pub not_selected: u64,
    /// The detectors that ran.
    pub rules: &'a [&'static Rule],
    /// What was not evaluated, a sentence each, most of them beginning with ids of rules.
    pub notes: &'a [String],
    /// What the input shows beyond the configuration, a sentence each.
    pub inferred: &'a [String],
    /// What was read.
    pub run: &'a pipeline::Report,
    /// What happened.
    pub overview: &'a Overview,
    /// What logs are there.
    pub coverage: &'a Coverage,
    /// The inputs and the manifest of the case that was named.
    pub case: Option<&'a Held>,
    /// What was read, in the order in which it was.
    pub inputs: &'a [InputFile<'a>],
    /// Files that were read beside the logs, each with its option.
    pub beside: &'a [(&'static str, InputFile<'a>)],
    /// Options that choose what is read, with their values.
    pub options: &'a [(&'static str, String)],
    /// Options that choose what of it is shown, likewise.
    pub selection: &'a [(&'static str, String)],
}

impl Facts<'_> {
    /// How a sentence begins on a part of the page that has nothing to show.
    fn no_record(&self) -> &'static str {
        if self.selection.is_empty() { "No record" } else { "No record of the selection" }
    }
}

/// A file that was read.
pub struct InputFile<'a> {
    /// Its name as given.
    pub name: &'a str,
    /// Size and hash; none if it could not be opened.
    pub facts: Option<InputFacts>,
    /// What the manifest of the case has of it.
    pub recorded: Option<&'a Recorded>,
}

/// The page.
pub fn page(facts: &Facts<'_>) -> String {
    let mut page = Markup::default();
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ");
    page.policy(&policy_hash(STYLE)).raw("; base-uri 'none'; form-action 'none'\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw(
        "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    page.raw("<title>").text(&headline::title(facts)).raw("</title>\n<style>").raw(STYLE).raw("</style>\n");
    page.raw("</head>\n<body>\n<main>\n");
    page.add(&headline::headline(facts));
    page.add(&incident::incident(facts.alerts));
    page.add(&activity_plot::activity(facts));
    page.add(&heat_map::heat_map(facts));
    page.add(&top::top_talkers(facts));
    page.add(&matrix::matrix(facts));
    page.add(&alerts::alerts(facts));
    page.add(&limits::limits(facts));
    page.add(&inputs::inputs(facts));
    page.raw("</main>\n</body>\n</html>\n");
    page.into_text()
}

/// A caller as a label: of an ARN what it names, without partition, service and account.
fn short_name(principal: &str) -> &str {
    match principal.strip_prefix("arn:") {
        Some(rest) => rest.splitn(5, ':').nth(4).filter(|name| !name.is_empty()).unwrap_or(principal),
        None => principal,
    }
}

/// The beginning of a label, of at most so many characters.
fn label(text: &str, most: usize) -> String {
    let printable = crate::report::safe::printable(text);
    if printable.chars().count() <= most {
        return printable.into_owned();
    }
    printable.chars().take(most - 1).chain(['…']).collect()
}

/// A list of a title and sentences, if there are any.
fn list<S: AsRef<str>>(page: &mut Markup, title: &'static str, sentences: &[S]) {
    if sentences.is_empty() {
        return;
    }
    page.raw("<h3>").raw(title).raw("</h3>\n<ul class=\"list\">\n");
    for sentence in sentences {
        page.raw("<li>").cut_text(sentence.as_ref(), 1000).raw("</li>\n");
    }
    page.raw("</ul>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_have_short_labels() {
        for (principal, short) in [
            ("arn:aws:iam::111122223333:role/app", "role/app"),
            ("arn:aws:iam::111122223333:root", "root"),
            ("anonymous", "anonymous"),
            ("arn:", "arn:"),
            ("arn:a:b:c:", "arn:a:b:c:"),
        ] {
            assert_eq!(short_name(principal), short);
        }
        assert_eq!((label("abcdef", 4), label("abcd", 4)), ("abc…".to_owned(), "abcd".to_owned()));
    }

    /// The page of these alerts, of logs without a row.
    fn page_of(alerts: &[Alert]) -> String {
        use crate::coverage::CoverageStage;
        use crate::overview::OverviewStage;
        use crate::pipeline::{Report, Stage, Tally};
        let (coverage, overview) = (CoverageStage::default(), OverviewStage::new(0));
        let run = Report {
            tally: Tally::default(),
            rejects: Vec::new(),
            files: Vec::new(),
            ignored: Vec::new(),
            notices: Vec::new(),
        };
        page(&Facts {
            alerts,
            suppressed: 0,
            not_selected: 0,
            rules: &crate::detect::RULES,
            notes: &[],
            inferred: &[],
            run: &run,
            overview: &overview.finish(overview.worker()),
            coverage: &coverage.finish(coverage.worker()),
            case: None,
            inputs: &[],
            beside: &[],
            options: &[],
            selection: &[],
        })
    }

    #[test]
    fn any_number_of_alerts_makes_a_page_of_five_megabytes_that_tells_what_is_left_out() {
        let alerts: Vec<Alert> = (0..30_000_i64)
            .map(|number| {
                let name = format!("{number}{}", "<\u{202e}&".repeat(400));
                let mut alert = Alert::of(crate::detect::RULES[0], &[Some(&name)], Some(number));
                alert.set_seen(Some(number * 1000), Some(number * 1000 + 5_000_000));
                (alert.summary, alert.principal, alert.bucket) =
                    (name.clone(), Some(name.clone()), Some(name.clone()));
                (alert.object_key, alert.remote_ip) = (Some(name.clone()), Some(name));
                alert
            })
            .collect();
        let page = page_of(&alerts);
        assert!(page.len() < 5_000_000, "{}", page.len());
        assert!(page.contains("have no evidence here") && page.contains("Not shown: 2"), "{}", &page[..3000]);
    }

    #[test]
    fn the_style_sheet_asks_for_nothing_and_ends_nowhere() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains("</"));
    }
}
