//! Partitions: a dataset and a UTC date.

use crate::batch::Dataset;
use crate::parse::FieldTable;
use crate::parse::time::{DAY_MS, format_date};
use std::collections::BTreeMap;

/// The partition column.
pub const DATE_KEY: &str = "event_date";

/// What the folder of a partition is called whose rows have no value.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// One folder of files. The order is that of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Partition {
    /// The dataset, also the name of the upper folder.
    pub(super) dataset: Dataset,
    /// Days since 1970; `None` stands for rows without a time, or with one that no date of four-digit years has.
    pub(super) day: Option<i64>,
}

/// 0000-01-01 and 9999-12-31: dates outside are no partition values.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

impl Partition {
    /// Name of the folder, in Hive's form. It is a date or Hive's word for none, so no log text can get into a path.
    pub(super) fn folder(self) -> String {
        match self.day {
            Some(day) => format!("{DATE_KEY}={}", format_date(day * DAY_MS)),
            None => format!("{DATE_KEY}={DEFAULT_PARTITION}"),
        }
    }
}

/// The rows of each date, each in the order of the input.
pub(super) fn rows_by_day(table: &FieldTable, rows: &[u32]) -> BTreeMap<Option<i64>, Vec<u32>> {
    let day = |row: &u32| {
        let time = table.rows[*row as usize].event_time_ms();
        time.map(|time| time.div_euclid(DAY_MS)).filter(|day| DAYS.contains(day))
    };
    let mut days: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
    // Neighbours mostly share their date: one look-up a run of rows.
    for run in rows.chunk_by(|left, right| day(left) == day(right)) {
        days.entry(day(&run[0])).or_default().extend_from_slice(run);
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{LogType, Row};
    use arrow::buffer::Buffer;

    #[test]
    fn rows_go_to_their_utc_date_and_odd_times_to_the_default() {
        let times = [
            0,
            -1,
            Row::NO_TIME,
            DAY_MS - 1,
            i64::MAX,
            253_402_300_799_999,
            253_402_300_800_000,
            -62_167_219_200_000,
        ];
        let row = |event_time_ms| Row {
            event_time_ms,
            number: 1,
            segment: 0,
            flags: 0,
            record: crate::parse::Span::NULL,
        };
        let table = FieldTable {
            log: LogType::S3Access,
            text: Buffer::from_vec(Vec::<u8>::new()),
            width: 0,
            spans: Vec::new(),
            rows: times.map(row).to_vec(),
            segments: Vec::new(),
            replaced_fields: 0,
            is_read_back: false,
        };
        let all: Vec<u32> = (0..times.len() as u32).collect();
        let folders: Vec<(String, Vec<u32>)> = rows_by_day(&table, &all)
            .into_iter()
            .map(|(day, rows)| (Partition { dataset: Dataset::S3Access, day }.folder(), rows))
            .collect();
        let expected = [
            ("event_date=__HIVE_DEFAULT_PARTITION__", vec![2, 4, 6]),
            ("event_date=0000-01-01", vec![7]),
            ("event_date=1969-12-31", vec![1]),
            ("event_date=1970-01-01", vec![0, 3]),
            ("event_date=9999-12-31", vec![5]),
        ];
        assert_eq!(folders, expected.map(|(folder, rows)| (folder.to_owned(), rows)));
    }
}
