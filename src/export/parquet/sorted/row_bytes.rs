//! A row of a field table as bytes, and back: its record, the fields that lie elsewhere, and where each field is.
//!
//! ```text
//! kind (1 byte)  number  flags  length of the record  length of the text  fields  text
//! ```
//!
//! A line that is left in its file ([`left`](super::left)) is its kind and its place there.
//!
//! Numbers are LEB128. A field is 0 for null, else how far it begins behind the end of the one before (ZigZag, plus one),
//! and its length: two bytes for most. The form lives no longer than the process.

use super::super::order::sort_key;
use super::left::LeftLine;
use crate::decode::Segment;
use crate::decode::parquet::thrift::Compact;
use crate::parse::{FieldTable, LogType, Row, Span};
use arrow::buffer::Buffer;
use hashbrown::HashMap;
use std::sync::Arc;

/// Rows in the order of the input.
#[derive(Debug, Default)]
pub(in super::super) struct RowBatch {
    /// One a row.
    pub(super) places: Vec<RowPlace>,
    /// The files that they came from.
    pub(super) files: Vec<Arc<str>>,
    /// The rows.
    pub(super) bytes: Vec<u8>,
}

/// What is known of a row without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowPlace {
    /// What it is sorted by.
    pub(super) key: i64,
    /// One past its last byte; it begins where the one before ends.
    pub(super) end: u32,
    /// Index of its file.
    pub(super) file: u32,
}

/// What a table is beside its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) log: LogType,
    pub(super) is_read_back: bool,
    /// The row is a line in its file.
    pub(super) is_left: bool,
}

impl Kind {
    fn byte(self) -> u8 {
        u8::from(self.log == LogType::CloudTrail) | u8::from(self.is_read_back) << 1 | u8::from(self.is_left) << 2
    }

    /// The kind of a row.
    pub(super) fn of(row: &[u8]) -> Option<Kind> {
        let byte = *row.first()?;
        let log = if byte & 1 == 0 { LogType::S3Access } else { LogType::CloudTrail };
        Some(Kind { log, is_read_back: byte & 2 != 0, is_left: byte & 4 != 0 })
    }
}

impl RowBatch {
    /// The rows with these numbers. Those of segments that are `left` are only where they stand in their files.
    pub(in super::super) fn new(table: &FieldTable, rows: &[u32], left: &[bool]) -> RowBatch {
        let is_left = |row: u32| left[table.rows[row as usize].segment as usize];
        // About three bytes a field; a row whose derived texts need more makes the buffer grow.
        let carried = rows.iter().filter(|row| !is_left(**row));
        let text = carried.map(|row| table.rows[*row as usize].record.len() + 3 * table.width).sum::<usize>();
        let mut batch = RowBatch {
            places: Vec::with_capacity(rows.len()),
            files: Vec::new(),
            bytes: Vec::with_capacity(text + rows.len() * 32),
        };
        let mut last = None;
        for row in rows {
            if is_left(*row) {
                batch.bytes.push(Kind { log: table.log, is_read_back: false, is_left: true }.byte());
                LeftLine::of(table, *row).write(&mut batch.bytes);
            } else {
                write(table, *row as usize, &mut batch.bytes);
            }
            let end = u32::try_from(batch.bytes.len()).expect("a block is far smaller than 4 GiB");
            let segment = table.rows[*row as usize].segment;
            // Neighbours mostly are of one file.
            if last.replace(segment) != Some(segment) {
                batch.files.push(Arc::clone(table.source_file(*row as usize)));
            }
            let file = batch.files.len() as u32 - 1;
            batch.places.push(RowPlace { key: sort_key(table, *row), end, file });
        }
        batch
    }

    /// How many rows.
    pub(in super::super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Bytes in memory, but for the names of files, which are shared.
    pub(in super::super) fn memory(&self) -> usize {
        self.bytes.capacity() + size_of_val(&self.places[..]) + size_of_val(&self.files[..])
    }

    /// The bytes of a row.
    pub(super) fn row(&self, index: usize) -> &[u8] {
        row(&self.places, &self.bytes, index)
    }
}

/// The line that a row is, if it is left in its file.
pub(super) fn left_line(row: &[u8]) -> Option<LeftLine> {
    let (_, line) = row.split_first().filter(|_| Kind::of(row).is_some_and(|kind| kind.is_left))?;
    LeftLine::read(line)
}

/// The bytes of a row.
pub(super) fn row<'b>(places: &[RowPlace], bytes: &'b [u8], index: usize) -> &'b [u8] {
    let start = index.checked_sub(1).map_or(0, |before| places[before].end);
    &bytes[start as usize..places[index].end as usize]
}

fn write(table: &FieldTable, row: usize, out: &mut Vec<u8>) {
    let Row { number, flags, record, .. } = table.rows[row];
    let fields = &table.spans[row * table.width..][..table.width];
    let is_within = |span: Span| span.start >= record.start && span.end <= record.end;
    let outside = || fields.iter().copied().filter(|span| !span.is_null() && !is_within(*span));
    let outside_bytes: usize = outside().map(Span::len).sum();
    out.push(Kind { log: table.log, is_read_back: table.is_read_back, is_left: false }.byte());
    write_number(number, out);
    write_number(u64::from(flags), out);
    write_number(record.len() as u64, out);
    write_number((record.len() + outside_bytes) as u64, out);
    let (mut before, mut outside_end) = (0, record.len() as u32);
    for span in fields {
        if span.is_null() {
            out.push(0);
            continue;
        }
        let start = if is_within(*span) {
            span.start - record.start
        } else {
            outside_end += span.len() as u32;
            outside_end - span.len() as u32
        };
        let step = i64::from(start) - i64::from(before);
        write_number(((step << 1) ^ (step >> 63)) as u64 + 1, out);
        write_number(span.len() as u64, out);
        before = start + span.len() as u32;
    }
    out.extend_from_slice(table.record(row));
    for span in outside() {
        out.extend_from_slice(&table.text[span.start as usize..span.end as usize]);
    }
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Rows of one kind on their way back into a field table.
pub(super) struct TableOfRows {
    kind: Kind,
    text: Vec<u8>,
    spans: Vec<Span>,
    rows: Vec<Row>,
    segments: Vec<Segment>,
    numbers: HashMap<Arc<str>, u32>,
}

impl TableOfRows {
    /// Room for so many rows with so many bytes.
    pub(super) fn with_capacity(kind: Kind, rows: usize, bytes: usize) -> TableOfRows {
        TableOfRows {
            kind,
            text: Vec::with_capacity(bytes),
            spans: Vec::with_capacity(rows * kind.log.field_count()),
            rows: Vec::with_capacity(rows),
            segments: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Adds a row; `None` if these are not the bytes of one.
    pub(super) fn push(&mut self, key: i64, file: &Arc<str>, bytes: &[u8]) -> Option<()> {
        let bytes = bytes.get(1..)?;
        let mut at = Compact::new(bytes);
        let mut next = || at.varint().ok();
        let number = next()?;
        let flags = u32::try_from(next()?).ok()?;
        let record_bytes = usize::try_from(next()?).ok()?;
        let text_bytes = usize::try_from(next()?).ok()?;
        let base = self.text.len();
        let mut before = 0i64;
        for _ in 0..self.kind.log.field_count() {
            let code = next()?;
            let Some(step) = code.checked_sub(1) else {
                self.spans.push(Span::NULL);
                continue;
            };
            let start = before + ((step >> 1) as i64 ^ -((step & 1) as i64));
            let end = start.checked_add(i64::try_from(next()?).ok()?)?;
            if start < 0 || end > text_bytes as i64 {
                return None;
            }
            self.spans.push(Span::new(base + start as usize, base + end as usize));
            before = end;
        }
        let bytes = &bytes[at.position()..];
        if bytes.len() != text_bytes || record_bytes > text_bytes {
            return None;
        }
        self.text.extend_from_slice(bytes);
        let segment = self.segment(file);
        let record = Span::new(base, base + record_bytes);
        self.rows.push(Row { event_time_ms: key.wrapping_add(1), number, segment, flags, record });
        Some(())
    }

    fn segment(&mut self, file: &Arc<str>) -> u32 {
        let last = self.rows.last().map(|row| row.segment);
        if let Some(last) = last
            && self.segments[last as usize].file == *file
        {
            return last;
        }
        if let Some(number) = self.numbers.get(file) {
            return *number;
        }
        let number = self.segments.len() as u32;
        // Nothing asks for the places of rows that have been parsed.
        self.segments.push(Segment { file: Arc::clone(file), start: 0, first_number: 1, first_offset: 0 });
        self.numbers.insert(Arc::clone(file), number);
        number
    }

    /// The table. Its fields are well-formed, as those were that the rows come from.
    pub(super) fn finish(self) -> FieldTable {
        FieldTable {
            log: self.kind.log,
            text: Buffer::from_vec(self.text),
            width: self.kind.log.field_count(),
            spans: self.spans,
            rows: self.rows,
            segments: self.segments,
            replaced_fields: 0,
            is_read_back: self.kind.is_read_back,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Block;
    use crate::parse::s3_access;

    fn access_table() -> FieldTable {
        let line = |key: &str, agent: &[u8]| {
            let head = format!(
                "o b [06/Feb/2026:00:00:38 +0000] - - R REST.GET.OBJECT {key} \"GET /{key} HTTP/1.1\" 200 - 1 1 1 1 \"-\" \""
            );
            [head.as_bytes(), agent, b"\" -\n"].concat()
        };
        let lines = [line("a%2520b", b"ok"), line("plain", b"caf\xff"), line(&"k".repeat(500), b"x")];
        let segment = |file: &str, start: usize| Segment {
            file: file.into(),
            start: start as u32,
            first_number: 7,
            first_offset: 0,
        };
        let segments = vec![segment("one", 0), segment("two", lines[0].len())];
        let block = Block { log: LogType::S3Access, bytes: lines.concat(), segments, records: vec![], framed: 3 };
        s3_access::parse_block(block, &mut Vec::new()).0
    }

    fn assert_same(table: &FieldTable, rows: &[u32], again: &FieldTable) {
        assert_eq!(again.len(), rows.len());
        for (index, row) in rows.iter().map(|row| *row as usize).enumerate() {
            let fields = |table: &FieldTable, row: usize| -> Vec<Option<String>> {
                (0..table.width).map(|field| table.text(row, field).map(str::to_owned)).collect()
            };
            assert_eq!(fields(again, index), fields(table, row));
            assert_eq!(again.record(index), table.record(row));
            assert_eq!(again.source_file(index), table.source_file(row));
            let facts = |row: Row| (row.event_time_ms, row.number, row.flags);
            assert_eq!(facts(again.rows[index]), facts(table.rows[row]));
        }
    }

    fn there_and_back(table: &FieldTable, rows: &[u32]) -> FieldTable {
        let batch = RowBatch::new(table, rows, &vec![false; table.segments.len()]);
        let kind = Kind::of(batch.row(0)).unwrap();
        let mut again = TableOfRows::with_capacity(kind, 0, 0);
        for (index, place) in batch.places.iter().enumerate() {
            again.push(place.key, &batch.files[place.file as usize], batch.row(index)).unwrap();
        }
        again.finish()
    }

    #[test]
    fn rows_of_both_logs_come_back_with_fields_record_file_and_number() {
        let table = access_table();
        assert_eq!(table.replaced_fields, 1);
        for rows in [&[0, 1, 2][..], &[2, 0], &[1]] {
            assert_same(&table, rows, &there_and_back(&table, rows));
        }
        let record = r#"{"eventTime":"2026-02-06T01:02:03Z","eventName":"Get\u004Fbject","userIdentity":{"type":"IAMUser"},"requestParameters":{"bucketName":"b"}}"#;
        let mut table = crate::parse::cloudtrail::parse_record(record.as_bytes()).unwrap();
        table.segments = vec![Segment { file: "t".into(), start: 0, first_number: 1, first_offset: 0 }];
        table.is_read_back = true;
        let again = there_and_back(&table, &[0]);
        assert_same(&table, &[0], &again);
        assert!(again.is_read_back && again.log == LogType::CloudTrail);
    }

    #[test]
    fn bytes_that_are_no_row_are_refused() {
        let table = access_table();
        let batch = RowBatch::new(&table, &[0], &[false; 2]);
        let bytes = batch.row(0);
        let file: Arc<str> = "f".into();
        let read = |bytes: &[u8]| {
            let kind = Kind { log: LogType::S3Access, is_read_back: false, is_left: false };
            TableOfRows::with_capacity(kind, 1, 1).push(0, &file, bytes)
        };
        assert!(read(bytes).is_some());
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_none(), "{length}");
        }
        assert!(read(&[bytes, b"x"].concat()).is_none());
    }

    #[test]
    fn numbers_of_any_size_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            write_number(number, &mut bytes);
            let mut whole = Compact::new(&bytes);
            assert_eq!((whole.varint().ok(), whole.position()), (Some(number), bytes.len()));
            assert_eq!(Compact::new(&bytes[..bytes.len() - 1]).varint().ok(), None);
        }
    }
}
