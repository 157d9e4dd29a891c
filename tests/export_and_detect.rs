//! `export --detect` gives the rows of `export` and the alerts of `detect`, in one pass.

mod support;

use std::path::{Path, PathBuf};
use support::tables::data_files;
use support::{run, text};

#[test]
fn alerts_and_files_are_those_of_the_two_commands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let alone = run(&["detect", "samples/"]);
    assert_eq!(run(&["export", "samples/", "-o", text(&path("alone"))]).code, 0);
    for threads in ["1", "3"] {
        let together = path(&format!("together-{threads}"));
        let both = run(&["export", "samples/", "-o", text(&together), "--detect", "--threads", threads]);
        assert_eq!((both.code, &both.stdout), (0, &alone.stdout));
        assert_eq!(both.summary["inferred"], alone.summary["inferred"]);
        assert_eq!(both.summary["not_evaluated"], alone.summary["not_evaluated"]);
        assert_eq!(data_bytes(&together), data_bytes(&path("alone")));
    }
    assert!(alone.stdout.lines().count() >= 4);
}

#[test]
fn alerts_go_to_their_file_and_decide_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (lake, alerts) = (path("lake"), path("alerts.jsonl"));
    let rule = ["--rule", "KMS-001", "--fail-on", "low"];
    let arguments = ["export", "samples/", "-o", text(&lake), "--detect", "--alerts", text(&alerts)];
    let both = run(&[&arguments[..], &rule].concat());
    assert_eq!((both.code, both.stdout.as_str()), (1, ""));
    assert_eq!(
        std::fs::read_to_string(&alerts).unwrap(),
        run(&["detect", "samples/", "--rule", "KMS-001"]).stdout
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let lake = text(&lake);
    for arguments in [
        vec!["export", "samples/", "-o", lake, "--rule", "KMS-001"],
        vec!["export", "samples/", "-o", lake, "--alerts", "alerts.jsonl"],
        vec!["export", "samples/", "-o", lake, "--detect", "--rule", "NONE-1"],
        vec!["export", "samples/", "-o", "-", "--format", "jsonl", "--detect"],
        vec!["export", "samples/", "-o", lake, "--detect", "--alerts", "samples"],
    ] {
        let refused = run(&arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{arguments:?} {}", refused.stderr);
        assert!(!Path::new(lake).exists());
    }
}

#[test]
fn what_a_command_reads_beside_the_logs_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (config, state, lake, rule) = (path("config.toml"), path("state"), path("lake"), path("rule.yml"));
    std::fs::copy("tests/sigma/forms.yml", &rule).unwrap();
    std::fs::write(&config, "owned_accounts = []\n").unwrap();
    assert_eq!(run(&["detect", "samples/", "--save-state", text(&state)]).code, 0);
    let detect = ["detect", "samples/", "--force", "--config", text(&config), "--merge-state", text(&state)];
    let with_rules = ["detect", "samples/", "--force", "--rules", text(&rule)];
    let export = ["export", "samples/", "-o", text(&lake), "--force", "--detect", "--config", text(&config)];
    for (arguments, option, output) in [
        (&detect[..], "-o", &config),
        (&detect, "-o", &state),
        (&with_rules, "-o", &rule),
        (&detect, "--suppressed", &config),
        (&detect, "--save-state", &state),
        (&export, "--alerts", &config),
        (&export, "--suppressed", &config),
    ] {
        let before = std::fs::read(output).unwrap();
        let refused = run(&[arguments, &[option, text(output)]].concat());
        assert_eq!(refused.code, 2, "{option} {output:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("is an input; it is not written over"), "{}", refused.stderr);
        assert_eq!(std::fs::read(output).unwrap(), before);
    }
}

/// The data files below a folder, relative, with their bytes.
fn data_bytes(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let bytes = |path: PathBuf| (path.clone(), std::fs::read(root.join(path)).expect("the file is there"));
    data_files(root).into_iter().map(bytes).collect()
}
