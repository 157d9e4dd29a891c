//! The tables that lie in the folder of an export: their columns, from the footers of the files, and their partitions,
//! from the names of the folders.

use crate::batch::Dataset;
use crate::error::Error;
use crate::export::parquet::DEFAULT_PARTITION;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A dataset as it lies in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which.
    pub dataset: Dataset,
    /// The columns of its files.
    pub columns: Fields,
    /// Names of the partition columns, outermost first.
    pub keys: Vec<String>,
    /// Values of the partitions that hold files, one a key.
    pub partitions: BTreeSet<Vec<String>>,
}

impl Table {
    /// Does any partition stand for rows without a value?
    pub fn has_default(&self) -> bool {
        self.partitions.iter().flatten().any(|value| value == DEFAULT_PARTITION)
    }

    /// Does `MSCK REPAIR TABLE` find the partitions? It passes over folders whose keys have capitals
    /// (<https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html>).
    pub fn can_be_repaired(&self) -> bool {
        !self.keys.iter().any(|key| key.bytes().any(|byte| byte.is_ascii_uppercase()))
    }

    /// The keys that have no value in some partition.
    pub fn keys_with_default(&self) -> Vec<&str> {
        let has_none = |index: usize| self.partitions.iter().any(|values| values[index] == DEFAULT_PARTITION);
        let keys = self.keys.iter().enumerate().filter(|(index, _)| has_none(*index));
        keys.map(|(_, key)| key.as_str()).collect()
    }
}

/// The tables of a folder, in the order of [`Dataset::ALL`].
///
/// # Errors
/// A folder without a table; files whose columns differ; folders that do not have the same keys.
pub fn tables(root: &Path) -> Result<Vec<Table>, Error> {
    let mut tables = Vec::new();
    for dataset in Dataset::ALL {
        let folder = root.join(dataset.name());
        // A link could lead to tables of others.
        if fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
            tables.extend(table(dataset, &folder)?);
        }
    }
    if tables.is_empty() {
        let names: Vec<&str> = Dataset::ALL.into_iter().map(Dataset::name).collect();
        let reason = format!("no Parquet file below {}; name the folder that export wrote", names.join(", "));
        return Err(Error::Input { path: root.display().to_string(), reason });
    }
    Ok(tables)
}

/// The table that lies in the folder of a dataset, if any.
pub(crate) fn table(dataset: Dataset, folder: &Path) -> Result<Option<Table>, Error> {
    let mut table: Option<(PathBuf, Table)> = None;
    for (keys, values, path) in files(folder)? {
        let columns = columns(&path)?;
        let (first, table) = table.get_or_insert_with(|| {
            let (columns, keys) = (columns.clone(), keys.clone());
            (path.clone(), Table { dataset, columns, keys, partitions: BTreeSet::new() })
        });
        if table.keys != keys || table.columns != columns {
            let what = if table.keys == keys { "columns" } else { "partition folders" };
            let reason = format!("it has other {what} than {}: they make no table", first.display());
            return Err(Error::Input { path: path.display().to_string(), reason });
        }
        table.partitions.insert(values);
    }
    Ok(table.map(|(_, table)| table))
}

type PartitionFile = (Vec<String>, Vec<String>, PathBuf);

/// The files that engines see, links left aside as `athena-lint` does, with the keys and values of their folders, in the
/// order of their paths.
fn files(folder: &Path) -> Result<Vec<PartitionFile>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![(Vec::new(), Vec::new(), folder.to_path_buf())];
    while let Some((keys, values, folder)) = folders.pop() {
        let unreadable =
            |error: std::io::Error| Error::Input { path: folder.display().to_string(), reason: error.to_string() };
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Such names are hidden from Athena and Hive.
            if name.starts_with(['.', '_']) {
                continue;
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                if let Some((key, value)) = name.split_once('=') {
                    if !is_plain(key) || value.contains(|char: char| char.is_control() || "'\"`\\/".contains(char))
                    {
                        let reason = "the name of this folder cannot stand in a statement".to_owned();
                        return Err(Error::Input { path: path.display().to_string(), reason });
                    }
                    let with = |list: &[String], last: &str| [list, &[last.to_owned()]].concat();
                    folders.push((with(&keys, key), with(&values, value), path));
                }
            } else if kind.is_file() && name.ends_with(".parquet") {
                found.push((keys.clone(), values.clone(), path));
            }
        }
    }
    found.sort_by(|(.., path), (.., other)| path.cmp(other));
    Ok(found)
}

fn columns(path: &Path) -> Result<Fields, Error> {
    let failed = |reason: String| Error::Input { path: path.display().to_string(), reason };
    let file = fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default());
    let metadata = metadata.map_err(|error| failed(format!("no Parquet file: {error}")))?;
    let columns = metadata.schema().fields().clone();
    match columns.iter().find(|column| !is_plain(column.name())) {
        Some(column) => Err(failed(format!("the column name {:?} cannot stand in a statement", column.name()))),
        None => Ok(columns),
    }
}

/// Is the name one that needs no quotes? What is read may not be an export of ours.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The type as Hive's DDL spells it (<https://docs.aws.amazon.com/athena/latest/ug/data-types.html>).
///
/// # Errors
/// A type that no column of an export has.
pub fn hive_type(field: &Field) -> Result<String, Error> {
    Ok(match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => "timestamp".to_owned(),
        DataType::List(element) => format!("array<{}>", hive_type(element)?),
        DataType::Struct(members) => {
            let member = |member: &std::sync::Arc<Field>| match is_plain(member.name()) {
                true => Ok(format!("{}:{}", member.name(), hive_type(member)?)),
                false => Err(Error::Usage(format!(
                    "a member of column {} has a name with odd characters",
                    field.name()
                ))),
            };
            let members: Result<Vec<String>, Error> = members.iter().map(member).collect();
            format!("struct<{}>", members?.join(","))
        }
        other => {
            return Err(Error::Usage(format!(
                "column {} has the type {other}, which no export has",
                field.name()
            )));
        }
    })
}
