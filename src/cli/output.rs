//! Where data goes: stdout, or a file that appears whole or not at all.

use s3sleuth::error::Error;
use s3sleuth::export::file::OutputFile;
use s3sleuth::report::safe::SafeWriter;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A destination of data. Nothing is kept of a file unless [`Output::finish`] is called.
pub struct Output {
    writer: Writer,
    path: PathBuf,
}

enum Writer {
    File(BufWriter<OutputFile>),
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
        Output { writer, path: PathBuf::from("stdout") }
    }

    /// `-` is stdout, anything else a file.
    pub fn open(path: &Path, force: bool) -> Result<Output, Error> {
        if path == Path::new("-") { Ok(Output::stdout()) } else { Output::file(path, force) }
    }

    /// A file that must not exist unless forced; devices and pipes are written as they are.
    pub fn file(path: &Path, force: bool) -> Result<Output, Error> {
        let writer = Writer::File(BufWriter::with_capacity(1 << 16, OutputFile::open(path, force)?));
        Ok(Output { writer, path: path.to_owned() })
    }

    /// Writes what is left, syncs, and gives the file its name.
    pub fn finish(mut self) -> Result<(), Error> {
        self.writer.inner().flush().map_err(|error| Error::output(&self.path, error))?;
        match self.writer {
            Writer::File(writer) => {
                writer.into_inner().map_err(|error| Error::output(self.path, error.into_error()))?.finish()
            }
            Writer::Pipe(_) | Writer::Terminal(_) => Ok(()),
        }
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
