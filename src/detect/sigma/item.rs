//! A line of a Sigma detection, a field with modifiers and values, as an expression.

use super::expression::{Expression, Place, Question, Test, TimePart};
use super::fields::{Field, Source};
use super::matcher::{Comparison, Glob, Matcher, Network, Texts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex::bytes::RegexBuilder;
use rsigma_parser::{DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};
use std::collections::{BTreeMap, BTreeSet};

/// What words between percent signs stand for (`|expand`).
pub type Placeholders = BTreeMap<String, BTreeSet<String>>;

/// Most values of a rule.
const MOST_VALUES: usize = 20_000;

/// Most regular expressions of a rule.
const MOST_REGEXES: usize = 200;

/// Most bytes of a regular expression once it is compiled, and of its table when it runs.
const MOST_REGEX_BYTES: usize = 1 << 20;

/// Makes the items of one rule.
pub struct Items<'a> {
    source: Source,
    placeholders: &'a Placeholders,
    values: usize,
    regexes: usize,
    /// What is odd but no error, one sentence each.
    pub notes: BTreeSet<String>,
}

/// How the values of an item are read.
struct Reading {
    place: Place,
    is_cased: bool,
    comparison: Option<Comparison>,
    encodings: Vec<Modifier>,
    modifiers: Vec<Modifier>,
}

impl<'a> Items<'a> {
    /// For a rule about that source.
    pub fn new(source: Source, placeholders: &'a Placeholders) -> Items<'a> {
        Items { source, placeholders, values: 0, regexes: 0, notes: BTreeSet::new() }
    }

    /// Words that stand anywhere in a row.
    ///
    /// # Errors
    /// What cannot be expressed.
    pub fn keywords(&mut self, values: &[SigmaValue], modifiers: &[Modifier]) -> Result<Expression, String> {
        let mut reading = Reading::of(modifiers)?;
        if !modifiers.contains(&Modifier::Re) && reading.place == Place::Whole {
            reading.place = Place::Anywhere;
        }
        self.tests(&self.source.anywhere(), &reading, values)
    }

    /// An item with a field.
    ///
    /// # Errors
    /// What cannot be expressed.
    pub fn item(&mut self, item: &DetectionItem) -> Result<Expression, String> {
        let Some(name) = &item.field.name else { return self.keywords(&item.values, &item.field.modifiers) };
        let field = Field::named(self.source, name)?;
        if !field.is_known() {
            self.notes.insert(format!("the field {name} is no documented member of CloudTrail's records"));
        }
        let reading = Reading::of(&item.field.modifiers)?;
        let of = |question| Expression::Test(Box::new(Test { field: field.clone(), question }));
        if reading.has(Modifier::Exists) {
            let exists = match &item.values[..] {
                [SigmaValue::Bool(exists)] => *exists,
                _ => return Err(format!("{name}|exists takes true or false")),
            };
            return Ok(if exists {
                of(Question::Exists)
            } else {
                Expression::Not(Box::new(of(Question::Exists)))
            });
        }
        if reading.has(Modifier::FieldRef) {
            let others = item.values.iter().map(|value| Field::named(self.source, &value.to_string()));
            let same = |other: Result<Field, String>| {
                let (place, is_cased) = (reading.place, reading.is_cased);
                Ok(of(Question::SameAs { other: other?, place, is_cased }))
            };
            let tests = others.map(same).collect::<Result<Vec<_>, String>>()?;
            return Ok(if reading.has(Modifier::All) { Expression::All(tests) } else { Expression::Any(tests) });
        }
        let tests = self.tests(&field, &reading, &item.values)?;
        Ok(if reading.has(Modifier::Neq) { Expression::Not(Box::new(tests)) } else { tests })
    }

    fn tests(&mut self, field: &Field, reading: &Reading, values: &[SigmaValue]) -> Result<Expression, String> {
        self.values += values.len();
        if self.values > MOST_VALUES {
            return Err(format!("more than {MOST_VALUES} values"));
        }
        let of = |matcher| {
            let part = reading.time_part();
            let question = match part {
                Some(part) => Question::TimePart(part, matcher),
                None => Question::Matches(matcher),
            };
            Expression::Test(Box::new(Test { field: field.clone(), question }))
        };
        if reading.has(Modifier::All) {
            let each = values.iter().map(|value| self.matcher(reading, std::slice::from_ref(value)).map(of));
            return Ok(Expression::All(each.collect::<Result<_, _>>()?));
        }
        self.matcher(reading, values).map(of)
    }

    fn matcher(&mut self, reading: &Reading, values: &[SigmaValue]) -> Result<Matcher, String> {
        let mut matcher = Matcher::default();
        matcher.is_cased = reading.is_cased;
        let mut texts = Texts::default();
        for value in values {
            match value {
                SigmaValue::Null => matcher.null = true,
                _ if reading.comparison.is_some() => {
                    let number = value.to_string().trim().parse().map_err(|_| format!("{value} is no number"))?;
                    matcher.numbers.extend(reading.comparison.map(|comparison| (comparison, number)));
                }
                SigmaValue::Integer(_) | SigmaValue::Float(_) | SigmaValue::Bool(_) => {
                    let text = value.to_string();
                    if let (Place::Whole, Ok(number)) = (reading.place, text.parse()) {
                        matcher.numbers.push((Comparison::Equal, number));
                    }
                    matcher.add(reading.placed(&SigmaString::from_raw(&text))?, &mut texts);
                }
                SigmaValue::String(text) => self.text(reading, text, &mut matcher, &mut texts)?,
            }
        }
        matcher.close(texts)?;
        Ok(matcher)
    }

    fn text(
        &mut self,
        reading: &Reading,
        text: &SigmaString,
        matcher: &mut Matcher,
        texts: &mut Texts,
    ) -> Result<(), String> {
        if reading.has(Modifier::Cidr) {
            let network = Network::parse(&text.original);
            matcher.networks.push(network.ok_or_else(|| format!("{text} is no network such as 10.0.0.0/8"))?);
            return Ok(());
        }
        if reading.has(Modifier::Re) {
            return self.regex(reading, &text.original, matcher);
        }
        for text in self.expanded(reading, text)? {
            for text in reading.dashes(&text) {
                for text in reading.encoded(text)? {
                    if text.parts.contains(&StringPart::Special(SpecialChar::WildcardSingle)) {
                        let expression = reading.as_regex(&text);
                        self.regex(&reading.without_modifiers(), &expression, matcher)?;
                    } else {
                        matcher.add(reading.placed(&text)?, texts);
                    }
                }
            }
        }
        Ok(())
    }

    fn regex(&mut self, reading: &Reading, expression: &str, matcher: &mut Matcher) -> Result<(), String> {
        self.regexes += 1;
        if self.regexes > MOST_REGEXES {
            return Err(format!("more than {MOST_REGEXES} regular expressions, or values with ? in them"));
        }
        let regex = RegexBuilder::new(expression)
            .case_insensitive(reading.has(Modifier::IgnoreCase))
            .multi_line(reading.has(Modifier::Multiline))
            .dot_matches_new_line(reading.has(Modifier::DotAll))
            .nest_limit(64)
            .size_limit(MOST_REGEX_BYTES)
            .dfa_size_limit(MOST_REGEX_BYTES)
            .build()
            .map_err(|error| regex_complaint(expression, &error))?;
        matcher.regexes.push(regex);
        Ok(())
    }

    /// The texts that a text with placeholders stands for.
    fn expanded(&mut self, reading: &Reading, text: &SigmaString) -> Result<Vec<SigmaString>, String> {
        if !reading.has(Modifier::Expand) {
            return Ok(vec![text.clone()]);
        }
        let mut texts = vec![String::new()];
        let mut rest = text.original.as_str();
        while let Some((before, name, after)) = placeholder(rest) {
            let Some(values) = self.placeholders.get(name) else {
                let note =
                    format!("%{name}% has no values in [placeholders] of the configuration, and matches nothing");
                self.notes.insert(note);
                return Ok(Vec::new());
            };
            texts = texts
                .iter()
                .flat_map(|text| values.iter().map(move |value| format!("{text}{before}{value}")))
                .take(MOST_VALUES + 1)
                .collect();
            rest = after;
        }
        if texts.len() > MOST_VALUES {
            return Err(format!("{text} stands for more than {MOST_VALUES} values"));
        }
        Ok(texts.iter().map(|text| SigmaString::new(&format!("{text}{rest}"))).collect())
    }
}

/// What stands before the first `%name%`, the name, and what stands after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    is_name.then_some((before, name, after))
}

fn regex_complaint(expression: &str, error: &regex::Error) -> String {
    let shown: String = expression.chars().take(80).collect();
    match error {
        regex::Error::CompiledTooBig(_) => format!("the regular expression {shown} is too large"),
        // The last line says what is wrong; those before show where.
        other => {
            let text = other.to_string();
            let reason = text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("the regular expression {shown}: {reason}")
        }
    }
}

impl Reading {
    fn of(modifiers: &[Modifier]) -> Result<Reading, String> {
        let has = |modifier| modifiers.contains(&modifier);
        let place = match (has(Modifier::Contains), has(Modifier::StartsWith), has(Modifier::EndsWith)) {
            (false, false, false) => Place::Whole,
            (true, false, false) => Place::Anywhere,
            (false, true, false) => Place::Start,
            (false, false, true) => Place::End,
            _ => return Err("contains, startswith and endswith exclude one another".to_owned()),
        };
        let comparisons = [
            (Modifier::Gt, Comparison::Greater),
            (Modifier::Gte, Comparison::AtLeast),
            (Modifier::Lt, Comparison::Less),
            (Modifier::Lte, Comparison::AtMost),
        ];
        let comparison =
            comparisons.into_iter().find(|(modifier, _)| has(*modifier)).map(|(_, comparison)| comparison);
        let is_encoding = |modifier: &&Modifier| {
            matches!(
                modifier,
                Modifier::Base64 | Modifier::Base64Offset | Modifier::Wide | Modifier::Utf16 | Modifier::Utf16be
            )
        };
        let encodings = modifiers.iter().filter(is_encoding).copied().collect();
        if place != Place::Whole && (has(Modifier::Re) || has(Modifier::Cidr) || comparison.is_some()) {
            return Err("contains, startswith and endswith do not go with re, cidr and comparisons".to_owned());
        }
        Ok(Reading { place, is_cased: has(Modifier::Cased), comparison, encodings, modifiers: modifiers.to_vec() })
    }

    fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }

    fn time_part(&self) -> Option<TimePart> {
        self.modifiers.iter().find_map(|modifier| match modifier {
            Modifier::Minute => Some(TimePart::Minute),
            Modifier::Hour => Some(TimePart::Hour),
            Modifier::Day => Some(TimePart::Day),
            Modifier::Week => Some(TimePart::Week),
            Modifier::Month => Some(TimePart::Month),
            Modifier::Year => Some(TimePart::Year),
            _ => None,
        })
    }

    /// With each kind of dash for those that begin an option.
    fn dashes(&self, text: &SigmaString) -> Vec<SigmaString> {
        if !self.has(Modifier::WindAsh) {
            return vec![text.clone()];
        }
        let mut all: Vec<SigmaString> =
            ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'].into_iter().map(|dash| with_dash(text, dash)).collect();
        all.push(text.clone());
        all
    }

    /// The text in the encodings asked for.
    fn encoded(&self, text: SigmaString) -> Result<Vec<SigmaString>, String> {
        if self.encodings.is_empty() {
            return Ok(vec![text]);
        }
        let plain = text.as_plain().ok_or_else(|| format!("{text}: a text with wildcards cannot be encoded"))?;
        let mut bytes = plain.into_bytes();
        for encoding in &self.encodings {
            let utf16 = |bytes: &[u8]| String::from_utf8_lossy(bytes).encode_utf16().collect::<Vec<u16>>();
            let little = |units: &[u16]| units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<u8>>();
            bytes = match encoding {
                Modifier::Wide => little(&utf16(&bytes)),
                Modifier::Utf16 => [vec![0xff, 0xfe], little(&utf16(&bytes))].concat(),
                Modifier::Utf16be => utf16(&bytes).iter().flat_map(|unit| unit.to_be_bytes()).collect(),
                Modifier::Base64 => STANDARD.encode(&bytes).into_bytes(),
                _ => return Ok((0..3).map(|offset| raw(&base64_at(&bytes, offset))).collect()),
            };
        }
        let text = String::from_utf8(bytes).map_err(|_| "wide and utf16 need base64 behind them here")?;
        Ok(vec![raw(&text)])
    }

    /// The text where the modifiers put it.
    fn placed(&self, text: &SigmaString) -> Result<Glob, String> {
        let mut pieces = vec![Vec::new()];
        for part in self.parts(text) {
            match part {
                StringPart::Plain(plain) => {
                    if let Some(last) = pieces.last_mut() {
                        last.extend_from_slice(plain.as_bytes());
                    }
                }
                StringPart::Special(SpecialChar::WildcardMulti) => pieces.push(Vec::new()),
                StringPart::Special(SpecialChar::WildcardSingle) => return Err("? is an expression".to_owned()),
            }
        }
        let mut pieces: Vec<Box<[u8]>> = pieces.into_iter().map(Vec::into_boxed_slice).collect();
        // Stars that follow each other are one.
        let last = pieces.len() - 1;
        let mut index = 0;
        pieces.retain(|piece| {
            index += 1;
            !piece.is_empty() || index == 1 || index > last
        });
        Ok(Glob { pieces })
    }

    fn parts(&self, text: &SigmaString) -> Vec<StringPart> {
        let star = || StringPart::Special(SpecialChar::WildcardMulti);
        let mut parts = text.parts.clone();
        if matches!(self.place, Place::Anywhere | Place::End) {
            parts.insert(0, star());
        }
        if matches!(self.place, Place::Anywhere | Place::Start) {
            parts.push(star());
        }
        parts
    }

    /// A text with `?` as a regular expression.
    fn as_regex(&self, text: &SigmaString) -> String {
        let mut expression = if self.is_cased { r"(?s)\A".to_owned() } else { r"(?si)\A".to_owned() };
        for part in self.parts(text) {
            match part {
                StringPart::Plain(plain) => expression.push_str(&regex::escape(&plain)),
                StringPart::Special(SpecialChar::WildcardMulti) => expression.push_str(".*"),
                StringPart::Special(SpecialChar::WildcardSingle) => expression.push('.'),
            }
        }
        expression + r"\z"
    }

    /// For an expression that says itself how it is to be read.
    fn without_modifiers(&self) -> Reading {
        Reading { encodings: Vec::new(), modifiers: Vec::new(), comparison: None, ..*self }
    }
}

fn raw(text: &str) -> SigmaString {
    SigmaString::from_raw(text)
}

/// The characters of base64 that are the same whatever stands around the bytes, if they begin so many bytes after a
/// multiple of three.
fn base64_at(bytes: &[u8], offset: usize) -> String {
    let padded = [vec![0; offset], bytes.to_vec()].concat();
    let text = STANDARD.encode(&padded);
    let start = [0, 2, 3][offset];
    let end = text.len() - [0, 3, 2][padded.len() % 3];
    text.get(start..end).unwrap_or_default().to_owned()
}

/// Dashes and slashes that begin a word, as that dash.
fn with_dash(text: &SigmaString, dash: char) -> SigmaString {
    let mut before = ' ';
    let parts = text.parts.iter().map(|part| match part {
        StringPart::Plain(plain) => {
            let mut characters = plain.chars().peekable();
            let mut changed = String::with_capacity(plain.len());
            while let Some(character) = characters.next() {
                let begins =
                    !before.is_alphanumeric() && characters.peek().is_some_and(|next| next.is_alphanumeric());
                changed.push(if matches!(character, '-' | '/') && begins { dash } else { character });
                before = character;
            }
            StringPart::Plain(changed)
        }
        special => {
            before = ' ';
            special.clone()
        }
    });
    SigmaString { parts: parts.collect(), original: text.original.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_at_each_offset() {
        let sought: Vec<String> = (0..3).map(|offset| base64_at(b"secret", offset)).collect();
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "x", "xy"] {
                let text = STANDARD.encode(format!("{before}secret{after}"));
                assert!(sought.iter().any(|sought| text.contains(sought)), "{before} {after}");
            }
        }
    }

    #[test]
    fn placeholders_are_words_between_percent_signs() {
        assert_eq!(placeholder("a%b_c%d"), Some(("a", "b_c", "d")));
        assert_eq!(placeholder("100% of 20%"), None);
        assert_eq!(placeholder("a%b"), None);
    }
}
