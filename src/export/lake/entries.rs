//! The lines of the manifest.

use super::job::Job;
use crate::decode::ContentHash;
use serde::{Deserialize, Serialize};

/// Name and version of the form of a line.
pub const SCHEMA: &str = "s3sleuth.manifest.v1";

/// One line: a change of the folder that is about to happen, or has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `SCHEMA`.
    pub schema: String,
    /// Number of the change; the names of its files hold it.
    pub run: u64,
    /// What made the change.
    pub kind: Kind,
    /// How far it is.
    pub state: RecordState,
    /// Version of the program.
    pub version: String,
    /// An export: all settings that shape the rows and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// An export that is committed: the inputs whose rows are in the outputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputEntry>,
    /// The new files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputEntry>,
    /// Former files that belong to the export no more, relative to the folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removes: Vec<String>,
    /// Datasets of which nothing that was exported before is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
}

/// What made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Rows of inputs were added.
    Export,
    /// Files were merged: `outputs` hold the rows of `removes`.
    Compact,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordState {
    /// The outputs are complete under hidden names. If no record `committed` follows, they are no part of the export.
    Prepared,
    /// The outputs are part of the export.
    Committed,
}

/// An input whose rows are in the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputEntry {
    /// The path as given, with `/`; `-` for standard input.
    pub path: Box<str>,
    /// Bytes on the disk.
    pub size: u64,
    /// When the file was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "modified")]
    pub modified: Option<i64>,
    /// Hash of its bytes; missing where not all of them were read.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hash")]
    pub hash: Option<ContentHash>,
    /// How much of it could be used.
    #[serde(default, skip_serializing_if = "ReadShare::is_whole")]
    pub read: ReadShare,
}

/// How much of an input could be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadShare {
    /// All of it, or it holds no records.
    #[default]
    Whole,
    /// A part.
    Part,
    /// Nothing: it is tried again.
    Nothing,
}

impl ReadShare {
    fn is_whole(&self) -> bool {
        *self == ReadShare::Whole
    }
}

/// A file of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputEntry {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Earliest event in it, milliseconds since 1970 UTC; missing where no event has a time, or the file no such column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event_ms: Option<i64>,
    /// Latest event in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_ms: Option<i64>,
    /// Rows without a time; missing where the file has no such column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_time: Option<u64>,
}

impl OutputEntry {
    /// Name of its dataset.
    pub fn dataset(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

/// Nanoseconds since 1970 as `2026-03-01T01:02:03.000000004Z`: JSON's numbers are too short for them.
mod modified {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(time: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |time| DateTime::<Utc>::from_timestamp_nanos(time).to_rfc3339_opts(SecondsFormat::Nanos, true);
        match time {
            Some(time) => serializer.serialize_str(&text(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let time = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
        Ok(time.timestamp_nanos_opt())
    }
}

/// A hash as text.
mod hash {
    use crate::decode::ContentHash;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &Option<ContentHash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => serializer.collect_str(hash),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ContentHash>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_comes_back_as_it_was_noted() {
        let entry = InputEntry {
            path: "a\u{1b}\u{2028}".into(),
            size: u64::MAX,
            modified: Some(1_772_326_923_000_000_004),
            hash: Some(ContentHash::Xxh3(7)),
            read: ReadShare::Part,
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert!(text.contains("2026-03-01T01:02:03.000000004Z") && text.contains("\"part\""), "{text}");
        assert_eq!(serde_json::from_str::<InputEntry>(&text).unwrap(), entry);
        let least = InputEntry { modified: None, hash: None, read: ReadShare::Whole, ..entry };
        let text = serde_json::to_string(&least).unwrap();
        assert!(!text.contains("hash"), "{text}");
        assert_eq!(serde_json::from_str::<InputEntry>(&text).unwrap(), least);
    }
}
