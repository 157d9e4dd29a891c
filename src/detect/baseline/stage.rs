//! Learning as the end of the pipeline.

use super::dimension::Dimension;
use super::entry::{Count, Entry, grain_hours};
use super::texts::Texts;
use super::{Learned, MOST_RECORDS, hour_of};
use crate::detect::codes::{Act, Ended, Who};
use crate::detect::entities::{EntityKey, State};
use crate::detect::key_sample::fingerprint_of;
use crate::detect::minutes::log_index;
use crate::detect::names::Numbered;
use crate::detect::sight::{Seer, Sight};
use crate::detect::stage::lock;
use crate::error::Error;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use crate::pipeline::stage::Stage;
use hashbrown::HashMap;
use std::sync::{Arc, Mutex};

/// Counts that a worker gathers before they are taken over.
const MOST_GATHERED: usize = 1 << 16;

/// Learns a baseline. Its workers share one.
#[derive(Default)]
pub struct LearnStage {
    shared: Arc<Mutex<Learned>>,
}

impl LearnStage {
    /// What was learned.
    pub fn finish(&self, mut worker: LearnWorker) -> Learned {
        worker.settle();
        std::mem::take(&mut *lock(&self.shared))
    }
}

/// State of one thread.
pub struct LearnWorker {
    shared: Arc<Mutex<Learned>>,
    seer: Seer,
    texts: Texts,
    gathered: HashMap<Place, Count>,
    records: [u64; 2],
    hours: Option<(u32, u32)>,
    /// Fingerprints of records, of those that may be in the sample.
    sample: Vec<u64>,
}

/// Records whose fingerprints are gathered.
const MOST_SAMPLED: usize = 1 << 14;

/// Where a count belongs: the entry by numbers, hour and log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    dimension: Dimension,
    log: u8,
    first: u32,
    second: u32,
    hour: u32,
}

impl LearnWorker {
    fn see(&mut self, table: &FieldTable, row: usize) {
        let sight = self.seer.see(table, row);
        let log = log_index(table.log);
        self.records[log] += 1;
        let record = record(&sight);
        if record != 0 {
            self.sample.push(record);
        }
        let Some(hour) = sight.time_ms.and_then(hour_of) else { return };
        self.hours = Some(self.hours.map_or((hour, hour), |(first, last)| (first.min(hour), last.max(hour))));
        let LearnWorker { gathered, texts, .. } = self;
        let is_read = sight.act == Act::Read && sight.ended == Ended::Done;
        let count = Count { requests: 1, reads: u64::from(is_read), bytes: sight.bytes_out };
        let mut add = |dimension, first, second| {
            gathered.entry(Place { dimension, log: log as u8, first, second, hour }).or_default().add(&count);
        };
        let caller = sight.caller;
        if let Some((bucket, place)) = sight.bucket {
            add(Dimension::Bucket, bucket, 0);
            add(Dimension::PrincipalBucket, place, 0);
        }
        // What was refused makes nothing usual.
        if sight.ended == Ended::Denied {
            return;
        }
        let (address_field, agent_field, key_field) = match table.log {
            LogType::S3Access => (access::REMOTE_IP, access::USER_AGENT, access::OBJECT_KEY),
            LogType::CloudTrail => (trail::SOURCE_IP_ADDRESS, trail::USER_AGENT, trail::S3_KEY),
        };
        if let (Some((bucket, _)), Some(key)) = (sight.bucket, table.bytes(row, key_field)) {
            add(Dimension::Prefix, bucket, texts.prefix(key));
        }
        let address = table.bytes(row, address_field).map(|address| texts.address(address));
        if let Some((address, Some(_))) = address {
            add(Dimension::Address, address, 0);
        }
        add(Dimension::Principal, caller, 0);
        // A service or an anonymous caller is many, of whom nothing is usual.
        if sight.who != Who::Principal {
            return;
        }
        add(Dimension::PrincipalAction, caller, texts.action(table, row));
        if let Some((_, Some(network))) = address {
            add(Dimension::PrincipalNetwork, caller, network);
        }
        if let Some(agent) = table.bytes(row, agent_field) {
            add(Dimension::PrincipalUserAgent, caller, texts.family(agent));
        }
    }

    /// Takes over what was gathered.
    fn settle(&mut self) {
        let LearnWorker { shared, seer, texts, gathered, .. } = self;
        let learned = &mut *lock(shared);
        let mut key = EntityKey::default();
        for (place, count) in gathered.drain() {
            let Place { dimension, log, first, second, hour } = place;
            let caller = || text(&seer.names.callers, first);
            let fields = match dimension {
                Dimension::Principal => [caller(), None],
                Dimension::Bucket => [text(&seer.names.buckets, first), None],
                Dimension::Prefix => [text(&seer.names.buckets, first), text(&texts.prefixes, second)],
                Dimension::Address => [text(&texts.addresses, first), None],
                Dimension::PrincipalBucket => {
                    let (caller, bucket) = seer.names.of_place(first);
                    [text(&seer.names.callers, caller), text(&seer.names.buckets, bucket)]
                }
                Dimension::PrincipalNetwork => [caller(), text(&texts.networks, second)],
                Dimension::PrincipalUserAgent => [caller(), text(&texts.families, second)],
                Dimension::PrincipalAction => [caller(), text(&texts.actions, second)],
            };
            // A caller whom the log does not name.
            let [Some(first), second] = fields else { continue };
            let key = match second {
                Some(second) => key.set(&[Some(first), Some(second)]),
                None => key.set(&[Some(first)]),
            };
            learned.tables[dimension as usize].observe(key, count.requests, |entry, level| {
                let grain = dimension.grain_hours().max(grain_hours(level));
                entry.merge(Entry::of(hour, grain, log, count, dimension.has_hours_of_week()), level);
            });
        }
        self.sample.drain(..).for_each(|record| learned.sample.insert(MOST_RECORDS, record));
        let records = std::mem::take(&mut self.records);
        learned.records.iter_mut().zip(records).for_each(|(mine, theirs)| *mine += theirs);
        learned.hours = match (learned.hours, self.hours.take()) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    fn settle_if_full(&mut self) {
        let are_many = self.seer.names.are_many() || self.texts.are_many();
        if are_many || self.gathered.len() >= MOST_GATHERED || self.sample.len() >= MOST_SAMPLED {
            self.settle();
        }
        if are_many {
            self.seer.forget();
            self.texts = Texts::default();
        }
    }
}

fn text(kind: &Numbered, number: u32) -> Option<&str> {
    kind.name(number).text.as_deref()
}

/// Fingerprint of a record, the same in every copy; 0 if it has nothing of its own.
fn record(sight: &Sight<'_>) -> u64 {
    match sight.log {
        LogType::S3Access if sight.request == 0 => 0,
        LogType::S3Access => {
            let fields = [sight.request.to_le_bytes(), sight.key.to_le_bytes(), [sight.act as u8; 8]];
            fingerprint_of(&fields.concat())
        }
        LogType::CloudTrail => sight.event,
    }
}

impl Stage for LearnStage {
    type Worker = LearnWorker;

    fn worker(&self) -> LearnWorker {
        LearnWorker {
            shared: Arc::clone(&self.shared),
            seer: Seer::default(),
            texts: Texts::default(),
            gathered: HashMap::new(),
            records: [0; 2],
            hours: None,
            sample: Vec::new(),
        }
    }

    fn observe(
        &self,
        worker: &mut LearnWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        for row in rows {
            worker.see(table, *row as usize);
            worker.settle_if_full();
        }
        Ok(())
    }

    fn unit_done(&self, _worker: &mut LearnWorker, _unit: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: LearnWorker, mut right: LearnWorker) -> LearnWorker {
        left.settle();
        right.settle();
        left
    }
}
