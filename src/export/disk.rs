//! The file-system calls of an export, in one place: tests make each of them fail in turn.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// The file system.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    #[cfg(test)]
    faults: Option<std::sync::Arc<faults::Faults>>,
}

impl Disk {
    /// Creates a file that does not exist; no link is followed.
    pub(super) fn create_new(&self, path: &Path) -> io::Result<DiskFile> {
        self.call()?;
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(DiskFile { file, disk: self.clone() })
    }

    /// Creates a file without a name, which goes when it is closed. It takes room in that folder.
    pub(super) fn create_unnamed(&self, folder: &Path) -> io::Result<DiskFile> {
        self.call()?;
        Ok(DiskFile { file: tempfile::tempfile_in(folder)?, disk: self.clone() })
    }

    /// Opens a file to append to it.
    pub(super) fn append(&self, path: &Path) -> io::Result<DiskFile> {
        self.call()?;
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        Ok(DiskFile { file, disk: self.clone() })
    }

    /// Gives a file another name, in place of what has it.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        fs::rename(from, to)
    }

    /// Gives a file a second name that nothing has.
    pub(super) fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        fs::hard_link(from, to)
    }

    /// Removes a file.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        fs::remove_file(path)
    }

    /// Creates a folder in one that exists.
    pub(super) fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        fs::create_dir(path)
    }

    /// Makes the names in a folder durable.
    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call()?;
        if cfg!(unix) && self.is_durable() { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    /// Tests that make calls fail do without waiting for the disk.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "in tests it depends")]
    fn is_durable(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn is_durable(&self) -> bool {
        self.faults.is_none()
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "in tests it fails")]
    fn call(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn call(&self) -> io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |faults| faults.call())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An open file.
#[derive(Debug)]
pub(super) struct DiskFile {
    file: File,
    disk: Disk,
}

impl DiskFile {
    /// Makes the bytes durable, and what the system needs to find them.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        self.disk.call()?;
        if self.disk.is_durable() { self.file.sync_all() } else { Ok(()) }
    }

    /// Makes the bytes durable.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.disk.call()?;
        if self.disk.is_durable() { self.file.sync_data() } else { Ok(()) }
    }

    /// Cuts it to that many bytes.
    pub(super) fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.call()?;
        self.file.set_len(length)
    }

    /// Reads just as many bytes from a place on. Nothing may be appended behind but with [`DiskFile::write_at`].
    pub(super) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.call()?;
        read_exact_at(&self.file, bytes, offset)
    }

    /// Appends what stands from `start` on to another file. Returns how many bytes that were.
    pub(super) fn copy_to(&mut self, start: u64, to: &mut DiskFile) -> io::Result<u64> {
        self.disk.call()?;
        self.file.seek(SeekFrom::Start(start))?;
        // The system can do this by itself.
        io::copy(&mut self.file, &mut to.file)
    }

    /// Writes all bytes at a place.
    pub(super) fn write_at(&mut self, start: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.call()?;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(bytes)
    }

    /// Another handle of the same file.
    pub(super) fn try_clone(&self) -> io::Result<DiskFile> {
        Ok(DiskFile { file: self.file.try_clone()?, disk: self.disk.clone() })
    }
}

impl Write for &DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.call()?;
        (&self.file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&self.file).flush()
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

#[cfg(test)]
pub(super) mod faults {
    use super::Disk;
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Which calls fail.
    #[derive(Debug)]
    pub(crate) struct Faults {
        calls: AtomicU64,
        first: u64,
        /// Also all that follow, as on a disk that is full or gone.
        lasting: bool,
    }

    impl Faults {
        pub(super) fn call(&self) -> io::Result<()> {
            let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            let fails = number == self.first || (self.lasting && number > self.first);
            if fails { Err(io::Error::other(format!("call {number} fails, as asked"))) } else { Ok(()) }
        }

        /// Was the call reached?
        pub(crate) fn happened(&self) -> bool {
            self.calls.load(Ordering::SeqCst) >= self.first
        }
    }

    impl Disk {
        /// A disk of which no call fails, and that waits for nothing.
        pub(crate) fn quick() -> Disk {
            Disk::failing(u64::MAX, false).0
        }

        /// A disk whose call number `first`, from 1, fails.
        pub(crate) fn failing(first: u64, lasting: bool) -> (Disk, Arc<Faults>) {
            let faults = Arc::new(Faults { calls: AtomicU64::new(0), first, lasting });
            (Disk { faults: Some(Arc::clone(&faults)) }, faults)
        }
    }
}
