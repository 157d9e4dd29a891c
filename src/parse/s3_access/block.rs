//! A block of lines to its table.

use super::{AccessLine, field, flag, parse_line};
use crate::decode::Block;
use crate::ledger::{Reject, RejectSink};
use crate::parse::scalar::integer;
use crate::parse::table::DERIVED_END;
use crate::parse::{FieldTable, LogType, Row, Span, object_key, time};
use memchr::memchr;

/// Parses a whole block into its table; refused lines go to `rejects`. Returns the table and the count of blank lines.
pub fn parse_block(block: Block, rejects: &mut dyn RejectSink) -> (FieldTable, u64) {
    let mut blanks = 0;
    let expected = block.bytes.len() / 400 + 1;
    let mut rows = Vec::with_capacity(expected);
    let mut spans = Vec::with_capacity(expected * field::WIDTH);
    let mut derived = Derived { base: block.bytes.len(), text: Vec::new() };
    for (index, segment) in block.segments.iter().enumerate() {
        let end = block.segments.get(index + 1).map_or(block.bytes.len(), |next| next.start as usize);
        let mut number = segment.first_number;
        let mut start = segment.start as usize;
        while start < end {
            let stop = memchr(b'\n', &block.bytes[start..end]).map_or(end, |length| start + length);
            let line = without_carriage_returns(&block.bytes[start..stop]);
            match parse_line(line) {
                Ok(parsed) => {
                    let record = Span::new(start, start + line.len());
                    rows.push(Row { segment: index as u32, record, ..row(&parsed, number) });
                    push_spans(&parsed, start, line, &mut spans, &mut derived);
                }
                Err(_) if line.trim_ascii().is_empty() => blanks += 1,
                Err(error) => {
                    let offset = segment.first_offset + (start - segment.start as usize) as u64;
                    rejects.push(Reject::parse(LogType::S3Access, &segment.file, number, offset, error, line));
                }
            }
            number += 1;
            start = stop + 1;
        }
    }
    let mut text = block.bytes;
    text.append(&mut derived.text);
    let segments = block.segments;
    let table = FieldTable::new(LogType::S3Access, text, field::WIDTH, spans, rows, segments);
    (table, blanks)
}

/// Text that is not in the block as such; it will stand behind the block's bytes.
struct Derived {
    base: usize,
    text: Vec<u8>,
}

/// What is known of the line itself; its file and place are added by the caller.
fn row(parsed: &AccessLine<'_>, number: u64) -> Row {
    let event_time = parsed.fields[field::EVENT_TIME].and_then(time::access_log_time);
    // Nineteen digits and more may not fit into 64 bits.
    let too_large =
        |number: &Option<&[u8]>| number.is_some_and(|digits| digits.len() > 18 && integer(digits).is_none());
    let mut flags = parsed.flags;
    if event_time.is_none() {
        flags |= flag::BAD_EVENT_TIME;
    }
    if parsed.fields[field::BYTES_SENT..=field::TURN_AROUND_TIME_MS].iter().any(too_large) {
        flags |= flag::BAD_NUMBER;
    }
    let event_time_ms = event_time.unwrap_or(Row::NO_TIME);
    Row { event_time_ms, number, segment: 0, flags, record: Span::NULL }
}

/// Fields to spans: a field's place in its line plus the line's place in the block.
fn push_spans(parsed: &AccessLine<'_>, start: usize, line: &[u8], spans: &mut Vec<Span>, derived: &mut Derived) {
    let base = start.wrapping_sub(line.as_ptr() as usize);
    let place = |text: &[u8]| {
        let start = base.wrapping_add(text.as_ptr() as usize);
        Span::new(start, start + text.len())
    };
    spans.extend(parsed.fields.iter().map(|value| value.map_or(Span::NULL, place)));
    spans.push(if parsed.extra.is_empty() { Span::NULL } else { place(parsed.extra) });
    let raw = parsed.fields[field::OBJECT_KEY_RAW];
    let operation = parsed.fields[field::OPERATION].unwrap_or_default();
    spans.push(raw.map_or(Span::NULL, |raw| {
        derived.text.push(DERIVED_END);
        let start = derived.text.len();
        if object_key::decode(raw, operation, &mut derived.text) {
            Span::new(derived.base + start, derived.base + derived.text.len())
        } else {
            derived.text.pop();
            place(raw)
        }
    }));
}

fn without_carriage_returns(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_time_off_the_calendar_is_flagged_and_the_rest_kept() {
        let line = "79a5 b [31/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a.txt - 200 - 10 10 \
                    5 4 \"-\" \"-\" -";
        let row = row(&parse_line(line.as_bytes()).unwrap(), 1);
        assert_eq!((row.event_time_ms(), row.flags), (None, flag::BAD_EVENT_TIME | flag::BARE_URI));
    }

    #[test]
    fn a_number_beyond_64_bits_is_flagged() {
        for (number, flags) in [("9223372036854775807", 0), ("9223372036854775808", flag::BAD_NUMBER)] {
            let line = format!(
                "79a5 b [28/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a.txt \"GET /\" 200 - \
                 {number} 10 5 4 \"-\" \"-\" -"
            );
            assert_eq!(row(&parse_line(line.as_bytes()).unwrap(), 1).flags, flags, "{number}");
        }
    }
}
