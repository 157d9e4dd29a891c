//! A week of few keys, and then many of them or what only looks like it.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

/// The same 1,152 reads of a week, one every ten minutes.
const WEEK: Reads = Reads { every_ms: 600_000, count: 8 * 144, ..Reads::USUAL };

/// 700 keys in seven minutes on the ninth day.
const SWEEP: Reads = Reads {
    prefix: "customers/",
    from_ms: Reads::USUAL.from_ms + 8 * DAY_MS,
    every_ms: 600,
    count: 700,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 4] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (WEEK.lines() + &SWEEP.lines()).into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, (WEEK.lines() + &Reads { count: 190, ..SWEEP }.lines()).into())]),
        fires: false,
    },
    // The same job every night.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let night = |day| Reads { from_ms: Reads::USUAL.from_ms + day * DAY_MS, ..SWEEP }.lines();
            vec![(S3Access, (WEEK.lines() + &(0..9).map(night).collect::<String>()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (WEEK.lines() + &Reads { done: false, ..SWEEP }.lines()).into())]),
        fires: false,
    },
];
