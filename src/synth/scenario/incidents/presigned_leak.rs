//! A URL that is good for seven days, the most there is, is passed on: strangers fetch a customer's export with it.

use super::About;
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{DOWNLOADS, SIGNER};
use crate::synth::scenario::event::{Action, Caller, Presigned, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// Seven days in seconds.
const WEEK: i64 = 604_800;

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("presigned leak");
    let start = at(7, 9, 0) + random.below(3_600) as i64;
    let (count, visitors, seconds) =
        intensity.of([(400, 250, 3 * 3_600), (60, 40, 22 * 3_600), (10, 8, 46 * 3_600)]);
    let visitors: Vec<Caller> = (0..visitors)
        .map(|number| {
            let address = ipv4(198, 18, number, random.between(1, 254));
            Caller { actor: &SIGNER, address, session: random.next_u64() }
        })
        .collect();
    let (key, size) = (names::download(7, 900), random.between(8 << 20, 30 << 20));
    let mut pace = Pace::new(start, count, seconds);
    for _ in 0..count {
        let mut request = Request::new(random.pick(&visitors), &DOWNLOADS, Action::Get, key.clone(), size);
        request.presigned = Some(Presigned { time: start - 1_200, seconds: WEEK });
        timeline.request(pace.next(&mut random), request);
    }
    let addresses = visitors.iter().map(|visitor| visitor.address).collect();
    About { actors: vec![&SIGNER], addresses, buckets: vec![&DOWNLOADS], ..About::default() }
}
