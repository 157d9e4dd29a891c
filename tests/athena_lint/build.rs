//! Small Parquet files, good ones and such whose footer or pages claim something else.

use parquet::basic::{Compression, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
    RowGroupMetaDataBuilder, SortingColumn,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{Type, TypePtr};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 2026-03-01, in milliseconds since 1970.
pub const DAY_MS: i64 = 1_772_323_200_000;

/// The columns of a good table.
pub const COLUMNS: &str =
    "optional int64 event_time (TIMESTAMP(MILLIS,true)); optional binary key (STRING); optional int64 size;";

/// Cells of a column.
pub enum Cells {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<String>),
}

/// Where a file of the only table lies; its folders are made.
pub fn place(root: &Path, name: &str) -> PathBuf {
    let path = root.join("logs").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

/// The partition of [`DAY_MS`].
pub fn part(root: &Path) -> PathBuf {
    place(root, "event_date=2026-03-01/part-0.parquet")
}

/// Settings of a good file; it is sorted by its first column.
pub fn settings() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
}

/// Rows of a good file at these times, in milliseconds since [`DAY_MS`].
pub fn rows_at(times: &[Option<i64>]) -> Vec<Cells> {
    let numbers = (0..times.len() as i64).map(Some);
    vec![
        Cells::Numbers(times.iter().map(|time| time.map(|time| DAY_MS + time)).collect()),
        Cells::Texts((0..times.len()).map(|row| format!("key {row}")).collect()),
        Cells::Numbers(numbers.collect()),
    ]
}

/// Rows of a good file.
pub fn rows() -> Vec<Cells> {
    rows_at(&[Some(0), Some(1_000), Some(1_000), Some(86_399_999)])
}

/// A good file.
pub fn good(path: &Path) {
    write(path, COLUMNS, &[rows()], settings());
}

/// A good table of one file.
pub fn good_table(root: &Path) {
    good(&part(root));
}

/// Writes row groups with these columns.
pub fn write(path: &Path, columns: &str, groups: &[Vec<Cells>], settings: WriterPropertiesBuilder) {
    write_schema(path, Arc::new(schema(columns)), groups, settings);
}

pub fn schema(columns: &str) -> Type {
    parse_message_type(&format!("message table {{ {columns} }}")).unwrap()
}

fn write_schema(path: &Path, schema: TypePtr, groups: &[Vec<Cells>], settings: WriterPropertiesBuilder) {
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(settings.build())).unwrap();
    for group in groups {
        let mut row_group = writer.next_row_group().unwrap();
        for cells in group {
            let mut column = row_group.next_column().unwrap().unwrap();
            match cells {
                Cells::Numbers(cells) => {
                    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                    let values: Vec<i64> = cells.iter().flatten().copied().collect();
                    column.typed::<Int64Type>().write_batch(&values, Some(&levels), None).unwrap();
                }
                Cells::Texts(cells) => {
                    let values: Vec<ByteArray> =
                        cells.iter().map(|cell| cell.as_bytes().to_vec().into()).collect();
                    let levels = vec![1; values.len()];
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
                }
            }
            column.close().unwrap();
        }
        row_group.close().unwrap();
    }
    writer.close().unwrap();
}

/// A table of one file without rows that has one more column.
pub fn with_column(root: &Path, column: &str) {
    write(&part(root), &format!("{COLUMNS} {column}"), &[], settings());
}

/// The same, of a column that cannot be written as text.
pub fn with_type(root: &Path, column: Type) {
    let mut fields = schema(COLUMNS).get_fields().to_vec();
    fields.push(Arc::new(column));
    let schema = Type::group_type_builder("table").with_fields(fields).build().unwrap();
    write_schema(&part(root), Arc::new(schema), &[], settings());
}

/// An optional number with a name of any kind.
pub fn number(name: &str) -> Type {
    Type::primitive_type_builder(name, PhysicalType::INT64).with_repetition(Repetition::OPTIONAL).build().unwrap()
}

/// An optional struct.
pub fn group(name: &str, fields: Vec<Type>) -> Type {
    let fields = fields.into_iter().map(Arc::new).collect();
    Type::group_type_builder(name).with_repetition(Repetition::OPTIONAL).with_fields(fields).build().unwrap()
}

/// Puts another footer behind the pages of a file.
pub fn rewrite_footer(path: &Path, change: impl FnOnce(ParquetMetaData) -> ParquetMetaData) {
    let bytes = fs::read(path).unwrap();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&fs::File::open(path).unwrap()).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    put_footer(path, bytes[..bytes.len() - 8 - footer].to_vec(), &change(metadata));
}

fn put_footer(path: &Path, mut bytes: Vec<u8>, metadata: &ParquetMetaData) {
    ParquetMetaDataWriter::new(&mut bytes, metadata).finish().unwrap();
    fs::write(path, bytes).unwrap();
}

/// Changes the first row group.
pub fn change_group(
    metadata: ParquetMetaData,
    change: impl FnOnce(RowGroupMetaDataBuilder) -> RowGroupMetaDataBuilder,
) -> ParquetMetaData {
    let mut groups = metadata.row_groups().to_vec();
    groups[0] = change(groups[0].clone().into_builder()).build().unwrap();
    metadata.into_builder().set_row_groups(groups).build()
}

/// Changes the first chunk of the first row group.
pub fn change_chunk(
    metadata: ParquetMetaData,
    change: impl FnOnce(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder,
) -> ParquetMetaData {
    let mut columns = metadata.row_group(0).columns().to_vec();
    columns[0] = change(columns[0].clone().into_builder()).build().unwrap();
    change_group(metadata, |group| group.set_column_metadata(columns))
}

/// A file of one column of times whose only page has a checksum, which the writer of this crate does not write.
pub fn with_checksum(path: &Path, is_right: bool) {
    let columns = "optional int64 event_time (TIMESTAMP(MILLIS,true));";
    let mut rows = rows();
    rows.truncate(1);
    write(path, columns, &[rows], settings().set_dictionary_enabled(false));
    let bytes = fs::read(path).unwrap();
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&fs::File::open(path).unwrap()).unwrap();
    let chunk = metadata.row_group(0).column(0).clone();
    let begin = chunk.data_page_offset() as usize;
    let page = &bytes[begin..begin + chunk.compressed_size() as usize];
    // Type, two sizes below 64 bytes, then the struct of field 5.
    assert_eq!([page[0], page[2], page[4], page[6]], [0x15, 0x15, 0x15, 0x2c], "{page:?}");
    let body = &page[page.len() - usize::from(page[5] / 2)..];
    let checksum = libdeflater::crc32(body) ^ u32::from(!is_right);
    let mut field = vec![0x15];
    let mut zigzag = (checksum << 1) ^ (0_u32.wrapping_sub(checksum >> 31));
    while zigzag >= 0x80 {
        field.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    field.push(zigzag as u8);
    let with_field = [b"PAR1", &page[..6], &field, &[0x1c], &page[7..]].concat();
    let size = chunk.compressed_size() + field.len() as i64;
    let metadata = change_chunk(metadata, |chunk| chunk.set_total_compressed_size(size).set_data_page_offset(4));
    put_footer(path, with_field, &metadata);
}
