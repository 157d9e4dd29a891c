//! Check 21: the folder of an export against its manifest.

use super::check::Check;
use super::report::Notebook;
use super::tables::TableFiles;
use crate::batch::Dataset;
use crate::error::Error;
use crate::export::lake::{Audit, Lake};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// 21.
pub const AS_IN_MANIFEST: Check = Check {
    number: 21,
    name: "as-in-manifest",
    asserts: "The folder of an export holds the files that its `_toolmeta/manifest.jsonl` names, in their sizes, and no \
              other Parquet files.",
    why: "Athena reads every file below the location of a table: one that the manifest does not name adds rows, often a \
          second time, and the rows of one that is gone are missing without a word. No later export writes them again.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html",
    next: "Move what does not belong to the export out of its folder; restore what is gone, or export all inputs again \
           with --force.",
};

/// The part of an export that is checked.
struct Part {
    /// Before paths of the manifest, to make them paths below the folder that is checked; `None`: that folder is a
    /// dataset, whose name is taken away.
    prefix: Option<String>,
    datasets: Vec<&'static str>,
}

/// Holds every export that lies below the folder, or around it, against its manifest.
pub(super) fn check(root: &Path, tables: &[TableFiles], notebook: &mut Notebook) {
    let mut parts: BTreeMap<PathBuf, Part> = BTreeMap::new();
    if Lake::has_manifest(root) {
        parts.insert(root.to_path_buf(), Part { prefix: Some(String::new()), datasets: all() });
    }
    for table in tables {
        match part_of(table) {
            Some((lake, part)) => drop(parts.entry(lake).or_insert(part)),
            None => notebook.not_evaluated(&AS_IN_MANIFEST, "no manifest of an export beside the table"),
        }
    }
    for (lake, part) in parts {
        if let Err(error) = check_part(&lake, &part, notebook) {
            notebook.unreadable(
                part.prefix.as_deref().map_or(".", |prefix| prefix.trim_end_matches('/')),
                error.to_string(),
            );
        }
    }
}

/// The export that a table is a dataset of.
fn part_of(table: &TableFiles) -> Option<(PathBuf, Part)> {
    let name = table.folder.file_name()?;
    let dataset = all().into_iter().find(|dataset| name == *dataset)?;
    let lake = table.folder.parent().filter(|lake| Lake::has_manifest(lake))?;
    let part = match table.name.strip_suffix(dataset) {
        Some(prefix) => Part { prefix: Some(prefix.to_owned()), datasets: all() },
        None => Part { prefix: None, datasets: vec![dataset] },
    };
    Some((lake.to_path_buf(), part))
}

fn all() -> Vec<&'static str> {
    Dataset::ALL.map(Dataset::name).to_vec()
}

fn check_part(lake: &Path, part: &Part, notebook: &mut Notebook) -> Result<(), Error> {
    let Some(state) = Lake::read(lake)? else { return Ok(()) };
    let audit = Audit::of(lake, &state, part.datasets.iter().copied())?;
    notebook.evaluated(&AS_IN_MANIFEST);
    let below = |path: &str| match &part.prefix {
        Some(prefix) => format!("{prefix}{path}"),
        None => path.split_once('/').map_or(path, |(_, below)| below).to_owned(),
    };
    for file in &audit.lost {
        let found = match file.found_bytes {
            None => "the manifest names it, and it is gone".to_owned(),
            Some(found) => format!("it has {found} bytes, and {} according to the manifest", file.bytes),
        };
        notebook.report(AS_IN_MANIFEST.error(&below(&file.path), found));
    }
    for path in &audit.strangers {
        notebook.report(AS_IN_MANIFEST.error(&below(path), "a Parquet file that the manifest does not name"));
    }
    Ok(())
}
