//! Makes files durable while they are still being written, so that little is left to wait for at the end.

use crate::error::Error;
use crate::export::disk::DiskFile;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// A thread that syncs files. It only helps: whoever closes a file syncs it all the same.
#[derive(Default)]
pub(super) struct EarlySync {
    /// Started with the first file.
    running: Option<Running>,
}

struct Running {
    files: SyncSender<(PathBuf, DiskFile)>,
    thread: JoinHandle<Result<(), Error>>,
}

impl EarlySync {
    /// Has what was written to a file made durable soon; not if the thread is busy with others.
    pub(super) fn hint(&mut self, path: &Path, file: &DiskFile) {
        let running = self.running.get_or_insert_with(|| {
            let (files, receiver) = sync_channel(1);
            Running { files, thread: std::thread::spawn(move || sync(&receiver)) }
        });
        if let Ok(file) = file.try_clone() {
            let _ = running.files.try_send((path.to_path_buf(), file));
        }
    }

    /// Waits for the thread.
    ///
    /// # Errors
    /// The first sync that failed: the system tells that once, and the sync at the close of the file would succeed.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        let Some(Running { files, thread }) = self.running.take() else { return Ok(()) };
        drop(files);
        thread.join().unwrap_or_else(|_| Err(Error::Bug("the syncing of files".to_owned())))
    }
}

impl Drop for EarlySync {
    /// Not every system removes a file that is open.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

fn sync(files: &Receiver<(PathBuf, DiskFile)>) -> Result<(), Error> {
    let mut synced = Ok(());
    for (path, file) in files {
        if synced.is_ok() {
            synced = file.sync_data().map_err(|error| Error::output(path, error));
        }
    }
    synced
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::export::disk::Disk;

    #[test]
    fn a_sync_that_fails_is_told_at_the_end_and_none_is_none() {
        assert!(EarlySync::default().finish().is_ok());
        let folder = tempfile::tempdir().unwrap();
        let file = Disk::default().create_new(&folder.path().join("f")).unwrap();
        // A device cannot be synced.
        for (file, is_synced) in [(file, true), (Disk::default().append(Path::new("/dev/null")).unwrap(), false)] {
            let mut early_sync = EarlySync::default();
            early_sync.hint(Path::new("the file"), &file);
            let synced = early_sync.finish();
            assert_eq!(synced.is_ok(), is_synced, "{synced:?}");
            assert!(is_synced || synced.unwrap_err().to_string().contains("the file"));
        }
    }
}
