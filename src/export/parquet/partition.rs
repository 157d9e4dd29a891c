//! Partitions: a dataset, a place and a UTC date.

use super::key::PartitionKey;
use super::log_path::LogPath;
use super::place::{Place, Places, Value, place_keys};
use crate::batch::Dataset;
use crate::parse::FieldTable;
use crate::parse::time::DAY_MS;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One folder of files. The order is that in which the output is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Partition {
    /// The dataset, also the name of the upper folder.
    pub(super) dataset: Dataset,
    /// Number of the place ([`super::place::Places`]).
    pub(super) place: u32,
    /// Days since 1970; `None` stands for rows without a time, or with one that no date of four-digit years has, and
    /// for all rows where the date is no key.
    pub(super) day: Option<i64>,
}

/// Keeps the number of partitions bounded, as they come from the log.
#[derive(Debug)]
pub(super) struct PartitionLimit {
    limit: usize,
    /// Partitions that have rows.
    seen: BTreeSet<Partition>,
    diverted: u64,
}

impl PartitionLimit {
    /// 27 years of dates, longer than S3 exists.
    pub(super) const MOST: usize = 10_000;

    /// So many partitions, and the default one.
    pub(super) fn new(limit: usize) -> PartitionLimit {
        PartitionLimit { limit, seen: BTreeSet::new(), diverted: 0 }
    }

    /// The partition that so many rows go to, called in the order of the input: those of partitions beyond the limit go to
    /// the default partition of all keys.
    pub(super) fn admit(&mut self, partition: Partition, rows: usize) -> Partition {
        if self.seen.contains(&partition) {
            return partition;
        }
        let mut partition = partition;
        if self.seen.len() >= self.limit {
            partition = Partition { place: Places::NOWHERE, day: None, ..partition };
            self.diverted += rows as u64;
        }
        self.seen.insert(partition);
        partition
    }

    /// Rows of partitions beyond the limit.
    pub(super) fn diverted(&self) -> u64 {
        self.diverted
    }
}

/// 0000-01-01 and 9999-12-31: dates outside are no partition values.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// The rows of each date, each in the order of the input.
pub(super) fn rows_by_day(table: &FieldTable, rows: &[u32]) -> BTreeMap<Option<i64>, Vec<u32>> {
    let day = |row: &u32| day(table, *row);
    let mut days: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
    // Neighbours mostly share their date: one look-up a run of rows.
    for run in rows.chunk_by(|left, right| day(left) == day(right)) {
        days.entry(day(&run[0])).or_default().extend_from_slice(run);
    }
    days
}

fn day(table: &FieldTable, row: u32) -> Option<i64> {
    let time = table.rows[row as usize].event_time_ms();
    time.map(|time| time.div_euclid(DAY_MS)).filter(|day| DAYS.contains(day))
}

/// Rows whose value of a key is none, with the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Defaulted {
    /// Rows of which neither record nor path tells the value.
    pub(super) unknown: u64,
    /// Rows with a value that may name no folder.
    pub(super) malformed: u64,
    /// The first such value.
    pub(super) example: Option<String>,
}

impl Defaulted {
    /// Adds what came behind.
    pub(super) fn add(&mut self, later: Defaulted) {
        self.unknown += later.unknown;
        self.malformed += later.malformed;
        self.example = self.example.take().or(later.example);
    }
}

/// The rows of each place and date.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PlacedRows {
    /// Each in the order of the input.
    pub(super) rows: BTreeMap<(Arc<Place>, Option<i64>), Vec<u32>>,
    /// By key, those that went to the default partition for want of a value.
    pub(super) defaulted: BTreeMap<PartitionKey, Defaulted>,
}

/// The most bytes of a value that are told.
const TOLD: usize = 80;

/// The rows by keys of which at least one is not the date.
pub(super) fn rows_by_place(
    keys: &[PartitionKey],
    dataset: Dataset,
    table: &FieldTable,
    rows: &[u32],
) -> PlacedRows {
    let with_date = keys.iter().any(|key| key.is_date());
    let path = |row: u32| LogPath::of(table.source_file(row as usize), table.log);
    let mut file: Option<(u32, LogPath<'_>)> = None;
    let mut values = |row: u32| {
        let segment = table.rows[row as usize].segment;
        let path = match file {
            Some((read, path)) if read == segment => path,
            _ => file.insert((segment, path(row))).1,
        };
        let values: Vec<Value<'_>> =
            place_keys(keys).map(|key| Value::of(key, dataset, table, row as usize, path)).collect();
        (values, if with_date { day(table, row) } else { None })
    };
    let mut placed = PlacedRows::default();
    let mut rest = rows;
    let mut next = rest.first().map(|row| values(*row));
    // Neighbours mostly share place and date: one look-up a run of rows.
    while let Some(shared) = next.take() {
        let mut length = 1;
        while let Some(row) = rest.get(length) {
            let found = values(*row);
            if found != shared {
                next = Some(found);
                break;
            }
            length += 1;
        }
        let (run, behind) = rest.split_at(length);
        let (values, day) = shared;
        for (key, value) in place_keys(keys).zip(&values) {
            placed.count(key, *value, length as u64);
        }
        let place: Place = values.iter().map(|value| value.known().map(Box::from)).collect();
        placed.rows.entry((Arc::new(place), day)).or_default().extend_from_slice(run);
        rest = behind;
    }
    placed
}

impl PlacedRows {
    fn count(&mut self, key: PartitionKey, value: Value<'_>, rows: u64) {
        let defaulted = match value {
            Value::Known(_) => return,
            Value::Unknown => Defaulted { unknown: rows, ..Defaulted::default() },
            Value::Malformed(text) => {
                let example = Some(text.chars().take(TOLD).collect());
                Defaulted { malformed: rows, example, ..Defaulted::default() }
            }
        };
        self.defaulted.entry(key).or_default().add(defaulted);
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::DEFAULT_PARTITION;
    use super::super::place::Places;
    use super::*;
    use crate::decode::{Block, Segment};
    use crate::parse::{LogType, Row, cloudtrail, s3_access};
    use arrow::buffer::Buffer;

    #[test]
    fn rows_of_partitions_beyond_the_limit_go_to_the_default_and_are_counted() {
        let mut limit = PartitionLimit::new(2);
        let partition = |place, day| Partition { dataset: Dataset::S3Access, place, day };
        let default = partition(Places::NOWHERE, None);
        for (place, day, is_diverted) in
            [(1, 1, false), (2, 1, false), (3, 1, true), (1, 1, false), (1, 2, true), (2, 1, false)]
        {
            let given = partition(place, Some(day));
            assert_eq!(limit.admit(given, 5), if is_diverted { default } else { given }, "{place} {day}");
        }
        assert_eq!(limit.diverted(), 10);
    }

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
        let places = Places::new(&[PartitionKey::EventDate], 1);
        let folder = |day: Option<i64>| places.folder(Places::NOWHERE, date(day));
        let folders: Vec<(String, Vec<u32>)> =
            rows_by_day(&table, &all).into_iter().map(|(day, rows)| (folder(day), rows)).collect();
        let expected = [
            (&*format!("event_date={DEFAULT_PARTITION}"), vec![2, 4, 6]),
            ("event_date=0000-01-01", vec![7]),
            ("event_date=1969-12-31", vec![1]),
            ("event_date=1970-01-01", vec![0, 3]),
            ("event_date=9999-12-31", vec![5]),
        ];
        assert_eq!(folders, expected.map(|(folder, rows)| (folder.to_owned(), rows)));
    }

    const DATED: &str = "logs/111122223333/eu-west-1/b-1/2026/03/01/x";

    fn access_table(files: &[(&str, &str, &str)]) -> FieldTable {
        let (mut bytes, mut segments) = (Vec::new(), Vec::new());
        for (file, bucket, host) in files {
            let segment =
                Segment { file: (*file).into(), start: bytes.len() as u32, first_number: 1, first_offset: 0 };
            segments.push(segment);
            let line = format!(
                "79a5 {bucket} [01/Mar/2026:00:00:38 +0000] 192.0.2.1 - ID REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 2 \
                 3 4 \"-\" \"curl\" - h= SigV4 T AuthHeader {host} TLSv1.3 - -\n"
            );
            bytes.extend_from_slice(line.as_bytes());
        }
        let block = Block { log: LogType::S3Access, bytes, segments, records: Vec::new(), framed: 0 };
        s3_access::parse_block(block, &mut Vec::new()).0
    }

    /// The folder of each row, and what was counted of a key.
    fn folders(keys: &[PartitionKey], dataset: Dataset, table: &FieldTable) -> (Vec<String>, Vec<Defaulted>) {
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        let placed = rows_by_place(keys, dataset, table, &rows);
        let mut places = Places::new(keys, 100);
        let mut folders: Vec<(u32, String)> = Vec::new();
        for ((place, day), rows) in &placed.rows {
            let number = places.number(place);
            folders.extend(rows.iter().map(|row| (*row, places.folder(number, date(*day)))));
        }
        folders.sort();
        let folders = folders.into_iter().map(|(_, folder)| folder).collect();
        (folders, placed.defaulted.into_values().collect())
    }

    fn date(day: Option<i64>) -> Option<String> {
        day.map(|day| crate::parse::time::format_date(day * DAY_MS))
    }

    #[test]
    fn an_access_line_tells_its_bucket_and_its_path_the_rest() {
        use PartitionKey::{AccountId, Bucket, EventDate, Region};
        let host = "b-1.s3.us-west-2.amazonaws.com";
        let table = access_table(&[
            (DATED, "b-1", host),
            (DATED, "b-1", host),
            ("2026-03-01-00-00-00-A", "b-1", host),
            (DATED, "../../x", "b"),
        ]);
        let keys = [AccountId, Region, Bucket, EventDate];
        let (found, defaulted) = folders(&keys, Dataset::S3Access, &table);
        let none = DEFAULT_PARTITION;
        let dated = "account_id=111122223333/region=eu-west-1/bucket=b-1/event_date=2026-03-01";
        let expected = [
            dated.to_owned(),
            dated.to_owned(),
            format!("account_id={none}/region={none}/bucket=b-1/event_date=2026-03-01"),
            format!("account_id=111122223333/region=eu-west-1/bucket={none}/event_date=2026-03-01"),
        ];
        assert_eq!(found, expected);
        let unknown = Defaulted { unknown: 1, ..Defaulted::default() };
        let malformed = Defaulted { malformed: 1, example: Some("../../x".to_owned()), ..Defaulted::default() };
        assert_eq!(defaulted, [unknown.clone(), unknown, malformed]);
        // The column `region` of this dataset says what the endpoint says, and the path where that says nothing.
        let (found, _) = folders(&[Region], Dataset::Activity, &table);
        assert_eq!(found, ["region=us-west-2", "region=us-west-2", "region=us-west-2", "region=eu-west-1"]);
    }

    #[test]
    fn a_cloudtrail_record_tells_all_and_its_path_what_it_leaves_out() {
        use PartitionKey::{AccountId, Bucket, Region};
        for (record, file, expected) in [
            (
                r#"{"eventSource":"s3.amazonaws.com","awsRegion":"us-east-1","recipientAccountId":"111122223333","requestParameters":{"bucketName":"b-1"}}"#,
                "444455556666/CloudTrail/eu-west-1/2026/03/01/x",
                "account_id=111122223333/region=us-east-1/bucket=b-1".to_owned(),
            ),
            (
                r#"{"eventSource":"iam.amazonaws.com","eventName":"x"}"#,
                "444455556666/CloudTrail/eu-west-1/2026/03/01/x",
                format!("account_id=444455556666/region=eu-west-1/bucket={DEFAULT_PARTITION}"),
            ),
            (
                r#"{"eventSource":"iam.amazonaws.com","awsRegion":"a/../b","recipientAccountId":"..","eventName":"x"}"#,
                "x.json",
                format!("account_id={0}/region={0}/bucket={0}", DEFAULT_PARTITION),
            ),
        ] {
            let mut table = cloudtrail::parse_record(record.as_bytes()).unwrap();
            table.segments = vec![Segment { file: file.into(), start: 0, first_number: 1, first_offset: 0 }];
            let (found, _) = folders(&[AccountId, Region, Bucket], Dataset::CloudTrail, &table);
            assert_eq!(found, [expected], "{record}");
        }
    }
}
