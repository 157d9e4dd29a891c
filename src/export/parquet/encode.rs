//! Row groups to encoded column chunks, and the writer settings that Athena reads best.

use super::collector::{Job, Rows};
use super::column::{self, ChunkForm, EncodedChunk, PAGE_BYTES, PAGE_ROWS, Piece, PieceForm, Scratch, codec};
use super::footer::FooterForm;
use super::lock;
use super::order::{self, Part, RowOrder, Stretch, sort_column};
use super::partition::Partition;
use super::row_group::{ColumnPieces, RowGroup};
use crate::batch::{Cells, Column, Projection, Variety};
use crate::decode::DATASET_KEY;
use crate::error::Error;
use crate::export::lake::Job as JobSettings;
use crate::export::settings::{Compression, PageEncoding};
use crate::parse::FieldTable;
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::Compression as Codec;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnDescriptor, SchemaDescPtr, SchemaDescriptor};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Rows that the parquet crate is given at a time: only then does it surely look at the size of a page. With texts of 1 KiB
/// a page is no larger than others.
const CHECKED_ROWS: usize = 256;

/// Version of names and types of the columns; changes only when a column is renamed or retyped.
pub(super) const SCHEMA_VERSION: &str = "1";

/// How the files of one dataset are written.
pub(super) struct TableFormat {
    /// The columns.
    pub(super) projection: Projection,
    properties: WriterPropertiesPtr,
    factory: ArrowRowGroupWriterFactory,
    leaves: SchemaDescPtr,
    /// Of each leaf the column, or the member of a struct, that it belongs to.
    columns: Vec<&'static Column>,
    encoding: PageEncoding,
    compression: Compression,
    codec: Codec,
    /// Do columns that are sought have Bloom filters?
    filters: bool,
    /// Those that no thread is using.
    scratch: Mutex<Vec<Scratch>>,
    /// Do units overlap in time by more than was expected of their edges?
    overlapping: AtomicBool,
}

/// An encoded column chunk.
pub(super) enum Chunk {
    Own(Box<EncodedChunk>),
    Crate(Box<ArrowColumnChunk>),
}

/// A row group that waits for its place in its file.
pub(super) struct EncodedRowGroup {
    /// Whose files it is appended to.
    pub(super) partition: Partition,
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
        job: &JobSettings,
    ) -> Result<TableFormat, ParquetError> {
        let arrow_schema = projection.schema();
        let descriptor = ArrowSchemaConverter::new().with_coerce_types(true).convert(arrow_schema)?;
        let codec = codec(compression)?;
        let mut properties = properties(projection, &descriptor, codec, job.settings());
        add_encoded_arrow_schema_to_metadata(arrow_schema, &mut properties);
        let properties = Arc::new(properties);
        // The factory takes schema and properties of a file; row groups of all files are made alike.
        let model =
            SerializedFileWriter::new(std::io::sink(), descriptor.root_schema_ptr(), Arc::clone(&properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&model, Arc::clone(arrow_schema));
        Ok(TableFormat {
            projection: projection.clone(),
            properties,
            factory,
            columns: descriptor.columns().iter().map(|leaf| column_of(projection, leaf)).collect(),
            leaves: Arc::new(descriptor),
            encoding,
            compression,
            codec,
            filters: job.bloom_filters,
            scratch: Mutex::default(),
            overlapping: AtomicBool::new(false),
        })
    }

    /// How row groups and footers of its files are written.
    pub(super) fn footer_form(&self) -> FooterForm {
        FooterForm::new(Arc::clone(&self.leaves), Arc::clone(&self.properties))
    }

    /// The cells of some sorted rows, in the order of the columns.
    pub(super) fn rows(&self, table: &FieldTable, part: &Part<'_>) -> Result<Rows, ParquetError> {
        let Part { rows, is_edge } = *part;
        let mut scratch = self.take_scratch()?;
        let pages = !is_edge && !self.overlapping.load(Ordering::Relaxed);
        let form = PieceForm { encoding: self.encoding, filters: self.filters, pages };
        let pieces = column::pieces(self.projection.columns(), table, rows, form, &mut scratch)?;
        lock(&self.scratch).push(scratch);
        let keys: Vec<i64> = rows.iter().map(|row| order::sort_key(table, *row)).collect();
        let bytes = size_of_val(&keys[..]) + pieces.iter().map(Piece::bytes).sum::<usize>();
        Ok(Rows { keys, pieces, bytes, is_edge })
    }

    /// Takes note of whether the last rows overlap in time with those before: then it pays to make pages only when they
    /// are mixed. This changes when the work is done, never what comes out.
    pub(super) fn expect(&self, overlapping: bool) {
        self.overlapping.store(overlapping, Ordering::Relaxed);
    }

    fn take_scratch(&self) -> Result<Scratch, ParquetError> {
        let free = lock(&self.scratch).pop();
        free.map_or_else(|| Scratch::new(self.compression), Ok)
    }

    /// The row group of a job, to be encoded column by column.
    pub(super) fn begin(&self, job: Job) -> RowGroup {
        let root = |leaf: usize| &self.leaves.columns()[leaf].path().parts()[0];
        RowGroup::new(job, |leaf, piece| match piece {
            Piece::Text(_) | Piece::Numbers(_) => 1,
            Piece::Array(_) => {
                (leaf..self.leaves.num_columns()).take_while(|other| root(*other) == root(leaf)).count()
            }
        })
    }

    /// Sorts, encodes and compresses a column; its pieces are freed behind it.
    pub(super) fn encode(
        &self,
        column: ColumnPieces,
        order: Option<&RowOrder>,
    ) -> Result<Vec<Chunk>, ParquetError> {
        let ColumnPieces { leaf, pieces } = column;
        if let Some(Piece::Array(_)) = pieces.first() {
            return self.encode_arrays(pieces, order, leaf);
        }
        let mut scratch = self.take_scratch()?;
        let chunk = column::encode(pieces, order, self.leaves.column(leaf), self.chunk_form(leaf), &mut scratch)?;
        lock(&self.scratch).push(scratch);
        Ok(vec![Chunk::Own(Box::new(chunk))])
    }

    /// The whole of a job.
    #[cfg(test)]
    pub(super) fn encode_job(&self, job: Job) -> Result<EncodedRowGroup, ParquetError> {
        let group = self.begin(job);
        let mut whole = None;
        while let Some((column, _)) = group.next() {
            let leaf = column.leaf;
            whole = group.take(leaf, self.encode(column, group.order.as_ref())?);
        }
        Ok(whole.expect("all columns were encoded"))
    }

    /// Has the parquet crate encode all columns of a row group.
    pub(super) fn encode_batch(&self, rows: &RecordBatch) -> Result<Vec<Chunk>, ParquetError> {
        let mut writers = self.factory.create_column_writers(0)?.into_iter();
        let mut chunks = Vec::with_capacity(self.leaves.num_columns());
        for (field, array) in self.projection.schema().fields().iter().zip(rows.columns()) {
            for mut chunk in encode_column(field, std::slice::from_ref(array), &mut writers)? {
                let column = self.leaves.column(chunks.len());
                if self.chunk_form(chunks.len()).filter
                    && let Some(texts) = leaf_of(rows, column.path().parts())
                {
                    chunk.close_mut().bloom_filter = column::filter_of(texts)?;
                }
                chunks.push(Chunk::Crate(Box::new(chunk)));
            }
        }
        Ok(chunks)
    }

    fn chunk_form(&self, leaf: usize) -> ChunkForm {
        let Column { variety, is_sought, .. } = *self.columns[leaf];
        ChunkForm { variety, encoding: self.encoding, codec: self.codec, filter: self.filters && is_sought }
    }

    /// Has the parquet crate encode the leaves of a list or of booleans.
    fn encode_arrays(
        &self,
        pieces: Vec<Piece>,
        order: Option<&RowOrder>,
        leaf: usize,
    ) -> Result<Vec<Chunk>, ParquetError> {
        let name = self.leaves.column(leaf).path().parts()[0].clone();
        let field = self.projection.schema().field_with_name(&name)?;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(pieces.len());
        arrays.extend(pieces.into_iter().filter_map(|piece| match piece {
            Piece::Array(array) => Some(array),
            Piece::Text(_) | Piece::Numbers(_) => None,
        }));
        if let Some(order) = order {
            arrays = in_order(&arrays, order)?;
        }
        let mut writers = self.factory.create_column_writers(0)?.into_iter().skip(leaf);
        let encoded = encode_column(field, &arrays, &mut writers)?;
        Ok(encoded.into_iter().map(|chunk| Chunk::Crate(Box::new(chunk))).collect())
    }
}

/// Has the parquet crate encode a column, whose arrays follow one another.
fn encode_column(
    field: &Field,
    arrays: &[ArrayRef],
    writers: &mut impl Iterator<Item = ArrowColumnWriter>,
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let mut leaves: Vec<ArrowColumnWriter> = Vec::new();
    for array in arrays {
        for start in (0..array.len()).step_by(CHECKED_ROWS) {
            let some = array.slice(start, CHECKED_ROWS.min(array.len() - start));
            for (index, leaf) in compute_leaves(field, &some)?.iter().enumerate() {
                if index == leaves.len() {
                    leaves.extend(writers.next());
                }
                leaves[index].write(leaf)?;
            }
        }
    }
    leaves.into_iter().map(ArrowColumnWriter::close).collect()
}

/// An array a stretch.
fn in_order(arrays: &[ArrayRef], order: &RowOrder) -> Result<Vec<ArrayRef>, ParquetError> {
    let mixed = arrays.iter().zip(&order.is_mixed).filter(|(_, is_mixed)| **is_mixed);
    let mixed: Vec<&dyn Array> = mixed.map(|(array, _)| array.as_ref()).collect();
    let mixed = if mixed.is_empty() { arrays[0].slice(0, 0) } else { concat(&mixed)? };
    let in_order = order.stretches.iter().map(|stretch| match stretch {
        Stretch::Whole(index) => Ok(Arc::clone(&arrays[*index])),
        Stretch::Mixed(places) => rows_of(&mixed, &order.mixed[places.clone()]),
    });
    in_order.collect()
}

/// These rows of an array. Lists are mostly empty, and then only their lengths are looked at.
fn rows_of(array: &ArrayRef, rows: &[u32]) -> Result<ArrayRef, ParquetError> {
    let lists = array.as_list_opt::<i32>().filter(|lists| lists.null_count() == 0);
    let (Some(lists), DataType::List(field)) = (lists, array.data_type()) else {
        return Ok(take(array, &UInt32Array::from(rows.to_vec()), None)?);
    };
    let ends = lists.value_offsets();
    let mut values: Vec<u32> = Vec::new();
    let lengths = rows.iter().map(|row| {
        let (start, end) = (ends[*row as usize], ends[*row as usize + 1]);
        values.extend(start as u32..end as u32);
        (end - start) as usize
    });
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values = take(lists.values(), &UInt32Array::from(values), None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, values, None)?))
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
fn properties(
    projection: &Projection,
    schema: &SchemaDescriptor,
    codec: Codec,
    settings: String,
) -> WriterProperties {
    let version = env!("CARGO_PKG_VERSION");
    let entry = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(PAGE_BYTES - CHECKED_ROWS * 1024)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_coerce_types(true)
        // The word "version" belongs to the form: readers on parquet-java distrust statistics without it.
        .set_created_by(format!("s3sleuth version {version}"))
        .set_key_value_metadata(Some(vec![
            entry("s3sleuth.version", version),
            entry(DATASET_KEY, projection.dataset().name()),
            entry("s3sleuth.schema_version", SCHEMA_VERSION),
            entry("s3sleuth.settings", &settings),
        ]));
    for leaf in schema.columns() {
        let repeats = column_of(projection, leaf).variety == Variety::Few;
        builder = builder.set_column_dictionary_enabled(leaf.path().clone(), repeats);
    }
    let by = sort_column(projection.dataset());
    let sorted = schema.columns().iter().position(|leaf| leaf.path().parts() == [by]);
    let sorted =
        sorted.map(|leaf| SortingColumn { column_idx: leaf as i32, descending: false, nulls_first: false });
    builder.set_sorting_columns(sorted.map(|column| vec![column])).build()
}

/// The column, or the member of a struct, that a leaf belongs to.
fn column_of(projection: &Projection, leaf: &ColumnDescriptor) -> &'static Column {
    let (top, rest) = leaf.path().parts().split_first().expect("a path has parts");
    let column = projection.columns().iter().find(|column| column.name == top);
    rest.iter().fold(column.expect("every leaf is of a column"), |column, name| match column.cells {
        Cells::Struct(members) => members.iter().find(|member| member.name == name).unwrap_or(column),
        _ => column,
    })
}

/// The array of a column, or of a member of a struct.
fn leaf_of<'r>(rows: &'r RecordBatch, path: &[String]) -> Option<&'r dyn Array> {
    let (top, members) = path.split_first()?;
    let column: &dyn Array = rows.column_by_name(top)?;
    members.iter().try_fold(column, |array, name| array.as_struct_opt()?.column_by_name(name).map(AsRef::as_ref))
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
