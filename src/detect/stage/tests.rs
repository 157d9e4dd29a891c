use super::*;
use crate::detect::{RULES, Sample, manual, sample_run};
use crate::parse::LogType;

fn run(rule: &'static Rule, tables: &[FieldTable], cut: usize) -> Findings {
    sample_run::run(rule, tables, cut)
}

fn tables(sample: &Sample) -> Vec<FieldTable> {
    sample_run::tables(sample).unwrap()
}

#[test]
fn every_rule_fires_on_its_sample_and_not_on_its_near_misses() {
    for rule in RULES.iter() {
        for sample in rule.samples {
            let tables = tables(sample);
            let findings = run(rule, &tables, usize::MAX);
            assert_eq!(
                findings.alerts.len(),
                usize::from(sample.fires),
                "{} {}: {:?}",
                rule.id,
                sample.name,
                findings.alerts
            );
            let rows: usize = tables.iter().map(FieldTable::len).sum();
            for cut in if rows < 100 { [1, 3] } else { [97, 1000] } {
                assert_eq!(run(rule, &tables, cut).alerts, findings.alerts, "{} {}", rule.id, sample.name);
            }
        }
    }
}

#[test]
fn every_rule_has_a_sample_that_fires_two_near_misses_and_a_denied_twin() {
    for rule in RULES.iter() {
        let count = |prefix: &str| rule.samples.iter().filter(|sample| sample.name.starts_with(prefix)).count();
        assert!(rule.samples.iter().all(|sample| sample.fires == sample.name.starts_with("fires")));
        assert!(count("fires") >= 1 && count("near_miss") >= 2 && count("denied_twin") == 1, "{}", rule.id);
    }
}

#[test]
fn every_rule_has_a_whole_manual_and_columns_that_exist() {
    let config = Config::default();
    let stage = DetectStage::new(&RULES, &config);
    assert_eq!(stage.worker().common.detectors().count(), RULES.len());
    for (index, rule) in RULES.iter().enumerate() {
        assert!(!RULES[..index].iter().any(|other| other.id == rule.id || other.name == rule.name));
        for text in [rule.looks_for, rule.why, rule.cannot_see, rule.false_positives] {
            assert!(text.ends_with(['.', ')']) && !text.contains("  "), "{}: {text}", rule.id);
        }
        assert!(!rule.attack.is_empty() && !rule.next_steps.is_empty() && !rule.needs.is_empty());
        assert!(manual::manual(rule).contains(rule.looks_for));
    }
}

#[test]
fn what_could_not_be_evaluated_is_said() {
    let config = Config::default();
    let stage = DetectStage::new(&RULES, &config);
    let mut evidence = EvidenceCounts::default();
    let expected = "DEL-001: no access-log lines and no CloudTrail S3 data events to look at";
    assert!(stage.not_evaluated(&evidence).contains(&expected.to_owned()));
    assert_eq!(stage.not_evaluated(&evidence).len(), RULES.len());
    for rule in RULES.iter() {
        for sample in rule.samples {
            for table in tables(sample) {
                (0..table.len()).for_each(|row| evidence.count(&table, row));
            }
        }
    }
    assert!(stage.not_evaluated(&evidence).is_empty());
}

#[test]
fn an_alert_names_account_region_and_address_if_there_is_only_one() {
    let sees_rows = |rule: &&&'static Rule| super::super::with_parts(&[rule], &RULES).len() == 1;
    for rule in RULES.iter().filter(sees_rows) {
        let trail =
            |sample: &&Sample| sample.fires && sample.logs().iter().all(|(log, _)| *log == LogType::CloudTrail);
        for sample in rule.samples.iter().filter(trail) {
            let alert = run(rule, &tables(sample), 1).alerts.remove(0);
            assert!(alert.account_id.is_some() && alert.region.is_some(), "{} {alert:?}", rule.id);
            assert!(alert.remote_ip.is_some(), "{} {alert:?}", rule.id);
        }
    }
}
