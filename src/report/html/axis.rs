//! Axes of plots: time in bins with ticks at round times, and values from 0 to a round number.

use crate::overview::periods::{MINUTE_MS, Periods};
use crate::parse::time::DAY_MS;
use chrono::DateTime;

/// Minutes of a bin or between two ticks: what people read at a glance. Beyond, the last is doubled.
const STEPS_MINUTES: [i64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10_080, 20_160, 40_320];

/// Ticks of a time axis.
const MOST_TICKS: i64 = 9;

/// Bins of an axis with nearly nothing on it, so that one event is no bar as wide as the plot.
const LEAST_BINS: i64 = 12;

/// Times that calendars have: from the year 1 to 9999.
const TIMES_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// One of so many rows may lie outside an axis, on either side, if the axis is a tenth as long without it.
const STRAY_ONE_IN: u64 = 1000;

/// Time from left to right, cut into bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeAxis {
    /// Where the first bin begins, in milliseconds.
    pub start_ms: i64,
    /// Length of a bin.
    pub step_ms: i64,
    /// How many bins there are.
    pub bins: usize,
    /// Rows that lie before or behind it.
    pub outside: u64,
    /// Left end in the drawing.
    pub left: f64,
    /// Length in the drawing.
    pub width: f64,
}

impl TimeAxis {
    /// An axis for these periods with at most so many bins of at least `least_ms`; `None` if there are no rows with a time.
    pub fn of(periods: &Periods, most_bins: i64, least_ms: i64, [left, width]: [f64; 2]) -> Option<TimeAxis> {
        let rows = |counts: &crate::overview::PerLog| counts.0.iter().map(|log| log.requests).sum::<u64>();
        let known: Vec<(i64, u64)> = periods
            .iter()
            .map(|(start, counts)| (start, rows(counts)))
            .filter(|(start, _)| TIMES_MS.contains(start))
            .collect();
        let all: u64 = periods.iter().map(|(_, counts)| rows(counts)).sum();
        let (first, last) = range(&known)?;
        let inside: u64 =
            known.iter().filter(|(start, _)| (first..=last).contains(start)).map(|(_, rows)| rows).sum();
        let end = last.saturating_add(periods.step_ms().min(400 * DAY_MS));
        let base_ms = periods.step_ms().max(least_ms);
        let step_ms = step_ms(end - first, most_bins, base_ms);
        let start_ms = first.div_euclid(step_ms) * step_ms;
        let bins = (end - start_ms + step_ms - 1) / step_ms;
        let missing = (LEAST_BINS - bins).max(0);
        Some(TimeAxis {
            start_ms: start_ms - missing / 2 * step_ms,
            step_ms,
            bins: usize::try_from(bins + missing).unwrap_or(1),
            outside: all - inside,
            left,
            width,
        })
    }

    /// The bin of an instant, if it lies on the axis.
    pub fn bin(&self, time_ms: i64) -> Option<usize> {
        let bin = usize::try_from(time_ms.saturating_sub(self.start_ms).div_euclid(self.step_ms)).ok()?;
        (bin < self.bins).then_some(bin)
    }

    /// The bins that a stretch of time touches, if it touches any.
    pub fn bins_of(&self, first_ms: i64, last_ms: i64) -> Option<(usize, usize)> {
        if first_ms > self.end_ms() || last_ms < self.start_ms {
            return None;
        }
        let bin = |time_ms: i64| self.bin(time_ms.clamp(self.start_ms, self.end_ms() - 1));
        Some((bin(first_ms)?, bin(last_ms)?))
    }

    /// Where the last bin ends.
    pub fn end_ms(&self) -> i64 {
        self.start_ms.saturating_add(self.step_ms.saturating_mul(self.bins as i64))
    }

    /// Width of a bin in the drawing.
    pub fn bin_width(&self) -> f64 {
        self.width / self.bins as f64
    }

    /// Left end of a bin in the drawing.
    pub fn bin_left(&self, bin: usize) -> f64 {
        self.left + bin as f64 * self.bin_width()
    }

    /// The place of an instant in the drawing; what lies outside is at the ends.
    pub fn x(&self, time_ms: i64) -> f64 {
        let length = (self.end_ms() - self.start_ms) as f64;
        self.left + (time_ms.clamp(self.start_ms, self.end_ms()) - self.start_ms) as f64 / length * self.width
    }

    /// Round times: where they are in the drawing, what is written there, and below it where the day or year begins.
    pub fn ticks(&self) -> Vec<(f64, String, Option<String>)> {
        let tick_ms = step_ms(self.end_ms() - self.start_ms, MOST_TICKS, self.step_ms);
        let mut before = String::new();
        let mut ticks = Vec::new();
        let mut time_ms = (self.start_ms + tick_ms - 1).div_euclid(tick_ms) * tick_ms;
        while time_ms < self.end_ms() {
            let (line, below) = if tick_ms < DAY_MS {
                (calendar(time_ms, "%H:%M"), calendar(time_ms, "%-d %b %Y"))
            } else {
                (calendar(time_ms, "%-d %b"), calendar(time_ms, "%Y"))
            };
            let news = (below != before).then(|| below.clone());
            before = below;
            ticks.push((self.x(time_ms), line, news));
            time_ms += tick_ms;
        }
        ticks
    }

    /// `4 Mar 2026 10:00 to 11:00`, a bin for people.
    pub fn bin_name(&self, bin: usize) -> String {
        let start = self.start_ms + self.step_ms * bin as i64;
        let end = start + self.step_ms;
        match (start.div_euclid(DAY_MS), end.div_euclid(DAY_MS)) {
            (_, _) if self.step_ms % DAY_MS == 0 && self.step_ms == DAY_MS => calendar(start, "%-d %b %Y"),
            (from, to) if from == to || (to == from + 1 && end.rem_euclid(DAY_MS) == 0) => {
                let until = if end.rem_euclid(DAY_MS) == 0 { "24:00".to_owned() } else { calendar(end, "%H:%M") };
                format!("{} to {until}", calendar(start, "%-d %b %Y %H:%M"))
            }
            _ => format!("{} to {}", calendar(start, "%-d %b %Y %H:%M"), calendar(end, "%-d %b %Y %H:%M")),
        }
    }

    /// `minute`, `15 minutes`, `2 hours`, `day`: the length of a bin.
    pub fn step_name(&self) -> String {
        let minutes = self.step_ms / MINUTE_MS;
        let (number, unit) = match minutes {
            0..60 => (minutes, "minute"),
            60..1440 => (minutes / 60, "hour"),
            _ => (minutes / 1440, "day"),
        };
        if number == 1 { unit.to_owned() } else { format!("{number} {unit}s") }
    }
}

/// From the first period to the last, without the few that lie far off.
fn range(known: &[(i64, u64)]) -> Option<(i64, i64)> {
    let (first, last) = (known.first()?.0, known.last()?.0);
    let all: u64 = known.iter().map(|(_, rows)| rows).sum();
    let (near, far) = (beyond(known.iter(), all)?, beyond(known.iter().rev(), all)?);
    if (far - near).saturating_mul(10) < last - first { Some((near, far)) } else { Some((first, last)) }
}

/// The first period that has more rows before its end than may be passed over.
fn beyond<'a>(mut periods: impl Iterator<Item = &'a (i64, u64)>, all: u64) -> Option<i64> {
    let mut sum = 0;
    let found = periods.find(|(_, rows)| {
        sum += rows;
        sum > all / STRAY_ONE_IN
    });
    found.map(|(start, _)| *start)
}

/// The shortest round step of which no more than so many make up the length, and that is a multiple of `base_ms`.
fn step_ms(length_ms: i64, most: i64, base_ms: i64) -> i64 {
    let longest = STEPS_MINUTES[STEPS_MINUTES.len() - 1];
    let doubled = (1..32).map(|doublings| longest << doublings);
    let steps = STEPS_MINUTES.into_iter().chain(doubled).map(|minutes| minutes * MINUTE_MS);
    let fits = |step: &i64| *step >= base_ms && step % base_ms == 0 && length_ms / step < most;
    steps.clone().find(fits).unwrap_or_else(|| base_ms.max(length_ms / most + 1))
}

/// An instant in UTC.
pub fn calendar(time_ms: i64, format: &str) -> String {
    DateTime::from_timestamp_millis(time_ms)
        .map_or_else(|| format!("{time_ms} ms"), |time| time.format(format).to_string())
}

/// The round number at the top of an axis that has to hold this one: 1, 2 or 5 and zeros.
pub fn top_of(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [1, 2, 5] {
            let top = unit.saturating_mul(step);
            if top >= most || top == u64::MAX {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::Counts;

    fn periods(times_ms: &[(i64, u64)]) -> Periods {
        let mut periods = Periods::default();
        for (time_ms, rows) in times_ms {
            periods.add(*time_ms, 0, &Counts { requests: *rows, ..Counts::default() });
        }
        periods
    }

    const START: i64 = 1_772_582_400_000; // 2026-03-04T00:00:00Z

    #[test]
    fn every_row_lies_in_a_bin_or_is_told_to_lie_outside() {
        for (times, step_name, outside) in [
            (vec![(START, 5)], "minute", 0),
            (vec![(START, 5), (START + 2 * 3_600_000, 5)], "minute", 0),
            (vec![(START, 5), (START + 10 * DAY_MS, 5)], "2 hours", 0),
            (vec![(START, 5), (START + 400 * DAY_MS, 5)], "7 days", 0),
            (vec![(0, 1), (START, 5000), (START + 3_600_000, 5000)], "minute", 1),
            (vec![(i64::MIN, 1), (START, 5), (i64::MAX, 1)], "minute", 2),
        ] {
            let periods = periods(&times);
            let axis = TimeAxis::of(&periods, 180, MINUTE_MS, [0.0, 900.0]).unwrap();
            let inside: u64 =
                times.iter().filter(|(time, _)| axis.bin(*time).is_some()).map(|(_, rows)| rows).sum();
            let all: u64 = times.iter().map(|(_, rows)| rows).sum();
            if periods.step_ms() == MINUTE_MS {
                assert_eq!(axis.step_name(), step_name, "{times:?}");
                assert_eq!((axis.outside, inside), (outside, all - outside), "{times:?}");
            }
            assert!((12..=181).contains(&axis.bins), "{times:?} {}", axis.bins);
            let ticks = axis.ticks();
            assert!((1..=10).contains(&ticks.len()) && ticks[0].2.is_some(), "{ticks:?}");
        }
        assert_eq!(TimeAxis::of(&Periods::default(), 180, MINUTE_MS, [0.0, 1.0]), None);
    }

    #[test]
    fn bins_have_names() {
        let axis = |step_ms| TimeAxis { start_ms: START, step_ms, bins: 20, outside: 0, left: 0.0, width: 1.0 };
        assert_eq!(axis(3_600_000).bin_name(10), "4 Mar 2026 10:00 to 11:00");
        assert_eq!(axis(21_600_000).bin_name(3), "4 Mar 2026 18:00 to 24:00");
        assert_eq!(axis(DAY_MS).bin_name(1), "5 Mar 2026");
        assert_eq!(axis(2 * DAY_MS).bin_name(0), "4 Mar 2026 00:00 to 6 Mar 2026 00:00");
    }

    #[test]
    fn the_top_of_an_axis_is_round() {
        for (most, top) in [(0, 1), (1, 1), (3, 5), (5, 5), (51, 100), (1234, 2000), (u64::MAX, u64::MAX)] {
            assert_eq!(top_of(most), top);
        }
    }
}
