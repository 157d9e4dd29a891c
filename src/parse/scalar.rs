//! Fields as numbers and booleans. CloudTrail writes both in several forms, and hand-made records in more.

/// `1376`, `1376.0` or `1.376e3` as 1376, whether it was a number or a string; `None` for anything that is no whole
/// number of 64 bits.
pub fn integer(text: &[u8]) -> Option<i64> {
    // Eighteen digits cannot overflow.
    if !text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')));
    }
    let text = std::str::from_utf8(text).ok()?;
    let whole = text.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|byte| byte == b'0'));
    if let Ok(number) = whole.map_or(text, |(whole, _)| whole).parse() {
        return Some(number);
    }
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    // The bounds are powers of two, exact as floats; inside them the conversion is exact too.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number);
    (fits && number.fract() == 0.0).then_some(number as i64)
}

/// `true` and `yes`, `false` and `no`, in any case; `None` for anything else.
pub fn boolean(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") || text.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") || text.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_are_read_or_refused() {
        for (text, expected) in [
            ("1376", Some(1376)),
            ("1376.0", Some(1376)),
            ("1.376e3", Some(1376)),
            ("1.376E+3", Some(1376)),
            ("-0.0", Some(0)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("1e400", None),
            ("1.5", None),
            ("", None),
            (".", None),
            ("inf", None),
            ("12 ", None),
            ("{}", None),
        ] {
            assert_eq!(integer(text.as_bytes()), expected, "{text}");
        }
        for (text, expected) in [
            ("true", Some(true)),
            ("True", Some(true)),
            ("Yes", Some(true)),
            ("false", Some(false)),
            ("No", Some(false)),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(boolean(text.as_bytes()), expected, "{text}");
        }
    }
}
