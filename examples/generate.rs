//! Writes synthetic logs of a given size: `cargo run --release --example generate -- --bytes 1GB OUT_DIR`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use s3sleuth::synth::{FieldEra, SigningKey, SynthLog, SynthOptions, TrailOptions, write_files, write_trail};

/// Write a seeded, synthetic S3 server access log or CloudTrail below OUT_DIR.
#[derive(Parser)]
struct Arguments {
    /// The log to generate.
    #[arg(long, value_enum, default_value_t = Log::S3Access)]
    log: Log,
    /// Size before compression: a number of bytes, or with kB, MB, GB, KiB, MiB, GiB.
    #[arg(long, default_value = "16MB", value_parser = size)]
    bytes: u64,
    /// Number of files; 0 divides as AWS delivers. Default: 1 for access logs, 0 for CloudTrail.
    #[arg(long)]
    files: Option<u32>,
    /// Start of the random sequence.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of days that the records cover.
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// Records in a million with quotes, forged tails and bytes that are not UTF-8.
    #[arg(long, default_value_t = 0)]
    hostile_ppm: u32,
    /// Records in a million that repeat an earlier one.
    #[arg(long, default_value_t = 0)]
    duplicate_ppm: u32,
    /// Requests in a million that are denied.
    #[arg(long, default_value_t = 20_000)]
    denied_ppm: u32,
    /// Distinct keys in each bucket.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Access-log lines of 27 fields, with the source region.
    #[arg(long)]
    source_region: bool,
    /// Compress access-log files.
    #[arg(long)]
    gzip: bool,
    /// Folder to write to.
    out_dir: PathBuf,
}

/// Bytes of a log file of a trail before compression.
const TRAIL_LOG: u64 = 680_000;

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Log {
    #[value(name = "s3_access")]
    S3Access,
    #[value(name = "cloudtrail")]
    CloudTrail,
    /// CloudTrail with signed digests, and the public key in `keys.json`
    #[value(name = "trail")]
    Trail,
}

#[expect(clippy::print_stderr, reason = "an example reports on the terminal")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.log == Log::Trail {
        return signed_trail(&arguments);
    }
    let access = arguments.log == Log::S3Access;
    let options = SynthOptions {
        seed: arguments.seed,
        log: if access { SynthLog::S3Access } else { SynthLog::CloudTrail },
        bytes: arguments.bytes,
        files: arguments.files.unwrap_or(u32::from(access)),
        days: arguments.days,
        hostile_ppm: arguments.hostile_ppm,
        duplicate_ppm: arguments.duplicate_ppm,
        denied_ppm: arguments.denied_ppm,
        era: if arguments.source_region { FieldEra::Fields27 } else { FieldEra::Fields26 },
        gzip: arguments.gzip,
        keys: arguments.keys,
        ..SynthOptions::default()
    };
    let start = Instant::now();
    let summary = write_files(&options, &arguments.out_dir)
        .with_context(|| format!("could not write below {}", arguments.out_dir.display()))?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "{} files, {} records, {} bytes before compression, {:.0} MB/s",
        summary.files,
        summary.records,
        summary.bytes,
        summary.bytes as f64 / 1e6 / seconds
    );
    Ok(())
}

/// Log files as large as AWS delivers them, unless their number is given, and a digest an hour.
fn signed_trail(arguments: &Arguments) -> anyhow::Result<()> {
    let logs = arguments.files.filter(|files| *files > 0).map_or(arguments.bytes / TRAIL_LOG, u64::from).max(1);
    let options = TrailOptions {
        seed: arguments.seed,
        hours: arguments.days * 24,
        logs: u32::try_from(logs)?,
        log_bytes: arguments.bytes / logs,
        ..TrailOptions::default()
    };
    let key = SigningKey::organisation();
    write_trail(&options, &key, &arguments.out_dir)
        .with_context(|| format!("could not write below {}", arguments.out_dir.display()))?;
    let keys = key.public_key_list(0, 4_000_000_000).to_string();
    Ok(std::fs::write(arguments.out_dir.join("keys.json"), keys)?)
}

/// Reads a size such as `4GB` or `512KiB`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| format!("'{text}' does not start with a number"))?;
    let unit: u64 = match &text[digits..] {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(format!("'{other}' is none of kB, MB, GB, KiB, MiB, GiB")),
    };
    number.checked_mul(unit).ok_or_else(|| format!("'{text}' is too large"))
}
