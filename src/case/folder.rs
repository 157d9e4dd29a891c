//! Where evidence lies: the paths that were named, and every regular file below them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its path.
    pub path: PathBuf,
    /// In a sentence.
    pub reason: String,
    /// It could not be read: something may be missing.
    pub is_unread: bool,
}

/// The paths as absolute ones without links, each once; what lies in another one goes.
///
/// # Errors
/// A path that does not exist.
pub fn roots(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let real = |path: &PathBuf| fs::canonicalize(path).map_err(|error| (path.clone(), error));
    let mut sorted = paths.iter().map(real).collect::<Result<Vec<_>, _>>()?;
    sorted.sort();
    let mut roots: Vec<PathBuf> = Vec::new();
    for path in sorted {
        // Paths are sorted by their parts, so that what lies in one stands right behind it.
        if roots.last().is_none_or(|root| !path.starts_with(root)) {
            roots.push(path);
        }
    }
    Ok(roots)
}

/// The regular files of a root by their paths below it, in order: of a file itself the empty path. Links are not followed.
pub(super) fn files_below(root: &Path) -> (Vec<PathBuf>, Vec<Left>) {
    let (mut files, mut left) = (Vec::new(), Vec::new());
    let mut leave = |path: &Path, reason: String, is_unread| {
        left.push(Left { path: path.to_path_buf(), reason, is_unread });
    };
    // Without recursion: folders may be nested deeper than the stack is.
    let mut folders = Vec::new();
    match fs::symlink_metadata(root) {
        Ok(found) if found.is_file() => files.push(PathBuf::new()),
        Ok(found) if found.is_dir() => folders.push(root.to_path_buf()),
        Ok(_) => leave(root, "neither a file nor a folder".to_owned(), false),
        Err(error) => leave(root, error.to_string(), true),
    }
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                leave(&folder, format!("the folder cannot be listed: {error}"), true);
                continue;
            }
        };
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
                Ok((path, kind)) if kind.is_dir() => folders.push(path),
                Ok((path, kind)) if kind.is_file() => {
                    files.extend(path.strip_prefix(root).map(Path::to_path_buf));
                }
                Ok((path, kind)) if kind.is_symlink() => leave(&path, "a symbolic link".to_owned(), false),
                Ok((path, _)) => leave(&path, "neither a file nor a folder".to_owned(), false),
                Err(error) => {
                    leave(&folder, format!("the folder cannot be listed: {error}"), true);
                    break;
                }
            }
        }
    }
    files.sort_unstable();
    left.sort_by(|one, other| one.path.cmp(&other.path));
    (files, left)
}

/// A path below a root; of a root that is a file the root itself.
pub(super) fn joined(root: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { root.to_path_buf() } else { root.join(below) }
}
