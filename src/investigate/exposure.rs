//! What a caller, an address or an alert reached: objects, how much of each, and the sums of them.
//!
//! Requests are put in the order of their objects, so that one object is in memory at a time. Rows wait on the disk, as
//! the total comes first.

use super::accesses::{Access, Destination, Reach, accesses};
use super::event::Source;
use super::extent::{Extent, Got, Share};
use super::joined::JoinTally;
use super::object_record::{Act, ObjectRecord, Way};
use super::object_requests::{Distinct, ObjectRequests, ObjectWorker, add_sources};
use super::selection::Selection;
use super::spill_sort::{Gathered, Sorted, SpillSort};
use crate::error::Error;
use crate::report::count::{counted, grouped, of_number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Callers and addresses that are counted in the total, below a prefix, and of an object.
const MOST_IN_TOTAL: usize = 1_000_000;
const MOST_IN_PREFIX: usize = 50_000;
const MOST_OF_OBJECT: usize = 10_000;

/// Places and destinations that the row of an object shows.
const MOST_SHOWN: usize = 32;

/// The deepest folders that can be summed.
pub const MOST_DEPTH: usize = 16;

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

/// How the rows are made.
#[derive(Clone, Copy, Debug)]
pub struct ExposureOptions {
    /// The last level of rows.
    pub level: Level,
    /// How many folders of a key make a prefix.
    pub depth: usize,
}

/// Best that was reached of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Attempted,
    Metadata,
    Content(Share),
}

impl Reached {
    fn name(self) -> &'static str {
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
    fn see(&mut self, access: &Access, reach: Reach) {
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

    fn see_time(&mut self, time_ms: Option<i64>) {
        self.first_ms = self.first_ms.into_iter().chain(time_ms).min();
        self.last_ms = self.last_ms.into_iter().chain(time_ms).max();
    }

    fn count(&mut self, reached: Reached) {
        self.objects += 1;
        *match reached {
            Reached::Content(Share::Full) => &mut self.objects_full,
            Reached::Content(Share::Part) => &mut self.objects_part,
            Reached::Content(Share::PartOrFull) => &mut self.objects_part_or_full,
            Reached::Metadata => &mut self.objects_metadata,
            Reached::Attempted => &mut self.objects_attempted,
        } += 1;
    }

    fn add_bytes(&mut self, extent: &Extent) {
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
struct Callers {
    principals: Distinct,
    addresses: Distinct,
    access_keys: Distinct,
}

impl Callers {
    fn up_to(most: usize) -> Callers {
        let distinct = || Distinct::up_to(most);
        Callers { principals: distinct(), addresses: distinct(), access_keys: distinct() }
    }

    fn see(&mut self, record: &ObjectRecord) {
        let seen = [
            (&record.principal, &mut self.principals),
            (&record.remote_ip, &mut self.addresses),
            (&record.access_key_id, &mut self.access_keys),
        ];
        seen.into_iter().for_each(|(text, distinct)| text.iter().for_each(|text| distinct.see(text)));
    }

    fn row(&self, level: Level, sums: Sums) -> ExposureRow {
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

/// A version of an object while its requests come.
struct Object {
    extent: Extent,
    sums: Sums,
    callers: Callers,
    best: Reached,
    size: Option<u64>,
    copied_to: BTreeSet<Destination>,
    copied_to_more: bool,
    /// Copies of which no log says where they went.
    copies_without_destination: u64,
    through: BTreeSet<(u32, u64)>,
    sources: Vec<Source>,
    sources_left_out: u64,
}

impl Object {
    fn new() -> Object {
        Object {
            extent: Extent::default(),
            sums: Sums::default(),
            callers: Callers::up_to(MOST_OF_OBJECT),
            best: Reached::Attempted,
            size: None,
            copied_to: BTreeSet::new(),
            copied_to_more: false,
            copies_without_destination: 0,
            through: BTreeSet::new(),
            sources: Vec::new(),
            sources_left_out: 0,
        }
    }

    fn see(&mut self, access: &Access, reach: Reach) {
        self.sums.see(access, reach);
        self.callers.see(&access.record);
        let record = &access.record;
        match reach {
            Reach::Content(got) => {
                self.extent.add(record.size, got);
                if record.act == Act::CopyRead || record.act == Act::CopyPartRead {
                    self.copies_without_destination += u64::from(access.copied_to.is_none());
                }
                self.copied_to.extend(access.copied_to.clone());
                if self.copied_to.len() > MOST_SHOWN {
                    self.copied_to.pop_last();
                    self.copied_to_more = true;
                }
            }
            Reach::Metadata => self.best = self.best.max(Reached::Metadata),
            Reach::Names | Reach::Denied | Reach::Failed => {}
        }
        if record.is_done() {
            self.size = record.size.or(self.size);
        }
        if self.through.len() < MOST_SHOWN {
            self.through.extend(record.through);
        }
        let free = MOST_SHOWN.saturating_sub(self.sources.len()).min(record.sources.len());
        self.sources_left_out += (record.sources.len() - free) as u64;
        add_sources(&mut self.sources, record.sources[..free].to_vec());
    }

    fn close(&mut self) -> Reached {
        self.extent.close();
        self.best = self.extent.share().map_or(self.best, Reached::Content);
        self.sums.add_bytes(&self.extent);
        self.best
    }

    fn row(&self, version: Option<&str>, selection: &Selection) -> ExposureRow {
        let mut copied_to: Vec<String> = self.copied_to.iter().map(Destination::sentence).collect();
        if self.copied_to_more {
            copied_to.push("… more".to_owned());
        }
        let mut row = self.callers.row(Level::Object, self.sums.clone());
        row.notes.extend(self.notes());
        ExposureRow {
            version_id: version.map(str::to_owned),
            extent: self.best.name().to_owned(),
            share: share(&self.extent),
            object_size: self.size,
            copied_to,
            session_chain: self.through.iter().take(4).flat_map(|through| selection.steps(*through)).collect(),
            sources: self.sources.clone(),
            ..row
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.extent.has_unplaced() {
            notes.push(
                "the logs do not say which bytes some requests got: the share lies between two bounds".to_owned(),
            );
        }
        if !self.extent.is_empty() && self.extent.sizes() == 0 {
            notes.push("no log says the size of the object".to_owned());
        }
        if self.extent.sizes() > 1 {
            notes.push(format!("its size changed between reads: {} contents", self.extent.sizes()));
        }
        if self.extent.left_out() {
            notes.push("it had more sizes than are told apart: more may have been read".to_owned());
        }
        if self.copies_without_destination > 0 {
            let copies = of_number(self.copies_without_destination, "copy", "copies");
            notes.push(format!("of {} {copies} no log says where to", grouped(self.copies_without_destination)));
        }
        if self.sources_left_out > 0 {
            let left_out = counted(self.sources_left_out, "more place");
            notes.push(format!("{left_out}; --level request shows all"));
        }
        notes
    }
}

fn share(extent: &Extent) -> Option<String> {
    if extent.is_empty() {
        return None;
    }
    Some(match extent.percent() {
        None => "unknown".to_owned(),
        Some((least, most)) if least == most => format!("{least} %"),
        Some((least, most)) => format!("{least} % to {most} %"),
    })
}

/// Sums of the objects of a bucket below a folder.
struct Folder {
    bucket: String,
    prefix: String,
    sums: Sums,
    callers: Callers,
}

/// Rows in the order in which they will be shown.
struct Waiting {
    sort: SpillSort,
    gathered: Gathered,
    number: u64,
    last: Level,
}

impl Waiting {
    fn push(&mut self, row: &ExposureRow) -> Result<(), Error> {
        if row.level > self.last {
            return Ok(());
        }
        self.number += 1;
        let mut key = vec![row.level as u8];
        if row.level == Level::Prefix {
            for text in [&row.bucket_name, &row.object_key].into_iter().flatten() {
                key.extend_from_slice(text.as_bytes());
                key.push(0);
            }
        }
        key.extend_from_slice(&self.number.to_be_bytes());
        let bytes = postcard::to_stdvec(row).expect("numbers and texts can be written to memory");
        self.sort.push(&mut self.gathered, &key, &bytes)
    }
}

/// All rows, and what is told of them.
pub struct Exposure {
    rows: Sorted,
    /// The total.
    pub total: ExposureRow,
    /// What was joined.
    pub tally: JoinTally,
}

impl Exposure {
    /// Of the requests of a selection.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn new(
        requests: ObjectRequests<'_>,
        worker: ObjectWorker,
        selection: &Selection,
        options: ExposureOptions,
    ) -> Result<Exposure, Error> {
        let mut tally = JoinTally::default();
        let by_object = SpillSort::default();
        let mut gathered = Gathered::default();
        let mut summing = Summing::new(selection, options);
        requests.for_each(worker, &mut tally, |request| {
            for record in request.iter().filter(|record| record.act == Act::List) {
                summing.see_listing(record)?;
            }
            for access in accesses(request) {
                by_object.push(&mut gathered, &object_key(&access), &access.to_bytes())?;
            }
            Ok(())
        })?;
        let mut accesses = by_object.sorted(gathered)?;
        while let Some((_, row)) = accesses.next_row()? {
            if let Some(access) = Access::from_bytes(&row) {
                summing.see(&access)?;
            }
        }
        summing.finish(tally)
    }

    /// The next row: the total, then prefixes, objects and requests.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_row(&mut self) -> Result<Option<ExposureRow>, Error> {
        while let Some((_, row)) = self.rows.next_row()? {
            if let Ok(row) = postcard::from_bytes(&row) {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// Acts that are of use here.
pub fn is_exposure(act: Act) -> bool {
    act.reads() || act.copies() || matches!(act, Act::Metadata | Act::List)
}

/// Bucket, key and version, then time and place. Zeros inside texts are told from those between them.
fn object_key(access: &Access) -> Vec<u8> {
    let record = &access.record;
    let mut key = Vec::new();
    for text in [record.bucket.as_deref(), record.key.as_deref(), access.version()] {
        for byte in text.unwrap_or_default().bytes() {
            key.extend_from_slice(if byte == 0 { &[0, 1] } else { std::slice::from_ref(&byte) });
        }
        key.extend_from_slice(&[0, 0]);
    }
    key.extend_from_slice(
        &record.time_ms.map_or(u64::MAX, |time| time.wrapping_sub(i64::MIN) as u64).to_be_bytes(),
    );
    for source in record.sources.iter().take(1) {
        key.push(source.log as u8);
        key.extend_from_slice(source.file.as_bytes());
        key.push(0);
        key.extend_from_slice(&source.line.to_be_bytes());
    }
    key
}

/// Sums what comes object by object.
struct Summing<'a> {
    selection: &'a Selection,
    options: ExposureOptions,
    waiting: Waiting,
    total: (Sums, Callers),
    listings: Vec<Source>,
    /// The folders that the current object lies in.
    folders: Vec<Folder>,
    /// Bucket and key of the current object, and the best of its versions.
    current: Option<(String, String)>,
    best: Option<Reached>,
    version: Option<String>,
    object: Option<Object>,
}

impl<'a> Summing<'a> {
    fn new(selection: &'a Selection, options: ExposureOptions) -> Summing<'a> {
        let waiting =
            Waiting { sort: SpillSort::default(), gathered: Gathered::default(), number: 0, last: options.level };
        Summing {
            selection,
            options,
            waiting,
            total: (Sums::default(), Callers::up_to(MOST_IN_TOTAL)),
            listings: Vec::new(),
            folders: Vec::new(),
            current: None,
            best: None,
            version: None,
            object: None,
        }
    }

    /// A list of names tells no object.
    fn see_listing(&mut self, record: &ObjectRecord) -> Result<(), Error> {
        let (sums, callers) = &mut self.total;
        let access = Access { record: record.clone(), copied_to: None };
        sums.see(&access, access.reach());
        callers.see(record);
        let free = MOST_SHOWN.saturating_sub(self.listings.len());
        add_sources(&mut self.listings, record.sources.iter().take(free).cloned().collect());
        if self.options.level < Level::Request {
            return Ok(());
        }
        let extent = if access.reach() == Reach::Names { "names" } else { "attempted" };
        self.waiting.push(&request_row(&access, extent, self.selection))
    }

    fn see(&mut self, access: &Access) -> Result<(), Error> {
        let (Some(bucket), Some(key)) = (&access.record.bucket, &access.record.key) else { return Ok(()) };
        let is_same = self.current.as_ref().is_some_and(|current| (&current.0, &current.1) == (bucket, key));
        if !is_same || self.version.as_deref() != access.version() {
            self.end_version()?;
            self.version = access.version().map(str::to_owned);
        }
        if !is_same {
            self.end_object();
            self.enter(bucket, key)?;
            self.current = Some((bucket.clone(), key.clone()));
        }
        let reach = access.reach();
        self.object.get_or_insert_with(Object::new).see(access, reach);
        let (sums, callers) = &mut self.total;
        sums.see(access, reach);
        callers.see(&access.record);
        if let Some(folder) = self.folders.last_mut() {
            folder.sums.see(access, reach);
            folder.callers.see(&access.record);
        }
        if self.options.level < Level::Request {
            return Ok(());
        }
        let extent = match reach {
            Reach::Content(got) => {
                let mut extent = Extent::default();
                extent.add(access.record.size, got);
                extent.share().map_or("part_or_full", |share| Reached::Content(share).name())
            }
            Reach::Metadata => "metadata",
            Reach::Names => "names",
            Reach::Denied | Reach::Failed => "attempted",
        };
        self.waiting.push(&request_row(access, extent, self.selection))
    }

    fn end_version(&mut self) -> Result<(), Error> {
        let Some(mut object) = self.object.take() else { return Ok(()) };
        self.best = self.best.max(Some(object.close()));
        self.total.0.add_bytes(&object.extent);
        if let Some(folder) = self.folders.last_mut() {
            folder.sums.add_bytes(&object.extent);
        }
        if self.options.level < Level::Object {
            return Ok(());
        }
        let mut row = object.row(self.version.as_deref(), self.selection);
        if let Some((bucket, key)) = &self.current {
            (row.bucket_name, row.object_key) = (Some(bucket.clone()), Some(key.clone()));
        }
        self.waiting.push(&row)
    }

    fn end_object(&mut self) {
        let Some(best) = self.best.take() else { return };
        self.total.0.count(best);
        if let Some(folder) = self.folders.last_mut() {
            folder.sums.count(best);
        }
    }

    /// Leaves the folders that the object does not lie in, and enters its own.
    fn enter(&mut self, bucket: &str, key: &str) -> Result<(), Error> {
        let ends = key.match_indices('/').map(|(at, _)| at + 1).take(self.options.depth);
        let prefix = &key[..ends.last().unwrap_or_default()];
        while self.folders.last().is_some_and(|last| last.bucket != bucket || !key.starts_with(&last.prefix)) {
            self.leave()?;
        }
        if self.folders.last().is_none_or(|last| last.prefix != prefix) {
            let callers = Callers::up_to(MOST_IN_PREFIX);
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            self.folders.push(Folder { bucket, prefix, sums: Sums::default(), callers });
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Error> {
        let Some(folder) = self.folders.pop() else { return Ok(()) };
        let mut row = folder.callers.row(Level::Prefix, folder.sums);
        (row.bucket_name, row.object_key) = (Some(folder.bucket), Some(folder.prefix));
        self.waiting.push(&row)
    }

    fn finish(mut self, tally: JoinTally) -> Result<Exposure, Error> {
        self.end_version()?;
        self.end_object();
        while !self.folders.is_empty() {
            self.leave()?;
        }
        let (sums, callers) = self.total;
        let mut total = callers.row(Level::Total, sums);
        total.sources = self.listings;
        self.waiting.push(&total)?;
        let rows = self.waiting.sort.sorted(self.waiting.gathered)?;
        Ok(Exposure { rows, total, tally })
    }
}

fn request_row(access: &Access, extent: &str, selection: &Selection) -> ExposureRow {
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
