//! Deletes that are refused, and what only looks like them.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// Twelve deletes that are refused, a key every 30 seconds.
const REFUSED: Reads = Reads { every_ms: 30_000, count: 12, done: false, ..Reads::USUAL };

pub(super) static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, REFUSED.deletes().into())]), fires: true },
    Sample {
        name: "fires_versions",
        logs: Logs::Made(|| vec![(S3Access, REFUSED.deletes_of_versions().into())]),
        fires: true,
    },
    // Too few in ten minutes.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { every_ms: 90_000, ..REFUSED }.deletes().into())]),
        fires: false,
    },
    // Strangers who try.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, Reads { requester: "-", ..REFUSED }.deletes().into())]),
        fires: false,
    },
    // Reads that are refused.
    Sample { name: "near_miss_3", logs: Logs::Made(|| vec![(S3Access, REFUSED.lines().into())]), fires: false },
    // The rule is about refusals: its twin is done.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: true, ..REFUSED }.deletes().into())]),
        fires: false,
    },
];
