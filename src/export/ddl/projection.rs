//! Partition projection of Athena: the partitions are computed from rules, so that none need be added
//! (<https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html>).

use super::Table;
use crate::export::parquet::{DATE_KEY, DEFAULT_PARTITION, LAKE_DATE_KEY, lake_date};
use crate::parse::time::{DAY_MS, format_date, iso_date};
use std::collections::BTreeSet;

/// Most values of an enumerated key: all properties of a table share about 1 MB, and lists are meant to be short
/// (<https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html>).
const MOST_ENUMERATED: usize = 24;

/// The rules of each key, in their order.
pub(super) struct Projection<'a> {
    keys: Vec<(&'a str, Rule)>,
}

enum Rule {
    /// Form of the days, the first and the last.
    Days(&'static str, String, String),
    /// All values.
    Enumerated(Vec<String>),
    /// Too many values: each query must name those it wants.
    Injected,
}

impl<'a> Projection<'a> {
    /// The projection of a table, if it pays: if at least half of the partitions that the rules stand for have files.
    /// With more empty ones Athena is slower than with partitions of its own. Rows in the default partition of a key
    /// other than the date would not be found, so there is none then.
    pub(super) fn of(table: &'a Table) -> Option<Projection<'a>> {
        let dated = |values: &&Vec<String>| {
            let of_key = table.keys.iter().zip(*values);
            of_key.into_iter().all(|(key, value)| !is_date_key(key) || day(value).is_some())
        };
        // Who wants rows without a time must be able to repair a table without projection.
        if table.has_default() && !table.can_be_repaired() {
            return None;
        }
        let partitions: Vec<&Vec<String>> = table.partitions.iter().filter(dated).collect();
        if partitions.is_empty() || table.keys.is_empty() {
            return None;
        }
        let mut keys = Vec::new();
        let mut possible = 1_u128;
        for (index, key) in table.keys.iter().enumerate() {
            let values: BTreeSet<&str> = partitions.iter().map(|values| values[index].as_str()).collect();
            let (rule, count) =
                if is_date_key(key) { days(key, &values)? } else { others(&values, table, index)? };
            possible = possible.saturating_mul(count as u128);
            keys.push((key.as_str(), rule));
        }
        (partitions.len() as u128 * 2 >= possible).then_some(Projection { keys })
    }

    /// The properties of the table, which lies at `location`.
    pub(super) fn properties(&self, location: &str) -> Vec<(String, String)> {
        let mut properties = vec![("projection.enabled".to_owned(), "true".to_owned())];
        let mut template = location.to_owned();
        for (key, rule) in &self.keys {
            // Tables have columns in lower case, whatever the folders.
            let column = key.to_lowercase();
            let mut add = |name: &str, value: &str| {
                properties.push((format!("projection.{column}.{name}"), value.to_owned()));
            };
            match rule {
                Rule::Days(form, first, last) => {
                    add("type", "date");
                    add("format", form);
                    add("range", &format!("{first},{last}"));
                    add("interval", "1");
                    add("interval.unit", "DAYS");
                }
                Rule::Enumerated(values) => {
                    add("type", "enum");
                    // Spaces would become part of a value.
                    add("values", &values.join(","));
                }
                Rule::Injected => add("type", "injected"),
            }
            template += &format!("{key}=${{{column}}}/");
        }
        properties.push(("storage.location.template".to_owned(), template));
        properties
    }

    /// Keys that each query must name.
    pub(super) fn injected(&self) -> Vec<&str> {
        let injected = self.keys.iter().filter(|(_, rule)| matches!(rule, Rule::Injected));
        injected.map(|(key, _)| *key).collect()
    }

    /// Does it project dates?
    pub(super) fn has_days(&self) -> bool {
        self.keys.iter().any(|(_, rule)| matches!(rule, Rule::Days(..)))
    }
}

/// Is it the key of the date of the event?
pub(super) fn is_date_key(key: &str) -> bool {
    [DATE_KEY, LAKE_DATE_KEY].contains(&key)
}

/// Days since 1970.
fn day(value: &str) -> Option<i64> {
    iso_date(value.as_bytes()).or_else(|| lake_date(value)).map(|time_ms| time_ms.div_euclid(DAY_MS))
}

fn days(key: &str, values: &BTreeSet<&str>) -> Option<(Rule, usize)> {
    let days: BTreeSet<i64> = values.iter().filter_map(|value| day(value)).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    let is_of_lake = key == LAKE_DATE_KEY;
    let form = if is_of_lake { "yyyyMMdd" } else { "yyyy-MM-dd" };
    let date = |day: i64| format_date(day * DAY_MS).replace('-', if is_of_lake { "" } else { "-" });
    Some((Rule::Days(form, date(first), date(last)), usize::try_from(last - first).ok()? + 1))
}

fn others(values: &BTreeSet<&str>, table: &Table, index: usize) -> Option<(Rule, usize)> {
    let has_default = table.partitions.iter().any(|values| values[index] == DEFAULT_PARTITION);
    let has_odd = values.iter().any(|value| value.is_empty() || value.contains([',', ' ', '$']));
    if has_default || has_odd {
        return None;
    }
    let rule = match values.len() {
        0..=MOST_ENUMERATED => Rule::Enumerated(values.iter().map(|value| (*value).to_owned()).collect()),
        _ => Rule::Injected,
    };
    Some((rule, values.len()))
}
