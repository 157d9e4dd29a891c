//! What `coverage` tells of generated logs of which something is missing: the numbers must come out.

mod support;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::path::Path;
use support::{Run, gzip, run, text};

const BUCKET: &str = "amzn-s3-demo-data";
const ACCOUNT: &str = "111122223333";
const DAYS: i64 = 10;
const REQUESTS_AN_HOUR: i64 = 8;

/// Ten days of one bucket in both logs, eight requests an hour, and what of them is missing.
struct Logs {
    /// Is the access line of a request there? By hour from the start and number of the request.
    has_line: fn(i64, i64) -> bool,
    /// Is its data event there?
    has_event: fn(i64, i64) -> bool,
    has_management: bool,
    /// Objects are encrypted by KMS.
    asks_kms: bool,
    /// The call of KMS that goes with each request.
    kms_call: Option<&'static str>,
    bucket: &'static str,
    /// Names of folders in the opposite order.
    is_turned: bool,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            has_line: |_, _| true,
            has_event: |_, _| true,
            has_management: true,
            asks_kms: false,
            kms_call: None,
            bucket: BUCKET,
            is_turned: false,
        }
    }
}

/// 2026-03-02, a Monday.
fn start() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-02T00:00:00Z").expect("a time").to_utc()
}

fn line(bucket: &str, time: DateTime<Utc>, id: &str) -> String {
    let time = time.format("%d/%b/%Y:%H:%M:%S +0000");
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be {bucket} [{time}] 192.0.2.3 \
         arn:aws:iam::{ACCOUNT}:user/ann {id} REST.GET.OBJECT key-{id} \"GET /key-{id} HTTP/1.1\" 200 - 113 113 7 5 \
         \"-\" \"aws-cli/2.15\" - s9lzHYrFp76ZVxRcpX9= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader \
         {bucket}.s3.us-east-1.amazonaws.com TLSv1.3 - -\n"
    )
}

fn event(logs: &Logs, time: DateTime<Utc>, (source, name): (&str, &str), id: &str) -> Value {
    let is_data = source == "s3.amazonaws.com";
    let mut event = json!({
        "eventVersion": "1.11", "eventTime": time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": source, "eventName": name, "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.3",
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ann"), "accountId": ACCOUNT},
        "requestID": id, "eventID": format!("{name}-{id}"), "readOnly": true, "eventType": "AwsApiCall",
        "managementEvent": !is_data, "recipientAccountId": ACCOUNT,
        "eventCategory": if is_data { "Data" } else { "Management" },
    });
    if is_data {
        event["requestParameters"] = json!({"bucketName": logs.bucket, "key": format!("key-{id}")});
        event["additionalEventData"] = json!({"SSEApplied": if logs.asks_kms { "SSE_KMS" } else { "SSE_S3" }});
        event["resources"] = json!([{"type": "AWS::S3::Bucket", "accountId": ACCOUNT, "ARN": format!("arn:aws:s3:::{}", logs.bucket)}]);
    }
    event
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
    std::fs::write(path, bytes).expect("a file can be written");
}

impl Logs {
    /// Files of each hour: access logs come after two hours, CloudTrail after five minutes of the next hour.
    fn write(&self, folder: &Path) {
        for hour in 0..DAYS * 24 {
            let time = start() + TimeDelta::hours(hour);
            let (mut lines, mut events) = (String::new(), Vec::new());
            for number in 0..REQUESTS_AN_HOUR {
                let (id, time) = (format!("{:016X}", hour * 1000 + number), time + TimeDelta::minutes(7 * number));
                if (self.has_line)(hour, number) {
                    lines += &line(self.bucket, time, &id);
                }
                if (self.has_event)(hour, number) {
                    events.push(event(self, time, ("s3.amazonaws.com", "GetObject"), &id));
                }
                if let Some(call) = self.kms_call {
                    events.push(event(self, time, ("kms.amazonaws.com", call), &id));
                }
                if self.has_management {
                    events.push(event(self, time, ("ec2.amazonaws.com", "DescribeInstances"), &id));
                }
            }
            let part = if self.is_turned { DAYS * 24 - hour } else { hour };
            let folder = folder.join(format!("part-{part:04}"));
            if !lines.is_empty() {
                let name = (time + TimeDelta::hours(2)).format("%Y-%m-%d-%H-%M-%S");
                write(&folder.join(format!("{name}-{hour:016X}")), lines.as_bytes());
            }
            if !events.is_empty() {
                let name = (time + TimeDelta::minutes(65)).format("%Y%m%dT%H%MZ");
                let name = format!("{ACCOUNT}_CloudTrail_us-east-1_{name}_{hour:016X}.json.gz");
                write(&folder.join(name), &gzip(json!({"Records": events}).to_string().as_bytes()));
            }
        }
    }

    fn coverage(&self, arguments: &[&str]) -> Run {
        let folder = support::quick_folder();
        self.write(folder.path());
        run(&[&["coverage", text(folder.path())], arguments].concat())
    }

    fn summary(&self) -> Value {
        let run = self.coverage(&["--format", "json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        serde_json::from_str(&run.stdout).expect("one JSON object")
    }
}

/// The place of the bucket, or of the account as a whole.
fn place<'a>(summary: &'a Value, bucket: Option<&str>) -> &'a Value {
    let places = summary["places"].as_array().expect("places");
    let found = places.iter().find(|place| place["bucket"].as_str() == bucket && place["account_id"] == ACCOUNT);
    found.unwrap_or_else(|| panic!("{bucket:?} in {summary:#}"))
}

/// These members of an object.
fn members(object: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| object[*name].clone()).collect()
}

const LOSS: [&str; 6] = [
    "events_compared",
    "events_without_line",
    "events_without_line_share",
    "lines_compared",
    "lines_without_event",
    "lines_without_event_share",
];

#[test]
fn of_whole_logs_nothing_is_missing_and_lines_get_the_account_of_cloudtrail() {
    let summary = Logs { asks_kms: true, kms_call: Some("Decrypt"), ..Logs::default() }.summary();
    assert_eq!(summary["places"].as_array().map(Vec::len), Some(2), "{summary:#}");
    assert_eq!(summary["gaps"], json!([]));
    let of_bucket = place(&summary, Some(BUCKET));
    let states = ["access_log_state", "data_events_state", "kms_state", "access_lines", "data_events", "days"];
    assert_eq!(members(of_bucket, &states), json!(["on", "on", null, 1920, 1920, 10]));
    // The last request of the last hour is later than all of the other log, or as late.
    assert_eq!(members(of_bucket, &LOSS), json!([1920, 0, 0.0, 1920, 0, 0.0]));
    let delays = ["access_log_delay_max_s", "access_log_delay_median_s", "cloudtrail_delay_max_s"];
    let [longest, median, of_trail] = delays.map(|name| of_bucket[name].as_u64().expect("a delay"));
    assert_eq!((longest, of_trail), (7200, 3900));
    // Requests are 0 to 49 minutes after the hour: the fourth of eight takes 92 minutes, told up to a sixteenth too long.
    assert!((5520..=5865).contains(&median), "{median}");
    let whole = place(&summary, None);
    let counts = ["access_lines", "data_events", "management_events", "kms_events", "kms_state"];
    assert_eq!(members(whole, &counts), json!([1920, 1920, 3840, 1920, "on"]));
    assert_eq!((&whole["not_evaluated"], &summary["not_evaluated"]), (&json!([]), &json!([])));
}

#[test]
fn a_tenth_of_the_access_lines_is_missed() {
    let summary = Logs { has_line: |hour, number| (hour * 8 + number) % 10 != 5, ..Logs::default() }.summary();
    let of_bucket = place(&summary, Some(BUCKET));
    assert_eq!(members(of_bucket, &LOSS), json!([1920, 192, 0.1, 1728, 0, 0.0]));
    assert_eq!(of_bucket["compared_one_in"], 1);
    assert_eq!(summary["gaps"], json!([]));
    let summary = Logs { has_event: |hour, number| (hour * 8 + number) % 4 != 1, ..Logs::default() }.summary();
    assert_eq!(members(place(&summary, Some(BUCKET)), &LOSS), json!([1440, 0, 0.0, 1920, 480, 0.25]));
}

const GAP: [&str; 7] = ["log", "from", "hours", "rows", "expected_rows", "other_log_rows", "confidence"];

#[test]
fn hours_without_lines_are_a_gap_that_the_other_log_proves() {
    let logs = Logs { has_line: |hour, _| !(82..86).contains(&hour), ..Logs::default() };
    let summary = logs.summary();
    let gaps = summary["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(members(&gaps[0], &GAP), json!(["access_lines", "2026-03-05T10:00:00Z", 4, 0, 32, 32, "proven"]));
    // Hours that only one log covers are no loss.
    assert_eq!(members(place(&summary, Some(BUCKET)), &LOSS[..2]), json!([1888, 0]));
    let days = logs.coverage(&[]).json_lines();
    let day = days.iter().find(|day| day["bucket"] == BUCKET && day["day"] == "2026-03-05").expect("the day");
    assert_eq!(
        members(day, &["access_lines", "access_line_gap_hours", "data_event_gap_hours"]),
        json!([160, 4, 0])
    );
}

#[test]
fn a_day_without_any_log_of_the_bucket_may_have_been_quiet() {
    let has = |hour: i64, _: i64| !(72..96).contains(&hour);
    let logs = Logs { has_line: has, has_event: has, ..Logs::default() };
    let summary = logs.summary();
    let found: Vec<Value> =
        summary["gaps"].as_array().expect("gaps").iter().map(|gap| members(gap, &GAP)).collect();
    assert_eq!(
        found,
        [
            json!(["access_lines", "2026-03-05T00:00:00Z", 24, 0, 192, 0, "low"]),
            json!(["data_events", "2026-03-05T00:00:00Z", 24, 0, 192, 0, "low"]),
        ]
    );
    let days = logs.coverage(&[]).json_lines();
    let day =
        days.iter().find(|day| day["bucket"] == BUCKET && day["day"] == "2026-03-05").expect("the day is told");
    assert_eq!(members(day, &["access_lines", "access_line_gap_hours", "data_events"]), json!([0, 24, 0]));
}

#[test]
fn a_log_that_ends_early_and_one_alone_are_told() {
    let alone = Logs { has_event: |_, _| false, has_management: false, ..Logs::default() };
    let ends = Logs { has_line: |hour, _| hour < 200, ..Logs::default() };
    let gap = &ends.summary()["gaps"][0];
    assert_eq!(members(gap, &["from", "hours", "confidence"]), json!(["2026-03-10T08:00:00Z", 39, "proven"]));
    // Hours that the log need not have come of yet.
    let lags = Logs { has_line: |hour, _| hour < 235, ..Logs::default() };
    let gap = &lags.summary()["gaps"][0];
    assert_eq!(members(gap, &GAP), json!(["access_lines", "2026-03-11T19:00:00Z", 4, 0, 32, 32, "low"]));
    let run = alone.coverage(&["--format", "json"]);
    let summary: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let places = summary["places"].as_array().expect("places");
    // The path tells no account; the region is that of the endpoint.
    assert_eq!(members(&places[0], &["account_id", "region", "bucket"]), json!([null, "us-east-1", null]));
    assert_eq!(members(&places[1], &["bucket", "data_events_state"]), json!([BUCKET, "unknown"]));
    assert!(summary["not_evaluated"].as_array().is_some_and(|list| !list.is_empty()));
}

#[test]
fn data_events_that_are_off_are_told_apart_from_none_needed() {
    let summary = Logs { has_event: |_, _| false, ..Logs::default() }.summary();
    // Without data events nothing ties the bucket to the account.
    let places = summary["places"].as_array().expect("places");
    let of_bucket = places.iter().find(|place| place["bucket"] == BUCKET).expect("the bucket");
    assert_eq!(members(of_bucket, &["data_events_state", "access_log_state"]), json!(["off", "on"]));
    let summary = Logs { has_event: |_, _| false, has_line: |_, _| false, ..Logs::default() }.summary();
    assert_eq!(place(&summary, None)["data_events_state"], "none_seen");
    let summary = Logs { has_event: |hour, _| hour < 120, ..Logs::default() }.summary();
    assert_eq!(place(&summary, Some(BUCKET))["data_events_state"], "on");
    let gap = &summary["gaps"][0];
    assert_eq!(
        members(gap, &["log", "from", "confidence"]),
        json!(["data_events", "2026-03-07T00:00:00Z", "proven"])
    );
    let summary = Logs { has_line: |_, _| false, ..Logs::default() }.summary();
    assert_eq!(place(&summary, Some(BUCKET))["access_log_state"], "off");
}

#[test]
fn kms_events_that_a_trail_leaves_out_are_told() {
    for (asks_kms, kms_call, expected) in [
        (true, None, "excluded"),
        (false, None, "none_seen"),
        (true, Some("Decrypt"), "on"),
        (false, Some("Decrypt"), "on"),
        (true, Some("DisableKey"), "writes_only"),
        (false, Some("DisableKey"), "on"),
    ] {
        let logs = Logs { asks_kms, kms_call, ..Logs::default() };
        let summary = logs.summary();
        assert_eq!(place(&summary, None)["kms_state"], expected);
        let days = logs.coverage(&[]).json_lines();
        let of_account = days.iter().filter(|day| day["bucket"].is_null());
        assert!(of_account.clone().count() == 10 && of_account.clone().all(|day| day["kms_state"] == expected));
    }
}

#[test]
fn every_record_is_counted_once_and_neither_files_nor_threads_show() {
    let folder = support::quick_folder();
    let logs = Logs {
        has_line: |hour, number| hour % 7 != number,
        asks_kms: true,
        kms_call: Some("Decrypt"),
        ..Logs::default()
    };
    logs.write(&folder.path().join("plain"));
    Logs { is_turned: true, ..logs }.write(&folder.path().join("turned"));
    for format in ["jsonl", "json", "csv", "table", "md"] {
        let outputs: Vec<String> = [("plain", "1"), ("turned", "1"), ("plain", "4"), ("turned", "7")]
            .iter()
            .map(|(name, threads)| {
                let path = folder.path().join(name);
                run(&["coverage", text(&path), "--format", format, "--threads", threads]).stdout
            })
            .collect();
        assert!(!outputs[0].is_empty() && outputs.iter().all(|output| *output == outputs[0]), "{format}");
    }
    let run = run(&["coverage", text(&folder.path().join("plain"))]);
    let kinds = [
        "access_lines",
        "data_events",
        "management_events",
        "other_data_events",
        "network_activity_events",
        "insight_events",
        "other_events",
    ];
    let rows = run.json_lines();
    let of_accounts = rows.iter().filter(|row| row["bucket"].is_null());
    let sum: u64 = of_accounts.flat_map(|row| kinds.map(|kind| row[kind].as_u64().expect("a count"))).sum();
    assert_eq!(sum, run.count("records"));
}

#[test]
fn repeats_and_rejects_are_counted_where_they_belong() {
    let folder = support::quick_folder();
    Logs::default().write(folder.path());
    let path = folder.path().join("part-0005");
    let files: Vec<_> =
        std::fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    for file in &files {
        let copy = folder.path().join("copies").join(file.file_name().expect("a name"));
        write(&copy, &std::fs::read(file).expect("a file"));
    }
    let prefix = folder.path().join(format!("p/{ACCOUNT}/us-east-1/{BUCKET}/2026/03/04"));
    write(
        &prefix.join("2026-03-04-11-12-13-0123456789ABCDEF"),
        (line(BUCKET, start() + TimeDelta::days(2), "0123456789ABCDEF") + "no access line\n").as_bytes(),
    );
    let run = run(&["coverage", text(folder.path()), "--max-rejects", "1"]);
    let rows = run.json_lines();
    let of = |bucket: Option<&str>, day: &str| {
        let is_it =
            |row: &&Value| row["bucket"].as_str() == bucket && row["day"] == day && row["account_id"] == ACCOUNT;
        rows.iter().find(is_it).unwrap_or_else(|| panic!("{bucket:?} {day}"))
    };
    assert_eq!(of(Some(BUCKET), "2026-03-02")["duplicates"], 8);
    assert_eq!(of(None, "2026-03-02")["duplicates"], 16);
    assert_eq!(of(Some(BUCKET), "2026-03-02")["repeated_lines_share"], 0.04);
    assert_eq!((run.count("rejects"), run.count("duplicates")), (1, 16));
    assert_eq!(of(Some(BUCKET), "2026-03-04")["rejects"], 1);
}

#[test]
fn one_bucket_and_a_time_can_be_asked_for() {
    let folder = support::quick_folder();
    Logs::default().write(&folder.path().join("one"));
    Logs { bucket: "amzn-s3-demo-other", ..Logs::default() }.write(&folder.path().join("two"));
    let arguments =
        ["coverage", text(folder.path()), "--bucket", BUCKET, "--since", "2026-03-04", "--until", "2026-03-06"];
    let rows = run(&arguments).json_lines();
    let told: Vec<Value> = rows.iter().map(|row| members(row, &["bucket", "day"])).collect();
    let expected = [
        (Value::Null, "2026-03-04"),
        (Value::Null, "2026-03-05"),
        (BUCKET.into(), "2026-03-04"),
        (BUCKET.into(), "2026-03-05"),
    ];
    assert_eq!(told, expected.map(|(bucket, day)| json!([bucket, day])));
    let summary: Value =
        serde_json::from_str(&run(&[&arguments[..], &["--format", "json"]].concat()).stdout).expect("JSON");
    let told = ["first_event", "last_event", "records"];
    // The lines of both buckets; the events have the same ids for both.
    let records = 4 * 48 * REQUESTS_AN_HOUR;
    assert_eq!(members(&summary, &told), json!(["2026-03-04T00:00:00Z", "2026-03-05T23:49:00Z", records]));
    let unseen = run(&["coverage", text(folder.path()), "--bucket", "nowhere", "--format", "json"]);
    assert!(
        unseen.code == 0 && unseen.stderr.contains("nowhere: no record names this bucket"),
        "{}",
        unseen.stderr
    );
}

#[test]
fn a_long_table_says_what_it_does_not_show_and_names_cannot_drive_anything() {
    let folder = support::quick_folder();
    let mut lines = String::new();
    for number in 0..60 {
        lines += &line(&format!("bucket-{number}"), start(), "0123456789ABCDEF");
    }
    for name in ["=cmd()", "a\u{1b}[2J", "x|<b>y"] {
        lines += &line(name, start(), "0123456789ABCDEF");
        lines += &line(name, start(), "0123456789ABCDEE");
    }
    write(&folder.path().join("logs.txt"), lines.as_bytes());
    let output = |format: &str| run(&["coverage", text(folder.path()), "--format", format]).stdout;
    for format in ["table", "md"] {
        let told = output(format);
        assert!(!told.contains('\u{1b}') && told.contains("… and 24 more places"), "{told}");
    }
    assert!(output("md").contains("x\\|&lt;b&gt;y"));
    let csv = output("csv");
    assert!(csv.contains("\"'=cmd()\"") && !csv.contains('\u{1b}'));
    let columns = csv.lines().next().expect("a header").split(',').count();
    assert_eq!(
        columns,
        serde_json::from_str::<Value>(output("jsonl").lines().next().expect("a line"))
            .expect("JSON")
            .as_object()
            .expect("an object")
            .len()
    );
    assert_eq!(csv.lines().count(), 64 + 1);
}

#[test]
fn misuse_and_empty_input_are_told() {
    assert_eq!(run(&["coverage"]).code, 2);
    let folder = support::quick_folder();
    let empty = run(&["coverage", text(folder.path()), "--format", "table"]);
    assert!(empty.code == 0 && empty.stdout.contains("no access-log lines"), "{} {}", empty.code, empty.stdout);
    assert_eq!(run(&["coverage", text(folder.path())]).stdout, "");
}
