//! The inverse of the columns: a table that this program wrote, or that another program wrote from one, back to
//! the rows of its log.
//!
//! What each column becomes follows from the one list of columns. A table is told by the name that its file gives,
//! else by its columns. Columns that are missing are null. Types that other programs choose for the same values
//! (text as bytes, numbers of another width, instants of another unit) are read; others are refused, as a guess
//! could be wrong.

mod rows;
mod values;

pub use rows::{BatchRows, TableBuilder};

use super::build::field_number;
use super::{Cells, Column, Dataset};
use crate::parse::{LogType, s3_access};
use arrow::datatypes::{DataType, Fields, Schema};
use values::Shape;

/// What a table is.
#[derive(Debug)]
pub enum Recognised {
    /// Rows of a log.
    Rows(ReadBack),
    /// Ours, but no rows of a log can be made of it, and why.
    Ignored(&'static str),
    /// None of ours, or not readable as such, and why.
    Foreign(String),
}

/// How the rows of a table become rows of their log again.
#[derive(Debug)]
pub struct ReadBack {
    log: LogType,
    leaves: Vec<Leaf>,
    /// The log's columns that the table does not have.
    missing: Vec<&'static str>,
    /// The table's columns that the log does not have.
    unknown: Vec<String>,
    key: KeyFrom,
}

/// What the decoded key of an access log is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyFrom {
    /// Its own column.
    Column,
    /// The key as logged, decoded once more.
    Raw,
    /// The key as CloudWatch delivers it, of which AWS does not say whether it is encoded.
    AsDelivered,
}

/// A column, or a member of a struct, that is read.
#[derive(Debug)]
struct Leaf {
    /// Names from the column inwards.
    path: Vec<&'static str>,
    /// The name in the table, where it is another one.
    alias: Option<&'static str>,
    target: Target,
}

/// Where the values of a leaf go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// To the text of a field.
    Field(usize),
    /// To a field of three digits at least, as a status is logged.
    Status(usize),
    /// To a field, as words.
    Words(usize),
    /// To a field, as a JSON array of objects: members of the structs, and their names in the JSON.
    Objects(usize, &'static [&'static str], &'static [&'static str]),
    /// To the row's time.
    Time,
    /// To the row's flags.
    Flags,
    /// To the row's file.
    File,
    /// To the row's number.
    Number,
}

/// Columns of a table that make it one of a log; fewer could be anything.
const FEWEST_COLUMNS: usize = 5;

/// What a table can be, if its file does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Export(Dataset),
    /// An access log as CloudWatch delivers it.
    CloudWatch,
}

impl Kind {
    const ALL: [Kind; Dataset::ALL.len() + 1] = [
        Kind::Export(Dataset::S3Access),
        Kind::Export(Dataset::CloudTrail),
        Kind::Export(Dataset::Activity),
        Kind::Export(Dataset::Ocsf),
        Kind::CloudWatch,
    ];

    fn names(self) -> Vec<&'static str> {
        match self {
            Kind::Export(dataset) => dataset.columns().iter().map(|column| column.name).collect(),
            Kind::CloudWatch => {
                s3_access::MEMBERS.iter().map(|(name, _)| *name).chain(s3_access::REDUNDANT).collect()
            }
        }
    }
}

/// Tells what a table is. `dataset` is the name that its file gives, if it does.
pub fn recognise(dataset: Option<&str>, schema: &Schema) -> Recognised {
    let named = dataset.and_then(|name| Dataset::ALL.into_iter().find(|dataset| dataset.name() == name));
    match named.map(Kind::Export).or_else(|| most_alike(schema)) {
        Some(Kind::Export(Dataset::S3Access)) => read_back(LogType::S3Access, schema, &|column| Some(column.name)),
        Some(Kind::Export(Dataset::CloudTrail)) => {
            read_back(LogType::CloudTrail, schema, &|column| Some(column.name))
        }
        Some(Kind::Export(Dataset::Activity | Dataset::Ocsf)) => Recognised::Ignored(
            "rows in one vocabulary for both logs, which no longer hold what their log said; name the logs or their own \
             exports",
        ),
        Some(Kind::CloudWatch) => match read_back(LogType::S3Access, schema, &name_in_cloudwatch) {
            Recognised::Rows(plan) => Recognised::Rows(ReadBack { key: KeyFrom::AsDelivered, ..plan }),
            other => other,
        },
        None => Recognised::Foreign(
            "Parquet, but no export of this program and no access log of CloudWatch".to_owned(),
        ),
    }
}

fn name_in_cloudwatch(column: &Column) -> Option<&'static str> {
    let member = s3_access::MEMBERS.iter().find(|(_, field)| s3_access::FIELDS[*field] == column.name);
    member.map(|(name, _)| *name)
}

/// What has most of the table's columns, if it has at least half of them and nothing else has as many.
fn most_alike(schema: &Schema) -> Option<Kind> {
    let shared = |kind: Kind| kind.names().iter().filter(|name| schema.column_with_name(name).is_some()).count();
    let mut counts = Kind::ALL.map(|kind| (shared(kind), kind));
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let [(most, kind), (second, _), ..] = counts;
    let enough = most >= FEWEST_COLUMNS && 2 * most >= schema.fields().len() && most > second;
    enough.then_some(kind)
}

/// Gives the name that a column of the log's list has in the table; none for one that such tables never have.
type Naming = dyn Fn(&Column) -> Option<&'static str>;

fn read_back(log: LogType, schema: &Schema, naming: &Naming) -> Recognised {
    let (leaves, missing, unknown) = (Vec::new(), Vec::new(), Vec::new());
    let mut plan = ReadBack { log, leaves, missing, unknown, key: KeyFrom::Column };
    let mut known = s3_access::REDUNDANT.to_vec();
    for column in Dataset::of(log).columns() {
        let Some(name) = naming(column) else { continue };
        known.push(name);
        match schema.column_with_name(name) {
            // A row that does not say where it came from is one of the table itself.
            None if matches!(column.cells, Cells::SourceFile | Cells::SourceNumber) => {}
            None => plan.missing.push(column.name),
            Some((_, field)) => {
                let alias = Some(name).filter(|name| *name != column.name);
                if let Err(reason) = plan.add(vec![column.name], alias, &column.cells, field.data_type()) {
                    return Recognised::Foreign(reason);
                }
            }
        }
    }
    if plan.leaves.is_empty() {
        return Recognised::Foreign("Parquet, but without a column of its dataset".to_owned());
    }
    let names = schema.fields().iter().map(|field| field.name());
    plan.unknown = names.filter(|name| !known.contains(&name.as_str())).cloned().collect();
    if log == LogType::S3Access
        && plan.missing.contains(&"object_key")
        && !plan.missing.contains(&"object_key_raw")
    {
        plan.missing.retain(|name| *name != "object_key");
        plan.key = KeyFrom::Raw;
    }
    Recognised::Rows(plan)
}

impl ReadBack {
    /// Which log the rows are of.
    pub fn log(&self) -> LogType {
        self.log
    }

    /// Is the leaf with these names, from the column inwards, read?
    pub fn takes(&self, path: &[String]) -> bool {
        self.leaves.iter().any(|leaf| {
            let names = leaf.names();
            names.len() <= path.len() && names.iter().zip(path).all(|(name, part)| name == part)
        })
    }

    /// What a person should know of the table: columns that are not there, and columns that are not read.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.missing.is_empty() {
            notices.push(format!("columns that it does not have are taken as null: {}", listed(&self.missing)));
        }
        if !self.unknown.is_empty() {
            notices.push(format!("columns that are not known are not read: {}", listed(&self.unknown)));
        }
        notices
    }

    /// Adds a column or member, or the members of a struct.
    fn add(
        &mut self,
        path: Vec<&'static str>,
        alias: Option<&'static str>,
        cells: &'static Cells,
        data_type: &DataType,
    ) -> Result<(), String> {
        if let Cells::Struct(members) = cells {
            return match data_type {
                DataType::Struct(found) => self.add_members(&path, members, found),
                DataType::Null => Ok(()),
                _ => Err(refused(&path, data_type, "a struct")),
            };
        }
        let number = |name| field_number(self.log, name);
        let (target, shape) = match cells {
            Cells::Text(name) => (Target::Field(number(name)), Shape::Text),
            Cells::Integer(name) => (Target::Field(number(name)), Shape::Number),
            Cells::SmallInteger(name) => (Target::Status(number(name)), Shape::Number),
            Cells::Boolean(name) => (Target::Field(number(name)), Shape::Boolean),
            Cells::Words(name) => (Target::Words(number(name)), Shape::Texts),
            Cells::StructList(members, _, Some(array)) => {
                (Target::Objects(number(array.field), members, array.members), Shape::Structs)
            }
            Cells::EventTime => (Target::Time, Shape::Time),
            Cells::ParseFlags => (Target::Flags, Shape::Texts),
            Cells::SourceFile => (Target::File, Shape::Text),
            Cells::SourceNumber => (Target::Number, Shape::Number),
            // Columns of no log: they are made of others.
            Cells::Struct(_)
            | Cells::Word(_)
            | Cells::Composed(_)
            | Cells::PerValue(..)
            | Cells::PerCaller(_)
            | Cells::StructList(_, _, None)
            | Cells::Number(_)
            | Cells::SmallNumber(_)
            | Cells::PerLog(..)
            | Cells::NoText
            | Cells::NoInteger
            | Cells::NoSmallInteger => return Ok(()),
        };
        if !shape.fits(data_type) {
            return Err(refused(&path, data_type, shape.name()));
        }
        self.leaves.push(Leaf { path, alias, target });
        Ok(())
    }

    fn add_members(
        &mut self,
        path: &[&'static str],
        members: &'static [Column],
        found: &Fields,
    ) -> Result<(), String> {
        for member in members {
            if let Some((_, field)) = found.find(member.name) {
                self.add([path, &[member.name]].concat(), None, &member.cells, field.data_type())?;
            } else {
                self.missing.push(member.name);
            }
        }
        Ok(())
    }
}

impl Leaf {
    /// Names in the table, from the column inwards.
    fn names(&self) -> Vec<&'static str> {
        let mut names = self.path.clone();
        names[0] = self.alias.unwrap_or(names[0]);
        names
    }
}

/// Names that a notice holds; a table can have thousands of columns.
const NAMED: usize = 60;

fn listed<N: AsRef<str>>(names: &[N]) -> String {
    let mut list: Vec<&str> = names.iter().take(NAMED).map(|name| shortened(name.as_ref())).collect();
    let more = format!("and {} more", names.len().saturating_sub(NAMED));
    list.extend((names.len() > NAMED).then_some(&*more));
    list.join(", ")
}

/// The begin of a name: no column that is known has one as long.
fn shortened(name: &str) -> &str {
    name.char_indices().nth(NAMED).map_or(name, |(end, _)| &name[..end])
}

fn refused(path: &[&str], data_type: &DataType, expected: &str) -> String {
    let path = path.join(".");
    format!("Parquet with a column {path} of type {data_type}, which is not read as {expected}; cast it before")
}

#[cfg(test)]
mod tests;
