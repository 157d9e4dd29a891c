//! What was read and what was not: counts that must add up, and the places of what was refused.

use crate::parse::ParseError;
use std::sync::Arc;

/// A line or record that could not be taken as one of its log's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Path of the file.
    pub file: Arc<str>,
    /// Line or record in the file, from 1.
    pub number: u64,
    /// Offset in the uncompressed file, in bytes, of the record's first byte.
    pub offset: u64,
    /// The field at which reading stopped, or the framing step.
    pub field: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The record's bytes, at most [`Reject::RAW_LIMIT`] of them.
    pub raw: Vec<u8>,
    /// Length of the whole record in bytes.
    pub length: u64,
}

impl Reject {
    /// How much of a refused record is kept, in bytes.
    pub const RAW_LIMIT: usize = 64 << 10;

    /// A record that its parser refused.
    pub fn parse(file: &Arc<str>, number: u64, offset: u64, error: ParseError, record: &[u8]) -> Reject {
        Reject {
            file: Arc::clone(file),
            number,
            offset,
            field: error.field,
            reason: error.reason,
            raw: record[..record.len().min(Reject::RAW_LIMIT)].to_vec(),
            length: record.len() as u64,
        }
    }
}
