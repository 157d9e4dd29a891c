//! Rules are tried on their own samples: each that must fire fires once, the others stay silent. Few need a configuration
//! or a baseline for it; the others are tried with nothing configured.

use super::baseline::LearnStage;
use super::rules::sample_settings;
use super::{Config, DetectStage, Findings, Rule, Sample};
use crate::decode::{Block, RecordFrame, Segment};
use crate::parse::{FieldTable, LogType, cloudtrail, s3_access};
use crate::pipeline::stage::Stage;
use serde::Serialize;
use std::sync::Arc;

/// What came of the samples of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The rule.
    pub id: &'static str,
    /// Alerts on a sample that must fire: 1 if each of them raised one, else the first other number.
    pub fired: usize,
    /// Near misses and denied twins that stayed silent.
    pub silent: usize,
    /// What is wrong, one sentence each.
    #[serde(skip)]
    pub violations: Vec<String>,
}

/// Samples beside those that fire which a rule must have: two near misses.
const LEAST_SILENT: usize = 2;

/// Tries a rule on its samples.
pub fn try_rule(rule: &'static Rule) -> Tried {
    let mut tried = Tried { id: rule.id, fired: 1, silent: 0, violations: Vec::new() };
    for sample in rule.samples {
        let alerts = match tables(sample) {
            Ok(tables) => run(rule, &tables, usize::MAX).alerts.len(),
            Err(reason) => {
                tried.violations.push(format!("{} {}: {reason}", rule.id, sample.name));
                continue;
            }
        };
        match (sample.fires, alerts) {
            (true, 1) => {}
            (false, 0) => tried.silent += 1,
            (fires, _) => {
                if fires && tried.fired == 1 {
                    tried.fired = alerts;
                }
                let expected = if fires { "one" } else { "none" };
                tried.violations.push(format!("{} {}: {alerts} alerts, not {expected}", rule.id, sample.name));
            }
        }
    }
    if !rule.samples.iter().any(|sample| sample.fires) {
        tried.fired = 0;
        tried.violations.push(format!("{}: no sample that fires", rule.id));
    }
    if tried.silent < LEAST_SILENT {
        tried.violations.push(format!("{}: {} samples stayed silent, not {LEAST_SILENT}", rule.id, tried.silent));
    }
    tried
}

/// The rows of a sample, a table a log.
///
/// # Errors
/// What is wrong with the sample.
pub fn tables(sample: &Sample) -> Result<Vec<FieldTable>, String> {
    sample.logs().into_iter().map(|(log, text)| table(log, &text)).collect()
}

/// The rows of a text.
pub(super) fn table(log: LogType, text: &str) -> Result<FieldTable, String> {
    let block = block(log, text)?;
    let mut rejects = Vec::new();
    let table = match log {
        LogType::S3Access => s3_access::parse_block(block, &mut rejects).0,
        LogType::CloudTrail => cloudtrail::parse_block(block, &mut rejects),
    };
    if table.is_empty() || !rejects.is_empty() {
        return Err(format!("{} records and {} refused", table.len(), rejects.len()));
    }
    Ok(table)
}

/// The configuration with which a rule is tried.
fn config(rule: &Rule) -> Result<Config, String> {
    let Some(setting) = sample_settings::of(rule) else { return Ok(Config::default()) };
    let mut config = Config::from_toml_with(setting.config, &mut sample_settings::file)?;
    if let Some(past) = setting.past {
        let (stage, table) = (LearnStage::default(), table(LogType::S3Access, &past())?);
        let mut worker = stage.worker();
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        stage.observe(&mut worker, 0, &table, &rows).map_err(|error| error.to_string())?;
        config.baseline = Some(Arc::new(stage.finish(worker)));
    }
    Ok(config)
}

/// The text of a log as one file in one block.
pub(crate) fn block(log: LogType, text: &str) -> Result<Block, String> {
    let segment = Segment { file: "sample".into(), start: 0, first_number: 1, first_offset: 0 };
    let mut block = Block { log, bytes: Vec::new(), segments: vec![segment], records: Vec::new(), framed: 0 };
    if log == LogType::S3Access {
        block.bytes.extend_from_slice(text.as_bytes());
        return Ok(block);
    }
    let file: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let records = file["Records"].as_array().ok_or("no Records")?;
    for (number, record) in (1..).zip(records) {
        let start = block.bytes.len() as u32;
        block.bytes.extend_from_slice(record.to_string().as_bytes());
        let end = block.bytes.len() as u32;
        block.records.push(RecordFrame { start, end, segment: 0, number, offset: u64::from(start) });
    }
    Ok(block)
}

/// The rules, and this one if it is none of them.
fn rules_and(rule: &'static Rule) -> Vec<&'static Rule> {
    let own = (!super::RULES.iter().any(|known| known.id == rule.id)).then_some(rule);
    super::RULES.iter().copied().chain(own).collect()
}

/// What a rule finds in some tables, each cut into parts of so many rows whose states are merged.
///
/// # Panics
/// If the configuration of the rule's samples cannot be read; a test walks all rules.
pub fn run(rule: &'static Rule, tables: &[FieldTable], cut: usize) -> Findings {
    let config = config(rule).unwrap_or_else(|reason| panic!("{}: {reason}", rule.id));
    let stage = DetectStage::new(&super::with_parts(&[rule], &rules_and(rule)), &config);
    let mut whole = stage.worker();
    for table in tables {
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        for (unit, part) in (0..).zip(rows.chunks(cut)) {
            let mut worker = stage.worker();
            stage.observe(&mut worker, unit, table, part).expect("detection writes nothing");
            whole = stage.merge(worker, whole);
        }
    }
    let mut findings = stage.finish(whole);
    // Those that it is made of have samples of their own.
    findings.alerts.retain(|alert| alert.rule_id == rule.id);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;

    #[test]
    fn a_rule_whose_samples_do_otherwise_is_named() {
        let good = RULES[0];
        assert!(try_rule(good).violations.is_empty());
        let turned: Vec<Sample> = good
            .samples
            .iter()
            .map(|sample| Sample { name: sample.name, logs: sample.logs, fires: !sample.fires })
            .collect();
        let bad: &'static Rule = Box::leak(Box::new(Rule { samples: Box::leak(turned.into()), ..copy(good) }));
        let tried = try_rule(bad);
        assert!(tried.fired == 0 && tried.silent == 0 && tried.violations.len() > good.samples.len(), "{tried:?}");
        let none: &'static Rule = Box::leak(Box::new(Rule { samples: &[], ..copy(good) }));
        assert_eq!(try_rule(none).violations.len(), 2);
    }

    fn copy(rule: &'static Rule) -> Rule {
        Rule { thresholds: rule.thresholds, ..*rule }
    }
}
