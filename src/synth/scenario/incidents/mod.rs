//! What goes wrong on the last three days.

mod bulk_download;
mod kms_storm;
mod log_deletion;
mod log_expiration;
mod public_scrape;

use super::Incident;
use super::company::{Actor, Bucket};
use super::event::Event;
use super::options::IncidentKind;
use super::timeline::Timeline;

/// What an incident is about, before its times are known.
struct About {
    name: &'static str,
    rules: &'static [&'static str],
    actors: Vec<&'static Actor>,
    buckets: Vec<&'static Bucket>,
}

/// Adds the events of an incident and tells what it is.
pub(super) fn weave(kind: IncidentKind, timeline: &mut Timeline) -> Incident {
    let before = timeline.events.len();
    let about = match kind {
        IncidentKind::LogDeletion => log_deletion::weave(timeline),
        IncidentKind::LogExpiration => log_expiration::weave(timeline),
        IncidentKind::BulkDownload => bulk_download::weave(timeline),
        IncidentKind::PublicScrape => public_scrape::weave(timeline),
        IncidentKind::KmsStorm => kms_storm::weave(timeline),
    };
    let times = || timeline.events[before..].iter().map(|event: &Event| event.time * 1_000);
    Incident {
        kind,
        name: about.name,
        rules: about.rules,
        principals: about.actors.iter().map(|actor| actor.principal()).collect(),
        buckets: about.buckets.iter().map(|bucket| bucket.name.to_owned()).collect(),
        from_ms: times().min().unwrap_or_default(),
        until_ms: times().max().unwrap_or_default(),
    }
}
