//! The detectors as the end of the pipeline.

use super::evidence::EvidenceColumns;
use super::{Config, DetectBatch, Detector, Findings, Rule, alert};
use crate::activity::evidence::EvidenceCounts;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use crate::pipeline::stage::Stage;
use std::collections::BTreeSet;

/// Runs rules over both logs.
pub struct DetectStage<'a> {
    rules: Vec<&'static Rule>,
    config: &'a Config,
    activity: Projection,
    native: [Projection; 2],
}

/// State of one thread.
pub struct DetectWorker {
    detectors: Vec<Box<dyn Detector>>,
}

impl<'a> DetectStage<'a> {
    /// A stage for these rules.
    ///
    /// # Panics
    /// If a rule lists a column that its dataset does not have; a test walks all rules.
    pub fn new(rules: &[&'static Rule], config: &'a Config) -> DetectStage<'a> {
        let projection = |dataset, columns: BTreeSet<&'static str>| {
            let columns: Vec<&str> = columns.into_iter().collect();
            Projection::named(dataset, &columns, TextLayout::Views)
                .unwrap_or_else(|name| panic!("{dataset:?} has no column {name}"))
        };
        let union = |columns: fn(&Rule) -> &'static [&'static str]| -> BTreeSet<&'static str> {
            rules.iter().flat_map(|rule| columns(rule)).copied().collect()
        };
        DetectStage {
            rules: rules.to_vec(),
            config,
            activity: projection(
                Dataset::Activity,
                &union(|rule| rule.activity_columns) | &EvidenceColumns::NAMES.into(),
            ),
            native: [
                projection(Dataset::S3Access, union(|rule| rule.s3_access_columns)),
                projection(Dataset::CloudTrail, union(|rule| rule.cloudtrail_columns)),
            ],
        }
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

    /// What was found, in the order in which it is shown.
    pub fn finish(&self, worker: DetectWorker) -> Findings {
        let mut all = Findings::default();
        for detector in worker.detectors {
            let findings = detector.finish();
            all.alerts.extend(findings.alerts);
            all.suppressed += findings.suppressed;
            all.notes.extend(findings.notes);
            all.limited |= findings.limited;
        }
        alert::sort(&mut all.alerts);
        all
    }
}

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
        let detectors = self.rules.iter().map(|rule| (rule.new)(self.config)).collect();
        DetectWorker { detectors }
    }

    fn observe(
        &self,
        worker: &mut DetectWorker,
        _unit: u64,
        table: &FieldTable,
        rows: &[u32],
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let native = match table.log {
            LogType::S3Access => &self.native[0],
            LogType::CloudTrail => &self.native[1],
        };
        let (activity, native) = (self.activity.batch(table, rows), native.batch(table, rows));
        let batch = DetectBatch { log: table.log, activity: &activity, native: &native };
        for detector in &mut worker.detectors {
            detector.observe(&batch);
        }
        Ok(())
    }

    fn unit_done(&self, _worker: &mut DetectWorker, _unit: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: DetectWorker, right: DetectWorker) -> DetectWorker {
        for (mine, theirs) in left.detectors.iter_mut().zip(right.detectors) {
            mine.merge(theirs);
        }
        left
    }
}

#[cfg(test)]
mod tests;
