//! An administrator's account lets logs expire after a day, and the next night they do.

use super::About;
use crate::synth::scenario::benign::OFFICE;
use crate::synth::scenario::clock::at;
use crate::synth::scenario::company::{ADMIN, LIFECYCLE, LOGS};
use crate::synth::scenario::event::{Action, Caller, Request, Setting};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

static ONE_DAY: Setting = Setting {
    operation: "REST.PUT.LIFECYCLE",
    method: "PUT",
    query: "?lifecycle",
    event: "PutBucketLifecycle",
    parameters: r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"cost-saving","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":1}}}"#,
    read_only: false,
};

pub(super) fn weave(timeline: &mut Timeline) -> About {
    let mut random = timeline.random("log expiration");
    let seed = timeline.seed();
    let caller = Caller { actor: &ADMIN, address: OFFICE, session: 0 };
    let set = at(8, 13, 0) + random.below(3_600) as i64;
    timeline.request(set, Request::new(caller, &LOGS, Action::Setting(&ONE_DAY), String::new(), 0));
    // Midnight of the last day: what was written on the eighth day is older than one.
    let rule = Caller::inside_aws(&LIFECYCLE);
    for slot in 1..=288 {
        let time = at(9, 0, 5) + random.below(100 * 60) as i64;
        let key = names::trail_file(seed, at(7, 0, 0) + slot * 300);
        timeline.request(time, Request::new(rule, &LOGS, Action::Expire, key, random.between(4_000, 160_000)));
        if slot % 12 == 0 {
            let digest = names::digest_file(at(7, 0, 0) + slot * 300);
            timeline.request(time + 1, Request::new(rule, &LOGS, Action::Expire, digest, 4_000));
        }
    }
    About {
        name: "log expiration",
        rules: &["LOG-003", "LOG-004"],
        actors: vec![&ADMIN, &LIFECYCLE],
        buckets: vec![&LOGS],
    }
}
