//! What a caller, an address or an alert reached: objects, how much of each, and the sums of them.
//!
//! Requests are put in the order of their objects, so that one object is in memory at a time. Rows wait on the disk, as
//! the total comes first.

mod object;
mod row;

pub use row::{ExposureRow, Level, Sums};

use super::accesses::{Access, Reach, accesses};
use super::event::Source;
use super::extent::Extent;
use super::joined::JoinTally;
use super::object_record::{Act, ObjectRecord};
use super::object_requests::{ObjectRequests, ObjectWorker, add_sources};
use super::selection::Selection;
use super::sorted::Sorted;
use super::spill_sort::{Gathered, SpillSort, damaged};
use crate::error::Error;
use object::Object;
use row::{Callers, Reached, request_row};

/// Callers and addresses that are counted in the total, below a prefix, and of an object.
const MOST_IN_TOTAL: usize = 1_000_000;
const MOST_IN_PREFIX: usize = 50_000;
const MOST_OF_OBJECT: usize = 10_000;

/// Places and destinations that the row of an object shows.
const MOST_SHOWN: usize = 32;

/// The deepest folders that can be summed.
pub const MOST_DEPTH: usize = 16;

/// How the rows are made.
#[derive(Clone, Copy, Debug)]
pub struct ExposureOptions {
    /// The last level of rows.
    pub level: Level,
    /// How many folders of a key make a prefix.
    pub depth: usize,
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
            summing.see(&Access::from_bytes(row).ok_or_else(damaged)?)?;
        }
        summing.finish(tally)
    }

    /// The next row: the total, then prefixes, objects and requests.
    ///
    /// # Errors
    /// A disk that gives back something else.
    pub fn next_row(&mut self) -> Result<Option<ExposureRow>, Error> {
        let row = self.rows.next_row()?.map(|(_, row)| postcard::from_bytes(row).map_err(|_| damaged()));
        row.transpose()
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
