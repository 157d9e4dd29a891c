//! One file: its footer, then all pages of all columns, with bounded memory whatever the file claims.

mod delta;
mod footer;
mod page_header;
mod pages;
mod values;

pub(super) use footer::MAGIC;
pub(super) use values::Value;

use super::content::{self, DECODABLE, Obstacles, RowWidths};
use super::limits::Limits;
use super::order::{ChunkOrder, DATE_FOLDER, FileOrder, FolderDate, TimeColumn};
use super::report::Notebook;
use super::sizes;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::schema::types::TypePtr;
use std::cell::Cell;
use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use values::{Budget, Decoded, Watcher};

/// Why something of a file could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The file is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// To go on would take more memory or time than one file may have.
    #[error("{0}")]
    Limit(String),
    /// The system's reason.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Is this thread decoding a file that may be hostile? A panic is then caught and becomes a finding, and a panic hook
/// need not tell of it.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// What is known of a file behind its checks.
#[derive(Debug, Default)]
pub(super) struct CheckedFile {
    /// `None`: the footer could not be read.
    pub(super) schema: Option<TypePtr>,
    pub(super) bytes: u64,
    pub(super) notebook: Notebook,
}

/// Carries out the checks of a file at `path`, called `name` in findings, in a partition of these keys and values.
pub(super) fn check(path: &Path, name: &str, partition: &[(String, String)], limits: &Limits) -> CheckedFile {
    guarded(|| checked(path, name, partition, limits)).unwrap_or_else(|reason| {
        let mut file = CheckedFile::default();
        file.notebook.evaluated(&DECODABLE);
        file.notebook.report(DECODABLE.error(name, format!("it cannot be decoded: {reason}")));
        file
    })
}

/// Runs what may panic at damage instead of naming it, as the parquet crate does; the panic's text is the error.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = DECODING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    DECODING.set(before);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("the reader gave up").to_owned()
    })
}

fn checked(path: &Path, name: &str, partition: &[(String, String)], limits: &Limits) -> CheckedFile {
    let mut checked = CheckedFile::default();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, mut file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            checked.notebook.unreadable(name, error.to_string());
            return checked;
        }
    };
    checked.bytes = bytes;
    let footer = match footer::read(&mut file, bytes, limits) {
        Ok(footer) => footer,
        Err(trouble) => {
            content::report_footer(trouble, name, &mut checked.notebook);
            return checked;
        }
    };
    checked.schema = Some(footer.metadata.file_metadata().schema_descr().root_schema_ptr());
    sizes::check_footer(&footer.metadata, name, limits, &mut checked.notebook);
    let time = TimeColumn::of(&footer.metadata);
    if let Err(reason) = &time {
        checked.notebook.not_evaluated(&DATE_FOLDER, reason.as_str());
    }
    let time = time.ok();
    let decoded = limits.decoded_values.saturating_add(bytes.saturating_mul(limits.decoded_values_per_byte));
    let mut run = FileRun {
        file: &file,
        name,
        data_end: footer.data_end,
        limits,
        order: FileOrder::new(time.as_ref(), FolderDate::of(partition)),
        budget: Budget(decoded),
        obstacles: Obstacles::default(),
        notebook: &mut checked.notebook,
    };
    for (number, group) in footer.metadata.row_groups().iter().enumerate() {
        run.row_group(number, group);
    }
    run.hold_count(footer.metadata.file_metadata().num_rows(), footer.metadata.row_groups());
    let (order, obstacles) = (run.order, run.obstacles);
    order.finish(name, &mut checked.notebook, obstacles.is_empty());
    obstacles.finish(name, &mut checked.notebook);
    checked
}

struct FileRun<'a, 't> {
    file: &'a File,
    name: &'a str,
    /// Pages end before.
    data_end: u64,
    limits: &'a Limits,
    order: FileOrder<'t>,
    budget: Budget,
    obstacles: Obstacles,
    notebook: &'a mut Notebook,
}

impl FileRun<'_, '_> {
    fn row_group(&mut self, number: usize, group: &RowGroupMetaData) {
        self.order.begin(number, group);
        let mut widest: u64 = 0;
        for leaf in 0..group.num_columns() {
            let mut watch = ChunkWatch {
                chunk: self.order.chunk(group, leaf),
                order: Some(&mut self.order),
                row_group: number,
                column: &group.column(leaf).column_path().string(),
                widest: 0,
                widths: None,
            };
            let tools = ChunkTools {
                file: self.file,
                name: self.name,
                data_end: self.data_end,
                limits: self.limits,
                budget: &mut self.budget,
            };
            let decoded = tools.decode(number, group, leaf, &mut watch, self.notebook);
            let (chunk, chunk_widest) = (watch.chunk, watch.widest);
            match decoded {
                Ok(()) if chunk.wants_values() => self.order.end(&chunk, number, group.column(leaf).statistics()),
                Ok(()) => {}
                Err(trouble) => self.fail(trouble, number, group.column(leaf)),
            }
            widest = widest.saturating_add(chunk_widest);
        }
        if widest > self.limits.row_bytes {
            self.row_widths(number, group);
        }
    }

    fn fail(&mut self, trouble: Trouble, number: usize, chunk: &ColumnChunkMetaData) {
        let column = chunk.column_path().string();
        self.obstacles.add(trouble, self.name, (number, &column), self.notebook);
    }

    /// The columns once more, for the width of each row: seldom, since the widest values of all columns together are too
    /// wide seldom.
    fn row_widths(&mut self, number: usize, group: &RowGroupMetaData) {
        let rows = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
        if rows as u64 > self.limits.decoded_page_values * 4 {
            let trouble = Trouble::Limit(format!("the widths of {rows} rows are not added up"));
            self.obstacles.add(trouble, self.name, (number, "all"), self.notebook);
            return;
        }
        let mut widths = RowWidths::new(rows);
        let mut again = Notebook::default();
        for leaf in 0..group.num_columns() {
            widths.begin();
            let mut watch = ChunkWatch {
                chunk: ChunkOrder::nothing(),
                order: None,
                row_group: number,
                column: "",
                widest: 0,
                widths: Some(&mut widths),
            };
            let tools = ChunkTools {
                file: self.file,
                name: self.name,
                data_end: self.data_end,
                limits: self.limits,
                budget: &mut self.budget,
            };
            // What is wrong with the chunk was said the first time; only the budget can be at its end now.
            if let Err(trouble @ Trouble::Limit(_)) = tools.decode(number, group, leaf, &mut watch, &mut again) {
                self.fail(trouble, number, group.column(leaf));
            }
        }
        widths.report(self.limits.row_bytes, self.name, number, self.notebook);
    }

    /// The footer counts rows twice.
    fn hold_count(&mut self, rows: i64, groups: &[RowGroupMetaData]) {
        let sum = groups.iter().fold(0_i64, |sum, group| sum.saturating_add(group.num_rows()));
        if sum != rows {
            let reason = format!("the footer says {rows} rows, its row groups {sum}");
            self.notebook.report(DECODABLE.error(self.name, reason));
        }
    }
}

/// What it takes to decode a chunk.
struct ChunkTools<'a> {
    file: &'a File,
    name: &'a str,
    data_end: u64,
    limits: &'a Limits,
    budget: &'a mut Budget,
}

impl ChunkTools<'_> {
    fn decode(
        self,
        number: usize,
        group: &RowGroupMetaData,
        leaf: usize,
        watch: &mut ChunkWatch<'_, '_>,
        notebook: &mut Notebook,
    ) -> Result<(), Trouble> {
        let chunk = group.column(leaf);
        let place = self.place(chunk)?;
        let is_prefixed = values::is_prefixed(chunk.encodings());
        let codec = chunk.compression();
        let file = self.file.try_clone()?;
        let column = chunk.column_descr_ptr();
        let (mut pages, log) = pages::Pages::new(file, place, column.clone(), codec, is_prefixed, *self.limits);
        let decoded = match codec {
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => {
                let decoded = guarded(|| values::decode(&column, pages, &log, is_prefixed, self.budget, watch));
                let panicked = |reason| Err(Trouble::Damaged(format!("a page cannot be decoded: {reason}")));
                decoded.unwrap_or_else(panicked).and_then(|decoded| hold_against_footer(decoded, group, chunk))
            }
            _ => pages.look_through().and_then(|()| {
                Err(Trouble::Limit("its codec is one that this program does not decompress".to_owned()))
            }),
        };
        let log = pages::lock(&log);
        if log.large > 0 {
            let column = chunk.column_path().string();
            sizes::large_pages(self.name, &column, number, (log.large, log.largest_bytes), notebook);
        }
        decoded
    }

    /// Where the pages lie.
    fn place(&self, chunk: &ColumnChunkMetaData) -> Result<Range<u64>, Trouble> {
        let begin = match chunk.dictionary_page_offset() {
            Some(offset) if offset > 0 && offset < chunk.data_page_offset() => offset,
            _ => chunk.data_page_offset(),
        };
        let range = (|| {
            let begin = u64::try_from(begin).ok().filter(|begin| *begin >= MAGIC.len() as u64)?;
            let end = begin.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?;
            (end <= self.data_end).then_some(begin..end)
        })();
        range.ok_or_else(|| {
            let bytes = chunk.compressed_size();
            Trouble::Damaged(format!("a column chunk of {bytes} bytes at byte {begin} lies outside of the file"))
        })
    }
}

/// As many rows and values as the footer says?
fn hold_against_footer(
    decoded: Decoded,
    group: &RowGroupMetaData,
    chunk: &ColumnChunkMetaData,
) -> Result<(), Trouble> {
    for (what, found, claimed) in
        [("rows", decoded.rows, group.num_rows()), ("values", decoded.values, chunk.num_values())]
    {
        if u64::try_from(claimed) != Ok(found) {
            return Err(Trouble::Damaged(format!("{found} {what}, but the footer says {claimed}")));
        }
    }
    Ok(())
}

/// Watches a chunk for the checks of order and width.
struct ChunkWatch<'a, 'f> {
    chunk: ChunkOrder,
    order: Option<&'a mut FileOrder<'f>>,
    row_group: usize,
    column: &'a str,
    widest: u64,
    widths: Option<&'a mut RowWidths>,
}

impl Watcher for ChunkWatch<'_, '_> {
    fn wants_values(&self) -> bool {
        self.chunk.wants_values()
    }

    fn value(&mut self, value: Option<Value>) {
        if let Some(order) = &mut self.order {
            order.value(&mut self.chunk, self.row_group, self.column, value);
        }
    }

    fn row_bytes(&mut self, bytes: u64) {
        self.widest = self.widest.max(bytes);
        if let Some(widths) = &mut self.widths {
            widths.add(bytes);
        }
    }
}
