//! The time that the events of a file cover, by its statistics.

use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;

/// Times of a file whose rows are sorted by the time of the event ([`super::order::sort_column`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EventTimes {
    /// Earliest, milliseconds since 1970 UTC.
    pub(super) first_ms: Option<i64>,
    /// Latest.
    pub(super) last_ms: Option<i64>,
    /// Rows without one.
    pub(super) without: u64,
}

impl EventTimes {
    /// `None` where they are not so sorted, or a row group does not tell.
    pub(super) fn of(metadata: &ParquetMetaData) -> Option<EventTimes> {
        let mut times = EventTimes::default();
        for group in metadata.row_groups() {
            let sorted = group.sorting_columns()?.first()?;
            let column = group.columns().get(usize::try_from(sorted.column_idx).ok()?)?;
            let Some(Statistics::Int64(statistics)) = column.statistics() else { return None };
            times.first_ms = times.first_ms.into_iter().chain(statistics.min_opt().copied()).min();
            times.last_ms = times.last_ms.into_iter().chain(statistics.max_opt().copied()).max();
            times.without += statistics.null_count_opt()?;
        }
        Some(times)
    }
}
