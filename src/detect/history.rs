//! What every caller did in every bucket and when: the history that anomalous reads are held against.

use super::baseline::Learned;
use super::capped::cap_of;
use super::entities::{Entities, EntityKey, State};
use super::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use super::key_sample::{fingerprint, fingerprint_of};
use super::known::{is_account_id, is_canonical_id};
use super::minutes::{KeyTable, MINUTE_MS, SortedKeys, log_index};
use super::names::Names;
use crate::parse::LogType;
use gatherer::{ReadKey, Request};
use pairs::Pairs;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::join;
use recent::Recent;
use serde::{Deserialize, Serialize};
use slots::{Slot, Slots};
use std::collections::BTreeMap;

mod gatherer;
mod learned;
mod pairs;
mod recent;
mod series;
pub(super) mod slots;

pub use gatherer::{Gatherer, GiveEvidence};
pub use learned::{CallerPast, LearnedCaller, LearnedPast};
pub use series::{Burst, Load, Series};

/// Bytes for the minutes and the evidence of callers.
const CALLERS_BUDGET: usize = 11 << 20;

/// Bytes for the addresses of callers without credentials.
const ADDRESSES_BUDGET: usize = 4 << 20;

/// An address is remembered for reads of one key in so many: who reads many keys is remembered surely, and a million
/// who read one are not.
const ADDRESS_KEYS: u64 = 64;

/// Keys copied, by caller and minute, that are remembered; over it a sample of the keys is.
const MOST_COPIED_KEYS: usize = cap_of(1 << 15);

/// Keys read, by caller and minute, that are remembered; over it a sample of the keys is.
const MOST_READ_KEYS: usize = cap_of(1 << 17);

/// History of all callers; its state merges and does not depend on order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History {
    callers: Entities<Caller>,
    /// Of callers without credentials, by bucket and address.
    addresses: Entities<Address>,
    read_keys: KeyTable,
    /// Sources of copies.
    copied_keys: KeyTable,
    pairs: Pairs,
}

impl Default for History {
    fn default() -> History {
        History {
            callers: Entities::with_budget(CALLERS_BUDGET),
            addresses: Entities::with_budget(ADDRESSES_BUDGET),
            read_keys: KeyTable::with_cap(MOST_READ_KEYS),
            copied_keys: KeyTable::with_cap(MOST_COPIED_KEYS),
            pairs: Pairs::default(),
        }
    }
}

/// What is remembered of an address.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Address {
    evidence: [EvidenceRows; 2],
}

impl State for Address {
    const LEVELS: u32 = 1;

    fn weight(&self, level: u32) -> usize {
        self.evidence.iter().map(|rows| rows.weight(address_rows(level))).sum()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.iter_mut().for_each(|rows| rows.keep_at_most(address_rows(level)));
    }

    fn merge(&mut self, other: Self, level: u32) {
        let rows = self.evidence.iter_mut().zip(other.evidence);
        rows.for_each(|(mine, theirs)| mine.merge(address_rows(level), theirs));
    }
}

fn address_rows(level: u32) -> usize {
    if level == 0 { EVIDENCE_ROWS } else { 1 }
}

/// The fingerprint of an address in a bucket.
fn address_fingerprint(bucket: u64, address: &[u8]) -> u64 {
    fingerprint_of(address).rotate_left(17) ^ bucket
}

/// What one caller did in one bucket. Callers without credentials are one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Caller {
    /// By minutes since 1970 UTC, each the first of its grain.
    minutes: Slots<Minute>,
    evidence: Slots<EvidenceRows>,
    /// An AWS service?
    is_service: bool,
    /// Milliseconds of the first read or list that was done.
    first_read_ms: Option<i64>,
}

/// What is in a minute of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Minute {
    requests: u32,
    reads: u32,
    writes: u32,
    lists: u32,
    bytes: u64,
}

impl Minute {
    fn add(&mut self, other: &Minute) {
        self.requests = self.requests.saturating_add(other.requests);
        self.reads = self.reads.saturating_add(other.reads);
        self.writes = self.writes.saturating_add(other.writes);
        self.lists = self.lists.saturating_add(other.lists);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// How finely a caller is remembered.
#[derive(Clone, Copy, Debug)]
struct Grain {
    /// Minutes that are counted as one.
    minutes: u32,
    /// Minutes of which the first reads are kept as evidence.
    stretch: u32,
    /// Reads kept of a stretch.
    rows: usize,
}

/// Of each level.
const GRAINS: [Grain; 8] = [
    Grain { minutes: 1, stretch: 60, rows: EVIDENCE_ROWS },
    Grain { minutes: 1, stretch: 60, rows: 1 },
    Grain { minutes: 1, stretch: 4 * 60, rows: 1 },
    Grain { minutes: 1, stretch: 24 * 60, rows: 1 },
    Grain { minutes: 5, stretch: 24 * 60, rows: 1 },
    Grain { minutes: 10, stretch: 24 * 60, rows: 1 },
    Grain { minutes: 60, stretch: 24 * 60, rows: 1 },
    Grain { minutes: 24 * 60, stretch: u32::MAX, rows: 1 },
];

/// Bytes of a minute and of a kept row to reckon with: a list is at worst a quarter larger than what it holds.
const MINUTE_BYTES: usize = 40;
const EVIDENCE_BYTES: usize = 380;

/// Slots of finer stretches as those of so many minutes.
fn coarse<T>(fine: impl IntoIterator<Item = (Slot, T)>, minutes: u32) -> impl Iterator<Item = (Slot, T)> {
    fine.into_iter().map(move |((minute, log), value)| ((minute / minutes * minutes, log), value))
}

fn grain(level: u32) -> Grain {
    GRAINS[(level as usize).min(GRAINS.len() - 1)]
}

impl State for Caller {
    const LEVELS: u32 = GRAINS.len() as u32 - 1;

    fn weight(&self, level: u32) -> usize {
        self.minutes.count() * MINUTE_BYTES + self.evidence.count() * grain(level).rows * EVIDENCE_BYTES
    }

    fn cut(&mut self, level: u32) {
        let fine = std::mem::take(self);
        State::merge(self, fine, level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        let Grain { minutes, stretch, rows } = grain(level);
        self.minutes.take(coarse(other.minutes, minutes), |mine, theirs| mine.add(&theirs));
        let evidence = coarse(other.evidence, stretch).map(|(slot, mut evidence)| {
            evidence.keep_at_most(rows);
            (slot, evidence)
        });
        self.evidence.take(evidence, |mine, theirs| mine.merge(rows, theirs));
        self.is_service |= other.is_service;
        self.first_read_ms = self.first_read_ms.into_iter().chain(other.first_read_ms).min();
    }
}

impl History {
    /// Takes over what a thread counted and kept.
    fn take(&mut self, recent: &mut Recent, names: &Names) {
        recent.drain(names, |entity, gathered| {
            self.callers.observe(entity, gathered.rows, |state, level| {
                let Grain { minutes, stretch, rows } = grain(level);
                state.is_service |= gathered.is_service;
                state.first_read_ms = state.first_read_ms.into_iter().chain(gathered.first_read_ms).min();
                state.minutes.take_sorted(gathered.stretches(minutes), |mine, theirs| mine.add(&theirs));
                let evidence = coarse(gathered.evidence.drain(..), stretch);
                state.evidence.take(evidence, |mine, theirs| mine.merge(rows, theirs));
            });
        });
    }

    fn take_keys(
        &mut self,
        keys: impl Iterator<Item = ReadKey>,
        copied: impl Iterator<Item = ReadKey>,
        requests: impl Iterator<Item = Request>,
    ) {
        for ReadKey { entity, time_ms, key, log } in copied {
            self.copied_keys.insert(entity, log, time_ms, key, true);
        }
        for ReadKey { entity, time_ms, key, log } in keys {
            self.read_keys.insert(entity, log, time_ms, key, true);
        }
        for Request { request, entity, minute, log, read } in requests {
            self.pairs.see(request, usize::from(log), entity, minute, read);
        }
    }

    fn see_address(&mut self, entity: &str, log: LogType, columns: &EvidenceColumns<'_>, row: usize) {
        self.addresses.observe(entity, 1, |state, level| {
            state.evidence[log_index(log)].observe(address_rows(level), columns, row);
        });
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: History) {
        let History { callers, addresses, read_keys, copied_keys, pairs } = self;
        join(
            || callers.merge(other.callers),
            || {
                addresses.merge(other.addresses);
                read_keys.merge(other.read_keys);
                copied_keys.merge(other.copied_keys);
                pairs.merge(other.pairs);
            },
        );
    }

    /// Everything, to be read.
    pub fn view(&self) -> View<'_> {
        self.view_after(None)
    }

    /// The same, with a baseline of the time before.
    pub fn view_after<'a>(&'a self, learned: Option<&'a Learned>) -> View<'a> {
        let level = self.callers.state_level();
        let keys = self.read_keys.sorted();
        let copied = self.copied_keys.sorted();
        let both = self.pairs.both();
        let halvings = (keys.halvings(), self.pairs.halvings());
        let callers = self.callers.sorted().into_par_iter().filter_map(|(key, state)| {
            let fields = EntityKey::fields(key);
            let &[principal, Some(bucket)] = &fields[..] else { return None };
            let entity = fingerprint(key);
            let both = both.get(&entity).map_or(&[][..], Vec::as_slice);
            let series = Series::of(&state.minutes, both, keys.points(entity), grain(level).minutes, halvings);
            let (is_service, first_read_ms) = (state.is_service, state.first_read_ms);
            let evidence = Kept::ByTime(&state.evidence, grain(level).stretch);
            let copied = Copied { keys: copied.points(entity), halvings: copied.halvings() };
            Some(CallerView {
                principal,
                bucket,
                address: None,
                is_service,
                first_read_ms,
                series,
                copied,
                evidence,
            })
        });
        let mut callers: Vec<CallerView<'_>> = callers.collect();
        let addresses = self.addresses.sorted().into_iter().filter_map(|(key, state)| {
            let fields = EntityKey::fields(key);
            let &[principal, Some(bucket), address] = &fields[..] else { return None };
            let points = keys.points(address_fingerprint(fingerprint(bucket), address?.as_bytes()));
            let series = Series::of(&Slots::default(), &[], points, 1, halvings);
            let evidence = Kept::First(&state.evidence);
            let (is_service, first_read_ms, copied) = (false, None, Copied::default());
            Some(CallerView { principal, bucket, address, is_service, first_read_ms, series, copied, evidence })
        });
        let addresses: Vec<CallerView<'_>> = addresses.collect();
        callers.sort_by_key(|caller| (caller.bucket, caller.principal, caller.address));
        View { keys, ..View::of(callers, addresses, learned) }
    }

    /// A sentence about what was left out, if anything was.
    pub fn note(&self) -> Option<String> {
        self.callers.note().or_else(|| self.addresses.note())
    }

    /// A sentence about numbers that are estimates, if any are.
    pub fn sample_note(&self) -> Option<String> {
        let halvings = self.read_keys.halvings();
        (halvings > 0).then(|| {
            format!(
                "Numbers of keys read are estimates from a sample of {} keys.",
                super::key_sample::share(halvings)
            )
        })
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.callers.bytes() + self.read_keys.bytes() + self.copied_keys.bytes() + self.pairs.bytes()
    }
}

/// The history at the end of the input.
pub struct View<'a> {
    callers: Vec<CallerView<'a>>,
    addresses: Vec<CallerView<'a>>,
    /// Requests of all callers by bucket and minute.
    buckets: BTreeMap<&'a str, BTreeMap<u32, u64>>,
    past: Option<LearnedPast<'a>>,
    /// Keys that were read, by caller in a bucket, and by address without credentials in it.
    keys: SortedKeys,
}

/// One caller in one bucket.
pub struct CallerView<'a> {
    /// Caller, if the log names it.
    pub principal: Option<&'a str>,
    /// Bucket.
    pub bucket: &'a str,
    /// Address of a caller without credentials.
    pub address: Option<&'a str>,
    /// An AWS service?
    pub is_service: bool,
    /// Milliseconds of the first read or list that was done.
    pub first_read_ms: Option<i64>,
    /// What was done, over time.
    pub series: Series,
    /// Objects that were the sources of copies.
    pub copied: Copied,
    evidence: Kept<'a>,
}

/// Keys of objects that were copied, by minute.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// Minute and fingerprint of the key.
    pub keys: Vec<(u32, u64)>,
    /// Halvings of the sample of keys.
    pub halvings: u32,
}

impl Copied {
    /// How many different keys.
    pub fn distinct(&self) -> u64 {
        let different: std::collections::HashSet<u64> = self.keys.iter().map(|(_, key)| *key).collect();
        (different.len() as u64) << self.halvings
    }
}

/// The records that are kept of a caller.
enum Kept<'a> {
    /// The first ones of each stretch of so many minutes.
    ByTime(&'a Slots<EvidenceRows>, u32),
    /// The first.
    First(&'a [EvidenceRows; 2]),
}

impl<'a> View<'a> {
    fn of(callers: Vec<CallerView<'a>>, addresses: Vec<CallerView<'a>>, learned: Option<&'a Learned>) -> View<'a> {
        let mut buckets: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
        for caller in &callers {
            let hours = buckets.entry(caller.bucket).or_default();
            for (minute, requests) in caller.series.windows(60, |load| load.requests) {
                *hours.entry(minute).or_default() += requests;
            }
        }
        let first = callers.iter().filter_map(|caller| caller.series.span()).map(|span| *span.start()).min();
        let past = learned.zip(first).and_then(|(learned, first)| LearnedPast::of(learned, first));
        View { callers, addresses, buckets, past, keys: SortedKeys::default() }
    }

    /// Every caller and bucket, in the order of their names.
    pub fn callers(&self) -> &[CallerView<'a>] {
        &self.callers
    }

    /// A caller in a bucket.
    pub fn caller(&self, principal: Option<&str>, bucket: &str) -> Option<&CallerView<'a>> {
        let place = self.callers.partition_point(|caller| (caller.bucket, caller.principal) < (bucket, principal));
        self.callers.get(place).filter(|caller| (caller.bucket, caller.principal) == (bucket, principal))
    }

    /// How many different keys an address read without credentials in a range of minutes.
    pub fn keys_read_at(&self, bucket: &str, address: &str, minutes: &std::ops::RangeInclusive<u32>) -> u64 {
        let entity = address_fingerprint(fingerprint(bucket), address.as_bytes());
        let points = self.keys.points(entity).into_iter().filter(|(minute, _)| minutes.contains(minute));
        let different: std::collections::HashSet<u64> = points.map(|(_, key)| key).collect();
        (different.len() as u64) << self.keys.halvings()
    }

    /// Addresses of callers without credentials by bucket, as far as they read many keys; of these only the keys are
    /// known.
    pub fn addresses(&self) -> &[CallerView<'a>] {
        &self.addresses
    }

    /// For how many minutes before a minute the logs and the baseline show a bucket, and how many requests by anybody.
    pub fn before(&self, bucket: &str, minute: u32) -> (u64, u64) {
        let learned = self.past.as_ref().and_then(|past| past.bucket(bucket));
        let Some(hours) = self.buckets.get(bucket) else { return (0, 0) };
        let first = hours.keys().next().copied().unwrap_or(minute);
        let requests: u64 = hours.range(..minute / 60 * 60).map(|(_, requests)| requests).sum();
        let (first, requests) = learned.map_or((first, requests), |(learned_first, learned)| {
            (first.min(learned_first), requests.saturating_add(learned))
        });
        (u64::from(minute.saturating_sub(first)), requests)
    }

    /// What a baseline says of the time before the logs, if one was given that begins before them.
    pub fn past(&self) -> Option<&LearnedPast<'a>> {
        self.past.as_ref()
    }

    /// What a baseline says of a caller; of an address without credentials nothing.
    pub fn past_of(&self, caller: &CallerView<'_>) -> Option<LearnedCaller> {
        Some(self.past?.caller(caller.principal.filter(|_| caller.address.is_none())?, caller.bucket))
    }
}

impl CallerView<'_> {
    /// What kind of caller, for comparison: those of one kind are peers.
    pub fn kind(&self) -> &'static str {
        match self.principal {
            _ if self.is_service => "service",
            Some("anonymous") => "anonymous",
            Some(name) if name.contains(":role/") => "role",
            Some(name) if name.contains(":user/") => "user",
            _ => "other",
        }
    }

    /// The account in the caller's name: of an ARN the 12 digits, else the name itself if it is an account.
    pub fn account(&self) -> Option<&str> {
        let name = self.principal?;
        let account = if name.starts_with("arn:") { name.split(':').nth(4)? } else { name };
        (is_account_id(account) || is_canonical_id(account)).then_some(account)
    }
}

impl CallerView<'_> {
    /// The first reads in a range of minutes, by log, with the number of reads.
    pub fn evidence(&self, minutes: &std::ops::RangeInclusive<u32>) -> [EvidenceRows; 2] {
        let from_ms = i64::from(*minutes.start()) * MINUTE_MS;
        let until_ms = (i64::from(*minutes.end()) + 1) * MINUTE_MS - 1;
        let mut reads = self.series.reads_by_log(minutes);
        let mut lists: [Vec<&EvidenceRows>; 2] = Default::default();
        match &self.evidence {
            Kept::ByTime(kept, stretch) => {
                let slots = (minutes.start() / stretch * stretch, 0)..=(*minutes.end(), u8::MAX);
                let within = kept.range(slots).iter().filter(|((_, log), _)| reads[usize::from(*log)] > 0);
                within.for_each(|((_, log), rows)| lists[usize::from(*log)].push(rows));
            }
            Kept::First(kept) => {
                lists = kept.each_ref().map(|rows| vec![rows]);
                reads = kept.each_ref().map(EvidenceRows::total);
            }
        }
        let within = from_ms..=until_ms;
        let any = lists.iter().flatten().any(|rows| rows.any_within(&within));
        let mut reads = reads.into_iter();
        lists.map(|lists| EvidenceRows::of_lists(lists, &within, any).with_total(reads.next().unwrap_or(0)))
    }
}

/// Why the evidence of a row is wanted.
#[derive(Clone, Debug)]
pub enum Want {
    /// For a caller in a bucket, by number, and a stretch.
    Caller(u32, Slot),
    /// For the address of this entity.
    Address(String),
}

/// Minutes since 1970 of a time after it.
fn minute_of(time_ms: i64) -> Option<u32> {
    u32::try_from(time_ms.div_euclid(MINUTE_MS)).ok()
}
