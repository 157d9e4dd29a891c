//! Bad input is normal: the documented exit code, the rest of the input done, a message with file and place.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use support::{access_line, access_lines, gzip, program, run, run_with_input, text};

/// A good file beside the bad one, so that "the rest of the input is done" can be seen.
const GOOD_LINES: usize = 50;

fn folder_with_good_file() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("good.log"), access_lines(GOOD_LINES)).expect("it can be written");
    folder
}

/// Runs `detect` over the folder; the good file must have been read, and stderr must name the bad one.
fn check(folder: &Path, bad: &str, code: i32, message: &str) -> support::Run {
    let run = run(&["detect", text(folder)]);
    assert_eq!(run.code, code, "{bad}: {}", run.stderr);
    assert!(run.count("records") >= GOOD_LINES as u64, "{bad}: {}", run.summary);
    let named: Vec<&str> = run.stderr.lines().filter(|line| line.contains(bad)).collect();
    assert!((1..=3).contains(&named.len()) && named.concat().contains(message), "{bad}: {}", run.stderr);
    run
}

#[test]
fn a_cut_gzip_gives_its_whole_lines_and_exit_code_3() {
    let folder = folder_with_good_file();
    let whole = gzip(access_lines(5000).as_bytes());
    fs::write(folder.path().join("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    let run = check(folder.path(), "cut.gz", 3, "partly read");
    assert_eq!(run.count("files_partial"), 1);
    assert_eq!(run.count("rejects"), 1, "the cut line is a reject");
    assert!(run.count("records") > 1000, "{}", run.summary);
}

#[test]
fn a_gzip_bomb_is_a_limit_hit_and_ends_soon() {
    let folder = folder_with_good_file();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        encoder.write_all(&zeros).unwrap();
    }
    fs::write(folder.path().join("bomb.gz"), encoder.finish().unwrap()).unwrap();
    let started = std::time::Instant::now();
    check(folder.path(), "bomb.gz", 6, "bomb");
    assert!(started.elapsed().as_secs() < 10);
}

#[test]
fn a_line_of_100_megabytes_is_one_reject_and_a_limit_hit() {
    let folder = folder_with_good_file();
    let mut bytes = vec![b'x'; 100_000_000];
    bytes.push(b'\n');
    bytes.extend_from_slice(access_lines(10).as_bytes());
    fs::write(folder.path().join("long.log"), bytes).unwrap();
    let run = check(folder.path(), "long.log", 6, "--max-line");
    assert_eq!((run.count("rejects"), run.count("records")), (1, GOOD_LINES as u64 + 10));
}

#[test]
fn a_binary_file_is_skipped_with_exit_code_3() {
    let folder = folder_with_good_file();
    fs::write(folder.path().join("program.bin"), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\xff\xfe".repeat(100)).unwrap();
    let run = check(folder.path(), "program.bin", 3, "skipped");
    assert_eq!(run.count("files_skipped"), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_skipped_with_exit_code_3() {
    let folder = folder_with_good_file();
    let closed = folder.path().join("closed.log");
    fs::write(&closed, access_lines(10)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    }
    if fs::read(&closed).is_ok() {
        println!("skipped: this user can read any file");
        return;
    }
    check(folder.path(), "closed.log", 3, "ermission denied");
}

#[test]
fn a_full_disk_is_exit_code_4() {
    if !Path::new("/dev/full").exists() {
        println!("skipped: no /dev/full");
        return;
    }
    let torn = tempfile::NamedTempFile::new().unwrap();
    fs::write(torn.path(), access_lines(2) + "torn\n").unwrap();
    for arguments in [
        ["export", "samples", "--format", "jsonl", "-o", "/dev/full"].as_slice(),
        &["export", "samples", "--format", "csv", "--log", "s3_access", "-o", "/dev/full"],
        &["detect", "samples", "-o", "/dev/full"],
        &["detect", "samples", "--summary-json", "/dev/full"],
        &["detect", "samples", text(torn.path()), "--rejects", "/dev/full"],
    ] {
        let output = program().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {stderr}");
        assert!(stderr.contains("/dev/full"), "{stderr}");
    }
    let stdout = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = program().args(["detect", "samples"]).stdout(stdout).stderr(std::process::Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(4));
    // Messages that nobody can read change nothing.
    let stderr = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = program().args(["detect", "samples"]).stdout(std::process::Stdio::null()).stderr(stderr).status();
    assert_eq!(status.unwrap().code(), Some(0));
}

#[test]
fn evidence_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("evidence.log");
    fs::write(&log, access_lines(3)).unwrap();
    let log = text(&log);
    for arguments in [
        ["detect", log, "--force", "-o", log].as_slice(),
        &["detect", log, "--force", "--rejects", log],
        &["detect", text(folder.path()), "--force", "--summary-json", log],
        &["export", log, "--force", "--format", "jsonl", "-o", log],
        &["detect", log, "--force", "-o", "/tmp/one", "--rejects", "/tmp/one"],
    ] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(fs::read_to_string(log).unwrap(), access_lines(3));
    }
}

#[test]
fn an_output_that_exists_is_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (taken, free) = (folder.path().join("taken"), folder.path().join("free"));
    fs::write(&taken, "mine").unwrap();
    for arguments in
        [["--summary-json", text(&taken), "-o", text(&free)], ["--rejects", text(&taken), "-o", text(&free)]]
    {
        let output = program().args(["detect", "samples"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!free.exists() && fs::read(&taken).unwrap() == b"mine");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn an_archive_with_names_that_lead_outside_is_read_in_place() {
    let folder = folder_with_good_file();
    let path = folder.path().join("evil.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    for name in ["../../outside.log", "/absolute.log"] {
        zip.start_file(name, options).unwrap();
        zip.write_all(access_lines(3).as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let run = check(folder.path(), "evil.zip", 0, "outside");
    assert_eq!(run.count("records"), GOOD_LINES as u64 + 6);
    assert!(!folder.path().parent().unwrap().join("outside.log").exists());
}

#[test]
fn mistakes_of_usage_are_exit_code_2_at_once() {
    for arguments in [
        ["detect", "no-such-folder"].as_slice(),
        &["detect", "samples", "--since", "yesterday"],
        &["detect", "samples", "--since", "2026-03-05", "--until", "2026-03-04"],
        &["detect", "samples", "--rule", "NO-999"],
        &["detect", "samples", "--config", "no-such.toml"],
        &["detect", "samples", "--format", "xml"],
        &["detect"],
        &["detect", "no-such-*.log"],
        &["export", "samples", "-o", "-"],
        &["export", "samples", "-o", "-", "--format", "jsonl", "--columns", "no_such_column"],
        &["rules", "explain", "NO-999"],
        &["no-such-command"],
    ] {
        let output = program().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn options_of_another_format_are_refused() {
    for (format, options) in [
        ("csv", &["--partition-by", "region"][..]),
        ("csv", &["--sort", "file"]),
        ("arrow", &["--sort", "row-group"]),
        ("jsonl", &["--compression", "zstd"]),
        ("csv", &["--encoding", "compatible"]),
        ("jsonl", &["--no-bloom-filters"]),
        ("jsonl", &["--append"]),
        ("arrow", &["--no-resume"]),
        ("csv", &["--quick-hash"]),
        ("jsonl", &["--csv-raw"]),
        ("parquet", &["--csv-raw"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let arguments = [&["export", "samples", "-o", text(&out), "--format", format], options].concat();
        let refused = program().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&refused.stderr);
        let expected = format!("{} is for --format ", options[0]);
        assert!(refused.status.code() == Some(2) && stderr.contains(&expected), "{format} {options:?}: {stderr}");
        assert!(!out.exists());
    }
}

#[test]
fn columns_may_have_spaces_around_them_and_an_unknown_one_is_answered_with_those_there_are() {
    let export = |columns: &str| {
        let arguments =
            ["export", "samples", "--log", "s3_access", "--format", "csv", "-o", "-", "--columns", columns];
        let ended = program().args(arguments).output().unwrap();
        (ended.status.code(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
    };
    let (code, told) = export(" event_time, operation ");
    assert!(code == Some(0) && told.starts_with("event_time,operation\r\n"), "{told}");
    let (code, told) = export("event_time,operatoin");
    assert!(code == Some(2) && told.contains("s3_access has no column operatoin: s3_access has "), "{told}");
    assert!(told.contains(", operation, "), "{told}");
    assert_eq!(export("event_time,,operation").0, Some(2));
}

#[test]
fn a_stream_of_one_dataset_fails_where_the_other_log_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    for (output, is_told) in [("-", true), (text(&file), false)] {
        let run = program().args(["export", "samples", "--format", "csv", "-o", output]).output().unwrap();
        let stderr = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{output}: {stderr}");
        for words in ["--log cloudtrail", "--log activity", "--format jsonl"] {
            assert!(stderr.contains(words), "{words}: {stderr}");
        }
        assert_eq!(stderr.contains("what was written so far is not complete"), is_told, "{stderr}");
    }
    assert!(!file.exists());
}

#[test]
fn a_closed_pipe_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.log"), access_lines(20_000)).unwrap();
    let mut child = program()
        .args(["export", "--format", "jsonl", "-o", "-", "-q", text(folder.path())])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn refused_lines_are_shown_and_written_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let good = access_lines(2);
    let input = format!("{good}not a line \u{1b}[2J\n{good}");
    let rejects = folder.path().join("rejects.jsonl");
    let run = run_with_input(&["detect", "-", "--rejects", text(&rejects)], input.as_bytes());
    assert_eq!((run.code, run.count("rejects"), run.count("records")), (3, 1, 4));
    assert!(run.stderr.contains("-:3:"), "{}", run.stderr);
    let line: serde_json::Value = serde_json::from_str(fs::read_to_string(&rejects).unwrap().trim()).unwrap();
    assert_eq!((&line["line"], &line["byte_offset"]), (&3.into(), &good.len().into()));
    assert_eq!(line["raw"], "not a line \\x1b[2J");
}

#[test]
fn log_text_cannot_drive_the_terminal() {
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}";
    let mut line = access_line("06/Feb/2026:00:00:00 +0000", "REST.GET.OBJECT", "a.txt", 200);
    line = line.replace("arn:aws:iam::111122223333:user/ann", "-").replace("a.txt \"", &format!("a{evil}.txt \""));
    for format in ["jsonl", "json", "csv", "table"] {
        let run = run_with_input(&["detect", "-", "--format", format], line.as_bytes());
        assert!(run.stdout.contains("GET-014"), "{format}: {}", run.stdout);
        let raw = run.stdout.chars().filter(|character| s3sleuth::report::safe::is_unsafe(*character));
        assert!(raw.clone().all(|character| matches!(character, '\n' | '\r')), "{format}: {:?}", run.stdout);
    }
}
