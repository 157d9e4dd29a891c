//! The two applications: one serves customers' data, the other the pictures of the shop.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAY, DAYS, START, at, rhythm};
use crate::synth::scenario::company::{Actor, CUSTOMER_API, CUSTOMERS, MEDIA, WEB_SHOP};
use crate::synth::scenario::event::{Action, Call, Caller, Outcome, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Number of customers.
const PROFILES: u64 = 12_000;
/// Number of pictures of the shop.
pub(in crate::synth::scenario) const PICTURES: u64 = 6_000;
/// Machines of an application.
const MACHINES: u64 = 4;
/// How often KMS refuses a single call in the ten days.
const REFUSALS: u64 = 6;

/// Size of a scanned document.
pub(in crate::synth::scenario) fn scan_size(index: u64) -> u64 {
    names::size(index, 2 << 20, 6 << 20)
}

/// A machine of an application, in the company's network. Machines are replaced on the fifth day.
pub(in crate::synth::scenario) fn machine(actor: &'static Actor, number: u64, time: i64) -> Caller {
    let generation = u64::from(time >= START + 4 * DAY);
    let session = 1_000 * (1 + actor.agent as u64) + generation * 100 + number;
    Caller { actor, address: ipv4(10, 20, 1 + actor.agent as u64, 10 + generation * 20 + number), session }
}

pub(super) fn fill(timeline: &mut Timeline, records: u64) {
    // A request for customers' data is in both logs, and now and then in KMS.
    customers(timeline, DAYS, records * 7 / 10 * 100 / 206);
    shop(timeline, DAYS, records * 3 / 10);
    sessions(timeline, DAYS);
    refusals(timeline);
}

/// About `count` requests for customers' data.
pub(in crate::synth::scenario) fn customers(timeline: &mut Timeline, days: i64, count: u64) {
    let mut random = timeline.random("customers");
    rhythm(days, count, &mut random, |time, random| {
        let caller = machine(&CUSTOMER_API, random.below(MACHINES), time);
        let index = random.below(PROFILES);
        let (action, is_scan) = match random.below(100) {
            0..80 => (Action::Get, false),
            80..86 => (Action::Get, true),
            86..92 => (Action::Put, false),
            92..94 => (Action::Put, true),
            _ => (Action::Head, false),
        };
        let (key, size) = if is_scan {
            (names::scan(index), scan_size(index))
        } else {
            (names::profile(index), names::size(index, 2_000, 40_000))
        };
        let mut request = Request::new(caller, &CUSTOMERS, action, key, size);
        if matches!(request.action, Action::Get | Action::Head) && random.chance(8_000) {
            request.outcome = Outcome::NotFound;
        } else if is_scan && request.action == Action::Get && random.chance(100_000) {
            // A viewer of documents asks for the first part.
            request.outcome = Outcome::Part;
        }
        send(timeline, time, request, random);
    });
}

/// About `count` requests for pictures.
pub(in crate::synth::scenario) fn shop(timeline: &mut Timeline, days: i64, count: u64) {
    let mut random = timeline.random("shop");
    rhythm(days, count, &mut random, |time, random| {
        let caller = machine(&WEB_SHOP, random.below(MACHINES), time);
        let index = random.below(PICTURES);
        let size = names::size(index, 9_000, 300_000);
        let (action, key) = match random.below(100) {
            0..85 => (Action::Get, names::picture(index)),
            85..95 => (Action::Put, format!("uploads/tmp/{:016x}.jpg", random.next_u64())),
            _ => (Action::Head, names::picture(index)),
        };
        let mut request = Request::new(caller, &MEDIA, action, key, size);
        if request.action == Action::Get && random.chance(60_000) {
            request.outcome = random.pick(&[Outcome::NotModified, Outcome::NotModified, Outcome::NotFound]);
        }
        send(timeline, time, request, random);
    });
}

/// Sends a request; a few are told to slow down and are sent again.
fn send(timeline: &mut Timeline, time: i64, request: Request, random: &mut Random) {
    if random.chance(400) {
        timeline.request(time, Request { outcome: Outcome::SlowDown, ..request.clone() });
        timeline.request(time + 1, request);
    } else {
        timeline.request(time, request);
    }
}

/// Machines take on their role for some hours.
pub(in crate::synth::scenario) fn sessions(timeline: &mut Timeline, days: i64) {
    let mut random = timeline.random("sessions");
    for slot in 0..days * 4 {
        for role in [&CUSTOMER_API, &WEB_SHOP] {
            for number in 0..MACHINES {
                let time = at(0, slot * 6, 0) + random.below(900) as i64;
                let session = machine(role, number, time).session;
                timeline.call(time, Call::AssumeRole { role, session });
            }
        }
    }
}

/// Single calls that KMS refuses, each tried again.
fn refusals(timeline: &mut Timeline) {
    let mut random = timeline.random("refusals");
    rhythm(DAYS, REFUSALS, &mut random, |time, random| {
        let caller = machine(&CUSTOMER_API, random.below(MACHINES), time);
        let index = random.below(PROFILES);
        let request = Request::new(caller, &CUSTOMERS, Action::Get, names::profile(index), 9_000);
        let refused = Request { outcome: Outcome::KmsThrottled, ..request.clone() };
        timeline.bucket_key(time, caller, &refused, true);
        timeline.request(time, refused);
        timeline.request(time + 1, request);
    });
}
