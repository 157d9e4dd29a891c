//! Thrift's compact protocol, as much as is needed to look at a footer or page header before memory is spent on
//! what it claims (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>).

/// Types of fields and elements.
pub(crate) const BOOLEAN_TRUE: u8 = 1;
const BOOLEAN_FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
pub(crate) const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
pub(crate) const BINARY: u8 = 8;
pub(crate) const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
pub(crate) const STRUCT: u8 = 12;

/// Levels of nesting that are skipped; Parquet's own structs have fewer than ten.
const DEPTH: u8 = 32;

/// Why bytes are no structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThriftError {
    /// More bytes are needed.
    End,
    /// No bytes would help.
    Malformed,
}

/// A place in a structure.
pub(crate) struct Compact<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Compact<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact { bytes, at: 0 }
    }

    /// Bytes that were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, ThriftError> {
        let byte = *self.bytes.get(self.at).ok_or(ThriftError::End)?;
        self.at += 1;
        Ok(byte)
    }

    fn advance(&mut self, count: u64) -> Result<(), ThriftError> {
        let count = usize::try_from(count).map_err(|_| ThriftError::End)?;
        if count > self.left() {
            return Err(ThriftError::End);
        }
        self.at += count;
        Ok(())
    }

    /// A number of seven bits a byte, the lowest first.
    pub(crate) fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ThriftError::Malformed)
    }

    /// An integer of any width.
    pub(crate) fn integer(&mut self) -> Result<i64, ThriftError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The length of a text, which is passed over.
    pub(crate) fn text_length(&mut self) -> Result<u64, ThriftError> {
        let length = self.varint()?;
        self.advance(length)?;
        Ok(length)
    }

    /// Number and type of the next field behind the field `last`; `None` at the end of the struct.
    pub(crate) fn field(&mut self, last: i16) -> Result<Option<(i16, u8)>, ThriftError> {
        let byte = self.byte()?;
        if byte == 0 {
            return Ok(None);
        }
        let number = match byte >> 4 {
            0 => i16::try_from(self.integer()?).map_err(|_| ThriftError::Malformed)?,
            step => last.checked_add(i16::from(step)).ok_or(ThriftError::Malformed)?,
        };
        Ok(Some((number, byte & 0x0f)))
    }

    /// Type and number of the elements of a list that begins here. Each takes a byte at least, so that more than
    /// there are bytes is a false claim.
    pub(crate) fn list(&mut self) -> Result<(u8, usize), ThriftError> {
        let byte = self.byte()?;
        let count = match byte >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        let count = usize::try_from(count).map_err(|_| ThriftError::End)?;
        if count > self.left() { Err(ThriftError::End) } else { Ok((byte & 0x0f, count)) }
    }

    /// Passes over a value of a field.
    pub(crate) fn skip(&mut self, kind: u8) -> Result<(), ThriftError> {
        self.skip_value(kind, DEPTH, true)
    }

    /// Booleans of fields lie in their type, those of lists take a byte.
    fn skip_value(&mut self, kind: u8, depth: u8, is_field: bool) -> Result<(), ThriftError> {
        let depth = depth.checked_sub(1).ok_or(ThriftError::Malformed)?;
        match kind {
            BOOLEAN_TRUE | BOOLEAN_FALSE if is_field => Ok(()),
            BOOLEAN_TRUE | BOOLEAN_FALSE | BYTE => self.advance(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.advance(8),
            BINARY => self.text_length().map(drop),
            LIST | SET => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.skip_value(kind, depth, false))
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.skip_value(kinds >> 4, depth, false)?;
                    self.skip_value(kinds & 0x0f, depth, false)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Some((number, kind)) = self.field(last)? {
                    self.skip_value(kind, depth, true)?;
                    last = number;
                }
                Ok(())
            }
            _ => Err(ThriftError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_beyond_the_bytes_are_refused_at_once() {
        for (bytes, expected) in [
            // Field 1, an integer; end.
            (&[0x15, 0x02, 0x00][..], Ok(())),
            (&[0x15, 0x02][..], Err(ThriftError::End)),
            // A list of 2^35 integers.
            (&[0x19, 0xf5, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], Err(ThriftError::End)),
            // Text of 2^63 bytes.
            (&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], Err(ThriftError::End)),
            // A number that never ends.
            (
                &[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                Err(ThriftError::Malformed),
            ),
            (&[0x1d, 0x00], Err(ThriftError::Malformed)),
        ] {
            assert_eq!(Compact::new(bytes).skip(STRUCT), expected, "{bytes:?}");
        }
        let nested = [0x1c; 100];
        assert_eq!(Compact::new(&nested).skip(STRUCT), Err(ThriftError::Malformed));
    }
}
