//! Columns of text as chunks, made from pieces.

use super::super::order::{RowOrder, Stretch};
use super::bounds::{Bounds, Extremes};
use super::chunk::{ChunkWriter, PageFacts};
use super::codec::Scratch;
use super::intern::Interner;
use super::levels::{Levels, PageLevels};
use super::text::{Layout, TextForm, TextPiece, Texts, Values, plain};
use super::{PAGE_BYTES, PAGE_ROWS, delta, gather, hybrid};
use parquet::basic::Encoding;
use parquet::errors::Result;

/// Most bytes of a dictionary.
const DICTIONARY_BYTES: usize = 1 << 20;

/// Writes the pages of a chunk. `groups` are the pieces of each of the `Rows` of a row group.
pub(super) fn write(
    chunk: &mut ChunkWriter,
    groups: Vec<Vec<TextPiece>>,
    order: Option<&RowOrder>,
    form: TextForm,
    scratch: &mut Scratch,
) -> Result<()> {
    let pieces = || groups.iter().flatten();
    let order = order.filter(|_| !is_uniform(pieces()));
    if let Some(dictionary) = Dictionary::of(pieces()) {
        let parts = match order {
            None => pieces().zip(dictionary.by_piece()).map(|(piece, new)| Part::Piece(piece, new)).collect(),
            Some(order) => dictionary.parts(&groups, order),
        };
        return dictionary.pages(chunk, &parts, scratch);
    }
    let mut listed: Vec<Vec<TextPiece>> = Vec::with_capacity(groups.len());
    for pieces in groups {
        let pieces = pieces.into_iter().map(|piece| piece.listed(form, scratch));
        listed.push(pieces.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect());
    }
    let mut pieces = match order {
        None => listed.into_iter().flatten().collect(),
        Some(order) => gather::listed(listed, order, form, scratch)?,
    };
    pieces.iter_mut().try_for_each(|piece| piece.ready(form, scratch))?;
    listed_pages(chunk, &pieces, form.layout, scratch)
}

/// Are all cells alike, so that their order makes no difference?
fn is_uniform<'p>(mut pieces: impl Iterator<Item = &'p TextPiece>) -> bool {
    let Some(first) = pieces.next() else { return true };
    let Some(cell) = first.only_cell() else { return false };
    pieces.all(|piece| piece.only_cell() == Some(cell))
}

/// The distinct texts of a chunk.
struct Dictionary {
    /// The texts, laid out [`Layout::Plain`].
    texts: Texts,
    count: usize,
    /// For each distinct text of each piece the number in the dictionary.
    numbers: Vec<u32>,
    /// Where those of each piece end.
    ends: Vec<usize>,
}

impl Dictionary {
    /// `None` where a dictionary would not make the chunk smaller, or be too large for readers.
    fn of<'p>(pieces: impl Iterator<Item = &'p TextPiece>) -> Option<Dictionary> {
        let mut interner = Interner::new();
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        let (mut values, mut text_bytes) = (0, 0);
        for piece in pieces {
            match &piece.values {
                Values::Listed(texts) if texts.size() == 0 => {}
                Values::Listed(_) | Values::Ready(..) => return None,
                Values::Numbered(texts, rows) => {
                    for text in plain(&texts.bytes) {
                        numbers.push(interner.number(text)?);
                    }
                    values += rows.len();
                    text_bytes += piece.text_bytes;
                }
            }
            ends.push(numbers.len());
        }
        let count = interner.texts().len();
        let texts = Texts::plain(interner.texts());
        let width = hybrid::width(count.saturating_sub(1) as u32) as usize;
        let smaller = texts.size() + values * width / 8 < text_bytes + 4 * values;
        (count > 0 && texts.size() <= DICTIONARY_BYTES && smaller).then_some(Dictionary {
            texts,
            count,
            numbers,
            ends,
        })
    }

    /// For each piece, for each of its distinct texts, the number in the dictionary.
    fn by_piece(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.numbers[*start..*end])
    }
}

/// Rows of a page as numbers of texts in the dictionary.
enum Part<'p> {
    /// Those of a piece, and for each of its distinct texts the number in the dictionary.
    Piece(&'p TextPiece, &'p [u32]),
    /// Those of several.
    Mixed { levels: Levels, numbers: Vec<u32>, bounds: Option<Bounds>, text_bytes: usize },
}

impl Part<'_> {
    fn levels(&self) -> &Levels {
        match self {
            Part::Piece(piece, _) => &piece.levels,
            Part::Mixed { levels, .. } => levels,
        }
    }

    fn facts(&self) -> (&Levels, &Option<Bounds>, usize) {
        match self {
            Part::Piece(piece, _) => (&piece.levels, &piece.bounds, piece.text_bytes),
            Part::Mixed { levels, bounds, text_bytes, .. } => (levels, bounds, *text_bytes),
        }
    }
}

fn of_piece<'p>(piece: &'p TextPiece, new: &'p [u32]) -> impl Iterator<Item = u32> + 'p {
    let old: &[u16] = if let Values::Numbered(_, old) = &piece.values { old } else { &[] };
    old.iter().map(|old| new[usize::from(*old)])
}

impl Dictionary {
    /// Rows in that order.
    fn parts<'p>(&'p self, groups: &'p [Vec<TextPiece>], order: &RowOrder) -> Vec<Part<'p>> {
        let mut pieces = groups.iter().flatten().zip(self.by_piece());
        let groups: Vec<Vec<(&TextPiece, &[u32])>> =
            groups.iter().map(|group| pieces.by_ref().take(group.len()).collect()).collect();
        let greatest = groups.iter().flatten().next().map_or(1, |(piece, _)| piece.levels.greatest());
        let distinct: Vec<&[u8]> = plain(&self.texts.bytes).collect();
        let mixed = groups.iter().zip(&order.is_mixed).filter(|(_, is_mixed)| **is_mixed);
        let mut rows = NumberedRows { numbers: Vec::with_capacity(order.mixed.len()), levels: Vec::new() };
        mixed.flat_map(|(group, _)| group).for_each(|(piece, new)| rows.add(piece, new));
        let mut counts = vec![0u32; self.count];
        let mut parts = Vec::new();
        for stretch in &order.stretches {
            match stretch {
                Stretch::Whole(index) => {
                    parts.extend(groups[*index].iter().map(|(piece, new)| Part::Piece(piece, new)))
                }
                Stretch::Mixed(places) => {
                    let (levels, numbers) = rows.pick(&order.mixed[places.clone()], greatest);
                    numbers.iter().for_each(|number| counts[*number as usize] += 1);
                    let mut extremes = Extremes::default();
                    let mut text_bytes = 0;
                    for (text, count) in distinct.iter().zip(&mut counts).filter(|(_, count)| **count > 0) {
                        extremes.see(text);
                        text_bytes += text.len() * std::mem::take(count) as usize;
                    }
                    parts.push(Part::Mixed { levels, numbers, bounds: extremes.bounds(), text_bytes });
                }
            }
        }
        parts
    }

    fn pages(&self, chunk: &mut ChunkWriter, parts: &[Part<'_>], scratch: &mut Scratch) -> Result<()> {
        let width = hybrid::width(self.count as u32 - 1);
        let rows = parts.iter().map(|part| part.levels().rows()).sum::<usize>();
        chunk.expect(self.texts.size() + rows * width as usize / 8);
        chunk.dictionary(&self.texts.bytes, self.count, scratch)?;
        let (mut numbers, mut encoded) = (Vec::new(), Vec::new());
        let mut from = 0;
        for end in page_ends(parts.iter().map(|part| (part.levels().rows(), 0))) {
            numbers.clear();
            for part in &parts[from..end] {
                match part {
                    Part::Piece(piece, new) => numbers.extend(of_piece(piece, new)),
                    Part::Mixed { numbers: mixed, .. } => numbers.extend_from_slice(mixed),
                }
            }
            encoded.clear();
            encoded.push(width as u8);
            hybrid::encode(&numbers, width, &mut encoded);
            let parts = parts[from..end].iter().map(Part::facts);
            let (facts, mut levels) = page(parts, Encoding::RLE_DICTIONARY);
            chunk.data(facts, &mut levels, &[&encoded], scratch)?;
            from = end;
        }
        Ok(())
    }
}

/// A number and a level a row, of those that are mixed. Where a row has no text the number has no meaning.
struct NumberedRows {
    numbers: Vec<u32>,
    /// None where all rows so far have a text.
    levels: Vec<u8>,
}

impl NumberedRows {
    fn add(&mut self, piece: &TextPiece, new: &[u32]) {
        let levels = &piece.levels;
        if levels.all_values() {
            self.numbers.extend(of_piece(piece, new));
            return;
        }
        self.levels.resize(self.numbers.len(), levels.greatest());
        self.levels.extend(levels.iter());
        let mut each = of_piece(piece, new);
        let number = |level| if level == levels.greatest() { each.next() } else { None };
        self.numbers.extend(levels.iter().map(number).map(Option::unwrap_or_default));
    }

    fn pick(&mut self, rows: &[u32], greatest: u8) -> (Levels, Vec<u32>) {
        if self.levels.is_empty() {
            let numbers = rows.iter().map(|row| self.numbers[*row as usize]).collect();
            return (Levels::values(greatest, rows.len()), numbers);
        }
        self.levels.resize(self.numbers.len(), greatest);
        let levels: Vec<u8> = rows.iter().map(|row| self.levels[*row as usize]).collect();
        let mut numbers = Vec::with_capacity(rows.len());
        for (row, level) in rows.iter().zip(&levels) {
            if *level == greatest {
                numbers.push(self.numbers[*row as usize]);
            }
        }
        (Levels::new(greatest, levels), numbers)
    }
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
    chunk.expect(pieces.iter().map(TextPiece::memory).sum());
    // No other piece joins one that is a page.
    let size = |piece: &TextPiece| match piece.values {
        Values::Ready(..) => PAGE_BYTES + 1,
        _ => piece.bytes(),
    };
    let mut from = 0;
    for end in page_ends(pieces.iter().map(|piece| (piece.levels.rows(), size(piece)))) {
        let parts = pieces[from..end].iter().map(|piece| (&piece.levels, &piece.bounds, piece.text_bytes));
        let (facts, mut levels) = page(parts, encoding);
        if let Values::Ready(page) = &pieces[from].values {
            chunk.ready(facts, page.compressed.clone(), page.uncompressed)?;
        } else {
            let texts = || pieces[from..end].iter().filter_map(texts);
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

fn texts(piece: &TextPiece) -> Option<&Texts> {
    match &piece.values {
        Values::Listed(texts) => Some(texts),
        Values::Ready(_) | Values::Numbered(..) => None,
    }
}

/// For each page the number of the part behind it: as many parts as fit by rows and bytes.
fn page_ends(parts: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    let (mut ends, mut all_rows, mut all_bytes, mut count) = (Vec::new(), 0, 0, 0);
    for (index, (rows, bytes)) in parts.enumerate() {
        if index > 0 && (all_rows + rows > PAGE_ROWS || all_bytes + bytes > PAGE_BYTES) {
            ends.push(index);
            (all_rows, all_bytes) = (0, 0);
        }
        all_rows += rows;
        all_bytes += bytes;
        count = index + 1;
    }
    ends.push(count);
    ends
}

/// What the parts of a page hold together: of each its levels, bounds and bytes of all texts.
fn page<'p>(
    parts: impl Iterator<Item = (&'p Levels, &'p Option<Bounds>, usize)>,
    encoding: Encoding,
) -> (PageFacts, PageLevels) {
    let mut parts = parts.peekable();
    let mut levels = PageLevels::new(parts.peek().map_or(1, |(levels, _, _)| levels.greatest()));
    let mut bounds = None;
    let mut text_bytes = 0;
    for (more_levels, more_bounds, more_bytes) in parts {
        levels.append(more_levels);
        if let Some(more) = more_bounds {
            Bounds::join(&mut bounds, more);
        }
        text_bytes += more_bytes as i64;
    }
    let (rows, histogram) = (levels.rows(), levels.histogram());
    (PageFacts { encoding, rows, histogram, bounds, text_bytes: Some(text_bytes) }, levels)
}
