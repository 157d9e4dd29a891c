//! Alerts as JSON, JSONL, CSV and as a table.

use super::safe::{printable, printable_json};
use crate::detect::Alert;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::Value;

/// One JSON array and a line end.
pub fn json(alerts: &[Alert]) -> String {
    let text = serde_json::to_string_pretty(alerts).expect("texts and numbers are JSON");
    printable_json(&text).into_owned() + "\n"
}

/// One JSON object a line.
pub fn jsonl(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| serde_json::to_string(alert).expect("texts and numbers are JSON") + "\n";
    let text: String = alerts.iter().map(line).collect();
    printable_json(&text).into_owned()
}

/// A header and a line an alert, under the names of the JSON; lists and objects are JSON in a cell. Cells that a
/// spreadsheet would take for a formula begin with `'`.
pub fn csv(alerts: &[Alert]) -> String {
    let rows: Vec<Value> =
        alerts.iter().map(|alert| serde_json::to_value(alert).expect("texts and numbers are JSON")).collect();
    let mut text = Alert::FIELDS.join(",") + "\r\n";
    for row in &rows {
        let cells: Vec<String> = Alert::FIELDS.iter().map(|name| csv_cell(&row[*name])).collect();
        text += &cells.join(",");
        text += "\r\n";
    }
    text
}

fn csv_cell(value: &Value) -> String {
    let (text, logged) = match value {
        Value::Null => return String::new(),
        Value::String(text) => (printable(text).into_owned(), true),
        other => (printable_json(&other.to_string()).into_owned(), false),
    };
    let guard = if logged && text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) { "'" } else { "" };
    if text.contains([',', '"', '\n', '\r']) || !guard.is_empty() {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A table for people, wrapped to `width` columns if one is given.
pub fn table(alerts: &[Alert], width: Option<u16>) -> String {
    if alerts.is_empty() {
        return "no alerts\n".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width.unwrap_or(160)).set_header(["severity", "rule", "first seen (UTC)", "who", "what", "evidence"]);
    for alert in alerts {
        let row = serde_json::to_value(alert).expect("texts and numbers are JSON");
        let text = |name: &str| printable(row[name].as_str().unwrap_or("-")).into_owned();
        let first = &row["evidence"][0];
        let place = first["source_file"].as_str().map(|file| format!("{}:{}", printable(file), first["source_line"]));
        table.add_row([
            text("severity"),
            format!("{}\n{}", text("rule_id"), text("rule_name")),
            text("first_seen"),
            text("principal"),
            text("summary"),
            place.unwrap_or_default(),
        ]);
    }
    format!("{table}\n")
}
