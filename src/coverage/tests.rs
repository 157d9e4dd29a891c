use super::kind::LogKind;
use super::stage::{CoverageWorker, GATHERED_ROWS};
use super::{Coverage, CoverageStage, Selected};
use crate::decode::{Block, Segment};
use crate::detect::testing::shuffled;
use crate::investigate::pattern::Pattern;
use crate::investigate::{Conditions, Selection};
use crate::parse::cloudtrail::parse_record;
use crate::parse::{FieldTable, LogType, s3_access};
use crate::pipeline::Stage;
use std::collections::BTreeSet;

fn table(lines: &[String]) -> FieldTable {
    let segment = Segment {
        file: "2026-03-04-10-15-22-0A1B2C3D4E5F6071".into(),
        start: 0,
        first_number: 1,
        first_offset: 0,
    };
    let block = Block {
        log: LogType::S3Access,
        bytes: lines.concat().into_bytes(),
        segments: vec![segment],
        records: vec![],
        framed: lines.len() as u64,
    };
    s3_access::parse_block(block, &mut Vec::new()).0
}

fn line(bucket: usize, day: usize, hour: usize, number: usize) -> String {
    format!(
        "o bucket-{bucket} [0{day}/Mar/2026:{hour:02}:00:38 +0000] - arn:aws:iam::111122223333:user/u{} R{number:015} REST.GET.OBJECT k \"GET / HTTP/1.1\" \
         200 - 1 1 1 1 \"-\" \"-\" -\n",
        number % CALLERS
    )
}

const CALLERS: usize = 50;

fn lines(count: usize) -> Vec<String> {
    let line_of = |number: usize| {
        let (bucket, day, hour) = (number * number % 397, 1 + number % 3, number % 24);
        line(bucket, day, hour, number)
    };
    (0..count).map(line_of).collect()
}

fn seen(stage: &CoverageStage<'_>, lines: &[String], cut: usize) -> Coverage {
    let worker = |part: &[String]| -> CoverageWorker {
        let (mut worker, table) = (stage.worker(), table(part));
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        stage.observe(&mut worker, 0, &table, &rows).unwrap();
        worker
    };
    let merged = lines.chunks(cut).map(worker).reduce(|left, right| stage.merge(left, right));
    stage.finish(merged.unwrap())
}

#[test]
fn over_budget_buckets_are_left_out_by_name_and_accounts_stay_whole() {
    let lines = lines(6000);
    let all: [usize; 3] = [1 << 20, 1 << 24, 1 << 24];
    for (budgets, fits) in [(all, true), ([1 << 20, 100_000, 1 << 24], false), ([1 << 20, 1 << 24, 60_000], true)]
    {
        let mut told = Vec::new();
        for (seed, cut) in [(0, 6000), (1, 1000), (2, 37)] {
            let stage = CoverageStage::with_budgets(None, budgets);
            let coverage = seen(&stage, &shuffled(lines.clone(), seed), cut);
            let whole = coverage.places.iter().find(|place| place.bucket.is_none()).unwrap();
            assert_eq!(whole.days.total().of(LogKind::AccessLines), 6000);
            let buckets = coverage.places.len() - 1;
            assert_eq!(buckets == 199, fits, "{buckets}");
            assert_eq!(coverage.left_out.is_empty(), budgets == all, "{:?}", coverage.left_out);
            let places = coverage.places.into_iter();
            told.push((
                coverage.left_out,
                places.map(|place| (place.bucket, place.days, place.losses)).collect::<Vec<_>>(),
            ));
        }
        assert!(told.iter().all(|one| *one == told[0]), "{budgets:?}");
    }
}

#[test]
fn only_the_buckets_that_are_asked_for_take_memory() {
    let lines = lines(500);
    for (pattern, expected) in [
        ("bucket-1", &[None, Some("bucket-1")][..]),
        (
            "bucket-1*9",
            &[
                None,
                Some("bucket-119"),
                Some("bucket-129"),
                Some("bucket-169"),
                Some("bucket-179"),
                Some("bucket-19"),
            ],
        ),
        ("nowhere", &[]),
    ] {
        let options = Conditions { buckets: vec![Pattern::new(pattern)], ..Conditions::default() };
        let selection = Selection { options, alerts: Vec::new() };
        let stage = CoverageStage::of(&selection);
        let mut worker = stage.worker();
        stage.observe(&mut worker, 0, &table(&lines), &(0..500).collect::<Vec<_>>()).unwrap();
        assert_eq!(worker.gathered_places(), expected.len().max(1), "{pattern}");
        let coverage = stage.finish(worker);
        assert_eq!((buckets(&coverage), coverage.selected), (expected.to_vec(), None), "{pattern}");
        let rows = coverage.places.first().map(|place| place.days.total().of(LogKind::AccessLines));
        assert!(rows.is_none_or(|rows| rows == 500), "{rows:?}");
    }
}

fn buckets(coverage: &Coverage) -> Vec<Option<&str>> {
    coverage.places.iter().map(|place| place.bucket.as_deref()).collect()
}

fn of_caller(name: &str) -> Selection {
    let options = Conditions { principals: vec![Pattern::new(name)], ..Conditions::default() };
    Selection { options, alerts: Vec::new() }
}

#[test]
fn a_selection_chooses_the_same_places_in_any_order_and_tells_all_of_them() {
    let lines = lines(6000);
    let selection = of_caller("u7");
    let asked: BTreeSet<String> =
        (7..6000).step_by(CALLERS).map(|number| format!("bucket-{}", number * number % 397)).collect();
    for budgets in [[1 << 20, 1 << 24, 1 << 24], [1 << 20, 100_000, 1 << 24], [1 << 20, 1 << 24, 60_000]] {
        let whole = seen(&CoverageStage::with_budgets(None, budgets), &lines, 6000);
        let expected: Vec<_> = whole
            .places
            .into_iter()
            .filter(|place| place.bucket.as_ref().is_none_or(|bucket| asked.contains(bucket)))
            .map(|place| (place.bucket, place.days, place.losses))
            .collect();
        assert!(expected.len() > 10 && expected.len() <= asked.len() + 1, "{}", expected.len());
        for (seed, cut) in [(0, 6000), (1, 1000), (2, 37)] {
            let stage = CoverageStage::with_budgets(Some(&selection), budgets);
            let coverage = seen(&stage, &shuffled(lines.clone(), seed), cut);
            let selected = coverage.selected.unwrap();
            assert_eq!((selected.records, selected.may_belong), (120, [0, 0]));
            let span_ms =
                (7..6000).step_by(CALLERS).map(|number| (number % 3 * 24 + number % 24) as i64 * 3_600_000);
            let (first, last) = (span_ms.clone().min().unwrap(), span_ms.max().unwrap());
            let start_ms = 1_772_323_200_000 + 38_000;
            assert_eq!(selected.span_ms, Some((start_ms + first, start_ms + last)));
            assert_eq!(coverage.left_out, whole.left_out);
            let places = coverage.places.into_iter().map(|mut place| {
                assert!(place.days.is_asked_for || place.bucket.is_none());
                place.days.is_asked_for = false;
                (place.bucket, place.days, place.losses)
            });
            assert!(places.collect::<Vec<_>>() == expected, "{budgets:?} {cut}");
        }
    }
}

/// Region and bucket of the places of these records, of the caller `ann`.
fn places_of_ann(records: &[String]) -> (Vec<(String, Option<String>)>, Selected) {
    let selection = of_caller("ann");
    let stage = CoverageStage::of(&selection);
    let mut worker = stage.worker();
    for record in records {
        let mut table = parse_record(record.as_bytes()).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        stage.observe(&mut worker, 0, &table, &[0]).unwrap();
    }
    let coverage = stage.finish(worker);
    let selected = coverage.selected.unwrap();
    (coverage.places.into_iter().map(|place| (place.region.unwrap(), place.bucket)).collect(), selected)
}

fn event(who: &str, region: &str, rest: &str) -> String {
    format!(
        r#"{{"eventTime":"2026-03-04T09:00:00Z","awsRegion":"{region}","recipientAccountId":"111122223333",
        "userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/{who}"}},{rest}}}"#
    )
}

#[test]
fn records_choose_the_place_that_they_name_and_calls_of_kms_the_bucket_they_were_made_for() {
    let get = |who: &str, region: &str, rest: &str| {
        let call = r#""eventSource":"s3.amazonaws.com","eventName":"GetObject","eventCategory":"Data""#;
        event(who, region, &format!(r#"{call},"requestParameters":{{"bucketName":"b","key":"k"}}{rest}"#))
    };
    let decrypt = |bucket: &str, rest: &str| {
        let context = format!(r#"{{"encryptionContext":{{"aws:s3:arn":"arn:aws:s3:::{bucket}/k"}}}}"#);
        let call = r#""eventSource":"kms.amazonaws.com","eventName":"Decrypt","managementEvent":true"#;
        event("ann", "eu-west-1", &format!(r#"{call},"requestParameters":{context}{rest}"#))
    };
    let call = r#""eventSource":"ec2.amazonaws.com","eventName":"RunInstances","managementEvent":true"#;
    let of_bob = || get("bob", "us-east-1", "");
    for (records, expected) in [
        (vec![of_bob()], &[][..]),
        (vec![get("ann", "us-east-1", "")], &[("us-east-1", None), ("us-east-1", Some("b"))]),
        (vec![of_bob(), get("ann", "eu-west-1", r#","errorCode":"NoSuchBucket""#)], &[("eu-west-1", None)]),
        (vec![of_bob(), event("ann", "eu-west-1", call)], &[("eu-west-1", None)]),
        (vec![of_bob(), decrypt("b", "")], &[("eu-west-1", None), ("us-east-1", None), ("us-east-1", Some("b"))]),
        (vec![of_bob(), decrypt("b", r#","errorCode":"AccessDenied""#)], &[("eu-west-1", None)]),
        (vec![of_bob(), decrypt("nowhere", "")], &[("eu-west-1", None)]),
    ] {
        let (places, selected) = places_of_ann(&records);
        let places: Vec<(&str, Option<&str>)> =
            places.iter().map(|(region, bucket)| (region.as_str(), bucket.as_deref())).collect();
        assert_eq!(places, expected, "{records:?}");
        assert_eq!(selected.records, u64::from(!expected.is_empty()), "{records:?}");
    }
    // A record without its caller's name may be of anybody, and chooses nothing.
    let of_account = r#"{"eventSource":"s3.amazonaws.com","eventName":"GetObject","requestID":"R","awsRegion":"us-east-1",
        "additionalEventData":{"x-amz-id-2":"H"},"userIdentity":{"type":"AWSAccount","accountId":"444455556666"},
        "requestParameters":{"bucketName":"b","key":"k"}}"#;
    let (places, selected) = places_of_ann(&[of_account.to_owned()]);
    assert_eq!((places.len(), selected), (0, Selected { may_belong: [0, 1], ..Selected::default() }));
}

#[test]
fn of_refused_records_buckets_are_told_only_where_buckets_are_asked_for() {
    let options = Conditions { buckets: vec![Pattern::new("*-one")], ..Conditions::default() };
    let by_bucket = Selection { options, alerts: Vec::new() };
    let by_caller = of_caller("ann");
    for (selection, expected) in [(&by_bucket, &[None, Some("bucket-one")][..]), (&by_caller, &[])] {
        let stage = CoverageStage::of(selection);
        let mut worker = stage.worker();
        for bucket in ["bucket-one", "bucket-two"] {
            let file = format!("111122223333/us-east-1/{bucket}/2026/03/01/x");
            stage.refused(&mut worker, &file, LogType::S3Access, 1);
        }
        assert_eq!(buckets(&stage.finish(worker)), expected);
    }
}

#[test]
fn repeats_and_refused_records_of_many_places_do_not_pile_up_in_a_worker() {
    let count = GATHERED_ROWS as usize + 1;
    let stage = CoverageStage::default();
    let mut worker = stage.worker();
    let table = table(&(0..count).map(|number| line(number, 1, 1, number)).collect::<Vec<_>>());
    let rows: Vec<u32> = (0..count as u32).collect();
    stage.repeats(&mut worker, &table, &rows);
    assert_eq!(worker.gathered_places(), 2);
    stage.repeats(&mut worker, &table, &rows[..1]);
    for number in 0..count {
        let file = format!("111122223333/us-east-1/bucket-{number}/2026/03/01/x");
        stage.refused(&mut worker, &file, LogType::S3Access, 1);
    }
    assert!(worker.gathered_places() < 8, "{}", worker.gathered_places());
    let coverage = stage.finish(worker);
    let whole = coverage.places.iter().filter(|place| place.bucket.is_none());
    let totals = whole.map(|place| place.days.total());
    let sums = totals.fold((0, 0), |sum, day| (sum.0 + day.repeats, sum.1 + day.rejects));
    assert_eq!(sums, (count as u64 + 1, count as u64));
}
