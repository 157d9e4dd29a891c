//! Columns of text: pieces made from a block while it is in the cache, and chunks made from pieces.

use super::bounds::{Bound, Bounds};
use super::chunk::{ChunkWriter, PageFacts};
use super::codec::Scratch;
use super::intern::Interner;
use super::levels::{Levels, PageLevels};
use super::{PAGE_BYTES, PAGE_ROWS, delta, hybrid};
use crate::batch::{TextCells, Variety};
use crate::parse::Span;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::errors::Result;

/// Most bytes of a dictionary.
const DICTIONARY_BYTES: usize = 1 << 20;
/// Values after which it is asked whether any of them repeat.
const TRIAL: usize = 512;
/// Bytes of listed texts that are made a page at once, while they are in the cache. Such a page compresses nearly as well
/// as a full one.
const READY_BYTES: usize = 48 << 10;

/// How texts that stand in no dictionary are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// `PLAIN`: each behind its length.
    Plain,
    /// `DELTA_LENGTH_BYTE_ARRAY`: all lengths, then all texts.
    DeltaLength,
}

/// The cells of a text column for some neighbouring rows; no more than a page holds.
#[derive(Debug)]
pub(in crate::export::parquet) struct TextPiece {
    levels: Levels,
    values: Values,
    /// `None`: there are only nulls.
    bounds: Option<Bounds>,
    /// Bytes of the texts of all rows.
    text_bytes: usize,
}

#[derive(Debug)]
enum Values {
    Listed(Texts),
    /// Listed texts as a page of the file, and its size before compression.
    Ready(Bytes, usize),
    /// Distinct texts, and for each row that has one its number.
    Numbered(Texts, Vec<u16>),
}

/// Texts one after the other.
#[derive(Clone, Debug, Default)]
struct Texts {
    /// With [`Layout::Plain`] each behind its length in four bytes.
    bytes: Vec<u8>,
    /// With [`Layout::DeltaLength`] their lengths.
    lengths: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &[u8], layout: Layout) {
        let length = text.len() as u32;
        match layout {
            Layout::Plain => self.bytes.extend_from_slice(&length.to_le_bytes()),
            Layout::DeltaLength => self.lengths.push(length),
        }
        self.bytes.extend_from_slice(text);
    }

    /// The texts again, laid out [`Layout::Plain`].
    fn plain(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            Some(text)
        })
    }

    fn size(&self) -> usize {
        self.bytes.len() + 4 * self.lengths.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }
}

/// The level of each row.
#[derive(Clone, Copy)]
pub(super) struct RowLevels<'a> {
    /// That of a row with a text.
    pub(super) greatest: u8,
    /// Where a null is not always of one level: one a row.
    pub(super) given: Option<&'a [u8]>,
}

impl RowLevels<'_> {
    /// Of a column that is in no struct.
    pub(super) const FLAT: RowLevels<'static> = RowLevels { greatest: 1, given: None };

    fn of(&self, row: usize, is_text: bool) -> u8 {
        self.given.map_or(u8::from(is_text), |given| given[row])
    }
}

/// The pieces of a text column for these rows.
pub(super) fn pieces(
    cells: &TextCells<'_>,
    rows: &[u32],
    levels: RowLevels<'_>,
    variety: Variety,
    layout: Layout,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    match cells {
        TextCells::Field { table, field } => {
            any(rows.iter().map(|row| table.bytes(*row as usize, *field)), levels, variety, layout, scratch)
        }
        TextCells::Made { text, places } => {
            any(places.iter().map(|place| at(text, *place)), levels, variety, layout, scratch)
        }
        TextCells::Shared { text, places, numbers } => {
            any(numbers.iter().map(|number| at(text, places[*number as usize])), levels, variety, layout, scratch)
        }
    }
}

fn at(text: &[u8], place: Span) -> Option<&[u8]> {
    (!place.is_null()).then(|| &text[place.start as usize..place.end as usize])
}

fn any<'t>(
    texts: impl ExactSizeIterator<Item = Option<&'t [u8]>> + Clone,
    levels: RowLevels<'_>,
    variety: Variety,
    layout: Layout,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    if variety == Variety::Few
        && let Some(piece) = number(texts.clone(), levels)
    {
        return Ok(vec![piece]);
    }
    list(texts, levels, (variety, layout), scratch)
}

/// Distinct texts and a number a row; `None` if hardly any repeats.
fn number<'t>(texts: impl ExactSizeIterator<Item = Option<&'t [u8]>>, levels: RowLevels<'_>) -> Option<TextPiece> {
    let mut interner = Interner::new();
    let mut numbers = Vec::with_capacity(texts.len());
    let mut each = Vec::with_capacity(texts.len());
    let mut text_bytes = 0;
    for (row, text) in texts.enumerate() {
        each.push(levels.of(row, text.is_some()));
        let Some(text) = text else { continue };
        numbers.push(u16::try_from(interner.number(text)?).ok()?);
        text_bytes += text.len();
        if numbers.len() % TRIAL == 0 && interner.texts().len() * 8 > numbers.len() * 7 {
            return None;
        }
    }
    let mut extremes = Extremes::default();
    let mut distinct = Texts::default();
    for text in interner.texts() {
        extremes.see(text);
        distinct.push(text, Layout::Plain);
    }
    let bounds = extremes.bounds();
    let levels = Levels::new(levels.greatest, each);
    Some(TextPiece { levels, values: Values::Numbered(distinct, numbers), bounds, text_bytes })
}

/// Every text, one after the other; a new piece where a page would be full.
fn list<'t>(
    texts: impl ExactSizeIterator<Item = Option<&'t [u8]>>,
    levels: RowLevels<'_>,
    (variety, layout): (Variety, Layout),
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    let mut pieces = Vec::new();
    let mut each = Vec::with_capacity(texts.len());
    let mut extremes = Extremes::default();
    let mut listed =
        Texts { bytes: std::mem::take(&mut scratch.texts), lengths: std::mem::take(&mut scratch.lengths) };
    let mut text_bytes = 0;
    for (row, text) in texts.enumerate() {
        if let Some(text) = text {
            if listed.size() + text.len() + 4 > PAGE_BYTES && !each.is_empty() {
                let rows = Levels::new(levels.greatest, std::mem::take(&mut each));
                let bounds = std::mem::take(&mut extremes).bounds();
                pieces.push(TextPiece::of_list(rows, &listed, bounds, text_bytes, (variety, layout), scratch)?);
                listed.clear();
                text_bytes = 0;
            }
            listed.push(text, layout);
            extremes.see(text);
            text_bytes += text.len();
        }
        each.push(levels.of(row, text.is_some()));
    }
    let rows = Levels::new(levels.greatest, each);
    pieces.push(TextPiece::of_list(rows, &listed, extremes.bounds(), text_bytes, (variety, layout), scratch)?);
    listed.clear();
    (scratch.texts, scratch.lengths) = (listed.bytes, listed.lengths);
    Ok(pieces)
}

/// The least and the greatest of the texts seen. Their first eight bytes, as a number, decide most comparisons.
#[derive(Default)]
struct Extremes<'t> {
    seen: Option<(&'t [u8], &'t [u8])>,
    least: u64,
    greatest: u64,
}

impl<'t> Extremes<'t> {
    fn see(&mut self, text: &'t [u8]) {
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

    fn bounds(self) -> Option<Bounds> {
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

impl TextPiece {
    /// Bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Listed(texts) => texts.size(),
            Values::Ready(page, _) => page.len(),
            Values::Numbered(texts, numbers) => texts.size() + size_of_val(&numbers[..]),
        };
        values + self.levels.bytes()
    }

    /// Listed texts; many become a page.
    fn of_list(
        levels: Levels,
        texts: &Texts,
        bounds: Option<Bounds>,
        text_bytes: usize,
        (variety, layout): (Variety, Layout),
        scratch: &mut Scratch,
    ) -> Result<TextPiece> {
        let values = if texts.size() < READY_BYTES {
            Values::Listed(texts.clone())
        } else {
            let mut page = PageLevels::new(levels.greatest());
            page.append(&levels);
            scratch.page.clear();
            page.write(&mut scratch.page);
            if layout == Layout::DeltaLength {
                let lengths: Vec<i64> = texts.lengths.iter().map(|length| i64::from(*length)).collect();
                delta::encode(&lengths, &mut scratch.page);
            }
            scratch.page.extend_from_slice(&texts.bytes);
            let uncompressed = scratch.page.len();
            Values::Ready(Bytes::copy_from_slice(scratch.compressed(variety)?), uncompressed)
        };
        Ok(TextPiece { levels, values, bounds, text_bytes })
    }

    /// The same cells, listed.
    fn listed(self, layout: Layout, scratch: &mut Scratch) -> Result<Vec<TextPiece>> {
        let Values::Numbered(distinct, numbers) = &self.values else { return Ok(vec![self]) };
        let distinct: Vec<&[u8]> = distinct.plain().collect();
        let each: Vec<u8> = self.levels.iter().collect();
        let greatest = self.levels.greatest();
        let mut numbers = numbers.iter();
        let text = |level: &u8| {
            let number = if *level == greatest { numbers.next() } else { None };
            number.map(|number| distinct[usize::from(*number)])
        };
        let texts: Vec<Option<&[u8]>> = each.iter().map(text).collect();
        list(texts.into_iter(), RowLevels { greatest, given: Some(&each) }, (Variety::Few, layout), scratch)
    }
}

/// Writes the pages of a chunk.
pub(super) fn write(
    chunk: &mut ChunkWriter,
    pieces: Vec<TextPiece>,
    layout: Layout,
    scratch: &mut Scratch,
) -> Result<()> {
    if let Some(dictionary) = Dictionary::of(&pieces) {
        return numbered_pages(chunk, &pieces, &dictionary, scratch);
    }
    let mut listed = Vec::with_capacity(pieces.len());
    for piece in pieces {
        listed.extend(piece.listed(layout, scratch)?);
    }
    listed_pages(chunk, &listed, layout, scratch)
}

/// The distinct texts of a chunk.
struct Dictionary {
    /// The texts, laid out [`Layout::Plain`].
    texts: Texts,
    count: usize,
    /// For each piece, for each of its distinct texts, the number in the dictionary.
    numbers: Vec<Vec<u32>>,
}

impl Dictionary {
    /// `None` where a dictionary would not make the chunk smaller, or be too large for readers.
    fn of(pieces: &[TextPiece]) -> Option<Dictionary> {
        let mut interner = Interner::new();
        let mut numbers = Vec::with_capacity(pieces.len());
        let (mut values, mut text_bytes) = (0, 0);
        for piece in pieces {
            match &piece.values {
                Values::Listed(texts) if texts.size() == 0 => numbers.push(Vec::new()),
                Values::Listed(_) | Values::Ready(..) => return None,
                Values::Numbered(texts, rows) => {
                    numbers.push(texts.plain().map(|text| interner.number(text)).collect::<Option<_>>()?);
                    values += rows.len();
                    text_bytes += piece.text_bytes;
                }
            }
        }
        let count = interner.texts().len();
        let mut texts = Texts::default();
        interner.texts().iter().for_each(|text| texts.push(text, Layout::Plain));
        let width = hybrid::width(count.saturating_sub(1) as u32) as usize;
        let smaller = texts.size() + values * width / 8 < text_bytes + 4 * values;
        (count > 0 && texts.size() <= DICTIONARY_BYTES && smaller).then_some(Dictionary { texts, count, numbers })
    }
}

/// Pages of numbers of texts in the dictionary.
fn numbered_pages(
    chunk: &mut ChunkWriter,
    pieces: &[TextPiece],
    dictionary: &Dictionary,
    scratch: &mut Scratch,
) -> Result<()> {
    chunk.dictionary(&dictionary.texts.bytes, dictionary.count, scratch)?;
    let width = hybrid::width(dictionary.count as u32 - 1);
    let (mut numbers, mut encoded) = (Vec::new(), Vec::new());
    let mut from = 0;
    for end in page_ends(pieces, |_| 0) {
        numbers.clear();
        for (piece, new) in pieces[from..end].iter().zip(&dictionary.numbers[from..end]) {
            if let Values::Numbered(_, old) = &piece.values {
                numbers.extend(old.iter().map(|old| new[usize::from(*old)]));
            }
        }
        encoded.clear();
        encoded.push(width as u8);
        hybrid::encode(&numbers, width, &mut encoded);
        let (facts, mut levels) = page(&pieces[from..end], Encoding::RLE_DICTIONARY);
        chunk.data(facts, &mut levels, &[&encoded], scratch)?;
        from = end;
    }
    Ok(())
}

/// Pages of texts one after the other.
fn listed_pages(
    chunk: &mut ChunkWriter,
    pieces: &[TextPiece],
    layout: Layout,
    scratch: &mut Scratch,
) -> Result<()> {
    let encoding = match layout {
        Layout::Plain => Encoding::PLAIN,
        Layout::DeltaLength => Encoding::DELTA_LENGTH_BYTE_ARRAY,
    };
    // No other piece joins one that is a page.
    let size = |piece: &TextPiece| match piece.values {
        Values::Ready(..) => PAGE_BYTES + 1,
        _ => piece.bytes(),
    };
    let mut from = 0;
    for end in page_ends(pieces, size) {
        let (facts, mut levels) = page(&pieces[from..end], encoding);
        if let Values::Ready(page, uncompressed) = &pieces[from].values {
            chunk.ready(facts, page.clone(), *uncompressed)?;
        } else {
            let texts = || pieces[from..end].iter().filter_map(TextPiece::texts);
            let mut encoded = Vec::new();
            if layout == Layout::DeltaLength {
                let lengths = texts().flat_map(|texts| &texts.lengths).map(|length| i64::from(*length));
                delta::encode(&lengths.collect::<Vec<i64>>(), &mut encoded);
            }
            let mut parts = vec![&encoded[..]];
            parts.extend(texts().map(|texts| &texts.bytes[..]));
            chunk.data(facts, &mut levels, &parts, scratch)?;
        }
        from = end;
    }
    Ok(())
}

impl TextPiece {
    fn texts(&self) -> Option<&Texts> {
        match &self.values {
            Values::Listed(texts) => Some(texts),
            Values::Ready(..) | Values::Numbered(..) => None,
        }
    }
}

/// For each page the number of the piece behind it: as many pieces as fit by rows and bytes.
fn page_ends(pieces: &[TextPiece], bytes: impl Fn(&TextPiece) -> usize) -> Vec<usize> {
    let (mut ends, mut rows, mut size) = (Vec::new(), 0, 0);
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && (rows + piece.levels.rows() > PAGE_ROWS || size + bytes(piece) > PAGE_BYTES) {
            ends.push(index);
            (rows, size) = (0, 0);
        }
        rows += piece.levels.rows();
        size += bytes(piece);
    }
    ends.push(pieces.len());
    ends
}

/// What the pieces of a page hold together.
fn page(pieces: &[TextPiece], encoding: Encoding) -> (PageFacts, PageLevels) {
    let mut levels = PageLevels::new(pieces[0].levels.greatest());
    let mut bounds = None;
    let mut text_bytes = 0;
    for piece in pieces {
        levels.append(&piece.levels);
        if let Some(more) = &piece.bounds {
            Bounds::join(&mut bounds, more);
        }
        text_bytes += piece.text_bytes as i64;
    }
    let (rows, histogram) = (levels.rows(), levels.histogram());
    (PageFacts { encoding, rows, histogram, bounds, text_bytes: Some(text_bytes) }, levels)
}
