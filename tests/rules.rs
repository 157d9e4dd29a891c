//! `s3sleuth rules` as a user would run it.

mod support;

use serde_json::Value;
use support::program;

fn rules(arguments: &[&str]) -> String {
    let output = program().arg("rules").args(arguments).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("stdout is text")
}

#[test]
fn every_rule_passes_its_own_samples() {
    let tested: Vec<Value> = serde_json::from_str(&rules(&["test", "--format", "json"])).expect("a list");
    let ids: Vec<&str> = tested.iter().filter_map(|entry| entry["id"].as_str()).collect();
    let known: Vec<&str> = s3sleuth::detect::RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, known);
    for entry in &tested {
        assert_eq!(entry.as_object().expect("an object").len(), 3, "{entry}");
        assert!(entry["fired"] == 1 && entry["silent"].as_u64() >= Some(2), "{entry}");
    }
    let lines = |text: String| text.lines().count();
    assert_eq!((lines(rules(&["test"])), lines(rules(&["list"]))), (tested.len(), tested.len()));
}

#[test]
fn rules_can_be_tested_one_by_one() {
    let tested = rules(&["test", "log-001", "DEL-001"]);
    let ids: Vec<&str> = tested.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(ids, ["LOG-001", "DEL-001"]);
    for arguments in [
        &["rules", "test", "LGO-001"][..],
        &["rules", "explain", "LGO-001"],
        &["detect", "--rule", "LGO-001", "samples/"],
    ] {
        let output = program().args(arguments).output().expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{stderr}");
        assert!(stderr.contains("no detector LGO-001; the nearest are LOG-001, "), "{stderr}");
    }
}
