//! Which inputs are still to be read: those that the export does not hold yet.

use super::entries::{InputEntry, ReadShare};
use super::job::Job;
use super::names::holds_visible_file;
use super::state::{JobState, State};
use super::{Audit, Lake};
use crate::decode::{ContentHash, HashKind};
use crate::error::Error;
use crate::report::count::{counted, first_of, of_number};
use crate::source::{Input, Inputs};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

/// What is asked for.
#[derive(Clone, Debug)]
pub(in crate::export) struct Request<'a> {
    /// The settings.
    pub(in crate::export) job: &'a Job,
    /// Replace what is there.
    pub(in crate::export) force: bool,
    /// Go on where an export with the same settings ended.
    pub(in crate::export) resume: bool,
    /// Add inputs that it does not have.
    pub(in crate::export) append: bool,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// The inputs to be read.
    pub inputs: Inputs,
    /// How many more are in the export already.
    pub done: usize,
    /// Former files that the new ones replace, relative to the folder.
    pub(in crate::export) removes: Vec<String>,
    /// Datasets that the new export replaces.
    pub(in crate::export) replaces: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// How the folder differs from what its manifest says, a sentence each.
    pub warnings: Vec<String>,
}

/// Paths that are named in a message.
const NAMED: usize = 3;

impl Lake {
    /// Holds the inputs against what the folder has.
    ///
    /// # Errors
    /// What would mix two exports, or hold rows twice: files that are not ours, other settings, inputs that have changed
    /// since, new inputs without `append`.
    pub(in crate::export) fn plan(&self, request: &Request<'_>, inputs: Inputs) -> Result<Plan, Error> {
        if request.force {
            return self.replace(request.job, inputs);
        }
        for dataset in request.job.datasets() {
            let is_ours = self.state.files().any(|file| file.dataset() == dataset);
            if !is_ours && holds_visible_file(self.root(), dataset)? {
                return Err(self.not_empty(dataset));
            }
        }
        let met: Vec<_> = self.state.jobs().iter().filter(|state| state.job.meets(request.job)).collect();
        let Some(first) = met.first() else { return Ok(Plan { inputs, ..Plan::default() }) };
        if !request.resume && !request.append {
            return Err(self.not_empty(first.job.datasets().next().unwrap_or_default()));
        }
        let Some(held) = met.iter().find(|state| self.has_files(&state.job)) else {
            return over_nothing(request.job, &met, inputs);
        };
        if let Some(difference) = request.job.difference(&held.job) {
            let advice = request.job.instants_of(&held.job).unwrap_or_default();
            return Err(Error::Usage(format!(
                "{} holds an export with other settings ({difference}): name another folder, or replace it with \
                 --force{advice}",
                self.root().display()
            )));
        }
        let mut sorted = Sorted::new(&held.inputs, inputs.files)?;
        sorted.check(self.root(), request.append)?;
        let warnings = self.audit_of(request.job)?.warnings();
        let inputs = Inputs { files: std::mem::take(&mut sorted.read), left_out: inputs.left_out };
        Ok(Plan { inputs, done: sorted.done, warnings, ..Plan::default() })
    }

    fn not_empty(&self, dataset: &str) -> Error {
        Error::Usage(format!(
            "{} is not empty: name another folder, pick the log with --log, or replace its files with --force",
            self.root().join(dataset).display()
        ))
    }

    fn replace(&self, job: &Job, inputs: Inputs) -> Result<Plan, Error> {
        let mut plan = Plan { inputs, ..Plan::default() };
        for dataset in job.datasets() {
            holds_visible_file(self.root(), dataset)?;
            // Also those that an earlier version wrote, or that were put there by hand.
            let mut former: BTreeSet<String> = super::data_files(self.root(), dataset)?.into_iter().collect();
            former.extend(self.state.files_of(dataset).map(|file| file.path.clone()));
            let is_there = self.state.jobs().iter().any(|state| state.job.columns.contains_key(dataset));
            if is_there || !former.is_empty() {
                plan.replaces.push(dataset.to_owned());
            }
            plan.removes.extend(former);
        }
        // What is not ours is not removed, and stays beside the new files.
        let mut audit = Audit { lost: Vec::new(), ..self.audit_of(job)? };
        let removes: HashSet<&str> = plan.removes.iter().map(String::as_str).collect();
        audit.strangers.retain(|path| !removes.contains(path.as_str()));
        plan.warnings = audit.warnings();
        Ok(plan)
    }

    /// Has an export with these settings left a row?
    fn has_files(&self, job: &Job) -> bool {
        self.state.files().any(|file| job.columns.contains_key(file.dataset()))
    }

    fn audit_of(&self, job: &Job) -> Result<Audit, Error> {
        Audit::of(self.root(), &self.state, job.datasets())
    }
}

/// The exports that were there have no row: no new one can be mixed with them, whatever its settings and inputs.
fn over_nothing(job: &Job, met: &[&JobState], inputs: Inputs) -> Result<Plan, Error> {
    if let Some(same) = met.iter().find(|state| state.job == *job) {
        let sorted = Sorted::new(&same.inputs, inputs.files)?;
        let inputs = Inputs { files: sorted.read, left_out: inputs.left_out };
        return Ok(Plan { inputs, done: sorted.done, ..Plan::default() });
    }
    let is_met = |dataset: &&str| met.iter().any(|state| state.job.columns.contains_key(*dataset));
    let replaces = job.datasets().filter(is_met).map(str::to_owned).collect();
    Ok(Plan { inputs, replaces, ..Plan::default() })
}

/// The inputs by what the export knows of them.
struct Sorted {
    read: Vec<Input>,
    done: usize,
    new: Vec<String>,
    new_count: usize,
    changed: Vec<String>,
    changed_count: usize,
}

impl Sorted {
    fn new(known: &[InputEntry], inputs: Vec<Input>) -> Result<Sorted, Error> {
        let known = Known::new(known);
        let (new, changed) = (Vec::new(), Vec::new());
        let mut sorted = Sorted { read: Vec::new(), done: 0, new, new_count: 0, changed, changed_count: 0 };
        for input in inputs {
            match known.sort(&input) {
                Sort::Done => {
                    sorted.done += 1;
                    continue;
                }
                Sort::Again => {}
                Sort::New => {
                    sorted.new_count += 1;
                    if sorted.new.len() < NAMED {
                        sorted.new.push(input.name.to_string());
                    }
                }
                Sort::Changed => {
                    sorted.changed_count += 1;
                    if sorted.changed.len() < NAMED {
                        sorted.changed.push(input.name.to_string());
                    }
                }
            }
            sorted.read.push(input);
        }
        Ok(sorted)
    }

    fn check(&self, root: &Path, append: bool) -> Result<(), Error> {
        let root = root.display();
        if self.changed_count > 0 {
            return Err(Error::Usage(format!(
                "{} changed since being written to {root}: {}; adding {} would hold rows twice. Name another folder, or write \
                 all of it again with --force",
                inputs(self.changed_count, "has", "have"),
                first_of(self.changed.iter().map(String::as_str), self.changed_count),
                of_number(self.changed_count as u64, "it", "them"),
            )));
        }
        if self.new_count > 0 && !append {
            return Err(Error::Usage(format!(
                "{root} holds an export, and {} not in it: {}. Add {} with --append, name another folder, or replace the \
                 export with --force",
                inputs(self.new_count, "is", "are"),
                first_of(self.new.iter().map(String::as_str), self.new_count),
                of_number(self.new_count as u64, "it", "them"),
            )));
        }
        Ok(())
    }
}

/// `1 input is`, `2 inputs are`.
fn inputs(number: usize, one: &str, many: &str) -> String {
    let number = number as u64;
    format!("{} {}", counted(number, "input"), of_number(number, one, many))
}

enum Sort {
    Done,
    /// It could not be read before.
    Again,
    New,
    Changed,
}

/// The inputs of an export, to be looked up.
struct Known<'a> {
    by_path: HashMap<&'a str, Vec<&'a InputEntry>>,
    /// Sizes of those of which there is a hash, with its kind.
    sizes: HashSet<(u64, HashKind)>,
    hashes: HashSet<ContentHash>,
}

impl<'a> Known<'a> {
    fn new(known: &'a [InputEntry]) -> Known<'a> {
        let mut by_path: HashMap<&str, Vec<&InputEntry>> = HashMap::new();
        for entry in known {
            by_path.entry(&*entry.path).or_default().push(entry);
        }
        let used = || known.iter().filter(|entry| entry.read != ReadShare::Nothing);
        Known {
            by_path,
            sizes: used().filter_map(|entry| Some((entry.size, entry.hash?.kind()))).collect(),
            hashes: used().filter_map(|entry| entry.hash).collect(),
        }
    }

    /// By path, size and time of change; where these differ, by content.
    fn sort(&self, input: &Input) -> Sort {
        let entries = self.by_path.get(&*input.name).map(Vec::as_slice).unwrap_or_default();
        let was_unread = !entries.is_empty() && entries.iter().all(|entry| entry.read == ReadShare::Nothing);
        let metadata = input.path().and_then(|path| fs::metadata(path).ok()).filter(fs::Metadata::is_file);
        // A stream is never known; why a file cannot be looked at is told when it is read.
        let Some(metadata) = metadata else { return if was_unread { Sort::Again } else { Sort::New } };
        let time = metadata.modified().ok().map(nanoseconds);
        let same = |entry: &&&InputEntry| entry.size == metadata.len() && entry.modified == time && time.is_some();
        if entries.iter().find(same).is_some_and(|entry| entry.read != ReadShare::Nothing) {
            return Sort::Done;
        }
        if self.holds_content(input, metadata.len()) {
            return Sort::Done;
        }
        match entries {
            [] => Sort::New,
            _ if was_unread => Sort::Again,
            _ => Sort::Changed,
        }
    }

    /// Reads the file only if it can be one of those.
    fn holds_content(&self, input: &Input, size: u64) -> bool {
        let kinds =
            [HashKind::Blake3, HashKind::Xxh3].into_iter().filter(|kind| self.sizes.contains(&(size, *kind)));
        let hash = |kind| ContentHash::of_reader(kind, File::open(input.path()?).ok()?).ok();
        kinds.filter_map(hash).any(|hash| self.hashes.contains(&hash))
    }
}

/// Nanoseconds since 1970.
pub(in crate::export) fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

impl State {
    /// The files that a job with these settings has written.
    pub(in crate::export) fn files_of<'a>(
        &'a self,
        dataset: &'a str,
    ) -> impl Iterator<Item = &'a super::OutputEntry> {
        self.files().filter(move |file| file.dataset() == dataset)
    }
}
