//! Reads of log files by a stranger, and what only looks like it.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// 80 log files in four minutes.
const SYNC: Reads = Reads {
    bucket: "example-trail-logs",
    prefix: "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/111122223333_CloudTrail_eu-west-1_",
    every_ms: 3_000,
    count: 80,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, SYNC.lines().into())]), fires: true },
    // A few files.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { count: 20, ..SYNC }.lines().into())]),
        fires: false,
    },
    // A bucket without logs.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            vec![(S3Access, Reads { prefix: "reports/", bucket: "example-data", ..SYNC }.lines().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let seen = Reads { count: 1, ..SYNC }.lines();
            vec![(S3Access, (seen + &Reads { done: false, ..SYNC }.lines()).into())]
        }),
        fires: false,
    },
];
