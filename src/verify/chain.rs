//! The links between digests: each names the one before, its hash and its signature, so that none can go or change
//! without the next one telling. What `aws cloudtrail validate-logs` follows without holding hash and signature against
//! the object they are of is held here.

use super::content::Hash;
use super::digest::{Digest, Previous, bytes_of, hexadecimal};
use super::digest_file::{ByKey, DigestFile};
use super::proof::Proof;
use super::signatures::Signatures;
use crate::parse::time::format_iso;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A stretch that no digest covers is worth telling from this length on, in milliseconds: digests are of an hour, and a
/// clock's second is none.
const SHORTEST_GAP_MS: i64 = 60_000;

const HOUR_MS: i64 = 3_600_000;

/// The digests of one trail, account and region in the order of time.
pub struct Chain<'a> {
    /// What their names begin with.
    pub name: &'a str,
    /// Those that are no backfill, the earliest first.
    pub digests: Vec<Covered>,
    /// From when on they cover time.
    pub start_ms: i64,
    /// Until when.
    pub end_ms: i64,
    /// The first one is the first of its trail; else others came before.
    pub has_beginning: bool,
}

/// A digest of a chain.
pub struct Covered {
    /// Which.
    pub index: usize,
    /// The time it covers, from.
    pub start_ms: i64,
    /// To.
    pub end_ms: i64,
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
pub fn chains<'a>(files: &'a [DigestFile], proofs: &[Proof]) -> Vec<Chain<'a>> {
    let mut by_name: BTreeMap<&str, Vec<(i64, i64, usize)>> = BTreeMap::new();
    for (index, (file, proof)) in files.iter().zip(proofs).enumerate() {
        if let Some((start_ms, end_ms)) = time_of(file, proof).filter(|_| !file.is_backfill()) {
            by_name.entry(file.chain()).or_default().push((end_ms, start_ms, index));
        }
    }
    let chain = |(name, mut digests): (&'a str, Vec<(i64, i64, usize)>)| {
        digests.sort_unstable();
        // What a forged digest says of those before is nothing.
        let first = digests.first().filter(|(.., index)| !proofs[*index].is_rejected());
        let first = first.and_then(|(.., index)| files[*index].digest.as_ref().ok());
        Chain {
            name,
            start_ms: digests.iter().map(|(_, start_ms, _)| *start_ms).min().unwrap_or_default(),
            end_ms: digests.last().map_or(0, |(end_ms, ..)| *end_ms),
            has_beginning: first.is_some_and(|digest| digest.previous.is_none()),
            digests: digests
                .into_iter()
                .map(|(end_ms, start_ms, index)| Covered { index, start_ms, end_ms })
                .collect(),
        }
    };
    by_name.into_iter().map(chain).collect()
}

/// The time that a digest covers, from and to: what it says; of one that says nothing or is no true one, the hour that
/// its name tells.
fn time_of(file: &DigestFile, proof: &Proof) -> Option<(i64, i64)> {
    let stated = file.digest.as_ref().ok().map(|digest| (digest.start_ms, digest.end_ms));
    let named = file.named_end_ms().map(|end_ms| (end_ms - HOUR_MS, end_ms));
    if proof.is_rejected() { named.or(stated) } else { stated.or(named) }
}

/// Follows the links of a chain.
pub fn follow(chain: &Chain<'_>, trail: &Trail<'_>) -> (Broken, Vec<Gap>) {
    let Trail { files, proofs, .. } = trail;
    let (mut broken, mut gaps) = (Broken::new(), Vec::new());
    // What is before the earliest digests was not given.
    let first_end_ms = chain.digests.first().map(|first| first.end_ms);
    let mut covered_ms = i64::MIN;
    for here in &chain.digests {
        let before_ms = covered_ms;
        covered_ms = covered_ms.max(here.end_ms);
        if Some(here.end_ms) == first_end_ms {
            continue;
        }
        let is_apart = here.start_ms - before_ms >= SHORTEST_GAP_MS;
        let digest = files[here.index].digest.as_ref().ok();
        // What a forged digest says of others is nothing; that it leaves time uncovered stays true.
        let link = match digest.filter(|_| !proofs[here.index].is_rejected()) {
            Some(digest) => link(digest, trail),
            None => Link::Whole,
        };
        let reason = match &link {
            Link::Missing => NAMED,
            Link::None => SWITCHED_OFF,
            Link::Whole | Link::Broken(_) => UNCOVERED,
        };
        let is_missing = matches!(link, Link::Missing);
        if is_apart || is_missing {
            let previous = digest.and_then(|digest| digest.previous.as_ref()).filter(|_| is_missing);
            let next = files[here.index].key().unwrap_or(&files[here.index].file);
            gaps.push(gap(previous, (before_ms, here.start_ms), reason, next));
        }
        match link {
            Link::Broken(reason) => drop(broken.insert(here.index, reason)),
            Link::None if !is_apart => drop(broken.insert(here.index, UNLINKED.to_owned())),
            _ => {}
        }
    }
    (broken, gaps)
}

const SWITCHED_OFF: &str = "no digest covers this time, and the next one is the first of a chain: the trail was stopped or \
     log file validation was off, or digests were deleted";
const NAMED: &str = "not found: the next digest names it as the one before";

const UNCOVERED: &str = "no digest covers this time";
const UNLINKED: &str = "it names no digest before it, as the first of a trail does, though there are earlier ones";

fn gap(named: Option<&Previous>, (start_ms, end_ms): (i64, i64), what: &str, next: &str) -> Gap {
    let (start, end) = (format_iso(start_ms), format_iso(end_ms));
    let between = if end_ms > start_ms { format!(" (between {start} and {end})") } else { String::new() };
    Gap {
        s3_bucket: named.and_then(|previous| previous.s3_bucket.as_deref()).map(Arc::from),
        s3_object: named.map(|previous| Arc::from(&*previous.s3_object)),
        start_ms: start_ms.min(end_ms),
        end_ms,
        reason: format!("{what}{between}; the next one is {next}"),
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
            Err(_) if is_to_blame(&proofs[index]) => return Link::Whole,
            Err(wrong) => reason = Some(wrong),
        }
    }
    reason.map_or(Link::Missing, Link::Broken)
}

/// Is the digest before known not to be as it was signed?
fn is_to_blame(proof: &Proof) -> bool {
    proof.is_rejected() || matches!(proof, Proof::VerifiedByNext(_))
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
