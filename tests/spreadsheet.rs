//! CSV of hostile logs in a real spreadsheet: no cell becomes a formula.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod support;

use std::path::Path;
use std::process::Command;
use support::objects::{Logs, Request, folder};
use support::{run, text};

const BUCKET: &str = "amzn-s3-demo-data";

/// Keys that a spreadsheet would compute, or that would begin a cell of their own.
const FORMULAS: [&str; 22] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "＝1+1",
    "＋1+1",
    "=HYPERLINK(\"http://127.0.0.1/\",\"x\")",
    "=cmd|' /C calc'!A0",
    "=WEBSERVICE(\"http://127.0.0.1/\")",
    "\"=1+1",
    "\"\"=1+1\"",
    "a,=1+1",
    "a;=1+1",
    "a\n=1+1",
    "a\",\"=1+1",
    "a\"\n\"=1+1",
    "{=1+1}",
    "\u{feff}=1+1",
];

/// Puts, reads and deletes of each key, by a caller whose name is a formula as well.
fn logs() -> tempfile::TempDir {
    let (mut lines, mut events) = (Vec::new(), Vec::new());
    let deeds = [
        ("REST.PUT.OBJECT", "PutObject"),
        ("REST.GET.OBJECT", "GetObject"),
        ("REST.DELETE.OBJECT", "DeleteObject"),
    ];
    for (number, key) in FORMULAS.into_iter().enumerate() {
        for (deed, (operation, event)) in deeds.into_iter().enumerate() {
            let mut request = Request::new(number * 3 + deed, BUCKET, key, operation, event);
            (request.who, request.sent) = ("=SUM(1+1)", if event == "GetObject" { 1000 } else { 0 });
            lines.push(request.line());
            events.push(request.event());
        }
    }
    folder(&lines, &events, Logs::Both)
}

/// The files as LibreOffice reads them, as flat XML; `None` where there is none.
fn opened(folder: &Path, names: &[&str]) -> Option<Vec<String>> {
    let mut soffice = Command::new("soffice");
    soffice.arg(format!("-env:UserInstallation=file://{}/profile", folder.display()));
    soffice.args(["--headless", "--convert-to", "fods", "--outdir"]).arg(folder);
    soffice.args(names.iter().map(|name| folder.join(format!("{name}.csv"))));
    let output = soffice.output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &&str| std::fs::read_to_string(folder.join(format!("{name}.fods"))).expect("a sheet");
    Some(names.iter().map(read).collect())
}

#[test]
fn no_cell_of_a_csv_is_a_formula_in_a_spreadsheet() {
    let logs = logs();
    let path = text(logs.path());
    let place = tempfile::tempdir().expect("a folder");
    let commands: [(&str, &[&str]); 5] = [
        ("timeline", &["timeline", path]),
        ("exposure", &["exposure", path]),
        ("recover", &["recover", path]),
        ("alerts", &["detect", path]),
        ("rows", &["export", path, "--log", "activity"]),
    ];
    for (name, arguments) in commands {
        let csv = place.path().join(format!("{name}.csv"));
        let told = run(&[arguments, &["--format", "csv", "-o", text(&csv)]].concat());
        let written = std::fs::read_to_string(&csv).unwrap_or_else(|_| panic!("{name}: {}", told.stderr));
        assert!(written.contains("=1+1") || name == "alerts", "{name}: {written}");
    }
    // A file without the guard, to see that what is looked for would be seen.
    std::fs::write(place.path().join("control.csv"), "a,b\n=1+1,x\n").expect("a file");
    let names = ["control", "timeline", "exposure", "recover", "alerts", "rows"];
    let Some(sheets) = opened(place.path(), &names) else {
        println!("skipped: no LibreOffice (soffice) on this machine");
        return;
    };
    assert!(sheets[0].contains("table:formula="), "the spreadsheet computes what looks like a formula");
    for (name, sheet) in names.iter().zip(&sheets).skip(1) {
        let formula = sheet.find("table:formula=").map(|at| &sheet[at..(at + 120).min(sheet.len())]);
        assert_eq!(formula, None, "{name}");
        assert!(sheet.contains("<table:table-cell"), "{name}");
    }
}
