//! A bucket with a usual reader, and a new one.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

/// One read every four hours over eight days.
const USUAL: Reads = Reads { every_ms: 4 * 3_600_000, count: 8 * 6, ..Reads::USUAL };

const NEW: Reads = Reads {
    requester: "arn:aws:sts::111122223333:assumed-role/build/i-0a1b2c3d4e5f60718",
    from_ms: Reads::USUAL.from_ms + 8 * DAY_MS,
    count: 3,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 4] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &NEW.lines()).into())]),
        fires: true,
    },
    // The bucket is known for two days only.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            let from_ms = NEW.from_ms - 2 * DAY_MS;
            vec![(S3Access, (Reads { from_ms, count: 12, ..USUAL }.lines() + &NEW.lines()).into())]
        }),
        fires: false,
    },
    // The caller was there on the first day.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let first = Reads { from_ms: Reads::USUAL.from_ms + 60_000, count: 1, ..NEW };
            vec![(S3Access, (USUAL.lines() + &first.lines() + &NEW.lines()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &Reads { done: false, ..NEW }.lines()).into())]),
        fires: false,
    },
];
