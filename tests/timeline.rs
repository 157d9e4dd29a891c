//! The timeline from end to end: both logs joined, callers followed, safe in every form, the same whatever the order.

mod support;

use s3sleuth::eval::Label;
use s3sleuth::investigate::timeline::Profile;
use s3sleuth::synth::scenario::{IncidentKind, ScenarioOptions, scenario};
use serde_json::Value;
use std::path::Path;
use support::{Run, run, run_with_input, text};

fn timeline(arguments: &[&str]) -> Run {
    run(&[&["timeline"], arguments].concat())
}

/// Rows of the samples.
fn of_samples(arguments: &[&str]) -> Vec<Value> {
    let told = timeline(&[&["samples/"], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    told.json_lines()
}

/// `FILE:LINE` of a row's sources, each file by what docs/samples.md calls it.
fn places(row: &Value) -> Vec<String> {
    let short = [
        ("5B1E7C93D0A2F468", "data-1"),
        ("C47A08E2B95D136F", "data-2"),
        ("E80B4D6172C9A35F", "audit"),
        ("29D6F3A18C07B5E4", "exports"),
    ];
    let name = |file: &str| match short.iter().find(|(end, _)| file.ends_with(end)) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("trail-{}", &file[file.find("T0").or(file.find("T1")).unwrap_or(0) + 1..][..4]),
    };
    let sources = row["sources"].as_array().expect("every row has its places");
    let place = |source: &Value| {
        format!("{}:{}", name(source["source_file"].as_str().expect("a file")), source["source_line"])
    };
    sources.iter().map(place).collect()
}

fn column<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("-")
}

#[test]
fn the_two_records_of_a_request_are_one_row_with_both_places() {
    let rows = of_samples(&["--bucket", "amzn-s3-demo-audit-logs", "--principal", "backup-admin"]);
    let deleted: Vec<&Value> = rows.iter().filter(|row| row["action"] == "DeleteObject").collect();
    assert_eq!(
        deleted.iter().map(|row| places(row)).collect::<Vec<_>>(),
        [["audit:8", "trail-0950:2"], ["audit:9", "trail-0950:3"]]
    );
    for row in deleted {
        assert_eq!(column(row, "access_key_id"), "AKIAEXAMPLELEAKED001", "from CloudTrail");
        assert!(row["http_status"].is_number(), "from the access log");
        assert_eq!(row["contradictions"].as_array().map(Vec::len), Some(0), "{row}");
    }
}

#[test]
fn an_access_key_finds_the_lines_that_do_not_name_it() {
    let rows = of_samples(&["--access-key", "AKIAEXAMPLELEAKED001"]);
    let all: Vec<String> = rows.iter().flat_map(places).collect();
    for expected in ["audit:8", "trail-0950:2", "data-1:46", "trail-0930:1", "data-1:47", "data-1:68"] {
        assert!(all.iter().any(|place| place == expected), "{expected} in {all:?}");
    }
    assert!(rows.iter().all(|row| column(row, "principal").ends_with("/backup-admin")));
    let told = timeline(&["samples/", "--access-key", "AKIAEXAMPLELEAKED001"]);
    assert!(told.stderr.contains("access-log lines that may belong here"), "{}", told.stderr);
}

#[test]
fn rows_are_in_order_and_every_record_is_in_one() {
    let rows = of_samples(&[]);
    let times: Vec<&str> = rows.iter().map(|row| column(row, "event_time")).collect();
    assert!(times.is_sorted());
    let mut all: Vec<String> = rows.iter().flat_map(places).collect();
    all.sort();
    let before = all.len();
    all.dedup();
    assert_eq!((before, all.len()), (243, 243), "each of the 243 records once");
}

fn trail(records: &[String]) -> String {
    format!("{{\"Records\":[{}]}}", records.join(","))
}

fn record(time: &str, source: &str, name: &str, identity: &str, rest: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.11","eventTime":"{time}","eventSource":"{source}","eventName":"{name}","awsRegion":"us-east-1",
        "userIdentity":{identity},"sourceIPAddress":"203.0.113.9","eventID":"{time}-{name}","eventType":"AwsApiCall",
        "managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"{rest}}}"#
    )
}

fn user(name: &str, key: &str) -> String {
    format!(
        r#"{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{name}","accountId":"111122223333","accessKeyId":"{key}"}}"#
    )
}

fn session(role: &str, name: &str, key: &str) -> String {
    format!(
        r#"{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/{role}/{name}","accountId":"111122223333","accessKeyId":"{key}"}}"#
    )
}

fn granted(role: &str, name: &str, key: &str) -> String {
    format!(
        r#","responseElements":{{"credentials":{{"accessKeyId":"{key}"}},"assumedRoleUser":{{"arn":"arn:aws:sts::111122223333:assumed-role/{role}/{name}"}}}}"#
    )
}

/// Ann takes on one role, with it a second, and lists users; somebody else has a session of the same name.
fn chained() -> tempfile::TempDir {
    let sts = "sts.amazonaws.com";
    let records = [
        record(
            "2026-02-06T00:00:01Z",
            sts,
            "AssumeRole",
            &user("ann", "AKIAEXAMPLEANN00001"),
            &granted("one", "x", "ASIAONE"),
        ),
        record(
            "2026-02-06T00:00:02Z",
            sts,
            "AssumeRole",
            &session("one", "x", "ASIAONE"),
            &granted("two", "y", "ASIATWO"),
        ),
        record("2026-02-06T00:00:03Z", "iam.amazonaws.com", "ListUsers", &session("two", "y", "ASIATWO"), ""),
        record("2026-02-06T00:00:04Z", "iam.amazonaws.com", "ListRoles", &session("two", "y", "ASIAOTHER"), ""),
        record("2026-02-06T00:00:05Z", "iam.amazonaws.com", "ListGroups", &user("bob", "AKIABOB"), ""),
    ];
    let folder = support::quick_folder();
    let write = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("a file");
    // The session is used in an earlier file than it was granted in.
    write("a.json", &trail(&records[2..]));
    write("b.json", &trail(&records[..2]));
    let line = |time: &str| {
        let line = support::access_line(time, "REST.GET.OBJECT", "key", 200);
        line.replace("arn:aws:iam::111122223333:user/ann", "arn:aws:sts::111122223333:assumed-role/two/y")
    };
    // Within the session, and after it has ended.
    write("c.log", &(line("06/Feb/2026:00:00:30 +0000") + &line("06/Feb/2026:09:00:00 +0000")));
    folder
}

#[test]
fn what_a_caller_took_on_is_followed_and_shown() {
    let folder = chained();
    for arguments in [["--principal", "ann"], ["--access-key", "AKIAEXAMPLEANN00001"]] {
        let told = timeline(&[&[text(folder.path())], &arguments[..]].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        let rows = told.json_lines();
        let actions: Vec<&str> = rows.iter().map(|row| column(row, "action")).collect();
        assert_eq!(actions, ["AssumeRole", "AssumeRole", "ListUsers", "GetObject"], "{arguments:?}");
        let steps = rows[2]["session_chain"].as_array().expect("steps");
        assert_eq!(steps.len(), 2);
        let step = steps[1].as_str().expect("a sentence");
        assert!(step.contains("role/two, session y, key ASIATWO: AssumeRole at 2026-02-06T00:00:02Z"), "{step}");
        assert!(step.ends_with("b.json:2"), "{step}");
        assert_eq!(rows[3]["session_chain"], rows[2]["session_chain"], "the line, by role, session name and time");
    }
    // A session is found by its name, and by that behind the name of its role.
    for (who, expected) in [
        ("x", &["AssumeRole", "ListUsers", "GetObject"][..]),
        ("one/x", &["AssumeRole", "ListUsers", "GetObject"]),
        ("y", &["ListUsers", "ListRoles", "GetObject", "GetObject"]),
        ("two/y", &["ListUsers", "ListRoles", "GetObject", "GetObject"]),
        ("two", &["ListUsers", "ListRoles", "GetObject", "GetObject"]),
        ("one/y", &[]),
        ("o/y", &[]),
    ] {
        let rows = timeline(&[text(folder.path()), "--principal", who]).json_lines();
        assert_eq!(rows.iter().map(|row| column(row, "action")).collect::<Vec<_>>(), expected, "{who}");
    }
    // What was granted before the range is known in it.
    let told = timeline(&[text(folder.path()), "--principal", "ann", "--since", "2026-02-06T00:00:03Z"]);
    assert_eq!(told.json_lines().len(), 2);
    let told = run_with_input(
        &["timeline", "-", "--principal", "ann"],
        &std::fs::read(folder.path().join("b.json")).expect("a file"),
    );
    assert_eq!(told.code, 3, "{}", told.stderr);
    assert!(told.stderr.contains("can be read only once"), "{}", told.stderr);
}

/// A key of a session that CloudTrail only shows to be granted: lines within the session, after it, and of another one.
#[test]
fn an_access_key_finds_the_lines_of_the_session_that_it_was_granted_for() {
    const KEY: &str = "ASIAEXAMPLETWO000001";
    let granted = record(
        "2026-02-06T00:00:02Z",
        "sts.amazonaws.com",
        "AssumeRole",
        &user("ann", "AKIAEXAMPLEANN00001"),
        &granted("two", "y", KEY),
    );
    let used = record("2026-02-06T00:00:03Z", "iam.amazonaws.com", "ListUsers", &session("two", "y", KEY), "");
    let line = |time: &str, session: &str, key: &str| {
        support::access_line(&format!("06/Feb/2026:{time} +0000"), "REST.GET.OBJECT", key, 200)
            .replace("iam::111122223333:user/ann", &format!("sts::111122223333:assumed-role/two/{session}"))
            // Requests of their own.
            .replace("3E57427F33A59F07", &format!("{key:0>16}"))
    };
    let lines = line("00:00:30", "y", "in") + &line("09:00:00", "y", "after") + &line("00:00:31", "z", "other");
    for events in [vec![granted.clone()], vec![granted.clone(), used]] {
        let folder = support::quick_folder();
        std::fs::write(folder.path().join("a.json"), trail(&events)).expect("a file");
        std::fs::write(folder.path().join("b.log"), &lines).expect("a file");
        let told = timeline(&[text(folder.path()), "--access-key", KEY]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let rows = told.json_lines();
        assert_eq!(rows.len(), events.len(), "{}", told.stdout);
        assert_eq!(rows.last().map(|row| column(row, "object_key")), Some("in"));
        for row in &rows {
            let steps = row["session_chain"].as_array().expect("steps");
            let step = steps.first().and_then(Value::as_str).expect("a step");
            assert!(steps.len() == 1 && step.contains("user/ann → ") && step.contains("a.json:1"), "{row}");
        }
        assert!(told.stderr.contains("1 access-log line that may belong here"), "after it: {}", told.stderr);
        // Who is asked for, too, must be the session's role.
        for (who, expected) in [("two", events.len()), ("ann", 0)] {
            let told = timeline(&[text(folder.path()), "--access-key", KEY, "--principal", who]);
            assert_eq!(told.json_lines().len(), expected, "{who}: {}", told.stderr);
        }
    }
    let folder = support::quick_folder();
    std::fs::write(folder.path().join("b.log"), &lines).expect("a file");
    let told = timeline(&[text(folder.path()), "--access-key", KEY]);
    assert!(told.stderr.contains("access-log lines of ASIAEXAMPLETWO000001: no record shows"), "{}", told.stderr);
}

/// Without a host id, as in lines from before 2019 and in those where it is `-`, nothing is joined.
#[test]
fn lines_that_cannot_be_joined_are_counted_too() {
    const KEY: &str = "AKIAEXAMPLEANN00001";
    let line = |operation: &str| support::access_line("06/Feb/2026:00:00:30 +0000", operation, "key", 200);
    let host_id = "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=";
    let without = line("REST.GET.OBJECT").replace(host_id, "-");
    let short = line("REST.DELETE.OBJECT");
    let short = format!("{}\n", &short[..short.find(host_id).expect("a host id") - 1]);
    let folder = support::quick_folder();
    let used = record("2026-02-06T00:00:01Z", "iam.amazonaws.com", "ListUsers", &user("ann", KEY), "");
    std::fs::write(folder.path().join("a.json"), trail(&[used])).expect("a file");
    std::fs::write(folder.path().join("b.log"), without + &short).expect("a file");
    let page = folder.path().join("page.html");
    for (arguments, expected) in [
        (&["timeline"][..], "2 access-log lines that may belong here"),
        (&["coverage"], "2 access-log lines that may belong here"),
        (&["report", "--force", "-o", text(&page)], "2 access-log lines that may belong here"),
        (&["exposure"], "1 access-log line that may belong here"),
        (&["recover"], "1 access-log line that may belong here"),
    ] {
        let told = run(&[arguments, &[text(folder.path()), "--access-key", KEY]].concat());
        assert!(told.stderr.contains(expected), "{arguments:?}: {}", told.stderr);
    }
}

/// A request of another caller for the same object, the request itself, what S3 asked KMS for it, and a call that is
/// made for the whole bucket.
#[test]
fn calls_of_kms_stand_with_their_request() {
    let get = |who: &str, id: &str| {
        let rest = format!(
            r#","requestID":"{id}","requestParameters":{{"bucketName":"b","key":"k"}},"additionalEventData":{{"x-amz-id-2":"{id}h"}}"#
        );
        record("2026-02-06T00:00:01Z", "s3.amazonaws.com", "GetObject", &user(who, "AKIAEXAMPLE"), &rest)
    };
    let decrypt = |id: &str, arn: &str| {
        let rest =
            format!(r#","requestID":"{id}","requestParameters":{{"encryptionContext":{{"aws:s3:arn":"{arn}"}}}}"#);
        let call =
            record("2026-02-06T00:00:01Z", "kms.amazonaws.com", "Decrypt", &user("ann", "ASIAOTHER"), &rest);
        call.replace("-Decrypt", id).replace("203.0.113.9", "AWS Internal")
    };
    let records = [
        get("bob", "R1").replace("-GetObject", "bob"),
        get("ann", "R2"),
        decrypt("D1", "arn:aws:s3:::b/k"),
        decrypt("D2", "arn:aws:s3:::b"),
    ];
    let input = trail(&records);
    let rows = |arguments: &[&str]| {
        let told = run_with_input(&[&["timeline", "-"], arguments].concat(), input.as_bytes());
        assert_eq!(told.code, 0, "{}", told.stderr);
        let lines = |row: &Value| {
            let sources = row["sources"].as_array().expect("places");
            sources.iter().map(|source| source["source_line"].as_i64().expect("a line")).collect::<Vec<_>>()
        };
        told.json_lines().iter().map(|row| (column(row, "action").to_owned(), lines(row))).collect::<Vec<_>>()
    };
    let row = |action: &str, lines: &[i64]| (action.to_owned(), lines.to_vec());
    assert_eq!(rows(&[]), [row("GetObject", &[1]), row("GetObject", &[2, 3]), row("Decrypt", &[4])]);
    assert_eq!(rows(&["--key", "k"]), [row("GetObject", &[1]), row("GetObject", &[2, 3])]);
    assert_eq!(rows(&["--ip", "203.0.113.9"]), [row("GetObject", &[1]), row("GetObject", &[2, 3])]);
    assert_eq!(rows(&["--ip", "203.0.113.10"]), []);
    for (ip, left_out) in [("203.0.113.9", "1 KMS call that may"), ("203.0.113.10", "2 KMS calls that may")] {
        let told = run_with_input(&["timeline", "-", "--ip", ip], input.as_bytes());
        assert!(told.stderr.contains(left_out), "{}", told.stderr);
    }
    let told = run_with_input(&["timeline", "-"], input.as_bytes());
    assert!(!told.stderr.contains("KMS calls that may"), "{}", told.stderr);
    assert!(told.stderr.contains("3 rows, 1 KMS call joined to requests"), "{}", told.stderr);
}

#[test]
fn an_alert_selects_what_it_is_about() {
    let folder = support::quick_folder();
    let alerts = folder.path().join("alerts.jsonl");
    let detected = run(&["detect", "samples/", "-o", text(&alerts)]);
    assert_eq!(detected.code, 0);
    let told: Vec<Value> = std::fs::read_to_string(&alerts)
        .expect("alerts")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an alert"))
        .collect();
    for alert in &told {
        let id = alert["alert_id"].as_str().expect("an id");
        let rows = of_samples(&["--alerts", text(&alerts), "--alert", id]);
        let sources: Vec<&Value> =
            rows.iter().flat_map(|row| row["sources"].as_array().expect("places")).collect();
        for evidence in alert["evidence"].as_array().expect("evidence") {
            let is_it = |source: &&&Value| {
                source["source_file"] == evidence["source_file"]
                    && source["source_line"] == evidence["source_line"]
            };
            assert!(sources.iter().any(|source| is_it(&source)), "{evidence} of {}", alert["rule_id"]);
        }
    }
    let log = told.iter().find(|alert| alert["rule_id"] == "LOG-001").expect("log objects were deleted");
    let rows = of_samples(&["--alerts", text(&alerts), "--alert", log["alert_id"].as_str().expect("an id")]);
    assert_eq!(
        rows.iter().map(places).collect::<Vec<_>>(),
        [["audit:8", "trail-0950:2"], ["audit:9", "trail-0950:3"]]
    );
    for arguments in [
        vec!["--alerts", text(&alerts), "--alert", "0123456789abcdef"],
        vec!["--alert", "0123456789abcdef"],
        vec!["--alerts", "samples/no-such-file", "--alert", "0123456789abcdef"],
    ] {
        assert_eq!(timeline(&[&["samples/"], &arguments[..]].concat()).code, 2, "{arguments:?}");
    }
}

#[test]
fn order_and_threads_do_not_show() {
    let options = ScenarioOptions { seed: 77, events: 4000, ..ScenarioOptions::default() };
    let told = scenario(&options);
    let folder = support::quick_folder();
    let mut paths = Vec::new();
    for (path, content) in &told.files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        paths.push(path);
    }
    let is_deletion = |label: &&Label| label.kind == IncidentKind::LogDeletion.name();
    let label = told.labels.iter().find(is_deletion).expect("an incident");
    let principal = label.principals[0].as_str();
    let rows = |arguments: &[&str], paths: &[&Path]| {
        let paths: Vec<&str> = paths.iter().map(|path| text(path)).collect();
        let told = timeline(&[arguments, &paths].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.stdout
    };
    let in_order: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    let backwards: Vec<&Path> = in_order.iter().rev().copied().collect();
    for arguments in [vec![], vec!["--principal", principal], vec!["--format", "table", "--limit", "600"]] {
        let threads = |number| [&arguments[..], &["--threads", number]].concat();
        let first = rows(&threads("1"), &in_order);
        assert!(first.lines().count() > 3, "{arguments:?}");
        assert!(first == rows(&threads("4"), &backwards), "{arguments:?}");
    }
}

/// A line whose client sent what it could, with the signature of a presigned URL.
fn hostile_folder() -> tempfile::TempDir {
    let folder = support::quick_folder();
    let line = support::access_line(
        "06/Feb/2026:00:00:38 +0000",
        "REST.GET.OBJECT",
        "=cmd%257C%2560id%2560%253Cscript%253E",
        200,
    );
    let line = line
        .replace("\"GET /", "\"GET /x?X-Amz-Signature=5ecret&X-Amz-Security-Token=t0ken&")
        .replace("aws-cli/2.15", "\u{1b}]0;x\u{7}\u{202e}[a](https://evil.example)|<img src=x>");
    std::fs::write(folder.path().join("a.log"), line).expect("a file");
    folder
}

#[test]
fn hostile_text_and_secrets_do_nothing_in_any_form() {
    let folder = hostile_folder();
    for format in ["table", "json", "jsonl", "csv", "md"] {
        let told = timeline(&[text(folder.path()), "--format", format]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        let is_unsafe = |character: char| character.is_control() && !matches!(character, '\n' | '\r');
        assert!(
            !told.stdout.contains(is_unsafe) && !told.stdout.contains('\u{202e}'),
            "{format}: {:?}",
            told.stdout
        );
        assert!(!told.stdout.contains("5ecret") && !told.stdout.contains("t0ken"), "{format}: {}", told.stdout);
        if format == "md" {
            assert!(!told.stdout.contains('<') && !told.stdout.contains("|`"), "{}", told.stdout);
        }
        if format == "csv" {
            assert!(!told.stdout.contains(",=cmd") && told.stdout.contains("'=cmd"), "{}", told.stdout);
        }
    }
    let told = timeline(&[text(folder.path()), "--no-redact"]);
    assert!(told.stdout.contains("5ecret"), "{}", told.stdout);
}

#[test]
fn forms_hold_the_same_rows_and_say_what_they_leave_out() {
    let all = of_samples(&[]).len();
    let json = timeline(&["samples/", "--format", "json"]);
    let array: Vec<Value> = serde_json::from_str(&json.stdout).expect("an array");
    assert_eq!(array, of_samples(&[]));
    let csv = timeline(&["samples/", "--format", "csv"]);
    let names: Vec<&str> = csv.stdout.lines().next().expect("a header").split(',').collect();
    assert_eq!(names, Profile::Standard.columns().iter().map(|column| column.name).collect::<Vec<_>>());
    assert_eq!(csv.stdout.lines().count(), all + 1);
    for format in ["table", "md", "jsonl", "csv"] {
        let told = timeline(&["samples/", "--format", format, "--limit", "3"]);
        let notice = format!("3 of {all} rows; --limit 0 shows all");
        assert!(told.stderr.contains(&notice), "{format}: {}", told.stderr);
        assert_eq!(told.stdout.contains(&notice), matches!(format, "table" | "md"), "{format}");
    }
    let none = timeline(&["samples/", "--bucket", "no-such-bucket", "--format", "table"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, "no rows\n"));
}

#[test]
fn timesketch_gets_its_columns_first() {
    for format in ["jsonl", "csv"] {
        let told =
            timeline(&["samples/", "--principal", "backup-admin", "--profile", "timesketch", "--format", format]);
        assert_eq!(told.code, 0, "{}", told.stderr);
        if format == "csv" {
            assert!(told.stdout.starts_with("message,datetime,timestamp,timestamp_desc,event_time,"));
            continue;
        }
        for row in told.json_lines() {
            let datetime = chrono::DateTime::parse_from_rfc3339(column(&row, "datetime")).expect("a time");
            assert_eq!(row["timestamp"].as_i64(), Some(datetime.timestamp_micros()));
            assert!(column(&row, "message").contains("backup-admin") && column(&row, "timestamp_desc") != "-");
        }
    }
    assert_eq!(timeline(&["samples/", "--profile", "timesketch", "--format", "md"]).code, 2);
}

#[test]
fn what_the_logs_cannot_show_is_said() {
    let folder = support::quick_folder();
    std::fs::write(folder.path().join("a.log"), support::access_lines(3)).expect("a file");
    let told = timeline(&[text(folder.path())]);
    assert!(told.stderr.contains("no CloudTrail S3 data events"), "{}", told.stderr);
    assert!(told.stderr.contains("best effort"), "{}", told.stderr);
}

#[test]
fn copies_of_a_line_are_one_row_with_all_places() {
    let folder = support::quick_folder();
    for name in ["a.log", "b.log"] {
        std::fs::write(folder.path().join(name), support::access_lines(2)).expect("a file");
    }
    let rows = timeline(&[text(folder.path())]).json_lines();
    assert_eq!(
        rows.iter().map(|row| row["sources"].as_array().map(Vec::len)).collect::<Vec<_>>(),
        [Some(2), Some(2)]
    );
}

#[test]
fn copies_of_an_event_have_all_places_if_they_are_kept() {
    let folder = support::quick_folder();
    let call =
        record("2026-02-06T00:00:01Z", "iam.amazonaws.com", "ListUsers", &user("ann", "AKIAEXAMPLEANN00001"), "");
    for name in ["a.json", "b.json"] {
        std::fs::write(folder.path().join(name), trail(std::slice::from_ref(&call))).expect("a file");
    }
    for (arguments, expected) in [(&[][..], &["a.json"][..]), (&["--keep-duplicates"], &["a.json", "b.json"])] {
        let told = timeline(&[&[text(folder.path())], arguments].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        let rows = told.json_lines();
        let [row] = &rows[..] else { panic!("one row: {}", told.stdout) };
        let places = row["sources"].as_array().expect("places").iter();
        let files: Vec<&str> = places.map(|place| place["source_file"].as_str().expect("a file")).collect();
        assert!(
            files.len() == expected.len() && files.iter().zip(expected).all(|(file, name)| file.ends_with(name)),
            "{arguments:?}: {files:?}"
        );
    }
}

#[test]
fn the_alerts_are_not_written_over() {
    let folder = support::quick_folder();
    let alerts = folder.path().join("alerts.jsonl");
    assert_eq!(run(&["detect", "samples/", "-o", text(&alerts)]).code, 0);
    let before = std::fs::read_to_string(&alerts).expect("alerts");
    let first: Value = serde_json::from_str(before.lines().next().expect("a line")).expect("an alert");
    let id = first["alert_id"].as_str().expect("an id");
    let detour = folder.path().join(".").join("..").join(folder.path().file_name().expect("a name"));
    let detour = detour.join("alerts.jsonl");
    let link = folder.path().join("other-name.jsonl");
    std::os::unix::fs::symlink(&alerts, &link).expect("a link");
    for (given, output) in [(&alerts, &alerts), (&alerts, &detour), (&link, &alerts), (&alerts, &link)] {
        for option in ["-o", "--rejects"] {
            let chosen = ["samples/", "--alert", id, "--alerts", text(given)];
            let told = timeline(&[&chosen[..], &["--force", option, text(output)]].concat());
            assert_eq!(told.code, 2, "{option} {output:?}: {}", told.stderr);
            assert!(told.stderr.contains("is an input; it is not written over"), "{}", told.stderr);
            assert_eq!(std::fs::read_to_string(&alerts).expect("alerts"), before);
        }
    }
}

#[test]
fn misuse_is_told_before_anything_is_read() {
    let folder = support::quick_folder();
    let existing = folder.path().join("rows.csv");
    std::fs::write(&existing, "x").expect("a file");
    for arguments in [
        vec!["timeline"],
        vec!["timeline", "samples/", "--ip", "192.0.2.0/33"],
        vec!["timeline", "samples/", "--alerts", "alerts.jsonl"],
        vec!["timeline", "samples/", "--since", "2026-03-05", "--until", "2026-03-04"],
    ] {
        assert_eq!(run(&arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(timeline(&["samples/", "-o", text(&existing)]).code, 2, "it exists");
    assert_eq!(std::fs::read_to_string(&existing).expect("a file"), "x");
}

#[test]
fn the_manual_names_every_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/investigate.md");
    let page = std::fs::read_to_string(path).expect("there is a page");
    for column in Profile::Timesketch.columns() {
        assert!(page.contains(&format!("`{}`", column.name)), "{}", column.name);
    }
}

#[test]
fn what_is_no_address_and_no_access_key_is_refused() {
    for command in ["timeline", "exposure", "recover"] {
        for (option, value, expected) in [
            ("--ip", "ann", "a network such as 192.0.2.0/24"),
            ("--ip", "192.0.2", "a network such as 192.0.2.0/24"),
            ("--ip", "192.0.2.0/33", "bits"),
            ("--access-key", "ann", "the id of an access key"),
            ("--access-key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "the id of an access key"),
        ] {
            let told = run(&[command, "samples/", option, value]);
            assert!(told.code == 2 && told.stderr.contains(expected), "{command} {option}: {}", told.stderr);
        }
        // Of a variable that is not set.
        for option in ["--bucket", "--key", "--principal", "--ip", "--access-key", "--alert"] {
            let told = run(&[command, "samples/", "--alerts", "alerts.jsonl", option, ""]);
            assert!(told.code == 2 && told.stderr.contains(option), "{command} {option}: {}", told.stderr);
        }
        for value in ["192.0.2.0/24", "2001:db8::/32", "ec2.amazonaws.com", "AWS Internal"] {
            let told = run(&[command, "samples/", "--ip", value, "--limit", "1"]);
            assert_eq!(told.code, 0, "{command} {value}: {}", told.stderr);
        }
    }
}

#[test]
fn a_table_shortens_nothing_without_saying_so() {
    for command in ["timeline", "exposure", "recover"] {
        let told = |format: &str| run(&[command, "samples/", "--format", format, "--limit", "300"]);
        let table = told("table").stdout;
        let longest = table.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(160), "{command}: {longest:?}");
        let rows = told("jsonl").json_lines();
        let keys: Vec<&str> = rows.iter().filter_map(|row| row["object_key"].as_str()).collect();
        assert!(!keys.is_empty(), "{command}");
        // A key can go on in the next line.
        let without_spaces = |text: &str| text.split_whitespace().collect::<String>();
        let squeezed = without_spaces(&table);
        let is_whole = keys.iter().all(|key| squeezed.contains(&without_spaces(key)));
        assert!(is_whole || table.contains("… stands for the middle of a long value"), "{command}: {table}");
    }
}
