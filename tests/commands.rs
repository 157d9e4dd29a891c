//! What holds for every command.

mod support;

use std::fs;
use std::path::Path;
use support::{Run, access_line, access_lines, program, run, text};

/// The words of each command, those below another behind it.
fn commands_below(words: &[String]) -> Vec<Vec<String>> {
    let output = program().args(words).arg("--help").output().expect("the program starts");
    let help = String::from_utf8(output.stdout).expect("help is text");
    assert!(help.contains("-q, --quiet"), "{words:?}: {help}");
    let listed = help
        .split("\nCommands:\n")
        .nth(1)
        .map_or(String::new(), |rest| rest.split("\n\n").next().unwrap_or("").to_owned());
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut all = vec![words.to_vec()];
    for name in names {
        all.extend(commands_below(&[words, &[name.to_owned()]].concat()));
    }
    all
}

#[test]
fn every_command_can_be_quiet() {
    assert!(commands_below(&[]).len() > 25);
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["demo", "one", "-q"][..], &["-q", "demo", "two"], &["rules", "list", "-q"], &["man", "-q"]]
    {
        let output = program().current_dir(folder.path()).args(arguments).output().expect("the program starts");
        assert!(output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(), "{arguments:?}");
    }
    let output = program().args(["-q", "demo", "src"]).output().expect("the program starts");
    assert!(output.status.code() == Some(2) && !output.stderr.is_empty(), "errors are told");
}

#[test]
fn every_manual_page_that_is_named_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let man = folder.path().join("man");
    let output = program().args(["man", text(&man)]).output().expect("the program starts");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let mut pages = std::collections::BTreeMap::new();
    for file in fs::read_dir(&man).expect("a folder") {
        let path = file.expect("a file").path();
        let page = fs::read_to_string(&path).expect("text").replace("\\-", "-");
        pages.insert(path.file_name().expect("a name").to_str().expect("text").to_owned(), page);
    }
    let commands = commands_below(&[]).len();
    assert!(pages.contains_key("s3sleuth-timeline.1") && pages.contains_key("s3sleuth-case-check.1"));
    assert_eq!(pages.len(), commands, "a page a command");
    let mut named = 0;
    for (name, page) in &pages {
        let title = name.trim_end_matches(".1");
        assert!(page.contains(&format!(".TH {title} 1")) && page.matches(".SH SYNOPSIS").count() == 1, "{name}");
        for before in page.match_indices("(1)").map(|(at, _)| &page[..at]) {
            let word = before.rsplit([' ', '\n', '\t']).next().expect("a word");
            assert!(pages.contains_key(&format!("{word}.1")), "{name} names {word}(1)");
            named += 1;
        }
    }
    assert!(named >= 25, "{named}");
    let all = program().arg("man").output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&all.stdout).matches(".SH NAME").count(), pages.len());
}

/// Runs each command that reads logs as rows, its output in a file of the folder.
fn each_reader(folder: &Path, arguments: &[&str]) -> Vec<(&'static str, Run)> {
    let out = folder.join("out");
    let readers = ["detect", "timeline", "coverage", "exposure", "recover", "report", "export"];
    let run_one = |name: &'static str| {
        let out = out.join(name);
        fs::create_dir_all(&out).expect("a folder");
        let output = if name == "export" { out } else { out.join("file") };
        (name, run(&[&[name], arguments, &["-o", text(&output), "--force"]].concat()))
    };
    readers.into_iter().map(run_one).collect()
}

#[test]
fn where_there_is_no_log_one_sentence_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for name in ["empty", "ignored", "skipped"] {
        fs::create_dir(place(name)).expect("a folder");
    }
    fs::write(place("ignored").join("a.log"), "").expect("a file");
    fs::write(place("skipped").join("a.json"), "{\"a\":1}").expect("a file");
    for (name, code, found) in [
        ("empty", 0, "nothing was read; there are no files; name files or folders with"),
        ("ignored", 0, "nothing was read; ignored: 1 file (empty); name files or folders with"),
        ("skipped", 3, "nothing was read; skipped: 1 file; name files or folders with"),
    ] {
        for (command, told) in each_reader(folder.path(), &[text(&place(name))]) {
            assert_eq!(told.code, code, "{command} {name}: {}", told.stderr);
            assert!(told.stderr.contains(found), "{command} {name}: {}", told.stderr);
            // A skipped file is named, and some say how much they found or wrote.
            assert!(told.stderr.lines().count() <= 3 && !told.stderr.contains("not evaluated"), "{}", told.stderr);
        }
    }
    let told = run(&["coverage", text(&place("empty")), "--format", "table"]);
    assert!(!told.stdout.contains("LOG-001"), "{}", told.stdout);
}

#[test]
fn where_no_record_lies_in_the_time_asked_for_it_is_said_when_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("a.log");
    fs::write(&logs, access_lines(100)).expect("a file");
    let path = text(&logs);
    let are = "they are from 2026-02-06T00:00:00Z to 2026-02-06T00:01:39Z (UTC)";
    for (range, asked) in [
        (&["--since", "2030-01-01"][..], "(from 2030-01-01T00:00:00Z)"),
        (&["--until", "2020-01-01"], "(before 2020-01-01T00:00:00Z)"),
        (
            &["--since", "2026-02-07", "--until", "2026-02-08"],
            "(from 2026-02-07T00:00:00Z to 2026-02-08T00:00:00Z)",
        ),
    ] {
        let sentence = format!("100 records were read, and none lies in the time asked for {asked}: {are}");
        for (command, told) in each_reader(folder.path(), &[&[path], range].concat()) {
            assert_eq!(told.code, 0, "{command}: {}", told.stderr);
            assert!(told.stderr.contains(&sentence), "{command}: {}", told.stderr);
            assert!(!told.stderr.contains("not evaluated"), "{command}: {}", told.stderr);
        }
    }
    // Between records there are none either.
    let line = |time| access_line(time, "REST.GET.OBJECT", "key", 200);
    fs::write(&logs, line("06/Feb/2026:00:00:00 +0000") + &line("09/Feb/2026:00:00:00 +0000")).expect("a file");
    let between = |more: &[&str]| run(&[&["timeline", path, "--since", "2026-02-07"], more].concat()).stderr;
    assert!(between(&["--until", "2026-02-08"]).contains("2 records were read, and none lies"));
    assert!(!between(&[]).contains("none lies"));
}
