//! Files that are each in the order of time to one stream of rows in that order.
//!
//! Of each file that has been reached one batch is in memory. The rows that come before all rows not read yet go on; then
//! the file whose batch ends first gives its next one. Rows of one time stand in the order of the files.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use arrow::error::ArrowError;

/// A file to be merged.
pub(super) struct SortedFile<B> {
    /// No row is earlier; milliseconds since 1970.
    pub(super) first_ms: i64,
    /// Its batches.
    pub(super) batches: B,
}

/// The rows that were read last of a file.
struct Reached<B> {
    batches: B,
    batch: RecordBatch,
    keys: Vec<i64>,
    /// Rows before it have gone on.
    row: usize,
    /// There is no batch behind this one.
    is_last: bool,
}

/// Rows without a time come last.
const NO_TIME_KEY: i64 = i64::MAX;

/// Merges the files. Each call of `take` gets rows that follow those of the one before.
///
/// # Errors
/// What files or `take` say, and what `failed` makes of rows that cannot be put together.
pub(super) fn merge_sorted<B, E>(
    files: Vec<SortedFile<B>>,
    time_column: &str,
    failed: impl Fn(ArrowError) -> E,
    mut take: impl FnMut(RecordBatch) -> Result<(), E>,
) -> Result<(), E>
where
    B: Iterator<Item = Result<RecordBatch, E>>,
{
    // The next one last.
    let mut waiting: Vec<(usize, SortedFile<B>)> = files.into_iter().enumerate().collect();
    waiting.sort_by_key(|(number, file)| std::cmp::Reverse((file.first_ms, *number)));
    let mut reached: Vec<(usize, Reached<B>)> = Vec::new();
    loop {
        let ends = reached.iter().filter(|(_, file)| !file.is_last);
        let bound = ends.filter_map(|(number, file)| Some((*file.keys.last()?, *number))).min();
        let next_first = waiting.last().map(|(number, file)| (file.first_ms, *number));
        if let Some(first) = next_first
            && bound.is_none_or(|bound| first <= bound)
        {
            let Some((number, file)) = waiting.pop() else { continue };
            let SortedFile { mut batches, .. } = file;
            if let Some(batch) = next_batch(&mut batches)? {
                let keys = keys(&batch, time_column);
                reached.push((number, Reached { batches, batch, keys, row: 0, is_last: false }));
                reached.sort_by_key(|(number, _)| *number);
            }
            continue;
        }
        if let Some(rows) = rows_up_to(&mut reached, bound).map_err(&failed)? {
            take(rows)?;
        }
        let Some((_, ended)) = bound else { return Ok(()) };
        let Some((_, file)) = reached.iter_mut().find(|(number, _)| *number == ended) else { return Ok(()) };
        match next_batch(&mut file.batches)? {
            Some(batch) => (file.keys, file.batch, file.row) = (keys(&batch, time_column), batch, 0),
            None => file.is_last = true,
        }
        reached.retain(|(_, file)| !file.is_last || file.row < file.keys.len());
    }
}

/// The next batch with rows.
fn next_batch<E>(batches: &mut impl Iterator<Item = Result<RecordBatch, E>>) -> Result<Option<RecordBatch>, E> {
    batches.find(|batch| batch.as_ref().map_or(true, |batch| batch.num_rows() > 0)).transpose()
}

/// Milliseconds since 1970: native tables have instants, OCSF has numbers.
fn keys(batch: &RecordBatch, time_column: &str) -> Vec<i64> {
    let times = batch.column_by_name(time_column);
    let instants = times.and_then(|times| times.as_primitive_opt::<TimestampMillisecondType>());
    let numbers = times.and_then(|times| times.as_primitive_opt::<Int64Type>());
    let key = |time: Option<i64>| time.unwrap_or(NO_TIME_KEY);
    match (instants, numbers) {
        (Some(times), _) => times.iter().map(key).collect(),
        (_, Some(times)) => times.iter().map(key).collect(),
        (None, None) => vec![NO_TIME_KEY; batch.num_rows()],
    }
}

/// The rows up to there; `None`: all.
fn rows_up_to<B>(
    reached: &mut [(usize, Reached<B>)],
    bound: Option<(i64, usize)>,
) -> Result<Option<RecordBatch>, ArrowError> {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for (index, (number, file)) in reached.iter_mut().enumerate() {
        let is_within = |key: &i64| bound.is_none_or(|bound| (*key, *number) <= bound);
        let end = file.keys.partition_point(is_within).max(file.row);
        order.extend((file.row..end).map(|row| (file.keys[row], index, row)));
        file.row = end;
    }
    if order.is_empty() {
        return Ok(None);
    }
    // Files stand in their order, and the sort is stable.
    order.sort_by_key(|(key, _, _)| *key);
    let places: Vec<(usize, usize)> = order.into_iter().map(|(_, index, row)| (index, row)).collect();
    let batches: Vec<&RecordBatch> = reached.iter().map(|(_, file)| &file.batch).collect();
    interleave_record_batch(&batches, &places).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, TimestampMillisecondArray};
    use std::sync::Arc;

    /// Times of a batch, as instants or numbers, each row with its own number.
    fn batch(is_instant: bool, file: i64, first_row: i64, times: Vec<Option<i64>>) -> RecordBatch {
        let numbers = (first_row..).take(times.len()).map(|row| file * 100 + row);
        let times: ArrayRef = match is_instant {
            true => Arc::new(TimestampMillisecondArray::from(times)),
            false => Arc::new(Int64Array::from(times)),
        };
        RecordBatch::try_from_iter([("t", times), ("n", Arc::new(Int64Array::from_iter_values(numbers)) as _)])
            .unwrap()
    }

    fn merged(is_instant: bool) -> Vec<i64> {
        let files: [&[&[i64]]; 4] =
            [&[&[1, 5], &[5, 5], &[9]], &[&[], &[5, 6, 7]], &[&[20]], &[&[0, 5], &[8, -1]]];
        let sorted_files = (0..).zip(files).map(|(number, batches)| {
            let time = |time: &i64| (*time >= 0).then_some(*time);
            let mut row = 0;
            let batches: Vec<Result<RecordBatch, ArrowError>> = batches
                .iter()
                .map(|times| {
                    row += times.len() as i64;
                    let first_row = row - times.len() as i64;
                    Ok(batch(is_instant, number, first_row, times.iter().map(time).collect()))
                })
                .collect();
            SortedFile { first_ms: [1, 5, 20, 0][number as usize], batches: batches.into_iter() }
        });
        let mut found = Vec::new();
        merge_sorted(
            sorted_files.collect(),
            "t",
            |error| error,
            |rows| {
                found.extend(rows.column(1).as_primitive::<Int64Type>().values().to_vec());
                Ok::<(), ArrowError>(())
            },
        )
        .unwrap();
        found
    }

    #[test]
    fn rows_come_by_time_then_file_and_those_without_a_time_last() {
        for is_instant in [true, false] {
            assert_eq!(merged(is_instant), [300, 0, 1, 2, 3, 100, 301, 101, 102, 302, 4, 200, 303]);
        }
    }
}
