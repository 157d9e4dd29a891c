//! Rows that were seen and are not yet taken over into the history: a list that is only ever added to, and ordered by
//! caller and bucket before it is taken over, so that what is far apart in memory is touched once for many rows.

use super::Minute;
use super::slots::Slot;
use crate::detect::codes::Who;
use crate::detect::entities::EntityKey;
use crate::detect::evidence::EvidenceRows;
use crate::detect::key_sample::fingerprint;
use crate::detect::names::Names;

/// Rows that are gathered before they are taken over, and records of evidence.
const MOST_ROWS: usize = 1 << 17;
const MOST_EVIDENCE: usize = 1 << 12;

/// What is gathered.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// By the number of a caller in a bucket.
    places: Vec<Place>,
    rows: Vec<Row>,
    /// By the number of a caller in a bucket, with the stretch.
    evidence: Vec<(u32, Slot, EvidenceRows)>,
}

/// What must be known of a caller in a bucket at each row.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Of the text of the entity; 0 as long as it was not seen.
    pub fingerprint: u64,
    /// The stretch of which evidence was asked for last, and the time of that record.
    claimed: (Slot, i64),
}

/// A row.
#[derive(Clone, Copy, Debug)]
struct Row {
    place: u32,
    minute: u32,
    counts: Minute,
    first_read_ms: i64,
    log: u8,
    is_service: bool,
}

/// All that was gathered of one caller in one bucket.
#[derive(Debug, Default)]
pub struct Gathered {
    /// How many rows.
    pub rows: u64,
    /// In any order, with repeats.
    pub minutes: Vec<(Slot, Minute)>,
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
            self.places.resize(at + 1, Place { fingerprint: 0, claimed: ((u32::MAX, u8::MAX), 0) });
        }
        let place = &mut self.places[at];
        if place.fingerprint == 0 {
            place.fingerprint = fingerprint(entity(number, names).text());
        }
        place
    }

    /// Takes a row.
    pub fn count(
        &mut self,
        place: u32,
        (minute, log): Slot,
        counts: Minute,
        who: Who,
        first_read_ms: Option<i64>,
    ) {
        let first_read_ms = first_read_ms.unwrap_or(i64::MAX);
        self.rows.push(Row { place, minute, counts, first_read_ms, log, is_service: who == Who::Service });
    }

    /// Takes a record of evidence.
    pub fn keep(&mut self, place: u32, stretch: Slot, evidence: EvidenceRows) {
        self.evidence.push((place, stretch, evidence));
    }

    /// Is there so much that it is time to take it over?
    pub fn is_full(&self) -> bool {
        self.rows.len() >= MOST_ROWS || self.evidence.len() >= MOST_EVIDENCE
    }

    /// Hands out what was gathered, a caller and bucket at a time, with the text of the entity.
    pub fn drain(&mut self, names: &Names, mut take: impl FnMut(&str, &mut Gathered)) {
        self.rows.sort_unstable_by_key(|row| row.place);
        self.evidence.sort_by_key(|(place, ..)| *place);
        let mut evidence = self.evidence.drain(..).peekable();
        let mut gathered = Gathered::default();
        for rows in self.rows.chunk_by(|left, right| left.place == right.place) {
            let place = rows[0].place;
            gathered.rows = rows.len() as u64;
            gathered.minutes.extend(rows.iter().map(|row| ((row.minute, row.log), row.counts)));
            while let Some((_, stretch, rows)) = evidence.next_if(|(other, ..)| *other <= place) {
                gathered.evidence.push((stretch, rows));
            }
            gathered.is_service = rows.iter().any(|row| row.is_service);
            let first_ms = rows.iter().map(|row| row.first_read_ms).min();
            gathered.first_read_ms = first_ms.filter(|time_ms| *time_ms != i64::MAX);
            take(entity(place, names).text(), &mut gathered);
            gathered.minutes.clear();
            gathered.evidence.clear();
        }
        drop(evidence);
        self.rows.clear();
    }
}

impl Place {
    /// May a record of that time be the first of its stretch?
    pub fn claims(&mut self, stretch: Slot, time_ms: i64) -> bool {
        let may_be = self.claimed.0 != stretch || time_ms <= self.claimed.1;
        if may_be {
            self.claimed = (stretch, time_ms);
        }
        may_be
    }
}

/// The entity of a caller in a bucket.
fn entity(place: u32, names: &Names) -> EntityKey {
    let (caller, bucket) = names.of_place(place);
    let mut key = EntityKey::default();
    key.set(&[names.callers.name(caller).text.as_deref(), names.buckets.name(bucket).text.as_deref()]);
    key
}
