//! `export --schema ocsf`: rows of both logs as API Activity of OCSF 1.3.

mod support;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;
use support::tables::data_files;
use support::{program, run, text};

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

/// The Parquet files of the dataset, by path below its folder.
fn files(lake: &Path) -> Vec<(String, ParquetMetaData)> {
    let of = |path: std::path::PathBuf| {
        let file = File::open(lake.join(&path)).expect("a file that opens");
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).expect("a footer");
        (text(path.strip_prefix("ocsf").expect("of ocsf")).to_owned(), metadata)
    };
    data_files(lake).into_iter().map(of).collect()
}

fn times(path: &Path) -> Vec<Option<i64>> {
    let file = File::open(path).expect("a file that opens");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let of = |batch: RecordBatch| {
        let times = batch.column_by_name("time").expect("a column").as_primitive::<Int64Type>().clone();
        times.iter().collect::<Vec<_>>()
    };
    reader.flat_map(|batch| of(batch.expect("rows"))).collect()
}

/// Exit code and standard output of a command that reads no logs.
fn of_folder(arguments: &[&str]) -> (i32, String) {
    let done = program().args(arguments).output().expect("the program starts");
    (done.status.code().expect("an exit code"), String::from_utf8(done.stdout).expect("UTF-8"))
}

const LINE: &str = "79a5 amzn-s3-demo-bucket [TIME] 192.0.2.1 - ID REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 2 3 4 \"-\" \
                    \"curl\" - h= SigV4 T AuthHeader HOST TLSv1.3 - -\n";

/// Access lines of late, early and no time, below a dated path of one account and below none.
fn logs(folder: &Path) {
    let line = |time: &str, host: &str| LINE.replace("TIME", time).replace("HOST", host);
    let host = "amzn-s3-demo-bucket.s3.eu-west-1.amazonaws.com";
    let dated = folder.join("111122223333/us-west-2/amzn-s3-demo-bucket/2026/03/01");
    fs::create_dir_all(&dated).expect("a folder");
    let bad = "31/Feb/2026:00:00:00 +0000";
    let lines = ["01/Mar/2026:02:00:00 +0000", bad, "01/Mar/2026:01:00:00 +0000"].map(|time| line(time, host));
    fs::write(dated.join("a"), lines.concat()).expect("a file");
    fs::write(folder.join("b"), line("02/Mar/2026:00:00:00 +0000", "-")).expect("a file");
}

#[test]
fn files_lie_and_are_sorted_as_a_custom_source_of_security_lake_must_be() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (input, lake) = (folder.path().join("logs"), folder.path().join("lake"));
    logs(&input);
    let export =
        |more: &[&str]| run(&[&["export", text(&input), "-o", text(&lake), "--schema", "ocsf"], more].concat());
    let first = export(&[]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    for told in
        ["1 row lies in the default partition of accountId", "1 row lies in the default partition of region"]
    {
        assert!(first.stderr.contains(told), "{}", first.stderr);
    }
    let none = "__HIVE_DEFAULT_PARTITION__";
    let dated = "region=eu-west-1/accountId=111122223333/eventDay=20260301";
    let expected = [
        format!("region={none}/accountId={none}/eventDay=20260302/part-0000-00000.parquet"),
        format!("{dated}/part-0000-00000.parquet"),
        format!("region=eu-west-1/accountId=111122223333/eventDay={none}/part-0000-00000.parquet"),
    ];
    assert_eq!(files(&lake).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), expected);
    // Earlier events of the same day come later, and both files become one.
    fs::write(
        input.join("111122223333/us-west-2/amzn-s3-demo-bucket/2026/03/01/c"),
        LINE.replace("TIME", "01/Mar/2026:00:30:00 +0000").replace("HOST", "b.s3.eu-west-1.amazonaws.com"),
    )
    .expect("a file");
    let second = export(&["--append"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert_eq!(of_folder(&["compact", text(&lake)]).0, 0);
    let found = files(&lake);
    assert!(found.iter().any(|(name, _)| *name == format!("{dated}/part-0002-00000.parquet")), "{found:?}");
    for (name, metadata) in &found {
        for group in metadata.row_groups() {
            let sorted = &group.sorting_columns().expect("a declared order")[0];
            assert!(!sorted.descending && !sorted.nulls_first, "{name}");
            assert_eq!(group.column(sorted.column_idx as usize).column_path().string(), "time", "{name}");
            assert!(matches!(group.column(0).compression(), Compression::ZSTD(_)), "{name}");
        }
        let times = times(&lake.join("ocsf").join(name));
        assert!(times.is_sorted_by_key(|time| time.unwrap_or(i64::MAX)), "{name}: {times:?}");
    }
    let merged = times(&lake.join("ocsf").join(dated).join("part-0002-00000.parquet"));
    assert_eq!(merged, [1_772_325_000_000, 1_772_326_800_000, 1_772_330_400_000].map(Some));
    // The statement fits the folders, of which there is nothing to say.
    let statement = folder.path().join("lake.sql");
    let (code, ddl) = of_folder(&["ddl", text(&lake), "--location", "s3://amzn-s3-demo-bucket/lake/"]);
    fs::write(&statement, ddl).expect("a file");
    let lint = ["athena-lint", text(&lake), "--ddl", text(&statement)];
    let (lint_code, told) = of_folder(&lint);
    assert!((code, lint_code) == (0, 0) && !told.contains("folder-names:"), "{told}");
    let misplaced = lake.join("ocsf/region=eu-west-1/accountId=111122223333/eventDay=20260305");
    fs::create_dir(&misplaced).expect("a folder");
    fs::copy(lake.join("ocsf").join(dated).join("part-0002-00000.parquet"), misplaced.join("part-0.parquet"))
        .expect("a copy");
    let (code, told) = of_folder(&lint);
    assert!(code == 5 && told.contains("date-folder:"), "{told}");
    // A second run with other keys is another export.
    let other = export(&["--append", "--partition-by", "event_date"]);
    assert!(other.code == 2 && other.stderr.contains("partition_by"), "{}", other.stderr);
}
