//! Tests of the scenario: its bytes, and that the program's own readers take every record.

use super::incidents;
use super::timeline::Timeline;
use super::{IncidentKind, Intensity, Scenario, ScenarioOptions, scenario};
use crate::eval::{self, Label};
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
        assert_eq!(told.labels.len(), options.incidents.len());
        assert_eq!(told.labels.iter().filter_map(|label| label.events).sum::<u64>(), told.incident_events);
    }
}

#[test]
fn the_number_of_events_can_be_chosen() {
    let told = scenario(&ScenarioOptions::benign(4, 160_000));
    assert!((150_000..170_000).contains(&told.benign_events), "{}", told.benign_events);
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

/// Each kind at each intensity, alone, with a seed.
fn each_incident(mut check: impl FnMut(IncidentKind, Intensity, &Label, Timeline)) {
    for kind in IncidentKind::ALL {
        for intensity in Intensity::ALL {
            for seed in [1, 2, 101] {
                let mut timeline = Timeline::new(seed);
                let label = incidents::weave(kind, intensity, &mut timeline);
                check(kind, intensity, &label, timeline);
            }
        }
    }
}

#[test]
fn each_incident_lies_on_the_last_three_days() {
    let day = 86_400_000;
    let start = super::clock::START * 1_000;
    each_incident(|kind, intensity, label, timeline| {
        assert_eq!((label.kind.as_str(), label.intensity.as_deref()), (kind.name(), Some(intensity.name())));
        assert!(label.first_ms >= start + 7 * day && label.last_ms < start + 10 * day, "{label:?}");
        assert!(label.first_ms < label.last_ms && timeline.records() > 3, "{label:?}");
        assert_eq!(label.events, Some(timeline.records()));
    });
}

#[test]
fn a_lower_intensity_is_less_or_slower() {
    let mut before: Option<(IncidentKind, u64, f64)> = None;
    each_incident(|kind, _, label, timeline| {
        let seconds = (label.last_ms - label.first_ms) as f64 / 1_000.0;
        let rate = timeline.records() as f64 / seconds;
        if let Some((kind_before, seed, rate_before)) = before
            && (kind_before, seed) == (kind, timeline.seed())
            // Lifecycle does in a night what it is told.
            && kind != IncidentKind::LogExpiration
        {
            assert!(rate < rate_before, "{}: {rate} a second after {rate_before}", label.incident);
        }
        if timeline.seed() == 1 {
            before = Some((kind, 1, rate));
        }
    });
}

#[test]
fn no_two_incidents_share_a_caller_or_a_bucket_at_a_time() {
    for intensity in Intensity::ALL {
        let mut timeline = Timeline::new(7);
        let labels: Vec<Label> =
            IncidentKind::ALL.iter().map(|kind| incidents::weave(*kind, intensity, &mut timeline)).collect();
        for (index, label) in labels.iter().enumerate() {
            for other in &labels[..index] {
                let overlap = label.first_ms <= other.last_ms && other.first_ms <= label.last_ms;
                let common = |mine: &[String], theirs: &[String]| mine.iter().any(|name| theirs.contains(name));
                assert!(!common(&label.principals, &other.principals), "{label:?} {other:?}");
                assert!(!common(&label.addresses, &other.addresses), "{label:?} {other:?}");
                assert!(!overlap || !common(&label.buckets, &other.buckets), "{label:?} {other:?}");
            }
        }
    }
}

#[test]
fn the_labels_are_a_file_that_is_read_back() {
    let told = scenario(&ScenarioOptions { intensity: Intensity::Low, ..small(9) });
    assert_eq!(eval::parse(&told.labels_jsonl()).unwrap(), told.labels);
    assert_eq!(told.labels.len(), 15);
}

#[test]
fn an_incident_can_be_had_alone() {
    let told = scenario(&ScenarioOptions { incidents: vec![IncidentKind::LogDeletion], ..small(9) });
    assert_eq!(told.labels.len(), 1);
    // Two calls; a list, 23 single deletes, 5 digests and a request for many in both logs, and the 12 keys of that.
    assert_eq!(told.incident_events, 2 + 2 * (1 + 23 + 5 + 1) + 12);
}

/// The records of an incident, alone.
fn records_of(kind: IncidentKind) -> Vec<Value> {
    let mut timeline = Timeline::new(1);
    incidents::weave(kind, Intensity::Medium, &mut timeline);
    let files = super::files::of(timeline);
    let told =
        Scenario { files, config_toml: String::new(), benign_events: 0, incident_events: 0, labels: vec![] };
    records(&told)
}

#[test]
fn what_is_done_stands_in_the_members_that_aws_uses() {
    let parameter = |kind, event: &str, pointer: &str| {
        let records = records_of(kind);
        let record = records.iter().find(|record| record["eventName"] == event);
        record.and_then(|record| record.pointer(pointer)).cloned().unwrap_or_default()
    };
    let algorithm = "/requestParameters/x-amz-server-side-encryption-customer-algorithm";
    let key = "/requestParameters/x-amz-server-side-encryption-aws-kms-key-id";
    let strange_key = "arn:aws:kms:us-east-1:777788889999:key/9f8e7d6c-5b4a-4321-8765-0123456789ab";
    for (kind, event, pointer, expected) in [
        (IncidentKind::SseCRansomware, "CopyObject", algorithm, "AES256"),
        (IncidentKind::SseCRansomware, "CopyObject", "/additionalEventData/SSEApplied", "SSE_C"),
        (IncidentKind::SseCRansomware, "GetObject", "/errorCode", "InvalidRequest"),
        (IncidentKind::KmsRansomware, "CopyObject", key, strange_key),
        (IncidentKind::KmsRansomware, "GenerateDataKey", "/resources/0/accountId", "777788889999"),
        (IncidentKind::KmsRansomware, "GetObject", "/errorCode", "KMS.DisabledException"),
        (
            IncidentKind::VersionPurge,
            "PutBucketVersioning",
            "/requestParameters/VersioningConfiguration/Status",
            "Suspended",
        ),
        (IncidentKind::PresignedLeak, "GetObject", "/requestParameters/X-Amz-Expires", "604800"),
        (IncidentKind::PresignedLeak, "GetObject", "/additionalEventData/AuthenticationMethod", "QueryString"),
        (IncidentKind::CrossAccountCopy, "CopyObject", "/userIdentity/accountId", "777788889999"),
        (
            IncidentKind::PublicScrape,
            "PutBucketPolicy",
            "/requestParameters/bucketPolicy/Statement/0/Principal",
            "*",
        ),
    ] {
        assert_eq!(parameter(kind, event, pointer), expected, "{kind:?} {event} {pointer}");
    }
    let copy =
        records_of(IncidentKind::SseCRansomware).into_iter().find(|record| record["eventName"] == "CopyObject");
    let parameters = &copy.unwrap()["requestParameters"];
    let source = format!("example-invoices/{}", parameters["key"].as_str().unwrap());
    assert_eq!(parameters["x-amz-copy-source"], source.as_str());
}

#[test]
fn a_copy_leaves_two_lines_with_one_request_id() {
    let told = scenario(&ScenarioOptions { incidents: vec![IncidentKind::SseCRansomware], ..small(3) });
    // The partner's copies leave only the line of what is read: what is written lies in an account of its own.
    let lines: Vec<&str> =
        lines(&told).into_iter().filter(|line| !line.contains(" example-partner-share ")).collect();
    let ids = |operation: &str| -> Vec<String> {
        lines.iter().filter(|line| line.contains(operation)).map(|line| words(line)[5].clone()).collect()
    };
    let (mut written, mut read) = (ids(" REST.COPY.OBJECT "), ids(" REST.COPY.OBJECT_GET "));
    written.sort_unstable();
    read.sort_unstable();
    assert!(written.len() > 800 && written == read, "{} {}", written.len(), read.len());
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
