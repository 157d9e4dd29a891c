//! The header of a page: its sizes before its bytes are read, and the checksum that the parquet crate does not
//! give out (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).

use super::thrift::{BOOLEAN_TRUE, Compact, I32, STRUCT, ThriftError};
use parquet::basic::Encoding;
use std::io;

/// The fields of `PageHeader` and of the header for its kind that are needed. Numbers are as claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub(crate) kind: PageKind,
    pub(crate) uncompressed_bytes: u64,
    pub(crate) compressed_bytes: u64,
    pub(crate) checksum: Option<u32>,
    pub(crate) values: u32,
    pub(crate) encoding: i64,
    pub(crate) definition_encoding: i64,
    pub(crate) repetition_encoding: i64,
    /// Of version 2 only.
    pub(crate) nulls: u32,
    pub(crate) rows: u32,
    pub(crate) definition_bytes: u32,
    pub(crate) repetition_bytes: u32,
    pub(crate) is_stored: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PageKind {
    Data,
    Data2,
    Dictionary,
    #[default]
    Other,
}

/// Bytes of a header that are read at first, and at most: it holds the least and the greatest value.
const AT_FIRST: u64 = 256;
const LONGEST: u64 = 4 << 20;

impl PageHeader {
    /// The header that begins where `read` reads so many bytes, of which there are `most`, and its length; `None` if there
    /// is none.
    pub(crate) fn find<B: AsRef<[u8]>>(
        most: u64,
        mut read: impl FnMut(usize) -> io::Result<B>,
    ) -> io::Result<Option<(PageHeader, usize)>> {
        let (mut length, most) = (AT_FIRST, most.min(LONGEST));
        loop {
            match PageHeader::read(read(length.min(most) as usize)?.as_ref()) {
                Ok(found) => return Ok(Some(found)),
                Err(ThriftError::End) if length < most => length *= 16,
                Err(_) => return Ok(None),
            }
        }
    }

    /// The header at the begin of these bytes, and its length.
    pub(crate) fn read(bytes: &[u8]) -> Result<(PageHeader, usize), ThriftError> {
        let mut at = Compact::new(bytes);
        let mut header = PageHeader::default();
        let mut last = 0;
        while let Some((number, kind)) = at.field(last)? {
            // All writers keep to the order; the kind of the page says what the header for it is.
            if number <= last {
                return Err(ThriftError::Malformed);
            }
            match (number, kind) {
                (1, I32) => {
                    header.kind = match at.integer()? {
                        0 => PageKind::Data,
                        2 => PageKind::Dictionary,
                        3 => PageKind::Data2,
                        _ => PageKind::Other,
                    }
                }
                (2, I32) => header.uncompressed_bytes = unsigned(at.integer()?)?.into(),
                (3, I32) => header.compressed_bytes = unsigned(at.integer()?)?.into(),
                (4, I32) => header.checksum = Some(at.integer()? as u32),
                (5, STRUCT) if header.kind == PageKind::Data => header.read_data(&mut at)?,
                (7, STRUCT) if header.kind == PageKind::Dictionary => header.read_data(&mut at)?,
                (8, STRUCT) if header.kind == PageKind::Data2 => header.read_data_2(&mut at)?,
                _ => at.skip(kind)?,
            }
            last = number;
        }
        Ok((header, at.position()))
    }

    /// `DataPageHeader`; `DictionaryPageHeader` has the same first two fields.
    fn read_data(&mut self, at: &mut Compact<'_>) -> Result<(), ThriftError> {
        let mut last = 0;
        while let Some((number, kind)) = at.field(last)? {
            match (number, kind) {
                (1, I32) => self.values = unsigned(at.integer()?)?,
                (2, I32) => self.encoding = at.integer()?,
                (3, I32) => self.definition_encoding = at.integer()?,
                (4, I32) => self.repetition_encoding = at.integer()?,
                _ => at.skip(kind)?,
            }
            last = number;
        }
        Ok(())
    }

    /// `DataPageHeaderV2`.
    fn read_data_2(&mut self, at: &mut Compact<'_>) -> Result<(), ThriftError> {
        let mut last = 0;
        while let Some((number, kind)) = at.field(last)? {
            match (number, kind) {
                (1, I32) => self.values = unsigned(at.integer()?)?,
                (2, I32) => self.nulls = unsigned(at.integer()?)?,
                (3, I32) => self.rows = unsigned(at.integer()?)?,
                (4, I32) => self.encoding = at.integer()?,
                (5, I32) => self.definition_bytes = unsigned(at.integer()?)?,
                (6, I32) => self.repetition_bytes = unsigned(at.integer()?)?,
                // A boolean lies in its type; without one the values are compressed.
                (7, kind) => self.is_stored = kind != BOOLEAN_TRUE,
                _ => at.skip(kind)?,
            }
            last = number;
        }
        Ok(())
    }

    /// Bytes before what is compressed: those of the levels, of version 2 only.
    pub(crate) fn level_bytes(&self) -> u64 {
        u64::from(self.definition_bytes) + u64::from(self.repetition_bytes)
    }

    /// Does it hold values of rows?
    pub(crate) fn is_data(&self) -> bool {
        matches!(self.kind, PageKind::Data | PageKind::Data2)
    }
}

fn unsigned(value: i64) -> Result<u32, ThriftError> {
    u32::try_from(value).map_err(|_| ThriftError::Malformed)
}

/// The encoding of that number; `None` for one that Parquet does not have.
#[allow(deprecated, reason = "old files hold levels in BIT_PACKED")]
pub(crate) fn encoding(number: i64) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}
