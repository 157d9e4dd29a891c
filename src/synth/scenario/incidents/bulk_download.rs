//! The session of an application's role is used from a foreign address to download customers' documents at night.

use super::About;
use crate::synth::scenario::benign::{machine, scan_size};
use crate::synth::scenario::clock::at;
use crate::synth::scenario::company::{Actor, ActorKind, CUSTOMER_API, CUSTOMERS};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// The role as the thief uses it: from a command line.
static STOLEN: Actor = Actor { kind: ActorKind::Role, name: CUSTOMER_API.name, agent: 5 };
/// Number of documents, and the seconds in which they are read.
const DOCUMENTS: u64 = 5_000;
const SECONDS: u64 = 38 * 60;

pub(super) fn weave(timeline: &mut Timeline) -> About {
    let mut random = timeline.random("bulk download");
    let start = at(8, 1, 0) + random.below(3_600) as i64;
    let session = machine(&CUSTOMER_API, 1, start).session;
    let address = ipv4(203, 0, 113, random.between(61, 99));
    let caller = Caller { actor: &STOLEN, address, session };
    for page in 0..6 {
        timeline.request(start + page, Request::new(caller, &CUSTOMERS, Action::List, "customers/".to_owned(), 0));
    }
    let first = random.below(7_000);
    for index in 0..DOCUMENTS {
        let time = start + 8 + (index * SECONDS / DOCUMENTS + random.below(4)) as i64;
        let document = first + index;
        let request = Request::new(caller, &CUSTOMERS, Action::Get, names::scan(document), scan_size(document));
        timeline.request(time, request);
    }
    About {
        name: "bulk download",
        rules: &["GET-001", "GET-002", "GET-005", "GET-010"],
        actors: vec![&STOLEN],
        buckets: vec![&CUSTOMERS],
    }
}
