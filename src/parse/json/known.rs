//! Names of members that are expected, compared as whole words.

/// The name of a member as it mostly stands in a text: `"name":`.
#[derive(Clone, Copy, Debug)]
pub struct KnownName {
    name: &'static str,
    /// The first sixteen bytes, zeros behind a shorter one.
    head: u128,
    /// All bits of the bytes that `head` has.
    mask: u128,
    /// The last sixteen bytes of a longer one.
    tail: u128,
}

/// Bytes of a word.
const WORD: usize = 16;

impl KnownName {
    /// A name of printable ASCII without quotes and backslashes.
    pub const fn new(name: &'static str) -> KnownName {
        let length = name.len() + 3;
        let head = word(name, 0);
        let mask = if length < WORD { (1 << (8 * length)) - 1 } else { u128::MAX };
        let tail = if length > WORD { word(name, length - WORD) } else { 0 };
        KnownName { name, head, mask, tail }
    }

    /// The name alone.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Length of the name with quotes and colon where `text` begins with them. Not found where the text is shorter than
    /// a word.
    #[inline(always)]
    pub fn length_in(&self, text: &[u8]) -> Option<usize> {
        let length = self.name.len() + 3;
        if u128::from_le_bytes(*text.first_chunk()?) & self.mask != self.head {
            return None;
        }
        if length > WORD {
            let behind = text.get(length - WORD..)?;
            if u128::from_le_bytes(*behind.first_chunk()?) != self.tail {
                return None;
            }
            if length > 2 * WORD && text[1..length - 2] != *self.name.as_bytes() {
                return None;
            }
        }
        Some(length)
    }
}

/// A word of `"name":` from byte `from` on; zeros behind its end.
const fn word(name: &str, from: usize) -> u128 {
    let mut bytes = [0; WORD];
    let mut at = 0;
    while at < WORD && from + at < name.len() + 3 {
        bytes[at] = byte(name.as_bytes(), from + at);
        at += 1;
    }
    u128::from_le_bytes(bytes)
}

/// A byte of `"name":`.
const fn byte(name: &[u8], at: usize) -> u8 {
    if at == 0 || at == name.len() + 1 {
        b'"'
    } else if at <= name.len() {
        name[at - 1]
    } else {
        b':'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_is_found_only_whole() {
        let names: Vec<&'static str> = (0..60).map(|length| &*"a".repeat(length).leak()).collect();
        for name in &names {
            let known = KnownName::new(name);
            for other in &names {
                let text = format!("\"{other}\":                ");
                let found = known.length_in(text.as_bytes());
                assert_eq!(found, (name == other).then_some(name.len() + 3), "{name} in {text}");
            }
            for at in 0..name.len() + 3 {
                let mut text = format!("\"{name}\":                ").into_bytes();
                text[at] ^= 1;
                assert_eq!(known.length_in(&text), None, "{name} changed at {at}");
                let cut = &format!("\"{name}\":")[..at];
                assert_eq!(known.length_in(cut.as_bytes()), None, "{name} cut at {at}");
            }
        }
    }
}
