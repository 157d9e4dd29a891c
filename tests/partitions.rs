//! Partitions by account, region, bucket and date: where rows go, and that no value of a log leads anywhere else.

mod support;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use support::tables::{data_files, files};
use support::{access_line, program, run, text};

/// The data files, with their rows and whether they have that column.
fn tables(root: &Path, column: &str) -> BTreeMap<String, (usize, bool)> {
    let read = |path: PathBuf| {
        let file = File::open(root.join(&path)).expect("the file is there");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
        let has_column = builder.schema().field_with_name(column).is_ok();
        let rows = builder.metadata().file_metadata().num_rows() as usize;
        (text(path.parent().expect("it is in a partition")).to_owned(), (rows, has_column))
    };
    data_files(root).into_iter().map(read).collect()
}

fn line_of(bucket: &str, number: usize) -> String {
    access_line("06/Feb/2026:00:00:38 +0000", "REST.GET.OBJECT", &format!("key-{number}"), 200).replacen(
        "amzn-s3-demo-bucket",
        bucket,
        1,
    )
}

const DATED: &str = "111122223333/us-west-1/b-1/2026/02/06/2026-02-06-00-00-00-0A1B2C3D4E5F6071";

#[test]
fn ddl_says_first_what_is_wrong_with_the_folder() {
    let folder = tempfile::tempdir().expect("the test can run");
    let (missing, file, empty) =
        (folder.path().join("missing"), folder.path().join("file"), folder.path().join("empty"));
    fs::write(&file, "").expect("the test can run");
    fs::create_dir(&empty).expect("the test can run");
    let cases = [
        (&missing, "No such file"),
        (&file, "it is no folder; name the one that export wrote"),
        (&empty, "--location"),
    ];
    for (path, expected) in cases {
        let refused = program().args(["ddl", text(path)]).output().expect("the program runs");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(2) && told.contains(expected), "{told}");
        assert_eq!(told.contains(text(path)), path != &empty, "{told}");
    }
}

#[test]
fn both_layouts_of_keys_and_both_logs_go_where_they_belong() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    let trail = "AWSLogs/o-1234567890/444455556666/CloudTrail/eu-west-1/2026/02/06/444455556666_CloudTrail_eu-west-1_20260206T0005Z_x.json";
    let record = r#"{"Records":[{"eventVersion":"1.08","eventTime":"2026-02-06T01:02:03Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"e-1","awsRegion":"eu-west-1","requestParameters":{"bucketName":"b-2"},"userIdentity":{}}]}"#;
    for (path, content) in [
        (DATED, line_of("b-1", 1)),
        ("simple/2026-02-06-00-00-00-0A1B2C3D4E5F6071", line_of("b-1", 2)),
        (trail, record.to_owned()),
    ] {
        let path = logs.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }
    let out = folder.path().join("out");
    let keys = "account_id,region,bucket,event_date";
    let done = run(&["export", text(&logs), "-o", text(&out), "--partition-by", keys]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let none = "__HIVE_DEFAULT_PARTITION__";
    let expected = BTreeMap::from([
        (
            "s3_access/account_id=111122223333/region=us-west-1/bucket=b-1/event_date=2026-02-06".to_owned(),
            (1, false),
        ),
        (format!("s3_access/account_id={none}/region={none}/bucket=b-1/event_date=2026-02-06"), (1, false)),
        (
            "cloudtrail/account_id=444455556666/region=eu-west-1/bucket=b-2/event_date=2026-02-06".to_owned(),
            (1, false),
        ),
    ]);
    assert_eq!(tables(&out, "account_id"), expected);
    assert!(done.stderr.contains("1 row lies in the default partition of account_id"), "{}", done.stderr);
    // The columns of `activity` that are keys are not in its files; what its other columns say stays.
    let activity = folder.path().join("activity");
    let keys = ["--log", "activity", "--partition-by", "event_date,region"];
    run(&[&["export", text(&logs), "-o", text(&activity)], &keys[..]].concat());
    let found = tables(&activity, "region");
    let rows: usize = found.values().map(|(rows, _)| rows).sum();
    assert!(rows == 3 && found.values().all(|(_, has_region)| !has_region), "{found:?}");
    assert!(tables(&activity, "account_id").values().all(|(_, has_account)| *has_account));
    let ddl = program().args(["ddl", text(&out), "--location", "s3://amzn-s3-demo-bucket/lake"]).output();
    let statements = String::from_utf8(ddl.expect("the program ends").stdout).expect("text");
    let keys = "PARTITIONED BY (`account_id` string, `region` string, `bucket` string, `event_date` string)";
    assert!(statements.contains(keys), "{statements}");
}

#[test]
fn five_hundred_hostile_buckets_stay_inside_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let shapes = [
        "../../../../tmp/x",
        "..",
        ".",
        "/etc/passwd",
        "C:\\x",
        "CON",
        "a/../../b",
        "a%2f..%2fb",
        ".hidden",
        "_hidden",
        "a=b",
        "a'b",
        "a\"b",
        "a`b",
        "a..b",
        "A-UPPER",
        "a:b",
        "a*b",
        "trailing.",
        "-dash",
        "\u{1b}[2J",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{202e}txt",
        "a\0b",
    ];
    let long = "x".repeat(300);
    let buckets: Vec<String> = (0..500)
        .map(|number| match number % 26 {
            25 => format!("{long}{number}"),
            shape => {
                format!("{}{}", shapes[shape], if number < 26 { String::new() } else { format!("/{number}") })
            }
        })
        .collect();
    let lines: String = buckets.iter().enumerate().map(|(number, bucket)| line_of(bucket, number)).collect();
    let log = folder.path().join("hostile.log");
    fs::write(&log, lines + &line_of("good-bucket", 500)).expect("a file");
    let mut first = None;
    for threads in ["1", "3"] {
        let out = folder.path().join("out");
        let done =
            run(&["export", text(&log), "-o", text(&out), "--partition-by", "bucket", "--threads", threads]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(done.stderr.contains("500 rows lie in the default partition of bucket"), "{}", done.stderr);
        let expected = BTreeMap::from([
            ("s3_access/bucket=__HIVE_DEFAULT_PARTITION__".to_owned(), (500, true)),
            ("s3_access/bucket=good-bucket".to_owned(), (1, true)),
        ]);
        assert_eq!(tables(&out, "bucket_name"), expected);
        let mut data = files(&out);
        data.retain(|path, _| !path.starts_with("_toolmeta"));
        assert_eq!(*first.get_or_insert_with(|| data.clone()), data, "{threads} threads");
        fs::remove_dir_all(out).expect("the folder is there");
    }
    let left: Vec<PathBuf> = files(folder.path()).into_keys().collect();
    assert_eq!(left, [PathBuf::from("hostile.log")]);
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("a.log");
    fs::write(&log, line_of("b-1", 1)).expect("a file");
    let out = folder.path().join("out");
    for keys in ["day", "", "bucket,bucket", "bucket,"] {
        let refused = run(&["export", text(&log), "-o", text(&out), "--partition-by", keys]);
        assert_eq!(refused.code, 2, "{keys}: {}", refused.stderr);
    }
    assert!(!out.exists());
}
