//! The detectors on real CloudTrail: the attacks of Stratus Red Team in it are found, and nothing is made of what AWS
//! services did.

mod support;

use serde_json::Value;
use std::fs;
use support::{run, shared, text};

/// The alerts of rules whose ids begin so.
fn alerts(folder: &std::path::Path, beginnings: &[&str]) -> Vec<Value> {
    let is_asked = |alert: &Value| {
        let id = alert["rule_id"].as_str().expect("a rule id");
        beginnings.iter().any(|beginning| id.starts_with(beginning))
    };
    run(&["detect", text(folder)]).json_lines().into_iter().filter(is_asked).collect()
}

#[test]
fn the_backdoor_in_a_bucket_policy_and_the_grants_of_iam_are_found() {
    let Some(folder) = shared("cloudtrail/invictus") else { return };
    let mut seen: Vec<(String, String, u64)> = alerts(&folder, &["EXP-", "ENC-"])
        .iter()
        .map(|alert| {
            let word = |name: &str| alert[name].as_str().expect("a text").to_owned();
            assert_eq!(word("principal"), "arn:aws:iam::123837392027:user/bert-jan");
            (word("rule_id"), word("severity"), alert["count"].as_u64().expect("a count"))
        })
        .collect();
    seen.sort();
    let expected = [("EXP-004", "high"), ("EXP-005", "medium"), ("EXP-015", "medium"), ("EXP-015", "medium")];
    assert_eq!(seen, expected.map(|(rule, level)| (rule.to_owned(), level.to_owned(), 1)));
    let found = alerts(&folder, &["EXP-004"]);
    assert_eq!(found[0]["observed"]["let_in"], serde_json::json!(["193672423079"]));
    assert_eq!(found[0]["observed"]["access"], "read+list");
    assert_eq!(found[0]["bucket"], "stratus-red-team-bdbp-lhfzvgcamn");
    let targets: Vec<Value> =
        alerts(&folder, &["EXP-015"]).iter().map(|alert| alert["observed"]["target"].clone()).collect();
    assert!(targets.contains(&"malicious-iam-user".into()), "{targets:?}");
}

#[test]
fn trails_that_are_stopped_deleted_and_narrowed_and_buckets_that_are_deleted_are_found() {
    let Some(folder) = shared("cloudtrail/invictus") else { return };
    let found = alerts(&folder, &["LOG-", "DEL-", "SEQ-"]);
    let count = |rule: &str, outcome: &str| -> u64 {
        let of_rule = found.iter().filter(|alert| alert["rule_id"] == rule && alert["outcome"] == outcome);
        of_rule.map(|alert| alert["count"].as_u64().expect("a count")).sum()
    };
    let counts = [
        ("LOG-006", "denied", 3),
        ("LOG-006", "success", 0),
        ("LOG-007", "denied", 1),
        ("LOG-007", "success", 2),
        ("LOG-009", "success", 1),
        ("DEL-007", "success", 5),
        ("LOG-014", "success", 2),
    ];
    for (rule, outcome, expected) in counts {
        assert_eq!(count(rule, outcome), expected, "{rule} {outcome}");
    }
    assert!(found.iter().any(|alert| alert["rule_id"] == "SEQ-001"));
}

#[test]
fn nothing_high_rests_on_what_a_service_did() {
    let Some(folder) = shared("cloudtrail/invictus") else { return };
    let is_high = |alert: &&Value| matches!(alert["severity"].as_str(), Some("high" | "critical"));
    let found = alerts(&folder, &[""]);
    let mut records = 0;
    for evidence in found.iter().filter(is_high).flat_map(|alert| alert["evidence"].as_array().expect("a list")) {
        let file = fs::read_to_string(evidence["source_file"].as_str().expect("a file")).expect("a log");
        let file: Value = serde_json::from_str(&file).expect("JSON");
        let number = evidence["source_line"].as_u64().expect("a number") as usize;
        let record = &file["Records"][number - 1];
        assert_eq!(record["eventName"], evidence["action"], "{evidence}");
        assert_eq!(record["userIdentity"]["invokedBy"], Value::Null, "{record}");
        records += 1;
    }
    assert!(records > 0);
}
