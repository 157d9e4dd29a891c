//! The gaps of a place, and how sure they are: each log held against its own rhythm, and against the other log.

use super::Place;
use super::days::{Day, DayNumber, HOUR_MS, PlaceDays, Series};
use super::place::Where;
use super::rhythm::{Confidence, Gap, Hour, LEAST_DAYS, Rhythm, rows_within};
use crate::parse::time::format_iso;
use serde::Serialize;

/// Hours that a log may take to arrive: AWS names a few hours for access logs, and minutes for CloudTrail.
const ACCESS_DELAY_HOURS: i64 = 24;
const TRAIL_DELAY_HOURS: i64 = 1;

/// Rows of the other log from which on its silence in the same hours tells that nothing happened.
const TELLING_ROWS: u64 = 16;

/// Hours of which rows are missing; the members are those of JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GapRow {
    /// Where; of management events without a bucket.
    #[serde(flatten)]
    pub place: Where,
    /// The log.
    pub log: Series,
    /// The first hour.
    pub from: String,
    /// The end of the last hour.
    pub until: String,
    /// How many hours that are.
    pub hours: i64,
    /// Rows there are in them.
    pub rows: u64,
    /// Rows that are usual in them.
    pub expected_rows: u64,
    /// How many robust standard deviations lie between.
    pub deviations: f64,
    /// Days with rows that the hours were held against.
    pub days_compared: u64,
    /// Rows of the bucket's other log in these hours.
    pub other_log_rows: Option<u64>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why.
    pub reason: String,
    #[serde(skip)]
    span: (Hour, Hour),
}

impl GapRow {
    /// The days that it touches.
    pub fn days(&self) -> impl Iterator<Item = DayNumber> + use<> {
        let days = self.span.0.div_euclid(24)..=(self.span.1 - 1).div_euclid(24);
        days.filter_map(|day| DayNumber::try_from(day).ok())
    }

    /// How many hours of the gap are on that day.
    pub fn hours_on(&self, day: DayNumber) -> i64 {
        let start = i64::from(day) * 24;
        (self.span.1.min(start + 24) - self.span.0.max(start)).max(0)
    }
}

/// The gaps of a place up to the latest event of the input.
pub fn gaps(place: &Place, last_ms: Option<i64>) -> Vec<GapRow> {
    // The last hour is not over.
    let Some(end) = last_ms.map(|time| time.div_euclid(HOUR_MS)) else { return Vec::new() };
    let rhythm = |series| Rhythm::of(place.days.series(series));
    if place.bucket.is_none() {
        let rhythm = rhythm(Series::ManagementEvents);
        let gaps = rhythm.iter().flat_map(|rhythm| rhythm.gaps(end));
        return gaps
            .map(|gap| row(place, Series::ManagementEvents, &gap, None, judged(&gap, end, None)))
            .collect();
    }
    let rhythms = [Series::AccessLines, Series::DataEvents].map(|series| (series, rhythm(series)));
    let mut rows = Vec::new();
    for (index, (series, mine)) in rhythms.iter().enumerate() {
        let (other_series, other) = &rhythms[1 - index];
        for gap in mine.iter().flat_map(|rhythm| rhythm.gaps(end)) {
            let others = Others {
                rows: rows_of(&place.days, *other_series, &gap),
                expected: other.as_ref().map_or(0, |other| other.expected(gap.from, gap.until)),
            };
            rows.push(row(place, *series, &gap, Some(others.rows), judged(&gap, end, Some((*series, others)))));
        }
    }
    rows
}

/// What the other log has in the hours of a gap, and what is usual.
#[derive(Clone, Copy)]
struct Others {
    rows: u64,
    expected: u64,
}

/// Rows of a log in a gap. Access lines count only as far as CloudTrail would record their like.
fn rows_of(days: &PlaceDays, series: Series, gap: &Gap) -> u64 {
    let touched = days.days().iter().filter(|(day, _)| {
        let start = i64::from(*day) * 24;
        start < gap.until && start + 24 > gap.from
    });
    let rows = |(number, day): &(DayNumber, Box<Day>)| {
        let rows = day.hours(series).map_or(0, |hours| rows_within(*number, hours, gap.from, gap.until));
        if series == Series::AccessLines { rows.min(day.data_requests) } else { rows }
    };
    touched.map(rows).sum()
}

/// How sure a gap is, and why.
fn judged(gap: &Gap, end: Hour, others: Option<(Series, Others)>) -> (Confidence, String) {
    let series = others.map(|(series, _)| series);
    let is_access = series == Some(Series::AccessLines);
    let other_log = if is_access { "CloudTrail" } else { "the access log" };
    let allowed = if is_access { ACCESS_DELAY_HOURS } else { TRAIL_DELAY_HOURS };
    if gap.until == end && gap.until - gap.from <= allowed {
        return (
            Confidence::Low,
            "it reaches to the end of the input: the log may not have been delivered yet".to_owned(),
        );
    }
    match others {
        Some((_, Others { rows, .. })) if rows > gap.rows => {
            return (Confidence::Proven, format!("{other_log} has {rows} requests in these hours"));
        }
        Some((_, Others { expected, .. })) if expected >= TELLING_ROWS && gap.rows == 0 => {
            let reason = format!("{other_log} is silent too: nothing may have happened, or both are missing");
            return (Confidence::Low, reason);
        }
        _ => {}
    }
    let usual = format!("usual by {} days with rows", gap.days);
    let reason = match gap.is_odd_day {
        true => format!("{usual}, but it is a weekend and fewer than {LEAST_DAYS} other such days are known"),
        false => usual,
    };
    (gap.confidence(), reason)
}

fn row(
    place: &Place,
    series: Series,
    gap: &Gap,
    other_log_rows: Option<u64>,
    (confidence, reason): (Confidence, String),
) -> GapRow {
    GapRow {
        place: Where::of(place),
        log: series,
        from: format_iso(gap.from * HOUR_MS),
        until: format_iso(gap.until * HOUR_MS),
        hours: gap.until - gap.from,
        rows: gap.rows,
        expected_rows: gap.expected,
        deviations: gap.deviations_tenths as f64 / 10.0,
        days_compared: gap.days,
        other_log_rows,
        confidence,
        reason,
        span: (gap.from, gap.until),
    }
}
