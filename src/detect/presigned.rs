//! What a presigned URL says of itself.

use super::key_sample::fingerprint_of;
use memchr::memmem;

/// The signature and the end of a presigned URL
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>; of the second version
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presigned<'a> {
    signature: &'a [u8],
    good_for: GoodFor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GoodFor {
    /// Seconds from when it was made.
    Seconds(i64),
    /// Until then, seconds since 1970 UTC.
    Until(i64),
}

/// How long a URL may be good without being of interest, in seconds: the default of boto3 and the AWS command line
/// (<https://docs.aws.amazon.com/cli/latest/reference/s3/presign.html>); other SDKs' is 15 minutes.
const USUAL_SECONDS: i64 = 3_600;

impl<'a> Presigned<'a> {
    /// Of a Request-URI as logged; `None` if it is none.
    pub fn of(uri: &'a [u8]) -> Option<Presigned<'a>> {
        if let Some(seconds) = parameter(uri, b"X-Amz-Expires=") {
            let good_for = GoodFor::Seconds(number(seconds)?);
            return Some(Presigned { signature: parameter(uri, b"X-Amz-Signature=")?, good_for });
        }
        let good_for = GoodFor::Until(number(parameter(uri, b"Expires=")?)?);
        Some(Presigned { signature: parameter(uri, b"Signature=")?, good_for })
    }

    /// A fingerprint of the signature, from which it cannot be had back.
    pub fn fingerprint(&self) -> u64 {
        fingerprint_of(self.signature)
    }

    /// Is it good for longer than usual? Of a URL of the second version, which does not say when it was made, for longer
    /// from the request on.
    pub fn is_good_for_long(&self, time_ms: i64) -> bool {
        match self.good_for {
            GoodFor::Seconds(seconds) => seconds > USUAL_SECONDS,
            GoodFor::Until(until) => until.saturating_sub(time_ms.div_euclid(1000)) > USUAL_SECONDS,
        }
    }
}

/// The value of a parameter of the query.
fn parameter<'a>(uri: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let begins = |at: &usize| *at > 0 && matches!(uri[at - 1], b'?' | b'&');
    let at = memmem::find_iter(uri, name).find(begins)?;
    let value = &uri[at + name.len()..];
    let end = value.iter().position(|byte| matches!(byte, b'&' | b' ')).unwrap_or(value.len());
    Some(&value[..end])
}

fn number(digits: &[u8]) -> Option<i64> {
    crate::parse::scalar::integer(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_versions_tell_how_long_they_are_good() {
        for (uri, expected) in [
            ("GET /a?X-Amz-Expires=604800&X-Amz-Signature=ab HTTP/1.1", Some(true)),
            ("GET /a?X-Amz-Expires=3600&X-Amz-Signature=ab HTTP/1.1", Some(false)),
            ("GET /a?X-Amz-Signature=ab&X-Amz-Expires=86400 HTTP/1.1", Some(true)),
            ("GET /a?AWSAccessKeyId=A&Expires=10000&Signature=ab HTTP/1.1", Some(true)),
            ("GET /a?AWSAccessKeyId=A&Expires=3000&Signature=ab HTTP/1.1", Some(false)),
            ("GET /a?X-Amz-Expires=604800 HTTP/1.1", None),
            ("GET /a?X-Amz-Expires=many&X-Amz-Signature=ab HTTP/1.1", None),
            ("GET /X-Amz-Expires=604800/X-Amz-Signature=ab HTTP/1.1", None),
            ("", None),
        ] {
            let found = Presigned::of(uri.as_bytes()).map(|url| url.is_good_for_long(1_000_000));
            assert_eq!(found, expected, "{uri}");
        }
        let of = |uri: &'static str| Presigned::of(uri.as_bytes()).map(|url| url.fingerprint());
        assert_eq!(
            of("GET /a?X-Amz-Expires=9&X-Amz-Signature=ab H"),
            of("GET /b?X-Amz-Signature=ab&X-Amz-Expires=9 H")
        );
        assert_ne!(
            of("GET /a?X-Amz-Expires=9&X-Amz-Signature=ab H"),
            of("GET /a?X-Amz-Expires=9&X-Amz-Signature=ac H")
        );
    }
}
