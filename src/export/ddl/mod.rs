//! Statements that make tables of an exported folder, for the engine that will read it.

mod projection;
mod tables;
mod views;

pub(crate) use tables::table;
pub use tables::{Table, hive_type, tables};
pub use views::{VIEWS, View};

use crate::error::Error;
use arrow::datatypes::Field;
use projection::{Projection, is_date_key};
use std::str::FromStr;

/// Who will read the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Amazon Athena, engine version 3: Hive's DDL, Trino's queries.
    Athena,
    /// Apache Spark with Hive support.
    Spark,
    /// DuckDB: views over the files.
    DuckDb,
}

impl Engine {
    /// All.
    pub const ALL: [Engine; 3] = [Engine::Athena, Engine::Spark, Engine::DuckDb];

    /// As options name it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Athena => "athena",
            Engine::Spark => "spark",
            Engine::DuckDb => "duckdb",
        }
    }

    /// What stands around a name in a query; Hive's DDL has its own.
    fn quote_in_query(self) -> char {
        if self == Engine::Spark { '`' } else { '"' }
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Engine, String> {
        let names = || Engine::ALL.map(Engine::name).join(", ");
        Engine::ALL
            .into_iter()
            .find(|engine| engine.name() == text)
            .ok_or_else(|| format!("{text}: expected one of {}", names()))
    }
}

/// Partitions of one statement, so that it stays far below the 256 KB that Athena takes
/// (<https://docs.aws.amazon.com/athena/latest/ug/service-limits.html>).
const PARTITIONS_AT_ONCE: usize = 100;

/// The statements that make tables and views of these tables, which lie at `location` with a folder for each.
///
/// # Errors
/// A location that the engine cannot read from, or that cannot stand in a statement.
pub fn statements(tables: &[Table], location: &str, engine: Engine) -> Result<String, Error> {
    let location = checked(location, engine)?;
    let mut all = Vec::new();
    for table in tables {
        let location = format!("{location}/{}/", table.dataset.name());
        match engine {
            Engine::Athena | Engine::Spark => all.extend(hive(table, &location, engine)?),
            Engine::DuckDb => all.push(duckdb(table, &location)),
        }
        let views = VIEWS.iter().filter(|view| view.dataset == table.dataset);
        all.extend(views.filter_map(|view| view.statement(table, engine)));
    }
    Ok(all.iter().map(|statement| format!("{statement};\n")).collect::<Vec<_>>().join("\n"))
}

/// Without slashes at its end.
fn checked(location: &str, engine: Engine) -> Result<&str, Error> {
    let usage = |reason: &str| Err(Error::Usage(format!("--location {location}: {reason}")));
    if location.chars().any(|char| char.is_control() || "'\"`\\".contains(char)) {
        return usage("quotes, backslashes and control characters cannot stand in a location");
    }
    let trimmed = location.trim_end_matches('/');
    let is_s3 = trimmed.strip_prefix("s3://").is_some_and(|rest| !rest.is_empty() && !rest.contains("//"));
    if engine == Engine::Athena && !is_s3 {
        return usage("Athena reads from s3://BUCKET/PREFIX/");
    }
    Ok(trimmed)
}

fn hive(table: &Table, location: &str, engine: Engine) -> Result<Vec<String>, Error> {
    let mut projection = None;
    if engine == Engine::Athena {
        projection = Projection::of(table);
    }
    let columns: Result<Vec<String>, Error> = table.columns.iter().map(|field| column(table, field)).collect();
    let mut create = format!(
        "{}CREATE EXTERNAL TABLE IF NOT EXISTS `{}` (\n{}\n)\n",
        notes(table, engine, projection.as_ref()),
        table.dataset.name(),
        columns?.join(",\n")
    );
    if !table.keys.is_empty() {
        let keys: Vec<String> = table.keys.iter().map(|key| format!("`{}` string", key.to_lowercase())).collect();
        create += &format!("PARTITIONED BY ({})\n", keys.join(", "));
    }
    create +=
        &format!("STORED AS PARQUET\nLOCATION '{location}'\nTBLPROPERTIES (\n  'classification' = 'parquet'");
    for (name, value) in projection.iter().flat_map(|projection| projection.properties(location)) {
        create += &format!(",\n  '{name}' = '{value}'");
    }
    create += "\n)";
    let mut statements = vec![create];
    if projection.is_none() && !table.keys.is_empty() {
        statements.extend(added_partitions(table, location));
    }
    Ok(statements)
}

fn column(table: &Table, field: &Field) -> Result<String, Error> {
    let about = table.dataset.columns().iter().find(|column| column.name == field.name());
    // Hive and Athena escape a quote in different ways; an apostrophe needs no escape.
    let comment = about.map_or(String::new(), |column| format!(" COMMENT '{}'", column.about.replace('\'', "’")));
    Ok(format!("  `{}` {}{comment}", field.name(), hive_type(field)?))
}

/// What whoever runs the statement should know.
fn notes(table: &Table, engine: Engine, projection: Option<&Projection<'_>>) -> String {
    let mut notes: Vec<String> = Vec::new();
    if projection.is_some_and(Projection::has_days) {
        notes.push(
            "Partitions are projected over the days that the export holds: days outside give no rows.".to_owned(),
        );
    } else if projection.is_some() {
        notes.push(
            "Partitions are projected over the values that the export holds: others give no rows.".to_owned(),
        );
    }
    for key in projection.iter().flat_map(|projection| projection.injected()) {
        notes.push(format!("{key} has too many values to list: every query must say {key} = '...' or IN (...)."));
    }
    if table.has_default() && projection.is_some() {
        notes.push(
            "Rows without a time lie in the default partition, which projection does not show. To see them, create the \
             table without the projection properties and run MSCK REPAIR TABLE."
                .to_owned(),
        );
    } else if table.has_default() {
        let nulls = table.keys_with_default();
        let what = if matches!(nulls[..], [key] if is_date_key(key)) {
            "Rows without a time"
        } else {
            "Rows without a value"
        };
        notes.push(format!("{what} lie in the default partition: there {} is null.", nulls.join(" or ")));
    }
    if engine == Engine::Athena && projection.is_none() && !table.keys.is_empty() && table.can_be_repaired() {
        notes
            .push("Instead of the ALTER TABLE statements, MSCK REPAIR TABLE finds the partitions too.".to_owned());
    }
    notes.into_iter().map(|note| format!("-- {note}\n")).collect()
}

fn added_partitions(table: &Table, location: &str) -> Vec<String> {
    let partitions: Vec<&Vec<String>> = table.partitions.iter().collect();
    let statement = |part: &[&Vec<String>]| {
        let mut statement = format!("ALTER TABLE `{}` ADD IF NOT EXISTS", table.dataset.name());
        for values in part {
            let pairs = || table.keys.iter().zip(*values);
            let spec: Vec<String> =
                pairs().map(|(key, value)| format!("`{}` = '{value}'", key.to_lowercase())).collect();
            let path: String = pairs().map(|(key, value)| format!("{key}={value}/")).collect();
            statement += &format!("\n  PARTITION ({}) LOCATION '{location}{path}'", spec.join(", "));
        }
        statement
    };
    partitions.chunks(PARTITIONS_AT_ONCE).map(statement).collect()
}

fn duckdb(table: &Table, location: &str) -> String {
    let keys: Vec<String> = table.keys.iter().map(|key| format!("'{key}': VARCHAR")).collect();
    let hive = match keys.is_empty() {
        true => String::new(),
        false => format!(", hive_partitioning = true, hive_types = {{{}}}", keys.join(", ")),
    };
    // A letter in brackets stands for itself.
    let letter = |letter: char| if "*?[".contains(letter) { format!("[{letter}]") } else { letter.to_string() };
    let location: String = location.chars().map(letter).collect();
    format!(
        "{}CREATE OR REPLACE VIEW {} AS\nSELECT * FROM read_parquet('{location}**/*.parquet'{hive})",
        notes(table, Engine::DuckDb, None),
        table.dataset.name()
    )
}

#[cfg(test)]
mod tests;
