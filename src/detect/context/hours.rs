//! Business hours.

use serde::Deserialize;

/// Milliseconds of a minute and an hour.
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Hours from Monday 00:00 to the start of 1970, a Thursday.
const FIRST_HOUR_OF_WEEK: i64 = 72;

/// `business_hours` of the configuration: when people are expected to work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusinessHours {
    /// Such as `+01:00`; there are no rules of summer time.
    utc_offset: String,
    /// Such as `mon`.
    days: Vec<String>,
    /// Hours of the day as `08-18`: from the first to before the second.
    hours: String,
}

/// The same, ready to be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    offset_minutes: i64,
    days: [bool; 7],
    from: u8,
    until: u8,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl BusinessHours {
    /// Reads the texts.
    ///
    /// # Errors
    /// Which one makes no sense, and what would.
    pub fn read(&self) -> Result<Hours, String> {
        let BusinessHours { utc_offset, days, hours } = self;
        let offset_minutes = offset(utc_offset)
            .ok_or_else(|| format!("business_hours.utc_offset: {utc_offset:?}; give one such as \"+01:00\""))?;
        let mut wanted = [false; 7];
        for day in days {
            let known = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day));
            let place =
                known.ok_or_else(|| format!("business_hours.days: {day:?}; there are {}", DAYS.join(", ")))?;
            wanted[place] = true;
        }
        if !wanted.contains(&true) {
            return Err("business_hours.days: no day is named".to_owned());
        }
        let (from, until) = range(hours)
            .ok_or_else(|| format!("business_hours.hours: {hours:?}; give full hours such as \"08-18\""))?;
        Ok(Hours { offset_minutes, days: wanted, from, until })
    }
}

fn offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let (hours, minutes): (u8, u8) = (two_digits(hours)?, two_digits(minutes)?);
    (hours <= 14 && minutes < 60).then(|| sign * (i64::from(hours) * 60 + i64::from(minutes)))
}

fn range(text: &str) -> Option<(u8, u8)> {
    let (from, until) = text.split_once('-')?;
    let (from, until) = (two_digits(from)?, two_digits(until)?);
    (from < until && until <= 24).then_some((from, until))
}

fn two_digits(text: &str) -> Option<u8> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

impl Hours {
    /// Is a time within them?
    pub fn contains(&self, time_ms: i64) -> bool {
        let hour = (time_ms + self.offset_minutes * MINUTE_MS).div_euclid(HOUR_MS);
        let of_week = (hour + FIRST_HOUR_OF_WEEK).rem_euclid(7 * 24);
        let of_day = (of_week % 24) as u8;
        self.days[(of_week / 24) as usize] && (self.from..self.until).contains(&of_day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::time::iso_time;

    fn hours(utc_offset: &str, days: &[&str], hours: &str) -> Result<Hours, String> {
        let days = days.iter().map(|day| (*day).to_owned()).collect();
        BusinessHours { utc_offset: utc_offset.to_owned(), days, hours: hours.to_owned() }.read()
    }

    #[test]
    fn hours_are_those_of_the_offset() {
        let office = hours("+01:00", &["mon", "Tue"], "08-18").unwrap();
        for (time, expected) in [
            ("2026-11-30T07:00:00Z", true),
            ("2026-11-30T06:59:59Z", false),
            ("2026-11-30T16:59:59Z", true),
            ("2026-11-30T17:00:00Z", false),
            ("2026-12-01T12:00:00Z", true),
            ("2026-12-02T12:00:00Z", false),
            ("1969-12-29T12:00:00Z", true),
        ] {
            assert_eq!(office.contains(iso_time(time.as_bytes()).unwrap()), expected, "{time}");
        }
        assert!(hours("-09:30", &["sun"], "00-24").unwrap().contains(iso_time(b"2026-11-30T09:00:00Z").unwrap()));
    }

    #[test]
    fn texts_that_make_no_sense_are_named() {
        for (offset, days, range, complaint) in [
            ("1", vec!["mon"], "08-18", "utc_offset: \"1\""),
            ("+25:00", vec!["mon"], "08-18", "utc_offset"),
            ("Z", vec!["monday"], "08-18", "there are mon, tue"),
            ("Z", vec![], "08-18", "no day is named"),
            ("Z", vec!["mon"], "18-08", "hours: \"18-08\""),
            ("Z", vec!["mon"], "8-18", "such as \"08-18\""),
            ("Z", vec!["mon"], "08-25", "hours"),
        ] {
            assert!(hours(offset, &days, range).err().unwrap_or_default().contains(complaint), "{complaint}");
        }
    }
}
