//! Row groups to encoded column chunks, and the writer settings that Athena reads best.

use super::collector::{FileId, Job};
use crate::batch::Projection;
use crate::error::Error;
use crate::export::settings::Compression;
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use std::path::Path;
use std::sync::Arc;

/// Most bytes of a data page before compression; Amazon Security Lake asks for no more.
const PAGE_BYTES: usize = 1 << 20;
/// Most rows of a data page: what one entry of the page index covers.
const PAGE_ROWS: usize = 20_000;
/// Version of names and types of the columns; changes only when a column is renamed or retyped.
const SCHEMA_VERSION: &str = "1";

/// How the files of one dataset are written.
pub(super) struct TableFormat {
    /// The columns.
    pub(super) projection: Projection,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    factory: ArrowRowGroupWriterFactory,
}

/// A row group that waits for its place in its file.
pub(super) struct EncodedRowGroup {
    /// The file to append to.
    pub(super) file: FileId,
    /// Files to close before.
    pub(super) close: Vec<FileId>,
    /// The columns, in order.
    pub(super) chunks: Vec<ArrowColumnChunk>,
    /// Rows in it.
    pub(super) rows: u64,
}

impl TableFormat {
    pub(super) fn new(projection: &Projection, compression: Compression) -> Result<TableFormat, ParquetError> {
        let arrow_schema = projection.schema();
        let descriptor = ArrowSchemaConverter::new().with_coerce_types(true).convert(arrow_schema)?;
        let mut properties = properties(projection, &descriptor, codec(compression)?);
        add_encoded_arrow_schema_to_metadata(arrow_schema, &mut properties);
        let properties = Arc::new(properties);
        let schema = descriptor.root_schema_ptr();
        // The factory takes schema and properties of a file; row groups of all files are made alike.
        let model = SerializedFileWriter::new(std::io::sink(), Arc::clone(&schema), Arc::clone(&properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&model, Arc::clone(arrow_schema));
        Ok(TableFormat { projection: projection.clone(), schema, properties, factory })
    }

    /// Starts a file.
    pub(super) fn file_writer(
        &self,
        file: std::fs::File,
    ) -> Result<SerializedFileWriter<std::fs::File>, ParquetError> {
        SerializedFileWriter::new(file, Arc::clone(&self.schema), Arc::clone(&self.properties))
    }

    /// Encodes and compresses the rows of a job, column by column; the arrays of each are freed behind it.
    pub(super) fn encode(&self, job: Job) -> Result<EncodedRowGroup, ParquetError> {
        let rows = job.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let schema: &SchemaRef = self.projection.schema();
        let column = |index: usize| job.batches.iter().map(|batch| Arc::clone(batch.column(index))).collect();
        let columns: Vec<Vec<ArrayRef>> = (0..schema.fields().len()).map(column).collect();
        drop(job.batches);
        let mut writers = self.factory.create_column_writers(0)?.into_iter();
        let mut chunks = Vec::with_capacity(writers.len());
        for (field, arrays) in schema.fields().iter().zip(columns) {
            let mut leaves = Vec::new();
            for array in arrays {
                for (index, leaf) in compute_leaves(field, &array)?.iter().enumerate() {
                    if index == leaves.len() {
                        leaves.extend(writers.next());
                    }
                    leaves[index].write(leaf)?;
                }
            }
            for leaf in leaves {
                chunks.push(leaf.close()?);
            }
        }
        Ok(EncodedRowGroup { file: job.file, close: job.close, chunks, rows })
    }
}

/// Dictionaries stand only where values repeat: elsewhere they cost time and are given up in the end.
fn properties(projection: &Projection, schema: &SchemaDescriptor, codec: Codec) -> WriterProperties {
    let version = env!("CARGO_PKG_VERSION");
    let entry = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_coerce_types(true)
        // The word "version" belongs to the form: readers on parquet-java distrust statistics without it.
        .set_created_by(format!("s3sleuth version {version}"))
        .set_key_value_metadata(Some(vec![
            entry("s3sleuth.version", version),
            entry("s3sleuth.dataset", projection.dataset().name()),
            entry("s3sleuth.schema_version", SCHEMA_VERSION),
        ]));
    for leaf in schema.columns() {
        let top = leaf.path().parts().first();
        let repeats =
            projection.columns().iter().any(|column| top.is_some_and(|top| top == column.name) && column.repeats);
        builder = builder.set_column_dictionary_enabled(leaf.path().clone(), repeats);
    }
    builder.build()
}

fn codec(compression: Compression) -> Result<Codec, ParquetError> {
    Ok(match compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(i32::from(level))?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::None => Codec::UNCOMPRESSED,
    })
}

/// What the writer says, with the system's own reason where that lies behind it.
pub(super) fn parquet_error(path: &Path, error: ParquetError) -> Error {
    let reason = error.to_string();
    if let ParquetError::External(source) = error
        && let Ok(source) = source.downcast::<std::io::Error>()
    {
        return Error::output(path, *source);
    }
    Error::Encode { path: path.to_path_buf(), reason }
}
