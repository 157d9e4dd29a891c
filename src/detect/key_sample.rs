//! How many different keys: exact up to a cap, then an estimate from a sample.

use super::capped::keep_in_set;
use hashbrown::HashSet;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Fingerprint of a text, the same in every run.
pub fn fingerprint(text: &str) -> u64 {
    fingerprint_of(text.as_bytes())
}

/// Fingerprint of the bytes of a text.
pub fn fingerprint_of(text: &[u8]) -> u64 {
    xxh3_64(text)
}

/// Is a fingerprint still in a sample whose share was halved so many times?
pub fn is_sampled(hash: u64, halvings: u32) -> bool {
    halvings == 0 || hash.checked_shr(64 - halvings).unwrap_or(0) == 0
}

/// "all" or "1 in 8", for alerts.
pub fn share(halvings: u32) -> String {
    if halvings == 0 { "all".to_owned() } else { format!("1 in {}", 1u64 << halvings.min(63)) }
}

/// Are there surely that many when a sample has so many? Exact without a sample; with one, three standard deviations of
/// it must lie between, or else a busy caller just below the threshold would cross it by chance once in many windows.
pub fn crosses(sampled: u64, halvings: u32, threshold: u64) -> bool {
    let scale = 1u128 << halvings;
    let (estimate, threshold) = (u128::from(sampled) * scale, u128::from(threshold.max(1)));
    estimate >= threshold
        && (estimate - threshold).saturating_pow(2) >= (9 * u128::from(sampled) * scale).saturating_mul(scale - 1)
}

/// Is a part surely so many percent of a whole? Both are numbers with the halvings of their samples; with samples three
/// standard deviations must lie between.
pub fn reaches_percent(part: (u64, u32), whole: (u64, u32), percent: u64) -> bool {
    let variance = |(number, halvings): (u64, u32)| u128::from(number) * ((1u128 << halvings) - 1);
    let percent = u128::from(percent);
    let (reached, limit) = (u128::from(part.0) * 100, u128::from(whole.0).saturating_mul(percent));
    let spread = variance(part)
        .saturating_mul(10_000)
        .saturating_add(variance(whole).saturating_mul(percent.saturating_pow(2)));
    reached >= limit && (reached - limit).saturating_pow(2) >= spread.saturating_mul(9)
}

/// "about ", for texts, if a number is an estimate.
pub fn about(halvings: u32) -> &'static str {
    if halvings == 0 { "" } else { "about " }
}

/// Bytes of a set that holds anything, and of each fingerprint in it, at the worst load of its table.
const SET_BYTES: usize = 72;
const HASH_BYTES: usize = 22;

/// Reads how often a share was halved; more than the bits of a fingerprint make no sense.
pub fn read_halvings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let halvings = u32::deserialize(deserializer)?;
    if halvings < 64 { Ok(halvings) } else { Err(D::Error::custom("more halvings than bits")) }
}

/// A set of fingerprints under a cap, which the caller names each time and may lower.
///
/// Only fingerprints below a threshold are kept. Over the cap the threshold is halved until the set fits. The number
/// of halvings is the smallest with which all fingerprints ever seen fit, so the state depends neither on their order
/// nor on how parts were merged (adaptive sampling, Flajolet 1990, <https://doi.org/10.1007/BF02241657>). It is never
/// larger for a larger cap, so lowering the cap later leaves what the lower cap would have left from the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeySample {
    hashes: HashSet<u64>,
    #[serde(deserialize_with = "read_halvings")]
    halvings: u32,
}

impl KeySample {
    /// Takes a fingerprint.
    pub fn insert(&mut self, cap: usize, hash: u64) {
        if is_sampled(hash, self.halvings) && self.hashes.insert(hash) {
            self.shrink(cap);
        }
    }

    fn shrink(&mut self, cap: usize) {
        while self.hashes.len() > cap {
            self.halvings += 1;
            let halvings = self.halvings;
            keep_in_set(&mut self.hashes, |hash| is_sampled(*hash, halvings));
        }
    }

    /// Lowers the cap and gives memory back.
    pub fn lower(&mut self, cap: usize) {
        self.shrink(cap);
        self.hashes.shrink_to(cap.min(self.hashes.len()));
    }

    /// Bytes to reckon with under that cap; more fingerprints never make them fewer.
    pub fn weight(&self, cap: usize) -> usize {
        match (self.halvings, self.hashes.len()) {
            (0, 0) => 0,
            (0, held) => SET_BYTES + held * HASH_BYTES,
            _ => SET_BYTES + cap * HASH_BYTES,
        }
    }

    /// Joins two samples.
    pub fn merge(&mut self, cap: usize, other: &KeySample) {
        if other.halvings > self.halvings {
            self.halvings = other.halvings;
            let halvings = self.halvings;
            keep_in_set(&mut self.hashes, |hash| is_sampled(*hash, halvings));
        }
        other.hashes.iter().for_each(|hash| self.insert(cap, *hash));
    }

    /// How many different fingerprints were seen; an estimate unless [`KeySample::is_exact`].
    pub fn distinct(&self) -> u64 {
        (self.hashes.len() as u64) << self.halvings
    }

    /// An empty sample whose share was halved so often, to be filled with the fingerprints of another.
    pub fn halved(halvings: u32) -> KeySample {
        KeySample { halvings, ..KeySample::default() }
    }

    /// The fingerprints that are kept, in order.
    pub fn sorted(&self) -> Vec<u64> {
        let mut hashes: Vec<u64> = self.hashes.iter().copied().collect();
        hashes.sort_unstable();
        hashes
    }

    /// How often the share was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Are there surely so many different ones? A sample under a cap was begun only when there were more than that.
    pub fn reaches(&self, cap: usize, threshold: u64) -> bool {
        (self.halvings > 0 && cap as u64 >= threshold)
            || crosses(self.hashes.len() as u64, self.halvings, threshold)
    }

    /// Was none left out?
    pub fn is_exact(&self) -> bool {
        self.halvings == 0
    }

    /// Is it in the sample?
    pub fn contains(&self, hash: u64) -> bool {
        self.hashes.contains(&hash)
    }

    /// How many fingerprints both samples have; an estimate unless both are exact.
    pub fn distinct_in_both(&self, other: &KeySample) -> u64 {
        let halvings = self.halvings.max(other.halvings);
        let both = self.hashes.iter().filter(|hash| is_sampled(**hash, halvings) && other.hashes.contains(*hash));
        (both.count() as u64) << halvings
    }

    /// How many fingerprints of this sample are not in the other; an estimate unless both are exact.
    pub fn distinct_without(&self, other: &KeySample) -> u64 {
        let halvings = self.halvings.max(other.halvings);
        let both = self.hashes.iter().filter(|hash| is_sampled(**hash, halvings) && !other.hashes.contains(*hash));
        (both.count() as u64) << halvings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    fn state(sample: &KeySample) -> (u32, Vec<u64>) {
        let mut hashes: Vec<u64> = sample.hashes.iter().copied().collect();
        hashes.sort_unstable();
        (sample.halvings, hashes)
    }

    #[test]
    fn a_sample_depends_neither_on_order_nor_on_merges() {
        for keys in [0, 63, 64, 65, 3000] {
            let hashes: Vec<u64> = (0..keys).map(|number| fingerprint(&format!("key {number}"))).collect();
            let mut whole = KeySample::default();
            hashes.iter().for_each(|hash| whole.insert(64, *hash));
            assert_eq!(whole.is_exact(), keys <= 64);
            for seed in 0..6 {
                let mut merged = KeySample::default();
                for part in shuffled(hashes.clone(), seed).chunks(97) {
                    let mut sample = KeySample::default();
                    part.iter().chain(part).for_each(|hash| sample.insert(1024, *hash));
                    merged.merge(128, &sample);
                    merged.lower(64);
                }
                assert_eq!(state(&merged), state(&whole), "{keys} keys, seed {seed}");
            }
        }
    }

    #[test]
    fn the_estimate_is_near_and_exact_below_the_cap() {
        let mut sample = KeySample::default();
        for number in 0..100_000 {
            sample.insert(4096, fingerprint(&format!("some/key/{number}")));
            if number == 4095 {
                assert_eq!(sample.distinct(), 4096);
            }
        }
        assert!((90_000..110_000).contains(&sample.distinct()), "{}", sample.distinct());
        assert_eq!(share(sample.halvings), "1 in 32");
    }

    #[test]
    fn a_difference_is_taken_at_the_smaller_share() {
        let (mut all, mut some) = (KeySample::default(), KeySample::default());
        for number in 0..50 {
            all.insert(64, fingerprint(&number.to_string()));
            if number < 20 {
                some.insert(64, fingerprint(&number.to_string()));
            }
        }
        assert_eq!((all.distinct_without(&some), some.distinct_without(&all)), (30, 0));
    }
}
