//! The pages of a row group, looked at before they are read: how much memory they claim, and whether that is true.
//!
//! The crate makes room for a page as its head says, and for a gzip page as it comes. Texts are views of the
//! pages, so what is in memory is one page and one dictionary a column, and the rows of a batch.

use super::ParquetFile;
use super::page_header::{PageHeader, PageKind};
use crate::decode::window::Broken;
use flate2::bufread::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::Length;
use std::io::{self, Read};

/// Bytes that the largest page and the dictionary of each column may have together. Pages of 1 MiB are usual; of
/// some writers a page is as large as a row group (<https://duckdb.org/docs/stable/data/parquet/tips>).
const PAGES_IN_MEMORY: u64 = 512 << 20;

/// Elements of a list column that a row group may have however few rows it has, as one row may hold all of them.
const ELEMENTS_FREE: u64 = 4 << 20;

/// Beyond [`ELEMENTS_FREE`]: elements a row. Lists of logs have none, one or two.
const ELEMENTS_A_ROW: u64 = 16;

/// The number of the encoding whose texts are told as what differs from the one before.
const DELTA_BYTE_ARRAY: i64 = 7;

/// Texts of a batch where each may be as long as its page, since it is told as what differs from the one before.
const PREFIXED_TEXTS: u64 = 64 << 20;

/// Checks the pages of the columns that are read. Returns how many rows can be decoded at a time.
///
/// # Errors
/// Damage, or more than can be held in memory.
pub fn check(file: &ParquetFile, row_group: usize, most_rows: usize) -> Result<usize, Broken> {
    let group = &file.groups()[row_group];
    let rows = u64::try_from(group.num_rows()).unwrap_or(0);
    let (mut in_memory, mut largest_prefixed) = (0u64, 0);
    for (leaf, chunk) in group.columns().iter().enumerate().filter(|(leaf, _)| file.mask.leaf_included(*leaf)) {
        let (mut page, mut dictionary, mut values) = (0, 0, 0);
        walk(file, chunk, |header| {
            let largest = if header.kind == PageKind::Dictionary { &mut dictionary } else { &mut page };
            *largest = header.uncompressed_bytes.max(*largest);
            values += u64::from(header.values);
            if header.encoding == DELTA_BYTE_ARRAY {
                largest_prefixed = header.uncompressed_bytes.max(largest_prefixed);
            }
        })?;
        in_memory += page + dictionary;
        let column = file.metadata.parquet_schema().column(leaf);
        if column.max_rep_level() > 0 && values > ELEMENTS_FREE.max(rows.saturating_mul(ELEMENTS_A_ROW)) {
            return Err(Broken::limit(format!("the lists in column {} have {values} elements", column.path())));
        }
    }
    if in_memory > PAGES_IN_MEMORY {
        let reason = format!("its pages take {in_memory} bytes of memory; at most {PAGES_IN_MEMORY} are read");
        return Err(Broken::limit(reason));
    }
    let rows = PREFIXED_TEXTS.checked_div(largest_prefixed).unwrap_or(u64::MAX);
    Ok(rows.clamp(1, most_rows as u64) as usize)
}

/// Calls with the header of each page of a column.
fn walk(file: &ParquetFile, chunk: &ColumnChunkMetaData, mut each: impl FnMut(&PageHeader)) -> Result<(), Broken> {
    let damaged = |what: &str| Broken::new(format!("column {}: {what}", chunk.column_path()));
    let (start, length) = chunk.byte_range();
    let end = start.checked_add(length).filter(|end| *end <= file.source.len());
    let end = end.ok_or_else(|| damaged("it lies behind the end of the file"))?;
    let mut at = start;
    while at < end {
        let header = PageHeader::find(end - at, |length| file.source.read(at, length));
        let header = header.map_err(|error| Broken::from(&error))?;
        let (header, length) = header.ok_or_else(|| damaged("the header of a page is damaged"))?;
        let data = at + length as u64;
        let next = data.checked_add(header.compressed_bytes).filter(|next| *next <= end);
        at = next.ok_or_else(|| damaged("a page ends behind its column"))?;
        each(&header);
        // All other codecs decompress into the room that is made for them.
        if !matches!(chunk.compression(), Compression::GZIP(_)) {
            continue;
        }
        let page =
            file.source.read(data, header.compressed_bytes as usize).map_err(|error| Broken::from(&error))?;
        if inflates_beyond(
            page.get(header.level_bytes() as usize..).unwrap_or_default(),
            header.uncompressed_bytes,
        ) {
            return Err(Broken::limit(format!("column {}: a page is larger than it says", chunk.column_path())));
        }
    }
    Ok(())
}

fn inflates_beyond(gzip: &[u8], length: u64) -> bool {
    let mut inside = MultiGzDecoder::new(gzip).take(length + 1);
    // Damage is met again where the page is read.
    let _damage = io::copy(&mut inside, &mut io::sink());
    inside.limit() == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn a_gzip_page_that_is_larger_than_it_says_is_found() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&[0; 100_000]).unwrap();
        let page = encoder.finish().unwrap();
        assert!(inflates_beyond(&page, 99_999));
        assert!(!inflates_beyond(&page, 100_000));
        assert!(inflates_beyond(&[&page[..], &page].concat(), 100_000));
        assert!(!inflates_beyond(&page[..page.len() / 2], 100_000));
        assert!(!inflates_beyond(b"", 0));
    }
}
