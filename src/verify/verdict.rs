//! What can be said of a file of a trail.

use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What became of a file, or of one that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As CloudTrail delivered it, shown by a signature.
    Valid,
    /// Its content is not what its digest lists.
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

/// The verdict on one file, or on one that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileVerdict {
    /// The path, as inputs are named; null if there is no such file.
    #[serde(serialize_with = "as_text")]
    pub file: Option<Arc<str>>,
    /// What it is.
    pub kind: FileKind,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// The bucket it was delivered to, by the digest.
    #[serde(serialize_with = "as_text")]
    pub s3_bucket: Option<Arc<str>>,
    /// Its key in the bucket, by the digest.
    #[serde(serialize_with = "as_text")]
    pub s3_object: Option<Arc<str>>,
    /// Of a log: the key of the digest that the verdict rests on.
    #[serde(serialize_with = "as_text")]
    pub digest_s3_object: Option<Arc<str>>,
    /// Of a digest: the time it covers, from.
    pub digest_start_time: Option<String>,
    /// Of a digest: the time it covers, to.
    pub digest_end_time: Option<String>,
    /// Of a digest: where the signature that was checked came from.
    pub signature_source: Option<SignatureSource>,
}

fn as_text<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}

impl FileVerdict {
    /// By what it is called in lists: the path, else the key, else the time.
    pub fn name(&self) -> &str {
        let key = self.file.as_deref().or(self.s3_object.as_deref());
        key.or(self.digest_start_time.as_deref()).unwrap_or_default()
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
