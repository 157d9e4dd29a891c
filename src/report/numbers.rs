//! Numbers for people.

/// `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`: the two largest units, rounded down.
pub fn duration(seconds: u32) -> String {
    let two = |large: u32, unit: &str, small: u32, of: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {of}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// `10 %`, `0.01 %`: a share as a percentage with two digits that tell.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        percent if percent == 0.0 || percent >= 9.95 => format!("{percent:.0} %"),
        percent if percent >= 0.995 => format!("{percent:.1} %"),
        percent if percent >= 0.0995 => format!("{percent:.2} %"),
        _ => format!("{percent:.4} %"),
    }
}

/// `512 B`, `1.5 kB`, `12 GB`: bytes in powers of 1000, with two digits that tell.
pub fn bytes(number: u64) -> String {
    match scaled(number) {
        (number, "") => format!("{number:.0} B"),
        (number, unit) => format!("{number:.*} {unit}B", digits(number)),
    }
}

/// `950`, `1.2k`, `35M`: a number where there is little room.
pub fn short_number(number: u64) -> String {
    match scaled(number) {
        (number, "") => format!("{number:.0}"),
        (number, unit) => format!("{number:.*}{unit}", digits(number)),
    }
}

fn scaled(number: u64) -> (f64, &'static str) {
    let mut scaled = number as f64;
    let mut units = ["", "k", "M", "G", "T", "P", "E"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    // What would be rounded to 1000 is 1 of the next.
    while scaled >= 999.5
        && let Some(next) = units.next()
    {
        (scaled, unit) = (scaled / 1000.0, next);
    }
    (scaled, unit)
}

fn digits(number: f64) -> usize {
    usize::from(number < 9.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1540, "1.5 kB"),
            (9_960, "10 kB"),
            (999_700, "1.0 MB"),
            (35_000_000, "35 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(
            (short_number(950), short_number(1234), short_number(35_000)),
            ("950".into(), "1.2k".into(), "35k".into())
        );
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(duration(seconds), text);
        }
        for (share, text) in [
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.1, "10 %"),
            (0.0123, "1.2 %"),
            (0.00456, "0.46 %"),
            (0.00001, "0.0010 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
