//! Coverage as the end of the pipeline.

use super::days::{Day, DayNumber, NO_DAY, PlaceDays, Seen, day_of, joined};
use super::kind::{self, LogKind};
use super::place::{FileFacts, RowPlace, names_owner, region_of_success};
use super::requests::{Requests, SeenAs};
use super::resolve;
use super::{Coverage, Selected};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::key_sample::{fingerprint, fingerprint_of, is_sampled};
use crate::detect::stage::lock;
use crate::error::Error;
use crate::investigate::selection::{Facts, Selection, Verdict};
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use crate::pipeline::stage::Stage;
use hashbrown::HashMap;
use hashbrown::hash_map::EntryRef;
use std::sync::{Arc, Mutex};

/// Bytes of accounts, of buckets, and of requests; over them days lose their hours, then places are left out.
const BUDGETS: [usize; 3] = [32 << 20, 128 << 20, 64 << 20];

/// Rows and changes that a worker gathers before it takes them over.
pub(super) const GATHERED_ROWS: u64 = 1 << 14;

/// Buckets whose share of sampled requests a worker remembers.
const REMEMBERED: usize = 1 << 13;

/// Sees what logs are there. Its workers share one state.
pub struct CoverageStage<'a> {
    /// What is asked for; all there is if nothing.
    selection: Option<&'a Selection>,
    /// The same if it asks for more than buckets, so that rows must be judged.
    judge: Option<&'a Selection>,
    shared: Arc<Mutex<Tables>>,
}

/// What all workers have seen.
pub(super) struct Tables {
    /// By account and region.
    pub(super) accounts: Entities<PlaceDays>,
    /// By account, region and bucket.
    pub(super) buckets: Entities<PlaceDays>,
    /// By bucket.
    pub(super) requests: Entities<Requests>,
    /// The first and the last event of all, in milliseconds.
    pub(super) span_ms: Option<(i64, i64)>,
    /// The records of the selection.
    pub(super) selected: Selected,
}

impl Tables {
    fn with_budgets([accounts, buckets, requests]: [usize; 3]) -> Tables {
        Tables {
            accounts: Entities::with_budget(accounts),
            buckets: Entities::with_budget(buckets),
            requests: Entities::with_budget(requests),
            span_ms: None,
            selected: Selected::default(),
        }
    }
}

/// State of one thread.
pub struct CoverageWorker {
    shared: Arc<Mutex<Tables>>,
    accounts: HashMap<Box<str>, (u64, PlaceDays)>,
    buckets: HashMap<Box<str>, (u64, PlaceDays)>,
    requests: HashMap<Box<str>, (u64, Requests)>,
    /// How often the sample of a bucket was halved, when it was last taken over.
    halvings: HashMap<Box<str>, u32>,
    /// How often the tables of buckets and of requests were halved then, and rows of places that they do not hold.
    table_halvings: [u32; 2],
    passed_over: [u64; 2],
    /// Rows and changes that were gathered.
    rows: u64,
    span_ms: Option<(i64, i64)>,
    selected: Selected,
    keys: [EntityKey; 3],
}

/// The entry of a table of gathered rows, which has so many rows more now.
fn entry<'t, S>(
    table: &'t mut HashMap<Box<str>, (u64, S)>,
    key: &str,
    rows: u64,
    new: impl FnOnce() -> S,
) -> &'t mut S {
    let gathered = match table.entry_ref(key) {
        EntryRef::Occupied(entry) => entry.into_mut(),
        EntryRef::Vacant(entry) => entry.insert((0, new())),
    };
    gathered.0 += rows;
    &mut gathered.1
}

impl CoverageWorker {
    fn see(&mut self, stage: &CoverageStage<'_>, table: &FieldTable, row: usize, facts: &FileFacts<'_>) {
        let kind = LogKind::of(table, row);
        let is_access = kind == LogKind::AccessLines;
        let seen = Seen {
            kind,
            time_ms: table.rows[row].event_time_ms(),
            delivered_s: facts.delivered_s,
            is_data_request: is_access && kind::is_data_request(table, row),
            asks_kms: kind::asks_kms(table, row),
            uses_key: kind == LogKind::Kms && kind::uses_key(table, row),
        };
        let place = RowPlace::of(table, row, kind, facts.path);
        let is_asked_for = stage.judge.is_some_and(|selection| self.judge(selection, table, row, &seen));
        let [account_key, bucket_key, request_key] = &mut self.keys;
        let account_key = account_key.set(&[place.account_id, place.region]);
        let days = entry(&mut self.accounts, account_key, 1, PlaceDays::default);
        days.see(&seen, false, place.bucket.is_some());
        days.is_asked_for |= is_asked_for && place.bucket.is_none();
        self.rows += 1;
        self.span_ms = joined(self.span_ms, seen.span_ms());
        let Some(bucket) = place.bucket.filter(|bucket| stage.may_ask_for(bucket)) else { return };
        let bucket_key = bucket_key.set(&[place.account_id, place.region, Some(bucket)]);
        if is_sampled(fingerprint(bucket_key), self.table_halvings[0]) {
            let days = entry(&mut self.buckets, bucket_key, 1, PlaceDays::default);
            days.see(&seen, true, true);
            days.is_asked_for |= is_asked_for;
            see_owner(days, table, row, kind, place.account_id);
        } else {
            self.passed_over[0] += 1;
        }
        let Some(seen_as) = SeenAs::of(kind, seen.is_data_request) else { return };
        let request_key = request_key.set(&[Some(bucket)]);
        if !is_sampled(fingerprint(request_key), self.table_halvings[1]) {
            self.passed_over[1] += 1;
            return;
        }
        let field = if is_access { access::REQUEST_ID } else { trail::REQUEST_ID };
        let request = table.bytes(row, field).map(fingerprint_of);
        let known = || Requests::halved(self.halvings.get(request_key).copied().unwrap_or(0));
        let requests = entry(&mut self.requests, request_key, 1, known);
        requests.see(seen_as, seen.time_ms, request, || fingerprint_of(table.record(row)));
    }

    /// Is the row of the selection? If it is a call of KMS, so is the bucket that S3 made it for.
    fn judge(&mut self, selection: &Selection, table: &FieldTable, row: usize, seen: &Seen) -> bool {
        let facts = Facts::new(table, row);
        match selection.judge(&facts).verdict {
            Verdict::No => return false,
            Verdict::Perhaps => {
                self.selected.may_belong[table.log as usize] += 1;
                return false;
            }
            Verdict::Yes => {}
        }
        self.selected.add(&Selected { records: 1, span_ms: seen.span_ms(), ..Selected::default() });
        // Whoever guesses names of buckets makes failing calls.
        let is_done = || table.bytes(row, trail::ERROR_CODE).is_none();
        if let Some(bucket) = facts.kms_bucket().filter(|_| is_done()) {
            let bucket_key = self.keys[1].set(&[None, None, Some(bucket)]);
            entry(&mut self.buckets, bucket_key, 0, PlaceDays::default).is_asked_for = true;
        }
        true
    }

    /// Places that wait to be taken over.
    #[cfg(test)]
    pub(super) fn gathered_places(&self) -> usize {
        self.accounts.len() + self.buckets.len()
    }

    /// Changes the days of a place of which no row is left.
    fn change(&mut self, place: &RowPlace<'_>, day: DayNumber, mut change: impl FnMut(&mut Day)) {
        self.rows += 1;
        let [account_key, bucket_key, _] = &mut self.keys;
        let account_key = account_key.set(&[place.account_id, place.region]);
        entry(&mut self.accounts, account_key, 0, PlaceDays::default).change(day, &mut change);
        if let Some(bucket) = place.bucket {
            let bucket_key = bucket_key.set(&[place.account_id, place.region, Some(bucket)]);
            entry(&mut self.buckets, bucket_key, 0, PlaceDays::default).change(day, &mut change);
        }
    }

    /// Takes over what was gathered, if it is much: each row may be of a place of its own.
    fn settle_if_full(&mut self) {
        if self.rows >= GATHERED_ROWS {
            self.settle();
        }
    }

    /// Takes over what was gathered.
    fn settle(&mut self) {
        let shared = &mut *lock(&self.shared);
        take_over(&mut shared.accounts, &mut self.accounts);
        take_over(&mut shared.buckets, &mut self.buckets);
        if self.halvings.len() > REMEMBERED {
            self.halvings.clear();
        }
        let buckets: Vec<Box<str>> = self.requests.keys().cloned().collect();
        take_over(&mut shared.requests, &mut self.requests);
        for bucket in buckets {
            let halvings = shared.requests.get(&bucket).map_or(0, Requests::halvings);
            self.halvings.insert(bucket, halvings);
        }
        self.table_halvings = [shared.buckets.halvings(), shared.requests.halvings()];
        let [of_buckets, of_requests] = std::mem::take(&mut self.passed_over);
        shared.buckets.pass_over(of_buckets);
        shared.requests.pass_over(of_requests);
        shared.span_ms = joined(shared.span_ms, self.span_ms);
        shared.selected.add(&std::mem::take(&mut self.selected));
        self.rows = 0;
    }
}

/// What a row tells of who owns its bucket, and where that lies.
fn see_owner(days: &mut PlaceDays, table: &FieldTable, row: usize, kind: LogKind, account_id: Option<&str>) {
    match account_id {
        Some(account_id) if kind == LogKind::DataEvents && !days.is_owner => {
            days.is_owner = names_owner(table, row, account_id);
        }
        None if kind == LogKind::AccessLines => {
            let owner = table.bytes(row, access::BUCKET_OWNER).map(fingerprint_of);
            days.owner_id = days.owner_id.max(owner);
            days.see_region(region_of_success(table, row));
        }
        _ => {}
    }
}

fn take_over<S: State>(table: &mut Entities<S>, gathered: &mut HashMap<Box<str>, (u64, S)>) {
    for (key, (rows, mut state)) in gathered.drain() {
        table.observe(&key, rows, |mine, level| {
            if level > 0 {
                state.cut(level);
            }
            mine.merge(state, level);
        });
    }
}

impl Default for CoverageStage<'_> {
    /// Sees all there is.
    fn default() -> Self {
        CoverageStage::with_budgets(None, BUDGETS)
    }
}

impl<'a> CoverageStage<'a> {
    /// Sees the places of a selection whose chain is complete.
    pub fn of(selection: &'a Selection) -> CoverageStage<'a> {
        CoverageStage::with_budgets(Some(selection), BUDGETS)
    }

    /// The same with budgets in bytes for accounts, buckets and requests.
    pub(super) fn with_budgets(selection: Option<&'a Selection>, budgets: [usize; 3]) -> CoverageStage<'a> {
        let judge = selection.filter(|selection| selection.asks_beyond_buckets());
        CoverageStage { selection, judge, shared: Arc::new(Mutex::new(Tables::with_budgets(budgets))) }
    }

    fn may_ask_for(&self, bucket: &str) -> bool {
        self.selection.is_none_or(|selection| selection.may_ask_for_bucket(bucket))
    }

    /// What logs are there, and what is missing.
    pub fn finish(&self, mut worker: CoverageWorker) -> Coverage {
        worker.settle();
        let tables = std::mem::replace(&mut *lock(&self.shared), Tables::with_budgets([0; 3]));
        resolve::coverage(tables, self.selection)
    }

    fn for_each_row(table: &FieldTable, rows: &[u32], mut each: impl FnMut(usize, &FileFacts<'_>)) {
        let mut file = None;
        for row in rows {
            let row = *row as usize;
            let segment = table.rows[row].segment;
            let facts = match file {
                Some((known, facts)) if known == segment => facts,
                _ => FileFacts::of(table.source_file(row), table.log),
            };
            file = Some((segment, facts));
            each(row, &facts);
        }
    }
}

impl Stage for CoverageStage<'_> {
    type Worker = CoverageWorker;

    fn worker(&self) -> CoverageWorker {
        CoverageWorker {
            shared: Arc::clone(&self.shared),
            accounts: HashMap::new(),
            buckets: HashMap::new(),
            requests: HashMap::new(),
            halvings: HashMap::new(),
            table_halvings: [0; 2],
            passed_over: [0; 2],
            rows: 0,
            span_ms: None,
            selected: Selected::default(),
            keys: Default::default(),
        }
    }

    fn observe(
        &self,
        worker: &mut CoverageWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        CoverageStage::for_each_row(table, rows, |row, facts| {
            worker.see(self, table, row, facts);
            worker.settle_if_full();
        });
        Ok(())
    }

    fn repeats(&self, worker: &mut CoverageWorker, table: &FieldTable, rows: &[u32]) {
        CoverageStage::for_each_row(table, rows, |row, facts| {
            let mut place = RowPlace::of(table, row, LogKind::of(table, row), facts.path);
            place.bucket = place.bucket.filter(|bucket| self.may_ask_for(bucket));
            worker.change(&place, day_of(table.rows[row].event_time_ms()), |day| day.repeats += 1);
            worker.settle_if_full();
        });
    }

    fn refused(&self, worker: &mut CoverageWorker, file: &str, log: LogType, count: u64) {
        let FileFacts { path, delivered_s } = FileFacts::of(file, log);
        let bucket = path.bucket.filter(|bucket| self.may_ask_for(bucket));
        let place = RowPlace { account_id: path.account_id, region: path.region, bucket };
        let day = delivered_s.map_or(NO_DAY, |seconds| day_of(Some(seconds * 1000)));
        worker.change(&place, day, |day| day.rejects += count);
        worker.settle_if_full();
    }

    fn unit_done(&self, _worker: &mut CoverageWorker, _unit: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: CoverageWorker, mut right: CoverageWorker) -> CoverageWorker {
        left.settle();
        right.settle();
        left
    }
}
