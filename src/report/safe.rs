//! Text from logs that cannot drive a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Control characters and those that hide or reorder text: C0, DEL, C1, zero-width and directional marks
/// (CVE-2003-0063, CVE-2021-42574).
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text with every unsafe character as `\u{…}`; also line ends and tabs, so that a field stays on its line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            let _ = write!(safe, "\\u{{{:x}}}", character as u32);
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// JSON text with every unsafe character but line ends escaped the JSON way; they can only stand inside strings.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let (mut safe, mut copied, mut at) = (String::new(), 0, 0);
    loop {
        at += plain_beginning(&json.as_bytes()[at..]);
        let Some(character) = json[at..].chars().next() else { break };
        let end = at + character.len_utf8();
        if is_unsafe(character) {
            safe.push_str(&json[copied..at]);
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
            copied = end;
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    safe.push_str(&json[copied..]);
    Cow::Owned(safe)
}

/// How many bytes at the beginning are printable ASCII or line ends.
fn plain_beginning(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| (byte.wrapping_sub(b' ') < 0x5f) | (*byte == b'\n');
    // Without branches, so that the compiler takes the bytes of a piece at a time.
    let is_all_plain = |piece: &&[u8]| piece.iter().fold(true, |plain, byte| plain & is_plain(byte));
    let whole = bytes.chunks_exact(64).take_while(is_all_plain).count() * 64;
    whole + bytes[whole..].iter().take_while(|byte| is_plain(byte)).count()
}

/// Writes JSON text as [`printable_json`] has it, and counts its bytes. It takes whole characters at a time, as serializers give
/// them.
pub struct PrintableJson<W: Write> {
    inner: W,
    length: u64,
}

impl<W: Write> PrintableJson<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> PrintableJson<W> {
        PrintableJson { inner, length: 0 }
    }

    /// Hands on what is still buffered. Returns how many bytes there were.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn finish(mut self) -> io::Result<u64> {
        self.inner.flush()?;
        Ok(self.length)
    }
}

impl<W: Write> Write for PrintableJson<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let safe = printable_json(text);
        self.inner.write_all(safe.as_bytes())?;
        self.length += safe.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Would a spreadsheet compute a cell with this text? By its first character; some spreadsheets skip control characters
/// before they look, and full-width signs count as the plain ones.
pub fn looks_like_a_formula(text: &str) -> bool {
    let first = |first: char| {
        matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\0' | '＝' | '＋' | '－' | '＠')
    };
    text.starts_with(first)
}

/// Passes text on to a terminal, unsafe characters escaped; line ends and tabs pass.
pub struct SafeWriter<W: Write> {
    inner: W,
    /// The start of a character whose end was not written yet.
    pending: Vec<u8>,
}

impl<W: Write> SafeWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> SafeWriter<W> {
        SafeWriter { inner, pending: Vec::new() }
    }
}

impl<W: Write> Write for SafeWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.pending) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.pending.len(),
        };
        let rest = self.pending.split_off(whole);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = rest;
        for piece in text.split_inclusive(['\n', '\t']) {
            let (body, end) = match piece.strip_suffix(['\n', '\t']) {
                Some(body) => (body, &piece[body.len()..]),
                None => (piece, ""),
            };
            self.inner.write_all(printable(body).as_bytes())?;
            self.inner.write_all(end.as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_plain_text_are_taken_as_a_whole_and_nothing_is_missed() {
        let slow = |json: &str| {
            let escaped = |character: char| match is_unsafe(character) && character != '\n' {
                true => format!("\\u{:04x}", character as u32),
                false => character.to_string(),
            };
            json.chars().map(escaped).collect::<String>()
        };
        for odd in
            ["", "\u{1b}", "\u{7f}", "\u{9b}", "\u{202e}", "\n", "~", " ", "é", "\u{1f600}", "\u{feff}\u{200b}"]
        {
            for (before, after) in (0..140).flat_map(|before| [0, 1, 63, 64, 65].map(|after| (before, after))) {
                let json = "a\n".repeat(before) + odd + &"b".repeat(after);
                assert_eq!(printable_json(&json), slow(&json), "{odd:?} after {before}, before {after}");
            }
        }
        assert!(matches!(printable_json("{\n  \"a\": \"é\"\n}"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_unsafe_character_comes_through() {
        for text in
            ["\u{1b}]0;title\u{7}", "\u{9b}2J", "a\u{202e}b", "\u{200b}", "\u{7f}", "\r\n", "\0", "\u{feff}"]
        {
            assert!(!printable(text).chars().any(is_unsafe), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            let safe = printable_json(&json);
            assert!(!safe.chars().any(is_unsafe), "{text:?}");
            assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
            let mut streamed = Vec::new();
            let mut writer = PrintableJson::new(&mut streamed);
            serde_json::to_writer(&mut writer, text).unwrap();
            assert_eq!(writer.finish().unwrap(), safe.len() as u64);
            assert_eq!(streamed, safe.as_bytes());
            let mut written = Vec::new();
            let mut writer = SafeWriter::new(&mut written);
            for byte in text.as_bytes() {
                writer.write_all(&[*byte]).unwrap();
            }
            let written = String::from_utf8(written).unwrap();
            assert!(!written.chars().any(|character| is_unsafe(character) && character != '\n'), "{text:?}");
        }
        assert_eq!(printable("plain é к"), "plain é к");
        assert_eq!(printable("a\u{1b}b"), "a\\u{1b}b");
    }
}
