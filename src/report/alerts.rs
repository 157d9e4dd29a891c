//! Alerts as JSON, JSONL, CSV and as a table.

use super::csv;
use super::layout::lay_out;
use super::safe::{printable, printable_json};
use crate::detect::{Alert, RULES};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::borrow::Cow;

/// One JSON array and a line end.
pub fn json_array(alerts: &[Alert]) -> String {
    let text = serde_json::to_string_pretty(alerts).expect("texts and numbers are JSON");
    // Nearly always there is nothing to escape, and nothing is copied.
    let safe = if let Cow::Owned(safe) = printable_json(&text) { safe } else { text };
    safe + "\n"
}

/// One JSON object a line.
pub fn jsonl(alerts: &[Alert]) -> String {
    let line = |alert| {
        let json = serde_json::to_string(alert).expect("texts and numbers are JSON");
        printable_json(&json).into_owned() + "\n"
    };
    alerts.par_iter().map(line).collect()
}

/// A header and a line an alert, under the names of the JSON and in its order; lists and objects are JSON in a cell.
/// Cells that a spreadsheet would take for a formula begin with `'`.
pub fn csv(alerts: &[Alert]) -> String {
    let empty = Alert::of(RULES[0], &[], None);
    let (names, _) = members(&empty);
    let mut text = names.join(",") + "\r\n";
    for alert in alerts {
        text += &members(alert).1.join(",");
        text += "\r\n";
    }
    text
}

/// Names of an alert's members, and their values as CSV cells.
fn members(alert: &Alert) -> (Vec<String>, Vec<String>) {
    csv::members(&serde_json::to_string(alert).expect("texts and numbers are JSON"))
}

/// Columns of a table that is not for a terminal.
const USUAL_WIDTH: u16 = 160;

/// A table for people, laid out in `width` columns if that is given: where they are too few, a block an alert.
pub fn table(alerts: &[Alert], width: Option<u16>) -> String {
    if alerts.is_empty() {
        return "no alerts\n".to_owned();
    }
    let row = |alert| {
        let row = serde_json::to_value(alert).expect("texts and numbers are JSON");
        let text = |name: &str| printable(row[name].as_str().unwrap_or("-")).into_owned();
        let first = &row["evidence"][0];
        let place =
            first["source_file"].as_str().map(|file| format!("{}:{}", printable(file), first["source_line"]));
        vec![
            text("severity"),
            format!("{}\n{}", text("rule_id"), text("rule_name")),
            text("first_seen"),
            text("principal"),
            text("summary"),
            place.unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = alerts.iter().map(row).collect();
    let names = ["severity", "rule", "first seen (UTC)", "who", "what", "evidence"];
    let laid_out = lay_out(&names, &rows, width.unwrap_or(USUAL_WIDTH));
    let shortened = laid_out.shortened("csv").map(|line| line + "\n");
    laid_out.text + &shortened.unwrap_or_default()
}
