//! Ten days of a made-up company in both logs, with attacks in them: for measuring how well detectors do.
//!
//! The traffic is that of applications, nightly jobs, teams, a content network, a public website, people, a partner and
//! the services that deliver logs. Into its last three days [`IncidentKind`]s are woven at an [`Intensity`]; what to
//! find, where and when is told by [`Label`]s. No two of them have a caller in common, nor a bucket at the same time. A
//! run without incidents holds the same bytes of benign traffic, so that an alert on it is false.
//!
//! Addresses and names belong to nobody, as everywhere in [`synth`](super).

mod access;
mod benign;
mod clock;
mod company;
mod demo;
mod event;
mod files;
mod identity;
mod incidents;
mod names;
mod options;
mod timeline;
mod trail;

#[cfg(test)]
mod tests;

pub use demo::{Answer, Demo, demo};
pub use options::{IncidentKind, Intensity, ScenarioOptions};

use crate::eval::Label;
use company::{ACCOUNT, PARTNER, SIEM, TERRAFORM, WWW};
use timeline::Timeline;

/// The files of a company's logs and what is to be found in them.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Path below the folder of the scenario, and content, in the order of paths.
    pub files: Vec<(String, Vec<u8>)>,
    /// What the company would write into the configuration of the detectors. Log buckets are not in it.
    pub config_toml: String,
    /// Number of records that belong to no incident: lines of access logs and records of CloudTrail.
    pub benign_events: u64,
    /// Number of records that belong to incidents.
    pub incident_events: u64,
    /// What is to be found, in order of time.
    pub labels: Vec<Label>,
}

impl Scenario {
    /// The labels as a file for `s3sleuth eval`.
    pub fn labels_jsonl(&self) -> String {
        self.labels.iter().map(|label| label.to_json() + "\n").collect()
    }
}

/// Generates a scenario; the same options give the same bytes.
pub fn scenario(options: &ScenarioOptions) -> Scenario {
    let mut timeline = Timeline::new(options.seed);
    benign::fill(&mut timeline, options.events);
    let benign_events = timeline.records();
    timeline.turn_to_incidents();
    let intensity = options.intensity;
    let mut labels: Vec<Label> =
        options.incidents.iter().map(|kind| incidents::weave(*kind, intensity, &mut timeline)).collect();
    labels.sort_by(|left, right| (left.first_ms, &left.kind).cmp(&(right.first_ms, &right.kind)));
    let incident_events = timeline.records() - benign_events;
    let files = files::of(timeline);
    Scenario { files, config_toml: config_toml(), benign_events, incident_events, labels }
}

fn config_toml() -> String {
    format!(
        "owned_accounts = [\"{ACCOUNT}\"]\npublic_buckets = [\"{}\"]\nreaders = [\"{}\"]\niac_roles = [\"{}\"]\n\
         partners = [\"{PARTNER}\"]\n",
        WWW.name,
        SIEM.principal(),
        TERRAFORM.principal(),
    )
}
