//! What digests list, brought together with the files that are there. A key from a digest is looked up among the inputs
//! and never opened as a path.

use super::MOST_OF_A_KEY;
use super::content::Hash;
use super::digest::ListedLog;
use super::object_name::{base_name, lies_at, stem};
use super::verdict::ObjectKey;
use crate::source::Input;
use rayon::slice::ParallelSliceMut;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes for keys of log files that are not there; more are only counted.
const ABSENT_BYTES: usize = 64 << 20;

/// The inputs by the last part of their paths.
pub struct Places<'a> {
    inputs: &'a [Input],
    /// In the order of the names without `.gz`.
    order: Vec<u32>,
}

impl<'a> Places<'a> {
    /// Of all inputs that have a name.
    pub fn new(inputs: &'a [Input]) -> Places<'a> {
        let mut order: Vec<u32> = (0u32..).take(inputs.len()).collect();
        let name = |index: &u32| stem(base_name(&inputs[*index as usize].name));
        order.par_sort_by(|one, other| name(one).cmp(name(other)));
        Places { inputs, order }
    }

    /// The inputs called like the last part of the key.
    fn named(&self, key: &str) -> &[u32] {
        let wanted = stem(base_name(key));
        let name = |index: &u32| stem(base_name(&self.inputs[*index as usize].name));
        let start = self.order.partition_point(|index| name(index) < wanted);
        let length = self.order[start..].partition_point(|index| name(index) == wanted);
        &self.order[start..start + length]
    }
}

/// What a digest says of an input.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which input.
    pub input: u32,
    /// Which digest.
    pub digest: u32,
    /// What its content should hash to; none if the digest's hash cannot be compared.
    pub sha256: Option<Hash>,
    /// The bucket, where it is not the digest's.
    pub s3_bucket: Option<Arc<str>>,
    /// The key.
    pub s3_object: ObjectKey,
    /// It lies where the key says.
    pub is_in_place: bool,
}

/// A log file that a digest lists and that is not there.
#[derive(Clone, Debug)]
pub struct Absent {
    /// Which digest.
    pub digest: u32,
    /// The bucket, where it is not the digest's.
    pub s3_bucket: Option<Arc<str>>,
    /// The key.
    pub s3_object: Arc<str>,
}

/// What one digest lists.
#[derive(Debug, Default)]
pub struct Listed {
    claims: Vec<Claim>,
    absent: Vec<Absent>,
    /// How often it lists an input: once, if it is none that was made to fill memory.
    counts: HashMap<u32, usize>,
    is_crowded: bool,
}

impl Listed {
    /// Looks for a log file of a digest that lies in `bucket`.
    pub fn add(&mut self, bucket: &str, log: &ListedLog<'_>, places: &Places<'_>) {
        let s3_bucket = (log.s3_bucket != bucket).then(|| Arc::from(&*log.s3_bucket));
        let named = places.named(&log.s3_object);
        if named.is_empty() {
            self.absent.push(Absent { digest: 0, s3_bucket, s3_object: Arc::from(&*log.s3_object) });
            return;
        }
        // Names hold 16 random characters: what is called so is the log or a copy of it.
        let is_in_place = |index: &u32| lies_at(&places.inputs[*index as usize].name, &log.s3_object);
        let any_in_place = named.iter().any(is_in_place);
        for index in named.iter().filter(|index| !any_in_place || is_in_place(index)).take(MOST_OF_A_KEY) {
            let count = self.counts.entry(*index).or_default();
            if *count == MOST_OF_A_KEY {
                self.is_crowded = true;
                continue;
            }
            *count += 1;
            let path = &places.inputs[*index as usize].name;
            let s3_object = ObjectKey::new(path, &log.s3_object);
            self.claims.push(Claim {
                input: *index,
                digest: 0,
                sha256: log.sha256,
                s3_bucket: s3_bucket.clone(),
                s3_object,
                is_in_place: any_in_place,
            });
        }
    }
}

/// What all digests list, bounded.
#[derive(Debug)]
pub struct Claims {
    /// What is said of inputs, by input.
    pub claims: Vec<Claim>,
    /// What is not there.
    pub absent: Vec<Absent>,
    /// More that is not there, only counted.
    pub more_absent: u64,
    /// Some input is in more digests than are told apart.
    pub is_crowded: bool,
    /// How many digests list each input.
    counts: Vec<u8>,
    absent_bytes: usize,
}

impl Claims {
    /// Of that many inputs.
    pub fn new(inputs: usize) -> Claims {
        Claims {
            claims: Vec::new(),
            absent: Vec::new(),
            more_absent: 0,
            is_crowded: false,
            counts: vec![0; inputs],
            absent_bytes: 0,
        }
    }

    /// Adds what a digest lists. Digests come in their order.
    pub fn append(&mut self, listed: Listed, digest: u32) {
        self.is_crowded |= listed.is_crowded;
        for claim in listed.claims {
            let count = &mut self.counts[claim.input as usize];
            if usize::from(*count) < MOST_OF_A_KEY {
                *count += 1;
                self.claims.push(Claim { digest, ..claim });
            } else {
                self.is_crowded = true;
            }
        }
        for absent in listed.absent {
            let bytes = absent.s3_object.len() + absent.s3_bucket.as_ref().map_or(0, |name| name.len()) + 64;
            if self.absent_bytes + bytes <= ABSENT_BYTES {
                self.absent_bytes += bytes;
                self.absent.push(Absent { digest, ..absent });
            } else {
                self.more_absent += 1;
            }
        }
    }

    /// Puts claims on the same input side by side.
    pub fn sort(&mut self) {
        self.claims.sort_by_key(|claim| (claim.input, claim.digest));
    }

    /// Does a digest list the input?
    pub fn is_listed(&self, input: usize) -> bool {
        self.counts[input] > 0
    }
}
