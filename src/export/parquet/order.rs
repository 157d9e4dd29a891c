//! The order of rows in files: by time, those of one time in the order of the input.

use super::collector::Rows;
use super::column::PAGE_ROWS;
use crate::batch::Dataset;
use crate::parse::{FieldTable, Row};
use std::ops::Range;

/// The column that rows of a dataset are sorted by, which holds the time of the event. Rows in which it is null come last.
pub(super) fn sort_column(dataset: Dataset) -> &'static str {
    if dataset == Dataset::Ocsf { "time" } else { "event_time" }
}

/// The order of the rows of a row group.
#[derive(Debug)]
pub(super) struct RowOrder {
    /// What stands one behind the other.
    pub(super) stretches: Vec<Stretch>,
    /// Rows of [`Stretch::Mixed`]: the number of each, counted through all `Rows` that are mixed.
    pub(super) mixed: Vec<u32>,
    /// Of each `Rows`: are they mixed with others?
    pub(super) is_mixed: Vec<bool>,
}

/// Rows that stand together in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// All rows of these `Rows`, as they are.
    Whole(usize),
    /// Rows of several, at these places of [`RowOrder::mixed`]; no more than a page holds.
    Mixed(Range<usize>),
}

/// What a row is sorted by: its time less one, so that the least number, which stands for no time, becomes the greatest.
pub(super) fn sort_key(table: &FieldTable, row: u32) -> i64 {
    const { assert!(Row::NO_TIME == i64::MIN) };
    table.rows[row as usize].event_time_ms.wrapping_sub(1)
}

/// Rows for which it pays to be kept apart from others that will be mixed: the pieces of two more parts cost about as much
/// as mixing so many rows.
const LEAST_REST: usize = 128;

/// Some sorted rows of a unit; no more than a page holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'r> {
    pub(super) rows: &'r [u32],
    /// Do they lie where rows of neighbouring units are to be expected between them?
    pub(super) is_edge: bool,
}

/// Puts rows of a unit in order. In logs that are only roughly in order, neighbouring units overlap by about as much as
/// rows within a unit are late: so much of both ends is kept apart, that the rest can stand as it is.
pub(super) fn sorted_parts<'r>(table: &FieldTable, rows: &'r mut [u32]) -> Vec<Part<'r>> {
    let key = |row: &u32| sort_key(table, *row);
    let (mut latest, mut late) = (i64::MIN, 0);
    for key in rows.iter().map(key) {
        latest = latest.max(key);
        late = late.max(latest.saturating_sub(key));
    }
    if late == 0 {
        return pages(rows, false).collect();
    }
    sort(table, rows);
    // An eighth and a second more, as not every unit shows how late rows can be.
    let overlap = late.saturating_add(late / 8 + 1000);
    let (Some(first), Some(last)) = (rows.first().map(key), rows.last().map(key)) else { return Vec::new() };
    let head = rows.partition_point(|row| key(row) <= first.saturating_add(overlap));
    let tail = rows.partition_point(|row| key(row) < last.saturating_sub(overlap));
    if tail.saturating_sub(head) < (rows.len() / 2).max(LEAST_REST) {
        return pages(rows, false).collect();
    }
    let (rest, tail) = rows.split_at(tail);
    let (head, rest) = rest.split_at(head);
    pages(head, true).chain(pages(rest, false)).chain(pages(tail, true)).collect()
}

fn pages(rows: &[u32], is_edge: bool) -> impl Iterator<Item = Part<'_>> {
    rows.chunks(PAGE_ROWS).map(move |rows| Part { rows, is_edge })
}

fn sort(table: &FieldTable, rows: &mut [u32]) {
    let key = |row: &u32| sort_key(table, *row);
    let least = rows.iter().map(key).min().unwrap_or(0);
    let greatest = rows.iter().map(key).max().unwrap_or(0);
    if greatest.checked_sub(least).is_none_or(|span| span > i64::from(u32::MAX)) {
        rows.sort_by_key(key);
        return;
    }
    // Time and place in one number, which is sorted in a third of the steps. A day has fewer milliseconds.
    let place = (0u64..).zip(rows.iter());
    let mut places: Vec<u64> = place.map(|(place, row)| (key(row).abs_diff(least)) << 32 | place).collect();
    places.sort_unstable();
    let sorted: Vec<u32> = places.iter().map(|place| rows[*place as u32 as usize]).collect();
    rows.copy_from_slice(&sorted);
}

impl RowOrder {
    /// The order of rows that are sorted each for itself; `None`: as they stand.
    pub(super) fn of(rows: &[Rows]) -> Option<RowOrder> {
        let is_sorted = rows.is_sorted_by(|left, right| match (left.keys.last(), right.keys.first()) {
            (Some(last), Some(first)) => last <= first,
            _ => true,
        });
        if is_sorted {
            return None;
        }
        let mut keys: Vec<(i64, u32)> = Vec::with_capacity(rows.iter().map(|rows| rows.keys.len()).sum());
        let mut starts = Vec::with_capacity(rows.len() + 1);
        for rows in rows {
            starts.push(keys.len());
            keys.extend(rows.keys.iter().zip(keys.len() as u32..).map(|(key, row)| (*key, row)));
        }
        starts.push(keys.len());
        // Stable, and quick where sorted runs follow one another.
        keys.sort_by_key(|(key, _)| *key);
        let rows: Vec<u32> = keys.into_iter().map(|(_, row)| row).collect();
        Some(RowOrder::new(&rows, &starts))
    }

    /// `rows`: all rows in order, the number of each counted through all `Rows`. `starts`: the number of the first row of
    /// each `Rows`, and of all rows.
    pub(super) fn new(rows: &[u32], starts: &[usize]) -> RowOrder {
        let mut order = RowOrder {
            stretches: Vec::new(),
            mixed: Vec::new(),
            is_mixed: starts.windows(2).map(|border| border[0] < border[1]).collect(),
        };
        let mut done = 0;
        for run in rows.chunk_by(|left, right| left + 1 == *right) {
            // A run can go on into the next `Rows`.
            let mut first = run[0] as usize;
            let end = first + run.len();
            while first < end {
                let index = starts.partition_point(|start| *start <= first) - 1;
                let next = end.min(starts[index + 1]);
                if first == starts[index] && next == starts[index + 1] {
                    order.end_mixed(&mut done);
                    order.stretches.push(Stretch::Whole(index));
                    order.is_mixed[index] = false;
                } else {
                    order.mixed.extend(first as u32..next as u32);
                }
                first = next;
            }
        }
        order.end_mixed(&mut done);
        order.leave_out_whole(starts);
        order
    }

    /// Those at `done` and behind become stretches.
    fn end_mixed(&mut self, done: &mut usize) {
        let end = self.mixed.len();
        let pages = (*done..end).step_by(PAGE_ROWS);
        self.stretches.extend(pages.map(|start| Stretch::Mixed(start..end.min(start + PAGE_ROWS))));
        *done = end;
    }

    /// Counts through those that are mixed alone.
    fn leave_out_whole(&mut self, starts: &[usize]) {
        let mut left_out = 0;
        let mut before = Vec::with_capacity(self.is_mixed.len());
        for (is_mixed, border) in self.is_mixed.iter().zip(starts.windows(2)) {
            before.push((border[0] as u32, left_out as u32));
            left_out += if *is_mixed { 0 } else { border[1] - border[0] };
        }
        // Neighbours mostly are of one `Rows`.
        for rows in self.mixed.chunk_by_mut(|left, right| left + 1 == *right) {
            let (start, left_out) = before[before.partition_point(|(start, _)| *start <= rows[0]) - 1];
            debug_assert!(start <= rows[0]);
            rows.iter_mut().for_each(|row| *row -= left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stretch::{Mixed, Whole};
    use super::*;
    use crate::parse::{LogType, Span};
    use arrow::buffer::Buffer;

    fn table(times: &[i64]) -> FieldTable {
        let row = |time: &i64| Row { event_time_ms: *time, number: 1, segment: 0, flags: 0, record: Span::NULL };
        FieldTable {
            log: LogType::S3Access,
            text: Buffer::from_vec(Vec::<u8>::new()),
            width: 0,
            spans: Vec::new(),
            rows: times.iter().map(row).collect(),
            segments: Vec::new(),
            replaced_fields: 0,
            is_read_back: false,
        }
    }

    #[test]
    fn every_dataset_has_its_sort_column() {
        for dataset in Dataset::ALL {
            let name = sort_column(dataset);
            assert!(dataset.columns().iter().any(|column| column.name == name), "{}", dataset.name());
        }
    }

    #[test]
    fn rows_are_sorted_by_time_with_ties_in_their_order_and_those_without_a_time_last() {
        let far = i64::MAX / 2;
        for (times, sorted) in [
            (&[1, 2, 2, 3][..], &[0, 1, 2, 3][..]),
            (&[3, 2, 2, 1], &[3, 1, 2, 0]),
            (&[Row::NO_TIME, 5, Row::NO_TIME, i64::MAX, i64::MIN + 1], &[4, 1, 3, 0, 2]),
            (&[far, -far, 0, far, -far], &[1, 4, 2, 0, 3]),
            (&[], &[]),
        ] {
            let mut rows: Vec<u32> = (0..times.len() as u32).collect();
            let parts = sorted_parts(&table(times), &mut rows);
            assert_eq!(parts.iter().flat_map(|part| part.rows).copied().collect::<Vec<_>>(), sorted, "{times:?}");
        }
    }

    #[test]
    fn the_ends_of_a_unit_are_kept_apart_as_far_as_its_rows_are_late() {
        // A row a second, every third one is ten seconds late; so are those of neighbours.
        let time = |row: i64| (row - if row % 3 == 0 { 10 } else { 0 }) * 1000;
        let parts = |count: i64| {
            let times: Vec<i64> = (0..count).map(time).collect();
            let (table, mut rows) = (table(&times), (0..count as u32).collect::<Vec<_>>());
            let parts = sorted_parts(&table, &mut rows);
            parts.iter().map(|part| (part.rows.len(), part.is_edge)).collect::<Vec<_>>()
        };
        assert_eq!(parts(40), [(40, false)]);
        let found = parts(50_000);
        assert_eq!(found.iter().map(|(rows, _)| rows).sum::<usize>(), 50_000);
        assert!(found[1..].iter().all(|(rows, _)| *rows <= PAGE_ROWS));
        assert_eq!(
            found.iter().map(|(_, is_edge)| *is_edge).collect::<Vec<_>>(),
            [true, false, false, false, true]
        );
        // Nine seconds behind the row before; with what is added, eleven from the first row at -10 and the last at 49,999.
        assert_eq!((found[0].0, found[4].0), (5, 9));
    }

    fn order(keys: &[&[i64]]) -> Option<(Vec<Stretch>, Vec<u32>)> {
        let rows = |keys: &&[i64]| Rows { keys: keys.to_vec(), pieces: Vec::new(), bytes: 0, is_edge: false };
        let order = RowOrder::of(&keys.iter().map(rows).collect::<Vec<_>>())?;
        for (index, is_mixed) in order.is_mixed.iter().enumerate() {
            assert_eq!(*is_mixed, !keys[index].is_empty() && !order.stretches.contains(&Whole(index)));
        }
        Some((order.stretches, order.mixed))
    }

    #[test]
    fn rows_that_are_in_order_stand_and_only_those_that_overlap_are_mixed() {
        for (keys, expected) in [
            (&[&[1, 2][..], &[2, 3], &[], &[3]][..], None),
            (&[&[1, 1], &[1, 1]], None),
            (&[&[5, 6], &[1, 2]], Some((vec![Whole(1), Whole(0)], vec![]))),
            (&[&[i64::MAX], &[7]], Some((vec![Whole(1), Whole(0)], vec![]))),
            (&[&[1, 3], &[2, 3], &[4, 9]], Some((vec![Mixed(0..4), Whole(2)], vec![0, 2, 1, 3]))),
            (&[&[1, 9], &[4, 5]], Some((vec![Mixed(0..1), Whole(1), Mixed(1..2)], vec![0, 1]))),
            (
                &[&[0], &[8, 9], &[1, 2], &[3, 9]],
                Some((vec![Whole(0), Whole(2), Mixed(0..1), Whole(1), Mixed(1..2)], vec![0, 1])),
            ),
            (&[&[7, 9], &[5], &[], &[3, 8]], Some((vec![Mixed(0..1), Whole(1), Mixed(1..4)], vec![2, 0, 3, 1]))),
        ] {
            assert_eq!(order(keys), expected, "{keys:?}");
        }
    }

    #[test]
    fn a_stretch_is_no_longer_than_a_page() {
        let (even, odd): (Vec<i64>, Vec<i64>) = (0..50_000).map(|number| (number * 2, number * 2 + 1)).unzip();
        let (stretches, mixed) = order(&[&odd, &even, &[0]]).unwrap();
        let page = |page| Mixed(page * PAGE_ROWS + 1..100_000.min((page + 1) * PAGE_ROWS + 1));
        let expected = [Mixed(0..1), Whole(2)].into_iter().chain((0..5).map(page));
        assert_eq!(stretches, expected.collect::<Vec<_>>());
        assert_eq!(mixed[..4], [50_000, 0, 50_001, 1]);
    }
}
