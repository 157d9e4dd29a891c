//! Text of clients that is made for readers of the log.

use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access};
use s3_access::{field as access, flag};

/// Lines in which a client's text holds a quote; all others cannot look like more fields than they are.
const QUOTED: u32 = flag::QUOTE_IN_URI | flag::QUOTE_IN_REF_UA | flag::AMBIGUOUS_REF_UA;

/// Is such text in a row?
pub(super) fn is_in(table: &FieldTable, row: usize) -> bool {
    match table.log {
        LogType::S3Access => {
            let texts =
                || [access::REQUEST_URI, access::REFERER, access::USER_AGENT].map(|field| table.bytes(row, field));
            is_formula(table.bytes(row, access::USER_AGENT))
                || is_formula(table.bytes(row, access::REFERER))
                || table.rows[row].flags & QUOTED != 0 && texts().into_iter().flatten().any(ends_a_field)
        }
        LogType::CloudTrail => is_formula(table.bytes(row, trail::USER_AGENT)),
    }
}

/// Would a spreadsheet take it for a formula (<https://owasp.org/www-community/attacks/CSV_Injection>)? A dash is not asked
/// for, with which too much begins.
fn is_formula(text: Option<&[u8]>) -> bool {
    matches!(text, Some([b'=' | b'+' | b'@', _, ..] | [b'[', b'=' | b'+' | b'@', ..]))
}

/// Does it hold a quote and behind it what comes after a field: another quoted one, or a status?
fn ends_a_field(text: &[u8]) -> bool {
    text.windows(3).enumerate().any(|(at, three)| match three {
        [b'"', b' ', b'"'] => true,
        [b'"', b' ', first] => {
            let rest = text.get(at + 2..at + 6).unwrap_or_default();
            first.is_ascii_digit()
                && matches!(rest, [_, second, third, b' '] if second.is_ascii_digit() && third.is_ascii_digit())
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_fields_or_formulas_is_told_from_quotes() {
        for (text, expected) in [
            ("x\" 200 - 10", true),
            ("x\" \"y", true),
            ("GET /a\" 403 AccessDenied", true),
            ("say \"hello\" 20 times", false),
            ("\"a\", \"b\"", false),
            ("\" 2000 ", false),
            ("", false),
        ] {
            assert_eq!(ends_a_field(text.as_bytes()), expected, "{text}");
        }
        for (text, expected) in [
            ("=1+1", true),
            ("@SUM(A1)", true),
            ("[=cmd]", true),
            ("=", false),
            ("aws-cli/2", false),
            ("-", false),
        ] {
            assert_eq!(is_formula(Some(text.as_bytes())), expected, "{text}");
        }
        assert!(!is_formula(None));
    }
}
