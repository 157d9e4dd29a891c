//! Hours in which a log has no rows although the same hours of other days have many.
//!
//! Each hour of the day has a median of its own and a median deviation from it, apart for weekdays and weekends where
//! there are days enough. Adjoining hours without rows are one gap, and are held together against what is usual for them.

use super::days::{DayNumber, Hours};
use crate::detect::statistics::{median, median_deviation};
use serde::Serialize;

/// Hours since 1970.
pub type Hour = i64;

/// Days with rows that a rhythm needs.
pub const LEAST_DAYS: u64 = 3;

/// Deviations below what is usual, in tenths, from which on hours are a gap: 16 rows where each comes by itself. Proposal.
const LEAST_DEVIATIONS_TENTHS: u64 = 40;

/// An hour that has rows is short if it has less than a tenth of what is usual, and is that far from it. Proposal.
const SHORT_SHARE: u64 = 10;
const SHORT_DEVIATIONS_TENTHS: u64 = 60;

/// How sure it is that rows are missing, and that there was not just nothing to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Little history, a weekend without others to compare with, the other log silent too, or logs that may yet come.
    Low,
    /// Three days of history or more, and five deviations.
    Medium,
    /// Seven days of history or more, and eight deviations.
    High,
    /// The other log of the bucket has requests in these hours, and the log would have come by now.
    Proven,
}

/// Adjoining hours of which rows are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first hour.
    pub from: Hour,
    /// The hour behind the last.
    pub until: Hour,
    /// Rows there are.
    pub rows: u64,
    /// Rows there usually are: the sum of the medians.
    pub expected: u64,
    /// How many deviations lie between, in tenths.
    pub deviations_tenths: u64,
    /// Days on which the log has rows and that were compared.
    pub days: u64,
    /// Most of it lies on a weekend that was held against weekdays, as there are too few other weekends.
    pub is_odd_day: bool,
}

impl Gap {
    /// How sure the rhythm alone is.
    pub fn confidence(&self) -> Confidence {
        match (self.days, self.deviations_tenths) {
            _ if self.is_odd_day => Confidence::Low,
            (7.., 80..) => Confidence::High,
            (LEAST_DAYS.., 50..) => Confidence::Medium,
            _ => Confidence::Low,
        }
    }
}

/// What is usual in an hour of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usual {
    median: u64,
    /// The square of a deviation. The root is taken only of the sum over all hours of a gap: rounded down in each of
    /// them it would let fewer missing rows be a gap.
    variance: u64,
}

impl Usual {
    /// The deviation is that of [`crate::detect::statistics::Baseline::z_tenths`], and never below that of a count.
    fn of(mut values: Vec<u64>) -> Usual {
        values.sort_unstable();
        let median = median(&values);
        let robust = median_deviation(&values).saturating_mul(14_826) / 10_000;
        Usual { median, variance: robust.saturating_mul(robust).max(median) }
    }

    fn is_short(self, rows: u64) -> bool {
        let missing = self.median.saturating_sub(rows);
        let is_far = squared_tenths(missing, self.variance) >= u128::from(SHORT_DEVIATIONS_TENTHS.pow(2));
        self.median > 0 && (rows == 0 || rows.saturating_mul(SHORT_SHARE) < self.median && is_far)
    }
}

/// The square of how many tenths of a deviation so many missing rows are.
fn squared_tenths(missing: u64, variance: u64) -> u128 {
    let missing = u128::from(missing);
    (missing * missing).saturating_mul(100) / u128::from(variance.max(1))
}

/// Weekday or weekend: what is usual by the hour.
#[derive(Clone, Debug, Default)]
struct Kind {
    hours: [Usual; 24],
    /// Of all hours together.
    expected: u64,
    variance: u64,
    /// The first and the last hour of which rows are usual.
    first: Option<i64>,
    last: Option<i64>,
}

impl Kind {
    fn of(hours: [Usual; 24]) -> Kind {
        let mut kind = Kind { hours, ..Kind::default() };
        for (hour, usual) in (0..).zip(hours) {
            kind.expected = kind.expected.saturating_add(usual.median);
            kind.variance = kind.variance.saturating_add(usual.variance);
            if usual.median > 0 {
                kind.first = kind.first.or(Some(hour));
                kind.last = Some(hour);
            }
        }
        kind
    }
}

/// Days with rows, and the rows of their hours.
pub type DayHours<'a> = (DayNumber, &'a Hours);

/// The rhythm of one log of one place.
#[derive(Clone, Debug)]
pub struct Rhythm<'a> {
    days: Vec<DayHours<'a>>,
    kinds: [Kind; 2],
    /// Weekends have days enough of their own.
    weekends_are_own: bool,
}

/// 1970-01-01 was a Thursday.
fn is_weekend(day: i64) -> bool {
    (day + 3).rem_euclid(7) >= 5
}

/// How many weekdays and days of weekends these days are.
fn days_by_kind(from: i64, until: i64) -> [u64; 2] {
    let days = (until - from).max(0);
    let whole_weeks = days / 7;
    let rest = (from + whole_weeks * 7..until).filter(|day| is_weekend(*day)).count() as u64;
    let weekends = whole_weeks as u64 * 2 + rest;
    [days as u64 - weekends, weekends]
}

impl<'a> Rhythm<'a> {
    /// From the days that have rows, in order. `None` if they are too few.
    pub fn of(days: Vec<DayHours<'a>>) -> Option<Rhythm<'a>> {
        if (days.len() as u64) < LEAST_DAYS {
            return None;
        }
        let quiet = longest_quiet(&days);
        let absent = absent_days(&days, quiet);
        let present: [Vec<DayHours<'_>>; 2] = [false, true].map(|weekend| {
            days.iter().copied().filter(|(day, _)| is_weekend(i64::from(*day)) == weekend).collect()
        });
        let usual = |present: &[&[DayHours<'_>]], absent: usize| -> [Usual; 24] {
            if absent >= present.iter().map(|days| days.len()).sum() {
                return Default::default();
            }
            std::array::from_fn(|hour| {
                let rows = present.iter().copied().flatten().map(|(_, hours)| u64::from(hours[hour]));
                Usual::of(rows.chain(std::iter::repeat_n(0, absent)).collect())
            })
        };
        let is_own = [0, 1].map(|kind| (present[kind].len() + absent[kind]) as u64 >= LEAST_DAYS);
        let kinds = [0, 1].map(|kind| {
            Kind::of(match is_own[kind] {
                true => usual(&[&present[kind]], absent[kind]),
                false => usual(&[&present[0], &present[1]], absent[0] + absent[1]),
            })
        });
        Some(Rhythm { days, kinds, weekends_are_own: is_own[1] })
    }

    fn kind(&self, day: i64) -> &Kind {
        &self.kinds[usize::from(is_weekend(day))]
    }

    /// Rows that are usual in these hours together.
    pub fn expected(&self, from: Hour, until: Hour) -> u64 {
        let (from_day, until_day) = ((from + 23).div_euclid(24), until.div_euclid(24));
        let hourly = |hours: std::ops::Range<Hour>| {
            let usual = |hour: Hour| self.kind(hour.div_euclid(24)).hours[hour.rem_euclid(24) as usize].median;
            hours.map(usual).fold(0, u64::saturating_add)
        };
        if from_day >= until_day {
            return hourly(from..until);
        }
        let days = days_by_kind(from_day, until_day);
        let whole = self.kinds.iter().zip(days).map(|(kind, days)| kind.expected.saturating_mul(days));
        let edges = hourly(from..from_day * 24).saturating_add(hourly(until_day * 24..until));
        whole.fold(edges, u64::saturating_add)
    }

    /// The gaps between the first hour with rows and `end`, the hour behind the last that the logs reach.
    pub fn gaps(&self, end: Hour) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.kinds.iter().all(|kind| kind.expected == 0) {
            return gaps;
        }
        let mut stretch = None;
        let (first_day, first_hours) = self.days[0];
        let start = i64::from(first_day) * 24 + first_hours.iter().position(|rows| *rows > 0).unwrap_or(0) as i64;
        let mut next = i64::from(first_day);
        for (day, hours) in &self.days {
            self.quiet_days(next, i64::from(*day), &mut stretch);
            next = i64::from(*day) + 1;
            for (hour, rows) in (i64::from(*day) * 24..end).zip(hours.iter()).filter(|(hour, _)| *hour >= start) {
                self.hour(hour, u64::from(*rows), &mut stretch, &mut gaps);
            }
        }
        self.quiet_days(next, end.div_euclid(24), &mut stretch);
        for hour in (end.div_euclid(24) * 24).max(next * 24)..end {
            self.hour(hour, 0, &mut stretch, &mut gaps);
        }
        self.close(stretch, &mut gaps);
        gaps
    }

    /// Days without rows, however many.
    fn quiet_days(&self, from: i64, until: i64, stretch: &mut Option<Stretch>) {
        let first = (from..until).take(7).find_map(|day| self.kind(day).first.map(|hour| day * 24 + hour));
        let last = (from..until).rev().take(7).find_map(|day| self.kind(day).last.map(|hour| day * 24 + hour));
        let (Some(first), Some(last)) = (first, last) else { return };
        let stretch = stretch.get_or_insert_with(|| Stretch::at(first));
        stretch.until = last + 1;
        let odd = [false, !self.weekends_are_own];
        for ((kind, days), is_odd) in self.kinds.iter().zip(days_by_kind(from, until)).zip(odd) {
            stretch.add(0, kind.expected.saturating_mul(days), kind.variance.saturating_mul(days), is_odd);
        }
    }

    fn hour(&self, hour: Hour, rows: u64, stretch: &mut Option<Stretch>, gaps: &mut Vec<Gap>) {
        let day = hour.div_euclid(24);
        let usual = self.kind(day).hours[hour.rem_euclid(24) as usize];
        if usual.is_short(rows) {
            let stretch = stretch.get_or_insert_with(|| Stretch::at(hour));
            stretch.until = hour + 1;
            let is_odd = is_weekend(day) && !self.weekends_are_own;
            stretch.add(rows, usual.median, usual.variance, is_odd);
        } else if rows > 0 {
            self.close(stretch.take(), gaps);
        }
    }

    fn close(&self, stretch: Option<Stretch>, gaps: &mut Vec<Gap>) {
        let Some(stretch) = stretch else { return };
        let missing = stretch.expected.saturating_sub(stretch.rows);
        let squared = squared_tenths(missing, stretch.variance);
        let deviations_tenths = u64::try_from(squared.isqrt()).unwrap_or(u64::MAX);
        if deviations_tenths >= LEAST_DEVIATIONS_TENTHS {
            let Stretch { from, until, rows, expected, .. } = stretch;
            let is_odd_day = stretch.odd_expected > expected / 2;
            let days = self.days.len() as u64;
            gaps.push(Gap { from, until, rows, expected, deviations_tenths, days, is_odd_day });
        }
    }
}

/// Rows of a day in these hours.
pub fn rows_within(day: DayNumber, hours: &Hours, from: Hour, until: Hour) -> u64 {
    let of_day = (0i64..).zip(hours).filter(|(hour, _)| (from..until).contains(&(i64::from(day) * 24 + hour)));
    of_day.map(|(_, rows)| u64::from(*rows)).sum()
}

/// The first day behind which the longest stretch of days without rows begins, and the day that ends it: such a gap must
/// not make itself usual.
fn longest_quiet(days: &[DayHours<'_>]) -> (DayNumber, DayNumber) {
    let pairs = days.windows(2).map(|pair| (pair[0].0, pair[1].0));
    pairs.rev().max_by_key(|(before, after)| after - before).unwrap_or_default()
}

/// How many weekdays and days of weekends lie between those with rows, without the longest stretch.
fn absent_days(days: &[DayHours<'_>], quiet: (DayNumber, DayNumber)) -> [usize; 2] {
    let pairs = days.windows(2).map(|pair| (pair[0].0, pair[1].0)).filter(|pair| *pair != quiet);
    pairs.fold([0, 0], |absent, (before, after)| {
        let days = days_by_kind(i64::from(before) + 1, i64::from(after));
        [absent[0] + days[0] as usize, absent[1] + days[1] as usize]
    })
}

/// Hours that may become a gap.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: Hour,
    until: Hour,
    rows: u64,
    expected: u64,
    variance: u64,
    /// Of what is expected, that of weekends without others to compare with.
    odd_expected: u64,
}

impl Stretch {
    fn at(from: Hour) -> Stretch {
        Stretch { from, until: from, rows: 0, expected: 0, variance: 0, odd_expected: 0 }
    }

    fn add(&mut self, rows: u64, expected: u64, variance: u64, is_odd: bool) {
        self.rows += rows;
        self.expected = self.expected.saturating_add(expected);
        self.variance = self.variance.saturating_add(variance);
        if is_odd {
            self.odd_expected = self.odd_expected.saturating_add(expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02, a Monday.
    const MONDAY: DayNumber = 20_514;

    /// Days from Monday on, each with these rows an hour; office hours from 8 to 18.
    fn days(rows: impl Fn(i64, usize) -> u32, count: DayNumber) -> Vec<(DayNumber, Hours)> {
        let of_day =
            |number: DayNumber| (MONDAY + number, std::array::from_fn(|hour| rows(i64::from(number), hour)));
        (0..count).map(of_day).filter(|(_, hours)| hours.iter().any(|rows| *rows > 0)).collect()
    }

    fn gaps(days: &[(DayNumber, Hours)], end_day: i64) -> Vec<(i64, i64, u64, Confidence)> {
        let rhythm = Rhythm::of(days.iter().map(|(day, hours)| (*day, hours)).collect());
        let start = i64::from(MONDAY) * 24;
        let found = rhythm.map_or(vec![], |rhythm| rhythm.gaps(start + end_day * 24));
        let told = |gap: &Gap| (gap.from - start, gap.until - start, gap.expected, gap.confidence());
        found.iter().map(told).collect()
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!((0..7).map(|day| is_weekend(i64::from(MONDAY) + day)).filter(|weekend| *weekend).count(), 2);
        assert!(!is_weekend(i64::from(MONDAY)) && is_weekend(i64::from(MONDAY) + 6));
    }

    #[test]
    fn hours_that_usually_have_rows_and_have_none_are_a_gap() {
        let steady = |_: i64, _: usize| 100u32;
        let office = |day: i64, hour: usize| if day % 7 < 5 && (8..18).contains(&hour) { 200 } else { 0 };
        let without = |from: i64, until: i64, rows: fn(i64, usize) -> u32| {
            move |day: i64, hour: usize| {
                if (from..until).contains(&(day * 24 + hour as i64)) { 0 } else { rows(day, hour) }
            }
        };
        use Confidence::{High, Low, Medium};
        type Case<'a> = (&'a str, Vec<(DayNumber, Hours)>, i64, Vec<(i64, i64, u64, Confidence)>);
        let cases: Vec<Case<'_>> = vec![
            ("steady", days(steady, 10), 10, vec![]),
            ("two hours", days(without(75, 77, |_, _| 100), 10), 10, vec![(75, 77, 200, High)]),
            ("a day", days(without(72, 96, |_, _| 100), 10), 10, vec![(72, 96, 2400, High)]),
            ("more than half", days(without(72, 192, |_, _| 100), 10), 10, vec![(72, 192, 12_000, Medium)]),
            ("it stops", days(without(100, 240, |_, _| 100), 10), 10, vec![(100, 240, 14_000, Medium)]),
            ("quiet nights and weekends", days(office, 28), 28, vec![]),
            ("an office day", days(without(48, 72, office), 28), 28, vec![(56, 66, 2000, High)]),
            ("two office days are one gap", days(without(48, 96, office), 28), 28, vec![(56, 90, 4000, High)]),
            ("one week ends", days(office, 7), 7, vec![(128, 162, 4000, Low)]),
            ("a few a day", days(|_, hour| u32::from(hour == 3) * 4, 20), 20, vec![]),
            (
                "few and a week missing",
                days(without(168, 336, |_, hour| u32::from(hour == 3) * 4), 28),
                28,
                vec![(171, 316, 28, Medium)],
            ),
            ("six of three an hour", days(without(75, 77, |_, _| 3), 10), 10, vec![]),
            ("fifteen of three an hour", days(without(75, 80, |_, _| 3), 10), 10, vec![]),
            ("eighteen of three an hour", days(without(75, 81, |_, _| 3), 10), 10, vec![(75, 81, 18, Low)]),
            ("sixteen of one an hour", days(without(75, 91, |_, _| 1), 10), 10, vec![(75, 91, 16, Low)]),
            ("every Monday", days(|day, _| if day % 7 == 0 { 500 } else { 0 }, 28), 28, vec![]),
            ("two days", days(without(30, 40, |_, _| 100), 2), 2, vec![]),
        ];
        for (name, days, end, expected) in cases {
            assert_eq!(gaps(&days, end), expected, "{name}");
        }
    }

    #[test]
    fn an_hour_with_next_to_nothing_is_short_and_a_busy_one_is_not() {
        let thin = days(|day, hour| if (day, hour) == (4, 12) { 3 } else { 1000 }, 10);
        assert_eq!(gaps(&thin, 10), [(108, 109, 1000, Confidence::High)]);
        let half = days(|day, hour| if (day, hour) == (4, 12) { 500 } else { 1000 }, 10);
        assert_eq!(gaps(&half, 10), []);
        let wild = days(|day, hour| if hour == 12 { 10u32.pow((day % 4) as u32) } else { 50 }, 12);
        assert_eq!(gaps(&wild, 12), []);
    }
}
