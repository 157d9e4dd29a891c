//! Types as Hive's DDL has them, from a statement and from a file.

use crate::lint::schema::{Annotation, annotation};
use parquet::basic::Type as PhysicalType;
use parquet::schema::types::Type;
use std::fmt;

/// A type of a column (<https://docs.aws.amazon.com/athena/latest/ug/data-types.html>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiveType {
    /// Lower case: `bigint`, `struct`, …
    pub name: String,
    /// What stands in parentheses, such as precision and scale.
    pub arguments: Vec<String>,
    /// Types inside `<>`, with their names in a struct.
    pub members: Vec<(String, HiveType)>,
}

impl HiveType {
    /// The type of a column of a file.
    pub(super) fn of(column: &Type) -> HiveType {
        if column.is_primitive() { primitive(column) } else { nested(column) }
    }

    /// Can a column that is declared as this be read from files with that type?
    pub(super) fn reads(&self, actual: &HiveType) -> bool {
        let names = (family(&self.name), family(&actual.name));
        match names {
            ("struct", "struct") => {
                let same = |(name, declared): &(String, HiveType)| {
                    let member = actual.members.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
                    member.is_some_and(|(_, actual)| declared.reads(actual))
                };
                self.members.len() == actual.members.len() && self.members.iter().all(same)
            }
            ("array", "array") | ("map", "map") => {
                self.members.len() == actual.members.len()
                    && self.members.iter().zip(&actual.members).all(|((_, one), (_, other))| one.reads(other))
            }
            ("decimal", "decimal") => self.arguments == actual.arguments,
            // Text without an annotation is bytes, and read as either.
            ("string", "binary") => true,
            // Narrower integers are read as wider ones.
            ("smallint", "tinyint")
            | ("int", "tinyint" | "smallint")
            | ("bigint", "tinyint" | "smallint" | "int") => true,
            (one, other) => one == other,
        }
    }

    fn plain(name: &str) -> HiveType {
        HiveType { name: name.to_owned(), arguments: Vec::new(), members: Vec::new() }
    }

    fn with(name: &str, members: Vec<(String, HiveType)>) -> HiveType {
        HiveType { name: name.to_owned(), arguments: Vec::new(), members }
    }
}

/// Names for the same.
fn family(name: &str) -> &str {
    match name {
        "integer" => "int",
        "varchar" | "char" => "string",
        name => name,
    }
}

fn primitive(column: &Type) -> HiveType {
    let name = match (column.get_physical_type(), annotation(column)) {
        (_, Annotation::Decimal(precision)) => {
            let arguments = vec![precision.to_string(), column.get_scale().max(0).to_string()];
            return HiveType { name: "decimal".to_owned(), arguments, members: Vec::new() };
        }
        (_, Annotation::Date) => "date",
        (_, Annotation::Timestamp(_)) | (PhysicalType::INT96, _) => "timestamp",
        (_, Annotation::Text) => "string",
        (_, Annotation::Signed(8)) => "tinyint",
        (_, Annotation::Signed(16)) => "smallint",
        (PhysicalType::BOOLEAN, _) => "boolean",
        (PhysicalType::INT32, _) => "int",
        (PhysicalType::INT64, _) => "bigint",
        (PhysicalType::FLOAT, _) => "float",
        (PhysicalType::DOUBLE, _) => "double",
        (PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY, _) => "binary",
    };
    HiveType::plain(name)
}

/// Lists and maps in the form of three levels; others are what check 4 tells of.
fn nested(column: &Type) -> HiveType {
    let inner = column.get_fields().first().filter(|inner| inner.is_group()).map(|inner| inner.get_fields());
    let unnamed = |field: &std::sync::Arc<Type>| (String::new(), HiveType::of(field));
    match (annotation(column), inner) {
        (Annotation::List, Some([element])) => HiveType::with("array", vec![unnamed(element)]),
        (Annotation::Map, Some([key, value])) => HiveType::with("map", vec![unnamed(key), unnamed(value)]),
        _ => {
            let member = |field: &std::sync::Arc<Type>| (field.name().to_lowercase(), HiveType::of(field));
            HiveType::with("struct", column.get_fields().iter().map(member).collect())
        }
    }
}

impl fmt::Display for HiveType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)?;
        if !self.arguments.is_empty() {
            write!(out, "({})", self.arguments.join(","))?;
        }
        for (index, (name, member)) in self.members.iter().enumerate() {
            out.write_str(if index == 0 { "<" } else { "," })?;
            if !name.is_empty() {
                write!(out, "{name}:")?;
            }
            write!(out, "{member}")?;
        }
        if self.members.is_empty() { Ok(()) } else { out.write_str(">") }
    }
}
