//! The columns of what can be recovered.

use super::exposure_columns::places;
use super::key_history::{ChangeRow, Restore};
use crate::report::table_formats::{Cell, TableColumn};

/// A row with what is looked up for it.
pub struct ToldRow {
    /// The change.
    pub row: ChangeRow,
    /// How a caller who was asked for came to the session.
    pub session_chain: Vec<String>,
    /// Versions that the restoring command names.
    pub restore_version_ids: Vec<String>,
}

impl ToldRow {
    /// Of a change.
    pub fn new(row: ChangeRow, session_chain: Vec<String>) -> ToldRow {
        let restore_version_ids = match &row.restore {
            Restore::RemoveMarkers(ids) => ids.clone(),
            Restore::CopyVersion(id) => vec![id.clone()],
            Restore::LookUp | Restore::Nothing | Restore::Superseded => Vec::new(),
        };
        ToldRow { row, session_chain, restore_version_ids }
    }
}

/// A column, and how it comes out of a row.
struct Shown {
    column: TableColumn,
    cell: fn(&ToldRow) -> Cell<'_>,
}

const fn shown(name: &'static str, is_main: bool, cell: fn(&ToldRow) -> Cell<'_>, about: &'static str) -> Shown {
    Shown { column: TableColumn { name, about, is_main }, cell }
}

/// A text of the request.
macro_rules! logged {
    ($name:literal, $is_main:literal, $field:ident, $about:literal) => {
        shown($name, $is_main, |told| told.row.record.$field.as_deref().into(), $about)
    };
}

/// Every column, in order.
static SHOWN: [Shown; 21] = [
    shown("event_time", true, |told| told.row.record.time_ms.map_or(Cell::Null, Cell::Time), "When it happened."),
    logged!("bucket_name", true, bucket, "Bucket."),
    logged!(
        "object_key",
        true,
        key,
        "Key of the object, decoded; null where no log names the keys of a deletion."
    ),
    shown(
        "change",
        true,
        |told| word(told.row.change.name()),
        "deleted, version_deleted, expired (by a lifecycle rule) or overwritten.",
    ),
    shown(
        "fate",
        true,
        |told| word(told.row.fate.name()),
        "What became of the content: delete_marker (it lies under one), version_kept (it is a version that is not \
         current), permanent (it is gone), unknown; undeleted (a delete marker was removed), nothing (there was none).",
    ),
    shown("why", true, |told| Cell::Text(told.row.why.as_str().into()), "What in the logs shows that."),
    shown("evidence", false, |told| places(&told.row.evidence), "Places of that, beside those of the request."),
    logged!("version_id", false, version, "Version that the request named."),
    shown(
        "delete_marker_id",
        false,
        |told| told.row.delete_marker_id.as_deref().into(),
        "Delete marker that it left.",
    ),
    shown(
        "former_version_id",
        false,
        |told| told.row.former_version_id.as_deref().into(),
        "Version that was current before it, or is now that a version was deleted, where a log names it.",
    ),
    shown(
        "restore",
        true,
        |told| word(told.row.restore.name()),
        "What brings the object back: remove_delete_marker, copy_version, look_up (the logs do not name the version), \
         nothing; superseded where a later change decides.",
    ),
    shown(
        "restore_version_ids",
        true,
        |told| Cell::Texts(&told.restore_version_ids),
        "Delete markers to remove, or the version to copy.",
    ),
    shown("later", false, |told| told.row.later.as_deref().into(), "What happened to the object next."),
    shown("action", false, |told| Cell::Text(told.row.record.operation.as_str().into()), "Operation or event."),
    logged!("principal", true, principal, "Caller, in one form for both logs."),
    logged!("session_name", false, session_name, "Session of a role."),
    logged!("remote_ip", false, remote_ip, "Address of the caller."),
    logged!("access_key_id", false, access_key_id, "Access key."),
    shown(
        "object_size",
        false,
        |told| told.row.record.size.and_then(|size| i64::try_from(size).ok()).map_or(Cell::Null, Cell::Number),
        "Size that the line of the change names.",
    ),
    shown(
        "session_chain",
        false,
        |told| Cell::Texts(&told.session_chain),
        "How a caller who was asked for came to this session: each call that granted one, with its place.",
    ),
    shown("sources", true, |told| places(&told.row.record.sources), "Every record that tells of the change."),
];

fn word<'a>(word: &'static str) -> Cell<'a> {
    Cell::Text(word.into())
}

/// The columns.
pub fn columns() -> Vec<TableColumn> {
    SHOWN.iter().map(|shown| shown.column).collect()
}

/// The cells of a row, one a column.
pub fn cells(told: &ToldRow) -> Vec<Cell<'_>> {
    SHOWN.iter().map(|shown| (shown.cell)(told)).collect()
}
