//! `baseline` as a user would run it, and `detect --baseline`.

mod support;

use s3sleuth::detect::sample_lines::Reads;
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use support::{Run, program, run, text};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// The day of the logs.
const TODAY: Reads = Reads { count: 20, every_ms: 60_000, ..Reads::USUAL };

/// A role that reads 1 MiB an hour.
const ROLE: Reads = Reads {
    requester: "arn:aws:sts::111122223333:assumed-role/build/i-0a1b2c3d4e5f60718",
    bytes: 1 << 20,
    ..TODAY
};

/// Fourteen days before, of two callers.
fn past() -> [String; 2] {
    let from_ms = TODAY.from_ms - 14 * DAY_MS;
    [TODAY, ROLE].map(|reads| Reads { from_ms, every_ms: HOUR_MS, count: 14 * 24, ..reads }.lines())
}

fn command(arguments: &[&str]) -> Output {
    program().arg("baseline").args(arguments).output().expect("the program starts")
}

fn learn(folder: &Path, name: &str, lines: &str) -> String {
    let (log, baseline) = (folder.join(format!("{name}.log")), folder.join(name));
    std::fs::write(&log, lines).expect("a file");
    let learned = run(&["baseline", "learn", text(&log), "-o", text(&baseline)]);
    assert_eq!(learned.code, 0, "{}", learned.stderr);
    text(&baseline).to_owned()
}

fn detect(folder: &Path, lines: &str, more: &[&str]) -> Run {
    let log = folder.join("today.log");
    std::fs::write(&log, lines).expect("a file");
    run(&[&["detect", text(&log)], more].concat())
}

#[test]
fn parts_are_merged_to_what_one_run_learns() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [ann, role] = past();
    let (first, second) = (learn(folder.path(), "first", &ann), learn(folder.path(), "second", &role));
    let whole = learn(folder.path(), "whole", &(role + &ann));
    let read = |path: &str| std::fs::read(path).expect("a baseline");
    for (name, files) in [("one", [&first, &second]), ("other", [&second, &first])] {
        let merged = folder.path().join(name);
        let output = command(&["merge", files[0], files[1], "-o", text(&merged)]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(read(text(&merged)) == read(&whole), "a merge differs from one run");
    }
    let twice = command(&["merge", &first, &whole, "-o", text(&folder.path().join("twice"))]);
    assert_eq!(twice.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("about 336 records are in more than one baseline"));
}

#[test]
fn what_was_learned_is_shown_by_dimension() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let baseline = learn(folder.path(), "ann", &past()[0]);
    let output = command(&["show", &baseline, "--format", "jsonl"]);
    let rows: Vec<Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let dimensions: Vec<&str> = rows.iter().filter_map(|row| row["dimension"].as_str()).collect();
    assert_eq!(
        dimensions,
        [
            "principal",
            "bucket",
            "prefix",
            "address",
            "principal_bucket",
            "principal_network",
            "principal_user_agent",
            "principal_action"
        ]
    );
    let network = &rows[5];
    assert_eq!(
        (&network["name"], &network["days"], &network["requests"]),
        (&"192.0.2.0/24".into(), &14.into(), &336.into())
    );
    assert_eq!(rows[2]["name"], "example-data/reports/");
    assert_eq!(rows[4]["first_seen"], "2026-02-16T00:00:00Z");
    let table = command(&["show", &baseline]);
    assert!(
        !table.stdout.is_empty() && command(&["show", &baseline, "--format", "json"]).stdout.starts_with(b"[")
    );
}

#[test]
fn a_baseline_is_the_past_of_short_logs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let baseline = learn(folder.path(), "usual", &past().concat());
    let new = Reads { requester: "arn:aws:iam::111122223333:user/eve", ..TODAY };
    // As much in ten minutes as the role reads in a day, and as Ann's usual.
    let loud = Reads { count: 10, bytes: 30 << 20, ..ROLE };
    let lines = TODAY.lines() + &new.lines() + &loud.lines();
    let without = detect(folder.path(), &lines, &[]);
    let notes = |run: &Run| run.summary["not_evaluated"].to_string();
    assert!(notes(&without).contains("GET-005: history of 20 minutes"), "{}", notes(&without));
    assert!(notes(&without).contains("GET-006, GET-007, GET-008: no baseline was given"), "{}", notes(&without));
    assert!(!without.rule_ids().contains(&"GET-005".to_owned()));
    let with = detect(folder.path(), &lines, &["--baseline", &baseline]);
    assert!(!notes(&with).contains("GET-005") && !notes(&with).contains("no baseline"), "{}", notes(&with));
    let alerts = with.json_lines();
    let of = |id: &str| alerts.iter().filter(|alert| alert["rule_id"] == id).collect::<Vec<_>>();
    let first_seen = of("GET-005");
    assert_eq!(first_seen.len(), 1, "{first_seen:?}");
    assert_eq!(first_seen[0]["principal"], new.requester);
    let volume = of("GET-001");
    assert_eq!(volume.len(), 1, "{volume:?}");
    assert!(volume[0]["reasons"].to_string().contains("of the caller's own past over 13 days"), "{volume:?}");
    // What the caller reads every day is usual.
    let nightly =
        Reads { count: 14, every_ms: DAY_MS, bytes: 300 << 20, from_ms: TODAY.from_ms - 14 * DAY_MS, ..ROLE };
    let usual = learn(folder.path(), "nightly", &nightly.lines());
    let backup = Reads { count: 1, bytes: 300 << 20, ..ROLE }.lines();
    let ids = |more: &[&str]| detect(folder.path(), &backup, more).rule_ids();
    assert_eq!((ids(&[]), ids(&["--baseline", &usual])), (vec!["GET-001".to_owned()], vec![]));
}

#[test]
fn a_baseline_of_the_logs_themselves_is_no_past() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let baseline = learn(folder.path(), "same", &TODAY.lines());
    let run = detect(folder.path(), &TODAY.lines(), &["--baseline", &baseline]);
    assert!(run.summary["not_evaluated"].to_string().contains("the baseline was not used"), "{}", run.summary);
    assert_eq!(run.code, 0);
}

#[test]
fn a_file_that_is_no_baseline_is_refused_and_none_is_written_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let baseline = learn(folder.path(), "usual", &past()[0]);
    let bytes = std::fs::read(&baseline).expect("a baseline");
    let broken = folder.path().join("broken");
    for (bytes, reason) in [
        (&b"{}"[..], "no baseline that s3sleuth"),
        (&bytes[..bytes.len() - 1], "damaged or cut short"),
        (b"s3sleuth.baseline.v9\n", "version 9"),
    ] {
        std::fs::write(&broken, bytes).expect("a file");
        let run = detect(folder.path(), &TODAY.lines(), &["--baseline", text(&broken)]);
        assert!(run.code == 2 && run.stderr.contains(reason), "{} {}", run.code, run.stderr);
    }
    let over = detect(folder.path(), &TODAY.lines(), &["--baseline", &baseline, "--force", "-o", &baseline]);
    assert!(over.code == 2 && over.stderr.contains("not written over"), "{}", over.stderr);
    assert_eq!(command(&["merge", &baseline, "-o", &baseline, "--force"]).status.code(), Some(2));
    assert_eq!(std::fs::read(&baseline).expect("a baseline"), bytes);
}

#[test]
fn a_configuration_names_its_files_and_their_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("s3sleuth.toml");
    let list = "[[networks]]\nname = 'exits'\nkind = 'tor'\nfile = 'exits.txt'\nas_of = '2026-02-01'\n";
    std::fs::write(&config, format!("decoys = ['example-data/secret']\n{list}")).expect("a file");
    let detect = |lines: &str| detect(folder.path(), lines, &["--config", text(&config)]);
    let missing = detect(&TODAY.lines());
    assert!(missing.code == 2 && missing.stderr.contains("exits.txt"), "{}", missing.stderr);
    std::fs::write(folder.path().join("exits.txt"), "# exits\n192.0.2.1\n198.51.100.1/24\n").expect("a file");
    let wrong = detect(&TODAY.lines());
    assert!(
        wrong.stderr.contains("exits.txt:3: ") && wrong.stderr.contains("198.51.100.0/24"),
        "{}",
        wrong.stderr
    );
    std::fs::write(folder.path().join("exits.txt"), "192.0.2.0/28\n").expect("a file");
    let found = detect(&(TODAY.lines() + &Reads { prefix: "secrets/", address: "203.0.113.4", ..TODAY }.lines()));
    let ids = found.rule_ids();
    assert!(ids.contains(&"GET-019".to_owned()) && ids.contains(&"GET-032".to_owned()), "{ids:?}");
    assert!(found.stdout.contains("192.0.2.10 is in the tor list exits as of 2026-02-01."), "{}", found.stdout);
}
