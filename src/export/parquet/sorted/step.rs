//! The rows of a step as field tables.

use super::block::BlockReader;
use super::left::TableOfLines;
use super::row_bytes::{Kind, TableOfRows, left_line};
use super::steps::{Place, Step, Steps};
use crate::error::Error;
use crate::parse::FieldTable;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Rows of one kind, in their order.
pub(in super::super) struct SortedTable {
    pub(in super::super) table: FieldTable,
    /// For each row its place among all rows of the run, ascending.
    pub(in super::super) ranks: Vec<i64>,
}

/// A table in the making.
enum Making {
    /// Of rows as they were put on the disk.
    Rows(TableOfRows),
    /// Of lines that are left in their files.
    Lines(TableOfLines),
}

impl Making {
    fn new(kind: Kind, size: Size) -> Making {
        if kind.is_left {
            return Making::Lines(TableOfLines::default());
        }
        Making::Rows(TableOfRows::with_capacity(kind, size.rows, size.bytes))
    }

    /// Adds a row; `None` if these are not the bytes of one.
    fn push(&mut self, key: i64, file: &Arc<str>, bytes: &[u8]) -> Option<()> {
        match self {
            Making::Rows(table) => table.push(key, file, bytes),
            Making::Lines(table) => left_line(bytes).map(|line| table.push(file, line)),
        }
    }

    fn finish(self) -> io::Result<FieldTable> {
        match self {
            Making::Rows(table) => Ok(table.finish()),
            Making::Lines(table) => table.finish(),
        }
    }
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
    /// What the system refuses, bytes that have changed, and a file with lines left in it that is not what it was.
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
        let empty = |(kind, size): (Kind, Size)| (kind, (Making::new(kind, size), Vec::with_capacity(size.rows)));
        let mut tables: BTreeMap<Kind, (Making, Vec<i64>)> = sizes.into_iter().map(empty).collect();
        for (rank, (key, number, row)) in (0i64..).zip(order) {
            let block = &blocks[number as usize];
            let (bytes, place) = (block.row(row as usize), block.places[row as usize]);
            let pushed = Kind::of(bytes).and_then(|kind| tables.get_mut(&kind)).and_then(|(table, ranks)| {
                ranks.push((step.number as i64) << 32 | rank);
                table.push(key, block.files.get(place.file as usize)?, bytes)
            });
            pushed.ok_or_else(|| self.spill.damaged())?;
        }
        let failed = |error| self.spill.failed(error);
        let sorted =
            |(table, ranks): (Making, Vec<i64>)| Ok(SortedTable { table: table.finish().map_err(failed)?, ranks });
        tables.into_values().map(sorted).collect()
    }
}
