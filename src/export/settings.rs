//! What is exported, and how.

use super::disk::Disk;
use super::parquet::PartitionKey;
use crate::batch::Dataset;
use crate::error::Error;
use crate::parse::LogType;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

/// Kind of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A folder of Parquet files in partitions.
    #[default]
    Parquet,
    /// One JSON object a row, one row a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// Every format, in the order in which they are listed everywhere.
    pub const ALL: [Format; 4] = [Format::Parquet, Format::Jsonl, Format::Csv, Format::Arrow];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Arrow => "arrow",
        }
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Format, Error> {
        of_name("format", Format::ALL, Format::name, text)
    }
}

/// Compression of Parquet pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Zstandard with a level from 1 to 22.
    Zstd(u8),
    /// Snappy, for readers that know no Zstandard.
    Snappy,
    /// Gzip at its usual level.
    Gzip,
    /// None.
    None,
}

impl Default for Compression {
    /// Level 1: against level 3 files differ by at most 2 % and the export runs about 1.2 times as fast.
    fn default() -> Compression {
        Compression::Zstd(1)
    }
}

impl fmt::Display for Compression {
    /// As [`FromStr`] takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compression::Zstd(level) => write!(f, "zstd:{level}"),
            Compression::Snappy => f.write_str("snappy"),
            Compression::Gzip => f.write_str("gzip"),
            Compression::None => f.write_str("none"),
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Compression, Error> {
        match text {
            "zstd" => Ok(Compression::default()),
            "snappy" => Ok(Compression::Snappy),
            "gzip" => Ok(Compression::Gzip),
            "none" => Ok(Compression::None),
            _ => text
                .strip_prefix("zstd:")
                .and_then(|level| level.parse().ok())
                .filter(|level| (1..=22).contains(level))
                .map(Compression::Zstd)
                .ok_or_else(|| {
                    Error::Usage(format!(
                        "unknown compression {text:?}: zstd, zstd:LEVEL (1 to 22), snappy, gzip or none"
                    ))
                }),
        }
    }
}

/// Encoding of the values in Parquet pages that stand in no dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageEncoding {
    /// Plain: every reader takes it.
    #[default]
    Compatible,
    /// Lengths apart from texts, numbers as differences (`DELTA_LENGTH_BYTE_ARRAY`, `DELTA_BINARY_PACKED`): less
    /// work to write at higher levels of zstd, but some readers refuse it.
    Fast,
}

impl PageEncoding {
    /// Every encoding, in the order in which they are listed everywhere.
    pub const ALL: [PageEncoding; 2] = [PageEncoding::Compatible, PageEncoding::Fast];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            PageEncoding::Compatible => "compatible",
            PageEncoding::Fast => "fast",
        }
    }
}

impl FromStr for PageEncoding {
    type Err = Error;

    fn from_str(text: &str) -> Result<PageEncoding, Error> {
        of_name("encoding", PageEncoding::ALL, PageEncoding::name, text)
    }
}

/// How far the rows of Parquet files are in the order of `event_time`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortScope {
    /// Inside each row group.
    #[default]
    RowGroup,
    /// From the first row of a partition to the last, over all files of a run: rows are put on the disk before they are
    /// encoded.
    File,
}

impl SortScope {
    /// Every scope, in the order in which they are listed everywhere.
    pub const ALL: [SortScope; 2] = [SortScope::RowGroup, SortScope::File];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            SortScope::RowGroup => "row-group",
            SortScope::File => "file",
        }
    }
}

impl FromStr for SortScope {
    type Err = Error;

    fn from_str(text: &str) -> Result<SortScope, Error> {
        of_name("sort", SortScope::ALL, SortScope::name, text)
    }
}

/// What is exported. The default is all columns of the native dataset of each log, as Parquet.
///
/// The budgets bound the rows in memory, in bytes of encoded columns or of text. With the defaults and two threads that
/// each encode a full row group of 20 MiB they come to 130 MiB; rows that come in order take about half of it, as large
/// pages are compressed at once.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    /// Kind of the output.
    pub format: Format,
    /// Compression of Parquet.
    pub compression: Compression,
    /// Encoding of values in Parquet.
    pub encoding: PageEncoding,
    /// Parquet: do columns in which single values are sought have Bloom filters?
    pub bloom_filters: bool,
    /// Order of the rows in Parquet.
    pub sort: SortScope,
    /// The datasets asked for; empty: the native dataset of each log that is found.
    pub datasets: Vec<Dataset>,
    /// The columns asked for, in order; empty: all. Where no dataset is asked for, each takes those it has.
    pub columns: Vec<String>,
    /// Parquet: the keys of the partitions, outermost first.
    pub partition_by: Vec<PartitionKey>,
    /// May output that exists be replaced?
    pub force: bool,
    /// Parquet: may an export with the same settings that the folder holds be gone on with? Inputs that it has are not
    /// read again.
    pub resume: bool,
    /// Parquet: may inputs be added to an export that the folder holds?
    pub append: bool,
    /// Parquet: note the BLAKE3 of plain inputs too, instead of their XXH3. It costs a twentieth of the time.
    pub blake3: bool,
    /// Which rows the run lets through; it filters them itself, this is to note it.
    pub filter: RowFilter,
    /// CSV: leave text as it is, also where a spreadsheet would take it for a formula.
    pub csv_raw: bool,
    /// Threads that complete the output after the last row, and that are expected to give rows before.
    pub threads: usize,
    /// Bytes of rows that may wait for an earlier unit of the input.
    pub waiting_bytes: usize,
    /// Parquet: bytes of rows in all row groups that are not full yet. It shapes the row groups, so the files of two
    /// runs are the same only if it is.
    pub pending_bytes: usize,
    /// Parquet sorted by file: bytes of rows that are sorted in memory, on each thread, before they are put on the disk.
    /// As before, the files of two runs are the same only if it is.
    pub sort_bytes: usize,
    /// Parquet sorted by file: bytes that are put on the disk as they are. What is beyond is compressed.
    pub sort_raw_bytes: u64,
    /// Parquet sorted by file: bytes of rows that a block has of one plain access log from which on they are not put on the
    /// disk, but read from it a second time. As before, the files of two runs are the same only if it is.
    pub sort_left_bytes: usize,
    /// The file system.
    pub disk: Disk,
}

/// Which rows of the inputs an export has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Those from this instant on, in milliseconds, and those without a time.
    pub since_ms: Option<i64>,
    /// Those before this instant.
    pub until_ms: Option<i64>,
    /// Those of one log.
    pub only: Option<LogType>,
    /// Also CloudTrail events that were read before.
    pub keep_duplicates: bool,
    /// No access-log lines that repeat one before.
    pub dedup_lines: bool,
}

impl Default for ExportSettings {
    fn default() -> ExportSettings {
        ExportSettings {
            format: Format::default(),
            compression: Compression::default(),
            encoding: PageEncoding::default(),
            bloom_filters: true,
            sort: SortScope::default(),
            datasets: Vec::new(),
            columns: Vec::new(),
            partition_by: vec![PartitionKey::EventDate],
            force: false,
            resume: false,
            append: false,
            blake3: true,
            filter: RowFilter::default(),
            csv_raw: false,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            waiting_bytes: 24 << 20,
            pending_bytes: 48 << 20,
            sort_bytes: 32 << 20,
            // Page caches take so much, and compression is a fifth of the processors' time of an export. What is written
            // behind would be written at the speed of the disk.
            sort_raw_bytes: 2 << 30,
            // To open a file again costs as much as to write some of its lines.
            sort_left_bytes: 64 << 10,
            disk: Disk::default(),
        }
    }
}

/// Where the output goes.
pub enum Target {
    /// Parquet: a folder. Else: a file.
    Path(PathBuf),
    /// An open stream, such as standard output.
    Stream(Box<dyn Write + Send>),
}

/// What `--log` can name. OCSF is a schema of rows of either log.
const LOGS: [Dataset; 3] = [Dataset::S3Access, Dataset::CloudTrail, Dataset::Activity];

/// The dataset of that name, as `--log` gives it.
///
/// # Errors
/// A name that is none.
pub fn parse_dataset(name: &str) -> Result<Dataset, Error> {
    of_name("log", LOGS, Dataset::name, name)
}

/// The one of all values that has that name in options.
fn of_name<T: Copy, const N: usize>(
    what: &str,
    all: [T; N],
    name: fn(T) -> &'static str,
    text: &str,
) -> Result<T, Error> {
    let found = all.into_iter().find(|value| name(*value) == text);
    found.ok_or_else(|| Error::Usage(format!("unknown {what} {text:?}: {}", names(all.map(name)))))
}

fn names<const N: usize>(names: [&str; N]) -> String {
    let (last, rest) = names.split_last().expect("there are some names");
    format!("{} or {last}", rest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        for (text, expected) in [
            ("zstd", Some(Compression::Zstd(1))),
            ("zstd:1", Some(Compression::Zstd(1))),
            ("zstd:22", Some(Compression::Zstd(22))),
            ("snappy", Some(Compression::Snappy)),
            ("gzip", Some(Compression::Gzip)),
            ("none", Some(Compression::None)),
            ("zstd:0", None),
            ("zstd:23", None),
            ("zstd:", None),
            ("lz4", None),
        ] {
            assert_eq!(text.parse::<Compression>().ok(), expected, "{text}");
        }
        assert_eq!("csv".parse::<Format>().ok(), Some(Format::Csv));
        assert_eq!(
            "xml".parse::<Format>().unwrap_err().to_string(),
            "unknown format \"xml\": parquet, jsonl, csv or arrow"
        );
        assert_eq!("file".parse::<SortScope>().ok(), Some(SortScope::File));
        assert_eq!(
            "partition".parse::<SortScope>().unwrap_err().to_string(),
            "unknown sort \"partition\": row-group or file"
        );
        assert_eq!(parse_dataset("activity").ok(), Some(Dataset::Activity));
        assert_eq!(
            parse_dataset("s3").unwrap_err().to_string(),
            "unknown log \"s3\": s3_access, cloudtrail or activity"
        );
    }
}
