//! A folder that several exports write to: what is read again, what is refused, and what a killed run leaves.
#![allow(clippy::unwrap_used)]

mod support;

use s3sleuth::decode::{ContentHash, HashKind};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::tables::{data_files, files, rows};
use support::{Run, access_line, access_lines, gzip, program, quick_folder, run, text};

/// A folder with logs and a place for an export.
struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(logs: &[(&str, &[u8])]) -> Case {
        let case = Case { folder: quick_folder() };
        fs::create_dir(case.logs()).unwrap();
        logs.iter().for_each(|(name, bytes)| case.log(name, bytes));
        case
    }

    fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn log(&self, name: &str, bytes: &[u8]) {
        fs::write(self.logs().join(name), bytes).unwrap();
    }

    fn export(&self, more: &[&str]) -> Run {
        let (logs, out) = (self.logs(), self.out());
        run(&[&["export", text(&logs), "-o", text(&out)], more].concat())
    }

    fn records(&self) -> Vec<Value> {
        let manifest = fs::read_to_string(self.out().join("_toolmeta/manifest.jsonl")).unwrap();
        manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn row_count(&self) -> usize {
        rows(&self.out()).values().map(|rows| rows.count).sum()
    }
}

fn lines(from: usize, to: usize) -> Vec<u8> {
    access_lines(to).lines().skip(from).flat_map(|line| [line, "\n"].concat().into_bytes()).collect()
}

#[test]
fn what_the_folder_has_is_not_read_again() {
    let case = Case::new(&[("a.log", &lines(0, 10)), ("b.log.gz", &gzip(&lines(10, 25)))]);
    let first = case.export(&[]);
    assert_eq!((first.code, case.row_count()), (0, 25), "{}", first.stderr);
    let before = files(&case.out());
    let again = case.export(&[]);
    assert_eq!((again.code, again.count("files_read")), (0, 0), "{}", again.stderr);
    assert!(again.stderr.contains("nothing was written"), "{}", again.stderr);
    // Another time of change, another name: the content is the same.
    case.log("a.log", &lines(0, 10));
    File::options()
        .write(true)
        .open(case.logs().join("a.log"))
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    fs::rename(case.logs().join("b.log.gz"), case.logs().join("c.log.gz")).unwrap();
    let moved = case.export(&[]);
    assert!(moved.code == 0 && moved.stderr.contains("nothing was written"), "{}", moved.stderr);
    assert_eq!(files(&case.out()), before);
    let strict = case.export(&["--no-resume"]);
    assert!(strict.code == 2 && strict.stderr.contains("not empty"), "{}", strict.stderr);
}

#[test]
fn new_inputs_are_added_only_when_that_is_asked_for() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    case.export(&[]);
    case.log("b.log", &lines(10, 30));
    let before = files(&case.out());
    let refused = case.export(&[]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("b.log") && refused.stderr.contains("--append"), "{}", refused.stderr);
    assert_eq!(files(&case.out()), before);
    let added = case.export(&["--append"]);
    assert_eq!((added.code, added.count("files_read"), case.row_count()), (0, 1, 30), "{}", added.stderr);
    let names: Vec<String> = data_files(&case.out())
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["part-0000-00000.parquet", "part-0001-00000.parquet"]);
    assert_eq!(case.export(&["--append"]).code, 0);
    assert_eq!(case.row_count(), 30);
}

#[test]
fn a_changed_input_and_other_settings_are_refused_and_force_writes_all_again() {
    let case = Case::new(&[("a.log", &lines(0, 10)), ("b.log", &lines(10, 20))]);
    case.export(&[]);
    for (more, expected) in [
        (&["--compression", "snappy"][..], "compression: \"zstd:1\" there, \"snappy\" here"),
        (&["--partition-by", "bucket"], "partition_by"),
        (&["--since", "2026-01-01"], "since: none there"),
        (&["--columns", "event_time"], "columns"),
        (&["--log", "s3_access"], "datasets"),
    ] {
        let refused = case.export(more);
        assert!(refused.code == 2 && refused.stderr.contains(expected), "{more:?} {}", refused.stderr);
    }
    // Another log's table has settings of its own.
    assert_eq!(case.export(&["--log", "activity", "--compression", "snappy"]).code, 0);
    case.log("b.log", &lines(10, 21));
    for more in [&[][..], &["--append"]] {
        let refused = case.export(more);
        assert!(refused.code == 2 && refused.stderr.contains("b.log"), "{}", refused.stderr);
    }
    let forced = case.export(&["--force", "--partition-by", "bucket"]);
    assert_eq!(forced.code, 0, "{}", forced.stderr);
    let found = rows(&case.out());
    assert_eq!((found["s3_access"].count, found["activity"].count), (21, 20));
    assert!(
        data_files(&case.out().join("s3_access"))
            .iter()
            .all(|path| path.starts_with("bucket=amzn-s3-demo-bucket"))
    );
    // What was replaced is not gone on with.
    let back = case.export(&[]);
    assert!(back.code == 2 && back.stderr.contains("partition_by"), "{}", back.stderr);
}

#[test]
fn what_could_not_be_read_is_tried_again_and_a_cut_file_is_not() {
    let cut = gzip(&lines(0, 200));
    let case =
        Case::new(&[("a.log.gz", &cut[..cut.len() / 2]), ("b.txt", b"no log at all\n"), ("c.log", &lines(0, 5))]);
    let first = case.export(&[]);
    assert_eq!(first.code, 3, "{}", first.stderr);
    let reads: Vec<Value> =
        case.records()[1]["inputs"].as_array().unwrap().iter().map(|input| input["read"].clone()).collect();
    assert_eq!(reads, [Value::from("part"), Value::from("nothing"), Value::Null]);
    let count = case.row_count();
    let again = case.export(&[]);
    assert_eq!((again.code, again.count("files_skipped"), case.row_count()), (3, 1, count), "{}", again.stderr);
    assert_eq!(case.records().len(), 2);
    case.log("b.txt", &lines(5, 8));
    assert_eq!((case.export(&[]).code, case.row_count()), (0, count + 3));
    assert!(case.export(&[]).stderr.contains("nothing was written"));
}

/// One access log of several blocks, with a byte order mark before it.
fn large_log(count: usize) -> Vec<u8> {
    [b"\xef\xbb\xbf", &lines(0, count)[..]].concat()
}

#[test]
fn the_manifest_has_the_hash_of_every_kind_of_input_for_any_number_of_threads() {
    let zip = |name: &str, bytes: &[u8]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    };
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(lines(0, 7).len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "in.log", &lines(0, 7)[..]).unwrap();
    let record = r#"{"eventVersion":"1.08","eventTime":"2026-02-06T01:02:03Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{}}"#;
    let json = format!("{record}\n").repeat(12_000);
    let large = large_log(15_000);
    // Of whole blocks and groups, of one group, and stored where it compresses badly.
    let logs: Vec<(&str, Vec<u8>)> = vec![
        ("aligned.log", large[3..].iter().copied().chain(std::iter::repeat(b'\n')).take(6 << 20).collect()),
        ("empty.log", Vec::new()),
        ("large.json", json.into_bytes()),
        ("large.log", large.clone()),
        ("large.log.gz", gzip(&large)),
        ("small.log", lines(0, 3)),
        ("small.log.gz", gzip(&lines(3, 6))),
        ("t.tar", tar.into_inner().unwrap()),
        ("z.zip", zip("in.log", &lines(0, 7))),
    ];
    let case = Case::new(&[]);
    logs.iter().for_each(|(name, bytes)| case.log(name, bytes));
    let mut first = None;
    for threads in ["1", "2", "5"] {
        let done = case.export(&["--threads", threads]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let found = files(&case.out());
        let expected = first.get_or_insert_with(|| found.clone());
        assert!(*expected == found, "{threads} threads");
        let records = case.records();
        let states: Vec<&str> = records.iter().map(|record| record["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["prepared", "committed"]);
        let inputs = records[1]["inputs"].as_array().unwrap();
        for ((name, bytes), input) in logs.iter().zip(inputs) {
            assert!(input["path"].as_str().unwrap().ends_with(name));
            assert_eq!(input["size"], bytes.len(), "{name}");
            assert_eq!(input["hash"].as_str().unwrap(), format!("blake3:{}", blake3::hash(bytes)), "{name}");
        }
        let outputs = records[1]["outputs"].as_array().unwrap();
        assert_eq!(
            outputs.iter().map(|output| output["rows"].as_u64().unwrap()).sum::<u64>(),
            case.row_count() as u64
        );
        assert_eq!(outputs[1]["first_event_ms"], 1_770_336_000_000_i64);
        fs::remove_dir_all(case.out()).unwrap();
    }
    for threads in ["1", "5"] {
        assert_eq!(case.export(&["--threads", threads, "--quick-hash"]).code, 0);
        let records = case.records();
        for ((name, bytes), input) in logs.iter().zip(records[1]["inputs"].as_array().unwrap()) {
            let kind =
                if name.ends_with(".gz") || name.ends_with(".zip") { HashKind::Blake3 } else { HashKind::Xxh3 };
            let expected = ContentHash::of_bytes(kind, bytes).to_string();
            assert_eq!(input["hash"].as_str().unwrap(), expected, "{name}");
        }
        // Each is known by its content.
        let moved = case.folder.path().join("moved");
        fs::rename(case.logs(), &moved).unwrap();
        let again = run(&["export", text(&moved), "-o", text(&case.out())]);
        assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
        fs::rename(moved, case.logs()).unwrap();
        fs::remove_dir_all(case.out()).unwrap();
    }
}

#[test]
fn a_second_writer_is_refused_at_once() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    case.export(&[]);
    let lock = File::options().read(true).write(true).open(case.out().join("_toolmeta/lock")).unwrap();
    lock.lock().unwrap();
    writeln!(&lock, "process 7 since 2026-02-06T00:00:00Z").unwrap();
    let start = Instant::now();
    let refused = case.export(&["--append"]);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(refused.code == 2 && refused.stderr.contains("by process 7 since"), "{}", refused.stderr);
    drop(lock);
    assert_eq!(case.export(&["--append"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_our_notes_is_not_followed() {
    for name in ["_toolmeta", "_toolmeta/lock", "_toolmeta/manifest.jsonl"] {
        let case = Case::new(&[("a.log", &lines(0, 10))]);
        let elsewhere = case.folder.path().join("elsewhere");
        fs::write(&elsewhere, "theirs").unwrap();
        let link = case.out().join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        let refused = case.export(&[]);
        assert_eq!(refused.code, 2, "{name}: {}", refused.stderr);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");
    }
}

#[test]
fn what_a_killed_run_left_is_put_right_and_nothing_else_is_touched() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    case.export(&[]);
    let partition = case.out().join("s3_access/event_date=2026-02-06");
    let part = fs::read(partition.join("part-0000-00000.parquet")).unwrap();
    fs::write(partition.join("part-0001-00000.parquet"), &part).unwrap();
    fs::write(partition.join(".part-0001-00001.parquet.tmp-77"), "begun").unwrap();
    let theirs =
        ["../secret.parquet", "s3_access/event_date=2026-02-06/notes.txt", "s3_access/../part-0009-00000.parquet"];
    for path in ["secret.parquet", "out/s3_access/event_date=2026-02-06/notes.txt", "out/part-0009-00000.parquet"]
    {
        fs::write(case.folder.path().join(path), &part).unwrap();
    }
    let mut prepared = case.records()[0].clone();
    prepared["run"] = 1.into();
    let output = |path: &str| {
        let mut output = prepared["outputs"][0].clone();
        output["path"] = path.into();
        output
    };
    let ours = "s3_access/event_date=2026-02-06/part-0001-00000.parquet";
    prepared["outputs"] = theirs.into_iter().chain([ours]).map(output).collect();
    let manifest = case.out().join("_toolmeta/manifest.jsonl");
    let mut file = File::options().append(true).open(&manifest).unwrap();
    write!(file, "{prepared}\n{{\"schema\":\"s3sleuth.mani").unwrap();
    case.log("b.log", &lines(10, 30));
    let done = case.export(&["--append"]);
    // The text file of others has been given the bytes of a Parquet file, and is one to engines.
    assert_eq!((done.code, rows(&case.out())["s3_access"].count), (3, 30), "{}", done.stderr);
    assert!(done.stderr.contains("no manifest names") && done.stderr.contains("notes.txt"), "{}", done.stderr);
    assert!(
        partition.join("part-0002-00000.parquet").exists() && !partition.join("part-0001-00000.parquet").exists()
    );
    assert!(!partition.join(".part-0001-00001.parquet.tmp-77").exists());
    for path in ["secret.parquet", "out/s3_access/event_date=2026-02-06/notes.txt", "out/part-0009-00000.parquet"]
    {
        assert!(fs::read(case.folder.path().join(path)).unwrap() == part, "{path}");
    }
    let states: Vec<(u64, String)> = case
        .records()
        .iter()
        .map(|record| (record["run"].as_u64().unwrap(), record["state"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [(0, "prepared"), (0, "committed"), (1, "prepared"), (2, "prepared"), (2, "committed")];
    assert_eq!(states, expected.map(|(run, state)| (run, state.to_owned())));
    // A line in the middle that is none was not left by a killed run.
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("{\"schema\"", "{\"shema\"", 1)).unwrap();
    let refused = case.export(&["--append"]);
    assert!(refused.code == 2 && refused.stderr.contains("manifest.jsonl:1"), "{}", refused.stderr);
}

/// What other commands say of the folder, and how they end: ddl, compact, athena-lint.
fn others(case: &Case) -> [(i32, String); 3] {
    let out = case.out();
    let command = |arguments: &[&str]| {
        let ended = program().args(arguments).output().unwrap();
        let told = [ended.stderr, ended.stdout].concat();
        (ended.status.code().unwrap(), String::from_utf8(told).unwrap())
    };
    let ddl = command(&["ddl", text(&out), "--engine", "duckdb"]);
    let lint = command(&["athena-lint", text(&out)]);
    [ddl, command(&["compact", text(&out)]), lint]
}

#[test]
fn files_of_the_export_that_are_gone_or_cut_are_told_by_every_command() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    case.export(&[]);
    for (name, lines) in [("b.log", lines(10, 20)), ("c.log", lines(20, 30)), ("d.log", lines(30, 40))] {
        case.log(name, &lines);
        assert_eq!(case.export(&["--append"]).code, 0);
    }
    let part = |run: u32| case.out().join(format!("s3_access/event_date=2026-02-06/part-{run:04}-00000.parquet"));
    let whole = fs::read(part(0)).unwrap();
    fs::remove_file(part(0)).unwrap();
    let told = case.export(&[]);
    let expected = "1 file of the export is gone or has another size than its manifest says: \
                    s3_access/event_date=2026-02-06/part-0000-00000.parquet";
    assert!(told.code == 3 && told.stderr.contains(expected), "{} {}", told.code, told.stderr);
    assert!(told.stderr.contains("all inputs are in"), "{}", told.stderr);
    fs::write(part(0), &whole[..100]).unwrap();
    fs::remove_file(part(1)).unwrap();
    let told = case.export(&["--append"]);
    assert!(told.code == 3 && told.stderr.contains("2 files of the export are gone"), "{}", told.stderr);
    let cut = format!("it has 100 bytes, and {} according to the manifest", whole.len());
    fs::write(part(0), &whole).unwrap();
    let [ddl, compact, lint] = others(&case);
    let gone = "1 file of the export is gone";
    assert!(ddl.0 == 3 && ddl.1.contains(gone) && ddl.1.contains("CREATE OR REPLACE VIEW"), "{ddl:?}");
    // What is there is merged, and only that.
    assert!(
        compact.0 == 3 && compact.1.contains(gone) && compact.1.contains("merged 3 files into 1"),
        "{compact:?}"
    );
    assert_eq!(case.row_count(), 30);
    let lost = "part-0001-00000.parquet: the manifest names it, and it is gone";
    assert!(lint.0 == 5 && lint.1.contains("21 as-in-manifest") && lint.1.contains(lost), "{lint:?}");
    let merged = part(4);
    fs::write(&merged, &fs::read(&merged).unwrap()[..100]).unwrap();
    let lint = program().args(["athena-lint", text(&case.out().join("s3_access"))]).output().unwrap();
    let lint = String::from_utf8(lint.stdout).unwrap();
    assert!(
        lint.contains("error   event_date=2026-02-06/part-0004-00000.parquet: it has 100 bytes"),
        "{cut} {lint}"
    );
    fs::remove_file(merged).unwrap();
    let [ddl, _, lint] = others(&case);
    assert!(ddl.0 == 2 && ddl.1.contains("2 files of the export are gone"), "{ddl:?}");
    assert!(lint.0 == 5 && lint.1.contains("0 files, 0 tables"), "{lint:?}");
    // All again.
    assert_eq!((case.export(&["--force"]).code, case.row_count()), (0, 40));
    assert_eq!(case.export(&[]).code, 0);
}

#[test]
fn parquet_files_that_no_manifest_names_are_told_by_every_command_and_never_removed() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    case.export(&[]);
    let day = case.out().join("s3_access/event_date=2026-02-06");
    let copy = day.join("copy.parquet");
    fs::copy(day.join("part-0000-00000.parquet"), &copy).unwrap();
    fs::write(day.join("_hidden.parquet"), "").unwrap();
    let told_of = "1 Parquet file that no manifest names lies among those of the export: \
                   s3_access/event_date=2026-02-06/copy.parquet";
    case.log("b.log", &lines(10, 20));
    for more in [&["--append"][..], &[], &["--force"]] {
        let told = case.export(more);
        assert!(told.code == 3 && told.stderr.contains(told_of), "{more:?}: {} {}", told.code, told.stderr);
    }
    let [ddl, compact, lint] = others(&case);
    assert!(ddl.0 == 3 && ddl.1.contains(told_of) && ddl.1.contains("CREATE OR REPLACE VIEW"), "{ddl:?}");
    assert!(compact.0 == 3 && compact.1.contains(told_of), "{compact:?}");
    let found = "copy.parquet: a Parquet file that the manifest does not name";
    assert!(lint.0 == 5 && lint.1.contains(found), "{lint:?}");
    assert!(copy.exists());
    fs::remove_file(copy).unwrap();
    assert!(others(&case).iter().all(|(code, _)| *code == 0), "{:?}", others(&case));
}

#[test]
fn an_export_without_rows_blocks_none_with_other_settings() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    let none = ["--since", "2030-01-01"];
    assert_eq!((case.export(&none).code, case.row_count()), (0, 0));
    let again = case.export(&none);
    assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
    // Nothing that is new can be there twice.
    case.log("b.log", &lines(10, 15));
    assert_eq!((case.export(&none).count("files_read"), case.row_count()), (1, 0));
    let all = case.export(&["--compression", "snappy"]);
    assert_eq!((all.code, case.row_count()), (0, 15), "{}", all.stderr);
    let again = case.export(&["--compression", "snappy"]);
    assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
    let refused = case.export(&none);
    assert!(refused.code == 2 && refused.stderr.contains("other settings"), "{}", refused.stderr);
}

#[test]
fn a_time_back_from_now_is_told_to_be_another_one_with_the_one_that_goes_on() {
    let now = chrono::Utc::now().format("%d/%b/%Y:%H:%M:%S +0000").to_string();
    let case = Case::new(&[("a.log", access_line(&now, "REST.GET.OBJECT", "k", 200).as_bytes())]);
    let first = case.export(&["--since", "7d"]);
    assert_eq!((first.code, case.row_count()), (0, 1));
    for words in
        ["1 file read", "1 line = 1 record + 0 rejects", "events read: from ", "wrote 1 row to 1 file under "]
    {
        assert!(first.stderr.contains(words), "{words}: {}", first.stderr);
    }
    std::thread::sleep(Duration::from_millis(2));
    let refused = case.export(&["--since", "7d"]);
    assert!(refused.code == 2 && refused.stderr.contains("is another one in each run"), "{}", refused.stderr);
    let since = refused.stderr.split("in each run: --since ").nth(1).and_then(|rest| rest.split(' ').next());
    let again = case.export(&["--since", since.unwrap()]);
    assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
}

fn event(id: &str, day: u32, account: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2026-03-{day:02}T01:02:03Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"{id}","awsRegion":"eu-west-1","recipientAccountId":"{account}","userIdentity":{{}}}}"#
    )
}

#[test]
fn events_that_the_folder_has_are_not_added_again() {
    let account = "111122223333";
    let first = format!("{{\"Records\":[{},{}]}}", event("e-1", 1, account), event("e-2", 2, account));
    let other_account = event("e-1", 1, "444455556666");
    let second = format!(
        "{{\"Records\":[{},{},{},{},{}]}}",
        event("e-2", 2, account),
        event("e-1", 1, account),
        other_account,
        event("e-3", 1, account),
        event("e-3", 1, account)
    );
    for more in [
        &[][..],
        &["--partition-by", "region"],
        &["--log", "activity"],
        &["--columns", "event_time,event_id,recipient_account_id"],
    ] {
        let case = Case::new(&[("a.json", first.as_bytes())]);
        case.export(more);
        case.log("b.json", second.as_bytes());
        let added = case.export(&[more, &["--append"]].concat());
        assert_eq!(
            (added.code, added.count("duplicates"), case.row_count()),
            (0, 3, 4),
            "{more:?} {}",
            added.stderr
        );
    }
    // Both copies are wanted, or cannot be told from others.
    for (more, word) in [
        (&["--keep-duplicates"][..], ""),
        (&["--columns", "event_time"], "no column event_id"),
        (&["--log", "activity", "--partition-by", "account_id"], "no column account_id"),
    ] {
        let case = Case::new(&[("a.json", first.as_bytes())]);
        case.export(more);
        case.log("b.json", second.as_bytes());
        let added = case.export(&[more, &["--append"]].concat());
        assert!(added.code == 0 && added.stderr.contains(word), "{more:?} {}", added.stderr);
        assert_eq!(case.row_count(), if word.is_empty() { 7 } else { 6 });
    }
}

#[test]
fn an_input_that_changes_while_it_is_read_is_told() {
    let case = Case::new(&[]);
    let log = case.logs().join("a.log");
    for command in ["export", "detect"] {
        fs::write(&log, lines(0, 60_000)).unwrap();
        let ended = AtomicBool::new(false);
        let told = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = File::options().append(true).open(&log).unwrap();
                while !ended.load(Ordering::Relaxed) {
                    file.write_all(b"\n").unwrap();
                    std::thread::sleep(Duration::from_micros(500));
                }
            });
            let told = match command {
                "export" => case.export(&[]),
                _ => run(&["detect", text(&log)]),
            };
            ended.store(true, Ordering::Relaxed);
            told
        });
        assert!(told.code == 3 && told.stderr.contains("changed while it was read"), "{command}: {}", told.stderr);
    }
}

#[test]
fn what_lies_in_the_output_folder_is_no_input() {
    let case = Case::new(&[("a.log", &lines(0, 10))]);
    let inside = case.logs().join("lake");
    let export = |path: &std::path::Path, more: &[&str]| {
        run(&[&["export", text(path), "-o", text(&inside)], more].concat())
    };
    assert_eq!(export(&case.logs(), &[]).code, 0);
    let before = files(&inside);
    let again = export(&case.logs(), &[]);
    assert!(again.code == 0 && again.stderr.contains("nothing was written"), "{}", again.stderr);
    let added = export(&case.logs(), &["--append"]);
    assert_eq!((added.code, files(&inside)), (0, before), "{}", added.stderr);
    let itself = export(&inside, &["--append"]);
    assert!(itself.code == 2 && itself.stderr.contains("lies in the output folder"), "{}", itself.stderr);
    let nothing = run(&["export", "-o", text(&inside)]);
    assert!(nothing.code == 2 && nothing.stderr.contains("no PATH given"), "{}", nothing.stderr);
}
