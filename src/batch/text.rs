//! The texts of a column where they lie, before they are an array or a page.

use super::Cells;
use super::build::field_number;
use crate::activity::names_object;
use crate::activity::principal::without_session;
use crate::parse::{FieldTable, LogType, Span};
use xxhash_rust::xxh3::xxh3_64;

/// The text cells of some rows: bytes, and where in them each cell lies.
pub(crate) enum TextCells<'a> {
    /// A parsed field: it lies in the block.
    Field {
        /// The rows' table.
        table: &'a FieldTable,
        /// Number of the field.
        field: usize,
    },
    /// Texts made for this column, a place a row.
    Made {
        /// All texts.
        text: Vec<u8>,
        /// One a row.
        places: Vec<Span>,
    },
    /// Few texts made for this column, each for many rows.
    Shared {
        /// All texts.
        text: Vec<u8>,
        /// One a text.
        places: Vec<Span>,
        /// For each row the number of its text.
        numbers: Vec<u32>,
    },
}

impl<'a> TextCells<'a> {
    /// The cells of a column of text.
    ///
    /// # Panics
    /// If the column holds no text: see [`Cells::is_text`].
    pub(crate) fn of(cells: &Cells, table: &'a FieldTable, rows: &[u32]) -> TextCells<'a> {
        match cells {
            Cells::Text(name) => TextCells::Field { table, field: field_number(table.log, name) },
            Cells::SourceFile => source_file(table, rows),
            Cells::Word(word) => words(rows, |row| word(table, row)),
            Cells::Composed(compose) => made(rows, |row, text| compose(table, row, text)),
            Cells::PerValue(name, compose) => {
                let field = field_number(table.log, name);
                // Only an operation can mean another thing where no object is named.
                let by_object = *name == "operation";
                let key = |row| (table.bytes(row, field), by_object && names_object(table, row));
                per_value(table, rows, key, *compose)
            }
            Cells::PerCaller(compose) => {
                let field = field_number(table.log, "requester");
                let key = |row| {
                    let (caller, is_session) = table.bytes(row, field).map(without_session).unzip();
                    (caller, is_session == Some(true))
                };
                per_value(table, rows, key, *compose)
            }
            Cells::PerLog(s3_access, cloudtrail) => match table.log {
                LogType::S3Access => TextCells::of(s3_access, table, rows),
                LogType::CloudTrail => TextCells::of(cloudtrail, table, rows),
            },
            Cells::NoText => {
                TextCells::Shared { text: Vec::new(), places: vec![Span::NULL], numbers: vec![0; rows.len()] }
            }
            _ => panic!("the column holds no text"),
        }
    }
}

impl TextCells<'_> {
    /// The text of the row at this place among the rows, which is valid UTF-8; `None` is null.
    pub(crate) fn bytes(&self, rows: &[u32], index: usize) -> Option<&[u8]> {
        fn piece(text: &[u8], place: Span) -> Option<&[u8]> {
            (!place.is_null()).then(|| &text[place.start as usize..place.end as usize])
        }
        match self {
            TextCells::Field { table, field } => table.bytes(rows[index] as usize, *field),
            TextCells::Made { text, places } => piece(text, places[index]),
            TextCells::Shared { text, places, numbers } => piece(text, places[numbers[index] as usize]),
        }
    }

    /// For each row, whether it has a text.
    pub(crate) fn present(&self, rows: &[u32]) -> Vec<bool> {
        match self {
            TextCells::Field { table, field } => {
                rows.iter().map(|row| !table.span(*row as usize, *field).is_null()).collect()
            }
            TextCells::Made { places, .. } => places.iter().map(|place| !place.is_null()).collect(),
            TextCells::Shared { places, numbers, .. } => {
                numbers.iter().map(|number| !places[*number as usize].is_null()).collect()
            }
        }
    }
}

/// Each of the few words once.
fn words<'a>(rows: &[u32], word: impl Fn(usize) -> Option<&'static str>) -> TextCells<'a> {
    let (mut known, mut text, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let number = |row: &u32| {
        let word = word(*row as usize);
        let at = known.iter().position(|other| *other == word).unwrap_or_else(|| {
            known.push(word);
            let start = text.len();
            text.extend_from_slice(word.unwrap_or_default().as_bytes());
            places.push(if word.is_some() { Span::new(start, text.len()) } else { Span::NULL });
            known.len() - 1
        });
        at as u32
    };
    let numbers = rows.iter().map(number).collect();
    TextCells::Shared { text, places, numbers }
}

/// Bytes of a text to reckon with: memory that grows is copied, and comes again and again.
const USUAL_TEXT: usize = 24;

/// Text that is not in the block gets a buffer of its own.
fn made<'a>(rows: &[u32], compose: impl Fn(usize, &mut Vec<u8>) -> bool) -> TextCells<'a> {
    let mut text = Vec::with_capacity(rows.len() * USUAL_TEXT);
    let place = |row: &u32| {
        let start = text.len();
        if compose(*row as usize, &mut text) { Span::new(start, text.len()) } else { Span::NULL }
    };
    let places = rows.iter().map(place).collect();
    TextCells::Made { text, places }
}

fn source_file<'a>(table: &FieldTable, rows: &[u32]) -> TextCells<'a> {
    let mut text = Vec::new();
    let place = |file: &str| {
        let start = text.len();
        text.extend_from_slice(file.as_bytes());
        Span::new(start, text.len())
    };
    let places = table.segments.iter().map(|segment| &*segment.file).map(place).collect();
    TextCells::Shared { text, places, numbers: rows.iter().map(|row| table.rows[*row as usize].segment).collect() }
}

/// Composes the text of a row; `false` is null.
type Compose = fn(&FieldTable, usize, &mut Vec<u8>) -> bool;

/// Most slots of the memory for composed values; a power of two. A block holds far fewer distinct requesters.
const MOST_SLOTS: usize = 1024;

/// What text depends on alone: a value, and a trait beside it.
type Key<'t> = (Option<&'t [u8]>, bool);

/// Text that depends on a key alone: a small direct-mapped memory keeps what was composed for one.
fn per_value<'t, 'a>(
    table: &FieldTable,
    rows: &[u32],
    key: impl Fn(usize) -> Key<'t>,
    compose: Compose,
) -> TextCells<'a> {
    let mut text = Vec::new();
    let mut places = Vec::new();
    // Few rows need few: emptying the slots would cost more than composing.
    let mut slots: Vec<Option<(Key<'t>, u32)>> = vec![None; (2 * rows.len()).next_power_of_two().min(MOST_SLOTS)];
    let mask = slots.len() - 1;
    let mut numbers = Vec::with_capacity(rows.len());
    for row in rows {
        let row = *row as usize;
        let key = key(row);
        let slot = &mut slots[xxh3_64(key.0.unwrap_or_default()) as usize & mask];
        let number = match *slot {
            Some((known, number)) if known == key => number,
            _ => {
                let number = places.len() as u32;
                let start = text.len();
                let is_text = compose(table, row, &mut text);
                places.push(if is_text { Span::new(start, text.len()) } else { Span::NULL });
                *slot = Some((key, number));
                number
            }
        };
        numbers.push(number);
    }
    TextCells::Shared { text, places, numbers }
}
