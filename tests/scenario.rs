//! Detection quality from end to end: ten days of a made-up company go through the program, which must find every
//! incident and raise hardly any serious alert on the benign traffic. The seeds here are used for nothing else: who
//! tunes a detector uses seeds 1 to 9 (`cargo run --example scenario`).

mod support;

use chrono::DateTime;
use s3sleuth::synth::scenario::{Incident, IncidentKind, Scenario, ScenarioOptions, scenario};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// High and critical alerts that a million benign records may raise.
const FALSE_ALERTS_A_MILLION: u64 = 3;

/// Writes the files of a scenario to `logs` and its configuration to `config.toml` in a new folder.
fn written(told: &Scenario) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |path: &Path, content: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    };
    for (path, content) in &told.files {
        write(&folder.path().join("logs").join(path), content);
    }
    write(&folder.path().join("config.toml"), told.config_toml.as_bytes());
    folder
}

/// First and last event of an alert, in milliseconds; an alert without times is at no time.
fn times(alert: &Value) -> Option<(i64, i64)> {
    let time = |name: &str| Some(DateTime::parse_from_rfc3339(alert[name].as_str()?).ok()?.timestamp_millis());
    Some((time("first_seen")?, time("last_seen")?))
}

fn overlaps(alert: &Value, incident: &Incident) -> bool {
    times(alert).is_some_and(|(first, last)| first <= incident.until_ms && last >= incident.from_ms)
}

fn is_one_of(alert: &Value, member: &str, names: &[String]) -> bool {
    alert[member].as_str().is_some_and(|name| names.iter().any(|known| known == name))
}

fn has_rule(alert: &Value, incident: &Incident) -> bool {
    incident.rules.iter().any(|rule| alert["rule_id"] == *rule)
}

fn is_any_of(alert: &Value, severities: &[&str]) -> bool {
    severities.iter().any(|severity| alert["severity"] == *severity)
}

/// Is the alert the one that finds the incident?
fn finds(alert: &Value, incident: &Incident) -> bool {
    has_rule(alert, incident)
        && is_any_of(alert, &["medium", "high", "critical"])
        && overlaps(alert, incident)
        && (is_one_of(alert, "principal", &incident.principals) || is_one_of(alert, "bucket", &incident.buckets))
}

/// Is the alert about the incident? One that names somebody else on the same bucket is not, unless its rule is one of
/// the incident's.
fn belongs_to(alert: &Value, incident: &Incident) -> bool {
    let nobody_else = alert["principal"].is_null() || has_rule(alert, incident);
    overlaps(alert, incident)
        && (is_one_of(alert, "principal", &incident.principals)
            || nobody_else && is_one_of(alert, "bucket", &incident.buckets))
}

fn described(alert: &Value) -> String {
    let text = |name: &str| alert[name].as_str().unwrap_or("-").to_owned();
    let names = ["rule_id", "severity", "bucket", "principal", "first_seen", "last_seen", "summary"];
    names.map(text).join(" | ")
}

/// What is wrong with the alerts, a line each.
fn complaints(told: &Scenario, alerts: &[Value]) -> Vec<String> {
    let mut complaints = Vec::new();
    for incident in &told.incidents {
        if !alerts.iter().any(|alert| finds(alert, incident)) {
            complaints.push(format!("missed: {incident:?}"));
            let near = alerts.iter().filter(|alert| belongs_to(alert, incident) || has_rule(alert, incident));
            complaints.extend(near.take(5).map(|alert| format!("    near it: {}", described(alert))));
        }
    }
    let benign = |alert: &&Value| !told.incidents.iter().any(|incident| belongs_to(alert, incident));
    let serious = alerts.iter().filter(|alert| is_any_of(alert, &["high", "critical"]));
    let wrong: Vec<&Value> = serious.filter(benign).collect();
    let allowed = told.benign_events * FALSE_ALERTS_A_MILLION / 1_000_000;
    if wrong.len() as u64 > allowed {
        let (count, events) = (wrong.len(), told.benign_events);
        complaints
            .push(format!("{count} false alerts on {events} benign records, at most {allowed} are allowed:"));
        complaints.extend(wrong.iter().take(20).map(|alert| format!("    {}", described(alert))));
    }
    complaints
}

/// Runs a scenario and checks what is found.
fn check(options: &ScenarioOptions) {
    let told = scenario(options);
    let folder = written(&told);
    let path = |name: &str| support::text(&folder.path().join(name)).to_owned();
    let (logs, config) = (path("logs"), path("config.toml"));
    let run = support::run(&["detect", &logs, "--config", &config, "--format", "json"]);
    assert_eq!(run.code, 0, "seed {}: the program did not run: {}", options.seed, run.stderr);
    assert_eq!((run.count("rejects"), run.count("ambiguous")), (0, 0), "{}", run.summary);
    assert_eq!(run.count("records"), told.benign_events + told.incident_events, "{}", run.summary);
    let alerts: Vec<Value> = serde_json::from_str(&run.stdout).expect("a JSON array of alerts");
    let complaints = complaints(&told, &alerts);
    assert!(complaints.is_empty(), "seed {}:\n{}", options.seed, complaints.join("\n"));
}

#[test]
fn incidents_are_found_in_much_benign_traffic() {
    check(&ScenarioOptions { seed: 101, events: 350_000, ..ScenarioOptions::default() });
}

#[test]
fn incidents_are_found_in_the_usual_traffic() {
    check(&ScenarioOptions { seed: 202, ..ScenarioOptions::default() });
}

#[test]
fn incidents_are_found_with_another_seed() {
    check(&ScenarioOptions { seed: 303, ..ScenarioOptions::default() });
}

#[test]
fn benign_traffic_alone_is_quiet() {
    check(&ScenarioOptions::benign(404, 120_000));
}

#[test]
fn every_record_is_read_by_the_program() {
    let told = scenario(&ScenarioOptions { seed: 505, events: 1, ..ScenarioOptions::default() });
    let folder = written(&told);
    let run = support::run(&["detect", support::text(&folder.path().join("logs"))]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for name in ["rejects", "ambiguous", "duplicates", "blanks", "files_ignored", "files_skipped", "without_time"]
    {
        assert_eq!(run.count(name), 0, "{name} in {}", run.summary);
    }
    assert_eq!(run.count("records"), told.benign_events + told.incident_events);
}

#[test]
fn the_check_says_what_is_missed_and_what_is_false() {
    let incident = Incident {
        kind: IncidentKind::LogDeletion,
        name: "log deletion",
        rules: &["LOG-001"],
        principals: vec!["mallory".to_owned()],
        buckets: vec!["logs".to_owned()],
        from_ms: 1_773_100_000_000,
        until_ms: 1_773_100_600_000,
    };
    let told = Scenario {
        files: Vec::new(),
        config_toml: String::new(),
        benign_events: 350_000,
        incident_events: 1,
        incidents: vec![incident],
    };
    // The incident is on 2026-03-09 from 23:46:40 to 23:56:40.
    let alert = |rule: &str, severity: &str, principal: &str, last: &str| {
        json!({"rule_id": rule, "severity": severity, "bucket": "logs", "principal": principal,
            "first_seen": "2026-03-09T00:00:00Z", "last_seen": format!("2026-03-09T{last}Z"), "summary": "..."})
    };
    let found = alert("LOG-001", "high", "mallory", "23:50:00");
    let elsewhere = alert("DEL-001", "high", "ann", "05:00:00");
    let by_another = alert("DEL-001", "critical", "ann", "23:50:00");
    for (alerts, expected) in [
        (vec![found.clone()], ""),
        (vec![found.clone(), elsewhere.clone()], ""),
        (vec![found.clone(), elsewhere.clone(), by_another], "2 false alerts"),
        (vec![], "missed"),
        (vec![alert("LOG-001", "low", "mallory", "23:50:00")], "missed"),
        (vec![alert("LOG-001", "high", "mallory", "05:00:00")], "missed"),
        (vec![alert("DEL-001", "high", "mallory", "23:50:00")], "missed"),
    ] {
        let complaints = complaints(&told, &alerts).join("\n");
        assert_eq!(complaints.is_empty(), expected.is_empty(), "{complaints}");
        assert!(complaints.contains(expected), "{complaints}");
    }
}
