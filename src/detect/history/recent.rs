//! Rows that were seen and are not yet taken over into the history: a list that is only ever added to, and ordered by
//! caller and bucket before it is taken over, so that what is far apart in memory is touched once for many rows.

use super::Minute;
use super::slots::Slot;
use crate::detect::codes::Who;
use crate::detect::entities::EntityKey;
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceRows};
use crate::detect::key_sample::fingerprint;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::names::Names;

/// Rows that are gathered before they are taken over, and records of evidence.
const MOST_ROWS: usize = 1 << 16;
const MOST_EVIDENCE: usize = 1 << 12;

/// What is gathered.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// By the number of a caller in a bucket.
    places: Vec<Place>,
    rows: Vec<Row>,
    /// The numbers of the rows in the order of their places; a buffer that is used again.
    ordered: Vec<u32>,
    /// By the number of a caller in a bucket, with the stretch.
    evidence: Vec<(u32, Slot, EvidenceRows)>,
}

/// What must be known of a caller in a bucket at each row.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Of the text of the entity; 0 as long as it was not seen.
    pub fingerprint: u64,
    /// The stretch of which evidence was asked for last.
    stretch: Slot,
    /// The times of the first records of it that were seen, earliest first.
    first_ms: [i64; EVIDENCE_ROWS],
}

/// A row, as small as it can be.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    place: u32,
    minute: u32,
    bytes: u64,
    /// Milliseconds into the minute.
    millisecond: u16,
    log: u8,
    /// Bits of the following.
    kind: u8,
}

/// The content of an object left.
const IS_READ: u8 = 1;
/// Something was read or listed.
const SHOWS: u8 = 2;
/// The caller is an AWS service.
const IS_SERVICE: u8 = 4;
/// An object was written.
const IS_WRITE: u8 = 8;
/// Objects were listed.
const IS_LIST: u8 = 16;

/// What a row did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Did {
    /// Bytes that left, if it is a read of an object.
    pub read: Option<u64>,
    /// Is it such a read, or a list?
    pub shows: bool,
    /// Was an object written?
    pub writes: bool,
    /// Were objects listed?
    pub lists: bool,
}

impl Row {
    fn counts(&self) -> Minute {
        let has = |bit: u8| u32::from(self.kind & bit != 0);
        Minute { requests: 1, reads: has(IS_READ), writes: has(IS_WRITE), lists: has(IS_LIST), bytes: self.bytes }
    }

    fn first_read_ms(&self) -> Option<i64> {
        (self.kind & SHOWS != 0).then(|| i64::from(self.minute) * MINUTE_MS + i64::from(self.millisecond))
    }
}

/// All that was gathered of one caller in one bucket.
#[derive(Debug, Default)]
pub struct Gathered {
    /// How many rows.
    pub rows: u64,
    /// In the order in which they came, with repeats.
    minutes: Vec<(Slot, Minute)>,
    /// By stretch of time and log; a buffer that is used again.
    stretches: Vec<Minute>,
    /// What was found in them; the same.
    found: Vec<(Slot, Minute)>,
    /// In any order, with repeats.
    pub evidence: Vec<(Slot, EvidenceRows)>,
    /// An AWS service?
    pub is_service: bool,
    /// Milliseconds of the first read or list that was done.
    pub first_read_ms: Option<i64>,
}

impl Recent {
    /// The place of that number.
    pub fn place(&mut self, number: u32, names: &Names) -> &mut Place {
        let at = number as usize;
        if self.places.len() <= at {
            self.places.resize(at + 1, Place::UNSEEN);
        }
        let place = &mut self.places[at];
        if place.fingerprint == 0 {
            place.fingerprint = fingerprint(entity(number, names, &mut EntityKey::default()));
        }
        place
    }

    /// Takes a row of that time.
    pub fn count(&mut self, place: u32, (time_ms, log): (i64, u8), did: Did, who: Who) {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        if self.rows.len() == self.rows.capacity() {
            // By quarters: twice as many as are taken over at a time would never be needed.
            self.rows.reserve_exact((self.rows.len() / 4).max(MOST_ROWS / 64));
        }
        self.rows.push(Row {
            place,
            minute: time_ms.div_euclid(MINUTE_MS) as u32,
            bytes: did.read.unwrap_or(0),
            millisecond: time_ms.rem_euclid(MINUTE_MS) as u16,
            log,
            kind: bit(did.read.is_some(), IS_READ)
                | bit(did.shows, SHOWS)
                | bit(who == Who::Service, IS_SERVICE)
                | bit(did.writes, IS_WRITE)
                | bit(did.lists, IS_LIST),
        });
    }

    /// Takes a record of evidence.
    pub fn keep(&mut self, place: u32, stretch: Slot, evidence: EvidenceRows) {
        self.evidence.push((place, stretch, evidence));
    }

    /// Is there so much that it is time to take it over, so many times?
    pub fn is_full(&self, times: usize) -> bool {
        self.rows.len() >= times * MOST_ROWS || self.evidence.len() >= times * MOST_EVIDENCE
    }

    /// Puts the rows in the order of their places, those of one place in the order in which they came: by counting them.
    /// To be called before [`Recent::drain`].
    pub fn order(&mut self) {
        let mut starts = vec![0usize; self.places.len() + 1];
        self.rows.iter().for_each(|row| starts[row.place as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        self.ordered.resize(self.rows.len(), 0);
        for (number, row) in (0..).zip(&self.rows) {
            let at = &mut starts[row.place as usize];
            self.ordered[*at] = number;
            *at += 1;
        }
        self.evidence.sort_by_key(|(place, ..)| *place);
    }

    /// Hands out what was gathered and [ordered](Recent::order), a caller and bucket at a time, with the text of the
    /// entity.
    pub fn drain(&mut self, names: &Names, mut take: impl FnMut(&str, &mut Gathered)) {
        let mut evidence = self.evidence.drain(..).peekable();
        let (mut gathered, mut key) = (Gathered::default(), EntityKey::default());
        let row = |number: &u32| &self.rows[*number as usize];
        for numbers in self.ordered.chunk_by(|left, right| row(left).place == row(right).place) {
            let place = row(&numbers[0]).place;
            gathered.rows = numbers.len() as u64;
            for row in numbers.iter().map(row) {
                gathered.minutes.push(((row.minute, row.log), row.counts()));
                gathered.is_service |= row.kind & IS_SERVICE != 0;
                gathered.first_read_ms = gathered.first_read_ms.into_iter().chain(row.first_read_ms()).min();
            }
            while let Some((_, stretch, rows)) = evidence.next_if(|(other, ..)| *other <= place) {
                gathered.evidence.push((stretch, rows));
            }
            take(entity(place, names, &mut key), &mut gathered);
            gathered.clear();
        }
        drop(evidence);
        self.rows.clear();
        self.ordered.clear();
    }
}

impl Gathered {
    /// Empties it; buffers are used again.
    fn clear(&mut self) {
        self.minutes.clear();
        self.evidence.clear();
        (self.is_service, self.first_read_ms) = (false, None);
    }

    /// What is in each stretch of so many minutes, in their order, each once.
    pub fn stretches(&mut self, minutes: u32) -> std::vec::Drain<'_, (Slot, Minute)> {
        let numbers = || self.minutes.iter().map(|((minute, _), _)| minute / minutes);
        let (first, last) = (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0));
        let count = (last - first) as usize + 1;
        self.found.clear();
        if count > self.minutes.len() * SPARSE {
            let slots =
                self.minutes.iter().map(|((minute, log), counts)| ((minute / minutes * minutes, *log), *counts));
            self.found.extend(slots);
            self.found.sort_by_key(|(slot, _)| *slot);
            self.found.dedup_by(|(slot, counts), (last, sum)| {
                let is_same = slot == last;
                if is_same {
                    sum.add(counts);
                }
                is_same
            });
            return self.found.drain(..);
        }
        self.stretches.clear();
        self.stretches.resize(count * 2, Minute::default());
        for ((minute, log), counts) in &self.minutes {
            self.stretches[(minute / minutes - first) as usize * 2 + usize::from(*log).min(1)].add(counts);
        }
        let slots = (0u32..).map(|at| ((first + at / 2) * minutes, (at % 2) as u8));
        self.found.extend(slots.zip(self.stretches.iter().copied()).filter(|(_, counts)| counts.requests > 0));
        self.found.drain(..)
    }
}

/// Stretches a row up to which counting them is faster than sorting rows, which mostly come in the order of time.
const SPARSE: usize = 2;

impl Place {
    const UNSEEN: Place =
        Place { fingerprint: 0, stretch: (u32::MAX, u8::MAX), first_ms: [i64::MAX; EVIDENCE_ROWS] };

    /// May a record of that time be among the first `rows` of its stretch?
    pub fn claims(&mut self, stretch: Slot, rows: usize, time_ms: i64) -> bool {
        if self.stretch != stretch {
            (self.stretch, self.first_ms) = (stretch, Place::UNSEEN.first_ms);
        }
        let may_be = time_ms <= self.first_ms[rows - 1];
        if may_be {
            let at = self.first_ms.partition_point(|first_ms| *first_ms <= time_ms).min(EVIDENCE_ROWS - 1);
            self.first_ms[at..].rotate_right(1);
            self.first_ms[at] = time_ms;
        }
        may_be
    }
}

/// The entity of a caller in a bucket.
fn entity<'k>(place: u32, names: &Names, key: &'k mut EntityKey) -> &'k str {
    let (caller, bucket) = names.of_place(place);
    key.set(&[names.callers.name(caller).text.as_deref(), names.buckets.name(bucket).text.as_deref()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn dense_and_sparse_stretches_hold_what_a_map_holds(
            rows in prop::collection::vec((0u32..400, 0u8..2), 1..60),
            length in prop::sample::select(vec![1u32, 5, 60]),
            // With a row far away they are too sparse to be counted off.
            far in prop::option::of(Just(50_000_000u32)),
        ) {
            let slots = rows.iter().copied().chain(far.map(|minute| (minute, 0)));
            let one = Minute { requests: 1, reads: 1, writes: 1, lists: 1, bytes: 7 };
            let mut gathered = Gathered { minutes: slots.map(|slot| (slot, one)).collect(), ..Gathered::default() };
            let mut expected: BTreeMap<Slot, Minute> = BTreeMap::new();
            for ((minute, log), counts) in &gathered.minutes {
                expected.entry((minute / length * length, *log)).or_default().add(counts);
            }
            let found: Vec<(Slot, Minute)> = gathered.stretches(length).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
