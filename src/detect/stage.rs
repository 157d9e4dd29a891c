//! The detectors as the end of the pipeline.

use super::codes::Codes;
use super::evidence::EvidenceColumns;
use super::history::{Gatherer, GiveEvidence, History, Want};
use super::kms_use::KmsUse;
use super::known::Known;
use super::sight::{Seer, Sight};
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared, alert};
use crate::activity::evidence::EvidenceCounts;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::detect::minutes::log_index;
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use crate::pipeline::stage::Stage;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::join;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Runs rules over both logs, once: its workers share one history.
pub struct DetectStage<'a> {
    rules: Vec<&'static Rule>,
    config: &'a Config,
    /// Of the rows that detectors look at.
    wide: Columns,
    /// Of the rows that are evidence.
    evidence: Columns,
    /// What the workers share.
    history: Arc<Mutex<History>>,
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
        let (activity, native) = (self.activity.batch(table, rows), native.batch(table, rows));
        call(&DetectBatch { log: table.log, activity: &activity, native: &native })
    }
}

/// State of one thread.
pub struct DetectWorker {
    pub(super) seer: Seer,
    pub(super) known: Known,
    pub(super) history: Gatherer,
    pub(super) kms: KmsUse,
    pub(super) detectors: Vec<Box<dyn Detector>>,
}

impl DetectWorker {
    pub(super) fn of(rules: &[&Rule], config: &Config, history: &Arc<Mutex<History>>) -> DetectWorker {
        let detectors = rules.iter().map(|rule| (rule.new)(config)).collect();
        DetectWorker {
            seer: Seer::default(),
            known: Known::default(),
            history: Gatherer::of(history),
            kms: KmsUse::default(),
            detectors,
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
        if self.history.is_full() {
            self.history.settle(&self.seer.names);
        }
        if self.seer.names.are_many() {
            self.settle();
            self.seer.forget();
            self.known.forget();
            self.history.forget();
        }
    }

    /// Takes over what was gathered; before anything is read or saved.
    pub(super) fn settle(&mut self) {
        self.known.settle(&self.seer.names);
        self.history.settle(&self.seer.names);
    }

    /// Takes the rows that detectors look at.
    pub(super) fn observe_hits(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        self.kms.observe(batch, codes);
        for detector in &mut self.detectors {
            detector.observe(batch, codes);
        }
    }

    /// Joins two, in parallel where there are threads for it: their parts have nothing to do with each other.
    pub(super) fn merge(&mut self, mut other: DetectWorker) {
        join(|| self.settle(), || other.settle());
        let DetectWorker { known, history, kms, detectors, .. } = self;
        join(
            || history.merge(other.history),
            || {
                known.merge(other.known);
                kms.merge(other.kms);
                detectors.par_iter_mut().zip(other.detectors).for_each(|(mine, theirs)| mine.merge(theirs));
            },
        );
    }

    pub(super) fn finish(mut self, config: &Config) -> Findings {
        self.settle();
        let history = self.history.history();
        let view = history.view();
        let kms = self.kms.view();
        let shared = Shared { config, known: &self.known, history: &view, kms: &kms };
        let found: Vec<Findings> =
            self.detectors.into_par_iter().map(|detector| detector.finish(&shared)).collect();
        let mut all = Findings::default();
        for findings in found {
            all.alerts.extend(findings.alerts);
            all.suppressed.extend(findings.suppressed);
            all.notes.extend(findings.notes);
            all.limited |= findings.limited;
        }
        let notes = [self.known.note(), history.note()];
        all.limited |= notes.iter().any(Option::is_some);
        all.notes.extend(notes.into_iter().flatten());
        all.limited |= self.kms.notes().next().is_some();
        all.notes.extend(self.kms.notes());
        // A sample of what was read is how history works; that it is one is said, and no limit was hit.
        all.notes.extend(history.sample_note());
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
        DetectStage {
            rules: rules.to_vec(),
            config,
            wide: Columns::named(
                &(&(&union(|rule| rule.activity_columns) | &evidence) | &KmsUse::COLUMNS.into()),
                [
                    &union(|rule| rule.s3_access_columns),
                    &(&union(|rule| rule.cloudtrail_columns) | &KmsUse::CLOUDTRAIL_COLUMNS.into()),
                ],
            ),
            evidence: Columns::named(&evidence, [&BTreeSet::new(), &BTreeSet::new()]),
            history: Arc::default(),
        }
    }

    /// A worker with a history of its own.
    pub(super) fn worker_of(&self, history: History) -> DetectWorker {
        DetectWorker::of(&self.rules, self.config, &Arc::new(Mutex::new(history)))
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
                format!("{}: {} in the input", rule.id, in_words(&needs))
            })
            .collect()
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
}

/// Names that the summary lists.
const INFERRED_SHOWN: usize = 10;

/// `a, b and c`
fn in_words(items: &[String]) -> String {
    match items {
        [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        _ => items.concat(),
    }
}

impl Stage for DetectStage<'_> {
    type Worker = DetectWorker;

    fn worker(&self) -> DetectWorker {
        DetectWorker::of(&self.rules, self.config, &self.history)
    }

    fn observe(
        &self,
        worker: &mut DetectWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        let (mut hits, mut codes, mut wanted) = (Vec::new(), Codes::default(), Vec::new());
        for row in rows {
            let sight = worker.seer.see(table, *row as usize);
            if worker.see(&sight, *row, &mut wanted) {
                hits.push(*row);
                codes.push(&sight);
            }
        }
        worker.seen(table.log, &wanted, &mut |some, take| {
            self.evidence.batch(table, some, |batch| take(&EvidenceColumns::of(batch)));
        });
        if !hits.is_empty() {
            self.wide.batch(table, &hits, |batch| worker.observe_hits(batch, &codes));
        }
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
