//! The first records of a hit, and how many there are.

use super::batch::{Columns, cell};
use super::text_column::TextColumn;
use super::{DetectBatch, facts};
use crate::parse::{LogType, time};
use arrow::array::{Array, Int64Array, TimestampMillisecondArray};
use serde::{Deserialize, Serialize, Serializer};
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::ops::RangeInclusive;

/// How many records an alert shows.
pub const EVIDENCE_ROWS: usize = 5;

/// A record that an alert rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRow {
    /// The log.
    pub log: LogType,
    /// Line or record in its file, from 1.
    pub source_line: i64,
    /// When it happened, milliseconds since 1970 UTC.
    pub event_time_ms: Option<i64>,
    texts: Texts,
}

/// The texts of a row, one behind the other in one piece of memory: there are many rows, and each piece has its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Texts {
    all: Box<[u8]>,
    /// Source file, action, object key and request id; [`Texts::NONE`] where there is none.
    lengths: [u32; 4],
}

impl Texts {
    const NONE: u32 = u32::MAX;

    fn new(texts: [Option<&[u8]>; 4]) -> Texts {
        let mut all = Vec::with_capacity(texts.iter().flatten().map(|text| text.len()).sum());
        texts.iter().flatten().for_each(|text| all.extend_from_slice(text));
        let lengths = texts.map(|text| text.map_or(Texts::NONE, |text| text.len() as u32));
        Texts { all: all.into_boxed_slice(), lengths }
    }

    fn text(&self, index: usize) -> Option<&str> {
        self.get(index).map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let length = |length: &u32| if *length == Texts::NONE { 0 } else { *length as usize };
        let start = self.lengths[..index].iter().map(length).fold(0, usize::saturating_add);
        let end = start.saturating_add(length(&self.lengths[index]));
        (self.lengths[index] != Texts::NONE).then(|| self.all.get(start..end))?
    }
}

/// The rows as an alert shows them: the time in RFC 3339.
pub fn as_json<S: Serializer>(rows: &[EvidenceRow], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'a> {
        log: LogType,
        source_file: &'a str,
        source_line: i64,
        event_time: Option<String>,
        action: Option<&'a str>,
        object_key: Option<&'a str>,
        request_id: Option<&'a str>,
    }
    serializer.collect_seq(rows.iter().map(|row| Shown {
        log: row.log,
        source_file: row.source_file(),
        source_line: row.source_line,
        event_time: row.event_time_ms.map(time::format_iso),
        action: row.action(),
        object_key: row.object_key(),
        request_id: row.request_id(),
    }))
}

/// The evidence of an alert that is made of others: the first record of each, as far as there is room, then the next.
pub fn of_alerts<'a>(alerts: impl Iterator<Item = &'a [EvidenceRow]> + Clone) -> Vec<EvidenceRow> {
    let mut rows: Vec<&EvidenceRow> = Vec::new();
    for at in 0..EVIDENCE_ROWS {
        for row in alerts.clone().filter_map(|rows| rows.get(at)) {
            if rows.len() < EVIDENCE_ROWS && !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows.sort_by(|left, right| left.place().cmp(&right.place()));
    rows.into_iter().cloned().collect()
}

/// What decides which records are shown: time (none is last), then what they say, then where they stand. So the same
/// records are shown when lines are shuffled or files are cut elsewhere.
type Place<'a> = (i64, LogType, [Option<&'a [u8]>; 3], &'a [u8], i64);

/// Bytes of a text that evidence shows. No key of S3 is longer
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>), but what a log claims to be one may be.
const MOST_TEXT: usize = 1024;

fn evidence_cell<'a>(column: &'a TextColumn<'_>, row: usize) -> Option<&'a [u8]> {
    let bytes = column.bytes(row)?;
    if bytes.len() <= MOST_TEXT {
        return Some(bytes);
    }
    column.get(row).map(|text| shortened(text, MOST_TEXT).as_bytes())
}

/// The beginning of a text, at most so many bytes of it.
pub fn shortened(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

impl EvidenceRow {
    /// Path of the file as given.
    pub fn source_file(&self) -> &str {
        self.texts.text(0).unwrap_or_default()
    }

    /// The API's name of the action.
    pub fn action(&self) -> Option<&str> {
        self.texts.text(1)
    }

    /// Object.
    pub fn object_key(&self) -> Option<&str> {
        self.texts.text(2)
    }

    /// Request id, the same in both logs.
    pub fn request_id(&self) -> Option<&str> {
        self.texts.text(3)
    }

    /// Did it happen in a stretch of time?
    pub fn is_within(&self, time_ms: &RangeInclusive<i64>) -> bool {
        self.event_time_ms.is_some_and(|row_ms| time_ms.contains(&row_ms))
    }

    /// Is it shown before that one, if there is room for one only?
    pub fn is_shown_before(&self, other: &EvidenceRow) -> bool {
        self.place() < other.place()
    }

    fn place(&self) -> Place<'_> {
        let [file, rest @ ..] = [0, 1, 2, 3].map(|index| self.texts.get(index));
        (self.event_time_ms.unwrap_or(i64::MAX), self.log, rest, file.unwrap_or_default(), self.source_line)
    }
}

/// The columns that evidence is made of, found once a batch. Those whose texts are not in the log as such are made when they
/// are asked for: most rows are counted, and never shown.
pub struct EvidenceColumns<'a> {
    log: LogType,
    activity: &'a Columns<'a>,
    event_time: &'a TimestampMillisecondArray,
    source_file: &'a TextColumn<'a>,
    source_line: &'a Int64Array,
    action: OnceCell<&'a TextColumn<'a>>,
    object_key: &'a TextColumn<'a>,
    request_id: &'a TextColumn<'a>,
    remote_ip: &'a TextColumn<'a>,
    facts: OnceCell<[&'a TextColumn<'a>; facts::COLUMNS.len()]>,
}

impl<'a> EvidenceColumns<'a> {
    /// Columns of `activity` that every rule gets beside those it lists.
    pub const NAMES: [&'static str; 10] = [
        "event_time",
        "source_file",
        "source_line",
        "action",
        "object_key",
        "request_id",
        "account_id",
        "region",
        "access_key_id",
        "remote_ip",
    ];

    /// The columns of a batch.
    pub fn of(batch: &DetectBatch<'a>) -> EvidenceColumns<'a> {
        EvidenceColumns {
            log: batch.log,
            activity: batch.activity,
            event_time: batch.event_time(),
            source_file: batch.text("source_file"),
            source_line: batch.integer("source_line"),
            action: OnceCell::new(),
            object_key: batch.text("object_key"),
            request_id: batch.text("request_id"),
            remote_ip: batch.text("remote_ip"),
            facts: OnceCell::new(),
        }
    }

    fn action(&self) -> &'a TextColumn<'a> {
        self.action.get_or_init(|| self.activity.text("action"))
    }

    /// The log of the rows.
    pub fn log(&self) -> LogType {
        self.log
    }

    /// The cells of [`facts::COLUMNS`].
    pub fn facts(&self, row: usize) -> [Option<&'a [u8]>; facts::COLUMNS.len()] {
        let columns = self.facts.get_or_init(|| facts::COLUMNS.map(|name| self.activity.text(name)));
        columns.map(|column| column.bytes(row))
    }

    /// Address of a row.
    pub fn remote_ip(&self, row: usize) -> Option<&'a str> {
        cell(self.remote_ip, row)
    }

    /// Event time of a row in milliseconds.
    pub fn event_time_ms(&self, row: usize) -> Option<i64> {
        self.event_time.is_valid(row).then(|| self.event_time.value(row))
    }

    fn place(&self, row: usize) -> Place<'a> {
        let [file, rest @ ..] = self.texts(row);
        let time_ms = self.event_time_ms(row).unwrap_or(i64::MAX);
        (time_ms, self.log, rest, file.unwrap_or_default(), self.source_line.value(row))
    }

    fn texts(&self, row: usize) -> [Option<&'a [u8]>; 4] {
        let file = evidence_cell(self.source_file, row).or(Some(b""));
        let [action, object_key, request_id] =
            [self.action(), self.object_key, self.request_id].map(|column| evidence_cell(column, row));
        [file, action, object_key, request_id]
    }

    /// Bytes of a row once it is copied, with what the allocator adds.
    pub fn bytes(&self, row: usize) -> usize {
        let columns = [self.source_file, self.action(), self.object_key, self.request_id];
        let length = |column: &TextColumn<'_>| column.bytes(row).map_or(0, |text| text.len().min(MOST_TEXT));
        let text: usize = columns.into_iter().map(length).sum();
        size_of::<EvidenceRow>() + text + 16
    }

    /// Is a row shown before that record, if there is room for one only?
    pub fn is_before(&self, row: usize, other: &EvidenceRow) -> bool {
        Placed::of(self, row).compare(other).is_lt()
    }

    /// A copy of a row.
    pub fn row(&self, row: usize) -> EvidenceRow {
        EvidenceRow {
            log: self.log,
            source_line: self.source_line.value(row),
            event_time_ms: self.event_time_ms(row),
            texts: Texts::new(self.texts(row)),
        }
    }
}

/// A row that is held against records. Most times differ, and no text needs to be looked at; where they do not, it is once.
struct Placed<'c, 'a> {
    columns: &'c EvidenceColumns<'a>,
    row: usize,
    time_ms: i64,
    place: OnceCell<Place<'a>>,
}

impl<'c, 'a> Placed<'c, 'a> {
    fn of(columns: &'c EvidenceColumns<'a>, row: usize) -> Placed<'c, 'a> {
        let time_ms = columns.event_time_ms(row).unwrap_or(i64::MAX);
        Placed { columns, row, time_ms, place: OnceCell::new() }
    }

    /// Where it is shown beside that record.
    fn compare(&self, other: &EvidenceRow) -> Ordering {
        let by_time = self.time_ms.cmp(&other.event_time_ms.unwrap_or(i64::MAX));
        by_time.then_with(|| self.place.get_or_init(|| self.columns.place(self.row)).cmp(&other.place()))
    }
}

/// The first [`EVIDENCE_ROWS`] records by time, content and place, their count, and the times of the first and the last.
/// The state does not depend on the order of records and merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceRows {
    rows: Vec<EvidenceRow>,
    total: u64,
    first_seen_ms: Option<i64>,
    last_seen_ms: Option<i64>,
    /// Bytes of the largest row ever seen, kept or not.
    largest_row: usize,
}

impl EvidenceRows {
    /// Takes a row of a batch; text is copied only if it is among the first so many.
    pub fn observe(&mut self, limit: usize, columns: &EvidenceColumns<'_>, row: usize) {
        self.total += 1;
        self.largest_row = self.largest_row.max(columns.bytes(row));
        self.see(columns.event_time_ms(row));
        let placed = Placed::of(columns, row);
        let is_beyond = |last: &EvidenceRow| placed.compare(last).is_ge();
        if self.rows.len() >= limit && self.rows.last().is_some_and(is_beyond) {
            return;
        }
        let index = self.rows.partition_point(|kept| placed.compare(kept).is_ge());
        if index < limit {
            self.insert(limit, index, columns.row(row));
        }
    }

    /// Puts a row to a place among the first so many.
    fn insert(&mut self, limit: usize, index: usize, row: EvidenceRow) {
        self.rows.truncate(limit - 1);
        if self.rows.len() == self.rows.capacity() {
            // To 1, 2, 4 and no further than the limit: most lists stay at one row or become full.
            self.rows.reserve_exact(self.rows.len().clamp(1, limit - self.rows.len()));
        }
        self.rows.insert(index, row);
    }

    fn see(&mut self, time_ms: Option<i64>) {
        self.first_seen_ms = self.first_seen_ms.into_iter().chain(time_ms).min();
        self.last_seen_ms = self.last_seen_ms.max(time_ms);
    }

    /// Joins two lists, of which the first so many rows are kept.
    pub fn merge(&mut self, limit: usize, other: EvidenceRows) {
        self.total += other.total;
        self.largest_row = self.largest_row.max(other.largest_row);
        self.see(other.first_seen_ms);
        self.see(other.last_seen_ms);
        if self.rows.is_empty() {
            self.rows = other.rows;
            self.keep_at_most(limit);
            return;
        }
        for row in other.rows {
            let index = self.rows.partition_point(|kept| kept.place() <= row.place());
            if index >= limit {
                break;
            }
            self.insert(limit, index, row);
        }
    }

    /// The first rows of several lists, of those in a stretch of time if `rows_too`. The first and the last time are
    /// cut to the stretch.
    pub fn of_lists<'a>(
        lists: impl IntoIterator<Item = &'a EvidenceRows>,
        time_ms: &RangeInclusive<i64>,
        rows_too: bool,
    ) -> EvidenceRows {
        let (mut first, mut all) = (Vec::<&EvidenceRow>::new(), EvidenceRows::default());
        for list in lists {
            all.total += list.total;
            all.largest_row = all.largest_row.max(list.largest_row);
            all.see(list.first_seen_ms);
            all.see(list.last_seen_ms);
            list.rows
                .iter()
                .filter(|row| !rows_too || row.is_within(time_ms))
                .for_each(|row| keep(&mut first, row));
        }
        all.rows = first.into_iter().cloned().collect();
        all.first_seen_ms = all.first_seen_ms.map(|first| first.max(*time_ms.start()));
        all.last_seen_ms = all.last_seen_ms.map(|last| last.min(*time_ms.end()));
        all
    }

    /// The first of single records in a stretch of time, each of which stands for one.
    pub fn of_single<'a>(
        rows: impl Iterator<Item = &'a EvidenceRow>,
        time_ms: &RangeInclusive<i64>,
    ) -> EvidenceRows {
        let (mut first, mut all) = (Vec::<&EvidenceRow>::new(), EvidenceRows::default());
        for row in rows.filter(|row| row.is_within(time_ms)) {
            all.total += 1;
            all.see(row.event_time_ms);
            keep(&mut first, row);
        }
        all.rows = first.into_iter().cloned().collect();
        all
    }

    /// Forgets all but the first records; the count stays.
    pub fn keep_at_most(&mut self, limit: usize) {
        self.rows.truncate(limit);
        self.rows.shrink_to_fit();
    }

    /// Bytes of the rows to reckon with under that limit. As the largest row counts for all, whether it is kept or
    /// not, more rows never make them fewer and their order does not matter.
    pub fn weight(&self, limit: usize) -> usize {
        self.largest_row * limit.min(usize::try_from(self.total).unwrap_or(limit))
    }

    /// Is any row that is kept in a stretch of time?
    pub fn any_within(&self, time_ms: &RangeInclusive<i64>) -> bool {
        self.rows.iter().any(|row| row.is_within(time_ms))
    }

    /// The same rows, but so many records in all.
    pub fn with_total(mut self, total: u64) -> EvidenceRows {
        self.total = total;
        self
    }

    /// Leaves records out; `removed` is how many there are of them among all.
    pub fn without(mut self, removed: u64, keep: impl Fn(&EvidenceRow) -> bool) -> EvidenceRows {
        self.rows.retain(keep);
        self.total = self.total.saturating_sub(removed);
        self
    }

    /// How many records there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Time of the first record that has one, in milliseconds.
    pub fn first_seen_ms(&self) -> Option<i64> {
        self.first_seen_ms
    }

    /// Time of the last record that has one, in milliseconds.
    pub fn last_seen_ms(&self) -> Option<i64> {
        self.last_seen_ms
    }

    /// The records kept, first one first.
    pub fn rows(&self) -> &[EvidenceRow] {
        &self.rows
    }

    /// The records kept, first one first.
    pub fn into_rows(self) -> Vec<EvidenceRow> {
        self.rows
    }
}

/// Puts a record to its place, if it is among the first.
fn keep<'a>(first: &mut Vec<&'a EvidenceRow>, row: &'a EvidenceRow) {
    let index = first.partition_point(|kept| kept.place() <= row.place());
    if index < EVIDENCE_ROWS {
        first.truncate(EVIDENCE_ROWS - 1);
        first.insert(index, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, shuffled};

    #[test]
    fn the_first_five_are_kept_whatever_the_order_and_the_cut() {
        let rows: Vec<Activity> = (0..40)
            .map(|number| Activity {
                time_ms: (number % 7 != 3).then_some(i64::from(number * 7919 % 3) * 1000),
                line: i64::from(number % 5),
                request: format!("R{number}"),
                file: if number % 2 == 0 { "b.log" } else { "a.log" },
                ..Activity::default()
            })
            .collect();
        let mut seen = Vec::new();
        for seed in 0..8 {
            let order = shuffled(rows.clone(), seed);
            let mut whole = EvidenceRows::default();
            for part in order.chunks(1 + seed as usize) {
                let mut state = EvidenceRows::default();
                Activity::batch(LogType::S3Access, part, |batch| {
                    let columns = EvidenceColumns::of(batch);
                    (0..batch.len()).for_each(|row| state.observe(EVIDENCE_ROWS, &columns, row));
                });
                whole.merge(EVIDENCE_ROWS, state);
            }
            seen.push(whole);
        }
        assert_eq!((seen[0].total(), seen[0].rows().len(), seen[0].first_seen_ms()), (40, 5, Some(0)));
        assert!(seen.iter().all(|state| *state == seen[0]));
    }
}
