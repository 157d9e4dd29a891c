//! Runs this program under callgrind and reads what was counted.

use crate::budget::{Budget, Tools};
use crate::stages::{LOGS, STAGES};
use std::path::Path;
use std::process::Command;

/// The argument of the process inside.
pub const INSIDE: &str = "--inside-callgrind";

/// Matches `stages::stage_border`, and nothing else.
const BORDER: &str = "*stage_border*";

/// Counts the instructions of each stage.
///
/// # Errors
/// Valgrind that is missing or failed, as a sentence.
pub fn measure() -> Result<Budget, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err("the budget holds for x86-64 Linux only".to_owned());
    }
    if !avx2() {
        return Err("the budget holds for a processor with AVX2, which this one lacks".to_owned());
    }
    let valgrind = version("valgrind", "apt-get install valgrind")?;
    let rustc = version("rustc", "it comes with cargo")?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let program = std::env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", folder.path().join("out").display()))
        .arg(format!("--dump-before={BORDER}"))
        .arg(program)
        .arg(INSIDE)
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("valgrind failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let rows: Vec<u64> = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .map(|rows| rows.parse().map_err(|_| format!("{rows:?} is no number of rows")))
        .collect::<Result<_, _>>()?;
    let counts = counts(folder.path())?;
    if rows.len() != LOGS.len() || counts.len() != LOGS.len() * STAGES.len() {
        return Err(format!("{} stages of {} logs were counted", counts.len(), rows.len()));
    }
    let mut logs = counts.chunks(STAGES.len()).zip(&rows).map(|(counts, rows)| {
        STAGES.iter().zip(counts).map(|(stage, count)| ((*stage).to_owned(), count / rows)).collect()
    });
    Ok(Budget {
        measured_with: Tools { rustc, valgrind },
        s3_access: logs.next().unwrap_or_default(),
        cloudtrail: logs.next().unwrap_or_default(),
    })
}

/// The instructions of each stage. Callgrind writes `out.1`, `out.2` and so on, a part that ended at each border: what
/// came before a stage and the stage itself in turn.
fn counts(folder: &Path) -> Result<Vec<u64>, String> {
    let mut counts = Vec::new();
    for part in (2..).step_by(2) {
        let Ok(text) = std::fs::read_to_string(folder.join(format!("out.{part}"))) else { break };
        let total = text.lines().find_map(|line| line.strip_prefix("summary: "));
        counts
            .push(total.and_then(|total| total.parse().ok()).ok_or_else(|| format!("part {part} has no total"))?);
    }
    Ok(counts)
}

/// The first word of what `TOOL --version` says that begins with a digit, such as `1.95.0`.
fn version(tool: &str, hint: &str) -> Result<String, String> {
    let output = Command::new(tool)
        .arg("--version")
        .output()
        .map_err(|error| format!("{tool} is needed ({hint}): {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split(|character: char| character == '-' || character.is_whitespace());
    words
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
        .ok_or_else(|| format!("{tool} --version said {text:?}"))
}

#[cfg(target_arch = "x86_64")]
fn avx2() -> bool {
    std::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn avx2() -> bool {
    false
}
