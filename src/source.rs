//! Paths of the command line to the list of files to read, in an order that does not depend on the arguments' order.
//!
//! Evidence folders may hold anything: links out of the folder, pipes, devices. Inside folders only regular files are
//! read, and what was left out is told.

mod order;

use crate::batch::Dataset;
use crate::decode::parquet::recognise::{begins_as_parquet, is_named_parquet};
use crate::export::lake::META_FOLDER;
use crate::ledger::{FileOutcome, FileStatus};
use order::{in_order, put_in_order};
use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// How it is called everywhere: the argument joined with what lies below it, with `/`; `-` for standard input.
    pub name: Arc<str>,
    /// Where it lies. Use [`Input::path`].
    pub place: Place,
}

/// Where an input lies: a file, or a pipe or device that was named itself. A path is not held twice: folders of a
/// million files are common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Standard input.
    Stdin,
    /// At the path that is its name.
    Named,
    /// At a path that cannot be told from its name: it is no UTF-8, or of Windows' verbatim paths.
    Path(Box<Path>),
}

impl Input {
    fn at(path: &Path) -> Input {
        let name = name_of(path);
        let place = if Path::new(&*name) == path { Place::Named } else { Place::Path(Box::from(path)) };
        Input { name, place }
    }

    /// Its path; `None` is standard input.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::Stdin => None,
            Place::Named => Some(Path::new(&*self.name)),
            Place::Path(path) => Some(path),
        }
    }
}

/// Everything that the arguments stand for.
#[derive(Debug, Default)]
pub struct Inputs {
    /// What to read: standard input first, then by name, without repeats.
    pub files: Vec<Input>,
    /// What will not be read (links, pipes, folders that cannot be opened), by name.
    pub left_out: Vec<FileOutcome>,
}

/// An argument that stands for nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No such path.
    #[error("{path}: {reason}")]
    Missing {
        /// The argument.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// A pattern that matches no path.
    #[error("{pattern}: no file matches this pattern")]
    NoMatch {
        /// The argument.
        pattern: String,
    },
    /// A pattern that is none.
    #[error("{pattern}: not a valid pattern: {reason}")]
    Pattern {
        /// The argument.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Finds the files that the arguments stand for. Folders are walked; a link is followed only when it is an argument.
///
/// # Errors
/// The first argument that does not exist or, as a pattern, matches nothing.
pub fn collect<P: AsRef<OsStr>>(arguments: &[P]) -> Result<Inputs, SourceError> {
    let mut inputs = Inputs::default();
    let mut may_repeat = false;
    for argument in arguments {
        let path = Path::new(argument.as_ref());
        if argument.as_ref() == "-" {
            inputs.files.push(Input { name: Arc::from("-"), place: Place::Stdin });
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) => inputs.named(path, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_pattern(path) => {
                // A pattern may match a folder and also what lies in it.
                may_repeat = true;
                inputs.pattern(path)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SourceError::Missing { path: name_of(path).to_string(), reason: error.to_string() });
            }
            Err(error) => inputs.leave_out(path, FileStatus::Skipped(error.to_string())),
        }
    }
    inputs.sort(may_repeat || arguments.len() > 1);
    Ok(inputs)
}

impl Inputs {
    /// Bytes of all files together, as they lie on the disk; the system is asked for each. Pipes have none.
    pub fn total_size(&self) -> u64 {
        let size = |path: &Path| fs::metadata(path).ok().filter(Metadata::is_file).map_or(0, |found| found.len());
        self.files.iter().filter_map(Input::path).map(size).sum()
    }

    fn named(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_dir() {
            self.walk(path);
        } else {
            self.files.push(Input::at(path));
        }
    }

    fn leave_out(&mut self, path: &Path, status: FileStatus) {
        self.left_out.push(FileOutcome::unread(&name_of(path), status));
    }

    /// Without recursion: folders may be nested deeper than the stack is.
    fn walk(&mut self, top: &Path) {
        let mut folders = vec![top.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.leave_out(&folder, FileStatus::Skipped(format!("cannot list the folder: {error}")));
                    continue;
                }
            };
            let mut listing = Listing::default();
            let mut names = Names::below(&folder);
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        let reason = format!("cannot list all of the folder: {error}");
                        self.leave_out(&folder, FileStatus::Skipped(reason));
                        break;
                    }
                };
                self.entry(&entry, &folder, &mut listing, &mut names, &mut folders);
            }
            for (path, kind) in std::mem::take(&mut listing.hidden) {
                if listing.is_table || listing.is_notes(&path) {
                    self.leave_out(&path, FileStatus::Ignored(HIDDEN.to_owned()));
                } else {
                    self.found(path, kind, &mut folders);
                }
            }
        }
    }

    fn entry(
        &mut self,
        entry: &DirEntry,
        folder: &Path,
        listing: &mut Listing,
        names: &mut Names<'_>,
        folders: &mut Vec<PathBuf>,
    ) {
        let name = entry.file_name();
        let path = || folder.join(&name);
        let text = name.to_string_lossy();
        match entry.file_type() {
            Ok(kind) if listing.hides(&text, kind, path) => listing.hidden.push((path(), kind)),
            Ok(kind) if kind.is_file() => self.files.push(names.input(&name, &text)),
            Ok(kind) => self.found(path(), kind, folders),
            Err(error) => self.leave_out(&path(), FileStatus::Skipped(error.to_string())),
        }
    }

    fn found(&mut self, path: PathBuf, kind: FileType, folders: &mut Vec<PathBuf>) {
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() {
            self.files.push(Input::at(&path));
        } else {
            self.special(&path, kind);
        }
    }

    fn special(&mut self, path: &Path, kind: FileType) {
        let reason = if kind.is_symlink() {
            "a symbolic link inside a folder is not followed; name it to read it"
        } else {
            "neither a file nor a folder"
        };
        self.leave_out(path, FileStatus::Ignored(reason.to_string()));
    }

    fn pattern(&mut self, path: &Path) -> Result<(), SourceError> {
        let pattern = path.to_string_lossy();
        let matches = glob::glob(&pattern)
            .map_err(|error| SourceError::Pattern { pattern: pattern.to_string(), reason: error.to_string() })?;
        let mut none = true;
        for found in matches {
            none = false;
            match found {
                Ok(path) => self.matched(&path),
                Err(error) => self.leave_out(error.path(), FileStatus::Skipped(error.error().to_string())),
            }
        }
        for path in odd_names(path) {
            none = false;
            self.matched(&path);
        }
        if none { Err(SourceError::NoMatch { pattern: pattern.to_string() }) } else { Ok(()) }
    }

    /// A pattern looks into folders, so links are treated as inside folders.
    fn matched(&mut self, path: &Path) {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() || metadata.is_file() => self.named(path, &metadata),
            Ok(metadata) => self.special(path, metadata.file_type()),
            Err(error) => self.leave_out(path, FileStatus::Skipped(error.to_string())),
        }
    }

    fn sort(&mut self, may_repeat: bool) {
        if may_repeat {
            self.files.sort_by(in_order);
            self.drop_repeats();
        }
        put_in_order(&mut self.files);
        self.left_out.sort_by(|a, b| a.name.cmp(&b.name));
        self.left_out.dedup();
    }

    /// Keeps the first of each file. Repeats are brought together by sorting, without a second list of paths but where
    /// relative and absolute ones are mixed and cannot be compared as they are.
    fn drop_repeats(&mut self) {
        let paths = || self.files.iter().filter_map(Input::path);
        // On Windows a path may also be relative to a drive or have the drive only.
        let mixed = cfg!(windows) || (paths().any(Path::is_absolute) && paths().any(Path::is_relative));
        if mixed {
            self.files.sort_by_cached_key(|input| input.path().map(absolute));
            self.files.dedup_by(|a, b| a.path().map(absolute) == b.path().map(absolute));
        } else {
            self.files.sort_by(|a, b| a.path().map(without_dot).cmp(&b.path().map(without_dot)));
            self.files.dedup_by(|a, b| a.path().map(without_dot) == b.path().map(without_dot));
        }
    }
}

/// Why a name is left out.
const HIDDEN: &str = "beside tables such names are hidden from query engines; name it to read it";

/// What is known of a folder while it is listed. Engines pass over names in the folders of a table that begin with an
/// underscore or a dot (<https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html>): they hold lists of
/// what was written, or what is being written. In any other folder such a name is as good as others.
#[derive(Default)]
struct Listing {
    /// A partition or a Parquet file is here.
    is_table: bool,
    /// A folder named as a dataset is here. Raw logs are kept under such names too, so that it hides no more than what
    /// an export keeps beside its datasets.
    has_dataset: bool,
    hidden: Vec<(PathBuf, FileType)>,
}

impl Listing {
    /// Is the name hidden if this is the folder of a table?
    fn hides(&mut self, name: &str, kind: FileType, path: impl Fn() -> PathBuf) -> bool {
        let hidden = name.starts_with(['_', '.']);
        self.is_table |=
            !hidden && if kind.is_dir() { name.contains('=') } else { self.is_first_parquet(name, kind, path) };
        self.has_dataset |= kind.is_dir() && Dataset::ALL.iter().any(|dataset| dataset.name() == name);
        hidden
    }

    /// Is it a Parquet file, of which none was seen before? Anything can be named so, and beside it hidden logs would not
    /// be read.
    fn is_first_parquet(&self, name: &str, kind: FileType, path: impl Fn() -> PathBuf) -> bool {
        let begins_so = || begins_as_parquet(&path()).unwrap_or(false);
        !self.is_table && kind.is_file() && is_named_parquet(name) && begins_so()
    }

    /// Is it what an export notes of itself?
    fn is_notes(&self, path: &Path) -> bool {
        self.has_dataset && path.file_name() == Some(OsStr::new(META_FOLDER))
    }
}

/// Inputs of a folder by their names in it.
struct Names<'a> {
    folder: &'a Path,
    /// What stands before a name, if a path of this folder can be told from its name; what is behind it is of the last one.
    name: Option<(String, usize)>,
}

impl<'a> Names<'a> {
    fn below(folder: &'a Path) -> Names<'a> {
        // Elsewhere a name is not its path as it stands.
        let before = folder.join("").into_os_string().into_string().ok().filter(|_| cfg!(unix));
        Names { folder, name: before.map(|before| (before.clone(), before.len())) }
    }

    /// The same as [`Input::at`] its path, with less work: there may be a million in a folder. `text` is what can be read of its
    /// name.
    fn input(&mut self, file: &OsStr, text: &str) -> Input {
        match &mut self.name {
            Some((name, before)) if text.as_bytes() == file.as_encoded_bytes() => {
                name.truncate(*before);
                name.push_str(text);
                Input { name: Arc::from(&**name), place: Place::Named }
            }
            _ => Input::at(&self.folder.join(file)),
        }
    }
}

/// The same for `a`, `./a` and `/here/a`; links are not resolved.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The same for `a` and `./a`; [`Path`] itself sees no difference in `a/./b`.
fn without_dot(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// What a pattern matches by names that are no UTF-8, in the folders that all but its last part stands for. The crate
/// passes over such names silently.
fn odd_names(pattern: &Path) -> Vec<PathBuf> {
    let text = pattern.to_string_lossy();
    let (Ok(matcher), Some(parent)) = (glob::Pattern::new(&text), pattern.parent()) else {
        return Vec::new();
    };
    let mut folders = vec![parent.to_path_buf()];
    if is_pattern(parent) {
        folders = glob::glob(&parent.to_string_lossy()).into_iter().flatten().flatten().collect();
        // Two asterisks also stand for no folder at all.
        folders.extend(
            parent.parent().filter(|above| parent.ends_with("**") && !is_pattern(above)).map(Path::to_path_buf),
        );
    }
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let mut found = Vec::new();
    for folder in folders {
        let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        for entry in fs::read_dir(listed).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let path = folder.join(&name);
            if name.to_str().is_none() && matcher.matches_with(&path.to_string_lossy(), options) {
                found.push(path);
            }
        }
    }
    found
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The name that people see: with `/` on every system, and readable where the bytes are no UTF-8.
fn name_of(path: &Path) -> Arc<str> {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { Arc::from(text) } else { Arc::from(text.replace('\\', "/")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b/2.log", "b/1.log", "a.log", "b/c/3.gz"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12345").unwrap();
        }
        folder
    }

    fn below(folder: &Path, inputs: &Inputs) -> Vec<String> {
        let prefix = format!("{}/", folder.display());
        inputs.files.iter().map(|input| input.name.replacen(&prefix, "", 1)).collect()
    }

    #[test]
    fn each_kind_of_argument_gives_its_files_sorted_and_once() {
        let folder = tree();
        let all = ["a.log", "b/1.log", "b/2.log", "b/c/3.gz"];
        for (arguments, expected) in [
            (vec![""], all.to_vec()),
            (vec!["b", "a.log"], all.to_vec()),
            (vec!["b/2.log", "b", "", "b/./1.log"], all.to_vec()),
            (vec!["b/*.log"], vec!["b/1.log", "b/2.log"]),
            (vec!["**/*.gz"], vec!["b/c/3.gz"]),
            (vec!["**"], vec!["b/1.log", "b/2.log", "b/c/3.gz"]),
        ] {
            let paths: Vec<PathBuf> = arguments.iter().map(|argument| folder.path().join(argument)).collect();
            let inputs = collect(&paths).unwrap();
            let found: Vec<String> =
                below(folder.path(), &inputs).iter().map(|name| name.replace("./", "")).collect();
            assert_eq!(found, expected, "{arguments:?}");
            assert_eq!(inputs.total_size(), 5 * expected.len() as u64);
        }
    }

    #[test]
    fn large_folders_are_listed_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let name =
            |number: usize| format!("2026-03-0{}-{:016x}", number % 3, number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut expected: Vec<String> = (0..3007).map(name).collect();
        for (number, name) in expected.iter_mut().enumerate() {
            if number % 1000 == 0 {
                fs::create_dir(folder.path().join(&*name)).unwrap();
                name.push_str("/1");
            }
            fs::write(folder.path().join(name), "").unwrap();
        }
        expected.sort();
        let inputs = collect(&[folder.path()]).unwrap();
        assert!(below(folder.path(), &inputs) == expected && inputs.left_out.is_empty());
    }

    #[test]
    fn hidden_names_are_left_out_beside_tables_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "out/_toolmeta/manifest.jsonl",
            "out/s3_access/event_date=2026-03-01/part-00000.parquet",
            "out/s3_access/event_date=2026-03-01/.part-00001.parquet.tmp-7",
            "out/s3_access/_SUCCESS",
            "logs/_prefix/a.log",
            "logs/.b.log",
            "raw/cloudtrail/a.log",
            "raw/_old/a.log",
            "table/rows.parquet",
            "table/_old.log",
            "texts/notes.parquet",
            "texts/_a.log",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let is_parquet = path.ends_with("rows.parquet") || path.ends_with("part-00000.parquet");
            fs::write(&path, if is_parquet { "PAR1" } else { "12345" }).unwrap();
        }
        let inputs = collect(&[folder.path()]).unwrap();
        let expected = [
            "logs/.b.log",
            "logs/_prefix/a.log",
            "out/s3_access/event_date=2026-03-01/part-00000.parquet",
            "raw/_old/a.log",
            "raw/cloudtrail/a.log",
            "table/rows.parquet",
            "texts/_a.log",
            "texts/notes.parquet",
        ];
        assert_eq!(below(folder.path(), &inputs), expected);
        assert_eq!(inputs.left_out.len(), 4);
        assert!(inputs.left_out.iter().all(|outcome| matches!(outcome.status, FileStatus::Ignored(_))));
        assert_eq!(collect(&[folder.path().join("out/_toolmeta/manifest.jsonl")]).unwrap().files.len(), 1);
    }

    #[test]
    fn standard_input_comes_first_and_once() {
        let folder = tree();
        let file = folder.path().join("a.log");
        let inputs = collect(&[file.as_os_str(), OsStr::new("-"), OsStr::new("-")]).unwrap();
        assert_eq!(inputs.files[0].place, Place::Stdin);
        assert_eq!(inputs.files.len(), 2);
    }

    #[test]
    fn what_does_not_exist_is_an_error_that_names_it() {
        for (argument, expected) in [("no/such.log", "no/such.log: "), ("no/such*.log", "no/such*.log: no file")] {
            let error = collect(&[argument]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn relative_and_absolute_paths_of_one_file_are_one() {
        let here = std::env::current_dir().unwrap().join("src/source.rs");
        for arguments in [
            vec!["src/source.rs", "./src/source.rs", "src/./source.rs", "src//source.rs"],
            vec![here.to_str().unwrap(), "src/source.rs"],
            vec!["src/source.rs", here.to_str().unwrap(), "-", "./src/so*ce.rs", "-"],
        ] {
            let inputs = collect(&arguments).unwrap();
            let files = inputs.files.iter().filter(|input| input.path().is_some()).count();
            assert_eq!(files, 1, "{arguments:?}: {inputs:?}");
            assert_eq!(inputs.files.len() - files, usize::from(arguments.len() == 5));
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_inside_folders_are_left_out_and_links_named_are_followed() {
        let folder = tree();
        let link = |target: &Path, name: &str| {
            let link = folder.path().join(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            link
        };
        let to_file = link(&folder.path().join("a.log"), "z1");
        link(folder.path(), "z2");
        link(Path::new("/nowhere"), "z3");
        let inputs = collect(&[folder.path()]).unwrap();
        assert_eq!(inputs.files.len(), 4);
        assert_eq!(inputs.left_out.len(), 3);
        assert_eq!(collect(&[to_file]).unwrap().files.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_utf8_are_kept_for_opening() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OsStr::from_bytes(b"x\xff\n.log"));
        fs::write(&path, "1").unwrap();
        let inputs = collect(&[folder.path()]).unwrap();
        assert_eq!(inputs.files[0].place, Place::Path(path.into()));
        assert!(inputs.files[0].name.ends_with("x\u{fffd}\n.log"));
        for other in [b"x\xfe\n.log", b"x\xfd\n.log"] {
            fs::write(folder.path().join(OsStr::from_bytes(other)), "1").unwrap();
        }
        let inputs = collect(&[folder.path(), &folder.path().join(".")]).unwrap();
        let last: Vec<u8> = inputs
            .files
            .iter()
            .map(|input| input.path().unwrap().as_os_str().as_bytes())
            .map(|path| path[path.len() - 6])
            .collect();
        assert_eq!(last, b"\xfd\xfe\xff");
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"d/y\xff.gz")), "1").unwrap();
        for (pattern, count) in [("*.log", 3), ("**/*.gz", 1), ("d/*", 1), ("**/*", 4), ("x?\n.log", 3)] {
            assert_eq!(collect(&[folder.path().join(pattern)]).unwrap().files.len(), count, "{pattern}");
        }
        assert!(collect(&[folder.path().join("*.txt")]).is_err());
    }
}
