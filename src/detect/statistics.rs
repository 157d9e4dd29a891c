//! What is usual and what stands out: medians and deviations from them, in whole numbers.

use super::reading::DAY_MINUTES;
use std::ops::{Range, RangeInclusive};

/// Windows of one caller's past against which a window is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    values: Vec<u64>,
    /// Largest value of the other days.
    largest: u64,
    /// Minutes between the first and the last of the windows.
    pub minutes: u64,
}

/// Windows that a baseline must have; below it a median says little.
pub const LEAST_WINDOWS: usize = 20;

/// How much larger than the largest window of other days a window must be, in percent: what comes back every night is
/// usual, however quiet the hours between. Proposal.
const LARGEST_PERCENT: u64 = 150;

/// All windows of one caller: sorted once, held against many a burst.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Minute and value.
    by_time: Vec<(u32, u64)>,
    by_value: Vec<u64>,
}

impl Windows {
    /// From minutes and values in the order of time.
    pub fn of(by_time: Vec<(u32, u64)>) -> Windows {
        let mut by_value: Vec<u64> = by_time.iter().map(|(_, value)| *value).collect();
        by_value.sort_unstable();
        Windows { by_time, by_value }
    }

    /// Minutes and values in the order of time.
    pub fn by_time(&self) -> &[(u32, u64)] {
        &self.by_time
    }

    /// The places of the windows that begin in a range of minutes.
    fn within(&self, minutes: &RangeInclusive<u32>) -> Range<usize> {
        let start = self.by_time.partition_point(|(minute, _)| minute < minutes.start());
        start..self.by_time.partition_point(|(minute, _)| minute <= minutes.end()).max(start)
    }

    /// The values beside those at some places, in order.
    fn values_without(&self, places: Range<usize>) -> Vec<u64> {
        let mut left_out: Vec<u64> = self.by_time[places].iter().map(|(_, value)| *value).collect();
        left_out.sort_unstable();
        let mut values = Vec::with_capacity(self.by_value.len());
        let mut rest = &self.by_value[..];
        // What is between two that are left out is copied in one piece.
        for value in left_out {
            let (before, from) = rest.split_at(rest.partition_point(|other| *other < value));
            values.extend_from_slice(before);
            rest = from.get(1..).unwrap_or_default();
        }
        values.extend_from_slice(rest);
        values
    }
}

impl Baseline {
    /// From the windows beside those in `left_out` and next to them, of a window length in minutes.
    pub fn of(windows: &Windows, left_out: &RangeInclusive<u32>, length: u32) -> Baseline {
        let around =
            windows.within(&(left_out.start().saturating_sub(length)..=left_out.end().saturating_add(length)));
        let same_days = windows.within(
            &(left_out.start() / DAY_MINUTES * DAY_MINUTES
                ..=left_out.end() / DAY_MINUTES * DAY_MINUTES + (DAY_MINUTES - 1)),
        );
        let all = &windows.by_time[..];
        let before_and_after = |without: Range<usize>| all[..without.start].iter().chain(&all[without.end..]);
        let not_near = around.start.min(same_days.start)..around.end.max(same_days.end);
        let largest = before_and_after(not_near).map(|(_, value)| *value).max().unwrap_or(0);
        let (first, last) =
            (before_and_after(around.clone()).next(), before_and_after(around.clone()).next_back());
        let minutes = first.zip(last).map_or(0, |((first, _), (last, _))| u64::from(last - first + length));
        Baseline { values: windows.values_without(around), largest, minutes }
    }

    /// Is there enough of a past: so many hours, and [`LEAST_WINDOWS`]?
    pub fn is_enough(&self, least_hours: u64) -> bool {
        self.values.len() >= LEAST_WINDOWS && self.minutes >= least_hours * 60
    }

    /// How many windows.
    pub fn windows(&self) -> usize {
        self.values.len()
    }

    /// The value in the middle.
    pub fn median(&self) -> u64 {
        median(&self.values)
    }

    /// The value that 95 of 100 windows do not exceed.
    pub fn percentile_95(&self) -> u64 {
        self.values.get((self.values.len() * 95).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0)
    }

    /// How many robust standard deviations a value lies above the median, in tenths. The deviation is 1.4826 times the
    /// median absolute deviation (Iglewicz and Hoaglin 1993,
    /// <https://www.itl.nist.gov/div898/handbook/eda/section3/eda35h.htm>), but never below that of a Poisson count
    /// with this median, so that a steady past does not make every change an outlier.
    pub fn z_tenths(&self, value: u64) -> u64 {
        let median = self.median();
        let robust = u128::from(median_deviation(&self.values)) * 14_826 / 10_000;
        let deviation = robust.max(u128::from(median.isqrt())).max(1);
        u64::try_from(u128::from(value.saturating_sub(median)) * 10 / deviation).unwrap_or(u64::MAX)
    }

    /// Does a value stand out by so many tenths of a deviation, and from the largest of the other days?
    pub fn stands_out(&self, value: u64, z_tenths: u64) -> bool {
        // What is told faster is asked first.
        u128::from(value) * 100 >= u128::from(self.largest) * u128::from(LARGEST_PERCENT)
            && self.z_tenths(value) >= z_tenths
    }
}

/// The middle of sorted values; of an even number the lower of the two.
pub fn median(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// The middle of how far sorted values lie from their middle. From there outwards the distances come in two ordered
/// rows, so the first half of them is counted off.
pub fn median_deviation(sorted: &[u64]) -> u64 {
    let (median, middle) = (median(sorted), sorted.len().saturating_sub(1) / 2);
    let mut below = sorted[..middle].iter().rev().map(|value| median - value).peekable();
    let mut above = sorted[middle..].iter().map(|value| value - median).peekable();
    let mut deviation = 0;
    for _ in 0..=middle {
        let is_below = match (below.peek(), above.peek()) {
            (Some(below), Some(above)) => below < above,
            (below, _) => below.is_some(),
        };
        deviation = if is_below { below.next() } else { above.next() }.unwrap_or(deviation);
    }
    deviation
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn baseline(values: &[u64]) -> Baseline {
        let windows = (0..).map(|number| number * 10).zip(values.iter().copied()).collect();
        Baseline::of(&Windows::of(windows), &(1_000_000..=1_000_009), 10)
    }

    proptest! {
        #[test]
        fn a_baseline_is_what_its_definition_says(
            values in prop::collection::btree_map(0u32..900, 0u64..40, 0..60),
            (start, more, length) in (0u32..9000, 0u32..4000, prop::sample::select(vec![0u32, 10, 60])),
        ) {
            let by_time: Vec<(u32, u64)> = values.into_iter().map(|(window, value)| (window * 10, value)).collect();
            let left_out = start..=start + more;
            let found = Baseline::of(&Windows::of(by_time.clone()), &left_out, length);
            let is_past = |minute: u32| minute < start.saturating_sub(length) || minute > start + more + length;
            let past: Vec<(u32, u64)> = by_time.into_iter().filter(|(minute, _)| is_past(*minute)).collect();
            let mut expected: Vec<u64> = past.iter().map(|(_, value)| *value).collect();
            expected.sort_unstable();
            prop_assert_eq!(&found.values, &expected);
            let same_day = |minute: u32| (start / DAY_MINUTES..=(start + more) / DAY_MINUTES).contains(&(minute / DAY_MINUTES));
            let other_days = past.iter().filter(|(minute, _)| !same_day(*minute));
            prop_assert_eq!(found.largest, other_days.map(|(_, value)| *value).max().unwrap_or(0));
            let span = past.first().zip(past.last()).map_or(0, |(first, last)| last.0 - first.0 + length);
            prop_assert_eq!(found.minutes, u64::from(span));
            let mut deviations: Vec<u64> = expected.iter().map(|value| value.abs_diff(median(&expected))).collect();
            deviations.sort_unstable();
            prop_assert_eq!(median_deviation(&expected), median(&deviations));
        }
    }

    #[test]
    fn deviations_are_robust_and_never_below_those_of_a_count() {
        for (values, value, expected) in [
            (vec![10; 30], 10, 0),
            // A steady past of 10 has the deviation of a count of 10, which is 3.
            (vec![10; 30], 40, 100),
            ([vec![100; 10], vec![200; 10], vec![300; 10]].concat(), 200 + 6 * 148, 60),
            // One wild window does not move the median.
            ([vec![10; 30], vec![1_000_000]].concat(), 40, 100),
            (vec![0; 30], 5, 50),
            (vec![], 7, 70),
        ] {
            assert_eq!(baseline(&values).z_tenths(value), expected, "{values:?}");
        }
    }

    #[test]
    fn what_comes_back_every_day_does_not_stand_out() {
        let windows =
            (0..10).flat_map(|day| [(day * 1440, 1000), (day * 1440 + 600, 5), (day * 1440 + 700, 5)]).collect();
        let past = Baseline::of(&Windows::of(windows), &(9 * 1440..=9 * 1440 + 9), 10);
        assert_eq!((past.windows(), past.median()), (29, 5));
        assert!(!past.stands_out(1000, 60) && past.stands_out(1500, 60) && past.is_enough(24));
        assert!(!past.is_enough(24 * 10));
    }

    #[test]
    fn percentiles_and_medians_of_few_values() {
        let past = baseline(&(1..=100).collect::<Vec<_>>());
        assert_eq!((past.median(), past.percentile_95()), (50, 95));
        assert_eq!(
            (baseline(&[]).median(), baseline(&[]).percentile_95(), baseline(&[7]).percentile_95()),
            (0, 0, 7)
        );
    }
}
