//! `recover` against the truth: deletions and overwrites of known objects in both logs, in one, and in the other.

mod support;

use s3sleuth::investigate::recover_columns::columns;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use support::objects::{Logs, Request, folder};
use support::{Run, run, text};

/// A bucket that keeps versions, and one that never did.
const KEPT: &str = "amzn-s3-demo-kept";
const PLAIN: &str = "amzn-s3-demo-plain";

const MALLORY: &str = "arn:aws:iam::111122223333:user/mallory";
const APP: &str = "arn:aws:iam::111122223333:user/app";

#[derive(Default)]
struct World {
    lines: Vec<String>,
    events: Vec<String>,
    next: usize,
}

impl World {
    fn request(&mut self, bucket: &str, key: &str, operation: &'static str, event: &'static str) -> Request {
        self.next += 1;
        // Nothing happens in the same second.
        Request { who: APP, ..Request::new(self.next, bucket, key, operation, event) }
    }

    fn send(&mut self, request: &Request) {
        self.lines.push(request.line());
        self.events.push(request.event());
    }

    fn put(&mut self, bucket: &str, key: &str, who: &'static str, version: Option<&str>) {
        let request = self.request(bucket, key, "REST.PUT.OBJECT", "PutObject");
        let id = version.map(|version| format!(",\"x-amz-version-id\":\"{version}\"")).unwrap_or_default();
        let answer = format!("{{\"x-amz-server-side-encryption\":\"AES256\"{id}}}");
        self.send(&Request { who, answer, ..request });
    }

    fn get(&mut self, bucket: &str, key: &str) {
        let request = self.request(bucket, key, "REST.GET.OBJECT", "GetObject");
        self.send(&request);
    }

    fn delete(&mut self, bucket: &str, key: &str, who: &'static str, marker: Option<&str>) {
        let request = self.request(bucket, key, "REST.DELETE.OBJECT", "DeleteObject");
        let answer = marker.map_or("null".to_owned(), |marker| {
            format!("{{\"x-amz-delete-marker\":\"true\",\"x-amz-version-id\":\"{marker}\"}}")
        });
        self.send(&Request { who, status: 204, answer, size: None, ..request });
    }

    fn delete_version(&mut self, key: &str, version: &str, is_marker: bool) {
        let request = self.request(KEPT, key, "REST.DELETE.OBJECT", "DeleteObject");
        let marker = if is_marker { "\"x-amz-delete-marker\":\"true\"," } else { "" };
        self.send(&Request {
            status: 204,
            query: format!("?versionId={version}"),
            version: version.to_owned(),
            parameters: format!(",\"versionId\":\"{version}\""),
            answer: format!("{{{marker}\"x-amz-version-id\":\"{version}\"}}"),
            size: request.size.filter(|_| !is_marker),
            ..request
        });
    }

    /// A request for many keys: one event, a line for itself and one a key.
    fn delete_many(&mut self, keys: &[&str]) {
        let request = self.request(KEPT, "", "REST.POST.MULTI_OBJECT_DELETE", "DeleteObjects");
        self.send(&request);
        for key in keys {
            let line = Request { key: (*key).to_owned(), operation: "BATCH.DELETE.OBJECT", ..request.clone() };
            // Each line can name a host of its own.
            self.lines.push(Request { status: 204, ..line }.line().replace("HOST", &format!("{}x", key.len())));
        }
    }

    /// CloudTrail does not show what lifecycle rules do.
    fn lifecycle(&mut self, bucket: &str, key: &str, operation: &'static str) {
        let request = self.request(bucket, key, operation, "-");
        self.lines.push(Request { who: "AmazonS3", ip: "-", ..request }.line());
    }
}

fn world() -> World {
    let mut world = World::default();
    world.put(KEPT, "deleted", APP, Some("v1"));
    world.delete(KEPT, "deleted", MALLORY, Some("m1"));
    world.put(KEPT, "overwritten", APP, Some("v2"));
    world.put(KEPT, "overwritten", MALLORY, Some("v3"));
    world.put(KEPT, "version-gone", APP, Some("v4"));
    world.delete_version("version-gone", "v4", false);
    world.put(KEPT, "undeleted", APP, Some("v5"));
    world.delete(KEPT, "undeleted", MALLORY, Some("m2"));
    world.delete_version("undeleted", "m2", true);
    world.put(PLAIN, "deleted", APP, None);
    world.delete(PLAIN, "deleted", MALLORY, None);
    world.put(PLAIN, "overwritten", APP, None);
    world.put(PLAIN, "overwritten", MALLORY, None);
    world.put(KEPT, "batch/one", APP, Some("v6"));
    world.put(KEPT, "batch/two", APP, Some("v7"));
    world.delete_many(&["batch/one", "batch/two"]);
    world.put(KEPT, "marked-by-rule", APP, Some("v8"));
    world.lifecycle(KEPT, "marked-by-rule", "S3.CREATE.DELETEMARKER");
    world.put(PLAIN, "expired", APP, None);
    world.lifecycle(PLAIN, "expired", "S3.EXPIRE.OBJECT");
    world.put(KEPT, "encrypted-then-deleted", APP, Some("v9"));
    world.put(KEPT, "encrypted-then-deleted", MALLORY, Some("v10"));
    world.delete(KEPT, "encrypted-then-deleted", MALLORY, Some("m3"));
    world.get(KEPT, "read-then-overwritten");
    world.put(KEPT, "read-then-overwritten", MALLORY, Some("v11"));
    world.put(KEPT, "new", MALLORY, Some("v12"));
    world.put(PLAIN, "back-again", APP, None);
    world.delete(PLAIN, "back-again", MALLORY, None);
    world.put(PLAIN, "back-again", APP, None);
    let denied = world.request(KEPT, "deleted", "REST.DELETE.OBJECT", "DeleteObject");
    world.send(&Request { status: 403, error: "AccessDenied", ..denied });
    world
}

/// Change, fate, restore, and the versions to restore.
type Truth = (&'static str, &'static str, &'static str, &'static [&'static str]);

/// What each object's changes are, as far as these logs show it, in order of time.
fn truth(logs: Logs) -> BTreeMap<(&'static str, &'static str), Vec<Truth>> {
    let is_shown = logs != Logs::Lines;
    // Lines say nothing of versioning, but that a rule left a marker in the bucket later on.
    let kept = |fate| if is_shown { fate } else { "unknown" };
    let gone = if is_shown { "permanent" } else { "unknown" };
    let named =
        |restore, ids: &'static [&'static str]| if is_shown { (restore, ids) } else { ("look_up", &[][..]) };
    let nothing = if is_shown { "nothing" } else { "look_up" };
    let row = |change, fate, (restore, ids)| (change, fate, restore, ids);
    let mut truth = BTreeMap::from([
        ((KEPT, "deleted"), vec![row("deleted", kept("delete_marker"), named("remove_delete_marker", &["m1"]))]),
        ((KEPT, "overwritten"), vec![row("overwritten", kept("version_kept"), named("copy_version", &["v2"]))]),
        ((KEPT, "version-gone"), vec![("version_deleted", "permanent", "nothing", &[][..])]),
        (
            (KEPT, "undeleted"),
            vec![
                ("deleted", kept("delete_marker"), "superseded", &[][..]),
                row("version_deleted", kept("undeleted"), (nothing, &[][..])),
            ],
        ),
        ((PLAIN, "deleted"), vec![("deleted", gone, nothing, &[][..])]),
        ((PLAIN, "overwritten"), vec![("overwritten", gone, nothing, &[][..])]),
        (
            (KEPT, "encrypted-then-deleted"),
            vec![
                ("overwritten", kept("version_kept"), "superseded", &[][..]),
                row("deleted", kept("delete_marker"), named("remove_delete_marker", &["m3"])),
            ],
        ),
        ((KEPT, "read-then-overwritten"), vec![("overwritten", kept("version_kept"), "look_up", &[][..])]),
        ((PLAIN, "back-again"), vec![("deleted", gone, "superseded", &[][..])]),
    ]);
    if logs == Logs::Events {
        // CloudTrail names no keys of a deletion of many, and no lifecycle actions.
        truth.insert((KEPT, "-"), vec![("deleted", "unknown", "look_up", &[][..])]);
        return truth;
    }
    for key in ["batch/one", "batch/two"] {
        truth.insert((KEPT, key), vec![("deleted", kept("delete_marker"), "look_up", &[][..])]);
    }
    truth.insert((KEPT, "marked-by-rule"), vec![("expired", "delete_marker", "look_up", &[][..])]);
    truth.insert((PLAIN, "expired"), vec![("expired", "permanent", "nothing", &[][..])]);
    truth
}

fn recover(arguments: &[&str]) -> Run {
    let told = run(&[&["recover"], arguments].concat());
    assert_eq!(told.code, 0, "{}", told.stderr);
    told
}

fn column<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("-")
}

type Found = BTreeMap<(String, String), Vec<(String, String, String, Vec<String>)>>;

fn by_object(rows: &[Value]) -> Found {
    let mut found = Found::new();
    for row in rows {
        let ids = row["restore_version_ids"].as_array().expect("texts");
        let ids = ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
        let [bucket, key, change, fate, restore] =
            ["bucket_name", "object_key", "change", "fate", "restore"].map(|name| column(row, name).to_owned());
        found.entry((bucket, key)).or_default().push((change, fate, restore, ids));
    }
    found
}

#[test]
fn every_change_is_told_as_far_as_the_logs_show_it_and_no_other() {
    let world = world();
    for logs in [Logs::Both, Logs::Lines, Logs::Events] {
        let folder = folder(&world.lines, &world.events, logs);
        let told = recover(&[text(folder.path())]);
        let rows = told.json_lines();
        let found = by_object(&rows);
        let truth: Found = truth(logs)
            .into_iter()
            .map(|((bucket, key), rows)| {
                let owned = |(change, fate, restore, ids): Truth| {
                    let ids = ids.iter().map(|id| (*id).to_owned()).collect();
                    (change.to_owned(), fate.to_owned(), restore.to_owned(), ids)
                };
                ((bucket.to_owned(), key.to_owned()), rows.into_iter().map(owned).collect())
            })
            .collect();
        for (object, truth) in &truth {
            assert_eq!(found.get(object), Some(truth), "{object:?} of {logs:?}");
        }
        assert_eq!(found.keys().collect::<Vec<_>>(), truth.keys().collect::<Vec<_>>(), "{logs:?}");
        for row in &rows {
            let sources = row["sources"].as_array().expect("places");
            let lines = sources.iter().filter(|source| source["log"] == "s3_access").count();
            assert_eq!(lines > 0, logs != Logs::Events, "{row}");
            assert!(column(row, "why").len() > 20, "{row}");
        }
        assert_eq!(
            told.stderr.contains("the keys of 1 deletion of many"),
            logs == Logs::Events,
            "{}",
            told.stderr
        );
        assert_eq!(told.stderr.contains("lifecycle actions"), logs == Logs::Events, "{}", told.stderr);
        assert_eq!(told.stderr.contains("no CloudTrail S3 data events"), logs == Logs::Lines, "{}", told.stderr);
        // What was written first may have replaced something before the logs begin.
        assert!(told.stderr.contains("replaced an object: nothing in the logs shows"), "{}", told.stderr);
    }
}

#[test]
fn both_logs_are_joined_and_the_batch_has_the_key_of_the_caller() {
    let world = world();
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let rows = recover(&[text(folder.path()), "--key", "batch/one"]).json_lines();
    assert_eq!(rows.len(), 1, "the other key was not asked for");
    assert_eq!(column(&rows[0], "access_key_id"), "AKIAMALLORY", "CloudTrail names it for the request");
    assert_eq!(rows[0]["sources"].as_array().map(Vec::len), Some(3), "the key's line, the request's, the event");
    assert!(column(&rows[0], "why").contains("versioning was on at 2026-03-04T09:00:"), "{}", rows[0]);
    assert!(rows[0]["evidence"].as_array().is_some_and(|places| !places.is_empty()));
}

#[test]
fn of_a_caller_who_is_asked_for_nothing_is_restored_that_the_caller_wrote() {
    let world = world();
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let rows = recover(&[text(folder.path()), "--principal", "mallory"]).json_lines();
    assert!(rows.iter().all(|row| column(row, "principal") == MALLORY));
    let found = by_object(&rows);
    let last = |key: &str| found[&(KEPT.to_owned(), key.to_owned())].last().cloned().expect("a change");
    let (_, fate, restore, ids) = last("encrypted-then-deleted");
    assert_eq!((fate.as_str(), restore.as_str(), ids), ("delete_marker", "copy_version", vec!["v9".to_owned()]));
    let (_, _, restore, _) = last("undeleted");
    assert_eq!(restore, "superseded", "somebody else has brought it back");
    // A range of time selects changes; what was before it is still known.
    let since = ["--since", "2026-03-04T09:00:04Z", "--until", "2026-03-04T09:00:05Z"];
    let rows = recover(&[&[text(folder.path())], &since[..]].concat()).json_lines();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(column(&rows[0], "former_version_id"), "v2");
}

#[test]
fn settings_decide_where_answers_are_not_shown() {
    let mut world = World::default();
    let setting = |world: &mut World, status: &str| {
        let request = world.request(KEPT, "", "REST.PUT.VERSIONING", "PutBucketVersioning");
        let parameters = format!(",\"VersioningConfiguration\":{{\"Status\":\"{status}\"}}");
        world.send(&Request { parameters, size: None, ..request });
    };
    let delete = |world: &mut World, key: &str| {
        let request = world.request(KEPT, key, "REST.DELETE.OBJECT", "DeleteObject");
        world.lines.push(Request { status: 204, ..request }.line());
    };
    delete(&mut world, "before");
    setting(&mut world, "Enabled");
    delete(&mut world, "on");
    setting(&mut world, "Suspended");
    delete(&mut world, "suspended");
    let fates = |logs| {
        let folder = folder(&world.lines, &world.events, logs);
        let rows = recover(&[text(folder.path())]).json_lines();
        rows.iter().map(|row| format!("{} {}", column(row, "object_key"), column(row, "fate"))).collect::<Vec<_>>()
    };
    assert_eq!(fates(Logs::Both), ["before unknown", "on delete_marker", "suspended unknown"]);
    assert_eq!(fates(Logs::Lines), ["before unknown", "on unknown", "suspended unknown"]);
}

const HOSTILE: [&str; 10] = [
    "it's",
    "two \"words\"",
    "$(touch pwned)",
    "`touch pwned`",
    "line\n; touch pwned #",
    "-rf",
    "--key=x",
    "file:///etc/passwd",
    "\u{1b}]0;title\u{7}\u{202e}",
    "é日本\\'\\n$HOME",
];

#[test]
fn the_script_hands_every_key_on_as_it_is_and_does_nothing_else() {
    let mut world = World::default();
    let versions: Vec<(String, String)> =
        (0..HOSTILE.len()).map(|number| (format!("v{number}'"), format!("-m{number}"))).collect();
    for (key, (version, marker)) in HOSTILE.into_iter().zip(&versions) {
        world.put(KEPT, key, APP, Some(version));
        world.delete(KEPT, key, MALLORY, Some(marker));
    }
    world.put(KEPT, "overwritten's", APP, Some("v-good"));
    world.put(KEPT, "overwritten's", MALLORY, Some("v-bad"));
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let told = recover(&[text(folder.path()), "--script"]);
    let is_unsafe = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!told.stdout.contains(is_unsafe), "{:?}", told.stdout);
    assert!(told.stderr.contains("11 commands printed, none run"), "{}", told.stderr);
    // A program that stands for the CLI writes down what it is given.
    let place = support::quick_folder();
    let bin = place.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let aws = bin.join("aws");
    std::fs::write(&aws, "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\0' \"$word\" >> calls; done\n")
        .expect("a file");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&aws, mode).expect("it may run");
    std::fs::write(place.path().join("restore.sh"), &told.stdout).expect("a file");
    let path = format!("{}:{}", text(&bin), std::env::var("PATH").unwrap_or_default());
    let ran = Command::new("sh").arg("restore.sh").current_dir(place.path()).env("PATH", path).status();
    assert!(ran.expect("a shell").success());
    assert!(!place.path().join("pwned").exists());
    let calls = std::fs::read_to_string(place.path().join("calls")).expect("calls");
    let words: Vec<&str> = calls.split('\0').filter(|word| !word.is_empty()).collect();
    let calls: Vec<(&str, Value)> = words
        .chunks(4)
        .map(|call| {
            assert_eq!((call[0], call[2]), ("s3api", "--cli-input-json"));
            (call[1], serde_json::from_str(call[3]).expect("JSON"))
        })
        .collect();
    assert_eq!(calls.len(), HOSTILE.len() + 1);
    for (key, (_, marker)) in HOSTILE.into_iter().zip(&versions) {
        let expected = serde_json::json!({"Bucket": KEPT, "Key": key, "VersionId": marker});
        assert!(calls.contains(&("delete-object", expected)), "{key:?}: {calls:?}");
    }
    let source = serde_json::json!({"Bucket": KEPT, "Key": "overwritten's", "VersionId": "v-good"});
    let copy = serde_json::json!({"Bucket": KEPT, "Key": "overwritten's", "CopySource": source});
    assert!(calls.contains(&("copy-object", copy)), "{calls:?}");
    assert_eq!(run(&["recover", "samples/", "--script", "--format", "csv"]).code, 2);
}

/// What stands in the script for one object: its comments, and its commands.
fn part_of<'a>(script: &'a str, key: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let head = format!("# s3://{KEPT}/{key}\n");
    let part = script.split("\n\n").find(|part| format!("{part}\n").starts_with(&head));
    part.unwrap_or_else(|| panic!("{key} in {script}")).lines().partition(|line| line.starts_with('#'))
}

#[test]
fn the_script_brings_nothing_back_that_is_gone_for_good() {
    let mut world = World::default();
    // The only version, and one with an older one beneath.
    world.put(KEPT, "gone", APP, Some("g1"));
    world.delete_version("gone", "g1", false);
    world.put(KEPT, "older-left", APP, Some("o1"));
    world.put(KEPT, "older-left", APP, Some("o2"));
    world.delete_version("older-left", "o2", false);
    // Gone under a marker, and before there was one.
    world.put(KEPT, "gone-under-marker", APP, Some("u1"));
    world.delete(KEPT, "gone-under-marker", MALLORY, Some("um"));
    world.delete_version("gone-under-marker", "u1", false);
    world.put(KEPT, "gone-then-marked", APP, Some("t1"));
    world.delete_version("gone-then-marked", "t1", false);
    world.delete(KEPT, "gone-then-marked", MALLORY, Some("tm"));
    // Not gone: another version was.
    world.put(KEPT, "kept", APP, Some("k1"));
    world.put(KEPT, "kept", APP, Some("k2"));
    world.delete_version("kept", "k1", false);
    world.delete(KEPT, "kept", MALLORY, Some("km"));
    world.put(KEPT, "back-then-marked", APP, Some("b1"));
    world.delete_version("back-then-marked", "b1", false);
    world.put(KEPT, "back-then-marked", APP, Some("b2"));
    world.delete(KEPT, "back-then-marked", MALLORY, Some("bm"));
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let script = recover(&[text(folder.path()), "--script"]).stdout;
    for (key, comment, command) in [
        ("gone", "nothing in the bucket brings it back", None),
        ("older-left", "nothing in the bucket brings it back", None),
        ("gone-under-marker", "what is gone does not come back", Some("list-object-versions")),
        ("gone-then-marked", "it may hide nothing", Some("list-object-versions")),
        ("kept", "names a delete marker", Some("delete-object")),
        ("back-then-marked", "names a delete marker", Some("delete-object")),
    ] {
        let (comments, commands) = part_of(&script, key);
        assert!(comments.iter().any(|line| line.contains(comment)), "{key}: {comments:?}");
        let names: Vec<&str> = commands.iter().filter_map(|line| line.split(' ').nth(2)).collect();
        assert_eq!(names, command.into_iter().collect::<Vec<_>>(), "{key}: {commands:?}");
    }
    for gone in ["g1", "o2", "u1", "t1", "tm"] {
        assert!(!script.contains(&format!("\"VersionId\":\"{gone}\"")), "{gone} in {script}");
    }
}

#[test]
fn threads_do_not_show_and_forms_are_safe() {
    let mut world = world();
    world.put(KEPT, HOSTILE[8], APP, Some("v"));
    world.delete(KEPT, HOSTILE[8], MALLORY, Some("m"));
    let folder = folder(&world.lines, &world.events, Logs::Both);
    let path = text(folder.path());
    assert!(recover(&[path, "--threads", "1"]).stdout == recover(&[path, "--threads", "4"]).stdout);
    for format in ["table", "json", "jsonl", "csv", "md"] {
        let told = recover(&[path, "--format", format]);
        let is_unsafe = |character: char| character.is_control() && !matches!(character, '\n' | '\r');
        assert!(!told.stdout.contains(is_unsafe) && !told.stdout.contains('\u{202e}'), "{format}");
    }
    let told = recover(&[path, "--limit", "3"]);
    assert!(told.stderr.contains("3 of "), "{}", told.stderr);
}

#[test]
fn the_sample_incident_is_told() {
    let rows = recover(&["samples/", "--principal", "backup-admin"]).json_lines();
    let keys = rows.iter().filter(|row| column(row, "bucket_name") == "amzn-s3-demo-data").count();
    // docs/samples.md: 66 backups in three requests, and two log files.
    assert_eq!((keys, rows.len()), (66, 68));
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
fn what_both_logs_tell_is_counted_of_the_selection() {
    let World { lines, events, .. } = world();
    // Each line is delivered twice.
    let folder = folder(&[&lines[..], &lines].concat(), &events, Logs::Both);
    let counts = |arguments: &[&str]| -> [u64; 2] {
        let told = recover(&[&[text(folder.path())], arguments].concat()).stderr;
        let sentence = told.lines().find(|line| line.contains(" in both logs, ")).unwrap_or("0 - 0").to_owned();
        let numbers: Vec<u64> = sentence.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        [numbers[0], numbers[1]]
    };
    let (all, kept, plain) = (counts(&[]), counts(&["--bucket", KEPT]), counts(&["--bucket", PLAIN]));
    for index in 0..2 {
        assert!(kept[index] > 0 && plain[index] > 0, "{kept:?} {plain:?}");
        assert_eq!(kept[index] + plain[index], all[index], "{kept:?} {plain:?} {all:?}");
    }
    assert_eq!(counts(&["--bucket", PLAIN, "--key", "overwritten", "--principal", "mallory"]), [1, 1]);
}
