//! The demonstration is solved by the five commands that it prints.

mod support;

use s3sleuth::parse::time::format_iso;
use s3sleuth::synth::scenario::{Answer, demo};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::program;

/// Runs `demo` with a folder that needs quotes, and gives the commands as printed.
fn commands(folder: &Path, seed: &str) -> Vec<String> {
    let output =
        program().current_dir(folder).args(["demo", "it's a demo", "--seed", seed]).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let commands: Vec<String> = printed.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    assert_eq!(commands.len(), 5, "{printed}");
    commands
}

/// Runs a line as a shell does, the program on its path.
fn shell(folder: &Path, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_s3sleuth")).parent().expect("it lies in a folder");
    let others = std::env::var_os("PATH").unwrap_or_default();
    let folders = [program.to_owned()].into_iter().chain(std::env::split_paths(&others));
    let path = std::env::join_paths(folders).expect("a path");
    Command::new("sh").current_dir(folder).env("PATH", path).args(["-c", line]).output().expect("sh runs")
}

/// stdout and stderr, and the exit code.
fn told(output: &Output) -> (String, Option<i32>) {
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    (text, output.status.code())
}

fn rows(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
#[cfg(unix)]
fn five_commands_tell_who_with_which_key_from_where_since_when_and_what() {
    for seed in ["1", "7"] {
        let folder = tempfile::tempdir().expect("a folder");
        let answer = demo(seed.parse().expect("a number")).answer;
        let [verify, detect, timeline, exposure, recover] =
            commands(folder.path(), seed).try_into().expect("five commands");
        let outputs = [&verify, &detect, &timeline, &exposure, &recover].map(|line| shell(folder.path(), line));
        // The two logs that were tampered with are violations; else nothing is wrong.
        let codes = outputs.each_ref().map(|output| told(output).1);
        assert_eq!(codes, [Some(5), Some(0), Some(0), Some(0), Some(0)], "{}", told(&outputs[1]).0);

        let verdicts = rows(&outputs[0]);
        for (verdict, key) in [("hash_mismatch", &answer.replaced_log), ("not_found", &answer.removed_log)] {
            let found: Vec<&Value> = verdicts.iter().filter(|row| row["verdict"] == verdict).collect();
            assert!(found.len() == 1 && found[0]["s3_object"] == key.as_str(), "{found:?}");
        }
        // What the arguments of later commands are taken from.
        assert!(told(&outputs[1]).0.contains(&answer.address));
        check_alerts(&rows(&outputs[1]), &answer);
        let events = rows(&outputs[2]);
        assert_eq!(events[0]["event_time"], format_iso(answer.first_access_ms));
        assert!(events.iter().all(|event| event["principal"] == answer.principal.as_str()));
        check_objects(&outputs, &answer);

        // The same as a terminal gets it.
        for (line, facts) in [
            (&verify, vec![&answer.replaced_log, &answer.removed_log]),
            (&detect, vec![&answer.address]),
            (&timeline, vec![&answer.principal, &answer.access_key, &answer.address]),
        ] {
            let text = told(&shell(folder.path(), &format!("{line} --format table"))).0;
            facts.iter().for_each(|fact| assert!(text.contains(*fact), "{fact} in {text}"));
        }
        assert!(told(&outputs[2]).0.contains(&format!("first at {}", format_iso(answer.first_access_ms))));
        let script = shell(folder.path(), &format!("{recover} --script"));
        let script = String::from_utf8_lossy(&script.stdout).into_owned();
        assert_eq!(script.matches("aws s3api delete-object").count(), answer.restorable.len());
    }
}

/// Whatever is worse than low is about the incident.
fn check_alerts(alerts: &[Value], answer: &Answer) {
    for id in ["LOG-001", "LOG-015", "DEL-001", "DEL-002"] {
        assert!(alerts.iter().any(|alert| alert["rule_id"] == id), "{id}");
    }
    let is_theirs = |alert: &Value| alert["principal"] == answer.principal.as_str();
    for alert in alerts.iter().filter(|alert| alert["severity"] != "info" && alert["severity"] != "low") {
        // An alert about the bucket as such is made of alerts about them.
        let parts = alert["related"].as_array().map_or(&[][..], Vec::as_slice);
        let is_made_of_theirs = alerts.iter().any(|part| parts.contains(&part["alert_id"]) && is_theirs(part));
        assert!(is_theirs(alert) || (alert["principal"].is_null() && is_made_of_theirs), "{alert}");
    }
}

fn check_objects(outputs: &[Output; 5], answer: &Answer) {
    let key = |row: &Value| row["object_key"].as_str().unwrap_or_default().to_owned();
    let exposed: Vec<Value> = rows(&outputs[3]);
    assert_eq!(exposed[0]["access_key_ids"], serde_json::json!([answer.access_key]));
    let read = |row: &&Value| row["level"] == "object" && row["extent"] == "full";
    let mut read: Vec<(String, String)> = exposed
        .iter()
        .filter(read)
        .map(|row| (row["bucket_name"].as_str().unwrap_or_default().to_owned(), key(row)))
        .collect();
    let mut expected = answer.read.clone();
    read.sort();
    expected.sort();
    assert!(read == expected, "{} of {}", read.len(), expected.len());
    let changes = rows(&outputs[4]);
    let of = |fate: &str, bucket: &str| {
        let of = changes.iter().filter(|row| row["fate"] == fate && row["bucket_name"] == bucket);
        let mut keys: Vec<String> = of.map(&key).collect();
        keys.sort();
        keys
    };
    let sorted = |keys: &[String]| {
        let mut keys = keys.to_vec();
        keys.sort();
        keys
    };
    assert_eq!(of("delete_marker", &answer.bucket), sorted(&answer.restorable));
    assert_eq!(of("permanent", &answer.bucket), sorted(&answer.lost));
    for row in changes.iter().filter(|row| row["fate"] == "delete_marker") {
        assert_eq!(row["restore"], "remove_delete_marker", "{row}");
    }
    assert_eq!(changes.len(), answer.restorable.len() + answer.lost.len() + 2, "and two log files");
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str| {
        let output = program().current_dir(folder.path()).arg("demo").arg(name).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::fs::create_dir(folder.path().join("empty")).expect("a folder");
    assert_eq!(run("empty").0, Some(0));
    let (code, reason) = run("empty");
    assert!(code == Some(2) && reason.contains("is not empty"), "{code:?} {reason}");
    std::fs::write(folder.path().join("file"), "mine").expect("a file");
    assert_eq!(run("file").0, Some(2));
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).expect("it is there"), "mine");
}
