//! Seconds near a quota, and what only looks like them.

use crate::detect::sample_lines::KmsCalls;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::CloudTrail;

/// 80 % of the symmetric quota of a region that the table does not list, in one second.
const CALLS: KmsCalls = KmsCalls { region: "eu-north-1", every_ms: 0, count: 4000, ..KmsCalls::USUAL };

/// 80 % of the quota of CreateGrant.
const GRANTS: KmsCalls = KmsCalls { event_name: "CreateGrant", every_ms: 0, count: 40, ..KmsCalls::USUAL };

pub(super) static SAMPLES: [Sample; 5] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(CloudTrail, CALLS.file().into())]), fires: true },
    Sample {
        name: "fires_management",
        logs: Logs::Made(|| vec![(CloudTrail, GRANTS.file().into())]),
        fires: true,
    },
    // One call too few.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { count: 39, ..GRANTS }.file().into())]),
        fires: false,
    },
    // As many within two seconds.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { every_ms: 50, ..GRANTS }.file().into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(CloudTrail, KmsCalls { error_code: "AccessDenied", ..GRANTS }.file().into())]),
        fires: false,
    },
];
