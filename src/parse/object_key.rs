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
    if memchr::memchr2(b'%', b'+', raw).is_none() {
        return false;
    }
    let start = out.len();
    out.extend_from_slice(raw);
    if encodings(operation) == 2 {
        unescape(start, false, out);
    }
    unescape(start, true, out);
    true
}

/// Decodes `text[start..]` in place: it can only become shorter.
fn unescape(start: usize, plus_is_space: bool, text: &mut Vec<u8>) {
    let (mut read, mut write) = (start, start);
    while let Some(plain) = memchr::memchr2(b'%', b'+', &text[read..]) {
        text.copy_within(read..read + plain, write);
        (read, write) = (read + plain, write + plain);
        let (byte, length) = match &text[read..] {
            [b'+', ..] if plus_is_space => (b' ', 1),
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), 3)
            }
            rest => (rest[0], 1),
        };
        text[write] = byte;
        (read, write) = (read + length, write + 1);
    }
    text.copy_within(read.., write);
    text.truncate(text.len() - (read - write));
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
