//! A scanner without credentials tries every bucket, and guesses names of objects.

use super::About;
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{ASSETS, BUCKETS, STATE, VISITOR, WWW};
use crate::synth::scenario::event::{Action, Caller, Outcome, Request, Setting, ipv4};
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

static GET_ACL: Setting = Setting {
    operation: "REST.GET.ACL",
    method: "GET",
    query: "?acl",
    event: "GetBucketAcl",
    parameters: ",\"acl\":\"\"",
    read_only: true,
};

/// What every scanner's list begins with.
const NAMES: [&str; 12] = [
    ".env",
    ".git/config",
    "backup.zip",
    "backup.sql",
    "db.sql.gz",
    "config.json",
    "credentials.csv",
    "id_rsa",
    "wp-config.php",
    "terraform.tfstate",
    "dump.tar.gz",
    "users.csv",
];

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("enumeration");
    let start = at(7, 5, 0) + random.below(3_600) as i64;
    let (count, seconds, scanners) = intensity.of([(400, 6 * 60, 1), (150, 3 * 3_600, 2), (30, 46 * 3_600, 4)]);
    let callers: Vec<Caller> = (0..scanners)
        .map(|number| {
            let address = ipv4(203, 0, 113, 200 + number * 9 + random.below(9));
            Caller { actor: &VISITOR, address, session: random.next_u64() }
        })
        .collect();
    let mut pace = Pace::new(start, count, seconds);
    for index in 0..count {
        let caller = random.pick(&callers);
        let bucket = BUCKETS[(index / 3) as usize % BUCKETS.len()];
        // First the buckets three times each, then names in those that are for the web.
        let (bucket, action, key, outcome) = if index < 3 * BUCKETS.len() as u64 {
            let action =
                [Action::HeadBucket, Action::Setting(&GET_ACL), Action::List][(index % 3) as usize].clone();
            (bucket, action, String::new(), Outcome::Denied)
        } else {
            let folder = random.pick(&["", "backup/", "old/", "admin/", "private/", "dev/"]);
            let key = format!("{folder}{}", random.pick(&NAMES));
            let bucket = random.pick(&[&WWW, &ASSETS]);
            let outcome = if *bucket == WWW { Outcome::NotFound } else { Outcome::Denied };
            (bucket, Action::Get, key, outcome)
        };
        let request = Request::new(caller, bucket, action, key, 0);
        timeline.request(pace.next(&mut random), Request { outcome, ..request });
    }
    let addresses = callers.iter().map(|caller| caller.address).collect();
    About { addresses, buckets: vec![&WWW, &ASSETS, &STATE], ..About::default() }
}
