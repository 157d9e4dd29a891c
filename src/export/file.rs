//! Files that get their names only when they are complete.

use super::disk::{Disk, DiskFile};
use crate::error::Error;
use crate::report::safe::SafeWriter;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A file that is written for the user: under a hidden name until [`OutputFile::finish`], and removed when dropped
/// before. Pipes and devices are written as they are; if one is a terminal, text from logs cannot drive it.
///
/// Nothing is buffered.
pub struct OutputFile {
    path: PathBuf,
    // Dropped in this order: a folder goes when the file in it has gone.
    writer: Writer,
    /// Those that did not exist.
    folders: CreatedFolders,
}

enum Writer {
    Device(File),
    Terminal(SafeWriter<File>),
    /// `true`: it may replace a file.
    Hidden(TemporaryFile, DiskFile, bool),
}

impl OutputFile {
    /// Opens a file or device. With `force` a file that exists is replaced at the end. Missing folders of a file are created,
    /// and go if the file does not come into being.
    ///
    /// # Errors
    /// A folder; a file that exists, without `force`; what the system refuses.
    pub fn open(path: &Path, force: bool) -> Result<OutputFile, Error> {
        let path = path.to_path_buf();
        let mut folders = CreatedFolders::default();
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                return Err(Error::Usage(format!("{} is a folder: name a file", path.display())));
            }
            Ok(found) if !found.is_file() => {
                let opened = OpenOptions::new().write(true).open(&path);
                let file = opened.map_err(|error| Error::output(&path, error))?;
                let terminal = file.is_terminal();
                let writer = if terminal { Writer::Terminal(SafeWriter::new(file)) } else { Writer::Device(file) };
                return Ok(OutputFile { path, writer, folders });
            }
            _ if !force && fs::symlink_metadata(&path).is_ok() => {
                return Err(Error::Usage(format!("{} exists; --force replaces it", path.display())));
            }
            _ => {}
        }
        if let Some(parent) = path.parent() {
            folders.root(parent)?;
        }
        let (temporary, file) = TemporaryFile::create(&Disk::default(), path.clone())?;
        Ok(OutputFile { path, writer: Writer::Hidden(temporary, file, force), folders })
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Can what was written be taken back? Not from a pipe or device.
    pub fn is_hidden(&self) -> bool {
        matches!(self.writer, Writer::Hidden(..))
    }

    /// Makes the bytes durable and gives the file its name.
    ///
    /// # Errors
    /// What the system refuses; a file that has appeared under the name meanwhile, without `force`.
    pub fn finish(mut self) -> Result<(), Error> {
        // Pipes and devices need not know how to sync.
        self.flush().map_err(|error| Error::output(&self.path, error))?;
        let Writer::Hidden(mut temporary, file, replace) = self.writer else { return Ok(()) };
        file.sync_all().map_err(|error| Error::output(&self.path, error))?;
        // Not every system renames an open file.
        drop(file);
        temporary.publish(replace)?;
        let folder = folder_of(&self.path);
        Disk::default().sync_folder(folder).map_err(|error| Error::output(folder, error))?;
        self.folders.sync()?;
        self.folders.keep();
        Ok(())
    }

    fn inner(&mut self) -> &mut dyn Write {
        match &mut self.writer {
            Writer::Device(file) => file,
            Writer::Hidden(_, file, _) => file,
            Writer::Terminal(writer) => writer,
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().flush()
    }
}

/// The folder that a path names something in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref())
}

/// A file under a hidden name beside its final one; removed when dropped before [`TemporaryFile::publish`].
#[derive(Debug)]
pub(super) struct TemporaryFile {
    hidden: PathBuf,
    path: PathBuf,
    published: bool,
    disk: Disk,
}

impl TemporaryFile {
    /// Creates `.NAME.tmp-PID` for a final `NAME`. An existing file is never opened and no link followed.
    pub(super) fn create(disk: &Disk, path: PathBuf) -> Result<(TemporaryFile, DiskFile), Error> {
        // The same process number can come back, above all in containers, where a killed run left its file.
        for attempt in 0..1000 {
            let Some(hidden) = hidden_name(&path, attempt) else {
                return Err(Error::Usage(format!("{} names no file", path.display())));
            };
            match disk.create_new(&hidden) {
                Ok(file) => {
                    let disk = disk.clone();
                    return Ok((TemporaryFile { hidden, path, published: false, disk }, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::output(path, error)),
            }
        }
        Err(Error::output(path, io::ErrorKind::AlreadyExists.into()))
    }

    /// The final path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it again, to append to it.
    pub(super) fn append(&self) -> Result<DiskFile, Error> {
        self.disk.append(&self.hidden).map_err(|error| Error::output(&self.path, error))
    }

    /// Gives the file its final name. Without `replace` a file that has appeared there is left alone.
    pub(super) fn publish(&mut self, replace: bool) -> Result<(), Error> {
        let named = if replace { self.disk.rename(&self.hidden, &self.path) } else { self.name_if_free() };
        named.map_err(|error| Error::output(&self.path, error))?;
        self.published = true;
        Ok(())
    }

    /// A rename replaces what is there, a second name for the file is refused if there is something.
    fn name_if_free(&self) -> io::Result<()> {
        match self.disk.hard_link(&self.hidden, &self.path) {
            Ok(()) => {
                // The file is complete under its name; that it has a hidden one too does no harm.
                let _ = self.disk.remove_file(&self.hidden);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // Some file systems have no links, and say so in many ways.
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => self.disk.rename(&self.hidden, &self.path),
        }
    }

    /// Takes a published file back, because another of the same run could not be published.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        if self.published { self.disk.remove_file(&self.path) } else { Ok(()) }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.published {
            // Nobody is left to tell; a hidden name does no harm.
            let _ = self.disk.remove_file(&self.hidden);
        }
    }
}

/// `.NAME.tmp-PID` beside a file, for each attempt another; `None` for a path that names no file.
fn hidden_name(path: &Path, attempt: u32) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    let process = std::process::id();
    Some(path.with_file_name(match attempt {
        0 => format!(".{name}.tmp-{process}"),
        _ => format!(".{name}.tmp-{process}-{attempt}"),
    }))
}

/// Folders that a run has created; removed when dropped before [`CreatedFolders::keep`], where they are empty.
#[derive(Debug, Default)]
pub(super) struct CreatedFolders {
    created: Vec<PathBuf>,
    disk: Disk,
}

impl CreatedFolders {
    /// None yet.
    pub(super) fn new(disk: &Disk) -> CreatedFolders {
        CreatedFolders { created: Vec::new(), disk: disk.clone() }
    }

    /// Creates the folder the user named, with its parents; it may be a link.
    pub(super) fn root(&mut self, folder: &Path) -> Result<(), Error> {
        let missing: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|parent| !parent.as_os_str().is_empty() && !parent.exists())
            .map(Path::to_path_buf)
            .collect();
        for folder in missing.into_iter().rev() {
            match self.disk.create_dir(&folder) {
                Ok(()) => self.created.push(folder),
                // Others may create the same.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::output(folder, error)),
            }
        }
        Ok(())
    }

    /// Creates a folder in an existing one; one that is there must be a folder and no link.
    pub(super) fn child(&mut self, folder: &Path) -> Result<(), Error> {
        match self.disk.create_dir(folder) {
            Ok(()) => self.created.push(folder.to_path_buf()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_folder = fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
                if !is_folder {
                    return Err(Error::output(folder, io::ErrorKind::NotADirectory.into()));
                }
            }
            Err(error) => return Err(Error::output(folder, error)),
        }
        Ok(())
    }

    /// Makes their names durable.
    fn sync(&self) -> Result<(), Error> {
        let parents = self.created.iter().map(|folder| folder_of(folder));
        parents
            .into_iter()
            .try_for_each(|parent| self.disk.sync_folder(parent).map_err(|error| Error::output(parent, error)))
    }

    /// The run has succeeded.
    pub(super) fn keep(&mut self) {
        self.created.clear();
    }
}

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        for folder in self.created.iter().rev() {
            // A folder that others have used meanwhile is not empty and stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_replaced_only_by_force() {
        for (force, expected) in [(false, "theirs"), (true, "ours")] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("rows.csv");
            let mut output = OutputFile::open(&path, force).unwrap();
            output.write_all(b"ours").unwrap();
            fs::write(&path, "theirs").unwrap();
            assert_eq!(output.finish().is_ok(), force);
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            assert_eq!(names(root.path()), ["rows.csv"]);
        }
    }

    #[test]
    fn a_hidden_file_that_a_run_with_the_same_number_left_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("rows.csv");
        let left = hidden_name(&path, 0).unwrap();
        fs::write(&left, "left").unwrap();
        OutputFile::open(&path, false).unwrap().finish().unwrap();
        assert!(path.exists());
        assert_eq!(fs::read_to_string(left).unwrap(), "left");
        drop(OutputFile::open(&root.path().join("dropped"), false).unwrap());
        assert_eq!(names(root.path()).len(), 2);
    }

    #[test]
    fn missing_folders_come_with_the_file_and_go_where_it_does_not_come() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("new/folder/rows.csv");
        drop(OutputFile::open(&path, false).unwrap());
        assert!(names(root.path()).is_empty());
        let mut output = OutputFile::open(&path, false).unwrap();
        output.write_all(b"ours").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        let below_a_file = path.join("rows.csv");
        assert!(matches!(OutputFile::open(&below_a_file, false), Err(Error::Output { .. })));
    }

    #[test]
    fn what_exists_and_is_no_free_name_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        for path in [root.path().to_path_buf(), root.path().join("file")] {
            assert!(matches!(OutputFile::open(&path, false), Err(Error::Usage(_))));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_terminal_with_a_name_is_written_safely_and_other_devices_as_they_are() {
        let null = OutputFile::open(Path::new("/dev/null"), false).unwrap();
        assert!(matches!(null.writer, Writer::Device(_)));
        assert!(!null.is_hidden());
        // Opening it makes a new terminal, where the system lends any.
        if let Ok(terminal) = OutputFile::open(Path::new("/dev/ptmx"), false) {
            assert!(matches!(terminal.writer, Writer::Terminal(_)));
        }
    }
}
