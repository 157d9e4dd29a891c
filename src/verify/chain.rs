//! The links between digests: each names the one before, its hash and its signature, so that none can go or change
//! without the next one telling. What `aws cloudtrail validate-logs` follows without holding hash and signature against
//! the object they are of is held here.

use super::content::{Failure, Hash};
use super::digest::{Digest, bytes_of, hexadecimal};
use super::digest_file::{ByKey, DigestFile};
use super::proof::Proof;
use super::signatures::Signatures;
use crate::parse::time::format_iso;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stretch that no digest covers is worth telling from this length on, in milliseconds: digests are of an hour, and a
/// clock's second is none.
const SHORTEST_GAP_MS: i64 = 60_000;

/// The digests of one trail, account and region in the order of time.
pub struct Chain<'a> {
    /// What their names begin with.
    pub name: &'a str,
    /// Those that can be read and are no backfill, the earliest first.
    pub digests: Vec<usize>,
    /// From when on they cover time.
    pub start_ms: i64,
    /// Until when.
    pub end_ms: i64,
    /// The first one is the first of its trail; else others came before.
    pub has_beginning: bool,
}

/// A digest that is not there, or a stretch of time without one.
pub struct Gap {
    /// The key that the next one names, if it does.
    pub s3_bucket: Option<Arc<str>>,
    /// The same, its key.
    pub s3_object: Option<Arc<str>>,
    /// The end of the one before.
    pub start_ms: i64,
    /// The begin of the one after.
    pub end_ms: i64,
    /// What shows it.
    pub reason: String,
}

/// All digests and what signatures say of them.
pub struct Trail<'a> {
    /// The digests.
    pub files: &'a [DigestFile],
    /// The same by their keys.
    pub by_key: &'a ByKey<'a>,
    /// What signatures say of each.
    pub proofs: &'a [Proof],
    /// Signatures that came in a list.
    pub signatures: &'a Signatures,
}

/// What is wrong with the link of a digest to the one before.
pub type Broken = BTreeMap<usize, String>;

/// Sorts digests into chains.
pub fn chains<'a>(files: &'a [DigestFile]) -> Vec<Chain<'a>> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        if file.digest.is_ok() && !file.is_backfill() {
            by_name.entry(file.chain()).or_default().push(index);
        }
    }
    let chain = |(name, mut digests): (&'a str, Vec<usize>)| {
        digests.sort_by_key(|index| times(&files[*index]));
        let start_ms = digests.iter().filter_map(|index| times(&files[*index])).map(|(_, start)| start).min();
        let end_ms = digests.last().and_then(|index| times(&files[*index])).map(|(end, _)| end);
        let first = digests.first().and_then(|index| files[*index].digest.as_ref().ok());
        let has_beginning = first.is_some_and(|digest| digest.previous.is_none());
        let (start_ms, end_ms) = (start_ms.unwrap_or_default(), end_ms.unwrap_or_default());
        Chain { name, digests, start_ms, end_ms, has_beginning }
    };
    by_name.into_iter().map(chain).collect()
}

/// End and begin of the time that a digest covers.
fn times(file: &DigestFile) -> Option<(i64, i64)> {
    file.digest.as_ref().ok().map(|digest| (digest.end_ms, digest.start_ms))
}

/// Follows the links of a chain.
pub fn follow(chain: &Chain<'_>, trail: &Trail<'_>) -> (Broken, Vec<Gap>) {
    let Trail { files, proofs, .. } = trail;
    let (mut broken, mut gaps) = (Broken::new(), Vec::new());
    let mut covered_ms: Option<i64> = None;
    for index in &chain.digests {
        let Ok(digest) = &files[*index].digest else { continue };
        let before_ms = covered_ms.filter(|_| digest.end_ms > chain_start(chain, files));
        covered_ms = Some(covered_ms.map_or(digest.end_ms, |covered| covered.max(digest.end_ms)));
        let Some(before_ms) = before_ms else { continue };
        let is_apart = digest.start_ms - before_ms >= SHORTEST_GAP_MS;
        // What a forged digest says of others is nothing; that it leaves time uncovered stays true.
        let is_forged = proofs[*index].is_rejected();
        let link = if is_forged { Link::Whole } else { link(digest, trail) };
        match link {
            Link::Whole if !is_apart => {}
            Link::Broken(reason) if !is_apart => drop(broken.insert(*index, reason)),
            Link::None if !is_apart => drop(
                broken.insert(
                    *index,
                    "it names no digest before it, as the first of a trail does, though there are earlier ones"
                        .to_owned(),
                ),
            ),
            Link::Broken(reason) => {
                broken.insert(*index, reason);
                gaps.push(gap(None, before_ms, digest, "no digest covers this time"));
            }
            Link::Whole => gaps.push(gap(None, before_ms, digest, "no digest covers this time")),
            Link::None => gaps.push(gap(None, before_ms, digest, SWITCHED_OFF)),
            Link::Missing => gaps.push(gap(Some(digest), before_ms, digest, NAMED)),
        }
    }
    (broken, gaps)
}

const SWITCHED_OFF: &str = "no digest covers this time, and the next one is the first of a chain: the trail was stopped or \
     log file validation was off, or digests were deleted";
const NAMED: &str = "not found: the next digest names it as the one before";

/// The earliest digests of a chain end here; what is before them was not given.
fn chain_start(chain: &Chain<'_>, files: &[DigestFile]) -> i64 {
    chain.digests.first().and_then(|index| files[*index].end_ms()).unwrap_or(i64::MIN)
}

fn gap(named_by: Option<&Digest>, start_ms: i64, next: &Digest, what: &str) -> Gap {
    let named = named_by.and_then(|digest| digest.previous.as_ref());
    let (start, end) = (format_iso(start_ms), format_iso(next.start_ms));
    let between = if next.start_ms > start_ms { format!(" (between {start} and {end})") } else { String::new() };
    Gap {
        s3_bucket: named.and_then(|previous| previous.s3_bucket.as_deref()).map(Arc::from),
        s3_object: named.map(|previous| Arc::from(&*previous.s3_object)),
        start_ms: start_ms.min(next.start_ms),
        end_ms: next.start_ms,
        reason: format!("{what}{between}; next: {}", next.s3_object),
    }
}

enum Link {
    /// The digest before is the one that is named, or it is to blame itself.
    Whole,
    Broken(String),
    /// The digest before is not there.
    Missing,
    /// None is named.
    None,
}

fn link(digest: &Digest, trail: &Trail<'_>) -> Link {
    let Trail { files, by_key, proofs, signatures } = trail;
    let Some(previous) = &digest.previous else { return Link::None };
    let mut reason = None;
    for index in by_key.of(&previous.s3_object) {
        let before = match &files[index].digest {
            Ok(before) => before,
            // Its own verdict says what it is.
            Err(_) => return Link::Whole,
        };
        match held_against(digest, previous.sha256, before, &files[index], signatures) {
            Ok(()) => return Link::Whole,
            Err(_) if is_to_blame(&files[index], &proofs[index]) => return Link::Whole,
            Err(wrong) => reason = Some(wrong),
        }
    }
    reason.map_or(Link::Missing, Link::Broken)
}

/// Is the digest before known not to be as it was signed?
fn is_to_blame(before: &DigestFile, proof: &Proof) -> bool {
    let is_damaged = matches!(before.digest, Err(Failure::Damaged(_)));
    is_damaged || matches!(proof, Proof::Failed(..) | Proof::VerifiedByNext(_))
}

fn held_against(
    digest: &Digest,
    sha256: Option<Hash>,
    before: &Digest,
    file: &DigestFile,
    signatures: &Signatures,
) -> Result<(), String> {
    match sha256 {
        Some(hash) if hash == before.sha256 => {}
        Some(hash) => {
            return Err(format!(
                "previousDigestHashValue is {}, and the hash of {} is {}",
                hexadecimal(&hash),
                file.file,
                hexadecimal(&before.sha256)
            ));
        }
        None => return Err("previousDigestHashValue is no SHA-256".to_owned()),
    }
    match file.own(signatures).and_then(|(_, metadata)| metadata.signature.as_ref()) {
        Some(signature) if digest.previous_signature.as_deref().and_then(bytes_of).as_ref() != Some(signature) => {
            Err(format!("previousDigestSignature is not the signature of {}", file.file))
        }
        _ => Ok(()),
    }
}
