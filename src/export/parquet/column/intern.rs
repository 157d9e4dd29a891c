//! Distinct values numbered in the order in which they come.

/// Longest search for a free slot. Beyond it somebody chooses values that meet, and a dictionary is given up.
const SEARCH: usize = 64;

/// Numbers texts; it does not copy them.
pub(super) struct Interner<'a> {
    /// Number of the text plus one, and bits of its hash; a power of two of them.
    slots: Vec<Slot>,
    texts: Vec<&'a [u8]>,
    /// The number given last: neighbours are often the same.
    last: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    number: u32,
    tag: u32,
}

impl<'a> Interner<'a> {
    /// None yet.
    pub(super) fn new() -> Interner<'a> {
        Interner { slots: vec![Slot::default(); 64], texts: Vec::new(), last: 0 }
    }

    /// The distinct texts so far.
    pub(super) fn texts(&self) -> &[&'a [u8]] {
        &self.texts
    }

    /// The number of a text; `None` if too many others have the same hash.
    pub(super) fn number(&mut self, text: &'a [u8]) -> Option<u32> {
        if let Some(last) = self.texts.get(self.last as usize)
            && same(last, text)
        {
            return Some(self.last);
        }
        let hash = hash(text);
        let tag = hash as u32;
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        for _ in 0..SEARCH {
            let slot = self.slots[at];
            if slot.number == 0 {
                self.texts.push(text);
                self.slots[at] = Slot { number: self.texts.len() as u32, tag };
                if self.texts.len() * 2 > self.slots.len() {
                    self.grow();
                }
                self.last = self.texts.len() as u32 - 1;
                return Some(self.last);
            }
            if slot.tag == tag && same(self.texts[slot.number as usize - 1], text) {
                self.last = slot.number - 1;
                return Some(self.last);
            }
            at = (at + 1) & mask;
        }
        None
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
    let (Some(first), Some(other_first)) = (one.first_chunk::<8>(), other.first_chunk::<8>()) else {
        return one.iter().zip(other).all(|(one, other)| one == other);
    };
    let (last, other_last) = (one.last_chunk::<8>(), other.last_chunk::<8>());
    first == other_first && last == other_last && (one.len() <= 16 || one[8..] == other[8..])
}

/// A cheap hash of the length and the first, middle and last eight bytes. Texts that differ elsewhere only meet in it;
/// [`SEARCH`] bounds what that costs.
#[inline]
fn hash(text: &[u8]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let word = |word: Option<&[u8; 8]>| word.map_or(0, |word| u64::from_le_bytes(*word));
    let (first, last) = (text.first_chunk(), text.last_chunk());
    let (first, middle, last) = match first {
        Some(_) => (word(first), word(text[(text.len() - 8) / 2..].first_chunk()), word(last)),
        None => (text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0, 0),
    };
    let mixed = (first ^ (text.len() as u64) << 56).wrapping_mul(ODD);
    let mixed = (mixed ^ mixed >> 29 ^ last).wrapping_mul(ODD);
    let mixed = (mixed ^ mixed >> 31 ^ middle).wrapping_mul(ODD);
    mixed ^ mixed >> 32
}
