//! OPS-012: a client tries to write into the log, or into what reads it.

use super::marked_calls::{self, caller, hit};
use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::key_sample::about;
use crate::detect::marks::Marks;
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Sample, Shared};
use serde_json::json;

/// OPS-012 `log-injection`.
pub static RULE: Rule = Rule {
    id: "OPS-012",
    name: "log-injection",
    title: "A client sent text that is made for readers of the log",
    severity: Severity::Medium,
    attack: &["T1565.001"],
    looks_for: "Access lines whose request-URI, referer or user agent holds what looks like the end of a field and the \
        beginning of the next (a quote, and behind it a status or another quoted field); a referer, and in either log a user \
        agent, that begins like a formula of a spreadsheet (=, +, @). There is one alert for a caller, a bucket and a UTC day. What the reader makes of such a line does not depend on \
        it: the line is read from both ends.",
    why: "Nothing in an access log is escaped. Who shifts the fields makes careless readers see another status, address or \
        object; who writes a formula makes a spreadsheet run it.",
    cannot_see: "Formulas elsewhere, such as in the name of a trail or behind a dash. Escapes for terminals. Which reader it was meant for.",
    false_positives: "Odd clients, and scanners that try everything everywhere.",
    next_steps: &[
        "Look at the whole line, in a program that shows control characters.",
        "Find out which tools read these logs, and whether they can be misled by quotes.",
        "Do not open exports of logs in a spreadsheet without guards against formulas.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(HitDetector::<LogInjection>::of),
};

struct LogInjection;

impl Pattern for LogInjection {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        LogInjection
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        codes.marks[row].has(Marks::INJECTION).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, _shared: &Shared<'_>) -> Verdict {
        // It is the text that counts, not whether the request was done.
        let mut alert = group.alert(&RULE);
        alert.confidence = Confidence::Medium;
        alert.summary = format!(
            "{} sent {}{} to {} whose text is made for readers of the log.",
            caller(group),
            about(group.halvings()),
            counted(group.count(), "request", "requests"),
            group.entity[1].unwrap_or("S3"),
        );
        alert.reasons.extend(group.estimate());
        alert.observed.remove("keys");
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}

const ODD: Asks = Asks { agent: "x\" 200 - 10 10 5 4 \"-\" \"curl/8.5.0", ..Asks::USUAL };

static SAMPLES: [Sample; 6] = [
    made!("fires", true, ODD.lines()),
    made!("fires_on_a_formula", true, Asks { agent: "=cmd|' /C calc'!A0", ..ODD }.lines()),
    made!("near_miss_1", false, Asks { agent: "Mozilla/5.0 (\"Windows\")", ..ODD }.lines()),
    made!("near_miss_2", false, Asks { agent: "Mozilla/5.0 (X11; a=b; c+d@e)", ..ODD }.lines()),
    made!("near_miss_3", false, Asks { agent: "-", ..ODD }.lines()),
    made!("denied_twin", false, Asks { agent: "curl/8.5.0", answer: (403, "AccessDenied"), ..ODD }.lines()),
];
