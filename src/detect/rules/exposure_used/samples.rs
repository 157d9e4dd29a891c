//! A change in CloudTrail, and what the access log shows after it.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::{self, CloudTrail, S3Access};
use std::borrow::Cow;

/// A read without credentials, five hours after the change.
const ANONYMOUS: Reads = Reads {
    requester: "-",
    bucket: "reports",
    address: "198.51.100.77",
    from_ms: 1_772_345_000_000,
    count: 3,
    ..Reads::USUAL
};

const PUBLIC: &str = include_str!("../../samples/EXP-003/fires.json");
const HELD: &str = include_str!("../../samples/EXP-003/near_miss_1.json");
const DENIED: &str = include_str!("../../samples/EXP-003/denied_twin.json");

fn after(change: &'static str, reads: &[Reads]) -> Vec<(LogType, Cow<'static, str>)> {
    let lines: String = reads.iter().map(Reads::lines).collect();
    vec![(S3Access, lines.into()), (CloudTrail, change.into())]
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample { name: "fires", logs: Logs::Made(|| after(PUBLIC, &[ANONYMOUS])), fires: true },
    // It was read before, too.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| after(PUBLIC, &[Reads { from_ms: 1_772_200_000_000, ..ANONYMOUS }, ANONYMOUS])),
        fires: false,
    },
    // The policy holds everybody to a network.
    Sample { name: "near_miss_2", logs: Logs::Made(|| after(HELD, &[ANONYMOUS])), fires: false },
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| after(PUBLIC, &[Reads { done: false, ..ANONYMOUS }])),
        fires: false,
    },
    Sample { name: "denied_twin", logs: Logs::Made(|| after(DENIED, &[ANONYMOUS])), fires: false },
];
