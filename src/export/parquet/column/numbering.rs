//! Distinct texts of a column and a number a row, made from its cells one tile after the other.

use super::bounds::Extremes;
use super::intern::Interner;
use super::levels::GrowingLevels;
use super::text::{TextPiece, Texts, Values};

/// Values after which it is asked whether any of them repeat.
const TRIAL: usize = 512;

/// A piece of distinct texts on its way.
pub(super) struct Numbering<'t> {
    interner: Interner<'t>,
    numbers: Vec<u16>,
    levels: GrowingLevels,
    text_bytes: usize,
}

impl<'t> Numbering<'t> {
    /// Without cells; `greatest` is the level of a row with a text, and so many rows are to come.
    pub(super) fn new(greatest: u8, rows: usize) -> Numbering<'t> {
        Numbering {
            interner: Interner::new(),
            numbers: Vec::with_capacity(rows),
            levels: GrowingLevels::new(greatest),
            text_bytes: 0,
        }
    }

    /// Takes the texts and levels of some rows; `None` if hardly any repeats.
    pub(super) fn add(&mut self, mut texts: &[&'t [u8]], levels: &[u8]) -> Option<()> {
        self.levels.add(levels, texts.len());
        self.text_bytes += texts.iter().map(|text| text.len()).sum::<usize>();
        while !texts.is_empty() {
            let until_trial = TRIAL - self.numbers.len() % TRIAL;
            let (now, later) = texts.split_at(until_trial.min(texts.len()));
            self.interner.numbers(now, &mut self.numbers)?;
            if self.numbers.len().is_multiple_of(TRIAL) && self.interner.texts().len() * 8 > self.numbers.len() * 7
            {
                return None;
            }
            texts = later;
        }
        Some(())
    }

    /// The piece.
    pub(super) fn finish(self) -> TextPiece {
        let mut extremes = Extremes::default();
        self.interner.texts().iter().for_each(|text| extremes.see(text));
        TextPiece {
            levels: self.levels.finish(),
            values: Values::Numbered(Texts::plain(self.interner.texts()), self.numbers),
            bounds: extremes.bounds(),
            text_bytes: self.text_bytes,
            hashes: Vec::new(),
        }
    }
}
