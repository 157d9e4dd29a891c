//! Listed texts in another order.

use super::super::order::{RowOrder, Stretch};
use super::codec::Scratch;
use super::text::{Layout, RowLevels, TextForm, TextPiece, Values, list, plain};
use parquet::errors::Result;
use std::borrow::Cow;

/// Pieces in the order of rows. `groups` are the pieces of each of the `Rows` that were put in order, without numbered
/// ones.
pub(super) fn listed(
    groups: Vec<Vec<TextPiece>>,
    order: &RowOrder,
    form: TextForm,
    scratch: &mut Scratch,
) -> Result<Vec<TextPiece>> {
    let greatest = groups.iter().flatten().next().map_or(1, |piece| piece.levels.greatest());
    let lists: Vec<Vec<Cow<'_, [u8]>>> = (groups.iter().zip(&order.is_mixed))
        .map(|(pieces, is_mixed)| match is_mixed {
            true => pieces.iter().map(|piece| bytes(piece, scratch)).collect(),
            false => Ok(Vec::new()),
        })
        .collect::<Result<_>>()?;
    let opened = Opened::new(&groups, &lists, order.mixed.len(), form.layout);
    let mut gathered: Vec<Vec<TextPiece>> = Vec::new();
    for stretch in &order.stretches {
        if let Stretch::Mixed(places) = stretch {
            let rows = &order.mixed[places.clone()];
            let levels: Vec<u8> = match opened.levels.is_empty() {
                true => Vec::new(),
                false => rows.iter().map(|row| opened.levels[*row as usize]).collect(),
            };
            let texts = rows.iter().map(|row| opened.texts[*row as usize]);
            let given = (!levels.is_empty()).then_some(&levels[..]);
            gathered.push(list(texts, RowLevels { greatest, given }, form, scratch)?);
        }
    }
    drop(opened);
    drop(lists);
    let (mut groups, mut gathered) = (groups, gathered.into_iter());
    let pieces = order.stretches.iter().flat_map(|stretch| match stretch {
        Stretch::Whole(index) => std::mem::take(&mut groups[*index]),
        Stretch::Mixed(_) => gathered.next().unwrap_or_default(),
    });
    Ok(pieces.collect())
}

/// A text and a level a row, of those that are mixed.
struct Opened<'t> {
    texts: Vec<Option<&'t [u8]>>,
    /// None where a text tells the level.
    levels: Vec<u8>,
}

impl<'t> Opened<'t> {
    fn new(
        groups: &'t [Vec<TextPiece>],
        lists: &'t [Vec<Cow<'_, [u8]>>],
        rows: usize,
        layout: Layout,
    ) -> Opened<'t> {
        let mut opened = Opened { texts: Vec::with_capacity(rows), levels: Vec::new() };
        for (pieces, lists) in groups.iter().zip(lists).filter(|(_, lists)| !lists.is_empty()) {
            for (piece, list) in pieces.iter().zip(lists) {
                opened.add(piece, list, layout);
            }
            if pieces.iter().any(|piece| piece.levels.greatest() > 1) {
                opened.levels.extend(pieces.iter().flat_map(|piece| piece.levels.iter()));
            }
        }
        opened
    }

    fn add(&mut self, piece: &'t TextPiece, list: &'t [u8], layout: Layout) {
        match (layout, &piece.values) {
            (Layout::DeltaLength, Values::Listed(texts)) => self.add_each(piece, split(list, &texts.lengths)),
            (Layout::DeltaLength, Values::Ready(page)) => self.add_each(piece, split(list, &page.lengths)),
            _ => self.add_each(piece, plain(list)),
        }
    }

    fn add_each(&mut self, piece: &TextPiece, mut texts: impl Iterator<Item = &'t [u8]>) {
        if piece.levels.all_values() {
            self.texts.extend(texts.map(Some));
        } else {
            let greatest = piece.levels.greatest();
            let text = |level| if level == greatest { texts.next() } else { None };
            self.texts.extend(piece.levels.iter().map(text));
        }
    }
}

/// The bytes in which the listed texts of a piece lie.
fn bytes<'p>(piece: &'p TextPiece, scratch: &mut Scratch) -> Result<Cow<'p, [u8]>> {
    Ok(match &piece.values {
        Values::Listed(texts) | Values::Numbered(texts, _) => Cow::Borrowed(&texts.bytes[..]),
        Values::Ready(page) => Cow::Owned(page.list(scratch)?),
    })
}

/// Texts of these lengths.
fn split<'t>(mut texts: &'t [u8], lengths: &'t [u32]) -> impl Iterator<Item = &'t [u8]> {
    lengths.iter().map_while(move |length| {
        let (text, rest) = texts.split_at_checked(*length as usize)?;
        texts = rest;
        Some(text)
    })
}
