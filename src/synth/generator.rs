//! Records one after another, until the size asked for is reached.

use super::access_log::AccessLog;
use super::cloudtrail::CloudTrail;
use super::options::{SynthLog, SynthOptions};
use super::random::Random;
use super::world::World;

/// A stream of records of one log.
///
/// As an iterator it gives one buffer a request: one or more access-log lines with their newlines (a multi-object
/// delete writes a line for each key), or one CloudTrail JSON object without newline. [`Generator::append`] does the
/// same into a buffer that the caller reuses.
///
/// ```
/// use s3sleuth::synth::{Generator, SynthOptions};
///
/// let options = SynthOptions { bytes: 10_000, ..SynthOptions::default() };
/// let text: Vec<u8> = Generator::new(&options).flatten().collect();
/// assert!(text.len() >= 10_000 && text.ends_with(b"\n"));
/// ```
pub struct Generator {
    options: SynthOptions,
    random: Random,
    world: World,
    log: Log,
    written: u64,
    /// An earlier group of records, to be repeated.
    earlier: Vec<u8>,
    earlier_records: u64,
}

enum Log {
    Access(AccessLog),
    Trail(CloudTrail),
}

impl Generator {
    /// The stream that belongs to `options`.
    pub fn new(options: &SynthOptions) -> Self {
        let mut random = Random::new(options.seed);
        let world = World::new(&mut random);
        let log = match options.log {
            SynthLog::S3Access => Log::Access(AccessLog::new(options)),
            SynthLog::CloudTrail => Log::Trail(CloudTrail::new(options)),
        };
        let options = options.clone();
        Self { options, random, world, log, written: 0, earlier: Vec::new(), earlier_records: 0 }
    }

    /// Whether as many bytes were generated as the options ask for.
    pub fn done(&self) -> bool {
        self.written >= self.options.bytes
    }

    /// Number of bytes generated so far, without what a file adds around the records.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends the records of one request to `out` and gives their number. Goes on past the size in the options if
    /// asked to; times then run past the last day.
    pub fn append(&mut self, out: &mut Vec<u8>) -> u64 {
        let from = out.len();
        let records = if !self.earlier.is_empty() && self.random.chance(self.options.duplicate_ppm) {
            out.extend_from_slice(&self.earlier);
            self.earlier_records
        } else {
            let time = self.time();
            match &mut self.log {
                Log::Access(log) => log.append(time, &self.world, &mut self.random, out),
                Log::Trail(log) => log.append(time, &self.world, &mut self.random, out),
            }
        };
        if self.options.duplicate_ppm > 0 && (self.earlier.is_empty() || self.random.below(64) == 0) {
            self.earlier.clear();
            self.earlier.extend_from_slice(&out[from..]);
            self.earlier_records = records;
        }
        self.written += (out.len() - from) as u64;
        records
    }

    /// The time, in seconds since 1970, that the records after `written` bytes have on average.
    pub(super) fn time_at(&self, written: u64) -> i64 {
        let span = u128::from(self.options.span());
        let passed = span * u128::from(written) / u128::from(self.options.bytes.max(1));
        self.options.start + passed as i64
    }

    /// The time of the next record: neighbours are up to two minutes out of order, never before the start.
    fn time(&mut self) -> i64 {
        let disorder = self.random.skewed(120) as i64;
        (self.time_at(self.written) - disorder).max(self.options.start)
    }
}

impl Iterator for Generator {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.done() {
            return None;
        }
        let mut group = Vec::with_capacity(2048);
        self.append(&mut group);
        Some(group)
    }
}
