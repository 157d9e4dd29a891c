//! One record of a log: bytes in, fields out, nothing copied.
//!
//! This stage knows the grammar of each log and nothing of files, Arrow or detectors. A record that does not fit the
//! grammar is a [`ParseError`], a value; it never stops the run.

pub mod cloudtrail;
mod derived;
pub mod json;
mod numbered;
pub mod object_key;
pub mod s3_access;
pub mod scalar;
pub mod table;
pub mod time;

pub use table::{CACHE_LINE, FieldTable, Row, Span, Spare};

use serde::{Deserialize, Serialize};
use std::fmt;

/// The logs this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LogType {
    /// S3 server access log, a line of text a request.
    #[serde(rename = "s3_access")]
    S3Access,
    /// CloudTrail, a JSON object an event.
    #[serde(rename = "cloudtrail")]
    CloudTrail,
}

impl LogType {
    /// Every log type, in the order in which they are listed everywhere.
    pub const ALL: [LogType; 2] = [LogType::S3Access, LogType::CloudTrail];

    /// The name in tables, folders, options and the `log` column.
    pub fn name(self) -> &'static str {
        match self {
            LogType::S3Access => "s3_access",
            LogType::CloudTrail => "cloudtrail",
        }
    }

    /// How many fields a row of a table has.
    pub(crate) fn field_count(self) -> usize {
        match self {
            LogType::S3Access => s3_access::field::WIDTH,
            LogType::CloudTrail => cloudtrail::field::WIDTH,
        }
    }
}

/// Why a record was refused. Small and without input inside; the reader adds file and line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The field at which reading stopped, by its column name.
    pub field: &'static str,
    /// Bytes from the start of the record to the place of the error.
    pub offset: usize,
    /// What was expected there.
    pub reason: &'static str,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (byte {} of the record)", self.field, self.reason, self.offset)
    }
}
