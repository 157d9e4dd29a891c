//! The key of the build machines is used by somebody else: the evening before to look around, at night to read customers'
//! documents, to delete backups, and to remove the traces from the trail.

use super::Answer;
use super::benign::Backup;
use crate::synth::random::Random;
use crate::synth::scenario::benign::scan_size;
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{Actor, ActorKind, BACKUPS, CI, CUSTOMERS, LOGS};
use crate::synth::scenario::event::{Action, Caller, Outcome, Request, address_text, ipv4};
use crate::synth::scenario::incidents::{list, look_around};
use crate::synth::scenario::timeline::Timeline;
use crate::synth::scenario::{identity, names};

/// The user as the intruder is: with another program.
pub(super) static INTRUDER: Actor = Actor { kind: ActorKind::User, name: CI.name, agent: 5 };

const DOCUMENTS: u64 = 220;
/// Of seven backups two are deleted by version, before that becomes too slow.
const BY_VERSION: usize = 42;

pub(super) fn weave(timeline: &mut Timeline, backups: &[Backup]) -> Answer {
    let mut random = timeline.random("incident");
    let caller = Caller { actor: &INTRUDER, address: ipv4(203, 0, 113, random.between(20, 90)), session: 0 };
    let first = at(0, 21, 20) + random.below(1_800) as i64;
    look_around(timeline, first, caller);
    list(timeline, first + 41, caller, &CUSTOMERS, "customers/", 2);
    let mut refused = Request::new(caller, &CUSTOMERS, Action::Head, names::profile(0), 0);
    refused.outcome = Outcome::NotFound;
    timeline.request(first + 60, refused);

    let mut read = read_documents(timeline, caller, &mut random);
    let start = at(1, 2, 9) + random.below(120) as i64;
    timeline.request(start, Request::new(caller, &BACKUPS, Action::ListVersions, "mysql/".to_owned(), 0));
    let there: Vec<&Backup> = backups.iter().filter(|backup| backup.time < at(1, 0, 0)).collect();
    for (index, backup) in (1i64..).zip(there.iter().rev().take(3)) {
        let get = Request::new(caller, &BACKUPS, Action::Get, backup.key.clone(), backup.size);
        timeline.request(start + index * 20, get);
        read.push((BACKUPS.name.to_owned(), backup.key.clone()));
    }
    let (by_version, by_key) = there.split_at(BY_VERSION);
    delete(timeline, caller, start + 100, (by_version, by_key), &mut random);
    let (replaced_log, removed_log) = tamper(timeline, caller, &mut random);
    read.push((LOGS.name.to_owned(), replaced_log.clone()));
    let keys = |backups: &[&Backup]| backups.iter().map(|backup| backup.key.clone()).collect();
    Answer {
        principal: INTRUDER.principal(),
        access_key: identity::access_key(&INTRUDER),
        address: address_text(caller.address),
        first_access_ms: first * 1_000,
        read,
        bucket: BACKUPS.name.to_owned(),
        restorable: keys(by_key),
        lost: keys(by_version),
        replaced_log,
        removed_log,
    }
}

/// Scans of customers' papers, one after the other. Gives what was read.
fn read_documents(timeline: &mut Timeline, caller: Caller, random: &mut Random) -> Vec<(String, String)> {
    let mut pace = Pace::new(at(1, 1, 6), DOCUMENTS, 40 * 60);
    let first = random.below(7_000);
    let mut read = Vec::new();
    for document in first..first + DOCUMENTS {
        let key = names::scan(document);
        let request = Request::new(caller, &CUSTOMERS, Action::Get, key.clone(), scan_size(document));
        timeline.request(pace.next(random), request);
        read.push((CUSTOMERS.name.to_owned(), key));
    }
    read
}

/// The first are deleted with their version, which leaves nothing; the others get a delete marker.
fn delete(
    timeline: &mut Timeline,
    caller: Caller,
    start: i64,
    (by_version, by_key): (&[&Backup], &[&Backup]),
    random: &mut Random,
) {
    let count = (by_version.len() + by_key.len()) as u64;
    let mut pace = Pace::new(start, count, 12 * 60);
    let versions = by_version.iter().map(|backup| (backup, Some(backup.version.clone())));
    for (backup, version) in versions.chain(by_key.iter().map(|backup| (backup, None))) {
        let delete = Request::new(caller, &BACKUPS, Action::Delete, backup.key.clone(), backup.size);
        timeline.request(pace.next(random), Request { version, ..delete });
    }
}

/// The file of the hour of reads is replaced by one without them, and that of the hour of deletions is deleted. Gives
/// their keys.
fn tamper(timeline: &mut Timeline, caller: Caller, random: &mut Random) -> (String, String) {
    let (seed, time) = (timeline.seed(), at(1, 3, 7) + random.below(60) as i64);
    let (replaced, removed) = (names::trail_file(seed, at(1, 2, 5)), names::trail_file(seed, at(1, 3, 5)));
    list(timeline, time, caller, &LOGS, "AWSLogs/", 1);
    let size = random.between(20_000, 40_000);
    timeline.request(time + 24, Request::new(caller, &LOGS, Action::Get, replaced.clone(), size));
    timeline.request(time + 80, Request::new(caller, &LOGS, Action::Put, replaced.clone(), size - 9_000));
    timeline.request(time + 95, Request::new(caller, &LOGS, Action::Delete, removed.clone(), 0));
    (replaced, removed)
}
