//! Users' rules as a user would run them.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use support::program;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sigma").join(name);
    let _absent = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

const RULES: &str = "
title: Buckets listed
id: 11111111-0000-4000-8000-000000000001
name: buckets_listed
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: ListBuckets}
  condition: selection
level: high
---
title: Many buckets listed
id: 11111111-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [buckets_listed]
  group-by: [userIdentity.arn]
  timespan: 10m
  condition: {gte: 3}
generate: true
level: critical
---
title: Objects read
id: 11111111-0000-4000-8000-000000000003
logsource: {category: s3_activity}
detection:
  selection: {action: GetObject, bucket_name: reports}
  condition: selection
level: low
";

fn log(folder: &Path, name: &str, seconds: std::ops::Range<u32>) -> PathBuf {
    let record = |second: u32, name: &str| {
        serde_json::json!({
            "eventVersion": "1.11", "eventTime": format!("2026-03-01T01:00:{second:02}Z"), "eventName": name,
            "eventSource": "s3.amazonaws.com", "awsRegion": "eu-west-1", "sourceIPAddress": "192.0.2.10",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann"},
            "requestParameters": {"bucketName": "reports", "key": format!("k{second}")},
            "eventID": format!("{name}{second}"), "requestID": format!("{name}{second}"), "eventType": "AwsApiCall",
            "recipientAccountId": "111122223333", "eventCategory": "Data", "managementEvent": false,
        })
    };
    let records: Vec<Value> =
        seconds.flat_map(|second| [record(second, "ListBuckets"), record(second, "GetObject")]).collect();
    let path = folder.join(name);
    std::fs::write(&path, serde_json::json!({ "Records": records }).to_string()).expect("a log");
    path
}

/// Rule id, level, count and caller of each alert that is of a user's rule.
fn alerts(output: &Output) -> Vec<(String, String, u64, String)> {
    let line = |line: &str| {
        let alert: Value = serde_json::from_str(line).expect("an alert");
        let text = |name: &str| alert[name].as_str().unwrap_or("?").to_owned();
        (text("rule_id"), text("severity"), alert["count"].as_u64().unwrap_or(0), text("principal"))
    };
    text(&output.stdout).lines().map(line).filter(|alert| alert.0.starts_with("11111111-")).collect()
}

fn expected(counts: [u64; 3]) -> Vec<(String, String, u64, String)> {
    let ann = "arn:aws:iam::111122223333:user/ann".to_owned();
    [(2, "critical", counts[0]), (1, "high", counts[1]), (3, "low", counts[2])]
        .map(|(number, level, count)| {
            (format!("11111111-0000-4000-8000-00000000000{number}"), level.to_owned(), count, ann.clone())
        })
        .into()
}

#[test]
fn users_rules_raise_alerts_like_others_also_for_rows_that_are_routine() {
    let folder = folder("detect");
    let rules = folder.join("rules.yml");
    std::fs::write(&rules, RULES).expect("rules");
    let log = log(&folder, "log.json", 0..5);
    let output = run(&["detect", "-q", "--rules", rules.to_str().unwrap(), log.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(alerts(&output), expected([5, 5, 5]));
    let one = "11111111-0000-4000-8000-000000000003";
    let path = rules.to_str().unwrap();
    let output = run(&["detect", "-q", "--rules", path, "--rule", one, log.to_str().unwrap()]);
    assert_eq!(alerts(&output), expected([5, 5, 5])[2..]);
    let output = run(&["detect", "-q", "--rules", path, "--fail-on", "critical", log.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let export = folder.join("out");
    let alerts_file = folder.join("alerts.jsonl");
    let arguments = ["export", "-q", log.to_str().unwrap(), "-o", export.to_str().unwrap(), "--rules", path];
    let output = run(&[&arguments[..], &["--detect", "--alerts", alerts_file.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = Output { stdout: std::fs::read(&alerts_file).expect("alerts"), ..output };
    assert_eq!(alerts(&written), expected([5, 5, 5]));
}

#[test]
fn states_of_parts_are_joined_if_the_rules_are_the_same() {
    let folder = folder("states");
    let rules = folder.join("rules.yml");
    std::fs::write(&rules, RULES).expect("rules");
    let [first, second] = [log(&folder, "a.json", 0..2), log(&folder, "b.json", 2..5)];
    let [state, path] = [folder.join("state"), rules.clone()];
    let (state, path) = (state.to_str().unwrap(), path.to_str().unwrap());
    let output = run(&["detect", "-q", "--rules", path, "--save-state", state, first.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = run(&["detect", "-q", "--rules", path, "--merge-state", state, "--", second.to_str().unwrap()]);
    assert_eq!(alerts(&output), expected([5, 5, 5]), "{}", text(&output.stderr));
    std::fs::write(&rules, RULES.replace("gte: 3", "gte: 4")).expect("rules");
    let output = run(&["detect", "-q", "--rules", path, "--merge-state", state]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the state was saved with the rules"), "{}", text(&output.stderr));
}

#[test]
fn rules_that_cannot_be_expressed_are_named_and_the_others_run() {
    let folder = folder("lint");
    let rules = folder.join("deep").join("rules.yml");
    std::fs::create_dir_all(rules.parent().unwrap()).expect("a folder");
    let bad =
        "---\ntitle: Elsewhere\nlogsource: {product: windows}\ndetection:\n  a: {Image: x}\n  condition: a\n";
    std::fs::write(&rules, format!("{RULES}{bad}")).expect("rules");
    std::fs::write(folder.join("notes.txt"), "no rules").expect("a file");
    let output = run(&["rules", "lint", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(5));
    let told = text(&output.stdout);
    assert!(
        told.contains("deep/rules.yml:30: Elsewhere: its log source (product: windows) is not read here"),
        "{told}"
    );
    assert!(told.ends_with("3 rules read, 1 error\n"), "{told}");
    let log = log(&folder, "log.json", 0..5);
    let output = run(&["detect", "--rules", folder.to_str().unwrap(), log.to_str().unwrap()]);
    assert_eq!((output.status.code(), alerts(&output)), (Some(3), expected([5, 5, 5])));
    assert!(text(&output.stderr).contains("Elsewhere"), "{}", text(&output.stderr));
    std::fs::write(&rules, RULES).expect("rules");
    let output = run(&["rules", "lint", folder.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "3 rules read, 0 errors\n"));
    let listed = run(&["rules", "list", "--rules", folder.to_str().unwrap()]);
    assert!(text(&listed.stdout).contains("Many buckets listed"));
    let id = "11111111-0000-4000-8000-000000000001";
    let explained = run(&["rules", "explain", id, "--rules", folder.to_str().unwrap()]);
    assert!(text(&explained.stdout).contains("Buckets listed"));
    let missing = run(&["rules", "lint", "/nowhere/at/all"]);
    assert_eq!(missing.status.code(), Some(5));
}

#[test]
fn rules_in_every_form_of_public_rules_load_and_do_what_they_say() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigma/forms.yml");
    let rules = rules.to_str().unwrap();
    let output = run(&["rules", "lint", rules]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let output = run(&["rules", "test", "--format", "json", "--rules", rules]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let tested: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
    let forms = tested.iter().filter(|entry| entry["id"].as_str().is_some_and(|id| id.starts_with("5e1f0000-")));
    assert!(forms.clone().count() >= 50);
    assert!(forms.into_iter().all(|entry| entry["fired"] == 1 && entry["silent"] == 2));
}

#[test]
fn the_rules_of_the_page_load_and_pass_their_samples() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")).expect("the page");
    let folder = folder("page");
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect();
    for (number, block) in blocks.iter().enumerate() {
        std::fs::write(folder.join(format!("{number}.yml")), block).expect("rules");
    }
    let rules = folder.to_str().unwrap();
    let output = run(&["rules", "lint", rules]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "5 rules read, 0 errors\n"));
    let output = run(&["rules", "test", "--rules", rules]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("7f1d3c2a0003 fired 1 silent 2 ok"));
}
