//! Parsed rows to Arrow: one list of columns a dataset, from which schema, documentation and conversion derive.
//!
//! A column is built by one pass over the rows that are asked for; columns nobody asks for cost nothing. Text is
//! either a view into the block (for detectors: 16 bytes a cell, no copy) or copied into a buffer of its own (for
//! files).

mod build;
pub mod columns;
mod page;
pub mod read_back;
mod text;

pub use page::schema_page;
pub(crate) use text::TextCells;

use crate::parse::{FieldTable, LogType};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The tables this program makes, each with its list of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dataset {
    /// A row a line of an S3 server access log.
    S3Access,
    /// A row a CloudTrail record.
    CloudTrail,
    /// A row a record of either log, in one vocabulary.
    Activity,
    /// The same in OCSF's vocabulary.
    Ocsf,
}

impl Dataset {
    /// Every dataset, in the order in which they are listed everywhere.
    pub const ALL: [Dataset; 4] = [Dataset::S3Access, Dataset::CloudTrail, Dataset::Activity, Dataset::Ocsf];

    /// The name in options, folders and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Dataset::S3Access => LogType::S3Access.name(),
            Dataset::CloudTrail => LogType::CloudTrail.name(),
            Dataset::Activity => "activity",
            Dataset::Ocsf => "ocsf",
        }
    }

    /// The native dataset of a log.
    pub fn of(log: LogType) -> Dataset {
        match log {
            LogType::S3Access => Dataset::S3Access,
            LogType::CloudTrail => Dataset::CloudTrail,
        }
    }

    /// Does this dataset take rows of that log?
    pub fn takes(self, log: LogType) -> bool {
        matches!(self, Dataset::Activity | Dataset::Ocsf) || self == Dataset::of(log)
    }

    /// The columns, in the order of the files.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Dataset::S3Access => columns::S3_ACCESS,
            Dataset::CloudTrail => columns::CLOUDTRAIL,
            Dataset::Activity => crate::activity::COLUMNS,
            Dataset::Ocsf => crate::activity::ocsf::COLUMNS,
        }
    }

    /// What a row is, for the documentation.
    pub fn about(self) -> &'static str {
        match self {
            Dataset::S3Access => "A row is a line of an S3 server access log, under AWS's own field names.",
            Dataset::CloudTrail => "A row is a CloudTrail record of any category.",
            Dataset::Activity => "A row is a record of either log, told in one vocabulary.",
            Dataset::Ocsf => "A row is a record of either log as API Activity (6003) of OCSF 1.3.",
        }
    }
}

/// A column: its name and meaning, and how its cells come out of a row.
#[derive(Debug)]
pub struct Column {
    /// Lower-case name, the same in every output.
    pub name: &'static str,
    /// One sentence: meaning, unit, and what null means where that is not "not logged".
    pub about: &'static str,
    /// How its values relate to one another.
    pub variety: Variety,
    /// Is a row looked up by a single value of it, as by an id? Parquet files then have a Bloom filter.
    pub is_sought: bool,
    /// Type and source of the cells.
    pub cells: Cells,
}

/// What is to be expected of the values of a column; files are made smaller and faster by it, and hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variety {
    /// Few values make up most cells: a dictionary pays.
    Few,
    /// Most cells differ.
    Many,
    /// Random characters, such as ids: no part of them comes again.
    Random,
}

/// Where the cells of a column come from; the variant also decides the Arrow type.
#[derive(Debug)]
pub enum Cells {
    /// Text of the parsed field of that name.
    Text(&'static str),
    /// 64-bit integer from the field of that name; text that is none is null.
    Integer(&'static str),
    /// 32-bit integer from the field of that name.
    SmallInteger(&'static str),
    /// Boolean from the field of that name.
    Boolean(&'static str),
    /// The row's event time: milliseconds, UTC.
    EventTime,
    /// The names of the row's parse flags.
    ParseFlags,
    /// Words of the field of that name, as a list.
    Words(&'static str),
    /// Path of the file the row came from.
    SourceFile,
    /// Line or record number in that file, from 1.
    SourceNumber,
    /// One of a few fixed words of at most twelve bytes.
    Word(fn(&FieldTable, usize) -> Option<&'static str>),
    /// Text composed from the row: appended to the buffer, `false` for null.
    Composed(fn(&FieldTable, usize, &mut Vec<u8>) -> bool),
    /// Text composed from the named field alone, and from whether the row names an object: composed once a distinct
    /// value, not once a row.
    PerValue(&'static str, fn(&FieldTable, usize, &mut Vec<u8>) -> bool),
    /// Text composed from the requester alone without the session of a role: many requests come with a session of their own.
    PerCaller(fn(&FieldTable, usize, &mut Vec<u8>) -> bool),
    /// 64-bit integer computed from the row.
    Number(fn(&FieldTable, usize) -> Option<i64>),
    /// 32-bit integer computed from the row.
    SmallNumber(fn(&FieldTable, usize) -> Option<i32>),
    /// A struct of columns; null where every member is null.
    Struct(&'static [Column]),
    /// A list of structs of text with these member names. The function calls back once an element. The field that the
    /// elements are all of, if there is one.
    StructList(&'static [&'static str], ListElements, Option<JsonArray>),
    /// Another source for each log.
    PerLog(&'static Cells, &'static Cells),
    /// Text that this log does not have.
    NoText,
    /// Integer that this log does not have.
    NoInteger,
    /// 32-bit integer that this log does not have.
    NoSmallInteger,
}

/// Calls back with the members' texts of each element of a row's list; returns `false` for a null list.
pub type ListElements = fn(&FieldTable, usize, &mut dyn FnMut(&[Option<&str>])) -> bool;

/// A field that holds a JSON array of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonArray {
    /// Its name.
    pub field: &'static str,
    /// The names in the objects of what is a member of the structs, in the order of those.
    pub members: &'static [&'static str],
}

/// How text columns hold their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextLayout {
    /// `Utf8View` into the block.
    Views,
    /// `Utf8`, copied.
    Copied,
}

/// A dataset, some of its columns, and a text layout: turns parsed rows into batches.
#[derive(Clone, Debug)]
pub struct Projection {
    dataset: Dataset,
    columns: Vec<&'static Column>,
    layout: TextLayout,
    schema: SchemaRef,
}

impl Projection {
    /// All columns of a dataset.
    pub fn all(dataset: Dataset, layout: TextLayout) -> Projection {
        Projection::of(dataset, dataset.columns().iter().collect(), layout)
    }

    /// The named columns, in the order of the names.
    ///
    /// # Errors
    /// The first name that is no column of the dataset.
    pub fn named<N: AsRef<str>>(dataset: Dataset, names: &[N], layout: TextLayout) -> Result<Self, &str> {
        let columns = names.iter().map(|name| {
            let name = name.as_ref();
            dataset.columns().iter().find(|column| column.name == name).ok_or(name)
        });
        Ok(Projection::of(dataset, columns.collect::<Result<_, _>>()?, layout))
    }

    fn of(dataset: Dataset, columns: Vec<&'static Column>, layout: TextLayout) -> Projection {
        let fields: Fields = columns.iter().map(|column| column.arrow_field(layout)).collect();
        Projection { dataset, columns, layout, schema: Arc::new(Schema::new(fields)) }
    }

    /// The dataset the columns belong to.
    pub fn dataset(&self) -> Dataset {
        self.dataset
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[&'static Column] {
        &self.columns
    }

    /// Schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows with these numbers, as a batch.
    pub fn batch(&self, table: &FieldTable, rows: &[u32]) -> RecordBatch {
        let arrays: Vec<ArrayRef> =
            self.columns.iter().map(|column| column.cells.array(table, rows, self.layout)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .expect("every array has the type of its column and a cell a row")
    }
}

/// A parsed field as the cells of a column, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ParsedField {
    /// As text.
    Text(usize),
    /// As a number of 64 bits.
    Integer(usize),
    /// As a number of 32 bits.
    SmallInteger(usize),
}

impl Column {
    /// One in which no single values are sought.
    pub(crate) const fn new(name: &'static str, variety: Variety, cells: Cells, about: &'static str) -> Column {
        Column { name, about, variety, is_sought: false, cells }
    }

    /// The same as one that is sought.
    pub(crate) const fn sought(self) -> Column {
        Column { is_sought: true, ..self }
    }

    /// The Arrow field: every column can be null.
    pub fn arrow_field(&self, layout: TextLayout) -> Field {
        Field::new(self.name, self.cells.data_type(layout), true)
    }
}

impl Cells {
    /// Are the cells text, so that they can be had as [`TextCells`]?
    pub(crate) fn is_text(&self) -> bool {
        self.data_type(TextLayout::Copied) == DataType::Utf8
    }

    /// The parsed field of this log that each cell is, as text or as a number; `None` for all others.
    pub(crate) fn parsed_field(&self, log: LogType) -> Option<ParsedField> {
        match self {
            Cells::Text(name) => Some(ParsedField::Text(build::field_number(log, name))),
            Cells::Integer(name) => Some(ParsedField::Integer(build::field_number(log, name))),
            Cells::SmallInteger(name) => Some(ParsedField::SmallInteger(build::field_number(log, name))),
            Cells::PerLog(s3_access, cloudtrail) => match log {
                LogType::S3Access => s3_access.parsed_field(log),
                LogType::CloudTrail => cloudtrail.parsed_field(log),
            },
            _ => None,
        }
    }

    /// The cells of the rows with these numbers, as an array.
    pub(crate) fn array(&self, table: &FieldTable, rows: &[u32], layout: TextLayout) -> ArrayRef {
        build::array(self, table, rows, layout)
    }

    /// Arrow type of the cells.
    pub fn data_type(&self, layout: TextLayout) -> DataType {
        let text = match layout {
            TextLayout::Views => DataType::Utf8View,
            TextLayout::Copied => DataType::Utf8,
        };
        match self {
            Cells::Text(_)
            | Cells::SourceFile
            | Cells::Word(_)
            | Cells::Composed(_)
            | Cells::PerValue(..)
            | Cells::PerCaller(_)
            | Cells::NoText => text,
            Cells::Integer(_) | Cells::SourceNumber | Cells::Number(_) | Cells::NoInteger => DataType::Int64,
            Cells::SmallInteger(_) | Cells::SmallNumber(_) | Cells::NoSmallInteger => DataType::Int32,
            Cells::Boolean(_) => DataType::Boolean,
            Cells::EventTime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Cells::ParseFlags | Cells::Words(_) => {
                DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)))
            }
            Cells::Struct(members) => {
                DataType::Struct(members.iter().map(|member| member.arrow_field(TextLayout::Copied)).collect())
            }
            Cells::StructList(members, ..) => DataType::List(Arc::new(Field::new(
                "element",
                DataType::Struct(members.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect()),
                true,
            ))),
            Cells::PerLog(s3_access, _) => s3_access.data_type(layout),
        }
    }
}
