//! Requests over time: periods that grow longer where there would be too many.

use super::PerLog;
use super::counts::Counts;
use std::collections::BTreeMap;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Minutes of a period; each is a multiple of the one before. Beyond the last they grow by four each time.
const STEPS_MINUTES: [i64; 7] = [1, 5, 15, 60, 360, 1440, 10_080];

/// Periods that are kept: more than a plot can show, and few enough to copy.
const MOST: usize = 4096;

/// Counts by period of each log.
///
/// The length is the least with which all periods that have rows fit, which depends neither on the order of rows nor on
/// merges: a longer period begins where a shorter one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    level: usize,
    counts: BTreeMap<i64, PerLog>,
}

fn step_ms(level: usize) -> i64 {
    let last = STEPS_MINUTES.len() - 1;
    let beyond = level.saturating_sub(last).min(31) as u32;
    (STEPS_MINUTES[level.min(last)] * MINUTE_MS).saturating_mul(4_i64.saturating_pow(beyond))
}

impl Periods {
    /// Length of a period in milliseconds.
    pub fn step_ms(&self) -> i64 {
        step_ms(self.level)
    }

    /// Adds rows of one log at that instant.
    pub fn add(&mut self, time_ms: i64, log: usize, counts: &Counts) {
        self.counts.entry(time_ms.div_euclid(self.step_ms())).or_default().0[log].add(counts);
        self.shrink();
    }

    /// Adds others.
    pub fn merge(&mut self, mut other: Periods) {
        while self.level < other.level {
            self.lengthen();
        }
        while other.level < self.level {
            other.lengthen();
        }
        other.counts.iter().for_each(|(period, counts)| self.counts.entry(*period).or_default().add(counts));
        self.shrink();
    }

    /// Periods with rows: when each begins in milliseconds, and its counts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &PerLog)> {
        let step_ms = self.step_ms();
        self.counts.iter().map(move |(period, counts)| (period.saturating_mul(step_ms), counts))
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn shrink(&mut self) {
        while self.counts.len() > MOST {
            self.lengthen();
        }
    }

    fn lengthen(&mut self) {
        let before = self.step_ms();
        self.level += 1;
        let times = self.step_ms() / before;
        for (period, counts) in std::mem::take(&mut self.counts) {
            self.counts.entry(period.div_euclid(times)).or_default().add(&counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::operation::ActionClass;
    use crate::activity::outcome::Outcome;
    use crate::detect::testing::shuffled;

    #[test]
    fn periods_depend_neither_on_order_nor_on_merges_and_nothing_is_lost() {
        for (number, spread_ms) in [(3000, 1000), (9000, MINUTE_MS), (20_000, 7_919_000), (6000, 100_000_000_000)]
        {
            let times: Vec<i64> = (0..number).map(|row| (row - 100) * spread_ms).collect();
            let mut states = Vec::new();
            for (seed, cut) in [(0, 30_000), (1, 700), (2, 13)] {
                let mut whole = Periods::default();
                for part in shuffled(times.clone(), seed).chunks(cut) {
                    let mut periods = Periods::default();
                    for time_ms in part {
                        let counts = Counts::of(ActionClass::Read, Outcome::Success, 1, Some(*time_ms));
                        periods.add(*time_ms, 0, &counts);
                    }
                    whole.merge(periods);
                }
                states.push(whole);
            }
            assert!(states.iter().all(|state| *state == states[0]), "{number}");
            let rows: u64 = states[0].iter().map(|(_, counts)| counts.access().requests).sum();
            assert!(rows == number as u64 && states[0].counts.len() <= MOST);
            assert!(states[0].iter().all(|(start, counts)| {
                counts.access().first_ms >= start && counts.access().last_ms < start + states[0].step_ms()
            }));
        }
    }

    #[test]
    fn times_at_the_ends_of_all_time_do_no_harm() {
        let mut periods = Periods::default();
        for time_ms in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX] {
            periods.add(time_ms, 1, &Counts { requests: 1, ..Counts::default() });
        }
        while periods.level < 64 {
            periods.lengthen();
        }
        assert_eq!(periods.iter().map(|(_, counts)| counts.trail().requests).sum::<u64>(), 6);
    }
}
