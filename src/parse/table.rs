//! Parsed rows of one block: where each field lies in the block's text.

use super::LogType;
use super::scalar::integer_within;
use crate::decode::Segment;
use arrow::buffer::Buffer;
use std::hint::black_box;
use std::sync::Arc;

/// Bytes that processors fetch from memory together.
pub const CACHE_LINE: usize = 64;

/// A half-open range of bytes in [`FieldTable::text`], or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The field is absent, or logged as `-`.
    pub const NULL: Span = Span { start: u32::MAX, end: u32::MAX };

    /// A range inside the text of a block.
    ///
    /// # Panics
    /// If it ends beyond 4 GiB. [`Limits::MAX_LINE`](crate::decode::Limits::MAX_LINE) and
    /// [`Limits::MAX_BLOCK`](crate::decode::Limits::MAX_BLOCK) see to it that no block is near that size.
    pub fn new(start: usize, end: usize) -> Span {
        let place =
            |at| u32::try_from(at).expect("a block is far smaller than 4 GiB: Limits::MAX_LINE, MAX_BLOCK");
        Span { start: place(start), end: place(end) }
    }

    /// Is this the null field?
    pub fn is_null(self) -> bool {
        self.start == u32::MAX
    }

    /// Length in bytes; 0 for null.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Null or empty text.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// What is known of a row beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it happened, milliseconds since 1970 UTC; [`Row::NO_TIME`] where the record does not say.
    pub event_time_ms: i64,
    /// Line (access log) or record (CloudTrail) in its file, from 1.
    pub number: u64,
    /// Index into [`FieldTable::segments`]: the file it came from.
    pub segment: u32,
    /// Bit set over the log type's list of parse flags.
    pub flags: u32,
    /// The whole record in the table's text, as read.
    pub record: Span,
}

impl Row {
    /// Stands for an absent event time.
    pub const NO_TIME: i64 = i64::MIN;

    /// The event time, if the record has one.
    pub fn event_time_ms(&self) -> Option<i64> {
        (self.event_time_ms != Row::NO_TIME).then_some(self.event_time_ms)
    }
}

/// The rows of one block, field by field, before any column is built.
///
/// `text` is the block's own buffer with, behind it, the text that parsing had to derive (decoded keys, unescaped
/// JSON). `spans` is row-major, `width` fields a row. Every non-null span is valid UTF-8.
#[derive(Debug)]
pub struct FieldTable {
    /// Which log, hence what field number `n` means.
    pub log: LogType,
    /// All bytes that spans point into; views share it.
    pub text: Buffer,
    /// Fields a row.
    pub width: usize,
    /// Row-major spans, `rows.len() * width` of them.
    pub spans: Vec<Span>,
    /// One entry a row.
    pub rows: Vec<Row>,
    /// The files that the block's bytes came from, in order.
    pub segments: Vec<Segment>,
    /// How many fields held ill-formed UTF-8 that was replaced by U+FFFD.
    pub replaced_fields: u64,
    /// The rows are those of an export: [`FieldTable::record`] is the text of their values, and not what a log held.
    pub is_read_back: bool,
}

/// Buffers of a table that is done with, to be used again: the system takes its time to hand out fresh memory.
#[derive(Debug, Default)]
pub struct Spare {
    /// Of the text.
    pub text: Vec<u8>,
    /// Of the spans.
    pub spans: Vec<Span>,
    /// Of the rows.
    pub rows: Vec<Row>,
}

impl FieldTable {
    /// The buffers, of the text only if nothing else holds it.
    pub fn into_spare(self) -> Spare {
        let FieldTable { text, mut spans, mut rows, .. } = self;
        spans.clear();
        rows.clear();
        Spare { text: text.into_vec().unwrap_or_default(), spans, rows }
    }

    /// A table over a block's text with the derived text behind it; `spans` holds `width` fields a row. Ill-formed
    /// UTF-8 in fields is replaced here, in this one place.
    pub fn new(
        log: LogType,
        mut text: Vec<u8>,
        width: usize,
        mut spans: Vec<Span>,
        rows: Vec<Row>,
        segments: Vec<Segment>,
    ) -> FieldTable {
        let replaced_fields = replace_ill_formed(&mut text, &mut spans, &rows);
        let text = Buffer::from_vec(text);
        FieldTable { log, text, width, spans, rows, segments, replaced_fields, is_read_back: false }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// No rows?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The place of a field.
    pub fn span(&self, row: usize, field: usize) -> Span {
        self.spans[row * self.width + field]
    }

    /// The places of all fields of a row.
    pub fn spans_of(&self, row: usize) -> &[Span] {
        &self.spans[row * self.width..][..self.width]
    }

    /// The bytes of a field; `None` is null.
    pub fn bytes(&self, row: usize, field: usize) -> Option<&[u8]> {
        let span = self.span(row, field);
        (!span.is_null()).then(|| &self.text[span.start as usize..span.end as usize])
    }

    /// A field as a whole number of 64 bits; `None` where it is null or no such number.
    pub fn integer(&self, row: usize, field: usize) -> Option<i64> {
        self.integer_at(self.span(row, field))
    }

    /// The same of a field at this place.
    #[inline]
    pub fn integer_at(&self, span: Span) -> Option<i64> {
        if span.is_null() { None } else { integer_within(&self.text, span.start as usize, span.end as usize) }
    }

    /// The text of a field; `None` is null.
    pub fn text(&self, row: usize, field: usize) -> Option<&str> {
        self.bytes(row, field).map(|bytes| std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
    }

    /// The whole record as read: the line without its line end, or the JSON object.
    pub fn record(&self, row: usize) -> &[u8] {
        let span = self.rows[row].record;
        &self.text[span.start as usize..span.end as usize]
    }

    /// Has the text of these rows fetched from memory, from its beginning to its end. Where it is fetched field by field, each
    /// is waited for. Processor time for 1 GB of access log (`generate --log s3_access --bytes 1GB --hostile-ppm 1000`) without
    /// and with it, medians of alternating runs: `detect` 5.59 and 5.39 s (7), `export`, together with the room between
    /// columns of places, 6.97 and 6.65 s (9).
    pub fn fetch(&self, rows: &[u32]) {
        let mut all = 0;
        for row in rows {
            let record = self.record(*row as usize);
            for at in (0..record.len()).step_by(CACHE_LINE) {
                all ^= record[at];
            }
        }
        black_box(all);
    }

    /// The path of the file a row came from.
    pub fn source_file(&self, row: usize) -> &Arc<str> {
        &self.segments[self.rows[row].segment as usize].file
    }
}

/// Makes every field valid UTF-8: ill-formed bytes become U+FFFD. Returns how many fields were changed.
///
/// One check of the whole text finds the ill-formed places, mostly none: fields are cut at ASCII characters and derived
/// texts stand apart ([`DERIVED_END`]), so none can begin or end inside a character of well-formed text.
fn replace_ill_formed(text: &mut Vec<u8>, spans: &mut [Span], rows: &[Row]) -> u64 {
    let ill_formed = ill_formed_offsets(text);
    let holds_one = |span: Span| {
        let first = ill_formed.partition_point(|offset| *offset < span.start);
        ill_formed.get(first).is_some_and(|offset| *offset < span.end)
    };
    let derived_from = rows.last().map_or(0, |row| row.record.end);
    let in_derived = ill_formed.last().is_some_and(|offset| *offset >= derived_from);
    let mut replaced = 0;
    if ill_formed.is_empty() || rows.is_empty() {
        return replaced;
    }
    for (row, fields) in rows.iter().zip(spans.chunks_mut(spans.len() / rows.len())) {
        if !in_derived && !holds_one(row.record) {
            continue;
        }
        for span in fields.iter_mut().filter(|span| !span.is_null() && holds_one(**span)) {
            let bytes = &text[span.start as usize..span.end as usize];
            let well_formed = String::from_utf8_lossy(bytes).into_owned();
            *span = Span::new(text.len(), text.len() + well_formed.len());
            text.extend_from_slice(well_formed.as_bytes());
            replaced += 1;
        }
    }
    replaced
}

/// Where ill-formed sequences begin, ascending.
fn ill_formed_offsets(text: &[u8]) -> Vec<u32> {
    let mut offsets = Vec::new();
    let mut start = 0;
    while let Err(error) = simdutf8::compat::from_utf8(&text[start..]) {
        let at = start + error.valid_up_to();
        offsets.push(at as u32);
        start = at + error.error_len().unwrap_or(text.len() - at);
    }
    offsets
}

/// Stands before each text that parsing derives, so that two of them never join into one character.
pub const DERIVED_END: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Block;
    use crate::parse::s3_access::{self, field};

    #[test]
    fn ill_formed_text_is_replaced_where_it_stands_and_counted() {
        let line = |key: &str, agent: &[u8]| {
            let head = format!(
                "o b [06/Feb/2026:00:00:38 +0000] - - R REST.GET.OBJECT {key} \"GET / HTTP/1.1\" 200 - 1 1 1 1 \"-\" \""
            );
            [head.as_bytes(), agent, b"\" -\n"].concat()
        };
        let lines =
            [line("a", b"ok"), line("b", b"caf\xff\xfe"), line("%25C3", b"\xe9"), line("%25A9", "é".as_bytes())];
        let segment = Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 };
        let block = Block {
            log: LogType::S3Access,
            bytes: lines.concat(),
            segments: vec![segment],
            records: vec![],
            framed: 4,
        };
        let (table, _) = s3_access::parse_block(block, &mut Vec::new());
        let column = |field| (0..4).map(|row| table.text(row, field).unwrap()).collect::<Vec<_>>();
        assert_eq!(column(field::USER_AGENT), ["ok", "caf\u{fffd}\u{fffd}", "\u{fffd}", "é"]);
        assert_eq!(column(field::OBJECT_KEY), ["a", "b", "\u{fffd}", "\u{fffd}"]);
        assert_eq!(table.replaced_fields, 4);
    }
}
