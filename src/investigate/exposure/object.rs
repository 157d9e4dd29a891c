//! One version of an object, while its requests come.

use super::row::{Callers, ExposureRow, Level, Reached, Sums};
use super::{MOST_OF_OBJECT, MOST_SHOWN};
use crate::investigate::accesses::{Access, Destination, Reach};
use crate::investigate::event::Source;
use crate::investigate::extent::Extent;
use crate::investigate::object_record::Act;
use crate::investigate::object_requests::add_sources;
use crate::investigate::selection::Selection;
use crate::report::count::{counted, grouped, of_number};
use std::collections::BTreeSet;

/// A version of an object while its requests come.
pub(super) struct Object {
    pub(super) extent: Extent,
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
    pub(super) fn new() -> Object {
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

    pub(super) fn see(&mut self, access: &Access, reach: Reach) {
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

    pub(super) fn close(&mut self) -> Reached {
        self.extent.close();
        self.best = self.extent.share().map_or(self.best, Reached::Content);
        self.sums.add_bytes(&self.extent);
        self.best
    }

    pub(super) fn row(&self, version: Option<&str>, selection: &Selection) -> ExposureRow {
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
