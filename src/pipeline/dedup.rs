//! Which records were seen before: exact, in memory by day, spilled to disk over a budget.

use hashbrown::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Fingerprints of a spilled page.
const PAGE: usize = 256;

/// Bytes of memory an entry of a hash set takes at most: 16 of value and 1 of control at a load of 7/16 or more.
const ENTRY_BYTES: usize = 40;

/// Groups of days that are remembered together. Crafted dates cannot make more.
const GROUPS: i64 = 1024;

/// Remembers 128-bit fingerprints of records and tells repeats. Records of one day are remembered together: logs come
/// roughly in the order of time, so that over budget the days not asked for lately go to one unnamed file, sorted, with
/// one fingerprint in 256 kept in memory to find the page.
pub struct Seen {
    groups: HashMap<i64, Group>,
    file: Option<File>,
    file_length: u64,
    budget_entries: usize,
    entries: usize,
    clock: u64,
    incomplete: u64,
}

#[derive(Default)]
struct Group {
    recent: HashSet<u128>,
    spilled: Vec<Run>,
    last_used: u64,
}

/// A sorted stretch of the file.
struct Run {
    offset: u64,
    entries: usize,
    first_of_page: Vec<u128>,
}

impl Seen {
    /// Keeps about `budget_bytes` of fingerprints in memory.
    pub fn new(budget_bytes: usize) -> Seen {
        let budget_entries = (budget_bytes / ENTRY_BYTES).max(1);
        let groups = HashMap::new();
        Seen { groups, file: None, file_length: 0, budget_entries, entries: 0, clock: 0, incomplete: 0 }
    }

    /// Is this the first time? `day` is any number that copies of the record share.
    pub fn first_time(&mut self, day: i64, fingerprint: u128) -> bool {
        self.clock += 1;
        let group = self.groups.entry(day.rem_euclid(GROUPS)).or_default();
        group.last_used = self.clock;
        if let Some(file) = &mut self.file
            && !group.recent.contains(&fingerprint)
        {
            for run in &group.spilled {
                match run.holds(file, fingerprint) {
                    Ok(true) => return false,
                    Ok(false) => {}
                    Err(_) => self.incomplete += 1,
                }
            }
        }
        if !group.recent.insert(fingerprint) {
            return false;
        }
        self.entries += 1;
        if self.entries > self.budget_entries {
            self.spill();
        }
        true
    }

    /// Records that could not be compared with all others because the spill file failed.
    pub fn incomplete(&self) -> u64 {
        self.incomplete
    }

    /// Writes the groups that were not asked for the longest to disk until half of the budget is free. If that fails
    /// their fingerprints are lost, and counted.
    fn spill(&mut self) {
        let mut groups: Vec<&mut Group> =
            self.groups.values_mut().filter(|group| !group.recent.is_empty()).collect();
        groups.sort_unstable_by_key(|group| group.last_used);
        for group in groups {
            if self.entries <= self.budget_entries / 2 {
                break;
            }
            let recent = std::mem::take(&mut group.recent);
            self.entries -= recent.len();
            let count = recent.len() as u64;
            match Run::write(&mut self.file, self.file_length, recent) {
                Ok(run) => {
                    self.file_length += count * 16;
                    group.spilled.push(run);
                }
                Err(_) => self.incomplete += count,
            }
        }
    }
}

impl Run {
    fn write(file: &mut Option<File>, offset: u64, recent: HashSet<u128>) -> io::Result<Run> {
        let mut sorted: Vec<u128> = recent.into_iter().collect();
        sorted.sort_unstable();
        let file = match file {
            Some(file) => file,
            None => file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(offset))?;
        for page in sorted.chunks(PAGE) {
            let bytes: Vec<u8> = page.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
            file.write_all(&bytes)?;
        }
        let first_of_page = sorted.iter().step_by(PAGE).copied().collect();
        Ok(Run { offset, entries: sorted.len(), first_of_page })
    }

    fn holds(&self, file: &mut File, fingerprint: u128) -> io::Result<bool> {
        let after = self.first_of_page.partition_point(|first| *first <= fingerprint);
        let Some(page) = after.checked_sub(1) else { return Ok(false) };
        let entries = PAGE.min(self.entries - page * PAGE);
        let mut bytes = [0; PAGE * 16];
        let bytes = &mut bytes[..entries * 16];
        file.seek(SeekFrom::Start(self.offset + (page * PAGE * 16) as u64))?;
        file.read_exact(bytes)?;
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
