//! Checks 14 and 15: rows in the declared order, statistics that hold them, and each row in the folder of its
//! date.

use super::check::Check;
use super::file::Value;
use super::report::Notebook;
use super::schema::{Annotation, annotation};
use super::time_column::{FolderDate, TimeColumn};
use crate::export::parquet::DEFAULT_PARTITION;
use crate::parse::time::{DAY_MS, format_date, format_iso};
use crate::report::count::{counted, of_number};
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use std::cmp::Ordering;

/// 14.
pub const SORTED: Check = Check {
    number: 14,
    name: "sorted",
    asserts: "Row groups declare by what they are sorted (sorting_columns), their rows are in that order, and the \
              time column has a minimum and a maximum that hold.",
    why: "Athena skips row groups by minimum and maximum: without them, or with rows in no order, it reads all; \
          with wrong ones it leaves out rows that match.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html",
    next: "Sort by the event time before writing, and have the writer declare it (sorting_columns) and write \
           statistics.",
};

/// 15.
pub const DATE_FOLDER: Check = Check {
    number: 15,
    name: "date-folder",
    asserts: "The UTC date of each row's event time is that of its partition folder; rows without a time lie in \
              __HIVE_DEFAULT_PARTITION__.",
    why: "A query that names a date reads only the folders of that date: rows in another folder are left out \
          without a word.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/partitions.html",
    next: "Write the rows again, partitioned by the UTC date of the event, not of its delivery.",
};

/// Times outside have no date of four digits, so that no folder can have their date.
const DATED: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

/// What a file's rows have shown; one finding for each kind of it.
pub(super) struct FileOrder<'a> {
    time: Option<&'a TimeColumn>,
    date: FolderDate,
    groups: usize,
    undeclared: Places,
    unsorted: Places,
    unsorted_column: String,
    without_bounds: Places,
    wrong_bounds: Places,
    wrong_date: Places,
    example: String,
    without_time: Places,
    timed: Places,
    rows_without_time: u64,
}

/// How many there are of something, and the first row group and row.
#[derive(Default)]
struct Places {
    count: u64,
    first: Option<(usize, u64)>,
}

impl Places {
    fn add(&mut self, row_group: usize, row: u64) {
        self.count += 1;
        self.first.get_or_insert((row_group, row));
    }
}

/// The rows of one chunk, while they are decoded.
pub(super) struct ChunkOrder {
    is_time: bool,
    sorting: Option<Sorting>,
    row: u64,
    bounds: Option<(i64, i64)>,
}

struct Sorting {
    descending: bool,
    nulls_first: bool,
    /// The row before.
    before: Option<Option<Value>>,
    is_broken: bool,
}

impl<'a> FileOrder<'a> {
    pub(super) fn new(time: Option<&'a TimeColumn>, date: FolderDate) -> FileOrder<'a> {
        FileOrder {
            time,
            date,
            groups: 0,
            undeclared: Places::default(),
            unsorted: Places::default(),
            unsorted_column: String::new(),
            without_bounds: Places::default(),
            wrong_bounds: Places::default(),
            wrong_date: Places::default(),
            example: String::new(),
            without_time: Places::default(),
            timed: Places::default(),
            rows_without_time: 0,
        }
    }

    /// A row group begins: what does it declare?
    pub(super) fn begin(&mut self, number: usize, group: &RowGroupMetaData) {
        self.groups += 1;
        if group.num_rows() > 0 && group.sorting_columns().is_none_or(Vec::is_empty) {
            self.undeclared.add(number, 0);
        }
    }

    /// What to watch of a chunk.
    pub(super) fn chunk(&self, group: &RowGroupMetaData, leaf: usize) -> ChunkOrder {
        let first = group.sorting_columns().and_then(|sorting| sorting.first());
        let sorting = first.filter(|first| {
            usize::try_from(first.column_idx) == Ok(leaf) && is_comparable(group.column(leaf).column_descr())
        });
        ChunkOrder {
            is_time: self.time.is_some_and(|time| time.leaf == leaf),
            sorting: sorting.map(|sorting| Sorting {
                descending: sorting.descending,
                nulls_first: sorting.nulls_first,
                before: None,
                is_broken: false,
            }),
            row: 0,
            bounds: None,
        }
    }

    /// The next row's value or null.
    pub(super) fn value(&mut self, chunk: &mut ChunkOrder, row_group: usize, column: &str, value: Option<Value>) {
        let row = chunk.row;
        chunk.row += 1;
        if chunk.is_time {
            let number = if let Some(Value::Number(number)) = value { Some(number) } else { None };
            if let Some(number) = number {
                let (least, most) = chunk.bounds.unwrap_or((number, number));
                chunk.bounds = Some((least.min(number), most.max(number)));
            }
            self.hold_against_folder(number, row_group, row);
        }
        if let Some(sorting) = &mut chunk.sorting
            && !sorting.is_broken
        {
            if sorting.before.as_ref().is_some_and(|before| sorting.is_wrong(before.as_ref(), value.as_ref())) {
                sorting.is_broken = true;
                column.clone_into(&mut self.unsorted_column);
                self.unsorted.add(row_group, row);
            }
            sorting.before = Some(value);
        }
    }

    fn hold_against_folder(&mut self, time: Option<i64>, row_group: usize, row: u64) {
        let Some(column) = self.time else { return };
        let time = time.map(|time| column.milliseconds(time)).filter(|time| DATED.contains(time));
        match (&self.date, time) {
            (FolderDate::Default, None) => self.rows_without_time += 1,
            (FolderDate::Default, Some(_)) => self.timed.add(row_group, row),
            (FolderDate::Day(..), None) => self.without_time.add(row_group, row),
            (FolderDate::Day(day, _), Some(time)) if time.div_euclid(DAY_MS) != *day => {
                if self.wrong_date.count == 0 {
                    self.example = format_iso(time);
                }
                self.wrong_date.add(row_group, row);
            }
            _ => {}
        }
    }

    /// All rows of the chunk were decoded: do its statistics hold them?
    pub(super) fn end(&mut self, chunk: &ChunkOrder, row_group: usize, statistics: Option<&Statistics>) {
        let Some((least, most)) = chunk.bounds else { return };
        let claimed = match statistics {
            Some(Statistics::Int64(claimed)) => claimed.min_opt().zip(claimed.max_opt()),
            _ => None,
        };
        match claimed {
            None => self.without_bounds.add(row_group, 0),
            Some((claimed_least, claimed_most)) if *claimed_least > least || *claimed_most < most => {
                self.wrong_bounds.add(row_group, 0);
            }
            Some(_) => {}
        }
    }

    /// Writes down what was found. `has_all`: every row was seen.
    pub(super) fn finish(self, path: &str, notebook: &mut Notebook, has_all: bool) {
        self.report_order(path, notebook);
        self.report_dates(path, notebook, has_all);
    }

    fn report_order(&self, path: &str, notebook: &mut Notebook) {
        let is_declared = self.undeclared.count < self.groups as u64;
        let Some(time) = self.time.map(|time| &time.name) else {
            // Nobody expects an order of a table without a time; one that is declared must hold.
            if is_declared {
                notebook.evaluated(&SORTED);
                self.report_unsorted(path, notebook);
            } else {
                notebook.not_evaluated(&SORTED, "no time column, and no order declared");
            }
            return;
        };
        notebook.evaluated(&SORTED);
        self.report_unsorted(path, notebook);
        let of_groups = |places: &Places| format!("{} of {} row groups", places.count, self.groups);
        if let Some((row_group, _)) = self.undeclared.first {
            let found = format!("no order (sorting_columns) is declared in {}", of_groups(&self.undeclared));
            notebook.report(SORTED.warning(path, found).in_row_group(row_group));
        }
        if let Some((row_group, _)) = self.without_bounds.first {
            let found = format!("no minimum and maximum in {}", of_groups(&self.without_bounds));
            notebook.report(SORTED.warning(path, found).in_column(time).in_row_group(row_group));
        }
        if let Some((row_group, _)) = self.wrong_bounds.first {
            let found = format!("minimum or maximum do not hold the rows in {}", of_groups(&self.wrong_bounds));
            notebook.report(SORTED.error(path, found).in_column(time).in_row_group(row_group));
        }
    }

    fn report_unsorted(&self, path: &str, notebook: &mut Notebook) {
        if let Some((row_group, row)) = self.unsorted.first {
            let found =
                format!("rows out of the declared order in {} of {} row groups", self.unsorted.count, self.groups);
            let finding = SORTED.error(path, found).in_column(&self.unsorted_column);
            notebook.report(finding.in_row_group(row_group).at_row(row));
        }
    }

    fn report_dates(&self, path: &str, notebook: &mut Notebook, has_all: bool) {
        let Some(time) = self.time.map(|time| &time.name) else { return };
        let mut report = |places: &Places, is_certain: bool, found: String| {
            let Some((row_group, row)) = places.first else { return };
            let finding =
                if is_certain { DATE_FOLDER.error(path, found) } else { DATE_FOLDER.warning(path, found) };
            notebook.report(finding.in_column(time).in_row_group(row_group).at_row(row));
        };
        let rows = |places: &Places| counted(places.count, "row");
        let is_event_date = matches!(self.date, FolderDate::Day(_, true));
        if let FolderDate::Day(day, _) = self.date {
            let found = format!(
                "{} of other dates in the folder of {}, the first {}",
                rows(&self.wrong_date),
                format_date(day * DAY_MS),
                self.example
            );
            report(&self.wrong_date, is_event_date, found);
        }
        let found = format!("{} without a time in the folder of a date", rows(&self.without_time));
        report(&self.without_time, is_event_date, found);
        report(&self.timed, true, format!("{} with a date in {DEFAULT_PARTITION}", rows(&self.timed)));
        if self.rows_without_time > 0 {
            let (count, number) = (counted(self.rows_without_time, "row"), self.rows_without_time);
            let lie = of_number(number, "lies", "lie");
            notebook.note(format!("{path}: {count} without a date {lie} in {DEFAULT_PARTITION}"));
        }
        match &self.date {
            FolderDate::None => notebook.not_evaluated(&DATE_FOLDER, "no partition key of a date"),
            FolderDate::Invalid(name) => {
                notebook.evaluated(&DATE_FOLDER);
                notebook.report(DATE_FOLDER.error(path, format!("the folder {name:?} names no date")));
            }
            _ if !has_all => notebook.not_evaluated(&DATE_FOLDER, "not all rows could be decoded"),
            _ => notebook.evaluated(&DATE_FOLDER),
        }
    }
}

impl ChunkOrder {
    /// For a chunk whose values nobody asks for.
    pub(super) fn nothing() -> ChunkOrder {
        ChunkOrder { is_time: false, sorting: None, row: 0, bounds: None }
    }

    /// Does it need the values?
    pub(super) fn wants_values(&self) -> bool {
        self.is_time || self.sorting.is_some()
    }
}

impl Sorting {
    fn is_wrong(&self, before: Option<&Value>, now: Option<&Value>) -> bool {
        match (before, now) {
            (None, None) => false,
            (None, Some(_)) => !self.nulls_first,
            (Some(_), None) => self.nulls_first,
            (Some(before), Some(now)) => {
                let order = before.order(now).unwrap_or(Ordering::Equal);
                order == if self.descending { Ordering::Less } else { Ordering::Greater }
            }
        }
    }
}

/// Are the values in the order of their bytes or of signed numbers?
fn is_comparable(column: &ColumnDescriptor) -> bool {
    match (column.physical_type(), annotation(column.self_type())) {
        (_, Annotation::Unreadable(_)) => false,
        (PhysicalType::BYTE_ARRAY, annotation) => !matches!(annotation, Annotation::Decimal(_)),
        (PhysicalType::BOOLEAN | PhysicalType::INT32 | PhysicalType::INT64, _) => true,
        _ => false,
    }
}
