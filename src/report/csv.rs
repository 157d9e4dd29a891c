//! JSON objects as lines of CSV.

use super::safe::{looks_like_a_formula, printable, printable_json};
use crate::parse::json::{self, Kind};

/// Names of the members of a JSON object, and their values as cells; lists and objects are JSON in a cell. Texts that a
/// spreadsheet would take for a formula begin with `'`.
pub fn members(object: &str) -> (Vec<String>, Vec<String>) {
    let (mut names, mut cells) = (Vec::new(), Vec::new());
    let walked = json::members(object.as_bytes(), |key, value| {
        names.push(String::from_utf8_lossy(&key.name()).into_owned());
        let text = value.text().map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
        cells.push(match value.kind {
            Kind::Null => String::new(),
            Kind::String => cell(&printable(&text), true),
            _ => cell(&printable_json(&text), false),
        });
    });
    walked.expect("what was just written is JSON");
    (names, cells)
}

fn cell(text: &str, guarded: bool) -> String {
    let formula = guarded && looks_like_a_formula(text);
    if formula || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
