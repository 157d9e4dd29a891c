//! Which records were seen before: exact, in memory by day, spilled to disk over a budget.

use hashbrown::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Fingerprints of a spilled page.
const PAGE: usize = 256;

/// Bytes of memory an entry of a hash set takes at most: 16 of value and 1 of control at a load of 7/16 or more.
const ENTRY_BYTES: usize = 40;

/// Remembers 128-bit fingerprints of records and tells repeats. Records of one day are remembered together: logs come
/// roughly in the order of time, so that over budget the days not asked for lately are written to unnamed files,
/// sorted, with one fingerprint in 256 kept in memory to find the page.
pub struct Seen {
    days: HashMap<i64, Day>,
    budget_entries: usize,
    entries: usize,
    clock: u64,
    incomplete: u64,
}

#[derive(Default)]
struct Day {
    recent: HashSet<u128>,
    spilled: Vec<Run>,
    last_used: u64,
}

struct Run {
    file: File,
    first_of_page: Vec<u128>,
    entries: usize,
}

impl Seen {
    /// Keeps about `budget_bytes` of fingerprints in memory.
    pub fn new(budget_bytes: usize) -> Seen {
        let budget_entries = (budget_bytes / ENTRY_BYTES).max(1);
        Seen { days: HashMap::new(), budget_entries, entries: 0, clock: 0, incomplete: 0 }
    }

    /// Is this the first time? `day` is any number that copies of the record share.
    pub fn first_time(&mut self, day: i64, fingerprint: u128) -> bool {
        self.clock += 1;
        let entry = self.days.entry(day).or_default();
        entry.last_used = self.clock;
        if entry.recent.contains(&fingerprint) {
            return false;
        }
        for run in &mut entry.spilled {
            match run.holds(fingerprint) {
                Ok(true) => return false,
                Ok(false) => {}
                Err(_) => self.incomplete += 1,
            }
        }
        entry.recent.insert(fingerprint);
        self.entries += 1;
        if self.entries > self.budget_entries {
            self.spill();
        }
        true
    }

    /// Records that could not be compared with all others because a spill file failed.
    pub fn incomplete(&self) -> u64 {
        self.incomplete
    }

    /// Writes the day that was not asked for the longest to disk. If that fails its fingerprints are lost, and counted.
    fn spill(&mut self) {
        let oldest = self.days.values_mut().filter(|day| !day.recent.is_empty()).min_by_key(|day| day.last_used);
        let Some(day) = oldest else { return };
        let recent = std::mem::take(&mut day.recent);
        self.entries -= recent.len();
        let count = recent.len() as u64;
        match Run::write(recent) {
            Ok(run) => day.spilled.push(run),
            Err(_) => self.incomplete += count,
        }
    }
}

impl Run {
    fn write(recent: HashSet<u128>) -> io::Result<Run> {
        let mut sorted: Vec<u128> = recent.into_iter().collect();
        sorted.sort_unstable();
        let bytes: Vec<u8> = sorted.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
        let mut file = tempfile::tempfile()?;
        file.write_all(&bytes)?;
        let first_of_page = sorted.iter().step_by(PAGE).copied().collect();
        Ok(Run { file, first_of_page, entries: sorted.len() })
    }

    fn holds(&mut self, fingerprint: u128) -> io::Result<bool> {
        let after = self.first_of_page.partition_point(|first| *first <= fingerprint);
        let Some(page) = after.checked_sub(1) else { return Ok(false) };
        let entries = PAGE.min(self.entries - page * PAGE);
        let mut bytes = vec![0; entries * 16];
        self.file.seek(SeekFrom::Start((page * PAGE * 16) as u64))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes.chunks_exact(16).any(|entry| entry == fingerprint.to_le_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_told_in_memory_and_on_disk_alike() {
        for budget_bytes in [1 << 20, 100 * ENTRY_BYTES, ENTRY_BYTES] {
            let mut seen = Seen::new(budget_bytes);
            let count: u128 = if budget_bytes == ENTRY_BYTES { 100 } else { 5000 };
            for round in 0..3 {
                for number in 0..count {
                    let fingerprint = number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
                    assert_eq!(seen.first_time((number % 7) as i64, fingerprint), round == 0, "{number}");
                }
            }
            assert!(seen.first_time(0, u128::MAX));
            assert_eq!(seen.incomplete(), 0);
        }
    }
}
