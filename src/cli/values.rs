//! Values of options: sizes, instants, shares.

use s3sleuth::parse::time::{DAY_MS, iso_date, iso_time};

/// `4MiB`, `100GB`, `4096`: bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| format!("{text}: expected bytes, such as 4MiB"))?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        unit => return Err(format!("{unit}: expected a unit such as KiB, MiB, GiB, kB, MB, GB")),
    };
    number.checked_mul(unit).ok_or_else(|| format!("{text}: too large"))
}

/// An instant: RFC 3339, a date (its first instant, UTC), or a time back from now such as `7d`, `12h`, `30m`.
/// Milliseconds since 1970 UTC.
pub fn instant(text: &str) -> Result<i64, String> {
    if let Some(time) = iso_time(text.as_bytes()).or_else(|| iso_date(text.as_bytes())) {
        return Ok(time);
    }
    let back = text.strip_prefix("T-").unwrap_or(text);
    let unit_ms = match back.chars().last() {
        Some('d') => DAY_MS,
        Some('h') => 3_600_000,
        Some('m') => 60_000,
        Some('s') => 1_000,
        _ => 0,
    };
    let number = if unit_ms == 0 { None } else { back[..back.len() - 1].parse::<i64>().ok() };
    let ago = number.filter(|number| *number >= 0).and_then(|number| number.checked_mul(unit_ms));
    let now = chrono::Utc::now().timestamp_millis();
    ago.and_then(|ago| now.checked_sub(ago)).ok_or_else(|| {
        format!("{text}: expected 2026-11-01, 2026-11-01T12:00:00Z or a time back from now such as 7d, 12h, 30m")
    })
}

/// The name of a column: in a list people put spaces behind commas.
pub fn column(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a name is missing: expected columns with commas between them".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// The id of an access key: 16 to 128 word characters
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>).
pub fn access_key_id(text: &str) -> Result<String, String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match (16..=128).contains(&text.len()) && text.bytes().all(is_word) {
        true => Ok(text.to_owned()),
        false => Err("expected the id of an access key, such as AKIAIOSFODNN7EXAMPLE".to_owned()),
    }
}

/// `0.1%` or `0.001`: a share between 0 and 1.
pub fn share(text: &str) -> Result<f64, String> {
    let (number, divisor) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map(|number| number / divisor);
    match share {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("{text}: expected a share such as 0.1% or 0.001")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        for (text, bytes) in
            [("4096", Some(4096)), ("4MiB", Some(4 << 20)), ("1 GB", Some(1_000_000_000)), ("4x", None)]
        {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        for text in ["2026-11-01", "2026-11-01T12:00:00Z", "2026-11-01T12:00:00+02:00", "7d", "T-7d", "30m"] {
            assert!(instant(text).is_ok(), "{text}");
        }
        for text in ["", "d", "-7d", "yesterday", "2026-13-01", "2026-02-30", "7", "9999999999999999d", "é"] {
            assert!(instant(text).is_err(), "{text}");
        }
        for (text, name) in [("event_time", Some("event_time")), (" a ", Some("a")), ("", None), (" ", None)] {
            assert_eq!(column(text).ok().as_deref(), name, "{text:?}");
        }
        for (text, is_id) in [
            ("AKIAIOSFODNN7EXAMPLE", true),
            ("AKIA", false),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", false),
            ("arn:aws:iam::111122223333:user/ann", false),
        ] {
            assert_eq!(access_key_id(text).is_ok(), is_id, "{text}");
        }
        for (text, value) in
            [("0.1%", Some(0.001)), ("0", Some(0.0)), ("1", Some(1.0)), ("2", None), ("-1%", None), ("NaN", None)]
        {
            assert_eq!(share(text).ok(), value, "{text}");
        }
    }
}
