//! `docs/schema.md`, derived from the columns.

use super::{Column, Dataset, TextLayout};
use crate::parse::{cloudtrail, s3_access};
use arrow::datatypes::DataType;
use std::fmt::Write;

/// The page that documents every column of every dataset.
pub fn schema_page() -> String {
    let mut page = String::from(
        "# Columns\n\nDerived from the column lists in the source; `UPDATE_DOCS=1 cargo test --release --test docs` \
         rewrites this page.\nEvery column can be null: a logged `-` and a field that a record does not have are null.\n",
    );
    for dataset in Dataset::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n| column | type | meaning |\n|---|---|---|\n",
            dataset.name(),
            dataset.about()
        );
        rows(&mut page, "", dataset.columns());
        let sought = sought("", dataset.columns());
        if !sought.is_empty() {
            let _ = writeln!(page, "\nWith Bloom filters in Parquet: `{}`.", sought.join("`, `"));
        }
    }
    flags(&mut page, "s3_access", &s3_access::FLAGS);
    flags(&mut page, "cloudtrail", &cloudtrail::FLAGS);
    page
}

fn rows(page: &mut String, prefix: &str, columns: &[Column]) {
    for column in columns {
        let data_type = column.cells.data_type(TextLayout::Copied);
        let _ = writeln!(page, "| {prefix}{} | {} | {} |", column.name, type_name(&data_type), column.about);
        if let super::Cells::Struct(members) = column.cells {
            rows(page, &format!("{prefix}{}.", column.name), members);
        }
    }
}

/// Columns and members of structs in which single values are sought.
fn sought(prefix: &str, columns: &[Column]) -> Vec<String> {
    let mut names = Vec::new();
    for column in columns {
        let name = format!("{prefix}{}", column.name);
        if let super::Cells::Struct(members) = column.cells {
            names.extend(sought(&format!("{name}."), members));
        }
        names.extend(column.is_sought.then_some(name));
    }
    names
}

fn flags(page: &mut String, log: &str, names: &[&str]) {
    let _ = writeln!(page, "\nParse flags of `{log}`: `{}`.", names.join("`, `"));
}

/// The type in the words of Athena's DDL.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Int64 => "bigint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Timestamp(..) => "timestamp (milliseconds, UTC)".to_owned(),
        DataType::Struct(_) => "struct".to_owned(),
        DataType::List(element) => match element.data_type() {
            DataType::Struct(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
                format!("array of struct ({})", names.join(", "))
            }
            _ => "array of string".to_owned(),
        },
        _ => "string".to_owned(),
    }
}
