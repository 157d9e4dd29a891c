//! Row groups to encoded column chunks, and the writer settings that Athena reads best.

use super::collector::{FileId, Job, Rows};
use super::column::{self, EncodedChunk, PAGE_BYTES, PAGE_ROWS, Piece, Scratch, codec};
use super::lock;
use crate::batch::{Projection, Variety};
use crate::decode::DATASET_KEY;
use crate::error::Error;
use crate::export::settings::{Compression, PageEncoding};
use crate::parse::FieldTable;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::Compression as Codec;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Version of names and types of the columns; changes only when a column is renamed or retyped.
pub(super) const SCHEMA_VERSION: &str = "1";

/// How the files of one dataset are written.
pub(super) struct TableFormat {
    /// The columns.
    pub(super) projection: Projection,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    factory: ArrowRowGroupWriterFactory,
    leaves: SchemaDescriptor,
    encoding: PageEncoding,
    compression: Compression,
    codec: Codec,
    /// Those that no thread is using.
    scratch: Mutex<Vec<Scratch>>,
}

/// An encoded column chunk.
pub(super) enum Chunk {
    Own(Box<EncodedChunk>),
    Crate(Box<ArrowColumnChunk>),
}

/// A row group that waits for its place in its file.
pub(super) struct EncodedRowGroup {
    /// The file to append to.
    pub(super) file: FileId,
    /// Files to close before.
    pub(super) close: Vec<FileId>,
    /// The columns, in order.
    pub(super) chunks: Vec<Chunk>,
    /// Rows in it.
    pub(super) rows: u64,
}

impl TableFormat {
    pub(super) fn new(
        projection: &Projection,
        compression: Compression,
        encoding: PageEncoding,
    ) -> Result<TableFormat, ParquetError> {
        let arrow_schema = projection.schema();
        let descriptor = ArrowSchemaConverter::new().with_coerce_types(true).convert(arrow_schema)?;
        let codec = codec(compression)?;
        let mut properties = properties(projection, &descriptor, codec);
        add_encoded_arrow_schema_to_metadata(arrow_schema, &mut properties);
        let properties = Arc::new(properties);
        let schema = descriptor.root_schema_ptr();
        // The factory takes schema and properties of a file; row groups of all files are made alike.
        let model = SerializedFileWriter::new(std::io::sink(), Arc::clone(&schema), Arc::clone(&properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&model, Arc::clone(arrow_schema));
        Ok(TableFormat {
            projection: projection.clone(),
            schema,
            properties,
            factory,
            leaves: descriptor,
            encoding,
            compression,
            codec,
            scratch: Mutex::default(),
        })
    }

    /// Starts a file.
    pub(super) fn file_writer<W: Write + Send>(&self, file: W) -> Result<SerializedFileWriter<W>, ParquetError> {
        SerializedFileWriter::new(file, Arc::clone(&self.schema), Arc::clone(&self.properties))
    }

    /// The cells of some rows, in the order of the columns.
    pub(super) fn rows(&self, table: &FieldTable, rows: &[u32]) -> Result<Rows, ParquetError> {
        let mut pieces = Vec::with_capacity(self.leaves.num_columns());
        let mut scratch = self.take_scratch()?;
        for column in self.projection.columns() {
            column::pieces(column, table, rows, self.encoding, &mut scratch, &mut pieces)?;
        }
        lock(&self.scratch).push(scratch);
        Ok(Rows { count: rows.len(), bytes: pieces.iter().map(Piece::bytes).sum(), pieces })
    }

    fn take_scratch(&self) -> Result<Scratch, ParquetError> {
        let free = lock(&self.scratch).pop();
        free.map_or_else(|| Scratch::new(self.compression), Ok)
    }

    /// Encodes and compresses the rows of a job, column by column; the pieces of each are freed behind it.
    pub(super) fn encode(&self, job: Job) -> Result<EncodedRowGroup, ParquetError> {
        let rows = job.rows.iter().map(|rows| rows.count as u64).sum();
        let mut columns: Vec<Vec<Piece>> = Vec::new();
        for rows in job.rows {
            columns.resize_with(rows.pieces.len(), Vec::new);
            columns.iter_mut().zip(rows.pieces).for_each(|(column, piece)| column.push(piece));
        }
        let mut scratch = self.take_scratch()?;
        let mut chunks = Vec::with_capacity(self.leaves.num_columns());
        for pieces in columns {
            let leaf = self.leaves.column(chunks.len());
            if let Some(Piece::Array(_)) = pieces.first() {
                self.encode_arrays(pieces, &mut chunks)?;
            } else {
                let chunk = column::encode(pieces, leaf, self.encoding, self.codec, &mut scratch)?;
                chunks.push(Chunk::Own(Box::new(chunk)));
            }
        }
        lock(&self.scratch).push(scratch);
        Ok(EncodedRowGroup { file: job.file, close: job.close, chunks, rows })
    }

    /// Has the parquet crate encode the leaves of a list or of booleans.
    fn encode_arrays(&self, pieces: Vec<Piece>, chunks: &mut Vec<Chunk>) -> Result<(), ParquetError> {
        let name = self.leaves.column(chunks.len()).path().parts()[0].clone();
        let field = self.projection.schema().field_with_name(&name)?;
        let mut writers = self.factory.create_column_writers(0)?.into_iter().skip(chunks.len());
        let mut leaves = Vec::new();
        for piece in pieces {
            let Piece::Array(array) = piece else { continue };
            for (index, leaf) in compute_leaves(field, &array)?.iter().enumerate() {
                if index == leaves.len() {
                    leaves.extend(writers.next());
                }
                leaves[index].write(leaf)?;
            }
        }
        for leaf in leaves {
            chunks.push(Chunk::Crate(Box::new(leaf.close()?)));
        }
        Ok(())
    }
}

impl Chunk {
    /// Appends the chunk to a row group of its file.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Chunk::Own(chunk) => group.append_column(&chunk.pages, chunk.facts),
            Chunk::Crate(chunk) => chunk.append_to_row_group(group),
        }
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
            entry(DATASET_KEY, projection.dataset().name()),
            entry("s3sleuth.schema_version", SCHEMA_VERSION),
        ]));
    for leaf in schema.columns() {
        let top = leaf.path().parts().first();
        let repeats = projection
            .columns()
            .iter()
            .any(|column| top.is_some_and(|top| top == column.name) && column.variety == Variety::Few);
        builder = builder.set_column_dictionary_enabled(leaf.path().clone(), repeats);
    }
    builder.build()
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
