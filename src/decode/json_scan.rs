//! Where a JSON value ends. Brackets and strings are matched and nothing else is checked; that is the parser's work.
//! Without recursion, and in pieces: the value may come in any number of stretches.

use crate::parse::time::iso_time;
use memchr::{memchr2_iter, memchr3};
use std::borrow::Cow;

/// Levels of brackets whose kind is remembered; deeper ones are only counted.
const REMEMBERED: u32 = 128;

/// State between two stretches of one value.
#[derive(Clone, Debug, Default)]
pub struct ValueScan {
    /// The kinds of the open brackets, the innermost in the lowest bit; 1 is `{`.
    stack: u128,
    depth: u32,
    in_string: bool,
    escaped: bool,
    scalar: bool,
}

/// Why and where a stretch cannot be a value or the next part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoValue {
    /// What is wrong.
    pub reason: &'static str,
    /// Bytes of the stretch before it.
    pub at: usize,
}

impl ValueScan {
    /// Goes on with `bytes`. `Ok(Some(n))`: the value ends before byte `n` of them. `Ok(None)`: it goes on.
    ///
    /// # Errors
    /// Why no value ends here.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoValue> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at = match self.string(bytes, at)? {
                    Some(end) => end,
                    None => return Ok(None),
                };
                if !self.in_string && self.depth == 0 {
                    return Ok(Some(at));
                }
                continue;
            }
            match bytes[at] {
                b'"' if !self.scalar => self.in_string = true,
                open @ (b'{' | b'[') if !self.scalar => self.open(open),
                b'}' | b']' | b',' if self.depth == 0 => return Ok(Some(at)),
                close @ (b'}' | b']') => {
                    self.close(close).map_err(|reason| NoValue { reason, at })?;
                    if self.depth == 0 {
                        return Ok(Some(at + 1));
                    }
                }
                b',' | b':' => {}
                b' ' | b'\t' | b'\r' | b'\n' => {
                    if self.depth == 0 {
                        return Ok(Some(at));
                    }
                }
                b'0'..=b'9'
                | b'+'
                | b'-'
                | b'.'
                | b'E'
                | b'a'
                | b'e'
                | b'f'
                | b'l'
                | b'n'
                | b'r'
                | b's'
                | b't'
                | b'u' => {
                    self.scalar = self.depth == 0;
                }
                _ => return Err(NoValue { reason: "expected JSON, found other text", at }),
            }
            at += 1;
        }
        Ok(None)
    }

    /// Is it a number or word, which can end with the input?
    pub fn is_scalar(&self) -> bool {
        self.scalar
    }

    /// From inside a string to behind its end.
    fn string(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, NoValue> {
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            let Some(found) = memchr3(b'"', b'\\', b'\n', &bytes[at..]) else {
                return Ok(None);
            };
            at += found + 1;
            match bytes[at - 1] {
                b'"' => {
                    self.in_string = false;
                    return Ok(Some(at));
                }
                b'\\' => self.escaped = true,
                _ => return Err(NoValue { reason: "a string is not closed", at: at - 1 }),
            }
        }
        Ok(None)
    }

    fn open(&mut self, bracket: u8) {
        self.depth += 1;
        if self.depth <= REMEMBERED {
            self.stack = self.stack << 1 | u128::from(bracket == b'{');
        }
    }

    fn close(&mut self, bracket: u8) -> Result<(), &'static str> {
        if self.depth <= REMEMBERED {
            if (self.stack & 1 == 1) != (bracket == b'}') {
                return Err("brackets do not match");
            }
            self.stack >>= 1;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// Finds where a record may begin anew: `{` before the member that AWS writes first, or at the begin of a line. Not
/// before `from`.
pub fn record_start(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'{', text.get(at..)?) {
        let start = at + found;
        if names_first_member(text, start) || (start > 0 && text[start - 1] == b'\n') {
            return Some(start);
        }
        at = start + 1;
    }
    None
}

/// Finds where stray text ends: at the end of its line, or where a record begins inside the line. Looks no further, so
/// that a long line of records with text between them is not searched again at each of them.
pub fn stray_end(text: &[u8]) -> Option<usize> {
    memchr2_iter(b'\n', b'{', text).find(|at| text[*at] == b'\n' || (*at > 0 && names_first_member(text, *at)))
}

fn names_first_member(text: &[u8], bracket: usize) -> bool {
    let inside = text[bracket + 1..text.len().min(bracket + 1 + LOOK_AHEAD)].trim_ascii_start();
    inside.starts_with(b"\"eventVersion\"") || inside.starts_with(b"\"schema_version_id\"")
}

/// Longest time before a record, in bytes.
pub const LONGEST_TIME: usize = 40;

/// Length of the time, and the space behind it, that stand before a record in the lines of an export task of CloudWatch:
/// `2026-03-01T01:02:03.456Z {`.
pub fn time_before_record(text: &[u8]) -> Option<usize> {
    let space = memchr::memchr(b' ', &text[..text.len().min(LONGEST_TIME)])?;
    let is_time = text[..space].ends_with(b"Z") && iso_time(&text[..space]).is_some();
    (is_time && text.get(space + 1) == Some(&b'{')).then_some(space + 1)
}

/// How far behind a bracket [`record_start`] looks.
pub const LOOK_AHEAD: usize = 64;

/// The record inside a text that may have been made a JSON string once or twice more.
pub fn record_text(mut text: Cow<'_, str>) -> Result<Cow<'_, str>, &'static str> {
    for _ in 0..3 {
        let inner = text.trim_ascii();
        if inner.starts_with('{') && inner.ends_with('}') {
            return Ok(Cow::Owned(inner.to_string()));
        }
        if !inner.starts_with('"') {
            break;
        }
        text = Cow::Owned(serde_json::from_str(inner).map_err(|_| "expected a record as text")?);
    }
    Err("expected a record as text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end_however_they_are_cut() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for (text, expected) in [
            (r#"{"a":"}\"\\","b":[1,{}]} {"#, Ok(Some(24))),
            (r#""x\"y",1"#, Ok(Some(6))),
            ("12.5e3,", Ok(Some(6))),
            ("true]", Ok(Some(4))),
            ("null", Ok(None)),
            ("{", Ok(None)),
            (&deep, Ok(Some(2000))),
            (r#"{"a":[}"#, Err("brackets do not match")),
            ("{\"a\n", Err("a string is not closed")),
            (r#"{"a":"b"eventName":1}"#, Err("expected JSON, found other text")),
        ] {
            for cut in 1..=text.len() {
                let mut scan = ValueScan::default();
                let mut done = 0;
                let mut result = Ok(None);
                for piece in text.as_bytes().chunks(cut) {
                    result =
                        scan.feed(piece).map(|end| end.map(|end| done + end)).map_err(|no_value| no_value.reason);
                    if result != Ok(None) {
                        break;
                    }
                    done += piece.len();
                }
                assert_eq!(result, expected, "{text:.40} cut every {cut}");
            }
        }
    }

    #[test]
    fn a_time_stands_before_a_record_or_is_none() {
        for (text, expected) in [
            ("2026-03-01T01:02:03.456Z {\"a\"", Some(25)),
            ("2026-03-01T01:02:03Z {", Some(21)),
            ("2026-03-01T01:02:03Z x", None),
            ("2026-03-01T01:02:03+01:00 {", None),
            ("2026-03-41T01:02:03Z {", None),
            ("1 {", None),
            ("", None),
        ] {
            assert_eq!(time_before_record(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn records_begin_at_event_versions_and_at_lines() {
        for (text, expected) in [
            (r#"x{"a":1},{ "eventVersion":1}"#, Some(9)),
            ("{\n{\"a\"", Some(2)),
            (r#"x 2026-03-01T01:02:03.456Z {"schema_version_id":1}"#, Some(27)),
            ("{ {", None),
            (r#"{"eventVersion"#, None),
        ] {
            assert_eq!(record_start(text.as_bytes(), 1), expected, "{text}");
        }
        for (text, expected) in
            [("x{ \"eventVersion\"", Some(1)), ("x{}y\n{", Some(4)), ("{{\"eventVersion", None)]
        {
            assert_eq!(stray_end(text.as_bytes()), expected, "{text}");
        }
    }
}
