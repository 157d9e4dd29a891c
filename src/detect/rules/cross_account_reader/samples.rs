//! Readers of other accounts, by canonical id as access logs have them.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// A caller of another account.
const FOREIGN: Reads = Reads {
    requester: "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    count: 5,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, FOREIGN.lines().into())]), fires: true },
    // The owner's root account reads by canonical id too.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
            vec![(S3Access, Reads { requester: owner, ..FOREIGN }.lines().into())]
        }),
        fires: false,
    },
    // CloudFront reads for its owner.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let cdn = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1";
            vec![(S3Access, Reads { requester: cdn, ..FOREIGN }.lines().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..FOREIGN }.lines().into())]),
        fires: false,
    },
];
