//! A column of a parsed field that is a number, made one tile after the other.

use crate::parse::{FieldTable, Span};
use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Int32Type, Int64Type};
use std::sync::Arc;

/// The array of a field on its way: that which [`Cells::array`](crate::batch::Cells) makes of it.
pub(super) struct NumberField {
    numbers: Numbers,
    nulls: NullBufferBuilder,
}

/// A number a row, zero for a null.
enum Numbers {
    Small(Vec<i32>),
    Large(Vec<i64>),
}

impl NumberField {
    /// Of 32 bits, without cells; so many rows are to come.
    pub(super) fn small(rows: usize) -> NumberField {
        NumberField::new(rows, Numbers::Small(Vec::with_capacity(rows)))
    }

    /// Of 64 bits.
    pub(super) fn large(rows: usize) -> NumberField {
        NumberField::new(rows, Numbers::Large(Vec::with_capacity(rows)))
    }

    fn new(rows: usize, numbers: Numbers) -> NumberField {
        NumberField { numbers, nulls: NullBufferBuilder::new(rows) }
    }

    /// Takes the cells at these places.
    pub(super) fn add(&mut self, table: &FieldTable, places: &[Span]) {
        let cells = places.iter().map(|place| table.integer_at(*place));
        match &mut self.numbers {
            Numbers::Large(numbers) => add(cells, numbers, &mut self.nulls),
            Numbers::Small(numbers) => {
                let small = |number| i32::try_from(number).ok();
                add(cells.map(|cell| cell.and_then(small)), numbers, &mut self.nulls);
            }
        }
    }

    /// The array of the cells taken.
    pub(super) fn finish(mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        match self.numbers {
            Numbers::Small(numbers) => {
                Arc::new(PrimitiveArray::<Int32Type>::new(ScalarBuffer::from(numbers), nulls))
            }
            Numbers::Large(numbers) => {
                Arc::new(PrimitiveArray::<Int64Type>::new(ScalarBuffer::from(numbers), nulls))
            }
        }
    }
}

fn add<T: Default>(cells: impl Iterator<Item = Option<T>>, numbers: &mut Vec<T>, nulls: &mut NullBufferBuilder) {
    for cell in cells {
        nulls.append(cell.is_some());
        numbers.push(cell.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Piece, PieceForm, Scratch, pieces};
    use crate::batch::{Dataset, ParsedField, Projection, TextLayout};
    use crate::decode::{Block, Segment};
    use crate::export::settings::{Compression, PageEncoding};
    use crate::parse::{LogType, s3_access};
    use std::sync::Arc;

    #[test]
    fn columns_of_numbers_are_the_arrays_that_everybody_else_gets() {
        let numbers = ["-", "0", "7", "12345678", "123456789", "4294967296", "9223372036854775807"];
        let line = |row: usize| {
            let [one, other] = [row % numbers.len(), row / numbers.len() % numbers.len()].map(|at| numbers[at]);
            format!(
                "79a5 b [05/Mar/2026:00:00:00 +0000] 192.0.2.1 - ID REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - {one} \
                 {other} {one} {other} \"-\" \"curl\" -\n"
            )
        };
        let bytes = (0..300).map(line).collect::<String>().into_bytes();
        let segments = vec![Segment { file: Arc::from("f"), start: 0, first_number: 1, first_offset: 0 }];
        let block = Block { log: LogType::S3Access, bytes, segments, records: Vec::new(), framed: 0 };
        let table = s3_access::parse_block(block, &mut Vec::new()).0;
        // Not all of them, and more than are taken at a time.
        let rows: Vec<u32> = (0..table.len() as u32).filter(|row| row % 5 != 0).collect();
        let form = PieceForm { encoding: PageEncoding::Compatible, filters: false, pages: false };
        let mut scratch = Scratch::new(Compression::Snappy).unwrap();
        for dataset in [Dataset::S3Access, Dataset::Activity] {
            let projection = Projection::all(dataset, TextLayout::Copied);
            let is_number = |field| matches!(field, ParsedField::Integer(_) | ParsedField::SmallInteger(_));
            let columns = projection.columns().iter().copied();
            let columns: Vec<_> =
                columns.filter(|column| column.cells.parsed_field(table.log).is_some_and(is_number)).collect();
            assert!(!columns.is_empty(), "{dataset:?}");
            let made = pieces(&columns, &table, &rows, form, &mut scratch).unwrap();
            for (column, piece) in columns.iter().zip(made) {
                let expected = column.cells.array(&table, &rows, TextLayout::Copied);
                assert!(
                    matches!(&piece, Piece::Numbers(array) if array.as_ref() == expected.as_ref()),
                    "{}",
                    column.name
                );
                assert!(expected.len() == 240 && expected.null_count() < 240, "{}", column.name);
            }
        }
    }
}
