//! What follows from a text that comes again and again, at hand without hashing all of it.

/// Slots; a power of two. A log names far fewer callers, buckets or operations at a time.
const SLOTS: usize = 1024;

/// Longest text that is remembered. Names of sessions, buckets and operations are shorter; a longer text takes the slower
/// way.
const MOST_TEXT: usize = 128;

/// A memory of one value a slot: what falls on a slot that is taken replaces what was there. So it needs no more than
/// [`SLOTS`] times [`MOST_TEXT`] bytes, and nothing but speed depends on what it holds.
#[derive(Clone, Debug)]
pub struct Memo<T> {
    /// Length of the text and the value.
    values: Vec<Option<(u8, T)>>,
    /// The text of each slot begins at the same multiple of [`MOST_TEXT`]: both are fetched at once, and not the one after
    /// the other.
    texts: Vec<u8>,
}

impl<T> Default for Memo<T> {
    fn default() -> Memo<T> {
        Memo { values: Vec::new(), texts: Vec::new() }
    }
}

impl<T: Copy> Memo<T> {
    /// What was remembered for a text.
    pub fn get(&self, text: &[u8]) -> Option<T> {
        let slot = slot(text);
        let (length, value) = (*self.values.get(slot)?)?;
        let known = self.texts.get(slot * MOST_TEXT..slot * MOST_TEXT + usize::from(length))?;
        (known == text).then_some(value)
    }

    /// Remembers.
    pub fn set(&mut self, text: &[u8], value: T) {
        if text.len() > MOST_TEXT {
            return;
        }
        if self.values.is_empty() {
            self.values.resize(SLOTS, None);
            self.texts.resize(SLOTS * MOST_TEXT, 0);
        }
        let slot = slot(text);
        self.values[slot] = Some((text.len() as u8, value));
        self.texts[slot * MOST_TEXT..][..text.len()].copy_from_slice(text);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.values.clear();
        self.texts.clear();
    }
}

/// By length and the last sixteen bytes, where names differ most.
fn slot(text: &[u8]) -> usize {
    let halves = match text.last_chunk::<16>() {
        Some(last) => *last,
        None => {
            let mut last = [0; 16];
            last[..text.len()].copy_from_slice(text);
            last
        }
    };
    let both = u128::from_le_bytes(halves);
    let mixed = (both as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((both >> 64) as u64 ^ text.len() as u64);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_its_own_value_or_none() {
        let mut memo = Memo::default();
        let texts: Vec<String> = (0..5000).map(|number| format!("{number}{}", "-".repeat(number % 40))).collect();
        for (number, text) in texts.iter().enumerate() {
            memo.set(text.as_bytes(), number);
            assert_eq!(memo.get(text.as_bytes()), Some(number));
        }
        let left =
            texts.iter().enumerate().filter_map(|(number, text)| Some((number, memo.get(text.as_bytes())?)));
        let left: Vec<(usize, usize)> = left.collect();
        assert!(left.len() > SLOTS / 2 && left.iter().all(|(number, value)| number == value));
        memo.set(&[b'a'; MOST_TEXT + 1], 1);
        assert_eq!(memo.get(&[b'a'; MOST_TEXT + 1]), None);
        memo.clear();
        assert_eq!(memo.get(texts[4999].as_bytes()), None);
    }
}
