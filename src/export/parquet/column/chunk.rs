//! A column chunk: pages with their index and statistics, as the parquet crate writes them.

use super::bounds::Bounds;
use super::codec::Scratch;
use super::levels::PageLevels;
use crate::batch::Variety;
use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression as Codec, Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A column chunk that is ready to be appended to a row group.
pub(in crate::export::parquet) struct EncodedChunk {
    /// The pages as they stand in the file.
    pub(in crate::export::parquet) pages: Bytes,
    /// What the footer and the page index say of them, with offsets from the first page.
    pub(in crate::export::parquet) facts: ColumnCloseResult,
}

/// Writes the pages of a chunk of a flat or struct column.
pub(super) struct ChunkWriter {
    column: ColumnDescPtr,
    codec: Codec,
    sink: TrackedWrite<Vec<u8>>,
    encodings: Vec<PageEncodingStats>,
    index: ColumnIndexBuilder,
    offsets: OffsetIndexBuilder,
    order: PageOrder,
    totals: Totals,
    bounds: Option<Bounds>,
    filter: Option<Sbbf>,
}

#[derive(Default)]
struct Totals {
    rows: u64,
    histogram: Vec<i64>,
    uncompressed: usize,
    compressed: usize,
    text_bytes: Option<i64>,
    dictionary: Option<u64>,
    first_data_page: Option<u64>,
}

/// Are the bounds of the pages in order so far?
struct PageOrder {
    last: Option<Bounds>,
    ascending: bool,
    descending: bool,
}

/// What a data page holds.
#[derive(Debug)]
pub(super) struct PageFacts {
    pub(super) encoding: Encoding,
    pub(super) rows: usize,
    /// How many rows have each definition level.
    pub(super) histogram: Vec<i64>,
    /// `None`: there are only nulls.
    pub(super) bounds: Option<Bounds>,
    /// Bytes of all texts together; `None` for numbers.
    pub(super) text_bytes: Option<i64>,
}

impl ChunkWriter {
    /// A chunk without pages.
    pub(super) fn new(column: ColumnDescPtr, codec: Codec) -> ChunkWriter {
        let physical = column.physical_type();
        ChunkWriter {
            column,
            codec,
            sink: TrackedWrite::new(Vec::new()),
            encodings: Vec::new(),
            index: ColumnIndexBuilder::new(physical),
            offsets: OffsetIndexBuilder::new(),
            order: PageOrder { last: None, ascending: true, descending: true },
            totals: Totals::default(),
            bounds: None,
            filter: None,
        }
    }

    /// The type that the column is stored as.
    pub(super) fn physical_type(&self) -> Type {
        self.column.physical_type()
    }

    /// Makes room for pages of about so many bytes.
    pub(super) fn expect(&mut self, bytes: usize) {
        self.sink.inner_mut().reserve(bytes);
    }

    /// Sets the Bloom filter, which the file has behind the row group.
    pub(super) fn filter(&mut self, filter: Option<Sbbf>) {
        self.filter = filter;
    }

    /// Writes the dictionary: before all data pages.
    pub(super) fn dictionary(&mut self, values: &[u8], count: usize, scratch: &mut Scratch) -> Result<()> {
        scratch.page.clear();
        scratch.page.extend_from_slice(values);
        let page = Page::DictionaryPage {
            buf: Bytes::copy_from_slice(scratch.compressed(Variety::Many)?),
            num_values: count as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let (offset, _) = self.write(page, values.len())?;
        self.totals.dictionary = Some(offset);
        Ok(())
    }

    /// Writes a data page: its levels, which are cleared, and the encoded values in some parts.
    pub(super) fn data(
        &mut self,
        facts: PageFacts,
        levels: &mut PageLevels,
        values: &[&[u8]],
        scratch: &mut Scratch,
    ) -> Result<()> {
        scratch.page.clear();
        levels.write(&mut scratch.page);
        levels.clear();
        values.iter().for_each(|part| scratch.page.extend_from_slice(part));
        let uncompressed = scratch.page.len();
        self.ready(facts, Bytes::copy_from_slice(scratch.compressed(Variety::Many)?), uncompressed)
    }

    /// Writes a data page that is compressed already.
    pub(super) fn ready(&mut self, facts: PageFacts, compressed: Bytes, uncompressed: usize) -> Result<()> {
        let data = Page::DataPage {
            buf: compressed,
            num_values: facts.rows as u32,
            encoding: facts.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, size) = self.write(data, uncompressed)?;
        let PageFacts { rows, histogram, bounds, text_bytes, .. } = facts;
        self.totals.first_data_page.get_or_insert(offset);
        self.totals.rows += rows as u64;
        self.totals.histogram.resize(histogram.len(), 0);
        self.totals.histogram.iter_mut().zip(&histogram).for_each(|(total, count)| *total += count);
        self.offsets.append_offset_and_size(offset as i64, size as i32);
        self.offsets.append_row_count(rows as i64);
        self.offsets.append_unencoded_byte_array_data_bytes(text_bytes);
        if let Some(bytes) = text_bytes {
            *self.totals.text_bytes.get_or_insert(0) += bytes;
        }
        self.index(bounds, &histogram);
        Ok(())
    }

    fn index(&mut self, bounds: Option<Bounds>, histogram: &[i64]) {
        let (_, nulls) = histogram.split_last().expect("there is always the level of values");
        let nulls = nulls.iter().sum();
        match &bounds {
            None => self.index.append(true, Vec::new(), Vec::new(), nulls),
            Some(bounds) => {
                self.index.append(false, bounds.index_least(), bounds.index_greatest(), nulls);
                Bounds::join(&mut self.bounds, bounds);
                self.order.next(bounds);
            }
        }
        self.index.append_histograms(&None, &Some(LevelHistogram::from(histogram.to_vec())));
    }

    /// Returns the page's offset and its size with its header.
    fn write(&mut self, page: Page, uncompressed: usize) -> Result<(u64, usize)> {
        let (page_type, encoding) = (page.page_type(), page.encoding());
        let spec =
            SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, uncompressed))?;
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type && last.encoding == encoding => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        self.totals.uncompressed += spec.uncompressed_size;
        self.totals.compressed += spec.compressed_size;
        Ok((spec.offset, spec.compressed_size))
    }

    /// Completes the chunk.
    pub(super) fn close(mut self) -> Result<EncodedChunk> {
        let mut pages = self.sink.into_inner()?;
        // It may have to wait for others.
        pages.shrink_to_fit();
        let pages = Bytes::from(pages);
        let mut encodings: Vec<Encoding> = self.encodings.iter().map(|stats| stats.encoding).collect();
        encodings.push(Encoding::RLE);
        let (_, nulls) = self.totals.histogram.split_last().expect("a chunk has pages");
        let nulls = nulls.iter().sum::<i64>() as u64;
        let statistics = match &self.bounds {
            Some(bounds) => bounds.statistics(nulls),
            None => no_bounds(&self.column, nulls),
        };
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.codec)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(self.totals.compressed as i64)
            .set_total_uncompressed_size(self.totals.uncompressed as i64)
            .set_num_values(self.totals.rows as i64)
            .set_data_page_offset(self.totals.first_data_page.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.totals.dictionary.map(|offset| offset as i64))
            .set_statistics(statistics)
            .set_unencoded_byte_array_data_bytes(self.totals.text_bytes)
            .set_definition_level_histogram(Some(LevelHistogram::from(self.totals.histogram)))
            .build()?;
        self.index.set_boundary_order(self.order.order());
        let facts = ColumnCloseResult {
            bytes_written: pages.len() as u64,
            rows_written: self.totals.rows,
            metadata,
            bloom_filter: self.filter,
            column_index: Some(self.index.build()?),
            offset_index: Some(self.offsets.build()),
        };
        Ok(EncodedChunk { pages, facts })
    }
}

fn no_bounds(column: &ColumnDescPtr, nulls: u64) -> Statistics {
    match column.physical_type() {
        Type::INT32 => Statistics::int32(None, None, None, Some(nulls), false),
        Type::INT64 => Statistics::int64(None, None, None, Some(nulls), false),
        _ => Statistics::byte_array(None, None, None, Some(nulls), false),
    }
}

impl PageOrder {
    fn next(&mut self, bounds: &Bounds) {
        if let Some(last) = &self.last {
            self.ascending &= last.least <= bounds.least && last.greatest <= bounds.greatest;
            self.descending &= last.least >= bounds.least && last.greatest >= bounds.greatest;
        }
        self.last = Some(bounds.clone());
    }

    /// Equal bounds, and none at all, count as ascending.
    fn order(&self) -> BoundaryOrder {
        match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        }
    }
}
