//! The detectors as the end of the pipeline.

use super::batch;
use super::codes::Codes;
use super::deletions::Deletions;
use super::evidence::EvidenceColumns;
use super::history::{Gatherer, GiveEvidence, History, Want};
use super::kms_use::KmsUse;
use super::known::Known;
use super::marks::{self, Watch, Watched};
use super::policy::Calls;
use super::rules::sample_settings;
use super::sight::{Seer, Sight};
use super::sigma::{CellTable, Matched, Program};
use super::whereabouts::{self, Whereabouts};
use super::{Alert, Config, DetectBatch, Detector, Findings, RULES, Rule, Shared, alert, sigma};
use crate::activity::evidence::EvidenceCounts;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::detect::minutes::log_index;
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use crate::pipeline::stage::Stage;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::join;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Runs rules over both logs, once: its workers share one state.
pub struct DetectStage<'a> {
    rules: Vec<&'static Rule>,
    config: &'a Config,
    /// What rows are marked by, if anything is configured.
    watch: Option<Watch<'a>>,
    /// Of the rows that detectors look at.
    wide: Columns,
    /// Of the rows that are evidence.
    evidence: Columns,
    /// Of the rows that match conditions of rules that are data.
    matched: Columns,
    program: Arc<Program>,
    common: Arc<Common>,
}

/// Columns of `activity` and of each log's own dataset.
pub(super) struct Columns {
    activity: Projection,
    native: [Projection; 2],
}

impl Columns {
    /// # Panics
    /// If a dataset does not have a column; a test walks all rules.
    pub(super) fn named(activity: &BTreeSet<&str>, native: [&BTreeSet<&str>; 2]) -> Columns {
        let projection = |dataset, columns: &BTreeSet<&str>| {
            let columns: Vec<&str> = columns.iter().copied().collect();
            Projection::named(dataset, &columns, TextLayout::Views)
                .unwrap_or_else(|name| panic!("{dataset:?} has no column {name}"))
        };
        Columns {
            activity: projection(Dataset::Activity, activity),
            native: [projection(Dataset::S3Access, native[0]), projection(Dataset::CloudTrail, native[1])],
        }
    }

    pub(super) fn batch<T>(
        &self,
        table: &FieldTable,
        rows: &[u32],
        call: impl FnOnce(&DetectBatch<'_>) -> T,
    ) -> T {
        let native = &self.native[log_index(table.log)];
        let (activity, native) =
            (batch::Columns::of(&self.activity, table, rows), batch::Columns::of(native, table, rows));
        let calls = Calls::default();
        call(&DetectBatch { log: table.log, activity: &activity, native: &native, calls: &calls })
    }
}

/// What the workers of a run share: there is one state, however many threads there are.
#[derive(Default)]
pub(super) struct Common {
    history: Arc<Mutex<History>>,
    kms: Mutex<KmsUse>,
    deletions: Mutex<Deletions>,
    /// In the order of the rules; at the end they are taken out.
    detectors: Vec<Mutex<Option<Box<dyn Detector>>>>,
    /// Which of them asks for whereabouts, if one does.
    whereabouts: Option<usize>,
}

impl Common {
    /// Of nothing yet.
    pub(super) fn of(rules: &[&'static Rule], config: &Config) -> Common {
        let detectors = rules.iter().map(|rule| Mutex::new(Some(rule.detector(config))));
        let whereabouts = rules.iter().position(|rule| rule.id == whereabouts::RULE);
        Common { detectors: detectors.collect(), whereabouts, ..Common::default() }
    }

    /// The detectors, in the order of the rules.
    pub(super) fn detectors(&self) -> impl Iterator<Item = MutexGuard<'_, Option<Box<dyn Detector>>>> {
        self.detectors.iter().map(lock)
    }

    /// What is known of the use of KMS.
    pub(super) fn kms(&self) -> MutexGuard<'_, KmsUse> {
        lock(&self.kms)
    }

    /// What is known of deletes.
    pub(super) fn deletions(&self) -> MutexGuard<'_, Deletions> {
        lock(&self.deletions)
    }

    /// Takes over the state of another run.
    fn merge(&self, other: &Common) {
        self.deletions().merge(std::mem::take(&mut *other.deletions()));
        self.kms().merge(std::mem::take(&mut *other.kms()));
        self.detectors.par_iter().zip(&other.detectors).for_each(|(mine, theirs)| {
            if let (Some(mine), Some(theirs)) = (&mut *lock(mine), lock(theirs).take()) {
                mine.merge(theirs);
            }
        });
    }
}

/// A thread that fell leaves nothing half done that would be read: the run has ended.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same; if another thread is at it, only where it must be now.
pub(super) fn lock_if_must<T>(mutex: &Mutex<T>, must: bool) -> Option<MutexGuard<'_, T>> {
    if must { Some(lock(mutex)) } else { try_lock(mutex) }
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// State of one thread.
pub struct DetectWorker {
    pub(super) seer: Seer,
    pub(super) known: Known,
    pub(super) history: Gatherer,
    pub(super) common: Arc<Common>,
    watched: Watched,
    whereabouts: Whereabouts,
    /// Of the table in hand; buffers that are used again.
    hits: Hits,
}

/// The rows of a table that detectors look at, and those that are wanted as evidence.
#[derive(Default)]
struct Hits {
    noted: Coded,
    placed: Coded,
    wanted: Vec<(u32, Want)>,
    asked: Asked,
}

/// Rows with what they are.
#[derive(Default)]
struct Coded {
    rows: Vec<u32>,
    codes: Codes,
}

impl Coded {
    fn push(&mut self, row: u32, sight: &Sight<'_>) {
        self.rows.push(row);
        self.codes.push(sight);
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.codes.clear();
    }
}

/// The rows that conditions of rules that are data could match, and for each the number of the set of those conditions.
#[derive(Default)]
struct Asked {
    rows: Vec<u32>,
    codes: Codes,
    sets: Vec<u32>,
}

impl DetectWorker {
    pub(super) fn of(common: &Arc<Common>, program: &Arc<Program>) -> DetectWorker {
        DetectWorker {
            seer: Seer::asking(program),
            known: Known::default(),
            history: Gatherer::of(&common.history),
            common: Arc::clone(common),
            watched: Watched::default(),
            whereabouts: Whereabouts::default(),
            hits: Hits::default(),
        }
    }

    /// Takes a row. Is it one that detectors are to look at?
    pub(super) fn see(&mut self, sight: &Sight<'_>, row: u32, wanted: &mut Vec<(u32, Want)>) -> bool {
        self.known.see(sight, &self.seer.names);
        self.history.see(sight, &self.seer.names, wanted, row);
        !sight.is_routine()
    }

    /// After the rows of a table.
    pub(super) fn seen(&mut self, log: LogType, wanted: &[(u32, Want)], evidence: &mut GiveEvidence<'_>) {
        self.history.take_evidence(log, wanted, evidence);
        self.history.settle_if_full(&self.seer.names);
        if self.seer.names.are_many() {
            self.settle();
            self.forget();
        }
    }

    /// Forgets the numbers of names, and what was noted by them; what was gathered has been taken over.
    fn forget(&mut self) {
        self.seer.forget();
        self.watched.forget();
        self.whereabouts.forget();
        self.known.forget();
        self.history.forget();
    }

    /// Takes over what was gathered; before anything is read or saved.
    pub(super) fn settle(&mut self) {
        self.known.settle(&self.seer.names);
        self.history.settle(&self.seer.names);
    }

    /// Takes the rows that detectors look at.
    pub(super) fn observe_hits(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let observe = |detector: &mut Option<Box<dyn Detector>>| {
            detector.iter_mut().for_each(|detector| detector.observe(batch, codes));
        };
        // Those that another thread is at come last, when it has gone on.
        let mut busy = Vec::new();
        for (number, detector) in self.common.detectors.iter().enumerate() {
            if self.common.whereabouts == Some(number) {
                continue;
            }
            match try_lock(detector) {
                Some(mut detector) => observe(&mut detector),
                None => busy.push(detector),
            }
        }
        self.common.kms().observe(batch, codes);
        self.common.deletions().observe(batch, codes);
        busy.into_iter().for_each(|detector| observe(&mut lock(detector)));
    }

    /// Takes the rows that the rule about whereabouts looks at. They are no others', so that everyday requests become
    /// columns for one rule only. If another thread is at it, only where it must be now; is it done?
    fn observe_placed(&mut self, table: &FieldTable, placed: &Coded, columns: &Columns, must: bool) -> bool {
        let detector = self.common.whereabouts.map(|number| &self.common.detectors[number]);
        let Some(detector) = detector.filter(|_| !placed.rows.is_empty()) else { return true };
        let Some(mut detector) = lock_if_must(detector, must) else { return false };
        if let Some(detector) = &mut *detector {
            columns.batch(table, &placed.rows, |batch| detector.observe(batch, &placed.codes));
            self.whereabouts.know(detector.halvings());
        }
        true
    }

    /// Takes the rows that conditions of rules that are data could match.
    fn observe_asked(&mut self, table: &FieldTable, asked: &Asked, columns: &Columns) {
        let Some(asking) = &mut self.seer.asking else { return };
        let cells = CellTable::new(table, &asked.rows);
        let matches = asking.matches(&cells, &asked.sets);
        if matches.is_empty() {
            return;
        }
        let mut rows: Vec<u32> = matches.iter().flat_map(|(_, rows)| rows).copied().collect();
        rows.sort_unstable();
        rows.dedup();
        // The place of each row among those that matched.
        let mut places = vec![0; asked.rows.len()];
        (0..).zip(&rows).for_each(|(place, row)| places[*row as usize] = place);
        let codes = asked.codes.of_rows(&rows);
        columns.batch(table, &cells.table_rows(&rows), |batch| {
            let mut busy = Vec::new();
            for (receivers, rows) in &matches {
                let rows: Vec<(u32, u32)> = rows.iter().map(|row| (*row, places[*row as usize])).collect();
                for (detector, part) in *receivers {
                    match try_lock(&self.common.detectors[*detector]) {
                        Some(mut detector) => {
                            let matched =
                                Matched { part: *part, rows: &rows, cells: &cells, batch, codes: &codes };
                            detector.iter_mut().for_each(|detector| detector.take(&matched));
                        }
                        None => busy.push((*detector, *part, rows.clone())),
                    }
                }
            }
            for (detector, part, rows) in busy {
                let matched = Matched { part, rows: &rows, cells: &cells, batch, codes: &codes };
                lock(&self.common.detectors[detector]).iter_mut().for_each(|detector| detector.take(&matched));
            }
        });
    }

    /// Joins two, in parallel where there are threads for it: their parts have nothing to do with each other.
    pub(super) fn merge(&mut self, mut other: DetectWorker) {
        join(|| self.settle(), || other.settle());
        let DetectWorker { known, history, common, .. } = self;
        join(
            || history.merge(other.history),
            || {
                known.merge(other.known);
                if !Arc::ptr_eq(common, &other.common) {
                    common.merge(&other.common);
                }
            },
        );
    }

    pub(super) fn finish(mut self, config: &Config) -> Findings {
        self.settle();
        // The end needs the room.
        self.forget();
        let (history, kms, deletions) = (self.history.history(), self.common.kms(), self.common.deletions());
        let (view, kms_view) = (history.view_after(config.baseline.as_deref()), kms.view());
        let deleted = deletions.view();
        let shared = Shared { config, known: &self.known, history: &view, kms: &kms_view, deletions: &deleted };
        let detectors: Vec<Box<dyn Detector>> = self.common.detectors().filter_map(|mut it| it.take()).collect();
        let is_made_of_alerts = |it: &dyn Detector| RULES.iter().any(|rule| it.is_made_of(rule.id));
        let (last, first): (Vec<_>, Vec<_>) = detectors.into_iter().partition(|it| is_made_of_alerts(&**it));
        let found: Vec<Findings> = first.into_par_iter().map(|detector| detector.finish(&shared)).collect();
        let mut all = Findings::default();
        for findings in found {
            all.alerts.extend(findings.alerts);
            all.suppressed.extend(findings.suppressed);
            all.notes.extend(findings.notes);
            all.limited |= findings.limited;
        }
        let (found, notes): (Vec<Vec<Alert>>, Vec<Vec<String>>) =
            last.into_par_iter().map(|it| (it.finish_over(&all.alerts, &shared), it.notes_over())).unzip();
        all.alerts.extend(found.into_iter().flatten());
        all.limited |= notes.iter().any(|notes| !notes.is_empty());
        all.notes.extend(notes.into_iter().flatten());
        if config.baseline.is_some() && view.past().is_none() && !view.callers().is_empty() {
            let why = "it begins on the first day of the logs or later, and so is no past of theirs";
            all.notes.push(format!("the baseline was not used: {why}."));
        }
        let notes = [self.known.note(), self.known.assumed_roles.note(), history.note()];
        all.limited |= notes.iter().any(Option::is_some);
        all.notes.extend(notes.into_iter().flatten());
        all.limited |= kms.notes().next().is_some() || deletions.notes().next().is_some();
        all.notes.extend(kms.notes());
        all.notes.extend(deletions.notes());
        // A sample of what was read is how history works; that it is one is said, and no limit was hit.
        all.notes.extend(history.sample_note());
        let places = &config.context.places;
        all.alerts.iter_mut().chain(&mut all.suppressed).for_each(|alert| places.tell(alert));
        all.notes.extend(places.notes());
        alert::sort(&mut all.alerts);
        alert::sort(&mut all.suppressed);
        all
    }
}

impl<'a> DetectStage<'a> {
    /// A stage for these rules.
    ///
    /// # Panics
    /// If a rule lists a column that its dataset does not have; a test walks all rules.
    pub fn new(rules: &[&'static Rule], config: &'a Config) -> DetectStage<'a> {
        let evidence: BTreeSet<&str> = EvidenceColumns::NAMES.into();
        let union = |columns: fn(&Rule) -> &'static [&'static str]| -> BTreeSet<&'static str> {
            rules.iter().flat_map(|rule| columns(rule)).copied().collect()
        };
        let of_trail = KmsUse::CLOUDTRAIL_COLUMNS.into_iter().chain(Deletions::CLOUDTRAIL_COLUMNS).collect();
        DetectStage {
            rules: rules.to_vec(),
            config,
            watch: Watch::of(config),
            wide: Columns::named(
                &(&(&union(|rule| rule.activity_columns) | &evidence)
                    | &KmsUse::COLUMNS.into_iter().chain(Deletions::COLUMNS).collect()),
                [&union(|rule| rule.s3_access_columns), &(&union(|rule| rule.cloudtrail_columns) | &of_trail)],
            ),
            matched: Columns::named(
                &(&evidence | &sigma::detector::COLUMNS.into()),
                [&BTreeSet::new(), &BTreeSet::new()],
            ),
            evidence: Columns::named(&evidence, [&BTreeSet::new(), &BTreeSet::new()]),
            program: Arc::new(Program::of(rules)),
            common: Arc::new(Common::of(rules, config)),
        }
    }

    /// A worker with a state of its own.
    pub(super) fn worker_apart(&self) -> DetectWorker {
        DetectWorker::of(&Arc::new(Common::of(&self.rules, self.config)), &self.program)
    }

    pub(super) fn rules(&self) -> &[&'static Rule] {
        &self.rules
    }

    /// Why rules could not be evaluated, one sentence each, in the order of the rules. They found nothing, but that
    /// says nothing.
    pub fn not_evaluated(&self, evidence: &EvidenceCounts) -> Vec<String> {
        let blind = self.rules.iter().filter(|rule| rule.needs.iter().all(|need| evidence.of(*need) == 0));
        blind
            .map(|rule| {
                let needs: Vec<String> = rule.needs.iter().map(|need| format!("no {}", need.name())).collect();
                format!("{}: {} to look at", rule.id, in_words(&needs))
            })
            .collect()
    }

    /// Rules that lack a configuration or a baseline, a sentence for each that is missing; not those of whose records
    /// there are none.
    pub fn without_settings(&self, evidence: &EvidenceCounts) -> Vec<String> {
        let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let sighted = self.rules.iter().filter(|rule| rule.needs.iter().any(|need| evidence.of(*need) > 0));
        for rule in sighted {
            if let Some(why) = sample_settings::missing(rule, self.config) {
                ids.entry(why).or_default().push(rule.id);
            }
        }
        ids.into_iter().map(|(why, ids)| format!("{}: {why}", ids.join(", "))).collect()
    }

    /// What was found, in the order in which it is shown. Uses the threads it is called on
    /// ([`crate::pipeline::on_threads`]).
    pub fn finish(&self, worker: DetectWorker) -> Findings {
        worker.finish(self.config)
    }

    /// What the input shows of the owner's accounts and log buckets beyond the configuration, a sentence each.
    pub fn inferred(&self, worker: &DetectWorker) -> Vec<String> {
        let accounts = worker.known.accounts.inferred(self.config);
        let buckets = worker.known.inferred_log_buckets(self.config);
        let named = |what: &str, names: &[String]| {
            let shown = names.iter().take(INFERRED_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(INFERRED_SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (!names.is_empty()).then(|| format!("{what}: {shown}{more}"))
        };
        let sentences = [named("taken for own accounts", &accounts), named("taken for log buckets", &buckets)];
        sentences.into_iter().flatten().collect()
    }

    /// Counts a row, and notes what more is to be done with it.
    fn look_at(&self, worker: &mut DetectWorker, table: &FieldTable, row: u32, hits: &mut Hits) {
        let mut sight = worker.seer.see(table, row as usize);
        sight.marks = marks::of_row(table, row as usize, &sight);
        if let Some(watch) = &self.watch {
            let names = &worker.seer.names;
            let watched = watch.marks(&mut worker.watched, table, row as usize, &sight, names);
            sight.marks = sight.marks.and(watched);
        }
        if worker.see(&sight, row, &mut hits.wanted) {
            hits.noted.push(row, &sight);
        }
        let (names, context) = (&worker.seer.names, &self.config.context);
        if worker.common.whereabouts.is_some()
            && worker.whereabouts.is_earliest(table, row as usize, &sight, names, context)
        {
            hits.placed.push(row, &sight);
        }
        if sight.asked != 0 {
            hits.asked.rows.push(row);
            hits.asked.codes.push(&sight);
            hits.asked.sets.push(sight.asked);
        }
    }
}

/// Names that the summary lists.
const INFERRED_SHOWN: usize = 10;

/// Rows whose text is fetched from memory together, before the first is looked at.
const FETCHED_ROWS: usize = 128;

/// `a, b and c`
fn in_words(items: &[String]) -> String {
    match items {
        [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        _ => items.concat(),
    }
}

impl Stage for DetectStage<'_> {
    type Worker = DetectWorker;

    /// Rows are looked at twice and more, and that is to be while they are in the processor's cache; but each block has a
    /// price too. `detect` of 1 GB of access log (`generate --log s3_access --bytes 1GB --hostile-ppm 1000`), medians of 7
    /// alternating runs: 4.35 s of processor time with 2 MiB, 3.97 s with 1 MiB, 4.15 s with 512 KiB.
    const MOST_BLOCK: usize = 1 << 20;

    fn worker(&self) -> DetectWorker {
        DetectWorker::of(&self.common, &self.program)
    }

    fn observe(
        &self,
        worker: &mut DetectWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        let mut hits = std::mem::take(&mut worker.hits);
        for some in rows.chunks(FETCHED_ROWS) {
            table.fetch(some);
            some.iter().for_each(|row| self.look_at(worker, table, *row, &mut hits));
        }
        if !hits.asked.rows.is_empty() {
            worker.observe_asked(table, &hits.asked, &self.matched);
            hits.asked.rows.clear();
            hits.asked.codes.clear();
            hits.asked.sets.clear();
        }
        worker.seen(table.log, &hits.wanted, &mut |some, take| {
            self.evidence.batch(table, some, |batch| take(&EvidenceColumns::of(batch)));
        });
        let are_placed = worker.observe_placed(table, &hits.placed, &self.wide, false);
        if !hits.noted.rows.is_empty() {
            self.wide.batch(table, &hits.noted.rows, |batch| worker.observe_hits(batch, &hits.noted.codes));
        }
        if !are_placed {
            worker.observe_placed(table, &hits.placed, &self.wide, true);
        }
        hits.noted.clear();
        hits.placed.clear();
        hits.wanted.clear();
        worker.hits = hits;
        Ok(())
    }

    fn unit_done(&self, _worker: &mut DetectWorker, _unit: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: DetectWorker, right: DetectWorker) -> DetectWorker {
        left.merge(right);
        left
    }
}

#[cfg(test)]
mod tests;
