//! The verdicts on log files.

use super::chain::Chain;
use super::claims::{Absent, Claim};
use super::content::{Content, ContentReader, Failure};
use super::digest_file::DigestFile;
use super::digests::Judged;
use super::object_name::LogName;
use super::verdict::{FileKind, FileVerdict, ObjectKey, Verdict};
use crate::parse::time::format_iso;
use crate::source::Input;
use std::borrow::Cow;
use std::sync::Arc;

/// A log is listed by the digest of the hour in which it was delivered, some minutes after the time in its name.
const DELIVERY_MS: i64 = 15 * 60_000;

/// How much a digest's word weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// It is shown to be a forgery.
    Rejected,
    /// Nothing is known.
    Unchecked,
    /// A signature shows that it is CloudTrail's.
    Authentic,
}

/// The digests, for the logs that they list.
pub struct Witnesses<'a> {
    /// The files.
    pub files: &'a [DigestFile],
    /// What became of them.
    pub judged: &'a Judged<'a>,
}

type JudgedLog = (Verdict, Cow<'static, str>);

/// Why a file with the name of that key is not read.
pub type LeftOut<'a> = &'a dyn Fn(&str) -> Option<&'a str>;

/// A verdict, and whether something kept it from being a better one.
pub struct LogOutcome {
    /// The verdict.
    pub verdict: FileVerdict,
    /// It could not be read, or not whole.
    pub failure: Option<Failure>,
    /// Bytes on the disk.
    pub size: u64,
}

impl Witnesses<'_> {
    fn weight(&self, digest: u32) -> Weight {
        let proof = &self.judged.proofs[digest as usize];
        match () {
            () if proof.is_authentic() => Weight::Authentic,
            () if proof.is_rejected() => Weight::Rejected,
            () => Weight::Unchecked,
        }
    }

    fn name(&self, digest: u32) -> &str {
        let file = &self.files[digest as usize];
        file.key().unwrap_or(&file.file)
    }

    /// Judges a file by all that digests say of it; none of an input that no digest lists.
    pub fn judge(&self, input: &Input, claims: &[Claim], reader: &mut ContentReader) -> Option<LogOutcome> {
        let weight = claims.iter().map(|claim| self.weight(claim.digest)).max()?;
        let strongest = || claims.iter().filter(|claim| self.weight(claim.digest) == weight);
        let first = strongest().next()?;
        let outcome =
            |claim, judged| LogOutcome { verdict: self.of(input, claim, judged), failure: None, size: 0 };
        if weight == Weight::Rejected {
            let reason = format!("the digest that lists it is not what was signed: {}", self.name(first.digest));
            return Some(outcome(first, (Verdict::Unverifiable, reason.into())));
        }
        Some(match reader.hash(input.path()?) {
            Ok(content) => {
                let agreeing = strongest().find(|claim| claim.sha256 == Some(content.sha256));
                let claim = agreeing.unwrap_or(first);
                let judged = self.judge_content(&content, claim, (agreeing.is_some(), weight), &input.name);
                LogOutcome { size: content.size, ..outcome(claim, judged) }
            }
            Err(Failure::Damaged(reason)) => {
                outcome(first, (Verdict::HashMismatch, format!("invalid format: {reason}").into()))
            }
            Err(failure) => {
                let reason = format!("it could not be read: {}", failure.reason());
                LogOutcome { failure: Some(failure), ..outcome(first, (Verdict::Unverifiable, reason.into())) }
            }
        })
    }

    fn judge_content(
        &self,
        content: &Content,
        claim: &Claim,
        (agrees, weight): (bool, Weight),
        path: &str,
    ) -> JudgedLog {
        if claim.sha256.is_none() {
            return (Verdict::Unverifiable, "the hash in its digest is no SHA-256".into());
        }
        if content.has_trailing_data {
            let reason = match agrees {
                true => {
                    "bytes follow the gzip member that was delivered; what comes before agrees with its digest"
                }
                false => "bytes follow a gzip member whose hash is not the one in its digest",
            };
            return (Verdict::TrailingData, reason.into());
        }
        if !agrees {
            return (Verdict::HashMismatch, "the hash of its content is not the one in its digest".into());
        }
        if !claim.is_in_place {
            let place = claim.s3_object.of(path);
            return (Verdict::Moved, format!("it has been moved from its original location, {place}").into());
        }
        let agreement = match content.is_plain {
            true => "its hash is the one in its digest (decompressed since)",
            false => "its hash is the one in its digest",
        };
        if weight == Weight::Authentic {
            return (Verdict::Valid, agreement.into());
        }
        let of_digest = &self.judged.verdicts[claim.digest as usize].reason;
        (Verdict::Unverifiable, format!("{agreement}, but of that {of_digest}").into())
    }

    fn of(&self, input: &Input, claim: &Claim, judged: JudgedLog) -> FileVerdict {
        let digest = &self.judged.verdicts[claim.digest as usize];
        FileVerdict {
            s3_bucket: claim.s3_bucket.clone().or_else(|| digest.s3_bucket.clone()),
            s3_object: Some(claim.s3_object.clone()),
            digest_s3_object: self.key_of(claim.digest),
            ..FileVerdict::new(Some(&input.name), FileKind::Log, judged)
        }
    }

    fn key_of(&self, digest: u32) -> Option<Arc<str>> {
        match &self.judged.verdicts[digest as usize].s3_object {
            Some(ObjectKey::Text(key)) => Some(Arc::clone(key)),
            _ => None,
        }
    }

    /// Judges log files that are not there. `left_out` tells why a file of that name is not read.
    pub fn absent(&self, mut absent: Vec<Absent>, left_out: LeftOut<'_>) -> Vec<FileVerdict> {
        // Of what more than one digest lists the best of them counts.
        absent.sort_by(|one, other| {
            let weights = || self.weight(other.digest).cmp(&self.weight(one.digest));
            one.s3_object.cmp(&other.s3_object).then_with(weights).then(one.digest.cmp(&other.digest))
        });
        absent.dedup_by(|one, other| one.s3_object == other.s3_object);
        let verdict = |absent: Absent| {
            let judged: JudgedLog = match (self.weight(absent.digest), left_out(&absent.s3_object)) {
                (Weight::Rejected, _) => {
                    let digest = self.name(absent.digest);
                    let reason =
                        format!("not found; but the digest that lists it is not what was signed: {digest}");
                    (Verdict::Unverifiable, reason.into())
                }
                (_, Some(reason)) => (Verdict::NotFound, format!("not found: {reason}").into()),
                (_, None) => (Verdict::NotFound, "not found".into()),
            };
            let bucket = &self.judged.verdicts[absent.digest as usize].s3_bucket;
            FileVerdict {
                s3_bucket: absent.s3_bucket.or_else(|| bucket.clone()),
                s3_object: Some(ObjectKey::Text(absent.s3_object)),
                digest_s3_object: self.key_of(absent.digest),
                ..FileVerdict::new(None, FileKind::Log, judged)
            }
        };
        absent.into_iter().map(verdict).collect()
    }
}

/// The verdict on a log that no digest lists; `chains` are those of its account and region.
pub fn unlisted(input: &Input, name: &LogName<'_>, chains: &[&Chain<'_>]) -> FileVerdict {
    let covers = |chain: &Chain<'_>| {
        name.time_ms.is_some_and(|time| chain.start_ms <= time && time + DELIVERY_MS <= chain.end_ms)
    };
    let reason = if chains.is_empty() {
        "in no digest: none of its account and region is here".to_owned()
    } else if let Some(chain) = chains.iter().find(|chain| covers(chain)) {
        let (start, end) = (format_iso(chain.start_ms), format_iso(chain.end_ms));
        format!(
            "in no digest, though there are digests from {start} to {end}: it was not delivered by the trail, or the digest that \
             lists it is not here"
        )
    } else {
        "in no digest: it is of a time that no digest here covers".to_owned()
    };
    FileVerdict::new(Some(&input.name), FileKind::Log, (Verdict::Unverifiable, reason.into()))
}
