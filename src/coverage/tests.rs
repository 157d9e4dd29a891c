use super::kind::LogKind;
use super::stage::{CoverageWorker, GATHERED_ROWS};
use super::{Coverage, CoverageStage};
use crate::decode::{Block, Segment};
use crate::detect::testing::shuffled;
use crate::parse::{FieldTable, LogType, s3_access};
use crate::pipeline::Stage;

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
        "o bucket-{bucket} [0{day}/Mar/2026:{hour:02}:00:38 +0000] - - R{number:015} REST.GET.OBJECT k \"GET / HTTP/1.1\" \
         200 - 1 1 1 1 \"-\" \"-\" -\n"
    )
}

fn lines(count: usize) -> Vec<String> {
    let line_of = |number: usize| {
        let (bucket, day, hour) = (number * number % 397, 1 + number % 3, number % 24);
        line(bucket, day, hour, number)
    };
    (0..count).map(line_of).collect()
}

fn seen(stage: &CoverageStage, lines: &[String], cut: usize) -> Coverage {
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
            let stage = CoverageStage::with_budgets([], budgets);
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
    let stage = CoverageStage::new(["bucket-1".to_owned()]);
    let coverage = seen(&stage, &lines, 100);
    let buckets: Vec<Option<&str>> = coverage.places.iter().map(|place| place.bucket.as_deref()).collect();
    assert_eq!(buckets, [None, Some("bucket-1")]);
    assert_eq!(coverage.places[0].days.total().of(LogKind::AccessLines), 500);
}

#[test]
fn repeats_and_refused_records_of_many_places_do_not_pile_up_in_a_worker() {
    let count = GATHERED_ROWS as usize + 1;
    let stage = CoverageStage::new([]);
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
