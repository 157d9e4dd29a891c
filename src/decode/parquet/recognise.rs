//! Parquet files among others: by name or, where that says nothing, by what they begin with.

use crate::decode::sniff::{Container, container};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Ends of the names of Parquet files.
const EXTENSIONS: [&str; 3] = ["parquet", "parq", "pq"];

/// Is the file named as Parquet files are?
pub(crate) fn is_named_parquet(name: &str) -> bool {
    let name = name.as_bytes();
    EXTENSIONS.iter().any(|known| {
        let (_, end) = name.split_at(name.len().saturating_sub(known.len() + 1));
        end.strip_prefix(b".").is_some_and(|extension| extension.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// Does the file begin as Parquet files do?
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn begins_as_parquet(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(container(&head) == Some(Container::Parquet))
}
