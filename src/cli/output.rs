//! Where data goes: stdout, or a file that appears whole or not at all.

use s3sleuth::error::Error;
use s3sleuth::report::safe::SafeWriter;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A destination of data. Nothing is kept of a file unless [`Output::finish`] is called.
pub struct Output {
    writer: Writer,
    path: PathBuf,
    temporary: Option<PathBuf>,
}

enum Writer {
    File(BufWriter<File>),
    Pipe(BufWriter<io::Stdout>),
    Terminal(SafeWriter<BufWriter<io::Stdout>>),
}

impl Output {
    /// Standard output; if that is a terminal, text from logs cannot drive it.
    pub fn stdout() -> Output {
        let stdout = BufWriter::with_capacity(1 << 16, io::stdout());
        let writer = if io::stdout().is_terminal() {
            Writer::Terminal(SafeWriter::new(stdout))
        } else {
            Writer::Pipe(stdout)
        };
        Output { writer, path: PathBuf::from("stdout"), temporary: None }
    }

    /// `-` is stdout, anything else a file.
    pub fn open(path: &Path, force: bool) -> Result<Output, Error> {
        if path == Path::new("-") { Ok(Output::stdout()) } else { Output::file(path, force) }
    }

    /// A file that must not exist unless forced. Written under a temporary name beside it; devices and pipes are
    /// written as they are.
    pub fn file(path: &Path, force: bool) -> Result<Output, Error> {
        let existing = fs::symlink_metadata(path).ok();
        let special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
        if existing.is_some() && !special && !force {
            return Err(Error::Usage(format!("{} exists; --force replaces it", path.display())));
        }
        let failed = |error| Error::output(path, error);
        let (file, temporary) = if special {
            (OpenOptions::new().write(true).open(path).map_err(failed)?, None)
        } else {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let temporary = path.with_file_name(format!(".{name}.tmp-{}", std::process::id()));
            (OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(failed)?, Some(temporary))
        };
        let writer = Writer::File(BufWriter::with_capacity(1 << 16, file));
        Ok(Output { writer, path: path.to_owned(), temporary })
    }

    /// Writes what is left, syncs, and gives the file its name.
    pub fn finish(mut self) -> Result<(), Error> {
        let failed = |error| Error::output(&self.path, error);
        self.writer.inner().flush().map_err(failed)?;
        if let (Writer::File(file), Some(temporary)) = (&self.writer, self.temporary.take()) {
            let named = file.get_ref().sync_all().and_then(|()| fs::rename(&temporary, &self.path));
            if let Err(error) = named {
                self.temporary = Some(temporary);
                return Err(Error::output(&self.path, error));
            }
        }
        Ok(())
    }
}

impl Writer {
    fn inner(&mut self) -> &mut dyn Write {
        match self {
            Writer::File(writer) => writer,
            Writer::Pipe(writer) => writer,
            Writer::Terminal(writer) => writer,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.inner().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.inner().flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            let _gone_already = fs::remove_file(temporary);
        }
    }
}

/// Standard output as an owned stream; if that is a terminal, text from logs cannot drive it.
pub fn stdout_stream() -> Box<dyn Write + Send> {
    let stdout = io::stdout();
    if stdout.is_terminal() { Box::new(SafeWriter::new(stdout)) } else { Box::new(stdout) }
}

/// Columns of the terminal.
pub fn terminal_width() -> Option<u16> {
    let width =
        comfy_table::Table::new().set_content_arrangement(comfy_table::ContentArrangement::Dynamic).width();
    width.filter(|width| *width > 0)
}

/// May escape sequences be written to a terminal? Not with `NO_COLOR` (<https://no-color.org>) or `TERM=dumb`.
pub fn colour_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}
