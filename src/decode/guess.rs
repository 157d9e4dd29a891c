//! Ordinary CloudTrail files framed by what AWS writes between two records, without reading the records.
//!
//! In `{"Records":[{"eventVersion":…},{"eventVersion":…}]}` a record begins behind each `},` that `{"eventVersion":`
//! follows, unless such an object lies inside of a record: then a piece between two such places is no JSON object. So
//! the guess is right if each piece proves to be one when it is parsed. If any does not, [`super::json_frames`] does it
//! all again, with care. Inside a string the quotes would have backslashes before them.

use super::sniff::{self, Content};
use super::{Limits, RecordFrame};
use crate::parse::Span;
use memchr::memmem;
use std::ops::Range;

/// What stands before the first record and what it begins with.
const HEAD: &[u8] = b"{\"Records\":[{\"eventVersion\":";

/// Length of the envelope before the first record.
pub const ENVELOPE: usize = b"{\"Records\":[".len();

/// Between two records, and what the second one begins with.
const BORDER: &[u8] = b"},{\"eventVersion\":";

/// What stands behind the last record.
const TAIL: &[u8] = b"]}";

/// Does a file begin as those whose records are guessed?
pub fn begins_so(text: &[u8]) -> bool {
    text.starts_with(HEAD)
}

/// Adds the places of the records of a file, which stands in `place` of `bytes` and is the segment of that number, if it looks
/// ordinary. Else what was added means nothing.
pub fn frame(
    bytes: &[u8],
    place: Range<usize>,
    segment: u32,
    limits: &Limits,
    records: &mut Vec<RecordFrame>,
) -> bool {
    let (base, text) = (place.start, &bytes[place]);
    let is_white = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let end = text.iter().rposition(|byte| !is_white(byte)).map_or(0, |last| last + 1);
    // White space behind the last record would become a part of it.
    let is_ours = |records: &&[u8]| begins_so(text) && !records.last().is_some_and(is_white);
    let Some(inside) = text[..end].strip_suffix(TAIL).filter(is_ours) else { return false };
    if sniff::content(&text[..text.len().min(sniff::HEAD)], false) != Content::Json {
        return false;
    }
    let first = records.len();
    let mut begin = ENVELOPE;
    let ends = memmem::find_iter(inside, BORDER).map(|border| border + 1).chain([inside.len()]);
    for end in ends {
        if end.checked_sub(begin).is_none_or(|length| length > limits.longest_line()) {
            return false;
        }
        let Span { start, end: stop } = Span::new(base + begin, base + end);
        let number = (records.len() - first) as u64 + 1;
        records.push(RecordFrame { start, end: stop, segment, number, offset: begin as u64 });
        begin = end + 1;
    }
    let first = records[first];
    sniff::foreign(&bytes[first.start as usize..first.end as usize], inside).is_none()
}
