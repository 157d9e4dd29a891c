//! Least and greatest values, as pages and chunks tell them.

use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// A value in the order of its column. Values of one column are of one kind.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Bound {
    Text(Vec<u8>),
    Long(i64),
    Int(i32),
}

/// Least and greatest value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) least: Bound,
    pub(super) greatest: Bound,
}

/// Longest text in an index or in statistics.
const TEXT: usize = 64;

impl Bounds {
    /// The bounds of both.
    pub(super) fn join(all: &mut Option<Bounds>, more: &Bounds) {
        let Some(all) = all else {
            *all = Some(more.clone());
            return;
        };
        if more.least < all.least {
            all.least = more.least.clone();
        }
        if more.greatest > all.greatest {
            all.greatest = more.greatest.clone();
        }
    }

    /// The least value in the form of the column index; long text is cut.
    pub(super) fn index_least(&self) -> Vec<u8> {
        bytes(&self.least, cut)
    }

    /// The greatest value in the form of the column index; long text is cut and raised.
    pub(super) fn index_greatest(&self) -> Vec<u8> {
        bytes(&self.greatest, raised)
    }

    /// Statistics of a column chunk.
    pub(super) fn statistics(&self, nulls: u64) -> Statistics {
        match (&self.least, &self.greatest) {
            (Bound::Text(least), Bound::Text(greatest)) => {
                let (short, high) = (cut(least), raised(greatest));
                let statistics = ValueStatistics::new(
                    Some(ByteArray::from(short.clone().unwrap_or_else(|| least.clone()))),
                    Some(ByteArray::from(high.clone().unwrap_or_else(|| greatest.clone()))),
                    None,
                    Some(nulls),
                    false,
                );
                let exact = statistics.with_min_is_exact(short.is_none()).with_max_is_exact(high.is_none());
                Statistics::ByteArray(exact)
            }
            (Bound::Long(least), Bound::Long(greatest)) => {
                let statistics = ValueStatistics::new(Some(*least), Some(*greatest), None, Some(nulls), false);
                Statistics::Int64(statistics.with_backwards_compatible_min_max(true))
            }
            (Bound::Int(least), Bound::Int(greatest)) => {
                let statistics = ValueStatistics::new(Some(*least), Some(*greatest), None, Some(nulls), false);
                Statistics::Int32(statistics.with_backwards_compatible_min_max(true))
            }
            _ => unreachable!("values of one column are of one kind"),
        }
    }
}

/// The least and the greatest of the texts seen. Their first eight bytes, as a number, decide most comparisons.
#[derive(Default)]
pub(super) struct Extremes<'t> {
    seen: Option<(&'t [u8], &'t [u8])>,
    least: u64,
    greatest: u64,
}

impl<'t> Extremes<'t> {
    pub(super) fn see(&mut self, text: &'t [u8]) {
        let head = head(text);
        let Some((least, greatest)) = &mut self.seen else {
            *self = Extremes { seen: Some((text, text)), least: head, greatest: head };
            return;
        };
        if head <= self.least && text < *least {
            (*least, self.least) = (text, head);
        }
        if head >= self.greatest && text > *greatest {
            (*greatest, self.greatest) = (text, head);
        }
    }

    pub(super) fn bounds(self) -> Option<Bounds> {
        let text = |text: &[u8]| Bound::Text(text.to_vec());
        self.seen.map(|(least, greatest)| Bounds { least: text(least), greatest: text(greatest) })
    }
}

/// The first eight bytes as a number that is in the order of the texts.
fn head(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(head) => u64::from_be_bytes(*head),
        None => text.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)) << (8 * (8 - text.len()) % 64),
    }
}

fn bytes(bound: &Bound, short: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    match bound {
        Bound::Text(text) => short(text).unwrap_or_else(|| text.clone()),
        Bound::Long(number) => number.to_le_bytes().to_vec(),
        Bound::Int(number) => number.to_le_bytes().to_vec(),
    }
}

/// A lower bound of long text: its beginning, cut between characters. `None` where the text is itself short.
fn cut(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() > TEXT)?;
    let end = (1..=TEXT).rfind(|end| text.is_char_boundary(*end))?;
    Some(text.as_bytes()[..end].to_vec())
}

/// An upper bound of long text: its beginning with the last character that can be raised raised by one. `None` where
/// the text is short or none can be.
fn raised(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() > TEXT)?;
    let end = (TEXT - 3..=TEXT).rfind(|end| text.is_char_boundary(*end))?;
    text[..end].char_indices().rev().find_map(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8())?;
        let mut raised = text.as_bytes()[..at].to_vec();
        raised.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
        Some(raised)
    })
}
