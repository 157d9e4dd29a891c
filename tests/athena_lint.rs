//! `athena-lint`: bad tables are caught by the check that is meant, good ones by none, and hostile files do no
//! harm.
#![allow(clippy::unwrap_used)]

#[path = "athena_lint/build.rs"]
mod build;
#[path = "athena_lint/fixtures.rs"]
mod fixtures;
mod support;

use build::*;
use fixtures::{FIXTURES, GOOD, GOOD_DDL};
use parquet::file::properties::WriterVersion;
use s3sleuth::lint::{CHECKS, Limits, Options, Outcome, Report, Severity, lint, parse_ddl};
use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use support::{program, text};

/// Checks that warn of our own exports.
const KNOWN_WARNINGS: &[u8] = &[];

fn options(ddl: Option<&str>) -> Options {
    let statements = ddl.map_or(Vec::new(), |ddl| parse_ddl(ddl).unwrap());
    Options { statements, today: DAY_MS / 86_400_000 + 30, ..Options::default() }
}

fn numbers(report: &Report) -> BTreeSet<u8> {
    report.findings.iter().map(|finding| finding.check).collect()
}

/// Runs the program; nothing it prints may drive a terminal.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = program().arg("athena-lint").args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!stderr.contains("panicked") && !stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{stderr}");
    (output.status.code().unwrap(), stdout, stderr)
}

#[test]
fn each_bad_table_is_caught_by_the_check_that_is_meant() {
    let mut failed = Vec::new();
    for fixture in FIXTURES {
        let root = tempfile::tempdir().unwrap();
        (fixture.build)(root.path());
        let mut options = options(fixture.ddl);
        (fixture.limits)(&mut options.limits);
        let report = lint(root.path(), &options).unwrap();
        let expected: BTreeSet<u8> = fixture.also.iter().copied().chain([fixture.check]).collect();
        let name = fixture.name;
        if numbers(&report) != expected {
            let found: Vec<_> = report.findings.iter().map(|finding| (finding.check, &finding.found)).collect();
            failed.push(format!("{name}: {expected:?} expected: {found:?}"));
        }
        let outcome = report.checks[usize::from(fixture.check) - 1].outcome;
        if !matches!(outcome, Outcome::Violated | Outcome::Warned) {
            failed.push(format!("{name}: {outcome:?}"));
        }
        let counted = report.count(Severity::Error) + report.count(Severity::Warning);
        assert_eq!(counted, report.findings.len() as u64, "{name}");
    }
    assert!(failed.is_empty(), "{failed:#?}");
    for check in CHECKS {
        let count = FIXTURES.iter().filter(|fixture| fixture.check == check.number).count();
        assert!(count >= 2, "{} has {count} fixtures", check.name);
    }
}

#[test]
fn good_tables_pass() {
    for (name, build, ddl) in GOOD {
        let root = tempfile::tempdir().unwrap();
        build(root.path());
        let mut options = options(*ddl);
        options.limits.row_bytes = 100;
        let report = lint(root.path(), &options).unwrap();
        assert!(report.findings.is_empty() && report.unreadable.is_empty(), "{name}: {report:#?}");
        let passed = report.checks.iter().filter(|check| check.outcome == Outcome::Passed).count();
        assert!(passed >= 17, "{name}: {:#?}", report.checks);
        let note = report.notes.iter().any(|note| note.contains("2 rows without a date"));
        assert_eq!(note, *name == "rows without a time", "{:?}", report.notes);
    }
}

#[test]
fn limits_are_those_of_the_documentation() {
    let limits = Limits::default();
    let numbers = [limits.row_group_bytes, limits.row_group_rows, limits.page_bytes, limits.row_bytes];
    assert_eq!(numbers, [256 << 20, 1_048_576, 1 << 20, 32 << 20]);
    assert_eq!(limits.file_bytes, (64 << 20, 512 << 20));
}

#[test]
fn a_smaller_rest_beside_full_files_is_fine() {
    let root = tempfile::tempdir().unwrap();
    for (name, rows) in [("part-0", 4000), ("part-1", 4000), ("part-2", 1)] {
        let times: Vec<Option<i64>> = (0..rows).map(Some).collect();
        let path = place(root.path(), &format!("event_date=2026-03-01/{name}.parquet"));
        write(&path, COLUMNS, &[rows_at(&times)], settings());
    }
    let mut options = options(None);
    options.limits.file_bytes = (10_000, 10_000_000);
    assert_eq!(numbers(&lint(root.path(), &options).unwrap()), BTreeSet::new());
    options.limits.file_bytes = (10_000_000, 20_000_000);
    assert_eq!(numbers(&lint(root.path(), &options).unwrap()), BTreeSet::from([13]));
}

#[test]
fn our_own_exports_pass() {
    let root = tempfile::tempdir().unwrap();
    for (name, log, files) in [("access", SynthLog::S3Access, 1), ("trail", SynthLog::CloudTrail, 0)] {
        let options = SynthOptions { log, files, bytes: 600_000, hostile_ppm: 50_000, ..SynthOptions::default() };
        write_files(&options, &root.path().join(name)).unwrap();
    }
    let (access, trail) = (root.path().join("access"), root.path().join("trail"));
    let logs = [text(&access), text(&trail), "samples/"];
    let access_columns = ["--log", "s3_access", "--columns", "object_key,event_time,http_status"];
    let activity = ["--log", "activity"];
    let cases: [(&str, &[&str], &[&str]); 10] = [
        ("default", &logs, &[]),
        ("fast", &logs, &["--encoding", "fast"]),
        ("snappy", &logs, &["--compression", "snappy"]),
        ("gzip", &logs, &["--compression", "gzip"]),
        ("zstd:19", &logs[2..], &["--compression", "zstd:19"]),
        ("columns", &logs[..1], &access_columns),
        ("no time", &logs[..1], &["--columns", "object_key,remote_ip"]),
        ("activity", &logs, &activity),
        ("ocsf", &logs, &["--schema", "ocsf"]),
        ("activity fast gzip", &logs, &["--log", "activity", "--encoding", "fast", "--compression", "gzip"]),
    ];
    for (name, inputs, settings) in cases {
        let lake = root.path().join(name.replace(' ', "_"));
        let arguments = [&["export", "-q", "-o", text(&lake)], settings, inputs].concat();
        let exported = program().args(&arguments).output().unwrap();
        assert!(lake.is_dir(), "{name}: {}", String::from_utf8_lossy(&exported.stderr));
        let (code, stdout, _) = run(&[text(&lake), "--format", "json"]);
        let report: Value = serde_json::from_str(&stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        let unexpected: Vec<&Value> = findings
            .iter()
            .filter(|finding| {
                let number = finding["check"].as_u64().unwrap() as u8;
                finding["severity"] == "error" || !KNOWN_WARNINGS.contains(&number)
            })
            .collect();
        assert!(unexpected.is_empty() && code == 0, "{name}: {code} {unexpected:#?}");
        let (code, told, _) = run(&[text(&lake), "--strict"]);
        assert_eq!(code, 0, "{name}: {told}");
        for check in report["checks"].as_array().unwrap() {
            let skipped = check["outcome"] == "not_evaluated";
            let expected = name == "no time" && [14, 15].contains(&check["check"].as_u64().unwrap());
            assert_eq!(skipped, expected, "{name}: {check}");
        }
    }
}

#[test]
fn no_mutation_of_a_file_does_harm() {
    let root = tempfile::tempdir().unwrap();
    let path = part(root.path());
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut options = options(None);
    options.limits.decoded_values = 1 << 20;
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let mut findings = 0;
    for version in versions {
        write(&path, COLUMNS, &[rows(), rows()], settings().set_writer_version(version));
        let good = fs::read(&path).unwrap();
        for _ in 0..200 {
            let mut bytes = good.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            fs::write(&path, &bytes).unwrap();
            findings += lint(root.path(), &options).unwrap().findings.len();
        }
    }
    assert!(findings > 200, "{findings}");
}

/// A file with this footer and no pages.
fn footer_only(path: &Path, footer: &[u8]) {
    let length = (footer.len() as u32).to_le_bytes();
    fs::write(path, [b"PAR1", footer, &length, b"PAR1"].concat()).unwrap();
}

#[test]
fn false_claims_cost_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = part(root.path());
    let huge = [0xff, 0xff, 0xff, 0xff, 0x07];
    // version 1; schema of one node "m" without children; no rows.
    let head = [0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, b'm', 0x15, 0x00, 0x00, 0x16, 0x00];
    let node = [0x35, 0x00, 0x18, 0x01, b'a', 0x15, 0x02, 0x00];
    let count = [0xa0, 0x8d, 0x06];
    let deep = [&[0x15, 0x02, 0x19, 0xfc][..], &count, &node.repeat(100_000), &[0x00]].concat();
    let children =
        [&[0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, b'm', 0x15][..], &[0xfe, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x00]]
            .concat();
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("schema nodes", [&[0x15, 0x02, 0x19, 0xfc][..], &huge].concat(), "not well formed"),
        ("row groups", [&head[..], &[0x19, 0xfc], &huge].concat(), "not well formed"),
        ("children", children, "claims 2147483647 children"),
        ("levels", deep, "levels is not read"),
        ("nothing", Vec::new(), "not well formed"),
    ];
    for (name, footer, expected) in cases {
        footer_only(&path, &footer);
        let report = lint(root.path(), &options(None)).unwrap();
        let found = report.findings.iter().map(|finding| &finding.found);
        let texts: Vec<&String> =
            found.chain(report.unreadable.iter().map(|unreadable| &unreadable.reason)).collect();
        assert!(texts.iter().any(|text| text.contains(expected)), "{name}: {texts:?}");
    }
    // A schema that is too deep is no damage: it was not read.
    footer_only(&path, &[&[0x15, 0x02, 0x19, 0xfc][..], &count, &node.repeat(100_000), &[0x00]].concat());
    let (code, stdout, _) = run(&[text(root.path())]);
    assert_eq!(
        (code, stdout.contains("not read: logs/event_date=2026-03-01/part-0.parquet")),
        (3, true),
        "{stdout}"
    );
}

#[test]
fn what_is_decoded_is_bounded() {
    type Limit = fn(&mut Limits);
    let limits: [(&str, Limit); 4] = [
        ("more values than are decoded", |limits| {
            (limits.decoded_values, limits.decoded_values_per_byte) = (3, 0);
        }),
        ("uncompressed is not decoded", |limits| limits.decoded_page_bytes = 10),
        ("uncompressed is not decoded", |limits| limits.decoded_dictionary_bytes = 10),
        ("a footer of", |limits| limits.footer_bytes = 10),
    ];
    for (expected, change) in limits {
        let root = tempfile::tempdir().unwrap();
        good_table(root.path());
        let mut options = options(None);
        change(&mut options.limits);
        let report = lint(root.path(), &options).unwrap();
        assert!(report.unreadable.iter().any(|unreadable| unreadable.reason.contains(expected)), "{report:#?}");
        assert!(report.findings.is_empty(), "{expected}");
    }
}

#[test]
fn the_command_says_what_it_found() {
    let root = tempfile::tempdir().unwrap();
    let missing = root.path().join("missing");
    assert_eq!(run(&[text(&missing)]).0, 2);
    assert_eq!(run(&[text(root.path())]).0, 2);
    assert_eq!(run(&[]).0, 2);
    good_table(root.path());
    let (code, stdout, _) = run(&[text(root.path())]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("20 ddl-fits               not evaluated no --ddl FILE"), "{stdout}");
    let ddl = root.path().join("tables.sql");
    fs::write(&ddl, GOOD_DDL.replace("size bigint", "size double")).unwrap();
    let (code, stdout, _) = run(&[text(root.path()), "--ddl", text(&ddl)]);
    assert!(code == 5 && stdout.contains("double in the statement, bigint in the files"), "{code} {stdout}");
    fs::write(&ddl, "nothing").unwrap();
    assert_eq!(run(&[text(root.path()), "--ddl", text(&ddl)]).0, 2);
    // Warnings alone end well, unless they count.
    good(&place(root.path(), "event_date=2026-03-01/part-\u{1b}[2J.parquet"));
    let (code, stdout, _) = run(&[text(root.path())]);
    assert!(code == 0 && stdout.contains("2 of 2 files"), "{code} {stdout}");
    let (code, stdout, stderr) = run(&[text(root.path()), "--strict", "--format", "jsonl"]);
    let findings: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, findings.len()), (5, 1));
    assert_eq!(findings[0]["name"], "file-size");
    for name in ["path", "found", "why", "link", "next"] {
        assert!(findings[0][name].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert!(stderr.contains("13 file-size              warned        1 warning"), "{stderr}");
    let (_, list, _) = run(&["--list"]);
    assert_eq!(list.lines().count(), CHECKS.len());
    let (_, help, _) = run(&["--help"]);
    for check in CHECKS {
        assert!(list.contains(check.name) && help.contains(check.name), "{}", check.name);
    }
}

#[test]
fn long_lists_are_cut_in_the_table_and_whole_in_jsonl() {
    let root = tempfile::tempdir().unwrap();
    let columns: String = (0..150).map(|number| format!("optional int96 c{number};")).collect();
    with_column(root.path(), &columns);
    let (code, table, _) = run(&[text(root.path())]);
    assert!(code == 5 && table.contains("… and 50 more; --format jsonl shows all"), "{table}");
    assert!(table.contains("VIOLATED      150 errors"), "{table}");
    let (_, lines, _) = run(&[text(root.path()), "--format", "jsonl"]);
    assert_eq!(lines.lines().count(), 150);
}
