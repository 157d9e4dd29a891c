//! Somebody deletes logs and digests of CloudTrail, some of them by version.

use super::About;
use crate::synth::scenario::clock::{HOUR, at};
use crate::synth::scenario::company::{CI, LOGS, STRANGER};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

pub(super) fn weave(timeline: &mut Timeline) -> About {
    let mut random = timeline.random("log deletion");
    let seed = timeline.seed();
    // Either a user that nobody knows, or the stolen key of the build machines.
    let actor = if random.chance(500_000) { &STRANGER } else { &CI };
    let caller = Caller { actor, address: ipv4(203, 0, 113, random.between(10, 60)), session: 0 };
    let mut time = at(7, 22, 40) + random.below(900) as i64;
    timeline.request(time, Request::new(caller, &LOGS, Action::List, "AWSLogs/".to_owned(), 0));
    // The logs of the hours before.
    let slot = |index: i64| names::trail_file(seed, at(7, 22, 0) - index * 300);
    for index in 0..23 {
        time += random.between(4, 25) as i64;
        let mut request = Request::new(caller, &LOGS, Action::Delete, slot(index), 0);
        request.versioned = index >= 17;
        timeline.request(time, request);
    }
    for hour in 0..5 {
        time += random.between(4, 25) as i64;
        let digest = names::digest_file(at(7, 22, 0) - hour * HOUR);
        timeline.request(time, Request::new(caller, &LOGS, Action::Delete, digest, 0));
    }
    let rest = (23..35).map(slot).collect();
    timeline.request(time + 9, Request::new(caller, &LOGS, Action::DeleteMany(rest), String::new(), 0));
    About { name: "log deletion", rules: &["LOG-001"], actors: vec![actor], buckets: vec![&LOGS] }
}
