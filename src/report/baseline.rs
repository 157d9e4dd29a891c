//! What a baseline holds, as rows.

use super::table_formats::{Cell, TableColumn};
use crate::detect::baseline::{Dimension, Entry, Learned};
use std::borrow::Cow;
use std::cmp::Reverse;

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// The columns.
pub fn columns() -> Vec<TableColumn> {
    let column = |name, about, is_main| TableColumn { name, about, is_main };
    vec![
        column("dimension", "What is counted by, such as principal_network.", true),
        column("principal", "Caller, in the form of the column principal of activity.", true),
        column("name", "Bucket, bucket and prefix, address, network, user agent's family or action.", true),
        column("first_seen", "First hour in which it was seen (UTC).", true),
        column("last_seen", "Last hour in which it was seen (UTC).", true),
        column("days", "Days on which it was seen; fewer where counts are kept by weeks.", true),
        column(
            "requests",
            "Requests; what both logs show counts once. Denied ones only in principal_bucket and bucket.",
            true,
        ),
        column("reads", "Reads of objects that were done.", true),
        column("bytes", "Bytes that these sent.", true),
        column("busiest_hour_of_week", "Hour from Monday 00:00 UTC with most requests, of a caller.", false),
    ]
}

/// Calls back with the cells of each entry: those of a dimension together, the busiest first.
///
/// # Errors
/// What the callback returns.
pub fn cells<E>(learned: &Learned, mut each: impl FnMut(&[Cell<'_>]) -> Result<(), E>) -> Result<(), E> {
    for dimension in Dimension::ALL {
        let mut entries = learned.entries(dimension);
        entries.sort_by_cached_key(|(fields, entry)| {
            let names: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            (Reverse(entry.total().requests), names)
        });
        for (fields, entry) in entries {
            each(&row(dimension, &fields, entry))?;
        }
    }
    Ok(())
}

fn row<'a>(dimension: Dimension, fields: &[&'a str], entry: &Entry) -> [Cell<'a>; 10] {
    let text = |text: &'a str| Cell::Text(Cow::Borrowed(text));
    let (principal, name) = match (dimension, fields) {
        (Dimension::Principal, [principal]) => (text(principal), Cell::Null),
        (Dimension::Prefix, [bucket, prefix]) => (Cell::Null, Cell::Text(format!("{bucket}/{prefix}").into())),
        (_, [principal, name]) => (text(principal), text(name)),
        (_, [name]) => (Cell::Null, text(name)),
        _ => (Cell::Null, Cell::Null),
    };
    let (first, last) = entry.hours();
    let total = entry.total();
    let number = |number: u64| Cell::Number(i64::try_from(number).unwrap_or(i64::MAX));
    let busiest = entry.week().iter().max_by_key(|(hour, requests)| (*requests, Reverse(*hour)));
    [
        text(dimension.name()),
        principal,
        name,
        Cell::Time(i64::from(first) * HOUR_MS),
        Cell::Time(i64::from(last) * HOUR_MS),
        number(entry.days()),
        number(total.requests),
        number(total.reads),
        number(total.bytes),
        busiest.map_or(Cell::Null, |(hour, _)| number(u64::from(*hour))),
    ]
}
