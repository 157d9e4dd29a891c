//! Calls that KMS refuses, and what only looks like them.

use crate::detect::sample_lines::KmsCalls;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::CloudTrail;

/// Twelve calls that KMS refuses for want of permission, one every 30 seconds.
const REFUSED: KmsCalls =
    KmsCalls { every_ms: 30_000, count: 12, error_code: "AccessDeniedException", ..KmsCalls::USUAL };

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(CloudTrail, REFUSED.file().into())]), fires: true },
    // Too few in ten minutes.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { every_ms: 90_000, ..REFUSED }.file().into())]),
        fires: false,
    },
    // There were too many.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            vec![(CloudTrail, KmsCalls { error_code: "ThrottlingException", ..REFUSED }.file().into())]
        }),
        fires: false,
    },
    // The rule is about refusals: its twin is done.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { error_code: "", ..REFUSED }.file().into())]),
        fires: false,
    },
];
