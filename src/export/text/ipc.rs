//! Pieces of an Arrow IPC stream: schema, one message a batch, end.
//!
//! Threads make the messages, so the stream is not written by one writer: each piece comes from a writer of its own,
//! of whose output everything else is dropped. Columns have no Arrow dictionaries, so messages stand alone.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;

/// End of a stream: continuation mark and a length of zero
/// (<https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>).
pub(super) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// The message that opens a stream.
pub(super) fn schema(schema: &SchemaRef) -> Result<Vec<u8>, ArrowError> {
    let writer = begun(schema)?;
    Ok(writer.get_ref().clone())
}

/// The message of a batch.
pub(super) fn message(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = begun(batch.schema_ref())?;
    writer.get_mut().clear();
    writer.write(batch)?;
    Ok(std::mem::take(writer.get_mut()))
}

fn begun(schema: &Schema) -> Result<StreamWriter<Vec<u8>>, ArrowError> {
    StreamWriter::try_new(Vec::new(), schema)
}
