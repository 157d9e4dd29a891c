//! Lines of the everyday form, in one pass over their bytes.
//!
//! Such a line holds six quotes, which enclose request-URI, referer and user agent, one space between any two fields,
//! and nothing odd. [`super::parse_line`] reads the same from it and defines the truth; every other line is left to it.

use super::marks::{STEP, White, marks, parity};
use super::{FIELDS, is_operation};
use crate::parse::{Span, time};
use memchr::memchr;

/// Words of a line: a time is two, all other fields are one. Word 0 is the owner.
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
/// One more than the fields known today.
const MOST_WORDS: usize = FIELDS.len() + 1;

/// Places of spaces that are kept: those of a plain line and of one more step.
const PLACES: usize = 128;

/// Reads lines one after another; remembers what mostly repeats.
pub struct PlainLines {
    /// Before the line and at each space outside quotes: word `n` stands between place `n` and place `n + 1`. The first
    /// is one less than the start of the line, so they count from one byte further on.
    places: [u32; PLACES],
    /// Fields of the line in hand in the order of their numbers; null where `-` is logged.
    spans: [Span; FIELDS.len()],
    /// The time that was read last.
    time: ([u8; TIME_LENGTH], i64),
    /// Operations that were read, each at a place that follows from its text.
    operations: [Vec<u8>; 32],
}

/// Bytes of a time without its brackets.
const TIME_LENGTH: usize = 26;

/// Where the seconds of a time stand.
const SECONDS: std::ops::Range<usize> = 18..20;

/// A line and where it ends.
pub struct PlainLine {
    /// Place of its line feed, or the end of the text.
    pub end: usize,
    /// When it happened, in milliseconds since 1970 UTC, if it is of the everyday form; its fields are then
    /// [`PlainLines::spans`].
    pub event_time_ms: Option<i64>,
}

impl Default for PlainLines {
    fn default() -> PlainLines {
        PlainLines {
            places: [0; PLACES],
            spans: [Span::NULL; FIELDS.len()],
            time: ([0; TIME_LENGTH], 0),
            operations: Default::default(),
        }
    }
}

impl PlainLines {
    /// The line that begins at `start` of the text.
    pub fn line(&mut self, text: &[u8], start: usize) -> PlainLine {
        let end = memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
        PlainLine { end, event_time_ms: self.read(&text[start..end], start as u32) }
    }

    /// The fields of the line that was read last, in the order of their numbers.
    pub fn spans(&self) -> &[Span; FIELDS.len()] {
        &self.spans
    }

    /// Reads a line that begins at that place of a text; returns its time.
    fn read(&mut self, line: &[u8], start: u32) -> Option<i64> {
        let words = self.words(line)?;
        self.check(line, words)?;
        for (number, span) in self.spans.iter_mut().enumerate() {
            // The two words of a time are one field, in brackets; three fields are in quotes.
            let (first, last, trim) = match number {
                TIME => (TIME, ZONE, 1),
                0..TIME => (number, number, 0),
                _ => (number + 1, number + 1, u32::from(matches!(number + 1, URI | REFERER | USER_AGENT))),
            };
            let (from, to) = (self.places[first] + trim, self.places[last + 1].wrapping_sub(1 + trim));
            let is_absent = to.wrapping_sub(from) == 1 && line.get(from as usize) == Some(&b'-');
            *span = if is_absent {
                Span::NULL
            } else {
                Span { start: start.wrapping_add(from), end: start.wrapping_add(to) }
            };
        }
        self.spans[words - 1..].fill(Span::NULL);
        Some(self.time.1)
    }

    /// How many words the line has, if it may be plain; their places are in `self.places`.
    fn words(&mut self, line: &[u8]) -> Option<usize> {
        let (mut count, mut quotes, mut inside) = (1, 0, 0u64);
        let mut white = White::default();
        let (steps, rest) = line.as_chunks::<STEP>();
        let mut last = [0; STEP];
        last[..rest.len()].copy_from_slice(rest);
        // Place 0 stands before the line.
        let mut at = 1;
        for bytes in steps.iter().chain([&last]) {
            let found = marks(bytes, &mut white);
            let mut between = inside;
            if found.quotes != 0 {
                quotes += found.quotes.count_ones();
                between ^= parity(found.quotes);
                inside = ((between as i64) >> 63) as u64;
            }
            let mut spaces = found.spaces & !between;
            while spaces != 0 {
                self.places[count] = at + spaces.trailing_zeros();
                count += 1;
                spaces &= spaces - 1;
            }
            if count > MOST_WORDS + 1 {
                return None;
            }
            at += STEP as u32;
        }
        self.places[count] = line.len() as u32 + 1;
        let is_plain = quotes == 6 && !white.any() && (VERSION_ID + 1..=MOST_WORDS).contains(&count);
        is_plain.then_some(count)
    }

    /// Checks everything that [`super::parse_line`] would see differently; reads the time.
    fn check(&mut self, line: &[u8], words: usize) -> Option<()> {
        let places = &self.places[..=words];
        let word = |number: usize| {
            // A place is one byte further on than its space.
            line.get(places[number] as usize..places[number + 1] as usize - 1).unwrap_or_default()
        };
        let is_quoted = |number| matches!(word(number), [b'"', .., b'"']);
        let has_empty = places.windows(2).fold(false, |found, pair| found | (pair[1] - pair[0] == 1));
        let plain = !has_empty
            && [URI, REFERER, USER_AGENT].into_iter().all(is_quoted)
            && matches!(word(STATUS), b"-" | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])
            && (FIRST_NUMBER..=LAST_NUMBER).all(|number| is_number(word(number)))
            // What may be a stray principal.
            && !(words > HOST_ID && matches!(word(HOST_ID), [b'A', rest @ ..] if matches!(rest.len(), 19 | 20)));
        let [b'[', time @ .., b']'] = line.get(places[TIME] as usize..places[ZONE + 1] as usize - 1)? else {
            return None;
        };
        let time: &[u8; TIME_LENGTH] = time.try_into().ok().filter(|_| plain)?;
        let operation = word(OPERATION);
        let place = operation.len() + 7 * usize::from(*operation.get(5)?);
        let known = &mut self.operations[place % 32];
        if *known != *operation {
            if !is_operation(operation) {
                return None;
            }
            *known = operation.to_vec();
        }
        self.time = (*time, self.time_of(time)?);
        Some(())
    }

    /// A time, mostly of the same minute as the last.
    fn time_of(&self, time: &[u8; TIME_LENGTH]) -> Option<i64> {
        let (last, last_ms) = &self.time;
        let seconds = |time: &[u8; TIME_LENGTH]| match &time[SECONDS] {
            [tens @ b'0'..=b'5', ones @ b'0'..=b'9'] => Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0')),
            _ => None,
        };
        let rest = |time: &[u8; TIME_LENGTH]| {
            (time[..SECONDS.start] == last[..SECONDS.start], time[SECONDS.end..] == last[SECONDS.end..])
        };
        match (rest(time), seconds(time), seconds(last)) {
            ((true, true), Some(now), Some(before)) => Some(last_ms + (now - before) * 1000),
            _ => time::access_log_time(time),
        }
    }
}

/// `-`, or digits that fit into 64 bits.
fn is_number(word: &[u8]) -> bool {
    word == b"-" || (word.len() <= 18 && word.iter().all(u8::is_ascii_digit))
}
