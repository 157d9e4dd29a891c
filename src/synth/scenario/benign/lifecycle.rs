//! What S3 removes by rules: logs after ninety days, and temporary objects after a week.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAY, DAYS, HOUR, START, at};
use crate::synth::scenario::company::{BUCKETS, Bucket, LAKE, LIFECYCLE, LOGS, MEDIA};
use crate::synth::scenario::event::{Action, Caller, Request};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Age at which logs are removed, in days: the rule says 90, and S3 rounds up to the next midnight.
const LOG_AGE: i64 = 91;

pub(super) fn fill(timeline: &mut Timeline) {
    let mut random = timeline.random("lifecycle");
    let seed = timeline.seed();
    for day in 0..DAYS {
        let old = START + (day - LOG_AGE) * DAY;
        for slot in 0..288 {
            expire(timeline, day, &LOGS, names::trail_file(seed, old + slot * 300), &mut random);
        }
        for hour in 0..24 {
            let time = old + hour * HOUR;
            expire(timeline, day, &LOGS, names::digest_file(time), &mut random);
            for bucket in BUCKETS.into_iter().filter(|bucket| **bucket != LOGS) {
                let key = format!("s3/{}", names::access_file(seed, bucket.name, time));
                expire(timeline, day, &LOGS, key, &mut random);
            }
        }
        for index in 0..random.between(40, 120) {
            let key = format!("uploads/tmp/{:016x}.jpg", random.next_u64());
            expire(timeline, day, &MEDIA, key, &mut random);
            if index % 4 == 0 {
                expire(timeline, day, &LAKE, names::temporary(day - 7, 1_000 + index), &mut random);
            }
        }
    }
}

fn expire(timeline: &mut Timeline, day: i64, bucket: &'static Bucket, key: String, random: &mut Random) {
    let time = at(day, 0, 5) + random.below(95 * 60) as i64;
    let size = random.between(4_000, 160_000);
    timeline.request(time, Request::new(Caller::inside_aws(&LIFECYCLE), bucket, Action::Expire, key, size));
}
