//! As much of Thrift's compact protocol as is needed to look at what a Parquet file claims, before anything is made room
//! for (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>). `None` is damage, or the
//! end of the bytes.

/// Structs and lists inside one another that are passed over.
const MOST_NESTED: u32 = 16;

/// Type of a field or element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1 and 2: a boolean, which as a field is its own value.
    Boolean,
    /// 3.
    Byte,
    /// 4, 5 and 6.
    Integer,
    /// 7.
    Double,
    /// 8.
    Binary,
    /// 9 and 10.
    List,
    /// 11.
    Map,
    /// 12.
    Struct,
}

impl Kind {
    fn of(code: u8) -> Option<Kind> {
        Some(match code {
            1 | 2 => Kind::Boolean,
            3 => Kind::Byte,
            4..=6 => Kind::Integer,
            7 => Kind::Double,
            8 => Kind::Binary,
            9 | 10 => Kind::List,
            11 => Kind::Map,
            12 => Kind::Struct,
            _ => return None,
        })
    }
}

/// A place in a text of Thrift.
pub struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Thrift<'a> {
        Thrift { bytes, at: 0 }
    }

    /// Bytes that were taken.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Calls with the number and kind of each field of a struct; the call must take its value.
    pub fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, Kind) -> Option<()>) -> Option<()> {
        let mut number = 0;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            number = if head >> 4 == 0 { self.integer()? } else { number + i64::from(head >> 4) };
            each(self, number, Kind::of(head & 15)?)?;
        }
    }

    /// Takes the head of a list: its length and what its elements are. No list is longer than the bytes that are left.
    pub fn list(&mut self) -> Option<(usize, Kind)> {
        let head = self.byte()?;
        let length = if head >> 4 == 15 { self.length()? } else { usize::from(head >> 4) };
        (length <= self.bytes.len() - self.at).then_some((length, Kind::of(head & 15)?))
    }

    /// Takes a number.
    pub fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Takes the value of a field.
    pub fn skip(&mut self, kind: Kind) -> Option<()> {
        if kind == Kind::Boolean { Some(()) } else { self.skip_element(kind, 0) }
    }

    fn skip_element(&mut self, kind: Kind, depth: u32) -> Option<()> {
        if depth > MOST_NESTED {
            return None;
        }
        match kind {
            Kind::Boolean | Kind::Byte => self.advance(1),
            Kind::Integer => self.varint().map(|_| ()),
            Kind::Double => self.advance(8),
            Kind::Binary => {
                let length = self.length()?;
                self.advance(length)
            }
            Kind::List => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth + 1))
            }
            Kind::Map => {
                let length = self.length().filter(|length| *length <= self.bytes.len())?;
                if length == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 15)?);
                (0..length).try_for_each(|_| {
                    self.skip_element(key, depth + 1)?;
                    self.skip_element(value, depth + 1)
                })
            }
            Kind::Struct => self.fields(|thrift, _, kind| match kind {
                Kind::Boolean => Some(()),
                kind => thrift.skip_element(kind, depth + 1),
            }),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn advance(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
