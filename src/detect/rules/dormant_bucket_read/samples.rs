//! A bucket that was read on one day, and three weeks later again.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

/// On the first day.
const USUAL: Reads = Reads { count: 5, ..Reads::USUAL };

const NEW: Reads = Reads {
    requester: "arn:aws:iam::111122223333:user/eve",
    from_ms: USUAL.from_ms + 21 * DAY_MS,
    count: 20,
    ..Reads::USUAL
};

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &NEW.lines()).into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &Reads { count: 19, ..NEW }.lines()).into())]),
        fires: false,
    },
    // Somebody read it ten days before.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let between = Reads { from_ms: NEW.from_ms - 10 * DAY_MS, count: 1, ..USUAL };
            vec![(S3Access, (USUAL.lines() + &between.lines() + &NEW.lines()).into())]
        }),
        fires: false,
    },
    // The caller of the first day.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            vec![(S3Access, (USUAL.lines() + &Reads { requester: USUAL.requester, ..NEW }.lines()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (USUAL.lines() + &Reads { done: false, ..NEW }.lines()).into())]),
        fires: false,
    },
];
