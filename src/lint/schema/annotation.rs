//! What the values of a column mean, from either of the two forms in which Parquet says it.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::schema::types::Type;

/// Meaning of a node of a schema
/// (<https://github.com/apache/parquet-format/blob/master/LogicalTypes.md>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Annotation {
    /// The physical type says all.
    None,
    /// UTF-8 text, also of an enumeration or of JSON.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
    /// A decimal of so many digits.
    Decimal(i32),
    /// Days since 1970.
    Date,
    /// A point in time.
    Timestamp(TimestampUnit),
    /// An integer of so many bits with a sign.
    Signed(i8),
    /// What Athena has no type for, by name.
    Unreadable(&'static str),
}

/// Unit of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampUnit {
    /// 1/1,000 s.
    Milliseconds,
    /// 1/1,000,000 s.
    Microseconds,
    /// 1/1,000,000,000 s.
    Nanoseconds,
}

impl TimestampUnit {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            TimestampUnit::Milliseconds => "milliseconds",
            TimestampUnit::Microseconds => "microseconds",
            TimestampUnit::Nanoseconds => "nanoseconds",
        }
    }

    /// How many make a millisecond.
    pub fn per_millisecond(self) -> i64 {
        match self {
            TimestampUnit::Milliseconds => 1,
            TimestampUnit::Microseconds => 1_000,
            TimestampUnit::Nanoseconds => 1_000_000,
        }
    }
}

/// The annotation of a node.
pub fn annotation(node: &Type) -> Annotation {
    let info = node.get_basic_info();
    match info.logical_type_ref() {
        Some(logical) => of_logical_type(logical),
        None => of_converted_type(node, info.converted_type()),
    }
}

fn of_logical_type(logical: &LogicalType) -> Annotation {
    match logical {
        LogicalType::String | LogicalType::Enum | LogicalType::Json => Annotation::Text,
        LogicalType::Map => Annotation::Map,
        LogicalType::List => Annotation::List,
        LogicalType::Decimal(decimal) => Annotation::Decimal(decimal.precision),
        LogicalType::Date => Annotation::Date,
        LogicalType::Time(_) => Annotation::Unreadable("TIME"),
        LogicalType::Timestamp(timestamp) => Annotation::Timestamp(match timestamp.unit {
            TimeUnit::MILLIS => TimestampUnit::Milliseconds,
            TimeUnit::MICROS => TimestampUnit::Microseconds,
            TimeUnit::NANOS => TimestampUnit::Nanoseconds,
        }),
        LogicalType::Integer(integer) if integer.is_signed => Annotation::Signed(integer.bit_width),
        LogicalType::Integer(_) => Annotation::Unreadable("an unsigned integer"),
        LogicalType::Unknown => Annotation::Unreadable("UNKNOWN"),
        LogicalType::Bson => Annotation::Unreadable("BSON"),
        LogicalType::Uuid => Annotation::Unreadable("UUID"),
        LogicalType::Float16 => Annotation::Unreadable("FLOAT16"),
        LogicalType::Variant(_) => Annotation::Unreadable("VARIANT"),
        LogicalType::Geometry(_) => Annotation::Unreadable("GEOMETRY"),
        LogicalType::Geography(_) => Annotation::Unreadable("GEOGRAPHY"),
        LogicalType::_Unknown { .. } => Annotation::Unreadable("a type newer than this program"),
    }
}

fn of_converted_type(node: &Type, converted: ConvertedType) -> Annotation {
    match converted {
        ConvertedType::NONE => Annotation::None,
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON => Annotation::Text,
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => Annotation::Map,
        ConvertedType::LIST => Annotation::List,
        ConvertedType::DECIMAL => {
            Annotation::Decimal(if node.is_primitive() { node.get_precision() } else { i32::MAX })
        }
        ConvertedType::DATE => Annotation::Date,
        ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => Annotation::Unreadable("TIME"),
        ConvertedType::TIMESTAMP_MILLIS => Annotation::Timestamp(TimestampUnit::Milliseconds),
        ConvertedType::TIMESTAMP_MICROS => Annotation::Timestamp(TimestampUnit::Microseconds),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
            Annotation::Unreadable("an unsigned integer")
        }
        ConvertedType::INT_8 => Annotation::Signed(8),
        ConvertedType::INT_16 => Annotation::Signed(16),
        ConvertedType::INT_32 => Annotation::Signed(32),
        ConvertedType::INT_64 => Annotation::Signed(64),
        ConvertedType::BSON => Annotation::Unreadable("BSON"),
        ConvertedType::INTERVAL => Annotation::Unreadable("INTERVAL"),
    }
}
