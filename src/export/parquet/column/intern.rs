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
            for (text, hash) in texts.iter().zip(hashes) {
                numbers.push(u16::try_from(self.number_of(text, hash)?).ok()?);
            }
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
    let (Some(first), Some(other_first)) = (one.first_chunk::<8>(), other.first_chunk::<8>()) else {
        return one.iter().zip(other).all(|(one, other)| one == other);
    };
    let (last, other_last) = (one.last_chunk::<8>(), other.last_chunk::<8>());
    first == other_first && last == other_last && (one.len() <= 16 || same_long(one, other))
}

/// Are texts of the same length equal, of at least 16 bytes?
#[inline]
fn same_long(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<16>() == other.first_chunk()
        && one.last_chunk::<16>() == other.last_chunk()
        && (one.len() <= 32 || one[16..] == other[16..])
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
