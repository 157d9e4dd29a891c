use super::*;
use crate::detect::key_sample::{crosses, fingerprint};
use crate::detect::testing::shuffled;

const ENTITY: u64 = 7;

fn table(log: LogType, cap: usize, rows: &[(i64, u64)]) -> KeyTable {
    let mut table = KeyTable::with_cap(cap);
    for (minute, key) in rows {
        table.insert(ENTITY, log, minute * MINUTE_MS + 5, fingerprint(&key.to_string()), true);
    }
    table
}

fn series(log: LogType, rows: &[(i64, u64)]) -> Series {
    table(log, MOST_KEYS, rows).sorted().of(ENTITY)
}

#[test]
fn windows_slide_and_overlapping_ones_are_joined() {
    for (rows, expected) in [
        (vec![(0, 1), (1, 2), (2, 3)], vec![(0..=2, 3)]),
        (vec![(0, 1), (1, 1), (2, 1)], vec![]),
        (vec![(0, 1), (4, 2), (9, 3)], vec![(0..=9, 3)]),
        (vec![(0, 1), (5, 2), (10, 3)], vec![]),
        (vec![(0, 1), (0, 2), (8, 3), (12, 4), (13, 5)], vec![(0..=13, 3)]),
        (vec![(0, 1), (0, 2), (0, 3), (50, 1), (50, 2), (51, 3), (52, 4)], vec![(0..=0, 3), (50..=52, 4)]),
    ] {
        let stretches = series(LogType::S3Access, &rows).stretches(10, 3, Measure::Keys);
        let found: Vec<_> = stretches.into_iter().map(|found| (found.minutes, found.peak)).collect();
        assert_eq!(found, expected, "{rows:?}");
    }
}

#[test]
fn the_larger_of_both_logs_counts_and_not_the_sum() {
    let rows = [(0, 1), (1, 2)];
    let mut both = table(LogType::S3Access, 99, &rows);
    both.merge(table(LogType::CloudTrail, 99, &rows));
    let both = both.sorted().of(ENTITY);
    assert!(both.stretches(10, 3, Measure::Records).is_empty());
    assert_eq!(both.stretches(10, 2, Measure::Records).len(), 1);
}

#[test]
fn a_table_depends_neither_on_order_nor_on_merges() {
    let rows: Vec<(i64, u64)> = (0..40_000).map(|key| (key as i64 * 31 % 30, key)).collect();
    for (cap, halvings) in [(50_000, 0), (10_001, 2), (9, 13)] {
        let whole = table(LogType::S3Access, cap, &rows);
        assert!(whole.halvings().abs_diff(halvings) <= 2 && (whole.halvings() == 0) == (halvings == 0));
        let halvings = whole.halvings();
        let whole = whole.sorted().of(ENTITY);
        for (seed, cut) in [(1, 40_000), (2, 1999), (3, 17_000)] {
            let mut merged = KeyTable::with_cap(cap);
            for part in shuffled(rows.clone(), seed).chunks(cut) {
                merged.merge(table(LogType::S3Access, cap, part));
            }
            assert_eq!(merged.halvings(), halvings);
            assert!(merged.sorted().of(ENTITY) == whole, "cap {cap}, seed {seed}");
        }
    }
}

#[test]
fn an_estimate_crosses_only_if_it_is_clearly_above() {
    for (sampled, halvings, expected) in [
        (49, 0, false),
        (50, 0, true),
        (25, 1, false),
        (45, 1, true),
        (7, 3, false),
        (125, 3, true),
        (1, 20, false),
    ] {
        assert_eq!(crosses(sampled, halvings, 50), expected, "{sampled} at {halvings}");
    }
}

#[test]
fn runs_are_of_minutes_next_to_each_other() {
    let minutes = Series::of_records([(0, [1, 0]), (1, [2, 1]), (2, [0, 2]), (4, [2, 2])]);
    assert_eq!((minutes.longest_run(&(0..=9), 1), minutes.longest_run(&(0..=9), 2)), (3, 2));
}
