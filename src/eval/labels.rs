//! What happened, as one JSON object a line.

use crate::parse::time::{format_iso, iso_time};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An incident that detectors are to find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// Its name, no other's.
    pub incident: String,
    /// What kind it is, such as `sse_c_ransomware`.
    pub kind: String,
    /// How plain it is, such as `low`.
    pub intensity: Option<String>,
    /// Its first event, milliseconds since 1970 UTC.
    pub first_ms: i64,
    /// Its last event.
    pub last_ms: i64,
    /// Who did it, as alerts name callers.
    pub principals: Vec<String>,
    /// From where.
    pub addresses: Vec<String>,
    /// Where.
    pub buckets: Vec<String>,
    /// Callers, addresses and buckets that suffer from it: alerts may name them.
    pub affected: Vec<String>,
    /// Number of records that belong to it, in both logs.
    pub events: Option<u64>,
}

/// What is wrong with a list of labels, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}: {reason}")]
pub struct LabelError {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// A line of the file. A member that nobody knows is a mistake: it would otherwise count for nothing without a word.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    incident: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intensity: Option<String>,
    first: String,
    last: String,
    #[serde(default, skip_serializing_if = "Names::is_none")]
    principal: Names,
    #[serde(default, skip_serializing_if = "Names::is_none")]
    address: Names,
    #[serde(default, skip_serializing_if = "Names::is_none")]
    bucket: Names,
    #[serde(default, skip_serializing_if = "Names::is_none")]
    affected: Names,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
}

/// None, one, or several.
#[derive(Default, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum Names {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn of(names: &[String]) -> Names {
        match names {
            [] => Names::None,
            [name] => Names::One(name.clone()),
            _ => Names::Several(names.to_vec()),
        }
    }

    fn is_none(&self) -> bool {
        matches!(self, Names::None)
    }

    fn into_list(self) -> Vec<String> {
        match self {
            Names::None => Vec::new(),
            Names::One(name) => vec![name],
            Names::Several(names) => names,
        }
    }
}

impl Label {
    /// The label as a line of a file, without the line end.
    pub fn to_json(&self) -> String {
        let line = Line {
            incident: self.incident.clone(),
            kind: self.kind.clone(),
            intensity: self.intensity.clone(),
            first: format_iso(self.first_ms),
            last: format_iso(self.last_ms),
            principal: Names::of(&self.principals),
            address: Names::of(&self.addresses),
            bucket: Names::of(&self.buckets),
            affected: Names::of(&self.affected),
            events: self.events,
        };
        serde_json::to_string(&line).expect("texts and numbers are JSON")
    }

    fn of(line: Line) -> Result<Label, String> {
        let time = |name: &str, text: &str| {
            iso_time(text.as_bytes())
                .ok_or_else(|| format!("{name}: expected a time such as 2026-03-09T23:46:40Z"))
        };
        let label = Label {
            first_ms: time("first", &line.first)?,
            last_ms: time("last", &line.last)?,
            incident: line.incident,
            kind: line.kind,
            intensity: line.intensity,
            principals: line.principal.into_list(),
            addresses: line.address.into_list(),
            buckets: line.bucket.into_list(),
            affected: line.affected.into_list(),
            events: line.events,
        };
        let all_names = [&label.principals, &label.addresses, &label.buckets, &label.affected];
        match () {
            () if label.incident.is_empty() => Err("incident: expected a name".to_owned()),
            () if label.kind.is_empty() => Err("kind: expected a name".to_owned()),
            () if label.first_ms > label.last_ms => Err("last is earlier than first".to_owned()),
            () if all_names.iter().any(|names| names.iter().any(String::is_empty)) => {
                Err("principal, address, bucket and affected hold no empty names".to_owned())
            }
            () if all_names[..3].iter().all(|names| names.is_empty()) => {
                Err("at least one of principal, address and bucket must say what alerts would name".to_owned())
            }
            () => Ok(label),
        }
    }
}

/// The labels of a file, in its order; blank lines say nothing.
///
/// # Errors
/// The first line that is no label, or names an incident again.
pub fn parse(text: &str) -> Result<Vec<Label>, LabelError> {
    let mut labels = Vec::new();
    let mut lines_of: HashMap<String, usize> = HashMap::new();
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = index + 1;
        let refused = |reason| LabelError { line, reason };
        // An array would be read too, by the order of the members.
        if !text.trim_start().starts_with('{') {
            return Err(refused("expected a JSON object".to_owned()));
        }
        let read: Line = serde_json::from_str(text).map_err(|error| refused(without_line(&error)))?;
        let label = Label::of(read).map_err(refused)?;
        if let Some(before) = lines_of.insert(label.incident.clone(), line) {
            return Err(refused(format!("incident {} is on line {before} already", label.incident)));
        }
        labels.push(label);
    }
    Ok(labels)
}

/// The reader counts lines from the start of what it reads, which is one line: only the column says where.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ").replace(" at line 0 column 0", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"incident":"i","kind":"k","intensity":"low","first":"2026-03-09T23:46:40Z","last":"2026-03-10T00:00:00Z","principal":"p","address":["192.0.2.1","192.0.2.2"],"bucket":"b","affected":["v","w"],"events":7}"#;

    #[test]
    fn a_label_is_what_its_line_says_and_is_written_so() {
        let text = format!("\n{WHOLE}\n  \n");
        let labels = parse(&text).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = Label {
            incident: "i".to_owned(),
            kind: "k".to_owned(),
            intensity: Some("low".to_owned()),
            first_ms: 1_773_100_000_000,
            last_ms: 1_773_100_800_000,
            principals: names(&["p"]),
            addresses: names(&["192.0.2.1", "192.0.2.2"]),
            buckets: names(&["b"]),
            affected: names(&["v", "w"]),
            events: Some(7),
        };
        assert_eq!(labels, [expected]);
        assert_eq!(labels[0].to_json(), WHOLE);
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_label_is_refused_with_its_line_and_reason() {
        let line = |members: &str| {
            format!(r#"{{"kind":"k","first":"2026-03-09T00:00:00Z","last":"2026-03-10T00:00:00Z"{members}}}"#)
        };
        let times = r#""kind":"k","incident":"i","bucket":"b","#;
        for (text, reason) in [
            ("nonsense".to_owned(), "expected a JSON object"),
            (r#"["i","k"]"#.to_owned(), "expected a JSON object"),
            ("{".to_owned(), "EOF"),
            (line(""), "missing field `incident`"),
            (line(r#","incident":"i""#), "at least one of principal, address and bucket"),
            (line(r#","incident":"i","affected":"b""#), "at least one of principal, address and bucket"),
            (line(r#","incident":"i","bucket":[]"#), "at least one of principal, address and bucket"),
            (line(r#","incident":"","bucket":"b""#), "incident: expected a name"),
            (line(r#","incident":"i","bucket":"""#), "no empty names"),
            (line(r#","incident":"i","bucket":7"#), "expected a text or a list of texts"),
            (line(r#","incident":"i","bucket":"b","colour":1"#), "unknown field `colour`"),
            (line(r#","incident":"i","incident":"j","bucket":"b""#), "duplicate field `incident`"),
            (line(r#","incident":"i","bucket":"b","events":-1"#), "invalid value"),
            (format!(r#"{{{times}"first":"today","last":"2026-03-10T00:00:00Z"}}"#), "first: expected a time"),
            (format!(r#"{{{times}"first":"2026-03-10T00:00:00Z","last":"x"}}"#), "last: expected a time"),
            (
                format!(r#"{{{times}"first":"2026-03-10T00:00:01Z","last":"2026-03-10T00:00:00Z"}}"#),
                "last is earlier than first",
            ),
        ] {
            let error = parse(&format!("\n{text}\n")).unwrap_err();
            assert_eq!(error.line, 2, "{text}");
            assert!(error.reason.contains(reason) && !error.reason.contains("line 1"), "{text}: {error}");
        }
        let twice = parse(&format!("{WHOLE}\n\n{WHOLE}\n")).unwrap_err();
        assert_eq!((twice.line, twice.reason.as_str()), (3, "incident i is on line 1 already"));
    }
}
