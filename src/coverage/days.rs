//! What was seen of an account and region, or of a bucket in them, day by day.

use super::delay::Delays;
use super::kind::LogKind;
use crate::detect::entities::State;
use crate::detect::minutes::log_index;
use crate::parse::LogType;
use crate::parse::time::DAY_MS;
use serde::Serialize;

/// A day, counted from 1970; [`NO_DAY`] for records without a time, or with one that no log can have.
pub type DayNumber = u16;

/// Stands for no day.
pub const NO_DAY: DayNumber = DayNumber::MAX;

/// The UTC day of an instant.
pub fn day_of(time_ms: Option<i64>) -> DayNumber {
    let day = time_ms.map(|time| time.div_euclid(DAY_MS));
    day.and_then(|day| DayNumber::try_from(day).ok()).unwrap_or(NO_DAY)
}

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = DAY_MS / 24;

/// The UTC hour of the day of an instant.
pub fn hour_of(time_ms: i64) -> usize {
    (time_ms.rem_euclid(DAY_MS) / HOUR_MS) as usize
}

/// Rows of each hour of a day.
pub type Hours = [u32; 24];

/// What is counted by hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Series {
    /// Lines of access logs.
    AccessLines,
    /// Data events of S3.
    DataEvents,
    /// Management events, those of KMS among them.
    ManagementEvents,
}

impl Series {
    /// Every series.
    pub const ALL: [Series; 3] = [Series::AccessLines, Series::DataEvents, Series::ManagementEvents];

    fn of(kind: LogKind) -> Option<Series> {
        match kind {
            LogKind::AccessLines => Some(Series::AccessLines),
            LogKind::DataEvents => Some(Series::DataEvents),
            LogKind::Management | LogKind::Kms => Some(Series::ManagementEvents),
            _ => None,
        }
    }
}

/// What is seen of a row.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its log.
    pub kind: LogKind,
    /// When it happened.
    pub time_ms: Option<i64>,
    /// When its file was delivered.
    pub delivered_s: Option<i64>,
    /// An access line that CloudTrail would record as a data event.
    pub is_data_request: bool,
    /// It shows that KMS encrypts the object.
    pub asks_kms: bool,
    /// A call of KMS that S3 makes for objects.
    pub uses_key: bool,
}

impl Seen {
    /// From the row to the row, if it has a day.
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        self.time_ms.filter(|time| day_of(Some(*time)) != NO_DAY).map(|time| (time, time))
    }

    fn log(&self) -> LogType {
        if self.kind == LogKind::AccessLines { LogType::S3Access } else { LogType::CloudTrail }
    }
}

/// What rows of one day were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Rows by kind.
    pub rows: [u64; LogKind::COUNT],
    /// Access lines that CloudTrail would record as data events.
    pub data_requests: u64,
    /// Requests that show encryption by KMS.
    pub kms_requests: u64,
    /// Calls of KMS that S3 makes for objects.
    pub key_uses: u64,
    /// Records that were dropped as repeats.
    pub repeats: u64,
    /// Records of files delivered on this day that were refused.
    pub rejects: u64,
    hours: [Option<Box<Hours>>; Series::ALL.len()],
    delays: Option<Box<[Delays; 2]>>,
}

impl Day {
    /// Rows of one kind.
    pub fn of(&self, kind: LogKind) -> u64 {
        self.rows[kind as usize]
    }

    /// Management events, those of KMS among them.
    pub fn management(&self) -> u64 {
        self.of(LogKind::Management) + self.of(LogKind::Kms)
    }

    /// Rows of each hour.
    pub fn hours(&self, series: Series) -> Option<&Hours> {
        self.hours[series as usize].as_deref()
    }

    /// How long a log took to arrive.
    pub fn delays(&self, log: LogType) -> Option<&Delays> {
        self.delays.as_ref().map(|delays| &delays[log_index(log)]).filter(|delays| !delays.is_empty())
    }

    /// Was anything seen?
    pub fn is_empty(&self) -> bool {
        self.rows.iter().sum::<u64>() + self.repeats + self.rejects == 0
    }

    fn count(&mut self, seen: &Seen) {
        self.rows[seen.kind as usize] += 1;
        self.data_requests += u64::from(seen.is_data_request);
        self.kms_requests += u64::from(seen.asks_kms);
        self.key_uses += u64::from(seen.uses_key);
    }

    fn count_hour(&mut self, seen: &Seen) {
        if let (Some(series), Some(time)) = (Series::of(seen.kind), seen.time_ms) {
            self.hours[series as usize].get_or_insert_default()[hour_of(time)] += 1;
        }
    }

    fn see_delay(&mut self, seen: &Seen) {
        if let (Some(time), Some(delivered_s)) = (seen.time_ms, seen.delivered_s) {
            let delays = self.delays.get_or_insert_default();
            delays[log_index(seen.log())].see(time.div_euclid(1000), delivered_s);
        }
    }

    /// Takes over what another has.
    pub fn merge(&mut self, other: &Day) {
        self.add_counts(other);
        for (mine, theirs) in self.hours.iter_mut().zip(&other.hours) {
            if let Some(theirs) = theirs {
                let mine = mine.get_or_insert_default();
                mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
            }
        }
        self.merge_delays(other);
    }

    /// Takes over only how long logs took.
    pub fn merge_delays(&mut self, other: &Day) {
        if let Some(theirs) = &other.delays {
            let mine = self.delays.get_or_insert_default();
            mine.iter_mut().zip(theirs.iter()).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }

    fn numbers_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let Day { rows, data_requests, kms_requests, key_uses, repeats, rejects, .. } = self;
        rows.iter_mut().chain([data_requests, kms_requests, key_uses, repeats, rejects])
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let Day { rows, data_requests, kms_requests, key_uses, repeats, rejects, .. } = self;
        rows.iter().copied().chain([*data_requests, *kms_requests, *key_uses, *repeats, *rejects])
    }

    /// Adds the counts of another, and neither hours nor delays.
    pub fn add_counts(&mut self, other: &Day) {
        self.numbers_mut().zip(other.numbers()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Takes away what [`Day::add_counts`] added.
    pub fn subtract_counts(&mut self, other: &Day) {
        self.numbers_mut().zip(other.numbers()).for_each(|(mine, theirs)| *mine = mine.saturating_sub(theirs));
    }

    /// Bytes beside the list of days.
    fn weight(&self) -> usize {
        let hours = self.hours.iter().flatten().count() * (size_of::<Hours>() + ALLOCATION);
        let delays = self.delays.as_ref().map_or(0, |delays| {
            size_of::<[Delays; 2]>()
                + ALLOCATION
                + delays.iter().map(|log| log.len() * 16 + ALLOCATION).sum::<usize>()
        });
        size_of::<Day>() + ALLOCATION + hours + delays
    }
}

/// Bytes that an allocation takes beside its own.
const ALLOCATION: usize = 16;

/// Bytes of an entry of the list of days, twice as it may be half full.
const ENTRY: usize = 2 * size_of::<(DayNumber, Box<Day>)>();

/// From the level on which hours are no longer held.
pub const WITHOUT_HOURS: u32 = 2;

/// What was seen of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceDays {
    days: Vec<(DayNumber, Box<Day>)>,
    /// First and last event in milliseconds.
    span_ms: Option<(i64, i64)>,
    /// Is a record of the selection about it?
    pub is_asked_for: bool,
    /// Do records name this account as owner of the bucket?
    pub is_owner: bool,
    /// The region of the endpoints of successful requests; of several the first in the order of letters.
    pub endpoint_region: Option<Box<str>>,
    /// Fingerprint of the bucket owner that access lines name.
    pub owner_id: Option<u64>,
    /// Bytes of the days.
    bytes: usize,
}

/// From the earlier first to the later last event.
pub fn joined(left: Option<(i64, i64)>, right: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (left, right) {
        (Some(left), Some(right)) => Some((left.0.min(right.0), left.1.max(right.1))),
        (one, other) => one.or(other),
    }
}

impl PlaceDays {
    /// The days on which anything was seen, in order.
    pub fn days(&self) -> &[(DayNumber, Box<Day>)] {
        &self.days
    }

    /// What was seen on a day.
    pub fn day(&self, day: DayNumber) -> Option<&Day> {
        let at = self.days.binary_search_by_key(&day, |(day, _)| *day).ok()?;
        Some(&self.days[at].1)
    }

    /// First and last event in milliseconds.
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        self.span_ms
    }

    /// Events between these two belong to it as well.
    pub fn widen(&mut self, span_ms: Option<(i64, i64)>) {
        self.span_ms = joined(self.span_ms, span_ms);
    }

    /// Days and rows by hour of one log, in order.
    pub fn series(&self, series: Series) -> Vec<(DayNumber, &Hours)> {
        let days = self.days.iter().filter(|(day, _)| *day != NO_DAY);
        days.filter_map(|(number, day)| Some((*number, day.hours(series)?))).collect()
    }

    /// All days as one.
    pub fn total(&self) -> Day {
        let mut total = Day::default();
        for (_, day) in &self.days {
            total.add_counts(day);
            total.merge_delays(day);
        }
        total
    }

    /// Changes a day, which is made if need be.
    pub fn change(&mut self, day: DayNumber, change: impl FnOnce(&mut Day)) {
        let found = match self.days.last() {
            Some((last, _)) if *last == day => Ok(self.days.len() - 1),
            _ => self.days.binary_search_by_key(&day, |(day, _)| *day),
        };
        let at = found.unwrap_or_else(|at| {
            self.days.insert(at, (day, Box::default()));
            self.bytes += ENTRY + self.days[at].1.weight();
            at
        });
        let day = &mut self.days[at].1;
        let before = day.weight();
        change(day);
        self.bytes = self.bytes + day.weight() - before;
    }

    /// A row of the place. The whole of an account and region has span and delays only of what names no bucket, and hours
    /// only of management events; the rest its buckets have.
    pub fn see(&mut self, seen: &Seen, of_bucket: bool, names_bucket: bool) {
        if of_bucket == names_bucket {
            self.widen(seen.span_ms());
        }
        self.change(day_of(seen.time_ms), |day| {
            day.count(seen);
            if of_bucket != (Series::of(seen.kind) == Some(Series::ManagementEvents)) {
                day.count_hour(seen);
            }
            if of_bucket == names_bucket {
                day.see_delay(seen);
            }
        });
    }

    /// Removes days on which nothing is left.
    pub fn remove_empty(&mut self) {
        self.days.retain(|(_, day)| !day.is_empty());
    }
}

impl State for PlaceDays {
    const LEVELS: u32 = WITHOUT_HOURS;

    fn weight(&self, _level: u32) -> usize {
        self.bytes + self.endpoint_region.as_ref().map_or(0, |_| 64)
    }

    fn cut(&mut self, level: u32) {
        self.bytes = 0;
        for (_, day) in &mut self.days {
            if let Some(delays) = &mut day.delays {
                delays.iter_mut().for_each(Delays::coarsen);
            }
            if level >= WITHOUT_HOURS {
                day.hours = Default::default();
            }
            self.bytes += ENTRY + day.weight();
        }
    }

    fn merge(&mut self, other: PlaceDays, _level: u32) {
        if *self == PlaceDays::default() {
            *self = other;
            return;
        }
        for (number, theirs) in &other.days {
            self.change(*number, |day| day.merge(theirs));
        }
        self.widen(other.span_ms);
        self.is_asked_for |= other.is_asked_for;
        self.is_owner |= other.is_owner;
        self.owner_id = self.owner_id.max(other.owner_id);
        self.see_region(other.endpoint_region.as_deref());
    }
}

impl PlaceDays {
    /// A successful request came by an endpoint of this region.
    pub fn see_region(&mut self, region: Option<&str>) {
        if let Some(region) = region
            && self.endpoint_region.as_deref().is_none_or(|known| region < known)
        {
            self.endpoint_region = Some(region.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::entities::Entities;
    use crate::detect::testing::shuffled;

    fn seen(time_ms: i64, delay_s: i64) -> Seen {
        Seen {
            kind: LogKind::AccessLines,
            time_ms: Some(time_ms),
            delivered_s: Some(time_ms / 1000 + delay_s),
            is_data_request: true,
            asks_kms: false,
            uses_key: false,
        }
    }

    #[test]
    fn what_is_left_over_budget_depends_neither_on_order_nor_on_merges() {
        let rows: Vec<(String, Seen)> = (0..4000i64)
            .map(|number| (format!("bucket {}", number * number % 61), seen(number * 7_919_000, number % 977)))
            .collect();
        let is_asked_for = |row: &Seen| row.time_ms.is_some_and(|time_ms| time_ms / 7_919_000 % 211 == 5);
        for budget in [1 << 24, 120_000, 60_000, 20_000] {
            let mut states = Vec::new();
            for (seed, cut) in [(0, 5000), (1, 300), (2, 11)] {
                let mut whole = Entities::<PlaceDays>::with_budget(budget);
                for part in shuffled(rows.clone(), seed).chunks(cut) {
                    for (bucket, row) in part {
                        let mut gathered = PlaceDays::default();
                        gathered.see(row, true, true);
                        gathered.is_asked_for = is_asked_for(row);
                        whole.observe(bucket, 1, |state, level| {
                            if level > 0 {
                                gathered.cut(level);
                            }
                            state.merge(gathered, level);
                        });
                    }
                }
                let levels = (whole.state_level(), whole.halvings(), whole.dropped_rows());
                let table: Vec<(Box<str>, PlaceDays)> = whole.take_sorted();
                states.push((levels, table));
            }
            assert!(states.iter().all(|state| *state == states[0]), "{budget}");
            let of = |bucket: &str| rows.iter().any(|(name, row)| name == bucket && is_asked_for(row));
            let ((_, halvings, _), table) = &states[0];
            assert!(table.iter().all(|(bucket, days)| days.is_asked_for == of(bucket)), "{budget}");
            let marked = table.iter().filter(|(_, days)| days.is_asked_for).count();
            assert!(
                *halvings > 0 || (marked > 0 && marked < table.len()),
                "{budget}: {marked} of {}",
                table.len()
            );
        }
    }

    #[test]
    fn days_that_no_log_can_have_are_none() {
        for (time_ms, day) in
            [(Some(0), 0), (Some(DAY_MS), 1), (Some(-1), NO_DAY), (Some(i64::MAX), NO_DAY), (None, NO_DAY)]
        {
            assert_eq!(day_of(time_ms), day);
        }
    }
}
