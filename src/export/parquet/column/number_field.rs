//! A column of a parsed field that is a number, made one tile after the other.

use crate::parse::FieldTable;
use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{Int32Type, Int64Type};
use std::sync::Arc;

/// The array of a field on its way: that which [`Cells::array`](crate::batch::Cells) makes of it.
pub(super) struct NumberField {
    field: usize,
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
    pub(super) fn small(field: usize, rows: usize) -> NumberField {
        NumberField::new(field, rows, Numbers::Small(Vec::with_capacity(rows)))
    }

    /// Of 64 bits.
    pub(super) fn large(field: usize, rows: usize) -> NumberField {
        NumberField::new(field, rows, Numbers::Large(Vec::with_capacity(rows)))
    }

    fn new(field: usize, rows: usize, numbers: Numbers) -> NumberField {
        NumberField { field, numbers, nulls: NullBufferBuilder::new(rows) }
    }

    /// Takes the cells of these rows.
    pub(super) fn add(&mut self, table: &FieldTable, rows: &[u32]) {
        let field = self.field;
        let cells = rows.iter().map(|row| table.integer(*row as usize, field));
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
