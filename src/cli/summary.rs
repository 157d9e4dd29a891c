//! The end of every run: what was read and what not.

use s3sleuth::ledger::{FileOutcome, FileStatus};
use s3sleuth::parse::time::format_iso;
use s3sleuth::pipeline::Report;
use s3sleuth::report::count::{counted, grouped as count, of_number};
use s3sleuth::report::reasons;
use s3sleuth::report::safe::printable;
use serde::Serialize;
use std::collections::BTreeMap;

/// Rejects and files that are named without `--verbose`.
const NAMED: usize = 5;

/// The summary as JSON, the contract of `--summary-json`.
#[derive(Serialize)]
struct Summary<'a> {
    files_read: u64,
    files_ignored: u64,
    files_skipped: u64,
    files_partial: u64,
    lines: u64,
    records: u64,
    filtered: u64,
    rejects: u64,
    blanks: u64,
    duplicates: u64,
    dedup_incomplete: u64,
    ambiguous: u64,
    suppressed: u64,
    without_time: u64,
    replaced_fields: u64,
    first_event: Option<String>,
    last_event: Option<String>,
    bytes: u64,
    seconds: f64,
    inferred: &'a [String],
    not_evaluated: &'a [String],
}

/// The summary as one JSON object and a line end.
pub fn json(
    report: &Report,
    seconds: f64,
    suppressed: u64,
    (inferred, not_evaluated): (&[String], &[String]),
) -> String {
    let tally = &report.tally;
    let summary = Summary {
        files_read: tally.files_read,
        files_ignored: tally.files_ignored,
        files_skipped: tally.files_skipped,
        files_partial: tally.files_partial,
        lines: tally.lines,
        records: tally.records,
        filtered: tally.filtered,
        rejects: tally.rejects,
        blanks: tally.blanks,
        duplicates: tally.duplicates,
        dedup_incomplete: tally.dedup_incomplete,
        ambiguous: tally.ambiguous,
        suppressed,
        without_time: tally.without_time,
        replaced_fields: tally.replaced_fields,
        first_event: tally.first_event_ms.map(format_iso),
        last_event: tally.last_event_ms.map(format_iso),
        bytes: tally.bytes,
        seconds,
        inferred,
        not_evaluated,
    };
    serde_json::to_string_pretty(&summary).expect("numbers and texts are JSON") + "\n"
}

/// The summary for people, a line each; `verbose` names every file.
pub fn text(
    report: &Report,
    seconds: f64,
    suppressed: u64,
    (inferred, not_evaluated): (&[String], &[String]),
    verbose: bool,
) -> String {
    let tally = &report.tally;
    let mut lines = places(report, verbose);
    let mut files = format!("{} read", counted(tally.files_read, "file"));
    for (number, what) in
        [(tally.files_partial, "partly"), (tally.files_skipped, "skipped"), (tally.files_ignored, "ignored")]
    {
        if number > 0 {
            files += &format!(", {} {what}", count(number));
        }
    }
    lines.push(files);
    lines.extend(why_nothing(report));
    let mut equation = format!("{} = {}", counted(tally.lines, "line"), counted(tally.records, "record"));
    for (number, what) in [(tally.rejects, "reject"), (tally.blanks, "blank"), (tally.duplicates, "duplicate")] {
        equation += &format!(" + {}", counted(number, what));
    }
    lines.push(equation);
    for (number, noun, what) in [
        (tally.filtered, "record", "left out by a filter"),
        (tally.ambiguous, "line", "with an ambiguous border between referer and user agent (parse_flags)"),
        (tally.without_time, "record", "without an event time"),
        (tally.replaced_fields, "field", "with ill-formed text, replaced by U+FFFD"),
        (tally.dedup_incomplete, "record", "that could not be compared with all others"),
        (suppressed, "hit", "kept quiet by the configuration; detect --suppressed FILE lists them"),
    ] {
        if number > 0 {
            lines.push(format!("{} {what}", counted(number, noun)));
        }
    }
    if !tally.balances() {
        lines.push("s3sleuth: the counts do not add up; please report this".to_owned());
    }
    lines.push(match (tally.first_event_ms, tally.last_event_ms) {
        (Some(first), Some(last)) => {
            format!("events read: from {} to {} (UTC)", format_iso(first), format_iso(last))
        }
        _ => "events read: none with a time".to_owned(),
    });
    lines.extend(inferred.iter().map(|sentence| printable(sentence).into_owned()));
    lines.extend(
        reasons::joined(not_evaluated).iter().map(|reason| format!("not evaluated: {}", printable(reason))),
    );
    let megabytes = tally.bytes as f64 / 1e6;
    lines.push(format!("{megabytes:.1} MB in {seconds:.2} s ({:.0} MB/s)", megabytes / seconds.max(1e-9)));
    lines.join("\n")
}

/// The first files that were not read whole, and the first places of rejects.
fn places(report: &Report, verbose: bool) -> Vec<String> {
    let named = if verbose { usize::MAX } else { NAMED };
    let file_line = |file: &FileOutcome| {
        let (what, reason) = match &file.status {
            FileStatus::Skipped(reason) => ("skipped", reason.as_str()),
            FileStatus::Partial(reason) => ("partly read", reason.as_str()),
            FileStatus::Ignored(reason) => ("ignored", reason.as_str()),
            FileStatus::Read => ("read", ""),
        };
        format!("{}: {what}: {}", printable(&file.name), printable(reason))
    };
    let mut lines: Vec<String> = report
        .notices
        .iter()
        .take(named)
        .map(|notice| format!("{}: {}", printable(&notice.name), printable(&notice.text)))
        .collect();
    lines.extend(report.files.iter().take(named).map(file_line));
    let unread = report.tally.files_skipped + report.tally.files_partial;
    let shown = named.min(report.files.len());
    more(&mut lines, unread, shown, ("file", "files"), "not read whole; --verbose names them");
    lines.extend(report.ignored.iter().filter(|_| verbose).map(file_line));
    lines.extend(report.rejects.iter().take(named).map(|reject| {
        format!("{}:{}: {}: {}", printable(&reject.file), reject.number, reject.field, reject.reason)
    }));
    let shown = named.min(report.rejects.len());
    more(&mut lines, report.tally.rejects, shown, ("reject;", "rejects;"), "--rejects FILE writes all of them");
    lines
}

/// Where all files were ignored, why: nobody asks for --verbose at an exit code of 0.
fn why_nothing(report: &Report) -> Option<String> {
    let tally = &report.tally;
    if tally.files_read + tally.files_partial > 0 || report.ignored.is_empty() {
        return None;
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &report.ignored {
        if let FileStatus::Ignored(reason) = &file.status {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    let mut reasons: Vec<String> = reasons
        .into_iter()
        .map(|(reason, number)| format!("{} ({})", counted(number, "file"), printable(reason)))
        .collect();
    let others = tally.files_ignored.saturating_sub(report.ignored.len() as u64);
    if others > 0 {
        reasons.push(format!("{} not looked at here", counted(others, "more file")));
    }
    Some(format!("nothing was read; ignored: {}", reasons.join("; ")))
}

fn more(lines: &mut Vec<String>, all: u64, shown: usize, (one, many): (&str, &str), what: &str) {
    let rest = all.saturating_sub(shown as u64);
    if rest > 0 {
        lines.push(format!("{} more {} {what}", count(rest), of_number(rest, one, many)));
    }
}
