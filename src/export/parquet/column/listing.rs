//! Texts of a column one after the other, made from its cells one tile after the other.

use super::bounds::Extremes;
use super::codec::Scratch;
use super::levels::GrowingLevels;
use super::text::{TextForm, TextPiece, Texts};
use super::{PAGE_BYTES, filter};
use parquet::errors::Result;

/// Pieces of listed texts on their way: a new one where a page would be full.
pub(super) struct Listing<'t> {
    greatest: u8,
    form: TextForm,
    full: Vec<TextPiece>,
    levels: GrowingLevels,
    facts: ListFacts<'t>,
    listed: Texts,
}

impl<'t> Listing<'t> {
    /// Without cells; `greatest` is the level of a row with a text, and so many rows are to come.
    pub(super) fn new(greatest: u8, rows: usize, form: TextForm, scratch: &mut Scratch) -> Listing<'t> {
        let hashes = Vec::with_capacity(if form.hashes { rows } else { 0 });
        Listing {
            greatest,
            form,
            full: Vec::new(),
            levels: GrowingLevels::new(greatest),
            facts: ListFacts { hashes, ..ListFacts::default() },
            listed: scratch.texts.pop().unwrap_or_else(Texts::of_a_page),
        }
    }

    /// Takes the texts and levels of some rows.
    pub(super) fn add(&mut self, texts: &[&'t [u8]], levels: &[u8], scratch: &mut Scratch) -> Result<()> {
        let text_bytes = texts.iter().map(|text| text.len()).sum::<usize>();
        if self.listed.size() + text_bytes + 4 * texts.len() > PAGE_BYTES {
            return self.add_each(texts, levels, scratch);
        }
        self.levels.add(levels, texts.len());
        self.facts.text_bytes += text_bytes;
        for text in texts {
            self.listed.push(text, self.form.layout);
            self.facts.extremes.see(text);
        }
        if self.form.hashes {
            self.facts.hashes.extend(texts.iter().map(|text| filter::hash(text)));
        }
        Ok(())
    }

    /// The same where a page ends among the rows.
    fn add_each(&mut self, texts: &[&'t [u8]], levels: &[u8], scratch: &mut Scratch) -> Result<()> {
        let mut texts = texts.iter();
        for level in levels {
            let text = if *level == self.greatest { texts.next() } else { None };
            if let Some(text) = text {
                if self.listed.size() + text.len() + 4 > PAGE_BYTES && self.levels.rows() > 0 {
                    self.end_piece(scratch)?;
                }
                self.listed.push(text, self.form.layout);
                self.facts.see(text, self.form);
            }
            self.levels.add(&[*level], usize::from(text.is_some()));
        }
        Ok(())
    }

    fn end_piece(&mut self, scratch: &mut Scratch) -> Result<()> {
        let levels = std::mem::replace(&mut self.levels, GrowingLevels::new(self.greatest)).finish();
        let ListFacts { extremes, text_bytes, hashes } = std::mem::take(&mut self.facts);
        let values = self.listed.values(&levels, self.form, scratch)?;
        self.full.push(TextPiece { levels, values, bounds: extremes.bounds(), text_bytes, hashes });
        self.listed.clear();
        Ok(())
    }

    /// The pieces; at least one.
    pub(super) fn finish(mut self, scratch: &mut Scratch) -> Result<Vec<TextPiece>> {
        self.end_piece(scratch)?;
        scratch.texts.push(self.listed);
        Ok(self.full)
    }
}

/// What is told of listed texts.
#[derive(Default)]
struct ListFacts<'t> {
    extremes: Extremes<'t>,
    text_bytes: usize,
    hashes: Vec<u64>,
}

impl<'t> ListFacts<'t> {
    fn see(&mut self, text: &'t [u8], form: TextForm) {
        self.extremes.see(text);
        self.text_bytes += text.len();
        if form.hashes {
            self.hashes.push(filter::hash(text));
        }
    }
}
