//! The detectors as the end of the pipeline.

use super::{Config, DetectBatch, Detector, Evidence, Findings, Rule, alert};
use crate::batch::{Dataset, Projection, TextLayout};
use crate::error::Error;
use crate::parse::{FieldTable, LogType};
use crate::pipeline::stage::Stage;
use arrow::array::{Array, AsArray, BooleanArray};
use batch::{Word, cell};
use std::collections::BTreeSet;

use super::batch;

/// Columns of `cloudtrail` that tell kinds of events apart.
const KIND_COLUMNS: [&str; 2] = ["event_category", "management_event"];

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
    seen: BTreeSet<Evidence>,
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
        let union = |columns: fn(&Rule) -> &'static [&'static str], more: &[&'static str]| {
            rules.iter().flat_map(|rule| columns(rule)).chain(more).copied().collect()
        };
        DetectStage {
            rules: rules.to_vec(),
            config,
            activity: projection(Dataset::Activity, union(|rule| rule.activity_columns, &["service"])),
            native: [
                projection(Dataset::S3Access, union(|rule| rule.s3_access_columns, &[])),
                projection(Dataset::CloudTrail, union(|rule| rule.cloudtrail_columns, &KIND_COLUMNS)),
            ],
        }
    }

    /// Why rules could not be evaluated, one sentence each, in the order of the rules. They found nothing, but that
    /// says nothing.
    pub fn not_evaluated(&self, worker: &DetectWorker) -> Vec<String> {
        let blind = self.rules.iter().filter(|rule| !rule.needs.iter().any(|need| worker.seen.contains(need)));
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
        DetectWorker { detectors, seen: BTreeSet::new() }
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
        see(&batch, &mut worker.seen);
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
        left.seen.extend(right.seen);
        left
    }
}

/// Which kinds of records a batch holds.
fn see(batch: &DetectBatch<'_>, seen: &mut BTreeSet<Evidence>) {
    if batch.log == LogType::S3Access {
        seen.insert(Evidence::AccessLines);
        return;
    }
    if seen.is_superset(&[Evidence::DataEvents, Evidence::ManagementEvents, Evidence::KmsEvents].into()) {
        return;
    }
    let (service, category) = (batch.text("service"), batch.native_text("event_category"));
    let management: Option<&BooleanArray> =
        batch.native.column_by_name("management_event").and_then(|column| column.as_boolean_opt());
    let kms = Word::new("kms");
    for row in 0..batch.len() {
        // Records before 2020 have no category.
        let is_management = match cell(category, row) {
            Some(category) => category == "Management",
            None => management.is_none_or(|column| column.is_null(row) || column.value(row)),
        };
        if kms.is_at(service, row) {
            seen.insert(Evidence::KmsEvents);
        }
        if is_management {
            seen.insert(Evidence::ManagementEvents);
        } else if cell(service, row).is_some_and(|service| service.starts_with("s3")) {
            seen.insert(Evidence::DataEvents);
        }
    }
}

#[cfg(test)]
mod tests;
