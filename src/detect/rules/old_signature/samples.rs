//! Requests with signatures of version 2.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::{CloudTrail, S3Access};

fn signed(version: &str, reads: Reads) -> String {
    reads.lines().replace(" SigV4 ", &format!(" {version} "))
}

/// A data event with a signature of that version.
fn event(version: &str) -> String {
    include_str!("../../samples/ENC-002/event.json").replace("SigV4", version)
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, signed("SigV2", Reads { count: 3, ..Reads::USUAL }).into())]),
        fires: true,
    },
    Sample {
        name: "fires_cloudtrail",
        logs: Logs::Made(|| vec![(CloudTrail, event("SigV2").into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads::USUAL.lines().into()), (CloudTrail, event("SigV4").into())]),
        fires: false,
    },
    // Not signed at all.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, signed("-", Reads { requester: "-", ..Reads::USUAL }).into())]),
        fires: false,
    },
    // Refused, with a signature of version 4.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..Reads::USUAL }.lines().into())]),
        fires: false,
    },
];
