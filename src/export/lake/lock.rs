//! One writer at a time.

use crate::error::Error;
use crate::report::safe::printable;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Name of the file that is locked.
pub(super) const NAME: &str = "lock";

/// The lock of the system on the file. It goes with the process, however that ends.
#[derive(Debug)]
pub(super) struct LakeLock {
    file: File,
    path: PathBuf,
}

impl LakeLock {
    /// Takes the lock of the folder `root`, whose notes are in `meta`.
    ///
    /// # Errors
    /// Another process has it; what the system refuses.
    pub(super) fn take(meta: &Path, root: &Path) -> Result<LakeLock, Error> {
        let path = meta.join(NAME);
        loop {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(|error| Error::output(&path, error))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(in_use(root, &file)),
                // Some file systems of networks know no locks: better without than not at all.
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                    return Err(Error::output(path, error));
                }
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // Another process may have removed the file between the opening and the locking.
            if is_at(&file, &path) {
                let mut lock = LakeLock { file, path };
                // It only helps others to find the process.
                let _ = lock.say_who();
                return Ok(lock);
            }
        }
    }

    fn say_who(&mut self) -> io::Result<()> {
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ");
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "process {} since {now}", std::process::id())
    }

    /// The work is done: nobody is named any more. The lock itself goes with the file.
    pub(super) fn release(&mut self) {
        let _ = self.file.set_len(0);
    }

    /// Nothing is left to be locked.
    pub(super) fn remove(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn in_use(root: &Path, file: &File) -> Error {
    let mut who = Vec::new();
    let _ = file.take(100).read_to_end(&mut who);
    let who = String::from_utf8_lossy(&who);
    let who = if who.trim().is_empty() { "another process" } else { who.trim() };
    Error::Usage(format!("{} is being written to by {}: wait for its end", root.display(), printable(who)))
}

/// Does the path still lead to the open file?
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => place(open) == place(named),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let take = || LakeLock::take(folder.path(), Path::new("lake"));
        let first = take().unwrap();
        let refused = take().unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        let mut second = take().unwrap();
        second.release();
        assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"");
        second.remove();
        drop(second);
        assert!(take().is_ok());
    }
}
