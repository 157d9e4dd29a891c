//! What goes wrong on the last three days.

mod cross_account_copy;
mod enumeration;
mod extortion;
mod forged_logs;
mod insider_download;
mod kms_storm;
mod log_deletion;
mod log_expiration;
mod presigned_leak;
mod public_scrape;
mod ransomware;
mod stolen_role;
mod trail_tampering;
mod version_purge;

use super::company::{Actor, Bucket};
use super::event::{Action, Address, Call, Caller, Event, Request, Setting, address_text};
use super::options::{IncidentKind, Intensity};
use super::timeline::Timeline;
use crate::eval::Label;

/// What an incident is about, before its times are known.
#[derive(Default)]
struct About {
    /// Who does it.
    actors: Vec<&'static Actor>,
    /// From where; none if it is where the actors always are.
    addresses: Vec<Address>,
    buckets: Vec<&'static Bucket>,
    /// Further names in alerts about it.
    affected: Vec<String>,
}

/// Adds the events of an incident and tells what it is.
pub(super) fn weave(kind: IncidentKind, intensity: Intensity, timeline: &mut Timeline) -> Label {
    let (before, records) = (timeline.events.len(), timeline.records());
    let about = match kind {
        IncidentKind::LogDeletion => log_deletion::weave(timeline, intensity),
        IncidentKind::LogExpiration => log_expiration::weave(timeline, intensity),
        IncidentKind::SseCRansomware => ransomware::weave_sse_c(timeline, intensity),
        IncidentKind::KmsRansomware => ransomware::weave_kms(timeline, intensity),
        IncidentKind::Extortion => extortion::weave(timeline, intensity),
        IncidentKind::VersionPurge => version_purge::weave(timeline, intensity),
        IncidentKind::PublicScrape => public_scrape::weave(timeline, intensity),
        IncidentKind::StolenRole => stolen_role::weave(timeline, intensity),
        IncidentKind::InsiderDownload => insider_download::weave(timeline, intensity),
        IncidentKind::PresignedLeak => presigned_leak::weave(timeline, intensity),
        IncidentKind::CrossAccountCopy => cross_account_copy::weave(timeline, intensity),
        IncidentKind::Enumeration => enumeration::weave(timeline, intensity),
        IncidentKind::KmsStorm => kms_storm::weave(timeline, intensity),
        IncidentKind::TrailTampering => trail_tampering::weave(timeline, intensity),
        IncidentKind::ForgedLogs => forged_logs::weave(timeline, intensity),
    };
    let times = || timeline.events[before..].iter().map(|event: &Event| event.time * 1_000);
    Label {
        incident: format!("{}-{}-{}", kind.name(), intensity.name(), timeline.seed()),
        kind: kind.name().to_owned(),
        intensity: Some(intensity.name().to_owned()),
        first_ms: times().min().unwrap_or_default(),
        last_ms: times().max().unwrap_or_default(),
        principals: about.actors.iter().map(|actor| actor.principal()).collect(),
        addresses: about.addresses.into_iter().map(address_text).collect(),
        buckets: about.buckets.iter().map(|bucket| bucket.name.to_owned()).collect(),
        affected: about.affected,
        events: Some(timeline.records() - records),
    }
}

/// Who has just come by credentials asks whose they are and what there is.
pub(super) fn look_around(timeline: &mut Timeline, time: i64, caller: Caller) {
    let mut call =
        |time, source, name, parameters| timeline.call(time, Call::Control { caller, source, name, parameters });
    call(time, "sts.amazonaws.com", "GetCallerIdentity", "null");
    call(time + 3, "s3.amazonaws.com", "ListBuckets", r#"{"Host":"s3.us-east-1.amazonaws.com"}"#);
}

/// Lists a bucket, a page a second.
pub(super) fn list(
    timeline: &mut Timeline,
    time: i64,
    caller: Caller,
    bucket: &'static Bucket,
    prefix: &str,
    pages: i64,
) {
    for page in 0..pages {
        timeline.request(time + page, Request::new(caller, bucket, Action::List, prefix.to_owned(), 0));
    }
}

/// Changes a setting of a bucket.
fn set(timeline: &mut Timeline, time: i64, caller: Caller, bucket: &'static Bucket, setting: &'static Setting) {
    timeline.request(time, Request::new(caller, bucket, Action::Setting(setting), String::new(), 0));
}

/// A setting that is written.
const fn write(
    operation: &'static str,
    query: &'static str,
    event: &'static str,
    parameters: &'static str,
) -> Setting {
    Setting { operation, method: "PUT", query, event, parameters, read_only: false }
}
