//! The events as a copy of the log bucket holds them: access logs, files of the trail and digests, as the intruder has
//! left them.

use super::incident::INTRUDER;
use super::{Answer, END, LAST};
use crate::synth::calendar::Calendar;
use crate::synth::scenario::clock::{HOUR, START};
use crate::synth::scenario::company::LOGS;
use crate::synth::scenario::event::{Call, Event, What};
use crate::synth::scenario::files::{access_texts, gzip, trail_text};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;
use crate::synth::signing::{SigningKey, sha256};
use crate::synth::trail::{DeliveredLog, DigestWriter, TrailNames};

pub(super) fn of(timeline: Timeline, answer: &Answer, key: &SigningKey) -> Vec<(String, Vec<u8>)> {
    let seed = timeline.seed();
    let events = timeline.in_order();
    let mut calendar = Calendar::default();
    let (mut files, mut delivered) = (Vec::new(), Vec::new());
    for start in (START..LAST).step_by(HOUR as usize) {
        let end = start + HOUR;
        let first = events.partition_point(|event| event.time < start);
        let hour = &events[first..events.partition_point(|event| event.time < end)];
        for (bucket, text) in access_texts(hour, &mut calendar) {
            files.push((format!("s3/{}", names::access_file(seed, bucket, end)), text));
        }
        // Delivered five minutes after the hour.
        let s3_object = names::trail_file(seed, end + 300);
        let text = trail_text(hour.iter(), &mut calendar);
        delivered.push(DeliveredLog {
            s3_object: s3_object.clone(),
            sha256: sha256(&text),
            events: (start, end - 1),
        });
        if s3_object == answer.replaced_log {
            let others = hour.iter().filter(|event| !is_of_intruder(event));
            files.push((s3_object, gzip(&trail_text(others, &mut calendar))));
        } else if s3_object != answer.removed_log {
            files.push((s3_object, gzip(&text)));
        }
    }
    files.extend(digests(&delivered, key));
    files.sort_unstable();
    files
}

fn is_of_intruder(event: &Event) -> bool {
    let caller = match &event.what {
        What::Request(request) => &request.caller,
        What::Call(Call::Kms { caller, .. } | Call::SignIn { caller } | Call::Control { caller, .. }) => caller,
        What::Call(Call::AssumeRole { .. }) => return false,
    };
    std::ptr::eq(caller.actor, &INTRUDER)
}

/// A digest for each hour in which the trail delivered, and the metadata of the last one, which no other repeats. The one
/// before the first is older than the copy.
fn digests(delivered: &[DeliveredLog], key: &SigningKey) -> Vec<(String, Vec<u8>)> {
    let names =
        TrailNames { bucket: LOGS.name.to_owned(), trail: "org-trail".to_owned(), ..TrailNames::default() };
    let mut writer = DigestWriter::new(&names, key);
    writer.digest((START - HOUR, START), &[]);
    let mut files = Vec::new();
    let hours: Vec<i64> = (START..END).step_by(HOUR as usize).collect();
    for (hour, start) in (0usize..).zip(&hours) {
        // The file of an hour is delivered in the next.
        let logs = hour.checked_sub(1).and_then(|before| delivered.get(before)).map(std::slice::from_ref);
        let digest = writer.digest((*start, start + HOUR), logs.unwrap_or_default());
        if hour + 1 == hours.len() {
            let metadata = digest.metadata.unwrap_or_default().to_string().into_bytes();
            files.push((format!("{}.meta.json", digest.s3_object), metadata));
        }
        files.push((digest.s3_object, gzip(&digest.text)));
    }
    files
}
