//! `export --schema ocsf`: rows of both logs as API Activity of OCSF 1.3.

mod support;

use serde_json::{Value, json};
use std::path::Path;
use support::run;

/// Required attributes of API Activity, of what it includes, of the profile cloud and of the objects that rows hold, in
/// OCSF 1.3.0 (<https://github.com/ocsf/ocsf-schema/tree/1.3.0>: events/application/api_activity.json, base_event.json,
/// objects/*.json, profiles/cloud.json). `time` is null for records without one.
const REQUIRED: [&str; 12] = [
    "/activity_id",
    "/category_uid",
    "/class_uid",
    "/type_uid",
    "/severity_id",
    "/metadata/version",
    "/metadata/product/vendor_name",
    "/cloud/provider",
    "/actor",
    "/api/operation",
    "/api/request/uid",
    "/src_endpoint",
];

/// Attributes of the class, of the base event and of the profile cloud that rows may have.
const ATTRIBUTES: [&str; 27] = [
    "activity_id",
    "activity_name",
    "actor",
    "api",
    "category_name",
    "category_uid",
    "class_name",
    "class_uid",
    "cloud",
    "dst_endpoint",
    "http_request",
    "http_response",
    "metadata",
    "raw_data",
    "resources",
    "severity",
    "severity_id",
    "src_endpoint",
    "status",
    "status_code",
    "status_detail",
    "status_id",
    "time",
    "tls",
    "type_name",
    "type_uid",
    "unmapped",
];

fn rows(paths: &[&str]) -> Vec<Value> {
    let run = run(&[&["export"], paths, &["--schema", "ocsf", "--format", "jsonl", "-o", "-"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.json_lines()
}

#[test]
fn every_row_has_what_the_schema_requires_and_nothing_it_does_not_know() {
    let rows = rows(&["samples/"]);
    assert!(rows.len() > 200);
    for row in &rows {
        for pointer in REQUIRED {
            assert!(row.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer} in {row}");
        }
        let names = row.as_object().expect("an object").keys();
        assert!(names.clone().all(|name| ATTRIBUTES.contains(&name.as_str())), "{row}");
        assert_eq!((&row["category_uid"], &row["class_uid"]), (&json!(6), &json!(6003)));
        let activity = row["activity_id"].as_i64().expect("a number");
        assert_eq!(row["type_uid"], json!(600_300 + activity));
        let [ip, domain] = ["ip", "domain"].map(|name| !row["src_endpoint"][name].is_null());
        assert!(ip != domain, "{row}");
        assert!(row["time"].is_i64());
    }
    for log in ["s3_access", "cloudtrail"] {
        assert!(rows.iter().any(|row| row["metadata"]["log_name"] == log));
    }
}

#[test]
fn nothing_of_a_record_is_lost_and_its_place_is_told() {
    let file = "samples/access_logs";
    let (ocsf, native) = (rows(&[file]), {
        let run = run(&["export", file, "--format", "jsonl", "-o", "-"]);
        run.json_lines()
    });
    assert_eq!(ocsf.len(), native.len());
    for (ocsf, native) in ocsf.into_iter().zip(&native) {
        let mut ocsf = ocsf;
        // It holds all of the line, so that nothing could be missing.
        ocsf.as_object_mut().expect("an object").remove("raw_data").expect("the line");
        let unmapped: Value = serde_json::from_str(ocsf["unmapped"].as_str().expect("text")).expect("JSON");
        let all = ocsf.to_string();
        for (name, value) in native.as_object().expect("an object") {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            // The request line is taken apart at its spaces.
            let holds = |text: &str| all.contains(serde_json::to_string(text).expect("JSON").trim_matches('"'));
            let is_there = unmapped[name] == Value::String(text.clone())
                || if name == "request_uri" { text.split(' ').all(holds) } else { holds(&text) };
            assert!(is_there || name == "event_time", "{name} {text} in {ocsf}");
        }
        assert_eq!(unmapped["source_file"], native["source_file"]);
        assert_eq!(unmapped["source_line"], Value::String(native["source_line"].to_string()));
    }
}

#[test]
fn the_schema_goes_with_one_log_but_not_with_another_vocabulary() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = folder.path().join("lake");
    let lake = lake.to_str().expect("a name in UTF-8");
    assert_eq!(run(&["export", "samples/", "-o", lake, "--schema", "ocsf", "--log", "activity"]).code, 2);
    assert!(!Path::new(lake).exists());
    let one = run(&["export", "samples/", "-o", lake, "--schema", "ocsf", "--log", "cloudtrail"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(one.count("filtered") > 0);
}
