//! Who takes part in a timeline, told at its end: since when, callers, access keys and addresses.

use super::event::{Event, column};
use crate::parse::time::format_iso;
use crate::report::count::{first_of, grouped};
use std::collections::BTreeMap;

/// Different names of a kind that are counted.
const MOST: usize = 1_000;

/// The kinds: column, one, many.
const KINDS: [(usize, &str, &str); 3] = [
    (column("principal"), "caller", "callers"),
    (column("access_key_id"), "access key", "access keys"),
    (column("remote_ip"), "address", "addresses"),
];

/// What was seen of them so far.
#[derive(Debug, Default)]
pub struct Parties {
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    /// Names, and as which it was the first time.
    names: [BTreeMap<String, usize>; KINDS.len()],
    /// There were more than are counted.
    is_full: [bool; KINDS.len()],
}

impl Parties {
    /// Takes a row; of more than `MOST` names the first are kept.
    pub fn see(&mut self, event: &Event<'_>) {
        self.see_times(event.time_ms, event.time_ms);
        for (index, (column, ..)) in KINDS.iter().enumerate() {
            event.text(*column).into_iter().for_each(|name| self.see_name(index, name));
        }
    }

    /// Takes what was seen of later rows.
    pub fn merge(&mut self, later: Parties) {
        self.see_times(later.first_ms, later.last_ms);
        for (index, names) in later.names.into_iter().enumerate() {
            let mut names: Vec<(String, usize)> = names.into_iter().collect();
            names.sort_unstable_by_key(|(_, number)| *number);
            names.iter().for_each(|(name, _)| self.see_name(index, name));
            self.is_full[index] |= later.is_full[index];
        }
    }

    fn see_times(&mut self, first_ms: Option<i64>, last_ms: Option<i64>) {
        self.first_ms = self.first_ms.into_iter().chain(first_ms).min();
        self.last_ms = self.last_ms.max(last_ms);
    }

    fn see_name(&mut self, index: usize, name: &str) {
        let names = &mut self.names[index];
        if names.contains_key(name) {
            return;
        }
        if names.len() >= MOST {
            self.is_full[index] = true;
        } else {
            names.insert(name.to_owned(), names.len());
        }
    }

    /// In sentences.
    pub fn told(&self) -> Vec<String> {
        let times = self.first_ms.zip(self.last_ms);
        let mut told: Vec<String> = times
            .map(|(first, last)| format!("first at {}, last at {}", format_iso(first), format_iso(last)))
            .into_iter()
            .collect();
        for ((names, is_full), (_, one, many)) in self.names.iter().zip(self.is_full).zip(KINDS) {
            let listed = first_of(names.keys().map(String::as_str), names.len());
            match names.len() {
                0 => {}
                1 => told.push(format!("1 {one}: {listed}")),
                _ if is_full => told.push(format!("more than {} {many}: {listed}", grouped(MOST as u64))),
                count => told.push(format!("{} {many}: {listed}", grouped(count as u64))),
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::super::joined::tests::event;
    use super::*;
    use crate::parse::LogType;

    #[test]
    fn everybody_is_named_once_and_many_are_counted() {
        assert_eq!(Parties::default().told(), Vec::<String>::new());
        let mut parties = Parties::default();
        let see = |parties: &mut Parties, time_ms, ip: &str| {
            let values = [("principal", "ann"), ("remote_ip", ip)];
            parties.see(&event(LogType::S3Access, time_ms, 1, &values));
        };
        see(&mut parties, 1_772_614_800_000, "192.0.2.1");
        see(&mut parties, 1_772_614_799_000, "192.0.2.1");
        let when = "first at 2026-03-04T08:59:59Z, last at 2026-03-04T09:00:00Z";
        assert_eq!(parties.told(), [when, "1 caller: ann", "1 address: 192.0.2.1"]);
        (0..MOST as u32).for_each(|host| see(&mut parties, 1_772_614_800_000, &format!("10.0.{host}")));
        let told = parties.told();
        assert!(told[2].starts_with("more than 1,000 addresses: 10.0.0, "), "{told:?}");
        assert!(told[2].ends_with(" more"), "{told:?}");
        // In pieces it is the same.
        for size in [300, 1200] {
            let hosts: Vec<u32> = (0..MOST as u32 + 500).map(|host| host * 7919 % 1500).collect();
            let (mut whole, mut merged) = (Parties::default(), Parties::default());
            for hosts in hosts.chunks(size) {
                let mut piece = Parties::default();
                for host in hosts {
                    see(&mut whole, i64::from(*host), &format!("10.0.{host}"));
                    see(&mut piece, i64::from(*host), &format!("10.0.{host}"));
                }
                merged.merge(piece);
            }
            assert_eq!(merged.told(), whole.told());
        }
    }
}
