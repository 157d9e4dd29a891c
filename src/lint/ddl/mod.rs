//! Check 20: the table's definition against its files and folders.

mod hive;
mod projection;
mod statement;

pub use statement::{CreateTable, parse};

use super::check::Check;
use super::layout::FOLDER_NAMES;
use super::report::Notebook;
use hive::HiveType;
use parquet::schema::types::Type;
use std::collections::BTreeSet;

/// 20.
pub const DDL_FITS: Check = Check {
    number: 20,
    name: "ddl-fits",
    asserts: "The columns of CREATE EXTERNAL TABLE are those of the files, by name and type, its partition \
              columns are the keys of the folders, and partition projection covers all partitions.",
    why: "A column that only one side has is not there or null, another type ends the query with HIVE_BAD_DATA, \
          and partitions outside of a projected range give no rows, without a word.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html",
    next: "Correct the statement; `s3sleuth ddl` writes it for folders that s3sleuth exported.",
};

/// What is known of a table from its files.
pub(super) struct TableFacts<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Type,
    /// Keys of its folders, outermost first.
    pub(super) keys: &'a [String],
    /// Values of its folders, one a key.
    pub(super) partitions: &'a BTreeSet<Vec<String>>,
}

/// Holds a statement against a table. `today`: days since 1970, for ranges that end now.
pub(super) fn check(table: &TableFacts<'_>, statement: &CreateTable, today: i64, notebook: &mut Notebook) {
    notebook.evaluated(&DDL_FITS);
    columns(table, statement, notebook);
    let declared: Vec<String> = statement.partition_columns.iter().map(|name| name.to_lowercase()).collect();
    let keys: Vec<String> = table.keys.iter().map(|key| key.to_lowercase()).collect();
    if declared != keys {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let found =
            format!("partition columns {} in the statement, {} in the folders", list(&declared), list(&keys));
        notebook.report(DDL_FITS.error(table.name, found));
    } else if let Some(projection) = projection::Projection::of(statement) {
        projection.check(table, today, notebook);
    }
    location(table, statement, notebook);
}

fn columns(table: &TableFacts<'_>, statement: &CreateTable, notebook: &mut Notebook) {
    let in_files = table.schema.get_fields();
    for (name, declared) in &statement.columns {
        let Some(column) = in_files.iter().find(|column| column.name().eq_ignore_ascii_case(name)) else {
            let found = "a column of the statement that the files do not have";
            notebook.report(DDL_FITS.error(table.name, found).in_column(name));
            continue;
        };
        let actual = HiveType::of(column);
        if !declared.reads(&actual) {
            let found = format!("{declared} in the statement, {actual} in the files");
            notebook.report(DDL_FITS.error(table.name, found).in_column(name));
        }
    }
    for column in in_files {
        if !statement.columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(column.name())) {
            let found = "a column of the files that the statement does not have";
            notebook.report(DDL_FITS.error(table.name, found).in_column(column.name()));
        }
    }
}

fn location(table: &TableFacts<'_>, statement: &CreateTable, notebook: &mut Notebook) {
    let Some(location) = &statement.location else { return };
    let path = location.split_once("://").map_or(&**location, |(_, path)| path);
    if path.contains("//") {
        notebook.report(FOLDER_NAMES.error(table.name, format!("LOCATION {location:?} holds //")));
    }
    if !location.ends_with('/') {
        notebook.report(DDL_FITS.warning(table.name, format!("LOCATION {location:?} does not end with a slash")));
    }
}
