//! Checks folders of Parquet files for what Athena needs: [`CHECKS`]. They may be anybody's.
//!
//! ```text
//! tables ──► file ──► sizes, order, content    each file, in parallel
//! folders     pages └► schema, layout, ddl     each table
//! ```
//!
//! Files are taken for hostile: claims are held against the bytes that are there before memory is spent on them,
//! work is bounded by the size of the file, and a panic of a decoder becomes a finding.

mod check;
mod content;
mod ddl;
mod file;
mod layout;
mod limits;
mod manifest;
mod order;
mod report;
mod schema;
mod sizes;
mod tables;
mod time_column;

pub use check::{CHECKS, Check, Finding, Severity, checks_page};
pub use ddl::{CreateTable, parse as parse_ddl};
pub use limits::Limits;
pub use report::{CheckResult, Outcome, Report, Unreadable};

use crate::batch::Dataset;
use crate::decode::guarded;
use crate::error::Error;
use crate::export;
use ddl::{DDL_FITS, TableFacts};
use parquet::schema::types::TypePtr;
use rayon::prelude::*;
use report::Notebook;
use schema::same::SchemaOfFiles;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use tables::{TableFile, TableFiles};
use xxhash_rust::xxh3::xxh3_128;

/// What is held against what.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Limits of the checks and of decoding.
    pub limits: Limits,
    /// Statements that create the tables; empty: those that `s3sleuth ddl` would print, for folders of an export.
    pub statements: Vec<CreateTable>,
    /// The day that projections call now, in days since 1970.
    pub today: i64,
}

/// Carries out all checks on the tables below a folder.
///
/// # Errors
/// No folder, or none with a Parquet file in it. What cannot be read inside is told in the report.
pub fn lint(root: &Path, options: &Options) -> Result<Report, Error> {
    let mut notebook = Notebook::of_folders();
    let tables = tables::find(root, &mut notebook)?;
    if tables.is_empty() && !manifest_names_files(root) {
        return Err(tables::none(root));
    }
    manifest::check(root, &tables, &mut notebook);
    for table in &tables {
        check_table(table, tables.len(), options, &mut notebook);
    }
    let files = tables.iter().map(|table| table.files.len() as u64).sum();
    Ok(notebook.finish(tables.into_iter().map(|table| table.name).collect(), files))
}

/// Is the folder that of an export that had files?
fn manifest_names_files(root: &Path) -> bool {
    export::lake::Lake::read(root).is_ok_and(|state| state.is_some_and(|state| state.files().next().is_some()))
}

/// A file behind its checks; schemas are kept once each.
struct FileOutcome {
    schema: Option<u128>,
    bytes: u64,
    notebook: Notebook,
}

fn check_table(table: &TableFiles, tables: usize, options: &Options, notebook: &mut Notebook) {
    let schemas: Mutex<BTreeMap<u128, TypePtr>> = Mutex::default();
    let outcome = |file: &TableFile| {
        let checked = file::check(&file.path, &file.name, &file.partition, &options.limits);
        let schema = checked.schema.map(|schema| {
            let id = xxh3_128(schema::same::text(&schema).as_bytes());
            schemas.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(schema);
            id
        });
        FileOutcome { schema, bytes: checked.bytes, notebook: checked.notebook }
    };
    let outcomes: Vec<FileOutcome> = table.files.par_iter().map(outcome).collect();
    let schemas = schemas.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut seen: Vec<SchemaOfFiles<'_>> = Vec::new();
    let mut places: BTreeMap<u128, usize> = BTreeMap::new();
    let mut partitions: BTreeMap<Vec<&str>, (&str, Vec<u64>)> = BTreeMap::new();
    let mut is_whole = true;
    for (file, outcome) in table.files.iter().zip(outcomes) {
        notebook.append(outcome.notebook);
        let values = file.partition.iter().map(|(_, value)| &**value).collect();
        let folder = file.name.rsplit_once('/').map_or(".", |(folder, _)| folder);
        partitions.entry(values).or_insert((folder, Vec::new())).1.push(outcome.bytes);
        let Some(id) = outcome.schema else {
            is_whole = false;
            continue;
        };
        let place = *places.entry(id).or_insert(seen.len());
        if place == seen.len() {
            seen.push(SchemaOfFiles { schema: &schemas[&id], path: &file.name, files: 0 });
        }
        seen[place].files += 1;
    }
    for (folder, sizes) in partitions.values() {
        sizes::check_files(folder, sizes, &options.limits, notebook);
    }
    check_schemas(table, &seen, notebook);
    if let Some(most) = seen.iter().rev().max_by_key(|schema| schema.files) {
        check_ddl(table, most.schema, is_whole, tables == 1, options, notebook);
    } else {
        notebook.not_evaluated(&DDL_FITS, "no file of the table can be read");
    }
}

fn check_schemas(table: &TableFiles, schemas: &[SchemaOfFiles<'_>], notebook: &mut Notebook) {
    let mut keys: Vec<(Vec<String>, &str)> = Vec::new();
    let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
    for file in &table.files {
        let found = keys_of(file);
        if known.insert(found.clone()) {
            keys.push((found, &file.name));
        }
    }
    let borrowed: Vec<(&[String], &str)> = keys.iter().map(|(keys, path)| (&**keys, *path)).collect();
    layout::check_keys(&borrowed, notebook);
    for schema in schemas {
        schema::check(schema.schema, schema.path, notebook);
        if let Some((keys, _)) = keys.first() {
            schema::names::check_keys(keys, schema.schema, schema.path, notebook);
        }
    }
    if schemas.is_empty() {
        notebook.not_evaluated(&schema::same::SAME_SCHEMA, "no file of the table can be read");
    } else {
        schema::same::check(schemas, notebook);
    }
}

fn keys_of(file: &TableFile) -> Vec<String> {
    file.partition.iter().map(|(key, _)| key.clone()).collect()
}

fn check_ddl(
    table: &TableFiles,
    schema: &parquet::schema::types::Type,
    is_whole: bool,
    is_only: bool,
    options: &Options,
    notebook: &mut Notebook,
) {
    let statement = if options.statements.is_empty() {
        match own_statement(table, is_whole) {
            Ok(statement) => statement,
            Err(reason) => return notebook.not_evaluated(&DDL_FITS, reason),
        }
    } else {
        let name = table.folder.file_name().map(|name| name.to_string_lossy().to_lowercase());
        let named = options.statements.iter().find(|statement| Some(statement.name.to_lowercase()) == name);
        let only = options.statements.first().filter(|_| is_only && options.statements.len() == 1);
        match named.or(only) {
            Some(statement) => statement.clone(),
            None => return notebook.not_evaluated(&DDL_FITS, "--ddl has no statement for a table of this name"),
        }
    };
    let keys = table.files.first().map(keys_of).unwrap_or_default();
    let values = |file: &TableFile| file.partition.iter().map(|(_, value)| value.clone()).collect();
    let partitions: BTreeSet<Vec<String>> = table.files.iter().map(values).collect();
    let facts = TableFacts { name: &table.name, schema, keys: &keys, partitions: &partitions };
    ddl::check(&facts, &statement, options.today, notebook);
}

/// What `s3sleuth ddl` prints for a folder of an export. Its footers have been read without harm before.
fn own_statement(table: &TableFiles, is_whole: bool) -> Result<CreateTable, String> {
    let is_of = |dataset: &Dataset| table.folder.file_name().is_some_and(|name| name == dataset.name());
    let Some(dataset) = Dataset::ALL.into_iter().find(is_of) else {
        return Err("no --ddl FILE, and no folder that s3sleuth exported".to_owned());
    };
    if !is_whole {
        return Err("not all files of the table can be read".to_owned());
    }
    // Where the folder will lie makes no difference to the check.
    let text = guarded(|| {
        let found = export::ddl::table(dataset, &table.folder).map_err(|error| error.to_string())?;
        let tables: Vec<_> = found.into_iter().collect();
        export::ddl::statements(&tables, "s3://amzn-s3-demo-bucket/", export::ddl::Engine::Athena)
            .map_err(|error| error.to_string())
    });
    let statements = text.and_then(|text| text).and_then(|text| ddl::parse(&text));
    let first = statements.map(|statements| statements.into_iter().next());
    first
        .and_then(|first| first.ok_or_else(String::new))
        .map_err(|reason| format!("s3sleuth ddl makes no statement: {reason}"))
}
