//! JSON: one object a row with every column, absent values as `null`.

use super::cells::{Cells, Clock, push_integer};
use arrow::array::RecordBatch;

/// The rows as lines.
pub(super) fn lines(batch: &RecordBatch) -> Vec<u8> {
    let columns = Cells::columns(batch);
    // Written once a row, so made once.
    let keys: Vec<Vec<u8>> = columns.iter().enumerate().map(|(index, (name, _))| key(index, name)).collect();
    let mut out = Vec::with_capacity(batch.num_rows() * 1536);
    let mut clock = Clock::default();
    for row in 0..batch.num_rows() {
        for (key, (_, cells)) in keys.iter().zip(&columns) {
            out.extend_from_slice(key);
            value(cells, row, &mut clock, &mut out);
        }
        out.extend_from_slice(b"}\n");
    }
    out
}

/// `{"name":` for the first member, `,"name":` for others.
fn key(index: usize, name: &str) -> Vec<u8> {
    let mut key = vec![if index == 0 { b'{' } else { b',' }];
    string(name, &mut key);
    key.push(b':');
    key
}

/// A cell as a JSON value.
pub(super) fn value(cells: &Cells, row: usize, clock: &mut Clock, out: &mut Vec<u8>) {
    if cells.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match cells {
        Cells::View(array) => string(array.value(row), out),
        Cells::Text(array) => string(array.value(row), out),
        Cells::Long(array) => push_integer(array.value(row), out),
        Cells::Int(array) => push_integer(i64::from(array.value(row)), out),
        Cells::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
        Cells::Time(array) => {
            let start = out.len();
            out.push(b'"');
            if clock.push(array.value(row), out) {
                out.push(b'"');
            } else {
                out.truncate(start);
                out.extend_from_slice(b"null");
            }
        }
        Cells::List(array, elements) => {
            out.push(b'[');
            let (start, end) = (array.value_offsets()[row] as usize, array.value_offsets()[row + 1] as usize);
            for index in start..end {
                if index > start {
                    out.push(b',');
                }
                value(elements, index, clock, out);
            }
            out.push(b']');
        }
        Cells::Struct(_, members) => {
            for (index, (name, cells)) in members.iter().enumerate() {
                out.extend_from_slice(&key(index, name));
                value(cells, row, clock, out);
            }
            out.push(b'}');
        }
    }
}

/// A JSON string: quotes, backslashes and control characters escaped, the rest as UTF-8.
fn string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    // Without an early end the test of all bytes runs on vectors, and nearly all texts pass it.
    if !bytes.iter().fold(false, |special, byte| special | needs_escape(*byte)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut plain = 0;
    for (index, byte) in bytes.iter().enumerate().filter(|(_, byte)| needs_escape(**byte)) {
        out.extend_from_slice(&bytes[plain..index]);
        plain = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit & 15)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(*byte)]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// DEL is escaped too: JSON allows it, terminals obey it.
fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\') | (byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, StringArray, StringBuilder, StringViewArray,
        StructArray, TimestampMillisecondArray,
    };
    use arrow::datatypes::{DataType, Field};
    use std::sync::Arc;

    #[test]
    fn a_table_of_every_type_is_written_as_expected() {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a\"b"), None]);
        list.append_value([None::<&str>; 0]);
        list.append_null();
        let member: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, None]));
        let members = StructArray::try_new(
            vec![Field::new("inner", DataType::Utf8, true)].into(),
            vec![member],
            Some(vec![true, true, false].into()),
        );
        let text = StringViewArray::from(vec![Some("\u{1F4A3} \"q\" \\ \n\u{1}\u{7f}"), Some(""), None]);
        let columns: [(&str, ArrayRef); 7] = [
            ("time", Arc::new(TimestampMillisecondArray::from(vec![Some(1), Some(i64::MAX), None]))),
            ("text", Arc::new(text)),
            ("long", Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(0), None]))),
            ("int", Arc::new(Int32Array::from(vec![Some(200), Some(-1), None]))),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
            ("list", Arc::new(list.finish())),
            ("struct", Arc::new(members.unwrap())),
        ];
        let expected = [
            r#"{"time":"1970-01-01T00:00:00.001Z","text":"💣 \"q\" \\ \n\u0001\u007f","long":-9223372036854775808,"#,
            r#""int":200,"flag":true,"list":["a\"b",null],"struct":{"inner":"x"}}"#,
            "\n",
            r#"{"time":null,"text":"","long":0,"int":-1,"flag":false,"list":[],"struct":{"inner":null}}"#,
            "\n",
            r#"{"time":null,"text":null,"long":null,"int":null,"flag":null,"list":null,"struct":null}"#,
            "\n",
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        assert_eq!(String::from_utf8(lines(&batch)).unwrap(), expected.concat());
    }
}
