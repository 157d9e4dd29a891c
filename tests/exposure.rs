//! `exposure` against the truth: requests for known objects in both logs, in one, and in the other.

mod support;

use s3sleuth::investigate::exposure_columns::columns;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use support::objects::{Logs, Request, SIZE, folder};
use support::{Run, run, text};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Story {
    Full,
    FullTwice,
    RangesShown,
    Cut,
    RangesHidden,
    RangesThatMayBeAll,
    Parts,
    Version,
    Denied,
    Missing,
    Head,
    CopiedOut,
    CopiedOutDenied,
    Presigned,
    DeniedThenRead,
    ReadBySomebodyElse,
}

use Story::*;

const STORIES: [Story; 16] = [
    Full,
    FullTwice,
    RangesShown,
    Cut,
    RangesHidden,
    RangesThatMayBeAll,
    Parts,
    Version,
    Denied,
    Missing,
    Head,
    CopiedOut,
    CopiedOutDenied,
    Presigned,
    DeniedThenRead,
    ReadBySomebodyElse,
];

/// What is known of an object: extent, different bytes at least and at most, bytes sent, requests.
type Truth = (&'static str, u64, Option<u64>, u64, u64);

/// What can be known of a story from these logs.
fn truth(story: Story, logs: Logs) -> Option<Truth> {
    // CloudTrail says no sizes, so that nothing it shows is certain to be all.
    let full = |sent, requests| match logs {
        Logs::Events => ("part_or_full", SIZE, Some(SIZE), sent, requests),
        _ => ("full", SIZE, Some(SIZE), sent, requests),
    };
    let part = |least, most, sent, requests| match logs {
        Logs::Events => ("part_or_full", least, Some(most), sent, requests),
        _ => ("part", least, Some(most), sent, requests),
    };
    Some(match (story, logs) {
        (Full | Version | Presigned, _) => full(SIZE, 1),
        (FullTwice, Logs::Events) => ("part_or_full", SIZE, Some(2 * SIZE), 2 * SIZE, 2),
        (FullTwice, _) => full(2 * SIZE, 2),
        (RangesShown, Logs::Lines) => ("part_or_full", 600, Some(SIZE), 1200, 2),
        (RangesShown, _) => full(1200, 2),
        (Cut, _) => part(400, 400, 400, 1),
        (RangesHidden, _) => part(200, 300, 300, 2),
        (RangesThatMayBeAll, Logs::Events) => ("part_or_full", 600, Some(1200), 1200, 2),
        (RangesThatMayBeAll, _) => ("part_or_full", 600, Some(SIZE), 1200, 2),
        (Parts, _) => full(SIZE, 2),
        (Denied | Missing | CopiedOutDenied, _) => ("attempted", 0, Some(0), 0, 1),
        (Head, _) => ("metadata", 0, Some(0), 0, 1),
        (CopiedOut, Logs::Events) => ("full", 0, None, 0, 1),
        (CopiedOut, _) => ("full", SIZE, Some(SIZE), 0, 1),
        (DeniedThenRead, _) => full(SIZE, 2),
        (ReadBySomebodyElse, _) => return None,
    })
}

/// Lines, events, and which places belong to which key.
#[derive(Default)]
struct World {
    lines: Vec<String>,
    events: Vec<String>,
    stories: BTreeMap<String, Story>,
    /// Numbers of lines and events by key, from the end.
    places: BTreeMap<String, (Vec<usize>, Vec<usize>)>,
    next: usize,
}

impl World {
    fn send(&mut self, key: &str, request: &Request, is_line: bool, is_event: bool) {
        let places = self.places.entry(key.to_owned()).or_default();
        if is_line {
            self.lines.push(request.line());
            places.0.push(self.lines.len());
        }
        if is_event {
            self.events.push(request.event());
            places.1.push(self.events.len());
        }
    }

    fn request(&mut self, key: &str) -> Request {
        self.next += 1;
        Request { sent: SIZE, ..Request::new(self.next, "amzn-s3-demo-data", key, "REST.GET.OBJECT", "GetObject") }
    }

    fn tell(&mut self, key: &str, story: Story) {
        self.stories.insert(key.to_owned(), story);
        let one = self.request(key);
        let part = |sent: u64, range: &str| Request {
            status: 206,
            sent,
            parameters: if range.is_empty() { String::new() } else { format!(",\"Range\":\"bytes={range}\"") },
            ..one.clone()
        };
        let next = |world: &mut World, request: Request| {
            let Request { second, id, .. } = world.request(key);
            Request { second, id, ..request }
        };
        let denied = Request { status: 403, error: "AccessDenied", sent: 243, size: None, ..one.clone() };
        let requests = match story {
            Full => vec![one],
            FullTwice => vec![one.clone(), next(self, one)],
            RangesShown => vec![part(600, "0-599"), next(self, part(600, "400-"))],
            Cut => vec![Request { sent: 400, ..one }],
            RangesHidden => vec![part(100, ""), next(self, part(200, ""))],
            RangesThatMayBeAll => vec![part(600, ""), next(self, part(600, ""))],
            Parts => {
                let of = |number: u8| Request {
                    query: format!("?partNumber={number}"),
                    parameters: format!(",\"partNumber\":\"{number}\""),
                    ..part(SIZE / 2, "")
                };
                let (first, second) = (of(1), of(2));
                let first = Request { parameters: ",\"partNumber\":1".to_owned(), ..first };
                vec![first, next(self, second)]
            }
            Version => vec![Request {
                query: "?versionId=v1".to_owned(),
                version: "v1".to_owned(),
                parameters: ",\"versionId\":\"v1\"".to_owned(),
                ..one
            }],
            Denied => vec![denied],
            Missing => vec![Request { status: 404, error: "NoSuchKey", sent: 300, size: None, ..one }],
            Head => vec![Request { operation: "REST.HEAD.OBJECT", event: "HeadObject", sent: 0, ..one }],
            CopiedOut | CopiedOutDenied => return self.copy(key, one, story == CopiedOutDenied),
            Presigned => vec![Request { auth: "QueryString", ..one }],
            DeniedThenRead => vec![denied, next(self, one)],
            ReadBySomebodyElse => {
                vec![Request { who: "arn:aws:iam::111122223333:user/ann", ip: "192.0.2.3", ..one }]
            }
        };
        requests.iter().for_each(|request| self.send(key, request, true, true));
    }

    /// A copy has a line for the source and one for the destination, and an event for the latter.
    fn copy(&mut self, key: &str, one: Request, is_denied: bool) {
        let source = Request { operation: "REST.COPY.OBJECT_GET", sent: 0, ..one.clone() };
        let copy = Request {
            bucket: "mallory-bucket".to_owned(),
            key: format!("stolen/{key}"),
            operation: "REST.COPY.OBJECT",
            event: "CopyObject",
            sent: 0,
            status: if is_denied { 403 } else { 200 },
            error: if is_denied { "AccessDenied" } else { "-" },
            parameters: format!(",\"x-amz-copy-source\":\"amzn-s3-demo-data/{key}\""),
            ..one
        };
        self.send(key, &source, true, false);
        // The two lines can name different hosts.
        if let Some(line) = self.lines.last_mut() {
            *line = line.replace("HOST", "PEER");
        }
        self.send(key, &copy, true, true);
    }
}

/// Each story several times, in folders.
fn world() -> World {
    let mut world = World::default();
    for round in 0..3 {
        for (number, story) in STORIES.into_iter().enumerate() {
            let key = format!("{}/{number:02}-{round}", if number % 2 == 0 { "even" } else { "odd" });
            world.tell(&key, story);
        }
    }
    world
}

fn exposure(arguments: &[&str]) -> Run {
    let told = run(&[&["exposure"], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    told
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} in {row}"))
}

fn of_level<'a>(rows: &'a [Value], level: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["level"] == level).collect()
}

#[test]
fn every_object_is_told_as_far_as_the_logs_show_it_and_no_other() {
    let world = world();
    for logs in [Logs::Both, Logs::Lines, Logs::Events] {
        let folder = folder(&world.lines, &world.events, logs);
        let told = exposure(&[text(folder.path()), "--principal", "mallory"]);
        let rows = told.json_lines();
        let found: BTreeMap<&str, (&str, u64, Option<u64>, u64, u64)> = of_level(&rows, "object")
            .iter()
            .map(|row| {
                let key = row["object_key"].as_str().expect("a key");
                let extent = row["extent"].as_str().expect("an extent");
                let (least, most) = (number(row, "unique_bytes_min"), row["unique_bytes_max"].as_u64());
                (key, (extent, least, most, number(row, "bytes_sent"), number(row, "requests")))
            })
            .collect();
        let truth: BTreeMap<&str, Truth> =
            world.stories.iter().filter_map(|(key, story)| Some((key.as_str(), truth(*story, logs)?))).collect();
        for (key, truth) in &truth {
            assert_eq!(found.get(key), Some(truth), "{key}: {:?} of {logs:?}", world.stories[*key]);
        }
        assert_eq!(found.len(), truth.len(), "{logs:?}");
        assert_eq!(of_level(&rows, "object").len(), truth.len(), "one row an object");
        totals(&rows, &truth);
        places(&world, &rows, logs);
        let lacks = |what: &str| told.stderr.contains(what);
        assert_eq!(lacks("no CloudTrail S3 data events"), logs == Logs::Lines, "{}", told.stderr);
        assert_eq!(lacks("no access-log lines"), logs == Logs::Events, "{}", told.stderr);
        assert!(lacks("were read in full: access lines show no ranges"), "{}", told.stderr);
    }
}

/// The total and the sums of the folders are those of the objects.
fn totals(rows: &[Value], truth: &BTreeMap<&str, Truth>) {
    let total = &rows[0];
    assert_eq!(total["level"], "total");
    for (extent, column) in [
        ("full", "objects_full"),
        ("part", "objects_part"),
        ("part_or_full", "objects_part_or_full"),
        ("metadata", "objects_metadata"),
        ("attempted", "objects_attempted"),
    ] {
        let expected = truth.values().filter(|truth| truth.0 == extent).count() as u64;
        assert_eq!(number(total, column), expected, "{column}");
        let prefixes = of_level(rows, "prefix");
        assert_eq!(prefixes.iter().map(|row| number(row, column)).sum::<u64>(), expected, "{column}");
    }
    assert_eq!(number(total, "bytes_sent"), truth.values().map(|truth| truth.3).sum::<u64>());
    assert_eq!(number(total, "unique_bytes_min"), truth.values().map(|truth| truth.1).sum::<u64>());
    assert_eq!(number(total, "requests"), truth.values().map(|truth| truth.4).sum::<u64>());
    assert_eq!(number(total, "presigned"), 3);
    assert_eq!((number(total, "principals_count"), number(total, "remote_ips_count")), (1, 1));
    let names: Vec<&str> =
        of_level(rows, "prefix").iter().map(|row| row["object_key"].as_str().expect("a prefix")).collect();
    assert_eq!(names, ["even/", "odd/"]);
}

/// Every record of an object's requests stands at its row.
fn places(world: &World, rows: &[Value], logs: Logs) {
    for row in of_level(rows, "object") {
        let (lines, events) = &world.places[row["object_key"].as_str().expect("a key")];
        let mut expected = BTreeSet::new();
        if logs != Logs::Events {
            expected.extend(lines.iter().map(|line| ("s3_access", (world.lines.len() + 1 - line) as u64)));
        }
        if logs != Logs::Lines {
            expected.extend(events.iter().map(|event| ("cloudtrail", (world.events.len() + 1 - event) as u64)));
        }
        let sources = row["sources"].as_array().expect("places");
        let place =
            |source: &Value| (source["log"].as_str().expect("a log").to_owned(), number(source, "source_line"));
        let found: BTreeSet<(String, u64)> = sources.iter().map(place).collect();
        let expected: BTreeSet<(String, u64)> =
            expected.into_iter().map(|(log, line)| (log.to_owned(), line)).collect();
        assert_eq!(found, expected, "{}", row["object_key"]);
    }
}

#[test]
fn copies_are_told_with_their_destination_whichever_side_is_asked_for() {
    let world = world();
    for logs in [Logs::Both, Logs::Lines, Logs::Events] {
        let folder = folder(&world.lines, &world.events, logs);
        for selection in [["--principal", "mallory"], ["--bucket", "amzn-s3-demo-data"], ["--key", "odd/11-0"]] {
            let rows = exposure(&[&[text(folder.path())], &selection[..]].concat()).json_lines();
            let copied: Vec<&Value> = of_level(&rows, "object")
                .into_iter()
                .filter(|row| row["object_key"] == "odd/11-0" && row["bucket_name"] == "amzn-s3-demo-data")
                .collect();
            assert_eq!(copied.len(), 1, "{logs:?} {selection:?}");
            let destination = copied[0]["copied_to"][0].as_str().unwrap_or_else(|| panic!("{}", copied[0]));
            assert!(
                destination.starts_with("s3://mallory-bucket/stolen/odd/11-0 (another bucket"),
                "{destination}"
            );
            assert_eq!(destination.contains("of account 111122223333"), logs != Logs::Lines, "{destination}");
        }
        let rows = exposure(&[text(folder.path()), "--bucket", "mallory-bucket"]).json_lines();
        assert_eq!(rows.len(), 1, "nothing was read there: {rows:?}");
    }
}

#[test]
fn each_request_can_be_listed_and_levels_can_be_left_out() {
    let world = world();
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let path = text(folder.path());
    let rows = exposure(&[path, "--principal", "mallory", "--level", "request"]).json_lines();
    let total = number(&rows[0], "requests");
    assert_eq!(of_level(&rows, "request").len() as u64, total);
    for (arguments, levels) in [
        (["--level", "total"], vec!["total"]),
        (["--level", "prefix"], vec!["total", "prefix"]),
        (["--depth", "0"], vec!["total", "prefix", "object"]),
    ] {
        let rows = exposure(&[&[path, "--principal", "mallory"], &arguments[..]].concat()).json_lines();
        let mut found: Vec<&str> = rows.iter().map(|row| row["level"].as_str().expect("a level")).collect();
        found.dedup();
        assert_eq!(found, levels);
        if arguments[0] == "--depth" {
            assert_eq!(of_level(&rows, "prefix").len(), 1, "the bucket");
        }
    }
}

#[test]
fn the_ways_in_are_counted_and_names_that_were_listed() {
    let list = Request {
        operation: "REST.GET.BUCKET",
        sent: 4000,
        size: None,
        ..Request::new(1, "b", "", "REST.GET.BUCKET", "ListObjects")
    };
    let anonymous =
        Request { who: "-", auth: "-", sent: SIZE, ..Request::new(2, "b", "k", "REST.GET.OBJECT", "GetObject") };
    let refused = Request { status: 403, who: "-", auth: "-", sent: 243, id: "3".to_owned(), ..list.clone() };
    let folder = folder(&[list.line(), anonymous.line(), refused.line()], &[], Logs::Both);
    let rows = exposure(&[text(folder.path()), "--ip", "203.0.113.66", "--level", "request"]).json_lines();
    let counted = ["requests", "listings", "anonymous", "denied"].map(|name| number(&rows[0], name));
    assert_eq!(counted, [3, 1, 2, 1]);
    let lists: Vec<(&str, &str)> = of_level(&rows, "request")
        .iter()
        .filter(|row| row["action"] == "REST.GET.BUCKET")
        .map(|row| (row["outcome"].as_str().expect("an outcome"), row["extent"].as_str().expect("an extent")))
        .collect();
    assert_eq!(lists, [("success", "names"), ("denied", "attempted")]);
    assert_eq!((number(&rows[0], "objects_full"), number(&rows[0], "bytes_sent")), (1, SIZE));
}

#[test]
fn threads_and_order_do_not_show_and_forms_are_safe() {
    let mut world = world();
    let hostile = "=cmd|'/x'!A1\n<script>\u{1b}]0;t\u{7}|`x`";
    world.tell(hostile, Full);
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let path = text(folder.path());
    let told = |threads| exposure(&[path, "--threads", threads]).stdout;
    assert!(told("1") == told("4"));
    for format in ["table", "json", "jsonl", "csv", "md"] {
        let told = exposure(&[path, "--format", format, "--limit", "0"]);
        assert!(!told.stdout.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r')), "{format}");
        assert!(format != "md" || !told.stdout.contains('<'), "{}", told.stdout);
    }
    let told = exposure(&[path, "--limit", "2"]);
    assert!(told.stderr.contains("2 of "), "{}", told.stderr);
    assert_eq!(run(&["exposure", path, "--depth", "17"]).code, 2);
}

#[test]
fn the_sample_incident_is_counted() {
    let rows =
        exposure(&["samples/", "--principal", "backup-admin", "--since", "2026-03-04T09:12:00Z"]).json_lines();
    let objects: Vec<(&str, &str)> = of_level(&rows, "object")
        .iter()
        .filter(|row| row["extent"] == "full")
        .map(|row| (row["bucket_name"].as_str().expect("a bucket"), row["object_key"].as_str().expect("a key")))
        .collect();
    assert_eq!(objects.len(), 4, "the backups of docs/samples.md: {objects:?}");
    assert!(objects.iter().all(|(bucket, key)| *bucket == "amzn-s3-demo-data" && key.starts_with("backup/")));
    let told = exposure(&["samples/", "--access-key", "AKIAEXAMPLELEAKED001"]);
    assert!(told.stderr.contains("access-log lines that may belong here"), "{}", told.stderr);
}

#[test]
fn the_manual_names_every_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/investigate.md");
    let page = std::fs::read_to_string(path).expect("there is a page");
    for column in columns() {
        assert!(page.contains(&format!("`{}`", column.name)), "{}", column.name);
        assert!(column.about.ends_with('.'), "{}", column.name);
    }
}

#[test]
fn different_bytes_are_those_of_objects_and_not_of_requests() {
    let mut world = world();
    world.tell("one", Full);
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let of_requests = [text(folder.path()), "--level", "request"];
    let rows = exposure(&of_requests).json_lines();
    for name in ["unique_bytes_min", "unique_bytes_max"] {
        assert!(of_level(&rows, "request").iter().all(|row| row.get(name).is_some_and(Value::is_null)), "{name}");
        assert!(rows[0][name].is_number(), "{name}");
    }
    let table = exposure(&[&of_requests[..], &["--format", "csv"]].concat()).stdout;
    let names: Vec<&str> = table.lines().next().expect("a header").split(',').collect();
    let at = names.iter().position(|name| *name == "unique_bytes_min").expect("a column");
    let line = table.lines().find(|line| line.starts_with("request,")).expect("a request");
    assert_eq!(line.split(',').nth(at), Some(""), "{line}");
}
