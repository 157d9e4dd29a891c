//! Access logs as CloudWatch delivers them: the same rows and alerts as of the lines, in every envelope.
#![allow(clippy::unwrap_used)]

mod support;

use s3sleuth::parse::s3_access::{self, field};
use s3sleuth::parse::{object_key, time};
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use support::{access_lines, gzip, run, text};

/// A line as the record that CloudWatch would deliver; none of a line that is torn.
fn record(line: &str) -> Option<Value> {
    let parsed = s3_access::parse_line(line.as_bytes()).ok()?;
    let of = |number: usize| parsed.fields[number].map(|value| String::from_utf8_lossy(value).into_owned());
    let mut record = Map::new();
    record.insert("schema_version_id".into(), "V_1_0".into());
    record.insert("bucket_arn".into(), format!("arn:aws:s3:::{}", of(field::BUCKET_NAME)?).into());
    for (name, number) in s3_access::MEMBERS {
        let value = match number {
            field::EVENT_TIME => time::access_log_time(of(number)?.as_bytes()).map(time::format_iso).into(),
            field::HTTP_STATUS | field::BYTES_SENT..=field::TURN_AROUND_TIME_MS => {
                of(number).and_then(|digits| digits.parse::<u64>().ok()).into()
            }
            field::ACL_REQUIRED => of(number).map(|_| true).into(),
            field::OBJECT_KEY_RAW => {
                let raw = of(number);
                let mut key = Vec::new();
                let operation = of(field::OPERATION).unwrap_or_default();
                match &raw {
                    Some(raw) if object_key::decode(raw.as_bytes(), operation.as_bytes(), &mut key) => {
                        String::from_utf8_lossy(&key).into_owned().into()
                    }
                    _ => raw.into(),
                }
            }
            _ => of(number).into(),
        };
        record.insert(name.into(), value);
    }
    Some(record.into())
}

fn records(lines: &str) -> Vec<String> {
    lines.lines().filter_map(record).map(|record| record.to_string()).collect()
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap();
}

/// Rows without what tells the form: places, flags and the key as logged; a key's columns are one in JSON.
fn rows(path: &Path) -> Vec<Value> {
    let run = run(&["export", text(path), "--format", "jsonl", "-o", "-"]);
    assert_eq!((run.code, run.count("rejects")), (0, 0), "{}", run.stderr);
    let told = |mut row: Value| {
        let members = row.as_object_mut().unwrap();
        for name in ["source_file", "source_line", "parse_flags", "object_key_raw", "extra_fields"] {
            members.remove(name);
        }
        row
    };
    run.json_lines().into_iter().map(told).collect()
}

#[test]
fn every_envelope_gives_the_rows_of_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let lines = access_lines(30);
    write(&file("lines.log"), &lines);
    let expected = rows(&file("lines.log"));
    assert_eq!(expected.len(), 30);
    let records = records(&lines);
    let events: Vec<Value> = records
        .iter()
        .enumerate()
        .map(|(index, record)| json!({"id": index.to_string(), "timestamp": 1, "message": record}))
        .collect();
    let subscription = |events: &[Value]| {
        json!({"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "g", "logStream": "s",
               "subscriptionFilters": ["f"], "logEvents": events})
        .to_string()
    };
    let firehose = [subscription(&events[..10]), subscription(&events[10..])].concat();
    let export_task: Vec<String> =
        records.iter().map(|record| format!("2026-03-01T01:02:03.456Z {record}")).collect();
    let pretty: Vec<String> = records
        .iter()
        .map(|record| serde_json::to_string_pretty(&serde_json::from_str::<Value>(record).unwrap()).unwrap())
        .collect();
    for (name, text) in [
        ("lines.json", records.join("\n")),
        ("joined.json", records.concat()),
        ("array.json", format!("[{}]", records.join(","))),
        ("pretty.json", pretty.join("\n")),
        ("subscription.json", subscription(&events)),
        ("firehose.json", firehose),
        ("get-log-events.json", json!({"events": events, "nextForwardToken": "f/1"}).to_string()),
        ("export-task.txt", export_task.join("\n")),
    ] {
        write(&file(name), &text);
        assert_eq!(rows(&file(name)), expected, "{name}");
        write(&file("packed.gz"), gzip(text.as_bytes()));
        assert_eq!(rows(&file("packed.gz")), expected, "{name}, gzipped");
    }
}

#[test]
fn both_logs_may_stand_in_one_file_and_a_broken_record_costs_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.json");
    let access = records(&access_lines(3));
    let trail = json!({"eventVersion": "1.08", "eventName": "GetObject", "eventID": "e",
                       "requestParameters": {"schema_version_id": "V_1_0", "bucket_name": "b"}});
    let lines = [
        &access[0],
        "{\"schema_version_id\":\"V_1_0\",\"http_status\":2x}",
        &trail.to_string(),
        &access[1],
        &access[2],
    ];
    write(&path, lines.join("\n"));
    let run = run(&["detect", text(&path)]);
    assert_eq!((run.code, run.count("records"), run.count("rejects")), (3, 4, 1), "{}", run.stderr);
    for (log, count) in [("s3_access", 3), ("cloudtrail", 1)] {
        let run = support::run(&["export", text(&path), "--log", log, "--format", "jsonl", "-o", "-"]);
        assert_eq!(run.json_lines().len(), count, "{log}");
    }
}

/// Alerts without places in files.
fn alerts(path: &Path) -> Vec<Value> {
    let run = run(&["detect", text(path)]);
    let told = |mut alert: Value| {
        for evidence in alert["evidence"].as_array_mut().unwrap() {
            let evidence = evidence.as_object_mut().unwrap();
            evidence.remove("source_file");
            evidence.remove("source_line");
        }
        alert
    };
    run.json_lines().into_iter().map(told).collect()
}

#[test]
fn alerts_of_the_records_are_those_of_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        log: SynthLog::S3Access,
        bytes: 4 << 20,
        denied_ppm: 200_000,
        keys: 200,
        ..Default::default()
    };
    write_files(&options, &folder.path().join("logs")).unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/access_logs");
    for logs in [folder.path().join("logs"), samples] {
        let mut lines = String::new();
        for input in s3sleuth::source::collect(&[&logs]).unwrap().files {
            lines += &String::from_utf8_lossy(&fs::read(input.path().unwrap()).unwrap());
        }
        let path = folder.path().join("records.json");
        write(&path, records(&lines).join("\n"));
        let expected = alerts(&logs);
        assert!(!expected.is_empty());
        assert_eq!(alerts(&path), expected, "{}", logs.display());
        // And of an export of the records.
        let export = folder.path().join("out");
        let run = run(&["export", text(&path), "-o", text(&export), "--force"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(alerts(&export), expected);
    }
}
