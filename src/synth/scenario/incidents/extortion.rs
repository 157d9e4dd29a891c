//! Dumps of databases are read and then deleted, and a note tells where to pay.

use super::{About, list, look_around};
use crate::synth::scenario::benign::{DUMP_DAYS, DUMPS_A_DAY};
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{DATABASE_ADMIN, DUMPS};
use crate::synth::scenario::event::{Action, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("extortion");
    let caller = Caller { actor: &DATABASE_ADMIN, address: ipv4(203, 0, 113, random.between(61, 75)), session: 0 };
    let start = at(8, 4, 30) + random.below(3_600) as i64;
    look_around(timeline, start - 600, caller);
    list(timeline, start - 5, caller, &DUMPS, "mysql/", 1);
    // The newest first; what is older than the company keeps is gone already.
    let all = (0..(DUMP_DAYS - 1) as u64 * DUMPS_A_DAY)
        .map(|index| (8 - (index / DUMPS_A_DAY) as i64, index % DUMPS_A_DAY));
    let (count, seconds) = intensity.of([(300, 30 * 60), (60, 3 * 3_600), (8, 9 * 3_600)]);
    let keys: Vec<String> = all.take(count as usize).map(|(day, index)| names::dump(day, index)).collect();
    let mut pace = Pace::new(start, count, seconds);
    let mut time = start;
    for (index, key) in (0u64..).zip(&keys) {
        time = pace.next(&mut random);
        let size = names::size(index % DUMPS_A_DAY, 4 << 20, 60 << 20);
        timeline.request(time, Request::new(caller, &DUMPS, Action::Get, key.clone(), size));
    }
    time += 120;
    if intensity == Intensity::High {
        for some in keys.chunks(100) {
            time += 4;
            timeline
                .request(time, Request::new(caller, &DUMPS, Action::DeleteMany(some.to_vec()), String::new(), 0));
        }
    } else {
        let mut pace = Pace::new(time, count, seconds / 3);
        for key in keys {
            time = pace.next(&mut random);
            timeline.request(time, Request::new(caller, &DUMPS, Action::Delete, key, 0));
        }
    }
    let note = intensity.of(["HOW_TO_RECOVER_YOUR_FILES.txt", "mysql/RECOVER-README.html", "mysql/contact.txt"]);
    timeline.request(time + 20, Request::new(caller, &DUMPS, Action::Put, note.to_owned(), 1_487));
    About {
        actors: vec![&DATABASE_ADMIN],
        addresses: vec![caller.address],
        buckets: vec![&DUMPS],
        ..About::default()
    }
}
