//! The columns of an exposure.

use super::event::Source;
use super::exposure::{ExposureRow, Level, Sums};
use crate::report::table_formats::{Cell, TableColumn};

/// A column, and how it comes out of a row.
struct Shown {
    column: TableColumn,
    cell: fn(&ExposureRow) -> Cell<'_>,
}

const fn shown(
    name: &'static str,
    is_main: bool,
    cell: fn(&ExposureRow) -> Cell<'_>,
    about: &'static str,
) -> Shown {
    Shown { column: TableColumn { name, about, is_main }, cell }
}

/// A sum.
macro_rules! sum {
    ($name:ident, $about:literal) => {
        shown(stringify!($name), false, |row| number(row.sums.$name), $about)
    };
}

/// Every column, in order.
static SHOWN: [Shown; 40] = [
    shown("level", true, |row| word(row.level.name()), "total, prefix, object or request."),
    shown("bucket_name", true, |row| row.bucket_name.as_deref().into(), "Bucket."),
    shown(
        "object_key",
        true,
        |row| row.object_key.as_deref().into(),
        "Key of the object, decoded; of a prefix the folder, empty for the keys outside folders.",
    ),
    shown(
        "version_id",
        false,
        |row| row.version_id.as_deref().into(),
        "Version that was read, where a log says which; else the one that was current.",
    ),
    shown(
        "extent",
        true,
        |row| Cell::Text(row.extent.as_str().into()),
        "What was reached: full, part, part_or_full (the logs do not say), metadata, names (of a list), or attempted; \
         of sums how many objects of each.",
    ),
    shown("share", true, |row| row.share.as_deref().into(), "Share of the object that was read, with its bounds."),
    shown(
        "bytes_sent",
        true,
        |row| number(row.sums.bytes_sent),
        "Bytes of content sent to the caller, repeats and all.",
    ),
    sum!(bytes_copied, "Bytes that copies read inside S3."),
    shown(
        "unique_bytes_min",
        false,
        |row| unique_bytes(row, Some(row.sums.unique_bytes_min)),
        "Different bytes of content that were read, at least; null of a request.",
    ),
    shown(
        "unique_bytes_max",
        false,
        |row| unique_bytes(row, (row.sums.without_bound == 0).then_some(row.sums.unique_bytes_max)),
        "At most; null of a request, and if no log says the size of an object.",
    ),
    shown(
        "object_size",
        false,
        |row| row.object_size.map_or(Cell::Null, number),
        "Size of the object when last seen.",
    ),
    shown("objects", false, |row| sums_of_objects(row, |sums| sums.objects), "Objects: buckets and keys."),
    shown("objects_full", false, |row| sums_of_objects(row, |sums| sums.objects_full), "Of them read in full."),
    shown(
        "objects_part",
        false,
        |row| sums_of_objects(row, |sums| sums.objects_part),
        "Of them read in part and certainly not in full.",
    ),
    shown(
        "objects_part_or_full",
        false,
        |row| sums_of_objects(row, |sums| sums.objects_part_or_full),
        "Of them read, where the logs do not say whether in full.",
    ),
    shown(
        "objects_metadata",
        false,
        |row| sums_of_objects(row, |sums| sums.objects_metadata),
        "Of them those of which only metadata was read.",
    ),
    shown(
        "objects_attempted",
        false,
        |row| sums_of_objects(row, |sums| sums.objects_attempted),
        "Of them those of which nothing was given out: denied, not found or failed.",
    ),
    shown("requests", true, |row| number(row.sums.requests), "Requests; the records of one count once."),
    sum!(reads, "Of them reads of content."),
    sum!(copies, "Copies of content inside S3."),
    sum!(metadata_reads, "Reads of metadata."),
    sum!(denied, "Refused."),
    sum!(failed, "Failed otherwise."),
    sum!(listings, "Lists of names; of the total and of requests."),
    sum!(presigned, "Through presigned URLs."),
    sum!(anonymous, "Without credentials."),
    shown("first_access", true, |row| time(row.sums.first_ms), "The first request."),
    shown("last_access", true, |row| time(row.sums.last_ms), "The last request."),
    shown("action", false, |row| row.action.as_deref().into(), "Operation or event of a request."),
    shown(
        "outcome",
        false,
        |row| match (row.level, row.sums.denied, row.sums.failed) {
            (Level::Request, 0, 0) => word("success"),
            (Level::Request, 0, _) => word("failed"),
            (Level::Request, ..) => word("denied"),
            _ => Cell::Null,
        },
        "Of a request: success, denied or failed.",
    ),
    shown(
        "http_status",
        false,
        |row| row.http_status.map_or(Cell::Null, Cell::Number),
        "HTTP status of a request.",
    ),
    shown("principals", false, |row| Cell::Texts(&row.principals), "Callers, the first by name."),
    shown("principals_count", false, |row| number(row.principals_count), "Different callers."),
    shown("remote_ips", false, |row| Cell::Texts(&row.remote_ips), "Addresses, the first by name."),
    shown("remote_ips_count", false, |row| number(row.remote_ips_count), "Different addresses."),
    shown("access_key_ids", false, |row| Cell::Texts(&row.access_key_ids), "Access keys, where a log names them."),
    shown("copied_to", true, |row| Cell::Texts(&row.copied_to), "Where copies went, as far as the logs say."),
    shown(
        "session_chain",
        false,
        |row| Cell::Texts(&row.session_chain),
        "How a caller who was asked for came to the sessions: each call that granted one, with its place.",
    ),
    shown("notes", false, |row| Cell::Texts(&row.notes), "What the logs do not say of it."),
    shown(
        "sources",
        true,
        |row| places(&row.sources),
        "Places of the records, at most 32; of the total those of lists.",
    ),
];

/// Sums of objects stand in the rows of sums.
fn sums_of_objects(row: &ExposureRow, of: fn(&Sums) -> u64) -> Cell<'_> {
    if row.level <= Level::Prefix { number(of(&row.sums)) } else { Cell::Null }
}

/// Requests are put together by object, so that only objects and their sums have them.
fn unique_bytes(row: &ExposureRow, bytes: Option<u64>) -> Cell<'_> {
    bytes.filter(|_| row.level < Level::Request).map_or(Cell::Null, number)
}

fn number<'a>(number: u64) -> Cell<'a> {
    Cell::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn word<'a>(word: &'static str) -> Cell<'a> {
    Cell::Text(word.into())
}

fn time<'a>(time_ms: Option<i64>) -> Cell<'a> {
    time_ms.map_or(Cell::Null, Cell::Time)
}

/// Places as a cell.
pub(super) fn places(sources: &[Source]) -> Cell<'_> {
    Cell::Places(sources.iter().map(|source| (source.log, source.file.as_str(), source.line)).collect())
}

/// The columns.
pub fn columns() -> Vec<TableColumn> {
    SHOWN.iter().map(|shown| shown.column).collect()
}

/// The cells of a row, one a column.
pub fn cells(row: &ExposureRow) -> Vec<Cell<'_>> {
    SHOWN.iter().map(|shown| (shown.cell)(row)).collect()
}
