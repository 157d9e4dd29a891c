//! Cells of a batch as text, whatever the type of their column.

use crate::parse::time::{DAY_MS, format_date};
use arrow::array::{
    Array, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampMillisecondType};

/// A column of a batch, its type found once.
pub(super) enum Cells<'a> {
    View(&'a StringViewArray),
    Text(&'a StringArray),
    Long(&'a Int64Array),
    Int(&'a Int32Array),
    Boolean(&'a BooleanArray),
    Time(&'a TimestampMillisecondArray),
    List(&'a ListArray, Box<Cells<'a>>),
    Struct(&'a StructArray, Vec<(&'a str, Cells<'a>)>),
}

impl<'a> Cells<'a> {
    /// The columns of a batch with their names.
    pub(super) fn columns(batch: &'a RecordBatch) -> Vec<(&'a str, Cells<'a>)> {
        let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
        names.zip(batch.columns().iter().map(|column| Cells::of(column.as_ref()))).collect()
    }

    /// # Panics
    /// If the columns of the program get a type that is not handled here; a test writes all columns.
    fn of(array: &'a dyn Array) -> Cells<'a> {
        match array.data_type() {
            DataType::Utf8View => Cells::View(array.as_string_view()),
            DataType::Utf8 => Cells::Text(array.as_string()),
            DataType::Int64 => Cells::Long(array.as_primitive::<Int64Type>()),
            DataType::Int32 => Cells::Int(array.as_primitive::<Int32Type>()),
            DataType::Boolean => Cells::Boolean(array.as_boolean()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Cells::Time(array.as_primitive::<TimestampMillisecondType>())
            }
            DataType::List(_) => {
                let list: &ListArray = array.as_list();
                Cells::List(list, Box::new(Cells::of(list.values().as_ref())))
            }
            DataType::Struct(fields) => {
                let members = array.as_struct();
                let names = fields.iter().map(|field| field.name().as_str());
                let columns = members.columns().iter().map(|column| Cells::of(column.as_ref()));
                Cells::Struct(members, names.zip(columns).collect())
            }
            other => panic!("no column has the type {other}"),
        }
    }

    /// Is the cell null?
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Cells::View(array) => array.is_null(row),
            Cells::Text(array) => array.is_null(row),
            Cells::Long(array) => array.is_null(row),
            Cells::Int(array) => array.is_null(row),
            Cells::Boolean(array) => array.is_null(row),
            Cells::Time(array) => array.is_null(row),
            Cells::List(array, _) => array.is_null(row),
            Cells::Struct(array, _) => array.is_null(row),
        }
    }
}

/// Appends a number in decimal.
pub(super) fn push_integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}

/// Writes times, and remembers the last date: neighbours mostly share it.
#[derive(Default)]
pub(super) struct Clock {
    last: Option<(i64, String)>,
}

impl Clock {
    /// Appends `2026-03-01T01:02:03Z`, with milliseconds only where they are not zero. Returns `false`, and appends
    /// nothing, for years without four digits, which RFC 3339 cannot say.
    pub(super) fn push(&mut self, time_ms: i64, out: &mut Vec<u8>) -> bool {
        let day = time_ms.div_euclid(DAY_MS);
        if self.last.as_ref().is_none_or(|(last, _)| *last != day) {
            self.last = Some((day, format_date(day.saturating_mul(DAY_MS))));
        }
        let Some((_, date)) = self.last.as_ref().filter(|(_, date)| date.len() == "2026-03-01".len()) else {
            return false;
        };
        let ms = time_ms.rem_euclid(DAY_MS);
        let two = |value: i64| [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        out.extend_from_slice(date.as_bytes());
        for (mark, value) in [(b'T', ms / 3_600_000), (b':', ms / 60_000 % 60), (b':', ms / 1000 % 60)] {
            out.push(mark);
            out.extend_from_slice(&two(value));
        }
        if ms % 1000 != 0 {
            out.push(b'.');
            out.push(b'0' + (ms % 1000 / 100) as u8);
            out.extend_from_slice(&two(ms % 100));
        }
        out.push(b'Z');
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, 10, -1, 1234567890, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_integer(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }

    #[test]
    fn times_agree_with_the_common_form_and_odd_years_are_refused() {
        let mut clock = Clock::default();
        for time in [0, -1, 999, 1_772_326_923_000, 1_772_326_923_045, -62_167_219_200_000, 253_402_300_799_999] {
            let mut out = Vec::new();
            assert!(clock.push(time, &mut out));
            assert_eq!(String::from_utf8(out).unwrap(), crate::parse::time::format_iso(time));
        }
        for time in [253_402_300_800_000, -62_167_219_200_001, i64::MAX, i64::MIN + 1] {
            assert!(!clock.push(time, &mut Vec::new()), "{time}");
        }
    }
}
