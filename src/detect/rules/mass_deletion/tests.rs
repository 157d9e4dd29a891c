use super::*;
use crate::detect::deletions::Deletions;
use crate::detect::testing::{Activity, codes, detect, finish_over};
use crate::parse::LogType;
use LogType::{CloudTrail, S3Access};

fn deletes(log: LogType, keys: i64, every_ms: i64) -> Vec<(LogType, Activity)> {
    let delete = |number: i64| Activity {
        action: "DeleteObject",
        operation: "REST.DELETE.OBJECT",
        status: Some(204),
        time_ms: Some(number * every_ms),
        line: number,
        key: Some(format!("key {number}")),
        ..Activity::default()
    };
    (0..keys).map(|number| (log, delete(number))).collect()
}

fn reads(keys: i64) -> Vec<(LogType, Activity)> {
    let read = |number: i64| Activity {
        key: Some(format!("key {number}")),
        line: 100_000 + number,
        ..Activity::default()
    };
    (0..keys).map(|number| (S3Access, read(number))).collect()
}

fn levels(rows: &[(LogType, Activity)]) -> Vec<(Severity, u64)> {
    let found = detect(&RULE, &Config::default(), rows);
    found.alerts.iter().map(|alert| (alert.severity, alert.count)).collect()
}

#[test]
fn fifty_keys_in_an_hour_are_medium_and_a_tenth_of_the_bucket_or_a_thousand_high() {
    let second = 1000;
    for (deleted, every_ms, known, expected) in [
        (49, second, 1000, vec![]),
        (50, second, 1000, vec![(Severity::Medium, 50)]),
        (50, second, 500, vec![(Severity::High, 50)]),
        (50, 76 * second, 1000, vec![]),
        (50, 72 * second, 1000, vec![(Severity::Medium, 50)]),
        (1000, second, 3000, vec![(Severity::High, 1000)]),
    ] {
        let rows = [deletes(S3Access, deleted, every_ms), reads(known)].concat();
        assert_eq!(levels(&rows), expected, "{deleted} of {known}, one every {every_ms} ms");
    }
}

#[test]
fn the_same_deletes_in_both_logs_count_once_and_name_both() {
    let rows = [deletes(S3Access, 30, 1000), deletes(CloudTrail, 30, 1000), reads(1000)].concat();
    assert!(levels(&rows).is_empty());
    let rows = [deletes(S3Access, 60, 1000), deletes(CloudTrail, 60, 1000), reads(1000)].concat();
    let found = detect(&RULE, &Config::default(), &rows);
    assert_eq!((found.alerts[0].count, &found.alerts[0].logs[..]), (60, &["s3_access", "cloudtrail"][..]));
}

#[test]
fn keys_that_only_one_log_shows_are_joined_and_so_are_requests_and_their_keys() {
    let mut trail = deletes(CloudTrail, 30, 1000);
    trail.iter_mut().for_each(|(_, row)| row.key = row.key.as_ref().map(|key| format!("other {key}")));
    let rows = [deletes(S3Access, 30, 1000), trail, reads(1000)].concat();
    assert_eq!(levels(&rows), [(Severity::Medium, 60)]);
    let mut parts = deletes(S3Access, 60, 1000);
    parts.iter_mut().for_each(|(_, row)| row.operation = "BATCH.DELETE.OBJECT");
    let mut request = deletes(CloudTrail, 1, 1000);
    (request[0].1.action, request[0].1.key) = ("DeleteObjects", None);
    let found = detect(&RULE, &Config::default(), &[parts, request, reads(1000)].concat());
    assert_eq!((found.alerts[0].count, found.alerts[0].logs.len()), (60, 2));
}

#[test]
fn services_lifecycle_refusals_and_the_same_key_again_do_not_count() {
    let changed = |change: fn(&mut Activity)| {
        let mut rows = deletes(S3Access, 60, 1000);
        rows.iter_mut().for_each(|(_, row)| change(row));
        levels(&rows)
    };
    assert_eq!(changed(|_| ()).len(), 1);
    assert!(changed(|row| row.kind = "service").is_empty());
    assert!(changed(|row| row.operation = "S3.EXPIRE.OBJECT").is_empty());
    assert!(changed(|row| row.outcome = "denied").is_empty());
    assert!(changed(|row| row.key = Some("one".to_owned())).is_empty());
    assert!(changed(|row| row.operation = "REST.POST.MULTI_OBJECT_DELETE").is_empty());
}

#[test]
fn a_multi_object_delete_in_cloudtrail_counts_as_one_and_says_so() {
    let mut rows = deletes(CloudTrail, 60, 1000);
    for (number, (_, row)) in rows.iter_mut().enumerate() {
        (row.action, row.key, row.request) = ("DeleteObjects", None, format!("R{number}"));
    }
    let found = detect(&RULE, &Config::default(), &rows);
    assert_eq!(found.alerts[0].observed["requests_with_unknown_keys"], json!(60));
    assert_eq!((found.alerts[0].severity, found.alerts[0].count), (Severity::Medium, 60));
    for (number, (_, row)) in rows.iter_mut().enumerate().take(12) {
        (row.action, row.key) = ("DeleteObject", Some(format!("key {number}")));
    }
    let summary = detect(&RULE, &Config::default(), &rows).alerts.remove(0).summary;
    let text = "deleted 12 different keys of bucket and sent 48 delete requests whose keys the log does not name";
    assert!(summary.contains(text), "{summary}");
}

#[test]
fn a_year_of_thirty_keys_an_hour_is_none_and_an_hour_of_sixty_in_it_is_one() {
    let hour = 3_600_000;
    let rows = |extra: i64| -> Vec<Activity> {
        let mut rows = deletes(S3Access, 30 * 24 * 365, hour / 30);
        rows.extend(deletes(S3Access, extra, 60_000));
        let from = rows.len() - extra as usize;
        for (number, (_, row)) in rows[from..].iter_mut().enumerate() {
            (row.time_ms, row.key) = (Some(4321 * hour + number as i64 * 100_000), Some(format!("more {number}")));
        }
        rows.into_iter().map(|(_, row)| row).collect()
    };
    for (extra, expected) in [(0, vec![]), (30, vec![60])] {
        let mut deletions = Deletions::default();
        Activity::batch(S3Access, &rows(extra), |batch| deletions.observe(batch, &codes(batch)));
        let found = finish_over(ReadingDetector::<MassDeletion>::of(&Config::default()), &deletions);
        let peaks: Vec<u64> =
            found.alerts.iter().map(|alert| alert.observed["deletes_in_a_window"].as_u64().unwrap()).collect();
        assert!(peaks.len() == expected.len() && peaks.iter().all(|peak| (58..=62).contains(peak)), "{peaks:?}");
        assert!(found.alerts.iter().all(|alert| !alert.evidence.is_empty()) && found.notes.is_empty());
    }
}

#[test]
fn two_hundred_thousand_keys_are_counted_exactly_in_both_logs() {
    let mut deletions = Deletions::default();
    for log in LogType::ALL {
        let rows: Vec<Activity> = deletes(log, 200_000, 100).into_iter().map(|(_, row)| row).collect();
        Activity::batch(log, &rows, |batch| deletions.observe(batch, &codes(batch)));
    }
    let found = finish_over(ReadingDetector::<MassDeletion>::of(&Config::default()), &deletions);
    assert_eq!((found.alerts.len(), found.alerts[0].count), (1, 200_000));
    assert_eq!((found.alerts[0].evidence_total, found.alerts[0].evidence.len()), (400_000, 5));
}

#[test]
fn what_engines_remove_themselves_is_low_and_hides_nobody() {
    let temporary = |mut rows: Vec<(LogType, Activity)>| {
        let name = |key: String| format!("lake/_temporary/0/_temporary/attempt_1/{key}");
        rows.iter_mut().for_each(|(_, row)| row.key = row.key.take().map(name));
        rows
    };
    let spark = temporary(deletes(S3Access, 2000, 1000));
    assert_eq!(levels(&spark), [(Severity::Low, 2000)]);
    let both = [spark, deletes(S3Access, 1000, 1000)].concat();
    assert_eq!(levels(&both), [(Severity::High, 1000), (Severity::Low, 2000)]);
}

#[test]
fn a_request_in_cloudtrail_whose_keys_are_temporary_is_not_counted_again() {
    let mut parts = deletes(S3Access, 60, 1000);
    for (_, row) in &mut parts {
        row.operation = "BATCH.DELETE.OBJECT";
        row.request = format!("R{}", row.line);
        row.key = row.key.take().map(|key| format!("_temporary/{key}"));
    }
    let requests = parts.iter().map(|(_, part)| Activity {
        action: "DeleteObjects",
        key: None,
        request: part.request.clone(),
        time_ms: part.time_ms,
        ..Activity::default()
    });
    let requests: Vec<(LogType, Activity)> = requests.map(|row| (CloudTrail, row)).collect();
    assert_eq!(levels(&[parts, requests].concat()), [(Severity::Low, 60)]);
}
