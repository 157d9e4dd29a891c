//! What one thread gathers for the history that all threads share.
//!
//! Rows are counted where only this thread comes, and handed over many at a time. So there is one history however many
//! threads there are, none waits for another at a row, and nothing is left to be joined at the end.

use super::recent::{Did, Recent};
use super::{ADDRESS_KEYS, History, Want, address_fingerprint, grain, minute_of};
use crate::detect::codes::{Act, Ended};
use crate::detect::entities::EntityKey;
use crate::detect::evidence::{EvidenceColumns, EvidenceRows};
use crate::detect::key_sample::is_sampled;
use crate::detect::minutes::log_index;
use crate::detect::names::Names;
use crate::detect::sight::Sight;
use crate::detect::stage::{lock, lock_if_must};
use crate::parse::LogType;
use std::sync::{Arc, Mutex, MutexGuard};

/// Keys, and requests, that are gathered before they are handed over.
const MOST_WAITING: usize = 1 << 13;

/// So many times what is handed over may be gathered while another thread hands over.
const PATIENCE: usize = 2;

/// Of one thread.
#[derive(Debug, Default)]
pub struct Gatherer {
    history: Arc<Mutex<History>>,
    recent: Recent,
    keys: Vec<ReadKey>,
    copied: Vec<ReadKey>,
    requests: Vec<Request>,
    known: Known,
}

/// What the history was at when something was handed over last: what it would not keep need not be gathered. It only ever
/// keeps less.
#[derive(Debug, Default)]
struct Known {
    level: u32,
    key_halvings: u32,
    request_halvings: u32,
}

/// A key that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadKey {
    pub(super) entity: u64,
    pub(super) time_ms: i64,
    pub(super) key: u64,
    pub(super) log: LogType,
}

/// A request, by fingerprint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) request: u64,
    pub(super) entity: u64,
    pub(super) minute: u32,
    pub(super) log: u8,
    /// Bytes, if it is a read.
    pub(super) read: Option<u64>,
}

/// Gives the columns that evidence is made of, for some rows of the batch in hand.
pub type GiveEvidence<'a> = dyn FnMut(&[u32], &mut dyn FnMut(&EvidenceColumns<'_>)) + 'a;

impl Gatherer {
    /// For that history.
    pub fn of(history: &Arc<Mutex<History>>) -> Gatherer {
        Gatherer { history: Arc::clone(history), ..Gatherer::default() }
    }

    /// The history, without what is still gathered.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Takes a row; `names` are those of its numbers. Says what it is wanted for as evidence.
    pub fn see(&mut self, sight: &Sight<'_>, names: &Names, wanted: &mut Vec<(u32, Want)>, row: u32) {
        if matches!(sight.act, Act::OtherService | Act::Expire | Act::Delete) {
            return;
        }
        let (Some(time_ms), Some((number, place))) = (sight.time_ms, sight.bucket) else { return };
        let Some(minute) = minute_of(time_ms) else { return };
        let log = log_index(sight.log);
        let bucket = names.buckets.name(number);
        let grain = grain(self.known.level);
        let is_done = sight.ended == Ended::Done;
        let is_read = is_done && sight.act == Act::Read;
        let sent = sight.bytes_out;
        let shows = is_done
            && (sight.act.is_listing()
                || matches!(sight.act, Act::Read | Act::CopySource | Act::List | Act::Settings));
        let place_of = self.recent.place(place, names);
        let entity = place_of.fingerprint;
        if is_read {
            let slot = (minute / grain.stretch * grain.stretch, log as u8);
            if place_of.claims(slot, grain.rows, time_ms) {
                wanted.push((row, Want::Caller(place, slot)));
            }
            if sight.key != 0 && is_sampled(sight.key, self.known.key_halvings) {
                self.keys.push(ReadKey { entity, time_ms, key: sight.key, log: sight.log });
            }
            if let Some(address) = sight.address.filter(|_| sight.key != 0) {
                let entity = address_fingerprint(bucket.fingerprint, address);
                self.keys.push(ReadKey { entity, time_ms, key: sight.key, log: sight.log });
                if sight.key.is_multiple_of(ADDRESS_KEYS) {
                    let address = String::from_utf8_lossy(address);
                    let principal = names.callers.name(sight.caller).text.as_deref();
                    let mut key = EntityKey::default();
                    key.set(&[principal, bucket.text.as_deref(), Some(&address)]);
                    wanted.push((row, Want::Address(key.into_text())));
                }
            }
        }
        if is_done && sight.act == Act::CopySource && sight.key != 0 {
            self.copied.push(ReadKey { entity, time_ms, key: sight.key, log: sight.log });
        }
        let did = Did {
            read: is_read.then_some(sent),
            shows,
            writes: is_done && sight.act == Act::Write,
            lists: is_done && sight.act.is_listing(),
        };
        self.recent.count(place, (time_ms, log as u8), did, sight.who);
        let request = sight.request ^ bucket.fingerprint;
        if sight.request != 0 && is_sampled(request, self.known.request_halvings) {
            let read = is_read.then_some(sent);
            self.requests.push(Request { request, entity, minute, log: log as u8, read });
        }
        let waiting = self.keys.len().max(self.copied.len()).max(self.requests.len());
        if waiting >= MOST_WAITING {
            let shared = Arc::clone(&self.history);
            // While another thread is at it this one goes on.
            if let Some(mut history) = lock_if_must(&shared, waiting >= PATIENCE * MOST_WAITING) {
                self.hand_over_keys(&mut history);
            }
        }
    }

    /// Takes the evidence that was asked for. `evidence` calls back with the columns of evidence of some rows, which
    /// are built for these rows only.
    pub fn take_evidence(&mut self, log: LogType, wanted: &[(u32, Want)], evidence: &mut GiveEvidence<'_>) {
        if wanted.is_empty() {
            return;
        }
        let rows: Vec<u32> = wanted.iter().map(|(row, _)| *row).collect();
        let (recent, history) = (&mut self.recent, &self.history);
        evidence(&rows, &mut |columns| {
            for (row, (_, want)) in wanted.iter().enumerate() {
                match want {
                    Want::Caller(place, slot) => {
                        let mut evidence = EvidenceRows::default();
                        evidence.observe(1, columns, row);
                        recent.keep(*place, *slot, evidence);
                    }
                    Want::Address(key) => lock(history).see_address(key, log, columns, row),
                }
            }
        });
    }

    /// Hands over what was gathered if it is much; later, if another thread is at it and it is not too much yet.
    pub fn settle_if_full(&mut self, names: &Names) {
        if !self.recent.is_full(1) {
            return;
        }
        let shared = Arc::clone(&self.history);
        if let Some(mut history) = lock_if_must(&shared, self.recent.is_full(PATIENCE)) {
            self.hand_over(&mut history, names);
        }
    }

    /// Names are given anew: what was gathered under their numbers has been handed over.
    pub fn forget(&mut self) {
        self.recent = Recent::default();
    }

    /// Hands over what was gathered; before names are forgotten, and before anything is read, joined or saved.
    pub fn settle(&mut self, names: &Names) {
        let shared = Arc::clone(&self.history);
        self.hand_over(&mut lock(&shared), names);
    }

    fn hand_over(&mut self, history: &mut History, names: &Names) {
        self.recent.order();
        history.take(&mut self.recent, names);
        self.hand_over_keys(history);
    }

    fn hand_over_keys(&mut self, history: &mut History) {
        history.take_keys(self.keys.drain(..), self.copied.drain(..), self.requests.drain(..));
        self.known = Known {
            level: history.callers.state_level(),
            key_halvings: history.read_keys.halvings(),
            request_halvings: history.pairs.halvings(),
        };
    }

    /// Takes over the history of another part of the input. Both have handed over what they gathered.
    pub fn merge(&mut self, other: Gatherer) {
        if !Arc::ptr_eq(&self.history, &other.history) {
            let theirs = std::mem::take(&mut *lock(&other.history));
            lock(&self.history).merge(theirs);
        }
    }
}
