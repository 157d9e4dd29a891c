//! Numbers that decide what is a finding, and what a hostile file may cost.

use crate::decode::parquet::claims;

/// Sizes in bytes unless they say otherwise. The first half are limits of checks, the second half bounds what is
/// read and decoded of a file, so that none exhausts memory or time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Compressed bytes of a row group: 256 MB, as Security Lake demands of custom sources
    /// (<https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html>).
    pub row_group_bytes: u64,
    /// Rows of a row group: about a million, what the Rust and C++ writers make at most by default.
    pub row_group_rows: u64,
    /// Uncompressed bytes of a data page: 1 MB (the same page of Security Lake), and the default of all writers.
    pub page_bytes: u64,
    /// Bytes of a file that stands beside others in its partition, at least and at most: Athena recommends files
    /// of more than 128 MB
    /// (<https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html>); half
    /// of that is let pass, and four times that still splits well.
    pub file_bytes: (u64, u64),
    /// Bytes of the values of a row: Athena's limit
    /// (<https://docs.aws.amazon.com/athena/latest/ug/other-notable-limitations.html>).
    pub row_bytes: u64,

    /// Bytes of a footer that is read: a thousand row groups of a hundred columns have less.
    pub footer_bytes: u64,
    /// Nodes of a schema.
    pub schema_nodes: usize,
    /// Levels of a schema: parquet reads it by recursion.
    pub schema_depth: usize,
    /// Uncompressed bytes of a data page that is decoded: twice the largest row.
    pub decoded_page_bytes: u64,
    /// Uncompressed bytes of a dictionary, and of a page whose values are built one from another.
    pub decoded_dictionary_bytes: u64,
    /// Values of a page, and of the rows of a repeated column that are decoded at a time.
    pub decoded_page_values: u64,
    /// Values of a file that are decoded whatever its size. Runs of a value take next to no bytes, so that a small
    /// file may claim any number.
    pub decoded_values: u64,
    /// The same, for each byte of the file.
    pub decoded_values_per_byte: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            row_group_bytes: 256 << 20,
            row_group_rows: 1 << 20,
            page_bytes: 1 << 20,
            file_bytes: (64 << 20, 512 << 20),
            row_bytes: 32 << 20,
            footer_bytes: claims::FOOTER_BYTES,
            schema_nodes: claims::SCHEMA_NODES,
            schema_depth: claims::SCHEMA_DEPTH,
            decoded_page_bytes: 64 << 20,
            decoded_dictionary_bytes: 16 << 20,
            decoded_page_values: 4 << 20,
            decoded_values: 1 << 28,
            decoded_values_per_byte: 1 << 10,
        }
    }
}
