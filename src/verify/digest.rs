//! A digest file: read, and as the text that its signature is of.

use super::content::Hash;
use crate::parse::time::iso_time;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Largest digest that is read, decompressed: about 70,000 log files in an hour.
pub const LONGEST_DIGEST: usize = 32 << 20;

/// Longest text of a field: keys have at most 1,024 bytes, signatures of the largest keys 2,048 digits.
const LONGEST_FIELD: usize = 4096;

/// The algorithm of signatures, by its name in digests.
pub const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";

/// The algorithm of hashes, by its name in digests.
const HASH_ALGORITHM: &str = "SHA-256";

/// What a digest says of itself and of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The SHA-256 of the file before compression.
    pub sha256: Hash,
    /// The time it covers, from, in milliseconds since 1970.
    pub start_ms: i64,
    /// The time it covers, to.
    pub end_ms: i64,
    /// The same as it stands there.
    pub end_time: String,
    /// The bucket it was delivered to.
    pub s3_bucket: String,
    /// Its key there.
    pub s3_object: String,
    /// Which key it was signed with.
    pub fingerprint: String,
    /// How it was signed.
    pub algorithm: Option<String>,
    /// The one before; none in the first of a chain and in backfills.
    pub previous: Option<Previous>,
    /// The signature of the one before, as it stands there.
    pub previous_signature: Option<String>,
}

/// What a digest says of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its bucket.
    pub s3_bucket: Option<String>,
    /// Its key.
    pub s3_object: String,
    /// Its SHA-256; none if the digest names another algorithm or no hash.
    pub sha256: Option<Hash>,
}

/// A log file as a digest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLog<'a> {
    /// Its bucket.
    pub s3_bucket: Cow<'a, str>,
    /// Its key.
    pub s3_object: Cow<'a, str>,
    /// Its SHA-256; none if the digest names another algorithm or no hash.
    pub sha256: Option<Hash>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DigestText<'a> {
    digest_start_time: String,
    digest_end_time: String,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: Option<String>,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    // Must be there, if only as null: the signature is of it too.
    #[serde(deserialize_with = "Option::deserialize")]
    previous_digest_signature: Option<String>,
    #[serde(borrow, default)]
    log_files: Vec<LogText<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogText<'a> {
    #[serde(borrow)]
    s3_bucket: Cow<'a, str>,
    #[serde(borrow)]
    s3_object: Cow<'a, str>,
    #[serde(borrow)]
    hash_value: Cow<'a, str>,
    #[serde(borrow)]
    hash_algorithm: Option<Cow<'a, str>>,
}

impl Digest {
    /// Reads a digest and the log files that it lists. `sha256` is that of the text.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &[u8], sha256: Hash) -> Result<(Digest, Vec<ListedLog<'_>>), String> {
        let found: DigestText<'_> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let instant =
            |name: &str, time: &str| iso_time(time.as_bytes()).ok_or_else(|| format!("{name} is no time"));
        let (start_ms, end_ms) = (
            instant("digestStartTime", &found.digest_start_time)?,
            instant("digestEndTime", &found.digest_end_time)?,
        );
        if start_ms > end_ms {
            return Err("digestStartTime is later than digestEndTime".to_owned());
        }
        let texts = [
            Some(&found.digest_end_time),
            Some(&found.digest_s3_bucket),
            Some(&found.digest_s3_object),
            Some(&found.digest_public_key_fingerprint),
            found.digest_signature_algorithm.as_ref(),
            found.previous_digest_s3_bucket.as_ref(),
            found.previous_digest_s3_object.as_ref(),
            found.previous_digest_signature.as_ref(),
        ];
        let is_long = texts.into_iter().flatten().any(|text| text.len() > LONGEST_FIELD);
        if is_long
            || found.log_files.iter().any(|log| log.s3_object.len().max(log.s3_bucket.len()) > LONGEST_FIELD)
        {
            return Err(format!("a field has more than {LONGEST_FIELD} bytes"));
        }
        let previous_hash = found.previous_digest_hash_value.as_deref();
        let previous_sha256 =
            previous_hash.and_then(|hash| sha256_of(hash, found.previous_digest_hash_algorithm.as_deref()));
        let previous = found.previous_digest_s3_object.map(|s3_object| Previous {
            s3_bucket: found.previous_digest_s3_bucket,
            s3_object,
            sha256: previous_sha256,
        });
        let digest = Digest {
            sha256,
            start_ms,
            end_ms,
            end_time: found.digest_end_time,
            s3_bucket: found.digest_s3_bucket,
            s3_object: found.digest_s3_object,
            fingerprint: found.digest_public_key_fingerprint,
            algorithm: found.digest_signature_algorithm,
            previous,
            previous_signature: found.previous_digest_signature,
        };
        Ok((digest, found.log_files.into_iter().map(ListedLog::from).collect()))
    }

    /// What its signature is of.
    pub fn string_to_sign(&self) -> String {
        format!(
            "{}\n{}/{}\n{}\n{}",
            self.end_time,
            self.s3_bucket,
            self.s3_object,
            hexadecimal(&self.sha256),
            self.previous_signature.as_deref().unwrap_or("null")
        )
    }
}

impl<'a> From<LogText<'a>> for ListedLog<'a> {
    fn from(log: LogText<'a>) -> ListedLog<'a> {
        let sha256 = sha256_of(&log.hash_value, log.hash_algorithm.as_deref());
        ListedLog { s3_bucket: log.s3_bucket, s3_object: log.s3_object, sha256 }
    }
}

fn sha256_of(value: &str, algorithm: Option<&str>) -> Option<Hash> {
    if algorithm.is_some_and(|name| name != HASH_ALGORITHM) {
        return None;
    }
    bytes_of(value)?.try_into().ok()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that hexadecimal digits stand for.
pub fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(edit: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
        let mut digest = serde_json::json!({
            "awsAccountId": "111122223333", "digestStartTime": "2026-03-01T00:00:00Z",
            "digestEndTime": "2026-03-01T01:00:00Z", "digestS3Bucket": "b", "digestS3Object": "k\"é",
            "digestPublicKeyFingerprint": "f", "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null, "oldestEventTime": null, "previousDigestS3Bucket": "b",
            "previousDigestS3Object": "p", "previousDigestHashValue": "00".repeat(32),
            "previousDigestHashAlgorithm": "SHA-256", "previousDigestSignature": "AbCd",
            "logFiles": [{"s3Bucket": "b", "s3Object": "l", "hashValue": "0f".repeat(32), "hashAlgorithm": "SHA-256",
                "newestEventTime": null, "oldestEventTime": null}],
        });
        edit(&mut digest);
        serde_json::to_vec(&digest).unwrap()
    }

    #[test]
    fn a_digest_is_read_and_signed_as_it_stands() {
        let bytes = text(|_| ());
        let (digest, logs) = Digest::parse(&bytes, [0xab; 32]).unwrap();
        let expected = format!("2026-03-01T01:00:00Z\nb/k\"é\n{}\nAbCd", "ab".repeat(32));
        assert_eq!(digest.string_to_sign(), expected);
        assert_eq!(digest.end_ms - digest.start_ms, 3_600_000);
        assert_eq!(digest.previous.unwrap().sha256, Some([0; 32]));
        assert_eq!((logs.len(), logs[0].sha256), (1, Some([15; 32])));

        let first = text(|digest| {
            for name in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
                digest[format!("previousDigest{name}")] = serde_json::Value::Null;
            }
            digest["logFiles"][0]["hashAlgorithm"] = "MD5".into();
        });
        let (digest, logs) = Digest::parse(&first, [0; 32]).unwrap();
        assert!(digest.string_to_sign().ends_with("\nnull") && digest.previous.is_none());
        assert_eq!(logs[0].sha256, None, "another algorithm cannot be compared");
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        type Edit = fn(&mut serde_json::Value);
        let edits: [Edit; 7] = [
            |digest| drop(digest.as_object_mut().unwrap().remove("digestEndTime")),
            |digest| drop(digest.as_object_mut().unwrap().remove("previousDigestSignature")),
            |digest| digest["digestEndTime"] = "yesterday".into(),
            |digest| digest["digestStartTime"] = "2027-03-01T00:00:00Z".into(),
            |digest| digest["digestS3Bucket"] = 7.into(),
            |digest| digest["logFiles"] = "none".into(),
            |digest| digest["digestS3Object"] = "k".repeat(LONGEST_FIELD + 1).into(),
        ];
        for (index, edit) in edits.into_iter().enumerate() {
            assert!(Digest::parse(&text(edit), [0; 32]).is_err(), "{index}");
        }
        let deep = [b"{\"a\":".repeat(100_000), b"1".to_vec(), b"}".repeat(100_000)].concat();
        for other in [b"".as_slice(), b"{}", b"[]", b"\xff", b"null", &deep] {
            assert!(Digest::parse(other, [0; 32]).is_err());
        }
    }

    #[test]
    fn digits_become_bytes() {
        assert_eq!(bytes_of("00fFa1"), Some(vec![0, 255, 0xa1]));
        assert_eq!(hexadecimal(&[0, 255, 0xa1]), "00ffa1");
        for odd in ["0", "0g", "é", "+1"] {
            assert_eq!(bytes_of(odd), None, "{odd}");
        }
    }
}
