//! Definition levels: which rows hold a value, and how much of the path to it is there.

use super::hybrid;

/// The levels of some rows of a leaf column without repetition. The greatest level stands for a value.
#[derive(Debug)]
pub(super) struct Levels {
    greatest: u8,
    rows: usize,
    /// One a row; `None`: every row holds a value.
    each: Option<Vec<u8>>,
}

impl Levels {
    pub(super) fn new(greatest: u8, each: Vec<u8>) -> Levels {
        let rows = each.len();
        let nulls = each.iter().filter(|level| **level != greatest).count();
        Levels { greatest, rows, each: (nulls > 0).then_some(each) }
    }

    /// Levels of rows that all hold values.
    pub(super) fn values(greatest: u8, rows: usize) -> Levels {
        Levels { greatest, rows, each: None }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The level of a row with a value.
    pub(super) fn greatest(&self) -> u8 {
        self.greatest
    }

    /// Does every row hold a value?
    pub(super) fn all_values(&self) -> bool {
        self.each.is_none()
    }

    /// The level that all rows have, if there is one.
    pub(super) fn only(&self) -> Option<u8> {
        match self.each.as_deref() {
            None => Some(self.greatest),
            Some([first, rest @ ..]) => rest.iter().all(|level| level == first).then_some(*first),
            Some([]) => None,
        }
    }

    /// The level of each row.
    pub(super) fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0..self.rows).map(|row| self.each.as_ref().map_or(self.greatest, |each| each[row]))
    }

    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.each.as_ref().map_or(0, Vec::len)
    }
}

/// Levels to which those of further rows are added.
pub(super) struct GrowingLevels {
    greatest: u8,
    rows: usize,
    /// One a row; those of rows at the end that all hold values may be left out.
    each: Vec<u8>,
}

impl GrowingLevels {
    /// Of no rows yet.
    pub(super) fn new(greatest: u8) -> GrowingLevels {
        GrowingLevels { greatest, rows: 0, each: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds rows of which so many hold values.
    pub(super) fn add(&mut self, levels: &[u8], values: usize) {
        if values < levels.len() {
            self.each.resize(self.rows, self.greatest);
            self.each.extend_from_slice(levels);
        }
        self.rows += levels.len();
    }

    /// The levels of all rows.
    pub(super) fn finish(mut self) -> Levels {
        if self.each.is_empty() {
            return Levels::values(self.greatest, self.rows);
        }
        self.each.resize(self.rows, self.greatest);
        Levels { greatest: self.greatest, rows: self.rows, each: Some(self.each) }
    }
}

/// The levels of a page, gathered from pieces.
#[derive(Debug)]
pub(super) struct PageLevels {
    greatest: u8,
    rows: usize,
    /// One a row; those of rows at the end that all hold values may be left out.
    each: Vec<u8>,
}

impl PageLevels {
    pub(super) fn new(greatest: u8) -> PageLevels {
        PageLevels { greatest, rows: 0, each: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn append(&mut self, levels: &Levels) {
        if let Some(each) = &levels.each {
            self.each.resize(self.rows, self.greatest);
            self.each.extend_from_slice(each);
        }
        self.rows += levels.rows;
    }

    /// How many rows have each level.
    pub(super) fn histogram(&self) -> Vec<i64> {
        let count = |level: u8| self.each.iter().filter(|one| **one == level).count() as i64;
        let mut histogram: Vec<i64> = (0..=self.greatest).map(count).collect();
        histogram[usize::from(self.greatest)] += (self.rows - self.each.len()) as i64;
        histogram
    }

    /// Appends them in the form of a data page of version 1: a length and runs.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        let width = hybrid::width(u32::from(self.greatest));
        if self.each.is_empty() {
            hybrid::repeat(self.greatest, self.rows, width, out);
        } else {
            self.each.resize(self.rows, self.greatest);
            hybrid::encode(&self.each, width, out);
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// Begins the next page.
    pub(super) fn clear(&mut self) {
        self.rows = 0;
        self.each.clear();
    }
}
