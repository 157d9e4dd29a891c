//! Infrastructure as code: it reads the settings of every bucket and changes some.

use crate::synth::random::Random;
use crate::synth::scenario::clock::{DAYS, at, is_workday};
use crate::synth::scenario::company::{
    ASSETS, BUCKETS, Bucket, DUMPS, INVOICES, LOGS, MEDIA, SHARE, STATE, TERRAFORM, WWW,
};
use crate::synth::scenario::event::{Action, Call, Caller, Request, Setting, ipv4};
use crate::synth::scenario::timeline::Timeline;

const fn read(
    operation: &'static str,
    query: &'static str,
    event: &'static str,
    parameters: &'static str,
) -> Setting {
    Setting { operation, method: "GET", query, event, parameters, read_only: true }
}

const fn write(
    operation: &'static str,
    query: &'static str,
    event: &'static str,
    parameters: &'static str,
) -> Setting {
    Setting { operation, method: "PUT", query, event, parameters, read_only: false }
}

static READS: [Setting; 6] = [
    read("REST.GET.BUCKETPOLICY", "?policy", "GetBucketPolicy", ",\"policy\":\"\""),
    read("REST.GET.VERSIONING", "?versioning", "GetBucketVersioning", ",\"versioning\":\"\""),
    read("REST.GET.LIFECYCLE", "?lifecycle", "GetBucketLifecycle", ",\"lifecycle\":\"\""),
    read("REST.GET.ENCRYPTION", "?encryption", "GetBucketEncryption", ",\"encryption\":\"\""),
    read("REST.GET.LOGGING_STATUS", "?logging", "GetBucketLogging", ",\"logging\":\"\""),
    read("REST.GET.TAGGING", "?tagging", "GetBucketTagging", ",\"tagging\":\"\""),
];

static TAGS: Setting = write(
    "REST.PUT.TAGGING",
    "?tagging",
    "PutBucketTagging",
    r#","tagging":"","Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","TagSet":{"Tag":[{"Key":"team","Value":"web"}]}}"#,
);

/// Temporary uploads are kept a week.
static LIFECYCLE: Setting = write(
    "REST.PUT.LIFECYCLE",
    "?lifecycle",
    "PutBucketLifecycle",
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"uploads","Status":"Enabled","Filter":{"Prefix":"uploads/tmp/"},"Expiration":{"Days":7}}}"#,
);

/// The content network may read the assets.
static ASSETS_POLICY: Setting = write(
    "REST.PUT.BUCKETPOLICY",
    "?policy",
    "PutBucketPolicy",
    r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"cdn","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::example-web-assets/*","Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"}}}]}"#,
);

/// The partner may read the shared bucket.
static SHARE_POLICY: Setting = write(
    "REST.PUT.BUCKETPOLICY",
    "?policy",
    "PutBucketPolicy",
    r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"partner","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::example-partner-share","arn:aws:s3:::example-partner-share/*"]}]}"#,
);

/// Old versions can be had back.
static VERSIONING: Setting = write(
    "REST.PUT.VERSIONING",
    "?versioning",
    "PutBucketVersioning",
    r#","versioning":"","VersioningConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Status":"Enabled"}"#,
);

/// Invoices are encrypted with the company's key.
static ENCRYPTION: Setting = write(
    "REST.PUT.ENCRYPTION",
    "?encryption",
    "PutBucketEncryption",
    r#","encryption":"","ServerSideEncryptionConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"BucketKeyEnabled":true,"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"aws:kms","KMSMasterKeyID":"alias/invoices"}}}"#,
);

/// The website is for everybody.
static WEBSITE_POLICY: Setting = write(
    "REST.PUT.BUCKETPOLICY",
    "?policy",
    "PutBucketPolicy",
    r#","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Sid":"website","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::example-www-public/*"}]}"#,
);

/// Logs are kept for 90 days.
static RETENTION: Setting = write(
    "REST.PUT.LIFECYCLE",
    "?lifecycle",
    "PutBucketLifecycle",
    r#","lifecycle":"","LifecycleConfiguration":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","Rule":{"ID":"retention","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":90}}}"#,
);

/// A trail is made to be as it is meant to be.
const TRAIL: (&str, &str) = (
    "UpdateTrail",
    r#"{"name":"models-data-trail","enableLogFileValidation":true,"isMultiRegionTrail":true,"includeGlobalServiceEvents":true}"#,
);
const SELECTORS: (&str, &str) = (
    "PutEventSelectors",
    r#"{"trailName":"models-data-trail","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[{"type":"AWS::S3::Object","values":["arn:aws:s3:::example-models/"]}],"excludeManagementEventSources":[]}]}"#,
);

pub(super) fn fill(timeline: &mut Timeline) {
    for day in (0..DAYS).filter(|day| is_workday(*day)) {
        let mut random = timeline.random(&format!("terraform of day {day}"));
        for _ in 0..random.between(1, 2) {
            let start = at(day, 9, 0) + random.below(7 * 3_600) as i64;
            run(timeline, start, &mut random);
        }
    }
}

fn run(timeline: &mut Timeline, start: i64, random: &mut Random) {
    let session = 7_000 + random.below(1_000_000);
    let caller = Caller { actor: &TERRAFORM, address: ipv4(192, 0, 2, 131), session };
    timeline.call(start - 3, Call::AssumeRole { role: &TERRAFORM, session });
    let state = || "prod/terraform.tfstate".to_owned();
    timeline.request(start, Request::new(caller, &STATE, Action::Get, state(), 380_000));
    let mut time = start + 4;
    for bucket in BUCKETS {
        for setting in &READS {
            set(timeline, time, caller, bucket, setting);
            time += random.below(2) as i64;
        }
    }
    let parameters = r#"{"keyId":"1234abcd-12ab-34cd-56ef-1234567890ab"}"#;
    let call = Call::Control { caller, source: "kms.amazonaws.com", name: "DescribeKey", parameters };
    timeline.call(time, call);
    for _ in 0..random.between(1, 3) {
        time += random.between(2, 30) as i64;
        let changes: [(&'static Bucket, &'static Setting); 8] = [
            (&WWW, &WEBSITE_POLICY),
            (&LOGS, &RETENTION),
            (&MEDIA, &TAGS),
            (&MEDIA, &LIFECYCLE),
            (&ASSETS, &ASSETS_POLICY),
            (&SHARE, &SHARE_POLICY),
            (&DUMPS, &VERSIONING),
            (&INVOICES, &ENCRYPTION),
        ];
        let (bucket, setting) = random.pick(&changes);
        set(timeline, time, caller, bucket, setting);
    }
    if random.chance(250_000) {
        let (name, parameters) = random.pick(&[TRAIL, SELECTORS]);
        let call = Call::Control { caller, source: "cloudtrail.amazonaws.com", name, parameters };
        timeline.call(time + 1, call);
    }
    timeline.request(time + 3, Request::new(caller, &STATE, Action::Put, state(), 381_000));
}

fn set(timeline: &mut Timeline, time: i64, caller: Caller, bucket: &'static Bucket, setting: &'static Setting) {
    timeline.request(time, Request::new(caller, bucket, Action::Setting(setting), String::new(), 0));
}
