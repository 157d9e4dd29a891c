//! The values of one leaf of a batch, whatever type they have in it.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use std::ops::Range;

/// What values a leaf must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Boolean,
    Time,
    Texts,
    Structs,
}

impl Shape {
    /// Are values of this type read as such? Text is taken anywhere: it is what the log held.
    pub(super) fn fits(self, data_type: &DataType) -> bool {
        match (self, data_type) {
            (_, DataType::Null) => true,
            (Shape::Texts, DataType::List(element)) => Shape::Text.fits(element.data_type()),
            (Shape::Structs, DataType::List(element)) => match element.data_type() {
                DataType::Struct(members) => members.iter().all(|member| Shape::Text.fits(member.data_type())),
                _ => false,
            },
            (Shape::Texts | Shape::Structs, _) => false,
            (_, data_type) if is_text(data_type) || is_bytes(data_type) => true,
            (Shape::Number, data_type) => data_type.is_integer() || is_float(data_type),
            (Shape::Boolean, DataType::Boolean) | (Shape::Time, DataType::Timestamp(..)) => true,
            _ => false,
        }
    }

    /// In words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Shape::Text => "text",
            Shape::Number => "a number",
            Shape::Boolean => "a boolean",
            Shape::Time => "an instant",
            Shape::Texts => "a list of texts",
            Shape::Structs => "a list of structs of texts",
        }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// The values of a leaf.
#[derive(Debug)]
pub(super) struct Values {
    nulls: Option<NullBuffer>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Null,
    Text(StringViewArray),
    Bytes(BinaryViewArray),
    Integer(Int64Array),
    Float(Float64Array),
    Boolean(BooleanArray),
    Time(Int64Array, TimeUnit),
    List(ListArray, Vec<(String, Values)>),
}

/// The elements of a list, and their members, each with its name.
pub(super) type Elements<'a> = (Range<usize>, &'a [(String, Values)]);

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a [u8]),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Milliseconds since 1970 UTC.
    Time(i64),
}

impl Values {
    /// The values of an array that lies in structs which are null where `around` is.
    ///
    /// # Errors
    /// A type that is not read, or a number beyond 64 bits.
    pub(super) fn of(array: &ArrayRef, around: Option<&NullBuffer>) -> Result<Values, String> {
        let nulls = NullBuffer::union(around, array.nulls());
        let integers = |array: &ArrayRef| cast::<Int64Array>(array, &DataType::Int64);
        let kind = match array.data_type() {
            DataType::Null => Kind::Null,
            other if is_text(other) => Kind::Text(cast(array, &DataType::Utf8View)?),
            other if is_bytes(other) => Kind::Bytes(cast(array, &DataType::BinaryView)?),
            DataType::Boolean => Kind::Boolean(array.as_boolean().clone()),
            DataType::Timestamp(unit, _) => Kind::Time(integers(array)?, *unit),
            DataType::List(_) => Kind::List(array.as_list().clone(), members(array.as_list::<i32>().values())?),
            other if is_float(other) => Kind::Float(cast::<Float64Array>(array, &DataType::Float64)?),
            other if other.is_integer() => Kind::Integer(integers(array)?),
            other => return Err(format!("values of type {other} are not read")),
        };
        Ok(Values { nulls, kind })
    }

    /// The value of a row; `None` is null.
    pub(super) fn get(&self, row: usize) -> Option<Value<'_>> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some(match &self.kind {
            Kind::Null | Kind::List(..) => return None,
            Kind::Text(values) => Value::Text(values.value(row).as_bytes()),
            Kind::Bytes(values) => Value::Text(values.value(row)),
            Kind::Integer(values) => Value::Integer(values.value(row)),
            Kind::Float(values) => Value::Float(values.value(row)),
            Kind::Boolean(values) => Value::Boolean(values.value(row)),
            Kind::Time(values, unit) => Value::Time(milliseconds(values.value(row), *unit)),
        })
    }

    /// The bytes of a text; `None` is null or no text.
    pub(super) fn text(&self, row: usize) -> Option<&[u8]> {
        match self.get(row) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The elements of a row's list, each as a row of the members; `None` is a null list. A list of texts has one
    /// member without a name.
    pub(super) fn list(&self, row: usize) -> Option<Elements<'_>> {
        let Kind::List(lists, members) = &self.kind else { return None };
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let offsets = lists.value_offsets();
        Some((offsets[row] as usize..offsets[row + 1] as usize, members))
    }
}

/// The members of the elements of a list.
fn members(elements: &ArrayRef) -> Result<Vec<(String, Values)>, String> {
    let Some(structs) = elements.as_struct_opt() else {
        return Ok(vec![(String::new(), Values::of(elements, None)?)]);
    };
    let members = structs.fields().iter().zip(structs.columns());
    members.map(|(field, array)| Ok((field.name().clone(), Values::of(array, structs.nulls())?))).collect()
}

fn cast<T: Array + Clone + 'static>(array: &ArrayRef, data_type: &DataType) -> Result<T, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let array = cast_with_options(array, data_type, &options).map_err(|error| error.to_string())?;
    array.as_any().downcast_ref::<T>().cloned().ok_or_else(|| format!("values are no {data_type}"))
}

fn milliseconds(value: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => value.saturating_mul(1000),
        TimeUnit::Millisecond => value,
        TimeUnit::Microsecond => value.div_euclid(1000),
        TimeUnit::Nanosecond => value.div_euclid(1_000_000),
    }
}
