//! Versions of documents are listed and deleted for good. The trail does not hold data events of the bucket.

use super::{About, set, write};
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{DOCUMENTS, RECORDS};
use crate::synth::scenario::event::{Action, Caller, Request, Setting, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

static SUSPEND: Setting = write(
    "REST.PUT.VERSIONING",
    "?versioning",
    "PutBucketVersioning",
    r#","versioning":"","VersioningConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Status":"Suspended"}"#,
);

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("version purge");
    // The tool's key, used on the machine where the tool runs.
    let caller = Caller { actor: &RECORDS, address: ipv4(192, 0, 2, 142), session: 0 };
    let start = at(7, 18, 0) + random.below(3_600) as i64;
    let (count, seconds, pages) = intensity.of([(1_500u64, 12 * 60, 4), (120, 2 * 3_600, 2), (15, 10 * 3_600, 1)]);
    for page in 0..pages {
        timeline.request(
            start + page,
            Request::new(caller, &DOCUMENTS, Action::ListVersions, "finance/".to_owned(), 0),
        );
    }
    if intensity != Intensity::Low {
        set(timeline, start + 30, caller, &DOCUMENTS, &SUSPEND);
    }
    let keys: Vec<String> = (0..count).map(names::document).collect();
    let at_once = intensity.of([250, 1, 1]);
    let mut pace = Pace::new(start + 60, count / at_once, seconds);
    for some in keys.chunks(at_once as usize) {
        let (action, key) = match some {
            [key] => (Action::Delete, key.clone()),
            _ => (Action::DeleteMany(some.to_vec()), String::new()),
        };
        let mut request = Request::new(caller, &DOCUMENTS, action, key, 0);
        request.versioned = true;
        timeline.request(pace.next(&mut random), request);
    }
    About { actors: vec![&RECORDS], buckets: vec![&DOCUMENTS], ..About::default() }
}
