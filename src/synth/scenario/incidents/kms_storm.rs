//! The job of the search index runs wild and uses up the request quota of KMS, so that requests to S3 fail.

use super::About;
use crate::synth::random::Random;
use crate::synth::scenario::benign::machine;
use crate::synth::scenario::clock::at;
use crate::synth::scenario::company::{CUSTOMER_API, CUSTOMERS, LAKE, REINDEX};
use crate::synth::scenario::event::{Action, Call, Caller, Outcome, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

const MINUTES: i64 = 10;
/// Calls of KMS that are refused in a minute.
const REFUSED: u64 = 200;
/// Reads that succeed in a minute, each with a call of KMS. In reality it is thousands a second: of those only these
/// are generated, so that the incident stays smaller than the traffic around it.
const READ: u64 = 240;
/// Requests of the job and of the application that fail in a minute.
const FAILED: u64 = 40;
const FAILED_ELSEWHERE: u64 = 4;

pub(super) fn weave(timeline: &mut Timeline) -> About {
    let mut random = timeline.random("kms storm");
    let start = at(9, 10, 0) + random.below(4 * 60) as i64 * 60;
    let caller = Caller { actor: &REINDEX, address: ipv4(10, 20, 42, 8), session: 9 };
    timeline.call(start - 5, Call::AssumeRole { role: &REINDEX, session: 9 });
    for minute in 0..MINUTES {
        one_minute(timeline, start + minute * 60, caller, &mut random);
    }
    About {
        name: "KMS storm",
        rules: &["KMS-001"],
        actors: vec![&REINDEX, &CUSTOMER_API],
        buckets: vec![&LAKE, &CUSTOMERS],
    }
}

fn one_minute(timeline: &mut Timeline, minute: i64, caller: Caller, random: &mut Random) {
    let part = |random: &mut Random| names::lake_part(-1 - random.below(60) as i64, random.below(2_000));
    for _ in 0..READ {
        let time = minute + random.below(60) as i64;
        let size = random.between(200_000, 4_000_000);
        timeline.request(time, Request::new(caller, &LAKE, Action::Get, part(random), size));
    }
    for index in 0..REFUSED {
        let time = minute + random.below(60) as i64;
        let key = part(random);
        let context = format!("{}/{key}", LAKE.arn());
        timeline.call(time, Call::Kms { caller, bucket: &LAKE, context, write: false, throttled: true });
        if index < FAILED {
            let mut request = Request::new(caller, &LAKE, Action::Get, key, 0);
            request.outcome = if index % 2 == 0 { Outcome::KmsThrottled } else { Outcome::SlowDown };
            timeline.request(time, request);
        }
    }
    for index in 0..FAILED_ELSEWHERE {
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
