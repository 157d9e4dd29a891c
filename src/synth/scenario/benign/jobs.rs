//! The nightly jobs: transformation, export to the partner, backup and search index.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAYS, Pace, at};
use crate::synth::scenario::company::{BACKUP, Bucket, DOCUMENTS, ETL, LAKE, PARTNER_SYNC, REINDEX, SHARE};
use crate::synth::scenario::event::{Action, Call, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Number of office documents on the first day, and how many come each day.
const OFFICE_DOCUMENTS: u64 = 2_000;
const NEW_DOCUMENTS: u64 = 15;
/// Objects in the partner's export.
pub(in crate::synth::scenario) const EXPORTS: u64 = 60;

pub(super) fn fill(timeline: &mut Timeline) {
    for day in 0..DAYS {
        let mut random = timeline.random(&format!("jobs of day {day}"));
        transformation(timeline, day, &mut random);
        backup(timeline, day, &mut random);
        search_index(timeline, day, &mut random);
        partner(timeline, day, &mut random);
    }
}

/// Reads yesterday's raw data, writes results, and removes its temporary files.
fn transformation(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &ETL, address: ipv4(10, 20, 40, 11), session: day as u64 };
    let start = at(day, 2, 13) + random.below(300) as i64;
    timeline.call(start - 20, Call::AssumeRole { role: &ETL, session: day as u64 });
    list(timeline, start, caller, &LAKE, "raw/");
    // From 300 to 2,000, more often few than many.
    let inputs = 300 + random.below(1_701) * random.below(1_701) / 1_700;
    let mut pace = Pace::new(start + 5, inputs, 45 * 60);
    for index in 0..inputs {
        let size = names::size(index, 200_000, 4_000_000);
        let time = pace.next(random);
        timeline.request(time, Request::new(caller, &LAKE, Action::Get, names::lake_part(day - 1, index), size));
    }
    let temporary = random.between(100, 400);
    let mut pace = Pace::new(start + 50 * 60, temporary, 15 * 60);
    for index in 0..temporary {
        let size = names::size(index, 100_000, 900_000);
        let time = pace.next(random);
        timeline.request(time, Request::new(caller, &LAKE, Action::Put, names::temporary(day, index), size));
    }
    let results = random.between(40, 120);
    let mut pace = Pace::new(start + 80 * 60, results + EXPORTS, 6 * 60);
    for index in 0..results {
        let size = names::size(index, 300_000, 3_000_000);
        let time = pace.next(random);
        timeline.request(time, Request::new(caller, &LAKE, Action::Put, names::result(day, index), size));
    }
    for index in 0..EXPORTS {
        let request = Request::new(
            caller,
            &SHARE,
            Action::Put,
            names::export(day, index),
            names::size(index, 1 << 20, 8 << 20),
        );
        timeline.request(pace.next(random), request);
    }
    clean_up(timeline, start + 100 * 60, caller, day, temporary, random);
}

/// Removes the temporary files: some one by one, the others by the hundred.
fn clean_up(timeline: &mut Timeline, start: i64, caller: Caller, day: i64, temporary: u64, random: &mut Random) {
    let single = random.between(20, 80).min(temporary);
    let mut pace = Pace::new(start, single, 4 * 60);
    for index in 0..single {
        let request = Request::new(caller, &LAKE, Action::Delete, names::temporary(day, index), 0);
        timeline.request(pace.next(random), request);
    }
    let rest: Vec<String> = (single..temporary).map(|index| names::temporary(day, index)).collect();
    let mut pace = Pace::new(start + 10 * 60, 4, 60);
    for keys in rest.chunks(100) {
        let request = Request::new(caller, &LAKE, Action::DeleteMany(keys.to_vec()), String::new(), 0);
        timeline.request(pace.next(random), request);
    }
}

/// Lists and reads the bucket of documents from end to end.
fn backup(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &BACKUP, address: ipv4(10, 20, 41, 5), session: day as u64 };
    let start = at(day, 3, 30) + random.below(240) as i64;
    timeline.call(start - 15, Call::AssumeRole { role: &BACKUP, session: day as u64 });
    let documents = OFFICE_DOCUMENTS + day as u64 * NEW_DOCUMENTS;
    let mut pace = Pace::new(start + 10, documents, 70 * 60);
    for index in 0..documents {
        if index % 1_000 == 0 {
            list(timeline, start + (index / 1_000) as i64, caller, &DOCUMENTS, "");
        }
        let size = names::size(index, 500_000, 5_000_000);
        let request = Request::new(caller, &DOCUMENTS, Action::Get, names::document(index), size);
        timeline.request(pace.next(random), request);
    }
}

/// Reads the newest results.
fn search_index(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &REINDEX, address: ipv4(10, 20, 42, 8), session: day as u64 };
    let start = at(day, 4, 40) + random.below(120) as i64;
    timeline.call(start - 15, Call::AssumeRole { role: &REINDEX, session: day as u64 });
    let count = random.between(35, 60);
    let mut pace = Pace::new(start, count, 5 * 60);
    for index in 0..count {
        let size = names::size(index, 300_000, 3_000_000);
        timeline
            .request(pace.next(random), Request::new(caller, &LAKE, Action::Get, names::result(day, index), size));
    }
}

/// The partner fetches the export in the morning, and copies some of it straight into a bucket of its own.
fn partner(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &PARTNER_SYNC, address: ipv4(198, 51, 100, 20), session: day as u64 };
    let start = at(day, 6, 5) + random.below(900) as i64;
    list(timeline, start, caller, &SHARE, "exports/");
    let mut pace = Pace::new(start + 2, EXPORTS, 8 * 60);
    for index in 0..EXPORTS {
        let copied = index % 12 == 7;
        let action = if copied { Action::CopyTo("landing-zone-444455556666") } else { Action::Get };
        let request =
            Request::new(caller, &SHARE, action, names::export(day, index), names::size(index, 1 << 20, 8 << 20));
        timeline.request(pace.next(random), request);
    }
}

fn list(timeline: &mut Timeline, time: i64, caller: Caller, bucket: &'static Bucket, prefix: &str) {
    timeline.request(time, Request::new(caller, bucket, Action::List, prefix.to_owned(), 0));
}
