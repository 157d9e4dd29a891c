//! Does a text match any of a rule's values? All values of a field are sought at once.

use aho_corasick::AhoCorasick;
use aho_corasick::packed::Searcher;
use hashbrown::HashSet;
use memchr::memmem::{Finder, find};
use regex::bytes::Regex;
use std::borrow::Cow;
use std::net::IpAddr;

/// What is sought in the values of a field; one of all is enough.
#[derive(Debug, Default)]
pub struct Matcher {
    /// Does upper and lower case count for texts?
    pub is_cased: bool,
    /// Nothing at all.
    pub null: bool,
    /// Anything at all.
    pub any: bool,
    exact: HashSet<Box<[u8]>>,
    starts: Vec<Box<[u8]>>,
    ends: Vec<Box<[u8]>>,
    /// The letters that `ends` end with: most texts end otherwise.
    last: Letters,
    contains: Contains,
    globs: Vec<Glob>,
    /// Expressions.
    pub regexes: Vec<Regex>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Numbers it must be, or be held against.
    pub numbers: Vec<(Comparison, f64)>,
}

/// Texts that are compared one by one rather than looked up.
const FEW: usize = 8;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Letters([u64; 4]);

impl Letters {
    fn add(&mut self, letter: u8) {
        self.0[usize::from(letter / 64)] |= 1 << (letter % 64);
    }

    fn has(self, letter: u8) -> bool {
        self.0[usize::from(letter / 64)] & 1 << (letter % 64) != 0
    }
}

/// Texts that may stand anywhere.
#[derive(Debug, Default)]
enum Contains {
    #[default]
    Nothing,
    One(Box<Finder<'static>>),
    Many(Box<Many>),
}

/// Texts that are sought at once.
#[derive(Debug)]
struct Many {
    /// By vector instructions, in the case of what is sought; where the processor has them and the texts are not too many.
    packed: Option<Searcher>,
    /// In either case, or in that of what is sought.
    automaton: AhoCorasick,
}

/// Longest text that is folded without memory of its own.
const SHORT: usize = 256;

impl Many {
    fn is_in(&self, text: &[u8], is_cased: bool) -> bool {
        let mut buffer = [0; SHORT];
        match (&self.packed, buffer.get_mut(..text.len())) {
            (Some(packed), _) if is_cased => packed.find(text).is_some(),
            (Some(packed), Some(folded)) => {
                folded.copy_from_slice(text);
                folded.make_ascii_lowercase();
                packed.find(folded).is_some()
            }
            _ => self.automaton.is_match(text),
        }
    }
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Equal,
    /// `gt`
    Greater,
    /// `gte`
    AtLeast,
    /// `lt`
    Less,
    /// `lte`
    AtMost,
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            // Both were written out as decimals.
            Comparison::Equal => left.total_cmp(&right).is_eq(),
            Comparison::Greater => left > right,
            Comparison::AtLeast => left >= right,
            Comparison::Less => left < right,
            Comparison::AtMost => left <= right,
        }
    }
}

/// A text with wildcards: pieces between `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Glob {
    /// The pieces; empty where a `*` stands at that end.
    pub pieces: Vec<Box<[u8]>>,
}

impl Glob {
    fn is_in(&self, text: &[u8]) -> bool {
        let [first, middle @ .., last] = &self.pieces[..] else {
            return self.pieces.first().is_some_and(|only| **only == *text);
        };
        let Some(mut rest) = text.strip_prefix(&**first) else { return false };
        for piece in middle {
            let Some(at) = find(rest, piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last)
    }
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    shift: u32,
    is_v4: bool,
}

impl Network {
    /// `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (bits, is_v4) = bits(address.trim().parse().ok()?);
        let width: u32 = if is_v4 { 32 } else { 128 };
        let shift = width.checked_sub(length.unwrap_or(width))?;
        Some(Network { bits: bits.checked_shr(shift).unwrap_or(0), shift, is_v4 })
    }

    fn holds(self, address: IpAddr) -> bool {
        let (bits, is_v4) = bits(address);
        is_v4 == self.is_v4 && bits.checked_shr(self.shift).unwrap_or(0) == self.bits
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(address.to_bits()), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

/// Texts of a matcher that is being made, not yet joined.
#[derive(Debug, Default)]
pub struct Texts {
    /// That stand anywhere.
    pub contains: Vec<Vec<u8>>,
}

impl Matcher {
    /// Adds a glob in its simplest form; `texts` gathers those that may stand anywhere.
    pub fn add(&mut self, glob: Glob, texts: &mut Texts) {
        let fold = |bytes: &[u8]| -> Box<[u8]> { if self.is_cased { bytes.into() } else { folded(bytes).into() } };
        let pieces: Vec<Box<[u8]>> = glob.pieces.iter().map(|piece| fold(piece)).collect();
        match &pieces[..] {
            [] => {}
            [only] => _ = self.exact.insert(only.clone()),
            [first, last] if first.is_empty() && last.is_empty() => self.any = true,
            [first, last] if last.is_empty() => self.starts.push(first.clone()),
            [first, last] if first.is_empty() => self.ends.push(last.clone()),
            [first, middle, last] if first.is_empty() && last.is_empty() => texts.contains.push(middle.to_vec()),
            _ => self.globs.push(Glob { pieces }),
        }
    }

    /// Makes ready.
    ///
    /// # Errors
    /// What is too large.
    pub fn close(&mut self, texts: Texts) -> Result<(), String> {
        for end in &self.ends {
            // An empty one is at the end of every text.
            let letters = end.last().map_or(0..=u8::MAX, |letter| *letter..=*letter);
            letters
                .flat_map(|letter| [letter, letter.to_ascii_uppercase()])
                .for_each(|letter| self.last.add(letter));
        }
        self.contains = match &texts.contains[..] {
            [] => Contains::Nothing,
            [one] if self.is_cased => Contains::One(Box::new(Finder::new(one).into_owned())),
            many => {
                let built = AhoCorasick::builder().ascii_case_insensitive(!self.is_cased).build(many);
                let automaton = built.map_err(|error| error.to_string())?;
                Contains::Many(Box::new(Many { packed: Searcher::new(many), automaton }))
            }
        };
        Ok(())
    }

    /// Does it take longer than to compare?
    pub fn is_costly(&self) -> bool {
        !matches!(self.contains, Contains::Nothing)
            || !self.globs.is_empty()
            || !self.regexes.is_empty()
            || self.starts.len() + self.ends.len() > 8
    }

    /// Does a value match? `None` is none.
    pub fn matches(&self, value: Option<&[u8]>) -> bool {
        let Some(value) = value else { return self.null };
        if self.any || self.regexes.iter().any(|regex| regex.is_match(value)) {
            return true;
        }
        self.matches_text(value) || self.matches_number(value) || self.matches_network(value)
    }

    fn matches_text(&self, value: &[u8]) -> bool {
        if self.is_cased {
            return self.holds_text(value, <[u8]>::eq) || self.is_among(value);
        }
        if !value.is_ascii() {
            let value = folded(value);
            return self.holds_text(&value, <[u8]>::eq) || self.is_among(&value);
        }
        // What is sought is folded already: most texts are compared as they stand.
        self.holds_text(value, <[u8]>::eq_ignore_ascii_case)
            || (self.exact.len() > FEW || !self.globs.is_empty()) && self.is_among(&folded(value))
    }

    /// Of the questions that need no text of their own for either case.
    fn holds_text(&self, value: &[u8], is_same: fn(&[u8], &[u8]) -> bool) -> bool {
        (self.exact.len() <= FEW && self.exact.iter().any(|text| is_same(text, value)))
            || self.starts.iter().any(|start| value.get(..start.len()).is_some_and(|head| is_same(start, head)))
            || self.ends_one_of(value, is_same)
            || match &self.contains {
                Contains::Nothing => false,
                Contains::One(finder) => finder.find(value).is_some(),
                Contains::Many(all) => all.is_in(value, self.is_cased),
            }
    }

    fn ends_one_of(&self, value: &[u8], is_same: fn(&[u8], &[u8]) -> bool) -> bool {
        let is_end = |end: &[u8]| value.len().checked_sub(end.len()).is_some_and(|at| is_same(end, &value[at..]));
        value.last().is_none_or(|letter| self.last.has(*letter)) && self.ends.iter().any(|end| is_end(end))
    }

    /// Of the others, for a text in the case of what is sought.
    fn is_among(&self, value: &[u8]) -> bool {
        (self.exact.len() > FEW && self.exact.contains(value)) || self.globs.iter().any(|glob| glob.is_in(value))
    }

    fn matches_number(&self, value: &[u8]) -> bool {
        if self.numbers.is_empty() {
            return false;
        }
        let number = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<f64>().ok());
        number
            .is_some_and(|number| self.numbers.iter().any(|(comparison, other)| comparison.holds(number, *other)))
    }

    fn matches_network(&self, value: &[u8]) -> bool {
        if self.networks.is_empty() {
            return false;
        }
        let address = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        address.is_some_and(|address| self.networks.iter().any(|network| network.holds(address)))
    }
}

/// A text without the difference of upper and lower case; borrowed where there is nothing to change.
pub fn folded(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        if !text.iter().any(u8::is_ascii_uppercase) {
            return Cow::Borrowed(text);
        }
        return Cow::Owned(text.to_ascii_lowercase());
    }
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Owned(text.to_lowercase().into_bytes()),
        Err(_) => Cow::Owned(text.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Glob {
        Glob { pieces: text.split('*').map(|piece| piece.as_bytes().into()).collect() }
    }

    fn matcher(is_cased: bool, globs: &[&str]) -> Matcher {
        let (mut matcher, mut texts) = (Matcher { is_cased, ..Matcher::default() }, Texts::default());
        globs.iter().for_each(|text| matcher.add(glob(text), &mut texts));
        matcher.close(texts).unwrap();
        matcher
    }

    #[test]
    fn texts_match_with_wildcards_and_in_either_case() {
        for (globs, text, expected) in [
            (&["GetObject"][..], "getobject", true),
            (&["GetObject"], "GetObjectAcl", false),
            (&["Get*"], "getobjectacl", true),
            (&["*Acl"], "GetObjectAcl", true),
            (&["*object*"], "GetObjectAcl", true),
            (&["a*b*c"], "aXbXc", true),
            (&["a*b*c"], "abc", true),
            (&["a*b*c"], "acb", false),
            (&["ab*ba"], "aba", false),
            (&["*"], "", true),
            (&["a**b"], "ab", true),
            (&["x", "*y*", "*z*"], "a-Z-b", true),
            (&["straße"], "STRASSE", false),
            (&["ÄB*"], "äbc", true),
            (&[""], "", true),
            (&[""], "a", false),
        ] {
            assert_eq!(matcher(false, globs).matches(Some(text.as_bytes())), expected, "{globs:?} {text}");
        }
        assert!(
            matcher(true, &["Get*"]).matches(Some(b"GetX")) && !matcher(true, &["Get*"]).matches(Some(b"getX"))
        );
        assert!(!matcher(false, &["*"]).matches(None));
    }

    #[test]
    fn addresses_are_in_networks() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
            ("::/0", "1.2.3.4", false),
            ("10.0.0.0/8", "ec2.amazonaws.com", false),
        ] {
            let mut matcher = Matcher::default();
            matcher.networks.push(Network::parse(network).unwrap());
            assert_eq!(matcher.matches(Some(address.as_bytes())), expected, "{network} {address}");
        }
        for bad in ["10.0.0.0/33", "10.0.0", "x/8", "::/129", ""] {
            assert_eq!(Network::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        for (comparison, expected) in [
            (Comparison::Equal, [false, true, false]),
            (Comparison::Greater, [false, false, true]),
            (Comparison::AtLeast, [false, true, true]),
            (Comparison::Less, [true, false, false]),
            (Comparison::AtMost, [true, true, false]),
        ] {
            let matcher = Matcher { numbers: vec![(comparison, 10.0)], ..Matcher::default() };
            assert_eq!(["9", "10.0", "1e2"].map(|text| matcher.matches(Some(text.as_bytes()))), expected);
            assert!(!matcher.matches(Some(b"ten")));
        }
    }
}
