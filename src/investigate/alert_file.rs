//! Alerts of an earlier run, by their ids.

use super::pattern::{Address, Pattern};
use super::selection::Conditions;
use crate::detect::alert::SCHEMA;
use crate::error::Error;
use crate::parse::time::iso_time;
use serde::Deserialize;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line of a file of alerts.
const MOST_LINE: u64 = 16 << 20;

/// How long after the last event of an alert a row counts as within its window: the two logs tell seconds, and not
/// always the same one.
const SLACK_MS: i64 = 1000;

/// What is taken of an alert.
#[derive(Deserialize)]
struct SavedAlert {
    schema: String,
    alert_id: String,
    first_seen: Option<String>,
    last_seen: Option<String>,
    bucket: Option<String>,
    principal: Option<String>,
    access_key_id: Option<String>,
    remote_ip: Option<String>,
    evidence: Vec<SavedEvidence>,
    related: Vec<String>,
}

#[derive(Deserialize)]
struct SavedEvidence {
    source_file: String,
    source_line: i64,
    request_id: Option<String>,
}

/// The conditions of each of these alerts, from a file of JSONL as `detect` writes it.
///
/// # Errors
/// A file that cannot be read or holds no such alerts.
pub fn conditions_of_alerts(path: &Path, ids: &[String]) -> Result<Vec<Conditions>, Error> {
    let unreadable = |error: io::Error| {
        Error::Usage(format!(
            "cannot read {}: {error}; --alerts takes what detect --format jsonl wrote",
            path.display()
        ))
    };
    let mut reader = BufReader::new(std::fs::File::open(path).map_err(unreadable)?);
    let mut found: Vec<Option<Conditions>> = vec![None; ids.len()];
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if (&mut reader).take(MOST_LINE).read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let alert: SavedAlert = serde_json::from_slice(&line).map_err(|error| {
            let place = format!("{}:{number}", path.display());
            Error::Usage(format!("{place}: no alert: {error}; --alerts takes what detect --format jsonl wrote"))
        })?;
        if alert.schema != SCHEMA {
            let place = format!("{}:{number}", path.display());
            return Err(Error::Usage(format!(
                "{place}: no alert of {SCHEMA}: run detect again with this version"
            )));
        }
        for (_, found) in ids.iter().zip(&mut found).filter(|(id, _)| id.eq_ignore_ascii_case(&alert.alert_id)) {
            *found = Some(conditions(&alert));
        }
    }
    let missing = ids.iter().zip(&found).find(|(_, found)| found.is_none());
    if let Some((id, _)) = missing {
        let path = path.display();
        return Err(Error::Usage(format!(
            "no alert {id} in {path}: its alert_id members are the ids to choose from"
        )));
    }
    Ok(found.into_iter().flatten().collect())
}

/// What an alert is about, name by name as it was logged.
fn conditions(alert: &SavedAlert) -> Conditions {
    let exact = |text: &Option<String>| text.iter().map(|text| Pattern::exact(text)).collect();
    let time = |text: &Option<String>| text.as_deref().and_then(|text| iso_time(text.as_bytes()));
    let evidence = &alert.evidence;
    Conditions {
        since_ms: time(&alert.first_seen),
        until_ms: time(&alert.last_seen).map(|last| last.saturating_add(SLACK_MS)),
        buckets: exact(&alert.bucket),
        principals: exact(&alert.principal),
        access_keys: alert.access_key_id.iter().cloned().collect(),
        addresses: alert.remote_ip.iter().map(|ip| Address::exact(ip)).collect(),
        places: evidence.iter().map(|row| (row.source_file.clone(), row.source_line)).collect(),
        request_ids: evidence.iter().filter_map(|row| row.request_id.clone()).collect::<HashSet<_>>(),
        alert_ids: std::iter::once(&alert.alert_id).chain(&alert.related).cloned().collect(),
        ..Conditions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn alerts_are_found_by_id_and_all_else_is_misuse() {
        let alert = crate::detect::Alert {
            principal: Some("p*".to_owned()),
            // The log said so.
            remote_ip: Some("*/9".to_owned()),
            first_seen: Some("2026-03-04T09:00:00Z".to_owned()),
            last_seen: Some("2026-03-04T09:00:05Z".to_owned()),
            related: vec!["1111111111111111".to_owned()],
            ..crate::detect::Alert::of(crate::detect::RULES[0], &[Some("p")], None)
        };
        let line = serde_json::to_string(&alert).unwrap();
        let other_version = line.replace(SCHEMA, "s3sleuth.alert.v0");
        for (content, id, complaint) in [
            (line.as_str(), alert.alert_id.as_str(), None),
            (&line, &alert.alert_id.to_uppercase(), None),
            (&line, "0000000000000000", Some("no alert 0000000000000000")),
            ("{}", &alert.alert_id, Some(":1: no alert")),
            ("", &alert.alert_id, Some("no alert")),
            ("\n[", &alert.alert_id, Some(":2: no alert")),
            (&other_version, &alert.alert_id, Some("run detect again")),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            let read = conditions_of_alerts(file.path(), &[id.to_owned()]);
            match complaint {
                None => {
                    let conditions = &read.unwrap()[0];
                    assert_eq!(conditions.principals, [Pattern::exact("p*")]);
                    assert_eq!(conditions.addresses, [Address::Named(Pattern::exact("*/9"))]);
                    assert_eq!(conditions.until_ms.unwrap() - conditions.since_ms.unwrap(), 6000);
                    let ids = [&alert.alert_id, "1111111111111111"].map(str::to_owned);
                    assert_eq!(conditions.alert_ids, HashSet::from(ids));
                }
                Some(complaint) => {
                    let error = read.unwrap_err().to_string();
                    assert!(error.contains(complaint), "{error}");
                }
            }
        }
    }
}
