//! The texts of a column where they lie, before they are an array or a page.

use super::Cells;
use super::build::field_number;
use crate::parse::{FieldTable, LogType, Span};

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
            Cells::PerValue(name, compose) => per_value(table, rows, field_number(table.log, name), *compose),
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

/// Text that is not in the block gets a buffer of its own.
fn made<'a>(rows: &[u32], compose: impl Fn(usize, &mut Vec<u8>) -> bool) -> TextCells<'a> {
    let mut text = Vec::new();
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

/// Text that depends on one field alone: a small direct-mapped memory keeps what was composed for a value.
fn per_value<'a>(table: &FieldTable, rows: &[u32], field: usize, compose: Compose) -> TextCells<'a> {
    let mut text = Vec::new();
    let mut places = Vec::new();
    // Few rows need few: emptying the slots would cost more than composing.
    let mut slots = vec![None; (2 * rows.len()).next_power_of_two().min(MOST_SLOTS)];
    let mask = slots.len() - 1;
    let mut numbers = Vec::with_capacity(rows.len());
    for row in rows {
        let row = *row as usize;
        let value = table.bytes(row, field);
        let on_object = crate::activity::names_object(table, row);
        let slot: &mut Option<(Option<&[u8]>, bool, u32)> = &mut slots[slot_of(value.unwrap_or_default()) & mask];
        let number = match *slot {
            Some((known, object, number)) if object == on_object && known == value => number,
            _ => {
                let number = places.len() as u32;
                let start = text.len();
                let is_text = compose(table, row, &mut text);
                places.push(if is_text { Span::new(start, text.len()) } else { Span::NULL });
                *slot = Some((value, on_object, number));
                number
            }
        };
        numbers.push(number);
    }
    TextCells::Shared { text, places, numbers }
}

/// A cheap hash of a value: its length, and its first and last eight bytes; callers differ at the end, hosts at the
/// beginning.
fn slot_of(value: &[u8]) -> usize {
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let ends = value.len().min(8);
    let (first, last) = (word(&value[..ends]), word(&value[value.len() - ends..]));
    let mixed = (first ^ value.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ last;
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize % MOST_SLOTS
}
