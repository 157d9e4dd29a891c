//! Secrets in logged requests: who has the signature or token of a presigned URL can use it while it lasts.

use std::borrow::Cow;

/// Names, in lower case, of what is secret in a query or header. The ids of access keys are none.
const SECRETS: [&str; 3] = ["signature", "security-token", "s3session-token"];

/// Most times that a character may be encoded. Keys stand in access logs encoded twice, and a URL in one of them may be
/// encoded before.
const MOST_ENCODED: usize = 4;

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// The text without the values of signatures and tokens.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut kept = 0;
    for at in memchr::memchr3_iter(b'=', b'%', b':', text.as_bytes()) {
        if at >= kept
            && let Some((start, end)) = secret_at(text, kept, at)
        {
            safe.push_str(&text[kept..start]);
            safe.push_str(REDACTED);
            kept = end;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(&text[kept..]);
    Cow::Owned(safe)
}

/// Where the value begins and ends that a separator stands before, if it is a secret whose name does not begin before
/// `from`.
fn secret_at(text: &str, from: usize, separator: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let name = &bytes[from..separator];
    if bytes[separator] == b':' {
        return json_secret(text, name, separator);
    }
    // Most of what is encoded is no separator, and most names end otherwise: plain, or as a digit of an encoded one.
    if !matches!(name.last()?, b'e' | b'E' | b'n' | b'N' | b'5') {
        return None;
    }
    let behind = separator + length_of(b'=', &bytes[separator..])?;
    if !is_secret(name) {
        return None;
    }
    // A quote before a value is none of it.
    let start = text.len() - text[behind..].trim_start_matches(['"', '\'']).len();
    let end = end_of_value(text, start);
    (end > start).then_some((start, end))
}

/// The value of a member of JSON, which may stand in a text of JSON, with its quotes escaped.
fn json_secret(text: &str, name: &[u8], colon: usize) -> Option<(usize, usize)> {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\\');
    let quotes = name.iter().rev().take_while(|byte| is_quote(byte)).count();
    if quotes == 0 || !is_secret(&name[..name.len() - quotes]) {
        return None;
    }
    let after = &text[colon + 1..];
    let value = after.trim_start().trim_start_matches('\\').strip_prefix('"')?;
    let start = text.len() - value.len();
    let end = start + text[start..].find(['"', '\\', '\n']).unwrap_or(text.len() - start);
    (end > start).then_some((start, end))
}

/// Does it end with the name of something secret, whichever of its letters are encoded, and how often?
fn is_secret(name: &[u8]) -> bool {
    SECRETS.iter().any(|secret| {
        let mut ends = vec![name.len()];
        for letter in secret.bytes().rev() {
            ends = ends.iter().flat_map(|end| beginnings(letter, &name[..*end])).collect();
            if ends.is_empty() {
                return false;
            }
        }
        true
    })
}

/// Where a letter can begin that the text ends with: `3` may be the digit of an encoded one too.
fn beginnings(letter: u8, text: &[u8]) -> impl Iterator<Item = usize> {
    let is_it = |byte: u8| byte.eq_ignore_ascii_case(&letter);
    let plain = text.last().filter(|byte| is_it(**byte)).map(|_| text.len() - 1);
    plain.into_iter().chain(encoded_end(text).filter(|(byte, _)| is_it(*byte)).map(|(_, start)| start))
}

/// The byte that is encoded at the end of a text, and where that begins.
fn encoded_end(text: &[u8]) -> Option<(u8, usize)> {
    let (mut before, digits) = text.split_last_chunk::<2>()?;
    let byte = hexadecimal(*digits)?;
    for _ in 0..MOST_ENCODED {
        match before {
            [rest @ .., b'%'] => return Some((byte, rest.len())),
            [rest @ .., b'2', b'5'] => before = rest,
            _ => return None,
        }
    }
    None
}

/// How long a byte is that a text begins with, plain or encoded.
fn length_of(byte: u8, text: &[u8]) -> Option<usize> {
    if text.first() == Some(&byte) {
        return Some(1);
    }
    let mut rest = text.strip_prefix(b"%")?;
    for _ in 1..MOST_ENCODED {
        rest = rest.strip_prefix(b"25").unwrap_or(rest);
    }
    let (digits, rest) = rest.split_first_chunk::<2>()?;
    (hexadecimal(*digits)? == byte).then_some(text.len() - rest.len())
}

fn hexadecimal(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

fn end_of_value(text: &str, start: usize) -> usize {
    let value = &text[start..];
    let stops = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '\'' | '<' | '>' | ',' | ';' | '#' | '|' | '`')
    };
    let end = value.find(stops).unwrap_or(value.len());
    let value = &value.as_bytes()[..end];
    let ends = |at: &usize| length_of(b'&', &value[*at..]).is_some();
    start + memchr::memchr2_iter(b'&', b'%', value).find(ends).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A secret parameter whose letters are encoded as `ways` says: how often, and whether in upper case.
    fn encoded(name: &str, ways: &[(usize, bool, bool)]) -> String {
        let letter = |(letter, (times, swaps_case, upper)): (u8, &(usize, bool, bool))| {
            let letter = if *swaps_case { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            let digits = if *upper { format!("{letter:02X}") } else { format!("{letter:02x}") };
            match times {
                0 => char::from(letter).to_string(),
                times => format!("%{}{digits}", "25".repeat(times - 1)),
            }
        };
        name.bytes().zip(ways).map(letter).collect()
    }

    proptest! {
        #[test]
        fn no_encoding_of_a_name_hides_it(
            ways in proptest::collection::vec((0..=MOST_ENCODED, any::<bool>(), any::<bool>()), 40),
            of_separator in 0..=MOST_ENCODED,
            before in "[a-z&=%;?25]{0,8}",
        ) {
            for secret in ["X-Amz-Signature", "X-Amz-Security-Token", "x-amz-s3session-token", "Signature"] {
                let name = encoded(secret, &ways);
                let separator = if of_separator == 0 { "=".to_owned() } else { format!("%{}3d", "25".repeat(of_separator - 1)) };
                let text = format!("/k?{before}&{name}{separator}5ecret%2Bx&z=plain");
                let safe = format!("/k?{before}&{name}{separator}{REDACTED}&z=plain");
                prop_assert_eq!(redacted(&text), safe);
            }
        }

        #[test]
        fn any_text_is_redacted_once(text in "[sS%25=:;&\"3dDeEéignaturetok-]{0,60}") {
            let once = redacted(&text).into_owned();
            prop_assert_eq!(redacted(&once), once.clone());
        }
    }

    #[test]
    fn signatures_and_tokens_go_and_key_ids_stay() {
        for (text, safe) in [
            (
                "GET /k?X-Amz-Credential=AKIAEXAMPLE%2F20260304&X-Amz-Security-Token=FwoG%2Fx&X-Amz-Signature=abc123 HTTP/1.1",
                "GET /k?X-Amz-Credential=AKIAEXAMPLE%2F20260304&X-Amz-Security-Token=REDACTED&X-Amz-Signature=REDACTED HTTP/1.1",
            ),
            (
                "/k?AWSAccessKeyId=AKIAEXAMPLE&Signature=vjb%2Fyp%3D&Expires=1",
                "/k?AWSAccessKeyId=AKIAEXAMPLE&Signature=REDACTED&Expires=1",
            ),
            ("x-amz-signature=ABC", "x-amz-signature=REDACTED"),
            (
                "u=https%3A%2F%2Fb%3FX-Amz-Signature%3Dabc%26y",
                "u=https%3A%2F%2Fb%3FX-Amz-Signature%3DREDACTED%26y",
            ),
            ("X-Amz-Signature%253Dabc%2526y", "X-Amz-Signature%253DREDACTED%2526y"),
            (
                "AWS4-HMAC-SHA256 Credential=A, Signature=é123, x",
                "AWS4-HMAC-SHA256 Credential=A, Signature=REDACTED, x",
            ),
            ("SignatureVersion=4&signature=&x=1", "SignatureVersion=4&signature=&x=1"),
            ("signaturesignature=a b", "signaturesignature=REDACTED b"),
            (
                "x-amz-security-token=a%26x-amz-signature%3db&c",
                "x-amz-security-token=REDACTED%26x-amz-signature%3dREDACTED&c",
            ),
            (
                "signature%3D=&signature=xsignature=y;signature=é",
                "signature%3DREDACTED&signature=REDACTED;signature=REDACTED",
            ),
            ("signature=\u{a0}=signature%25=x", "signature=\u{a0}=signature%25=x"),
            ("nature=x&=y%", "nature=x&=y%"),
            // Names whose letters are encoded, once or more, in any case.
            (
                "GET /a/pre3.txt?X-Amz-%53ignature=5ecret&x%2damz%2dsecurity%2dtoken=5ecret HTTP/1.1",
                "GET /a/pre3.txt?X-Amz-%53ignature=REDACTED&x%2damz%2dsecurity%2dtoken=REDACTED HTTP/1.1",
            ),
            ("X-Amz-Signatur%65=5ecret&y", "X-Amz-Signatur%65=REDACTED&y"),
            ("X-Amz-Signatur%2545%253D5ecret%2526y", "X-Amz-Signatur%2545%253DREDACTED%2526y"),
            ("x-amz-%25256Eature=a&%2525%25=b", "x-amz-%25256Eature=a&%2525%25=b"),
            ("x-amz-sig%6Eature%25253d5ecret%252526y", "x-amz-sig%6Eature%25253dREDACTED%252526y"),
            (
                "s%33session-token=5ecret;s3session-token=5ecret",
                "s%33session-token=REDACTED;s3session-token=REDACTED",
            ),
            ("a=1;Signature=5ecret+x&a", "a=1;Signature=REDACTED&a"),
            ("Signature=\"5ecret\", b='c'", "Signature=\"REDACTED\", b='c'"),
            ("[\"signature=\",\"b\"]", "[\"signature=\",\"b\"]"),
            // Members of JSON.
            (r#"{"X-Amz-Signature":"5ecret","a":1}"#, r#"{"X-Amz-Signature":"REDACTED","a":1}"#),
            (
                r#""{\"x-amz-security-token\": \"5e,c\",\"a\":1}""#,
                r#""{\"x-amz-security-token\": \"REDACTED\",\"a\":1}""#,
            ),
            (
                r#"{"SignatureVersion":"SigV4","signature":"","b":[]}"#,
                r#"{"SignatureVersion":"SigV4","signature":"","b":[]}"#,
            ),
            ("no signature: a", "no signature: a"),
            ("plain", "plain"),
            ("a=b%", "a=b%"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }
}
