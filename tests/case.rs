//! Evidence is written down, and what has changed since is found.

mod support;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::SystemTime;
use support::{access_lines, gzip, program};

/// A folder with logs, and a case of them.
struct Place {
    top: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let top = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(top.path().join("logs/deep")).expect("folders");
        fs::write(top.path().join("logs/a.log"), access_lines(30)).expect("a file");
        fs::write(top.path().join("logs/deep/b.gz"), gzip(access_lines(20).as_bytes())).expect("a file");
        fs::write(top.path().join("logs/empty"), "").expect("a file");
        Place { top }
    }

    fn with_case() -> Place {
        let place = Place::new();
        let (code, out, err) = place.run(&["case", "init", "case", "logs"]);
        assert_eq!(code, 0, "{err}");
        assert!(out.ends_with("  case/manifest.jsonl\n") && err.starts_with("3 files, "), "{out}{err}");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        program().current_dir(self.top.path()).args(arguments).output().expect("it runs")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.output(arguments);
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (output.status.code().expect("it ends"), text(output.stdout), text(output.stderr))
    }

    /// Exit code, and each file that is not ok with its verdict.
    fn check(&self) -> (i32, Vec<(String, String)>) {
        let (code, out, _) = self.run(&["case", "check", "case"]);
        let rows = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let told = |row: Value| {
            let path = row["path"].as_str().expect("a path").rsplit_once("/logs/").expect("a root").1.to_owned();
            (path, row["verdict"].as_str().expect("a verdict").to_owned())
        };
        (code, rows.map(told).filter(|(_, verdict)| verdict != "ok").collect())
    }

    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("case/log.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// Changes a byte and leaves size and time as they were.
fn change_a_byte(path: &Path) {
    let modified: SystemTime = fs::metadata(path).and_then(|found| found.modified()).expect("a time");
    let mut bytes = fs::read(path).expect("it is there");
    bytes[40] ^= 1;
    fs::write(path, &bytes).expect("it can be written");
    let file = fs::OpenOptions::new().write(true).open(path).expect("it is there");
    file.set_modified(modified).expect("its time can be set");
    assert_eq!(fs::metadata(path).and_then(|found| found.modified()).expect("a time"), modified);
}

#[test]
fn what_changed_is_missing_or_new_is_found_and_nothing_else() {
    let place = Place::with_case();
    assert_eq!(place.check(), (0, vec![]));
    change_a_byte(&place.path("logs/a.log"));
    fs::remove_file(place.path("logs/deep/b.gz")).expect("it was there");
    fs::write(place.path("logs/deep/c"), "new").expect("a file");
    let told = |path: &str, verdict: &str| (path.to_owned(), verdict.to_owned());
    let expected = vec![told("a.log", "changed"), told("deep/b.gz", "missing"), told("deep/c", "new")];
    assert_eq!(place.check(), (5, expected));
    for (format, words) in
        [("table", "changed (1)"), ("json", "\"summary\":{\"ok\":1,\"changed\":1,\"missing\":1")]
    {
        let (code, out, _) = place.run(&["case", "check", "case", "--format", format]);
        assert!(code == 5 && out.contains(words), "{out}");
    }
    // The same content with another time of change is no violation, and told.
    let place = Place::with_case();
    let file = fs::OpenOptions::new().append(true).open(place.path("logs/a.log")).expect("it is there");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("its time can be set");
    let (code, out, _) = place.run(&["case", "check", "case", "--format", "table"]);
    assert!(code == 0 && out.contains("its time of change is another"), "{code} {out}");
}

#[test]
fn the_manifest_holds_what_the_tools_of_others_find() {
    let place = Place::new();
    let (_, out, _) = place.run(&["case", "init", "case", "logs"]);
    let noted = out.split(' ').next().expect("a hash").to_owned();
    let text = fs::read_to_string(place.path("case/manifest.jsonl")).expect("it is there");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(noted, s3sleuth::synth::sha256(text.as_bytes()));
    let kinds: Vec<&str> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["case", "root", "file", "file", "file", "end", "hash"]);
    assert_eq!(lines[0]["arguments"].as_array().expect("a list")[1..], ["case", "init", "case", "logs"]);
    assert_eq!(lines[0]["rules"], s3sleuth::detect::RULES.len());
    for (line, name) in [(2, "a.log"), (3, "deep/b.gz"), (4, "empty")] {
        let bytes = fs::read(place.path("logs").join(name)).expect("it is there");
        assert_eq!(lines[line]["path"], name);
        assert_eq!(lines[line]["size"], bytes.len());
        assert_eq!(lines[line]["sha256"], s3sleuth::synth::sha256(&bytes));
        assert!(lines[line]["modified"].as_str().expect("a time").ends_with('Z'));
        assert!(lines[line]["taken"].as_str() >= lines[0]["started"].as_str());
    }
    assert_eq!(place.run(&["case", "check", "case", "--sha256", &noted]).0, 0);
    assert_eq!(place.run(&["case", "check", "case", "--sha256", &noted.replace(&noted[..1], "x")]).0, 5);
    let (code, _, err) = place.run(&["case", "init", "case", "logs"]);
    assert!(code == 2 && err.contains("exists"), "{err}");
    for inside in ["logs/case", "logs", "logs/deep/new/case"] {
        let (code, _, err) = place.run(&["case", "init", inside, "logs"]);
        assert!(code == 2 && err.contains("lies in"), "{inside}: {err}");
    }
    assert_eq!(place.run(&["case", "init", "other", "nowhere"]).0, 2);
    assert!(!place.path("other").exists());
}

#[test]
fn a_manifest_that_was_edited_is_refused() {
    let place = Place::with_case();
    let manifest = place.path("case/manifest.jsonl");
    let text = fs::read_to_string(&manifest).expect("it is there");
    let hash = s3sleuth::synth::sha256(&fs::read(place.path("logs/a.log")).expect("it is there"));
    change_a_byte(&place.path("logs/a.log"));
    let other = s3sleuth::synth::sha256(&fs::read(place.path("logs/a.log")).expect("it is there"));
    fs::write(&manifest, text.replace(&hash, &other)).expect("it can be written");
    for arguments in [vec!["case", "check", "case"], vec!["detect", "logs", "--case", "case"]] {
        let (code, out, err) = place.run(&arguments);
        assert!(code == 5 && out.is_empty() && err.contains("the manifest was changed"), "{code} {err}");
    }
}

#[test]
fn evidence_may_lie_elsewhere() {
    let place = Place::with_case();
    fs::rename(place.path("logs"), place.path("moved")).expect("it was there");
    assert_eq!(place.run(&["case", "check", "case"]).0, 5);
    assert_eq!(place.run(&["case", "check", "case", "moved"]).0, 0);
    assert_eq!(place.run(&["case", "check", "case", "moved", "case"]).0, 2);
    change_a_byte(&place.path("moved/a.log"));
    assert_eq!(place.run(&["case", "check", "case", "moved"]).0, 5);
}

#[test]
fn commands_refuse_evidence_that_is_not_as_it_was_taken() {
    let commands: [&[&str]; 8] = [
        &["detect", "logs"],
        &["coverage", "logs"],
        &["timeline", "logs", "--ip", "192.0.2.3"],
        &["exposure", "logs"],
        &["recover", "logs"],
        &["verify", "logs"],
        &["export", "logs", "--format", "jsonl", "-o", "-"],
        &["baseline", "learn", "logs", "-o", "usual"],
    ];
    for command in commands {
        let place = Place::with_case();
        let with_case = |more: &[&str]| place.run(&[command, &["--case", "case"], more].concat());
        let plain = place.run(command);
        fs::remove_file(place.path("usual")).unwrap_or_default();
        let (code, out, err) = with_case(&[]);
        assert_eq!((code, &out), (plain.0, &plain.1), "{command:?}: {err}");
        fs::remove_file(place.path("usual")).unwrap_or_default();
        change_a_byte(&place.path("logs/a.log"));
        let (code, out, err) = with_case(&[]);
        assert!(code == 5 && out.is_empty() && !place.path("usual").exists(), "{command:?} {code}: {out}");
        assert!(err.contains("changed") && err.contains("a.log") && err.contains("--case-changed flag"), "{err}");
        let (code, _, err) = with_case(&["--case-changed", "flag"]);
        // Without digests there is nothing to verify, whatever is flagged.
        let codes: &[i32] = if command[0] == "verify" { &[2] } else { &[3, 5] };
        assert!(codes.contains(&code) && err.contains("a.log"), "{command:?} {code}: {err}");
        assert!(command[0] == "verify" || err.contains("50 lines = "), "it went on: {err}");
        let log = place.log();
        let runs: Vec<(Option<u64>, Option<bool>)> =
            log.iter().map(|run| (run["violations"].as_u64(), run["went_on"].as_bool())).collect();
        assert_eq!(runs, [(Some(0), Some(true)), (Some(1), Some(false)), (Some(1), Some(true))], "{command:?}");
        assert_eq!(log[0]["arguments"][1], command[0]);
    }
}

#[test]
fn missing_and_unlisted_inputs_are_refused_too() {
    let place = Place::with_case();
    let refused = |path: &str, word: &str| {
        let (code, _, err) = place.run(&["detect", path, "--case", "case"]);
        assert!(code == 5 && err.contains(word), "{path} {code}: {err}");
    };
    fs::write(place.path("beside.log"), access_lines(2)).expect("a file");
    refused("beside.log", "new beside.log: it is not in the manifest");
    refused("-", "standard input is in no manifest");
    fs::remove_file(place.path("logs/deep/b.gz")).expect("it was there");
    refused("logs", "missing");
    refused("logs/deep", "missing");
    // What is not asked for is not looked at, and a path may be written in any way.
    for path in ["logs/a.log", "./logs/../logs/a.log", "logs/*.log"] {
        assert_eq!(place.run(&["detect", path, "--case", "case"]).0, 0, "{path}");
    }
    assert_eq!(place.run(&["detect", "logs", "--case-changed", "flag"]).0, 2, "needs --case");
    assert_eq!(place.run(&["detect", "logs", "--case", "nowhere"]).0, 2);
}

#[cfg(unix)]
#[test]
fn hostile_names_do_nothing_to_a_terminal_and_are_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let names: [&[u8]; 5] =
        [b"a\nnew: b", b"\x1b]0;title\x07\x1b[2J", "x\u{202e}gz.a".as_bytes(), b"\xff\xfe", b"-rf"];
    for name in names {
        fs::write(place.path("logs").join(std::ffi::OsStr::from_bytes(name)), name).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", place.path("logs/link")).expect("a link");
    let (code, _, err) = place.run(&["case", "init", "case", "logs"]);
    assert!(code == 0 && err.contains("a symbolic link"), "{err}");
    assert_eq!(place.run(&["case", "check", "case"]).0, 0);
    for name in names {
        fs::remove_file(place.path("logs").join(std::ffi::OsStr::from_bytes(name))).expect("it was there");
    }
    fs::write(place.path("logs").join(std::ffi::OsStr::from_bytes(b"\x1b[31m\xff")), "x").expect("a file");
    for arguments in [
        &["case", "check", "case", "--format", "table"][..],
        &["case", "check", "case", "--format", "jsonl"],
        &["case", "check", "case", "--format", "json"],
        &["detect", "logs", "--case", "case"],
    ] {
        let (code, out, err) = place.run(arguments);
        assert_eq!(code, 5, "{err}");
        let text = out + &err;
        let is_bad = |character: &char| (character.is_control() && *character != '\n') || *character == '\u{202e}';
        assert!(!text.chars().any(|character| is_bad(&character)), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("new: b")), "{text:?}");
    }
    let (_, out, _) = place.run(&["case", "check", "case"]);
    assert_eq!(out.matches("\"missing\"").count(), 5);
}

#[cfg(unix)]
#[test]
fn a_log_that_leads_elsewhere_is_left_alone() {
    let place = Place::with_case();
    fs::write(place.path("mine"), "mine").expect("a file");
    std::os::unix::fs::symlink(place.path("mine"), place.path("case/log.jsonl")).expect("a link");
    let (code, _, err) = place.run(&["detect", "logs", "--case", "case"]);
    assert!(code == 0 && err.contains("is not written down"), "{err}");
    assert_eq!(fs::read_to_string(place.path("mine")).expect("it is there"), "mine");
}
