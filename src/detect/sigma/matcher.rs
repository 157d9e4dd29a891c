//! Does a text match any of a rule's values? All values of a field are sought at once.

use aho_corasick::AhoCorasick;
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
    contains: Contains,
    globs: Vec<Glob>,
    /// Expressions.
    pub regexes: Vec<Regex>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Numbers it must be, or be held against.
    pub numbers: Vec<(Comparison, f64)>,
}

/// Texts that may stand anywhere.
#[derive(Debug, Default)]
enum Contains {
    #[default]
    Nothing,
    One(Box<Finder<'static>>),
    Many(Box<AhoCorasick>),
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
        self.contains = match &texts.contains[..] {
            [] => Contains::Nothing,
            [one] => Contains::One(Box::new(Finder::new(one).into_owned())),
            many => Contains::Many(Box::new(AhoCorasick::new(many).map_err(|error| error.to_string())?)),
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
        let value = if self.is_cased { Cow::Borrowed(value) } else { folded(value) };
        self.exact.contains(&*value)
            || self.starts.iter().any(|start| value.starts_with(start))
            || self.ends.iter().any(|end| value.ends_with(end))
            || match &self.contains {
                Contains::Nothing => false,
                Contains::One(finder) => finder.find(&value).is_some(),
                Contains::Many(all) => all.is_match(&*value),
            }
            || self.globs.iter().any(|glob| glob.is_in(&value))
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
