//! Which digests are shown by a signature to be what CloudTrail wrote.

use super::digest::{Digest, bytes_of};
use super::digest_file::{ByKey, DigestFile};
use super::signatures::Metadata;
use super::verdict::SignatureSource;
use super::{MOST_OF_A_KEY, Options};
use rayon::prelude::*;

/// What signatures say of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is what was signed.
    Verified(SignatureSource),
    /// It is what was signed, but the signature that lies with it is another.
    VerifiedByNext(SignatureSource),
    /// It is not.
    Failed(SignatureSource, String),
    /// It is not: a digest after it, which is what was signed, has another hash for it.
    Contradicted(String),
    /// Nothing.
    Unchecked(String),
}

impl Proof {
    /// Is the content what was signed?
    pub fn is_authentic(&self) -> bool {
        matches!(self, Proof::Verified(_) | Proof::VerifiedByNext(_))
    }

    /// Is it shown to be another?
    pub fn is_rejected(&self) -> bool {
        matches!(self, Proof::Failed(..) | Proof::Contradicted(_))
    }
}

/// Signatures held against one digest.
enum Held {
    Impossible(String),
    /// The object's own: is it good, and is that of a digest after it?
    Own(SignatureSource, Result<(), String>, bool),
    /// There are only those of digests after it: is one good?
    Next(bool),
}

/// Holds each digest against its signatures. Proofs stand in the order of the files. Says also whether some digest is
/// named by more than are asked.
pub fn proofs(files: &[DigestFile], by_key: &ByKey<'_>, options: &Options) -> (Vec<Proof>, bool) {
    let (next, is_crowded) = next_of(files, by_key);
    let held: Vec<Held> =
        files.par_iter().zip(&next).map(|(file, next)| hold(file, &next_digests(files, next), options)).collect();
    // The latest first: what a digest says of the one before counts only as far as it is one itself.
    let mut order: Vec<usize> = (0..files.len()).collect();
    let end_ms = |file: &DigestFile| file.digest.as_ref().ok().map(|digest| digest.end_ms);
    order.sort_by_key(|index| std::cmp::Reverse(end_ms(&files[*index])));
    let mut proofs: Vec<Option<Proof>> = vec![None; files.len()];
    for index in order {
        let is_witness = |next: &usize| !proofs[*next].as_ref().is_some_and(Proof::is_rejected);
        let has_witness = next[index].iter().any(is_witness);
        proofs[index] = Some(match &held[index] {
            Held::Impossible(reason) => Proof::Unchecked(reason.clone()),
            Held::Own(source, Ok(()), _) => Proof::Verified(*source),
            Held::Own(source, Err(_), true) => Proof::VerifiedByNext(*source),
            Held::Own(source, Err(reason), false) => Proof::Failed(*source, reason.clone()),
            Held::Next(true) => Proof::Verified(SignatureSource::NextDigest),
            Held::Next(false) if has_witness => {
                let reason = "the signature that the next digest has of it is not one of its content".to_owned();
                Proof::Failed(SignatureSource::NextDigest, reason)
            }
            Held::Next(false) => Proof::Unchecked(no_signature(&files[index])),
        });
    }
    let mut proofs: Vec<Proof> = proofs.into_iter().flatten().collect();
    contradict(files, by_key, &mut proofs);
    (proofs, is_crowded)
}

/// Finds digests whose own signature cannot be checked and that are not the ones that authentic digests name.
fn contradict(files: &[DigestFile], by_key: &ByKey<'_>, proofs: &mut [Proof]) {
    for (index, file) in files.iter().enumerate() {
        if !proofs[index].is_authentic() {
            continue;
        }
        let Some(previous) = file.digest.as_ref().ok().and_then(|digest| digest.previous.as_ref()) else {
            continue;
        };
        for before in by_key.of(&previous.s3_object).filter(|before| *before != index) {
            let sha256 = files[before].digest.as_ref().ok().map(|digest| digest.sha256);
            let is_other = previous.sha256.is_some() && sha256.is_some() && previous.sha256 != sha256;
            if is_other && matches!(proofs[before], Proof::Unchecked(_)) {
                let reason =
                    format!("the next digest, whose signature is good, has another hash for it: {}", file.file);
                proofs[before] = Proof::Contradicted(reason);
            }
        }
    }
}

/// Which digests name which as the one before, and whether there are too many of one.
fn next_of(files: &[DigestFile], by_key: &ByKey<'_>) -> (Vec<Vec<usize>>, bool) {
    let mut next = vec![Vec::new(); files.len()];
    let mut is_crowded = false;
    for (index, file) in files.iter().enumerate() {
        let Some(previous) = file.digest.as_ref().ok().and_then(|digest| digest.previous.as_ref()) else {
            continue;
        };
        for before in by_key.of(&previous.s3_object) {
            let next: &mut Vec<usize> = &mut next[before];
            match next.len() {
                _ if before == index => {}
                MOST_OF_A_KEY.. => is_crowded = true,
                _ => next.push(index),
            }
        }
    }
    (next, is_crowded)
}

fn next_digests<'a>(files: &'a [DigestFile], next: &[usize]) -> Vec<&'a Digest> {
    next.iter().filter_map(|index| files[*index].digest.as_ref().ok()).collect()
}

fn no_signature(file: &DigestFile) -> String {
    match &file.beside {
        Err(reason) => reason.clone(),
        Ok(_) => "there is no signature of it: no .meta.json file, none in --signatures, and no digest after it"
            .to_owned(),
    }
}

fn hold(file: &DigestFile, next: &[&Digest], options: &Options) -> Held {
    let Ok(digest) = &file.digest else { return Held::Impossible("it cannot be read".to_owned()) };
    let own = file.own(&options.signatures);
    let stated = own.and_then(|(_, metadata)| metadata.algorithm.as_deref());
    let algorithm = stated.or(digest.algorithm.as_deref());
    if let Err(reason) = options.public_keys.can_check(&digest.fingerprint, algorithm) {
        return Held::Impossible(reason);
    }
    let held = held(digest, own, next, options);
    // Looked at last: the time may be forged too, and then the signature tells.
    let signed_ms = own.and_then(|(_, metadata)| metadata.generated_ms).unwrap_or(digest.end_ms);
    match options.public_keys.check_validity(&digest.fingerprint, signed_ms) {
        Err(reason) if held.is_good() => Held::Impossible(reason),
        _ => held,
    }
}

impl Held {
    /// Is a signature of the content among them?
    fn is_good(&self) -> bool {
        matches!(self, Held::Own(_, Ok(()), _) | Held::Own(_, _, true) | Held::Next(true))
    }
}

fn held(digest: &Digest, own: Option<(SignatureSource, &Metadata)>, next: &[&Digest], options: &Options) -> Held {
    let text = digest.string_to_sign();
    let is_good = |signature: &[u8]| options.public_keys.check(&digest.fingerprint, &text, signature);
    let next_is_good = || {
        let mut signatures = next.iter().filter_map(|next| bytes_of(next.previous_signature.as_deref()?));
        signatures.any(|signature| is_good(&signature))
    };
    let Some((source, metadata)) = own else {
        if next_is_good() {
            return Held::Next(true);
        }
        let fits = |metadata: &Metadata| metadata.signature.as_deref().is_some_and(is_good);
        return if options.signatures.unnamed().iter().any(fits) {
            Held::Own(SignatureSource::Signatures, Ok(()), false)
        } else {
            Held::Next(false)
        };
    };
    let outcome = match metadata.signature.as_deref() {
        Some(signature) if is_good(signature) => Ok(()),
        Some(_) => Err("signature verification failed: it is not one of this content under this key".to_owned()),
        None => Err("signature verification failed: the signature is no hexadecimal text".to_owned()),
    };
    let by_next = outcome.is_err() && next_is_good();
    Held::Own(source, outcome, by_next)
}
