//! CSV after RFC 4180, safe to open in a spreadsheet.
//!
//! Null is an empty cell, empty text is `""`. Lists and structs are JSON text.

use super::cells::{Cells, Clock, push_integer};
use super::json;
use crate::report::safe::looks_like_a_formula;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

/// The names of the columns.
pub(super) fn header(schema: &Schema) -> Vec<u8> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    format!("{}\r\n", names.join(",")).into_bytes()
}

/// The rows. Unless `raw`, text that a spreadsheet would take for a formula gets a leading `'`.
pub(super) fn rows(batch: &RecordBatch, raw: bool) -> Vec<u8> {
    let columns = Cells::columns(batch);
    let mut out = Vec::with_capacity(batch.num_rows() * 768);
    let mut clock = Clock::default();
    for row in 0..batch.num_rows() {
        for (index, (_, cells)) in columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            cell(cells, row, raw, &mut clock, &mut out);
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn cell(cells: &Cells, row: usize, raw: bool, clock: &mut Clock, out: &mut Vec<u8>) {
    if cells.is_null(row) {
        return;
    }
    match cells {
        Cells::View(array) => text(array.value(row), raw, out),
        Cells::Text(array) => text(array.value(row), raw, out),
        Cells::Long(array) => push_integer(array.value(row), out),
        Cells::Int(array) => push_integer(i64::from(array.value(row)), out),
        Cells::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
        Cells::Time(array) => {
            clock.push(array.value(row), out);
        }
        Cells::List(..) | Cells::Struct(..) => {
            let mut nested = Vec::new();
            json::value(cells, row, clock, &mut nested);
            quoted(&nested, out);
        }
    }
}

/// A cell of text. Unless `raw`, one that a spreadsheet would take for a formula gets a leading `'`.
pub(crate) fn text(text: &str, raw: bool, out: &mut Vec<u8>) {
    let guard = !raw && looks_like_a_formula(text);
    let special = |byte: u8| matches!(byte, b'"' | b',' | b'\r' | b'\n');
    if text.is_empty() || text.bytes().fold(false, |found, byte| found | special(byte)) {
        out.push(b'"');
        if guard {
            out.push(b'\'');
        }
        doubled(text.as_bytes(), out);
        out.push(b'"');
    } else {
        if guard {
            out.push(b'\'');
        }
        out.extend_from_slice(text.as_bytes());
    }
}

fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    doubled(text, out);
    out.push(b'"');
}

/// Quotes inside a quoted cell are written twice.
fn doubled(text: &[u8], out: &mut Vec<u8>) {
    for part in text.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, ListBuilder, StringArray, StringBuilder};
    use std::sync::Arc;

    fn one(text: &str, raw: bool) -> String {
        let mut out = Vec::new();
        super::text(text, raw, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formulas_are_defused_unless_raw() {
        for (text, safe, raw) in [
            ("=1+1", "'=1+1", "=1+1"),
            ("+1", "'+1", "+1"),
            ("-1", "'-1", "-1"),
            ("@SUM(A1)", "'@SUM(A1)", "@SUM(A1)"),
            ("\t=1", "'\t=1", "\t=1"),
            ("\r=1", "\"'\r=1\"", "\"\r=1\""),
            ("\n=1", "\"'\n=1\"", "\"\n=1\""),
            ("\0=1", "'\0=1", "\0=1"),
            ("＝1", "'＝1", "＝1"),
            ("＋1", "'＋1", "＋1"),
            ("－1", "'－1", "－1"),
            ("＠1", "'＠1", "＠1"),
            ("=cmd|' /C calc'!A0,\"x\"", "\"'=cmd|' /C calc'!A0,\"\"x\"\"\"", "\"=cmd|' /C calc'!A0,\"\"x\"\"\""),
            ("plain =1", "plain =1", "plain =1"),
            ("", "\"\"", "\"\""),
            ("a,b", "\"a,b\"", "\"a,b\""),
        ] {
            assert_eq!((one(text, false), one(text, true)), (safe.to_owned(), raw.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn nulls_are_empty_numbers_stay_numbers_and_lists_are_json() {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("=a"), Some("b\"")]);
        list.append_null();
        let columns: [(&str, ArrayRef); 3] = [
            ("text", Arc::new(StringArray::from(vec![None, Some("x")]))),
            ("long", Arc::new(Int64Array::from(vec![Some(-5), None]))),
            ("list", Arc::new(list.finish())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let csv = [header(batch.schema_ref()), rows(&batch, false)].concat();
        let expected = "text,long,list\r\n,-5,\"[\"\"=a\"\",\"\"b\\\"\"\"\"]\"\r\nx,,\r\n";
        assert_eq!(String::from_utf8(csv).unwrap(), expected);
    }
}
