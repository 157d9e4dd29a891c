//! JSON text written straight into a buffer.

use super::calendar::number;

/// Writes members and elements; commas follow from what stands before.
pub(super) struct Json<'a> {
    pub(super) out: &'a mut Vec<u8>,
}

impl Json<'_> {
    /// Opens the outermost object, whatever stands before it.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.out.push(b'{');
        self
    }

    /// Opens an object as an element of an array.
    pub(super) fn open(&mut self) -> &mut Self {
        self.comma();
        self.out.push(b'{');
        self
    }

    /// Closes an object.
    pub(super) fn close(&mut self) -> &mut Self {
        self.out.push(b'}');
        self
    }

    /// Opens an array as a member.
    pub(super) fn open_array(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.out.push(b'[');
        self
    }

    /// Closes an array.
    pub(super) fn close_array(&mut self) -> &mut Self {
        self.out.push(b']');
        self
    }

    /// Opens an object as a member.
    pub(super) fn object(&mut self, name: &str) -> &mut Self {
        self.name(name);
        self.out.push(b'{');
        self
    }

    /// Writes the name of the next member.
    fn name(&mut self, name: &str) -> &mut Self {
        self.comma();
        self.string(name.as_bytes());
        self.out.push(b':');
        self
    }

    /// A member with a text, escaped as needed.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.bytes(name, value.as_bytes())
    }

    /// A member with a text given as UTF-8 bytes.
    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.name(name);
        self.string(value);
        self
    }

    /// A member whose text `append` writes; it must need no escapes.
    pub(super) fn plain(&mut self, name: &str, append: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.name(name);
        self.out.push(b'"');
        append(self.out);
        self.out.push(b'"');
        self
    }

    /// A member whose value is JSON already, such as `null` or `true`.
    pub(super) fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.out.extend_from_slice(value.as_bytes());
        self
    }

    /// A byte counter, which CloudTrail writes as a float: `1376.0`.
    pub(super) fn float(&mut self, name: &str, value: u64) -> &mut Self {
        self.name(name);
        number(value, self.out);
        self.out.extend_from_slice(b".0");
        self
    }

    fn string(&mut self, value: &[u8]) {
        self.out.push(b'"');
        for &byte in value {
            match byte {
                b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
                0..=31 => {
                    self.out.extend_from_slice(b"\\u00");
                    self.out.push(b"01"[usize::from(byte >> 4)]);
                    self.out.push(b"0123456789abcdef"[usize::from(byte & 15)]);
                }
                _ => self.out.push(byte),
            }
        }
        self.out.push(b'"');
    }

    fn comma(&mut self) {
        if matches!(self.out.last(), Some(b'}' | b']' | b'"' | b'0'..=b'9' | b'a'..=b'z')) {
            self.out.push(b',');
        }
    }
}
