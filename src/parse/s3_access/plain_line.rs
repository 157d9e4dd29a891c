//! Lines of the everyday form, in one pass over their bytes.
//!
//! Such a line holds six quotes, which enclose request-URI, referer and user agent, one space between any two fields,
//! and nothing odd. [`super::parse_line`] reads the same from it and defines the truth; every other line is left to it.

use super::marks::{Marks, STEP, marks, parity};
use super::{FIELDS, is_operation};
use crate::parse::{Span, time};

/// Words of a line: a time is two, all other fields are one. Word 0 is the owner.
const BUCKET: usize = 1;
const TIME: usize = 2;
const ZONE: usize = 3;
const OPERATION: usize = 7;
const URI: usize = 9;
const STATUS: usize = 10;
const FIRST_NUMBER: usize = 12;
const LAST_NUMBER: usize = 15;
const REFERER: usize = 16;
const USER_AGENT: usize = 17;
const VERSION_ID: usize = 18;
const HOST_ID: usize = 19;
/// One more than the words of the fields known today.
const MOST_WORDS: usize = FIELDS.len() + 1;

/// Places of spaces that are kept: those of a plain line and of one more step.
const PLACES: usize = 128;

/// Reads lines one after another; remembers what mostly repeats.
pub struct PlainLines {
    /// Places of the spaces outside quotes of the line in hand.
    spaces: [u32; PLACES],
    /// The time that was read last.
    time: ([u8; 26], i64),
    /// The operation that was read last, padded with zeros.
    operation: ([u8; 32], usize),
}

/// A line and where it ends.
pub struct PlainLine {
    /// Place of its line feed, or the end of the text.
    pub end: usize,
    /// Its fields, if it is of the everyday form.
    pub fields: Option<PlainFields>,
}

/// The fields of a line of the everyday form.
pub struct PlainFields {
    /// When, in milliseconds since 1970 UTC.
    pub event_time_ms: i64,
    /// How many words.
    words: usize,
}

impl Default for PlainLines {
    fn default() -> PlainLines {
        PlainLines { spaces: [0; PLACES], time: ([0; 26], 0), operation: ([0; 32], 0) }
    }
}

impl PlainLines {
    /// The line that begins at `start` of the text.
    pub fn line(&mut self, text: &[u8], start: usize) -> PlainLine {
        let (end, spaces) = self.spaces(text, start);
        let fields = spaces.and_then(|spaces| {
            let words = spaces + 1;
            if !(VERSION_ID + 1..=MOST_WORDS).contains(&words) {
                return None;
            }
            // The end of the line ends its last word.
            self.spaces[spaces] = end as u32;
            self.fields(text, start as u32, words)
        });
        PlainLine { end, fields }
    }

    /// The fields as spans, in the order of their numbers.
    pub fn spans(&self, text: &[u8], start: usize, plain: &PlainFields) -> [Span; FIELDS.len()] {
        let mut spans = [Span::NULL; FIELDS.len()];
        let mut from = start as u32;
        let mut number = 0;
        for (word, end) in self.spaces[..plain.words].iter().enumerate() {
            let (trim, from_word) = match word {
                TIME => {
                    continue;
                }
                ZONE => (1, self.spaces[BUCKET] + 1),
                URI | REFERER | USER_AGENT => (1, from),
                _ => (0, from),
            };
            let span = Span { start: from_word + trim, end: end - trim };
            let is_absent = span.end - span.start == 1 && text[span.start as usize] == b'-';
            spans[number] = if is_absent { Span::NULL } else { span };
            number += 1;
            from = end + 1;
        }
        spans
    }

    /// Where the line ends, and how many spaces outside quotes it has if it may be plain; their places are in
    /// `self.spaces`.
    #[inline]
    fn spaces(&mut self, text: &[u8], start: usize) -> (usize, Option<usize>) {
        let (mut at, mut count) = (start, 0);
        let (mut inside, mut quotes, mut odd) = (0u64, 0, 0u64);
        loop {
            let found = match text[at..].first_chunk::<STEP>() {
                Some(bytes) => marks(bytes),
                None => last_marks(&text[at..]),
            };
            let line = found.line_feeds.wrapping_sub(1) & !found.line_feeds;
            let line = if found.line_feeds == 0 { u64::MAX } else { line };
            let quoted = found.quotes & line;
            odd |= found.white & line;
            let mut between = inside;
            if quoted != 0 {
                quotes += quoted.count_ones();
                between ^= parity(quoted);
            }
            let mut spaces = found.spaces & line & !between;
            if count > MOST_WORDS {
                odd = 1;
                spaces = 0;
            }
            while spaces != 0 {
                self.spaces[count] = (at as u32) + spaces.trailing_zeros();
                count += 1;
                spaces &= spaces - 1;
            }
            if found.line_feeds != 0 {
                let end = (at + found.line_feeds.trailing_zeros() as usize).min(text.len());
                return (end, (odd == 0 && quotes == 6).then_some(count));
            }
            inside = ((between as i64) >> 63) as u64;
            at += STEP;
        }
    }

    /// Checks everything that [`super::parse_line`] would see differently.
    fn fields(&mut self, text: &[u8], start: u32, words: usize) -> Option<PlainFields> {
        let ends = self.spaces.first_chunk::<MOST_WORDS>()?;
        let mut empty = ends[0] == start;
        for pair in ends[..words].windows(2) {
            empty |= pair[1] - pair[0] == 1;
        }
        let word = |number: usize| {
            let from = if number == 0 { start } else { ends[number - 1] + 1 };
            text.get(from as usize..ends[number] as usize).unwrap_or_default()
        };
        let is_quoted = |number| matches!(word(number), [b'"', .., b'"']);
        let is_number = |number| match word(number) {
            b"-" => true,
            digits => digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit),
        };
        let plain = !empty
            && [URI, REFERER, USER_AGENT].into_iter().all(is_quoted)
            && matches!(word(STATUS), b"-" | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])
            && (FIRST_NUMBER..=LAST_NUMBER).all(is_number)
            // What may be a stray principal.
            && !(words > HOST_ID && matches!(word(HOST_ID).len(), 20 | 21) && word(HOST_ID)[0] == b'A');
        if !plain {
            return None;
        }
        let bracketed = text.get(ends[BUCKET] as usize + 1..ends[ZONE] as usize)?;
        let [b'[', time @ .., b']'] = bracketed else { return None };
        let time: &[u8; 26] = time.try_into().ok()?;
        if self.time.0 != *time {
            self.time = (*time, time::access_log_time(time)?);
        }
        let operation = word(OPERATION);
        if self.operation.0.get(..operation.len()) != Some(operation) || self.operation.1 != operation.len() {
            if !is_operation(operation) {
                return None;
            }
            if let Some(known) = self.operation.0.get_mut(..operation.len()) {
                known.copy_from_slice(operation);
                self.operation.1 = operation.len();
            }
        }
        Some(PlainFields { event_time_ms: self.time.1, words })
    }
}

/// The marks of what is left at the end of a text, with a line feed behind it.
#[cold]
fn last_marks(rest: &[u8]) -> Marks {
    let mut bytes = [b'\n'; STEP];
    bytes[..rest.len()].copy_from_slice(rest);
    marks(&bytes)
}
