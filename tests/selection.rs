//! A selection: what it chooses in `coverage` and `report`, and what is said where it finds nothing.

#[path = "report/inert.rs"]
#[allow(dead_code, reason = "the text of a page is looked at")]
mod inert;
mod support;

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use support::{Run, gzip, run, run_with_input, text};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:sts::111122223333:assumed-role/app/x";
const ANN: [&str; 2] = ["arn:aws:iam::111122223333:user/ann", "AKIAEXAMPLE000000ANN"];
const BOB: [&str; 2] = ["arn:aws:iam::111122223333:user/bob", "AKIAEXAMPLE000000BOB"];
const CAROL: [&str; 2] = ["arn:aws:iam::111122223333:user/carol", "AKIAEXAMPLE00000CARO"];
const APP: [&str; 2] = [ROLE, "ASIAEXAMPLE000000APP"];

/// Bucket, caller with access key, address, and key of an object.
type Request = (&'static str, [&'static str; 2], &'static str, &'static str);

/// Each is made on two days, and stands in both logs; of the last bucket there is no data event. Ann took on the role.
const REQUESTS: [Request; 5] = [
    ("amzn-s3-demo-one", ANN, "192.0.2.1", "logs/a"),
    ("amzn-s3-demo-one", BOB, "192.0.2.2", "b"),
    ("amzn-s3-demo-two", BOB, "192.0.2.2", "logs/c"),
    ("amzn-s3-demo-three", APP, "192.0.2.3", "d"),
    ("amzn-s3-demo-four", CAROL, "198.51.100.4", "e"),
];

fn line((bucket, [who, _], ip, key): Request, day: u32, id: &str) -> String {
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be {bucket} [0{day}/Mar/2026:09:00:10 +0000] {ip} \
         {who} {id} REST.GET.OBJECT {key} \"GET /{key} HTTP/1.1\" 200 - 113 113 7 5 \"-\" \"aws-cli/2.15\" - \
         h{id} SigV4 TLS_AES_128_GCM_SHA256 AuthHeader {bucket}.s3.us-east-1.amazonaws.com TLSv1.3 - -\n"
    )
}

fn event(
    [who, access_key]: [&str; 2],
    ip: &str,
    (source, name): (&str, &str),
    (day, region): (u32, &str),
) -> Value {
    let kind = if who.contains(":assumed-role/") { "AssumedRole" } else { "IAMUser" };
    let is_data = source == "s3.amazonaws.com";
    json!({
        "eventVersion": "1.11", "eventTime": format!("2026-03-0{day}T09:00:10Z"), "eventSource": source, "eventName": name,
        "awsRegion": region, "sourceIPAddress": ip, "eventID": format!("{day}-{name}-{ip}-{region}"),
        "userIdentity": {"type": kind, "arn": who, "accountId": ACCOUNT, "accessKeyId": access_key},
        "readOnly": true, "eventType": "AwsApiCall", "managementEvent": !is_data, "recipientAccountId": ACCOUNT,
        "eventCategory": if is_data { "Data" } else { "Management" },
    })
}

fn data_event((bucket, caller, ip, key): Request, day: u32, id: &str) -> Value {
    let mut event = event(caller, ip, ("s3.amazonaws.com", "GetObject"), (day, "us-east-1"));
    event["eventID"] = id.into();
    event["requestID"] = id.into();
    event["requestParameters"] = json!({"bucketName": bucket, "key": key});
    event["additionalEventData"] = json!({"x-amz-id-2": format!("h{id}")});
    event["resources"] =
        json!([{"type": "AWS::S3::Bucket", "accountId": ACCOUNT, "ARN": format!("arn:aws:s3:::{bucket}")}]);
    event
}

/// Both logs of the requests, and what the callers did elsewhere.
fn logs() -> tempfile::TempDir {
    let folder = support::quick_folder();
    let (mut lines, mut events) = (String::new(), Vec::new());
    for day in [2, 3] {
        for (number, request) in REQUESTS.into_iter().enumerate() {
            let id = format!("{day}{number:015}");
            lines += &line(request, day, &id);
            if request.0 != "amzn-s3-demo-four" {
                events.push(data_event(request, day, &id));
            }
        }
    }
    let mut granted = event(ANN, "192.0.2.1", ("sts.amazonaws.com", "AssumeRole"), (1, "us-east-1"));
    granted["requestParameters"] = json!({"durationSeconds": 129_600});
    granted["responseElements"] = json!({
        "credentials": {"accessKeyId": APP[1]}, "assumedRoleUser": {"arn": ROLE},
    });
    events.push(granted);
    events.push(event(BOB, "192.0.2.9", ("ec2.amazonaws.com", "DescribeInstances"), (2, "eu-west-1")));
    std::fs::write(folder.path().join("2026-03-03-11-00-00-0123456789ABCDEF"), lines).expect("a file");
    let name = format!("{ACCOUNT}_CloudTrail_us-east-1_20260303T1100Z_0123456789abcdef.json.gz");
    std::fs::write(folder.path().join(name), gzip(json!({"Records": events}).to_string().as_bytes()))
        .expect("a file");
    folder
}

fn coverage(logs: &Path, arguments: &[&str]) -> Run {
    let told = run(&[&["coverage", text(logs)], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    told
}

/// The last words of the names of the buckets, and the regions of which the whole is told.
fn places(rows: &[Value]) -> (BTreeSet<String>, BTreeSet<String>) {
    let name = |row: &Value| row["bucket"].as_str().map(|name| name.rsplit('-').next().unwrap_or(name).to_owned());
    let regions = rows.iter().filter(|row| row["bucket"].is_null());
    let regions = regions.map(|row| row["region"].as_str().expect("a region").to_owned());
    (rows.iter().filter_map(name).collect(), regions.collect())
}

fn set(words: &str) -> BTreeSet<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

/// Options, the buckets that they choose, regions as a whole, and how many records are selected.
const SELECTIONS: [(&[&str], &str, &str, u64); 15] = [
    (&["--principal", "ann"], "one three", "us-east-1", 8),
    (&["--principal", ANN[0], "--bucket", "*-one"], "one", "us-east-1", 4),
    (&["--principal", "bob"], "one two", "eu-west-1 us-east-1", 9),
    (&["--principal", "app"], "three", "us-east-1", 4),
    (&["--principal", "carol"], "four", "us-east-1", 2),
    (&["--principal", "ann", "--principal", "carol"], "one three four", "us-east-1", 10),
    (&["--ip", "192.0.2.0/30"], "one two three", "us-east-1", 17),
    (&["--ip", "192.0.2.9"], "", "eu-west-1", 1),
    (&["--access-key", ANN[1]], "one three", "us-east-1", 6),
    (&["--access-key", BOB[1]], "one two", "eu-west-1 us-east-1", 5),
    (&["--key", "logs/*"], "one two", "us-east-1", 8),
    (&["--key", "logs/*", "--principal", "bob"], "two", "us-east-1", 4),
    (&["--principal", "bob", "--since", "2026-03-03"], "one two", "us-east-1", 4),
    (&["--principal", "nobody"], "", "", 0),
    (&["--key", "logs/*", "--ip", "198.51.100.4"], "", "", 0),
];

#[test]
fn coverage_tells_the_places_that_the_records_name_and_all_of_these() {
    let folder = logs();
    for (arguments, buckets, regions, records) in SELECTIONS {
        let told = coverage(folder.path(), arguments);
        let rows = told.json_lines();
        assert_eq!(places(&rows), (set(buckets), set(regions)), "{arguments:?}");
        let summary: Value =
            serde_json::from_str(&coverage(folder.path(), &[arguments, &["--format", "json"]].concat()).stdout)
                .expect("JSON");
        assert_eq!(summary["selected_records"], records, "{arguments:?}");
        assert_eq!(summary["selected_first_event"].is_null(), records == 0, "{summary:#}");
        assert_eq!(told.stderr.contains("no record is of the selection"), records == 0, "{}", told.stderr);
        // What is told of them is what is told of them without a selection.
        if !arguments.contains(&"--bucket") {
            let range = arguments.iter().position(|argument| *argument == "--since").unwrap_or(arguments.len());
            let all = coverage(folder.path(), &arguments[range..]);
            let is_theirs = |line: &&str| {
                let row: Value = serde_json::from_str(line).expect("a row");
                let (bucket, region) = places(&[row]);
                bucket.is_subset(&set(buckets)) && region.is_subset(&set(regions))
            };
            let expected: Vec<&str> = all.stdout.lines().filter(is_theirs).collect();
            assert_eq!(told.stdout.lines().collect::<Vec<_>>(), expected, "{arguments:?}");
        }
    }
}

#[test]
fn what_was_selected_is_told_and_what_may_belong_to_it() {
    let folder = logs();
    let told = coverage(folder.path(), &["--access-key", BOB[1], "--format", "table"]);
    let sentence = "5 of them are of the selection, from 2026-03-02T09:00:10Z to 2026-03-03T09:00:10Z; their places are told \
                    as a whole: 2 buckets, with accounts and regions";
    assert!(told.stdout.contains(sentence), "{}", told.stdout);
    assert!(told.stderr.contains("4 access-log lines that may belong here"), "{}", told.stderr);
    let told = coverage(folder.path(), &["--principal", "nobody", "--format", "md"]);
    assert!(told.stdout.contains("None of them is of the selection"), "{}", told.stdout);
    // Of buckets alone no record is judged.
    for (pattern, expected, note) in [
        ("*-t*", "two three", None),
        ("amzn-s3-demo-four", "four", None),
        ("x*", "", Some("x*: no record names this bucket")),
    ] {
        let told = coverage(folder.path(), &["--bucket", pattern]);
        assert_eq!(places(&told.json_lines()).0, set(expected), "{pattern}");
        assert_eq!(told.stderr.contains("no record"), note.is_some(), "{}", told.stderr);
        assert!(told.stderr.contains(note.unwrap_or_default()), "{}", told.stderr);
        let summary = coverage(folder.path(), &["--bucket", pattern, "--format", "json"]).stdout;
        let summary: Value = serde_json::from_str(&summary).expect("JSON");
        for name in ["selected_records", "selected_first_event", "selected_last_event"] {
            assert!(summary.get(name).is_some_and(Value::is_null), "{summary:#}");
        }
        assert!(
            !coverage(folder.path(), &["--bucket", pattern, "--format", "table"]).stdout.contains("selection")
        );
    }
}

#[test]
fn threads_do_not_show_and_standard_input_cannot_be_followed() {
    let folder = logs();
    for format in ["table", "json", "jsonl", "csv", "md"] {
        let outputs = ["1", "3"].map(|threads| {
            coverage(folder.path(), &["--principal", "ann", "--format", format, "--threads", threads]).stdout
        });
        assert!(!outputs[0].is_empty() && outputs[0] == outputs[1], "{format}");
    }
    let lines = std::fs::read(folder.path().join("2026-03-03-11-00-00-0123456789ABCDEF")).expect("a file");
    let told = run_with_input(&["coverage", "-", "--principal", "ann"], &lines);
    assert_eq!((told.code, places(&told.json_lines()).0), (3, set("one")), "{}", told.stderr);
    assert!(told.stderr.contains("can be read only once"), "{}", told.stderr);
}

/// The options that solve the demonstration, with an alert of each rule.
fn of_demo(folder: &Path) -> (String, String, Vec<Vec<String>>) {
    let path = |name: &str| text(&folder.join(name)).to_owned();
    let (logs, alerts) = (path("demo/logs"), path("alerts.jsonl"));
    let written = support::program().args(["demo", &path("demo")]).output().expect("it runs");
    assert!(written.status.success());
    assert_eq!(run(&["detect", &logs, "-o", &alerts]).code, 0);
    let answer = s3sleuth::synth::scenario::demo(1).answer;
    let options =
        [("--ip", &answer.address), ("--principal", &answer.principal), ("--access-key", &answer.access_key)];
    let mut selections: Vec<Vec<String>> =
        options.into_iter().map(|(option, value)| vec![option.to_owned(), value.clone()]).collect();
    selections.push(["--key", "*.pdf"].map(str::to_owned).to_vec());
    let mut rules = BTreeSet::new();
    for line in std::fs::read_to_string(&alerts).expect("alerts").lines() {
        let alert: Value = serde_json::from_str(line).expect("an alert");
        if rules.insert(alert["rule_id"].to_string()) {
            let id = alert["alert_id"].as_str().expect("an id");
            selections.push(["--alerts", &alerts, "--alert", id].map(str::to_owned).to_vec());
        }
    }
    assert!(rules.len() > 3, "{rules:?}");
    (logs, alerts, selections)
}

#[test]
fn coverage_tells_the_buckets_that_a_timeline_of_the_same_names() {
    let folder = support::quick_folder();
    let (logs, _, selections) = of_demo(folder.path());
    let mut seen = BTreeSet::new();
    for selection in &selections {
        let options: Vec<&str> = selection.iter().map(String::as_str).collect();
        let rows = run(&[&["timeline", &logs], &options[..]].concat()).json_lines();
        let expected: BTreeSet<&str> = rows.iter().filter_map(|row| row["bucket_name"].as_str()).collect();
        let told = coverage(Path::new(&logs), &options).json_lines();
        let buckets: BTreeSet<&str> = told.iter().filter_map(|row| row["bucket"].as_str()).collect();
        assert_eq!(buckets, expected, "{options:?}");
        assert!(told.iter().any(|row| row["bucket"].is_null()), "{options:?}");
        seen.insert(format!("{buckets:?}"));
    }
    assert!(seen.len() > 3, "{seen:?}");
}

/// The text of the page.
fn report(logs: &Path, arguments: &[&str]) -> (inert::Page, String) {
    let folder = support::quick_folder();
    let output = folder.path().join("report.html");
    let told = run(&[&["report", text(logs), "-o", text(&output)], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let html = std::fs::read_to_string(&output).expect("a page");
    (inert::read(&html), told.stderr)
}

#[test]
fn a_page_is_about_what_was_asked_for() {
    let folder = logs();
    let all = [
        "user/ann",
        "user/bob",
        "user/carol",
        "role/app",
        "192.0.2.9",
        "demo-one",
        "demo-two",
        "demo-three",
        "demo-four",
    ];
    for (arguments, shown) in [
        (&[][..], &all[..]),
        (&["--principal", "ann"], &["user/ann", "role/app", "demo-one", "demo-three"]),
        (&["--principal", "carol"], &["user/carol", "demo-four"]),
        (&["--ip", "192.0.2.9"], &["user/bob", "192.0.2.9"]),
        (&["--key", "logs/*"], &["user/ann", "user/bob", "demo-one", "demo-two"]),
        (&["--bucket", "*-t*", "--principal", "bob"], &["user/bob", "demo-two"]),
        (&["--principal", "nobody"], &[]),
    ] {
        let (page, _) = report(folder.path(), arguments);
        // What is shown of the requests, without alerts and inputs; coverage has its tables behind them.
        let from = page.text.find("Requests and bytes over time").expect("plots");
        let until = page.text.find("Inputs and versions").expect("inputs");
        let (alerts, limits) = (
            page.text[from..].find("\nAlerts").expect("alerts") + from,
            page.text.rfind("Coverage and limits").expect("limits"),
        );
        let told = page.text[from..alerts].to_owned() + &page.text[limits..until];
        for name in all {
            assert_eq!(told.contains(name), shown.contains(&name), "{name} {arguments:?} {told}");
        }
        let asked: Vec<String> = arguments
            .chunks(2)
            .map(|option| format!("{} {}", option[0].trim_start_matches("--"), option[1]))
            .collect();
        let asked = format!("Asked for: {}.", asked.join("; "));
        assert_eq!(page.text.contains(&asked), !arguments.is_empty(), "{asked}");
        let is_empty = page.text.contains("No record of the selection names a bucket.");
        assert_eq!(is_empty, !shown.iter().any(|name| name.starts_with("demo-")), "{arguments:?}");
    }
}

#[test]
fn the_alerts_of_a_page_are_those_that_the_selection_does_not_contradict() {
    let folder = support::quick_folder();
    let (logs, alerts, selections) = of_demo(folder.path());
    let all: Vec<Value> = std::fs::read_to_string(alerts)
        .expect("alerts")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an alert"))
        .collect();
    for selection in &selections {
        let options: Vec<&str> = selection.iter().map(String::as_str).collect();
        let (page, stderr) = report(Path::new(&logs), &options);
        let is_shown =
            |alert: &Value| page.ids.contains(&format!("a-{}", alert["alert_id"].as_str().expect("an id")));
        let left_out = all.iter().filter(|alert| !is_shown(alert)).count();
        let names = |name: &str, value: &str| {
            let is_other = |alert: &&Value| alert[name].as_str().is_some_and(|named| named != value);
            let others: Vec<&Value> = all.iter().filter(|alert| !is_shown(alert)).collect();
            assert!(all.iter().filter(is_other).all(|alert| !is_shown(alert)), "{options:?}");
            assert!(others.iter().all(is_other), "{options:?}");
        };
        match options[..] {
            ["--ip", address] => names("remote_ip", address),
            ["--principal", principal] => names("principal", principal),
            [.., "--alert", id] => {
                let alert = all.iter().find(|alert| alert["alert_id"] == id).expect("the alert");
                let related = alert["related"].as_array().expect("a list");
                assert!(is_shown(alert), "{options:?}");
                assert!(
                    all.iter().filter(|other| related.contains(&other["alert_id"])).all(is_shown),
                    "{options:?}"
                );
            }
            _ => {}
        }
        let note = format!("The selection leaves out {left_out} alert");
        assert_eq!(page.text.contains(&note), left_out > 0, "{options:?}");
        assert_eq!(stderr.contains("the selection leaves"), left_out > 0, "{stderr}");
    }
}

#[test]
fn the_page_of_a_selection_is_the_same_whatever_the_number_of_threads() {
    let folder = support::quick_folder();
    let (logs, alerts, selections) = of_demo(folder.path());
    for selection in [&selections[0], selections.last().expect("an alert")] {
        let pages = ["1", "3"].map(|threads| {
            let output = folder.path().join(format!("{threads}.html"));
            let mut arguments = vec!["report", &logs, "-o", text(&output), "--threads", threads, "--force"];
            arguments.extend(selection.iter().map(String::as_str));
            assert_eq!(run(&arguments).code, 0);
            std::fs::read_to_string(&output).expect("a page")
        });
        assert!(pages[0] == pages[1], "{selection:?}");
    }
    let page = inert::read(&std::fs::read_to_string(folder.path().join("1.html")).expect("a page"));
    let hash = blake3::hash(&std::fs::read(&alerts).expect("alerts")).to_hex();
    assert!(page.text.contains("--alerts") && page.text.contains(hash.as_str()), "the file of alerts is named");
    // The file of alerts is never written over.
    let over = [
        "report",
        &logs,
        "--alerts",
        &alerts,
        "--alert",
        &selections.last().expect("an alert")[3],
        "--force",
        "-o",
        &alerts,
    ];
    assert_eq!(run(&over).code, 2);
    assert_eq!(run(&["coverage", &logs, "--alert", "0123456789abcdef"]).code, 2);
}

#[test]
fn a_selection_that_finds_nothing_says_so() {
    for (arguments, expected) in [
        (&["timeline", "--principal", "nobody"][..], "no record is of the selection"),
        (&["timeline", "--ip", "203.0.113.250"], "no record is of the selection"),
        (&["exposure", "--key", "nothing"], "no read, copy or list is of the selection"),
        (&["recover", "--access-key", "AKIAEXAMPLENOBODY001"], "no deletion or overwrite is of the selection"),
    ] {
        let told = run(&[arguments, &["samples/"]].concat());
        assert!(told.code == 0 && told.stderr.contains(expected), "{arguments:?}: {}", told.stderr);
        let everything = run(&[arguments[0], "samples/"]).stderr;
        assert!(!everything.contains("is of the selection"), "{everything}");
    }
}
