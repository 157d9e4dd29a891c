//! A sample of a bucket's requests in both logs, joined by request id.

use super::days::{DayNumber, NO_DAY, day_of, hour_of};
use super::kind::LogKind;
use crate::detect::capped::keep;
use crate::detect::entities::State;
use crate::detect::key_sample::is_sampled;
use hashbrown::HashMap;

/// Which log a request was seen in, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenAs {
    /// An access line that CloudTrail would record as a data event.
    DataRequest,
    /// Another access line.
    AccessLine,
    /// A data event of CloudTrail.
    DataEvent,
}

impl SeenAs {
    /// What a row of a bucket is; `None` for what is not compared.
    pub fn of(kind: LogKind, is_data_request: bool) -> Option<SeenAs> {
        match kind {
            LogKind::AccessLines if is_data_request => Some(SeenAs::DataRequest),
            LogKind::AccessLines => Some(SeenAs::AccessLine),
            LogKind::DataEvents => Some(SeenAs::DataEvent),
            _ => None,
        }
    }

    /// The log: 0 is the access log, 1 is CloudTrail.
    fn log(self) -> usize {
        usize::from(self == SeenAs::DataEvent)
    }
}

/// Records of one request that are the same in every byte; all data events of a request count as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Records {
    seen_as: SeenAs,
    /// The earliest, in seconds since 1970.
    time_s: u32,
    count: u32,
}

/// Requests of a bucket.
///
/// Those are kept whose fingerprint lies below a threshold, the same for both logs; it is halved until their records fit
/// under the cap. By the argument of [`crate::detect::key_sample::KeySample`] what is kept does not depend on order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requests {
    halvings: u32,
    records: HashMap<(u64, u64), Records>,
    /// The hours of each day of which a log has any row, as bits.
    hours: Vec<(DayNumber, [u32; 2])>,
    /// First and last second of each log; the first is the later one if there is none.
    spans: [Option<(u32, u32)>; 2],
}

/// Records that are kept of a bucket, by level.
const CAPS: [usize; 5] = [4096, 1024, 256, 64, 0];

/// Bytes of a record in a table at its worst load.
const RECORD_BYTES: usize = (size_of::<((u64, u64), Records)>() + 1) * 16 / 7;

/// What more halvings than this would leave is nothing.
const MOST_HALVINGS: u32 = 64;

impl Requests {
    /// Nothing yet, of a bucket whose sample was halved so often elsewhere.
    pub fn halved(halvings: u32) -> Requests {
        Requests { halvings, ..Requests::default() }
    }

    /// A row of the bucket. `record` gives the fingerprint of the whole line, if it is asked for.
    pub fn see(
        &mut self,
        seen_as: SeenAs,
        time_ms: Option<i64>,
        request: Option<u64>,
        record: impl FnOnce() -> u64,
    ) {
        let Some(time_ms) = time_ms.filter(|time| day_of(Some(*time)) != NO_DAY) else { return };
        let Ok(time_s) = u32::try_from(time_ms / 1000) else { return };
        let mut bits = [0; 2];
        bits[seen_as.log()] = 1 << hour_of(time_ms);
        self.add_hours(day_of(Some(time_ms)), bits);
        self.widen(seen_as.log(), (time_s, time_s));
        // 0 would be in every sample.
        if let Some(request) = request.filter(|request| *request != 0 && is_sampled(*request, self.halvings)) {
            let line = if seen_as == SeenAs::DataEvent { 0 } else { record() | 1 };
            self.add((request, line), Records { seen_as, time_s, count: 1 }, CAPS[0]);
        }
    }

    fn add_hours(&mut self, day: DayNumber, bits: [u32; 2]) {
        let found = match self.hours.last() {
            Some((last, _)) if *last == day => Ok(self.hours.len() - 1),
            _ => self.hours.binary_search_by_key(&day, |(day, _)| *day),
        };
        match found {
            Ok(at) => self.hours[at].1.iter_mut().zip(bits).for_each(|(mine, theirs)| *mine |= theirs),
            Err(at) => self.hours.insert(at, (day, bits)),
        }
    }

    fn widen(&mut self, log: usize, (first, last): (u32, u32)) {
        let span = self.spans[log].get_or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }

    fn add(&mut self, key: (u64, u64), records: Records, cap: usize) {
        let mine = self.records.entry(key).or_insert(Records { count: 0, ..records });
        mine.count = mine.count.saturating_add(records.count);
        mine.time_s = mine.time_s.min(records.time_s);
        self.shrink(cap);
    }

    fn shrink(&mut self, cap: usize) {
        while self.records.len() > cap && self.halvings < MOST_HALVINGS {
            self.halve_to(self.halvings + 1);
        }
    }

    fn halve_to(&mut self, halvings: u32) {
        self.halvings = halvings;
        keep(&mut self.records, |(request, _)| is_sampled(*request, halvings));
    }

    /// How often the share was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// The hours of a day of which both logs have rows, as bits.
    fn covered(&self, day: DayNumber) -> u32 {
        let at = self.hours.binary_search_by_key(&day, |(day, _)| *day);
        at.map_or(0, |at| self.hours[at].1[0] & self.hours[at].1[1])
    }

    /// The seconds in which both logs have rows.
    fn overlap(&self) -> Option<(u32, u32)> {
        let [Some(access), Some(trail)] = self.spans else { return None };
        let both = (access.0.max(trail.0), access.1.min(trail.1));
        (both.0 <= both.1).then_some(both)
    }

    /// Each request of the sample, with what [`Compared`] says of it; none if at no time both logs have rows.
    pub fn compared(&self) -> Vec<Compared> {
        let Some((from, to)) = self.overlap() else { return Vec::new() };
        let mut by_request: HashMap<u64, Compared> = HashMap::new();
        for ((request, _), records) in &self.records {
            let time_ms = i64::from(records.time_s) * 1000;
            let day = day_of(Some(time_ms));
            let is_covered =
                self.covered(day) & 1 << hour_of(time_ms) != 0 && (from..=to).contains(&records.time_s);
            let one = by_request.entry(*request).or_insert(Compared { day, ..Compared::default() });
            one.day = one.day.min(day);
            match records.seen_as {
                SeenAs::DataRequest => one.access |= 1 | u8::from(is_covered) << 1,
                SeenAs::AccessLine => one.access |= 1,
                SeenAs::DataEvent => one.trail |= 1 | u8::from(is_covered) << 1,
            }
        }
        by_request.into_values().collect()
    }

    /// Days and lines of the access log that the sample holds: how many there were and how many of them repeat another
    /// line in every byte.
    pub fn lines(&self) -> impl Iterator<Item = (DayNumber, u64, u64)> {
        self.records.iter().filter(|(_, records)| records.seen_as != SeenAs::DataEvent).map(|(_, records)| {
            let count = u64::from(records.count);
            (day_of(Some(i64::from(records.time_s) * 1000)), count, count.saturating_sub(1))
        })
    }
}

/// A request: which logs have it, and whether that is where both have rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The day of its first record.
    pub day: DayNumber,
    /// 1: an access line has it; 2: one that CloudTrail would record has it where both logs have rows.
    access: u8,
    /// 1: a data event has it; 2: where both logs have rows.
    trail: u8,
}

impl Compared {
    /// Is it a data event in the hours of both logs? Then: has the access log it?
    pub fn event_has_line(&self) -> Option<bool> {
        (self.trail & 2 != 0).then_some(self.access != 0)
    }

    /// Is it a data request of the access log in the hours of both logs? Then: has CloudTrail it?
    pub fn line_has_event(&self) -> Option<bool> {
        (self.access & 2 != 0).then_some(self.trail != 0)
    }
}

impl State for Requests {
    const LEVELS: u32 = CAPS.len() as u32 - 1;

    fn weight(&self, level: u32) -> usize {
        let records = if self.halvings == 0 { self.records.len() } else { CAPS[level as usize] };
        records * RECORD_BYTES + self.hours.len() * 2 * size_of::<(DayNumber, [u32; 2])>()
    }

    fn cut(&mut self, level: u32) {
        self.shrink(CAPS[level as usize]);
        self.records.shrink_to_fit();
    }

    fn merge(&mut self, other: Requests, level: u32) {
        if *self == Requests::default() {
            *self = other;
            self.shrink(CAPS[level as usize]);
            return;
        }
        if other.halvings > self.halvings {
            self.halve_to(other.halvings);
        }
        other.hours.into_iter().for_each(|(day, bits)| self.add_hours(day, bits));
        for (log, span) in other.spans.into_iter().enumerate() {
            if let Some(span) = span {
                self.widen(log, span);
            }
        }
        for (key, records) in other.records {
            if is_sampled(key.0, self.halvings) {
                self.add(key, records, CAPS[level as usize]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::key_sample::fingerprint;
    use crate::detect::testing::shuffled;

    type Row = (SeenAs, i64, u64, u64);

    fn of(rows: &[Row]) -> Requests {
        let mut requests = Requests::default();
        for (seen_as, time_ms, request, record) in rows {
            requests.see(*seen_as, Some(*time_ms), Some(*request), || *record);
        }
        requests
    }

    fn rows(count: i64) -> Vec<Row> {
        let rows = (0..count).flat_map(|number| {
            let (time_ms, request) = (number * 1000, fingerprint(&number.to_string()));
            let line = (number % 10 != 0).then_some((SeenAs::DataRequest, time_ms, request, request));
            line.into_iter().chain([(SeenAs::DataEvent, time_ms, request, 0)])
        });
        rows.collect()
    }

    #[test]
    fn a_sample_depends_neither_on_order_nor_on_merges_nor_on_when_it_was_cut() {
        let rows = rows(9000);
        for level in 0..=Requests::LEVELS {
            let mut whole = of(&rows);
            whole.cut(level);
            for seed in 0..4 {
                let mut merged = Requests::default();
                merged.cut(level);
                for part in shuffled(rows.clone(), seed).chunks(701) {
                    let mut part = of(part);
                    part.cut(level);
                    merged.merge(part, level);
                }
                assert!(merged == whole, "level {level}, seed {seed}");
            }
        }
    }

    #[test]
    fn what_is_missing_is_told_both_ways_and_only_where_both_logs_have_rows() {
        let (hour, a, b) = (3_600_000, SeenAs::DataRequest, SeenAs::DataEvent);
        let rows = [
            (a, 0, 1, 1),
            (b, 0, 1, 0),
            (b, 1000, 2, 0),
            (a, 2000, 3, 3),
            (a, 2000, 3, 3),
            (SeenAs::AccessLine, 3000, 4, 5),
            (b, 3000, 4, 0),
            // An hour that only CloudTrail has, and one of both.
            (b, hour, 5, 0),
            (a, 2 * hour, 6, 7),
            (b, 2 * hour, 6, 0),
            // After the end of the access log.
            (b, 2 * hour + 1000, 7, 0),
        ];
        let requests = of(&rows);
        let compared = requests.compared();
        let events: Vec<bool> = compared.iter().filter_map(Compared::event_has_line).collect();
        let lines: Vec<bool> = compared.iter().filter_map(Compared::line_has_event).collect();
        assert_eq!((events.len(), events.iter().filter(|has| !**has).count()), (4, 1));
        assert_eq!((lines.len(), lines.iter().filter(|has| !**has).count()), (3, 1));
        assert_eq!(
            requests.lines().fold((0, 0), |sum, (_, lines, repeats)| (sum.0 + lines, sum.1 + repeats)),
            (5, 1)
        );
    }

    #[test]
    fn one_request_of_endless_lines_leaves_nothing_and_ends() {
        let rows: Vec<Row> = (0..5000).map(|line| (SeenAs::AccessLine, 0, u64::MAX >> 40, line * 2)).collect();
        assert!(of(&rows).records.is_empty());
    }
}
