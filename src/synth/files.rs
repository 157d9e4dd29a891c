//! The stream cut into files and named as AWS names them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::calendar::formatted;
use super::generator::Generator;
use super::options::{SynthLog, SynthOptions};
use super::random::{Random, mix};
use super::world::{ACCOUNT, text};

/// Records are collected up to this many bytes before they are written.
const CHUNK: usize = 256 << 10;
/// Typical sizes of one delivered object, in bytes: 100 access-log lines, 400 CloudTrail records.
const ACCESS_OBJECT: u64 = 64 << 10;
const TRAIL_OBJECT: u64 = 400 * 1_700;
const REGION: &str = "us-east-1";

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynthSummary {
    /// Number of files; 1 for [`write_to`].
    pub files: u64,
    /// Number of lines or CloudTrail records.
    pub records: u64,
    /// Number of bytes before compression, with what surrounds the records.
    pub bytes: u64,
}

/// Writes one undivided, uncompressed log: lines, or one `{"Records":[…]}`.
///
/// # Errors
/// What the writer reports.
pub fn write_to(options: &SynthOptions, output: &mut dyn Write) -> io::Result<SynthSummary> {
    let mut generator = Generator::new(options);
    let mut summary = SynthSummary::default();
    write_part(&mut generator, options.log, u64::MAX, output, &mut summary)?;
    Ok(summary)
}

/// Writes the files of a log below `folder`, which is created. Access logs lie in `access_logs/` under delivery names
/// (`2026-03-01-00-10-00-4F0E1D2C3B4A5968`), CloudTrail in AWS's layout as `.json.gz`.
///
/// # Errors
/// What the file system reports.
pub fn write_files(options: &SynthOptions, folder: &Path) -> io::Result<SynthSummary> {
    let mut generator = Generator::new(options);
    // Names have their own sequence, so that the records do not depend on the number of files.
    let mut random = Random::new(mix(options.seed ^ 0x6E61_6D65));
    let mut summary = SynthSummary::default();
    let files = number_of_files(options);
    for index in 1..=files {
        let end = end_of_file(options, index, files, &mut random);
        let path = folder.join(name(options, generator.time_at(end.min(options.bytes)), &mut random));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let mut file = BufWriter::new(File::create(path)?);
        let end = if index == files { u64::MAX } else { end };
        if options.gzip || options.log == SynthLog::CloudTrail {
            let mut encoder = GzEncoder::new(&mut file, Compression::fast());
            write_part(&mut generator, options.log, end, &mut encoder, &mut summary)?;
            encoder.finish()?;
        } else {
            write_part(&mut generator, options.log, end, &mut file, &mut summary)?;
        }
        file.flush()?;
    }
    Ok(summary)
}

fn number_of_files(options: &SynthOptions) -> u64 {
    let object = match options.log {
        SynthLog::S3Access => ACCESS_OBJECT,
        SynthLog::CloudTrail => TRAIL_OBJECT,
    };
    if options.files == 0 { options.bytes.div_ceil(object).max(1) } else { u64::from(options.files) }
}

/// The position in the stream at which file `index` (from 1) ends. Deliveries differ in size by up to half.
fn end_of_file(options: &SynthOptions, index: u64, files: u64, random: &mut Random) -> u64 {
    let share = options.bytes / files;
    let end = share.saturating_mul(index);
    if options.files != 0 || index == files {
        return end;
    }
    end - share / 4 + random.below(share / 2 + 1)
}

fn name(options: &SynthOptions, last: i64, random: &mut Random) -> PathBuf {
    match options.log {
        SynthLog::S3Access => {
            // Delivered within the hours that follow.
            let time = formatted(last + 600 + random.below(3_600) as i64, "%Y-%m-%d-%H-%M-%S");
            let unique = text(random, |random, out| random.upper(out, 16));
            PathBuf::from(format!("access_logs/{time}-{unique}{}", if options.gzip { ".gz" } else { "" }))
        }
        SynthLog::CloudTrail => {
            let delivered = last + 120 + random.below(300) as i64;
            // File names carry times that are multiples of five minutes.
            let delivered = delivered - delivered.rem_euclid(300);
            let (day, minute) = (formatted(delivered, "%Y/%m/%d"), formatted(delivered, "%Y%m%dT%H%MZ"));
            let unique = text(random, |random, out| random.alnum(out, 16));
            let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}");
            PathBuf::from(format!("{folder}/{ACCOUNT}_CloudTrail_{REGION}_{minute}_{unique}.json.gz"))
        }
    }
}

/// Writes records until the stream reaches `end` or is done.
fn write_part(
    generator: &mut Generator,
    log: SynthLog,
    end: u64,
    output: &mut dyn Write,
    summary: &mut SynthSummary,
) -> io::Result<()> {
    let trail = log == SynthLog::CloudTrail;
    let mut chunk = Vec::with_capacity(CHUNK + (64 << 10));
    if trail {
        chunk.extend_from_slice(b"{\"Records\":[");
    }
    let mut first = true;
    while generator.written() < end && !generator.done() {
        if trail && !first {
            chunk.push(b',');
        }
        first = false;
        summary.records += generator.append(&mut chunk);
        if chunk.len() >= CHUNK {
            output.write_all(&chunk)?;
            summary.bytes += chunk.len() as u64;
            chunk.clear();
        }
    }
    if trail {
        chunk.extend_from_slice(b"]}");
    }
    output.write_all(&chunk)?;
    summary.bytes += chunk.len() as u64;
    summary.files += 1;
    Ok(())
}
