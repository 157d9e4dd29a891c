//! What `verify` has found, as JSON, JSONL and text. Names come from files of others.

use super::count::counted;
use super::safe::{printable, printable_json};
use crate::parse::time::format_iso;
use crate::verify::{ChainSummary, FileVerdict, Report, Summary, Verdict};
use std::io::{self, Write};

/// Files of one verdict that the text shows; JSON and JSONL have all.
const SHOWN: usize = 100;

/// Chains that the text shows.
const SHOWN_CHAINS: usize = 50;

/// One JSON object: files and summary.
///
/// # Errors
/// Those of the output.
pub fn json(report: &Report, output: &mut dyn Write) -> io::Result<()> {
    output.write_all(b"{\"files\":[\n")?;
    for (index, file) in report.files.iter().enumerate() {
        let comma = if index + 1 < report.files.len() { "," } else { "" };
        writeln!(output, "{}{comma}", line(file)?)?;
    }
    let summary = serde_json::to_string(&report.summary)?;
    writeln!(output, "],\"summary\":{}}}", printable_json(&summary))
}

/// One file a line.
///
/// # Errors
/// Those of the output.
pub fn jsonl(report: &Report, output: &mut dyn Write) -> io::Result<()> {
    report.files.iter().try_for_each(|file| writeln!(output, "{}", line(file)?))
}

fn line(file: &FileVerdict) -> io::Result<String> {
    Ok(printable_json(&serde_json::to_string(file)?).into_owned())
}

/// The files whose verdict is not `valid`, by verdict, with what to do; then the summary.
///
/// # Errors
/// Those of the output.
pub fn table(report: &Report, output: &mut dyn Write) -> io::Result<()> {
    for verdict in Verdict::ALL.into_iter().filter(|verdict| *verdict != Verdict::Valid) {
        let files: Vec<&FileVerdict> = report.files.iter().filter(|file| file.verdict == verdict).collect();
        if files.is_empty() {
            continue;
        }
        writeln!(output, "{} ({})", verdict.name(), files.len())?;
        for file in files.iter().take(SHOWN) {
            let (kind, reason) = (file.kind.name(), printable(&file.reason));
            let time = || file.digest_start_ms.map(format_iso).unwrap_or_default();
            let name = if file.name().is_empty() { time() } else { file.name().to_owned() };
            writeln!(output, "  {kind:<6} {}\n         {reason}", printable(&name))?;
        }
        if files.len() > SHOWN {
            writeln!(output, "  … and {} more; --format jsonl shows all", files.len() - SHOWN)?;
        }
        writeln!(output, "  do: {}\n", verdict.next())?;
    }
    output.write_all(summary(&report.summary).as_bytes())
}

/// Counts by verdict, the time that digests cover, and what was not verified.
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    for (counts, what) in [(&summary.digests, "digest"), (&summary.logs, "log file")] {
        let total: u64 = counts.values().sum();
        let parts: Vec<String> =
            counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.name())).collect();
        text += &format!(
            "{}: {}\n",
            counted(total, what),
            if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
        );
    }
    for chain in summary.chains.iter().take(SHOWN_CHAINS) {
        text += &chain_line(chain);
    }
    if summary.chains.len() > SHOWN_CHAINS {
        text += &format!("… and {} more chains; --format json shows all\n", summary.chains.len() - SHOWN_CHAINS);
    }
    if summary.signatures_not_checked > 0 {
        text += &format!(
            "signatures not checked: of {}, for want of a key or a signature; what only they list is unverifiable\n",
            counted(summary.signatures_not_checked, "digest")
        );
    }
    if summary.logs_in_no_digest > 0 {
        text += &format!("in no digest: {}\n", counted(summary.logs_in_no_digest, "log file"));
    }
    if summary.other_files > 0 {
        text += &format!("neither digest nor log of CloudTrail: {}\n", counted(summary.other_files, "file"));
    }
    for note in &summary.notes {
        text += &format!("note: {}\n", printable(note));
    }
    text
}

fn chain_line(chain: &ChainSummary) -> String {
    let before = if chain.has_beginning { "from its first digest" } else { "digests before were not given" };
    format!(
        "{}: {}, {} to {} ({before})\n",
        printable(&chain.name),
        counted(chain.digests, "digest"),
        chain.start_time,
        chain.end_time
    )
}
