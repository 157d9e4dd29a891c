//! What `athena-lint` has found, as JSON, JSONL and text. Names in findings come from files of others.

use super::count::{counted, grouped};
use super::safe::{printable, printable_json};
use crate::lint::{CHECKS, CheckResult, Finding, Outcome, Report};

/// Findings of one check that the text shows; JSON and JSONL have all.
const SHOWN: usize = 100;

/// One JSON object and a line end.
pub fn json(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).expect("texts and numbers are JSON");
    printable_json(&text).into_owned() + "\n"
}

/// One finding a line.
pub fn jsonl(report: &Report) -> String {
    let line = |finding| {
        let json = serde_json::to_string(finding).expect("texts and numbers are JSON");
        printable_json(&json).into_owned() + "\n"
    };
    report.findings.iter().map(line).collect()
}

/// The findings of each check with why and what to do, then a line a check, then what else is worth knowing.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    for check in CHECKS {
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.check == check.number).collect();
        if findings.is_empty() {
            continue;
        }
        text += &format!("{} {}: {}\n", check.number, check.name, check.asserts);
        for finding in findings.iter().take(SHOWN) {
            text += &format!("  {:<7} {}\n", finding.severity.name(), finding_line(finding));
        }
        if findings.len() > SHOWN {
            let more = grouped((findings.len() - SHOWN) as u64);
            text += &format!("  … and {more} more; --format jsonl shows all\n");
        }
        text += &format!("  why: {}\n       {}\n  do:  {}\n\n", check.why, check.link, check.next);
    }
    text + &summary(report)
}

/// A line a check, then what else is worth knowing and what could not be read.
pub fn summary(report: &Report) -> String {
    let (tables, files) = (report.tables.len(), report.files);
    let mut text = format!("{}, {}\n", counted(files, "file"), counted(tables as u64, "table"));
    for check in &report.checks {
        text += &check_line(check);
    }
    for note in &report.notes {
        text += &format!("note: {}\n", printable(note));
    }
    for unreadable in &report.unreadable {
        text += &format!("not read: {}: {}\n", printable(&unreadable.path), printable(&unreadable.reason));
    }
    text
}

fn check_line(check: &CheckResult) -> String {
    let mut facts = Vec::new();
    for (count, what) in [(check.errors, "error"), (check.warnings, "warning")] {
        if count > 0 {
            facts.push(counted(count, what));
        }
    }
    if check.outcome == Outcome::NotEvaluated && check.not_evaluated.is_empty() {
        facts.push("nothing to carry it out on".to_owned());
    }
    for (reason, count) in &check.not_evaluated {
        let often = if *count > 1 { format!(" ({})", counted(*count, "time")) } else { String::new() };
        let not = if check.outcome == Outcome::NotEvaluated { "" } else { "elsewhere not evaluated: " };
        facts.push(format!("{not}{}{often}", printable(reason)));
    }
    let is_in_part = check.outcome == Outcome::Passed && !check.not_evaluated.is_empty();
    let outcome = if is_in_part { "partly passed" } else { check.outcome.name() };
    let line = format!("{:>2} {:<22} {outcome:<13} {}", check.check, check.name, facts.join("; "));
    line.trim_end().to_owned() + "\n"
}

fn finding_line(finding: &Finding) -> String {
    let mut place = printable(&finding.path).into_owned();
    if let Some(column) = &finding.column {
        place += &format!(", column {}", printable(column));
    }
    if let Some(row_group) = finding.row_group {
        place += &format!(", row group {row_group}");
    }
    if let Some(row) = finding.row {
        place += &format!(", row {row}");
    }
    format!("{place}: {}", printable(&finding.found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_headline_of_a_check_says_whether_it_was_carried_out_everywhere() {
        for (outcome, errors, missing, expected) in [
            (Outcome::Passed, 0, &[][..], " 9 same-schema            passed\n"),
            (
                Outcome::Passed,
                0,
                &[("x", 2)],
                " 9 same-schema            partly passed elsewhere not evaluated: x (2 times)\n",
            ),
            (
                Outcome::Violated,
                1,
                &[("x", 1)],
                " 9 same-schema            VIOLATED      1 error; elsewhere not evaluated: x\n",
            ),
            (Outcome::NotEvaluated, 0, &[("x", 1)], " 9 same-schema            not evaluated x\n"),
        ] {
            let not_evaluated: BTreeMap<String, u64> =
                missing.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
            let check = CheckResult {
                check: 9,
                name: "same-schema",
                outcome,
                errors,
                warnings: 0,
                evaluated: 1,
                not_evaluated,
            };
            assert_eq!(check_line(&check), expected);
        }
    }
}
