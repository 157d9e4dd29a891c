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

/// [`integer`] of a part of a longer text. Up to eight digits, as most numbers have, are read at once.
pub fn integer_within(text: &[u8], start: usize, end: usize) -> Option<i64> {
    let digits = end - start;
    if (1..=8).contains(&digits)
        && let Some(word) = text[..end].last_chunk()
    {
        // The last digit is the highest byte; bytes that stand before the first one become zeros.
        let number = u64::MAX << (8 * (8 - digits));
        let values = (u64::from_le_bytes(*word) ^ each_byte(b'0')) & number;
        // What is no digit is above nine, or reaches the highest bit when that is added which nine does not.
        if (values | values.wrapping_add(each_byte(0x80 - 10))) & each_byte(0x80) == 0 {
            return Some(of_digits(values));
        }
    }
    integer(&text[start..end])
}

/// The same byte eight times.
const fn each_byte(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number of eight digits, each a byte from 0 to 9, the first one the lowest: neighbours are joined to pairs, these to
/// fours, these to eight.
fn of_digits(values: u64) -> i64 {
    let pairs = (values.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000 << 32 | 1) >> 32) as i64
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
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn a_part_of_a_text_is_read_as_by_itself(
            before in "[0-9]{0,9}",
            number in "[0-9]{0,9}|[0-9]{1,7}[/:.e0-9é-]",
            bytes in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let text = [before.as_bytes(), number.as_bytes(), &bytes].concat();
            let (start, end) = (before.len(), before.len() + number.len());
            prop_assert_eq!(integer_within(&text, start, end), integer(number.as_bytes()), "{}", number);
            prop_assert_eq!(integer_within(&text, end, text.len()), integer(&bytes), "{:?}", bytes);
        }
    }

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
