//! Tests of the generator.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use super::{FieldEra, Random, SynthLog, SynthOptions, write_files, write_to};

fn generated(options: &SynthOptions) -> Vec<u8> {
    let mut out = Vec::new();
    let summary = write_to(options, &mut out).unwrap();
    assert_eq!(summary.bytes, out.len() as u64);
    out
}

fn small(log: SynthLog, seed: u64) -> SynthOptions {
    SynthOptions { log, seed, bytes: 400_000, hostile_ppm: 50_000, ..SynthOptions::default() }
}

/// Number of fields, by the two ends that only S3 writes: up to the request-URI, and after the last quote.
fn fields(line: &[u8]) -> usize {
    let last = line.iter().rposition(|&byte| byte == b'"');
    let words = |bytes: &[u8]| bytes.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).count();
    match last {
        // 17 fields up to the user agent.
        Some(last) => 17 + words(&line[last + 1..]),
        // A batch or copy line has no quotes; its requester may hold no spaces, the time has one.
        None => words(line) - 1,
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for log in [SynthLog::S3Access, SynthLog::CloudTrail] {
        assert_eq!(generated(&small(log, 7)), generated(&small(log, 7)));
        assert_ne!(generated(&small(log, 7)), generated(&small(log, 8)));
    }
}

#[test]
fn lines_have_the_fields_of_their_era() {
    for (era, expected) in [(FieldEra::Fields25, 25), (FieldEra::Fields26, 26), (FieldEra::Fields27, 27)] {
        let text = generated(&SynthOptions { era, ..small(SynthLog::S3Access, 3) });
        for line in text.strip_suffix(b"\n").unwrap().split(|&byte| byte == b'\n') {
            assert_eq!(fields(line), expected, "{}", String::from_utf8_lossy(line));
        }
    }
}

#[test]
fn the_source_region_can_appear_in_the_middle() {
    let text = generated(&SynthOptions { era: FieldEra::Changing, ..small(SynthLog::S3Access, 3) });
    let counts: Vec<usize> =
        text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(fields).collect();
    assert_eq!(counts.first(), Some(&26));
    assert_eq!(counts.last(), Some(&27));
}

#[test]
fn lines_are_as_long_as_real_ones() {
    let text = generated(&SynthOptions { hostile_ppm: 0, bytes: 8 << 20, ..small(SynthLog::S3Access, 5) });
    let lines = text.iter().filter(|&&byte| byte == b'\n').count();
    let average = text.len() / lines;
    assert!((600..=700).contains(&average), "{average} bytes a line");
    assert!(std::str::from_utf8(&text).is_ok());
}

#[test]
fn a_multi_object_delete_shares_its_request_id() {
    let text = generated(&SynthOptions { bytes: 4 << 20, hostile_ppm: 0, ..small(SynthLog::S3Access, 5) });
    let text = String::from_utf8(text).unwrap();
    let mut request = "";
    let mut batches = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[7] {
            "REST.POST.MULTI_OBJECT_DELETE" => request = words[6],
            "BATCH.DELETE.OBJECT" => {
                assert_eq!(words[6], request);
                batches += 1;
            }
            _ => {}
        }
    }
    assert!(batches > 10);
}

#[test]
fn hostile_lines_hold_inner_quotes_and_broken_text() {
    let text = generated(&SynthOptions { hostile_ppm: 200_000, ..small(SynthLog::S3Access, 9) });
    assert!(std::str::from_utf8(&text).is_err());
    let odd =
        text.split(|&byte| byte == b'\n').filter(|line| line.iter().filter(|&&byte| byte == b'"').count() > 6);
    assert!(odd.count() > 20);
}

#[test]
fn cloudtrail_is_valid_json_of_the_real_shape() {
    let text = generated(&SynthOptions { bytes: 1 << 20, ..small(SynthLog::CloudTrail, 4) });
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let records = value["Records"].as_array().unwrap();
    let average = text.len() / records.len();
    assert!((1_400..=2_000).contains(&average), "{average} bytes a record");
    for record in records {
        assert!(record["eventTime"].as_str().unwrap().ends_with('Z'));
        assert!(record["userIdentity"]["type"].is_string());
    }
    assert!(records.iter().any(|record| record["additionalEventData"]["bytesTransferredOut"].is_f64()));
    assert!(records.iter().any(|record| record["errorCode"] == "AccessDenied"));
    assert!(records.iter().any(|record| record["resources"][0]["ARNPrefix"].is_string()));
    assert!(records.iter().any(|record| record["eventSource"] == "kms.amazonaws.com"));
}

#[test]
fn duplicates_repeat_records() {
    let text = generated(&SynthOptions { duplicate_ppm: 300_000, ..small(SynthLog::CloudTrail, 4) });
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let ids: Vec<&str> =
        value["Records"].as_array().unwrap().iter().map(|r| r["eventID"].as_str().unwrap()).collect();
    let distinct: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert!(distinct.len() < ids.len());
}

#[test]
fn files_hold_the_same_lines_as_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions { files: 5, ..small(SynthLog::S3Access, 2) };
    let summary = write_files(&options, folder.path()).unwrap();
    assert_eq!(summary.files, 5);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder.path().join("access_logs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let total: Vec<u8> = paths.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(total, generated(&options));
}

#[test]
fn cloudtrail_files_lie_in_the_layout_of_aws() {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions { files: 0, bytes: 2 << 20, days: 1, ..small(SynthLog::CloudTrail, 2) };
    let summary = write_files(&options, folder.path()).unwrap();
    let (mut files, mut records) = (0, 0);
    // The last file is delivered after midnight.
    for day in ["01", "02"] {
        let path = folder.path().join("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03").join(day);
        for entry in std::fs::read_dir(path).unwrap() {
            let mut text = Vec::new();
            MultiGzDecoder::new(std::fs::File::open(entry.unwrap().path()).unwrap())
                .read_to_end(&mut text)
                .unwrap();
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            let delivered = value["Records"].as_array().unwrap().len() as u64;
            assert!((150..=650).contains(&delivered), "{delivered} records in a file");
            records += delivered;
            files += 1;
        }
    }
    assert_eq!((summary.files, summary.records), (files, records));
}

#[test]
fn ranks_are_in_range_and_skewed() {
    let mut random = Random::new(1);
    for count in [1, 2, 3, 24, 1_000] {
        let ranks: Vec<u64> = (0..10_000).map(|_| random.skewed(count)).collect();
        assert!(ranks.iter().all(|&rank| rank < count));
        let first = ranks.iter().filter(|&&rank| rank == 0).count();
        assert!(first as u64 >= 10_000 / (count * 2));
    }
}
