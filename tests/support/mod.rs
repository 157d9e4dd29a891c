//! Runs the program as a user would and checks what holds for every run.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

pub mod objects;
pub mod tables;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a run gave.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The summary as JSON; null for a run that processed nothing.
    pub summary: Value,
}

impl Run {
    /// Lines of stdout as JSON.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A count of the summary.
    pub fn count(&self, name: &str) -> u64 {
        self.summary[name].as_u64().unwrap_or_else(|| panic!("{name} in {}", self.summary))
    }

    /// Rule ids of the alerts on stdout.
    pub fn rule_ids(&self) -> Vec<String> {
        self.json_lines().iter().map(|alert| alert["rule_id"].as_str().expect("a rule id").to_owned()).collect()
    }
}

/// The program.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3sleuth"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_BACKTRACE");
    command
}

/// Runs with a summary file, and checks what must hold for any run: no panic, an equation that adds up, nothing that
/// drives a terminal.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Run {
    run_with_input(arguments, b"")
}

/// The same with bytes on standard input.
pub fn run_with_input<S: AsRef<std::ffi::OsStr>>(arguments: &[S], input: &[u8]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let summary = folder.path().join("summary.json");
    let mut child = program()
        .args(arguments)
        .arg("--summary-json")
        .arg(&summary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let _closed_early = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer ends");
    checked(output, &summary)
}

fn checked(output: Output, summary: &Path) -> Run {
    let stdout = String::from_utf8(output.stdout).expect("stdout is text");
    let stderr = String::from_utf8(output.stderr).expect("stderr is text");
    let summary = std::fs::read_to_string(summary)
        .map_or(Value::Null, |text| serde_json::from_str(&text).expect("the summary is JSON"));
    let code = output.status.code().unwrap_or_else(|| panic!("ended by a signal: {stderr}"));
    assert!(!stderr.contains("panicked") && code != 101, "{stderr}");
    assert!(!stderr.contains('\u{1b}') && !stderr.contains("do not add up"), "{stderr}");
    if !summary.is_null() {
        let count = |name: &str| summary[name].as_u64().unwrap_or_else(|| panic!("{name} in {summary}"));
        let sum = count("records") + count("rejects") + count("blanks") + count("duplicates");
        assert_eq!(count("lines"), sum, "{summary}");
    }
    Run { code, stdout, stderr, summary }
}

/// A folder of the shared test data; `None`, and a word about it, where the data is not there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = if beside.is_dir() {
        beside
    } else {
        PathBuf::from(std::env::var_os("S3SLEUTH_SHARED").unwrap_or_default())
    };
    let path = shared.join("data").join(name);
    if !path.exists() {
        println!("skipped: no shared test data at {}", path.display());
        return None;
    }
    Some(path)
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("the path is UTF-8")
}

/// A well-formed line of an access log.
pub fn access_line(time: &str, operation: &str, key: &str, status: u16) -> String {
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket [{time}] 192.0.2.3 \
         arn:aws:iam::111122223333:user/ann 3E57427F33A59F07 {operation} {key} \"GET /{key} HTTP/1.1\" {status} - 113 113 7 5 \
         \"-\" \"aws-cli/2.15\" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 \
         TLS_AES_128_GCM_SHA256 AuthHeader amzn-s3-demo-bucket.s3.us-west-1.amazonaws.com TLSv1.3 - -\n"
    )
}

/// A folder in memory where there is one: syncs of files that nobody will miss take their time on a busy disk.
pub fn quick_folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Many of them, all different.
pub fn access_lines(count: usize) -> String {
    let line = |index: usize| {
        let time = format!("06/Feb/2026:{:02}:{:02}:{:02} +0000", index / 3600 % 24, index / 60 % 60, index % 60);
        access_line(&time, "REST.GET.OBJECT", &format!("key-{index}"), 200)
    };
    (0..count).map(line).collect()
}

/// Gzipped bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// Writes the files of a scenario to `logs`, its configuration to `config.toml` and its labels to `labels.jsonl`.
pub fn write_scenario(told: &s3sleuth::synth::scenario::Scenario, folder: &Path) {
    let write = |path: &Path, content: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    };
    for (path, content) in &told.files {
        write(&folder.join("logs").join(path), content);
    }
    write(&folder.join("config.toml"), told.config_toml.as_bytes());
    write(&folder.join("labels.jsonl"), told.labels_jsonl().as_bytes());
}
