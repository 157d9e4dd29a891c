//! Decodes a column chunk, some rows at a time, for whoever watches.

use super::Trouble;
use super::pages::{PageLog, Pages, lock};
use parquet::basic::Encoding;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::schema::types::ColumnDescPtr;
use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

/// Rows that are decoded at a time.
const ROWS: usize = 8192;
/// The same of repeated columns, whose rows have any number of values.
const REPEATED_ROWS: usize = 64;
/// The same of values that are built one from another: each may be as long as its page.
const PREFIXED_ROWS: usize = 8;

/// Bytes of values that cost as much as a value.
const BYTES_PER_VALUE: u64 = 64;

/// What may still be decoded of a file, in values.
pub(super) struct Budget(pub(super) u64);

impl Budget {
    fn spend(&mut self, values: u64, bytes: u64) -> Result<(), Trouble> {
        self.0 = self.0.checked_sub(values + bytes / BYTES_PER_VALUE).ok_or_else(|| {
            Trouble::Limit("the file holds more values than are decoded for its size".to_owned())
        })?;
        Ok(())
    }
}

/// A value, as far as checks look at it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::lint) enum Value {
    Number(i64),
    Text(bytes::Bytes),
}

impl Value {
    /// `None`: they are of different kinds.
    pub(in crate::lint) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(one), Value::Number(other)) => Some(one.cmp(other)),
            (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

/// A column's value.
pub(super) trait Cell {
    /// Bytes in a row.
    fn bytes(&self) -> u64;
    /// For comparison; `None` where Parquet's order of the type is not that of numbers or bytes.
    fn value(&self) -> Option<Value>;
}

macro_rules! number_cell {
    ($($type:ty, $value:expr;)*) => {$(
        impl Cell for $type {
            fn bytes(&self) -> u64 {
                size_of::<$type>() as u64
            }

            fn value(&self) -> Option<Value> {
                let value: fn(&$type) -> Option<i64> = $value;
                value(self).map(Value::Number)
            }
        }
    )*};
}

number_cell! {
    bool, |value| Some(i64::from(*value));
    i32, |value| Some(i64::from(*value));
    i64, |value| Some(*value);
    f32, |_| None;
    f64, |_| None;
    Int96, |_| None;
}

impl Cell for ByteArray {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn value(&self) -> Option<Value> {
        Some(Value::Text(bytes::Bytes::copy_from_slice(self.data())))
    }
}

impl Cell for FixedLenByteArray {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    fn value(&self) -> Option<Value> {
        None
    }
}

/// Takes note of the rows of a chunk, in their order.
pub(super) trait Watcher {
    /// Is it told of each row's value? Of repeated columns it never is.
    fn wants_values(&self) -> bool;
    /// A row's value or null.
    fn value(&mut self, value: Option<Value>);
    /// Bytes of the values of a row.
    fn row_bytes(&mut self, bytes: u64);
}

/// A chunk's rows and values, as they were decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decoded {
    pub(super) rows: u64,
    /// Nulls included.
    pub(super) values: u64,
}

/// Decodes all of a chunk.
pub(super) fn decode(
    column: &ColumnDescPtr,
    pages: Pages,
    log: &Arc<Mutex<PageLog>>,
    is_prefixed: bool,
    budget: &mut Budget,
    watcher: &mut dyn Watcher,
) -> Result<Decoded, Trouble> {
    let rows = match (is_prefixed, column.max_rep_level() > 0) {
        (true, _) => PREFIXED_ROWS,
        (false, true) => REPEATED_ROWS,
        (false, false) => ROWS,
    };
    let mut run = Run { column, log, rows, budget, watcher };
    match get_column_reader(Arc::clone(column), Box::new(pages)) {
        ColumnReader::BoolColumnReader(reader) => run.all(reader),
        ColumnReader::Int32ColumnReader(reader) => run.all(reader),
        ColumnReader::Int64ColumnReader(reader) => run.all(reader),
        ColumnReader::Int96ColumnReader(reader) => run.all(reader),
        ColumnReader::FloatColumnReader(reader) => run.all(reader),
        ColumnReader::DoubleColumnReader(reader) => run.all(reader),
        ColumnReader::ByteArrayColumnReader(reader) => run.all(reader),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => run.all(reader),
    }
}

/// Does the footer name the encoding whose values are built one from another?
pub(super) fn is_prefixed(mut encodings: impl Iterator<Item = Encoding>) -> bool {
    encodings.any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY)
}

struct Run<'a> {
    column: &'a ColumnDescPtr,
    log: &'a Mutex<PageLog>,
    /// Rows at a time.
    rows: usize,
    budget: &'a mut Budget,
    watcher: &'a mut dyn Watcher,
}

impl Run<'_> {
    fn all<T: DataType>(&mut self, mut reader: ColumnReaderImpl<T>) -> Result<Decoded, Trouble>
    where
        T::T: Cell,
    {
        let (mut definition, mut repetition, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut decoded = Decoded::default();
        loop {
            definition.clear();
            repetition.clear();
            values.clear();
            lock(self.log).values = 0;
            let read = reader.read_records(self.rows, Some(&mut definition), Some(&mut repetition), &mut values);
            let (rows, _, levels) = read.map_err(|error| {
                let trouble = lock(self.log).trouble.take();
                trouble.unwrap_or_else(|| Trouble::Damaged(format!("a page cannot be decoded: {error}")))
            })?;
            if rows == 0 && levels == 0 {
                return Ok(decoded);
            }
            decoded.rows += rows as u64;
            decoded.values += levels as u64;
            let bytes = values.iter().map(Cell::bytes).sum();
            self.budget.spend(levels as u64, bytes)?;
            self.tell(&definition, &repetition, &values, levels);
        }
    }

    /// Values to rows: a value lies behind each level that is defined to the last, a row begins at repetition 0.
    fn tell<V: Cell>(&mut self, definition: &[i16], repetition: &[i16], values: &[V], levels: usize) {
        let (defined, is_repeated) = (self.column.max_def_level(), self.column.max_rep_level() > 0);
        let wants_values = self.watcher.wants_values() && !is_repeated;
        let mut values = values.iter();
        let mut row_bytes = None;
        for level in 0..levels {
            let is_value = defined == 0 || definition.get(level) == Some(&defined);
            let value = if is_value { values.next() } else { None };
            let bytes = value.map_or(0, Cell::bytes);
            if !is_repeated || repetition.get(level) == Some(&0) {
                if let Some(bytes) = row_bytes.replace(bytes) {
                    self.watcher.row_bytes(bytes);
                }
            } else {
                row_bytes = Some(row_bytes.unwrap_or_default() + bytes);
            }
            if wants_values {
                self.watcher.value(value.and_then(Cell::value));
            }
        }
        if let Some(bytes) = row_bytes {
            self.watcher.row_bytes(bytes);
        }
    }
}
