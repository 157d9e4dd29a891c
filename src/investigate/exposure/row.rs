//! The rows of an exposure, and what they sum.

use crate::investigate::accesses::{Access, Destination, Reach};
use crate::investigate::event::Source;
use crate::investigate::extent::{Extent, Got, Share};
use crate::investigate::object_record::{Act, ObjectRecord, Way};
use crate::investigate::object_requests::Distinct;
use crate::investigate::selection::Selection;
use serde::{Deserialize, Serialize};

/// What a row is of, from the whole to the single.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// All there is.
    Total,
    /// Objects of a bucket below a folder.
    Prefix,
    /// A version of an object.
    Object,
    /// A request.
    Request,
}

impl Level {
    /// The word in the column `level`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Total => "total",
            Level::Prefix => "prefix",
            Level::Object => "object",
            Level::Request => "request",
        }
    }
}

/// Best that was reached of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    Attempted,
    Metadata,
    Content(Share),
}

impl Reached {
    pub(super) fn name(self) -> &'static str {
        match self {
            Reached::Content(Share::Full) => "full",
            Reached::Content(Share::Part) => "part",
            Reached::Content(Share::PartOrFull) => "part_or_full",
            Reached::Metadata => "metadata",
            Reached::Attempted => "attempted",
        }
    }
}

/// Sums of requests and objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns of the same names say what they are")]
pub struct Sums {
    pub objects: u64,
    pub objects_full: u64,
    pub objects_part: u64,
    pub objects_part_or_full: u64,
    pub objects_metadata: u64,
    pub objects_attempted: u64,
    pub requests: u64,
    pub reads: u64,
    pub copies: u64,
    pub metadata_reads: u64,
    pub denied: u64,
    pub failed: u64,
    pub listings: u64,
    pub presigned: u64,
    pub anonymous: u64,
    pub bytes_sent: u64,
    pub bytes_copied: u64,
    pub unique_bytes_min: u64,
    pub unique_bytes_max: u64,
    /// Objects whose most is not bounded, as no log says their size.
    pub without_bound: u64,
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
}

impl Sums {
    pub(super) fn see(&mut self, access: &Access, reach: Reach) {
        let record = &access.record;
        self.requests += 1;
        let bytes = record.bytes_out.unwrap_or_default();
        match reach {
            Reach::Content(_) if matches!(record.act, Act::CopyRead | Act::CopyPartRead) => {
                self.copies += 1;
                self.bytes_copied = self.bytes_copied.saturating_add(copied_bytes(record, reach));
            }
            Reach::Content(_) => {
                self.reads += 1;
                self.bytes_sent = self.bytes_sent.saturating_add(bytes);
            }
            Reach::Metadata => self.metadata_reads += 1,
            Reach::Names => self.listings += 1,
            Reach::Denied => self.denied += 1,
            Reach::Failed => self.failed += 1,
        }
        self.presigned += u64::from(record.way == Way::Presigned);
        self.anonymous += u64::from(record.way == Way::Anonymous);
        self.see_time(record.time_ms);
    }

    pub(super) fn see_time(&mut self, time_ms: Option<i64>) {
        self.first_ms = self.first_ms.into_iter().chain(time_ms).min();
        self.last_ms = self.last_ms.into_iter().chain(time_ms).max();
    }

    pub(super) fn count(&mut self, reached: Reached) {
        self.objects += 1;
        *match reached {
            Reached::Content(Share::Full) => &mut self.objects_full,
            Reached::Content(Share::Part) => &mut self.objects_part,
            Reached::Content(Share::PartOrFull) => &mut self.objects_part_or_full,
            Reached::Metadata => &mut self.objects_metadata,
            Reached::Attempted => &mut self.objects_attempted,
        } += 1;
    }

    pub(super) fn add_bytes(&mut self, extent: &Extent) {
        self.unique_bytes_min = self.unique_bytes_min.saturating_add(extent.least());
        match extent.most() {
            Some(most) => self.unique_bytes_max = self.unique_bytes_max.saturating_add(most),
            None => self.without_bound += 1,
        }
    }

    /// `3 full, 1 part, 2 attempted`
    fn sentence(&self) -> String {
        let parts = [
            (self.objects_full, "full"),
            (self.objects_part, "part"),
            (self.objects_part_or_full, "part_or_full"),
            (self.objects_metadata, "metadata"),
            (self.objects_attempted, "attempted"),
        ];
        let parts =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn copied_bytes(record: &ObjectRecord, reach: Reach) -> u64 {
    match reach {
        Reach::Content(Got::From(_, length)) => length,
        Reach::Content(Got::All) => record.size.unwrap_or_default(),
        _ => 0,
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the columns of the same names say what they are")]
pub struct ExposureRow {
    pub level: Level,
    pub bucket_name: Option<String>,
    pub object_key: Option<String>,
    pub version_id: Option<String>,
    pub extent: String,
    pub share: Option<String>,
    pub object_size: Option<u64>,
    pub sums: Sums,
    pub action: Option<String>,
    pub http_status: Option<i64>,
    pub principals: Vec<String>,
    pub principals_count: u64,
    pub remote_ips: Vec<String>,
    pub remote_ips_count: u64,
    pub access_key_ids: Vec<String>,
    pub copied_to: Vec<String>,
    pub session_chain: Vec<String>,
    pub notes: Vec<String>,
    pub sources: Vec<Source>,
}

/// Who took part.
pub(super) struct Callers {
    principals: Distinct,
    addresses: Distinct,
    access_keys: Distinct,
}

impl Callers {
    pub(super) fn up_to(most: usize) -> Callers {
        let distinct = || Distinct::up_to(most);
        Callers { principals: distinct(), addresses: distinct(), access_keys: distinct() }
    }

    pub(super) fn see(&mut self, record: &ObjectRecord) {
        let seen = [
            (&record.principal, &mut self.principals),
            (&record.remote_ip, &mut self.addresses),
            (&record.access_key_id, &mut self.access_keys),
        ];
        seen.into_iter().for_each(|(text, distinct)| text.iter().for_each(|text| distinct.see(text)));
    }

    pub(super) fn row(&self, level: Level, sums: Sums) -> ExposureRow {
        let overflows = self.principals.overflows || self.addresses.overflows;
        let note = "there are more callers or addresses than were counted".to_owned();
        ExposureRow {
            level,
            bucket_name: None,
            object_key: None,
            version_id: None,
            extent: sums.sentence(),
            share: None,
            object_size: None,
            sums,
            action: None,
            http_status: None,
            principals: self.principals.shown(),
            principals_count: self.principals.count(),
            remote_ips: self.addresses.shown(),
            remote_ips_count: self.addresses.count(),
            access_key_ids: self.access_keys.shown(),
            copied_to: Vec::new(),
            session_chain: Vec::new(),
            notes: if overflows { vec![note] } else { Vec::new() },
            sources: Vec::new(),
        }
    }
}

pub(super) fn request_row(access: &Access, extent: &str, selection: &Selection) -> ExposureRow {
    let record = &access.record;
    let mut sums = Sums::default();
    sums.see(access, access.reach());
    let texts = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
    ExposureRow {
        level: Level::Request,
        bucket_name: record.bucket.clone(),
        object_key: record.key.clone(),
        version_id: access.version().map(str::to_owned),
        extent: extent.to_owned(),
        share: None,
        object_size: record.size,
        sums,
        action: Some(record.operation.clone()),
        http_status: record.status,
        principals: texts(&record.principal),
        principals_count: u64::from(record.principal.is_some()),
        remote_ips: texts(&record.remote_ip),
        remote_ips_count: u64::from(record.remote_ip.is_some()),
        access_key_ids: texts(&record.access_key_id),
        copied_to: access.copied_to.iter().map(Destination::sentence).collect(),
        session_chain: record.through.map(|through| selection.steps(through)).unwrap_or_default(),
        notes: Vec::new(),
        sources: record.sources.clone(),
    }
}
