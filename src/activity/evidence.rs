//! Which kind of evidence a record is: what a detector needs at least one of to say anything.

use crate::parse::scalar::boolean;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail};
use serde::{Deserialize, Serialize};

/// Kinds of records a detector can need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// Lines of S3 server access logs.
    AccessLines,
    /// CloudTrail S3 data events.
    DataEvents,
    /// CloudTrail management events.
    ManagementEvents,
    /// CloudTrail events of KMS; they are management events too.
    KmsEvents,
}

impl Evidence {
    /// Every kind, in the order in which they are listed everywhere.
    pub const ALL: [Evidence; 4] =
        [Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents, Evidence::KmsEvents];

    /// As a noun.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::AccessLines => "access-log lines",
            Evidence::DataEvents => "CloudTrail S3 data events",
            Evidence::ManagementEvents => "CloudTrail management events",
            Evidence::KmsEvents => "CloudTrail KMS events",
        }
    }

    /// What cannot be seen without it.
    pub fn shows(self) -> &'static str {
        match self {
            Evidence::AccessLines => "failed authentication, lifecycle actions, keys of batch deletes",
            Evidence::DataEvents => "who read, wrote or deleted which object, by session",
            Evidence::ManagementEvents => "changes of settings, policies and trails",
            Evidence::KmsEvents => "use and throttling of keys",
        }
    }
}

/// What kinds of evidence a row is.
pub fn of(table: &FieldTable, row: usize) -> &'static [Evidence] {
    if table.log == LogType::S3Access {
        return &[Evidence::AccessLines];
    }
    if !super::is_api_call(table, row) {
        return &[];
    }
    let source = table.bytes(row, trail::EVENT_SOURCE).unwrap_or_default();
    // Records before 2020 have no category.
    let category = table.bytes(row, trail::EVENT_CATEGORY).unwrap_or(
        match table.bytes(row, trail::MANAGEMENT_EVENT).and_then(boolean) {
            Some(false) => b"Data",
            _ => b"Management",
        },
    );
    match (category, source) {
        (b"Management", b"kms.amazonaws.com") => &[Evidence::ManagementEvents, Evidence::KmsEvents],
        (b"Management", _) => &[Evidence::ManagementEvents],
        (b"Data", _) if source.starts_with(b"s3") => &[Evidence::DataEvents],
        _ => &[],
    }
}

/// How many rows of each kind there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceCounts([u64; Evidence::ALL.len()]);

impl EvidenceCounts {
    /// Counts a row.
    pub fn count(&mut self, table: &FieldTable, row: usize) {
        for kind in of(table, row) {
            self.0[*kind as usize] += 1;
        }
    }

    /// Rows of a kind.
    pub fn of(&self, kind: Evidence) -> u64 {
        self.0[kind as usize]
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &EvidenceCounts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// What cannot be told because no row shows it, a sentence a missing kind.
    pub fn missing(&self) -> Vec<String> {
        let missing = Evidence::ALL.into_iter().filter(|kind| self.of(*kind) == 0);
        missing.map(|kind| format!("no {}: they would show {}", kind.name(), kind.shows())).collect()
    }
}
