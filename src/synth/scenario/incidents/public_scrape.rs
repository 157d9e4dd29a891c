//! A contractor opens the bucket of the shop's pictures to everybody, and strangers list and download it.

use super::{About, list, set, write};
use crate::synth::scenario::benign::{OFFICE, PICTURES};
use crate::synth::scenario::clock::{HOUR, Pace, at};
use crate::synth::scenario::company::{CONTRACTOR, MEDIA, VISITOR};
use crate::synth::scenario::event::{Action, Caller, Request, Setting, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

static UNBLOCK: Setting = Setting {
    operation: "REST.DELETE.PUBLIC_ACCESS_BLOCK",
    method: "DELETE",
    query: "?publicAccessBlock",
    event: "DeleteBucketPublicAccessBlock",
    parameters: r#","publicAccessBlock":"""#,
    read_only: false,
};

static OPEN: Setting = write(
    "REST.PUT.BUCKETPOLICY",
    "?policy",
    "PutBucketPolicy",
    r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"everybody","Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::example-shop-media","arn:aws:s3:::example-shop-media/*"]}]}"#,
);

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("public scrape");
    let owner = Caller { actor: &CONTRACTOR, address: OFFICE, session: 0 };
    let opened = at(7, 10, 0) + random.below(3 * 3_600) as i64;
    set(timeline, opened, owner, &MEDIA, &UNBLOCK);
    set(timeline, opened + 40, owner, &MEDIA, &OPEN);
    let start = opened + intensity.of([HOUR / 2, 5 * HOUR, 20 * HOUR]);
    let (count, seconds, visitors) = intensity.of([(5_600, 20 * 60, 1), (600, 4 * 3_600, 3), (40, 18 * 3_600, 8)]);
    let callers: Vec<Caller> = (0..visitors)
        .map(|number| {
            let address = ipv4(203, 0, 113, 120 + number * 7 + random.below(7));
            Caller { actor: &VISITOR, address, session: random.next_u64() }
        })
        .collect();
    if intensity != Intensity::Low {
        list(timeline, start - 10, callers[0], &MEDIA, "", PICTURES.div_ceil(1_000) as i64);
    }
    let mut pace = Pace::new(start, count, seconds);
    let first = random.below(PICTURES - count);
    for index in first..first + count {
        let (caller, size) = (random.pick(&callers), names::size(index, 9_000, 300_000));
        let request = Request::new(caller, &MEDIA, Action::Get, names::picture(index), size);
        timeline.request(pace.next(&mut random), request);
    }
    let addresses = callers.iter().map(|caller| caller.address).collect();
    About { actors: vec![&CONTRACTOR], addresses, buckets: vec![&MEDIA], ..About::default() }
}
