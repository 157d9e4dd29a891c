use super::*;
use crate::detect::sample_run::run;
use crate::detect::sigma::load::load_text;
use crate::parse::{FieldTable, cloudtrail};

/// Two rules, and a correlation over them.
fn rules(correlation: &str) -> Vec<&'static Rule> {
    let text = format!(
        "title: Listed\nname: listed\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  a: {{eventName: \
         ListBuckets}}\n  condition: a\n---\ntitle: Deleted\nname: deleted\nlogsource: {{product: aws, service: \
         cloudtrail}}\ndetection:\n  a: {{eventName: DeleteBucket}}\n  condition: a\n---\ntitle: Both\nid: \
         both\n{correlation}"
    );
    let loaded = load_text("test.yml", &text, &Default::default());
    assert!(loaded.complaints.is_empty(), "{:?}", loaded.complaints);
    loaded.rules
}

/// Records: second, name, user and bucket.
fn table(records: &[(i64, &str, &str, &str)]) -> Vec<FieldTable> {
    let record = |(second, name, user, bucket): &(i64, &str, &str, &str)| {
        let time = crate::parse::time::format_iso(second * 1000);
        let arn = format!("arn:aws:iam::111122223333:user/{user}");
        let record = json!({
            "eventTime": time, "eventSource": "s3.amazonaws.com", "eventName": name, "eventType": "AwsApiCall",
            "userIdentity": {"type": "IAMUser", "arn": arn, "userName": user},
            "requestParameters": {"bucketName": bucket}, "eventID": format!("{second}{name}{user}{bucket}"),
        });
        cloudtrail::parse_record(record.to_string().as_bytes()).unwrap()
    };
    records.iter().map(record).collect()
}

/// First second, count and caller of each alert.
fn found(rule: &'static Rule, records: &[(i64, &str, &str, &str)]) -> Vec<(i64, u64, String)> {
    let alerts = |records: &[(i64, &str, &str, &str)]| run(rule, &with_file(table(records)), 1).alerts;
    let whole = alerts(records);
    for seed in 1..4 {
        assert_eq!(alerts(&crate::detect::testing::shuffled(records.to_vec(), seed)), whole, "the order shows");
    }
    let user = |alert: &Alert| alert.principal.as_deref().unwrap_or("?").rsplit('/').next().unwrap().to_owned();
    let mut seen: Vec<_> =
        whole.iter().map(|alert| (alert.first_seen_ms.unwrap() / 1000, alert.count, user(alert))).collect();
    seen.sort();
    seen
}

/// Each record in a file of its own.
fn with_file(mut tables: Vec<FieldTable>) -> Vec<FieldTable> {
    for table in &mut tables {
        let file = crate::decode::Segment { file: "a".into(), start: 0, first_number: 1, first_offset: 0 };
        table.segments.push(file);
    }
    tables
}

fn correlation(kind: &str, rest: &str) -> &'static Rule {
    let text = format!(
        "correlation:\n  type: {kind}\n  rules: [listed, deleted]\n  group-by: [userIdentity.userName]\n  timespan: \
         60s\n{rest}"
    );
    rules(&text)[0]
}

#[test]
fn records_are_counted_by_group_in_windows_of_event_time() {
    let rule = correlation("event_count", "  condition: {gte: 3}\n");
    for (records, expected) in [
        (
            vec![(0, "ListBuckets", "a", "x"), (30, "DeleteBucket", "a", "x"), (60, "ListBuckets", "a", "x")],
            vec![(0, 3)],
        ),
        (
            vec![(0, "ListBuckets", "a", "x"), (30, "DeleteBucket", "a", "x"), (61, "ListBuckets", "a", "x")],
            vec![],
        ),
        (
            vec![(0, "ListBuckets", "a", "x"), (30, "DeleteBucket", "b", "x"), (60, "ListBuckets", "a", "x")],
            vec![],
        ),
        (vec![(0, "GetObject", "a", "x"), (30, "DeleteBucket", "a", "x"), (60, "ListBuckets", "a", "x")], vec![]),
    ] {
        let seen: Vec<(i64, u64)> = found(rule, &records).into_iter().map(|(at, count, _)| (at, count)).collect();
        assert_eq!(seen, expected, "{records:?}");
    }
    // Windows do not overlap, and the first that counts is taken.
    let many: Vec<_> = (0..9).map(|step| (step * 25, "ListBuckets", "a", "x")).collect();
    let seen: Vec<(i64, u64)> = found(rule, &many).into_iter().map(|(at, count, _)| (at, count)).collect();
    assert_eq!(seen, [(0, 3), (75, 3), (150, 3)]);
}

#[test]
fn values_are_counted_once_each() {
    let rule = correlation("value_count", "  condition: {field: requestParameters.bucketName, gte: 3}\n");
    let records = |buckets: [&'static str; 4]| -> Vec<(i64, &str, &str, &str)> {
        (0..).zip(buckets).map(|(at, bucket)| (at, "DeleteBucket", "a", bucket)).collect()
    };
    assert_eq!(found(rule, &records(["x", "x", "y", "z"])), [(0, 4, "a".to_owned())]);
    assert_eq!(found(rule, &records(["x", "x", "y", "y"])), []);
}

#[test]
fn all_rules_must_have_records_and_in_order_where_it_is_asked_for() {
    let [any, ordered] = ["temporal", "temporal_ordered"].map(|kind| correlation(kind, ""));
    for (first, second, in_any, in_order) in [
        ((0, "ListBuckets"), (9, "DeleteBucket"), true, true),
        ((0, "DeleteBucket"), (9, "ListBuckets"), true, false),
        ((5, "DeleteBucket"), (5, "ListBuckets"), true, true),
        ((0, "ListBuckets"), (61, "DeleteBucket"), false, false),
        ((0, "ListBuckets"), (9, "ListBuckets"), false, false),
    ] {
        let records = [(first.0, first.1, "a", "x"), (second.0, second.1, "a", "x")];
        assert_eq!(found(any, &records).len(), usize::from(in_any), "{records:?}");
        assert_eq!(found(ordered, &records).len(), usize::from(in_order), "{records:?}");
    }
}

#[test]
fn a_condition_may_ask_for_the_absence_of_a_rule() {
    let rule = correlation("temporal", "  condition: deleted and not listed\n");
    assert_eq!(found(rule, &[(0, "DeleteBucket", "a", "x")]).len(), 1);
    assert_eq!(found(rule, &[(0, "DeleteBucket", "a", "x"), (1, "ListBuckets", "a", "x")]).len(), 0);
}

#[test]
fn fields_have_other_names_in_other_rules() {
    let rule = rules(
        "correlation:\n  type: temporal\n  rules: [listed, deleted]\n  group-by: [who]\n  timespan: 1h\n  aliases:\n    \
         who:\n      listed: userIdentity.userName\n      deleted: requestParameters.bucketName\n",
    )[0];
    assert_eq!(found(rule, &[(0, "ListBuckets", "a", "x"), (9, "DeleteBucket", "b", "a")]).len(), 1);
    assert_eq!(found(rule, &[(0, "ListBuckets", "a", "x"), (9, "DeleteBucket", "a", "b")]).len(), 0);
}

#[test]
fn rules_that_only_correlations_ask_for_raise_no_alerts_unless_told_to() {
    let text = "correlation:\n  type: temporal\n  rules: [listed]\n  timespan: 1h\n";
    let names = |text: &str| rules(text).iter().map(|rule| rule.title).collect::<Vec<_>>();
    assert_eq!(names(text), ["Deleted", "Both"]);
    assert_eq!(names(&format!("{text}  generate: true\n")), ["Listed", "Deleted", "Both"]);
}

#[test]
fn times_become_coarser_before_memory_runs_out_whatever_the_order() {
    let mut moments: Vec<i64> = (0..40_000).map(|number| number * 977 % 3_000_017).collect();
    moments.dedup();
    let mut states = Vec::new();
    for seed in [0, 1, 2] {
        let mut whole = Entities::<Group>::with_budget(1 << 20);
        for part in crate::detect::testing::shuffled(moments.clone(), seed).chunks(9_000) {
            let mut groups = Entities::<Group>::with_budget(1 << 20);
            for second in part {
                let moment = Moment { second: *second, part: 0, log: 1, is_done: true, value: 0 };
                groups.observe("1:a", 1, |group, level| group.see(level, moment, 1));
            }
            whole.merge(groups);
        }
        assert!(whole.bytes() <= 1 << 20);
        let group = whole.get("1:a").unwrap().moments.clone();
        assert_eq!(group.values().sum::<u64>(), moments.len() as u64);
        states.push((whole.state_level(), group));
    }
    assert!(states[0].0 > 0 && states.iter().all(|state| *state == states[0]));
    assert!((0..Group::LEVELS).all(|level| grain_seconds(level + 1) % grain_seconds(level) == 0));
}

#[test]
fn what_cannot_be_expressed_is_said() {
    for (correlation, reason) in [
        ("type: value_sum\n  rules: [listed]\n  timespan: 1h\n  condition: {gte: 1, field: x}", "value_sum"),
        ("type: event_count\n  rules: [nobody]\n  timespan: 1h\n  condition: {gte: 1}", "the rule nobody"),
        ("type: value_count\n  rules: [listed]\n  timespan: 1h\n  condition: {gte: 1}", "needs one field"),
        ("type: event_count\n  rules: [listed]\n  timespan: 99y\n  condition: {gte: 1}", "ten years"),
        ("type: event_count\n  rules: []\n  timespan: 1h\n  condition: {gte: 1}", "must name"),
        (
            "type: temporal_ordered\n  rules: [listed]\n  timespan: 1h\n  condition: listed and not listed",
            "not supported",
        ),
        ("type: temporal\n  rules: [listed]\n  timespan: 1h\n  condition: other", "none of its rules"),
        ("type: temporal\n  rules: [listed]\n  timespan: 1h\n  condition: all of typo*", "none of its rules"),
        (
            "type: event_count\n  window: tumbling\n  rules: [listed]\n  timespan: 1h\n  condition: {gte: 1}",
            "tumbling",
        ),
    ] {
        let text = format!(
            "title: Listed\nname: listed\nlogsource: {{product: aws, service: cloudtrail}}\ndetection:\n  a: \
             {{eventName: ListBuckets}}\n  condition: a\n---\ntitle: C\ncorrelation:\n  {correlation}\n"
        );
        let complaints = load_text("test.yml", &text, &Default::default()).complaints;
        assert!(complaints.len() == 1 && complaints[0].to_string().contains(reason), "{reason}: {complaints:?}");
        assert_eq!(complaints[0].line, Some(8));
    }
}
