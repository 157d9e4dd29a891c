//! The pages of a column chunk, one at a time: checksums are verified, and no claim of a header is believed before
//! it is held against the bytes that are there and the limits.

use super::Trouble;
use super::decompress;
use super::delta;
use crate::decode::parquet::page_header::{PageHeader, PageKind, encoding};
use crate::lint::limits::Limits;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The pages of one chunk.
pub(super) struct Pages {
    file: File,
    /// What is left to read.
    place: Range<u64>,
    column: ColumnDescPtr,
    codec: Compression,
    /// The footer says that there are pages whose values are built one from another; few are decoded at a time.
    is_prefixed: bool,
    limits: Limits,
    log: Arc<Mutex<PageLog>>,
}

/// What came to light; shared with who decodes the pages.
#[derive(Debug, Default)]
pub(super) struct PageLog {
    /// Data pages that are larger than the limit of the check.
    pub(super) large: u64,
    /// Uncompressed bytes of the largest data page.
    pub(super) largest_bytes: u64,
    /// Values of the data pages that were handed out since this was last set to 0.
    pub(super) values: u64,
    /// Why no page came any more.
    pub(super) trouble: Option<Trouble>,
}

impl Pages {
    pub(super) fn new(
        file: File,
        place: Range<u64>,
        column: ColumnDescPtr,
        codec: Compression,
        is_prefixed: bool,
        limits: Limits,
    ) -> (Pages, Arc<Mutex<PageLog>>) {
        let log = Arc::default();
        (Pages { file, place, column, codec, is_prefixed, limits, log: Arc::clone(&log) }, log)
    }

    /// Looks at all headers and checksums and decodes nothing.
    pub(super) fn look_through(&mut self) -> Result<(), Trouble> {
        while let Some((header, _)) = self.raw()? {
            self.note_size(&header);
        }
        Ok(())
    }

    /// The next header, and where its page begins.
    fn header(&mut self) -> Result<Option<(PageHeader, u64)>, Trouble> {
        if self.place.is_empty() {
            return Ok(None);
        }
        let place = self.place.clone();
        let found = PageHeader::find(place.end - place.start, |length| {
            let mut bytes = vec![0; length];
            self.file.seek(SeekFrom::Start(place.start))?;
            self.file.read_exact(&mut bytes)?;
            Ok(bytes)
        })?;
        match found {
            Some((header, used)) => Ok(Some((header, place.start + used as u64))),
            None => Err(Trouble::Damaged(format!("no page header at byte {}", place.start))),
        }
    }

    /// The next page as it lies in the file.
    fn raw(&mut self) -> Result<Option<(PageHeader, Vec<u8>)>, Trouble> {
        let Some((header, begin)) = self.header()? else { return Ok(None) };
        let at = self.place.start;
        let damaged = |reason: String| Err(Trouble::Damaged(format!("{reason} (page at byte {at})")));
        if header.compressed_bytes > self.place.end - begin {
            return damaged(format!(
                "a page of {} bytes reaches beyond its column chunk",
                header.compressed_bytes
            ));
        }
        let limit = match header.kind {
            PageKind::Dictionary => self.limits.decoded_dictionary_bytes,
            _ => self.limits.decoded_page_bytes,
        };
        if header.uncompressed_bytes.max(header.compressed_bytes) > limit {
            // Its size is a finding all the same.
            self.note_size(&header);
            let reason = format!(
                "a page of {} bytes uncompressed is not decoded, more than {limit} (page at byte {at})",
                header.uncompressed_bytes
            );
            return Err(Trouble::Limit(reason));
        }
        let mut bytes = vec![0; header.compressed_bytes as usize];
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.read_exact(&mut bytes)?;
        if header.checksum.is_some_and(|checksum| checksum != libdeflater::crc32(&bytes)) {
            return damaged("the checksum (CRC) of a page is wrong".to_owned());
        }
        self.place.start = begin + header.compressed_bytes;
        Ok(Some((header, bytes)))
    }

    fn note_size(&self, header: &PageHeader) {
        if header.is_data() {
            let mut log = lock(&self.log);
            log.large += u64::from(header.uncompressed_bytes > self.limits.page_bytes);
            log.largest_bytes = log.largest_bytes.max(header.uncompressed_bytes);
        }
    }

    /// The next page, ready to decode.
    fn page(&mut self) -> Result<Option<Page>, Trouble> {
        loop {
            let at = self.place.start;
            let Some((header, bytes)) = self.raw()? else { return Ok(None) };
            self.note_size(&header);
            if header.kind == PageKind::Other {
                continue;
            }
            let page = self.checked(&header, bytes);
            return page.map(Some).map_err(|trouble| match trouble {
                Trouble::Damaged(reason) => Trouble::Damaged(format!("{reason} (page at byte {at})")),
                other => other,
            });
        }
    }

    fn checked(&self, header: &PageHeader, bytes: Vec<u8>) -> Result<Page, Trouble> {
        let damaged = |reason: String| Trouble::Damaged(reason);
        let known = |number: i64| encoding(number).ok_or_else(|| damaged(format!("{number} is no encoding")));
        let values_encoding = known(header.encoding)?;
        let bytes = Bytes::from(decompress::page(header, bytes, self.codec)?);
        match header.kind {
            PageKind::Dictionary => self.check_dictionary(header)?,
            _ => self.check_data(header, values_encoding, &bytes)?,
        }
        Ok(match header.kind {
            PageKind::Dictionary => Page::DictionaryPage {
                buf: bytes,
                num_values: header.values,
                encoding: values_encoding,
                is_sorted: false,
            },
            PageKind::Data2 => Page::DataPageV2 {
                buf: bytes,
                num_values: header.values,
                encoding: values_encoding,
                num_nulls: header.nulls,
                num_rows: header.rows,
                def_levels_byte_len: header.definition_bytes,
                rep_levels_byte_len: header.repetition_bytes,
                is_compressed: !header.is_stored,
                statistics: None,
            },
            PageKind::Data | PageKind::Other => Page::DataPage {
                buf: bytes,
                num_values: header.values,
                encoding: values_encoding,
                def_level_encoding: known(header.definition_encoding)?,
                rep_level_encoding: known(header.repetition_encoding)?,
                statistics: None,
            },
        })
    }

    /// A dictionary's decoder reserves memory for as many values as are claimed.
    fn check_dictionary(&self, header: &PageHeader) -> Result<(), Trouble> {
        let most = match self.column.physical_type() {
            PhysicalType::BOOLEAN => header.uncompressed_bytes * 8,
            PhysicalType::INT32 | PhysicalType::FLOAT | PhysicalType::BYTE_ARRAY => header.uncompressed_bytes / 4,
            PhysicalType::INT64 | PhysicalType::DOUBLE => header.uncompressed_bytes / 8,
            PhysicalType::INT96 => header.uncompressed_bytes / 12,
            PhysicalType::FIXED_LEN_BYTE_ARRAY => {
                header.uncompressed_bytes / u64::try_from(self.column.type_length()).unwrap_or(1).max(1)
            }
        };
        if u64::from(header.values) > most {
            let reason =
                format!("a dictionary of {} bytes claims {} values", header.uncompressed_bytes, header.values);
            return Err(Trouble::Damaged(reason));
        }
        Ok(())
    }

    fn check_data(&self, header: &PageHeader, encoding: Encoding, bytes: &[u8]) -> Result<(), Trouble> {
        let mut log = lock(&self.log);
        log.values += u64::from(header.values);
        let is_delta = matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY);
        // A row of a repeated column is decoded whole, over as many pages as it takes; lengths, a page at a time.
        let at_a_time = match (self.column.max_rep_level() > 0, is_delta) {
            (true, _) => log.values,
            (false, true) => header.values.into(),
            (false, false) => 0,
        };
        if at_a_time > self.limits.decoded_page_values {
            let most = self.limits.decoded_page_values;
            return Err(Trouble::Limit(format!("{at_a_time} values at a time are not decoded, more than {most}")));
        }
        if !is_delta {
            return Ok(());
        }
        let is_prefixed = encoding == Encoding::DELTA_BYTE_ARRAY;
        if is_prefixed && !self.is_prefixed {
            return Err(Trouble::Damaged(format!("the footer does not name the encoding {encoding} of a page")));
        }
        if is_prefixed && bytes.len() as u64 > self.limits.decoded_dictionary_bytes {
            let reason = format!("a page of {} bytes in the encoding {encoding} is not decoded", bytes.len());
            return Err(Trouble::Limit(reason));
        }
        let begin = self
            .values_begin(header, bytes)
            .ok_or_else(|| Trouble::Damaged("the levels of a page reach beyond it".to_owned()))?;
        delta::check(is_prefixed, &bytes[begin..], header.values)
            .map_err(|reason| Trouble::Damaged(reason.to_owned()))
    }

    /// Where the levels end.
    fn values_begin(&self, header: &PageHeader, bytes: &[u8]) -> Option<usize> {
        let mut begin: usize = 0;
        if header.kind == PageKind::Data2 {
            begin = (u64::from(header.repetition_bytes) + u64::from(header.definition_bytes)) as usize;
        } else {
            let levels = [
                (self.column.max_rep_level(), header.repetition_encoding),
                (self.column.max_def_level(), header.definition_encoding),
            ];
            for (largest, level_encoding) in levels.into_iter().filter(|(largest, _)| *largest > 0) {
                let bits = u64::from(16 - (largest as u16).leading_zeros());
                begin = begin.checked_add(match encoding(level_encoding)? {
                    Encoding::RLE => {
                        let length = bytes.get(begin..begin.checked_add(4)?)?;
                        4 + u32::from_le_bytes(length.try_into().ok()?) as usize
                    }
                    _ => (u64::from(header.values) * bits).div_ceil(8) as usize,
                })?;
            }
        }
        (begin <= bytes.len()).then_some(begin)
    }

    fn failed(&self, trouble: Trouble) -> ParquetError {
        let error = ParquetError::General(trouble.to_string());
        lock(&self.log).trouble = Some(trouble);
        error
    }
}

pub(super) fn lock(log: &Mutex<PageLog>) -> std::sync::MutexGuard<'_, PageLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        self.page().map_err(|trouble| self.failed(trouble))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        let header = self.header().map_err(|trouble| self.failed(trouble))?;
        Ok(header.map(|(header, _)| PageMetadata {
            num_rows: (header.kind == PageKind::Data2).then_some(header.rows as usize),
            num_levels: header.is_data().then_some(header.values as usize),
            is_dict: header.kind == PageKind::Dictionary,
        }))
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.raw().map(drop).map_err(|trouble| self.failed(trouble))
    }
}

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
