//! Requests over old versions of TLS.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::{CloudTrail, S3Access};

fn over(version: &str, reads: Reads) -> String {
    reads.lines().replace(" TLSv1.3 ", &format!(" {version} "))
}

/// A data event over that version.
fn event(version: &str) -> String {
    include_str!("../../samples/ENC-002/event.json").replace("TLSv1.3", version)
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| {
            vec![(S3Access, (over("TLSv1", Reads::USUAL) + &over("TLSv1.1", Reads::USUAL)).into())]
        }),
        fires: true,
    },
    Sample {
        name: "fires_cloudtrail",
        logs: Logs::Made(|| vec![(CloudTrail, event("TLSv1.0").into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, over("TLSv1.2", Reads::USUAL).into())]),
        fires: false,
    },
    // As AWS's manual writes it.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, over("TLSV1.2", Reads::USUAL).into())]),
        fires: false,
    },
    Sample { name: "near_miss_3", logs: Logs::Made(|| vec![(CloudTrail, event("TLSv1.2").into())]), fires: false },
    // Refused, over a version that is safe.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, over("TLSv1.3", Reads { done: false, ..Reads::USUAL }).into())]),
        fires: false,
    },
];
