//! How long logs take to arrive: the time in a file's name against the times of its records.

use crate::export::LogPath;
use crate::parse::LogType;
use crate::parse::time::{compact_time, iso_time};

/// When a file was delivered, seconds since 1970 UTC, as far as its name tells.
///
/// CloudTrail: `…_20260304T1015Z_…`. Access logs: `…2026-03-04-10-15-22-UNIQUE`; in the date-based layout the time
/// `00-00-00` stands for the day of the events and tells nothing.
pub fn delivered_s(path: &str, log: LogType) -> Option<i64> {
    let name = path.rsplit('/').next().unwrap_or_default();
    match log {
        LogType::CloudTrail => name.split('_').find_map(compact_time).map(|time| time.div_euclid(1000)),
        LogType::S3Access => {
            let (seconds, is_midnight) = second_of_access_log(name.as_bytes())?;
            let is_by_date = || LogPath::of_access_log(path).account_id.is_some();
            (!is_midnight || !is_by_date()).then_some(seconds)
        }
    }
}

/// Length of `2026-03-04-10-15-22-` and of the least that may stand behind it.
const STAMP: usize = 20;
const UNIQUE: usize = 8;

/// The last `2026-03-04-10-15-22-UNIQUE` in a name, and whether its time is midnight; a prefix may touch it.
fn second_of_access_log(name: &[u8]) -> Option<(i64, bool)> {
    let starts = (0..=name.len().checked_sub(STAMP + UNIQUE)?).rev();
    starts.into_iter().find_map(|start| {
        let (stamp, rest) = name[start..].split_at(STAMP);
        let is_stamp = stamp.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 | 10 | 13 | 16 | 19 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        if !is_stamp || !rest[..UNIQUE].iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let clock = [&stamp[11..13], b":", &stamp[14..16], b":", &stamp[17..19]].concat();
        let text = [&stamp[..10], b"T", &clock, b"Z"].concat();
        Some((iso_time(&text)?.div_euclid(1000), clock == b"00:00:00"))
    })
}

/// Seconds up to which each has a slot of its own; beyond, sixteen slots double the time.
const EXACT: u32 = 16;

/// How many records took how long, in slots of a sixteenth of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Slot and records, by slot.
    slots: Vec<(u16, u32)>,
    max_s: u32,
}

/// Names of CloudTrail's files have no seconds.
const ROUNDED_S: i64 = 60;

impl Delays {
    /// A record that happened at `event_s` in a file of `delivered_s`. One that is older than what it tells of has been
    /// renamed, and says nothing.
    pub fn see(&mut self, event_s: i64, delivered_s: i64) {
        let delay = delivered_s - event_s;
        if delay < -ROUNDED_S {
            return;
        }
        let delay = u32::try_from(delay.max(0)).unwrap_or(u32::MAX);
        self.max_s = self.max_s.max(delay);
        self.add(slot(delay), 1);
    }

    fn add(&mut self, slot: u16, count: u32) {
        match self.slots.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(at) => self.slots[at].1 = self.slots[at].1.saturating_add(count),
            Err(at) => self.slots.insert(at, (slot, count)),
        }
    }

    /// How many slots have records.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Was nothing seen?
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Leaves one slot for each doubling.
    pub fn coarsen(&mut self) {
        for (slot, count) in std::mem::take(&mut self.slots) {
            self.add(if u32::from(slot) < EXACT { slot } else { slot | 15 }, count);
        }
        self.slots.shrink_to_fit();
    }

    /// Adds the records of another.
    pub fn merge(&mut self, other: &Delays) {
        other.slots.iter().for_each(|(slot, count)| self.add(*slot, *count));
        self.max_s = self.max_s.max(other.max_s);
    }

    /// The longest, in seconds.
    pub fn max_s(&self) -> Option<u32> {
        (!self.is_empty()).then_some(self.max_s)
    }

    /// What so many of 100 records do not exceed, in seconds, at most a sixteenth too much.
    pub fn percentile_s(&self, percent: u64) -> Option<u32> {
        let all: u64 = self.slots.iter().map(|(_, count)| u64::from(*count)).sum();
        let rank = (all * percent).div_ceil(100).max(1);
        let mut below = 0;
        let reached = self.slots.iter().find(|(_, count)| {
            below += u64::from(*count);
            below >= rank
        })?;
        Some(largest_of(reached.0).min(self.max_s))
    }
}

fn slot(seconds: u32) -> u16 {
    if seconds < EXACT {
        return seconds as u16;
    }
    let doublings = seconds.ilog2() - 3;
    (doublings * 16 + (seconds >> (doublings - 1) & 15)) as u16
}

fn largest_of(slot: u16) -> u32 {
    let (doublings, place) = (u32::from(slot) / 16, u64::from(slot) % 16);
    if doublings == 0 {
        return place as u32;
    }
    u32::try_from(((16 + place + 1) << (doublings - 1)) - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_when_its_file_was_delivered() {
        let at = |text: &str| iso_time(text.as_bytes()).map(|time| time / 1000);
        for (path, log, expected) in [
            ("2026-03-04-10-15-22-0A1B2C3D4E5F6071", LogType::S3Access, at("2026-03-04T10:15:22Z")),
            ("p/emr2021-11-08-13-11-29-EF8B6D12325F2C6C.gz", LogType::S3Access, at("2021-11-08T13:11:29Z")),
            ("2026-03-04-00-00-00-0A1B2C3D4E5F6071", LogType::S3Access, at("2026-03-04T00:00:00Z")),
            (
                "111122223333/us-east-1/b-1/2026/03/04/2026-03-04-00-00-00-0A1B2C3D4E5F6071",
                LogType::S3Access,
                None,
            ),
            ("2026-03-04-25-15-22-0A1B2C3D4E5F6071", LogType::S3Access, None),
            ("2026-03-04.log", LogType::S3Access, None),
            ("", LogType::S3Access, None),
            (
                "x/111122223333_CloudTrail_us-east-1_20260304T1015Z_Gs5Tu7Vw9Xy3Za4B.json.gz",
                LogType::CloudTrail,
                at("2026-03-04T10:15:00Z"),
            ),
            ("x/111122223333_CloudTrail_us-east-1_20261304T1015Z_G.json.gz", LogType::CloudTrail, None),
            ("events.json", LogType::CloudTrail, None),
        ] {
            assert_eq!(delivered_s(path, log), expected, "{path}");
        }
    }

    #[test]
    fn slots_follow_each_other_and_hold_a_sixteenth() {
        let mut last = 0;
        for seconds in (0..5000).chain([1 << 20, u32::MAX - 1, u32::MAX]) {
            let slot = slot(seconds);
            assert!(slot >= last && largest_of(slot) >= seconds, "{seconds}");
            assert!(u64::from(largest_of(slot)) * 16 <= u64::from(seconds) * 17, "{seconds}");
            last = slot;
        }
    }

    #[test]
    fn percentiles_are_those_of_the_records() {
        let mut delays = Delays::default();
        (1..=100).for_each(|delay| delays.see(1000 - delay, 1000));
        delays.see(5000, 1000);
        assert_eq!(
            (delays.percentile_s(50), delays.percentile_s(95), delays.max_s()),
            (Some(51), Some(95), Some(100))
        );
        delays.coarsen();
        assert_eq!((delays.percentile_s(50), delays.percentile_s(95)), (Some(63), Some(100)));
        assert_eq!(Delays::default().percentile_s(50), None);
    }
}
