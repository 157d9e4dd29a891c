//! The overview as the end of the pipeline.

use super::counts::Counts;
use super::periods::{MINUTE_MS, Periods};
use super::sampled::{Sampled, rank};
use super::{Overview, QUARTER_MS, Top};
use crate::activity::{self, outcome};
use crate::decode::Inventory;
use crate::detect::entities::EntityKey;
use crate::detect::key_sample::{KeySample, fingerprint_of};
use crate::detect::names::Numbered;
use crate::detect::stage::lock;
use crate::error::Error;
use crate::investigate::selection::{Facts, Selection, Verdict};
use crate::parse::scalar::integer;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use crate::pipeline::stage::Stage;
use hashbrown::HashMap;
use std::sync::{Arc, Mutex};

/// Kinds of names that are counted alone.
const KINDS: usize = 4;
const PRINCIPAL: usize = 0;
const ADDRESS: usize = 1;
const USER_AGENT: usize = 2;
const BUCKET: usize = 3;

/// Bytes of the names of each kind, of callers in buckets, and of callers in quarters of hours: far more than a page shows, so that
/// only a flood of names makes estimates of them.
const NAMES_BUDGET: usize = 16 << 20;
const PLACES_BUDGET: usize = 16 << 20;
const QUARTERS_BUDGET: usize = 24 << 20;

/// Fingerprints that are kept to tell how many different names there are.
const DISTINCT: usize = 1 << 14;

/// Rows that a worker gathers before it takes them over.
const GATHERED_ROWS: usize = 1 << 15;

/// Names of one kind that it gathers: each may be as long as a record.
const GATHERED_NAMES: usize = 1 << 13;

/// Adds up what happened. Its workers share one state.
pub struct OverviewStage<'a> {
    /// What is asked for, if not everything is.
    selection: Option<&'a Selection>,
    inventory: Arc<Inventory>,
    shared: Arc<Mutex<Tables>>,
}

/// What all workers have seen.
struct Tables {
    periods: Periods,
    names: [Sampled; KINDS],
    distinct: [KeySample; KINDS],
    objects: KeySample,
    places: Sampled,
    quarters: Sampled,
    without_time: u64,
}

impl Tables {
    fn new() -> Tables {
        Tables {
            periods: Periods::default(),
            names: std::array::from_fn(|_| Sampled::with_budget(NAMES_BUDGET)),
            distinct: Default::default(),
            objects: KeySample::default(),
            places: Sampled::with_budget(PLACES_BUDGET),
            quarters: Sampled::with_budget(QUARTERS_BUDGET),
            without_time: 0,
        }
    }
}

/// What belongs to a number of the gatherer's names: rank of the rows and log.
type Slot = (u8, u8);

/// State of one thread.
pub struct OverviewWorker {
    shared: Arc<Mutex<Tables>>,
    numbered: [Numbered; KINDS],
    rows: usize,
    periods: HashMap<(i64, u8), Counts>,
    names: [HashMap<(u32, Slot), Counts>; KINDS],
    places: HashMap<(u32, u32, Slot), Counts>,
    quarters: HashMap<(u32, i64, Slot), Counts>,
    objects: KeySample,
    without_time: u64,
    name: Vec<u8>,
    key: EntityKey,
}

impl OverviewWorker {
    fn see(&mut self, table: &FieldTable, row: usize) {
        let log = table.log as u8;
        let time_ms = table.rows[row].event_time_ms();
        let is_access = table.log == LogType::S3Access;
        let fields = if is_access {
            [access::REMOTE_IP, access::USER_AGENT, access::BUCKET_NAME, access::OBJECT_KEY, access::BYTES_SENT]
        } else {
            [trail::SOURCE_IP_ADDRESS, trail::USER_AGENT, trail::S3_BUCKET, trail::S3_KEY, trail::S3_BYTES_OUT]
        };
        let [address, user_agent, bucket, object_key, bytes_out] = fields.map(|field| table.bytes(row, field));
        let bytes_out = bytes_out.and_then(integer).and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let class = activity::action_class(table, row);
        let counts = Counts::of(class, outcome::of(table, row), bytes_out, time_ms);
        self.name.clear();
        let has_name = activity::principal(table, row).name.write(&mut self.name);
        let names = [has_name.then_some(&self.name[..]), address, user_agent, bucket];
        let mut numbers = [0; KINDS];
        let slot = (rank(fingerprint_of(table.record(row))), log);
        for (kind, name) in names.into_iter().enumerate() {
            numbers[kind] = self.numbered[kind].number(name);
            if kind != BUCKET || bucket.is_some() {
                self.names[kind].entry((numbers[kind], slot)).or_default().add(&counts);
            }
        }
        if let Some(bucket) = bucket {
            self.places.entry((numbers[PRINCIPAL], numbers[BUCKET], slot)).or_default().add(&counts);
            if let Some(object_key) = object_key {
                let object = fingerprint_of(object_key).rotate_left(1) ^ fingerprint_of(bucket);
                self.objects.insert(DISTINCT, object);
            }
        }
        match time_ms {
            Some(time_ms) => {
                let (minute, quarter) = (time_ms.div_euclid(MINUTE_MS), time_ms.div_euclid(QUARTER_MS));
                self.periods.entry((minute, log)).or_default().add(&counts);
                self.quarters.entry((numbers[PRINCIPAL], quarter, slot)).or_default().add(&counts);
            }
            None => self.without_time += 1,
        }
        self.rows += 1;
    }

    /// Takes over what was gathered.
    fn settle(&mut self) {
        let shared = &mut *lock(&self.shared);
        for ((minute, log), counts) in self.periods.drain() {
            shared.periods.add(minute.saturating_mul(MINUTE_MS), usize::from(log), &counts);
        }
        let text = |kind: usize, number: u32| self.numbered[kind].name(number).text.as_deref();
        for kind in 0..KINDS {
            for ((number, (rank, log)), counts) in self.names[kind].drain() {
                let (key, name) = (self.key.set(&[text(kind, number)]), self.numbered[kind].name(number));
                if name.text.is_some() {
                    shared.distinct[kind].insert(DISTINCT, name.fingerprint);
                }
                shared.names[kind].add(key, rank, usize::from(log), &counts);
            }
        }
        for ((principal, bucket, (rank, log)), counts) in self.places.drain() {
            let key = self.key.set(&[text(PRINCIPAL, principal), text(BUCKET, bucket)]);
            shared.places.add(key, rank, usize::from(log), &counts);
        }
        for ((principal, quarter, (rank, log)), counts) in self.quarters.drain() {
            let key = self.key.set(&[text(PRINCIPAL, principal), Some(&quarter.to_string())]);
            shared.quarters.add(key, rank, usize::from(log), &counts);
        }
        shared.objects.merge(DISTINCT, &std::mem::take(&mut self.objects));
        shared.without_time += std::mem::take(&mut self.without_time);
        self.numbered = Default::default();
        self.rows = 0;
    }
}

impl<'a> OverviewStage<'a> {
    /// Sees all calls of that many inputs, whose hashes are noted.
    pub fn new(inputs: usize) -> OverviewStage<'a> {
        OverviewStage {
            selection: None,
            inventory: Arc::new(Inventory::new(inputs, true)),
            shared: Arc::new(Mutex::new(Tables::new())),
        }
    }

    /// The same of those that a selection, whose chain is complete, surely asks for.
    pub fn of(selection: &'a Selection, inputs: usize) -> OverviewStage<'a> {
        let selection = Some(selection).filter(|selection| !selection.is_everything());
        OverviewStage { selection, ..OverviewStage::new(inputs) }
    }

    /// Is the row of a call that is asked for?
    fn is_wanted(&self, table: &FieldTable, row: usize) -> bool {
        let is_selected = |selection: &Selection| selection.judge(&Facts::new(table, row)).verdict == Verdict::Yes;
        activity::is_api_call(table, row) && self.selection.is_none_or(is_selected)
    }

    /// What is known of the inputs.
    pub fn inputs(&self) -> &Inventory {
        &self.inventory
    }

    /// All that was seen.
    pub fn finish(&self, mut worker: OverviewWorker) -> Overview {
        worker.settle();
        let tables = std::mem::replace(&mut *lock(&self.shared), Tables::new());
        let Tables { periods, names, distinct, objects, places, quarters, without_time } = tables;
        let top = |kind: usize| Top {
            names: names[kind].names(),
            distinct: distinct[kind].distinct(),
            is_estimate: !distinct[kind].is_exact(),
            one_in: names[kind].one_in(),
        };
        Overview {
            periods,
            principals: top(PRINCIPAL),
            addresses: top(ADDRESS),
            user_agents: top(USER_AGENT),
            buckets: top(BUCKET),
            places,
            quarters,
            objects: (objects.distinct(), !objects.is_exact()),
            without_time,
        }
    }
}

impl Stage for OverviewStage<'_> {
    type Worker = OverviewWorker;

    fn worker(&self) -> OverviewWorker {
        OverviewWorker {
            shared: Arc::clone(&self.shared),
            numbered: Default::default(),
            rows: 0,
            periods: HashMap::new(),
            names: Default::default(),
            places: HashMap::new(),
            quarters: HashMap::new(),
            objects: KeySample::default(),
            without_time: 0,
            name: Vec::new(),
            key: EntityKey::default(),
        }
    }

    fn observe(
        &self,
        worker: &mut OverviewWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        for row in rows {
            if self.is_wanted(table, *row as usize) {
                worker.see(table, *row as usize);
                if worker.rows >= GATHERED_ROWS
                    || worker.numbered.iter().any(|names| names.count() > GATHERED_NAMES)
                {
                    worker.settle();
                }
            }
        }
        Ok(())
    }

    fn unit_done(&self, _worker: &mut OverviewWorker, _unit: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: OverviewWorker, mut right: OverviewWorker) -> OverviewWorker {
        left.settle();
        right.settle();
        left
    }

    fn inventory(&self) -> Option<&Arc<Inventory>> {
        Some(&self.inventory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Block, Segment};
    use crate::investigate::Conditions;
    use crate::investigate::pattern::{Address, Pattern};
    use crate::parse::s3_access;

    fn table(lines: &[String]) -> FieldTable {
        let bytes = lines.concat().into_bytes();
        let segment = Segment { file: Arc::from("a.log"), start: 0, first_number: 1, first_offset: 0 };
        let framed = lines.len() as u64;
        let block = Block { log: LogType::S3Access, bytes, segments: vec![segment], records: vec![], framed };
        s3_access::parse_block(block, &mut Vec::new()).0
    }

    fn line(number: usize) -> String {
        let (minute, caller, status) =
            (number / 7 % 60, number % 5, if number.is_multiple_of(9) { 403 } else { 200 });
        format!(
            "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-{} [06/Feb/2026:10:{minute:02}:00 \
             +0000] 192.0.2.{} arn:aws:iam::111122223333:user/u{caller} R{number} REST.GET.OBJECT k{number} \
             \"GET /k HTTP/1.1\" {status} - 100 113 7 5 \"-\" \"agent {}\" - s9lzHYrFp76ZVxRcpX9= SigV4 \
             TLS_AES_128_GCM_SHA256 AuthHeader b.s3.us-west-1.amazonaws.com TLSv1.3 - -\n",
            number % 3,
            number % 200,
            number % 11
        )
    }

    #[test]
    fn the_overview_does_not_depend_on_how_rows_come_and_adds_up() {
        let lines: Vec<String> = (0..3000).map(line).collect();
        let mut seen = Vec::new();
        for part in [3000, 250, 7] {
            let stage = OverviewStage::new(0);
            let workers = lines.chunks(part).rev().map(|part| {
                let (mut worker, table) = (stage.worker(), table(part));
                stage.observe(&mut worker, 0, &table, &(0..table.len() as u32).collect::<Vec<_>>()).unwrap();
                worker
            });
            let worker = workers.reduce(|left, right| stage.merge(left, right)).unwrap();
            let overview = stage.finish(worker);
            let (places, quarters) = (overview.places.names(), overview.quarters.names());
            seen.push((
                overview.periods,
                overview.principals.names,
                overview.addresses.distinct,
                places,
                quarters,
            ));
        }
        assert!(seen.iter().all(|one| *one == seen[0]));
        let (periods, principals, addresses, places, _) = &seen[0];
        let sums = |counts: &Counts| (counts.requests, counts.reads, counts.denied, counts.bytes_out);
        let (requests, reads, denied, bytes) = sums(principals[0].counts.access());
        assert_eq!((principals.len(), *addresses, places.len()), (5, 200, 15));
        assert_eq!((requests, reads + denied, bytes), (600, 600, 60_000));
        assert_eq!(periods.iter().map(|(_, counts)| counts.access().requests).sum::<u64>(), 3000);
        assert_eq!(principals[0].counts.trail().requests, 0);
    }

    #[test]
    fn what_is_not_logged_is_listed_and_not_counted() {
        let without = |line: String| line.replace(" 192.0.2.7 ", " - ").replace("\"agent 3\"", "\"-\"");
        let lines: Vec<String> = (0..3000).map(line).map(without).collect();
        let stage = OverviewStage::new(0);
        let (mut worker, table) = (stage.worker(), table(&lines));
        stage.observe(&mut worker, 0, &table, &(0..3000).collect::<Vec<_>>()).unwrap();
        let overview = stage.finish(worker);
        for (top, names) in [(&overview.addresses, 199), (&overview.user_agents, 10), (&overview.principals, 5)] {
            assert_eq!(top.distinct, names);
            let unnamed = top.names.iter().filter(|named| named.fields[0].is_none());
            assert_eq!(unnamed.count() + names as usize, top.names.len());
        }
        assert!(overview.addresses.names.iter().any(|named| named.fields[0].is_none()));
    }

    #[test]
    fn only_what_is_asked_for_counts() {
        let patterns = |text: &str| vec![Pattern::new(text)];
        let ip = |text| vec![Address::parse(text).unwrap()];
        let none = Conditions::default;
        for (options, requests, buckets) in [
            (none(), 300, 3),
            (Conditions { buckets: patterns("amzn-s3-demo-1"), ..none() }, 100, 1),
            (Conditions { buckets: patterns("*"), ..none() }, 300, 3),
            (Conditions { principals: patterns("u4"), ..none() }, 60, 3),
            (Conditions { principals: patterns("u4"), buckets: patterns("*-1"), ..none() }, 20, 1),
            (Conditions { addresses: ip("192.0.2.7"), ..none() }, 2, 2),
            (Conditions { keys: patterns("k7"), ..none() }, 1, 1),
            (Conditions { keys: patterns("nowhere"), ..none() }, 0, 0),
        ] {
            let selection = Selection { options, alerts: Vec::new() };
            let stage = OverviewStage::of(&selection, 0);
            let (mut worker, table) = (stage.worker(), table(&(0..300).map(line).collect::<Vec<_>>()));
            stage.observe(&mut worker, 0, &table, &(0..300).collect::<Vec<_>>()).unwrap();
            let overview = stage.finish(worker);
            let counted: u64 = overview.periods.iter().map(|(_, counts)| counts.access().requests).sum();
            assert_eq!((counted, overview.buckets.distinct), (requests, buckets), "{selection:?}");
            assert_eq!(overview.objects, (requests, false), "each key is named once");
        }
    }
}
