//! What a file says of its row groups: encoded for each as soon as it is written, and put together at the end.
//!
//! The parquet crate's writer holds all of it as objects until the file ends, about four times as much, for each file
//! that is not finished; and it cannot go on with a file that was closed, or take row groups of another.

use super::encode::Chunk;
use bytes::Bytes;
use parquet::bloom_filter::Sbbf;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder,
    ParquetMetaDataOptions, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;
use std::io::{self, Write};
use std::sync::Arc;

/// What every Parquet file begins with.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";

/// How row groups and footers of the files of a dataset are written.
#[derive(Clone)]
pub(super) struct FooterForm {
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
}

/// A row group that has been written.
pub(super) struct WrittenRowGroup {
    /// Bytes of it.
    pub(super) bytes: u64,
    /// What the footer and the page index say of it, as the footer of a file that has no other and no first bytes:
    /// places count from the beginning of the row group.
    pub(super) facts: Vec<u8>,
}

/// A row group of a file.
pub(super) struct PlacedRowGroup {
    /// Its first byte.
    pub(super) start: u64,
    /// As [`WrittenRowGroup::facts`].
    pub(super) facts: Vec<u8>,
}

impl FooterForm {
    /// For files of those leaves and settings.
    pub(super) fn new(schema: SchemaDescPtr, properties: WriterPropertiesPtr) -> FooterForm {
        FooterForm { schema, properties }
    }

    /// Writes a row group, and flushes.
    pub(super) fn write_row_group<W: Write + Send>(&self, to: W, chunks: Vec<Chunk>) -> Result<WrittenRowGroup> {
        let mut to = TrackedWrite::new(to);
        let mut closed = None;
        let on_close = |to: &mut TrackedWrite<W>, group, filters, columns, offsets| {
            closed = Some(self.facts(with_filters(group, filters, to)?, columns, offsets)?);
            Ok(())
        };
        let (schema, properties) = (Arc::clone(&self.schema), Arc::clone(&self.properties));
        let mut group = SerializedRowGroupWriter::new(schema, properties, &mut to, 0, Some(Box::new(on_close)));
        for chunk in chunks {
            chunk.append_to(&mut group)?;
        }
        group.close()?;
        to.flush()?;
        let facts = closed.ok_or_else(|| ParquetError::General("a row group without an end".to_owned()))?;
        Ok(WrittenRowGroup { bytes: to.bytes_written() as u64, facts })
    }

    /// The footer of a file whose row groups end at `end`, and what it says.
    pub(super) fn footer(
        &self,
        row_groups: impl Iterator<Item = io::Result<PlacedRowGroup>>,
        end: u64,
    ) -> Result<(Vec<u8>, ParquetMetaData)> {
        let (mut groups, mut columns, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for placed in row_groups {
            let PlacedRowGroup { start, facts } = placed?;
            let start = start as i64;
            let mut facts = self.read(facts)?.into_builder();
            columns.extend(facts.take_column_index().into_iter().flatten());
            for mut index in facts.take_offset_index().into_iter().flatten() {
                index
                    .iter_mut()
                    .flat_map(|column| &mut column.page_locations)
                    .for_each(|page| page.offset += start);
                offsets.push(index);
            }
            for group in facts.take_row_groups() {
                groups.push(moved(group, groups.len(), start)?);
            }
        }
        let metadata = self.metadata(groups, columns, offsets);
        let mut footer = Vec::new();
        let mut to = TrackedWrite::new(Beyond { skip: end, to: &mut footer });
        // The crate takes the number of bytes that it was given for the place in the file.
        let nothing = [0; 64 << 10];
        let mut before = end;
        while before > 0 {
            let length = before.min(nothing.len() as u64);
            to.write_all(&nothing[..length as usize])?;
            before -= length;
        }
        ParquetMetaDataWriter::new_with_tracked(to, &metadata).finish()?;
        Ok((footer, metadata))
    }

    fn facts(
        &self,
        group: RowGroupMetaData,
        columns: Vec<Option<ColumnIndexMetaData>>,
        offsets: Vec<Option<OffsetIndexMetaData>>,
    ) -> Result<Vec<u8>> {
        let columns = columns.into_iter().map(|index| index.unwrap_or(ColumnIndexMetaData::NONE)).collect();
        let offsets = offsets.into_iter().collect::<Option<Vec<_>>>();
        let rows = group.num_rows();
        let version = self.properties.writer_version().as_num();
        let file = FileMetaData::new(version, rows, None, None, Arc::clone(&self.schema), None);
        let metadata = ParquetMetaDataBuilder::new(file)
            .add_row_group(group)
            .set_column_index(Some(vec![columns]))
            .set_offset_index(offsets.map(|offsets| vec![offsets]))
            .build();
        let mut facts = Vec::new();
        ParquetMetaDataWriter::new(&mut facts, &metadata).finish()?;
        Ok(facts)
    }

    /// Undoes [`FooterForm::facts`].
    fn read(&self, facts: Vec<u8>) -> Result<ParquetMetaData> {
        let options = ParquetMetaDataOptions::new().with_schema(Arc::clone(&self.schema));
        ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            // As a mask, the numbers of pages would be lost.
            .with_metadata_options(Some(options.with_encoding_stats_as_mask(false)))
            .parse_and_finish(&Bytes::from(facts))
    }

    /// Page indexes stand in a file for all row groups or for none.
    fn metadata(
        &self,
        groups: Vec<RowGroupMetaData>,
        columns: Vec<Vec<ColumnIndexMetaData>>,
        offsets: Vec<Vec<OffsetIndexMetaData>>,
    ) -> ParquetMetaData {
        let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
        let version = self.properties.writer_version().as_num();
        let created_by = Some(self.properties.created_by().to_owned());
        let entries = self.properties.key_value_metadata().cloned();
        let file = FileMetaData::new(version, rows, created_by, entries, Arc::clone(&self.schema), None);
        let count = groups.len();
        ParquetMetaDataBuilder::new(file)
            .set_row_groups(groups)
            .set_column_index((columns.len() == count).then_some(columns))
            .set_offset_index((offsets.len() == count).then_some(offsets))
            .build()
    }
}

/// Writes the Bloom filters behind the row group, as the crate's writer of files does.
fn with_filters<W: Write>(
    mut group: RowGroupMetaData,
    filters: Vec<Option<Sbbf>>,
    to: &mut TrackedWrite<W>,
) -> Result<RowGroupMetaData> {
    for (column, filter) in group.columns_mut().iter_mut().zip(filters) {
        let Some(filter) = filter else { continue };
        let start = to.bytes_written();
        filter.write(&mut *to)?;
        let builder = column.clone().into_builder().set_bloom_filter_offset(Some(start as i64));
        *column = builder.set_bloom_filter_length(Some((to.bytes_written() - start) as i32)).build()?;
    }
    Ok(group)
}

/// The row group as number `ordinal` of a file, at `start`.
fn moved(group: RowGroupMetaData, ordinal: usize, start: i64) -> Result<RowGroupMetaData> {
    let ordinal = i16::try_from(ordinal).map_err(|_| ParquetError::General("too many row groups".to_owned()))?;
    let mut builder = group.into_builder();
    let columns = builder.take_columns().into_iter().map(|column: ColumnChunkMetaData| {
        let data = column.data_page_offset() + start;
        let dictionary = column.dictionary_page_offset().map(|offset| offset + start);
        let filter = column.bloom_filter_offset().map(|offset| offset + start);
        let statistics = column.statistics().cloned().map(for_old_readers);
        let builder = column.into_builder();
        let builder = match statistics {
            Some(statistics) => builder.set_statistics(statistics),
            None => builder,
        };
        builder
            .set_data_page_offset(data)
            .set_dictionary_page_offset(dictionary)
            .set_bloom_filter_offset(filter)
            .build()
    });
    let columns = columns.collect::<Result<_>>()?;
    builder.set_column_metadata(columns).set_ordinal(ordinal).set_file_offset(start).build()
}

/// With the least and the greatest number in the fields of old as well, as the crate writes them and does not read them.
fn for_old_readers(statistics: Statistics) -> Statistics {
    match statistics {
        Statistics::Int32(numbers) => Statistics::Int32(numbers.with_backwards_compatible_min_max(true)),
        Statistics::Int64(numbers) => Statistics::Int64(numbers.with_backwards_compatible_min_max(true)),
        others => others,
    }
}

/// Passes on all but the first bytes.
struct Beyond<'a> {
    skip: u64,
    to: &'a mut Vec<u8>,
}

impl Write for Beyond<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.skip == 0 {
            return self.to.write(bytes);
        }
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        Ok(skipped as usize)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Dataset, Projection, TextLayout};
    use crate::decode::{Block, Segment};
    use crate::export::lake::sample_job;
    use crate::export::parquet::collector::Job;
    use crate::export::parquet::encode::TableFormat;
    use crate::export::parquet::order::Part;
    use crate::export::parquet::partition::Partition;
    use crate::export::settings::{Compression, PageEncoding};
    use crate::parse::{LogType, s3_access};
    use parquet::file::writer::SerializedFileWriter;

    fn chunks(format: &TableFormat, line_count: usize) -> Vec<Chunk> {
        let line = |row: usize| {
            format!(
                "79a5 b [05/Mar/2026:00:00:{:02} +0000] 192.0.2.1 - ID{row} REST.GET.OBJECT {row} \"GET /{row} HTTP/1.1\" 200 - 1 \
                 2 3 4 \"-\" \"curl\" -\n",
                row % 60
            )
        };
        let bytes = (0..line_count).map(line).collect::<String>().into_bytes();
        let segments = vec![Segment { file: Arc::from("f"), start: 0, first_number: 1, first_offset: 0 }];
        let block = Block { log: LogType::S3Access, bytes, segments, records: Vec::new(), framed: 0 };
        let table = s3_access::parse_block(block, &mut Vec::new()).0;
        let rows: Vec<u32> = (0..line_count as u32).collect();
        let rows = vec![format.rows(&table, &Part { rows: &rows, is_edge: false }).unwrap()];
        let partition = Partition { dataset: Dataset::S3Access, place: 0, day: None };
        format.encode_job(Job { number: 0, partition, rows }).unwrap().chunks
    }

    #[test]
    fn a_file_is_what_the_parquet_crate_makes_of_the_same_row_groups() {
        let names = Projection::all(Dataset::S3Access, TextLayout::Copied);
        let job = sample_job(&["s3_access"], "zstd:1");
        let format = TableFormat::new(&names, Compression::default(), PageEncoding::default(), &job).unwrap();
        let form = format.footer_form();
        let schema = form.schema.root_schema_ptr();
        let mut crates = SerializedFileWriter::new(Vec::new(), schema, Arc::clone(&form.properties)).unwrap();
        let (mut ours, mut placed) = (MAGIC.to_vec(), Vec::new());
        for line_count in [1, 3000, 20] {
            let mut group = crates.next_row_group().unwrap();
            for chunk in chunks(&format, line_count) {
                chunk.append_to(&mut group).unwrap();
            }
            group.close().unwrap();
            let start = ours.len() as u64;
            let WrittenRowGroup { bytes, facts } =
                form.write_row_group(&mut ours, chunks(&format, line_count)).unwrap();
            assert_eq!(start + bytes, ours.len() as u64);
            placed.push(PlacedRowGroup { start, facts });
        }
        let (footer, metadata) = form.footer(placed.into_iter().map(Ok), ours.len() as u64).unwrap();
        let read = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        ours.extend(footer);
        assert_eq!(metadata.num_row_groups(), 3);
        crates.finish().unwrap();
        let theirs = crates.inner();
        let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        let read =
            read.with_metadata_options(Some(options)).parse_and_finish(&Bytes::from(theirs.clone())).unwrap();
        for (ours, theirs) in metadata.row_groups().iter().zip(read.row_groups()) {
            assert_eq!(ours.file_offset(), theirs.file_offset());
            for (ours, theirs) in ours.columns().iter().zip(theirs.columns()) {
                assert_eq!(ours.byte_range(), theirs.byte_range(), "{}", ours.column_path());
                assert_eq!(ours.page_encoding_stats(), theirs.page_encoding_stats(), "{}", ours.column_path());
            }
        }
        assert!(&ours == theirs, "{} and {} bytes", ours.len(), theirs.len());
    }
}
