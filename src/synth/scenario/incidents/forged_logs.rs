//! Log files of CloudTrail are replaced by others, with the key of a machine that may write into the bucket.

use super::About;
use crate::synth::scenario::clock::{HOUR, Pace, at};
use crate::synth::scenario::company::{LOGS, SHIPPER};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("forged logs");
    let seed = timeline.seed();
    let caller = Caller { actor: &SHIPPER, address: ipv4(203, 0, 113, random.between(106, 119)), session: 0 };
    let start = at(7, 12, 0) + random.below(1_800) as i64;
    let (count, seconds) = intensity.of([(40, 10 * 60), (6, 2 * 3_600), (2, 5 * 3_600)]);
    let mut pace = Pace::new(start, count, seconds);
    let mut time = start;
    for index in 0..count as i64 {
        time = pace.next(&mut random);
        let key = names::trail_file(seed, at(7, 11, 0) - index * 300);
        if intensity == Intensity::High {
            timeline.request(time, Request::new(caller, &LOGS, Action::Get, key.clone(), 40_000));
        }
        timeline.request(time + 2, Request::new(caller, &LOGS, Action::Put, key, random.between(4_000, 160_000)));
    }
    for hour in 0..intensity.of([3, 1, 0]) {
        let key = names::digest_file(at(7, 11, 0) - hour * HOUR);
        timeline.request(time + 20 + hour, Request::new(caller, &LOGS, Action::Put, key, 4_000));
    }
    About { actors: vec![&SHIPPER], addresses: vec![caller.address], buckets: vec![&LOGS], ..About::default() }
}
