//! One address lists the bucket of the website and downloads most of it.

use super::About;
use crate::synth::scenario::benign::PAGES;
use crate::synth::scenario::clock::at;
use crate::synth::scenario::company::{VISITOR, WWW};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Number of objects, and the seconds in which they are read.
const OBJECTS: u64 = 6_000;
const SECONDS: u64 = 20 * 60;

pub(super) fn weave(timeline: &mut Timeline) -> About {
    let mut random = timeline.random("public scrape");
    let start = at(8, 14, 0) + random.below(3 * 3_600) as i64;
    let address = ipv4(203, 0, 113, random.between(120, 180));
    let caller = Caller { actor: &VISITOR, address, session: random.next_u64() };
    for page in 0..PAGES.div_ceil(1_000) as i64 {
        timeline.request(start + page, Request::new(caller, &WWW, Action::List, String::new(), 0));
    }
    for index in 0..OBJECTS {
        let time = start + 10 + (index * (SECONDS - 12) / OBJECTS) as i64;
        let size = names::size(index, 3_000, 900_000);
        timeline.request(time, Request::new(caller, &WWW, Action::Get, names::page(index), size));
    }
    About {
        name: "public scrape",
        rules: &["GET-001", "GET-002", "GET-010", "GET-014", "GET-015"],
        actors: vec![&VISITOR],
        buckets: vec![&WWW],
    }
}
