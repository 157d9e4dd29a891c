//! One column chunk: where its pages lie, and what is watched while they are decoded.

use super::Trouble;
use super::footer::MAGIC;
use super::pages::{self, Pages};
use super::values::{self, Budget, Decoded, Value, Watcher};
use crate::decode::guarded;
use crate::lint::content::RowWidths;
use crate::lint::limits::Limits;
use crate::lint::order::{ChunkOrder, FileOrder};
use crate::lint::report::Notebook;
use crate::lint::sizes;
use parquet::basic::Compression;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use std::fs::File;
use std::ops::Range;

/// What it takes to decode a chunk.
pub(super) struct ChunkTools<'a> {
    pub(super) file: &'a File,
    pub(super) name: &'a str,
    pub(super) data_end: u64,
    pub(super) limits: &'a Limits,
    pub(super) budget: &'a mut Budget,
}

impl ChunkTools<'_> {
    /// Decodes all of a chunk under the eyes of `watch`.
    pub(super) fn decode(
        self,
        number: usize,
        group: &RowGroupMetaData,
        leaf: usize,
        watch: &mut ChunkWatch<'_, '_>,
        notebook: &mut Notebook,
    ) -> Result<(), Trouble> {
        let chunk = group.column(leaf);
        if group.num_rows() == 0 && chunk.num_values() == 0 {
            // Some writers name no place for what has no pages.
            return Ok(());
        }
        let place = self.place(chunk)?;
        let is_prefixed = values::is_prefixed(chunk.encodings());
        let codec = chunk.compression();
        let file = self.file.try_clone()?;
        let column = chunk.column_descr_ptr();
        let (mut pages, log) = Pages::new(file, place, column.clone(), codec, is_prefixed, *self.limits);
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
pub(super) struct ChunkWatch<'a, 'f> {
    pub(super) chunk: ChunkOrder,
    pub(super) order: Option<&'a mut FileOrder<'f>>,
    pub(super) row_group: usize,
    pub(super) column: &'a str,
    pub(super) widest: u64,
    pub(super) widths: Option<&'a mut RowWidths>,
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
