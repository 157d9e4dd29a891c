//! `s3sleuth compact`.

use super::exit::ExitStatus;
use super::{say, values};
use clap::Args;
use s3sleuth::export::compact::{TARGET_BYTES, compact};
use s3sleuth::export::disk::Disk;
use s3sleuth::report::count::{counted, grouped};
use std::path::PathBuf;

/// Arguments of `compact`.
#[derive(Args)]
#[command(after_help = "Example:
  s3sleuth export today/ -o lake/ --append && s3sleuth compact lake/")]
pub struct Arguments {
    /// Folder that export has written
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Bytes of files that become one [default: 400MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    target: Option<u64>,
}

/// Merges.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let summary = compact(&arguments.folder, arguments.target.unwrap_or(TARGET_BYTES), Disk::default())?;
    let folder = arguments.folder.display();
    let status = if summary.warnings.is_empty() { ExitStatus::Done } else { ExitStatus::Incomplete };
    summary.warnings.iter().for_each(|warning| say(warning));
    match summary.files_before {
        0 => say(&format!("nothing to merge in {folder}: no partition has two small files")),
        before => say(&format!(
            "merged {} into {}: {}, {:.1} MB instead of {:.1} MB",
            counted(before as u64, "file"),
            grouped(summary.files_after as u64),
            counted(summary.rows, "row"),
            summary.bytes_after as f64 / 1e6,
            summary.bytes_before as f64 / 1e6
        )),
    }
    Ok(status)
}
