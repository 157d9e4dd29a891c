//! One array from one pass over the rows.

use super::text::TextCells;
use super::{Cells, Column, TextLayout};
use crate::parse::scalar::boolean;
use crate::parse::{FieldTable, LogType, Row, Span, cloudtrail, s3_access};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, ListBuilder, StringArray, StringBuilder,
    StringViewArray, StructArray, TimestampMillisecondArray, UInt32Array, make_view,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

/// The cells of the rows with these numbers.
pub(super) fn array(cells: &Cells, table: &FieldTable, rows: &[u32], layout: TextLayout) -> ArrayRef {
    match cells {
        Cells::Text(_) | Cells::SourceFile | Cells::Composed(_) | Cells::PerValue(..) | Cells::PerCaller(_) => {
            text_array(TextCells::of(cells, table, rows), rows, layout)
        }
        Cells::Integer(name) => {
            let number = field_number(table.log, name);
            Arc::new(each(rows, |row| table.integer(row, number)).collect::<Int64Array>())
        }
        Cells::SmallInteger(name) => {
            let number = field_number(table.log, name);
            let value = |row| table.integer(row, number).and_then(|value| i32::try_from(value).ok());
            Arc::new(each(rows, value).collect::<Int32Array>())
        }
        Cells::Boolean(name) => {
            let number = field_number(table.log, name);
            Arc::new(each(rows, |row| table.bytes(row, number).and_then(boolean)).collect::<BooleanArray>())
        }
        Cells::EventTime => {
            let times = each(rows, |row| table.rows[row].event_time_ms()).collect::<TimestampMillisecondArray>();
            Arc::new(times.with_timezone("UTC"))
        }
        Cells::ParseFlags => Arc::new(parse_flags(table, rows)),
        Cells::Words(name) => Arc::new(words(table, rows, field_number(table.log, name))),
        Cells::SourceNumber => {
            Arc::new(each(rows, |row| Some(table.rows[row].number as i64)).collect::<Int64Array>())
        }
        Cells::Word(word) => match layout {
            TextLayout::Views => Arc::new(word_array(rows, |row| word(table, row))),
            TextLayout::Copied => Arc::new(each(rows, |row| word(table, row)).collect::<StringArray>()),
        },
        Cells::SmallNumber(number) => Arc::new(each(rows, |row| number(table, row)).collect::<Int32Array>()),
        Cells::Number(number) => Arc::new(each(rows, |row| number(table, row)).collect::<Int64Array>()),
        Cells::Struct(members) => Arc::new(structs(members, table, rows)),
        Cells::StructList(members, elements, _) => Arc::new(struct_list(members, *elements, table, rows)),
        Cells::PerLog(s3_access, cloudtrail) => match table.log {
            LogType::S3Access => array(s3_access, table, rows, layout),
            LogType::CloudTrail => array(cloudtrail, table, rows, layout),
        },
        Cells::NoText | Cells::NoInteger | Cells::NoSmallInteger => {
            arrow::array::new_null_array(&cells.data_type(layout), rows.len())
        }
    }
}

/// Number of a parsed field.
///
/// # Panics
/// If a column names a field that its log does not have; a test walks all columns.
pub(super) fn field_number(log: LogType, name: &str) -> usize {
    let names: &[&str] = match log {
        LogType::S3Access => &s3_access::FIELDS,
        LogType::CloudTrail => &cloudtrail::FIELDS,
    };
    let derived = match (log, name) {
        (LogType::S3Access, "extra_fields") => Some(s3_access::field::EXTRA_FIELDS),
        (LogType::S3Access, "object_key") => Some(s3_access::field::OBJECT_KEY),
        _ => None,
    };
    derived
        .or_else(|| names.iter().position(|field| *field == name))
        .unwrap_or_else(|| panic!("{} has no field {name}", log.name()))
}

fn each<'a, T>(rows: &'a [u32], cell: impl Fn(usize) -> T + 'a) -> impl Iterator<Item = T> + 'a {
    rows.iter().map(move |row| cell(*row as usize))
}

/// One array of the texts of a column.
fn text_array(cells: TextCells<'_>, rows: &[u32], layout: TextLayout) -> ArrayRef {
    match cells {
        TextCells::Field { table, field } => {
            let span = |row: usize| table.span(row, field);
            match layout {
                TextLayout::Views => Arc::new(view_array(&table.text, rows, span)),
                TextLayout::Copied => Arc::new(copied_array(&table.text, rows, span)),
            }
        }
        TextCells::Made { text, places } => from_places(text, &places, layout),
        TextCells::Shared { text, places, numbers } => spread(&from_places(text, &places, layout), numbers),
    }
}

fn nulls(rows: &[u32], is_null: impl Fn(usize) -> bool) -> Option<NullBuffer> {
    let valid = BooleanBuffer::collect_bool(rows.len(), |index| !is_null(rows[index] as usize));
    let nulls = NullBuffer::new(valid);
    (nulls.null_count() > 0).then_some(nulls)
}

fn view_array(text: &Buffer, rows: &[u32], span: impl Fn(usize) -> Span) -> StringViewArray {
    let view = |row: &u32| {
        let span = span(*row as usize);
        if span.is_null() { 0 } else { make_view(&text[span.start as usize..span.end as usize], 0, span.start) }
    };
    let views: Vec<u128> = rows.iter().map(view).collect();
    StringViewArray::try_new(ScalarBuffer::from(views), vec![text.clone()], nulls(rows, |row| span(row).is_null()))
        .expect("spans lie in the text and every field is well-formed")
}

/// Words are so short that a view holds them whole.
fn word_array(rows: &[u32], word: impl Fn(usize) -> Option<&'static str>) -> StringViewArray {
    let view = |word: Option<&str>| word.map_or(0, |word| make_view(word.as_bytes(), 0, 0));
    let views: Vec<u128> = each(rows, |row| view(word(row))).collect();
    StringViewArray::try_new(ScalarBuffer::from(views), Vec::new(), nulls(rows, |row| word(row).is_none()))
        .expect("a word has at most twelve bytes")
}

fn copied_array(text: &[u8], rows: &[u32], span: impl Fn(usize) -> Span) -> StringArray {
    let spans = rows.iter().map(|row| span(*row as usize));
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    let mut end = 0;
    offsets.push(0);
    for span in spans.clone() {
        end += span.len() as i32;
        offsets.push(end);
    }
    let mut values = Vec::with_capacity(end as usize);
    for span in spans.filter(|span| !span.is_empty()) {
        values.extend_from_slice(&text[span.start as usize..span.end as usize]);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_vec(values), nulls(rows, |row| span(row).is_null()))
        .expect("every field is well-formed")
}

/// A cell a row from a few values: what is known to be well-formed is not looked at again for every row.
fn spread(values: &dyn Array, indices: Vec<u32>) -> ArrayRef {
    take(values, &UInt32Array::from(indices), None).expect("every index is that of a value")
}

/// A column of texts that stand in a buffer of their own, a place a row.
fn from_places(text: Vec<u8>, places: &[Span], layout: TextLayout) -> ArrayRef {
    let all: Vec<u32> = (0..places.len() as u32).collect();
    let span = |row: usize| places[row];
    match layout {
        TextLayout::Views => Arc::new(view_array(&Buffer::from_vec(text), &all, span)),
        TextLayout::Copied => Arc::new(copied_array(&text, &all, span)),
    }
}

/// The names of the flags of a row, in the order of the log's list; none is an empty list.
fn parse_flags(table: &FieldTable, rows: &[u32]) -> ListArray {
    let names: &[&str] = match table.log {
        LogType::S3Access => &s3_access::FLAGS,
        LogType::CloudTrail => &cloudtrail::FLAGS,
    };
    let mut list = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    for row in rows {
        let Row { flags, .. } = table.rows[*row as usize];
        for (bit, name) in names.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0) {
            if table.log == LogType::S3Access && 1 << bit == s3_access::flag::EXTRA_FIELDS {
                let extra = table.bytes(*row as usize, s3_access::field::EXTRA_FIELDS).unwrap_or_default();
                list.values().append_value(format!("{name}={}", split_words(extra).count()));
            } else {
                list.values().append_value(name);
            }
        }
        list.append(true);
    }
    list.finish()
}

fn split_words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
}

fn words(table: &FieldTable, rows: &[u32], field: usize) -> ListArray {
    let mut list = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    for row in rows {
        let text = table.text(*row as usize, field);
        for word in text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            list.values().append_value(word);
        }
        list.append(text.is_some());
    }
    list.finish()
}

fn structs(members: &'static [Column], table: &FieldTable, rows: &[u32]) -> StructArray {
    let arrays: Vec<ArrayRef> =
        members.iter().map(|member| array(&member.cells, table, rows, TextLayout::Copied)).collect();
    let present: Vec<bool> =
        (0..rows.len()).map(|index| arrays.iter().any(|member| member.is_valid(index))).collect();
    let fields = members.iter().map(|member| member.arrow_field(TextLayout::Copied)).collect();
    StructArray::try_new(fields, arrays, Some(NullBuffer::from(present)))
        .expect("members have their columns' types")
}

fn struct_list(
    members: &'static [&'static str],
    elements: super::ListElements,
    table: &FieldTable,
    rows: &[u32],
) -> ListArray {
    let mut columns: Vec<StringBuilder> = members.iter().map(|_| StringBuilder::new()).collect();
    let mut ends = vec![0i32];
    let mut present = Vec::with_capacity(rows.len());
    let mut count = 0;
    for row in rows {
        present.push(elements(table, *row as usize, &mut |values| {
            for (column, value) in columns.iter_mut().zip(values) {
                column.append_option(*value);
            }
            count += 1;
        }));
        ends.push(count);
    }
    let fields: arrow::datatypes::Fields =
        members.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays = columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
    let values = StructArray::try_new(fields.clone(), arrays, None).expect("one text a member and element");
    let element = Arc::new(Field::new("element", DataType::Struct(fields), true));
    ListArray::try_new(
        element,
        OffsetBuffer::new(ScalarBuffer::from(ends)),
        Arc::new(values),
        Some(present.into()),
    )
    .expect("offsets count the elements")
}
