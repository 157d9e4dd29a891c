//! Partition projection: the partitions that Athena computes from the properties of a table
//! (<https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html>).

use super::{CreateTable, DDL_FITS, TableFacts};
use crate::export::parquet::DEFAULT_PARTITION;
use crate::lint::report::Notebook;
use crate::lint::time_column::day;
use crate::report::count::{counted, of_number};
use chrono::{Days, Months, NaiveDate, TimeDelta};
use std::collections::{BTreeMap, BTreeSet};

/// Is a value one of those that are computed?
type Holds<'a> = Box<dyn Fn(&str) -> bool + 'a>;

/// The projection of a table whose properties enable it.
pub(super) struct Projection<'a> {
    properties: &'a BTreeMap<String, String>,
}

impl<'a> Projection<'a> {
    pub(super) fn of(statement: &'a CreateTable) -> Option<Projection<'a>> {
        let is_on =
            statement.properties.get("projection.enabled").is_some_and(|on| on.eq_ignore_ascii_case("true"));
        is_on.then_some(Projection { properties: &statement.properties })
    }

    /// Columns of tables are in lower case, whatever case folders and statements have.
    fn property(&self, key: &str, name: &str) -> Option<&'a str> {
        let wanted = format!("projection.{key}.{name}");
        let found = self.properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(&wanted));
        found.map(|(_, value)| value.as_str())
    }

    /// Each key must be configured, and each folder must be one of those that are computed.
    pub(super) fn check(&self, table: &TableFacts<'_>, today: i64, notebook: &mut Notebook) {
        let mut report = |found: String| notebook.report(DDL_FITS.error(table.name, found));
        for (index, key) in table.keys.iter().enumerate() {
            let Some(kind) = self.property(key, "type") else {
                report(format!("projection.{key}.type is missing"));
                continue;
            };
            let holds = match self.values(key, kind, today) {
                Ok(holds) => holds,
                Err(reason) => {
                    report(format!("the projection of {key}: {reason}"));
                    continue;
                }
            };
            let values = table.partitions.iter().filter_map(|values| values.get(index));
            let outside: BTreeSet<&String> =
                values.filter(|value| *value != DEFAULT_PARTITION && !holds(value)).collect();
            if let Some(first) = outside.first() {
                let range =
                    self.property(key, "range").or_else(|| self.property(key, "values")).unwrap_or_default();
                let count = outside.len() as u64;
                report(format!(
                    "{} of {key} {} outside of the projection ({range}), such as {first:?}",
                    counted(count, "value"),
                    of_number(count, "lies", "lie")
                ));
            }
        }
        if let Some(template) = self.properties.get("storage.location.template") {
            let holds = |key: &str| template.to_lowercase().contains(&format!("${{{}}}", key.to_lowercase()));
            for key in table.keys.iter().filter(|key| !holds(key)) {
                report(format!("storage.location.template has no ${{{key}}}"));
            }
            if !template.ends_with('/') {
                report("storage.location.template does not end with a slash".to_owned());
            }
        }
    }

    /// Is a value one of those that are computed?
    fn values(&self, key: &str, kind: &str, today: i64) -> Result<Holds<'a>, String> {
        let needed = |name: &str| {
            let property = self.property(key, name);
            property.ok_or_else(|| format!("projection.{key}.{name} is missing"))
        };
        let range = || {
            let range = needed("range")?;
            range.split_once(',').ok_or_else(|| format!("the range {range:?} has no comma"))
        };
        match kind.to_ascii_lowercase().as_str() {
            // Spaces are part of a value.
            "enum" => {
                let values: Vec<&str> = needed("values")?.split(',').collect();
                Ok(Box::new(move |value| values.contains(&value)))
            }
            "integer" => {
                let (first, last) = range()?;
                let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text:?} is no number"));
                let range = number(first)?..=number(last)?;
                Ok(Box::new(move |value| value.parse().is_ok_and(|value: i64| range.contains(&value))))
            }
            "date" => {
                let (first, last) = range()?;
                if !needed("format")?.starts_with("yyyy") {
                    // Dates in another order are not compared.
                    return Ok(Box::new(|_| true));
                }
                let bound = |text: &str| bound(text.trim(), today).ok_or_else(|| format!("{text:?} is no date"));
                let range = bound(first)?..=bound(last)?;
                // Other forms than days, such as months or hours, are not held against the range.
                Ok(Box::new(move |value| day(value).is_none_or(|day| range.contains(&day))))
            }
            "injected" => Ok(Box::new(|_| true)),
            other => Err(format!("{other:?} is no type of projection")),
        }
    }
}

/// The day of a bound: a date, in whatever form, or a time from now, such as `NOW-3YEARS`.
fn bound(text: &str, today: i64) -> Option<i64> {
    let Some(offset) = text.to_ascii_uppercase().strip_prefix("NOW").map(str::to_owned) else {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let padded = match digits.len() {
            4 => format!("{digits}0101"),
            6 => format!("{digits}01"),
            _ => digits.get(..8)?.to_owned(),
        };
        return day(&padded);
    };
    let offset: String = offset.chars().filter(|char| !char.is_whitespace()).collect();
    if offset.is_empty() {
        return Some(today);
    }
    let (sign, rest) = offset.split_at_checked(1)?;
    let unit_at = rest.find(|char: char| !char.is_ascii_digit())?;
    let (count, unit) = rest.split_at(unit_at);
    let count: u32 = count.parse().ok()?;
    let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
    let now = epoch.checked_add_signed(TimeDelta::try_days(today)?)?;
    let shifted = |by: Shift| by.apply(now, sign);
    let date = match unit.trim_end_matches('S') {
        "YEAR" => shifted(Shift::Months(count.checked_mul(12)?)),
        "MONTH" => shifted(Shift::Months(count)),
        "WEEK" => shifted(Shift::Days(u64::from(count) * 7)),
        "DAY" => shifted(Shift::Days(count.into())),
        // Part of a day moves a bound by a day at most: that much is let pass.
        "HOUR" => shifted(Shift::Days(u64::from(count.div_ceil(24)))),
        "MINUTE" => shifted(Shift::Days(u64::from(count.div_ceil(24 * 60)))),
        "SECOND" => shifted(Shift::Days(u64::from(count.div_ceil(24 * 60 * 60)))),
        _ => None,
    }?;
    Some(date.signed_duration_since(epoch).num_days())
}

enum Shift {
    Months(u32),
    Days(u64),
}

impl Shift {
    fn apply(self, date: NaiveDate, sign: &str) -> Option<NaiveDate> {
        match (self, sign) {
            (Shift::Months(count), "+") => date.checked_add_months(Months::new(count)),
            (Shift::Months(count), "-") => date.checked_sub_months(Months::new(count)),
            (Shift::Days(count), "+") => date.checked_add_days(Days::new(count)),
            (Shift::Days(count), "-") => date.checked_sub_days(Days::new(count)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::types::Type;

    #[test]
    fn bounds_are_dates_or_times_from_now() {
        // 2026-03-01.
        let today = day("2026-03-01").unwrap();
        for (text, expected) in [
            ("2026-02-28", Some("2026-02-28")),
            ("20260228", Some("2026-02-28")),
            ("2026/02/28", Some("2026-02-28")),
            ("2026-02-28-13", Some("2026-02-28")),
            ("2026", Some("2026-01-01")),
            ("2026-02", Some("2026-02-01")),
            ("NOW", Some("2026-03-01")),
            ("now-1days", Some("2026-02-28")),
            ("NOW-3YEARS", Some("2023-03-01")),
            ("NOW+1MONTH", Some("2026-04-01")),
            ("NOW - 2 WEEKS", Some("2026-02-15")),
            ("NOW-25HOURS", Some("2026-02-27")),
            ("NOW*1DAY", None),
            ("NOW-1", None),
            ("NOW-99999999999DAYS", None),
            ("yesterday", None),
            ("é", None),
        ] {
            assert_eq!(bound(text, today), expected.and_then(day), "{text}");
        }
    }

    /// What is found of a projected key `event_date` behind a key `account_id`, with folders of two accounts.
    fn found(format: &str, range: &str, dates: [&str; 2]) -> Vec<String> {
        let property = |name: &str, value: &str| (format!("projection.{name}"), value.to_owned());
        let properties = BTreeMap::from([
            property("enabled", "true"),
            property("account_id.type", "injected"),
            property("event_date.type", "date"),
            property("event_date.format", format),
            property("event_date.range", range),
        ]);
        let places = |account: &str| dates.map(|date| vec![account.to_owned(), date.to_owned()]);
        let schema = Type::group_type_builder("schema").build().unwrap();
        let table = TableFacts {
            name: "s3_access",
            schema: &schema,
            keys: &["account_id", "event_date"].map(str::to_owned),
            partitions: &[places("111122223333"), places("444455556666")].into_iter().flatten().collect(),
        };
        let mut notebook = Notebook::default();
        Projection { properties: &properties }.check(&table, 30_000, &mut notebook);
        let report = notebook.finish(Vec::new(), 0);
        report.findings.into_iter().map(|finding| finding.found).collect()
    }

    #[test]
    fn values_outside_count_once_and_dates_in_another_order_are_not_compared() {
        let dates = ["2026-02-01", "2026-02-02"];
        assert_eq!(
            found("yyyy-MM-dd", "2026-03-01,NOW", dates),
            ["2 values of event_date lie outside of the projection (2026-03-01,NOW), such as \"2026-02-01\""]
        );
        assert_eq!(found("dd-MM-yyyy", "01-01-2020,NOW", ["01-02-2026", "02-02-2026"]), [""; 0]);
        assert_eq!(found("yyyy-MM-dd", "2026-02-01,NOW", dates), [""; 0]);
    }
}
