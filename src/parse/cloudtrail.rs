//! One CloudTrail record, a JSON object an event.
//!
//! Format: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>.
//! A record is checked and taken apart in one pass. Members with a column become spans of the block; what is known of
//! nested objects is lifted on the way; `requestParameters` and its like stay JSON text as well; members that AWS adds
//! later are kept in `other_fields`. Every field is text: numbers and booleans as written (`1376.0`, `true`), strings
//! without quotes and unescaped; JSON's null and an absent member are both null.

mod encryption_context;
mod fields;
mod members;
mod record;
mod resources;

pub use encryption_context::encryption_context_arn;
pub use fields::{FIELDS, FLAGS, field, flag};
pub use resources::{Resource, for_each_resource};

use super::{FieldTable, LogType, ParseError, Row, Span, Spare};
use crate::decode::{Block, RecordFrame};
use crate::ledger::{Reject, RejectSink};
use record::RecordReader;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Parses the records of a block, each one JSON object, into its table; refused ones go to `rejects`.
pub fn parse_block(block: Block, rejects: &mut dyn RejectSink) -> FieldTable {
    parse_block_into(block, rejects, Spare::default())
}

/// The same in buffers that are used again.
pub fn parse_block_into(block: Block, rejects: &mut dyn RejectSink, spare: Spare) -> FieldTable {
    let mut rows = BlockRows::new(&block, spare);
    for frame in &block.records {
        if let Err(error) = rows.read(&block, frame) {
            let file = &block.segments[frame.segment as usize].file;
            let record = &block.bytes[frame.start as usize..frame.end as usize];
            rejects.push(Reject::parse(LogType::CloudTrail, file, frame.number, frame.offset, error, record));
        }
    }
    rows.table(block)
}

/// Parses a block whose records' places were guessed, in buffers that are used again.
///
/// # Errors
/// Gives the block back if one of them is no record: it may be none, or the guess is wrong.
pub fn parse_guessed(block: Block, spare: Spare) -> Result<FieldTable, Block> {
    let mut rows = BlockRows::new(&block, spare);
    if block.records.iter().all(|frame| rows.read(&block, frame).is_ok()) {
        Ok(rows.table(block))
    } else {
        Err(block)
    }
}

/// The rows of a block while it is parsed.
struct BlockRows {
    rows: Vec<Row>,
    spans: Vec<Span>,
    reader: RecordReader,
}

impl BlockRows {
    fn new(block: &Block, spare: Spare) -> BlockRows {
        let Spare { mut rows, mut spans, .. } = spare;
        rows.clear();
        rows.reserve(block.records.len());
        spans.clear();
        spans.reserve(block.records.len() * field::WIDTH);
        BlockRows { rows, spans, reader: RecordReader::new(block.bytes.len()) }
    }

    #[inline]
    fn read(&mut self, block: &Block, frame: &RecordFrame) -> Result<(), ParseError> {
        let (start, end) = (frame.start as usize, frame.end as usize);
        let parsed = self.reader.read(&block.bytes[start..end], start)?;
        self.spans.extend_from_slice(self.reader.fields());
        let span = Span::new(start, end);
        self.rows.push(Row { number: frame.number, segment: frame.segment, record: span, ..parsed });
        Ok(())
    }

    fn table(mut self, block: Block) -> FieldTable {
        let mut text = block.bytes;
        text.append(&mut self.reader.derived.text);
        FieldTable::new(LogType::CloudTrail, text, field::WIDTH, self.spans, self.rows, block.segments)
    }
}

/// Parses one record alone, into a table of one row that belongs to no file.
///
/// # Errors
/// The member at which the text stops being JSON, or `record` where it is none of CloudTrail's.
pub fn parse_record(record: &[u8]) -> Result<FieldTable, ParseError> {
    let mut reader = RecordReader::new(record.len());
    let row = reader.read(record, 0)?;
    let mut text = record.to_vec();
    text.append(&mut reader.derived.text);
    let row = Row { record: Span::new(0, record.len()), ..row };
    Ok(FieldTable::new(LogType::CloudTrail, text, field::WIDTH, reader.fields().to_vec(), vec![row], Vec::new()))
}

/// What makes an event the same one in every copy: a hash of its id and the account it was delivered for, the same in
/// every run. `None` for a record without an id, which no copy can be told from.
pub fn fingerprint(table: &FieldTable, row: usize) -> Option<u128> {
    let id = table.bytes(row, field::EVENT_ID).filter(|id| !id.is_empty())?;
    let account = table.bytes(row, field::RECIPIENT_ACCOUNT_ID).unwrap_or_default();
    Some(fingerprint_of(id, account))
}

/// The same of an event's id and the account it was delivered for, empty where it does not say.
pub fn fingerprint_of(id: &[u8], account: &[u8]) -> u128 {
    // Neither part can hold this byte but by an escape that AWS does not write.
    const SEPARATOR: &[u8] = b"\0";
    let parts = [id, SEPARATOR, account];
    let length = parts.iter().map(|part| part.len()).sum();
    let mut short = [0; 128];
    if length > short.len() {
        let mut hasher = Xxh3::new();
        parts.iter().for_each(|part| hasher.update(part));
        return hasher.digest128();
    }
    let mut end = 0;
    for part in parts {
        short[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    xxh3_128(&short[..length])
}

#[cfg(test)]
mod tests;
