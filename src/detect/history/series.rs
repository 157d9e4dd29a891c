//! One caller's requests over time, and the windows that are read from them.

use super::Minute;
use super::pairs::Both;
use super::slots::Slots;
use crate::detect::key_sample::crosses;
use hashbrown::HashMap;
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

/// A load of one minute or grain, in few bytes: there are many of them.
#[derive(Clone, Copy)]
struct Slot {
    requests: u32,
    reads: u32,
    writes: u32,
    lists: u32,
    bytes: u64,
}

impl Slot {
    /// One caller does not do 2^32 things in a minute; counts stay there.
    fn of(load: &Load) -> Slot {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let Load { requests, reads, bytes, writes, lists } = *load;
        let [requests, reads, writes, lists] = [requests, reads, writes, lists].map(count);
        Slot { requests, reads, writes, lists, bytes }
    }

    fn load(&self) -> Load {
        let Slot { requests, reads, writes, lists, bytes } = *self;
        let [requests, reads, writes, lists] = [requests, reads, writes, lists].map(u64::from);
        Load { requests, reads, bytes, writes, lists }
    }
}

/// One caller's requests in one bucket, in the order of time. Minutes are those since 1970 UTC.
pub struct Series {
    slots: Vec<(u32, Slot)>,
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
        let mut minutes: Vec<(u32, [Minute; 2])> = Vec::with_capacity(counts.count());
        for ((minute, log), counts) in counts.iter() {
            if minutes.last().is_none_or(|(last, _)| last != minute) {
                minutes.push((*minute, Default::default()));
            }
            minutes.last_mut().into_iter().for_each(|(_, logs)| logs[usize::from(*log).min(1)] = *counts);
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
            (*minute, Slot::of(&load))
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
        self.slots.iter().for_each(|(_, slot)| total.add(&slot.load()));
        total
    }

    /// First and last minute.
    pub fn span(&self) -> Option<RangeInclusive<u32>> {
        Some(self.slots.first()?.0..=self.slots.last()?.0 + self.grain - 1)
    }

    /// What a range of minutes holds.
    pub fn within(&self, minutes: &RangeInclusive<u32>) -> Load {
        let mut load = Load::default();
        inside(&self.slots, minutes).iter().for_each(|(_, slot)| load.add(&slot.load()));
        load
    }

    /// Reads by minute and log.
    pub fn reads_by_minute(&self) -> &[(u32, [u32; 2])] {
        &self.per_log
    }

    /// Reads in a range of minutes, by log.
    pub fn reads_by_log(&self, minutes: &RangeInclusive<u32>) -> [u64; 2] {
        let add = |sum: [u64; 2], reads: [u32; 2]| [sum[0] + u64::from(reads[0]), sum[1] + u64::from(reads[1])];
        inside(&self.per_log, minutes).iter().fold([0; 2], |sum, (_, reads)| add(sum, *reads))
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
        different(inside(&self.keys, minutes), &mut Vec::new()) << self.key_halvings
    }

    /// The value of every clock window of so many minutes in which anything happened, in the order of time.
    pub fn windows(&self, length: u32, value: impl Fn(&Load) -> u64) -> Vec<(u32, u64)> {
        let sum = |slots: &[(u32, Slot)]| {
            let mut sum = Load::default();
            slots.iter().for_each(|(_, slot)| sum.add(&slot.load()));
            sum
        };
        by_window(&self.slots, length).map(|(start, slots)| (start, value(&sum(slots)))).collect()
    }

    /// Different keys of every clock window of so many minutes in which any was read, in the order of time.
    pub fn key_windows(&self, length: u32) -> Vec<(u32, u64)> {
        let mut buffer = Vec::new();
        let windows = by_window(&self.keys, length);
        windows.map(|(start, keys)| (start, different(keys, &mut buffer) << self.key_halvings)).collect()
    }

    /// The sliding windows of so many minutes whose value is at least `least`, overlapping ones joined, oldest first.
    pub fn bursts(&self, length: u32, least: u64, value: impl Fn(&Load) -> u64) -> Vec<Burst> {
        let length = length.max(self.grain);
        let mut bursts = Vec::new();
        let (mut sum, mut oldest) = (Load::default(), 0);
        for (minute, slot) in &self.slots {
            sum.add(&slot.load());
            while self.slots[oldest].0 + length <= *minute {
                sum.remove(&self.slots[oldest].1.load());
                oldest += 1;
            }
            if value(&sum) >= least.max(1) {
                join(&mut bursts, self.slots[oldest].0..=*minute + self.grain - 1, value(&sum));
            }
        }
        bursts
    }

    /// The sliding windows of so many minutes with at least so many different keys, overlapping ones joined.
    pub fn key_bursts(&self, length: u32, least: u64) -> Vec<Burst> {
        let mut bursts = Vec::new();
        // No window holds more than there is.
        if !crosses(self.keys.len() as u64, self.key_halvings, least) {
            return bursts;
        }
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
            if crosses(sampled, self.key_halvings, least) {
                join(&mut bursts, self.keys[oldest].0..=minute, sampled << self.key_halvings);
            }
        }
        bursts
    }
}

/// What lies in a range of minutes, of a list in the order of time.
fn inside<'a, T>(all: &'a [(u32, T)], minutes: &RangeInclusive<u32>) -> &'a [(u32, T)] {
    let start = all.partition_point(|(minute, _)| minute < minutes.start());
    let end = all.partition_point(|(minute, _)| minute <= minutes.end());
    &all[start..end.max(start)]
}

/// The clock windows of so many minutes in which there is something, each by its first minute, of a list in the order of
/// time.
fn by_window<T>(all: &[(u32, T)], length: u32) -> impl Iterator<Item = (u32, &[(u32, T)])> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let start = rest.first()?.0 / length * length;
        let count = rest.iter().take_while(|(minute, _)| minute.wrapping_sub(start) < length).count();
        let (window, later) = rest.split_at(count);
        rest = later;
        Some((start, window))
    })
}

/// How many different keys there are in a list in the order of minutes and keys. Most lists are of one key or one minute,
/// and `buffer` is used again.
fn different(keys: &[(u32, u64)], buffer: &mut Vec<u64>) -> u64 {
    if keys.first().map(|(minute, _)| minute) == keys.last().map(|(minute, _)| minute) {
        return keys.len() as u64;
    }
    buffer.clear();
    buffer.extend(keys.iter().map(|(_, key)| *key));
    buffer.sort_unstable();
    buffer.dedup();
    buffer.len() as u64
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn windows_and_ranges_hold_what_their_definitions_say(
            slots in prop::collection::btree_map((0u32..90, 0u8..2), 1u32..9, 0..40),
            keys in prop::collection::vec((0u32..90, 0u64..12), 0..60),
            (length, start, more) in (prop::sample::select(vec![1u32, 5, 10, 60]), 0u32..90, 0u32..60),
        ) {
            let mut counts = Slots::default();
            let minute = |reads: u32| Minute { requests: 2 * reads, reads, ..Minute::default() };
            counts.take(slots.iter().map(|(slot, reads)| (*slot, minute(*reads))), |_, _| ());
            let series = Series::of(&counts, &[], keys.clone(), 1, (0, 0));
            let (mut reads, mut different) = (BTreeMap::<u32, u64>::new(), BTreeMap::<u32, BTreeSet<u64>>::new());
            // No request is in both logs.
            slots.iter().for_each(|((minute, _), count)| {
                *reads.entry(minute / length * length).or_default() += u64::from(*count);
            });
            keys.iter().for_each(|(minute, key)| {
                different.entry(minute / length * length).or_default().insert(*key);
            });
            let different = different.into_iter().map(|(minute, keys)| (minute, keys.len() as u64));
            prop_assert_eq!(series.windows(length, |load| load.reads), reads.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(series.key_windows(length), different.collect::<Vec<_>>());
            let range = start..=start + more;
            let within = |log: u8| {
                let slots = slots.iter().filter(|((minute, of), _)| *of == log && range.contains(minute));
                slots.map(|(_, reads)| u64::from(*reads)).sum::<u64>()
            };
            prop_assert_eq!(series.reads_by_log(&range), [within(0), within(1)]);
            prop_assert_eq!(series.within(&range).requests, 2 * (within(0) + within(1)));
            let keys: BTreeSet<u64> =
                keys.into_iter().filter(|(minute, _)| range.contains(minute)).map(|(_, key)| key).collect();
            prop_assert_eq!(series.keys_within(&range), keys.len() as u64);
        }
    }
}
