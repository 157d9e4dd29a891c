//! Logs are delivered into the log bucket, and the collector of the security team reads every one.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAY, DAYS, HOUR, START};
use crate::synth::scenario::company::{Actor, BUCKETS, CLOUDTRAIL, DELIVERY, LOGS, SIEM};
use crate::synth::scenario::event::{Action, Caller, Request, Setting, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// How often CloudTrail delivers, in seconds.
const TRAIL: i64 = 300;

/// Before it delivers, CloudTrail looks whether it still may.
static GET_ACL: Setting = Setting {
    operation: "REST.GET.ACL",
    method: "GET",
    query: "?acl",
    event: "GetBucketAcl",
    parameters: ",\"acl\":\"\"",
    read_only: true,
};

pub(super) fn fill(timeline: &mut Timeline) {
    let mut random = timeline.random("delivery");
    let seed = timeline.seed();
    for slot in 1..DAYS * DAY / TRAIL {
        let time = START + slot * TRAIL;
        // The name tells the time of delivery.
        let delivered = time + random.between(2, 40) as i64;
        if slot % 3 == 0 {
            let caller = Caller::inside_aws(&CLOUDTRAIL);
            let request = Request::new(caller, &LOGS, Action::Setting(&GET_ACL), String::new(), 0);
            timeline.request(delivered - 1, request);
        }
        deliver(timeline, delivered, &CLOUDTRAIL, names::trail_file(seed, time), &mut random);
    }
    for hour in 1..DAYS * 24 {
        let time = START + hour * HOUR;
        deliver(timeline, time + 300, &CLOUDTRAIL, names::digest_file(time), &mut random);
        for bucket in BUCKETS.into_iter().filter(|bucket| **bucket != LOGS) {
            let delivered = time + random.between(60, 1_500) as i64;
            let key = format!("s3/{}", names::access_file(seed, bucket.name, time));
            deliver(timeline, delivered, &DELIVERY, key, &mut random);
        }
    }
}

/// A service writes a file, and the collector reads it some minutes later.
pub(in crate::synth::scenario) fn deliver(
    timeline: &mut Timeline,
    time: i64,
    service: &'static Actor,
    key: String,
    random: &mut Random,
) {
    let size = random.between(4_000, 160_000);
    let writer = Caller::inside_aws(service);
    timeline.request(time, Request::new(writer, &LOGS, Action::Put, key.clone(), size));
    let reader = Caller { actor: &SIEM, address: ipv4(10, 20, 43, 4), session: 9_000 };
    let read = time + random.between(5, 120) as i64;
    timeline.request(read, Request::new(reader, &LOGS, Action::Get, key, size));
}
