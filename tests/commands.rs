//! What holds for every command.

mod support;

use support::program;

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
