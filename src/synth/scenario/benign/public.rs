//! What is read from outside: the content network's assets and the public website.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAYS, rhythm};
use crate::synth::scenario::company::{ASSETS, CDN, CDN_IDENTITY, MEDIA, VISITOR, WWW};
use crate::synth::scenario::event::{Action, Address, Caller, Outcome, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

const FILES: u64 = 3_000;
/// Requests by strangers in the ten days.
const PROBES: u64 = 40;
/// Number of pages and pictures of the website.
const PAGES: u64 = 8_000;

pub(super) fn fill(timeline: &mut Timeline, records: u64) {
    content_network(timeline, records * 5 / 10);
    // A visitor reads six pages on average.
    visitors(timeline, records * 5 / 10 / 6);
    probes(timeline);
}

/// Machines that try every name they come by ask for what is not theirs, a few a day.
fn probes(timeline: &mut Timeline) {
    let mut random = timeline.random("probes");
    rhythm(DAYS, PROBES, &mut random, |time, random| {
        let caller = Caller { actor: &VISITOR, address: address(random), session: random.next_u64() };
        let bucket = random.pick(&[&ASSETS, &MEDIA]);
        let action = if random.chance(500_000) { Action::HeadBucket } else { Action::List };
        let mut request = Request::new(caller, bucket, action, String::new(), 0);
        request.outcome = Outcome::Denied;
        timeline.request(time, request);
    });
}

/// One distribution uses an origin access identity, a newer one origin access control.
fn content_network(timeline: &mut Timeline, count: u64) {
    let mut random = timeline.random("cdn");
    rhythm(DAYS, count, &mut random, |time, random| {
        let actor = if random.chance(400_000) { &CDN_IDENTITY } else { &CDN };
        let address = ipv4(198, 19, random.between(16, 47), random.between(1, 254));
        let index = random.skewed(FILES);
        let caller = Caller { actor, address, session: 0 };
        let size = names::size(index, 1_500, 400_000);
        let mut request = Request::new(caller, &ASSETS, Action::Get, names::asset(index), size);
        match random.below(100) {
            0..12 => request.outcome = Outcome::NotModified,
            12..14 => request.outcome = Outcome::Denied,
            _ => {}
        }
        timeline.request(time, request);
    });
}

fn visitors(timeline: &mut Timeline, count: u64) {
    let mut random = timeline.random("visitors");
    rhythm(DAYS, count, &mut random, |start, random| {
        let caller = Caller { actor: &VISITOR, address: address(random), session: random.next_u64() };
        let mut time = start;
        for _ in 0..random.between(1, 11) {
            let index = if random.chance(500_000) { random.skewed(PAGES) } else { random.below(PAGES) };
            let action = if random.chance(300_000) { Action::Website } else { Action::Get };
            let mut request =
                Request::new(caller, &WWW, action, names::page(index), names::size(index, 3_000, 900_000));
            match random.below(100) {
                0..10 => request.outcome = Outcome::NotModified,
                10..13 => request.outcome = Outcome::NotFound,
                _ => {}
            }
            timeline.request(time, request);
            time += random.between(1, 45) as i64;
        }
    });
}

/// A visitor's address; every eighth is IPv6.
fn address(random: &mut Random) -> Address {
    if random.chance(125_000) {
        return random.between(1, 0xffff) << 48 | random.between(1, 0xffff) << 32;
    }
    ipv4(198, 18, random.below(256), random.between(1, 254))
}
