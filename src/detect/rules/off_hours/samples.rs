//! Business hours of the samples are Monday to Friday, 08 to 18 at +01:00; the lines begin on a Monday at midnight UTC.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const HOUR_MS: i64 = 3_600_000;

const NIGHT: Reads = Reads { count: 5, ..Reads::USUAL };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "
[business_hours]
utc_offset = '+01:00'
days = ['mon', 'tue', 'wed', 'thu', 'fri']
hours = '08-18'
";

pub(super) static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, NIGHT.lines().into())]), fires: true },
    // On Saturday at noon.
    Sample {
        name: "fires_weekend",
        logs: Logs::Made(|| {
            let from_ms = NIGHT.from_ms + (5 * 24 + 12) * HOUR_MS;
            vec![(S3Access, Reads { from_ms, ..NIGHT }.lines().into())]
        }),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { count: 4, ..NIGHT }.lines().into())]),
        fires: false,
    },
    // At 08:00 of the offset.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let from_ms = NIGHT.from_ms + 7 * HOUR_MS;
            vec![(S3Access, Reads { from_ms, count: 60, ..NIGHT }.lines().into())]
        }),
        fires: false,
    },
    // A role of a program.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let requester = "arn:aws:sts::111122223333:assumed-role/nightly/run";
            vec![(S3Access, Reads { requester, ..NIGHT }.lines().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..NIGHT }.lines().into())]),
        fires: false,
    },
];
