//! An intruder deletes logs and digests of CloudTrail, some of them by version.

use super::{About, list, look_around};
use crate::synth::scenario::clock::{HOUR, Pace, at};
use crate::synth::scenario::company::{CI, LOGS, STRANGER};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("log deletion");
    let seed = timeline.seed();
    // Either a user that nobody knows, or the stolen key of the build machines.
    let actor = if random.chance(500_000) { &STRANGER } else { &CI };
    let caller = Caller { actor, address: ipv4(203, 0, 113, random.between(10, 30)), session: 0 };
    let start = at(7, 22, 40) + random.below(900) as i64;
    look_around(timeline, start - 400, caller);
    if intensity != Intensity::Low {
        list(timeline, start, caller, &LOGS, "AWSLogs/", 1);
    }
    // The logs of the hours before.
    let slot = |index: i64| names::trail_file(seed, at(7, 22, 0) - index * 300);
    let (singles, seconds) = intensity.of([(23, 6 * 60), (9, 3 * 3_600), (3, 5 * 3_600)]);
    let mut pace = Pace::new(start + 4, singles, seconds);
    let mut time = start;
    for index in 0..singles as i64 {
        time = pace.next(&mut random);
        let mut request = Request::new(caller, &LOGS, Action::Delete, slot(index), 0);
        request.versioned = index >= 17;
        timeline.request(time, request);
    }
    for hour in 0..intensity.of([5, 2, 0]) {
        time += random.between(4, 25) as i64;
        let digest = names::digest_file(at(7, 22, 0) - hour * HOUR);
        timeline.request(time, Request::new(caller, &LOGS, Action::Delete, digest, 0));
    }
    if intensity == Intensity::High {
        let rest = (23..35).map(slot).collect();
        timeline.request(time + 9, Request::new(caller, &LOGS, Action::DeleteMany(rest), String::new(), 0));
    }
    About { actors: vec![actor], addresses: vec![caller.address], buckets: vec![&LOGS], ..About::default() }
}
