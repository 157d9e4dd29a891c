//! Checks 1 to 3: types that Athena reads as what they are.

use super::{Annotation, TimestampUnit, annotation, walk};
use crate::lint::check::Check;
use crate::lint::report::Notebook;
use parquet::basic::Type as PhysicalType;
use parquet::schema::types::Type;

/// 1.
pub const NO_INT96: Check = Check {
    number: 1,
    name: "no-int96",
    asserts: "No column is of the physical type INT96.",
    why: "INT96 timestamps are deprecated in Parquet, overflow in Athena, and their row groups are skipped only \
          where all values are the same.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html",
    next: "Write timestamps as INT64 with TIMESTAMP(MILLIS). Spark: \
           spark.sql.parquet.outputTimestampType=TIMESTAMP_MILLIS.",
};

/// 2.
pub const READABLE_TYPES: Check = Check {
    number: 2,
    name: "readable-types",
    asserts: "No column is an unsigned integer, TIME, UUID, FLOAT16, INTERVAL, a decimal of more than 38 digits, \
              or another type that Athena does not have.",
    why: "Athena has no such types: unsigned integers from 2^31 or 2^63 on come back negative without a word, \
          others fail the query.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/data-types.html",
    next: "Write the next larger signed integer, text, or a decimal of at most 38 digits.",
};

/// 3.
pub const MILLISECOND_TIMESTAMPS: Check = Check {
    number: 3,
    name: "millisecond-timestamps",
    asserts: "All timestamps are in milliseconds.",
    why: "Athena's timestamp has three decimal places: finer ones are rounded, or end a query with \
          SERIALIZATION_ERROR.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/engine-versions-reference-0003.html",
    next: "Write TIMESTAMP(MILLIS), and the finer part as a bigint of its own if it is needed.",
};

/// The largest precision of a decimal in Athena (<https://docs.aws.amazon.com/athena/latest/ug/data-types.html>).
const DECIMAL_DIGITS: i32 = 38;

pub(super) fn check(schema: &Type, path: &str, notebook: &mut Notebook) {
    for check in [&NO_INT96, &READABLE_TYPES, &MILLISECOND_TIMESTAMPS] {
        notebook.evaluated(check);
    }
    walk(schema, "", &mut |column, node| {
        if node.is_primitive() && node.get_physical_type() == PhysicalType::INT96 {
            notebook.report(NO_INT96.error(path, "the type is INT96").in_column(column));
        }
        match annotation(node) {
            Annotation::Unreadable(name) => {
                notebook.report(READABLE_TYPES.error(path, format!("the type is {name}")).in_column(column));
            }
            Annotation::Decimal(digits) if digits > DECIMAL_DIGITS => {
                let found = format!("a decimal of {digits} digits");
                notebook.report(READABLE_TYPES.error(path, found).in_column(column));
            }
            Annotation::Timestamp(unit) if unit != TimestampUnit::Milliseconds => {
                let found = format!("a timestamp in {}", unit.name());
                notebook.report(MILLISECOND_TIMESTAMPS.error(path, found).in_column(column));
            }
            _ => {}
        }
    });
}
