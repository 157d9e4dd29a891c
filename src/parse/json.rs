//! JSON over bytes: checked in one pass, nothing copied, no tree of values.
//!
//! A [`Cursor`] takes one value after the other from a text and checks all of it on the way. It accepts what
//! `serde_json` accepts, with two exceptions: bytes in strings need not be UTF-8 (a field with such bytes is repaired
//! and counted later, [`crate::parse::FieldTable::new`]; one odd user agent must not cost the record),
//! and a number may be of any size, since it stays text.

mod known;

pub use known::KnownName;

use std::borrow::Cow;
use wide::u8x16;

/// A text whose objects and arrays lie this deep in one another is refused, as `serde_json` does.
pub const NESTING_LIMIT: usize = 128;

/// One bit a level tells objects from arrays.
const _: () = assert!(NESTING_LIMIT <= u128::BITS as usize);

/// Where a text stops being JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Bytes from the start of the text.
    pub offset: usize,
    /// What was expected there.
    pub reason: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    String,
    Number,
    Object,
    Array,
    True,
    False,
    Null,
}

impl Kind {
    /// The kind of a value that begins with this byte; `None` if none does.
    pub fn of(first: u8) -> Option<Kind> {
        match first {
            b'"' => Some(Kind::String),
            b'-' | b'0'..=b'9' => Some(Kind::Number),
            b'{' => Some(Kind::Object),
            b'[' => Some(Kind::Array),
            b't' => Some(Kind::True),
            b'f' => Some(Kind::False),
            b'n' => Some(Kind::Null),
            _ => None,
        }
    }
}

/// A checked value as it stands in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its bytes, strings with their quotes, without white space around.
    pub raw: &'a [u8],
    /// Offset of `raw` in the text.
    pub start: usize,
    /// What it is.
    pub kind: Kind,
    /// A string with a backslash in it, which must be unescaped to be read.
    pub escaped: bool,
}

impl<'a> Value<'a> {
    /// The value as text: a string's characters, a number or boolean as written, an object or array as its JSON;
    /// `None` is JSON's null.
    pub fn text(&self) -> Option<Cow<'a, [u8]>> {
        match self.kind {
            Kind::Null => None,
            Kind::String => Some(characters(&self.raw[1..self.raw.len() - 1], self.escaped)),
            _ => Some(Cow::Borrowed(self.raw)),
        }
    }
}

/// The name of an object's member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Its bytes between the quotes.
    pub raw: &'a [u8],
    /// Offset of the opening quote in the text.
    pub start: usize,
    /// There is a backslash in it.
    pub escaped: bool,
}

impl<'a> Key<'a> {
    /// The name, unescaped; borrowed unless there was something to unescape.
    pub fn name(&self) -> Cow<'a, [u8]> {
        characters(self.raw, self.escaped)
    }
}

/// A place in a text of JSON. After an error it is of no further use.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    pub fn new(text: &'a [u8]) -> Cursor<'a> {
        Cursor::at(text, 0)
    }

    /// Starts at a byte.
    pub fn at(text: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor { text, at, depth: 0 }
    }

    /// The whole text.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// What the next value is, by its first byte; white space before it is passed over.
    #[inline]
    pub fn peek(&mut self) -> Option<Kind> {
        self.next().and_then(Kind::of)
    }

    /// Takes one value, whatever it is.
    ///
    /// # Errors
    /// The place where the text stops being JSON.
    #[inline]
    pub fn value(&mut self) -> Result<Value<'a>, JsonError> {
        let kind = self.peek().ok_or(self.stop("expected a value"))?;
        let start = self.at;
        let mut escaped = false;
        match kind {
            Kind::String => escaped = self.string()?,
            Kind::Object | Kind::Array => self.nested()?,
            scalar => self.scalar(scalar)?,
        }
        Ok(Value { raw: &self.text[start..self.at], start, kind, escaped })
    }

    /// Takes an opening brace; true where the object has no members and has been taken whole. [`Cursor::name_is`],
    /// [`Cursor::key`], values and [`Cursor::object_ends`] take what follows.
    ///
    /// # Errors
    /// No object begins here, or one that lies too deep.
    #[inline]
    pub fn enter_object(&mut self) -> Result<bool, JsonError> {
        if self.next() != Some(b'{') {
            return Err(self.stop("expected an object"));
        }
        self.open()?;
        let empty = self.next() == Some(b'}');
        if empty {
            self.at += 1;
            self.depth -= 1;
        }
        Ok(empty)
    }

    /// Takes a comma (false) or the closing brace (true).
    ///
    /// # Errors
    /// The place where neither stands.
    #[inline(always)]
    pub fn object_ends(&mut self) -> Result<bool, JsonError> {
        let ended = self.ends(b'}')?;
        if ended {
            self.depth -= 1;
        }
        Ok(ended)
    }

    /// Takes the name of a member and its colon if they stand right here, written plainly and as expected.
    #[inline(always)]
    pub fn name_is(&mut self, known: &KnownName) -> bool {
        let length = known.length_in(&self.text[self.at..]);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// Takes a string that stands right here and has nothing to unescape: where its characters begin and end.
    #[inline(always)]
    pub fn plain_string(&mut self) -> Option<(usize, usize)> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let start = self.at + 1;
        let end = plain_end(self.text, start);
        if self.text.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        Some((start, end))
    }

    /// What was taken since `start`, an offset that a value began at.
    #[inline]
    pub fn object_from(&self, start: usize) -> Value<'a> {
        Value { raw: &self.text[start..self.at], start, kind: Kind::Object, escaped: false }
    }

    /// Offset of the byte that comes next.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Takes an object member by member. `each` must take exactly the member's value from the cursor.
    ///
    /// # Errors
    /// The place where the text stops being an object, or what `each` returns.
    pub fn members<F>(&mut self, mut each: F) -> Result<Value<'a>, JsonError>
    where
        F: FnMut(&mut Cursor<'a>, Key<'a>) -> Result<(), JsonError>,
    {
        self.next();
        let start = self.at;
        let mut ended = self.enter_object()?;
        while !ended {
            let key = self.key()?;
            each(self, key)?;
            ended = self.object_ends()?;
        }
        Ok(self.object_from(start))
    }

    /// Takes an array element by element. `each` must take exactly one value from the cursor.
    ///
    /// # Errors
    /// The place where the text stops being an array, or what `each` returns.
    pub fn elements<F>(&mut self, mut each: F) -> Result<Value<'a>, JsonError>
    where
        F: FnMut(&mut Cursor<'a>) -> Result<(), JsonError>,
    {
        if self.next() != Some(b'[') {
            return Err(self.stop("expected an array"));
        }
        let start = self.at;
        self.open()?;
        if self.next() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                each(self)?;
                if self.ends(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Value { raw: &self.text[start..self.at], start, kind: Kind::Array, escaped: false })
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// The place of the first byte that is none.
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.stop("expected the end of the text")),
        }
    }

    fn stop(&self, reason: &'static str) -> JsonError {
        JsonError { offset: self.at, reason }
    }

    /// The next byte that is no white space, not taken.
    #[inline(always)]
    fn next(&mut self) -> Option<u8> {
        match self.text.get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.next_behind_space(),
        }
    }

    #[cold]
    fn next_behind_space(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Takes an opening bracket.
    #[inline]
    fn open(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth >= NESTING_LIMIT {
            return Err(self.stop("nested too deep"));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a comma (false) or the closing bracket (true).
    #[inline(always)]
    fn ends(&mut self, closing: u8) -> Result<bool, JsonError> {
        match self.next() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == closing => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.stop("expected a comma or the closing bracket")),
        }
    }

    /// Takes a member's name and the colon.
    ///
    /// # Errors
    /// The place where the text is something else.
    #[inline]
    pub fn key(&mut self) -> Result<Key<'a>, JsonError> {
        if self.next() != Some(b'"') {
            return Err(self.stop("expected a member's name in quotes"));
        }
        let start = self.at;
        let escaped = self.string()?;
        let raw = &self.text[start + 1..self.at - 1];
        if self.next() != Some(b':') {
            return Err(self.stop("expected a colon"));
        }
        self.at += 1;
        Ok(Key { raw, start, escaped })
    }

    /// Takes an object or array without calls into itself: a hostile text cannot use up the stack.
    fn nested(&mut self) -> Result<(), JsonError> {
        let outside = self.depth;
        let mut objects: u128 = 0;
        loop {
            match self.next() {
                Some(opening @ (b'{' | b'[')) => {
                    let object = opening == b'{';
                    self.open()?;
                    objects = objects << 1 | u128::from(object);
                    if self.next() != Some(opening + 2) {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                    self.at += 1;
                    self.depth -= 1;
                    objects >>= 1;
                }
                Some(b'"') => {
                    self.string()?;
                }
                byte => {
                    let scalar = byte.and_then(Kind::of).ok_or(self.stop("expected a value"))?;
                    self.scalar(scalar)?;
                }
            }
            loop {
                if self.depth == outside {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                if !self.ends(if object { b'}' } else { b']' })? {
                    if object {
                        self.key()?;
                    }
                    break;
                }
                self.depth -= 1;
                objects >>= 1;
            }
        }
    }

    fn scalar(&mut self, kind: Kind) -> Result<(), JsonError> {
        let word: &[u8] = match kind {
            Kind::True => b"true",
            Kind::False => b"false",
            Kind::Null => b"null",
            _ => return self.number(),
        };
        if !self.text[self.at..].starts_with(word) {
            return Err(self.stop("expected true, false or null"));
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        let leading_zero = self.text.get(self.at) == Some(&b'0');
        let start = self.at;
        self.digits()?;
        if leading_zero && self.at > start + 1 {
            return Err(JsonError { offset: start, reason: "expected a number without leading zeros" });
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Takes digits, at least one.
    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.stop("expected a digit")) } else { Ok(()) }
    }

    /// Takes a string; the cursor is on its opening quote. Tells whether there is a backslash in it.
    #[inline]
    fn string(&mut self) -> Result<bool, JsonError> {
        self.at = plain_end(self.text, self.at + 1);
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(false);
        }
        self.rest_of_string()
    }

    /// Takes a string from the first character on that does not stand for itself. Tells whether it was a backslash.
    #[cold]
    fn rest_of_string(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    let (_, length) = escape(&self.text[self.at..])
                        .ok_or(self.stop("expected an escape sequence that stands for a character"))?;
                    self.at += length;
                }
                Some(_) => return Err(self.stop("expected control characters to be escaped")),
                None => return Err(self.stop("expected a closing quote")),
            }
            self.at = plain_end(self.text, self.at);
        }
    }
}

/// Checks that a text is one value and returns it without the white space around.
///
/// # Errors
/// The place where the text stops being JSON.
pub fn validate(text: &[u8]) -> Result<Value<'_>, JsonError> {
    let mut cursor = Cursor::new(text);
    let value = cursor.value()?;
    cursor.end()?;
    Ok(value)
}

/// Walks over the members of an object, values as they stand in it.
///
/// # Errors
/// The place where the text stops being an object; members before it have been seen.
pub fn members<'a>(object: &'a [u8], mut each: impl FnMut(Key<'a>, Value<'a>)) -> Result<(), JsonError> {
    let mut cursor = Cursor::new(object);
    cursor.members(|cursor, key| {
        each(key, cursor.value()?);
        Ok(())
    })?;
    cursor.end()
}

/// Appends the characters of a checked string, given without its quotes. Bytes that are no UTF-8 stay as they are; an
/// escape sequence that a check would have refused becomes U+FFFD.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (character, length) = escape(&rest[at..]).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
}

fn characters(raw: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    unescape(raw, &mut text);
    Cow::Owned(text)
}

/// The character that the escape sequence at the start of `text` stands for, and the length of the sequence.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let character = match text.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let first = utf16_unit(&text[2..])?;
            if !(0xD800..0xE000).contains(&first) {
                return Some((char::from_u32(first)?, 6));
            }
            let second = text.get(6..).and_then(|rest| rest.strip_prefix(b"\\u")).and_then(utf16_unit)?;
            if first >= 0xDC00 || !(0xDC00..0xE000).contains(&second) {
                return None;
            }
            return Some((char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))?, 12));
        }
        _ => return None,
    };
    Some((character, 2))
}

/// Four hexadecimal digits.
fn utf16_unit(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |unit, byte| Some(unit << 4 | char::from(*byte).to_digit(16)?))
}

/// Where the characters that stand for themselves end: the first quote, backslash or control character from `at` on,
/// or the end of the text. Sixteen bytes at a time: most strings are shorter, too short for a call to pay off.
#[inline(always)]
fn plain_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let rest = &text[at.min(text.len())..];
        let Some(chunk) = rest.first_chunk() else {
            return at + plain_length_at_end(rest);
        };
        let marks = special(*chunk);
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += chunk.len();
    }
}

/// The same for less than sixteen bytes.
fn plain_length_at_end(rest: &[u8]) -> usize {
    let mut chunk = [b'"'; 16];
    chunk[..rest.len()].copy_from_slice(rest);
    special(chunk).trailing_zeros() as usize
}

/// One bit a byte: set for quotes, backslashes and control characters.
#[inline(always)]
fn special(chunk: [u8; 16]) -> u32 {
    let bytes = u8x16::new(chunk);
    let controls = bytes.simd_eq(bytes.min(u8x16::splat(0x1f)));
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let backslashes = bytes.simd_eq(u8x16::splat(b'\\'));
    (controls | quotes | backslashes).to_bitmask()
}

#[cfg(test)]
mod tests;
