//! The rows of a step as field tables.

use super::block::BlockReader;
use super::row_bytes::{Kind, TableOfRows};
use super::steps::{Place, Step, Steps};
use crate::error::Error;
use crate::parse::FieldTable;
use std::collections::BTreeMap;

/// Rows of one kind, in their order.
pub(in super::super) struct SortedTable {
    pub(in super::super) table: FieldTable,
    /// For each row its place among all rows of the run, ascending.
    pub(in super::super) ranks: Vec<i64>,
}

/// Rows and bytes of a kind.
#[derive(Clone, Copy, Default)]
struct Size {
    rows: usize,
    bytes: usize,
}

impl Steps {
    /// The rows of a step: a table for each kind of rows in it, mostly one.
    ///
    /// # Errors
    /// What the system refuses, and bytes that have changed.
    pub(in super::super) fn read(&self, step: &Step) -> Result<Vec<SortedTable>, Error> {
        let (mut blocks, mut order) = (Vec::with_capacity(step.blocks.len()), Vec::new());
        let mut reader = BlockReader::new().map_err(|error| self.spill.failed(error))?;
        let mut sizes: BTreeMap<Kind, Size> = BTreeMap::new();
        for (number, of_step) in (0u32..).zip(&step.blocks) {
            let run = of_step.block.place.run;
            let block = of_step.block.get(&self.spill, &mut reader)?;
            let up_to = |bound: Option<Place>, otherwise: usize| {
                bound.map_or(otherwise, |bound| block.places.partition_point(|place| (place.key, run) <= bound))
            };
            for row in up_to(of_step.from, 0)..up_to(step.until, block.places.len()) {
                let bytes = block.row(row);
                let kind = Kind::of(bytes).ok_or_else(|| self.spill.damaged())?;
                let size = sizes.entry(kind).or_default();
                *size = Size { rows: size.rows + 1, bytes: size.bytes + bytes.len() };
                order.push((block.places[row].key, number, row as u32));
            }
            blocks.push(block);
        }
        // The blocks stand in the order of the input, and the sort is stable.
        order.sort_by_key(|(key, _, _)| *key);
        let empty = |(kind, size): (Kind, Size)| {
            let table = TableOfRows::with_capacity(kind, size.rows, size.bytes);
            (kind, (table, Vec::with_capacity(size.rows)))
        };
        let mut tables: BTreeMap<Kind, (TableOfRows, Vec<i64>)> = sizes.into_iter().map(empty).collect();
        for (rank, (key, number, row)) in (0i64..).zip(order) {
            let block = &blocks[number as usize];
            let (bytes, place) = (block.row(row as usize), block.places[row as usize]);
            let pushed = Kind::of(bytes).and_then(|kind| tables.get_mut(&kind)).and_then(|(table, ranks)| {
                ranks.push((step.number as i64) << 32 | rank);
                table.push(key, block.files.get(place.file as usize)?, bytes)
            });
            pushed.ok_or_else(|| self.spill.damaged())?;
        }
        Ok(tables.into_values().map(|(table, ranks)| SortedTable { table: table.finish(), ranks }).collect())
    }
}
