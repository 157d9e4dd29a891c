//! Tests of the scenario: its bytes, and that the program's own readers take every record.

use super::incidents;
use super::timeline::Timeline;
use super::{IncidentKind, Scenario, ScenarioOptions, scenario};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use xxhash_rust::xxh3::Xxh3;

fn small(seed: u64) -> ScenarioOptions {
    ScenarioOptions { seed, events: 1, ..ScenarioOptions::default() }
}

/// A fingerprint of all paths and contents.
fn hash(scenario: &Scenario) -> u64 {
    let mut hash = Xxh3::new();
    for (path, content) in &scenario.files {
        hash.update(path.as_bytes());
        hash.update(content);
    }
    hash.digest()
}

fn lines(scenario: &Scenario) -> Vec<&str> {
    let access = scenario.files.iter().filter(|(path, _)| path.starts_with("access_logs/"));
    access.flat_map(|(_, text)| std::str::from_utf8(text).unwrap().lines()).collect()
}

fn records(scenario: &Scenario) -> Vec<Value> {
    let trail = scenario.files.iter().filter(|(path, _)| path.starts_with("cloudtrail/"));
    let read = |content: &[u8]| {
        let mut text = Vec::new();
        GzDecoder::new(content).read_to_end(&mut text).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    };
    trail.flat_map(|(_, content)| read(content)["Records"].as_array().unwrap().clone()).collect()
}

/// The words of a line outside quotes and brackets, quoted texts as one.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut bracket) = (false, false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            '[' => bracket = true,
            ']' => bracket = false,
            ' ' if !quoted && !bracket => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        words.last_mut().unwrap().push(character);
    }
    words
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = scenario(&small(1));
    assert_eq!(hash(&first), hash(&scenario(&small(1))));
    assert_ne!(hash(&first), hash(&scenario(&small(2))));
}

#[test]
fn the_counts_are_those_of_the_records() {
    for options in [small(3), ScenarioOptions::benign(3, 1)] {
        let told = scenario(&options);
        let (lines, records) = (lines(&told).len(), records(&told).len());
        assert_eq!(told.benign_events + told.incident_events, (lines + records) as u64);
        assert_eq!(told.incident_events == 0, options.incidents.is_empty());
        assert_eq!(told.incidents.len(), options.incidents.len());
    }
}

#[test]
fn the_number_of_events_can_be_chosen() {
    let told = scenario(&ScenarioOptions::benign(4, 150_000));
    assert!((140_000..160_000).contains(&told.benign_events), "{}", told.benign_events);
}

#[test]
fn benign_records_do_not_depend_on_the_incidents() {
    let (with, without) = (scenario(&small(5)), scenario(&ScenarioOptions::benign(5, 1)));
    assert_eq!(with.benign_events, without.benign_events);
    let (with, without) = (lines(&with), lines(&without));
    let with: BTreeSet<&str> = with.into_iter().collect();
    assert!(without.iter().all(|line| with.contains(line)));
}

#[test]
fn every_line_has_27_fields() {
    for line in lines(&scenario(&small(6))) {
        let spaces = usize::from(line.contains("Origin Access Identity")) * 4;
        assert_eq!(words(line).len() - spaces, 27, "{line}");
    }
}

#[test]
fn a_request_has_one_id_in_both_logs() {
    let told = scenario(&small(7));
    let mut hosts = BTreeMap::new();
    for line in lines(&told) {
        let words = words(line);
        let from_end = |index: usize| words[words.len() - index].clone();
        hosts.insert(words[5].clone(), from_end(9));
    }
    let records = records(&told);
    let in_s3 = |record: &&Value| record["additionalEventData"]["x-amz-id-2"].is_string();
    let mut joined = 0;
    for record in records.iter().filter(in_s3) {
        let host = record["additionalEventData"]["x-amz-id-2"].as_str();
        if record["userIdentity"]["invokedBy"] != "cloudtrail.amazonaws.com" {
            assert_eq!(hosts.get(record["requestID"].as_str().unwrap()).map(String::as_str), host, "{record}");
            joined += 1;
        }
    }
    assert!(joined > 10_000, "{joined}");
}

#[test]
fn batch_and_lifecycle_lines_look_as_s3_writes_them() {
    let told = scenario(&small(8));
    let lines = lines(&told);
    let of = |operation: &str| lines.iter().filter(|line| line.contains(operation)).copied().collect::<Vec<_>>();
    let batch = of(" BATCH.DELETE.OBJECT ");
    assert!(batch.len() > 100 && batch.iter().all(|line| !line.contains('"') && line.contains(" - 204 - - ")));
    let expired = of(" S3.EXPIRE.OBJECT ");
    let whole = |line: &&str| line.contains("] - AmazonS3 ") && line.ends_with(" - - - - - - - -");
    assert!(expired.len() > 3_000 && expired.iter().all(whole));
}

#[test]
fn each_incident_lies_on_the_last_three_days() {
    let day = 86_400_000;
    let start = super::clock::START * 1_000;
    for kind in IncidentKind::ALL {
        for seed in 1..9 {
            let mut timeline = Timeline::new(seed);
            let incident = incidents::weave(kind, &mut timeline);
            assert_eq!(incident.kind, kind);
            assert!(incident.from_ms >= start + 7 * day && incident.until_ms < start + 10 * day, "{incident:?}");
            assert!(incident.from_ms < incident.until_ms && !incident.rules.is_empty(), "{incident:?}");
            assert!(timeline.records() > 50, "{incident:?}");
        }
    }
}

#[test]
fn an_incident_can_be_had_alone() {
    let told = scenario(&ScenarioOptions { incidents: vec![IncidentKind::LogDeletion], ..small(9) });
    assert_eq!(told.incidents.len(), 1);
    // A list, 23 single deletes, 5 digests and a request for many in both logs, and the 12 keys of that.
    assert_eq!(told.incident_events, 2 * (1 + 23 + 5 + 1) + 12);
}

#[test]
fn the_configuration_names_what_the_company_knows() {
    let config: toml::Table = toml::from_str(&scenario(&small(1)).config_toml).unwrap();
    let names: Vec<&str> = config.keys().map(String::as_str).collect();
    let mut expected = ["owned_accounts", "public_buckets", "readers", "iac_roles", "partners"];
    expected.sort_unstable();
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(config["readers"][0].as_str(), Some("arn:aws:iam::111122223333:role/siem-collector"));
}
