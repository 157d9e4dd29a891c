//! What a folder holds: the sum of its committed changes.

use super::entries::{InputEntry, Kind, OutputEntry, Record, RecordState};
use super::job::Job;
use std::collections::{BTreeMap, BTreeSet};

/// Files and inputs that belong to the exports of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    files: BTreeMap<String, OutputEntry>,
    jobs: Vec<JobState>,
    next_run: u64,
}

/// What was exported with the same settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The settings.
    pub job: Job,
    /// The inputs, in the order in which they were added.
    pub inputs: Vec<InputEntry>,
}

impl State {
    /// Takes the next record, and its inputs, which it need not hold any more.
    pub(super) fn apply(&mut self, record: &Record, inputs: Vec<InputEntry>) {
        self.next_run = self.next_run.max(record.run + 1);
        if record.state == RecordState::Prepared {
            return;
        }
        for path in &record.removes {
            self.files.remove(path);
        }
        let outputs = record.outputs.iter().map(|output| (output.path.clone(), output.clone()));
        self.files.extend(outputs);
        for dataset in &record.replaces {
            self.jobs.iter_mut().for_each(|state| drop(state.job.columns.remove(dataset)));
        }
        self.jobs.retain(|state| !state.job.columns.is_empty());
        if let (Kind::Export, Some(job)) = (record.kind, &record.job) {
            self.add(job, inputs);
        }
    }

    fn add(&mut self, job: &Job, inputs: Vec<InputEntry>) {
        let state = match self.jobs.iter_mut().position(|state| state.job == *job) {
            Some(at) => &mut self.jobs[at],
            None => {
                self.jobs.push(JobState { job: job.clone(), inputs: Vec::new() });
                self.jobs.last_mut().expect("pushed")
            }
        };
        // An input that could not be read before has been tried again.
        let again: BTreeSet<&str> = inputs.iter().map(|input| &*input.path).collect();
        state
            .inputs
            .retain(|input| input.read != super::entries::ReadShare::Nothing || !again.contains(&*input.path));
        state.inputs.extend(inputs);
    }

    /// The files, by path.
    pub fn files(&self) -> impl Iterator<Item = &OutputEntry> {
        self.files.values()
    }

    /// Is it one of the files?
    pub fn holds(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// What was exported, by settings.
    pub fn jobs(&self) -> &[JobState] {
        &self.jobs
    }

    /// Number of the next change.
    pub(super) fn next_run(&self) -> u64 {
        self.next_run
    }
}

#[cfg(test)]
mod tests {
    use super::super::entries::{ReadShare, SCHEMA};
    use super::super::job::sample;
    use super::*;

    fn output(path: &str) -> OutputEntry {
        OutputEntry {
            path: path.to_owned(),
            rows: 1,
            bytes: 1,
            first_event_ms: None,
            last_event_ms: None,
            without_time: None,
        }
    }

    fn input(path: &str, read: ReadShare) -> InputEntry {
        InputEntry { path: path.into(), size: 1, modified: None, hash: None, read }
    }

    fn record(run: u64, state: RecordState, job: Option<Job>) -> Record {
        Record {
            schema: SCHEMA.to_owned(),
            run,
            kind: if job.is_some() { Kind::Export } else { Kind::Compact },
            state,
            version: String::new(),
            job,
            inputs: Vec::new(),
            outputs: Vec::new(),
            removes: Vec::new(),
            replaces: Vec::new(),
        }
    }

    #[test]
    fn only_committed_changes_count_and_each_replaces_what_it_says() {
        use RecordState::{Committed, Prepared};
        let mut state = State::default();
        let both = sample(&["activity", "s3_access"], "zstd:1");
        let mut first = record(0, Committed, Some(both.clone()));
        first.inputs = vec![input("a", ReadShare::Whole), input("b", ReadShare::Nothing)];
        first.outputs = vec![output("activity/x"), output("s3_access/x")];
        let apply = |state: &mut State, record: &Record| state.apply(record, record.inputs.clone());
        apply(&mut state, &first.prepared());
        assert_eq!((state.files().count(), state.next_run()), (0, 1));
        apply(&mut state, &first);
        let mut retried = record(1, Committed, Some(both.clone()));
        retried.inputs = vec![input("b", ReadShare::Whole)];
        apply(&mut state, &retried);
        assert_eq!(state.jobs()[0].inputs, [input("a", ReadShare::Whole), input("b", ReadShare::Whole)]);
        let mut merged = record(2, Committed, None);
        merged.outputs = vec![output("activity/y")];
        merged.removes = vec!["activity/x".to_owned()];
        apply(&mut state, &merged);
        assert!(state.holds("activity/y") && !state.holds("activity/x") && state.jobs().len() == 1);
        apply(&mut state, &record(3, Prepared, None));
        let mut forced = record(4, Committed, Some(sample(&["activity"], "snappy")));
        forced.removes = vec!["activity/y".to_owned()];
        forced.replaces = vec!["activity".to_owned()];
        apply(&mut state, &forced);
        let jobs: Vec<Vec<&str>> = state.jobs().iter().map(|state| state.job.datasets().collect()).collect();
        assert_eq!(jobs, [["s3_access"], ["activity"]]);
        assert_eq!(state.files().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["s3_access/x"]);
        assert_eq!(state.next_run(), 5);
    }
}
