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
    if !text.contains(['=', '%']) {
        return Cow::Borrowed(text);
    }
    // Keeps all places, as only ASCII changes.
    let lower = text.to_ascii_lowercase();
    let mut safe = String::new();
    let mut kept = 0;
    while let Some((start, end)) = next_secret(&lower, kept) {
        safe.push_str(&text[kept..start]);
        safe.push_str(REDACTED);
        kept = end;
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(&text[kept..]);
    Cow::Owned(safe)
}

/// Where the next secret value begins and ends.
fn next_secret(lower: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    loop {
        let found = SECRETS.iter().filter_map(|name| Some(at + lower[at..].find(name)? + name.len()));
        let behind = found.min()?;
        let separator = SEPARATORS.iter().find(|separator| lower[behind..].starts_with(**separator));
        if let Some(separator) = separator {
            let start = behind + separator.len();
            let end = end_of_value(lower, start);
            if end > start {
                return Some((start, end));
            }
        }
        at = behind;
    }
}

fn end_of_value(lower: &str, start: usize) -> usize {
    let value = &lower[start..];
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
            ("plain", "plain"),
            ("a=b%", "a=b%"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }
}
