//! What an export changes in its folder, from the plan to the record of it.

use super::encode::SCHEMA_VERSION;
use super::files::CompleteFiles;
use crate::batch::Projection;
use crate::decode::{InputFacts, Inventory, Unread};
use crate::error::Error;
use crate::export::lake::{InputEntry, Job, Kind, Lake, OutputEntry, Plan, ReadShare, Record, nanoseconds};
use crate::export::selection::Selection;
use crate::export::settings::ExportSettings;
use crate::parse::time::format_iso;
use crate::source::Input;

/// The change under way.
pub(super) struct Change {
    lake: Lake,
    job: Job,
    /// Those that are read, in the order of the inventory.
    inputs: Vec<Input>,
    removes: Vec<String>,
    replaces: Vec<String>,
}

impl Change {
    /// Takes from the plan what nobody else needs.
    pub(super) fn new(lake: Lake, job: Job, plan: &mut Plan) -> Change {
        let (removes, replaces) = (std::mem::take(&mut plan.removes), std::mem::take(&mut plan.replaces));
        Change { lake, job, inputs: plan.inputs.files.clone(), removes, replaces }
    }

    /// Makes the files and inputs part of the export. Returns what is noted of the files.
    pub(super) fn commit(
        mut self,
        mut complete: CompleteFiles,
        inventory: &Inventory,
    ) -> Result<Vec<OutputEntry>, Error> {
        let inputs: Vec<InputEntry> =
            self.inputs.iter().enumerate().map(|(index, input)| entry(input, index, inventory)).collect();
        let has_read = inputs.iter().any(|input| input.read != ReadShare::Nothing);
        if has_read || !complete.files.is_empty() || !self.replaces.is_empty() {
            let record = Record {
                job: Some(self.job),
                inputs,
                removes: self.removes,
                replaces: self.replaces,
                ..Record::committed(self.lake.next_run(), Kind::Export)
            };
            self.lake.commit(record, &mut complete.files)?;
            complete.folders.keep();
        }
        Ok(complete.files.into_iter().map(|file| file.entry).collect())
    }
}

fn entry(input: &Input, index: usize, inventory: &Inventory) -> InputEntry {
    // Nothing is noted where a part of the file could not be read.
    let facts = inventory.facts(index).unwrap_or_else(|| {
        let found = input.path().and_then(|path| std::fs::metadata(path).ok());
        let modified = found.as_ref().and_then(|found| found.modified().ok());
        InputFacts { size: found.map_or(0, |found| found.len()), modified, hash: None }
    });
    InputEntry {
        path: Box::from(&*input.name),
        size: facts.size,
        modified: facts.modified.map(nanoseconds),
        hash: facts.hash,
        read: match inventory.unread(&input.name) {
            None => ReadShare::Whole,
            Some(Unread::Part) => ReadShare::Part,
            Some(Unread::All) => ReadShare::Nothing,
        },
    }
}

/// All that shapes rows and files.
pub(super) fn job(settings: &ExportSettings, selection: &Selection) -> Job {
    let columns = |projection: &Projection| {
        let names = projection.columns().iter().map(|column| column.name.to_owned()).collect();
        (projection.dataset().name().to_owned(), names)
    };
    Job {
        columns: selection.projections().map(columns).collect(),
        schema_version: SCHEMA_VERSION.to_owned(),
        partition_by: settings.partition_by.iter().map(|key| key.name().to_owned()).collect(),
        compression: settings.compression.to_string(),
        encoding: settings.encoding.name().to_owned(),
        bloom_filters: settings.bloom_filters,
        sort: settings.sort.name().to_owned(),
        log: settings.filter.only.map(|log| log.name().to_owned()),
        since: settings.filter.since_ms.map(format_iso),
        until: settings.filter.until_ms.map(format_iso),
        keep_duplicates: settings.filter.keep_duplicates,
        dedup: settings.filter.dedup_lines,
    }
}
