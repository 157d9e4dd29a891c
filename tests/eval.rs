//! `eval` from end to end: the sample incident with hand-made labels, and what today's detectors find of the generated
//! incidents, which docs/eval.md tells. `UPDATE_DOCS=1 cargo test --release --test eval` rewrites the table there.

mod support;

use s3sleuth::synth::scenario::{IncidentKind, Intensity, ScenarioOptions, scenario};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use support::{Run, run, text};

/// The deletion of backups and what followed, and a download on a day of which there is no log.
const LABELS: &str = r#"{"incident":"backups","kind":"extortion","first":"2026-03-04T09:12:40Z","last":"2026-03-04T09:59:00Z","principal":"arn:aws:iam::111122223333:user/backup-admin","address":"203.0.113.66","bucket":["amzn-s3-demo-data","amzn-s3-demo-exports","amzn-s3-demo-audit-logs"],"events":120}

{"incident":"never","kind":"download","first":"2026-04-04T09:00:00Z","last":"2026-04-04T10:00:00Z","bucket":"amzn-s3-demo-data"}
"#;

/// Scores the samples against labels.
fn eval(labels: &str, arguments: &[&str]) -> Run {
    let folder = support::quick_folder();
    let path = folder.path().join("labels.jsonl");
    std::fs::write(&path, labels).expect("a file");
    run(&[&["eval", "samples/", "--labels", text(&path)], arguments].concat())
}

#[test]
fn the_sample_incident_is_found_and_another_is_not() {
    let told = eval(LABELS, &["--format", "json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let whole: Value = serde_json::from_str(&told.stdout).expect("an object");
    assert_eq!(whole["schema"], "s3sleuth.eval.v1");
    let found: Vec<_> = whole["incidents"].as_array().expect("a list").iter().map(|one| &one["found"]).collect();
    assert_eq!(found, [true, false]);
    let summary = &whole["summary"];
    assert_eq!((&summary["incidents"], &summary["found"]), (&2.into(), &1.into()));
    assert_eq!(summary["benign_events"], 243 - 120);
    assert_eq!(summary["labels_without_events"], 1);
    let backups = &whole["incidents"][0];
    let rules: BTreeSet<&str> =
        backups["rules"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(rules.is_superset(&BTreeSet::from(["DEL-001", "LOG-001"])), "{backups}");
    assert_eq!(backups["severity"], "critical");
    assert!(told.stderr.contains("never: the logs hold no record of its time"), "{}", told.stderr);
    // Every alert is an incident's or false.
    let of_rules = |member: &str| -> u64 {
        whole["rules"].as_array().expect("a list").iter().filter_map(|rule| rule[member].as_u64()).sum()
    };
    assert_eq!(of_rules("alerts"), summary["alerts"].as_u64().expect("a number"));
    assert_eq!(of_rules("false_alerts"), summary["false_alerts"].as_u64().expect("a number"));
    assert_eq!(backups["alerts"].as_u64().map(|own| own + of_rules("false_alerts")), summary["alerts"].as_u64());
}

#[test]
fn limits_that_are_missed_end_with_5() {
    for (arguments, code, said) in [
        (&["--min-found", "1"][..], 0, ""),
        (&["--min-found", "2"], 5, "1 found, --min-found asks for 2"),
        (&["--max-false-alerts", "1000000"], 0, ""),
        (&["--found-at", "info", "--rule", "KMS-001", "--min-found", "1"], 5, "0 found"),
    ] {
        let told = eval(LABELS, arguments);
        assert_eq!(told.code, code, "{arguments:?}: {}", told.stderr);
        assert!(told.stderr.contains(said), "{arguments:?}: {}", told.stderr);
    }
    // With a label that fits nothing all alerts are false.
    let label = r#"{"incident":"i","kind":"k","first":"2026-03-04T09:00:00Z","last":"2026-03-04T10:00:00Z","bucket":"none"}"#;
    let told = eval(label, &["--max-false-alerts", "3"]);
    assert_eq!(told.code, 5, "{}", told.stderr);
    assert!(told.stderr.contains("--max-false-alerts allows 3 a million"), "{}", told.stderr);
    let told = eval(label, &["--max-false-alerts", "3", "--rule", "KMS-001"]);
    assert_eq!(told.code, 0, "no alerts, none false: {}", told.stderr);
}

#[test]
fn each_form_holds_the_incidents() {
    for (format, incidents) in [("table", 2), ("md", 2), ("jsonl", 2)] {
        let told = eval(LABELS, &["--format", format]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let lines = told.stdout.lines().filter(|line| line.contains("backups") || line.contains("never")).count();
        assert_eq!(lines, incidents, "{format}: {}", told.stdout);
    }
    let told = eval(LABELS, &[]);
    assert_eq!(told.json_lines()[0]["incident"], "backups", "JSONL where nobody looks on");
    assert!(told.stderr.contains("1 of 2 incidents found"), "{}", told.stderr);
}

#[test]
fn labels_that_are_ill_formed_are_refused_with_their_place() {
    for (labels, place) in [
        ("nonsense", "labels.jsonl:1: "),
        ("\n{\"incident\":\"i\"}\n", "labels.jsonl:2: missing field `kind`"),
        (&LABELS.replace("never", "backups"), "labels.jsonl:3: incident backups is on line 1 already"),
        (&LABELS.replace("2026-04-04T09", "2026-04-04T11"), "labels.jsonl:3: last is earlier than first"),
    ] {
        let told = eval(labels, &[]);
        assert_eq!(told.code, 2, "{labels}");
        assert!(told.stderr.contains(place) && told.stdout.is_empty(), "{}", told.stderr);
    }
    let told = run(&["eval", "samples/", "--labels", "no-such-file"]);
    assert_eq!(told.code, 2, "{}", told.stderr);
    assert_eq!(run(&["eval", "samples/"]).code, 2, "labels are needed");
}

#[test]
fn labels_and_configuration_beside_the_logs_are_no_logs() {
    let folder = support::quick_folder();
    let path = folder.path().join("labels.jsonl");
    std::fs::write(&path, LABELS).expect("a file");
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "partners = [\"444455556666\"]\n").expect("a file");
    std::fs::write(folder.path().join("a.log"), support::access_lines(3)).expect("a file");
    let told = run(&["eval", text(folder.path()), "--labels", text(&path), "--config", text(&config)]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!((told.count("records"), told.count("rejects"), told.count("files_ignored")), (3, 0, 2));
}

/// The seed of which the table tells.
const SEED: u64 = 101;

/// What became of a scenario.
fn whole(intensity: Intensity) -> Value {
    let told = scenario(&ScenarioOptions { seed: SEED, intensity, ..ScenarioOptions::default() });
    let folder = support::quick_folder();
    support::write_scenario(&told, folder.path());
    let path = |name: &str| text(&folder.path().join(name)).to_owned();
    let (logs, labels, config) = (path("logs"), path("labels.jsonl"), path("config.toml"));
    let run = run(&["eval", &logs, "--labels", &labels, "--config", &config, "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let whole: Value = serde_json::from_str(&run.stdout).expect("an object");
    assert_eq!(whole["summary"]["benign_events"], told.benign_events);
    whole
}

/// The rules that find an incident; in parentheses, of one that is not found, those whose alerts are too mild.
fn cell(incident: &Value) -> String {
    let ids = |member: &str| {
        let rules = incident[member].as_array().expect("a list").iter().filter_map(Value::as_str);
        rules.collect::<Vec<_>>().join(" ")
    };
    match (ids("rules"), ids("milder_rules")) {
        (rules, _) if !rules.is_empty() => rules,
        (_, milder) if !milder.is_empty() => format!("– ({milder})"),
        _ => "–".to_owned(),
    }
}

/// The table of docs/eval.md.
fn table() -> String {
    let scores: BTreeMap<&str, Value> =
        Intensity::ALL.into_iter().map(|intensity| (intensity.name(), whole(intensity))).collect();
    let row = |name: &str, cell: &dyn Fn(&Value) -> String| {
        let cells: Vec<String> = Intensity::ALL.iter().map(|intensity| cell(&scores[intensity.name()])).collect();
        format!("| {name} | {} |\n", cells.join(" | "))
    };
    let mut table = "| kind | high | medium | low |\n| --- | --- | --- | --- |\n".to_owned();
    for kind in IncidentKind::ALL {
        table += &row(&format!("`{}`", kind.name()), &|whole| {
            let incidents = whole["incidents"].as_array().expect("a list");
            cell(incidents.iter().find(|one| one["kind"] == kind.name()).expect("each kind is there"))
        });
    }
    table += &row("**found**", &|whole| {
        format!("**{} of {}**", whole["summary"]["found"], whole["summary"]["incidents"])
    });
    table += &row("false alerts a million, high and critical", &|whole| {
        whole["summary"]["serious_false_alerts_per_million"].to_string()
    });
    for severity in ["medium", "low", "info"] {
        let name = format!("false alerts a million, {severity}");
        table += &row(&name, &|whole| whole["summary"]["false_alerts_per_million"][severity].to_string());
    }
    table += &row("noisiest rule", &|whole| {
        let summary = &whole["summary"];
        let share = summary["noisiest_rule_share"].as_f64().unwrap_or_default() * 100.0;
        format!("{}, {share:.0} %", summary["noisiest_rule"].as_str().unwrap_or("–"))
    });
    let mut text = String::new();
    let _written =
        write!(text, "<!-- found: seed {SEED}, written by tests/eval.rs -->\n\n{table}\n<!-- /found -->");
    text
}

#[test]
fn the_page_tells_what_is_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/eval.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let begin = page.find("<!-- found").expect("the table begins");
    let end = page.find("<!-- /found -->").expect("the table ends") + "<!-- /found -->".len();
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, [&page[..begin], &table, &page[end..]].concat()).expect("docs/ can be written");
        return;
    }
    assert_eq!(page[begin..end], table, "UPDATE_DOCS=1 cargo test --release --test eval rewrites docs/eval.md");
}

#[test]
fn the_page_names_every_kind_member_and_option() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/eval.md")).expect("the page");
    let help = run(&["eval", "--help"]).stdout;
    let members =
        ["incident", "kind", "intensity", "first", "last", "principal", "address", "bucket", "affected", "events"];
    for name in IncidentKind::ALL.map(IncidentKind::name).iter().chain(&members) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
    for option in ["--labels", "--found-at", "--tolerance-seconds", "--min-found", "--max-false-alerts"] {
        assert!(page.contains(option) && help.contains(option), "{option}");
    }
}
