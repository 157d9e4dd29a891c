//! The tables below a folder, and what lies in them.

use super::layout;
use super::report::Notebook;
use crate::decode::parquet::recognise::{begins_as_parquet, is_named_parquet};
use crate::error::Error;
use crate::report::count::counted;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of partitions or files that make one table.
pub(super) struct TableFiles {
    /// Below the folder that is checked; `.` is that folder itself.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// In the order of their paths.
    pub(super) files: Vec<TableFile>,
}

/// A Parquet file of a table.
pub(super) struct TableFile {
    pub(super) path: PathBuf,
    /// Below the folder that is checked.
    pub(super) name: String,
    /// Keys and values of its folders, outermost first.
    pub(super) partition: Vec<(String, String)>,
}

/// What lies in a folder and is not hidden, by name.
#[derive(Default)]
struct Listing {
    folders: Vec<(String, PathBuf)>,
    parquet: Vec<(String, PathBuf)>,
    foreign: Vec<String>,
}

/// Finds the tables: the topmost folders with `key=value` folders or Parquet files in them. None, where no folder holds
/// a Parquet file.
///
/// # Errors
/// No folder.
pub(super) fn find(root: &Path, notebook: &mut Notebook) -> Result<Vec<TableFiles>, Error> {
    let failed = |reason: String| Err(Error::Input { path: root.display().to_string(), reason });
    match fs::metadata(root) {
        Err(error) => return failed(error.to_string()),
        Ok(found) if !found.is_dir() => {
            return failed("it is no folder; name the one that holds the tables".to_owned());
        }
        Ok(_) => {}
    }
    let mut walk = Walk { notebook, links: Vec::new() };
    let mut tables = Vec::new();
    let mut folders = vec![(".".to_owned(), root.to_path_buf())];
    while let Some((name, folder)) = folders.pop() {
        let Some(listing) = walk.list(&name, &folder) else { continue };
        if listing.parquet.is_empty() && !listing.folders.iter().any(|(name, _)| name.contains('=')) {
            let below = listing.folders.into_iter().rev();
            folders.extend(below.map(|(child, path)| (joined(&name, &child), path)));
        } else {
            tables.push(walk.table(name, folder, listing));
        }
    }
    if let [first, others @ ..] = &walk.links[..] {
        let others = match others.len() as u64 {
            0 => String::new(),
            more => format!(" and {}", counted(more, "other")),
        };
        walk.notebook.note(format!("links, pipes and devices are not followed or read: {first}{others}"));
    }
    let is_empty = tables.iter().all(|table| table.files.is_empty());
    Ok(if is_empty { Vec::new() } else { tables })
}

/// Why a folder without tables is not checked.
pub(super) fn none(root: &Path) -> Error {
    let reason = "no Parquet file below it; name the folder that holds the tables".to_owned();
    Error::Input { path: root.display().to_string(), reason }
}

struct Walk<'a> {
    notebook: &'a mut Notebook,
    /// What is neither folder nor file.
    links: Vec<String>,
}

impl Walk<'_> {
    /// All files of a table.
    fn table(&mut self, name: String, folder: PathBuf, listing: Listing) -> TableFiles {
        self.notebook.evaluated(&layout::ONLY_PARQUET);
        let mut table = TableFiles { name: name.clone(), folder, files: Vec::new() };
        let mut folders = vec![(name, Vec::new(), Some(listing), PathBuf::new())];
        while let Some((name, partition, listing, path)) = folders.pop() {
            let Some(listing) = listing.or_else(|| self.list(&name, &path)) else { continue };
            if let [first, others @ ..] = &listing.foreign[..] {
                layout::foreign_file(&joined(&name, first), others.len(), self.notebook);
            }
            table.files.extend(listing.parquet.into_iter().map(|(file, path)| TableFile {
                path,
                name: joined(&name, &file),
                partition: partition.clone(),
            }));
            for (child, path) in listing.folders.into_iter().rev() {
                let child_name = joined(&name, &child);
                let mut partition = partition.clone();
                if let Some((key, value)) = child.split_once('=') {
                    layout::check_partition(key, value, &child_name, self.notebook);
                    partition.push((key.to_owned(), value.to_owned()));
                } else {
                    layout::nested_folder(&child_name, self.notebook);
                }
                folders.push((child_name, partition, None, path));
            }
        }
        table.files.sort_by(|one, other| one.name.cmp(&other.name));
        table
    }

    /// `None`: it cannot be read, and that was said.
    fn list(&mut self, name: &str, folder: &Path) -> Option<Listing> {
        match self.listing(name, folder) {
            Ok(listing) => Some(listing),
            Err(error) => {
                self.notebook.unreadable(name, error.to_string());
                None
            }
        }
    }

    fn listing(&mut self, name: &str, folder: &Path) -> io::Result<Listing> {
        let mut listing = Listing::default();
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            // Athena and Hive do not see them.
            if !file_name.starts_with(['_', '.']) {
                entries.push((file_name, entry.path(), entry.file_type()?));
            }
        }
        entries.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        for (file_name, path, kind) in entries {
            if kind.is_dir() {
                listing.folders.push((file_name, path));
            } else if !kind.is_file() {
                self.links.push(joined(name, &file_name));
            } else {
                match is_parquet(&file_name, &path) {
                    Ok(true) => listing.parquet.push((file_name, path)),
                    Ok(false) => listing.foreign.push(file_name),
                    Err(error) => self.notebook.unreadable(&joined(name, &file_name), error.to_string()),
                }
            }
        }
        Ok(listing)
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder == "." { name.to_owned() } else { format!("{folder}/{name}") }
}

fn is_parquet(name: &str, path: &Path) -> io::Result<bool> {
    Ok(is_named_parquet(name) || begins_as_parquet(path)?)
}
