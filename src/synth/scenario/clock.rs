//! The ten days, and when people and machines are busy in them.

use crate::synth::random::Random;

/// Monday, 2026-03-02T00:00:00Z, in seconds since 1970.
pub(super) const START: i64 = 1_772_409_600;
pub(super) const HOUR: i64 = 3_600;
pub(super) const DAY: i64 = 86_400;
/// Number of days.
pub(super) const DAYS: i64 = 10;

/// The time of a day (from 0) of the scenario.
pub(super) fn at(day: i64, hour: i64, minute: i64) -> i64 {
    START + day * DAY + hour * HOUR + minute * 60
}

/// Is the day (from 0, a Monday) one on which offices work?
pub(super) fn is_workday(day: i64) -> bool {
    day.rem_euclid(7) < 5
}

/// How busy each hour of a day is, in UTC: a company in Europe with customers there and in America.
const HOURS: [u64; 24] =
    [9, 7, 6, 5, 6, 9, 16, 28, 41, 50, 53, 54, 52, 55, 57, 56, 55, 52, 48, 43, 36, 28, 19, 13];

/// Spreads about `count` requests over so many days, by day and night, workday and weekend, with each hour a little
/// off; calls `each` with every time, in no order within an hour.
pub(super) fn rhythm(days: i64, count: u64, random: &mut Random, mut each: impl FnMut(i64, &mut Random)) {
    let slots: Vec<u64> = (0..days * 24)
        .map(|slot| {
            let weight = HOURS[(slot % 24) as usize] * if is_workday(slot / 24) { 100 } else { 70 };
            weight * random.between(82, 118) / 100
        })
        .collect();
    let total: u64 = slots.iter().sum::<u64>().max(1);
    for (slot, weight) in (0i64..).zip(slots) {
        // The remainder of the division is drawn, so that small counts are not lost.
        let share = count * weight + random.below(total);
        for _ in 0..share / total {
            each(START + slot * HOUR + random.below(HOUR as u64) as i64, random);
        }
    }
}

/// Times from `start` on, spread evenly with some disorder.
pub(super) struct Pace {
    time: i64,
    left: u64,
    seconds: u64,
}

impl Pace {
    /// `count` requests in `seconds`.
    pub(super) fn new(time: i64, count: u64, seconds: u64) -> Self {
        Self { time: time * 1_000, left: count.max(1), seconds }
    }

    pub(super) fn next(&mut self, random: &mut Random) -> i64 {
        self.time += random.below(2_000 * self.seconds / self.left + 1) as i64;
        self.time / 1_000
    }
}
