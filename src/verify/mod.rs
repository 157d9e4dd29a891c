//! Checks offline that log files of CloudTrail are as they were delivered: the digest files that CloudTrail signs list
//! them with their hashes (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-intro.html>).
//!
//! ```text
//! inputs ──► digest_file ──► proof ──► chain ──► digests   each digest: signature, link to the one before
//!               └► claims ─────────────────────► logs      each log file: what digests list against its content
//! ```
//!
//! Everything may be hostile, digests too: what one says counts as far as its signature goes. Keys are looked up among the
//! inputs and never opened as paths; what is read into memory is bounded.

mod chain;
mod claims;
mod content;
mod digest;
mod digest_file;
mod digests;
mod keys;
mod logs;
mod object_name;
mod proof;
mod report;
mod signatures;
mod verdict;

pub use keys::PublicKeys;
pub use report::{ChainSummary, Report, Summary};
pub use signatures::{SIDECAR, Signatures};
pub use verdict::{FileKind, FileVerdict, ObjectKey, SignatureSource, Verdict};

use crate::decode::Limits;
use crate::error::Error;
use crate::ledger::FileStatus;
use crate::source::{Input, Inputs};
use chain::Chain;
use claims::{Claim, Claims, Listed, Places};
use content::ContentReader;
use digest_file::DigestFile;
use logs::{LogOutcome, Witnesses};
use object_name::{ObjectName, account_and_region, base_name, stem};
use proof::Proof;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Digests in memory as text, and with all that they list, at a time.
const DIGESTS_AT_ONCE: usize = 16;

/// Files that have, list or name one key and are told apart. There is one of each, or two with a backfill; there are more
/// if a folder holds copies.
const MOST_OF_A_KEY: usize = 64;

/// What files are held against.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keys that digests may be signed with; none: signatures are not checked.
    pub public_keys: PublicKeys,
    /// Signatures of digests beside those in sidecar files.
    pub signatures: Signatures,
    /// The bucket that the inputs are a copy of; none: any.
    pub bucket: Option<String>,
    /// Limits of decompression.
    pub limits: Limits,
}

/// Gives a verdict on each digest and log file among the inputs, and on those that should be there.
///
/// # Errors
/// There is no digest among the inputs. What cannot be read is told in the report.
pub fn verify(inputs: &Inputs, options: &Options) -> Result<Report, Error> {
    let is_digest = |index: &usize| matches!(ObjectName::of(&inputs.files[*index].name), ObjectName::Digest(_));
    let digests: Vec<usize> = (0..inputs.files.len()).filter(is_digest).collect();
    if digests.is_empty() {
        let reason = "no digest file of CloudTrail is among them (ACCOUNT_CloudTrail-Digest_….json.gz), and without one \
                      nothing can be verified; copy AWSLogs/ACCOUNT/CloudTrail-Digest/ of the trail's bucket too";
        return Err(Error::Input { path: "the given PATHs".to_owned(), reason: reason.to_owned() });
    }
    let (files, mut claims) = read_digests(inputs, &digests, options);
    let judged = digests::judge(&files, options);
    let witnesses = Witnesses { files: &files, judged: &judged };
    let mut summary = Summary::default();
    let mut verdicts = Vec::new();
    for file in &files {
        summary.read(file.size, file.digest.as_ref().err());
    }
    for outcome in judge_logs(inputs, &claims, &witnesses, options) {
        summary.read(outcome.size, outcome.failure.as_ref());
        verdicts.push(outcome.verdict);
    }
    let left_out = left_out(inputs);
    let absent = std::mem::take(&mut claims.absent);
    verdicts.extend(witnesses.absent(absent, &|key| left_out.get(stem(base_name(key))).copied()));
    let unlisted = unlisted(inputs, &claims, &judged.chains);
    summary.logs_in_no_digest = unlisted.len() as u64;
    verdicts.extend(unlisted);
    verdicts.extend(judged.verdicts);
    verdicts.extend(judged.missing);
    verdicts.par_sort_unstable_by(in_order);

    summary.add(&verdicts);
    let is_unchecked = |(file, proof): &(&DigestFile, &Proof)| {
        file.digest.is_ok() && !proof.is_authentic() && !proof.is_rejected()
    };
    summary.signatures_not_checked = files.iter().zip(&judged.proofs).filter(is_unchecked).count() as u64;
    summary.chains = judged.chains.iter().map(ChainSummary::of).collect();
    summary.other_files = other_files(inputs, &claims);
    summary.note_left_out(inputs);
    summary.note_bounds(claims.more_absent, claims.is_crowded || judged.is_crowded);
    Ok(Report { files: verdicts, summary })
}

/// By path or key; what has none, and copies of a key that are not there, by time.
fn in_order(one: &FileVerdict, other: &FileVerdict) -> Ordering {
    let names = one.name().cmp(other.name());
    let times = || one.digest_start_ms.cmp(&other.digest_start_ms);
    names.then_with(times).then_with(|| one.reason.cmp(&other.reason))
}

fn read_digests(inputs: &Inputs, digests: &[usize], options: &Options) -> (Vec<DigestFile>, Claims) {
    let places = Places::new(&inputs.files);
    let mut files: Vec<DigestFile> = Vec::with_capacity(digests.len());
    let mut claims = Claims::new(inputs.files.len());
    for part in digests.chunks(DIGESTS_AT_ONCE) {
        let read = |reader: &mut ContentReader, index: &usize| {
            let mut listed = Listed::default();
            let input = &inputs.files[*index];
            let file = DigestFile::read(input, reader, &mut |bucket, log| listed.add(bucket, &log, &places));
            (file, listed)
        };
        let read: Vec<(DigestFile, Listed)> =
            part.par_iter().map_init(|| ContentReader::new(&options.limits), read).collect();
        for (file, listed) in read {
            claims.append(listed, files.len() as u32);
            files.push(file);
        }
    }
    claims.sort();
    (files, claims)
}

fn judge_logs(inputs: &Inputs, claims: &Claims, witnesses: &Witnesses<'_>, options: &Options) -> Vec<LogOutcome> {
    let of_inputs: Vec<&[Claim]> = claims.claims.chunk_by(|one, other| one.input == other.input).collect();
    let judge = |reader: &mut ContentReader, claims: &&[Claim]| {
        let input = &inputs.files[claims.first()?.input as usize];
        witnesses.judge(input, claims, reader)
    };
    let outcomes = of_inputs.par_iter().map_init(|| ContentReader::new(&options.limits), judge);
    outcomes.flatten().collect()
}

/// The log files that no digest lists.
fn unlisted(inputs: &Inputs, claims: &Claims, chains: &[Chain<'_>]) -> Vec<FileVerdict> {
    let mut by_place: HashMap<(&str, &str), Vec<&Chain<'_>>> = HashMap::new();
    for chain in chains {
        if let Some(place) = account_and_region(chain.name) {
            by_place.entry(place).or_default().push(chain);
        }
    }
    let unlisted = |(index, input): (usize, &Input)| match ObjectName::of(&input.name) {
        ObjectName::Log(name) if !claims.is_listed(index) => {
            let chains = by_place.get(&(name.account_id, name.region)).map_or(&[][..], Vec::as_slice);
            Some(logs::unlisted(input, &name, chains))
        }
        _ => None,
    };
    inputs.files.iter().enumerate().filter_map(unlisted).collect()
}

fn other_files(inputs: &Inputs, claims: &Claims) -> u64 {
    let is_other = |(index, input): &(usize, &Input)| {
        let name = &*input.name;
        ObjectName::of(name) == ObjectName::Other && !claims.is_listed(*index) && !name.ends_with(SIDECAR)
    };
    inputs.files.iter().enumerate().filter(is_other).count() as u64
}

/// Why something is not read, by the last part of its path.
fn left_out(inputs: &Inputs) -> HashMap<&str, &str> {
    let mut reasons = HashMap::new();
    for left_out in &inputs.left_out {
        if let FileStatus::Ignored(reason) | FileStatus::Skipped(reason) = &left_out.status {
            reasons.insert(stem(base_name(&left_out.name)), reason.as_str());
        }
    }
    reasons
}
