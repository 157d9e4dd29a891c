//! Teams with a bucket of their own: billing, personnel, databases, laboratory, downloads, models and documents. Much of
//! what they do looks like an attack at a glance: copies onto themselves, encryption with keys of their own, deletions by
//! the dozen, URLs for anybody.

use super::people::OFFICE;
use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAY, DAYS, HOUR, Pace, START, at, is_workday};
use crate::synth::scenario::company::Actor;
use crate::synth::scenario::company::{
    BILLING, Bucket, COLLEAGUE, CONTRACTOR, DATA_OWNER, DATABASE_ADMIN, DOCUMENTS, DOWNLOADS, DUMPER, DUMPS,
    INVOICE_SYNC, INVOICES, LABORATORY, LOGS, MEDIA, MODEL_ENGINEER, MODELS, PERSONNEL, PERSONNEL_IMPORT,
    PERSONNEL_PORTAL, RECORDS, RESEARCH, RESEARCHER, SHARE, SHIPPER, SIGNER, TRAINER,
};
use crate::synth::scenario::event::{Action, Call, Caller, Outcome, Presigned, Request, Sse, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Objects that are there before the first day.
pub(in crate::synth::scenario) const INVOICE_COUNT: u64 = 6_000;
pub(in crate::synth::scenario) const FILES: u64 = 1_800;
pub(in crate::synth::scenario) const MEASUREMENTS: u64 = 4_800;
pub(in crate::synth::scenario) const MODEL_SHARDS: u64 = 1_200;
/// Databases, and days for which their dumps are kept.
pub(in crate::synth::scenario) const DUMPS_A_DAY: u64 = 24;
pub(in crate::synth::scenario) const DUMP_DAYS: i64 = 14;

pub(super) fn fill(timeline: &mut Timeline) {
    for day in 0..DAYS {
        let mut random = timeline.random(&format!("teams of day {day}"));
        let random = &mut random;
        let workday = is_workday(day);
        billing(timeline, day, random);
        dumps(timeline, day, random);
        downloads(timeline, day, random);
        models(timeline, day, random);
        ship_logs(timeline, day, random);
        if workday {
            personnel(timeline, day, random);
            laboratory(timeline, day, random);
            offices(timeline, day, random);
        }
    }
}

/// A machine of a role in the company's network.
fn service(actor: &'static Actor, network: u64, day: i64) -> Caller {
    Caller { actor, address: ipv4(10, 20, network, 7), session: day as u64 }
}

fn in_office(actor: &'static Actor) -> Caller {
    Caller { actor, address: OFFICE, session: 0 }
}

/// A request for an object.
fn ask(caller: Caller, bucket: &'static Bucket, action: Action, key: String, size: u64) -> Request {
    Request::new(caller, bucket, action, key, size)
}

/// Invoices are written and read by the application, and fetched by a script at night.
fn billing(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = service(&BILLING, 50, day);
    timeline.call(at(day, 0, 1), Call::AssumeRole { role: &BILLING, session: day as u64 });
    let count = random.between(60, 110);
    let mut pace = Pace::new(at(day, 6, 0), count, 14 * 3_600);
    for _ in 0..count {
        let time = pace.next(random);
        let (action, index) = match random.below(4) {
            0 => (Action::Put, INVOICE_COUNT + random.below(100_000)),
            _ => (Action::Get, random.below(INVOICE_COUNT)),
        };
        timeline.request(
            time,
            ask(caller, &INVOICES, action, names::invoice(index), names::size(index, 20_000, 90_000)),
        );
    }
    let caller = Caller { actor: &INVOICE_SYNC, address: ipv4(192, 0, 2, 140), session: 0 };
    let start = at(day, 1, 30) + random.below(600) as i64;
    timeline.request(start, ask(caller, &INVOICES, Action::List, "2026/".to_owned(), 0));
    for step in 0..random.between(20, 40) {
        let index = random.below(INVOICE_COUNT);
        let request =
            ask(caller, &INVOICES, Action::Get, names::invoice(index), names::size(index, 20_000, 90_000));
        timeline.request(start + 2 + step as i64, request);
    }
}

/// Every night each database is dumped, and dumps that are old enough are deleted one by one. On Mondays some are read
/// back.
fn dumps(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = service(&DUMPER, 51, day);
    let start = at(day, 0, 40) + random.below(300) as i64;
    timeline.call(start - 9, Call::AssumeRole { role: &DUMPER, session: day as u64 });
    let mut pace = Pace::new(start, DUMPS_A_DAY, HOUR as u64);
    for index in 0..DUMPS_A_DAY {
        let size = names::size(index, 4 << 20, 60 << 20);
        timeline.request(pace.next(random), ask(caller, &DUMPS, Action::Put, names::dump(day, index), size));
    }
    for index in 0..DUMPS_A_DAY {
        let time = start + HOUR + 600 + index as i64 * 2;
        timeline.request(time, ask(caller, &DUMPS, Action::Delete, names::dump(day - DUMP_DAYS, index), 0));
    }
    if day % 7 == 0 {
        for index in 0..3 {
            let (time, size) = (at(day, 9, 10) + index as i64 * 90, names::size(index, 4 << 20, 60 << 20));
            let key = names::dump(day - 1, index);
            timeline.request(time, ask(in_office(&DATABASE_ADMIN), &DUMPS, Action::Get, key, size));
        }
    }
}

/// A customer's export lies ready, and the customer fetches it once or twice by a URL that is good for 15 minutes.
fn downloads(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let signer = Caller { actor: &SIGNER, address: ipv4(10, 20, 52, 7), session: 0 };
    let count = random.between(8, 16);
    let mut pace = Pace::new(at(day, 7, 0), count, 12 * 3_600);
    for index in 0..count {
        let (time, size) = (pace.next(random), random.between(1 << 20, 30 << 20));
        let key = names::download(day, index);
        timeline.request(time, ask(signer, &DOWNLOADS, Action::Put, key.clone(), size));
        let address = ipv4(198, 18, random.below(256), random.between(1, 254));
        let customer = Caller { address, session: random.next_u64(), ..signer };
        for fetch in 0..random.between(1, 2) {
            let mut request = ask(customer, &DOWNLOADS, Action::Get, key.clone(), size);
            request.presigned = Some(Presigned { time: time + 5, seconds: 900 });
            timeline.request(time + 20 + fetch as i64 * random.between(30, 300) as i64, request);
        }
    }
}

/// Training reads a model, writes a new one and releases it by a copy; metadata of some is changed by a copy onto itself.
fn models(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = service(&TRAINER, 53, day);
    let start = at(day, 20, 15) + random.below(900) as i64;
    timeline.call(start - 6, Call::AssumeRole { role: &TRAINER, session: day as u64 });
    let first = random.below(MODEL_SHARDS - 60);
    for index in first..first + random.between(30, 50) {
        let time = start + (index - first) as i64 * 4;
        let size = names::size(index, 2 << 20, 8 << 20);
        timeline.request(time, ask(caller, &MODELS, Action::Get, names::model(index), size));
    }
    for index in 0..8 {
        let (time, size) = (start + HOUR + index as i64 * 3, names::size(index, 2 << 20, 8 << 20));
        let candidate = names::model(MODEL_SHARDS + index).replace("released", "candidate");
        timeline.request(time, ask(caller, &MODELS, Action::Put, candidate.clone(), size));
        let released = names::model(MODEL_SHARDS + index);
        timeline.request(time + 120, ask(caller, &MODELS, Action::Copy(&MODELS, candidate), released, size));
    }
    for _ in 0..random.between(2, 5) {
        let key = names::model(random.below(MODEL_SHARDS));
        let copy = Action::Copy(&MODELS, key.clone());
        timeline.request(start + 2 * HOUR + random.below(600) as i64, ask(caller, &MODELS, copy, key, 3 << 20));
    }
}

/// An application's own log goes to a folder of the log bucket every hour.
fn ship_logs(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &SHIPPER, address: ipv4(10, 20, 54, 7), session: 0 };
    for hour in 0..24 {
        let key = format!("applications/shop/day-{day}/hour-{hour:02}.log.gz");
        let time = at(day, hour, 2) + random.below(50) as i64;
        timeline.request(time, ask(caller, &LOGS, Action::Put, key, random.between(9_000, 60_000)));
    }
}

/// The portal shows files, and a script adds new ones.
fn personnel(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = service(&PERSONNEL_PORTAL, 55, day);
    timeline.call(at(day, 5, 30), Call::AssumeRole { role: &PERSONNEL_PORTAL, session: day as u64 });
    let count = random.between(25, 60);
    let mut pace = Pace::new(at(day, 7, 30), count, 9 * 3_600);
    for _ in 0..count {
        let index = random.below(FILES);
        let request = ask(
            caller,
            &PERSONNEL,
            Action::Get,
            names::personnel_file(index),
            names::size(index, 30_000, 400_000),
        );
        timeline.request(pace.next(random), request);
    }
    let caller = Caller { actor: &PERSONNEL_IMPORT, address: ipv4(192, 0, 2, 141), session: 0 };
    for _ in 0..random.between(2, 6) {
        let index = FILES + random.below(10_000);
        let time = at(day, 12, 0) + random.below(1_800) as i64;
        timeline.request(time, ask(caller, &PERSONNEL, Action::Put, names::personnel_file(index), 90_000));
    }
}

/// Instruments upload with keys of their own; researchers read.
fn laboratory(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = service(&LABORATORY, 56, day);
    timeline.call(at(day, 6, 50), Call::AssumeRole { role: &LABORATORY, session: day as u64 });
    let count = random.between(20, 40);
    let mut pace = Pace::new(at(day, 7, 0), count, 10 * 3_600);
    for _ in 0..count {
        let key = format!("instruments/raw/{:016x}.bin", random.next_u64());
        let (time, size) = (pace.next(random), random.between(100_000, 900_000));
        let encrypted = |action, key| Request { sse: Sse::Customer, ..ask(caller, &RESEARCH, action, key, size) };
        timeline.request(time, encrypted(Action::Put, key.clone()));
        if random.chance(300_000) {
            timeline.request(time + 40, encrypted(Action::Get, key));
        }
    }
    for actor in [&RESEARCHER, &COLLEAGUE] {
        let mut time = at(day, 8, 0) + random.below(2 * 3_600) as i64;
        timeline.request(time, ask(in_office(actor), &RESEARCH, Action::List, "assays/".to_owned(), 0));
        for _ in 0..random.between(10, 40) {
            time += random.between(5, 700) as i64;
            let index = random.below(MEASUREMENTS);
            let size = names::size(index, 200_000, 2_000_000);
            let mut request = ask(in_office(actor), &RESEARCH, Action::Get, names::measurement(index), size);
            if random.chance(20_000) {
                request.outcome = Outcome::NotFound;
            }
            timeline.request(time, request);
        }
    }
}

/// People who look after a bucket look into it.
fn offices(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let mut time = at(day, 8, 20) + random.below(3_600) as i64;
    for _ in 0..random.between(3, 9) {
        let index = random.below(super::apps::PICTURES);
        timeline.request(time, ask(in_office(&CONTRACTOR), &MEDIA, Action::Get, names::picture(index), 90_000));
        time += random.between(3, 400) as i64;
    }
    timeline.request(time, ask(in_office(&DATA_OWNER), &SHARE, Action::List, "exports/".to_owned(), 0));
    for _ in 0..random.between(2, 5) {
        let key = names::export(day, random.below(super::EXPORTS));
        time += random.between(5, 60) as i64;
        timeline.request(time, ask(in_office(&DATA_OWNER), &SHARE, Action::Head, key, 3 << 20));
    }
    for _ in 0..random.between(2, 8) {
        let index = random.below(MODEL_SHARDS);
        time += random.between(20, 900) as i64;
        timeline
            .request(time, ask(in_office(&MODEL_ENGINEER), &MODELS, Action::Get, names::model(index), 3 << 20));
    }
    // The tool of the archive reads contracts, and deletes one or two whose time is over.
    let caller = Caller { actor: &RECORDS, address: ipv4(192, 0, 2, 142), session: 0 };
    let start = START + day * DAY + 11 * HOUR;
    for index in 0..random.between(6, 14) {
        let key = names::document(random.below(2_000));
        timeline.request(start + index as i64 * 31, ask(caller, &DOCUMENTS, Action::Get, key, 900_000));
    }
    for index in 0..random.between(1, 2) {
        let key = names::document(random.below(2_000));
        timeline.request(start + 900 + index as i64 * 20, ask(caller, &DOCUMENTS, Action::Delete, key, 0));
    }
}
