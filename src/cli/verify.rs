//! `s3sleuth verify`.

use super::evidence::EvidenceArguments;
use super::exit::ExitStatus;
use super::output::Output;
use super::values;
use anyhow::Context;
use clap::{Args, ValueEnum};
use s3sleuth::decode::Limits;
use s3sleuth::error::Error;
use s3sleuth::report::verify as report;
use s3sleuth::source::{self, Place};
use s3sleuth::verify::{Options, PublicKeys, Report, Signatures, Verdict, verify};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Arguments of `verify`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Copies of the trail's objects: folders, files or patterns with digests and log files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Public keys of the digests: what `aws cloudtrail list-public-keys` prints, of several regions one behind the other
    #[arg(long, value_name = "FILE")]
    public_keys: Option<PathBuf>,
    /// Signatures of digests, beside those in FILE.meta.json files and in the next digests: JSON from key to metadata
    #[arg(long, value_name = "FILE")]
    signatures: Option<PathBuf>,
    /// The bucket that PATH is a copy of: digests of another one have been moved
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Form of the result [default: table on a terminal, jsonl elsewhere]
    #[arg(long)]
    format: Option<VerifyFormat>,
    /// Most bytes that one compressed file may expand to
    #[arg(long, value_name = "SIZE", default_value = "100GiB", value_parser = values::size)]
    max_decompressed: u64,
    #[command(flatten)]
    evidence: EvidenceArguments,
}

const EXAMPLES: &str = "\
Examples:
  aws s3 sync s3://amzn-s3-demo-trail/AWSLogs/111122223333/ trail/AWSLogs/111122223333/
  aws cloudtrail list-public-keys --start-time 2026-03-01 --end-time 2026-04-01 > keys.json
  s3sleuth verify trail/ --public-keys keys.json --bucket amzn-s3-demo-trail

A signature is metadata of its object, which `aws s3 sync` does not copy; each digest repeats that of the one before. For
the last one:
  aws s3api head-object --bucket amzn-s3-demo-trail --key KEY > trail/KEY.meta.json

Exit codes: 5 if a file is not as it was delivered, or missing; else 3 if a file could not be verified; 3 or 6 before 5 if
one could not be read.";

/// Forms of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum VerifyFormat {
    /// For people: what is not valid, and a summary.
    Table,
    /// One JSON object: files, summary.
    Json,
    /// A line a file; the summary on stderr.
    Jsonl,
}

/// Larger ones hold neither keys nor signatures that anybody has listed.
const LIST_BYTES: u64 = 256 << 20;

/// Verifies, and prints the verdicts.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let mut options = Options { bucket: arguments.bucket.clone(), ..Options::default() };
    options.limits = Limits { max_decompressed: arguments.max_decompressed, ..Limits::default() };
    if let Some(path) = &arguments.public_keys {
        options.public_keys = PublicKeys::parse(&text_of(path)?).map_err(|reason| refused(path, reason))?;
    }
    if let Some(path) = &arguments.signatures {
        options.signatures = Signatures::parse(&text_of(path)?).map_err(|reason| refused(path, reason))?;
    }
    let inputs = source::collect(&arguments.paths).context("cannot read")?;
    if inputs.files.iter().any(|input| input.place == Place::Stdin) {
        let reason = "- cannot be verified: digests list files by their names; name the folder that holds them";
        return Err(Error::Usage(reason.to_owned()).into());
    }
    arguments.evidence.hold(&arguments.paths, &inputs)?;
    let found = verify(&inputs, &options)?;
    print(arguments.format, &found)?;
    Ok(status(&found).max(arguments.evidence.status()))
}

fn print(format: Option<VerifyFormat>, found: &Report) -> Result<(), Error> {
    let on_terminal = || if std::io::stdout().is_terminal() { VerifyFormat::Table } else { VerifyFormat::Jsonl };
    let format = format.unwrap_or_else(on_terminal);
    let mut output = Output::stdout();
    let write = match format {
        VerifyFormat::Table => report::table,
        VerifyFormat::Json => report::json,
        VerifyFormat::Jsonl => report::jsonl,
    };
    write(found, &mut output).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    if format == VerifyFormat::Jsonl {
        super::say(&report::summary(&found.summary));
    }
    Ok(())
}

/// That a file is not as it was delivered counts more than that others have no signature; that one could not be read, or
/// not whole, counts most, as everywhere.
fn status(found: &Report) -> ExitStatus {
    let summary = &found.summary;
    match () {
        () if summary.limits_hit > 0 => ExitStatus::Limit,
        () if summary.unread > 0 => ExitStatus::Incomplete,
        () if summary.violations() > 0 => ExitStatus::Violation,
        () if summary.count(Verdict::Unverifiable) > 0 => ExitStatus::Incomplete,
        () => ExitStatus::Done,
    }
}

fn refused(path: &Path, reason: String) -> Error {
    Error::Input { path: path.display().to_string(), reason }
}

fn text_of(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LIST_BYTES).read_to_string(&mut text));
    read.map_err(|error| refused(path, error.to_string()))?;
    Ok(text)
}
