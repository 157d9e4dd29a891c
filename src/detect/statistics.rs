//! What is usual and what stands out: medians and deviations from them, in whole numbers.

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

impl Baseline {
    /// From the windows (minute and value) beside those in `left_out`, of a window length in minutes.
    pub fn of(windows: &[(u32, u64)], left_out: &std::ops::RangeInclusive<u32>, length: u32) -> Baseline {
        let around = left_out.start().saturating_sub(length)..=left_out.end().saturating_add(length);
        let past = || windows.iter().filter(|(minute, _)| !around.contains(minute));
        let mut values: Vec<u64> = past().map(|(_, value)| *value).collect();
        values.sort_unstable();
        let days = left_out.start() / (24 * 60)..=left_out.end() / (24 * 60);
        let of_other_days = past().filter(|(minute, _)| !days.contains(&(minute / (24 * 60))));
        let largest = of_other_days.map(|(_, value)| *value).max().unwrap_or(0);
        let (first, last) = (past().map(|(minute, _)| *minute).min(), past().map(|(minute, _)| *minute).max());
        let minutes = first.zip(last).map_or(0, |(first, last)| u64::from(last - first + length));
        Baseline { values, largest, minutes }
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
        let mut deviations: Vec<u64> = self.values.iter().map(|past| past.abs_diff(median)).collect();
        deviations.sort_unstable();
        let robust = u128::from(self::median(&deviations)) * 14_826 / 10_000;
        let deviation = robust.max(u128::from(median.isqrt())).max(1);
        u64::try_from(u128::from(value.saturating_sub(median)) * 10 / deviation).unwrap_or(u64::MAX)
    }

    /// Does a value stand out by so many tenths of a deviation, and from the largest of the other days?
    pub fn stands_out(&self, value: u64, z_tenths: u64) -> bool {
        self.z_tenths(value) >= z_tenths
            && u128::from(value) * 100 >= u128::from(self.largest) * u128::from(LARGEST_PERCENT)
    }
}

/// The middle of sorted values; of an even number the lower of the two.
pub fn median(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(values: &[u64]) -> Baseline {
        let windows: Vec<(u32, u64)> = (0..).map(|number| number * 10).zip(values.iter().copied()).collect();
        Baseline::of(&windows, &(1_000_000..=1_000_009), 10)
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
        let windows: Vec<(u32, u64)> =
            (0..10).flat_map(|day| [(day * 1440, 1000), (day * 1440 + 600, 5), (day * 1440 + 700, 5)]).collect();
        let past = Baseline::of(&windows, &(9 * 1440..=9 * 1440 + 9), 10);
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
