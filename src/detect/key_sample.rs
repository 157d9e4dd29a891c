//! How many different keys: exact up to a cap, then an estimate from a sample.

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// Fingerprint of a text, the same in every run.
pub fn fingerprint(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Is a fingerprint still in a sample whose share was halved so many times?
pub fn is_sampled(hash: u64, halvings: u32) -> bool {
    halvings == 0 || hash.checked_shr(64 - halvings).unwrap_or(0) == 0
}

/// "all" or "1 in 8", for alerts.
pub fn share(halvings: u32) -> String {
    if halvings == 0 { "all".to_owned() } else { format!("1 in {}", 1u64 << halvings.min(63)) }
}

/// A set of fingerprints under a cap.
///
/// Only fingerprints below a threshold are kept. Over the cap the threshold is halved until the set fits. The number
/// of halvings is the smallest with which all fingerprints ever seen fit, so the state depends neither on their order
/// nor on how parts were merged (adaptive sampling, Flajolet 1990, <https://doi.org/10.1007/BF02241657>).
#[derive(Clone, Debug, Default)]
pub struct KeySample<const CAP: usize> {
    hashes: HashSet<u64>,
    halvings: u32,
}

impl<const CAP: usize> KeySample<CAP> {
    /// Takes a fingerprint.
    pub fn insert(&mut self, hash: u64) {
        if is_sampled(hash, self.halvings) && self.hashes.insert(hash) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        while self.hashes.len() > CAP {
            self.halvings += 1;
            let halvings = self.halvings;
            self.hashes.retain(|hash| is_sampled(*hash, halvings));
        }
    }

    /// Joins two samples.
    pub fn merge(&mut self, other: &KeySample<CAP>) {
        if other.halvings > self.halvings {
            self.halvings = other.halvings;
            let halvings = self.halvings;
            self.hashes.retain(|hash| is_sampled(*hash, halvings));
        }
        other.hashes.iter().for_each(|hash| self.insert(*hash));
    }

    /// How many different fingerprints were seen; an estimate unless [`KeySample::is_exact`].
    pub fn distinct(&self) -> u64 {
        (self.hashes.len() as u64) << self.halvings
    }

    /// Was none left out?
    pub fn is_exact(&self) -> bool {
        self.halvings == 0
    }

    /// How often the share was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Is it in the sample?
    pub fn contains(&self, hash: u64) -> bool {
        self.hashes.contains(&hash)
    }

    /// How many fingerprints of this sample are not in the other; an estimate unless both are exact.
    pub fn distinct_without(&self, other: &KeySample<CAP>) -> u64 {
        let halvings = self.halvings.max(other.halvings);
        let both = self.hashes.iter().filter(|hash| is_sampled(**hash, halvings) && !other.hashes.contains(*hash));
        (both.count() as u64) << halvings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::shuffled;

    fn state<const CAP: usize>(sample: &KeySample<CAP>) -> (u32, Vec<u64>) {
        let mut hashes: Vec<u64> = sample.hashes.iter().copied().collect();
        hashes.sort_unstable();
        (sample.halvings, hashes)
    }

    #[test]
    fn a_sample_depends_neither_on_order_nor_on_merges() {
        for keys in [0, 63, 64, 65, 3000] {
            let hashes: Vec<u64> = (0..keys).map(|number| fingerprint(&format!("key {number}"))).collect();
            let mut whole = KeySample::<64>::default();
            hashes.iter().for_each(|hash| whole.insert(*hash));
            assert_eq!(whole.is_exact(), keys <= 64);
            for seed in 0..6 {
                let mut merged = KeySample::default();
                for part in shuffled(hashes.clone(), seed).chunks(97) {
                    let mut sample = KeySample::<64>::default();
                    part.iter().chain(part).for_each(|hash| sample.insert(*hash));
                    merged.merge(&sample);
                }
                assert_eq!(state(&merged), state(&whole), "{keys} keys, seed {seed}");
            }
        }
    }

    #[test]
    fn the_estimate_is_near_and_exact_below_the_cap() {
        let mut sample = KeySample::<4096>::default();
        for number in 0..100_000 {
            sample.insert(fingerprint(&format!("some/key/{number}")));
            if number == 4095 {
                assert_eq!(sample.distinct(), 4096);
            }
        }
        assert!((90_000..110_000).contains(&sample.distinct()), "{}", sample.distinct());
        assert_eq!(share(sample.halvings()), "1 in 32");
    }

    #[test]
    fn a_difference_is_taken_at_the_smaller_share() {
        let (mut all, mut some) = (KeySample::<64>::default(), KeySample::<64>::default());
        for number in 0..50 {
            all.insert(fingerprint(&number.to_string()));
            if number < 20 {
                some.insert(fingerprint(&number.to_string()));
            }
        }
        assert_eq!((all.distinct_without(&some), some.distinct_without(&all)), (30, 0));
    }
}
