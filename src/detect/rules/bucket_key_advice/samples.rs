//! Calls for the objects of a bucket, and what only looks like them.

use crate::detect::sample_lines::KmsCalls;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::CloudTrail;

/// 1,200 calls in 40 minutes, each for an object.
const CALLS: KmsCalls = KmsCalls { every_ms: 2_000, count: 1200, ..KmsCalls::USUAL };

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(CloudTrail, CALLS.file().into())]), fires: true },
    // The bucket has a Bucket Key: the context names the bucket.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(CloudTrail, KmsCalls { s3_arn: "arn:aws:s3:::example-data", ..CALLS }.file().into())]
        }),
        fires: false,
    },
    // Fewer than a thousand in an hour.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { every_ms: 10_000, ..CALLS }.file().into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { error_code: "AccessDenied", ..CALLS }.file().into())]),
        fires: false,
    },
];
