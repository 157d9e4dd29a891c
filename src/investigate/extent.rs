//! How much of an object was read: exact where the logs show which bytes were, else between two bounds.

use std::collections::BTreeMap;

/// Ranges of one object that are kept apart; more are counted as if their place were not known.
const MOST_RANGES: usize = 4096;

/// Parts of a multipart object (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const MOST_PARTS: usize = 10_000;

/// Contents of one object that are told apart by their size.
const MOST_SIZES: usize = 8;

/// Which bytes a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// All.
    All,
    /// So many, from this one on.
    From(u64, u64),
    /// So many of a part.
    Part(u32, u64),
    /// So many, the log does not say which.
    Some(u64),
    /// An unknown number.
    Unknown,
}

/// How much was read in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// Not all of it, that is certain.
    Part,
    /// Some of it; the logs do not say whether all.
    PartOrFull,
    /// All of it.
    Full,
}

/// What was read of one object, which may have had several contents one after the other.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    /// By size, where a log says it.
    contents: BTreeMap<Option<u64>, Content>,
    /// There were more sizes than are told apart.
    left_out: bool,
}

#[derive(Clone, Debug, Default)]
struct Content {
    is_whole: bool,
    /// First byte and the one behind the last, apart from each other.
    ranges: BTreeMap<u64, u64>,
    parts: BTreeMap<u32, u64>,
    /// Bytes whose place is not known: the most of a request, and all together.
    most_unplaced: u64,
    unplaced: u64,
    is_unbounded: bool,
}

impl Extent {
    /// Adds what a request got of an object of this size.
    pub fn add(&mut self, size: Option<u64>, got: Got) {
        if self.contents.len() >= MOST_SIZES && !self.contents.contains_key(&size) {
            self.left_out = true;
            return;
        }
        self.contents.entry(size).or_default().add(size, got);
    }

    /// Nothing was read.
    pub fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// How many sizes the object had, as far as they were logged.
    pub fn sizes(&self) -> usize {
        self.contents.keys().flatten().count()
    }

    /// Were there more sizes than are told apart?
    pub fn left_out(&self) -> bool {
        self.left_out
    }

    /// Were there requests of which the logs do not say which bytes they got?
    pub fn has_unplaced(&self) -> bool {
        self.contents.values().any(|content| !content.is_whole && (content.unplaced > 0 || content.is_unbounded))
    }

    /// What is known, once all was added: of requests without a size the one size that others show is taken, if it can be.
    pub fn close(&mut self) {
        let sizes: Vec<u64> = self.contents.keys().flatten().copied().collect();
        let ([size], Some(unsized_content)) = (sizes.as_slice(), self.contents.get(&None)) else { return };
        if unsized_content.least() > *size {
            return;
        }
        let Some(other) = self.contents.remove(&None) else { return };
        self.contents.entry(Some(*size)).or_default().merge(Some(*size), other);
    }

    /// How much was read, the best of all contents.
    pub fn share(&self) -> Option<Share> {
        self.contents.iter().map(|(size, content)| content.share(*size)).max()
    }

    /// Different bytes that were read at least.
    pub fn least(&self) -> u64 {
        self.contents.iter().map(|(size, content)| content.least_of(*size)).fold(0, u64::saturating_add)
    }

    /// Different bytes that were read at most; `None` if nothing bounds them.
    pub fn most(&self) -> Option<u64> {
        self.contents.iter().try_fold(0_u64, |sum, (size, content)| Some(sum.saturating_add(content.most(*size)?)))
    }

    /// Per cent of the object that was read: at least, rounded down, and at most, rounded up. 100 is all of it.
    pub fn percent(&self) -> Option<(u64, u64)> {
        let of = |(size, content): (&Option<u64>, &Content)| {
            if content.is_whole {
                return Some((100, 100));
            }
            let size = (*size)?;
            let most = content.most(Some(size))?;
            let hundredfold = |bytes: u64| u128::from(bytes) * 100;
            let least = hundredfold(content.least_of(Some(size))) / u128::from(size.max(1));
            let most = if most < size { hundredfold(most).div_ceil(size.into()).min(99) } else { 100 };
            Some((least as u64, most as u64))
        };
        // The content of which most was read.
        self.contents.iter().filter_map(of).max()
    }
}

impl Content {
    fn add(&mut self, size: Option<u64>, got: Got) {
        match got {
            Got::All => self.is_whole = true,
            Got::From(start, length) if self.ranges.len() < MOST_RANGES => {
                self.add_range(start, start.saturating_add(length));
            }
            Got::Part(number, bytes) if self.parts.len() < MOST_PARTS => {
                let part = self.parts.entry(number).or_default();
                *part = bytes.max(*part);
            }
            Got::From(_, bytes) | Got::Part(_, bytes) | Got::Some(bytes) => {
                self.most_unplaced = self.most_unplaced.max(bytes);
                self.unplaced = self.unplaced.saturating_add(bytes);
            }
            Got::Unknown => self.is_unbounded = true,
        }
        self.is_whole |= size.is_some_and(|size| self.least() >= size);
    }

    fn add_range(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((from, to)) = self.ranges.range(..=end).next_back().map(|(from, to)| (*from, *to)) {
            if to < start {
                break;
            }
            self.ranges.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.ranges.insert(start, end);
    }

    fn merge(&mut self, size: Option<u64>, other: Content) {
        self.is_whole |= other.is_whole;
        other.ranges.into_iter().for_each(|(start, end)| self.add_range(start, end));
        for (number, bytes) in other.parts {
            let part = self.parts.entry(number).or_default();
            *part = bytes.max(*part);
        }
        self.most_unplaced = self.most_unplaced.max(other.most_unplaced);
        self.unplaced = self.unplaced.saturating_add(other.unplaced);
        self.is_unbounded |= other.is_unbounded;
        self.is_whole |= size.is_some_and(|size| self.least() >= size);
    }

    fn in_ranges(&self) -> u64 {
        self.ranges.iter().map(|(start, end)| end - start).fold(0, u64::saturating_add)
    }

    fn in_parts(&self) -> u64 {
        self.parts.values().copied().fold(0, u64::saturating_add)
    }

    fn least(&self) -> u64 {
        self.in_ranges().max(self.in_parts()).max(self.most_unplaced)
    }

    fn least_of(&self, size: Option<u64>) -> u64 {
        let least = if self.is_whole { size.unwrap_or_default().max(self.least()) } else { self.least() };
        size.map_or(least, |size| least.min(size))
    }

    fn most(&self, size: Option<u64>) -> Option<u64> {
        let sum = self.in_ranges().saturating_add(self.in_parts()).saturating_add(self.unplaced);
        match size {
            Some(size) if self.is_whole || self.is_unbounded => Some(size),
            Some(size) => Some(sum.min(size)),
            None if self.is_whole || self.is_unbounded => None,
            None => Some(sum),
        }
    }

    fn share(&self, size: Option<u64>) -> Share {
        match size {
            _ if self.is_whole => Share::Full,
            Some(size) if self.most(Some(size)).is_some_and(|most| most < size) => Share::Part,
            _ => Share::PartOrFull,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn extent(size: Option<u64>, got: &[Got]) -> Extent {
        let mut extent = Extent::default();
        got.iter().for_each(|got| extent.add(size, *got));
        extent.close();
        extent
    }

    #[test]
    fn shares_are_exact_or_say_their_bounds() {
        use Share::{Full, Part, PartOrFull};
        let hundred = Some(100);
        for (size, got, share, least, most, percent) in [
            (hundred, &[Got::All][..], Full, 100, Some(100), Some((100, 100))),
            (hundred, &[Got::From(0, 60), Got::From(40, 60)], Full, 100, Some(100), Some((100, 100))),
            (hundred, &[Got::From(0, 10), Got::From(5, 10)], Part, 15, Some(15), Some((15, 15))),
            (hundred, &[Got::Some(10), Got::Some(20)], Part, 20, Some(30), Some((20, 30))),
            (hundred, &[Got::Some(60), Got::Some(60)], PartOrFull, 60, Some(100), Some((60, 100))),
            (hundred, &[Got::Some(100)], Full, 100, Some(100), Some((100, 100))),
            (hundred, &[Got::Part(1, 50), Got::Part(1, 50)], Part, 50, Some(50), Some((50, 50))),
            (hundred, &[Got::Part(1, 50), Got::Part(2, 50)], Full, 100, Some(100), Some((100, 100))),
            (hundred, &[Got::Unknown], PartOrFull, 0, Some(100), Some((0, 100))),
            (None, &[Got::Some(7)], PartOrFull, 7, Some(7), None),
            (None, &[Got::All], Full, 0, None, Some((100, 100))),
            (Some(0), &[Got::Some(0)], Full, 0, Some(0), Some((100, 100))),
            (hundred, &[Got::Some(0)], Part, 0, Some(0), Some((0, 0))),
        ] {
            let extent = extent(size, got);
            assert_eq!(extent.share(), Some(share), "{got:?}");
            assert_eq!((extent.least(), extent.most(), extent.percent()), (least, most, percent), "{got:?}");
        }
    }

    #[test]
    fn the_size_of_other_requests_is_taken_if_it_fits() {
        let mut extent = Extent::default();
        extent.add(Some(100), Got::Some(10));
        extent.add(None, Got::Some(100));
        extent.close();
        assert_eq!((extent.share(), extent.sizes()), (Some(Share::Full), 1));
        let mut other = Extent::default();
        other.add(Some(100), Got::Some(10));
        other.add(None, Got::Some(200));
        other.close();
        assert_eq!(other.share(), Some(Share::PartOrFull), "it was another content");
    }

    proptest! {
        #[test]
        fn a_union_of_ranges_counts_each_byte_once(ranges in prop::collection::vec((0_u64..200, 0_u64..60), 0..30)) {
            let mut seen = [false; 300];
            let mut content = Content::default();
            for (start, length) in &ranges {
                content.add_range(*start, start + length);
                (*start..start + length).for_each(|byte| seen[byte as usize] = true);
            }
            prop_assert_eq!(content.in_ranges(), seen.iter().filter(|seen| **seen).count() as u64);
        }

        #[test]
        fn the_truth_lies_between_the_bounds(
            size in 1_u64..300,
            reads in prop::collection::vec((0_u64..300, 1_u64..100, prop::bool::ANY), 1..12),
        ) {
            let mut seen = vec![false; size as usize];
            let mut extent = Extent::default();
            for (start, length, is_shown) in reads {
                let start = start % size;
                let length = length.min(size - start);
                (start..start + length).for_each(|byte| seen[byte as usize] = true);
                extent.add(Some(size), if is_shown { Got::From(start, length) } else { Got::Some(length) });
            }
            extent.close();
            let truth = seen.iter().filter(|seen| **seen).count() as u64;
            prop_assert!(extent.least() <= truth && truth <= extent.most().unwrap());
            match extent.share() {
                Some(Share::Full) => prop_assert_eq!(truth, size),
                Some(Share::Part) => prop_assert!(truth < size),
                _ => {}
            }
        }
    }
}
