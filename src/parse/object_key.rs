//! The real name of an object from the key field of an access log.
//!
//! S3 writes the key URL-encoded, twice for most operations and once, form style, for batch deletes and lifecycle
//! actions. Observed, not documented: <https://github.com/aws-samples/siem-on-amazon-opensearch-service/issues/34>,
//! <https://engineeringblog.yelp.com/2025/09/s3-server-access-logs-at-scale.html>. A key that itself holds `%` stays
//! ambiguous, so the raw field is always kept beside the decoded one.

/// How often the key field is encoded for an operation such as `REST.GET.OBJECT`.
fn encodings(operation: &[u8]) -> usize {
    if operation.starts_with(b"BATCH.") || operation.starts_with(b"S3.") { 1 } else { 2 }
}

/// Appends the decoded key to `out`; `false` (and nothing appended) if the raw key is already the real one.
///
/// A `+` means a space only in the innermost encoding. A `%` that starts no two-digit escape is kept.
pub fn decode(raw: &[u8], operation: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(mut plain) = memchr::memchr2(b'%', b'+', raw) else { return false };
    let twice = encodings(operation) == 2;
    let mut rest = raw;
    loop {
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let Some((byte, length)) = inner(rest, twice) else { return true };
        out.push(byte);
        rest = &rest[length..];
        plain = memchr::memchr2(b'%', b'+', rest).unwrap_or(rest.len());
    }
}

/// The first byte of a text and how many bytes stand for it; `twice` if there is an encoding around the innermost one.
fn inner(text: &[u8], twice: bool) -> Option<(u8, usize)> {
    // What S3 writes of nearly all that it encodes.
    if twice
        && let [b'%', b'2', b'5', high, low, ..] = text
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return Some((high << 4 | low, 5));
    }
    let next = |at: usize| if twice { outer(&text[at..]) } else { Some((*text.get(at)?, 1)) };
    let (byte, length) = next(0)?;
    let escape = || {
        let (high, high_length) = next(length)?;
        let (low, low_length) = next(length + high_length)?;
        Some((hex(high)? << 4 | hex(low)?, length + high_length + low_length))
    };
    match byte {
        b'+' => Some((b' ', length)),
        b'%' => escape().or(Some((byte, length))),
        _ => Some((byte, length)),
    }
}

/// The first byte of what one encoding holds, and its length there. A `+` is one.
fn outer(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'%', high, low, ..] => {
            let byte = hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low);
            Some(byte.map_or((b'%', 1), |byte| (byte, 3)))
        }
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' | b'A'..=b'F' => Some((digit | 0x20) - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One encoding taken off.
    fn unescaped(text: &[u8], plus_is_space: bool) -> Vec<u8> {
        let (mut at, mut out) = (0, Vec::new());
        while at < text.len() {
            let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
            let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let escaped =
                digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| text[at] == b'%');
            out.push(match escaped {
                None if plus_is_space && text[at] == b'+' => b' ',
                None => text[at],
                Some(byte) => byte,
            });
            at += if escaped.is_some() { 3 } else { 1 };
        }
        out
    }

    proptest! {
        #[test]
        fn both_encodings_are_taken_off_one_after_the_other(
            parts in prop::collection::vec(prop::sample::select(vec!["%", "2", "5", "25", "B", "+", "f", "é", "/a"]), 0..20),
            twice: bool,
        ) {
            let raw = parts.concat().into_bytes();
            let outer = if twice { unescaped(&raw, false) } else { raw.clone() };
            let mut decoded = b"before".to_vec();
            let is_new = decode(&raw, if twice { b"REST.GET.OBJECT" } else { b"BATCH.DELETE.OBJECT" }, &mut decoded);
            prop_assert_eq!(is_new, raw.contains(&b'%') || raw.contains(&b'+'));
            prop_assert_eq!(&decoded[6..], if is_new { unescaped(&outer, true) } else { Vec::new() });
        }
    }

    #[test]
    fn keys_are_decoded_as_often_as_the_operation_encodes_them() {
        for (operation, raw, expected) in [
            ("REST.GET.OBJECT", "plain/key.txt", "plain/key.txt"),
            ("REST.GET.OBJECT", "date_%253D2021-03-14", "date_=2021-03-14"),
            ("REST.GET.OBJECT", "%2522", "\""),
            ("REST.PUT.OBJECT", "a%2Bb", "a b"),
            ("REST.PUT.OBJECT", "a%252Bb", "a+b"),
            ("REST.GET.OBJECT", "%25D0%25BA", "к"),
            ("REST.GET.OBJECT", "SRR9154112/*.fastq*", "SRR9154112/*.fastq*"),
            ("REST.GET.OBJECT", "%252Flead", "/lead"),
            ("REST.COPY.OBJECT_GET", "a%2520b", "a b"),
            ("REST.HEAD.OBJECT", "100%", "100%"),
            ("REST.HEAD.OBJECT", "100%25", "100%"),
            ("REST.HEAD.OBJECT", "%zz%2", "%zz%2"),
            ("WEBSITE.GET.OBJECT", "a%253Db", "a=b"),
            ("SOAP.GetObject", "a%253Db", "a=b"),
            ("BATCH.DELETE.OBJECT", "Screen+Shot+2019.png", "Screen Shot 2019.png"),
            ("BATCH.DELETE.OBJECT", "a%2Bb", "a+b"),
            ("BATCH.DELETE.OBJECT", "a%253Db", "a%3Db"),
            ("S3.EXPIRE.OBJECT", "0/chum/x%3Dy.sst", "0/chum/x=y.sst"),
            ("S3.CREATE.DELETEMARKER", "a+b", "a b"),
            ("S3.TRANSITION_GDA.OBJECT", "a%20b", "a b"),
            ("-", "a%253Db", "a=b"),
        ] {
            let mut decoded = Vec::new();
            if !decode(raw.as_bytes(), operation.as_bytes(), &mut decoded) {
                decoded = raw.as_bytes().to_vec();
            }
            assert_eq!(String::from_utf8_lossy(&decoded), expected, "{operation} {raw}");
        }
    }
}
