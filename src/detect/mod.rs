//! Detectors: mergeable aggregates over the activity of both logs.
//!
//! A detector sees batches in any order on any thread, keeps only state that merges and does not depend on order, and
//! decides in [`Detector::finish`]. It knows neither files nor threads.

pub mod after;
pub mod alert;
pub mod baseline;
pub mod batch;
pub mod bursts;
pub(crate) mod capped;
pub mod changes;
pub mod codes;
pub mod config;
pub mod context;
pub mod deletions;
mod earliest;
pub mod entities;
pub mod evidence;
pub mod facts;
pub mod history;
pub mod hits;
mod injection;
pub mod key_sample;
pub mod key_shape;
pub mod kms_quota;
pub mod kms_use;
pub mod known;
pub mod left_out;
pub mod manual;
pub mod marks;
mod memo;
pub mod minutes;
pub mod names;
pub mod policy;
pub mod presigned;
pub mod reading;
mod records;
pub mod repeats;
pub mod rules;
pub mod sample_calls;
pub mod sample_database;
pub mod sample_lines;
pub mod sample_run;
mod secret_names;
mod sequence;
mod shown;
pub mod sight;
pub mod sigma;
pub mod stage;
pub mod state;
pub mod statistics;
#[cfg(test)]
pub(crate) mod testing;
pub mod text_column;
mod whereabouts;
pub mod write_bursts;

pub use alert::{Alert, Severity};
pub use batch::DetectBatch;
pub use config::Config;
pub use known::Known;
pub use rules::RULES;
pub use stage::DetectStage;

use crate::activity::evidence::Evidence;
use crate::parse::LogType;
use codes::Codes;
use deletions::DeletionsView;
use history::View;
use kms_use::KmsView;
use serde::Serialize;
use serde::de::DeserializeOwned;

use std::any::Any;
use std::borrow::Cow;

/// A detector's metadata, manual and constructor; the one place where a detector is described.
pub struct Rule {
    /// Such as `LOG-001`; never reused.
    pub id: &'static str,
    /// Such as `log-object-deleted`: what is seen, not who did it.
    pub name: &'static str,
    /// A headline.
    pub title: &'static str,
    /// The level of a plain hit; an alert may differ by its numbers.
    pub severity: Severity,
    /// ATT&CK technique ids, oldest numbering first.
    pub attack: &'static [&'static str],
    /// Manual: what it looks for.
    pub looks_for: &'static str,
    /// Manual: why it matters.
    pub why: &'static str,
    /// Manual: what it cannot see.
    pub cannot_see: &'static str,
    /// Manual: known false positives.
    pub false_positives: &'static str,
    /// Manual and alerts: what to do next.
    pub next_steps: &'static [&'static str],
    /// Numbers that a hit must cross.
    pub thresholds: &'static [Threshold],
    /// Columns of `activity` it reads, beside those of [`evidence::EvidenceColumns`], which every rule gets.
    pub activity_columns: &'static [&'static str],
    /// Columns of `s3_access` it reads beside them.
    pub s3_access_columns: &'static [&'static str],
    /// Columns of `cloudtrail` it reads beside them.
    pub cloudtrail_columns: &'static [&'static str],
    /// Kinds of records without which it cannot be evaluated: any one of them is enough.
    pub needs: &'static [Evidence],
    /// Logs that must raise one alert, and such that must raise none.
    pub samples: &'static [Sample],
    /// What it is made of.
    pub form: Form,
}

/// What a rule is made of.
#[derive(Clone, Copy)]
pub enum Form {
    /// Code that makes a fresh detector.
    Code(fn(&Config) -> Box<dyn Detector>),
    /// The same, of which each detector takes rows that these conditions choose, everyday ones too
    /// ([`Detector::take`]).
    Rows(fn() -> &'static [&'static sigma::Filter], fn(&Config) -> Box<dyn Detector>),
    /// Data of Sigma.
    Data(&'static sigma::Data),
}

impl Rule {
    /// A fresh detector.
    pub fn detector(&'static self, config: &Config) -> Box<dyn Detector> {
        match self.form {
            Form::Code(new) | Form::Rows(_, new) => new(config),
            Form::Data(data) => data.detector(self),
        }
    }

    /// The conditions of a rule that chooses rows by them.
    fn filters(&self) -> &'static [&'static sigma::Filter] {
        match self.form {
            Form::Code(_) => &[],
            Form::Rows(conditions, _) => conditions(),
            Form::Data(data) => data.filters,
        }
    }

    /// What its state is called: of rules that are data only those that are the same have one in common.
    fn state_name(&self) -> String {
        match self.form {
            Form::Code(_) | Form::Rows(..) => self.id.to_owned(),
            Form::Data(data) => format!("{}@{:016x}", self.id, data.digest),
        }
    }
}

/// A number that a hit must cross.
pub struct Threshold {
    /// Name in the configuration, units last.
    pub name: &'static str,
    /// Value when nothing is configured.
    pub default: u64,
    /// Where the number comes from.
    pub source: &'static str,
}

/// A log that shows what a rule sees and what it does not.
pub struct Sample {
    /// `fires`, `near_miss_1`, `denied_twin` and the like: the name of the file.
    pub name: &'static str,
    /// The logs.
    pub logs: Logs,
    /// Must it raise exactly one alert, rather than none, with nothing configured?
    pub fires: bool,
}

/// Texts of logs: lines of an access log, or a JSON object with `Records`.
#[derive(Clone, Copy)]
pub enum Logs {
    /// Made when they are asked for.
    Made(fn() -> Vec<(LogType, Cow<'static, str>)>),
    /// As they are.
    Written(&'static [(LogType, &'static str)]),
}

impl Sample {
    /// The logs.
    pub fn logs(&self) -> Vec<(LogType, Cow<'static, str>)> {
        match self.logs {
            Logs::Made(make) => make(),
            Logs::Written(texts) => texts.iter().map(|(log, text)| (*log, (*text).into())).collect(),
        }
    }
}

/// The rule of that id, in either case.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id)).copied()
}

/// Rules with those of `all` whose alerts they are made of, in the order of `all`.
pub fn with_parts(chosen: &[&'static Rule], all: &[&'static Rule]) -> Vec<&'static Rule> {
    let made_of_alerts = |rule: &&&'static Rule| !matches!(rule.form, Form::Data(_));
    let detectors: Vec<Box<dyn Detector>> =
        chosen.iter().filter(made_of_alerts).map(|rule| rule.detector(&Config::default())).collect();
    let is_in = |rule: &&Rule| {
        chosen.iter().any(|other| other.id == rule.id) || detectors.iter().any(|it| it.is_made_of(rule.id))
    };
    all.iter().copied().filter(is_in).collect()
}

/// State of one detector.
pub trait Detector: Send {
    /// Takes the rows of either log that are not routine ([`sight::Sight::is_routine`]).
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes);

    /// Takes rows that match a condition of the rule ([`Rule::form`]), everyday ones too.
    fn take(&mut self, _matched: &sigma::Matched<'_, '_, '_>) {}

    /// How often the samples of what it counted and of what it shows were halved; 0 if it does not say. Rows of which it
    /// would keep nothing need not be marked for it.
    fn halvings(&self) -> [u32; 2] {
        [0; 2]
    }

    /// Takes over the state of another detector of the same rule.
    fn merge(&mut self, other: Box<dyn Detector>);

    /// Decides.
    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings;

    /// Is it made of alerts of the rule with that id? Then it sees no rows, and decides last.
    fn is_made_of(&self, _id: &str) -> bool {
        false
    }

    /// Decides over the alerts of all other rules.
    fn finish_over(&self, _alerts: &[Alert], _shared: &Shared<'_>) -> Vec<Alert> {
        Vec::new()
    }

    /// What a detector of that kind left out for want of memory, a sentence each that begins with its rule.
    fn notes_over(&self) -> Vec<String> {
        Vec::new()
    }

    /// For [`Detector::merge`].
    fn into_any(self: Box<Self>) -> Box<dyn Any>;

    /// The state, to be taken up by [`Detector::load`] of a fresh detector of the same rule.
    fn save(&self) -> Vec<u8>;

    /// Takes up a saved state.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn load(&mut self, state: &[u8]) -> Result<(), String>;
}

/// What all detectors share when they decide.
pub struct Shared<'a> {
    /// The settings.
    pub config: &'a Config,
    /// What the input as a whole shows.
    pub known: &'a Known,
    /// What every caller read in every bucket, and when.
    pub history: &'a View<'a>,
    /// How much of KMS is used, and what failed when it refused.
    pub kms: &'a KmsView<'a>,
    /// What was deleted, by whom and when.
    pub deletions: &'a DeletionsView<'a>,
}

/// A state as bytes.
fn saved<S: Serialize>(state: &S) -> Vec<u8> {
    postcard::to_stdvec(state).expect("states are made of numbers, texts and tables")
}

/// A state from bytes.
fn restore<S: DeserializeOwned>(bytes: &[u8]) -> Result<S, String> {
    postcard::from_bytes(bytes).map_err(|error| error.to_string())
}

/// What a detector found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Alerts, in any order.
    pub alerts: Vec<Alert>,
    /// Alerts that the configuration keeps quiet.
    pub suppressed: Vec<Alert>,
    /// What was left out or only estimated, one sentence each, beginning with the rule's id.
    pub notes: Vec<String>,
    /// Was anything left out for want of memory, so that an alert may be missing? A number that is estimated from a
    /// sample says so in its alert and is no such limit.
    pub limited: bool,
}

impl Findings {
    /// Sets [`Findings::limited`] if there are notes up to now.
    fn note_limits(&mut self) {
        self.limited = !self.notes.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_made_of_alerts_comes_with_those_that_raise_them() {
        let ids = |id| with_parts(&[rule(id).unwrap()], &RULES).iter().map(|rule| rule.id).collect::<Vec<_>>();
        assert_eq!(ids("log-001"), ["LOG-001"]);
        let parts = ids("SEQ-001");
        assert!(
            parts.contains(&"LOG-006") && parts.contains(&"DEL-001") && parts.ends_with(&["SEQ-001"]),
            "{parts:?}"
        );
        assert!(!parts.contains(&"SEQ-010") && !parts.contains(&"LOG-001"), "{parts:?}");
    }
}
