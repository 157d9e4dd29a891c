//! The pages of a row group, looked at before they are read: how much memory they claim, and whether that is true.
//!
//! The crate makes room for a page as its head says, and for a gzip page as it comes. Texts are views of the pages, so
//! what is in memory is one page and one dictionary a column, and the rows of a batch.

use super::ParquetFile;
use super::thrift::{Kind, Thrift};
use crate::decode::window::Broken;
use flate2::bufread::MultiGzDecoder;
use parquet::basic::Compression;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::Length;
use std::io::{self, Read};

/// Bytes that the largest page and the dictionary of each column may have together. Pages of 1 MiB are usual; of some
/// writers a page is as large as a row group (<https://duckdb.org/docs/stable/data/parquet/tips>).
const PAGES_IN_MEMORY: u64 = 512 << 20;

/// Elements of a list column that a row group may have however few rows it has, as one row may hold all of them.
const ELEMENTS_FREE: u64 = 4 << 20;

/// Beyond [`ELEMENTS_FREE`]: elements a row. Lists of logs have none, one or two.
const ELEMENTS_A_ROW: u64 = 16;

/// Bytes of a head of a page that are read at first, and at most: it holds the least and the greatest value.
const HEAD: usize = 256;
const LONGEST_HEAD: usize = 4 << 20;

/// Texts of a batch where each may be as long as its page, since it is told as what differs from the one before.
const PREFIXED_TEXTS: u64 = 64 << 20;

/// Numbers of the fields of the head of a page, of the kinds of pages and of the encoding in question
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
mod number {
    pub const KIND: i64 = 1;
    pub const UNCOMPRESSED: i64 = 2;
    pub const COMPRESSED: i64 = 3;
    pub const DATA: i64 = 5;
    pub const DICTIONARY: i64 = 7;
    pub const DATA_V2: i64 = 8;
    pub const DICTIONARY_PAGE: i64 = 2;
    pub const DELTA_BYTE_ARRAY: i64 = 7;
}

/// The head of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct PageHead {
    is_dictionary: bool,
    uncompressed: u64,
    compressed: u64,
    values: u64,
    /// Its texts are told as what differs from the one before.
    prefixed: bool,
    /// Bytes before what is compressed.
    levels: u64,
    /// Its own length.
    length: usize,
}

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
        walk(file, chunk, |head| {
            let largest = if head.is_dictionary { &mut dictionary } else { &mut page };
            *largest = head.uncompressed.max(*largest);
            values += head.values;
            if head.prefixed {
                largest_prefixed = head.uncompressed.max(largest_prefixed);
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

/// Calls with the head of each page of a column.
fn walk(file: &ParquetFile, chunk: &ColumnChunkMetaData, mut each: impl FnMut(&PageHead)) -> Result<(), Broken> {
    let damaged = |what: &str| Broken::new(format!("column {}: {what}", chunk.column_path()));
    let (start, length) = chunk.byte_range();
    let end = start.checked_add(length).filter(|end| *end <= file.source.len());
    let end = end.ok_or_else(|| damaged("it lies behind the end of the file"))?;
    let mut at = start;
    while at < end {
        let head = read_head(file, at, end).map_err(|error| Broken::from(&error))?;
        let head = head.ok_or_else(|| damaged("the head of a page is damaged"))?;
        let data = at + head.length as u64;
        let next = data.checked_add(head.compressed).filter(|next| *next <= end);
        at = next.ok_or_else(|| damaged("a page ends behind its column"))?;
        each(&head);
        // All other codecs decompress into the room that is made for them.
        if !matches!(chunk.compression(), Compression::GZIP(_)) {
            continue;
        }
        let page = file.source.read(data, head.compressed as usize).map_err(|error| Broken::from(&error))?;
        if inflates_beyond(page.get(head.levels as usize..).unwrap_or_default(), head.uncompressed) {
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

/// The head of the page at `at`, if it is one.
fn read_head(file: &ParquetFile, at: u64, end: u64) -> io::Result<Option<PageHead>> {
    let (mut length, most) = (HEAD, LONGEST_HEAD.min((end - at) as usize));
    loop {
        let bytes = file.source.read(at, length.min(most))?;
        let head = page_head(&bytes);
        if head.is_some() || length >= most {
            return Ok(head);
        }
        length *= 16;
    }
}

fn page_head(bytes: &[u8]) -> Option<PageHead> {
    let mut head = PageHead::default();
    let mut thrift = Thrift::new(bytes);
    let unsigned = |thrift: &mut Thrift<'_>| u64::try_from(thrift.integer()?).ok();
    thrift.fields(|thrift, field, kind| {
        match (field, kind) {
            (number::KIND, Kind::Integer) => head.is_dictionary = thrift.integer()? == number::DICTIONARY_PAGE,
            (number::UNCOMPRESSED, Kind::Integer) => head.uncompressed = unsigned(thrift)?,
            (number::COMPRESSED, Kind::Integer) => head.compressed = unsigned(thrift)?,
            (number::DATA | number::DICTIONARY | number::DATA_V2, Kind::Struct) => {
                // The encoding stands behind the number of values, of nulls and of rows, as far as there are such.
                let encoding = if field == number::DATA_V2 { 4 } else { 2 };
                thrift.fields(|thrift, inner, kind| {
                    match (inner, kind) {
                        (1, Kind::Integer) => head.values += unsigned(thrift)?,
                        (5 | 6, Kind::Integer) if field == number::DATA_V2 => head.levels += unsigned(thrift)?,
                        (inner, Kind::Integer) if inner == encoding => {
                            head.prefixed |= thrift.integer()? == number::DELTA_BYTE_ARRAY;
                        }
                        (_, kind) => thrift.skip(kind)?,
                    }
                    Some(())
                })?;
            }
            (_, kind) => thrift.skip(kind)?,
        }
        Some(())
    })?;
    head.length = thrift.offset();
    Some(head)
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

    #[test]
    fn heads_of_pages_are_read() {
        let data = [0x15, 0, 0x15, 200, 1, 0x15, 60, 0x2c, 0x15, 20, 0x15, 14, 0x15, 6, 0x15, 6, 0, 0, 9];
        let expected = PageHead {
            uncompressed: 100,
            compressed: 30,
            values: 10,
            prefixed: true,
            length: data.len() - 1,
            ..PageHead::default()
        };
        assert_eq!(page_head(&data), Some(expected));
        let dictionary = [0x15, 4, 0x15, 20, 0x15, 20, 0x4c, 0x15, 6, 0x15, 0, 0, 0];
        let expected = PageHead {
            is_dictionary: true,
            uncompressed: 10,
            compressed: 10,
            values: 3,
            length: dictionary.len(),
            ..PageHead::default()
        };
        assert_eq!(page_head(&dictionary), Some(expected));
        let second =
            [0x15, 6, 0x15, 20, 0x15, 20, 0x5c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 0, 0x15, 4, 0x15, 6, 0x12, 0, 0];
        let head = page_head(&second).unwrap();
        assert_eq!((head.values, head.levels, head.prefixed), (3, 5, false));
        for cut in 0..data.len() - 1 {
            assert_eq!(page_head(&data[..cut]), None, "{cut}");
        }
        // A size below nothing.
        assert_eq!(page_head(&[0x15, 0, 0x15, 1, 0x15, 60, 0]), None);
    }
}
