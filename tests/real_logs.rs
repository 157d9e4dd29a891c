//! The program on real and hard logs: everything is read, and nothing depends on threads, order or cuts.

mod support;

use serde_json::Value;
use std::fs;
use support::{access_lines, gzip, run, run_with_input, shared, text};

#[test]
fn the_sample_incident_raises_what_its_page_says() {
    let run = run(&["detect", "samples"]);
    let mut rules = run.rule_ids();
    rules.sort();
    assert_eq!(
        (run.code, rules),
        (
            0,
            [
                "DEL-001", "DEL-013", "DEL-013", "EXP-013", "EXP-016", "GET-001", "GET-014", "KMS-001", "LOG-001",
                "SEQ-010", "SEQ-010"
            ]
            .map(str::to_owned)
            .to_vec()
        ),
        "{}",
        run.stderr
    );
    for alert in run.json_lines() {
        assert_eq!(alert["schema"], "s3sleuth.alert.v1");
        let evidence = &alert["evidence"][0];
        let file = evidence["source_file"].as_str().unwrap();
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file(), "{file}");
        assert!(evidence["source_line"].as_u64().unwrap() > 0);
    }
}

#[test]
fn all_hard_lines_are_accounted_for() {
    let Some(quirks) = shared("access_log/quirks/quirks.log") else { return };
    let run = run(&["detect", text(&quirks)]);
    assert_eq!((run.count("records"), run.count("rejects"), run.count("blanks")), (40, 3, 1), "{}", run.stderr);
}

#[test]
fn real_access_logs_are_read_whole() {
    let Some(folder) = shared("access_log/real_2021") else { return };
    let run = run(&["export", text(&folder), "--format", "jsonl", "-o", "-"]);
    assert_eq!((run.code, run.count("records"), run.count("rejects")), (0, 1069, 0), "{}", run.stderr);
    assert_eq!((run.count("files_read"), run.json_lines().len()), (13, 1069));
    assert!(
        run.json_lines().iter().any(|row| row["object_key"].as_str().is_some_and(|key| key.contains("date_=")))
    );
}

#[test]
fn real_cloudtrail_is_read_whole() {
    let Some(folder) = shared("cloudtrail/invictus") else { return };
    let run = run(&["detect", text(&folder), "--keep-duplicates"]);
    assert_eq!((run.code, run.count("records"), run.count("rejects")), (0, 2900, 0), "{}", run.stderr);
    assert!(!run.rule_ids().contains(&"KMS-001".to_owned()), "throttling of ssm is none of kms");
}

#[test]
fn the_trails_deleted_in_real_cloudtrail_are_told_from_the_attempts() {
    let Some(folder) = shared("cloudtrail/invictus") else { return };
    let alerts = run(&["detect", text(&folder)]).json_lines();
    let of = |rule: &str, outcome: &str| -> Vec<&Value> {
        alerts.iter().filter(|alert| alert["rule_id"] == rule && alert["outcome"] == outcome).collect()
    };
    let deleted = of("LOG-007", "success");
    assert!(deleted.iter().all(|alert| alert["severity"] == "critical"));
    let named = |trail: &str| deleted.iter().filter(|it| it["summary"].as_str().unwrap().contains(trail)).count();
    let trails = ["stratus-red-team-ctlr-trail-zqfsvooxqj", "stratus-red-team-ctes-trail-qyxyekjbtk"];
    assert_eq!((deleted.len(), trails.map(named)), (2, [1, 1]));
    for (rule, count) in [("LOG-007", 1), ("LOG-006", 3)] {
        let attempts = of(rule, "denied");
        assert!(
            attempts.len() == 1 && attempts[0]["severity"] == "high" && attempts[0]["count"] == count,
            "{rule}"
        );
    }
    assert!(of("LOG-006", "success").is_empty());
    for alert in alerts.iter().filter(|alert| alert["severity"] == "high" || alert["severity"] == "critical") {
        let principal = alert["principal"].as_str().unwrap_or_default();
        assert!(!principal.ends_with(".amazonaws.com") && principal != "AmazonS3", "{alert}");
    }
}

#[test]
fn every_wrapper_gives_the_same_event_as_its_plain_form() {
    let Some(folder) = shared("cloudtrail/wrappers") else { return };
    let rows = |name: &str| {
        let run = run(&["export", text(&folder.join(name)), "--format", "jsonl", "-o", "-", "--keep-duplicates"]);
        assert_eq!((run.code, run.count("rejects")), (0, 0), "{name}: {}", run.stderr);
        let plain = |mut row: Value| {
            let row_object = row.as_object_mut().unwrap();
            row_object.remove("source_file");
            row_object.remove("source_record");
            row
        };
        run.json_lines().into_iter().map(plain).collect::<Vec<_>>()
    };
    let plain = rows("envelope.json");
    assert_eq!(plain.len(), 1);
    for name in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let found = rows(&name);
        match name.as_str() {
            "cwlogs_control_message.json" | "envelope_empty.json" => assert_eq!(found.len(), 0, "{name}"),
            "aggregated.json" | "network_activity_denied.json" => assert_eq!(found.len(), 1, "{name}"),
            _ => {
                assert!(!found.is_empty(), "{name}");
                for row in found {
                    let same = |column: &str| assert_eq!(row[column], plain[0][column], "{name}: {column}");
                    plain[0]
                        .as_object()
                        .unwrap()
                        .keys()
                        .filter(|key| *key != "event_id" && *key != "event_time")
                        .for_each(|key| same(key));
                }
            }
        }
    }
}

#[test]
fn files_of_mixed_shape_are_accounted_for() {
    let Some(folder) = shared("cloudtrail/opensearch") else { return };
    let run = run(&["detect", text(&folder)]);
    assert!(run.count("lines") > 0 && run.code == 3, "{}", run.stderr);
}

#[test]
fn nothing_depends_on_threads_or_on_the_order_of_arguments() {
    let folder = tempfile::tempdir().unwrap();
    for (name, log, files) in
        [("a", s3sleuth::synth::SynthLog::S3Access, 40), ("c", s3sleuth::synth::SynthLog::CloudTrail, 0)]
    {
        let options = s3sleuth::synth::SynthOptions {
            log,
            files,
            bytes: 6 << 20,
            hostile_ppm: 20_000,
            duplicate_ppm: 50_000,
            ..Default::default()
        };
        s3sleuth::synth::write_files(&options, &folder.path().join(name)).unwrap();
    }
    let (a, c) = (folder.path().join("a"), folder.path().join("c"));
    let mut results = Vec::new();
    for (threads, first, second) in [("1", &a, &c), ("2", &c, &a), ("4", &a, &c)] {
        let alerts = run(&["detect", "--threads", threads, text(first), text(second)]);
        let rows =
            run(&["export", "--threads", threads, "--format", "jsonl", "-o", "-", text(first), text(second)]);
        let mut summary = rows.summary.clone();
        summary["seconds"] = Value::Null;
        results.push((alerts.stdout, rows.stdout, summary.to_string()));
    }
    assert!(results[0].2.contains("\"duplicates\":") && !results[0].0.is_empty());
    assert!(results.iter().all(|result| *result == results[0]), "a result depends on threads or order");
}

#[test]
fn a_time_range_filters_and_counts() {
    let lines = access_lines(7200);
    let run = run_with_input(
        &[
            "export",
            "--format",
            "jsonl",
            "-o",
            "-",
            "--since",
            "2026-02-06T01:00:00Z",
            "--until",
            "2026-02-06T01:30:00Z",
            "-",
        ],
        lines.as_bytes(),
    );
    assert_eq!((run.count("records"), run.count("filtered"), run.json_lines().len()), (7200, 5400, 1800));
    assert_eq!(run.json_lines()[0]["event_time"], "2026-02-06T01:00:00Z");
}

#[test]
fn repeats_are_dropped_as_asked() {
    let lines = access_lines(10) + &access_lines(12);
    let plain = run_with_input(&["detect", "-"], lines.as_bytes());
    let deduplicated = run_with_input(&["detect", "-", "--dedup"], &gzip(lines.as_bytes()));
    assert_eq!((plain.count("records"), plain.count("duplicates")), (22, 0));
    assert_eq!((deduplicated.count("records"), deduplicated.count("duplicates")), (12, 10));
}

#[test]
fn records_that_are_no_calls_are_kept_and_count_as_no_evidence() {
    let aggregated = r#"{"Records":[{"eventVersion":"1.0","accountId":"111122223333","eventId":"a","eventCategory":"Aggregated",
        "eventType":"AwsAggregatedEvent","eventSource":"s3.amazonaws.com","summary":{}}]}"#;
    let denied = r#"{"Records":[{"eventVersion":"1.09","eventSource":"s3.amazonaws.com","eventName":"ListBuckets","eventID":"e",
        "errorCode":"VpceAccessDenied","eventTime":"2026-03-01T01:02:03Z","eventCategory":"NetworkActivity"}]}"#;
    for records in [aggregated, denied] {
        let run = run_with_input(&["detect", "-"], records.as_bytes());
        assert_eq!((run.code, run.count("records")), (0, 1), "{}", run.stderr);
        assert_eq!(
            run.summary["not_evaluated"].as_array().unwrap().len(),
            s3sleuth::detect::RULES.len(),
            "{}",
            run.summary
        );
    }
    let activity = ["export", "-", "--log", "activity", "--format", "jsonl", "-o", "-"];
    let rows = run_with_input(&activity, aggregated.as_bytes()).json_lines();
    assert_eq!((&rows[0]["action_class"], &rows[0]["outcome"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_anonymous_caller_is_told_in_every_spelling() {
    for identity in [
        r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#,
        r#"{"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"}"#,
        r#"{"type":"AWSAccount","principalId":"ANONYMOUS_PRINCIPAL"}"#,
    ] {
        let record = format!(
            r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"2026-03-01T01:02:03Z","eventID":"1",
            "eventSource":"s3.amazonaws.com","eventName":"GetObject","eventCategory":"Data","managementEvent":false,
            "requestParameters":{{"bucketName":"b","key":"k"}}}}"#
        );
        assert_eq!(
            run_with_input(&["detect", "-"], record.as_bytes()).rule_ids(),
            ["EXP-013", "GET-014"],
            "{identity}"
        );
    }
}
