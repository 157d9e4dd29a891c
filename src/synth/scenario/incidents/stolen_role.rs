//! The session of an application's role is used from a foreign address to download customers' documents.

use super::{About, list, look_around};
use crate::synth::scenario::benign::{machine, scan_size};
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{Actor, ActorKind, CUSTOMER_API, CUSTOMERS};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// The role as the thief uses it: from a command line.
static STOLEN: Actor = Actor { kind: ActorKind::Role, name: CUSTOMER_API.name, agent: 5 };

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("stolen role");
    let start = at(8, 1, 0) + random.below(3_600) as i64;
    let session = machine(&CUSTOMER_API, 1, start).session;
    let caller = Caller { actor: &STOLEN, address: ipv4(203, 0, 113, random.between(76, 90)), session };
    look_around(timeline, start - 300, caller);
    if intensity != Intensity::Low {
        list(timeline, start, caller, &CUSTOMERS, "customers/", 6);
    }
    let (count, seconds) = intensity.of([(5_000, 38 * 60), (400, 3 * 3_600), (40, 18 * 3_600)]);
    let mut pace = Pace::new(start + 8, count, seconds);
    let first = random.below(7_000);
    for document in first..first + count {
        let request = Request::new(caller, &CUSTOMERS, Action::Get, names::scan(document), scan_size(document));
        timeline.request(pace.next(&mut random), request);
    }
    About { actors: vec![&STOLEN], addresses: vec![caller.address], buckets: vec![&CUSTOMERS], ..About::default() }
}
