//! Secrets in logged requests: who has the signature or token of a presigned URL can use it while it lasts.

use std::borrow::Cow;

/// Names, in lower case, of what is secret in a query or header. The ids of access keys are none.
const SECRETS: [&str; 3] = ["signature", "security-token", "s3session-token"];

/// What separates a name from its value: plain, or encoded once or twice.
const SEPARATORS: [&str; 3] = ["=", "%3d", "%253d"];

/// What ends a value, beside white space and quotes.
const ENDS: [&str; 3] = ["&", "%26", "%2526"];

/// What stands in the place of a secret.
pub const REDACTED: &str = "REDACTED";

/// The text without the values of signatures and tokens.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut kept = 0;
    for at in memchr::memchr2_iter(b'=', b'%', text.as_bytes()) {
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
    let begins = |mark: &&&str| {
        let found = bytes[separator..].get(..mark.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(mark.as_bytes()))
    };
    let name = &bytes[from..separator];
    let ends = |secret: &&str| {
        let found = name.len().checked_sub(secret.len()).map(|start| &name[start..]);
        found.is_some_and(|found| found.eq_ignore_ascii_case(secret.as_bytes()))
    };
    if !SECRETS.iter().any(ends) {
        return None;
    }
    let start = separator + SEPARATORS.iter().find(begins)?.len();
    let end = end_of_value(text, start);
    (end > start).then_some((start, end))
}

fn end_of_value(text: &str, start: usize) -> usize {
    let value = &text[start..];
    let stops = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '\'' | '<' | '>' | ',' | ';' | '#' | '|' | '`')
    };
    let end = value.find(stops).unwrap_or(value.len());
    start + ENDS.iter().filter_map(|mark| value[..end].find(mark)).min().unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("plain", "plain"),
            ("a=b%", "a=b%"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }
}
