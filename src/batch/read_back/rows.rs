//! Rows of batches to a field table.

use super::values::{Value, Values};
use super::{KeyFrom, Leaf, ReadBack, Target};
use crate::decode::Segment;
use crate::parse::time::{access_log_time, iso_time};
use crate::parse::{FieldTable, LogType, Row, Span, cloudtrail, object_key, s3_access};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use hashbrown::HashMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// Stands before each value in the text of a row, so that rows whose values differ never have the same text.
const PRESENT: u8 = 0x1f;

/// Stands for a null.
const ABSENT: u8 = 0x1e;

/// The leaves of a batch.
pub struct BatchRows<'p> {
    leaves: Vec<(&'p Leaf, Values)>,
}

impl ReadBack {
    /// The rows of a batch of the table.
    ///
    /// # Errors
    /// A value that cannot be held.
    pub fn rows(&self, batch: &RecordBatch) -> Result<BatchRows<'_>, String> {
        let leaves = self.leaves.iter().map(|leaf| Ok((leaf, find(leaf, batch)?)));
        Ok(BatchRows { leaves: leaves.collect::<Result<_, String>>()? })
    }
}

fn find(leaf: &Leaf, batch: &RecordBatch) -> Result<Values, String> {
    let missing = || format!("the column {} is not there", leaf.path.join("."));
    let names = leaf.names();
    let mut array: &ArrayRef = batch.column_by_name(names[0]).ok_or_else(missing)?;
    let mut around: Option<NullBuffer> = None;
    for name in &names[1..] {
        let members = array.as_struct_opt().ok_or_else(missing)?;
        around = NullBuffer::union(around.as_ref(), members.nulls());
        array = members.column_by_name(name).ok_or_else(missing)?;
    }
    Values::of(array, around.as_ref()).map_err(|reason| format!("column {}: {reason}", leaf.path.join(".")))
}

/// A field table in the making. The text of each row is all of its values in the order of the columns, so that
/// rows with the same values have the same text, as repeated lines of a log have.
pub struct TableBuilder<'p> {
    plan: &'p ReadBack,
    /// Stands for the file of rows that do not say which they came from.
    file: Arc<str>,
    text: Vec<u8>,
    spans: Vec<Span>,
    rows: Vec<Row>,
    segments: Vec<Segment>,
    numbers: HashMap<Arc<str>, u32>,
}

impl<'p> TableBuilder<'p> {
    /// An empty one for rows of `file`.
    pub fn new(plan: &'p ReadBack, file: &Arc<str>) -> TableBuilder<'p> {
        TableBuilder {
            plan,
            file: Arc::clone(file),
            text: Vec::new(),
            spans: Vec::new(),
            rows: Vec::new(),
            segments: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// Bytes of text so far.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The text of the row that was added last.
    pub fn last_row(&self) -> &[u8] {
        let Some(row) = self.rows.last() else { return &[] };
        &self.text[row.record.start as usize..row.record.end as usize]
    }

    /// Takes the row away that was added last.
    pub fn drop_last(&mut self) {
        if let Some(row) = self.rows.pop() {
            self.text.truncate(row.record.start as usize);
            self.spans.truncate(self.rows.len() * self.plan.log.field_count());
        }
    }

    /// Adds a row of a batch, which is the row `number` of its file, from 1.
    pub fn push(&mut self, batch: &BatchRows<'_>, row: usize, number: u64) {
        let log = self.plan.log;
        let first = self.spans.len();
        self.spans.resize(first + log.field_count(), Span::NULL);
        let start = self.text.len();
        let mut made = Row { event_time_ms: Row::NO_TIME, number, segment: 0, flags: 0, record: Span::NULL };
        let mut file: Option<&[u8]> = None;
        for (leaf, values) in &batch.leaves {
            match leaf.target {
                Target::Field(field) => {
                    self.spans[first + field] = self.value(values.get(row), |value, text| write(value, 1, text));
                }
                Target::Status(field) => {
                    self.spans[first + field] = self.value(values.get(row), |value, text| write(value, 3, text));
                }
                Target::Words(field) => {
                    self.spans[first + field] = self.value(values.list(row), |(places, members), text| {
                        write_words(&members[0].1, places, text);
                    });
                }
                Target::Objects(field, names, json_names) => {
                    self.spans[first + field] = self.value(values.list(row), |(places, members), text| {
                        write_objects(members, places, (names, json_names), text);
                    });
                }
                Target::Time => {
                    made.event_time_ms = time_ms(values.get(row)).unwrap_or(Row::NO_TIME);
                    self.value(made.event_time_ms(), |time, text| write(Value::Integer(time), 1, text));
                }
                Target::Flags => made.flags |= flags(log, values, row),
                Target::File => file = values.text(row),
                Target::Number => {
                    if let Some(Value::Integer(number)) = values.get(row) {
                        made.number = number as u64;
                    }
                }
            }
        }
        self.derive(first, &mut made);
        made.segment = self.segment(file);
        made.record = Span::new(start, self.text.len());
        self.rows.push(made);
    }

    /// What follows from other fields.
    fn derive(&mut self, first: usize, made: &mut Row) {
        match self.plan.log {
            LogType::S3Access => {
                use s3_access::{field, flag};
                let raw = self.spans[first + field::OBJECT_KEY_RAW];
                match self.plan.key {
                    KeyFrom::Column => {}
                    KeyFrom::Raw => {
                        self.spans[first + field::OBJECT_KEY] =
                            self.decoded_key(raw, self.spans[first + field::OPERATION]);
                    }
                    KeyFrom::AsDelivered => self.spans[first + field::OBJECT_KEY] = raw,
                }
                made.flags |= if made.event_time_ms().is_none() { flag::BAD_EVENT_TIME } else { 0 };
            }
            LogType::CloudTrail => {
                use cloudtrail::field;
                let parameters = self.spans[first + field::REQUEST_PARAMETERS];
                if parameters.is_null() {
                    return;
                }
                let parameters = &self.text[parameters.start as usize..parameters.end as usize];
                let arn = cloudtrail::encryption_context_arn(parameters).map(|arn| arn.into_owned());
                if let Some(arn) = arn {
                    self.spans[first + field::ENCRYPTION_CONTEXT_ARN] =
                        self.value(Some(&arn[..]), |arn, text| text.extend_from_slice(arn));
                }
            }
        }
    }

    fn decoded_key(&mut self, raw: Span, operation: Span) -> Span {
        if raw.is_null() {
            return raw;
        }
        let of =
            |span: Span| if span.is_null() { &[] } else { &self.text[span.start as usize..span.end as usize] };
        let mut key = Vec::new();
        if !object_key::decode(of(raw), of(operation), &mut key) {
            return raw;
        }
        self.value(Some(key), |key, text| text.extend_from_slice(&key))
    }

    /// Appends a value to the row's text; its place, without what stands before it.
    fn value<T>(&mut self, value: Option<T>, write: impl FnOnce(T, &mut Vec<u8>)) -> Span {
        let Some(value) = value else {
            self.text.push(ABSENT);
            return Span::NULL;
        };
        self.text.push(PRESENT);
        let start = self.text.len();
        write(value, &mut self.text);
        Span::new(start, self.text.len())
    }

    /// The number of a file among the segments.
    fn segment(&mut self, file: Option<&[u8]>) -> u32 {
        let last = self.rows.last().map(|row| row.segment);
        if let Some(last) = last
            && file.unwrap_or(self.file.as_bytes()) == self.segments[last as usize].file.as_bytes()
        {
            return last;
        }
        let name: Arc<str> = match file {
            Some(name) => Arc::from(String::from_utf8_lossy(name)),
            None => Arc::clone(&self.file),
        };
        let next = self.segments.len() as u32;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            // Nothing asks for the places of rows that have been parsed.
            self.segments.push(Segment { file: Arc::clone(name), start: 0, first_number: 1, first_offset: 0 });
            next
        })
    }

    /// The rows so far, if there are any.
    pub fn take(&mut self) -> Option<FieldTable> {
        if self.rows.is_empty() {
            return None;
        }
        let empty = TableBuilder::new(self.plan, &self.file);
        let TableBuilder { plan, text, spans, rows, segments, .. } = std::mem::replace(self, empty);
        let table = FieldTable::new(plan.log, text, plan.log.field_count(), spans, rows, segments);
        Some(FieldTable { is_read_back: true, ..table })
    }
}

/// A value as a log writes it.
fn write(value: Value<'_>, digits: usize, text: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = match value {
        Value::Text(bytes) => text.write_all(bytes),
        Value::Integer(number) | Value::Time(number) => write!(text, "{number:0digits$}"),
        // Without a fraction where there is none: such columns were whole numbers before nulls made them floats.
        Value::Float(number) => write!(text, "{number}"),
        Value::Boolean(value) => write!(text, "{value}"),
    };
}

fn write_words(words: &Values, places: Range<usize>, text: &mut Vec<u8>) {
    for (index, word) in places.filter_map(|place| words.text(place)).enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// The inverse of [`cloudtrail::for_each_resource`].
fn write_objects(
    members: &[(String, Values)],
    places: Range<usize>,
    (names, json_names): (&[&str], &[&str]),
    text: &mut Vec<u8>,
) {
    text.push(b'[');
    for (index, place) in places.enumerate() {
        text.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        let mut first = true;
        for (name, json_name) in names.iter().zip(json_names) {
            let values = members.iter().find(|(member, _)| member == name).map(|(_, values)| values);
            let Some(value) = values.and_then(|values| values.text(place)) else { continue };
            let value = String::from_utf8_lossy(value);
            text.extend_from_slice(if first { b"" } else { b"," });
            // Writing to memory does not fail, and any text can be JSON.
            let _ = write!(text, "\"{json_name}\":").map(|()| serde_json::to_writer(&mut *text, &*value));
            first = false;
        }
        text.push(b'}');
    }
    text.push(b']');
}

fn time_ms(value: Option<Value<'_>>) -> Option<i64> {
    match value? {
        Value::Time(time) => Some(time),
        Value::Text(text) => iso_time(text).or_else(|| access_log_time(text)),
        _ => None,
    }
}

/// The bits of a row's flags; a flag with a count is told by what stands before it. Names that are not known are
/// those of a later version, and say nothing to this one.
fn flags(log: LogType, values: &Values, row: usize) -> u32 {
    let names: &[&str] = match log {
        LogType::S3Access => &s3_access::FLAGS,
        LogType::CloudTrail => &cloudtrail::FLAGS,
    };
    let Some((places, members)) = values.list(row) else { return 0 };
    let bit = |flag: &[u8]| {
        let name = flag.split(|byte| *byte == b'=').next().unwrap_or_default();
        names.iter().position(|known| known.as_bytes() == name).map_or(0, |bit| 1 << bit)
    };
    places.filter_map(|place| members[0].1.text(place)).map(bit).fold(0, |flags, bit| flags | bit)
}
