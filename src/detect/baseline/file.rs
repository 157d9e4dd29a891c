//! A baseline as a file: a line that names the form, the BLAKE3 hash of the rest, and zstd of what follows.
//!
//! Numbers are variable in length (as postcard writes them), texts have their length before them. First a head; then the
//! entries of each dimension in the order of their keys, one after the other, so that a reader takes each into a table
//! under a budget and never makes room for a number that the file claims.

use super::dimension::{DIMENSIONS, Dimension};
use super::entry::{Count, Entry, SLOT_BYTES, WEEK_HOURS};
use super::{Learned, MOST_RECORDS};
use crate::detect::entities::{Entities, MOST_FIELD, State};
use crate::detect::key_sample::KeySample;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// First line of every version.
const NAME: &[u8] = b"s3sleuth.baseline.v";

/// The version that is written and read. Versions of the program read those of the ones before.
const VERSION: &[u8] = b"1\n";

/// Most bytes of a version.
const MOST_VERSION: usize = 10;

/// Most bytes that a file expands to: more than the budgets of all dimensions hold.
const MOST_BYTES: u64 = 128 << 20;

/// Most bytes of a file.
pub const MOST_FILE_BYTES: u64 = MOST_BYTES;

/// Most bytes of a key: of two fields with their lengths, each cut to its most.
const MOST_KEY: usize = 2 * (MOST_FIELD + 64);

/// Level of zstd: a baseline is written seldom and kept long.
const ZSTD_LEVEL: i32 = 9;

/// Why bytes are no baseline that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Something else.
    #[error("this is no baseline that s3sleuth baseline learn wrote")]
    Other,
    /// Of a version that is not known.
    #[error(
        "the baseline has version {0} of its form, and this program reads version 1; learn it again, or use a newer s3sleuth"
    )]
    Version(String),
    /// The hash does not fit, or what is inside makes no sense.
    #[error("the baseline is damaged or cut short ({0}); copy it again, or learn it again")]
    Damaged(&'static str),
    /// Larger than any that is written.
    #[error("the baseline is larger than {} MiB: none that s3sleuth wrote is", MOST_BYTES >> 20)]
    TooLarge,
}

use BaselineError::Damaged;

/// What stands before the entries.
#[derive(Serialize, Deserialize)]
struct Head {
    program: String,
    records: [u64; 2],
    hours: Option<(u32, u32)>,
    /// Of the sample of records.
    halvings: u32,
    sampled: u32,
    /// By dimension: its number, level, records of entries that were dropped, and entries.
    tables: Vec<(u8, u32, u64, u32)>,
}

/// What stands before the counts of an entry.
#[derive(Serialize, Deserialize)]
struct EntryHead<'a> {
    key: &'a str,
    first_hour: u32,
    hours: u32,
    counts: u32,
    week: u32,
}

/// A count: hours since the one before, log, requests, reads, bytes.
type SavedCount = (u32, u8, u64, u64, u64);

fn push(plain: &mut Vec<u8>, value: &impl Serialize) {
    plain.extend_from_slice(&crate::detect::saved(value));
}

impl Learned {
    /// The file.
    pub fn save(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let sample = self.sample.sorted();
        let tables = Dimension::ALL.into_iter().zip(&self.tables);
        push(
            &mut plain,
            &Head {
                program: env!("CARGO_PKG_VERSION").to_owned(),
                records: self.records,
                hours: self.hours,
                halvings: self.sample.halvings(),
                sampled: sample.len() as u32,
                tables: tables
                    .clone()
                    .map(|(dimension, table)| {
                        (dimension as u8, table.level(), table.dropped_rows(), table.sorted().len() as u32)
                    })
                    .collect(),
            },
        );
        sample.iter().for_each(|record| plain.extend_from_slice(&record.to_le_bytes()));
        for (_, table) in tables {
            table.sorted().into_iter().for_each(|(key, entry)| push_entry(&mut plain, key, entry));
        }
        seal(&plain)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Why the bytes are no baseline.
    pub fn load(bytes: &[u8]) -> Result<Learned, BaselineError> {
        let rest = bytes.strip_prefix(NAME).ok_or(BaselineError::Other)?;
        if bytes.len() as u64 > MOST_FILE_BYTES {
            return Err(BaselineError::TooLarge);
        }
        let rest = rest.strip_prefix(VERSION).ok_or_else(|| version(rest))?;
        let (hash, packed) = rest.split_at_checked(blake3::OUT_LEN).ok_or(Damaged("it ends early"))?;
        if blake3::hash(packed).as_bytes() != hash {
            return Err(Damaged("its checksum does not fit"));
        }
        let mut plain = Vec::new();
        let decoder = zstd::Decoder::new(packed).map_err(|_| Damaged("it cannot be decompressed"))?;
        let read = decoder.take(MOST_BYTES + 1).read_to_end(&mut plain);
        read.map_err(|_| Damaged("it cannot be decompressed"))?;
        if plain.len() as u64 > MOST_BYTES {
            return Err(BaselineError::TooLarge);
        }
        load_plain(&plain)
    }
}

/// The file of what it expands to; public for a fuzz target, which need not find hashes then.
pub fn seal(plain: &[u8]) -> Vec<u8> {
    let packed = zstd::encode_all(plain, ZSTD_LEVEL).expect("memory can be read and written");
    [NAME, VERSION, blake3::hash(&packed).as_bytes(), &packed].concat()
}

/// The version that a file names, if it names one.
fn version(rest: &[u8]) -> BaselineError {
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(text) if line.len() <= MOST_VERSION && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            BaselineError::Version(text.to_owned())
        }
        _ => BaselineError::Other,
    }
}

fn push_entry(plain: &mut Vec<u8>, key: &str, entry: &Entry) {
    let (first_hour, last_hour) = entry.hours();
    let (counts, week) = (entry.counts.count() as u32, entry.week.len() as u32);
    push(plain, &EntryHead { key, first_hour, hours: last_hour.saturating_sub(first_hour), counts, week });
    let mut before = 0;
    for ((hour, log), Count { requests, reads, bytes }) in entry.counts.iter() {
        let saved: SavedCount = (hour - before, *log, *requests, *reads, *bytes);
        push(plain, &saved);
        before = *hour;
    }
    entry.week.iter().for_each(|hour| push(plain, hour));
}

/// Takes a value from the front of the bytes.
fn next<'b, T: Deserialize<'b>>(rest: &mut &'b [u8]) -> Result<T, BaselineError> {
    let (value, after) = postcard::take_from_bytes(rest).map_err(|_| Damaged("an entry makes no sense"))?;
    *rest = after;
    Ok(value)
}

fn load_plain(plain: &[u8]) -> Result<Learned, BaselineError> {
    let mut rest = plain;
    let head: Head = next(&mut rest)?;
    if head.halvings >= u64::BITS || head.sampled as usize > MOST_RECORDS || head.tables.len() != DIMENSIONS {
        return Err(Damaged("its head makes no sense"));
    }
    let mut learned = Learned { records: head.records, hours: head.hours, ..Learned::default() };
    learned.sample = KeySample::halved(head.halvings);
    let (records, mut rest) =
        rest.split_at_checked(head.sampled as usize * size_of::<u64>()).ok_or(Damaged("it ends early"))?;
    let records = records.as_chunks::<8>().0.iter().map(|record| u64::from_le_bytes(*record));
    records.for_each(|record| learned.sample.insert(MOST_RECORDS, record));
    for (dimension, (number, level, dropped, entries)) in Dimension::ALL.into_iter().zip(head.tables) {
        if number != dimension as u8 || level >= <Entry as State>::LEVELS + u64::BITS {
            return Err(Damaged("its head makes no sense"));
        }
        let mut table = Entities::at_level(dimension.budget(), level);
        for _ in 0..entries {
            let (key, entry) = next_entry(&mut rest, dimension)?;
            let records = entry.records();
            table.observe(key, records, |mine: &mut Entry, level| mine.merge(entry, level));
        }
        table.pass_over(dropped);
        learned.tables[dimension as usize] = table;
    }
    if rest.is_empty() { Ok(learned) } else { Err(Damaged("something stands behind its end")) }
}

fn next_entry<'b>(rest: &mut &'b [u8], dimension: Dimension) -> Result<(&'b str, Entry), BaselineError> {
    let EntryHead { key, first_hour, hours, counts, week } = next(rest)?;
    if counts as usize > dimension.budget() / SLOT_BYTES || key.len() > MOST_KEY {
        return Err(Damaged("an entry is larger than any that is written"));
    }
    let mut entry = Entry { hours: Some((first_hour, first_hour.saturating_add(hours))), ..Entry::default() };
    let mut hour: u32 = 0;
    // Room is made as the counts come: a number that the file claims makes none.
    let mut found = Vec::new();
    for _ in 0..counts {
        let (more, log, requests, reads, bytes): SavedCount = next(rest)?;
        hour = hour.checked_add(more).ok_or(Damaged("an hour is too late"))?;
        if log > 1 {
            return Err(Damaged("there is no such log"));
        }
        found.push(((hour, log), Count { requests, reads, bytes }));
    }
    entry.counts.take(found, |mine, theirs| mine.add(&theirs));
    for _ in 0..week {
        let (hour, requests): (u8, u64) = next(rest)?;
        if u32::from(hour) >= WEEK_HOURS || entry.week.last().is_some_and(|(last, _)| *last >= hour) {
            return Err(Damaged("there is no such hour of the week"));
        }
        entry.week.push((hour, requests));
    }
    Ok((key, entry))
}
