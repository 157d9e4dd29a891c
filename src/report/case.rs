//! Files held against the manifest of a case, as JSON, JSONL and text. Their names may be anything.

use super::count::{counted, grouped};
use super::safe::{printable, printable_json};
use crate::case::{FileCheck, Verdict};
use std::io::{self, Write};

/// Files of one verdict that the text shows; JSON and JSONL have all.
const SHOWN: usize = 100;

/// One JSON object: files and summary.
///
/// # Errors
/// Those of the output.
pub fn json(checks: &[FileCheck], output: &mut dyn Write) -> io::Result<()> {
    output.write_all(b"{\"files\":[\n")?;
    for (index, check) in checks.iter().enumerate() {
        let comma = if index + 1 < checks.len() { "," } else { "" };
        writeln!(output, "{}{comma}", line(check)?)?;
    }
    let counts: Vec<String> =
        Verdict::ALL.iter().map(|verdict| format!("\"{}\":{}", verdict.name(), count(checks, *verdict))).collect();
    writeln!(output, "],\"summary\":{{{}}}}}", counts.join(","))
}

/// One file a line.
///
/// # Errors
/// Those of the output.
pub fn jsonl(checks: &[FileCheck], output: &mut dyn Write) -> io::Result<()> {
    checks.iter().try_for_each(|check| writeln!(output, "{}", line(check)?))
}

fn line(check: &FileCheck) -> io::Result<String> {
    Ok(printable_json(&serde_json::to_string(check)?).into_owned())
}

/// The files that are not `ok`, and those of which something is to be said, by verdict; then the summary.
///
/// # Errors
/// Those of the output.
pub fn table(checks: &[FileCheck], output: &mut dyn Write) -> io::Result<()> {
    for verdict in Verdict::ALL {
        let files: Vec<&FileCheck> =
            checks.iter().filter(|check| check.verdict == verdict && !check.reason.is_empty()).collect();
        if files.is_empty() {
            continue;
        }
        writeln!(output, "{} ({})", verdict.name(), files.len())?;
        for check in files.iter().take(SHOWN) {
            writeln!(output, "  {}", told(check))?;
        }
        if files.len() > SHOWN {
            writeln!(output, "  … and {} more; --format jsonl shows all", files.len() - SHOWN)?;
        }
        writeln!(output)?;
    }
    writeln!(output, "{}", summary(checks))
}

/// `logs/a.gz: its content is not the one that was taken`
pub fn told(check: &FileCheck) -> String {
    format!("{}: {}", printable(&check.path.to_string_lossy()), printable(&check.reason))
}

/// Counts by verdict.
pub fn summary(checks: &[FileCheck]) -> String {
    let of = |verdict: &Verdict| (count(checks, *verdict), verdict.name());
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .map(of)
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{} {name}", grouped(count as u64)))
        .collect();
    let files = counted(checks.len() as u64, "file");
    if parts.is_empty() { files } else { format!("{files}: {}", parts.join(", ")) }
}

fn count(checks: &[FileCheck], verdict: Verdict) -> usize {
    checks.iter().filter(|check| check.verdict == verdict).count()
}
