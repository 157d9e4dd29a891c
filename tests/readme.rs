//! What the README says can be done can be done.

mod support;

use std::path::Path;
use std::process::Command;
use support::program;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README")
}

/// The code block behind a marker.
fn block<'a>(text: &'a str, marker: &str) -> &'a str {
    let after = text.split_once(marker).unwrap_or_else(|| panic!("no {marker}")).1;
    let body = after.split_once("```").expect("a code block begins").1;
    body.split_once('\n').expect("it has lines").1.split_once("```").expect("it ends").0.trim()
}

#[test]
fn the_set_up_commands_are_the_ones_that_are_tested() {
    let readme = readme();
    assert_eq!(block(&readme, "<!-- test -->"), "cargo test --release --locked");
    let run = block(&readme, "<!-- run -->");
    let arguments = run.strip_prefix("cargo run --release --locked -- ").expect("it runs the program");
    let output = program().args(arguments.split_whitespace()).output().expect("the program starts");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 11, "the alerts of docs/samples.md");
}

#[test]
fn the_commands_of_the_demonstration_are_those_that_it_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output =
        program().current_dir(folder.path()).args(["demo", "demo/"]).output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), block(&readme(), "<!-- demo -->"));
}

#[test]
fn every_command_of_the_readme_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let copied = Command::new("cp").arg("-r").arg(&samples).arg(folder.path().join("logs")).status();
    assert!(copied.expect("cp runs").success());
    std::fs::create_dir(folder.path().join("april")).expect("a folder");
    std::fs::write(folder.path().join("april/a.log"), support::access_lines(3)).expect("a file");
    std::fs::create_dir(folder.path().join("sigma")).expect("a folder");
    let forms = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigma/forms.yml");
    std::fs::copy(forms, folder.path().join("sigma/own.yml")).expect("rules");
    let label =
        r#"{"incident":"i","kind":"k","first":"2026-03-04T09:00:00Z","last":"2026-03-04T10:00:00Z","bucket":"b"}"#;
    std::fs::write(folder.path().join("labels.jsonl"), label).expect("a file");
    let key = s3sleuth::synth::SigningKey::organisation();
    let trail = s3sleuth::synth::TrailOptions { hours: 3, logs: 6, ..Default::default() };
    s3sleuth::synth::write_trail(&trail, &key, &folder.path().join("trail")).expect("a trail");
    let keys = key.public_key_list(0, 4_000_000_000).to_string();
    std::fs::write(folder.path().join("keys.json"), keys).expect("a file");
    let mut archive =
        zip::ZipWriter::new(std::fs::File::create(folder.path().join("evidence.zip")).expect("a file"));
    archive.start_file("a.log", zip::write::SimpleFileOptions::default()).expect("an entry");
    std::io::Write::write_all(&mut archive, support::access_lines(3).as_bytes()).expect("its bytes");
    archive.finish().expect("an archive");
    let readme = readme();
    std::fs::write(folder.path().join("s3sleuth.toml"), block(&readme, "### Configuration")).expect("a file");
    let commands: Vec<&str> =
        block(&readme, "## Use").lines().filter(|line| line.starts_with("s3sleuth ")).collect();
    assert!(commands.len() >= 7);
    for command in commands {
        let command = command.split(['#', '|']).next().unwrap_or_default();
        let arguments: Vec<&str> = command.split_whitespace().skip(1).collect();
        let output = program().current_dir(folder.path()).args(&arguments).output().expect("the program starts");
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let json = block(&readme, "answers with one alert");
    let shown: serde_json::Value = serde_json::from_str(json).expect("the example is JSON");
    let output = program().args(["detect", "samples/", "--rule", "GET-014"]).output().expect("the program starts");
    let real: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one alert");
    for (name, value) in shown.as_object().expect("an object").iter().filter(|(name, _)| *name != "evidence") {
        assert_eq!(&real[name], value, "{name}");
    }
}
