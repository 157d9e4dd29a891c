//! The two spellings of time in these logs, as milliseconds since 1970-01-01 UTC.

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;

/// The text between the brackets of an access log, `06/Feb/2019:00:00:38 +0000`. `None` if it is no such instant.
pub fn access_log_time(text: &[u8]) -> Option<i64> {
    let [
        d1,
        d2,
        b'/',
        m1,
        m2,
        m3,
        b'/',
        y @ ..,
        b':',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b' ',
        sign,
        o1,
        o2,
        o3,
        o4,
    ] = text
    else {
        return None;
    };
    let month = MONTHS.iter().position(|name| **name == [*m1, *m2, *m3])? as u32 + 1;
    let zone = digits(&[*o1, *o2])? * 60 + digits(&[*o3, *o4])?;
    let zone = match sign {
        b'+' => zone,
        b'-' => -zone,
        _ => return None,
    };
    if y.len() != 4 {
        return None;
    }
    let clock = [digits(&[*h1, *h2])?, digits(&[*n1, *n2])?, digits(&[*s1, *s2])?];
    Some(instant(digits(y)?, month, digits(&[*d1, *d2])? as u32, clock)? - zone * 60_000)
}

/// CloudTrail's time, `2026-03-01T01:02:03Z`, also with a fraction, with a space for the `T`, or with a numeric zone;
/// a missing zone is UTC. `None` if it is no such instant.
pub fn iso_time(text: &[u8]) -> Option<i64> {
    let (head, rest) = text.split_at_checked(19)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] =
        head
    else {
        return None;
    };
    let clock = [digits(&[*h1, *h2])?, digits(&[*n1, *n2])?, digits(&[*s1, *s2])?];
    let seconds =
        instant(digits(&[*y1, *y2, *y3, *y4])?, digits(&[*m1, *m2])? as u32, digits(&[*d1, *d2])? as u32, clock)?;
    let (fraction_ms, zone) = fraction(rest)?;
    Some(seconds + fraction_ms - zone_minutes(zone)? * 60_000)
}

/// The time in the names of CloudTrail's files: `20260301T010000Z` or, of log files, `20260301T0105Z`. `None` if it is no
/// such instant.
pub fn compact_time(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('Z')?;
    if !digits.is_ascii() || !matches!(digits.len(), 13 | 15) {
        return None;
    }
    let (date, clock) = digits.split_at(8);
    let clock = clock.strip_prefix('T')?;
    let second = if clock.len() == 6 { &clock[4..] } else { "00" };
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute) = (&clock[..2], &clock[2..4]);
    iso_time(format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").as_bytes())
}

/// `2026-03-01` as its first instant.
pub fn iso_date(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else {
        return None;
    };
    instant(digits(&[*y1, *y2, *y3, *y4])?, digits(&[*m1, *m2])? as u32, digits(&[*d1, *d2])? as u32, [0; 3])
}

/// `2026-03-01T01:02:03Z`, with milliseconds only where they are not zero.
pub fn format_iso(time_ms: i64) -> String {
    match chrono::DateTime::from_timestamp_millis(time_ms) {
        Some(time) if time_ms % 1000 == 0 => time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        Some(time) => time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        None => format!("{time_ms} ms"),
    }
}

/// The UTC day of an instant, `2026-03-01`.
pub fn format_date(time_ms: i64) -> String {
    match chrono::DateTime::from_timestamp_millis(time_ms) {
        Some(time) => time.format("%Y-%m-%d").to_string(),
        None => format!("{time_ms} ms"),
    }
}

/// `.123Z` → 123 ms and `Z`. Digits beyond the third are cut off.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else {
        return Some((0, rest));
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut value = 0;
    for index in 0..3 {
        value = value * 10 + rest[..count].get(index).map_or(0, |digit| i64::from(digit - b'0'));
    }
    (count > 0).then_some((value, &rest[count..]))
}

/// Minutes east of UTC.
fn zone_minutes(zone: &[u8]) -> Option<i64> {
    match zone {
        b"" | b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let minutes = digits(&[*h1, *h2])? * 60 + digits(&[*m1, *m2])?;
            Some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// A leap second is the first instant of the next minute.
fn instant(year: i64, month: u32, day: u32, [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let day = day_number(year, month, day)?;
    (hour < 24 && minute < 60 && second <= 60).then(|| ((day * 24 + hour) * 60 + minute) * 60_000 + second * 1000)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar
/// (<https://howardhinnant.github.io/date_algorithms.html#days_from_civil>).
fn day_number(year: i64, month: u32, day: u32) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        let access = |text: &str| access_log_time(text.as_bytes()).map(format_iso);
        for (text, expected) in [
            ("06/Feb/2019:00:00:38 +0000", Some("2019-02-06T00:00:38Z")),
            ("06/Feb/2019:00:00:38 +0130", Some("2019-02-05T22:30:38Z")),
            ("29/Feb/2024:23:59:60 +0000", Some("2024-03-01T00:00:00Z")),
            ("29/Feb/2023:00:00:00 +0000", None),
            ("06/February/2019:00:00:38 +0000", None),
            ("06/Feb/2019:24:00:00 +0000", None),
            ("", None),
        ] {
            assert_eq!(access(text).as_deref(), expected, "{text}");
        }
        let iso = |text: &str| iso_time(text.as_bytes()).map(format_iso);
        for (text, expected) in [
            ("2026-03-01T01:02:03Z", Some("2026-03-01T01:02:03Z")),
            ("2026-03-01 01:02:03.000000000", Some("2026-03-01T01:02:03Z")),
            ("2026-03-01T01:02:03.4567+02:00", Some("2026-02-28T23:02:03.456Z")),
            ("1969-12-31T23:59:59.999Z", Some("1969-12-31T23:59:59.999Z")),
            ("2026-13-01T01:02:03Z", None),
            ("2026-03-01T01:02:03.Z", None),
            ("2026-03-01T01:02:03 PST", None),
            ("2026-03-01", None),
        ] {
            assert_eq!(iso(text).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("20260301T010203Z", Some("2026-03-01T01:02:03Z")),
            ("20260301T0102Z", Some("2026-03-01T01:02:00Z")),
            ("20261301T0102Z", None),
            ("20260301T2502Z", None),
            ("20260301T01023Z", None),
            ("20260301T0102", None),
            ("20260301 0102Z", None),
            ("2026-3-1T0102Z", None),
            ("20260301T01é3Z", None),
            ("", None),
        ] {
            assert_eq!(compact_time(text).map(format_iso).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn days_agree_with_chrono() {
        for day in (-200_000..200_000).step_by(37) {
            let date = format_date(day * DAY_MS);
            if !date.starts_with('-') && !date.starts_with('+') {
                assert_eq!(iso_date(date.as_bytes()), Some(day * DAY_MS), "{date}");
            }
        }
    }
}
