//! The job of the search index runs wild and uses up the request quota of KMS, so that requests to S3 fail.

use super::About;
use crate::synth::random::Random;
use crate::synth::scenario::benign::machine;
use crate::synth::scenario::clock::at;
use crate::synth::scenario::company::{CUSTOMER_API, CUSTOMERS, LAKE, REINDEX};
use crate::synth::scenario::event::{Action, Call, Caller, Outcome, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// What happens in a minute.
struct Minute {
    /// Calls of KMS that are refused.
    refused: u64,
    /// Reads that succeed, each with a call of KMS. In reality it is thousands a second: of those only these are
    /// generated, so that the incident stays smaller than the traffic around it.
    read: u64,
    /// Requests of the job and of the application that fail.
    failed: u64,
    failed_elsewhere: u64,
}

const MUCH: Minute = Minute { refused: 200, read: 240, failed: 40, failed_elsewhere: 4 };
const SOME: Minute = Minute { refused: 30, read: 120, failed: 10, failed_elsewhere: 1 };
const LITTLE: Minute = Minute { refused: 3, read: 40, failed: 1, failed_elsewhere: 0 };

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("kms storm");
    let start = at(9, 10, 0) + random.below(4 * 60) as i64 * 60;
    let caller = Caller { actor: &REINDEX, address: ipv4(10, 20, 42, 8), session: 9 };
    timeline.call(start - 5, Call::AssumeRole { role: &REINDEX, session: 9 });
    let (minutes, each) = intensity.of([(10, MUCH), (4, SOME), (40, LITTLE)]);
    for minute in 0..minutes {
        one_minute(timeline, start + minute * 60, caller, &each, &mut random);
    }
    // The quota is the account's: whoever else asks KMS fails as well.
    let affected = vec![CUSTOMER_API.principal(), CUSTOMERS.name.to_owned()];
    About { actors: vec![&REINDEX], buckets: vec![&LAKE], affected, ..About::default() }
}

fn one_minute(timeline: &mut Timeline, minute: i64, caller: Caller, each: &Minute, random: &mut Random) {
    let part = |random: &mut Random| names::lake_part(-1 - random.below(60) as i64, random.below(2_000));
    for _ in 0..each.read {
        let time = minute + random.below(60) as i64;
        let size = random.between(200_000, 4_000_000);
        timeline.request(time, Request::new(caller, &LAKE, Action::Get, part(random), size));
    }
    for index in 0..each.refused {
        let time = minute + random.below(60) as i64;
        let key = part(random);
        let context = format!("{}/{key}", LAKE.arn());
        timeline.call(time, Call::Kms { caller, key: LAKE.key_arn(), context, write: false, throttled: true });
        if index < each.failed {
            let mut request = Request::new(caller, &LAKE, Action::Get, key, 0);
            request.outcome = if index % 2 == 0 { Outcome::KmsThrottled } else { Outcome::SlowDown };
            timeline.request(time, request);
        }
    }
    for index in 0..each.failed_elsewhere {
        let time = minute + random.below(60) as i64;
        let victim = machine(&CUSTOMER_API, index, time);
        let mut request =
            Request::new(victim, &CUSTOMERS, Action::Put, names::profile(random.below(12_000)), 9_000);
        request.outcome = if index % 2 == 0 { Outcome::KmsThrottled } else { Outcome::SlowDown };
        if request.outcome == Outcome::KmsThrottled {
            timeline.bucket_key(time, victim, &request, true);
        }
        timeline.request(time, request);
    }
}
