//! Columns of text as pieces, made from a block while it is in the cache.

use super::bounds::Bounds;
use super::codec::Scratch;
use super::levels::{Levels, PageLevels};
use super::listing::Listing;
use super::numbering::Numbering;
use super::tile::Tile;
use super::{PAGE_BYTES, PieceForm, delta};
use crate::batch::{Column, TextCells, Variety};
use crate::export::settings::PageEncoding;
use crate::parse::Span;
use bytes::Bytes;
use parquet::errors::Result;

/// Bytes of listed texts that are made a page at once, while they are in the cache. Such a page compresses nearly as well
/// as a full one.
const READY_BYTES: usize = 48 << 10;

/// How the texts of a column become pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextForm {
    pub(super) variety: Variety,
    pub(super) layout: Layout,
    /// Are listed texts hashed for a filter?
    pub(super) hashes: bool,
    /// Are large lists made a page at once?
    pub(super) pages: bool,
}

impl TextForm {
    /// Of the pieces of a column.
    pub(super) fn of(column: &Column, form: PieceForm) -> TextForm {
        TextForm { hashes: form.filters && column.is_sought, ..TextForm::new(column.variety, form) }
    }

    /// Of pieces whose hashes nobody needs.
    pub(super) fn new(variety: Variety, form: PieceForm) -> TextForm {
        let layout = match form.encoding {
            PageEncoding::Compatible => Layout::Plain,
            PageEncoding::Fast => Layout::DeltaLength,
        };
        TextForm { variety, layout, hashes: false, pages: form.pages }
    }
}

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
    pub(super) levels: Levels,
    pub(super) values: Values,
    /// `None`: there are only nulls.
    pub(super) bounds: Option<Bounds>,
    /// Bytes of the texts of all rows.
    pub(super) text_bytes: usize,
    /// Of listed texts a hash each, where a filter needs them.
    pub(super) hashes: Vec<u64>,
}

#[derive(Debug)]
pub(super) enum Values {
    Listed(Texts),
    /// Listed texts as a page of the file.
    Ready(ReadyPage),
    /// Distinct texts, and for each row that has one its number.
    Numbered(Texts, Vec<u16>),
}

/// Levels and listed texts as a page of the file.
#[derive(Debug)]
pub(super) struct ReadyPage {
    pub(super) compressed: Bytes,
    /// Bytes before compression.
    pub(super) uncompressed: usize,
    /// Bytes of the list.
    size: usize,
    /// With [`Layout::DeltaLength`] the lengths of the texts.
    pub(super) lengths: Vec<u32>,
}

/// Texts one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    /// With [`Layout::Plain`] each behind its length in four bytes.
    pub(super) bytes: Vec<u8>,
    /// With [`Layout::DeltaLength`] their lengths.
    pub(super) lengths: Vec<u32>,
}

impl Texts {
    #[inline]
    pub(super) fn push(&mut self, text: &[u8], layout: Layout) {
        let length = text.len() as u32;
        match layout {
            Layout::Plain => self.bytes.extend_from_slice(&length.to_le_bytes()),
            Layout::DeltaLength => self.lengths.push(length),
        }
        self.bytes.extend_from_slice(text);
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len() + 4 * self.lengths.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.lengths.clear();
    }

    /// None, with room for those of a page.
    pub(super) fn of_a_page() -> Texts {
        Texts { bytes: Vec::with_capacity(PAGE_BYTES), lengths: Vec::new() }
    }

    /// These, laid out [`Layout::Plain`], in no more room than they take.
    pub(super) fn plain(texts: &[&[u8]]) -> Texts {
        let bytes = texts.iter().map(|text| size_of::<u32>() + text.len()).sum();
        let mut all = Texts { bytes: Vec::with_capacity(bytes), lengths: Vec::new() };
        texts.iter().for_each(|text| all.push(text, Layout::Plain));
        all
    }

    /// The list as it is kept in a piece, with the levels of its rows.
    pub(super) fn values(&self, levels: &Levels, form: TextForm, scratch: &mut Scratch) -> Result<Values> {
        Ok(if form.pages && self.size() >= READY_BYTES {
            Values::Ready(ReadyPage::new(levels, self, form, scratch)?)
        } else {
            Values::Listed(self.clone())
        })
    }
}

/// The texts of a list that is laid out [`Layout::Plain`].
pub(super) fn plain(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = list.split_first_chunk()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        list = after;
        Some(text)
    })
}

/// The level of each row.
#[derive(Clone, Copy)]
pub(super) struct RowLevels<'a> {
    /// That of a row with a text.
    pub(super) greatest: u8,
    /// Where a null is not always of one level: one a row.
    pub(super) given: Option<&'a [u8]>,
}

impl<'a> RowLevels<'a> {
    /// Of a column that is in no struct.
    pub(super) const FLAT: RowLevels<'static> = RowLevels { greatest: 1, given: None };

    /// Those of the rows of a tile, which begins at this row.
    fn of<'l>(&self, tile: &'l Tile<'_>, row: usize) -> &'l [u8]
    where
        'a: 'l,
    {
        self.given.map_or(tile.levels(), |given| &given[row..row + tile.rows()])
    }
}

/// The pieces of a text column for these rows.
pub(super) fn pieces(
    cells: &TextCells<'_>,
    rows: &[u32],
    levels: RowLevels<'_>,
    form: TextForm,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    match cells {
        TextCells::Field { table, field } => {
            any(rows.iter().map(|row| table.bytes(*row as usize, *field)), levels, form, scratch)
        }
        TextCells::Made { text, places } => {
            any(places.iter().map(|place| at(text, *place)), levels, form, scratch)
        }
        TextCells::Shared { text, places, numbers } => {
            any(numbers.iter().map(|number| at(text, places[*number as usize])), levels, form, scratch)
        }
    }
}

fn at(text: &[u8], place: Span) -> Option<&[u8]> {
    (!place.is_null()).then(|| &text[place.start as usize..place.end as usize])
}

fn any<'t>(
    texts: impl ExactSizeIterator<Item = Option<&'t [u8]>> + Clone,
    levels: RowLevels<'_>,
    form: TextForm,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    if form.variety == Variety::Few
        && let Some(piece) = number(texts.clone(), levels)
    {
        return Ok(vec![piece]);
    }
    list(texts, levels, form, scratch)
}

/// Distinct texts and a number a row; `None` if hardly any repeats.
fn number<'t>(
    mut texts: impl ExactSizeIterator<Item = Option<&'t [u8]>>,
    levels: RowLevels<'_>,
) -> Option<TextPiece> {
    let mut numbering = Numbering::new(levels.greatest, texts.len());
    let (mut tile, mut row) = (Tile::new(), 0);
    while texts.len() > 0 {
        tile.fill(&mut texts);
        numbering.add(tile.texts(), levels.of(&tile, row))?;
        row += tile.rows();
    }
    Some(numbering.finish())
}

/// Every text, one after the other; a new piece where a page would be full.
pub(super) fn list<'t>(
    mut texts: impl ExactSizeIterator<Item = Option<&'t [u8]>>,
    levels: RowLevels<'_>,
    form: TextForm,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    let mut listing = Listing::new(levels.greatest, texts.len(), form, scratch);
    let (mut tile, mut row) = (Tile::new(), 0);
    while texts.len() > 0 {
        tile.fill(&mut texts);
        listing.add(tile.texts(), levels.of(&tile, row), scratch)?;
        row += tile.rows();
    }
    listing.finish(scratch)
}

impl TextPiece {
    /// Bytes in memory while nothing is compressed, so that they do not depend on when that is done.
    pub(super) fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Listed(texts) => texts.size(),
            Values::Ready(page) => page.size,
            Values::Numbered(texts, numbers) => texts.size() + size_of_val(&numbers[..]),
        };
        values + self.levels.bytes() + size_of_val(&self.hashes[..])
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        match &self.values {
            Values::Ready(page) => page.compressed.len() + 4 * page.lengths.len() + self.levels.bytes(),
            Values::Listed(_) | Values::Numbered(..) => self.bytes(),
        }
    }

    /// Where all cells are alike: their level and, if they have one, their text.
    pub(super) fn only_cell(&self) -> Option<(u8, Option<&[u8]>)> {
        let level = self.levels.only()?;
        match &self.values {
            _ if level < self.levels.greatest() => Some((level, None)),
            Values::Numbered(distinct, _) => {
                let mut distinct = plain(&distinct.bytes);
                let text = distinct.next()?;
                distinct.next().is_none().then_some((level, Some(text)))
            }
            Values::Listed(_) | Values::Ready(_) => None,
        }
    }

    /// Makes a page of a large list.
    pub(super) fn ready(&mut self, form: TextForm, scratch: &mut Scratch) -> Result<()> {
        if let Values::Listed(texts) = &self.values
            && texts.size() >= READY_BYTES
        {
            self.values = Values::Ready(ReadyPage::new(&self.levels, texts, form, scratch)?);
        }
        Ok(())
    }

    /// The same cells, listed.
    pub(super) fn listed(self, form: TextForm, scratch: &mut Scratch) -> Result<Vec<TextPiece>> {
        let Values::Numbered(distinct, numbers) = &self.values else { return Ok(vec![self]) };
        let distinct: Vec<&[u8]> = plain(&distinct.bytes).collect();
        let each: Vec<u8> = self.levels.iter().collect();
        let greatest = self.levels.greatest();
        let mut numbers = numbers.iter();
        let text = |level: &u8| {
            let number = if *level == greatest { numbers.next() } else { None };
            number.map(|number| distinct[usize::from(*number)])
        };
        let texts: Vec<Option<&[u8]>> = each.iter().map(text).collect();
        list(texts.into_iter(), RowLevels { greatest, given: Some(&each) }, form, scratch)
    }
}

impl ReadyPage {
    fn new(levels: &Levels, texts: &Texts, form: TextForm, scratch: &mut Scratch) -> Result<ReadyPage> {
        let mut page = PageLevels::new(levels.greatest());
        page.append(levels);
        scratch.page.clear();
        page.write(&mut scratch.page);
        if form.layout == Layout::DeltaLength {
            let lengths: Vec<i64> = texts.lengths.iter().map(|length| i64::from(*length)).collect();
            delta::encode(&lengths, &mut scratch.page);
        }
        scratch.page.extend_from_slice(&texts.bytes);
        let uncompressed = scratch.page.len();
        let compressed = Bytes::copy_from_slice(scratch.compressed(form.variety)?);
        Ok(ReadyPage { compressed, uncompressed, size: texts.size(), lengths: texts.lengths.clone() })
    }

    /// The list again, as [`Texts::bytes`] holds it.
    pub(super) fn list(&self, scratch: &mut Scratch) -> Result<Vec<u8>> {
        let mut page = scratch.decompressed(&self.compressed, self.uncompressed)?;
        let start = self.uncompressed + 4 * self.lengths.len() - self.size;
        Ok(page.split_off(start))
    }
}
