//! One caller's requests over time, and the windows that are read from them.

use super::Minute;
use super::pairs::Both;
use super::slots::Slots;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a stretch of time holds, each request once whichever log shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests of any kind and outcome.
    pub requests: u64,
    /// Reads that were done.
    pub reads: u64,
    /// Bytes that these sent.
    pub bytes: u64,
    /// Objects that were written; of two logs the larger number.
    pub writes: u64,
    /// Lists of objects; the same.
    pub lists: u64,
}

impl Load {
    fn add(&mut self, other: &Load) {
        self.requests += other.requests;
        self.reads += other.reads;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.writes += other.writes;
        self.lists += other.lists;
    }

    fn remove(&mut self, other: &Load) {
        self.requests -= other.requests;
        self.reads -= other.reads;
        self.bytes = self.bytes.saturating_sub(other.bytes);
        self.writes -= other.writes;
        self.lists -= other.lists;
    }
}

/// What one minute or grain holds, in few bytes: there are many of them.
#[derive(Clone, Copy)]
struct Slot {
    minute: u32,
    requests: u32,
    reads: u32,
    writes: u32,
    lists: u32,
    bytes: u64,
}

impl Slot {
    /// One caller does not do 2^32 things in a minute; beyond that counts stay there.
    fn of(minute: u32, load: &Load) -> Slot {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let Load { requests, reads, bytes, writes, lists } = *load;
        let [requests, reads, writes, lists] = [requests, reads, writes, lists].map(count);
        Slot { minute, requests, reads, writes, lists, bytes }
    }

    fn load(&self) -> Load {
        let Slot { requests, reads, writes, lists, bytes, .. } = *self;
        let [requests, reads, writes, lists] = [requests, reads, writes, lists].map(u64::from);
        Load { requests, reads, bytes, writes, lists }
    }
}

/// One caller's requests in one bucket, in the order of time. Minutes are those since 1970 UTC.
pub struct Series {
    slots: Vec<Slot>,
    per_log: Vec<(u32, [u32; 2])>,
    keys: Vec<(u32, u64)>,
    grain: u32,
    key_halvings: u32,
}

/// A window that stands out, and those that overlap with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// First and last minute.
    pub minutes: RangeInclusive<u32>,
    /// The largest value of one window.
    pub peak: u64,
}

impl Series {
    pub(super) fn of(
        counts: &Slots<Minute>,
        both: &[Both],
        mut keys: Vec<(u32, u64)>,
        grain: u32,
        (key_halvings, pair_halvings): (u32, u32),
    ) -> Series {
        let mut shared: HashMap<u32, Load> = HashMap::new();
        for pair in both {
            let bytes = pair.read.unwrap_or(0);
            let load = Load { requests: 1, reads: u64::from(pair.read.is_some()), bytes, ..Load::default() };
            shared.entry(pair.minute / grain * grain).or_default().add(&load);
        }
        let mut minutes: BTreeMap<u32, [Minute; 2]> = BTreeMap::new();
        for ((minute, log), counts) in counts.iter() {
            minutes.entry(*minute).or_default()[usize::from(*log).min(1)] = *counts;
        }
        let slots = minutes.iter().map(|(minute, [access, trail])| {
            let both = shared.get(minute).copied().unwrap_or_default();
            let once = |access: u64, trail: u64, both: u64| {
                access
                    .saturating_add(trail.saturating_sub(both.saturating_mul(1 << pair_halvings.min(63))))
                    .max(trail)
            };
            let load = Load {
                requests: once(access.requests.into(), trail.requests.into(), both.requests),
                reads: once(access.reads.into(), trail.reads.into(), both.reads),
                bytes: once(access.bytes, trail.bytes, both.bytes),
                writes: access.writes.max(trail.writes).into(),
                lists: access.lists.max(trail.lists).into(),
            };
            Slot::of(*minute, &load)
        });
        let slots = slots.collect();
        let per_log = minutes.iter().map(|(minute, logs)| (*minute, logs.map(|counts| counts.reads))).collect();
        keys.sort_unstable();
        keys.dedup();
        Series { slots, per_log, keys, grain, key_halvings }
    }

    /// Minutes that are counted as one.
    pub fn grain(&self) -> u32 {
        self.grain
    }

    /// Halvings of the sample of keys.
    pub fn key_halvings(&self) -> u32 {
        self.key_halvings
    }

    /// Everything.
    pub fn total(&self) -> Load {
        let mut total = Load::default();
        self.slots.iter().for_each(|slot| total.add(&slot.load()));
        total
    }

    /// First and last minute.
    pub fn span(&self) -> Option<RangeInclusive<u32>> {
        Some(self.slots.first()?.minute..=self.slots.last()?.minute + self.grain - 1)
    }

    /// What a range of minutes holds.
    pub fn within(&self, minutes: &RangeInclusive<u32>) -> Load {
        let mut load = Load::default();
        let inside = self.slots.iter().filter(|slot| minutes.contains(&slot.minute));
        inside.for_each(|slot| load.add(&slot.load()));
        load
    }

    /// Reads by minute and log.
    pub fn reads_by_minute(&self) -> &[(u32, [u32; 2])] {
        &self.per_log
    }

    /// Reads in a range of minutes, by log.
    pub fn reads_by_log(&self, minutes: &RangeInclusive<u32>) -> [u64; 2] {
        let inside = self.per_log.iter().filter(|(minute, _)| minutes.contains(minute));
        inside.fold([0; 2], |sum, (_, reads)| [sum[0] + u64::from(reads[0]), sum[1] + u64::from(reads[1])])
    }

    /// Minute and fingerprint of the keys that were read; of a sample, after [`Self::key_halvings`].
    pub fn keys(&self) -> &[(u32, u64)] {
        &self.keys
    }

    /// How many different keys were read in all.
    pub fn distinct_keys(&self) -> u64 {
        self.keys_within(&(0..=u32::MAX))
    }

    /// How many different keys were read in a range of minutes.
    pub fn keys_within(&self, minutes: &RangeInclusive<u32>) -> u64 {
        let start = self.keys.partition_point(|(minute, _)| minute < minutes.start());
        let inside = self.keys[start..].iter().take_while(|(minute, _)| minute <= minutes.end());
        let mut keys: Vec<u64> = inside.map(|(_, key)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        (keys.len() as u64) << self.key_halvings
    }

    /// The value of every clock window of so many minutes in which anything happened, in the order of time.
    pub fn windows(&self, length: u32, value: impl Fn(&Load) -> u64) -> Vec<(u32, u64)> {
        let mut windows: Vec<(u32, Load)> = Vec::new();
        for slot in &self.slots {
            let window = slot.minute / length * length;
            match windows.last_mut().filter(|(last, _)| *last == window) {
                Some((_, sum)) => sum.add(&slot.load()),
                None => windows.push((window, slot.load())),
            }
        }
        windows.iter().map(|(minute, load)| (*minute, value(load))).collect()
    }

    /// Different keys of every clock window of so many minutes in which any was read, in the order of time.
    pub fn key_windows(&self, length: u32) -> Vec<(u32, u64)> {
        let mut windows = Vec::new();
        for keys in self.keys.chunk_by(|left, right| left.0 / length == right.0 / length) {
            let mut different: Vec<u64> = keys.iter().map(|(_, key)| *key).collect();
            different.sort_unstable();
            different.dedup();
            windows.push((keys[0].0 / length * length, (different.len() as u64) << self.key_halvings));
        }
        windows
    }

    /// The sliding windows of so many minutes whose value is at least `least`, overlapping ones joined, oldest first.
    pub fn bursts(&self, length: u32, least: u64, value: impl Fn(&Load) -> u64) -> Vec<Burst> {
        let length = length.max(self.grain);
        let mut bursts = Vec::new();
        let (mut sum, mut oldest) = (Load::default(), 0);
        for slot in &self.slots {
            sum.add(&slot.load());
            while self.slots[oldest].minute + length <= slot.minute {
                sum.remove(&self.slots[oldest].load());
                oldest += 1;
            }
            if value(&sum) >= least.max(1) {
                join(&mut bursts, self.slots[oldest].minute..=slot.minute + self.grain - 1, value(&sum));
            }
        }
        bursts
    }

    /// The sliding windows of so many minutes with at least so many different keys, overlapping ones joined.
    pub fn key_bursts(&self, length: u32, least: u64) -> Vec<Burst> {
        let mut bursts = Vec::new();
        let (mut inside, mut oldest) = (HashMap::<u64, u32>::new(), 0);
        for keys in self.keys.chunk_by(|left, right| left.0 == right.0) {
            let minute = keys[0].0;
            keys.iter().for_each(|(_, key)| *inside.entry(*key).or_default() += 1);
            while self.keys[oldest].0 + length <= minute {
                if let Some(count) = inside.get_mut(&self.keys[oldest].1) {
                    *count -= 1;
                    if *count == 0 {
                        inside.remove(&self.keys[oldest].1);
                    }
                }
                oldest += 1;
            }
            let sampled = inside.len() as u64;
            if super::super::key_sample::crosses(sampled, self.key_halvings, least) {
                join(&mut bursts, self.keys[oldest].0..=minute, sampled << self.key_halvings);
            }
        }
        bursts
    }
}

fn join(bursts: &mut Vec<Burst>, minutes: RangeInclusive<u32>, value: u64) {
    match bursts.last_mut().filter(|last| last.minutes.end() >= minutes.start()) {
        Some(last) => {
            last.minutes = *last.minutes.start()..=*minutes.end();
            last.peak = last.peak.max(value);
        }
        None => bursts.push(Burst { minutes, peak: value }),
    }
}
