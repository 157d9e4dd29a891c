//! The verdicts on digests.

use super::Options;
use super::chain::{self, Broken, Chain, Gap, Trail};
use super::content::Failure;
use super::digest_file::{ByKey, DigestFile};
use super::object_name::lies_at;
use super::proof::{Proof, proofs};
use super::verdict::{FileKind, FileVerdict, ObjectKey, Verdict};
use std::sync::Arc;

/// What is found out about digests.
pub struct Judged<'a> {
    /// What signatures say of each.
    pub proofs: Vec<Proof>,
    /// One for each, in their order.
    pub verdicts: Vec<FileVerdict>,
    /// One for each that is not there.
    pub missing: Vec<FileVerdict>,
    /// The chains.
    pub chains: Vec<Chain<'a>>,
    /// Some key has more copies than are told apart.
    pub is_crowded: bool,
}

/// Judges all digests.
pub fn judge<'a>(files: &'a [DigestFile], options: &Options) -> Judged<'a> {
    let by_key = ByKey::new(files);
    let (proofs, are_many) = proofs(files, &by_key, options);
    let chains = chain::chains(files, &proofs);
    let trail = Trail { files, by_key: &by_key, proofs: &proofs, signatures: &options.signatures };
    let (mut broken, mut missing) = (Broken::new(), Vec::new());
    for chain in &chains {
        let (links, gaps) = chain::follow(chain, &trail);
        broken.extend(links);
        missing.extend(gaps.into_iter().map(of_gap));
    }
    let verdict = |(index, file): (usize, &DigestFile)| {
        let judged = judge_one(file, &proofs[index], broken.get(&index), options.bucket.as_deref());
        of_file(file, &proofs[index], judged)
    };
    let verdicts = files.iter().enumerate().map(verdict).collect();
    let is_crowded = by_key.is_crowded || are_many;
    Judged { proofs, verdicts, missing, chains, is_crowded }
}

/// The first of what is wrong, in the order in which `aws cloudtrail validate-logs` looks.
fn judge_one(
    file: &DigestFile,
    proof: &Proof,
    broken: Option<&String>,
    bucket: Option<&str>,
) -> (Verdict, String) {
    let digest = match &file.digest {
        Ok(digest) => digest,
        Err(Failure::Damaged(reason)) => return (Verdict::SignatureInvalid, format!("invalid format: {reason}")),
        Err(failure) => return (Verdict::Unverifiable, format!("it could not be read: {}", failure.reason())),
    };
    if file.has_trailing_data {
        return (Verdict::TrailingData, "bytes follow the gzip member that is the digest".to_owned());
    }
    if !lies_at(&file.file, &digest.s3_object) {
        let reason = format!("it has been moved from its original location, {}", digest.s3_object);
        return (Verdict::Moved, reason);
    }
    if let Some(bucket) = bucket.filter(|bucket| *bucket != digest.s3_bucket) {
        let reason = format!(
            "it has been moved from its original location: it is of the bucket {}, not {bucket}",
            digest.s3_bucket
        );
        return (Verdict::Moved, reason);
    }
    match (proof, broken) {
        (Proof::Failed(source, reason), _) => {
            (Verdict::SignatureInvalid, format!("{reason} (signature from {})", source.name()))
        }
        (Proof::VerifiedByNext(source), _) => {
            let reason = format!(
                "the signature from {} is not its own; that which the next digest has of it is: the object's metadata was \
                 changed, or is of another object",
                source.name()
            );
            (Verdict::SignatureInvalid, reason)
        }
        (Proof::Contradicted(reason), _) => (Verdict::HashMismatch, reason.clone()),
        (_, Some(reason)) => (Verdict::ChainBroken, reason.clone()),
        (Proof::Unchecked(reason), None) => {
            (Verdict::Unverifiable, format!("its signature was not checked: {reason}"))
        }
        (Proof::Verified(source), None) => {
            (Verdict::Valid, format!("its signature is good (from {})", source.name()))
        }
    }
}

fn of_file(file: &DigestFile, proof: &Proof, judged: (Verdict, String)) -> FileVerdict {
    let digest = file.digest.as_ref().ok();
    let (verdict, reason) = judged;
    FileVerdict {
        s3_bucket: digest.map(|digest| Arc::from(&*digest.s3_bucket)),
        s3_object: digest.map(|digest| ObjectKey::Text(Arc::from(&*digest.s3_object))),
        digest_start_ms: digest.map(|digest| digest.start_ms),
        digest_end_ms: digest.map(|digest| digest.end_ms),
        signature_source: match proof {
            Proof::Verified(source) | Proof::VerifiedByNext(source) | Proof::Failed(source, _) => Some(*source),
            Proof::Contradicted(_) | Proof::Unchecked(_) => None,
        },
        ..FileVerdict::new(Some(&file.file), FileKind::Digest, (verdict, reason.into()))
    }
}

fn of_gap(gap: Gap) -> FileVerdict {
    FileVerdict {
        s3_bucket: gap.s3_bucket,
        s3_object: gap.s3_object.map(ObjectKey::Text),
        digest_start_ms: Some(gap.start_ms),
        digest_end_ms: Some(gap.end_ms),
        ..FileVerdict::new(None, FileKind::Digest, (Verdict::MissingDigest, gap.reason.into()))
    }
}
