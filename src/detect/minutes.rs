//! Counts by minute of event time, and the sliding windows that are read from them at the end.

use super::capped::{cap_of, keep_in_set, make_room_in_set};
use super::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use super::key_sample::{crosses, is_sampled};
use crate::parse::LogType;
use hashbrown::{HashMap, HashSet};
use rayon::slice::ParallelSliceMut;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Keys remembered by caller, minute and log, over all callers: what a table of 2^19 cells holds, 21 bytes each. It is
/// a year of 50 keys an hour.
pub const MOST_KEYS: usize = cap_of(1 << 19);

/// One key in one minute of one entity, as one log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Entry {
    entity: Number,
    minute: u32,
    /// Fingerprint of the key; the lowest bits say which log it is and whether the log does not name the key.
    hash: Number,
}

/// A number of 64 bits in halves, the upper one first: so an entry, of which there are many, takes 20 bytes and not 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
struct Number(u32, u32);

impl From<u64> for Number {
    fn from(number: u64) -> Number {
        Number((number >> 32) as u32, number as u32)
    }
}

impl From<Number> for u64 {
    fn from(Number(upper, lower): Number) -> u64 {
        u64::from(upper) << 32 | u64::from(lower)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((*self).into());
    }
}

impl Entry {
    fn entity(&self) -> u64 {
        self.entity.into()
    }

    /// Of the key.
    fn key_hash(&self) -> u64 {
        self.hash.into()
    }
}

/// Keys by entity and minute. Over the budget, keys whose fingerprint is not below a falling threshold are left out,
/// the same for all entities, whether or not another table has dropped them: what is left depends on the rows alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyTable {
    entries: HashSet<Entry>,
    #[serde(deserialize_with = "super::key_sample::read_halvings")]
    halvings: u32,
    cap: usize,
}

impl KeyTable {
    /// A table for so many entries.
    pub fn with_cap(cap: usize) -> KeyTable {
        KeyTable { entries: HashSet::new(), halvings: 0, cap }
    }

    /// Takes the fingerprint of what is to be counted once: of a key, or if `is_named` is false of a request. A request
    /// of CloudTrail stands for keys that it does not name; one of access logs says that lines there name them. A time
    /// before 1970 is in no window and is left out.
    pub fn insert(&mut self, entity: u64, log: LogType, time_ms: i64, fingerprint: u64, is_named: bool) {
        let Ok(minute) = u32::try_from(time_ms.div_euclid(MINUTE_MS)) else { return };
        if is_sampled(fingerprint, self.halvings) {
            let hash = fingerprint & !3 | log_index(log) as u64 | u64::from(!is_named) << 1;
            make_room_in_set(&mut self.entries, self.cap);
            self.entries.insert(Entry { entity: entity.into(), minute, hash: hash.into() });
            self.shrink();
        }
    }

    /// Joins two tables.
    pub fn merge(&mut self, other: KeyTable) {
        if other.halvings > self.halvings {
            self.halve_to(other.halvings);
        }
        self.entries.reserve(other.entries.len().min(self.cap.saturating_sub(self.entries.len())));
        for entry in other.entries {
            if is_sampled(entry.key_hash(), self.halvings) {
                self.entries.insert(entry);
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        while self.entries.len() > self.cap {
            self.halve_to(self.halvings + 1);
        }
    }

    fn halve_to(&mut self, halvings: u32) {
        self.halvings = halvings;
        keep_in_set(&mut self.entries, |entry| is_sampled(entry.key_hash(), halvings));
    }

    /// How often the share of the keys was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        self.entries.allocation_size()
    }

    /// The entries in the order of entities and minutes.
    pub fn sorted(&self) -> SortedKeys {
        SortedKeys::new(self.entries.iter().copied().collect(), self.halvings)
    }

    /// The same; the table is given up for them.
    pub fn into_sorted(self) -> SortedKeys {
        SortedKeys::new(self.entries.into_iter().collect(), self.halvings)
    }
}

/// The keys of all entities, to be read one entity at a time.
#[derive(Debug, Default)]
pub struct SortedKeys {
    entries: Vec<Entry>,
    halvings: u32,
}

impl SortedKeys {
    fn new(mut entries: Vec<Entry>, halvings: u32) -> SortedKeys {
        entries.par_sort_unstable();
        SortedKeys { entries, halvings }
    }

    /// Minute and fingerprint of the named keys of one entity, over both logs.
    pub fn points(&self, entity: u64) -> Vec<(u32, u64)> {
        let start = self.entries.partition_point(|entry| entry.entity() < entity);
        let entries = self.entries[start..].iter().take_while(|entry| entry.entity() == entity);
        entries
            .filter(|entry| entry.key_hash() & 2 == 0)
            .map(|entry| (entry.minute, entry.key_hash() & !3))
            .collect()
    }

    /// How often the share of the keys was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// The keys of one entity.
    pub fn of(&self, entity: u64) -> Series {
        let start = self.entries.partition_point(|entry| entry.entity() < entity);
        let entries = self.entries[start..].iter().take_while(|entry| entry.entity() == entity);
        let is_known = |entry: &&Entry| entry.key_hash() & 3 == 2;
        let known: HashSet<u64> = entries.clone().filter(is_known).map(|entry| entry.key_hash() & !3).collect();
        let point = |entry: &Entry| {
            let key = entry.key_hash() & !3;
            let what = match entry.key_hash() & 3 {
                0 | 1 => What::Key,
                2 => return None,
                _ if known.contains(&key) => What::Known,
                _ => What::Unnamed,
            };
            Some(Point { minute: entry.minute, log: (entry.key_hash() & 1) as u8, key, records: 1, what })
        };
        Series { points: entries.filter_map(point).collect(), halvings: self.halvings }
    }
}

/// What a fingerprint stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Key,
    /// A request whose keys no log names.
    Unnamed,
    /// A request whose keys the other log names.
    Known,
}

/// What a minute holds in one log. One request may be in both, so records are never added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    minute: u32,
    log: u8,
    what: What,
    records: u32,
    key: u64,
}

/// One entity's minutes in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    points: Vec<Point>,
    halvings: u32,
}

/// What is counted in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Records.
    Records,
    /// Different keys over both logs, and requests whose keys neither names.
    Keys,
}

/// Overlapping windows that cross a threshold, as one stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First and last minute, in minutes since 1970 UTC.
    pub minutes: RangeInclusive<i64>,
    /// The largest number in one window; of records in the log where it is larger.
    pub peak: u64,
}

impl Stretch {
    /// The same in milliseconds.
    pub fn time_ms(&self) -> RangeInclusive<i64> {
        self.minutes.start() * MINUTE_MS..=self.minutes.end() * MINUTE_MS + MINUTE_MS - 1
    }
}

/// What a stretch holds in one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records; of keys in a minute, where only these are known.
    pub records: u64,
}

/// What a stretch holds over both logs; estimates if [`KeyTable::halvings`] is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Different {
    /// Different keys.
    pub keys: u64,
    /// Requests whose keys no log names.
    pub unnamed: u64,
}

/// Index of a log in arrays of two.
pub fn log_index(log: LogType) -> usize {
    match log {
        LogType::S3Access => 0,
        LogType::CloudTrail => 1,
    }
}

impl Series {
    /// How often the share of the keys was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// The same as all there is.
    #[must_use]
    pub fn whole(self) -> Series {
        Series { halvings: 0, ..self }
    }

    /// Minutes with the fingerprints of keys in them, of which one in so many halvings is left.
    pub fn of_keys(mut keys: Vec<(u32, u64)>, halvings: u32) -> Series {
        keys.sort_unstable();
        keys.dedup();
        let point = |(minute, key)| Point { minute, log: 0, key, records: 1, what: What::Key };
        Series { points: keys.into_iter().map(point).collect(), halvings }
    }

    /// Records by minute and log.
    pub fn of_records(minutes: impl IntoIterator<Item = (u32, [u32; 2])>) -> Series {
        let point = |minute, log: u8, records| Point { minute, log, records, what: What::Key, key: 0 };
        let both =
            |(minute, records): (u32, [u32; 2])| [point(minute, 0, records[0]), point(minute, 1, records[1])];
        let mut points: Vec<Point> =
            minutes.into_iter().flat_map(both).filter(|point| point.records > 0).collect();
        points.sort_unstable_by_key(|point| point.minute);
        Series { points, halvings: 0 }
    }

    /// The windows of `length` minutes in which at least `threshold` are counted, overlapping ones joined,
    /// oldest first.
    pub fn stretches(&self, length: i64, threshold: u64, measure: Measure) -> Vec<Stretch> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut window = Window::default();
        let mut oldest = self.points.iter().peekable();
        for points in self.points.chunk_by(|left, right| left.minute == right.minute) {
            let number = i64::from(points[0].minute);
            points.iter().for_each(|point| window.add(point));
            while let Some(first) = oldest.next_if(|first| i64::from(first.minute) <= number - length) {
                window.remove(first);
            }
            let sampled = window.count(measure);
            let crosses = crosses(sampled, self.halvings, threshold);
            let Some(first) = oldest.peek().filter(|_| crosses) else { continue };
            let (start, count) = (i64::from(first.minute), sampled << self.halvings);
            match stretches.last_mut().filter(|last| *last.minutes.end() >= start) {
                Some(last) => {
                    last.minutes = *last.minutes.start()..=number;
                    last.peak = last.peak.max(count);
                }
                None => stretches.push(Stretch { minutes: start..=number, peak: count }),
            }
        }
        stretches
    }

    fn range(&self, minutes: &RangeInclusive<i64>) -> &[Point] {
        let start = self.points.partition_point(|point| i64::from(point.minute) < *minutes.start());
        let end = self.points.partition_point(|point| i64::from(point.minute) <= *minutes.end());
        &self.points[start..end.max(start)]
    }

    /// What the minutes of a range hold, by log.
    pub fn totals(&self, minutes: &RangeInclusive<i64>) -> [Totals; 2] {
        let mut totals = [Totals::default(); 2];
        for point in self.range(minutes) {
            totals[usize::from(point.log)].records += u64::from(point.records) << self.halvings;
        }
        totals
    }

    /// What the minutes of a range hold over both logs.
    pub fn different(&self, minutes: &RangeInclusive<i64>) -> Different {
        let of = |what: What| {
            let points = self.range(minutes).iter().filter(|point| point.what == what);
            (points.map(|point| point.key).collect::<HashSet<u64>>().len() as u64) << self.halvings
        };
        Different { keys: of(What::Key), unnamed: of(What::Unnamed) }
    }

    /// The most records of a minute of a range in one log.
    pub fn peak_minute(&self, minutes: &RangeInclusive<i64>) -> u64 {
        let minutes = self.range(minutes).chunk_by(|left, right| left.minute == right.minute);
        minutes.map(most_records).max().unwrap_or(0)
    }

    /// The longest run of minutes next to each other in a range that each hold at least `threshold` records in one log.
    pub fn longest_run(&self, minutes: &RangeInclusive<i64>, threshold: u64) -> u64 {
        let (mut longest, mut run, mut last) = (0, 0, None);
        for points in self.range(minutes).chunk_by(|left, right| left.minute == right.minute) {
            if most_records(points) < threshold {
                continue;
            }
            let number = i64::from(points[0].minute);
            run = if last == Some(number - 1) { run + 1 } else { 1 };
            last = Some(number);
            longest = longest.max(run);
        }
        longest
    }
}

/// Records of some points in the log that has more.
fn most_records(points: &[Point]) -> u64 {
    let mut records = [0; 2];
    points.iter().for_each(|point| records[usize::from(point.log)] += u64::from(point.records));
    records[0].max(records[1])
}

/// The minutes between two pointers.
#[derive(Default)]
struct Window {
    records: [u64; 2],
    /// With how many points, by whether it is a key or a request.
    keys: HashMap<(u64, bool), u32>,
}

impl Window {
    fn add(&mut self, point: &Point) {
        let log = usize::from(point.log);
        self.records[log] += u64::from(point.records);
        if point.what != What::Known {
            *self.keys.entry((point.key, point.what == What::Key)).or_default() += 1;
        }
    }

    fn remove(&mut self, point: &Point) {
        let log = usize::from(point.log);
        self.records[log] -= u64::from(point.records);
        let key = (point.key, point.what == What::Key);
        if let Some(count) = self.keys.get_mut(&key).filter(|_| point.what != What::Known) {
            *count -= 1;
            if *count == 0 {
                self.keys.remove(&key);
            }
        }
    }

    fn count(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Records => self.records[0].max(self.records[1]),
            Measure::Keys => self.keys.len() as u64,
        }
    }
}

/// The first records by stretch of time: of each minute as long as there is room, then of each hour or day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EvidenceByTime {
    slots: HashMap<(i64, u8), EvidenceRows>,
    bytes: usize,
}

/// Bytes of a slot: a table is at worst 7/16 full.
const SLOT_BYTES: usize = (size_of::<((i64, u8), EvidenceRows)>() + 1) * 16 / 7 + 16;

impl EvidenceByTime {
    /// Number of the level at which one row is left.
    pub const LEVELS: u32 = 4;

    /// Minutes of a slot and rows in it.
    fn slots_at(level: u32) -> (i64, usize) {
        match level {
            0 => (1, EVIDENCE_ROWS),
            1 => (60, EVIDENCE_ROWS),
            2 => (60, 1),
            3 => (24 * 60, 1),
            _ => (i64::MAX / MINUTE_MS, 1),
        }
    }

    /// Bytes to reckon with.
    pub fn weight(&self) -> usize {
        self.bytes
    }

    /// Takes a row of a batch, unless it has no time.
    pub fn observe(&mut self, level: u32, log: LogType, columns: &EvidenceColumns<'_>, row: usize) {
        let Some(time_ms) = columns.event_time_ms(row) else { return };
        let (minutes, limit) = EvidenceByTime::slots_at(level);
        let slot = (time_ms.div_euclid(MINUTE_MS * minutes), log_index(log) as u8);
        self.change(slot, limit, |rows| rows.observe(limit, columns, row));
    }

    fn change(&mut self, slot: (i64, u8), limit: usize, change: impl FnOnce(&mut EvidenceRows)) {
        let rows = self.slots.entry(slot).or_default();
        let before = if rows.total() == 0 { 0 } else { SLOT_BYTES + rows.weight(limit) };
        change(rows);
        self.bytes = self.bytes + SLOT_BYTES + rows.weight(limit) - before;
    }

    /// Joins slots into those of a level that is not lower than any before.
    pub fn cut(&mut self, level: u32) {
        let fine = std::mem::take(self);
        self.take(fine, level);
        self.slots.shrink_to_fit();
    }

    /// Joins two, both cut to that level.
    pub fn merge(&mut self, other: EvidenceByTime, level: u32) {
        self.take(other, level);
    }

    fn take(&mut self, other: EvidenceByTime, level: u32) {
        let (minutes, limit) = EvidenceByTime::slots_at(level);
        for ((slot, log), rows) in other.slots {
            let number = rows.first_seen_ms().map_or(slot, |time_ms| time_ms.div_euclid(MINUTE_MS * minutes));
            self.change((number, log), limit, |mine| mine.merge(limit, rows));
        }
    }

    /// Are the rows of each minute kept, so that nothing is missing?
    pub fn is_whole(level: u32) -> bool {
        level == 0
    }

    /// The rows of a stretch, by log, with the number of records. Where none of them was kept, the first ones of their
    /// hour or day stand in for them.
    pub fn over(&self, stretch: &Stretch, level: u32, totals: &[Totals; 2]) -> [EvidenceRows; 2] {
        let minutes = EvidenceByTime::slots_at(level).0;
        let slots = stretch.minutes.start().div_euclid(minutes)..=stretch.minutes.end().div_euclid(minutes);
        let mut lists: [Vec<&EvidenceRows>; 2] = Default::default();
        for ((slot, log), rows) in &self.slots {
            if slots.contains(slot) && totals[usize::from(*log)].records > 0 {
                lists[usize::from(*log)].push(rows);
            }
        }
        let time_ms = stretch.time_ms();
        let are_within = lists.iter().flatten().any(|rows| rows.any_within(&time_ms));
        let mut totals = totals.iter();
        lists.map(|lists| {
            let rows = EvidenceRows::of_lists(lists, &time_ms, are_within);
            let total = totals.next().map_or(0, |total| total.records).min(rows.total());
            if EvidenceByTime::is_whole(level) { rows } else { rows.with_total(total) }
        })
    }
}

#[cfg(test)]
mod tests;
