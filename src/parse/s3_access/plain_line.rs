//! Lines of the everyday form, in one pass over their bytes.
//!
//! Such a line holds six quotes, which enclose request-URI, referer and user agent, one space between any two fields,
//! and nothing odd. [`super::parse_line`] reads the same from it and defines the truth; every other line is left to it.

use super::marks::{STEP, marks, parity, white};
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

/// Operations that are remembered; a log shows a dozen.
const OPERATIONS: usize = 128;

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
    operations: [Vec<u8>; OPERATIONS],
}

/// Bytes of a time without its brackets.
const TIME_LENGTH: usize = 26;

/// Where the clock of a time stands, `00:00:38`.
const CLOCK: std::ops::Range<usize> = 12..20;

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
            operations: std::array::from_fn(|_| Vec::new()),
        }
    }
}

impl PlainLines {
    /// The line that begins at `start` of the text.
    pub fn line(&mut self, text: &[u8], start: usize) -> PlainLine {
        let rest = &text[start..];
        let (length, words) = self.words(rest);
        let event_time_ms = words.and_then(|words| self.read(&rest[..length], words, start as u32));
        PlainLine { end: start + length, event_time_ms }
    }

    /// The fields of the line that was read last, in the order of their numbers.
    pub fn spans(&self) -> &[Span; FIELDS.len()] {
        &self.spans
    }

    /// Reads a line of so many words that begins at that place of a text; returns its time.
    fn read(&mut self, line: &[u8], words: usize, start: u32) -> Option<i64> {
        self.check(line, words)?;
        let span = |from: u32, to: u32| {
            let is_absent = to.wrapping_sub(from) == 1 && line.get(from as usize) == Some(&b'-');
            if is_absent {
                Span::NULL
            } else {
                Span { start: start.wrapping_add(from), end: start.wrapping_add(to) }
            }
        };
        let places = &self.places;
        // The two words of a time are one field, in brackets; from there on a field has the number of the word before.
        let (before, after) = self.spans.split_at_mut(ZONE);
        for (number, found) in before.iter_mut().enumerate() {
            *found = span(places[number], places[number + 1].wrapping_sub(1));
        }
        before[TIME] = span(places[TIME] + 1, places[ZONE + 1].wrapping_sub(2));
        for (found, place) in after.iter_mut().zip(places[ZONE + 1..].windows(2)) {
            *found = span(place[0], place[1].wrapping_sub(1));
        }
        for word in [URI, REFERER, USER_AGENT] {
            self.spans[word - 1] = span(places[word] + 1, places[word + 1].wrapping_sub(2));
        }
        self.spans[words - 1..].fill(Span::NULL);
        Some(self.time.1)
    }

    /// The length of the line that `text` begins with, and how many words it has, if it may be plain; their places are
    /// in `self.places`.
    fn words(&mut self, text: &[u8]) -> (usize, Option<usize>) {
        let (mut count, mut quotes, mut inside) = (1, 0, 0u64);
        // Spaces behind a space, or at the begin of the line.
        let (mut doubled, mut before) = (0, 1);
        let mut at = 0;
        // Behind the text stands a line end.
        let mut last = [b'\n'; STEP];
        loop {
            let rest = &text[at..];
            let bytes = rest.first_chunk().unwrap_or_else(|| {
                last[..rest.len()].copy_from_slice(rest);
                &last
            });
            let mut found = marks(bytes);
            let mut end = None;
            let white = if found.may_have_white { white(bytes) } else { 0 };
            if white != 0 {
                let first = white.trailing_zeros() as usize;
                if bytes[first] != b'\n' {
                    return (at + memchr(b'\n', rest).unwrap_or(rest.len()), None);
                }
                let inside = (1 << first) - 1;
                (found.spaces, found.quotes) = (found.spaces & inside, found.quotes & inside);
                end = Some(at + first);
            }
            let mut between = inside;
            if found.quotes != 0 {
                quotes += found.quotes.count_ones();
                between ^= parity(found.quotes);
                inside = ((between as i64) >> 63) as u64;
            }
            let mut spaces = found.spaces & !between;
            doubled |= spaces & (spaces << 1 | before);
            before = spaces >> (STEP - 1);
            while spaces != 0 {
                self.places[count % PLACES] = at as u32 + 1 + spaces.trailing_zeros();
                count += 1;
                spaces &= spaces - 1;
            }
            if let Some(end) = end {
                self.places[count % PLACES] = end as u32 + 1;
                let ends_with_space = end > 0 && text[end - 1] == b' ';
                let is_plain = quotes == 6
                    && doubled == 0
                    && !ends_with_space
                    && (VERSION_ID + 1..=MOST_WORDS).contains(&count);
                return (end, is_plain.then_some(count));
            }
            if count > MOST_WORDS + 1 {
                return (at + memchr(b'\n', rest).unwrap_or(rest.len()), None);
            }
            at += STEP;
        }
    }

    /// Checks everything that [`super::parse_line`] would see differently; reads the time.
    fn check(&mut self, line: &[u8], words: usize) -> Option<()> {
        let places = &self.places[..=words];
        let word = |number: usize| {
            // A place is one byte further on than its space.
            line.get(places[number] as usize..places[number + 1] as usize - 1).unwrap_or_default()
        };
        let is_quoted = |number| matches!(word(number), [b'"', .., b'"']);
        let plain = [URI, REFERER, USER_AGENT].into_iter().all(is_quoted)
            && matches!(word(STATUS), b"-" | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])
            && (FIRST_NUMBER..=LAST_NUMBER).all(|number| is_number(word(number)))
            // What may be a stray principal.
            && !(words > HOST_ID && matches!(word(HOST_ID), [b'A', rest @ ..] if matches!(rest.len(), 19 | 20)));
        let [b'[', time @ .., b']'] = line.get(places[TIME] as usize..places[ZONE + 1] as usize - 1)? else {
            return None;
        };
        let time: &[u8; TIME_LENGTH] = time.try_into().ok().filter(|_| plain)?;
        let operation = word(OPERATION);
        let (sixth, last) = (*operation.get(5)?, *operation.last()?);
        let place = operation.len() * 5 + usize::from(sixth) * 7 + usize::from(last) * 3;
        let known = &mut self.operations[place % OPERATIONS];
        if *known != *operation {
            if !is_operation(operation) {
                return None;
            }
            known.clear();
            known.extend_from_slice(operation);
        }
        self.time = (*time, self.time_of(time)?);
        Some(())
    }

    /// A time, mostly of the same day as the last.
    fn time_of(&self, time: &[u8; TIME_LENGTH]) -> Option<i64> {
        let (last, last_ms) = &self.time;
        let is_same_day = time[..CLOCK.start] == last[..CLOCK.start] && time[CLOCK.end..] == last[CLOCK.end..];
        match (is_same_day, clock_seconds(time), clock_seconds(last)) {
            (true, Some(now), Some(before)) => Some(last_ms + (now - before) * 1000),
            _ => time::access_log_time(time),
        }
    }
}

/// Seconds since midnight.
fn clock_seconds(time: &[u8; TIME_LENGTH]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = &time[CLOCK] else { return None };
    let two = |tens: &u8, ones: &u8, most: u8| {
        let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
        (tens <= 9 && ones <= 9 && tens * 10 + ones <= most).then(|| i64::from(tens * 10 + ones))
    };
    Some(two(h1, h2, 23)? * 3600 + two(m1, m2, 59)? * 60 + two(s1, s2, 59)?)
}

/// `-`, or digits that fit into 64 bits.
fn is_number(word: &[u8]) -> bool {
    word == b"-" || (word.len() <= 18 && word.iter().all(u8::is_ascii_digit))
}
