//! The column that holds the time of a row, and the date of the folder in which it lies.

use super::schema::{Annotation, TimestampUnit, annotation};
use crate::export::parquet::{DEFAULT_PARTITION, lake_date};
use crate::parse::time::{DAY_MS, iso_date};
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::ParquetMetaData;
use parquet::schema::types::ColumnDescriptor;

/// Names under which logs have their time, by precedence.
const TIME_COLUMNS: [&str; 3] = ["event_time", "eventtime", "time"];

/// The column that every table of OCSF has.
pub(super) const OCSF_CLASS: &str = "class_uid";

/// Keys that stand for the date of the event.
const EVENT_DATE_KEYS: [&str; 3] = ["event_date", "event_day", "eventday"];
/// Keys that may also stand for another date.
const DATE_KEYS: [&str; 4] = ["date", "dt", "day", "log_date"];

/// The column that holds the time of a row.
pub(super) struct TimeColumn {
    /// Number of its leaf.
    pub(super) leaf: usize,
    /// As it is called.
    pub(super) name: String,
    unit: TimestampUnit,
}

impl TimeColumn {
    /// The one of a table, or why there is none.
    pub(super) fn of(metadata: &ParquetMetaData) -> Result<TimeColumn, String> {
        let leaves = metadata.file_metadata().schema_descr().columns();
        let is_top = |leaf: &ColumnDescriptor| leaf.path().parts().len() == 1;
        let mut reason = format!("no column {}", TIME_COLUMNS.join(", "));
        for wanted in TIME_COLUMNS {
            let found = leaves.iter().position(|leaf| is_top(leaf) && leaf.name().eq_ignore_ascii_case(wanted));
            let Some(leaf) = found else { continue };
            let column = &leaves[leaf];
            match annotation(column.self_type()) {
                Annotation::Timestamp(unit) if column.physical_type() == PhysicalType::INT64 => {
                    return Ok(TimeColumn { leaf, name: column.name().to_owned(), unit });
                }
                // OCSF counts milliseconds (<https://schema.ocsf.io/1.3.0/base_event>).
                _ if wanted == "time"
                    && column.physical_type() == PhysicalType::INT64
                    && leaves.iter().any(|leaf| is_top(leaf) && leaf.name() == OCSF_CLASS) =>
                {
                    let unit = TimestampUnit::Milliseconds;
                    return Ok(TimeColumn { leaf, name: column.name().to_owned(), unit });
                }
                _ => reason = format!("the column {wanted} is no timestamp of 64 bits"),
            }
        }
        Err(reason)
    }

    /// A value of the column in milliseconds since 1970.
    pub(super) fn milliseconds(&self, value: i64) -> i64 {
        value.div_euclid(self.unit.per_millisecond())
    }
}

/// The date of the folder in which a file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FolderDate {
    /// No key stands for a date.
    None,
    /// Rows without a value.
    Default,
    /// Days since 1970, and whether the key says that it is the date of the event.
    Day(i64, bool),
    /// What the folder is called instead.
    Invalid(String),
}

impl FolderDate {
    pub(super) fn of(partition: &[(String, String)]) -> FolderDate {
        let is_one = |keys: &[&str], key: &str| keys.iter().any(|known| key.eq_ignore_ascii_case(known));
        let key = partition.iter().find(|(key, _)| is_one(&EVENT_DATE_KEYS, key) || is_one(&DATE_KEYS, key));
        let Some((key, value)) = key else { return FolderDate::None };
        if value == DEFAULT_PARTITION {
            return FolderDate::Default;
        }
        match day(value) {
            Some(day) => FolderDate::Day(day, is_one(&EVENT_DATE_KEYS, key)),
            None => FolderDate::Invalid(format!("{key}={value}")),
        }
    }
}

/// `2026-03-01` or `20260301` as days since 1970.
pub(super) fn day(value: &str) -> Option<i64> {
    let time = match value.len() {
        8 => lake_date(value),
        _ => iso_date(value.as_bytes()),
    };
    time.map(|time| time.div_euclid(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_a_date_or_none() {
        let march = day("2026-03-01").unwrap();
        for (key, value, expected) in [
            ("event_date", "2026-03-01", FolderDate::Day(march, true)),
            ("eventDay", "20260301", FolderDate::Day(march, true)),
            ("dt", "2026-03-01", FolderDate::Day(march, false)),
            ("event_date", DEFAULT_PARTITION, FolderDate::Default),
            ("event_date", "2026-02-30", FolderDate::Invalid("event_date=2026-02-30".to_owned())),
            ("dt", "éééé", FolderDate::Invalid("dt=éééé".to_owned())),
            ("region", "20260301", FolderDate::None),
        ] {
            assert_eq!(FolderDate::of(&[(key.to_owned(), value.to_owned())]), expected, "{key}={value}");
        }
    }
}
