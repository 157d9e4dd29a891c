//! Ten days of a made-up company in both logs, with attacks in them: for measuring how well detectors do.
//!
//! The traffic is that of two applications, nightly jobs, a content network, a public website, people, a partner and
//! the services that deliver logs. Into its last three days [`IncidentKind`]s are woven; what to find, where and when
//! is told by [`Incident`]. A run without incidents holds the same bytes of benign traffic, so that an alert on it is
//! false.
//!
//! Addresses and names belong to nobody, as everywhere in [`synth`](super).

mod access;
mod benign;
mod clock;
mod company;
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

pub use options::{IncidentKind, ScenarioOptions};

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
    pub incidents: Vec<Incident>,
}

/// One attack or outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Which it is.
    pub kind: IncidentKind,
    /// A name for messages.
    pub name: &'static str,
    /// An alert of any of these rules finds it.
    pub rules: &'static [&'static str],
    /// Who takes part, as alerts name them.
    pub principals: Vec<String>,
    /// The buckets that it is about.
    pub buckets: Vec<String>,
    /// Its first event, in milliseconds since 1970.
    pub from_ms: i64,
    /// Its last event.
    pub until_ms: i64,
}

/// Generates a scenario; the same options give the same bytes.
pub fn scenario(options: &ScenarioOptions) -> Scenario {
    let mut timeline = Timeline::new(options.seed);
    benign::fill(&mut timeline, options.events);
    let benign_events = timeline.records();
    timeline.turn_to_incidents();
    let mut incidents: Vec<Incident> =
        options.incidents.iter().map(|kind| incidents::weave(*kind, &mut timeline)).collect();
    incidents.sort_by_key(|incident| (incident.from_ms, incident.name));
    let incident_events = timeline.records() - benign_events;
    let files = files::of(timeline);
    Scenario { files, config_toml: config_toml(), benign_events, incident_events, incidents }
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
