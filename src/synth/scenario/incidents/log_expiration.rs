//! An administrator's account lets logs expire early, and the next night they do.

use super::{About, set, write};
use crate::synth::scenario::benign::OFFICE;
use crate::synth::scenario::clock::{DAY, at};
use crate::synth::scenario::company::{ADMIN, LIFECYCLE, LOGS};
use crate::synth::scenario::event::{Action, Caller, Request, Setting};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

const fn rule(parameters: &'static str) -> Setting {
    write("REST.PUT.LIFECYCLE", "?lifecycle", "PutBucketLifecycle", parameters)
}

static ONE_DAY: Setting = rule(
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"cost-saving","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":1}}}"#,
);

/// Besides the rule that is there already.
static THREE_DAYS_OF_A_MONTH: Setting = rule(
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":[{"ID":"retention","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":90}},{"ID":"march","Status":"Enabled","Filter":{"Prefix":"AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/"},"Expiration":{"Days":3}}]}"#,
);

static SIXTY_DAYS_OF_DIGESTS: Setting = rule(
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":[{"ID":"retention","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":90}},{"ID":"digests","Status":"Enabled","Filter":{"Prefix":"AWSLogs/111122223333/CloudTrail-Digest/"},"Expiration":{"Days":60}}]}"#,
);

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("log expiration");
    let seed = timeline.seed();
    let caller = Caller { actor: &ADMIN, address: OFFICE, session: 0 };
    let rule = intensity.of([&ONE_DAY, &THREE_DAYS_OF_A_MONTH, &SIXTY_DAYS_OF_DIGESTS]);
    set(timeline, at(8, 13, 0) + random.below(3_600) as i64, caller, &LOGS, rule);
    // At midnight of the last day what is old enough expires.
    let mut keys: Vec<String> = Vec::new();
    let mut add_day = |day: i64, logs: bool, digests: bool| {
        let slots = (1..=288).map(|slot| at(day, 0, 0) + slot * 300);
        for time in slots {
            keys.extend(logs.then(|| names::trail_file(seed, time)));
            keys.extend((digests && time % 3_600 == 0).then(|| names::digest_file(time)));
        }
    };
    match intensity {
        Intensity::High => add_day(7, true, true),
        Intensity::Medium => (0..5).for_each(|day| add_day(day, true, false)),
        Intensity::Low => (-81..-52).for_each(|day| add_day(day, false, true)),
    }
    let caller = Caller::inside_aws(&LIFECYCLE);
    for key in keys {
        let (time, size) = (at(8, 0, 5) + DAY + random.below(100 * 60) as i64, random.between(4_000, 160_000));
        timeline.request(time, Request::new(caller, &LOGS, Action::Expire, key, size));
    }
    About { actors: vec![&ADMIN, &LIFECYCLE], buckets: vec![&LOGS], ..About::default() }
}
