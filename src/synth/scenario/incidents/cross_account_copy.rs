//! A bucket policy lets in an account that nobody knows, and a role of it copies the exports into a bucket of its own.

use super::{About, list, set, write};
use crate::synth::scenario::benign::{EXPORTS, OFFICE};
use crate::synth::scenario::clock::{HOUR, Pace, at};
use crate::synth::scenario::company::{COPIER, DATA_OWNER, SHARE, STRANGE_ACCOUNT};
use crate::synth::scenario::event::{Action, Caller, Request, Setting, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// The partner's statement is still there.
static LET_IN: Setting = write(
    "REST.PUT.BUCKETPOLICY",
    "?policy",
    "PutBucketPolicy",
    r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::example-partner-share","arn:aws:s3:::example-partner-share/*"]},{"Sid":"transfer","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::777788889999:root"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::example-partner-share","arn:aws:s3:::example-partner-share/*"]}]}"#,
);

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("cross-account copy");
    let owner = Caller { actor: &DATA_OWNER, address: OFFICE, session: 0 };
    let opened = at(8, 9, 30) + random.below(3_600) as i64;
    set(timeline, opened, owner, &SHARE, &LET_IN);
    let start = opened + intensity.of([HOUR / 3, 4 * HOUR, 10 * HOUR]);
    let session = 7_700 + random.below(1_000_000);
    let caller = Caller { actor: &COPIER, address: ipv4(203, 0, 113, random.between(181, 195)), session };
    if intensity != Intensity::Low {
        list(timeline, start - 4, caller, &SHARE, "exports/", 1);
    }
    let (count, seconds) = intensity.of([(480, 20 * 60), (60, 2 * 3_600), (10, 14 * 3_600)]);
    let mut pace = Pace::new(start, count, seconds);
    for index in 0..count {
        let (day, part) = (8 - (index / EXPORTS) as i64, index % EXPORTS);
        let size = names::size(part, 1 << 20, 8 << 20);
        let copy = Action::CopyTo("transfer-staging-777788889999");
        timeline
            .request(pace.next(&mut random), Request::new(caller, &SHARE, copy, names::export(day, part), size));
    }
    About {
        actors: vec![&DATA_OWNER, &COPIER],
        addresses: vec![caller.address],
        buckets: vec![&SHARE],
        affected: vec![STRANGE_ACCOUNT.to_owned()],
    }
}
