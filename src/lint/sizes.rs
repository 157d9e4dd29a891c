//! Checks 10 to 13: codecs, and sizes of row groups, pages and files.

use super::check::Check;
use super::limits::Limits;
use super::report::Notebook;
use crate::report::count::counted;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use std::collections::BTreeMap;

/// 10.
pub const CODEC: Check = Check {
    number: 10,
    name: "codec",
    asserts: "Pages are compressed with zstd, snappy or gzip.",
    why: "Athena reads no Brotli. LZ4 and LZO it reads, but several other readers do not. What is not compressed \
          is scanned at full price: Athena bills compressed bytes.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/compression-support-hive.html",
    next: "Write with zstd, or with snappy where readers without zstd must be served (AWS Clean Rooms).",
};

/// 11.
pub const ROW_GROUP_SIZE: Check = Check {
    number: 11,
    name: "row-group-size",
    asserts: "A row group has at most 256 MB compressed and 1,048,576 rows.",
    why: "Athena skips and shares out whole row groups: the larger they are, the more is read in vain. Security \
          Lake refuses larger ones.",
    link: "https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html",
    next: "Lower the writer's row group size, such as parquet.block.size or max_row_group_size.",
};

/// 12.
pub const PAGE_SIZE: Check = Check {
    number: 12,
    name: "page-size",
    asserts: "A data page has at most 1 MB (1,048,576 bytes) uncompressed.",
    why: "A page is read whole: with large ones the page index saves little, and Security Lake refuses them.",
    link: "https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html",
    next: "Lower the writer's page size, such as parquet.page.size or data_page_size, or have it count after \
           fewer rows (write_batch_size).",
};

/// 13.
pub const FILE_SIZE: Check = Check {
    number: 13,
    name: "file-size",
    asserts: "A file has 64 to 512 MB, is the only one in its partition, or is the one smaller rest beside full \
              ones.",
    why: "Each file costs requests to S3 and a start, whatever its size; many small ones make a query slow and \
          may be throttled. Very large ones are uploaded and rewritten whole.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html",
    next: "Merge the files of the partition, with a rewrite or with CTAS or OPTIMIZE in Athena.",
};

/// The one codec that Athena does not read.
const BROTLI: &str = "the codec BROTLI";

/// Checks 10 and 11, from the footer of a file.
pub(super) fn check_footer(metadata: &ParquetMetaData, path: &str, limits: &Limits, notebook: &mut Notebook) {
    notebook.evaluated(&CODEC);
    notebook.evaluated(&ROW_GROUP_SIZE);
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let bytes: u64 = group.columns().iter().map(|chunk| chunk.compressed_size().max(0) as u64).sum();
        let rows = group.num_rows().max(0) as u64;
        if bytes > limits.row_group_bytes {
            let found = format!("a row group of {bytes} bytes compressed");
            notebook.report(ROW_GROUP_SIZE.warning(path, found).in_row_group(number));
        }
        if rows > limits.row_group_rows {
            let found = format!("a row group of {}", counted(rows, "row"));
            notebook.report(ROW_GROUP_SIZE.warning(path, found).in_row_group(number));
        }
    }
    check_codecs(metadata, path, notebook);
}

/// One finding a codec.
fn check_codecs(metadata: &ParquetMetaData, path: &str, notebook: &mut Notebook) {
    let mut found: BTreeMap<&str, (u64, usize, String)> = BTreeMap::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        for chunk in group.columns() {
            let name = match chunk.compression() {
                Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => continue,
                Compression::UNCOMPRESSED => "no compression",
                Compression::BROTLI(_) => BROTLI,
                Compression::LZO => "the codec LZO",
                Compression::LZ4 | Compression::LZ4_RAW => "the codec LZ4",
            };
            let first = || (0, number, chunk.column_path().string());
            found.entry(name).or_insert_with(first).0 += 1;
        }
    }
    let chunks: usize = metadata.row_groups().iter().map(|group| group.num_columns()).sum();
    for (name, (count, row_group, column)) in found {
        let found = format!("{name} in {count} of {chunks} column chunks");
        let finding = if name == BROTLI { CODEC.error(path, found) } else { CODEC.warning(path, found) };
        notebook.report(finding.in_column(column).in_row_group(row_group));
    }
}

/// Check 12, of one chunk: its pages over the limit and the largest.
pub(super) fn large_pages(path: &str, column: &str, row_group: usize, pages: (u64, u64), notebook: &mut Notebook) {
    let (large, largest_bytes) = pages;
    let found = match large {
        1 => format!("a data page of {largest_bytes} bytes uncompressed"),
        _ => format!("{large} data pages of up to {largest_bytes} bytes uncompressed"),
    };
    notebook.report(PAGE_SIZE.warning(path, found).in_column(column).in_row_group(row_group));
}

/// Check 13, of one partition: its path, and the sizes of its files.
pub(super) fn check_files(partition: &str, sizes: &[u64], limits: &Limits, notebook: &mut Notebook) {
    notebook.evaluated(&FILE_SIZE);
    let (least, most) = limits.file_bytes;
    let small = sizes.iter().filter(|size| **size < least).count();
    let large = sizes.iter().filter(|size| **size > most).count();
    if sizes.len() > 1 && small > 1 {
        let found = format!("{small} of {} files have less than {least} bytes", sizes.len());
        notebook.report(FILE_SIZE.warning(partition, found));
    }
    if sizes.len() > 1 && large > 0 {
        let found = format!("{large} of {} files have more than {most} bytes", sizes.len());
        notebook.report(FILE_SIZE.warning(partition, found));
    }
}
