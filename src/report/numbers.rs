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

#[cfg(test)]
mod tests {
    use super::*;

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
