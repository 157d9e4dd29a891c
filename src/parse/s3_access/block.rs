//! A block of lines, or of JSON records, to its table.

use super::plain_line::{PlainLine, PlainLines};
use super::{AccessLine, FIELDS, field, flag, json, parse_line};
use crate::decode::Block;
use crate::ledger::{Reject, RejectSink};
use crate::parse::derived::Derived;
use crate::parse::scalar::integer;
use crate::parse::{FieldTable, LogType, Row, Span, Spare, object_key, time};

/// Parses a whole block into its table; refused lines go to `rejects`. Returns the table and the count of blank lines.
///
/// Lines of the everyday form are read in one pass, all others by [`parse_line`], which defines what is right.
pub fn parse_block(block: Block, rejects: &mut dyn RejectSink) -> (FieldTable, u64) {
    parse_block_into(block, rejects, Spare::default())
}

/// The same, with buffers of another table.
pub fn parse_block_into(block: Block, rejects: &mut dyn RejectSink, spare: Spare) -> (FieldTable, u64) {
    if !block.records.is_empty() {
        return (json::parse_records(block, rejects, spare), 0);
    }
    parse_lines(block, rejects, spare, PlainLines::line)
}

/// How the line that begins at a place is found and, perhaps, read.
type NextLine = fn(&mut PlainLines, &[u8], usize) -> PlainLine;

fn parse_lines(
    block: Block,
    rejects: &mut dyn RejectSink,
    spare: Spare,
    next_line: NextLine,
) -> (FieldTable, u64) {
    let mut blanks = 0;
    let expected = block.bytes.len() / 400 + 1;
    let Spare { mut rows, spans: mut spans_of_rows, .. } = spare;
    rows.reserve(expected);
    spans_of_rows.reserve(expected * field::WIDTH);
    let mut derived = Derived::behind(block.bytes.len());
    let mut plain_lines = PlainLines::default();
    let mut add_row = |text: &[u8], fields: &[Span; FIELDS.len()], extra: Span| {
        spans_of_rows.extend_from_slice(fields);
        spans_of_rows.extend_from_slice(&[extra, object_key(&mut derived, text, fields)]);
    };
    for (index, segment) in block.segments.iter().enumerate() {
        let end = block.segments.get(index + 1).map_or(block.bytes.len(), |next| next.start as usize);
        let text = &block.bytes[..end];
        let mut number = segment.first_number;
        let mut start = segment.start as usize;
        while start < end {
            let PlainLine { end: stop, event_time_ms } = next_line(&mut plain_lines, text, start);
            let line = &text[start..stop];
            if let Some(event_time_ms) = event_time_ms {
                let record = Span::new(start, stop);
                rows.push(Row { event_time_ms, number, segment: index as u32, record, flags: 0 });
                add_row(text, plain_lines.spans(), Span::NULL);
            } else {
                let line = without_carriage_returns(line);
                match parse_line(line) {
                    Ok(parsed) => {
                        let record = Span::new(start, start + line.len());
                        rows.push(Row { segment: index as u32, record, ..row(&parsed, number) });
                        let (fields, extra) = spans(&parsed, start, line);
                        add_row(text, &fields, extra);
                    }
                    Err(_) if line.trim_ascii().is_empty() => blanks += 1,
                    Err(error) => {
                        let offset = segment.first_offset + (start - segment.start as usize) as u64;
                        rejects.push(Reject::parse(LogType::S3Access, &segment.file, number, offset, error, line));
                    }
                }
            }
            number += 1;
            start = stop + 1;
        }
    }
    let mut text = block.bytes;
    // No more than that: it will not grow any further.
    text.reserve_exact(derived.text.len());
    text.append(&mut derived.text);
    let segments = block.segments;
    let table = FieldTable::new(LogType::S3Access, text, field::WIDTH, spans_of_rows, rows, segments);
    (table, blanks)
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

/// The place of the decoded key of a row with these fields.
fn object_key(derived: &mut Derived, text: &[u8], fields: &[Span; FIELDS.len()]) -> Span {
    let raw = fields[field::OBJECT_KEY_RAW];
    if raw.is_null() {
        return raw;
    }
    let of = |span: Span| &text[span.start as usize..span.end as usize];
    let operation = fields[field::OPERATION];
    let operation = if operation.is_null() { &[] } else { of(operation) };
    derived.add_if(|key| object_key::decode(of(raw), operation, key)).unwrap_or(raw)
}

/// Fields to spans, and the place of what is behind them: a field's place in its line plus the line's place in the
/// block.
fn spans(parsed: &AccessLine<'_>, start: usize, line: &[u8]) -> ([Span; FIELDS.len()], Span) {
    let base = start.wrapping_sub(line.as_ptr() as usize);
    let place = |text: &[u8]| {
        let start = base.wrapping_add(text.as_ptr() as usize);
        Span::new(start, start + text.len())
    };
    let extra = if parsed.extra.is_empty() { Span::NULL } else { place(parsed.extra) };
    (parsed.fields.map(|value| value.map_or(Span::NULL, place)), extra)
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
    use crate::decode::Segment;
    use crate::parse::s3_access::field;
    use proptest::prelude::*;

    /// Finds the next line and reads nothing of it.
    fn unread(_: &mut PlainLines, text: &[u8], start: usize) -> PlainLine {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
        PlainLine { end, event_time_ms: None }
    }

    /// Two files of lines in one block.
    fn block(lines: &[Vec<u8>]) -> Block {
        let cut = lines.len() / 2;
        let (first, second) = (lines[..cut].join(&b'\n'), lines[cut..].join(&b'\n'));
        let segment = |file: &str, start: usize| Segment {
            file: file.into(),
            start: start as u32,
            first_number: 1,
            first_offset: 0,
        };
        Block {
            log: LogType::S3Access,
            segments: vec![segment("first", 0), segment("second", first.len())],
            bytes: [first, second].concat(),
            records: vec![],
            framed: 0,
        }
    }

    /// A line with some of its bytes changed, taken out or put in.
    fn changed_line() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            Just(PLAIN.to_owned()),
            Just(PLAIN.replace("192.0.2.3", "-").replace(" 200 ", " - ")),
            Just(PLAIN.replace("a.txt ", "a%2520b+c ")),
            Just(PLAIN[..PLAIN.rfind(" SigV4").unwrap_or(0)].to_owned()),
            Just(PLAIN.to_owned() + " - Yes us-east-1 new"),
            Just(PLAIN.replace("\"GET /a.txt HTTP/1.1\"", "-")),
            Just(String::new()),
        ];
        let bytes = prop::sample::select(vec![" ", "\"", "-", "\t", "\r", "\n", "7", "é", "["]);
        let change = (any::<prop::sample::Index>(), prop::option::of(bytes), any::<bool>());
        (line, prop::collection::vec(change, 0..3)).prop_map(|(line, changes)| {
            let mut line = line.into_bytes();
            for (at, bytes, over) in changes {
                let at = at.index(line.len() + 1);
                let end = if over { (at + 1).min(line.len()) } else { at };
                line.splice(at..end, bytes.unwrap_or_default().bytes());
            }
            line
        })
    }

    const PLAIN: &str = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 arn:aws:iam::111122223333:user/u 3E57427F3EXAMPLE \
        REST.GET.OBJECT a.txt \"GET /a.txt HTTP/1.1\" 200 - 10 10 5 4 \"-\" \"curl/8.0 (x; y)\" - s9lzHYrF= SigV4 \
        TLS_AES_128_GCM_SHA256 AuthHeader b.s3.amazonaws.com TLSv1.3";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn plain_lines_are_read_as_the_careful_parser_reads_them(lines in prop::collection::vec(changed_line(), 0..6)) {
            let (mut quick_rejects, mut rejects) = (Vec::new(), Vec::new());
            let (quick, quick_blanks) = parse_block(block(&lines), &mut quick_rejects);
            let (table, blanks) = parse_lines(block(&lines), &mut rejects, Spare::default(), unread);
            prop_assert_eq!(quick_blanks, blanks);
            prop_assert_eq!(format!("{quick_rejects:?}"), format!("{rejects:?}"));
            prop_assert_eq!(&quick.rows, &table.rows);
            for row in 0..table.len() {
                for number in 0..field::WIDTH {
                    prop_assert_eq!(quick.bytes(row, number), table.bytes(row, number), "{} {}", row, number);
                }
            }
        }
    }

    #[test]
    fn everyday_lines_are_read_in_one_pass() {
        for line in [PLAIN.to_owned(), PLAIN.to_owned() + " - Yes us-east-1", PLAIN.replace("0:38 ", "0:39 ")] {
            let found = PlainLines::default().line(line.as_bytes(), 0);
            assert!(found.event_time_ms.is_some() && found.end == line.len(), "{line}");
        }
    }

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
