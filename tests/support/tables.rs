//! Reads the Parquet files of an export back.

use arrow::row::{RowConverter, SortField};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Rows of a dataset, whatever their order: how many, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub count: usize,
    pub sum: u64,
}

/// Every file below, relative, with its bytes.
pub fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder is there").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("it is below").to_path_buf();
                found.insert(name, fs::read(&path).expect("the file is there"));
            }
        }
    }
    found
}

/// The data files that readers see, relative to the folder.
pub fn data_files(root: &Path) -> Vec<PathBuf> {
    let visible = |path: &PathBuf| {
        let name = path.file_name().expect("a file has a name").to_string_lossy();
        name.ends_with(".parquet") && !name.starts_with('.')
    };
    files(root).into_keys().filter(visible).collect()
}

/// All rows of each dataset, with the folder of their partition.
pub fn rows(root: &Path) -> BTreeMap<String, Rows> {
    let mut datasets: BTreeMap<String, Rows> = BTreeMap::new();
    for path in data_files(root) {
        let dataset = path.iter().next().expect("a path has parts").to_string_lossy().into_owned();
        let folder = path.parent().expect("it is in a partition").to_string_lossy().into_owned();
        let rows = datasets.entry(dataset).or_default();
        let file = File::open(root.join(&path)).expect("the file is there");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("the file is whole");
        let fields = builder.schema().fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(fields.collect()).expect("the types can be compared");
        for batch in builder.build().expect("the file is whole") {
            let batch = batch.expect("the file is whole");
            for row in &converter.convert_columns(batch.columns()).expect("the types are those of the schema") {
                rows.count += 1;
                rows.sum = rows.sum.wrapping_add(xxh3_64(&[folder.as_bytes(), row.as_ref()].concat()));
            }
        }
    }
    datasets
}
