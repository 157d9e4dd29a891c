//! A week of small reads, and then a download or what only looks like one.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

/// A read every ten minutes over eight days.
const WEEK: Reads = Reads { every_ms: 600_000, count: 8 * 144, ..Reads::USUAL };

/// 12 GiB in half an hour on the ninth day.
const DOWNLOAD: Reads = Reads {
    prefix: "archive/",
    from_ms: Reads::USUAL.from_ms + 8 * DAY_MS,
    every_ms: 9_000,
    count: 200,
    bytes: 64 << 20,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 4] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (WEEK.lines() + &DOWNLOAD.lines()).into())]),
        fires: true,
    },
    // As many reads, of small objects.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(S3Access, (WEEK.lines() + &Reads { bytes: 100_000, ..DOWNLOAD }.lines()).into())]
        }),
        fires: false,
    },
    // The same download every night: a backup.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let night = |day| Reads { from_ms: Reads::USUAL.from_ms + day * DAY_MS, ..DOWNLOAD }.lines();
            vec![(S3Access, (0..10).map(night).collect::<String>().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (WEEK.lines() + &Reads { done: false, ..DOWNLOAD }.lines()).into())]),
        fires: false,
    },
];
