//! A week in a steady rhythm, and then another one or what only looks like it.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

/// A read every ten minutes over four days.
const USUAL: Reads = Reads { every_ms: 600_000, count: 4 * 144, ..Reads::USUAL };

/// 450 reads of a few keys in fifteen minutes on the fifth day.
const FLOOD: Reads =
    Reads { from_ms: Reads::USUAL.from_ms + 4 * DAY_MS, every_ms: 2_000, count: 450, ..Reads::USUAL };

pub(super) static SAMPLES: [Sample; 4] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &FLOOD.lines()).into())]),
        fires: true,
    },
    // Less than a hundred requests in five minutes.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(S3Access, (USUAL.lines() + &Reads { every_ms: 4_000, ..FLOOD }.lines()).into())]
        }),
        fires: false,
    },
    // The same flood every day.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let day = |day| Reads { from_ms: Reads::USUAL.from_ms + day * DAY_MS, ..FLOOD }.lines();
            vec![(S3Access, (USUAL.lines() + &(0..5).map(day).collect::<String>()).into())]
        }),
        fires: false,
    },
    // Refused requests count too: the rate is that of what is tried. Here they stay below it.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let refused = Reads { done: false, count: 60, ..FLOOD };
            vec![(S3Access, (USUAL.lines() + &refused.lines()).into())]
        }),
        fires: false,
    },
];
