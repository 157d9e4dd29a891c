//! The end of every run: what was read and what not.

use s3sleuth::ledger::{FileOutcome, FileStatus};
use s3sleuth::parse::time::format_iso;
use s3sleuth::pipeline::{Report, Tally};
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

/// The summary for people of a run that had no rows to look at: why, and what must be said all the same.
pub fn text_of_nothing(report: &Report, why: &str, notes: &[String], verbose: bool) -> String {
    let mut lines = places(report, verbose);
    lines.push(why.to_owned());
    lines.extend(notes.iter().map(|note| printable(note).into_owned()));
    lines.join("\n")
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

/// What is wrong: the first files that were not read whole, the first places of rejects, counts that do not add up.
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
    if !report.tally.balances() {
        lines.push("s3sleuth: the counts do not add up; please report this".to_owned());
    }
    lines
}

/// Where no file was read, what was there instead, and what to do: nobody asks for --verbose at an exit code of 0.
pub fn why_nothing_was_read(report: &Report) -> Option<String> {
    let tally = &report.tally;
    if tally.files_read + tally.files_partial > 0 {
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
    let mut found = Vec::new();
    if !reasons.is_empty() {
        found.push(format!("ignored: {}", reasons.join("; ")));
    }
    if tally.files_skipped > 0 {
        found.push(format!("skipped: {}", counted(tally.files_skipped, "file")));
    }
    if found.is_empty() {
        found.push("there are no files".to_owned());
    }
    let found = found.join("; ");
    Some(format!("nothing was read; {found}; name files or folders with S3 server access logs or CloudTrail logs"))
}

/// Where there are records, but none in the time range (milliseconds; an end that is not asked for is open), from when to
/// when they are. `only_time` if nothing but the time can have left records out.
pub fn why_none_in_time(tally: &Tally, range: (Option<i64>, Option<i64>), only_time: bool) -> Option<String> {
    let asked = match range {
        (None, None) => return None,
        (Some(since), None) => format!("from {}", format_iso(since)),
        (None, Some(until)) => format!("before {}", format_iso(until)),
        (Some(since), Some(until)) => format!("from {} to {}", format_iso(since), format_iso(until)),
    };
    let (first, last) = (tally.first_event_ms?, tally.last_event_ms?);
    let is_outside = range.0.is_some_and(|since| last < since) || range.1.is_some_and(|until| first >= until);
    // Records without a time are in every range.
    let is_none = if is_outside { tally.without_time == 0 } else { only_time && tally.filtered == tally.records };
    is_none.then(|| {
        let (records, were) = (counted(tally.records, "record"), of_number(tally.records, "was", "were"));
        let (first, last) = (format_iso(first), format_iso(last));
        format!("{records} {were} read, and none lies in the time asked for ({asked}): they are from {first} to {last} (UTC)")
    })
}

fn more(lines: &mut Vec<String>, all: u64, shown: usize, (one, many): (&str, &str), what: &str) {
    let rest = all.saturating_sub(shown as u64);
    if rest > 0 {
        lines.push(format!("{} more {} {what}", count(rest), of_number(rest, one, many)));
    }
}
