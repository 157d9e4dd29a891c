//! What can be said of a file of a trail.

use crate::parse::time::format_iso;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::sync::Arc;

/// What became of a file, or of one that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As CloudTrail delivered it, shown by a signature.
    Valid,
    /// Its content is not what its digest lists, or the next digest.
    HashMismatch,
    /// A digest lists it, and it is not there.
    NotFound,
    /// Bytes follow what was hashed: some readers take them for a part of it.
    TrailingData,
    /// A digest that is not what was signed.
    SignatureInvalid,
    /// A digest whose link to the one before does not hold.
    ChainBroken,
    /// It does not lie where CloudTrail delivered it.
    Moved,
    /// No digest covers a stretch of time between others.
    MissingDigest,
    /// Nothing shows that it is as it was delivered, and nothing that it is not.
    Unverifiable,
}

impl Verdict {
    /// Every verdict, in the order in which they are listed everywhere.
    pub const ALL: [Verdict; 9] = [
        Verdict::Valid,
        Verdict::HashMismatch,
        Verdict::NotFound,
        Verdict::TrailingData,
        Verdict::SignatureInvalid,
        Verdict::ChainBroken,
        Verdict::Moved,
        Verdict::MissingDigest,
        Verdict::Unverifiable,
    ];

    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::HashMismatch => "hash_mismatch",
            Verdict::NotFound => "not_found",
            Verdict::TrailingData => "trailing_data",
            Verdict::SignatureInvalid => "signature_invalid",
            Verdict::ChainBroken => "chain_broken",
            Verdict::Moved => "moved",
            Verdict::MissingDigest => "missing_digest",
            Verdict::Unverifiable => "unverifiable",
        }
    }

    /// Does it show that something was changed, moved or removed?
    pub fn is_violation(self) -> bool {
        !matches!(self, Verdict::Valid | Verdict::Unverifiable)
    }

    /// What to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Verdict::Valid => "nothing",
            Verdict::HashMismatch => {
                "download the object again; if that agrees, the copy was changed, else the object in S3: take an older \
                 version of it, and look for PutObject on its key"
            }
            Verdict::NotFound => {
                "name the folder with the log files too, download the object again, and look for DeleteObject on its key"
            }
            Verdict::TrailingData => {
                "do not trust what follows the first gzip member; look for PutObject and CopyObject on the key"
            }
            Verdict::SignatureInvalid => {
                "check that the keys are those of the region and the signature that of the object; else the digest was \
                 changed, and nothing that it lists is shown"
            }
            Verdict::ChainBroken => {
                "hold the two digests against older versions of them in S3; one was replaced, or the trail was made anew"
            }
            Verdict::Moved => {
                "put the copy where the key says, or find out who copied or renamed the object in S3"
            }
            Verdict::MissingDigest => {
                "download the digests of that time; if S3 has none, look for StopLogging, UpdateTrail, DeleteTrail and \
                 DeleteObject"
            }
            Verdict::Unverifiable => {
                "give the public keys of the time and the region, or the signature of the object"
            }
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// It lists the log files of an hour with their hashes, and is signed.
    Digest,
    /// It holds events.
    Log,
}

impl FileKind {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Digest => "digest",
            FileKind::Log => "log",
        }
    }
}

/// Where a signature came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureSource {
    /// `FILE.meta.json` beside the digest.
    Sidecar,
    /// The file that `--signatures` names.
    Signatures,
    /// The digest after it, which repeats it.
    NextDigest,
}

impl SignatureSource {
    /// In a sentence.
    pub fn name(self) -> &'static str {
        match self {
            SignatureSource::Sidecar => "the .meta.json file beside it",
            SignatureSource::Signatures => "--signatures",
            SignatureSource::NextDigest => "the next digest",
        }
    }
}

/// The key of an object. The path of a copy mostly ends with it, and it is not held twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKey {
    /// So many bytes at the end of the path.
    EndOfPath(usize),
    /// Another one.
    Text(Arc<str>),
}

impl ObjectKey {
    /// The key, for a copy at that path.
    pub fn new(path: &str, key: &str) -> ObjectKey {
        if path.ends_with(key) { ObjectKey::EndOfPath(key.len()) } else { ObjectKey::Text(Arc::from(key)) }
    }

    /// The key of the object whose copy lies at that path.
    pub fn of<'a>(&'a self, path: &'a str) -> &'a str {
        match self {
            ObjectKey::EndOfPath(length) => path.len().checked_sub(*length).map_or(path, |start| &path[start..]),
            ObjectKey::Text(key) => key,
        }
    }
}

/// The verdict on one file, or on one that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVerdict {
    /// The path, as inputs are named; none if there is no such file.
    pub file: Option<Arc<str>>,
    /// What it is.
    pub kind: FileKind,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: Cow<'static, str>,
    /// The bucket it was delivered to, by the digest.
    pub s3_bucket: Option<Arc<str>>,
    /// Its key in the bucket, by the digest.
    pub s3_object: Option<ObjectKey>,
    /// Of a log: the key of the digest that the verdict rests on.
    pub digest_s3_object: Option<Arc<str>>,
    /// Of a digest: the time it covers, from, in milliseconds since 1970.
    pub digest_start_ms: Option<i64>,
    /// Of a digest: the time it covers, to.
    pub digest_end_ms: Option<i64>,
    /// Of a digest: where the signature that was checked came from.
    pub signature_source: Option<SignatureSource>,
}

/// The same as it stands in JSON.
#[derive(Serialize)]
struct Shown<'a> {
    file: Option<&'a str>,
    kind: FileKind,
    verdict: Verdict,
    reason: &'a str,
    s3_bucket: Option<&'a str>,
    s3_object: Option<&'a str>,
    digest_s3_object: Option<&'a str>,
    digest_start_time: Option<String>,
    digest_end_time: Option<String>,
    signature_source: Option<SignatureSource>,
}

impl Serialize for FileVerdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            file: self.file.as_deref(),
            kind: self.kind,
            verdict: self.verdict,
            reason: &self.reason,
            s3_bucket: self.s3_bucket.as_deref(),
            s3_object: self.key(),
            digest_s3_object: self.digest_s3_object.as_deref(),
            digest_start_time: self.digest_start_ms.map(format_iso),
            digest_end_time: self.digest_end_ms.map(format_iso),
            signature_source: self.signature_source,
        };
        shown.serialize(serializer)
    }
}

impl FileVerdict {
    /// Of a file, or of one that is not there, without what digests say of it.
    pub(super) fn new(
        file: Option<&Arc<str>>,
        kind: FileKind,
        (verdict, reason): (Verdict, Cow<'static, str>),
    ) -> FileVerdict {
        FileVerdict {
            file: file.cloned(),
            kind,
            verdict,
            reason,
            s3_bucket: None,
            s3_object: None,
            digest_s3_object: None,
            digest_start_ms: None,
            digest_end_ms: None,
            signature_source: None,
        }
    }

    /// Its key in the bucket.
    pub fn key(&self) -> Option<&str> {
        self.s3_object.as_ref().map(|key| key.of(self.file.as_deref().unwrap_or_default()))
    }

    /// What it is called in lists: the path, else the key; nothing for a stretch of time.
    pub fn name(&self) -> &str {
        self.file.as_deref().or(self.key()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
        }
        for kind in [FileKind::Digest, FileKind::Log] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
