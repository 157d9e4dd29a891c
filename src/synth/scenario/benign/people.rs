//! The people in the office: an analyst, an administrator, and the deployments that developers start.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAYS, at, is_workday};
use crate::synth::scenario::company::{ADMIN, ANALYST, ASSETS, CI, DOCUMENTS, LAKE, WWW};
use crate::synth::scenario::event::{Action, Address, Call, Caller, Outcome, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// The office's address on the internet.
pub(in crate::synth::scenario) const OFFICE: Address = ipv4(192, 0, 2, 10);
/// The address of the build machines.
const BUILDS: Address = ipv4(192, 0, 2, 130);

/// The day on which a page of help appears that does not sound like one.
const HELP_DAY: i64 = 3;

/// What an administrator looks at: service, call, parameters.
const LOOKS: [(&str, &str, &str); 5] = [
    ("s3.amazonaws.com", "ListBuckets", r#"{"Host":"s3.us-east-1.amazonaws.com"}"#),
    ("ec2.amazonaws.com", "DescribeInstances", r#"{"maxResults":100,"instancesSet":{},"filterSet":{}}"#),
    ("cloudtrail.amazonaws.com", "DescribeTrails", r#"{"trailNameList":[]}"#),
    ("kms.amazonaws.com", "ListAliases", r#"{"limit":100}"#),
    ("monitoring.amazonaws.com", "DescribeAlarms", r#"{"maxRecords":100}"#),
];

pub(super) fn fill(timeline: &mut Timeline) {
    (0..DAYS).filter(|day| is_workday(*day)).for_each(|day| workday(timeline, day));
}

/// What they do on one day.
pub(in crate::synth::scenario) fn workday(timeline: &mut Timeline, day: i64) {
    let mut random = timeline.random(&format!("people of day {day}"));
    for _ in 0..random.between(2, 4) {
        let start = at(day, 8, 0) + random.below(8 * 3_600) as i64;
        burst(timeline, start, day, &mut random);
    }
    administrator(timeline, day, &mut random);
    if day == HELP_DAY {
        let (caller, key) =
            (Caller { actor: &CI, address: BUILDS, session: 0 }, "help/how-to-recover-your-files.html");
        let page = Request::new(caller, &WWW, Action::Put, key.to_owned(), 14_000);
        timeline.request(at(day, 14, 0) + random.below(600) as i64, page);
    }
    for _ in 0..random.between(3, 6) {
        let start = at(day, 8, 30) + random.below(9 * 3_600) as i64;
        deployment(timeline, start, &mut random);
    }
}

/// The analyst reads some dozens of objects, not all of which exist or are open to her.
fn burst(timeline: &mut Timeline, start: i64, day: i64, random: &mut Random) {
    let caller = Caller { actor: &ANALYST, address: OFFICE, session: 0 };
    let lake = random.chance(600_000);
    let bucket = if lake { &LAKE } else { &DOCUMENTS };
    let prefix = if lake { "curated/daily/" } else { "finance/" };
    timeline.request(start, Request::new(caller, bucket, Action::List, prefix.to_owned(), 0));
    let mut time = start + 3;
    for _ in 0..random.between(20, 120) {
        let index = random.below(40);
        let (key, size) = if lake {
            (names::result(day - random.below(5) as i64, index), names::size(index, 300_000, 3_000_000))
        } else {
            let index = random.below(2_000);
            (names::document(index), names::size(index, 500_000, 5_000_000))
        };
        let mut request = Request::new(caller, bucket, Action::Get, key, size);
        match random.below(100) {
            0..2 => request.outcome = Outcome::NotFound,
            2..3 => request.outcome = Outcome::Denied,
            _ => {}
        }
        timeline.request(time, request);
        time += random.between(1, 12) as i64;
    }
}

/// The administrator signs in and looks around.
fn administrator(timeline: &mut Timeline, day: i64, random: &mut Random) {
    let caller = Caller { actor: &ADMIN, address: OFFICE, session: 0 };
    let mut time = at(day, 7, 30) + random.below(5_400) as i64;
    timeline.call(time, Call::SignIn { caller });
    for _ in 0..random.between(5, 15) {
        time += random.between(4, 1_200) as i64;
        let (source, name, parameters) = random.pick(&LOOKS);
        timeline.call(time, Call::Control { caller, source, name, parameters });
    }
}

/// New assets and pages are uploaded, and a few old ones removed.
fn deployment(timeline: &mut Timeline, start: i64, random: &mut Random) {
    let caller = Caller { actor: &CI, address: BUILDS, session: 0 };
    let mut time = start;
    for upload in 0..random.between(20, 60) {
        let request = if upload % 5 == 0 {
            let index = random.below(8_000);
            Request::new(caller, &WWW, Action::Put, names::page(index), names::size(index, 3_000, 900_000))
        } else {
            let index = random.below(3_000);
            Request::new(caller, &ASSETS, Action::Put, names::asset(index), names::size(index, 1_500, 400_000))
        };
        timeline.request(time, request);
        time += random.below(2) as i64;
    }
    let old: Vec<String> = (0..random.between(3, 9)).map(|_| names::asset(3_000 + random.below(9_000))).collect();
    timeline.request(time + 2, Request::new(caller, &ASSETS, Action::DeleteMany(old), String::new(), 0));
}
