//! Distinct values numbered in the order in which they come.

/// Longest search for a free slot. Beyond it somebody chooses values that meet, and a dictionary is given up.
const SEARCH: usize = 64;
/// Texts that are hashed before the first of them is looked up.
const TOGETHER: usize = 64;

/// Numbers texts; it does not copy them.
pub(super) struct Interner<'a> {
    /// Number of the text plus one, and bits of its hash; a power of two of them.
    slots: Vec<Slot>,
    texts: Vec<&'a [u8]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    number: u32,
    tag: u32,
}

impl<'a> Interner<'a> {
    /// None yet.
    pub(super) fn new() -> Interner<'a> {
        Interner { slots: vec![Slot::default(); 64], texts: Vec::new() }
    }

    /// The distinct texts so far.
    pub(super) fn texts(&self) -> &[&'a [u8]] {
        &self.texts
    }

    /// Appends the numbers of these texts; `None` if too many others have the same hash as one.
    ///
    /// All are hashed before the first is looked up: what is fetched from memory for one does not wait for what another
    /// turns out to be.
    pub(super) fn numbers(&mut self, texts: &[&'a [u8]], numbers: &mut Vec<u16>) -> Option<()> {
        for texts in texts.chunks(TOGETHER) {
            let mut hashes = [0; TOGETHER];
            hashes.iter_mut().zip(texts).for_each(|(place, text)| *place = hash(text));
            let mut found = [0; TOGETHER];
            for ((place, text), hash) in found.iter_mut().zip(texts).zip(hashes) {
                *place = u16::try_from(self.number_of(text, hash)?).ok()?;
            }
            numbers.extend_from_slice(&found[..texts.len()]);
        }
        Some(())
    }

    /// The number of a text; `None` if too many others have the same hash.
    pub(super) fn number(&mut self, text: &'a [u8]) -> Option<u32> {
        self.number_of(text, hash(text))
    }

    #[inline]
    fn number_of(&mut self, text: &'a [u8], hash: u64) -> Option<u32> {
        let tag = hash as u32;
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        for _ in 0..SEARCH {
            let slot = self.slots[at];
            if slot.number == 0 {
                return Some(self.add(text, at, tag));
            }
            if slot.tag == tag && same(self.texts[slot.number as usize - 1], text) {
                return Some(slot.number - 1);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Gives a text that is new the next number, and the free slot.
    #[cold]
    fn add(&mut self, text: &'a [u8], at: usize, tag: u32) -> u32 {
        self.texts.push(text);
        let number = self.texts.len() as u32;
        self.slots[at] = Slot { number, tag };
        if self.texts.len() * 2 > self.slots.len() {
            self.grow();
        }
        number - 1
    }

    fn grow(&mut self) {
        let mut slots = vec![Slot::default(); self.slots.len() * 4];
        let mask = slots.len() - 1;
        for (number, text) in (1..).zip(&self.texts) {
            let hash = hash(text);
            let mut at = (hash >> 32) as usize & mask;
            while slots[at].number != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = Slot { number, tag: hash as u32 };
        }
        self.slots = slots;
    }
}

/// Are the texts equal? Short ones, which most are, are compared without a call.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..8 => of_short(one) == of_short(other),
        8..16 => ends::<8>(one) == ends(other),
        16..=32 => ends::<16>(one) == ends(other),
        _ => one == other,
    }
}

/// The first and the last so many bytes; they may overlap.
#[inline]
fn ends<const BYTES: usize>(text: &[u8]) -> Option<(&[u8; BYTES], &[u8; BYTES])> {
    text.first_chunk().zip(text.last_chunk())
}

/// A text of less than eight bytes as a number, another one for each text of that length.
#[inline]
fn of_short(text: &[u8]) -> u64 {
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => half(first) | half(last) << 32,
        _ => text.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    }
}

/// A cheap hash of the length and the first, middle and last eight bytes. Texts that differ elsewhere only meet in it;
/// [`SEARCH`] bounds what that costs.
#[inline]
fn hash(text: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (first, middle, last) = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let middle = text[(text.len() - 8) / 2..].first_chunk().unwrap_or(last);
            (u64::from_le_bytes(*first), u64::from_le_bytes(*middle), u64::from_le_bytes(*last))
        }
        _ => (of_short(text), 0, 0),
    };
    let start = (first ^ (text.len() as u64) << 56).wrapping_add(middle.wrapping_mul(ODD));
    let product = u128::from(start) * u128::from(last ^ ODD);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_texts_and_no_others_have_one_number(
            texts in prop::collection::vec("[ab]{0,9}|a{10,40}b?a{0,2}|[ab]{30,36}", 0..300),
        ) {
            let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
            let (mut distinct, mut expected) = (Vec::new(), Vec::new());
            for text in &texts {
                let place = distinct.iter().position(|known| known == text).unwrap_or(distinct.len());
                if place == distinct.len() {
                    distinct.push(*text);
                }
                expected.push(place as u16);
            }
            let mut interner = Interner::new();
            let mut numbers = Vec::new();
            // Too many meet in the hash: nothing is said of them.
            if interner.numbers(&texts, &mut numbers).is_some() {
                prop_assert_eq!(numbers, expected);
                prop_assert_eq!(interner.texts(), &distinct[..]);
            }
        }
    }
}
