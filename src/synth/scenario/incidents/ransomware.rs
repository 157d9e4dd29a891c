//! Objects are copied onto themselves, encrypted with a key that only the attacker has: one of the attacker's own that
//! comes with each request (SSE-C), or one in KMS of another account. Who needs the objects then cannot read them.

use super::{About, list, look_around, set, write};
use crate::synth::random::Random;
use crate::synth::scenario::benign::{FILES, INVOICE_COUNT};
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{
    BILLING, Bucket, INVOICE_SYNC, INVOICES, PERSONNEL, PERSONNEL_IMPORT, PERSONNEL_PORTAL,
};
use crate::synth::scenario::event::{Action, Caller, Outcome, Request, Setting, Sse, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// A key in the attacker's account.
const STRANGE_KEY: &str = "arn:aws:kms:us-east-1:777788889999:key/9f8e7d6c-5b4a-4321-8765-0123456789ab";

/// SSE-C is blocked for new buckets unless allowed.
static ALLOW_SSE_C: Setting = write(
    "REST.PUT.ENCRYPTION",
    "?encryption",
    "PutBucketEncryption",
    r#","encryption":"","ServerSideEncryptionConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"BucketKeyEnabled":true,"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"alias/invoices"},"BlockedEncryptionTypes":{"EncryptionType":"NONE"}}}"#,
);

static DELETE_IN_A_WEEK: Setting = write(
    "REST.PUT.LIFECYCLE",
    "?lifecycle",
    "PutBucketLifecycle",
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"7-days","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":7}}}"#,
);

static STRANGE_DEFAULT: Setting = write(
    "REST.PUT.ENCRYPTION",
    "?encryption",
    "PutBucketEncryption",
    r#","encryption":"","ServerSideEncryptionConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"BucketKeyEnabled":false,"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"arn:aws:kms:us-east-1:777788889999:key/9f8e7d6c-5b4a-4321-8765-0123456789ab"}}}"#,
);

pub(super) fn weave_sse_c(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("sse-c ransomware");
    let caller = Caller { actor: &INVOICE_SYNC, address: ipv4(203, 0, 113, random.between(31, 45)), session: 0 };
    let start = at(7, 2, 30) + random.below(3_600) as i64;
    look_around(timeline, start - 900, caller);
    if intensity != Intensity::Low {
        list(timeline, start - 60, caller, &INVOICES, "2026/", 6);
    }
    if intensity == Intensity::High {
        set(timeline, start - 20, caller, &INVOICES, &ALLOW_SSE_C);
    }
    let attack =
        Attack { caller, bucket: &INVOICES, sse: Sse::Customer, name: names::invoice, objects: INVOICE_COUNT };
    let (count, seconds) = intensity.of([(800, 15 * 60), (90, 2 * 3_600), (12, 9 * 3_600)]);
    let (encrypted, end) = attack.encrypt(timeline, start, (count, seconds), &mut random);
    if intensity != Intensity::Low {
        set(timeline, end + 30, caller, &INVOICES, &DELETE_IN_A_WEEK);
        let note = "2026/FILES-ENCRYPTED-README.txt".to_owned();
        timeline.request(end + 45, Request::new(caller, &INVOICES, Action::Put, note, 1_312));
    }
    let victim = Caller { actor: &BILLING, address: ipv4(10, 20, 50, 7), session: 7 };
    fail(timeline, end + 600, victim, (&INVOICES, &encrypted), Outcome::NeedsKey);
    About {
        actors: vec![&INVOICE_SYNC],
        addresses: vec![caller.address],
        buckets: vec![&INVOICES],
        affected: vec![BILLING.principal(), victim.address()],
    }
}

pub(super) fn weave_kms(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("kms ransomware");
    let caller =
        Caller { actor: &PERSONNEL_IMPORT, address: ipv4(203, 0, 113, random.between(46, 60)), session: 0 };
    let start = at(8, 3, 0) + random.below(3_600) as i64;
    look_around(timeline, start - 700, caller);
    if intensity != Intensity::Low {
        list(timeline, start - 60, caller, &PERSONNEL, "employees/", 2);
        set(timeline, start - 15, caller, &PERSONNEL, &STRANGE_DEFAULT);
    }
    let sse = Sse::Key(STRANGE_KEY);
    let attack = Attack { caller, bucket: &PERSONNEL, sse, name: names::personnel_file, objects: FILES };
    let (count, seconds) = intensity.of([(600, 10 * 60), (70, 2 * 3_600), (10, 10 * 3_600)]);
    let (encrypted, end) = attack.encrypt(timeline, start, (count, seconds), &mut random);
    let victim = Caller { actor: &PERSONNEL_PORTAL, address: ipv4(10, 20, 55, 7), session: 8 };
    fail(timeline, end + 900, victim, (&PERSONNEL, &encrypted), Outcome::KmsDisabled);
    About {
        actors: vec![&PERSONNEL_IMPORT],
        addresses: vec![caller.address],
        buckets: vec![&PERSONNEL],
        affected: vec![PERSONNEL_PORTAL.principal(), victim.address()],
    }
}

struct Attack {
    caller: Caller,
    bucket: &'static Bucket,
    sse: Sse,
    name: fn(u64) -> String,
    objects: u64,
}

impl Attack {
    /// Copies so many objects onto themselves; gives their keys and when it ends.
    fn encrypt(
        &self,
        timeline: &mut Timeline,
        start: i64,
        (count, seconds): (u64, u64),
        random: &mut Random,
    ) -> (Vec<String>, i64) {
        let mut pace = Pace::new(start, count, seconds);
        let (mut keys, mut end) = (Vec::new(), start);
        let first = random.below(self.objects - count);
        for index in first..first + count {
            let (key, size) = ((self.name)(index), names::size(index, 20_000, 400_000));
            end = pace.next(random);
            let copy = Action::Copy(self.bucket, key.clone());
            let request = Request::new(self.caller, self.bucket, copy, key.clone(), size);
            timeline.request(end, Request { sse: self.sse, ..request });
            keys.push(key);
        }
        (keys, end)
    }
}

/// One in 12 of the objects is asked for in vain, from the next quarter of an hour on.
fn fail(
    timeline: &mut Timeline,
    start: i64,
    caller: Caller,
    (bucket, keys): (&'static Bucket, &[String]),
    outcome: Outcome,
) {
    for (index, key) in (0i64..).zip(keys.iter().step_by(12)) {
        let request = Request::new(caller, bucket, Action::Get, key.clone(), 0);
        timeline.request(start + index * 41, Request { outcome, ..request });
    }
}
