//! The events as files: an access log a bucket and hour, and a file of the trail an hour.

use super::clock::HOUR;
use super::event::{Action, Event, What};
use super::timeline::Timeline;
use super::{access, names, trail};
use crate::synth::calendar::Calendar;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::BTreeMap;
use std::io::Write as _;

/// The files of everything that happens, in the order of their paths.
pub(super) fn of(timeline: Timeline) -> Vec<(String, Vec<u8>)> {
    let seed = timeline.seed();
    let events = timeline.in_order();
    let mut calendar = Calendar::default();
    let mut files = Vec::new();
    for hour in events.chunk_by(|left, right| left.time / HOUR == right.time / HOUR) {
        let end = (hour[0].time / HOUR + 1) * HOUR;
        for (bucket, text) in access_texts(hour, &mut calendar) {
            files.push((format!("access_logs/{}", names::access_file(seed, bucket, end)), text));
        }
        // Delivered five minutes after the hour, which for the last hour is another day.
        let name = names::trail_file(seed ^ 1, end + 300);
        files.push((format!("cloudtrail/{name}"), gzip(&trail_text(hour.iter(), &mut calendar))));
    }
    files.sort_unstable();
    files
}

/// The lines of an hour, by bucket.
pub(super) fn access_texts(hour: &[Event], calendar: &mut Calendar) -> BTreeMap<&'static str, Vec<u8>> {
    let mut texts: BTreeMap<&'static str, Vec<u8>> = BTreeMap::new();
    for event in hour {
        if let What::Request(request) = &event.what {
            access::write(event, request, calendar, texts.entry(request.bucket.name).or_default());
            if let Action::Copy(source, key) = &request.action
                && request.outcome.is_success()
            {
                let text = texts.entry(source.name).or_default();
                access::write_source(event, request, (source, key), calendar, text);
            }
        }
    }
    texts
}

/// The records of events as a file of the trail, before compression.
pub(super) fn trail_text<'a>(events: impl Iterator<Item = &'a Event>, calendar: &mut Calendar) -> Vec<u8> {
    let mut text = b"{\"Records\":[".to_vec();
    let start = text.len();
    for event in events {
        if matches!(&event.what, What::Request(request) if !request.is_in_trail()) {
            continue;
        }
        if text.len() > start {
            text.push(b',');
        }
        match &event.what {
            What::Request(request) => trail::request(event, request, calendar, &mut text),
            What::Call(call) => trail::call(event, call, calendar, &mut text),
        }
    }
    text.extend_from_slice(b"]}");
    text
}

pub(super) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector does not fail.
    let _written = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}
