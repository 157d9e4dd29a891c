use super::*;
use crate::detect::Config;
use crate::detect::alert::Confidence;
use crate::detect::testing::{Activity, detect, flood};
use crate::parse::LogType;
use LogType::{CloudTrail, S3Access};

const TRAIL_KEY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/x.json.gz";
const FLOW_KEY: &str = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/03/01/x.log.gz";

fn delete(key: &str) -> Activity {
    let (action, operation) = ("DeleteObject", "REST.DELETE.OBJECT");
    Activity { action, operation, status: Some(204), key: Some(key.to_owned()), ..Activity::default() }
}

fn levels(rows: &[(LogType, Activity)], config: &str) -> Vec<(Severity, Confidence, u64)> {
    let found = detect(&RULE, &Config::from_toml(config).unwrap(), rows);
    found.alerts.iter().map(|alert| (alert.severity, alert.confidence, alert.count)).collect()
}

#[test]
fn the_level_follows_from_the_key_the_version_and_how_the_bucket_is_known() {
    let listed = "log_buckets = ['bucket']";
    let version = Activity { version: Some("v1"), ..delete(FLOW_KEY) };
    for (row, config, expected) in [
        (delete(TRAIL_KEY), listed, vec![(Severity::Critical, Confidence::High, 1)]),
        (delete(FLOW_KEY), listed, vec![(Severity::High, Confidence::High, 1)]),
        (version, listed, vec![(Severity::Critical, Confidence::High, 1)]),
        (delete("notes.txt"), listed, vec![(Severity::Low, Confidence::High, 1)]),
        (delete(TRAIL_KEY), "", vec![(Severity::Medium, Confidence::Low, 1)]),
        (delete("notes.txt"), "", vec![]),
        (Activity { outcome: "denied", status: Some(403), ..delete(TRAIL_KEY) }, listed, vec![]),
        (Activity { outcome: "error", status: Some(404), ..delete(TRAIL_KEY) }, listed, vec![]),
        (Activity { action: "ExpireObject", operation: "S3.EXPIRE.OBJECT", ..delete(TRAIL_KEY) }, listed, vec![]),
    ] {
        assert_eq!(levels(&[(S3Access, row.clone())], config), expected, "{row:?}");
    }
}

#[test]
fn a_read_that_comes_later_shows_that_the_bucket_holds_logs_unless_it_failed() {
    let read = Activity { action: "HeadObject", key: Some(FLOW_KEY.to_owned()), line: 2, ..Activity::default() };
    let failed = Activity { outcome: "error", status: Some(404), ..read.clone() };
    let level = |row| levels(&[(S3Access, delete("notes.txt")), (CloudTrail, row)], "");
    assert_eq!(level(read), [(Severity::Low, Confidence::Low, 1)]);
    assert!(level(failed).is_empty());
}

#[test]
fn a_multi_object_delete_counts_by_its_keys_or_else_as_one() {
    let multi = |request: &str| Activity {
        action: "DeleteObjects",
        operation: "REST.POST.MULTI_OBJECT_DELETE",
        status: Some(200),
        key: None,
        request: request.to_owned(),
        ..delete("")
    };
    let part = |line| Activity { operation: "BATCH.DELETE.OBJECT", line, ..delete(FLOW_KEY) };
    let listed = "log_buckets = ['bucket']";
    let high = |count| vec![(Severity::High, Confidence::High, count)];
    for (rows, expected) in [
        (vec![(S3Access, multi("R1"))], high(1)),
        (vec![(S3Access, multi("R1")), (S3Access, part(2)), (S3Access, part(3))], high(2)),
        (vec![(S3Access, multi("R2")), (S3Access, part(2)), (S3Access, part(3))], high(3)),
        (vec![(S3Access, part(2)), (S3Access, part(3)), (CloudTrail, multi("R1"))], high(2)),
    ] {
        assert_eq!(levels(&rows, listed), expected, "{rows:?}");
    }
}

#[test]
fn deletes_that_only_one_log_shows_are_joined() {
    let rows = |log, numbers: std::ops::Range<i64>| -> Vec<(LogType, Activity)> {
        let row = |line| Activity { line, request: format!("R{line}"), ..delete(TRAIL_KEY) };
        numbers.map(|number| (log, row(number))).collect()
    };
    for (access, trail, expected) in [(0..3, 3..7, 7), (0..5, 3..7, 7), (0..7, 0..7, 7), (0..0, 0..7, 7)] {
        let found = detect(&RULE, &Config::default(), &[rows(S3Access, access), rows(CloudTrail, trail)].concat());
        let alert = &found.alerts[0];
        let seen = (alert.count, alert.observed["audit_files"].clone());
        assert_eq!(seen, (expected, json!(expected)));
        assert_eq!(alert.object_key.as_deref(), Some(TRAIL_KEY));
    }
    let both = [rows(S3Access, 0..3000), rows(CloudTrail, 0..3000)].concat();
    let found = detect(&RULE, &Config::default(), &both);
    let alert = &found.alerts[0];
    assert!((3000..=6000).contains(&alert.count) && alert.summary.contains("deleted about "), "{}", alert.summary);
    assert!(alert.observed["sampled_share"] != json!("all"));
}

#[test]
fn days_and_callers_are_alerts_of_their_own_and_a_day_is_one() {
    let at = |time_ms, principal, line| {
        (S3Access, Activity { time_ms: Some(time_ms), principal, line, ..delete(FLOW_KEY) })
    };
    let rows = [at(1, "a", 1), at(2, "a", 2), at(DAY_MS, "a", 3), at(1, "b", 4)];
    let found = detect(&RULE, &Config::default(), &rows);
    let mut counts: Vec<u64> = found.alerts.iter().map(|alert| alert.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2]);
}

#[test]
fn many_callers_and_buckets_stay_in_the_budget() {
    let bytes = |detector: &LogObjectDeleted| detector.deletes.bytes();
    flood(LogObjectDeleted::new, bytes, S3Access, &delete(TRAIL_KEY));
}
